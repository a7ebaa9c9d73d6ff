-- That an operator asked for a link in a person's name: another one makes it, so that nobody becomes somebody else alone.
CREATE TABLE link_request (
    person    TEXT    NOT NULL,  -- Id of the person the link is for.
    desk      TEXT    NOT NULL,  -- Desk at which it is to let the person in.
    asked_by  TEXT    NOT NULL,  -- Id of the operator who asked.
    asked_at  INTEGER NOT NULL,  -- When; it is over some time after.
    PRIMARY KEY (person, desk)
) STRICT, WITHOUT ROWID;
