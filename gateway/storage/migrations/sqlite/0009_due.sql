-- A list is continued behind the last row that was shown: `(due, ref) > (?, ?)`. Along an index over an expression SQLite
-- walks there row by row; along one over a column it leaps. So the expression becomes a column, which takes no room.
ALTER TABLE case_file ADD COLUMN due INTEGER AS (ifnull(due_at, 253402300799)) VIRTUAL;  -- Sorts what is never due last.

DROP INDEX case_by_state;
DROP INDEX case_open;
DROP INDEX case_open_by_partner;
DROP INDEX case_by_officer;
DROP INDEX case_in_queue;
DROP INDEX case_open_by_officer;
DROP INDEX case_watched;
DROP INDEX case_watched_of_partner;

-- The queue of a state, soonest due first; partner stands in it so that counting never reads the table.
CREATE INDEX case_by_state ON case_file (state, due, ref, partner);
-- The board: open cases of all partners, soonest due first.
CREATE INDEX case_open ON case_file (due, ref) WHERE closed_at IS NULL;
-- The board of one partner.
CREATE INDEX case_open_by_partner ON case_file (partner, due, ref) WHERE closed_at IS NULL;
-- The desk of one officer.
CREATE INDEX case_by_officer ON case_file (officer, state, due, ref) WHERE officer IS NOT NULL;
-- What a desk has to do in one direction.
CREATE INDEX case_in_queue ON case_file (side, state, due, ref, partner) WHERE closed_at IS NULL;
-- All that one officer has open.
CREATE INDEX case_open_by_officer ON case_file (officer, due, ref) WHERE closed_at IS NULL;
-- Cases in which we wait for the other State.
CREATE INDEX case_watched ON case_file (due, ref)
WHERE closed_at IS NULL AND side = 'requesting'
    AND state IN ('SENT', 'DELIVERED', 'ACKNOWLEDGED', 'EXTENDED', 'NEEDS_TIER2', 'NEEDS_INTERVIEW', 'REDIRECTED', 'CONTESTED', 'DECIDED');
-- The same of one State.
CREATE INDEX case_watched_of_partner ON case_file (partner, due, ref)
WHERE closed_at IS NULL AND side = 'requesting'
    AND state IN ('SENT', 'DELIVERED', 'ACKNOWLEDGED', 'EXTENDED', 'NEEDS_TIER2', 'NEEDS_INTERVIEW', 'REDIRECTED', 'CONTESTED', 'DECIDED');
