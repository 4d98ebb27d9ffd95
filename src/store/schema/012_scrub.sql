-- There while something that was deleted or changed may still be read out of the database file or SQLite's log; gone when both were overwritten.
-- It comes with what deletes, whoever that is, in one transaction: a reader in the way or a crash puts the overwriting off and cannot lose it.
CREATE TABLE scrub (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    since_ms INTEGER NOT NULL            -- wall clock
);
CREATE TRIGGER segment_went AFTER DELETE ON segment BEGIN
    INSERT INTO scrub SELECT 1, unixepoch() * 1000 WHERE NOT EXISTS (SELECT 1 FROM scrub);
END;
CREATE TRIGGER segment_changed AFTER UPDATE OF text, words ON segment BEGIN
    INSERT INTO scrub SELECT 1, unixepoch() * 1000 WHERE NOT EXISTS (SELECT 1 FROM scrub);
END;
CREATE TRIGGER event_went AFTER DELETE ON event BEGIN
    INSERT INTO scrub SELECT 1, unixepoch() * 1000 WHERE NOT EXISTS (SELECT 1 FROM scrub);
END;
CREATE TRIGGER event_changed AFTER UPDATE OF payload ON event BEGIN
    INSERT INTO scrub SELECT 1, unixepoch() * 1000 WHERE NOT EXISTS (SELECT 1 FROM scrub);
END;
CREATE TRIGGER alert_went AFTER DELETE ON alert BEGIN
    INSERT INTO scrub SELECT 1, unixepoch() * 1000 WHERE NOT EXISTS (SELECT 1 FROM scrub);
END;
CREATE TRIGGER alert_changed AFTER UPDATE OF text, rules ON alert BEGIN
    INSERT INTO scrub SELECT 1, unixepoch() * 1000 WHERE NOT EXISTS (SELECT 1 FROM scrub);
END;
CREATE TRIGGER call_went AFTER DELETE ON call BEGIN
    INSERT INTO scrub SELECT 1, unixepoch() * 1000 WHERE NOT EXISTS (SELECT 1 FROM scrub);
END;
-- What an earlier version deleted may still be there.
INSERT INTO scrub VALUES (1, unixepoch() * 1000);
