-- People, companies, lists, tags, fields, and what changed about them. Times are microseconds since 1970.
--
-- Text that is compared without regard to case has a second column where lower(), which under COLLATE "C" knows ASCII only,
-- does not fold it right: `first_folded` is NULL where lower(first_name) is the folded text.

-- The last number given out of each kind, in one row. Everybody who writes takes the row first: changes get their numbers
-- in the order in which they are committed.
CREATE TABLE people_counter (
    id          bigint NOT NULL PRIMARY KEY CHECK (id = 1),
    person      bigint NOT NULL,
    company     bigint NOT NULL,
    list        bigint NOT NULL,
    tag         bigint NOT NULL,
    field       bigint NOT NULL,
    author      bigint NOT NULL,
    -- Lines of history, consent, undo, refusals and the outbox.
    line        bigint NOT NULL
);

INSERT INTO people_counter VALUES (1, 0, 0, 0, 0, 0, 0, 0);

-- Who writes: a run through a connection; '' where there is none.
CREATE TABLE author (
    id         bigint NOT NULL PRIMARY KEY,
    run        text COLLATE "C"    NOT NULL,
    connection text COLLATE "C"    NOT NULL,
    UNIQUE (run, connection)
);

CREATE TABLE person (
    id                 bigint NOT NULL PRIMARY KEY,
    version            bigint NOT NULL,
    email              text COLLATE "C",
    -- By which she is found; unique.
    email_key          text COLLATE "C",
    -- The address in lower case where that is not the key.
    email_folded       text COLLATE "C",
    email_domain       text COLLATE "C",
    first_name         text COLLATE "C",
    first_folded       text COLLATE "C",
    last_name          text COLLATE "C",
    last_folded        text COLLATE "C",
    -- For searching: how the last name begins in lower case, and both names.
    last_key           text COLLATE "C",
    name_key           text COLLATE "C",
    company            text COLLATE "C",
    company_folded     text COLLATE "C",
    ip                 text COLLATE "C",
    source             text COLLATE "C",
    source_folded      text COLLATE "C",
    source_page        text COLLATE "C",
    source_page_folded text COLLATE "C",
    lifetime_value     double precision,
    created_us         bigint NOT NULL,
    updated_us         bigint NOT NULL
);

CREATE UNIQUE INDEX person_email ON person (email_key) WHERE email_key IS NOT NULL;
CREATE INDEX person_by_email ON person (coalesce(email_key, ''), id);
CREATE INDEX person_by_update ON person (updated_us DESC, id);
CREATE INDEX person_by_name ON person (name_key) WHERE name_key IS NOT NULL;
CREATE INDEX person_by_last ON person (last_key) WHERE last_key IS NOT NULL;
CREATE INDEX person_by_folded ON person (email_folded) WHERE email_folded IS NOT NULL;
CREATE INDEX person_by_domain ON person (email_domain) WHERE email_domain IS NOT NULL;

CREATE TABLE person_link (
    connection text COLLATE "C"    NOT NULL,
    key        text COLLATE "C"    NOT NULL,
    person     bigint NOT NULL,
    PRIMARY KEY (connection, key)
);

CREATE INDEX person_link_by_person ON person_link (person);

CREATE TABLE list (
    id         bigint NOT NULL PRIMARY KEY,
    name       text COLLATE "C"    NOT NULL,
    connection text COLLATE "C",
    key        text COLLATE "C",
    UNIQUE (connection, key)
);

CREATE TABLE tag (
    id       bigint NOT NULL PRIMARY KEY,
    name     text COLLATE "C"    NOT NULL,
    name_key text COLLATE "C"    NOT NULL
);

CREATE TABLE custom_field (
    id         bigint NOT NULL PRIMARY KEY,
    name       text COLLATE "C"    NOT NULL,
    name_key   text COLLATE "C"    NOT NULL,
    field_type text COLLATE "C"    NOT NULL,
    connection text COLLATE "C",
    key        text COLLATE "C",
    tag        text COLLATE "C",
    UNIQUE (connection, key)
);

CREATE TABLE field_option (
    field    bigint NOT NULL,
    position bigint NOT NULL,
    name     text COLLATE "C"    NOT NULL,
    PRIMARY KEY (field, position)
);

CREATE TABLE person_value (
    person  bigint NOT NULL,
    field   bigint NOT NULL,
    -- As text, in the way of the field's type.
    value   text COLLATE "C"    NOT NULL,
    -- Text in lower case where lower() does not make it; the choices of a JSON array in lower case.
    folded  text COLLATE "C",
    -- Numbers, and booleans as 0 and 1.
    number  double precision,
    -- Times, and days by their beginning in UTC.
    instant bigint,
    -- 0 where the value says nothing.
    filled  bigint NOT NULL,
    author  bigint NOT NULL,
    at_us   bigint NOT NULL,
    PRIMARY KEY (person, field)
);

CREATE TABLE membership (
    person   bigint NOT NULL,
    list     bigint NOT NULL,
    status   bigint NOT NULL,
    cause    text COLLATE "C"    NOT NULL,
    since_us bigint,
    PRIMARY KEY (person, list)
);

CREATE INDEX membership_by_list ON membership (list, status, person);

-- The ledger of consent: lines are added, never changed. A status of NULL says that the line before was taken back.
CREATE TABLE consent_line (
    number   bigint NOT NULL PRIMARY KEY,
    person   bigint NOT NULL,
    list     bigint NOT NULL,
    status   bigint,
    cause    text COLLATE "C",
    since_us bigint,
    author   bigint NOT NULL,
    at_us    bigint NOT NULL
);

