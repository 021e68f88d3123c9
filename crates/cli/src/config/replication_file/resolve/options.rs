//! Columns, transforms and options of a stream, as its task carries them.

use std::{collections::BTreeMap, path::Path};

use achub_core::{
    Error,
    port::target::{AbsenceAction, MergeStrategy, Origin, Statements},
    schema::{ColumnRules, TableRules},
};
use achub_engine::{
    replication::{ColumnWish, Mode, Selected, StreamTask, TableWish},
    shape::{Fields, OnBroken, Shaping},
};

use super::{Listing, Style, landing::DELETED_AT, tables, task::Resolver};
use crate::config::{
    known_stream::KnownStream,
    replication_file::{
        columns::{ColumnSpec, ColumnType, EVERY_COLUMN},
        template::{Variables, split},
    },
    yaml::Place,
};

impl Resolver<'_> {
    /// What becomes of the stream's records.
    pub(super) fn shaping(&self, listing: &Listing, known: &KnownStream) -> Result<Shaping, Error> {
        let options = &listing.settings.source;
        let mut transforms = Vec::new();
        if let Some(asked) = &listing.settings.transforms {
            for (name, transform) in &asked.value {
                let fields = match name {
                    None => Fields::AllText,
                    Some(name) => {
                        Fields::Named(self.field(listing, known, name, asked.place, "transforms")?)
                    }
                };
                transforms.push((fields, *transform));
            }
        }
        Ok(Shaping {
            transforms,
            empty_as_null: options.empty_as_null,
            null_if: options.null_if.clone(),
            max_decimals: options.max_decimals,
            nesting: options.nesting.unwrap_or_default(),
        })
    }

    /// What was asked of single columns. A column may be called by its field or by the name that `select` gives it.
    pub(super) fn wishes(
        &self,
        listing: &Listing,
        known: &KnownStream,
        selected: Option<&[Selected]>,
    ) -> Result<Vec<ColumnWish>, Error> {
        let typing = &listing.settings.target.typing;
        let mut wishes = Vec::new();
        for spec in &listing.settings.columns {
            let field = match spec.name.as_str() {
                EVERY_COLUMN => EVERY_COLUMN.to_owned(),
                name => self.column_field(listing, known, name, selected, spec.place)?,
            };
            wishes.push(self.wish(spec, field, typing.apply(spec.ty)));
        }
        if let Some(ty) = typing.text()
            && !wishes.iter().any(|wish| wish.field == EVERY_COLUMN)
        {
            let unnamed = known.texts.iter().filter(|text| !wishes.iter().any(|wish| wish.field == **text));
            let rules = ColumnRules { storage: Some(ty.storage()), ..ColumnRules::default() };
            let of_texts: Vec<ColumnWish> = unnamed
                .map(|field| ColumnWish {
                    field: field.clone(),
                    ty: None,
                    rules: rules.clone(),
                    constraint: None,
                })
                .collect();
            wishes.extend(of_texts);
        }
        Ok(wishes)
    }

    fn wish(&self, spec: &ColumnSpec, field: String, ty: ColumnType) -> ColumnWish {
        let on_broken = self.setting.switches.on_broken.unwrap_or(OnBroken::Warn);
        ColumnWish {
            field,
            ty: ty.kind(),
            rules: ColumnRules {
                storage: Some(ty.storage()),
                not_null: spec.not_null,
                description: spec.description.clone(),
            },
            constraint: spec.constraint.clone().map(|constraint| (constraint, on_broken)),
        }
    }

    fn column_field(
        &self,
        listing: &Listing,
        known: &KnownStream,
        name: &str,
        selected: Option<&[Selected]>,
        place: Place,
    ) -> Result<String, Error> {
        let renamed = selected.unwrap_or_default().iter().find(|selected| {
            selected.column.as_ref().is_some_and(|column| column.eq_ignore_ascii_case(name))
        });
        match renamed {
            Some(selected) => Ok(selected.field.clone()),
            None => self.field(listing, known, name, place, "columns"),
        }
    }
}

