-- Cases of which one person said that the mark "do not press" may go: there are few, and a second one is to find them.
CREATE INDEX case_event_proposed ON case_event (ref, n) WHERE event = 'propose_pressing';
