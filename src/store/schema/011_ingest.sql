-- What the sender of a text thought of its mood, -1 to 1; NULL where it was recognised here, or nothing was said of it. It is the text's compound too
-- where lineside has no lexicon for its language.
ALTER TABLE segment ADD COLUMN sender_sentiment REAL;

-- Chunks of sound that other platforms have sent of a call.
ALTER TABLE call ADD COLUMN audio_chunks INTEGER NOT NULL DEFAULT 0;
