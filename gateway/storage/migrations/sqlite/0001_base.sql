-- The first schema of a gateway's store.
--
-- Instants are whole seconds since 1970-01-01T00:00:00Z (INTEGER; one column, told below, has fractions), local dates are
-- ISO 8601 text, truth values are 0 or 1, digests and ids are base64url text as on the wire. A column named `sealed`
-- holds AEAD ciphertext under its case's key; no other column of a searchable row can name a person.
-- Large columns stand last, so that reading the small ones never walks an overflow chain.

-- One row for each case, as one State knows it toward one partner.
CREATE TABLE case_file (
    n            INTEGER PRIMARY KEY,            -- Order of arrival, used only inside the store.
    ref          TEXT    NOT NULL UNIQUE,        -- Our own reference of the case; never sent.
    side         TEXT    NOT NULL,               -- Whether we ask or are asked.
    partner      TEXT    NOT NULL,               -- Country code of the other State.
    thread       TEXT    NOT NULL,               -- The case as the two States know it.
    state        TEXT    NOT NULL,               -- State of the case in its transition table.
    officer      TEXT,                           -- Person id of the officer in charge, if one is named.
    step         TEXT,                           -- Step whose clock runs, if one runs.
    instrument   TEXT,                           -- Agreement that gives the clock its rule.
    calendar     TEXT,                           -- Calendar id and version the clock was reckoned with.
    due_on       TEXT,                           -- Local date the step is due.
    due_at       INTEGER,                        -- Instant at which the step becomes overdue.
    reminders    INTEGER NOT NULL,               -- Reminders sent or received for the step.
    extended     INTEGER NOT NULL CHECK (extended IN (0, 1)),      -- Whether the due date was extended.
    delay_notice INTEGER NOT NULL CHECK (delay_notice IN (0, 1)),  -- Whether a delay was announced.
    opened_at    INTEGER NOT NULL,               -- When the case was opened.
    changed_at   INTEGER NOT NULL,               -- When the row was last saved by a step.
    closed_at    INTEGER,                        -- When the case reached a final state.
    version      INTEGER NOT NULL CHECK (version >= 1),            -- Count of saves, for detecting a lost update.
    erased       INTEGER NOT NULL DEFAULT 0 CHECK (erased IN (0, 1)),  -- 1 once the case was erased; it never goes back.
    wrapped      BLOB,                           -- The case's key under the key-encryption key; null once erased.
    sealed       BLOB                            -- What may identify a person; null once erased.
) STRICT;

-- The queue of a state, soonest due first; partner stands in it so that counting never reads the table.
CREATE INDEX case_by_state ON case_file (state, ifnull(due_at, 253402300799), ref, partner);
-- The board: open cases of all partners, soonest due first.
CREATE INDEX case_open ON case_file (ifnull(due_at, 253402300799), ref) WHERE closed_at IS NULL;
-- The board of one partner.
CREATE INDEX case_open_by_partner ON case_file (partner, ifnull(due_at, 253402300799), ref) WHERE closed_at IS NULL;
-- The desk of one officer.
CREATE INDEX case_by_officer ON case_file (officer, state, ifnull(due_at, 253402300799), ref) WHERE officer IS NOT NULL;

-- Each step a case took; rows are only added, and lose nothing but `sealed`.
CREATE TABLE case_event (
    n      INTEGER PRIMARY KEY,                  -- Order of the steps.
    ref    TEXT    NOT NULL REFERENCES case_file (ref),            -- The case.
    at     INTEGER NOT NULL,                     -- When the step was taken.
    event  TEXT    NOT NULL,                     -- Event of the transition table.
    actor  TEXT    NOT NULL,                     -- Person id, partner code or the gateway itself.
    role   TEXT    NOT NULL,                     -- Role in which the actor acted.
    source TEXT    NOT NULL,                     -- State before the step.
    target TEXT    NOT NULL,                     -- State after the step.
    digest TEXT,                                 -- Digest of the evidence, if the step has one.
    sealed BLOB                                  -- What may identify a person; null if nothing does or once erased.
) STRICT;

CREATE INDEX case_event_by_ref ON case_event (ref);

