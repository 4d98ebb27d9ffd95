-- What is made of a call that is over, stage by stage. The rows that wait are the queue: who restarts goes on with them. A call without rows has not
-- ended since this table is there.
CREATE TABLE stage (
    id INTEGER PRIMARY KEY,
    call INTEGER NOT NULL REFERENCES call (id) ON DELETE CASCADE,
    place INTEGER NOT NULL,              -- in the order of stages, from 0
    stage TEXT NOT NULL,                 -- transcription, translation, entities, classification, summary, qa, insights
    state TEXT NOT NULL DEFAULT 'pending', -- pending, running, done, failed, skipped, unavailable
    again INTEGER NOT NULL DEFAULT 0,    -- 1: of transcription, from the sound
    round INTEGER NOT NULL DEFAULT 1,    -- how often it was asked for: what was made in an earlier round is not kept
    tries INTEGER NOT NULL DEFAULT 0,    -- in this round
    next_ms INTEGER NOT NULL,            -- wall clock of the next try
    queued_ms INTEGER NOT NULL,          -- wall clock of the request
    started_ms INTEGER,                  -- wall clock of the last try
    done_ms INTEGER,                     -- wall clock of the end: neither pending nor running
    engine TEXT,                         -- what made it: rules, whisper, marian, …
    model TEXT,                          -- its model, or the packs
    version TEXT,                        -- of lineside, when it was made
    error TEXT,                          -- of the last try; of what was skipped or is unavailable the reason
    result TEXT,                         -- JSON, of the type that the API answers with; NULL unless done
    UNIQUE (call, place)
);
CREATE INDEX stage_open ON stage (next_ms, id) WHERE state IN ('pending', 'running');
CREATE INDEX stage_by_end ON stage (done_ms) WHERE done_ms IS NOT NULL;

-- When its source's calls are transcribed; NULL of calls from before: while they ran.
ALTER TABLE call ADD COLUMN mode TEXT;   -- postcall_only, realtime, hybrid

-- When its text was made again: what it was before is in live_text, or was taken out.
ALTER TABLE utterance ADD COLUMN again_ms INTEGER;

-- The text that was there before a call was transcribed again, for those who want to see what changed. Its times are in the call.
CREATE TABLE live_text (
    id INTEGER PRIMARY KEY,
    segment INTEGER NOT NULL,            -- segment.id, as it was
    call INTEGER NOT NULL REFERENCES call (id) ON DELETE CASCADE,
    leg INTEGER NOT NULL REFERENCES leg (id) ON DELETE CASCADE,
    utterance INTEGER NOT NULL REFERENCES utterance (id) ON DELETE CASCADE,
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
    engine TEXT                          -- that wrote it
);
CREATE INDEX live_text_by_call ON live_text (call, start_ms, segment);
CREATE INDEX live_text_by_leg ON live_text (leg);
CREATE INDEX live_text_by_utterance ON live_text (utterance);

-- What is taken out of a text is taken out of what was made of it and of what was there before, by whomever.
CREATE TRIGGER segment_reworded_made AFTER UPDATE OF text ON segment WHEN old.text IS NOT new.text BEGIN
    DELETE FROM live_text WHERE utterance = old.utterance;
    UPDATE stage SET state = 'pending', result = NULL, round = round + 1, tries = 0, done_ms = NULL
    WHERE call = old.call AND place > 0 AND state <> 'pending';
END;
CREATE TRIGGER segment_went_made AFTER DELETE ON segment BEGIN
    UPDATE stage SET state = 'pending', result = NULL, round = round + 1, tries = 0, done_ms = NULL
    WHERE call = old.call AND place > 0 AND state <> 'pending';
END;
CREATE TRIGGER silence_of_live_text AFTER INSERT ON silence BEGIN
    DELETE FROM live_text
    WHERE utterance IN (
        SELECT id
        FROM utterance
        WHERE leg = new.leg AND end_sample > new.start_sample AND (new.end_sample IS NULL OR start_sample < new.end_sample));
END;

-- Texts that were sent to be analysed by themselves, and what came of them.
CREATE TABLE analysis (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- never given twice
    unique_id TEXT NOT NULL UNIQUE,      -- UUID
    transcript TEXT NOT NULL,            -- without card numbers and the like
    intent TEXT NOT NULL,
    sentiment TEXT NOT NULL CHECK (sentiment IN ('Negative', 'Neutral', 'Positive')),
    action_required INTEGER NOT NULL,    -- 0, 1
    summary TEXT NOT NULL,
    metadata TEXT NOT NULL DEFAULT '{}', -- JSON: the labels, and the rules that decided
    created_ms INTEGER NOT NULL,         -- wall clock
    took_ms REAL NOT NULL                -- milliseconds
);
CREATE INDEX analysis_by_time ON analysis (created_ms);

CREATE TRIGGER stage_went AFTER DELETE ON stage WHEN old.result IS NOT NULL BEGIN
    INSERT INTO scrub SELECT 1, unixepoch() * 1000 WHERE NOT EXISTS (SELECT 1 FROM scrub);
END;
CREATE TRIGGER stage_changed AFTER UPDATE OF result ON stage WHEN old.result IS NOT NULL AND old.result IS NOT new.result BEGIN
    INSERT INTO scrub SELECT 1, unixepoch() * 1000 WHERE NOT EXISTS (SELECT 1 FROM scrub);
END;
CREATE TRIGGER live_text_went AFTER DELETE ON live_text BEGIN
    INSERT INTO scrub SELECT 1, unixepoch() * 1000 WHERE NOT EXISTS (SELECT 1 FROM scrub);
END;
CREATE TRIGGER analysis_went AFTER DELETE ON analysis BEGIN
    INSERT INTO scrub SELECT 1, unixepoch() * 1000 WHERE NOT EXISTS (SELECT 1 FROM scrub);
END;
