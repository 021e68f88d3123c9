//! Every key of a replication file and what this version does with it.
//!
//! One table per map of the file, to the letter of the format's description. What is not granted yet is refused by
//! name; what means nothing for this source is warned about; what is ours already is taken silently.

/// What is done with a key or a switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grant {
    /// Carried out.
    Done,
    /// Accepted; nothing to do for this source.
    Same,
    /// Accepted and ignored, with a word about why.
    Warned(&'static str),
    /// Refused until a later version does it.
    Later,
    /// Refused for good, with the reason.
    Refused(&'static str),
}

use Grant::{Done, Later, Refused, Same, Warned};

/// Keys with what is done about them.
pub type Table = &'static [(&'static str, Grant)];

/// The keys of the file itself.
pub const ROOT: Table = &[
    ("source", Done),
    ("target", Done),
    ("defaults", Done),
    ("streams", Done),
    ("env", Done),
    ("hooks", Done),
    ("steps", Refused("the file is a pipeline; pipelines are not done, give a replication file")),
];

/// The keys of `defaults` and of each stream.
pub const STREAM: Table = &[
    ("object", Done),
    ("mode", Done),
    ("primary_key", Done),
    ("update_key", Done),
    ("select", Done),
    ("disabled", Done),
    ("source_options", Done),
    ("single", Same),
    (
        "where",
        Warned("it is for database sources; narrow the stream with `select` or `source_options.limit`"),
    ),
    ("schedule", Warned("it is for the hosted platform")),
    ("change_capture_options", Warned("it is for database sources")),
    ("columns", Later),
    ("description", Later),
    ("id", Later),
    ("tags", Later),
    ("transforms", Later),
    ("target_options", Later),
    ("hooks", Done),
    ("sql", Refused("it is for database sources")),
    ("files", Refused("it is for file sources")),
];

const FILE_SOURCES: Grant = Warned("it is for file sources");

