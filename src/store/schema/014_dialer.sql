-- What the dialer's own database knows of a call beyond its names, one row a call, and how often it was asked. A call without a row was never asked
-- about. Seconds are as the dialer counts them.
CREATE TABLE dialer (
    call INTEGER PRIMARY KEY REFERENCES call (id) ON DELETE CASCADE,
    system TEXT NOT NULL,                -- vicidial, freepbx
    direction TEXT,                      -- inbound, outbound, internal
    uniqueid TEXT,                       -- of the customer's channel
    recording_id INTEGER,                -- of recording_log
    agent TEXT,
    agent_name TEXT,
    user_group TEXT,
    campaign TEXT,
    in_group TEXT,                       -- or queue
    lead TEXT,
    list_id INTEGER,
    phone TEXT,
    disposition TEXT,
    term_reason TEXT,                    -- who or what ended the call
    length_s INTEGER,
    queue_s REAL,                        -- before an agent had it
    talk_s INTEGER,                      -- dead seconds are part of it
    wait_s INTEGER,
    wrap_s INTEGER,
    dead_s INTEGER,                      -- after the customer had gone
    pause_s INTEGER,
    transfers TEXT NOT NULL DEFAULT '[]', -- JSON list of {at, to, agent, agent_name, disposition, length_seconds}
    asked_ms INTEGER NOT NULL,           -- wall clock of the last answer
    tries INTEGER NOT NULL,              -- answers since the call was closed
    due_ms INTEGER,                      -- wall clock of the next question; NULL when none follows
    complete INTEGER NOT NULL            -- 1: nothing more is expected
);
CREATE INDEX dialer_by_uniqueid ON dialer (uniqueid) WHERE uniqueid IS NOT NULL;
CREATE INDEX dialer_by_recording ON dialer (recording_id) WHERE recording_id IS NOT NULL;
