-- One row per account: where the next free slot begins, and what its answers told.
CREATE TABLE rate_budget (
    account          TEXT    NOT NULL PRIMARY KEY,
    -- Microseconds since 1970 at which the next free slot begins.
    tat_us           INTEGER NOT NULL,
    limit_per_second REAL,
    slowdown         REAL    NOT NULL,
    slowed_at_us     INTEGER NOT NULL
) STRICT;

-- Times of runs and facts are nanoseconds since 1970, so that a record comes back exactly as it was put.
CREATE TABLE run (
    id             TEXT    NOT NULL PRIMARY KEY,
    replication    TEXT    NOT NULL,
    started_at_ns  INTEGER NOT NULL,
    finished_at_ns INTEGER,
    status         TEXT    NOT NULL,
    summary        TEXT    NOT NULL
) STRICT;

CREATE INDEX run_by_start ON run (started_at_ns DESC, id DESC);
CREATE INDEX run_by_replication ON run (replication, started_at_ns DESC, id DESC);

CREATE TABLE account_fact (
    account     TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    value       TEXT    NOT NULL,
    found_at_ns INTEGER NOT NULL,
    PRIMARY KEY (account, name)
) STRICT;
