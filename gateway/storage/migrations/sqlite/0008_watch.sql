-- What foreign affairs watches: cases in which we wait for the other State. A case that we were asked in stands in none
-- of these, so receiving a request writes no page for them.

-- All of them, soonest due first.
CREATE INDEX case_watched ON case_file (ifnull(due_at, 253402300799), ref)
WHERE closed_at IS NULL AND side = 'requesting'
    AND state IN ('SENT', 'DELIVERED', 'ACKNOWLEDGED', 'EXTENDED', 'NEEDS_TIER2', 'NEEDS_INTERVIEW', 'REDIRECTED', 'CONTESTED', 'DECIDED');
-- Those of one State, and how many there are.
CREATE INDEX case_watched_of_partner ON case_file (partner, ifnull(due_at, 253402300799), ref)
WHERE closed_at IS NULL AND side = 'requesting'
    AND state IN ('SENT', 'DELIVERED', 'ACKNOWLEDGED', 'EXTENDED', 'NEEDS_TIER2', 'NEEDS_INTERVIEW', 'REDIRECTED', 'CONTESTED', 'DECIDED');
-- All in which we asked one State, in the order in which they were opened, ended ones too.
CREATE INDEX case_asked ON case_file (partner) WHERE side = 'requesting';
