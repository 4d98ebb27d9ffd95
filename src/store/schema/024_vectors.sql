-- What each segment means, as a vector. Filled in the background once there is a model of sentences; goes with its segment, and when that is reworded.
CREATE TABLE vector (
    segment INTEGER PRIMARY KEY REFERENCES segment (id) ON DELETE CASCADE,
    vector BLOB NOT NULL                 -- a scale, 32-bit float in little endian, then an 8-bit integer for each number of a vector of length 1
);

-- Segments that wait for their vector.
CREATE TABLE vector_due (
    segment INTEGER PRIMARY KEY REFERENCES segment (id) ON DELETE CASCADE
);

-- Which model the vectors are of: those of another one mean something else.
CREATE TABLE vector_model (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    name TEXT NOT NULL
);

CREATE TRIGGER segment_wants_vector AFTER INSERT ON segment BEGIN
    INSERT INTO vector_due VALUES (new.id);
END;
CREATE TRIGGER segment_lost_vector AFTER UPDATE OF text ON segment BEGIN
    DELETE FROM vector WHERE segment = new.id;
END;
-- A segment that stays gets another one.
CREATE TRIGGER vector_went AFTER DELETE ON vector WHEN EXISTS (SELECT 1 FROM segment WHERE id = old.segment) BEGIN
    INSERT OR IGNORE INTO vector_due VALUES (old.segment);
END;
CREATE TRIGGER vector_came AFTER INSERT ON vector BEGIN
    DELETE FROM vector_due WHERE segment = new.segment;
END;
INSERT INTO vector_due SELECT id FROM segment;
