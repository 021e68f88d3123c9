//! Random people and changes from a seed.

use achub_core::{
    Value,
    consent::{Cause, ListStatus, Permission},
    person::{BuiltIn, CompanyId, Mark, Person, PersonField, TagId},
    port::people::{FieldChange, PersonChange, Whom},
};

use super::rig::{World, at, change, email, field, line, link};

/// Numbers that follow from a seed alone (xorshift64*).
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        println!("seed {seed}");
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11
    }

    /// From 0 to less than `sides`.
    pub fn roll(&mut self, sides: usize) -> usize {
        usize::try_from(self.next() % sides as u64).expect("less than sides")
    }

    pub fn is_one_in(&mut self, sides: usize) -> bool {
        self.roll(sides) == 0
    }

    pub fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.roll(from.len())].clone()
    }
}

/// Texts with different case, without ASCII, with what separates choices, and empty.
pub const TEXTS: [&str; 12] =
    ["", "a", "A", "Ann", "ANNA", "ünï", "ÜNÏ", "Straße", "a\"b", "\u{1f}a\u{1f}", "ΣΑΣ", "anna ünï"];

pub const ADDRESSES: [&str; 8] = [
    "a@example.com",
    "Ann@Example.com",
    "ünï@example.com",
    "b@bücher.example",
    "c@example.com",
    "d@test.example",
    "STRASSE@test.example",
    "anna@a.example",
];

/// What companies and tags there are: ids from 1.
pub const TAGS: i64 = 3;
pub const COMPANIES: i64 = 3;

pub fn value(dice: &mut Dice, of: achub_core::FieldType) -> Value {
    use achub_core::FieldType;
    if dice.is_one_in(6) {
        return Value::Null;
    }
    match of {
        FieldType::Text => Value::text(dice.pick(&TEXTS)),
        FieldType::Integer => Value::Integer(dice.pick(&[-1, 0, 1, i64::MAX])),
        FieldType::Float => Value::Float(dice.pick(&[-0.0, 0.5, 1.0, 1e300])),
        FieldType::Boolean => Value::Boolean(dice.is_one_in(2)),
        FieldType::Date => Value::Date(dice.pick(&["2026-01-01", "2026-01-02"]).parse().expect("a day")),
        FieldType::Timestamp => Value::Timestamp(at(dice.roll(3) as i64)),
        FieldType::Json => {
            let choices: Vec<&str> = (0..dice.roll(3)).map(|_| dice.pick(&TEXTS)).collect();
            let other = dice.pick(&["null", "{}", "{\"a\":1}", "\"a\"", "7"]).to_owned();
            let array = serde_json::to_string(&choices).expect("texts");
            Value::Json(if dice.is_one_in(4) { other } else { array }.into())
        }
    }
}

fn built_in(dice: &mut Dice) -> (BuiltIn, Value) {
    let field = dice.pick(&BuiltIn::ALL[1..]);
    let value = match field {
        BuiltIn::LifetimeValue => value(dice, achub_core::FieldType::Float),
        BuiltIn::Ip => dice.pick(&[Value::Null, Value::text("127.0.0.1"), Value::text("::1")]),
        _ => value(dice, achub_core::FieldType::Text),
    };
    (field, value)
}

pub fn status(dice: &mut Dice) -> ListStatus {
    dice.pick(&[
        ListStatus::Unconfirmed,
        ListStatus::Active,
        ListStatus::Active,
        ListStatus::Unsubscribed,
        ListStatus::Bounced,
        ListStatus::Other(9),
    ])
}

/// A change of somebody known, or of somebody new.
pub fn any_change(dice: &mut Dice, world: &World, person: Option<&Person>) -> PersonChange {
    let whom = match person {
        Some(person) => Whom::Known(person.id, person.version),
        None => Whom::New((!dice.is_one_in(4)).then(|| email(dice.pick(&ADDRESSES)))),
    };
    let mut change = change(whom);
    change.fields = any_fields(dice, world, person);
    if person.is_some() && dice.is_one_in(4) {
        let address = email(dice.pick(&ADDRESSES));
        change.fields.push(field(person, BuiltIn::Email, Value::text(address.as_str())));
        change.email = Some(address);
    }
    if dice.is_one_in(2) {
        let since = (!dice.is_one_in(4)).then(|| at(dice.roll(5) as i64));
        let after = Permission { status: status(dice), cause: Cause::Import, since };
        change.permissions.push(line(person, dice.pick(&world.lists).id, after));
    }
    if dice.is_one_in(3) {
        change.links.push(link(&dice.roll(6).to_string()));
    }
    if dice.is_one_in(3) {
        change.tags.push(TagId(dice.roll(TAGS as usize) as i64 + 1));
    }
    if dice.is_one_in(5) {
        change.tags_removed.push(TagId(dice.roll(TAGS as usize) as i64 + 1));
    }
    if dice.is_one_in(4) {
        change.companies.push(CompanyId(dice.roll(COMPANIES as usize) as i64 + 1));
    }
    if dice.is_one_in(6) {
        change.marks.push((dice.pick(&Mark::ALL), at(dice.roll(5) as i64)));
    }
    if dice.is_one_in(8) {
        change.marks_cleared.push(dice.pick(&Mark::ALL));
    }
    change
}

fn any_fields(dice: &mut Dice, world: &World, person: Option<&Person>) -> Vec<FieldChange> {
    let mut fields: Vec<FieldChange> = Vec::new();
    for _ in 0..dice.roll(4) {
        let (of, after) = if dice.is_one_in(2) {
            let (of, after) = built_in(dice);
            (PersonField::BuiltIn(of), after)
        } else {
            let of = dice.pick(&world.fields);
            (PersonField::Custom(of.id), value(dice, of.field_type))
        };
        if fields.iter().all(|told| told.field != of) {
            fields.push(field(person, of, after));
        }
    }
    fields
}