/// Puts what becomes of the stream's table into `task`; what has no effect goes to `notes`.
pub(super) fn apply(
    resolver: &Resolver<'_>,
    listing: &Listing,
    known: &KnownStream,
    task: &mut StreamTask,
    notes: &mut Vec<String>,
) -> Result<(), Error> {
    let options = &listing.settings.target;
    let switches = &resolver.setting.switches;
    task.table_wish = TableWish {
        casing: options.casing,
        evolution: options.evolution(),
        merge: options.merge.unwrap_or_default(),
        absence: options.absence.clone(),
        rules: rules(resolver, listing, known, task)?,
        system: system(resolver, listing, task),
        statements: Statements::default(),
        staging: staging(resolver, listing, task)?,
        keep_staging: switches.keep_staging,
        direct: direct(resolver, listing, task, notes)?,
        ignore_existing: options.ignore_existing,
    };
    let variables = with_table(resolver.variables_of(listing), resolver, task);
    task.table_wish.rules.ddl = options.ddl.as_ref().map(|ddl| variables.fill(ddl));
    task.table_wish.statements = Statements {
        before_load: sql(resolver, listing, options.before.as_ref(), &variables)?,
        after_load: sql(resolver, listing, options.after.as_ref(), &variables)?,
        isolation: options.isolation.clone(),
        ..Statements::default()
    };
    Ok(())
}

/// Keys and indexes: those of `table_keys`, and those that columns name.
fn rules(
    resolver: &Resolver<'_>,
    listing: &Listing,
    known: &KnownStream,
    task: &StreamTask,
) -> Result<TableRules, Error> {
    let options = &listing.settings.target;
    let mut rules = TableRules {
        primary: options.primary.clone(),
        unique: options.unique.clone(),
        indexes: options.indexes.clone(),
        ddl: None,
    };
    let mut named: BTreeMap<(bool, String), Vec<(u64, String)>> = BTreeMap::new();
    for spec in &listing.settings.columns {
        if !spec.primary_key && spec.indexes.is_empty() {
            continue;
        }
        let field = resolver.column_field(listing, known, &spec.name, task.select.as_deref(), spec.place)?;
        if spec.primary_key && options.primary.is_none() {
            rules.primary.get_or_insert_default().push(field.clone());
        }
        for index in &spec.indexes {
            match &index.name {
                Some(name) => {
                    let columns = named.entry((index.unique, name.clone())).or_default();
                    columns.push((index.priority, field.clone()));
                }
                None if index.unique => rules.unique.push(vec![field.clone()]),
                None => rules.indexes.push(vec![field.clone()]),
            }
        }
    }
    for ((unique, _), mut columns) in named {
        // Columns of the same priority stay in the order of the file.
        columns.sort_by_key(|(priority, _)| *priority);
        let columns = columns.into_iter().map(|(_, column)| column).collect();
        if unique { rules.unique.push(columns) } else { rules.indexes.push(columns) }
    }
    Ok(rules)
}

/// System columns that this table needs for what was asked of it.
fn system(resolver: &Resolver<'_>, listing: &Listing, task: &StreamTask) -> Vec<(Origin, String)> {
    let options = &listing.settings.target;
    let mut system = Vec::new();
    let marks = options.absence.as_ref().is_some_and(|absence| absence.action == AbsenceAction::Mark);
    // Our own landing has such a column anyway.
    let is_theirs = resolver.setting.style == Style::Sling;
    if marks && is_theirs && !resolver.setting.switches.synced_at {
        system.push((Origin::DeletedAt, DELETED_AT.to_owned()));
    }
    let keeps_versions = options.merge == Some(MergeStrategy::History);
    if (task.mode == Mode::Snapshot || keeps_versions)
        && let Some(loaded_at) = resolver.needed_loaded_at()
    {
        system.push((Origin::LoadedAt, loaded_at.column));
    }
    system
}

