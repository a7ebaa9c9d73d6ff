-- What the desks of a gateway of many nodes keep, in the dialect of PostgreSQL: what the migrations of `desks` make up to
-- 0003. Who is signed in, by what, and what was approved.
--
-- Instants are whole seconds since 1970-01-01T00:00:00Z, truth values are 0 or 1. A column named `sealed` or
-- `told` holds AEAD ciphertext under the gateway's own key. Tokens stand here as SHA-256 in hexadecimal, never themselves.
-- No column holds anything about the person a case is about: a case is its reference.

-- One row for each session that was begun and not yet swept.
CREATE TABLE session (
    id TEXT COLLATE "C" PRIMARY KEY,  -- SHA-256 of the token in the cookie.
    person TEXT COLLATE "C" NOT NULL,  -- Id of who is signed in.
    desk TEXT COLLATE "C" NOT NULL,  -- Desk it belongs to: interior, board or operator.
    csrf TEXT COLLATE "C" NOT NULL,  -- What each form of the session carries.
    opened_at BIGINT NOT NULL,  -- When the person signed in; the longest day counts from here.
    seen_at BIGINT NOT NULL,  -- When it was last used, exact to a minute.
    level TEXT COLLATE "C" NOT NULL,  -- What was proved: link, openid, code or passkey.
    fresh_at BIGINT,  -- When presence was last proved with a passkey or code.
    invitation TEXT COLLATE "C",  -- Id of the invitation it goes by, if it does.
    enrolling BIGINT NOT NULL CHECK (enrolling IN (0, 1)),  -- Whether it may only take up a way of signing in.
    told BYTEA NOT NULL,  -- Banner to show once; empty if there is none.
    language TEXT COLLATE "C" NOT NULL  -- Language chosen; empty if none was.
);

-- Ending all sessions of a person.
CREATE INDEX session_by_person ON session (person);
-- Ending all sessions of an invitation.
CREATE INDEX session_by_invitation ON session (invitation) WHERE invitation IS NOT NULL;

-- One row for each one-time link, kept a while after its use so that a second use can be seen.
CREATE TABLE link (
    id TEXT COLLATE "C" PRIMARY KEY,  -- SHA-256 of the token in the link.
    person TEXT COLLATE "C" NOT NULL,  -- Id of who may use it.
    desk TEXT COLLATE "C" NOT NULL,  -- Desk it opens.
    purpose TEXT COLLATE "C" NOT NULL,  -- What it is for: enrol, sign-in or invitation.
    made_at BIGINT NOT NULL,  -- When it was made.
    until BIGINT NOT NULL,  -- From when on it is no longer good.
    used_at BIGINT,  -- When it was used.
    invitation TEXT COLLATE "C"  -- Id of the invitation it carries, if it does.
);

-- One row for each invitation to a case.
CREATE TABLE invitation (
    id TEXT COLLATE "C" PRIMARY KEY,  -- Random id.
    ref TEXT COLLATE "C" NOT NULL,  -- Our reference of the one case.
    role TEXT COLLATE "C" NOT NULL,  -- The one role.
    person TEXT COLLATE "C" NOT NULL,  -- Id of who is invited.
    made_by TEXT COLLATE "C" NOT NULL,  -- Id of who invited.
    made_at BIGINT NOT NULL,  -- When.
    until BIGINT NOT NULL,  -- From when on it is no longer good.
    revoked_at BIGINT  -- When it was revoked.
);

-- The invitations to one case.
CREATE INDEX invitation_by_case ON invitation (ref, made_at);

-- One row for each passkey.
CREATE TABLE passkey (
    id TEXT COLLATE "C" PRIMARY KEY,  -- Credential id as base64url.
    person TEXT COLLATE "C" NOT NULL,  -- Id of whose it is.
    public_key BYTEA NOT NULL,  -- Public key (COSE).
    count BIGINT NOT NULL,  -- Last counter of signatures; 0 for an authenticator that keeps none.
    transports TEXT COLLATE "C" NOT NULL,  -- How it is reached, words with spaces between.
    name TEXT COLLATE "C" NOT NULL,  -- What its person calls it.
    added_at BIGINT NOT NULL,  -- When it was enrolled.
    last_used_at BIGINT  -- When it was last used.
);

-- The passkeys of a person.
CREATE INDEX passkey_by_person ON passkey (person, added_at);

-- One row for each person with an authenticator app.
CREATE TABLE code (
    person TEXT COLLATE "C" PRIMARY KEY,  -- Id of whose it is.
    sealed BYTEA NOT NULL,  -- The secret.
    last_step BIGINT NOT NULL,  -- Last step of 30 seconds whose code was used: none is taken twice.
    added_at BIGINT NOT NULL  -- When it was enrolled.
);

-- One row for each person, or bucket of unknown ids, with wrong codes since the last right one.
CREATE TABLE attempt (
    key TEXT COLLATE "C" PRIMARY KEY,  -- Keyed value of the person's id, or the bucket.
    failed BIGINT NOT NULL,  -- How many in a row.
    last_at BIGINT NOT NULL,  -- When the last was.
    next_at BIGINT NOT NULL  -- Before when no other is looked at.
);

