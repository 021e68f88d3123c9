//! Hooks: where they may stand, their types, their keys.

use super::{
    Grant::{self, Done, Refused},
    Table,
};

const OF_A_STREAM: Grant = Refused("it belongs to a stream; the hooks of the file are `start` and `end`");
const OF_THE_FILE: Grant =
    Refused("it belongs to the file; the hooks of a stream are `pre`, `post`, `pre_merge`, `post_merge`");
const INTO: (&str, Grant) = ("into", Done("name in the store under which the result is kept"));
const TIMEOUT: (&str, Grant) = ("timeout", Done("how long it may take: seconds, or a text such as `2m`"));

/// The keys of `hooks` at the root of the file.
pub const HOOKS_OF_RUN: Table = &[
    ("start", Done("before the first request")),
    ("end", Done("when every stream is done or has failed")),
    ("pre", OF_A_STREAM),
    ("post", OF_A_STREAM),
    ("pre_merge", OF_A_STREAM),
    ("post_merge", OF_A_STREAM),
];

/// The keys of `hooks` of a stream.
pub const HOOKS_OF_STREAM: Table = &[
    ("pre", Done("before the stream is loaded")),
    ("post", Done("when the stream is done or has failed")),
    ("pre_merge", Done("when all rows are collected")),
    ("post_merge", Done("when the rows are in their table")),
    ("start", OF_THE_FILE),
    ("end", OF_THE_FILE),
];

/// The values of a hook's `type`.
pub const HOOK_TYPE: Table = &[
    ("log", Done("says something")),
    ("query", Done("runs SQL on a connection")),
    ("http", Done("sends a request; private addresses are refused unless allowed")),
    ("check", Done("fails where a comparison of run figures does not hold")),
    ("command", Done("starts a program; needs `--allow-commands`")),
    ("write", Done("writes a local file")),
    ("read", Done("reads a local file")),
    ("store", Done("keeps a value for later hooks, or forgets it")),
    ("copy", Refused("copying files is the work of other tools; a `command` hook can call one")),
    ("delete", Refused("hooks delete nothing; a `command` hook can")),
    ("list", Refused("hooks list no folders; a `command` hook can")),
    ("inspect", Refused("hooks look at no files; a `command` hook can")),
    ("group", Refused("write its steps one after another")),
    ("routine", Refused("write its steps one after another")),
    ("replication", Refused("run the other file by itself: `achub run FOLDER` runs several in order")),
];

/// The keys every hook has.
pub const HOOK: Table = &[
    ("type", Done("what it does")),
    ("id", Done("by what `state.ID` names it")),
    ("if", Done("condition; it is passed over where that does not hold")),
    ("on_failure", Done("what its failure means")),
];

/// The values of `on_failure`.
#[cfg(test)]
pub const ON_FAILURE: Table = &[
    ("abort", Done("the stream fails, or the run before it began; taken where none is named")),
    ("error", Done("the run goes on and ends as failed")),
    ("warn", Done("it is said")),
    ("quiet", Done("it is not even said")),
    ("skip", Done("the stream is left out")),
    ("break", Done("no further stream is begun")),
    ("retry", Done("it is tried again")),
    ("defer", Done("it counts when the run ends")),
];

/// The keys of a hook of this type beside those of every hook.
pub fn hook_keys(hook_type: &str) -> Table {
    match hook_type {
        "log" => &[("message", Done("what is said")), ("level", Done("`debug`, `info`, `warn`, `error`"))],
        "query" => &[
            ("connection", Done("a connection's name; the target where none is named")),
            ("query", Done("the statement, or `file://…`")),
            ("sql", Done("the same")),
            INTO,
            ("transient", Done("on a connection of its own")),
            ("operation", Done("a named operation instead of a statement")),
            ("params", Done("values for `{name}` in the statement")),
        ],
        "http" => &[
            ("url", Done("where to")),
            ("method", Done("`GET` where none is named")),
            ("headers", Done("a map")),
            ("payload", Done("the body: a text, or a map that is sent as JSON")),
            ("body", Done("the same")),
            INTO,
            TIMEOUT,
        ],
        "check" => &[
            ("check", Done("the comparison")),
            ("failure_message", Done("said where it does not hold")),
            ("success_message", Done("said where it holds")),
            ("vars", Done("values for names in it")),
        ],
        "command" => &[
            ("command", Done("a line for the shell, or a list: program and arguments")),
            ("working_dir", Done("the folder it works in")),
            ("env", Done("more variables")),
            ("print", Done("what it prints is said")),
            INTO,
            TIMEOUT,
        ],
        "write" => &[("to", Done("the file")), ("content", Done("what it will hold"))],
        "read" => &[("from", Done("the file")), INTO],
        "store" => &[("key", Done("the name")), ("value", Done("the value")), ("delete", Done("forgets it"))],
        _ => &[],
    }
}
