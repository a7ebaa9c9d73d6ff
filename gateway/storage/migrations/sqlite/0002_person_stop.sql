-- A stop that holds for the person in every case, and the States that are not to be contacted.
--
-- `value` is a keyed value of 16 bytes, made by the rules under a key that the store never sees. It can be compared and
-- not read; without the key nobody can look for a name here.

-- The values under which the person of a case of ours is found again.
CREATE TABLE person_value (
    n      INTEGER PRIMARY KEY,                  -- Used only inside the store.
    ref    TEXT    NOT NULL REFERENCES case_file (ref),            -- The case; its rows go with it when it is erased.
    value  BLOB    NOT NULL CHECK (length(value) = 16),            -- The keyed value.
    use    INTEGER NOT NULL CHECK (use BETWEEN 1 AND 3),           -- 1: found under it, 2: seeks others under it, 3: both.
    number INTEGER NOT NULL CHECK (number IN (0, 1)),              -- 1 if made of a number, 0 if of a name.
    stop   INTEGER NOT NULL CHECK (stop IN (0, 1))                 -- 1 while the case stops the person's others.
) STRICT;

CREATE INDEX person_value_by_ref ON person_value (ref);
CREATE INDEX person_value_by_value ON person_value (value, ref);
-- What a case is compared with before each of its messages leaves: short, for few cases are stopped.
CREATE INDEX person_value_stopped ON person_value (value, ref) WHERE stop = 1;

-- What two persons decided on a case that was held because another is stopped.
CREATE TABLE person_apart (
    ref       TEXT    NOT NULL,                  -- The case that was held.
    other     TEXT    NOT NULL,                  -- The stopped case; the same as ref where nothing is stopped any more.
    shared    BLOB    NOT NULL,                  -- Digest of the values they shared then; others void the decision.
    first     TEXT    NOT NULL,                  -- Person id of who said first that they are two persons.
    first_at  INTEGER NOT NULL,                  -- When.
    second    TEXT,                              -- Person id of who confirmed it, or null.
    second_at INTEGER,                           -- When.
    PRIMARY KEY (ref, other)
) STRICT, WITHOUT ROWID;

CREATE INDEX person_apart_by_other ON person_apart (other);

-- States that are not to be contacted, each entry with two persons for its beginning and two for its end.
CREATE TABLE no_contact (
    n            INTEGER PRIMARY KEY,            -- Order of entry.
    country      TEXT    NOT NULL,               -- The State.
    proposed_by  TEXT    NOT NULL,               -- Person id of who proposed it.
    proposed_at  INTEGER NOT NULL,               -- When.
    confirmed_by TEXT,                           -- Person id of who confirmed it; from then on it holds.
    confirmed_at INTEGER,                        -- When.
    lift_by      TEXT,                           -- Person id of who proposed to lift it, or null.
    lift_at      INTEGER,                        -- When.
    lifted_by    TEXT,                           -- Person id of who confirmed that; from then on it is history.
    lifted_at    INTEGER,                        -- When.
    sealed       BLOB    NOT NULL                -- Their reasons.
) STRICT;

CREATE UNIQUE INDEX no_contact_of_country ON no_contact (country) WHERE lifted_at IS NULL;
