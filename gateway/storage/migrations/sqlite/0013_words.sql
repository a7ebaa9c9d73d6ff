-- What waits for a word is found by what stands in the case itself, which is sealed: whenever one is saved it says here
-- which words may be due in it.
ALTER TABLE case_file ADD COLUMN words INTEGER NOT NULL DEFAULT 0 CHECK (words BETWEEN 0 AND 3);  -- 1: a second person's, 2: an answer about data.

-- No migration has the key. Of a stored case its steps say it, sometimes of one too many until it is saved again: the
-- other State asked more about data than was answered,
UPDATE case_file SET words = 2
WHERE state NOT IN ('BLOCKED', 'ERASED') AND ref IN (
    SELECT ref FROM case_event
    WHERE event IN ('use_request', 'onward_request', 'rectification', 'erasure', 'report_use', 'answer_onward', 'confirm', 'destroy')
    GROUP BY ref
    HAVING sum(CASE WHEN event IN ('use_request', 'onward_request', 'rectification', 'erasure') THEN 1 ELSE -1 END) > 0
);
-- or something was prepared or proposed, and the case is where a second person may let that count. What comes there from
-- another state is saved.
UPDATE case_file SET words = words + 1
WHERE state = 'DRAFT'
    OR (state IN ('ACKNOWLEDGED', 'EXTENDED', 'NEEDS_TIER2', 'NEEDS_INTERVIEW', 'CONTESTED', 'ASSESSED', 'DECIDED')
        AND ref IN (SELECT ref FROM case_event WHERE event = 'prepare'))
    OR (state = 'FROZEN' AND ref IN (SELECT ref FROM case_event WHERE event = 'propose_resume'))
    OR (state NOT IN ('CLOSED', 'BLOCKED', 'ERASED') AND ref IN (
        SELECT ref FROM case_event WHERE event IN ('prepare_rectification', 'rectify') GROUP BY ref
        HAVING max(CASE event WHEN 'prepare_rectification' THEN n ELSE 0 END)
            > max(CASE event WHEN 'rectify' THEN n ELSE 0 END)
    ));

-- Cases in which a word may be due, soonest due first: few, and in any state, closed ones too.
CREATE INDEX case_words ON case_file (due, ref, words) WHERE words > 0;

-- Cases of which one person said that they are about another than a stopped one, and no second yet.
CREATE INDEX person_apart_begun ON person_apart (ref) WHERE second IS NULL;
