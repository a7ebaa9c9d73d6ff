-- The first schema of the desks' file: who is signed in, by what, and what was approved.
--
-- Instants are whole seconds since 1970-01-01T00:00:00Z (INTEGER), truth values are 0 or 1. A column named `sealed` or
-- `told` holds AEAD ciphertext under the gateway's own key. Tokens stand here as SHA-256 in hexadecimal, never themselves.
-- No column holds anything about the person a case is about: a case is its reference.

-- One row for each session that was begun and not yet swept.
CREATE TABLE session (
    id          TEXT    PRIMARY KEY,  -- SHA-256 of the token in the cookie.
    person      TEXT    NOT NULL,     -- Id of who is signed in.
    desk        TEXT    NOT NULL,     -- Desk it belongs to: interior, board or operator.
    csrf        TEXT    NOT NULL,     -- What each form of the session carries.
    opened_at   INTEGER NOT NULL,     -- When the person signed in; the longest day counts from here.
    seen_at     INTEGER NOT NULL,     -- When it was last used, exact to a minute.
    level       TEXT    NOT NULL,     -- What was proved: link, openid, code or passkey.
    fresh_at    INTEGER,              -- When presence was last proved with a passkey or code.
    invitation  TEXT,                 -- Id of the invitation it goes by, if it does.
    enrolling   INTEGER NOT NULL CHECK (enrolling IN (0, 1)),  -- Whether it may only take up a way of signing in.
    told        BLOB    NOT NULL,     -- Banner to show once; empty if there is none.
    language    TEXT    NOT NULL      -- Language chosen; empty if none was.
) STRICT, WITHOUT ROWID;

-- Ending all sessions of a person.
CREATE INDEX session_by_person ON session (person);
-- Ending all sessions of an invitation.
CREATE INDEX session_by_invitation ON session (invitation) WHERE invitation IS NOT NULL;

-- One row for each one-time link, kept a while after its use so that a second use can be seen.
CREATE TABLE link (
    id          TEXT    PRIMARY KEY,  -- SHA-256 of the token in the link.
    person      TEXT    NOT NULL,     -- Id of who may use it.
    desk        TEXT    NOT NULL,     -- Desk it opens.
    purpose     TEXT    NOT NULL,     -- What it is for: enrol, sign-in or invitation.
    made_at     INTEGER NOT NULL,     -- When it was made.
    until       INTEGER NOT NULL,     -- From when on it is no longer good.
    used_at     INTEGER,              -- When it was used.
    invitation  TEXT                  -- Id of the invitation it carries, if it does.
) STRICT, WITHOUT ROWID;

-- One row for each invitation to a case.
CREATE TABLE invitation (
    id          TEXT    PRIMARY KEY,  -- Random id.
    ref         TEXT    NOT NULL,     -- Our reference of the one case.
    role        TEXT    NOT NULL,     -- The one role.
    person      TEXT    NOT NULL,     -- Id of who is invited.
    made_by     TEXT    NOT NULL,     -- Id of who invited.
    made_at     INTEGER NOT NULL,     -- When.
    until       INTEGER NOT NULL,     -- From when on it is no longer good.
    revoked_at  INTEGER               -- When it was revoked.
) STRICT, WITHOUT ROWID;

-- The invitations to one case.
CREATE INDEX invitation_by_case ON invitation (ref, made_at);

-- One row for each passkey.
CREATE TABLE passkey (
    id           TEXT    PRIMARY KEY,  -- Credential id as base64url.
    person       TEXT    NOT NULL,     -- Id of whose it is.
    public_key   BLOB    NOT NULL,     -- Public key (COSE).
    count        INTEGER NOT NULL,     -- Last counter of signatures; 0 for an authenticator that keeps none.
    transports   TEXT    NOT NULL,     -- How it is reached, words with spaces between.
    name         TEXT    NOT NULL,     -- What its person calls it.
    added_at     INTEGER NOT NULL,     -- When it was enrolled.
    last_used_at INTEGER               -- When it was last used.
) STRICT, WITHOUT ROWID;

-- The passkeys of a person.
CREATE INDEX passkey_by_person ON passkey (person, added_at);

-- One row for each person with an authenticator app.
CREATE TABLE code (
    person      TEXT    PRIMARY KEY,  -- Id of whose it is.
    sealed      BLOB    NOT NULL,     -- The secret.
    last_step   INTEGER NOT NULL,     -- Last step of 30 seconds whose code was used: none is taken twice.
    added_at    INTEGER NOT NULL      -- When it was enrolled.
) STRICT, WITHOUT ROWID;