-- Where both directions of a thread stand. The one row of a thread names the one case it belongs to.
CREATE TABLE thread (
    n         INTEGER PRIMARY KEY,               -- Order of arrival, used only inside the store.
    partner   TEXT    NOT NULL,                  -- Country code of the other State.
    thread    TEXT    NOT NULL,                  -- The thread.
    ref       TEXT,                              -- Our case, if the thread has one.
    in_epoch  INTEGER NOT NULL,                  -- Epoch of the partner that in_seq counts in.
    in_seq    INTEGER NOT NULL,                  -- Last number the partner used.
    in_digest TEXT,                              -- Payload digest of the message that used it.
    out_epoch INTEGER NOT NULL,                  -- Our epoch that out_seq counts in.
    out_seq   INTEGER NOT NULL,                  -- Last number we gave.
    seen      TEXT,                              -- Digest of the last payload seen, for `prev`.
    ended     TEXT,                              -- Why nothing more may be sent, or null.
    UNIQUE (partner, thread)
) STRICT;

-- Each message received with a final verdict.
CREATE TABLE inbound (
    n           INTEGER PRIMARY KEY,             -- Order of arrival, used only inside the store.
    partner     TEXT    NOT NULL,                -- Sender.
    id          TEXT    NOT NULL,                -- Message id given by the sender.
    digest      TEXT    NOT NULL,                -- Payload digest.
    envelope_id BLOB    NOT NULL,                -- SHA-256 of the envelope it came in first.
    thread      TEXT,                            -- Thread, if the type has one.
    epoch       INTEGER NOT NULL,                -- Sender's epoch.
    seq         INTEGER,                         -- Number in the thread, if the type has one.
    type        TEXT    NOT NULL,                -- Message type.
    status      TEXT    NOT NULL CHECK (status IN ('accepted', 'refused')),  -- The verdict.
    code        TEXT,                            -- Outward code of a refusal.
    received_at INTEGER NOT NULL,                -- When it was received, as the receipt says.
    expires_at  INTEGER NOT NULL,                -- When its sender gives up.
    ref         TEXT,                            -- Our case, if it has one.
    answer      BLOB,                            -- The whole unpadded answer, until a while after it expires.
    sealed      BLOB,                            -- The signed message of an accepted one; null once erased.
    UNIQUE (partner, digest)
) STRICT;

-- An id may stand twice: a message that uses an old id for other content is refused, and its refusal is kept.
CREATE INDEX inbound_by_id ON inbound (partner, id);
CREATE INDEX inbound_by_envelope ON inbound (envelope_id);
CREATE INDEX inbound_by_ref ON inbound (ref) WHERE ref IS NOT NULL;
-- Answers that will have to be dropped.
CREATE INDEX inbound_answered ON inbound (expires_at) WHERE answer IS NOT NULL;

-- Each message to send or sent; what changes with each attempt is small and stands apart from the bytes.
CREATE TABLE outbound (
    n           INTEGER PRIMARY KEY,             -- Order of queueing, used only inside the store.
    partner     TEXT    NOT NULL,                -- Recipient.
    id          TEXT    NOT NULL,                -- Message id.
    digest      TEXT    NOT NULL,                -- Payload digest.
    envelope_id BLOB    NOT NULL,                -- SHA-256 of the envelope.
    thread      TEXT,                            -- Thread, if the type has one.
    epoch       INTEGER NOT NULL,                -- Our epoch.
    seq         INTEGER,                         -- Number in the thread, if the type has one.
    type        TEXT    NOT NULL,                -- Message type.
    state       TEXT    NOT NULL                 -- How far delivery is.
                CHECK (state IN ('queued', 'posted', 'receipted', 'refused', 'dropped', 'undelivered')),
    kid         TEXT    NOT NULL,                -- Recipient's sealing key the envelope is sealed to.
    ref         TEXT,                            -- Our case, if it has one.
    queued_at   INTEGER NOT NULL,                -- When it was queued.
    not_before  INTEGER NOT NULL,                -- Never posted before this instant.
    next_try_at REAL    NOT NULL,                -- Next attempt, in seconds with a fraction (the jitter of a retry).
    try_at      REAL    NOT NULL,                -- The later of not_before and next_try_at, kept for its indexes.
    attempts    INTEGER NOT NULL,                -- Attempts so far.
    posted_at   INTEGER,                         -- When the first attempt began.
    expires_at  INTEGER NOT NULL,                -- When we give up.
    answered_at INTEGER,                         -- When a final answer came.
    status      TEXT,                            -- Status of the receipt.
    code        TEXT,                            -- Code of a refusal or problem.
    answer      BLOB,                            -- The whole answer: receipt, opening and proof.
    UNIQUE (partner, id)
) STRICT;

