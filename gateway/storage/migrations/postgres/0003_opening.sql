-- What a case was opened for, so that a request that comes twice opens one case. Both values are keyed, of 16 bytes.
CREATE TABLE opening (
    key BYTEA NOT NULL PRIMARY KEY CHECK (length(key) = 16),  -- The person, and the key that came with the request.
    body BYTEA CHECK (length(body) = 16),  -- What was asked for, or null once the case is erased.
    ref TEXT COLLATE "C" NOT NULL,  -- The case that was opened.
    at DOUBLE PRECISION NOT NULL  -- When; a week later the row is deleted.
);

CREATE INDEX opening_by_ref ON opening (ref);

CREATE INDEX opening_by_at ON opening (at);
