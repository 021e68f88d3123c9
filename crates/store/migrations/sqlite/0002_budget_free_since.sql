-- Microseconds since 1970 at which the slot or hold before the last reservation ended: whoever comes next can tell how
-- long no program of this store has sent anything.
ALTER TABLE rate_budget ADD COLUMN free_since_us INTEGER NOT NULL DEFAULT 0;
