-- One row per call, with what lists and filters need beside it, so that no list has to count.
-- Times: *_ms on the wall clock are milliseconds since the Unix epoch; inside a call, milliseconds from the call's start.
CREATE TABLE call (
    id INTEGER PRIMARY KEY,              -- stays the same when the call gets another name
    call_id TEXT NOT NULL UNIQUE,        -- public id: uniqueid where known, else the source's own
    source TEXT NOT NULL,                -- audiosocket, eagi, recording, upload
    state TEXT NOT NULL,                 -- active, connection_closed, completed, failed
    started_ms INTEGER NOT NULL,         -- first frame, or the recording's begin
    last_activity_ms INTEGER NOT NULL,   -- last frame or text
    closed_ms INTEGER,                   -- when the line was closed
    ended_ms INTEGER,                    -- when the last words were text
    end_reason TEXT,                     -- hangup, manual, recovered, …
    uuid TEXT,                           -- of AudioSocket
    uniqueid TEXT,                       -- of Asterisk
    agent TEXT,
    campaign TEXT,                       -- campaign, in-group or queue
    lead TEXT,
    phone TEXT,                          -- the other party's number
    metadata TEXT NOT NULL DEFAULT '{}', -- free JSON object from POST /api/v1/calls
    audio_ms INTEGER NOT NULL DEFAULT 0, -- length of the longest leg's end in the call
    segments INTEGER NOT NULL DEFAULT 0,
    sentiment REAL,                      -- mean compound, -1 to 1; NULL before the first segment
    rolling REAL,                        -- mean compound of the last segments
    sentiment_min REAL,
    sentiment_max REAL,
    consecutive_negative INTEGER NOT NULL DEFAULT 0,
    has_alerts INTEGER NOT NULL DEFAULT 0, -- 1 when the call has an alert (002_alerts.sql)
    figures TEXT NOT NULL DEFAULT '{}'   -- the rolling figures per leg, JSON
);
CREATE INDEX call_by_start ON call (started_ms DESC, id DESC);
CREATE INDEX call_by_state ON call (state, started_ms DESC, id DESC);
CREATE INDEX call_by_agent ON call (agent, started_ms DESC, id DESC);
CREATE INDEX call_by_campaign ON call (campaign, started_ms DESC, id DESC);

