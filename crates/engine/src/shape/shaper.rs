//! Goes over the batches of a stream.

use std::{collections::BTreeMap, sync::Arc};

use achub_core::{
    Batch, Code, Error, Field, FieldType, Outcome, Schema, SharedSchema, StreamName, Value,
    port::journal::RowNote,
};
use serde_json::value::RawValue;

use crate::{
    replication::StreamTask,
    shape::{
        Constraint, Nesting, OnBroken, WHOLE_RECORD,
        convert::{convert, json_member},
        nesting,
        plan::{FieldPlan, Plan, plan},
    },
};

/// What holds a value that has no form of the wanted kind, behind its field's name; as decoders do it.
const RAW_SUFFIX: &str = "__raw";

/// Shapes the records of one stream.
#[derive(Debug)]
pub struct Shaper {
    stream: StreamName,
    /// Of the records that come.
    given: SharedSchema,
    /// Of the records that go.
    shaped: SharedSchema,
    plan: Plan,
    /// Fields of given records that hold JSON documents.
    documents: Vec<usize>,
}

/// A batch behind its shaping.
#[derive(Debug)]
pub struct Shaped {
    /// The records that go on, in the order they came, shaped like [`Shaper::schema`].
    pub batch: Batch,
    /// Records left out because a value breaks a constraint.
    pub skipped: u64,
    /// For each field: values that break its constraint, in records that go on all the same.
    pub warned: BTreeMap<String, u64>,
    /// For each field: values without a form of the wanted kind. They are null in the batch, and kept as they were among
    /// the extra members as `<field>__raw`.
    pub refused: BTreeMap<String, u64>,
    /// One note for each record that was left out, and for each value without a form of the wanted kind.
    pub notes: Vec<RowNote>,
}

/// What is done with a record.
enum Fate {
    Lands,
    LeftOut,
}

impl Shaper {
    /// A shaper for what `task` asks of records shaped like `schema`.
    ///
    /// Errors: `CF-104` for a field that the stream does not have.
    pub fn new(task: &StreamTask, schema: &SharedSchema) -> Result<Shaper, Error> {
        let plan = plan(task, schema)?;
        let documents: Vec<usize> = (0..schema.fields.len())
            .filter(|&index| schema.fields[index].ty == FieldType::Json)
            .filter(|&index| plan.schema.fields[index].ty == FieldType::Json)
            .collect();
        let is_idle = plan.fields.is_empty();
        let shaped = match plan.nesting {
            Nesting::WholeRecord => Arc::new(with_whole_record(&plan, schema)),
            _ if is_idle => schema.clone(),
            _ => Arc::new(plan.schema.clone()),
        };
        Ok(Shaper { stream: task.stream.clone(), given: schema.clone(), shaped, plan, documents })
    }

    /// The shape of records that go on: the given one with kinds changed as asked; under [`Nesting::WholeRecord`] the
    /// fields of the key and the field [`WHOLE_RECORD`].
    pub fn schema(&self) -> &SharedSchema {
        &self.shaped
    }

    /// Whether batches pass through untouched.
    pub fn is_idle(&self) -> bool {
        self.plan.fields.is_empty() && self.plan.nesting == Nesting::AsJson
    }

    /// Shapes a batch of records shaped like the schema the shaper was made for.
    ///
    /// Errors: `RN-108` for a value that breaks a constraint with [`OnBroken::Abort`].
    pub fn shape(&mut self, batch: Batch) -> Result<Shaped, Error> {
        let mut shaped = Shaped {
            batch: Batch::new(self.shaped.clone()),
            skipped: 0,
            warned: BTreeMap::new(),
            refused: BTreeMap::new(),
            notes: Vec::new(),
        };
        if self.is_idle() {
            shaped.batch = batch;
            return Ok(shaped);
        }
        for (mut values, extra) in batch.into_records() {
            let mut raw = Vec::new();
            match self.record(&mut values, &mut raw, &mut shaped)? {
                Fate::Lands => {
                    let extra = with_raw(extra, raw);
                    self.push(values, extra, &mut shaped.batch);
                }
                Fate::LeftOut => shaped.skipped += 1,
            }
        }
        Ok(shaped)
    }