-- One row for each ceremony that was begun and not ended.
CREATE TABLE challenge (
    id TEXT COLLATE "C" PRIMARY KEY,  -- SHA-256 of the challenge.
    use TEXT COLLATE "C" NOT NULL,  -- What it was made for.
    binding TEXT COLLATE "C" NOT NULL,  -- Session id, or SHA-256 of the cookie of a browser without a session.
    person TEXT COLLATE "C",  -- Id of who is to answer, if that is known.
    sealed BYTEA NOT NULL,  -- What the end of the ceremony needs.
    until BIGINT NOT NULL  -- From when on it is no longer good.
);

-- One row for each page whose fields were kept when a session ran out.
CREATE TABLE draft (
    person TEXT COLLATE "C" NOT NULL,  -- Id of who typed.
    place TEXT COLLATE "C" NOT NULL,  -- Path of the page.
    sealed BYTEA NOT NULL,  -- The fields.
    until BIGINT NOT NULL,  -- When they are deleted.
    PRIMARY KEY (person, place)
);

-- One row for each form that was sent, so that sending it twice acts once.
CREATE TABLE once (
    token TEXT COLLATE "C" PRIMARY KEY,  -- SHA-256 of session and token.
    location TEXT COLLATE "C",  -- Where the first led; null while it is at work.
    until BIGINT NOT NULL  -- When the row is deleted.
);

-- One row for each approval, never changed.
CREATE TABLE approval (
    n BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,  -- Order.
    ref TEXT COLLATE "C" NOT NULL,  -- Our reference of the case.
    thread TEXT COLLATE "C" NOT NULL,  -- The case as both States know it.
    kind TEXT COLLATE "C" NOT NULL,  -- Kind of act.
    role TEXT COLLATE "C" NOT NULL,  -- Role in which it was approved.
    digest TEXT COLLATE "C" NOT NULL,  -- Digest of the bytes approved.
    person TEXT COLLATE "C" NOT NULL,  -- Id of who approved.
    how TEXT COLLATE "C" NOT NULL,  -- passkey or code.
    challenge TEXT COLLATE "C" NOT NULL,  -- What was signed over: a digest of all of the above.
    salt TEXT COLLATE "C" NOT NULL,  -- The random part of the challenge.
    session TEXT COLLATE "C" NOT NULL,  -- SHA-256 of the token of the session it was given in.
    at BIGINT NOT NULL,  -- When.
    credential TEXT COLLATE "C" NOT NULL,  -- Credential id; empty for a code.
    public_key BYTEA NOT NULL,  -- Its public key (COSE), kept though the passkey be removed.
    authenticator_data BYTEA NOT NULL,  -- What the authenticator signed, first part.
    client_data BYTEA NOT NULL,  -- What the browser said, whose digest is the second part.
    signature BYTEA NOT NULL  -- The signature over both.
);

-- The approvals of a case.
CREATE INDEX approval_by_case ON approval (ref, n);

-- One row for each thing that happened to an account.
CREATE TABLE account_event (
    n BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,  -- Order.
    person TEXT COLLATE "C" NOT NULL,  -- Id of whose account.
    at BIGINT NOT NULL,  -- When.
    event TEXT COLLATE "C" NOT NULL,  -- What.
    detail TEXT COLLATE "C" NOT NULL,  -- By what, or the name of a passkey.
    desk TEXT COLLATE "C" NOT NULL  -- At which desk.
);

-- The events of an account.
CREATE INDEX account_event_by_person ON account_event (person, n);
-- What is old enough to be deleted.
CREATE INDEX account_event_by_time ON account_event (at);

-- One row for each case that someone at the board put aside.
CREATE TABLE snooze (
    ref TEXT COLLATE "C" NOT NULL,  -- Our reference of the case.
    person TEXT COLLATE "C" NOT NULL,  -- Id of who put it aside.
    until BIGINT NOT NULL,  -- Until when.
    reason TEXT COLLATE "C" NOT NULL,  -- Reason code.
    PRIMARY KEY (person, ref)
);

-- What people are writing and have not handed in: it lasts over days and sessions.
CREATE TABLE work (
    id TEXT COLLATE "C" PRIMARY KEY,  -- Random id.
    person TEXT COLLATE "C" NOT NULL,  -- Id of whose it is.
    ref TEXT COLLATE "C" NOT NULL,  -- Our reference of the case it changes; empty for a new one.
    sealed BYTEA NOT NULL,  -- The fields, as typed.
    version BIGINT NOT NULL,  -- Grows with each change, so that of two at once one is told.
    made_at BIGINT NOT NULL,  -- When it was begun.
    changed_at BIGINT NOT NULL  -- When it was last changed; it is deleted some time after.
);

-- What a person is writing, the latest first.
CREATE INDEX work_by_person ON work (person, changed_at);
-- What was left alone long enough to be deleted.
CREATE INDEX work_by_time ON work (changed_at);

-- That an operator asked for a link in a person's name: another one makes it, so that nobody becomes somebody else alone.
CREATE TABLE link_request (
    person TEXT COLLATE "C" NOT NULL,  -- Id of the person the link is for.
    desk TEXT COLLATE "C" NOT NULL,  -- Desk at which it is to let the person in.
    asked_by TEXT COLLATE "C" NOT NULL,  -- Id of the operator who asked.
    asked_at BIGINT NOT NULL,  -- When; it is over some time after.
    PRIMARY KEY (person, desk)
);
