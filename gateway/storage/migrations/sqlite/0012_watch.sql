-- Whether a case belongs into these indexes is asked twice whenever one is saved. For a list of more than two values
-- SQLite makes a table of its own each time, four for a case that we asked; values that stand side by side it compares.
DROP INDEX case_watched;
DROP INDEX case_watched_of_partner;

-- Cases in which we wait for the other State.
CREATE INDEX case_watched ON case_file (due, ref)
WHERE closed_at IS NULL AND side = 'requesting'
    AND (state = 'SENT' OR state = 'DELIVERED' OR state = 'ACKNOWLEDGED' OR state = 'EXTENDED' OR state = 'NEEDS_TIER2' OR state = 'NEEDS_INTERVIEW' OR state = 'REDIRECTED' OR state = 'CONTESTED' OR state = 'DECIDED');
-- The same of one State.
CREATE INDEX case_watched_of_partner ON case_file (partner, due, ref)
WHERE closed_at IS NULL AND side = 'requesting'
    AND (state = 'SENT' OR state = 'DELIVERED' OR state = 'ACKNOWLEDGED' OR state = 'EXTENDED' OR state = 'NEEDS_TIER2' OR state = 'NEEDS_INTERVIEW' OR state = 'REDIRECTED' OR state = 'CONTESTED' OR state = 'DECIDED');
