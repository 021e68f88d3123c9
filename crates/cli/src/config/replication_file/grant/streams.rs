//! The file itself, its streams, modes, columns and transforms.

use super::{
    Grant::{Done, Refused, Same, Warned},
    Table,
};

/// The keys of the file itself.
pub const ROOT: Table = &[
    ("source", Done("the account: a connection's name")),
    ("target", Done("a connection's name, or a URL such as `sqlite://FILE`")),
    ("defaults", Done("what streams take where they name nothing")),
    (
        "streams",
        Done(
            "stream names and patterns, in the order of work; nothing behind a name means all from `defaults`",
        ),
    ),
    ("hooks", Done("`start` and `end`")),
    ("env", Done("variables: put in for `{NAME}` everywhere in the file, and set for the run")),
    ("steps", Refused("the file is a pipeline; pipelines are not done, give a replication file")),
];

/// The keys of `defaults` and of each stream.
pub const STREAM: Table = &[
    ("object", Done("template of the table's name")),
    (
        "mode",
        Done(
            "how the stream is read and landed; without one, `full-refresh` unless the file or a flag names a key",
        ),
    ),
    ("primary_key", Done("fields rows are merged by; `[]` takes the key away")),
    ("update_key", Done("the field compared with the cursor")),
    ("select", Done("fields, their order and their names")),
    ("columns", Done("types, modifiers and constraints of columns")),
    ("transforms", Done("pure changes of values: names for all text fields, or by field")),
    ("source_options", Done("see there")),
    ("target_options", Done("see there")),
    ("hooks", Done("`pre`, `post`, `pre_merge`, `post_merge`")),
    ("disabled", Done("leaves the stream out, also where a pattern named it")),
    ("description", Done("comment of the table, shown in the report")),
    ("id", Done("name of the stream in reports and hooks; `--streams` selects by it")),
    ("tags", Done("`--streams tag:NAME` selects by it, `-tag:NAME` leaves out")),
    ("single", Same("a pattern without a stream variable in `object` stays one stream anyway")),
    (
        "where",
        Warned("it is for database sources; narrow the stream with `source_options.range` or `select`"),
    ),
    ("schedule", Warned("it is for the hosted platform; start `achub run` from cron or a timer")),
    ("change_capture_options", Warned("it is for database sources")),
    ("sql", Refused("it is for database sources")),
    ("files", Refused("it is for file sources")),
];

/// The values of `mode`.
pub const MODE: Table = &[
    ("full-refresh", Done("everything is read; the table is made again, in one transaction")),
    (
        "incremental",
        Done("changes since the cursor are read and merged by key, or appended where there is none"),
    ),
    ("truncate", Done("everything is read; the table is emptied and filled, in one transaction")),
    ("snapshot", Done("everything is read and appended, with `_sling_loaded_at`")),
    ("backfill", Done("changes within `source_options.range` are read and merged; the cursor stays")),
    ("definition-only", Done("the table is made without rows; nothing is read")),
    ("change-capture", Refused("it is for database sources")),
];

/// The types of `columns`.
pub const COLUMN_TYPE: Table = &[
    ("bigint", Done("64-bit integer")),
    ("integer", Done("32-bit integer")),
    ("smallint", Done("16-bit integer")),
    ("bool", Done("true or false")),
    ("date", Done("a day")),
    ("datetime", Done("date and time without a zone, in UTC")),
    ("timestamp", Done("date and time without a zone, in UTC")),
    ("timestampz", Done("an instant")),
    ("decimal", Done("`decimal(p,s)`: `p` digits, `s` of them behind the point")),
    ("float", Done("double")),
    ("string", Done("`string(n)`: text of at most `n` characters")),
    ("text", Done("`text(n)`: text of at most `n` characters")),
    ("json", Done("JSON document")),
    ("uuid", Done("UUID")),
    ("time", Done("time of the day")),
    ("timez", Done("time of the day with its distance to UTC")),
    ("binary", Done("bytes; text is stored as UTF-8")),
    ("geometry", Warned("no target of ours has geometry; the values land as text")),
];

/// The modifiers of `columns`.
pub const MODIFIER: Table = &[
    ("not_null", Done("rows without a value are put aside")),
    ("nullable", Done("as without it")),
    ("primary_key", Done("part of the table's primary key")),
    ("unique", Done("unique index")),
    ("index", Done("index; `index(name=n,priority=1)` puts columns of one name together")),
    ("unique_index", Done("unique index; likewise")),
    ("description", Done("`description('text')`: comment of the column")),
    ("default", Refused("it is reserved and not yet supported")),
    ("check", Refused("it is reserved and not yet supported; write a constraint behind `|`")),
    ("auto_increment", Refused("it is reserved and not yet supported")),
    ("identity", Refused("it is reserved and not yet supported")),
];

/// The names of `transforms`. Each that is done has its pure function in the engine.
pub const TRANSFORM: Table = &[
    ("trim_space", Done("white space around the text goes")),
    ("lower", Done("lower case")),
    ("upper", Done("upper case")),
    ("empty_as_null", Done("the empty text becomes null")),
    ("replace_accents", Done("letters with accents become plain letters")),
    ("remove_diacritics", Done("combining marks go")),
    ("replace_non_printable", Done("characters that cannot be printed go")),
    ("replace_0x00", Done("NUL characters go")),
    ("hash_md5", Done("MD5 in hexadecimal digits")),
    ("hash_sha256", Done("SHA-256 in hexadecimal digits")),
    ("hash_sha512", Done("SHA-512 in hexadecimal digits")),
    ("parse_uuid", Done("32 hexadecimal digits become a UUID's text")),
    ("parse_bit", Done("a bit becomes `true` or `false`")),
];
