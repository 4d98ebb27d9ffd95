-- A text that comes late, and words that are another speaker's: what was made of the call is made again, as after a change of its words.
CREATE TRIGGER segment_came_made AFTER INSERT ON segment BEGIN
    UPDATE stage SET state = 'pending', result = NULL, round = round + 1, tries = 0, done_ms = NULL
    WHERE call = new.call AND place > 0 AND state <> 'pending';
END;
CREATE TRIGGER segment_said_by_made AFTER UPDATE OF said_by ON segment WHEN old.said_by IS NOT new.said_by BEGIN
    UPDATE stage SET state = 'pending', result = NULL, round = round + 1, tries = 0, done_ms = NULL
    WHERE call = old.call AND place > 0 AND state <> 'pending';
END;