    /// Changes the values of a record; what has no form of the wanted kind goes to `raw` under its name.
    fn record(
        &self,
        values: &mut [Value],
        raw: &mut Vec<(String, Value)>,
        shaped: &mut Shaped,
    ) -> Result<Fate, Error> {
        // Taken before anything changes: it is how the source knows the record.
        let key: Vec<Value> = self.given.key.iter().map(|&index| values[index].clone()).collect();
        let mut warned = Vec::new();
        for (index, plan) in &self.plan.fields {
            let name = &self.given.fields[*index].name;
            let value = plan.change(std::mem::replace(&mut values[*index], Value::Null));
            match plan.converted(value) {
                Ok(value) => values[*index] = value,
                Err(given) => raw.push((name.clone(), given)),
            }
            let Some((constraint, on_broken)) = plan.broken(&values[*index]) else { continue };
            match on_broken {
                OnBroken::Warn => warned.push(name),
                OnBroken::Skip => {
                    shaped.notes.push(self.note(&key, Outcome::Skipped, name, broken(constraint)));
                    return Ok(Fate::LeftOut);
                }
                OnBroken::Abort => {
                    let what = format!(
                        "stream {}, record {}: {name} {}",
                        self.stream,
                        text(&key),
                        broken(constraint)
                    );
                    return Err(Error::new(Code::ConstraintBroken, what));
                }
            }
        }
        for name in warned {
            *shaped.warned.entry(name.clone()).or_default() += 1;
        }
        for (name, given) in raw.iter() {
            *shaped.refused.entry(name.clone()).or_default() += 1;
            shaped.notes.push(self.note(&key, Outcome::Refused, name, self.unfit(name, given)));
        }
        Ok(Fate::Lands)
    }

    /// Why `given` is not in the field called `name`.
    fn unfit(&self, name: &str, given: &Value) -> String {
        let index = self.given.index_of(name).expect("it is the name of a given field");
        let (is, wanted) =
            (given.field_type().map_or("nothing", FieldType::name), self.plan.schema.fields[index].ty);
        format!("{is} that is no {}, kept as {name}{RAW_SUFFIX}", wanted.name())
    }

    fn push(&self, mut values: Vec<Value>, extra: Option<Box<str>>, batch: &mut Batch) {
        match self.plan.nesting {
            Nesting::AsJson => batch.push(values, extra),
            Nesting::Depth(depth) => {
                let extra =
                    nesting::take_apart(&self.plan.schema, &self.documents, &mut values, extra, depth);
                batch.push(values, extra);
            }
            Nesting::WholeRecord => {
                let whole = nesting::whole(&self.plan.schema, &values, extra.as_deref());
                let key = self.given.key.iter().map(|&index| values[index].clone());
                batch.push(key.chain([whole]).collect::<Vec<_>>(), None);
            }
        }
    }

    fn note(&self, key: &[Value], outcome: Outcome, column: &str, reason: String) -> RowNote {
        let (stream, column) = (self.stream.clone(), column.to_owned());
        RowNote { stream, key: text(key), outcome, column, reason }
    }
}

impl FieldPlan {
    /// The value before it is turned into the wanted kind.
    fn change(&self, value: Value) -> Value {
        let value = match value {
            Value::Text(text) if self.empty_as_null && text.is_empty() => Value::Null,
            Value::Text(text) if self.null_if.as_deref() == Some(&*text) => Value::Null,
            Value::Float(number) => match self.max_decimals {
                Some(decimals) => Value::Float(rounded(number, decimals)),
                None => Value::Float(number),
            },
            value => value,
        };
        self.transforms.iter().fold(value, |value, transform| transform.apply(value))
    }

    /// The value in the wanted kind; the error is the value itself.
    fn converted(&self, value: Value) -> Result<Value, Value> {
        match self.convert_to {
            Some(ty) => convert(value, ty),
            None => Ok(value),
        }
    }

    /// The constraint that `value` breaks.
    fn broken(&self, value: &Value) -> Option<(&Constraint, OnBroken)> {
        let (constraint, on_broken) = self.constraint.as_ref()?;
        (!constraint.holds(value)).then_some((constraint, *on_broken))
    }
}

