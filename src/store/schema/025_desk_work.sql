-- What people have corrected of a text, each time. The segment itself holds the corrected text, so search, exports and score card have that one; here
-- is what it was before. A correction goes with its segment, and a redaction takes it along: it may hold what nobody may keep.
CREATE TABLE correction (
    id INTEGER PRIMARY KEY,
    segment INTEGER NOT NULL REFERENCES segment (id) ON DELETE CASCADE,
    text_before TEXT NOT NULL,           -- of the first one: what the engine wrote
    text_after TEXT NOT NULL,
    said_before TEXT NOT NULL,           -- agent, caller, mixed: whose words they were said to be
    said_after TEXT NOT NULL,
    corrected_by TEXT NOT NULL,          -- a name, as people give it
    at_ms INTEGER NOT NULL               -- wall clock
);
CREATE INDEX correction_by_segment ON correction (segment, id);
-- Who speaks where people know better than the leg: agent, caller, mixed; NULL: the leg says it.
ALTER TABLE segment ADD COLUMN said_by TEXT;

CREATE TRIGGER correction_went AFTER DELETE ON correction BEGIN
    INSERT INTO scrub SELECT 1, unixepoch() * 1000 WHERE NOT EXISTS (SELECT 1 FROM scrub);
END;
-- Another text may score otherwise.
CREATE TRIGGER text_corrected AFTER INSERT ON correction BEGIN
    INSERT INTO review_due (call) SELECT call FROM segment WHERE id = new.segment;
END;
