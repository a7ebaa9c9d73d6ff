-- Cases in which somebody prepared right values for wrong ones, or the other State asked about data: few, and in any
-- state, closed ones too. Values side by side, for of a list of more than two SQLite makes a table at each step.
CREATE INDEX case_event_about_data ON case_event (ref)
WHERE event = 'prepare_rectification' OR event = 'use_request' OR event = 'onward_request' OR event = 'rectification' OR event = 'erasure';

-- Cases of which one person said that they are about another than a stopped one, and no second yet.
CREATE INDEX person_apart_begun ON person_apart (ref) WHERE second IS NULL;
