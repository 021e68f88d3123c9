//! Looking at a table that is there: its rows, and figures about them.

use std::{collections::HashMap, io};

use achub_core::{Code, Column, Error, port::target::Tally};
use jiff::Timestamp;

use crate::{
    folder::{failed, place::Home},
    landing::{Cell, moment},
};

/// All rows, each cell as text.
pub(crate) fn rows(home: &Home) -> Result<Vec<Vec<Option<String>>>, Error> {
    let manifest = home.known()?.ok_or_else(|| {
        Error::new(Code::TableChanged, format!("there is no table in {}", home.folder.display()))
    })?;
    let columns = manifest.columns();
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let mut rows = Vec::new();
    each_row(home, &names, |cells| {
        let text = |cell: &Cell<'_>| (!cell.is_null()).then(|| cell.display().into_owned());
        rows.push(cells.iter().map(text).collect());
    })?;
    Ok(rows)
}

/// The largest time in a column; text and days count as the time they spell.
pub(crate) fn newest(home: &Home, column: &str) -> Result<Option<Timestamp>, Error> {
    let mut newest = None;
    each_row(home, &[column], |cells| {
        let time = match &cells[0] {
            Cell::Timestamp(instant) => Some(*instant),
            other => moment::parse(&other.display()),
        };
        newest = newest.max(time);
    })?;
    Ok(newest)
}

/// Counts rows; `None` where the table or a column is missing.
pub(crate) fn tally(home: &Home, tally: &Tally) -> Result<Option<HashMap<String, u64>>, Error> {
    let mut counts: HashMap<String, u64> = HashMap::new();
    let equals = tally.equals.as_ref().map(|(column, _)| column);
    let names: Vec<&str> =
        [equals, tally.null.as_ref(), tally.by.as_ref()].into_iter().flatten().map(String::as_str).collect();
    let place = |name: Option<&String>| {
        name.map(|name| names.iter().position(|known| known == name).expect("all names are in the list"))
    };
    let (equals_at, null_at, by_at) = (place(equals), place(tally.null.as_ref()), place(tally.by.as_ref()));
    let wanted = tally.equals.as_ref().map(|(_, value)| value.to_string());
    let is_there = each_row(home, &names, |cells| {
        let is_equal = equals_at.is_none_or(|at| Some(cells[at].display().as_ref()) == wanted.as_deref());
        if is_equal && null_at.is_none_or(|at| cells[at].is_null()) {
            let by = by_at.map(|at| cells[at].display().into_owned()).unwrap_or_default();
            *counts.entry(by).or_default() += 1;
        }
    })?;
    if by_at.is_none() {
        counts.entry(String::new()).or_default();
    }
    Ok(is_there.then_some(counts))
}

/// Hands over the cells of these columns of every row; `false` where table or column is missing.
fn each_row(home: &Home, names: &[&str], mut take: impl FnMut(&[Cell<'_>])) -> Result<bool, Error> {
    let Some(manifest) = home.known()? else { return Ok(false) };
    let known = manifest.columns();
    let columns: Option<Vec<Column>> =
        names.iter().map(|name| known.iter().find(|column| column.name == *name).cloned()).collect();
    let Some(columns) = columns else { return Ok(false) };
    for file in &manifest.files {
        let path = home.path(file);
        let scanned: io::Result<()> = home.storage.scan(&path, &columns, |_, cells| {
            take(cells);
            Ok(())
        });
        scanned.map_err(|cause| failed("read", &path, cause))?;
    }
    Ok(true)
}
