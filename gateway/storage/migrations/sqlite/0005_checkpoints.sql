-- Checkpoints that are kept: of our own logs, and of the logs that we watch as partner or witness. What contradicts.

-- Hashes of complete subtrees of our logs, so that a proof costs hundreds of rows and not the whole log.
CREATE TABLE log_node (
    origin TEXT    NOT NULL,                     -- The log.
    level  INTEGER NOT NULL CHECK (level BETWEEN 1 AND 6),         -- The subtree has 256 ** level leaves.
    idx    INTEGER NOT NULL CHECK (idx >= 0),    -- Which one, from 0.
    hash   BLOB    NOT NULL CHECK (length(hash) = 32),             -- Its root.
    PRIMARY KEY (origin, level, idx)
) STRICT, WITHOUT ROWID;

-- Checkpoints of our logs that are kept, one an hour at most where anything was added.
CREATE TABLE checkpoint_kept (
    n       INTEGER PRIMARY KEY,                 -- Used only inside the store.
    origin  TEXT    NOT NULL,                    -- The log.
    size    INTEGER NOT NULL CHECK (size >= 0),  -- Number of entries.
    root    BLOB    NOT NULL CHECK (length(root) = 32),            -- Root hash.
    at      INTEGER NOT NULL,                    -- When it was first kept; our own cosignature names this instant.
    note    TEXT    NOT NULL,                    -- The signed note, with the cosignatures that came so far.
    token   BLOB,                                -- The time-stamp response (RFC 3161) over origin, size and root, or null.
    UNIQUE (origin, size)
) STRICT;

-- The last checkpoint that we cosigned of each log that another State keeps.
CREATE TABLE checkpoint_witnessed (
    origin TEXT    NOT NULL PRIMARY KEY,         -- The log.
    size   INTEGER NOT NULL CHECK (size >= 0),   -- Number of entries.
    at     INTEGER NOT NULL,                     -- When we cosigned it.
    note   TEXT    NOT NULL                      -- The signed note with the keeper's signatures and our cosignature.
) STRICT;

-- Two signed notes of one log that do not fit together: evidence; rows are only added.
CREATE TABLE log_conflict (
    n      INTEGER PRIMARY KEY,                  -- Order of finding.
    origin TEXT    NOT NULL,                     -- The log.
    kind   TEXT    NOT NULL CHECK (kind IN ('fork', 'rollback', 'unproved')),  -- How they contradict one another.
    at     INTEGER NOT NULL,                     -- When it was found.
    source TEXT    NOT NULL,                     -- Who showed the second one: a country, or us.
    held   TEXT    NOT NULL,                     -- The note that was known.
    shown  TEXT    NOT NULL,                     -- The note that does not fit; of a log that proved nothing, the latest.
    told   TEXT    NOT NULL,                     -- Countries that took it from us, separated by spaces.
    UNIQUE (origin, held, shown)
) STRICT;
