-- What happened, for people to read: a chain in which each line carries a hash over itself and the line before.
CREATE TABLE activity (
    number     INTEGER NOT NULL PRIMARY KEY,
    at_ns      INTEGER NOT NULL,
    kind       TEXT    NOT NULL,
    message    TEXT    NOT NULL,
    object     TEXT    NOT NULL,
    object_key TEXT    NOT NULL,
    direction  TEXT,
    status     TEXT,
    connection TEXT,
    run        TEXT,
    code       TEXT,
    -- JSON: [{"field", "before", "after"}].
    changes    TEXT    NOT NULL,
    hash       TEXT    NOT NULL
) STRICT;

CREATE INDEX activity_by_at ON activity (at_ns);
CREATE INDEX activity_by_kind ON activity (kind, number);
CREATE INDEX activity_by_status ON activity (status, number) WHERE status IS NOT NULL;
CREATE INDEX activity_by_object ON activity (object, object_key, number);
CREATE INDEX activity_by_run ON activity (run, number) WHERE run IS NOT NULL;
CREATE INDEX activity_by_connection ON activity (connection, number) WHERE connection IS NOT NULL;

-- Both ends of the chain, in one row: what was forgotten ends at the base, what was written ends at the head.
CREATE TABLE activity_chain (
    id          INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    base_number INTEGER NOT NULL,
    base_hash   TEXT    NOT NULL,
    head_number INTEGER NOT NULL,
    head_hash   TEXT    NOT NULL
) STRICT;

INSERT INTO activity_chain VALUES (1, 0, '', 0, '');
