-- Which recordings a leg was taken from, so that a call can be deleted without a walk over all recordings. Kept by triggers, whoever writes.
CREATE TABLE recording_leg (
    leg INTEGER NOT NULL,                -- leg.id; the recording may be noted before its leg is
    device INTEGER NOT NULL,             -- these three: the key of recording
    inode INTEGER NOT NULL,
    head BLOB NOT NULL,
    PRIMARY KEY (leg, device, inode, head)
) WITHOUT ROWID;
INSERT OR IGNORE INTO recording_leg (leg, device, inode, head)
SELECT key.value, device, inode, head
FROM recording
JOIN json_each(recording.legs) AS key;

CREATE TRIGGER recording_taken AFTER INSERT ON recording BEGIN
    INSERT OR IGNORE INTO recording_leg (leg, device, inode, head)
    SELECT key.value, new.device, new.inode, new.head FROM json_each(new.legs) AS key;
END;
CREATE TRIGGER recording_changed AFTER UPDATE OF legs ON recording WHEN old.legs IS NOT new.legs BEGIN
    DELETE FROM recording_leg
    WHERE leg IN (SELECT value FROM json_each(old.legs)) AND device = old.device AND inode = old.inode AND head = old.head;
    INSERT OR IGNORE INTO recording_leg (leg, device, inode, head)
    SELECT key.value, new.device, new.inode, new.head FROM json_each(new.legs) AS key;
END;
CREATE TRIGGER recording_dropped AFTER DELETE ON recording BEGIN
    DELETE FROM recording_leg
    WHERE leg IN (SELECT value FROM json_each(old.legs)) AND device = old.device AND inode = old.inode AND head = old.head;
END;