/// The staging table's name. It lives in the schema of its table.
fn staging(resolver: &Resolver<'_>, listing: &Listing, task: &StreamTask) -> Result<Option<String>, Error> {
    let Some(name) = &listing.settings.target.staging else { return Ok(None) };
    let place = listing.listed.place;
    let wrong = |what: String| resolver.error(listing, place, format!("`table_tmp`: {what}"));
    let name = resolver.variables_of(listing).fill(name);
    let object = split(&name).map_err(wrong)?;
    match object.schema {
        Some(schema) if Some(&schema) != task.schema.as_ref() => {
            Err(wrong(format!("a staging table lives in the schema of its table, {schema:?} is another one")))
        }
        _ if object.table == task.table => Err(wrong("it is the table itself".to_owned())),
        _ => Ok(Some(object.table)),
    }
}

/// Whether rows go straight into the table. Where the table is replaced they cannot, and where they are merged they must
/// not.
fn direct(
    resolver: &Resolver<'_>,
    listing: &Listing,
    task: &StreamTask,
    notes: &mut Vec<String>,
) -> Result<bool, Error> {
    let appends = match task.mode {
        Mode::Snapshot => true,
        Mode::Incremental | Mode::Backfill => task.primary_key.as_ref().is_some_and(Vec::is_empty),
        Mode::FullRefresh | Mode::Truncate | Mode::DefinitionOnly => false,
    };
    let merges = !appends && matches!(task.mode, Mode::Incremental | Mode::Backfill);
    match listing.settings.target.direct {
        Some((true, place)) if merges => Err(resolver
            .error(listing, place, "`direct_insert` is not for rows that are merged by key")
            .with_hint("take it out, or append with `primary_key: []`")),
        Some((true, _)) if !appends => {
            let text = "`direct_insert` has no effect in mode";
            notes.push(format!("stream {}: {text} {}", listing.listed.name, task.mode.name()));
            Ok(false)
        }
        Some((direct, _)) => Ok(direct),
        None => Ok(appends && resolver.setting.switches.direct_insert),
    }
}

/// The variables with those of the table and its staging table.
fn with_table(mut variables: Variables, resolver: &Resolver<'_>, task: &StreamTask) -> Variables {
    let default = super::default_schema(resolver.setting.target.1);
    let schema = task.schema.as_deref().unwrap_or(default);
    let full = |table: &str| match schema {
        "" => format!("\"{table}\""),
        schema => format!("\"{schema}\".\"{table}\""),
    };
    let staging = tables::staging(task);
    variables.set_as_is("object_schema", schema);
    variables.set_as_is("object_table", &task.table);
    variables.set_as_is("object_full_name", &full(&task.table));
    variables.set_as_is("object_temp_schema", schema);
    variables.set_as_is("object_temp_table", &staging);
    variables.set_as_is("object_temp_full_name", &full(&staging));
    variables
}

/// The statements of `pre_sql` or `post_sql`: the text itself, or what stands in the file it names.
fn sql(
    resolver: &Resolver<'_>,
    listing: &Listing,
    given: Option<&(String, Place)>,
    variables: &Variables,
) -> Result<Vec<String>, Error> {
    let Some((text, place)) = given else { return Ok(Vec::new()) };
    let is_path = text.ends_with(".sql") && !text.contains(char::is_whitespace);
    let path = text.strip_prefix("file://").or_else(|| is_path.then_some(text.as_str()));
    let text = match path {
        None => text.clone(),
        Some(path) => std::fs::read_to_string(Path::new(path)).map_err(|error| {
            resolver.error(listing, *place, format!("cannot read {path}")).with_source(error)
        })?,
    };
    let filled = variables.fill(&text).replace("{object_name}", variables.value_of("object_full_name"));
    Ok(vec![filled])
}
