//! `target_options`: what becomes of a stream's table.

use achub_core::{
    Error,
    port::target::{Absence, AbsenceAction, Evolution, MergeStrategy},
};
use achub_engine::replication::Casing;

use crate::config::{
    nearest::advice,
    replication_file::{
        findings::Findings,
        grant::{DELETE_MISSING, TABLE_KEYS},
        reader::Reader,
        typing::Typing,
    },
    yaml::{Entry, Kind, Place},
};

/// The options of a stream. What is not named is as it is without options.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TargetOptions {
    /// Whether new fields become columns.
    pub add_new_columns: Option<bool>,
    /// Whether columns are widened.
    pub adjust_column_type: Option<bool>,
    /// How column names are made.
    pub casing: Option<Casing>,
    /// What the types of `columns` become.
    pub typing: Typing,
    /// What is done about rows that are gone.
    pub absence: Option<Absence>,
    /// How a row meets one of the same key.
    pub merge: Option<MergeStrategy>,
    /// Names of the primary key's columns.
    pub primary: Option<Vec<String>>,
    /// Names of columns that are unique together.
    pub unique: Vec<Vec<String>>,
    /// Names of columns that have an index together.
    pub indexes: Vec<Vec<String>>,
    /// The statement that makes the table.
    pub ddl: Option<String>,
    /// The staging table.
    pub staging: Option<String>,
    /// What is run before the load, and where it stands: SQL, or the file it is in.
    pub before: Option<(String, Place)>,
    /// What is run after the load.
    pub after: Option<(String, Place)>,
    /// Whether rows go straight into the table.
    pub direct: Option<(bool, Place)>,
    /// The most rows of a commit.
    pub batch_rows: Option<u64>,
    /// The isolation level of the finishing transaction.
    pub isolation: Option<String>,
    /// Whether a table that is there is left alone.
    pub ignore_existing: bool,
}

const CASINGS: &[(&str, Casing)] = &[
    ("normalize", Casing::Normalize),
    ("source", Casing::Source),
    ("target", Casing::Target),
    ("snake", Casing::Snake),
    ("upper", Casing::Upper),
    ("lower", Casing::Lower),
    ("camel", Casing::Camel),
];

const MERGES: &[(&str, MergeStrategy)] = &[
    ("update_insert", MergeStrategy::Upsert),
    ("delete_insert", MergeStrategy::DeleteInsert),
    ("insert", MergeStrategy::InsertOnly),
    ("update", MergeStrategy::UpdateOnly),
    ("history_insert", MergeStrategy::History),
];

const REMOVALS: &[(&str, AbsenceAction)] = &[("soft", AbsenceAction::Mark), ("hard", AbsenceAction::Delete)];

/// The isolation levels of SQL; the databases there are know them by these words.
const ISOLATIONS: &[(&str, &str)] = &[
    ("default", ""),
    ("read_uncommitted", "READ UNCOMMITTED"),
    ("read uncommitted", "READ UNCOMMITTED"),
    ("read_committed", "READ COMMITTED"),
    ("read committed", "READ COMMITTED"),
    ("repeatable_read", "REPEATABLE READ"),
    ("repeatable read", "REPEATABLE READ"),
    ("serializable", "SERIALIZABLE"),
];

impl TargetOptions {
    /// Takes one key that is granted.
    pub fn take(&mut self, reader: &Reader<'_>, entry: &Entry, findings: &mut Findings) -> Result<(), Error> {
        match entry.key.as_str() {
            "add_new_columns" => self.add_new_columns = switch(reader, entry)?,
            "adjust_column_type" => self.adjust_column_type = switch(reader, entry)?,
            "column_casing" => self.casing = reader.choice(entry, CASINGS)?,
            "column_typing" => self.typing = Typing::read(reader, entry, findings)?,
            "delete_missing" => self.absence = absence(reader, entry, findings)?,
            "merge_strategy" => self.merge = reader.choice(entry, MERGES)?,
            "table_keys" => self.keys(reader, entry, findings)?,
            "table_ddl" => self.ddl = reader.text(entry)?,
            "table_tmp" => self.staging = reader.text(entry)?,
            "pre_sql" => self.before = reader.text(entry)?.map(|text| (text, entry.value.place)),
            "post_sql" => self.after = reader.text(entry)?.map(|text| (text, entry.value.place)),
            "direct_insert" => self.direct = switch(reader, entry)?.map(|direct| (direct, entry.value.place)),
            "batch_limit" => self.batch_rows = reader.count(entry, 1)?,
            // Nothing that was read waits for its commit; a value that is no duration is a mistake all the same.
            "batch_max_duration" => {
                reader.duration(entry)?;
            }
            "isolation_level" => {
                let level = reader.choice(entry, ISOLATIONS)?;
                self.isolation = level.filter(|level| !level.is_empty()).map(str::to_owned);
            }
            "ignore_existing" => self.ignore_existing = reader.switch(entry)?,
            other => unreachable!("`{other}` is granted and not read"),
        }
        Ok(())
    }

