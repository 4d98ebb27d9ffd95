-- Where a finished call is transcribed again, the VAD may be run again too.
ALTER TABLE stage ADD COLUMN vad INTEGER NOT NULL DEFAULT 0; -- 1: of transcription from the sound, the utterances are found anew

-- Then other utterances take the place of those of the live call. Its text stays, so it names its stretch itself and refers to no utterance.
DROP TRIGGER segment_reworded_made;
DROP TRIGGER silence_of_live_text;
DROP TRIGGER live_text_went;
CREATE TABLE live_text_of_stretch (
    id INTEGER PRIMARY KEY,
    segment INTEGER NOT NULL,            -- segment.id, as it was
    call INTEGER NOT NULL REFERENCES call (id) ON DELETE CASCADE,
    leg INTEGER NOT NULL REFERENCES leg (id) ON DELETE CASCADE,
    start_sample INTEGER NOT NULL,       -- of its utterance, on the leg
    end_sample INTEGER NOT NULL,         -- one past the last
    start_ms INTEGER NOT NULL,
    end_ms INTEGER NOT NULL,
    text TEXT NOT NULL,
    confidence REAL NOT NULL,            -- as of segment, also below
    language TEXT,
    words TEXT NOT NULL,
    compound REAL NOT NULL,
    pos REAL NOT NULL,
    neu REAL NOT NULL,
    neg REAL NOT NULL,
    label TEXT NOT NULL,
    keywords TEXT NOT NULL,
    profanity TEXT NOT NULL,
    sender_sentiment REAL,
    engine TEXT,                         -- that wrote it
    score REAL GENERATED ALWAYS AS (CASE label WHEN 'unavailable' THEN NULL ELSE compound END) VIRTUAL
);
INSERT INTO live_text_of_stretch
    (id, segment, call, leg, start_sample, end_sample, start_ms, end_ms, text, confidence, language, words, compound, pos, neu, neg, label, keywords,
     profanity, sender_sentiment, engine)
SELECT live_text.id, live_text.segment, live_text.call, live_text.leg, utterance.start_sample, utterance.end_sample, live_text.start_ms,
    live_text.end_ms, live_text.text, live_text.confidence, live_text.language, live_text.words, live_text.compound, live_text.pos, live_text.neu,
    live_text.neg, live_text.label, live_text.keywords, live_text.profanity, live_text.sender_sentiment, live_text.engine
FROM live_text
JOIN utterance ON utterance.id = live_text.utterance;
DROP TABLE live_text;
ALTER TABLE live_text_of_stretch RENAME TO live_text;
CREATE INDEX live_text_by_call ON live_text (call, start_ms, segment);
CREATE INDEX live_text_by_leg ON live_text (leg, start_sample);

-- As before, by stretches that meet.
CREATE TRIGGER segment_reworded_made AFTER UPDATE OF text ON segment WHEN old.text IS NOT new.text BEGIN
    DELETE FROM live_text
    WHERE leg = old.leg
        AND EXISTS (
            SELECT 1
            FROM utterance
            WHERE utterance.id = old.utterance
                AND utterance.end_sample > live_text.start_sample
                AND utterance.start_sample < live_text.end_sample);
    UPDATE stage SET state = 'pending', result = NULL, round = round + 1, tries = 0, done_ms = NULL
    WHERE call = old.call AND place > 0 AND state <> 'pending';
END;
CREATE TRIGGER silence_of_live_text AFTER INSERT ON silence BEGIN
    DELETE FROM live_text
    WHERE leg = new.leg AND end_sample > new.start_sample AND (new.end_sample IS NULL OR start_sample < new.end_sample);
END;
CREATE TRIGGER live_text_went AFTER DELETE ON live_text BEGIN
    INSERT INTO scrub SELECT 1, unixepoch() * 1000 WHERE NOT EXISTS (SELECT 1 FROM scrub);
END;
-- The table from before is overwritten in SQLite's log too.
INSERT INTO scrub SELECT 1, unixepoch() * 1000 WHERE NOT EXISTS (SELECT 1 FROM scrub);