/// The keys of `source_options`.
pub const SOURCE_OPTIONS: Table = &[
    ("limit", Done),
    ("offset", Later),
    ("range", Later),
    ("flatten", Later),
    ("empty_as_null", Later),
    ("null_if", Later),
    ("max_decimals", Later),
    ("columns", Later),
    ("transforms", Later),
    ("chunk_size", Later),
    ("chunk_count", Warned("it is for database sources")),
    ("chunk_expr", Warned("it is for database sources")),
    ("datetime_format", Warned("types are declared here, not guessed")),
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

/// The values of `mode`.
pub const MODE: Table = &[
    ("full-refresh", Done),
    ("incremental", Done),
    ("truncate", Done),
    ("snapshot", Later),
    ("backfill", Later),
    ("definition-only", Later),
    ("change-capture", Refused("it is for database sources")),
];

/// The switches: names that begin with `SLING_`, in the file's `env` or in the process.
pub const SWITCH: Table = &[
    ("SLING_LIMIT", Done),
    ("SLING_HOME_DIR", Done),
    ("SLING_LOADED_AT_COLUMN", Done),
    ("SLING_ENV_YAML", Done),
    ("SLING_SAMPLE_SIZE", Same),
    ("SLING_BATCH_SIZE", Same),
    ("SLING_CHECKSUM_ROWS", Same),
    ("SLING_DISABLE_TELEMETRY", Same),
    ("SLING_SHOW_PROGRESS", Same),
    ("SLING_STREAM_URL_COLUMN", FILE_SOURCES),
    ("SLING_SYNCED_AT_COLUMN", Later),
    ("SLING_EXEC_ID_COLUMN", Later),
    ("SLING_ROW_ID_COLUMN", Later),
    ("SLING_ROW_NUM_COLUMN", Later),
    ("SLING_STATE", Later),
    ("SLING_THREADS", Later),
    ("SLING_RETRIES", Later),
    ("SLING_RETRY_DELAY", Later),
    ("SLING_TIMEOUT", Later),
    ("SLING_ALLOW_EMPTY", Later),
    ("SLING_ALLOW_EMPTY_TABLES", Later),
    ("SLING_LOGGING", Later),
    ("SLING_OUTPUT", Later),
    ("SLING_ON_CONSTRAINT_FAILURE", Later),
    ("SLING_KEEP_TEMP", Later),
    ("SLING_DIRECT_INSERT", Later),
    ("SLING_DRY_RUN", Later),
    ("SLING_STREAM_CNT", Later),
    ("SLING_ROW_CNT", Later),
    ("SLING_TOTAL_BYTES", Later),
    ("SLING_CONSTRAINT_FAILS", Later),
];

const OF_A_STREAM: Grant = Refused("it belongs to a stream; the hooks of the file are `start` and `end`");
const OF_THE_FILE: Grant =
    Refused("it belongs to the file; the hooks of a stream are `pre`, `post`, `pre_merge`, `post_merge`");

/// The keys of `hooks` at the root of the file.
pub const HOOKS_OF_RUN: Table = &[
    ("start", Done),
    ("end", Done),
    ("pre", OF_A_STREAM),
    ("post", OF_A_STREAM),
    ("pre_merge", OF_A_STREAM),
    ("post_merge", OF_A_STREAM),
];

/// The keys of `hooks` of a stream.
pub const HOOKS_OF_STREAM: Table = &[
    ("pre", Done),
    ("post", Done),
    ("pre_merge", Done),
    ("post_merge", Done),
    ("start", OF_THE_FILE),
    ("end", OF_THE_FILE),
];

/// The values of a hook's `type`.
pub const HOOK_TYPE: Table = &[
    ("log", Done),
    ("query", Done),
    ("http", Done),
    ("check", Done),
    ("command", Done),
    ("write", Done),
    ("read", Done),
    ("store", Done),
    ("copy", Refused("copying files is the work of other tools; a `command` hook can call one")),
    ("delete", Refused("hooks delete nothing; a `command` hook can")),
    ("list", Refused("hooks list no folders; a `command` hook can")),
    ("inspect", Refused("hooks look at no files; a `command` hook can")),
    ("group", Refused("write its steps one after another")),
    ("routine", Refused("write its steps one after another")),
    ("replication", Refused("run the other file by itself: `achub run FOLDER` runs several in order")),
];

/// The keys every hook has.
pub const HOOK: Table = &[("type", Done), ("id", Done), ("if", Done), ("on_failure", Done)];

/// The keys of a hook of this type beside those of every hook.
pub fn hook_keys(hook_type: &str) -> Table {
    match hook_type {
        "log" => &[("message", Done), ("level", Done)],
        "query" => &[
            ("connection", Done),
            ("query", Done),
            ("sql", Done),
            ("into", Done),
            ("transient", Done),
            ("operation", Done),
            ("params", Done),
        ],
        "http" => &[
            ("url", Done),
            ("method", Done),
            ("headers", Done),
            ("payload", Done),
            ("body", Done),
            ("into", Done),
            ("timeout", Done),
        ],
        "check" => &[("check", Done), ("failure_message", Done), ("success_message", Done), ("vars", Done)],
        "command" => &[
            ("command", Done),
            ("working_dir", Done),
            ("env", Done),
            ("print", Done),
            ("into", Done),
            ("timeout", Done),
        ],
        "write" => &[("to", Done), ("content", Done)],
        "read" => &[("from", Done), ("into", Done)],
        "store" => &[("key", Done), ("value", Done), ("delete", Done)],
        _ => &[],
    }
}

/// What is done with `key`, `None` where nobody knows it.
pub fn grant(table: Table, key: &str) -> Option<Grant> {
    table.iter().find(|(known, _)| *known == key).map(|(_, grant)| *grant)
}

/// All names of a table.
pub fn names(table: Table) -> impl Iterator<Item = &'static str> + Clone {
    table.iter().map(|(name, _)| *name)
}
