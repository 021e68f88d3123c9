//! The view that lays custom fields out as columns.

use std::collections::HashMap;

use achub_core::{
    Error, StreamName,
    port::{
        source::Wide,
        target::{Target, WideView},
    },
};

use crate::{naming::Distinct, prepare::Placed};

/// Makes the view where both its streams are replicated; otherwise there is nothing to lay out. A table that is replicated
/// under its name stands for it.
pub(crate) async fn make(
    wide: &Wide,
    placed: &HashMap<StreamName, Placed<'_>>,
    target: &dyn Target,
) -> Result<(), Error> {
    let (Some(base), Some(values)) = (placed.get(&wide.base.0), placed.get(&wide.values)) else {
        return Ok(());
    };
    let is_its_place = |other: &Placed<'_>| {
        let (table, base) = (&other.placement.load.table, &base.placement.load.table);
        table.schema == base.schema && table.name.eq_ignore_ascii_case(&wide.name)
    };
    if placed.values().any(is_its_place) {
        return Ok(());
    }
    let (Some(base_key), Some(parent), Some(field), Some(value)) = (
        base.placement.column(&wide.base.1),
        values.placement.column(&wide.parent_field),
        values.placement.column(&wide.id_field),
        values.placement.column(&wide.value_field),
    ) else {
        return Ok(());
    };
    let mut distinct = Distinct::new();
    for column in &base.placement.load.table.columns {
        distinct.name(column.name.clone());
    }
    let columns = wide.fields.iter().map(|(id, name)| (*id, distinct.name(name.clone()))).collect();
    let rest = wide.rest.clone().map(|name| distinct.name(name));
    let view = WideView {
        name: wide.name.clone(),
        base: base.placement.load.table.clone(),
        base_key: base_key.to_owned(),
        values: values.placement.load.table.clone(),
        parent: parent.to_owned(),
        field: field.to_owned(),
        value: value.to_owned(),
        columns,
        rest,
    };
    target.wide_view(&view).await.map(|_| ())
}
