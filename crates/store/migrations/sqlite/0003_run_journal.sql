-- The log of each run, in the order of `line`.
CREATE TABLE run_log (
    line    INTEGER NOT NULL PRIMARY KEY,
    run     TEXT    NOT NULL,
    at_ns   INTEGER NOT NULL,
    level   TEXT    NOT NULL,
    stream  TEXT,
    message TEXT    NOT NULL
) STRICT;

CREATE INDEX run_log_by_run ON run_log (run, line);

-- Records that did not land as they came, in the order of `number`.
CREATE TABLE run_row (
    number      INTEGER NOT NULL PRIMARY KEY,
    run         TEXT    NOT NULL,
    stream      TEXT    NOT NULL,
    record_key  TEXT    NOT NULL,
    outcome     TEXT    NOT NULL,
    column_name TEXT    NOT NULL,
    reason      TEXT    NOT NULL
) STRICT;

CREATE INDEX run_row_by_run ON run_row (run, number);
