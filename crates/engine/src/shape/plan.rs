//! What was asked of a stream's fields, laid out field by field.

use achub_core::{Code, Error, FieldType, Schema};

use crate::{
    replication::{ColumnWish, StreamTask},
    shape::{Constraint, Fields, Nesting, OnBroken, Transform},
    tables::find,
};

/// In a wish: every field that no other wish names.
const EVERY_FIELD: &str = "*";

/// What becomes of one field's values, in the order of the members.
#[derive(Debug, Clone, Default)]
pub(super) struct FieldPlan {
    /// Texts that become null: the empty one, and a named one.
    pub(super) empty_as_null: bool,
    pub(super) null_if: Option<String>,
    /// Decimals a float keeps.
    pub(super) max_decimals: Option<u8>,
    pub(super) transforms: Vec<Transform>,
    /// The kind values are turned into, where that is another one.
    pub(super) convert_to: Option<FieldType>,
    pub(super) constraint: Option<(Constraint, OnBroken)>,
}

impl FieldPlan {
    fn is_idle(&self) -> bool {
        !self.empty_as_null
            && self.null_if.is_none()
            && self.max_decimals.is_none()
            && self.transforms.is_empty()
            && self.convert_to.is_none()
            && self.constraint.is_none()
    }
}

/// What becomes of a stream's records.
#[derive(Debug)]
pub(super) struct Plan {
    /// Fields with something to do, by index.
    pub(super) fields: Vec<(usize, FieldPlan)>,
    /// How nested values become columns.
    pub(super) nesting: Nesting,
    /// The fields behind it all; the key stays where it is.
    pub(super) schema: Schema,
}

/// Lays out what `task` asks of the fields of `schema`.
///
/// Errors: `CF-104` for a field that the stream does not have.
pub(super) fn plan(task: &StreamTask, schema: &Schema) -> Result<Plan, Error> {
    let mut shaped = schema.clone();
    let mut fields = Vec::new();
    for (index, field) in schema.fields.iter().enumerate() {
        let plan = field_plan(task, schema, index);
        let behind_transforms = plan.transforms.iter().fold(field.ty, |ty, transform| transform.result(ty));
        let wanted = wish(task, schema, index).and_then(|wish| wish.ty);
        shaped.fields[index].ty = wanted.unwrap_or(behind_transforms);
        let convert_to = wanted.filter(|wanted| *wanted != behind_transforms);
        let plan = FieldPlan { convert_to, ..plan };
        if !plan.is_idle() {
            fields.push((index, plan));
        }
    }
    check_names(task, schema)?;
    Ok(Plan { fields, nesting: task.shaping.nesting, schema: shaped })
}

fn field_plan(task: &StreamTask, schema: &Schema, index: usize) -> FieldPlan {
    let shaping = &task.shaping;
    let ty = schema.fields[index].ty;
    let is_text = ty == FieldType::Text;
    let transforms = shaping.transforms.iter().filter(|(fields, _)| match fields {
        Fields::AllText => is_text,
        Fields::Named(name) => find(schema, name) == Some(index),
    });
    let wish = wish(task, schema, index);
    FieldPlan {
        empty_as_null: shaping.empty_as_null && is_text,
        null_if: shaping.null_if.clone().filter(|_| is_text),
        max_decimals: shaping.max_decimals.filter(|_| ty == FieldType::Float),
        transforms: transforms.map(|(_, transform)| *transform).collect(),
        convert_to: None,
        constraint: wish.and_then(|wish| wish.constraint.clone()),
    }
}

/// What was asked of the field: by its own name, else by `*`.
fn wish<'a>(task: &'a StreamTask, schema: &Schema, index: usize) -> Option<&'a ColumnWish> {
    let own = task.columns.iter().find(|wish| find(schema, &wish.field) == Some(index));
    own.or_else(|| task.columns.iter().find(|wish| wish.field == EVERY_FIELD))
}

fn check_names(task: &StreamTask, schema: &Schema) -> Result<(), Error> {
    let wished = task.columns.iter().map(|wish| wish.field.as_str()).filter(|name| *name != EVERY_FIELD);
    let transformed = task.shaping.transforms.iter().filter_map(|(fields, _)| match fields {
        Fields::AllText => None,
        Fields::Named(name) => Some(name.as_str()),
    });
    match wished.chain(transformed).find(|name| find(schema, name).is_none()) {
        Some(name) => {
            let known: Vec<&str> = schema.fields.iter().map(|field| field.name.as_str()).collect();
            Err(Error::new(Code::BadFile, format!("stream {} has no field {name}", task.stream))
                .with_hint(format!("its fields are {}", known.join(", "))))
        }
        None => Ok(()),
    }
}
