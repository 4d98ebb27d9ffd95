-- How long after an utterance's last word its text was there, milliseconds. NULL where nobody was waiting for it: it was said before it was heard of
-- (uploads, texts of other platforms, recordings found complete), or was caught up after the call. Reading a call again leaves it as it was.
ALTER TABLE utterance ADD COLUMN lag_ms INTEGER;