CREATE INDEX consent_line_by_person ON consent_line (person);

CREATE TABLE person_mark (
    person   bigint NOT NULL,
    mark     text COLLATE "C"    NOT NULL,
    since_us bigint NOT NULL,
    PRIMARY KEY (person, mark)
);

CREATE INDEX person_mark_by_mark ON person_mark (mark, person);

CREATE TABLE person_tag (
    person bigint NOT NULL,
    tag    bigint NOT NULL,
    PRIMARY KEY (person, tag)
);

CREATE INDEX person_tag_by_tag ON person_tag (tag, person);

CREATE TABLE company (
    id          bigint NOT NULL PRIMARY KEY,
    name        text COLLATE "C" NOT NULL,
    name_folded text COLLATE "C",
    -- How the name begins in lower case.
    name_key    text COLLATE "C" NOT NULL,
    domain      text COLLATE "C"
);

CREATE INDEX company_by_name ON company (name_key);
CREATE INDEX company_by_domain ON company (domain) WHERE domain IS NOT NULL;

CREATE TABLE company_link (
    connection text COLLATE "C"    NOT NULL,
    key        text COLLATE "C"    NOT NULL,
    company    bigint NOT NULL,
    PRIMARY KEY (connection, key)
);

CREATE INDEX company_link_by_company ON company_link (company);

CREATE TABLE person_company (
    person  bigint NOT NULL,
    company bigint NOT NULL,
    PRIMARY KEY (person, company)
);

CREATE INDEX person_company_by_company ON person_company (company, person);

CREATE TABLE opportunity (
    id         bigint NOT NULL PRIMARY KEY,
    version    bigint NOT NULL,
    title      text COLLATE "C"    NOT NULL,
    -- In units of the currency.
    value      double precision,
    currency   text COLLATE "C",
    status     text COLLATE "C"    NOT NULL,
    stage      text COLLATE "C",
    company    bigint,
    created_us bigint NOT NULL,
    updated_us bigint NOT NULL
);

CREATE TABLE opportunity_link (
    connection  text COLLATE "C"    NOT NULL,
    key         text COLLATE "C"    NOT NULL,
    opportunity bigint NOT NULL,
    PRIMARY KEY (connection, key)
);

CREATE TABLE opportunity_person (
    opportunity bigint NOT NULL,
    person      bigint NOT NULL,
    PRIMARY KEY (opportunity, person)
);

CREATE INDEX opportunity_person_by_person ON opportunity_person (person);

-- History: before and after, each with a letter for its type.
CREATE TABLE person_change (
    number       bigint NOT NULL PRIMARY KEY,
    person       bigint NOT NULL,
    what         text COLLATE "C"    NOT NULL,
    before_value text COLLATE "C",
    after_value  text COLLATE "C",
    author       bigint NOT NULL,
    at_us        bigint NOT NULL
);

CREATE INDEX person_change_by_person ON person_change (person, number);

-- A row for each change of a person, for whoever passes changes on.
CREATE TABLE outbox (
    number bigint NOT NULL PRIMARY KEY,
    person bigint NOT NULL,
    author bigint NOT NULL,
    at_us  bigint NOT NULL
);

CREATE TABLE import_progress (
    job       text COLLATE "C" NOT NULL PRIMARY KEY,
    -- The run that has not come to its end, with its position and what it counted as JSON.
    run       text COLLATE "C",
    position  text COLLATE "C",
    outcomes  text COLLATE "C",
    cursor_us bigint,
    swept_us  bigint
);

-- Runs that changed people, and how far each was taken back.
CREATE TABLE import_run (
    run      text COLLATE "C"    NOT NULL PRIMARY KEY,
    last_us  bigint NOT NULL,
    restored bigint NOT NULL,
    removed  bigint NOT NULL,
    kept     bigint NOT NULL,
    undone   bigint NOT NULL
);

-- What a run changed, as differences in JSON; kept for seven days.
CREATE TABLE import_undo (
    number         bigint NOT NULL PRIMARY KEY,
    run            text COLLATE "C"    NOT NULL,
    person         bigint NOT NULL,
    -- 0 where the run added her.
    version_before bigint NOT NULL,
    version_after  bigint NOT NULL,
    differences    text COLLATE "C"    NOT NULL
);

CREATE INDEX import_undo_by_run ON import_undo (run, person, number);
CREATE INDEX import_undo_by_person ON import_undo (person);

CREATE TABLE refused_person (
    number     bigint NOT NULL PRIMARY KEY,
    run        text COLLATE "C"    NOT NULL,
    connection text COLLATE "C"    NOT NULL,
    key        text COLLATE "C"    NOT NULL,
    field      text COLLATE "C"    NOT NULL,
    code       text COLLATE "C"    NOT NULL,
    reason     text COLLATE "C"    NOT NULL,
    columns    text COLLATE "C"    NOT NULL,
    at_us      bigint NOT NULL
);

CREATE INDEX refused_person_by_run ON refused_person (run, number);

CREATE TABLE suppression (
    hash        text COLLATE "C"    NOT NULL PRIMARY KEY,
    key_version bigint NOT NULL,
    reason      text COLLATE "C"    NOT NULL,
    since_us    bigint NOT NULL,
    email       text COLLATE "C",
    -- The key of the address, its case folded.
    email_key   text COLLATE "C"
);

CREATE INDEX suppression_by_email ON suppression (email_key) WHERE email_key IS NOT NULL;
CREATE INDEX suppression_by_since ON suppression (since_us DESC, hash);
