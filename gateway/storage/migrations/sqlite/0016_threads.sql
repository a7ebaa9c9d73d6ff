-- The case of a thread in which we ask, also where nothing was sent in it: a listing by a partner may name any, as often
-- as it likes. Cases in which we are asked stay out of it, for each would cost a page that is nowhere near the last one.
CREATE INDEX case_by_thread ON case_file (thread, partner) WHERE side = 'requesting';
