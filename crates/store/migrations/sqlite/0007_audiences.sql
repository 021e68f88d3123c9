-- Audiences, and the people of static ones.

CREATE TABLE audience (
    -- The name in lower case.
    name_key     TEXT    NOT NULL PRIMARY KEY,
    name         TEXT    NOT NULL,
    kind         TEXT    NOT NULL,
    source       TEXT    NOT NULL,
    -- The condition or the SQL, as it was typed.
    definition   TEXT    NOT NULL,
    status       TEXT    NOT NULL,
    -- Of a static one that was filled it only says so: its people are counted.
    member_count INTEGER,
    created_ns   INTEGER NOT NULL,
    updated_ns   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Who is forgotten leaves with her row.
CREATE TABLE audience_member (
    audience TEXT    NOT NULL REFERENCES audience (name_key) ON DELETE CASCADE,
    person   INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    PRIMARY KEY (audience, person)
) STRICT, WITHOUT ROWID;

CREATE INDEX audience_member_by_person ON audience_member (person);
