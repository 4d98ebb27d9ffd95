-- Stretches of sound that nobody may hear: numbers that were taken out, and pauses of the recording.
CREATE TABLE silence (
    id INTEGER PRIMARY KEY,
    leg INTEGER NOT NULL REFERENCES leg (id) ON DELETE CASCADE,
    start_sample INTEGER NOT NULL,       -- on the leg
    end_sample INTEGER,                  -- one past the last; NULL while a pause lasts
    why TEXT NOT NULL,                   -- redaction, pause
    at_ms INTEGER NOT NULL,              -- wall clock, when it was decided
    done INTEGER NOT NULL DEFAULT 0      -- 1: the file holds silence there. Stays 0 for recordings that are not ours: they are muted when played
);
CREATE INDEX silence_by_leg ON silence (leg, start_sample);
CREATE INDEX silence_to_do ON silence (leg) WHERE done = 0;

-- Calls that must be kept, whatever their age. No cascade: a held call cannot be deleted by accident.
CREATE TABLE hold (
    id INTEGER PRIMARY KEY,
    call INTEGER NOT NULL REFERENCES call (id),
    at_ms INTEGER NOT NULL,              -- wall clock
    reason TEXT NOT NULL DEFAULT ''
);
CREATE INDEX hold_by_call ON hold (call);

-- When lineside deleted its own file of this leg; NULL while it is there.
ALTER TABLE leg ADD COLUMN audio_gone_ms INTEGER;
CREATE INDEX leg_own_audio ON leg (started_ms) WHERE owned = 1 AND audio_gone_ms IS NULL;

-- What is deleted from the index leaves it at once, not at some later merge (FTS5, SQLite 3.42).
INSERT INTO segment_fts (segment_fts, rank) VALUES ('secure-delete', 1);
