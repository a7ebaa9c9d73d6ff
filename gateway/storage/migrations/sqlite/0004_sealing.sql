-- Which of our sealing keys opened a message, and when the private half of each was destroyed: after a theft it can be
-- said exactly what a thief can read.

ALTER TABLE inbound ADD COLUMN kid BLOB;         -- Our sealing key the message came sealed to (16 bytes); null in older rows.

-- The private halves that are gone.
CREATE TABLE sealing_end (
    kid          BLOB    NOT NULL PRIMARY KEY CHECK (length(kid) = 16),  -- Key id.
    until        INTEGER NOT NULL,               -- End of its window, by the last card that lists it.
    destroyed_at INTEGER NOT NULL,               -- When the private half was destroyed here.
    reason       TEXT    NOT NULL CHECK (reason IN ('window', 'revoked'))  -- Why: its window had ended, or it was revoked.
) STRICT, WITHOUT ROWID;

-- A message that came once more in another envelope: whoever holds either key can read it.
CREATE TABLE inbound_again (
    partner TEXT NOT NULL,                       -- Sender.
    digest  TEXT NOT NULL,                       -- Payload digest.
    kid     BLOB NOT NULL CHECK (length(kid) = 16),                      -- The other sealing key.
    PRIMARY KEY (partner, digest, kid)
) STRICT, WITHOUT ROWID;
