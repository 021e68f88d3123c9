//! How the fields of a stream become the columns of a batch.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use achub_core::{Field as Column, FieldType, Schema, SharedSchema};

use crate::stream::{Role, Stream, Type};

/// The shape of the batches [`super::page`] makes of `stream`, made once and shared.
///
/// All fields but those of [`Role::Sideload`], in their order; numeric addresses are text (dotted), money is an integer
/// of minor units, multiple choices are a JSON array of text. Link blocks are marked as noise.
pub fn schema(stream: &'static Stream) -> SharedSchema {
    Arc::clone(&of(stream).schema)
}

/// A stream prepared for decoding.
pub(super) struct Layout {
    pub schema: SharedSchema,
    /// Index into the stream's fields for each column.
    pub columns: Vec<usize>,
    /// For each field the index of the field whose zone it borrows.
    pub twins: Vec<Option<usize>>,
    /// Field names in alphabetical order with their index.
    by_name: Vec<(&'static str, usize)>,
}

impl Layout {
    /// The index of the field called `name`.
    pub fn index_of(&self, name: &str) -> Option<usize> {
        let found = self.by_name.binary_search_by_key(&name, |(name, _)| name).ok()?;
        Some(self.by_name[found].1)
    }

    fn new(stream: &'static Stream) -> Layout {
        let mut by_name: Vec<_> =
            stream.fields.iter().enumerate().map(|(at, field)| (field.name, at)).collect();
        by_name.sort_unstable();
        let mut layout = Layout {
            schema: Arc::new(Schema { fields: Vec::new(), key: Vec::new() }),
            columns: Vec::new(),
            twins: Vec::new(),
            by_name,
        };
        let mut columns = Vec::new();
        for (index, field) in stream.fields.iter().enumerate() {
            layout.twins.push(match field.ty {
                Type::LocalTimestamp { twin } => layout.index_of(twin),
                _ => None,
            });
            if field.role == Role::Sideload {
                continue;
            }
            layout.columns.push(index);
            let noise = field.role == Role::Noise;
            columns.push(Column { name: field.name.to_owned(), ty: field_type(field.ty), noise });
        }
        let key = stream.key.iter().filter_map(|key| columns.iter().position(|column| column.name == *key));
        let key = key.collect();
        layout.schema = Arc::new(Schema { fields: columns, key });
        layout
    }
}

/// The layout of `stream`. There are as many as streams, so they are kept for good.
pub(super) fn of(stream: &'static Stream) -> &'static Layout {
    static LAYOUTS: RwLock<Option<HashMap<usize, &'static Layout>>> = RwLock::new(None);
    let address = std::ptr::from_ref(stream).addr();
    let known = LAYOUTS.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(layout) = known.as_ref().and_then(|layouts| layouts.get(&address)) {
        return layout;
    }
    drop(known);
    let mut layouts = LAYOUTS.write().unwrap_or_else(PoisonError::into_inner);
    let layouts = layouts.get_or_insert_default();
    layouts.entry(address).or_insert_with(|| Box::leak(Box::new(Layout::new(stream))))
}

fn field_type(ty: Type) -> FieldType {
    match ty {
        Type::Text | Type::IpNumber => FieldType::Text,
        Type::Integer | Type::MoneyMinor => FieldType::Integer,
        Type::Float => FieldType::Float,
        Type::Boolean => FieldType::Boolean,
        Type::Date => FieldType::Date,
        Type::Timestamp | Type::LocalTimestamp { .. } | Type::UtcTimestamp => FieldType::Timestamp,
        Type::MultiValue | Type::Json => FieldType::Json,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::schema;
    use crate::{
        stream::{Role, Stream},
        streams,
    };

    fn contacts() -> &'static Stream {
        streams::find("contacts").expect("contacts is a stream")
    }

    #[test]
    fn schema_leaves_sideloaded_ids_out() {
        let schema = schema(contacts());
        assert!(schema.index_of("contactTags").is_none());
        assert!(schema.index_of("scoreValues").is_some());
        let sideloads = contacts().fields.iter().filter(|field| field.role == Role::Sideload).count();
        assert_eq!(schema.fields.len(), contacts().fields.len() - sideloads);
        assert!(schema.fields.iter().all(|field| field.noise == (field.name == "links")));
    }

    #[test]
    fn schema_is_made_once_per_stream() {
        assert!(Arc::ptr_eq(&schema(contacts()), &schema(contacts())));
    }

    #[test]
    fn every_key_is_a_column() {
        for stream in streams::all() {
            let schema = schema(stream);
            let names: Vec<_> = schema.key.iter().map(|&at| schema.fields[at].name.as_str()).collect();
            assert_eq!(names, stream.key, "{}", stream.name);
        }
    }
}
