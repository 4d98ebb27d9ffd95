-- What the dialer says took place, day by day, to be compared with what was recorded and heard. Kept here, so that a day is answered for when the
-- dialer's database is away. Days are those of this machine's time zone. What became of each call is never stored: it is worked out when it is asked.
CREATE TABLE dialed_day (
    day TEXT PRIMARY KEY,                -- YYYY-MM-DD
    source TEXT NOT NULL,                -- vicidial, freepbx, ami
    read_ms INTEGER NOT NULL,            -- wall clock of the last whole reading
    unanswered INTEGER NOT NULL          -- calls that no agent had: nothing of them is recorded, and they have no row
) WITHOUT ROWID;

-- A call, or a stage of it: each in-group that a call goes through has a row.
CREATE TABLE dialed_call (
    day TEXT NOT NULL,
    key TEXT NOT NULL,                   -- uniqueid of vicidial_log, closecallid of vicidial_closer_log, linkedid of cdr, uniqueid that AMI told
    read_ms INTEGER NOT NULL,            -- dialed_day.read_ms; an older one is of a row that is gone
    started_ms INTEGER NOT NULL,         -- wall clock
    expected_s INTEGER,                  -- seconds that a recording of it should have; NULL while it runs
    uniqueid TEXT,                       -- of the customer's channel
    agent TEXT,                          -- NULL when nobody had it
    campaign TEXT,                       -- campaign, in-group or queue
    PRIMARY KEY (day, key)
) WITHOUT ROWID;
CREATE INDEX dialed_call_by_uniqueid ON dialed_call (uniqueid) WHERE uniqueid IS NOT NULL;

-- A recording that the dialer knows of.
CREATE TABLE dialed_recording (
    day TEXT NOT NULL,
    key TEXT NOT NULL,                   -- recording_id, or the name of the file
    read_ms INTEGER NOT NULL,
    call TEXT,                           -- dialed_call.key; NULL when the dialer has no call for it
    recording_id INTEGER,
    name TEXT NOT NULL,                  -- of the file, without folder, side and ending
    started_ms INTEGER NOT NULL,
    recorded_s INTEGER,                  -- its length as the dialer counts it
    ended_ms INTEGER,                    -- NULL while it is recorded
    server TEXT,                         -- address of the dialer that made it, where that is another one
    file TEXT,                           -- where it lies in the watched folders; NULL: nowhere
    file_bytes INTEGER,
    unmoved INTEGER NOT NULL,            -- 1: it still lies where Asterisk has written it
    PRIMARY KEY (day, key)
) WITHOUT ROWID;
CREATE INDEX dialed_recording_by_name ON dialed_recording (name);
CREATE INDEX dialed_recording_by_id ON dialed_recording (recording_id) WHERE recording_id IS NOT NULL;

-- A call that is deleted takes along what the dialer told of it. `INSERT OR REPLACE` of a row fires no trigger.
CREATE TRIGGER dialed_forgotten AFTER DELETE ON dialer BEGIN
    DELETE FROM dialed_call WHERE uniqueid = old.uniqueid;
    DELETE FROM dialed_recording WHERE recording_id = old.recording_id;
END;
CREATE TRIGGER dialed_call_forgotten AFTER DELETE ON call BEGIN
    DELETE FROM dialed_call WHERE uniqueid = old.uniqueid;
    DELETE FROM dialed_recording WHERE name = old.call_id;
END;
