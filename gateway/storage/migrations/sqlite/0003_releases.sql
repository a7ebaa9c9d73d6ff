-- Figures that outlive the cases they were made from, and every table of figures that was ever shown.

-- What figures keep of an erased case: no reference, no person, no day.
CREATE TABLE figure (
    n      INTEGER PRIMARY KEY,                  -- Used only inside the store.
    course TEXT NOT NULL                         -- Direction, State, agreement, quarter, outcome and durations, as JSON.
) STRICT;

-- The tables released; rows are only added, for each new one is tested against all before it.
CREATE TABLE release (
    n         INTEGER PRIMARY KEY,               -- Number of the release.
    at        INTEGER NOT NULL,                  -- When.
    name      TEXT    NOT NULL,                  -- Which of the fixed tables.
    direction TEXT    NOT NULL,                  -- Whether of cases in which we ask, or are asked.
    period    TEXT    NOT NULL,                  -- Year or quarter in which the cases began.
    first     TEXT    NOT NULL,                  -- Person id of who released it.
    second    TEXT,                              -- Person id of who signed too, where a table needs two.
    content   TEXT    NOT NULL,                  -- The table as it was shown, as JSON.
    UNIQUE (name, direction, period)             -- Shown once: a later count would tell what changed.
) STRICT;
