-- What a case was opened for, so that a request that comes twice opens one case. Both values are keyed, of 16 bytes.
CREATE TABLE opening (
    key  BLOB    NOT NULL PRIMARY KEY CHECK (length(key) = 16),    -- The person, and the key that came with the request.
    body BLOB    CHECK (length(body) = 16),                        -- What was asked for, or null once the case is erased.
    ref  TEXT    NOT NULL,                                         -- The case that was opened.
    at   INTEGER NOT NULL                                          -- When; a week later the row is deleted.
) STRICT, WITHOUT ROWID;

CREATE INDEX opening_by_ref ON opening (ref);
CREATE INDEX opening_by_at ON opening (at);
