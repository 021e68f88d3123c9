-- Audiences, and the people of static ones.

CREATE TABLE audience (
    -- The name in lower case.
    name_key     text COLLATE "C" NOT NULL PRIMARY KEY,
    name         text COLLATE "C" NOT NULL,
    kind         text COLLATE "C" NOT NULL,
    source       text COLLATE "C" NOT NULL,
    -- The condition or the SQL, as it was typed.
    definition   text COLLATE "C" NOT NULL,
    status       text COLLATE "C" NOT NULL,
    -- Of a static one that was filled it only says so: its people are counted.
    member_count bigint,
    created_ns   bigint NOT NULL,
    updated_ns   bigint NOT NULL
);

-- Who is forgotten leaves with her row.
CREATE TABLE audience_member (
    audience text COLLATE "C" NOT NULL REFERENCES audience (name_key) ON DELETE CASCADE,
    person   bigint           NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    PRIMARY KEY (audience, person)
);

CREATE INDEX audience_member_by_person ON audience_member (person);
