-- What happened, for people to read: a chain in which each line carries a hash over itself and the line before.
CREATE TABLE activity (
    number     bigint           NOT NULL PRIMARY KEY,
    at_ns      bigint           NOT NULL,
    kind       text             NOT NULL,
    message    text             NOT NULL,
    object     text             NOT NULL,
    object_key text COLLATE "C" NOT NULL,
    direction  text,
    status     text,
    connection text COLLATE "C",
    run        text COLLATE "C",
    code       text,
    -- JSON as text: [{"field", "before", "after"}].
    changes    text             NOT NULL,
    hash       text             NOT NULL
);

CREATE INDEX activity_by_at ON activity (at_ns);
CREATE INDEX activity_by_kind ON activity (kind, number);
CREATE INDEX activity_by_status ON activity (status, number) WHERE status IS NOT NULL;
CREATE INDEX activity_by_object ON activity (object, object_key, number);
CREATE INDEX activity_by_run ON activity (run, number) WHERE run IS NOT NULL;
CREATE INDEX activity_by_connection ON activity (connection, number) WHERE connection IS NOT NULL;

-- Both ends of the chain, in one row: what was forgotten ends at the base, what was written ends at the head.
CREATE TABLE activity_chain (
    id          integer NOT NULL PRIMARY KEY CHECK (id = 1),
    base_number bigint  NOT NULL,
    base_hash   text    NOT NULL,
    head_number bigint  NOT NULL,
    head_hash   text    NOT NULL
);

INSERT INTO activity_chain VALUES (1, 0, '', 0, '');
