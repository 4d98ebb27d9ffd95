-- A call that is over and gets its first text now, by a model that came later or because it is transcribed again: its summary is told to the dialer
-- then. Only of a call that ended since comments were switched on.
CREATE TRIGGER text_of_an_ended_call AFTER UPDATE OF segments ON call
WHEN old.segments = 0 AND new.segments > 0 AND new.ended_ms IS NOT NULL BEGIN
    INSERT INTO dialer_write (call, kind, origin, next_ms, queued_ms)
    SELECT new.id, 'comment', 'comment', CAST(unixepoch('subsec') * 1000 AS INTEGER), CAST(unixepoch('subsec') * 1000 AS INTEGER)
    FROM dialer_write_filled
    WHERE kind = 'comment' AND begun <= new.ended_ms
    ON CONFLICT DO NOTHING;
END;
