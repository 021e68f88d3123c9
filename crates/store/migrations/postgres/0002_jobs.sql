-- Work that starts by itself. Times are nanoseconds since 1970 by the clock of the store.

-- The right to work on a job. A row stays for good, so that each lease of a job has a higher number than the last one.
CREATE TABLE job_lease (
    job      text COLLATE "C" NOT NULL PRIMARY KEY,
    -- Who may write: the number of the newest lease that was given.
    fence    bigint           NOT NULL,
    -- The run that holds the lease; NULL where it was given back or taken away.
    run      text COLLATE "C",
    until_ns bigint           NOT NULL,
    -- How long the lease was taken for; one that ends later than that from now was written by a clock that was ahead.
    term_ns  bigint           NOT NULL,
    holder   text             NOT NULL
);

-- Makes the number a key, so that locking a row FOR KEY SHARE keeps everybody from giving the lease to somebody else, and
-- lets its holder renew it.
CREATE UNIQUE INDEX job_lease_number ON job_lease (job, fence);

-- Runs that are asked for or begun, and not ended. What moves them is `jobs::desk`, for every store the same.
CREATE TABLE job_run (
    run           text COLLATE "C" NOT NULL PRIMARY KEY,
    job           text COLLATE "C" NOT NULL,
    trigger_word  text             NOT NULL,
    queued_at_ns  bigint           NOT NULL,
    not_before_ns bigint           NOT NULL,
    attempts      bigint           NOT NULL,
    -- 'waiting' for its first attempt, 'working', or 'put_back' for another attempt.
    state         text             NOT NULL,
    -- Whether it was asked for, or begun without.
    was_queued    boolean          NOT NULL,
    stop_asked    boolean          NOT NULL,
    -- When the row was last written: a moment to come means that the clock went back.
    written_at_ns bigint           NOT NULL
);

CREATE INDEX job_run_by_job ON job_run (job);

CREATE TABLE job_schedule (
    job        text COLLATE "C" NOT NULL PRIMARY KEY,
    -- JSON as text: what comes back is what was put, to the last digit.
    definition text             NOT NULL,
    next_at_ns bigint,
    last_at_ns bigint,
    paused     boolean          NOT NULL
);

-- The latest moment that was seen, in one row: a clock that shows an earlier one went back.
CREATE TABLE store_clock (
    id        integer NOT NULL PRIMARY KEY CHECK (id = 1),
    latest_ns bigint  NOT NULL
);
