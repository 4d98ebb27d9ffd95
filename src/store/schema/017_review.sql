-- What a call came to, for the statistics of agents and campaigns: counted when its last word was text, and again when it was transcribed again or
-- another disposition became known. A call without a row has not been reviewed yet.
CREATE TABLE review (
    call INTEGER PRIMARY KEY REFERENCES call (id) ON DELETE CASCADE,
    disposition TEXT,                    -- as ViciDial has it, or its Dispo Call URL; NULL where it is not known
    positive INTEGER NOT NULL,           -- segments
    negative INTEGER NOT NULL,           -- segments
    points REAL NOT NULL,                -- of the score card
    points_of REAL NOT NULL,             -- that could be got; 0 where nothing could be judged
    agent_speech_ms INTEGER,             -- NULL, here and below, where the call does not tell
    caller_speech_ms INTEGER,
    mixed_speech_ms INTEGER,             -- on legs with both sides
    dead_air_ms INTEGER,                 -- silence beyond ordinary pauses
    silent_end_ms INTEGER,               -- from the last word to the end of the sound
    reviewed_ms INTEGER NOT NULL         -- wall clock
);

-- Where a call's disposition does not go with what was said. What was said is not repeated here: the segment says it.
CREATE TABLE finding (
    id INTEGER PRIMARY KEY,
    call INTEGER NOT NULL REFERENCES call (id) ON DELETE CASCADE,
    name TEXT NOT NULL,                  -- of the rule, as below
    description TEXT NOT NULL,
    pack TEXT NOT NULL,
    level TEXT,                          -- warning, urgent, critical; NULL where no alert was wanted
    disposition TEXT NOT NULL,           -- that was noted
    segment INTEGER NOT NULL REFERENCES segment (id) ON DELETE CASCADE,
    UNIQUE (call, name)
);
-- A segment that is deleted asks who refers to it.
CREATE INDEX finding_by_segment ON finding (segment);

-- Calls to be reviewed, in the order in which they became due. One call may stand here more than once.
CREATE TABLE review_due (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- never given twice: what became due during a review is later than it
    call INTEGER NOT NULL REFERENCES call (id) ON DELETE CASCADE
);
CREATE INDEX review_due_by_call ON review_due (call);
CREATE TRIGGER call_ended AFTER UPDATE OF state ON call
WHEN new.state IN ('completed', 'failed') AND old.state IS NOT new.state BEGIN
    INSERT INTO review_due (call) VALUES (new.id);
END;
CREATE TRIGGER call_transcribed_again AFTER UPDATE OF figures ON call
WHEN new.state IN ('completed', 'failed') BEGIN
    INSERT INTO review_due (call) VALUES (new.id);
END;
CREATE TRIGGER call_noted_again AFTER UPDATE OF metadata ON call
WHEN new.state IN ('completed', 'failed') AND old.metadata IS NOT new.metadata BEGIN
    INSERT INTO review_due (call) VALUES (new.id);
END;
CREATE TRIGGER dialer_told AFTER INSERT ON dialer
WHEN new.system = 'vicidial' AND new.disposition IS NOT NULL
    AND (SELECT state FROM call WHERE id = new.call) IN ('completed', 'failed')
    AND NOT EXISTS (SELECT 1 FROM review WHERE call = new.call AND disposition IS new.disposition) BEGIN
    INSERT INTO review_due (call) VALUES (new.call);
END;
-- What is there already, the newest first.
INSERT INTO review_due (call) SELECT id FROM call WHERE state IN ('completed', 'failed') ORDER BY started_ms DESC, id DESC;