-- One row for each person, or bucket of unknown ids, with wrong codes since the last right one.
CREATE TABLE attempt (
    key         TEXT    PRIMARY KEY,  -- Keyed value of the person's id, or the bucket.
    failed      INTEGER NOT NULL,     -- How many in a row.
    last_at     INTEGER NOT NULL,     -- When the last was.
    next_at     INTEGER NOT NULL      -- Before when no other is looked at.
) STRICT, WITHOUT ROWID;

-- One row for each ceremony that was begun and not ended.
CREATE TABLE challenge (
    id          TEXT    PRIMARY KEY,  -- SHA-256 of the challenge.
    use         TEXT    NOT NULL,     -- What it was made for.
    binding     TEXT    NOT NULL,     -- Session id, or SHA-256 of the cookie of a browser without a session.
    person      TEXT,                 -- Id of who is to answer, if that is known.
    sealed      BLOB    NOT NULL,     -- What the end of the ceremony needs.
    until       INTEGER NOT NULL      -- From when on it is no longer good.
) STRICT, WITHOUT ROWID;

-- One row for each page whose fields were kept when a session ran out.
CREATE TABLE draft (
    person      TEXT    NOT NULL,     -- Id of who typed.
    place       TEXT    NOT NULL,     -- Path of the page.
    sealed      BLOB    NOT NULL,     -- The fields.
    until       INTEGER NOT NULL,     -- When they are deleted.
    PRIMARY KEY (person, place)
) STRICT, WITHOUT ROWID;

-- One row for each form that was sent, so that sending it twice acts once.
CREATE TABLE once (
    token       TEXT    PRIMARY KEY,  -- SHA-256 of session and token.
    location    TEXT,                 -- Where the first led; null while it is at work.
    until       INTEGER NOT NULL      -- When the row is deleted.
) STRICT, WITHOUT ROWID;

-- One row for each approval, never changed.
CREATE TABLE approval (
    n                  INTEGER PRIMARY KEY,  -- Order.
    ref                TEXT    NOT NULL,     -- Our reference of the case.
    thread             TEXT    NOT NULL,     -- The case as both States know it.
    kind               TEXT    NOT NULL,     -- Kind of act.
    role               TEXT    NOT NULL,     -- Role in which it was approved.
    digest             TEXT    NOT NULL,     -- Digest of the bytes approved.
    person             TEXT    NOT NULL,     -- Id of who approved.
    how                TEXT    NOT NULL,     -- passkey or code.
    challenge          TEXT    NOT NULL,     -- What was signed over: a digest of all of the above.
    salt               TEXT    NOT NULL,     -- The random part of the challenge.
    session            TEXT    NOT NULL,     -- SHA-256 of the token of the session it was given in.
    at                 INTEGER NOT NULL,     -- When.
    credential         TEXT    NOT NULL,     -- Credential id; empty for a code.
    public_key         BLOB    NOT NULL,     -- Its public key (COSE), kept though the passkey be removed.
    authenticator_data BLOB    NOT NULL,     -- What the authenticator signed, first part.
    client_data        BLOB    NOT NULL,     -- What the browser said, whose digest is the second part.
    signature          BLOB    NOT NULL      -- The signature over both.
) STRICT;

-- The approvals of a case.
CREATE INDEX approval_by_case ON approval (ref, n);

-- One row for each thing that happened to an account.
CREATE TABLE account_event (
    n           INTEGER PRIMARY KEY,  -- Order.
    person      TEXT    NOT NULL,     -- Id of whose account.
    at          INTEGER NOT NULL,     -- When.
    event       TEXT    NOT NULL,     -- What.
    detail      TEXT    NOT NULL,     -- By what, or the name of a passkey.
    desk        TEXT    NOT NULL      -- At which desk.
) STRICT;

-- The events of an account.
CREATE INDEX account_event_by_person ON account_event (person, n);
-- What is old enough to be deleted.
CREATE INDEX account_event_by_time ON account_event (at);

-- One row for each case that someone at the board put aside.
CREATE TABLE snooze (
    ref         TEXT    NOT NULL,     -- Our reference of the case.
    person      TEXT    NOT NULL,     -- Id of who put it aside.
    until       INTEGER NOT NULL,     -- Until when.
    reason      TEXT    NOT NULL,     -- Reason code.
    PRIMARY KEY (person, ref)
) STRICT, WITHOUT ROWID;
