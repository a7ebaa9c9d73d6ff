-- What was decided about whom we believe: rows are only added.
CREATE TABLE trust_event (
    n           INTEGER PRIMARY KEY,             -- Number of the event.
    at          INTEGER NOT NULL,                -- When.
    country     TEXT    NOT NULL,                -- The State it is about.
    act         TEXT    NOT NULL CHECK (act IN ('held', 'hold', 'confirm', 'go-on')),
                                                 -- Held by the gateway itself; held, confirmed or gone on with by a person.
    person      TEXT,                            -- Person id of who decided; null where the gateway did.
    reason      TEXT    NOT NULL,                -- Why.
    fingerprint TEXT                             -- Fingerprint of the identity key confirmed, in hexadecimal, or null.
) STRICT;
