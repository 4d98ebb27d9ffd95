-- The sentiment of a segment; NULL where no list has words of its language. `compound` is 0 there, for the column was made NOT NULL.
ALTER TABLE segment ADD COLUMN score REAL GENERATED ALWAYS AS (CASE label WHEN 'unavailable' THEN NULL ELSE compound END) VIRTUAL;
ALTER TABLE live_text ADD COLUMN score REAL GENERATED ALWAYS AS (CASE label WHEN 'unavailable' THEN NULL ELSE compound END) VIRTUAL;
