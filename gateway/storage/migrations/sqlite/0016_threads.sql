-- The case of a thread, also where nothing was sent in it: a listing by a partner may name any, as often as it likes.
CREATE INDEX case_by_thread ON case_file (thread, partner);
