-- Calls are looked up by what a dialer's script knows of them: uniqueid, lead, recording and telephone number.
-- The number without the marks that people write between digits, and without the zeros before it (trunk prefix, 00 of a foreign number).
ALTER TABLE call ADD COLUMN phone_digits TEXT GENERATED ALWAYS AS (
    ltrim(replace(replace(replace(replace(replace(replace(replace(phone, '+', ''), ' ', ''), '-', ''), '(', ''), ')', ''), '.', ''), '/', ''), '0')
) VIRTUAL;
CREATE INDEX call_by_uniqueid ON call (uniqueid) WHERE uniqueid IS NOT NULL;
CREATE INDEX call_by_lead ON call (lead, started_ms DESC, id DESC) WHERE lead IS NOT NULL;
-- Its last seven digits: numbers are compared from their end.
CREATE INDEX call_by_phone ON call (substr(phone_digits, -7), started_ms DESC, id DESC);
-- The dialer's number of the recording, which comes with the metadata.
CREATE INDEX call_by_recording ON call (CAST(json_extract(metadata, '$.recording_id') AS TEXT));
