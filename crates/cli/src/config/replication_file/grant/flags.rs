//! The flags of `run` that a Sling user types.

use super::{
    Grant::{Done, Refused},
    Table,
};

/// Flags with what is done about them.
pub const FLAG: Table = &[
    (
        "-r, --replication FILE",
        Done("runs a file; without the flag, a file or a folder: all its files in the order of their names"),
    ),
    ("--streams A,B*", Done("names, ids, patterns, `tag:NAME` or `-tag:NAME`")),
    ("-m, --mode", Done("for every stream")),
    ("-l, --limit", Done("for every stream")),
    ("-o, --offset", Done("for every stream")),
    ("--range", Done("for every stream")),
    ("--primary-key", Done("for every stream")),
    ("--update-key", Done("for every stream")),
    ("-s, --select", Done("for every stream")),
    ("--columns", Done("for every stream; YAML or JSON")),
    ("--transforms", Done("for every stream; YAML or JSON")),
    ("--env", Done("variables, YAML or JSON; they win over the file's")),
    ("--src-conn, --src-stream, --tgt-conn, --tgt-object", Done("one stream without a file")),
    ("--src-options, --tgt-options", Done("YAML or JSON")),
    (
        "--stdout",
        Done(
            "rows go to standard output as they are read: CSV, with `--json` JSON lines; no target is needed",
        ),
    ),
    ("-d, --debug", Done("tells more, as `-v`")),
    ("--trace", Done("tells everything, as `-vv`")),
    ("--strict", Done("refuses unknown keys of the file")),
    ("--allow-commands", Done("lets `command` hooks start programs")),
    ("--home-dir", Done("folder of `env.yaml`")),
    ("-c, --config", Refused("task files are not done; write a replication file")),
    ("-p, --pipeline", Refused("pipelines are not done; write replication files and run their folder")),
    ("it, mcp, project, update", Refused("these commands have no counterpart")),
];
