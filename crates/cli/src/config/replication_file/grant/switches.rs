//! The switches: names that begin with `SLING_`, in the file's `env` or in the process.

use super::{
    Grant::{Done, Same, Warned},
    Table,
};

/// The switches. Any other `SLING_…` is warned about.
pub const SWITCH: Table = &[
    (
        "SLING_LOADED_AT_COLUMN",
        Done(
            "`true` or `unix`: `_sling_loaded_at` in whole seconds; `timestamp`: as an instant; `false`: none",
        ),
    ),
    (
        "SLING_SYNCED_AT_COLUMN",
        Done("`_sling_synced_at` and `_sling_synced_op` (`I`, `U`, `D`), also for rows that are gone"),
    ),
    ("SLING_EXEC_ID_COLUMN", Done("`_sling_exec_id`: the run")),
    ("SLING_ROW_ID_COLUMN", Done("`_sling_row_id`: a UUID of version 7")),
    ("SLING_ROW_NUM_COLUMN", Done("`_sling_row_num`: the row's number in its stream")),
    ("SLING_STATE", Done("`CONN/schema`, where CONN is the target: the schema of the state table")),
    ("SLING_THREADS", Done("streams read at a time; the request rate stays that of the account")),
    ("SLING_RETRIES", Done("how often a stream that failed in passing is begun again")),
    ("SLING_RETRY_DELAY", Done("how long to wait before")),
    ("SLING_TIMEOUT", Done("minutes after which the run ends at its next safe point")),
    ("SLING_ALLOW_EMPTY", Done("a stream without rows makes an empty table")),
    ("SLING_ALLOW_EMPTY_TABLES", Done("the same")),
    ("SLING_LOGGING", Done("`JSON`: one object a line; `CONSOLE`; `NO_COLOR`")),
    ("SLING_OUTPUT", Done("form of `conns list` and `conns discover`: `text`, `csv`, `json`")),
    ("SLING_ON_CONSTRAINT_FAILURE", Done("`warn`, `skip` or `abort`")),
    ("SLING_LIMIT", Done("at most so many records of each stream")),
    ("SLING_KEEP_TEMP", Done("staging tables are left where they are")),
    ("SLING_DIRECT_INSERT", Done("as `target_options.direct_insert`, where rows are appended")),
    ("SLING_DRY_RUN", Done("the plan is printed and nothing is read or written")),
    ("SLING_STREAM_CNT", Done("the run fails unless so many streams were done: `N` or `>N`")),
    ("SLING_ROW_CNT", Done("the same for rows")),
    ("SLING_TOTAL_BYTES", Done("the same for bytes that the source sent, unpacked")),
    ("SLING_CONSTRAINT_FAILS", Done("the same for values that broke a constraint")),
    ("SLING_HOME_DIR", Done("folder of `env.yaml`")),
    ("SLING_ENV_YAML", Done("text of an `env.yaml`")),
    ("ENV_YAML", Done("the same")),
    ("SLING_SAMPLE_SIZE", Same("types are declared, no sample is taken")),
    ("SLING_BATCH_SIZE", Same("batches are as large as a commit")),
    ("SLING_CHECKSUM_ROWS", Same("rows are always counted before they are moved")),
    ("SLING_DISABLE_TELEMETRY", Same("nothing is sent to anybody")),
    ("SLING_SHOW_PROGRESS", Same("see `--progress`")),
    ("SLING_STREAM_URL_COLUMN", Warned("it is for file sources")),
];