    /// What may become of a table whose columns differ, where anything was said about it.
    pub fn evolution(&self) -> Option<Evolution> {
        match (self.add_new_columns, self.adjust_column_type) {
            (None, None) => None,
            (Some(false), _) => Some(Evolution::Keep),
            (_, Some(true)) => Some(Evolution::AddAndWiden),
            _ => Some(Evolution::Add),
        }
    }

    fn keys(&mut self, reader: &Reader<'_>, entry: &Entry, findings: &mut Findings) -> Result<(), Error> {
        let inner = reader.inner("table_keys");
        for entry in reader.entries(entry)? {
            if !findings.key(TABLE_KEYS, entry, &inner.what) {
                continue;
            }
            let sets = column_sets(&inner, entry)?;
            match entry.key.as_str() {
                "primary" => match <[Vec<String>; 1]>::try_from(sets) {
                    Ok([columns]) => self.primary = Some(columns),
                    Err(sets) if sets.is_empty() => self.primary = None,
                    Err(_) => return Err(inner.error(entry, "must be one list of columns")),
                },
                "unique" => self.unique = sets,
                "index" => self.indexes = sets,
                other => unreachable!("`{other}` is granted and not read"),
            }
        }
        Ok(())
    }
}

fn switch(reader: &Reader<'_>, entry: &Entry) -> Result<Option<bool>, Error> {
    if entry.value.is_null() { Ok(None) } else { reader.switch(entry).map(Some) }
}

/// One list of columns, or a list of such lists.
fn column_sets(reader: &Reader<'_>, entry: &Entry) -> Result<Vec<Vec<String>>, Error> {
    let Kind::List(items) = &entry.value.kind else {
        return Ok(reader.text(entry)?.map(|name| vec![name]).into_iter().collect());
    };
    let is_nested = items.iter().any(|item| matches!(item.kind, Kind::List(_)));
    let sets = match is_nested {
        false => vec![reader.texts(entry)?],
        true => items
            .iter()
            .map(|item| reader.texts(&Entry { value: item.clone(), ..entry.clone() }))
            .collect::<Result<_, _>>()?,
    };
    Ok(sets.into_iter().filter(|set| !set.is_empty()).collect())
}

fn absence(reader: &Reader<'_>, entry: &Entry, findings: &mut Findings) -> Result<Option<Absence>, Error> {
    let absence = |action, only| Absence { action, floor_percent: Absence::FLOOR_PERCENT, only };
    let Kind::Map(entries) = &entry.value.kind else {
        // `false` says in so many words that nothing is to be done.
        if entry.value.text().is_some_and(|text| crate::config::keys::switch(text) == Some(false)) {
            return Ok(None);
        }
        return Ok(reader.choice(entry, REMOVALS)?.map(|action| absence(action, None)));
    };
    let inner = reader.inner("delete_missing");
    let (mut action, mut conditions) = (None, Vec::new());
    for entry in entries {
        if findings.key(DELETE_MISSING, entry, &inner.what) {
            match entry.key.as_str() {
                "type" => action = inner.choice(entry, REMOVALS)?,
                "where" | "target_where" => conditions.extend(inner.text(entry)?),
                other => unreachable!("`{other}` is granted and not read"),
            }
        }
    }
    let Some(action) = action else {
        let words = REMOVALS.iter().map(|(word, _)| *word);
        return Err(reader.error(entry, "names no `type`").with_hint(advice("", words)));
    };
    let only = match conditions.len() {
        0 => None,
        1 => conditions.pop(),
        _ => Some(
            conditions.iter().map(|condition| format!("({condition})")).collect::<Vec<_>>().join(" AND "),
        ),
    };
    Ok(Some(absence(action, only)))
}
