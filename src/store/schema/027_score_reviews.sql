-- What reviewers give a call, beside the machine's score card: one row for each reviewer and call, below it one for each rule.
CREATE TABLE score_review (
    id INTEGER PRIMARY KEY,
    call INTEGER NOT NULL REFERENCES call (id) ON DELETE CASCADE,
    reviewer TEXT NOT NULL,              -- name of the token or login
    comment TEXT NOT NULL,               -- of the call as a whole; may be empty
    at_ms INTEGER NOT NULL,              -- wall clock
    UNIQUE (call, reviewer)
);
CREATE TABLE score_point (
    review INTEGER NOT NULL REFERENCES score_review (id) ON DELETE CASCADE,
    place INTEGER NOT NULL,              -- in the order of the score card, from 0
    rule TEXT NOT NULL,
    points REAL,                         -- NULL: nothing in the call asked for the rule
    points_of REAL NOT NULL,             -- that could be got
    machine INTEGER,                     -- the machine's judgement then: 1 met, 0 missed, NULL neither
    comment TEXT NOT NULL,               -- may be empty
    PRIMARY KEY (review, rule)
);

-- Calls that several reviewers score without knowing of each other.
CREATE TABLE calibration (
    call INTEGER PRIMARY KEY REFERENCES call (id) ON DELETE CASCADE,
    flagged_by TEXT NOT NULL,
    at_ms INTEGER NOT NULL               -- wall clock
);

-- What an agent, or a supervisor for the agent, does not agree with.
CREATE TABLE dispute (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- never given twice
    call INTEGER NOT NULL REFERENCES call (id) ON DELETE CASCADE,
    rule TEXT NOT NULL,
    text TEXT NOT NULL,
    raised_by TEXT NOT NULL,
    raised_ms INTEGER NOT NULL,          -- wall clock
    state TEXT NOT NULL DEFAULT 'open',  -- open, upheld, rejected
    answer TEXT,                         -- NULL, here and below, while it is open
    answered_by TEXT,
    answered_ms INTEGER
);
CREATE INDEX dispute_by_call ON dispute (call, id);
CREATE INDEX dispute_by_state ON dispute (state, id);
CREATE UNIQUE INDEX dispute_open ON dispute (call, rule) WHERE state = 'open';

-- The last day whose calls were written as a file.
CREATE TABLE report_day (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    day TEXT NOT NULL,                   -- YYYY-MM-DD, local time
    at_ms INTEGER NOT NULL               -- wall clock
);

-- What people wrote may hold what nobody may keep: it is overwritten as text of calls is.
CREATE TRIGGER score_review_went AFTER DELETE ON score_review BEGIN
    INSERT INTO scrub SELECT 1, unixepoch() * 1000 WHERE NOT EXISTS (SELECT 1 FROM scrub);
END;
CREATE TRIGGER score_point_went AFTER DELETE ON score_point BEGIN
    INSERT INTO scrub SELECT 1, unixepoch() * 1000 WHERE NOT EXISTS (SELECT 1 FROM scrub);
END;
CREATE TRIGGER dispute_went AFTER DELETE ON dispute BEGIN
    INSERT INTO scrub SELECT 1, unixepoch() * 1000 WHERE NOT EXISTS (SELECT 1 FROM scrub);
END;