CREATE INDEX outbound_by_digest ON outbound (partner, digest);
CREATE INDEX outbound_by_time ON outbound (partner, queued_at);
CREATE INDEX outbound_by_ref ON outbound (ref) WHERE ref IS NOT NULL;
-- What waits for a partner, soonest first.
CREATE INDEX outbound_waiting ON outbound (partner, try_at) WHERE state IN ('queued', 'posted');
-- What waits in a thread, in its order: number n+1 waits for number n.
CREATE INDEX outbound_order ON outbound (partner, thread, epoch, seq) WHERE state IN ('queued', 'posted');
-- What waits and will expire.
CREATE INDEX outbound_expiring ON outbound (expires_at) WHERE state IN ('queued', 'posted');

-- The bytes of an outbound message, written once and again only when re-sealed or erased.
CREATE TABLE outbound_body (
    n         INTEGER PRIMARY KEY REFERENCES outbound (n),         -- The message.
    queued_at INTEGER NOT NULL,                  -- As in outbound, kept for its index.
    envelope  BLOB,                              -- The sealed envelope, byte for byte as posted; null once purged or erased.
    sealed    BLOB                               -- The signed message under the case's key; null once erased.
) STRICT;

CREATE INDEX outbound_body_kept ON outbound_body (queued_at) WHERE envelope IS NOT NULL;

-- What is known of a partner's reachability and trust.
CREATE TABLE partner (
    country      TEXT    NOT NULL PRIMARY KEY,   -- Country code.
    failures     INTEGER NOT NULL,               -- Failed attempts in a row.
    open_until   INTEGER,                        -- Until when nothing is tried, if the circuit is open.
    hold         TEXT,                           -- Why the partner is on hold, or null.
    card         BLOB,                           -- The card we hold.
    refreshed_at INTEGER,                        -- When trust metadata was last refreshed.
    epoch        INTEGER NOT NULL                -- Last epoch of the partner we saw.
) STRICT;

-- Each look at, or disclosure of, a case; rows are only added.
CREATE TABLE access (
    n             INTEGER PRIMARY KEY,           -- Order of entry.
    ref           TEXT    NOT NULL,              -- The case.
    at            INTEGER NOT NULL,              -- When.
    person        TEXT    NOT NULL,              -- Person id of who looked.
    action        TEXT    NOT NULL,              -- What was done.
    justification TEXT    NOT NULL,              -- Why.
    recipient     TEXT                           -- To whom it was disclosed, if to anyone.
) STRICT;

CREATE INDEX access_by_ref ON access (ref);

-- The end of each log about a partner; a restore begins a new one, and the older stay readable.
CREATE TABLE log_head (
    origin     TEXT    NOT NULL PRIMARY KEY,     -- Name of the log.
    partner    TEXT    NOT NULL,                 -- Partner it is about.
    current    INTEGER NOT NULL CHECK (current IN (0, 1)),         -- 1 for the log that is appended to.
    size       INTEGER NOT NULL,                 -- Number of leaves.
    hashes     BLOB    NOT NULL CHECK (length(hashes) % 32 = 0),   -- Merkle frontier: hashes of 32 bytes, one after another.
    checkpoint TEXT    NOT NULL                  -- Last checkpoint signed, or empty.
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX log_head_current ON log_head (partner) WHERE current = 1;

-- The entries of the logs; rows are only added.
CREATE TABLE log_entry (
    n         INTEGER PRIMARY KEY,               -- Order of entry over all logs, used only inside the store.
    origin    TEXT    NOT NULL REFERENCES log_head (origin),       -- The log.
    idx       INTEGER NOT NULL CHECK (idx >= 0), -- Position in the log, from 0.
    direction TEXT    NOT NULL,                  -- Whether the receipt was made or received by us.
    digest    TEXT    NOT NULL,                  -- Payload digest the receipt is about.
    at        INTEGER NOT NULL,                  -- When it was entered.
    r         BLOB    NOT NULL CHECK (length(r) = 32),             -- Opening of the commitment.
    leaf      BLOB    NOT NULL CHECK (length(leaf) = 32),          -- Leaf hash.
    receipt   BLOB    NOT NULL,                  -- The receipt.
    UNIQUE (origin, idx)
) STRICT;

-- A digest may stand twice: a replay long after is answered 'expired', and a restored partner answers anew.
CREATE INDEX log_entry_by_digest ON log_entry (digest);

-- Small named values of the gateway itself.
CREATE TABLE meta (
    name  TEXT NOT NULL PRIMARY KEY,             -- Name.
    value TEXT NOT NULL                          -- Value.
) STRICT, WITHOUT ROWID;