/// A key as text, parts joined by `,`.
fn text(key: &[Value]) -> String {
    key.iter().map(Value::display).collect::<Vec<_>>().join(",")
}

/// Rounded by its decimal digits, so that no other digit appears behind them.
fn rounded(number: f64, decimals: u8) -> f64 {
    format!("{number:.*}", usize::from(decimals)).parse().unwrap_or(number)
}

fn broken(constraint: &Constraint) -> String {
    format!("does not meet `{}`", constraint.text())
}

/// The key's fields and the whole record.
fn with_whole_record(plan: &Plan, given: &SharedSchema) -> Schema {
    let mut fields: Vec<Field> = given.key.iter().map(|&index| plan.schema.fields[index].clone()).collect();
    let key = (0..fields.len()).collect();
    fields.push(Field { name: WHOLE_RECORD.to_owned(), ty: FieldType::Json, noise: false });
    Schema { fields, key }
}

/// The extra members with those of `raw` added; a name that is taken already gets a `_` behind it.
fn with_raw(extra: Option<Box<str>>, raw: Vec<(String, Value)>) -> Option<Box<str>> {
    if raw.is_empty() {
        return extra;
    }
    let mut members: BTreeMap<String, Box<RawValue>> =
        extra.as_deref().and_then(|extra| serde_json::from_str(extra).ok()).unwrap_or_default();
    for (field, value) in raw {
        let mut name = format!("{field}{RAW_SUFFIX}");
        while members.contains_key(&name) {
            name.push('_');
        }
        let value = RawValue::from_string(json_member(&value)).expect("values are made into valid JSON");
        members.insert(name, value);
    }
    Some(serde_json::to_string(&members).expect("names are text and values are JSON already").into())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use achub_core::{Batch, Field, FieldType, Outcome, Schema, SharedSchema, StreamName, Value};

    use super::{Shaped, Shaper};
    use crate::{
        replication::{ColumnWish, Mode, StreamTask},
        shape::{Constraint, Fields, Nesting, OnBroken, Shaping, Transform},
    };

    fn schema() -> SharedSchema {
        let field = |name: &str, ty| Field { name: name.to_owned(), ty, noise: false };
        Arc::new(Schema {
            fields: vec![
                field("id", FieldType::Integer),
                field("firstName", FieldType::Text),
                field("score", FieldType::Float),
                field("links", FieldType::Json),
            ],
            key: vec![0],
        })
    }

    fn batch() -> Batch {
        let mut batch = Batch::new(schema());
        let row = |id, name: &str, score: f64| {
            [Value::Integer(id), Value::text(name), Value::Float(score), Value::Json(r#"{"a":1}"#.into())]
        };
        batch.push(row(1, " Zoë", 2.675), Some(r#"{"x":"y"}"#.into()));
        batch.push(row(2, "", -1.0), None);
        batch
    }

    fn task() -> StreamTask {
        StreamTask::new(StreamName::new("contacts"), Mode::FullRefresh, "test")
    }

    fn wish(field: &str, ty: Option<FieldType>, constraint: Option<(&str, OnBroken)>) -> ColumnWish {
        let constraint = constraint.map(|(text, on)| (Constraint::parse(text).unwrap(), on));
        ColumnWish { field: field.to_owned(), ty, rules: Default::default(), constraint }
    }

    fn shape(task: &StreamTask) -> (SharedSchema, Shaped) {
        let mut shaper = Shaper::new(task, &schema()).unwrap();
        let shaped = shaper.shape(batch()).unwrap();
        assert_eq!(shaped.batch.schema(), shaper.schema());
        (shaper.schema().clone(), shaped)
    }

    /// The records as `value|value|… extra`.
    fn shown(batch: &Batch) -> Vec<String> {
        let row = |(values, extra): (&[Value], Option<&str>)| {
            let values: Vec<String> = values.iter().map(Value::display).collect();
            format!("{} {}", values.join("|"), extra.unwrap_or("-"))
        };
        batch.rows().map(row).collect()
    }

    #[test]
    fn nothing_asked_passes_batches_through() {
        let given = schema();
        let shaper = Shaper::new(&task(), &given).unwrap();
        assert!(shaper.is_idle());
        assert!(Arc::ptr_eq(shaper.schema(), &given), "not even the schema is copied");
    }

    #[test]
    fn values_change_in_the_stated_order() {
        let mut task = task();
        task.shaping = Shaping {
            transforms: vec![
                (Fields::AllText, Transform::TrimSpace),
                (Fields::Named("first_name".to_owned()), Transform::ReplaceAccents),
                (Fields::Named("id".to_owned()), Transform::HashMd5),
            ],
            empty_as_null: true,
            null_if: Some("never".to_owned()),
            max_decimals: Some(2),
            nesting: Nesting::Depth(1),
        };
        let (schema, shaped) = shape(&task);

        assert_eq!(schema.fields[0].ty, FieldType::Text, "a hash is text");
        assert_eq!(
            shown(&shaped.batch),
            [
                r#"c4ca4238a0b923820dcc509a6f75849b|Zoe|2.67| {"links__a":1,"x":"y"}"#,
                r#"c81e728d9d4c2f636f067f89cc14862c||-1| {"links__a":1}"#,
            ]
        );
        assert!(shaped.batch.row(1)[1].is_null());
    }

    #[test]
    fn value_without_wanted_form_is_kept_raw() {
        let mut task = task();
        task.columns =
            vec![wish("firstname", Some(FieldType::Integer), None), wish("*", Some(FieldType::Text), None)];
        let (schema, shaped) = shape(&task);

        let types: Vec<FieldType> = schema.fields.iter().map(|field| field.ty).collect();
        assert_eq!(types, [FieldType::Text, FieldType::Integer, FieldType::Text, FieldType::Text]);
        assert_eq!(
            shown(&shaped.batch),
            [
                r#"1||2.675|{"a":1} {"firstName__raw":" Zoë","x":"y"}"#,
                r#"2||-1|{"a":1} {"firstName__raw":""}"#
            ]
        );
        assert_eq!(shaped.refused["firstName"], 2);
        let note = &shaped.notes[0];
        assert_eq!(
            (note.key.as_str(), note.column.as_str(), note.outcome),
            ("1", "firstName", Outcome::Refused)
        );
        assert_eq!(note.reason, "text that is no integer, kept as firstName__raw");
    }

    #[test]
    fn broken_constraint_warns_skips_or_aborts() {
        for (on_broken, rows, skipped, warned) in
            [(OnBroken::Warn, 2, 0, Some(&1)), (OnBroken::Skip, 1, 1, None)]
        {
            let mut task = task();
            task.columns = vec![wish("score", None, Some(("value >= 0", on_broken)))];
            let (_, shaped) = shape(&task);
            assert_eq!((shaped.batch.len(), shaped.skipped), (rows, skipped));
            assert_eq!(shaped.warned.get("score"), warned);
            assert_eq!(shaped.notes.len() as u64, skipped);
        }
        let mut task = task();
        task.columns = vec![wish("score", None, Some(("value >= 0", OnBroken::Abort)))];
        let error = Shaper::new(&task, &schema()).unwrap().shape(batch()).unwrap_err();
        assert_eq!(error.code().id(), "RN-108");
        assert_eq!(error.message(), "stream contacts, record 2: score does not meet `value >= 0`");
    }

    #[test]
    fn whole_record_keeps_key_beside_it() {
        let mut task = task();
        task.shaping.nesting = Nesting::WholeRecord;
        let (schema, shaped) = shape(&task);

        let names: Vec<&str> = schema.fields.iter().map(|field| field.name.as_str()).collect();
        assert_eq!((names, &schema.key), (vec!["id", "data"], &vec![0]));
        assert_eq!(
            shown(&shaped.batch)[0],
            r#"1|{"id":1,"firstName":" Zoë","score":2.675,"links":{"a":1},"x":"y"} -"#
        );
    }

    #[test]
    fn unknown_fields_are_refused() {
        let mut task = task();
        task.columns = vec![wish("nmae", None, None)];
        assert_eq!(Shaper::new(&task, &schema()).unwrap_err().message(), "stream contacts has no field nmae");
    }
}
