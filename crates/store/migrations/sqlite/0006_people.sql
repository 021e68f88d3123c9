-- People, companies, lists, tags, fields, and what changed about them. Times are microseconds since 1970.
--
-- Text that is compared without regard to case has a second column where SQLite's lower(), which knows ASCII only, does not
-- fold it right: `first_folded` is NULL where lower(first_name) is the folded text.

-- The last number given out of each kind, in one row. Everybody who writes takes the row first: changes get their numbers
-- in the order in which they are committed.
CREATE TABLE people_counter (
    id          INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    person      INTEGER NOT NULL,
    company     INTEGER NOT NULL,
    list        INTEGER NOT NULL,
    tag         INTEGER NOT NULL,
    field       INTEGER NOT NULL,
    author      INTEGER NOT NULL,
    -- Lines of history, consent, undo, refusals and the outbox.
    line        INTEGER NOT NULL
) STRICT;

INSERT INTO people_counter VALUES (1, 0, 0, 0, 0, 0, 0, 0);

-- Who writes: a run through a connection; '' where there is none.
CREATE TABLE author (
    id         INTEGER NOT NULL PRIMARY KEY,
    run        TEXT    NOT NULL,
    connection TEXT    NOT NULL,
    UNIQUE (run, connection)
) STRICT;

