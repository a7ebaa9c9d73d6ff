-- What the people's desks list and count: open cases of one side in a state, and of one officer or of none.

-- The queues of a desk; the partner stands last so that a queue narrowed to one State is read along it as well.
CREATE INDEX case_in_queue ON case_file (side, state, ifnull(due_at, 253402300799), ref, partner)
WHERE closed_at IS NULL;
-- The open cases of an officer, and those that have none: they sort first.
CREATE INDEX case_open_by_officer ON case_file (officer, ifnull(due_at, 253402300799), ref) WHERE closed_at IS NULL;
