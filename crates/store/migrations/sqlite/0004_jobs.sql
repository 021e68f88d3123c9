-- Work that starts by itself. Times are nanoseconds since 1970 by the clock of the store.

-- The right to work on a job. A row stays for good, so that each lease of a job has a higher number than the last one.
CREATE TABLE job_lease (
    job      TEXT    NOT NULL PRIMARY KEY,
    -- Who may write: the number of the newest lease that was given.
    fence    INTEGER NOT NULL,
    -- The run that holds the lease; NULL where it was given back or taken away.
    run      TEXT,
    until_ns INTEGER NOT NULL,
    -- How long the lease was taken for; one that ends later than that from now was written by a clock that was ahead.
    term_ns  INTEGER NOT NULL,
    holder   TEXT    NOT NULL
) STRICT;

-- Runs that are asked for or begun, and not ended. What moves them is `jobs::desk`, for every store the same.
CREATE TABLE job_run (
    run           TEXT    NOT NULL PRIMARY KEY,
    job           TEXT    NOT NULL,
    trigger_word  TEXT    NOT NULL,
    queued_at_ns  INTEGER NOT NULL,
    not_before_ns INTEGER NOT NULL,
    attempts      INTEGER NOT NULL,
    -- 'waiting' for its first attempt, 'working', or 'put_back' for another attempt.
    state         TEXT    NOT NULL,
    -- 1 where it was asked for, 0 where it was begun without.
    was_queued    INTEGER NOT NULL,
    stop_asked    INTEGER NOT NULL,
    -- When the row was last written: a moment to come means that the clock went back.
    written_at_ns INTEGER NOT NULL
) STRICT;

CREATE INDEX job_run_by_job ON job_run (job);

CREATE TABLE job_schedule (
    job        TEXT    NOT NULL PRIMARY KEY,
    definition TEXT    NOT NULL,
    next_at_ns INTEGER,
    last_at_ns INTEGER,
    paused     INTEGER NOT NULL
) STRICT;

-- The latest moment that was seen, in one row: a clock that shows an earlier one went back.
CREATE TABLE store_clock (
    id        INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    latest_ns INTEGER NOT NULL
) STRICT;
