//! Lists and fields of the store by what they are called over there.

use std::collections::HashMap;

use achub_core::{
    FieldType,
    person::{FieldId, ListId, PersonField},
    port::{incoming::Catalogue, people::Adopted},
};

/// A custom field of the store.
#[derive(Debug, Clone)]
pub(super) struct NamedField {
    pub(super) id: FieldId,
    pub(super) name: String,
    pub(super) field_type: FieldType,
}

/// Lists and fields of the store by what they are called over there, and their names for people.
#[derive(Debug, Default)]
pub(super) struct Names {
    lists: HashMap<String, ListId>,
    list_names: HashMap<ListId, String>,
    fields: HashMap<String, NamedField>,
    field_names: HashMap<FieldId, String>,
}

impl Names {
    /// What was adopted for a catalogue; both are in the same order.
    pub(super) fn new(catalogue: &Catalogue, adopted: &Adopted) -> Names {
        let lists = catalogue.lists.iter().zip(&adopted.lists);
        let fields = catalogue.fields.iter().zip(&adopted.fields);
        let named = |field: &achub_core::person::CustomField| NamedField {
            id: field.id,
            name: field.name.clone(),
            field_type: field.field_type,
        };
        Names {
            lists: lists.clone().map(|(shown, list)| (shown.key.clone(), list.id)).collect(),
            list_names: lists.map(|(_, list)| (list.id, list.name.clone())).collect(),
            fields: fields.clone().map(|(shown, field)| (shown.key.clone(), named(field))).collect(),
            field_names: fields.map(|(_, field)| (field.id, field.name.clone())).collect(),
        }
    }

    /// Lists of the store by their keys over there.
    pub(super) fn lists(&self) -> &HashMap<String, ListId> {
        &self.lists
    }

    /// The field of this key over there.
    pub(super) fn field(&self, key: &str) -> Option<&NamedField> {
        self.fields.get(key)
    }

    /// What a list is called.
    pub(super) fn list_name(&self, list: ListId) -> String {
        self.list_names.get(&list).cloned().unwrap_or_else(|| list.to_string())
    }

    /// What a field is called.
    pub(super) fn field_name(&self, field: PersonField) -> String {
        match field {
            PersonField::BuiltIn(field) => field.word().to_owned(),
            PersonField::Custom(id) => self.field_names.get(&id).cloned().unwrap_or_else(|| id.to_string()),
        }
    }
}