-- Former ids of a call: its UUID before it was named, ids of calls that were merged into it.
CREATE TABLE call_alias (
    alias TEXT PRIMARY KEY,
    call INTEGER NOT NULL REFERENCES call (id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX call_alias_by_call ON call_alias (call);

-- One stream of one direction: a connection, or a channel of a file.
CREATE TABLE leg (
    id INTEGER PRIMARY KEY,
    call INTEGER NOT NULL REFERENCES call (id) ON DELETE CASCADE,
    leg TEXT NOT NULL,                   -- mixed, agent, caller
    source TEXT NOT NULL,
    rate_hz INTEGER NOT NULL,            -- samples per second
    started_ms INTEGER NOT NULL,         -- wall clock of sample 0
    offset_ms INTEGER NOT NULL,          -- sample 0 inside the call
    path TEXT NOT NULL,                  -- file that holds the samples
    channel INTEGER NOT NULL DEFAULT 0,  -- channel of that file, from 0
    owned INTEGER NOT NULL,              -- 1: lineside's own file; 0: a recording that is only referred to
    peer TEXT,                           -- address or file it came from
    samples INTEGER NOT NULL DEFAULT 0,  -- samples on disk when last noted
    last_audio_ms INTEGER,               -- arrival of the last frame
    closed_ms INTEGER,                   -- NULL while audio may come
    close_reason TEXT
);
CREATE INDEX leg_by_call ON leg (call, id);
CREATE INDEX leg_open ON leg (id) WHERE closed_ms IS NULL;

-- A stretch of speech: the queue of the recogniser is the rows that wait.
CREATE TABLE utterance (
    id INTEGER PRIMARY KEY,
    call INTEGER NOT NULL REFERENCES call (id) ON DELETE CASCADE,
    leg INTEGER NOT NULL REFERENCES leg (id) ON DELETE CASCADE,
    start_sample INTEGER NOT NULL,       -- on the leg
    end_sample INTEGER NOT NULL,         -- one past the last
    start_ms INTEGER NOT NULL,           -- in the call
    end_ms INTEGER NOT NULL,
    state TEXT NOT NULL,                 -- waiting_for_model, pending, done, empty, failed
    note TEXT,                           -- why empty or failed
    engine TEXT,                         -- engine/model that read it
    took_ms INTEGER,                     -- wall time of the inference
    done_ms INTEGER,                     -- wall clock
    UNIQUE (leg, start_sample)           -- found again after a restart it is the same one
);
CREATE INDEX utterance_by_call ON utterance (call, id);
CREATE INDEX utterance_waiting ON utterance (id) WHERE state IN ('waiting_for_model', 'pending');

-- Text. An utterance has one or more segments.
CREATE TABLE segment (
    id INTEGER PRIMARY KEY,
    call INTEGER NOT NULL REFERENCES call (id) ON DELETE CASCADE,
    leg INTEGER NOT NULL REFERENCES leg (id) ON DELETE CASCADE,
    utterance INTEGER NOT NULL REFERENCES utterance (id) ON DELETE CASCADE,
    start_ms INTEGER NOT NULL,           -- in the call
    end_ms INTEGER NOT NULL,
    text TEXT NOT NULL,
    confidence REAL NOT NULL,            -- mean token probability, 0 to 1
    language TEXT,
    words TEXT NOT NULL,                 -- JSON list of {text, start_ms, end_ms, confidence}, times in the call
    compound REAL NOT NULL,              -- VADER, -1 to 1
    pos REAL NOT NULL,
    neu REAL NOT NULL,
    neg REAL NOT NULL,
    label TEXT NOT NULL,                 -- positive, neutral, negative
    keywords TEXT NOT NULL,              -- JSON list of {term, label}
    profanity TEXT NOT NULL              -- JSON list of {term, label}
);
CREATE INDEX segment_by_call ON segment (call, start_ms, id);
CREATE INDEX segment_by_utterance ON segment (utterance);

-- Full-text index over everything that was said.
CREATE VIRTUAL TABLE segment_fts USING fts5 (
    text,
    content = 'segment',
    content_rowid = 'id',
    tokenize = "unicode61 remove_diacritics 2"
);
CREATE TRIGGER segment_said AFTER INSERT ON segment BEGIN
    INSERT INTO segment_fts (rowid, text) VALUES (new.id, new.text);
END;
CREATE TRIGGER segment_unsaid AFTER DELETE ON segment BEGIN
    INSERT INTO segment_fts (segment_fts, rowid, text) VALUES ('delete', old.id, old.text);
END;
CREATE TRIGGER segment_reworded AFTER UPDATE OF text ON segment BEGIN
    INSERT INTO segment_fts (segment_fts, rowid, text) VALUES ('delete', old.id, old.text);
    INSERT INTO segment_fts (rowid, text) VALUES (new.id, new.text);
END;

-- Keys pressed.
CREATE TABLE dtmf (
    id INTEGER PRIMARY KEY,
    leg INTEGER NOT NULL REFERENCES leg (id) ON DELETE CASCADE,
    at_ms INTEGER NOT NULL,              -- in the call
    digit TEXT NOT NULL
);
CREATE INDEX dtmf_by_leg ON dtmf (leg);

-- What the feeds said, so that a client can ask for what it missed. The id is SSE's Last-Event-ID.
CREATE TABLE event (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    call INTEGER REFERENCES call (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,                  -- call_start, sentiment, hangup, call_end, …
    at_ms INTEGER NOT NULL,
    payload TEXT NOT NULL                -- the JSON message as it went out
);
CREATE INDEX event_by_call ON event (call, id);

-- Recordings that were taken, so that none is taken twice, under whatever name it comes back.
CREATE TABLE recording (
    path TEXT NOT NULL,                  -- where it was last seen
    device INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    size INTEGER NOT NULL,               -- bytes when last looked at
    head BLOB NOT NULL,                  -- SHA-256 of its first bytes of audio
    legs TEXT NOT NULL,                  -- JSON list of leg ids
    finished INTEGER NOT NULL DEFAULT 0, -- 1: read to its end
    seen_ms INTEGER NOT NULL,
    PRIMARY KEY (device, inode, head)
) WITHOUT ROWID;
CREATE INDEX recording_by_path ON recording (path);
CREATE INDEX recording_by_content ON recording (head, size);
