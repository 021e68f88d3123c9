-- Text is compared to the letter and sorted by bytes, as SQLite does it: COLLATE "C".

-- The clock of the store, nanoseconds since 1970. It moves within a transaction, and is the same for all nodes.
CREATE FUNCTION store_now_ns() RETURNS bigint LANGUAGE sql VOLATILE
    RETURN (extract(epoch FROM clock_timestamp()) * 1000000)::bigint * 1000;

-- One row per account: where the next free slot begins, and what its answers told. Times by the clock of the store.
CREATE TABLE rate_budget (
    account          text COLLATE "C"  NOT NULL PRIMARY KEY,
    -- Microseconds since 1970 at which the next free slot begins.
    tat_us           bigint            NOT NULL,
    limit_per_second double precision,
    slowdown         double precision  NOT NULL,
    slowed_at_us     bigint            NOT NULL,
    -- Where the slot or hold before the last reservation ended.
    free_since_us    bigint            NOT NULL DEFAULT 0
);

-- Times of runs and facts are nanoseconds since 1970, so that a record comes back exactly as it was put.
CREATE TABLE run (
    id             text COLLATE "C" NOT NULL PRIMARY KEY,
    replication    text COLLATE "C" NOT NULL,
    started_at_ns  bigint           NOT NULL,
    finished_at_ns bigint,
    status         text             NOT NULL,
    -- JSON as text: what comes back is what was put, to the last digit.
    summary        text             NOT NULL
);

CREATE INDEX run_by_start ON run (started_at_ns DESC, id DESC);
CREATE INDEX run_by_replication ON run (replication, started_at_ns DESC, id DESC);

CREATE TABLE account_fact (
    account     text COLLATE "C" NOT NULL,
    name        text COLLATE "C" NOT NULL,
    value       text             NOT NULL,
    found_at_ns bigint           NOT NULL,
    PRIMARY KEY (account, name)
);

-- The log of each run, in the order of `line`.
CREATE TABLE run_log (
    line    bigint           GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run     text COLLATE "C" NOT NULL,
    at_ns   bigint           NOT NULL,
    level   text             NOT NULL,
    stream  text COLLATE "C",
    message text             NOT NULL
);

CREATE INDEX run_log_by_run ON run_log (run, line);

-- Records that did not land as they came, in the order of `number`.
CREATE TABLE run_row (
    number      bigint           GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run         text COLLATE "C" NOT NULL,
    stream      text COLLATE "C" NOT NULL,
    record_key  text             NOT NULL,
    outcome     text             NOT NULL,
    column_name text             NOT NULL,
    reason      text             NOT NULL
);

CREATE INDEX run_row_by_run ON run_row (run, number);
