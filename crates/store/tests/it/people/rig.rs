//! People and changes for the checks.

use achub_core::{
    ConnectionName, EmailAddress, FieldType, JobName, Outcome, RunId, Value,
    consent::{Cause, ListStatus, Permission},
    email::LocalParts,
    person::{BuiltIn, CustomField, Link, List, ListId, Person, PersonField, PersonId},
    port::{
        incoming::{Catalogue, ShownField, ShownList},
        jobs::JobStore,
        people::{Author, ChangeBatch, FieldChange, PeopleStore, PermissionChange, PersonChange, Whom},
    },
};
use jiff::Timestamp;

/// A store under test, fresh for each check.
pub trait Store: PeopleStore + JobStore + 'static {}

impl<T: PeopleStore + JobStore + 'static> Store for T {}

pub fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).expect("seconds of this century")
}

pub fn shop() -> ConnectionName {
    ConnectionName::new("shop")
}

pub fn job() -> JobName {
    JobName::new("import:shop")
}

/// A run that imports.
pub fn run(name: &str, second: i64) -> Author {
    Author { run: Some(RunId::new(name)), connection: Some(shop()), at: at(second) }
}

/// A person at the desk.
pub fn desk(second: i64) -> Author {
    Author { run: None, connection: None, at: at(second) }
}

pub fn email(text: &str) -> EmailAddress {
    EmailAddress::parse(text, LocalParts::FoldCase).expect("an address")
}

pub fn link(key: &str) -> Link {
    Link { connection: shop(), key: key.to_owned() }
}

pub fn permission(status: ListStatus, second: i64) -> Permission {
    Permission { status, cause: Cause::Import, since: Some(at(second)) }
}

/// A change of nothing.
pub fn change(whom: Whom) -> PersonChange {
    let outcome = if matches!(whom, Whom::New(_)) { Outcome::Added } else { Outcome::Changed };
    PersonChange {
        whom,
        links: Vec::new(),
        fields: Vec::new(),
        email: None,
        permissions: Vec::new(),
        marks: Vec::new(),
        marks_cleared: Vec::new(),
        tags: Vec::new(),
        tags_removed: Vec::new(),
        companies: Vec::new(),
        outcome,
    }
}

/// Somebody new with this address.
pub fn new(address: &str) -> PersonChange {
    change(Whom::New(Some(email(address))))
}

/// A change of somebody as she is.
pub fn of(person: &Person) -> PersonChange {
    change(Whom::Known(person.id, person.version))
}

/// The field of somebody as it is, and what it becomes.
pub fn field(person: Option<&Person>, field: impl Into<Picked>, after: Value) -> FieldChange {
    let field = field.into().0;
    FieldChange { field, before: person.map_or(Value::Null, |person| person.value(field)), after }
}

/// A field, however it is named.
pub struct Picked(pub PersonField);

impl From<BuiltIn> for Picked {
    fn from(field: BuiltIn) -> Picked {
        Picked(PersonField::BuiltIn(field))
    }
}

impl From<&CustomField> for Picked {
    fn from(field: &CustomField) -> Picked {
        Picked(PersonField::Custom(field.id))
    }
}

impl From<PersonField> for Picked {
    fn from(field: PersonField) -> Picked {
        Picked(field)
    }
}

/// A membership of somebody as it is, and what it becomes.
pub fn line(person: Option<&Person>, list: ListId, after: Permission) -> PermissionChange {
    let held = person.into_iter().flat_map(|person| &person.memberships).find(|held| held.list == list);
    PermissionChange { list, before: held.map(|held| held.permission), after }
}

pub fn batch(author: Author, changes: Vec<PersonChange>) -> ChangeBatch {
    ChangeBatch { author, changes, refused: Vec::new(), advance: None }
}

pub async fn apply(store: &dyn Store, author: Author, changes: Vec<PersonChange>) -> Vec<PersonId> {
    store.apply(&batch(author, changes)).await.unwrap()
}

pub async fn person(store: &dyn Store, id: PersonId) -> Person {
    store.person(id).await.unwrap().expect("she is there")
}

/// The lists and fields every check has.
pub struct World {
    pub lists: Vec<List>,
    pub fields: Vec<CustomField>,
}

/// Types of the fields of [`World::fields`], in order.
pub const TYPES: [FieldType; 7] = [
    FieldType::Text,
    FieldType::Integer,
    FieldType::Float,
    FieldType::Boolean,
    FieldType::Date,
    FieldType::Timestamp,
    FieldType::Json,
];

pub fn catalogue() -> Catalogue {
    let list = |name: &str| ShownList { key: name.to_lowercase(), name: name.to_owned(), active: None };
    let field = |field_type: FieldType| ShownField {
        key: field_type.name().to_owned(),
        name: format!("Field {}", field_type.name()),
        field_type,
        options: vec!["gold".to_owned(), "silver".to_owned()],
        tag: Some(field_type.name().to_uppercase()),
    };
    Catalogue { lists: ["News", "Offers", "Events"].map(list).to_vec(), fields: TYPES.map(field).to_vec() }
}

pub async fn world(store: &dyn Store) -> World {
    let adopted = store.adopt(&shop(), &catalogue(), &desk(0)).await.unwrap();
    World { lists: adopted.lists, fields: adopted.fields }
}