CREATE TABLE person (
    id                 INTEGER NOT NULL PRIMARY KEY,
    version            INTEGER NOT NULL,
    email              TEXT,
    -- By which she is found; unique.
    email_key          TEXT,
    -- The address in lower case where that is not the key.
    email_folded       TEXT,
    email_domain       TEXT,
    first_name         TEXT,
    first_folded       TEXT,
    last_name          TEXT,
    last_folded        TEXT,
    -- For searching: how the last name begins in lower case, and both names.
    last_key           TEXT,
    name_key           TEXT,
    company            TEXT,
    company_folded     TEXT,
    ip                 TEXT,
    source             TEXT,
    source_folded      TEXT,
    source_page        TEXT,
    source_page_folded TEXT,
    lifetime_value     REAL,
    created_us         INTEGER NOT NULL,
    updated_us         INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX person_email ON person (email_key) WHERE email_key IS NOT NULL;
CREATE INDEX person_by_email ON person (coalesce(email_key, ''), id);
CREATE INDEX person_by_update ON person (updated_us DESC, id);
CREATE INDEX person_by_name ON person (name_key) WHERE name_key IS NOT NULL;
CREATE INDEX person_by_last ON person (last_key) WHERE last_key IS NOT NULL;
CREATE INDEX person_by_folded ON person (email_folded) WHERE email_folded IS NOT NULL;
CREATE INDEX person_by_domain ON person (email_domain) WHERE email_domain IS NOT NULL;

CREATE TABLE person_link (
    connection TEXT    NOT NULL,
    key        TEXT    NOT NULL,
    person     INTEGER NOT NULL,
    PRIMARY KEY (connection, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX person_link_by_person ON person_link (person);

CREATE TABLE list (
    id         INTEGER NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL,
    connection TEXT,
    key        TEXT,
    UNIQUE (connection, key)
) STRICT;

CREATE TABLE tag (
    id       INTEGER NOT NULL PRIMARY KEY,
    name     TEXT    NOT NULL,
    name_key TEXT    NOT NULL
) STRICT;

CREATE TABLE custom_field (
    id         INTEGER NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL,
    name_key   TEXT    NOT NULL,
    field_type TEXT    NOT NULL,
    connection TEXT,
    key        TEXT,
    tag        TEXT,
    UNIQUE (connection, key)
) STRICT;

CREATE TABLE field_option (
    field    INTEGER NOT NULL,
    position INTEGER NOT NULL,
    name     TEXT    NOT NULL,
    PRIMARY KEY (field, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE person_value (
    person  INTEGER NOT NULL,
    field   INTEGER NOT NULL,
    -- As text, in the way of the field's type.
    value   TEXT    NOT NULL,
    -- Text in lower case where lower() does not make it; the choices of a JSON array in lower case.
    folded  TEXT,
    -- Numbers, and booleans as 0 and 1.
    number  REAL,
    -- Times, and days by their beginning in UTC.
    instant INTEGER,
    -- 0 where the value says nothing.
    filled  INTEGER NOT NULL,
    author  INTEGER NOT NULL,
    at_us   INTEGER NOT NULL,
    PRIMARY KEY (person, field)
) STRICT, WITHOUT ROWID;

CREATE TABLE membership (
    person   INTEGER NOT NULL,
    list     INTEGER NOT NULL,
    status   INTEGER NOT NULL,
    cause    TEXT    NOT NULL,
    since_us INTEGER,
    PRIMARY KEY (person, list)
) STRICT, WITHOUT ROWID;

CREATE INDEX membership_by_list ON membership (list, status, person);

-- The ledger of consent: lines are added, never changed. A status of NULL says that the line before was taken back.
CREATE TABLE consent_line (
    number   INTEGER NOT NULL PRIMARY KEY,
    person   INTEGER NOT NULL,
    list     INTEGER NOT NULL,
    status   INTEGER,
    cause    TEXT,
    since_us INTEGER,
    author   INTEGER NOT NULL,
    at_us    INTEGER NOT NULL
) STRICT;

CREATE INDEX consent_line_by_person ON consent_line (person);

CREATE TABLE person_mark (
    person   INTEGER NOT NULL,
    mark     TEXT    NOT NULL,
    since_us INTEGER NOT NULL,
    PRIMARY KEY (person, mark)
) STRICT, WITHOUT ROWID;

CREATE INDEX person_mark_by_mark ON person_mark (mark, person);

CREATE TABLE person_tag (
    person INTEGER NOT NULL,
    tag    INTEGER NOT NULL,
    PRIMARY KEY (person, tag)
) STRICT, WITHOUT ROWID;

CREATE INDEX person_tag_by_tag ON person_tag (tag, person);

CREATE TABLE company (
    id          INTEGER NOT NULL PRIMARY KEY,
    name        TEXT NOT NULL,
    name_folded TEXT,
    -- How the name begins in lower case.
    name_key    TEXT NOT NULL,
    domain      TEXT
) STRICT;

CREATE INDEX company_by_name ON company (name_key);
CREATE INDEX company_by_domain ON company (domain) WHERE domain IS NOT NULL;

CREATE TABLE company_link (
    connection TEXT    NOT NULL,
    key        TEXT    NOT NULL,
    company    INTEGER NOT NULL,
    PRIMARY KEY (connection, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX company_link_by_company ON company_link (company);

CREATE TABLE person_company (
    person  INTEGER NOT NULL,
    company INTEGER NOT NULL,
    PRIMARY KEY (person, company)
) STRICT, WITHOUT ROWID;

CREATE INDEX person_company_by_company ON person_company (company, person);

CREATE TABLE opportunity (
    id         INTEGER NOT NULL PRIMARY KEY,
    version    INTEGER NOT NULL,
    title      TEXT    NOT NULL,
    -- In units of the currency.
    value      REAL,
    currency   TEXT,
    status     TEXT    NOT NULL,
    stage      TEXT,
    company    INTEGER,
    created_us INTEGER NOT NULL,
    updated_us INTEGER NOT NULL
) STRICT;

CREATE TABLE opportunity_link (
    connection  TEXT    NOT NULL,
    key         TEXT    NOT NULL,
    opportunity INTEGER NOT NULL,
    PRIMARY KEY (connection, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE opportunity_person (
    opportunity INTEGER NOT NULL,
    person      INTEGER NOT NULL,
    PRIMARY KEY (opportunity, person)
) STRICT, WITHOUT ROWID;

CREATE INDEX opportunity_person_by_person ON opportunity_person (person);

-- History: before and after, each with a letter for its type.
CREATE TABLE person_change (
    number       INTEGER NOT NULL PRIMARY KEY,
    person       INTEGER NOT NULL,
    what         TEXT    NOT NULL,
    before_value TEXT,
    after_value  TEXT,
    author       INTEGER NOT NULL,
    at_us        INTEGER NOT NULL
) STRICT;

CREATE INDEX person_change_by_person ON person_change (person, number);

-- A row for each change of a person, for whoever passes changes on.
CREATE TABLE outbox (
    number INTEGER NOT NULL PRIMARY KEY,
    person INTEGER NOT NULL,
    author INTEGER NOT NULL,
    at_us  INTEGER NOT NULL
) STRICT;

CREATE TABLE import_progress (
    job       TEXT NOT NULL PRIMARY KEY,
    -- The run that has not come to its end, with its position and what it counted as JSON.
    run       TEXT,
    position  TEXT,
    outcomes  TEXT,
    cursor_us INTEGER,
    swept_us  INTEGER
) STRICT;

-- Runs that changed people, and how far each was taken back.
CREATE TABLE import_run (
    run      TEXT    NOT NULL PRIMARY KEY,
    last_us  INTEGER NOT NULL,
    restored INTEGER NOT NULL,
    removed  INTEGER NOT NULL,
    kept     INTEGER NOT NULL,
    undone   INTEGER NOT NULL
) STRICT;

-- What a run changed, as differences in JSON; kept for seven days.
CREATE TABLE import_undo (
    number         INTEGER NOT NULL PRIMARY KEY,
    run            TEXT    NOT NULL,
    person         INTEGER NOT NULL,
    -- 0 where the run added her.
    version_before INTEGER NOT NULL,
    version_after  INTEGER NOT NULL,
    differences    TEXT    NOT NULL
) STRICT;

CREATE INDEX import_undo_by_run ON import_undo (run, person, number);
CREATE INDEX import_undo_by_person ON import_undo (person);

CREATE TABLE refused_person (
    number     INTEGER NOT NULL PRIMARY KEY,
    run        TEXT    NOT NULL,
    connection TEXT    NOT NULL,
    key        TEXT    NOT NULL,
    field      TEXT    NOT NULL,
    code       TEXT    NOT NULL,
    reason     TEXT    NOT NULL,
    columns    TEXT    NOT NULL,
    at_us      INTEGER NOT NULL
) STRICT;

CREATE INDEX refused_person_by_run ON refused_person (run, number);

CREATE TABLE suppression (
    hash        TEXT    NOT NULL PRIMARY KEY,
    key_version INTEGER NOT NULL,
    reason      TEXT    NOT NULL,
    since_us    INTEGER NOT NULL,
    email       TEXT,
    -- The key of the address, its case folded.
    email_key   TEXT
) STRICT;

CREATE INDEX suppression_by_email ON suppression (email_key) WHERE email_key IS NOT NULL;
CREATE INDEX suppression_by_since ON suppression (since_us DESC, hash);
