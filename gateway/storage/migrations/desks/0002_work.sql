-- What people are writing and have not handed in: it lasts over days and sessions.
CREATE TABLE work (
    id          TEXT    PRIMARY KEY,  -- Random id.
    person      TEXT    NOT NULL,     -- Id of whose it is.
    ref         TEXT    NOT NULL,     -- Our reference of the case it changes; empty for a new one.
    sealed      BLOB    NOT NULL,     -- The fields, as typed.
    version     INTEGER NOT NULL,     -- Grows with each change, so that of two at once one is told.
    made_at     INTEGER NOT NULL,     -- When it was begun.
    changed_at  INTEGER NOT NULL      -- When it was last changed; it is deleted some time after.
) STRICT, WITHOUT ROWID;

-- What a person is writing, the latest first.
CREATE INDEX work_by_person ON work (person, changed_at);
-- What was left alone long enough to be deleted.
CREATE INDEX work_by_time ON work (changed_at);
