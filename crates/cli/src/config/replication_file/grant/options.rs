//! The options of source and target.

use super::{
    Grant::{self, Done, Refused, Same, Warned},
    Table,
};

const FILE_SOURCES: Grant = Warned("it is for file sources");
const FILE_TARGETS: Grant = Warned("how files are written is said by the connection's `format`");
const NO_DATABASE_OF_OURS: Grant = Warned("the databases there are have no such key");

/// The keys of `source_options`.
pub const SOURCE_OPTIONS: Table = &[
    ("limit", Done("at most so many records; the cursor stays")),
    ("offset", Done("so many records are passed over first; the cursor stays")),
    (
        "range",
        Done(
            "`from,to` or `from,to,step`: changes from a day or moment to another, both included; either may be empty",
        ),
    ),
    ("chunk_size", Done("with `range`: it is read in windows of this length, such as `7d`")),
    (
        "flatten",
        Done(
            "1 keeps nested values as JSON; a deeper one makes columns of their members, names joined by `__`; `true` goes all the way; `false` lands the record as one JSON column `data`",
        ),
    ),
    ("empty_as_null", Done("empty texts become null")),
    ("null_if", Done("texts equal to this become null")),
    ("max_decimals", Done("numbers are rounded to so many decimals; -1 leaves them")),
    ("columns", Done("as if it stood beside `source_options`")),
    ("transforms", Done("as if it stood beside `source_options`")),
    ("datetime_format", Warned("types are declared here, not guessed")),
    ("chunk_count", Warned("it is for database sources")),
    ("chunk_expr", Warned("it is for database sources")),
    ("jmespath", Refused("record paths are fixed for this source")),
    ("jq", Refused("record paths are fixed for this source")),
    ("header", FILE_SOURCES),
    ("delimiter", FILE_SOURCES),
    ("quote", FILE_SOURCES),
    ("escape", FILE_SOURCES),
    ("encoding", FILE_SOURCES),
    ("compression", FILE_SOURCES),
    ("format", FILE_SOURCES),
    ("sheet", FILE_SOURCES),
    ("skip_lines", FILE_SOURCES),
    ("skip_blank_lines", FILE_SOURCES),
    ("fields_per_rec", FILE_SOURCES),
];

/// The keys of `target_options`.
pub const TARGET_OPTIONS: Table = &[
    ("add_new_columns", Done("new fields become columns; `false` leaves their values out and counts them")),
    ("adjust_column_type", Done("a narrower column is widened where no value changes by it")),
    ("column_casing", Done("`normalize`, `source`, `target`, `snake`, `upper`, `lower`, `camel`")),
    ("column_typing", Done("see there")),
    (
        "delete_missing",
        Done("`soft`, `hard`, or a map; a row goes when two reads of everything in a row did not show it"),
    ),
    ("merge_strategy", Done("how a row meets one of the same key")),
    ("table_keys", Done("`primary`, `unique`, `index`: lists of columns")),
    ("table_ddl", Done("the statement that makes the table, with `{col_types}`")),
    ("table_tmp", Done("name of the staging table")),
    (
        "pre_sql",
        Done("SQL, or a file (`file://…` or a path that ends in `.sql`), run before the load in its session"),
    ),
    ("post_sql", Done("likewise, after the load")),
    ("direct_insert", Done("rows go straight into the table; not where rows are merged by key")),
    ("batch_limit", Done("a commit takes no more rows; of several streams the smallest counts for the run")),
    (
        "batch_max_duration",
        Done(
            "what was read waits for nothing but the commit before it, so it is never later than any duration of more than a moment",
        ),
    ),
    ("isolation_level", Done("of the transaction that moves rows into their table")),
    ("ignore_existing", Done("a table that is there is left alone")),
    ("use_bulk", Same("rows are always loaded in bulk")),
    ("format", FILE_TARGETS),
    ("compression", FILE_TARGETS),
    ("delimiter", FILE_TARGETS),
    ("header", FILE_TARGETS),
    ("file_max_rows", FILE_TARGETS),
    ("file_max_bytes", FILE_TARGETS),
    ("encoding", FILE_TARGETS),
    ("datetime_format", FILE_TARGETS),
    ("concurrency", FILE_TARGETS),
];

/// The keys of `column_typing`.
pub const COLUMN_TYPING: Table = &[
    ("string", Done("`min_length`, `max_length`, `length_factor`, `use_max`")),
    ("decimal", Done("`cast_as`, precision and scale")),
    ("json", Warned("JSON documents have one type in each target")),
    ("boolean", Warned("true and false have one type in each target")),
];

/// The keys of `column_typing.string`.
pub const STRING_TYPING: Table = &[
    ("max_length", Done("text columns get this length; a longer value puts its row aside")),
    ("min_length", Done("the least length a text column gets")),
    ("length_factor", Done("lengths of `columns` are multiplied by it")),
    ("use_max", Done("text columns get `max_length`")),
];

/// The keys of `column_typing.decimal`.
pub const DECIMAL_TYPING: Table = &[
    ("cast_as", Done("`float` or `string` for every `decimal` of `columns`")),
    ("min_precision", Done("the least precision a `decimal` gets")),
    ("max_precision", Done("the most")),
    ("min_scale", Done("the least scale a `decimal` gets")),
    ("max_scale", Done("the most")),
];

/// The keys of `delete_missing` where it is a map.
pub const DELETE_MISSING: Table = &[
    ("type", Done("`soft` writes the time into `_sling_deleted_at`, `hard` deletes")),
    ("where", Done("SQL condition: only rows of the table that meet it are looked at")),
    ("target_where", Done("the same")),
    ("source_where", Warned("it is SQL for database sources")),
];

/// The values of `merge_strategy`.
#[cfg(test)]
pub const MERGE_STRATEGY: Table = &[
    ("update_insert", Done("a new key is added, a row that differs is changed")),
    ("delete_insert", Done("rows of the keys that came are deleted, then all are added")),
    ("insert", Done("a known key is left alone")),
    ("update", Done("a new key is left alone")),
    ("history_insert", Done("a row that differs is added beside the newest of its key")),
];

/// The keys of `table_keys`.
pub const TABLE_KEYS: Table = &[
    ("primary", Done("primary key")),
    ("unique", Done("unique index; a list of lists makes several")),
    ("index", Done("index; likewise")),
    ("sort", NO_DATABASE_OF_OURS),
    ("cluster", NO_DATABASE_OF_OURS),
    ("partition", NO_DATABASE_OF_OURS),
    ("distribution", NO_DATABASE_OF_OURS),
    ("duplicate", NO_DATABASE_OF_OURS),
    ("aggregate", NO_DATABASE_OF_OURS),
    ("hash", NO_DATABASE_OF_OURS),
    ("incremental", NO_DATABASE_OF_OURS),
    ("update", NO_DATABASE_OF_OURS),
];
