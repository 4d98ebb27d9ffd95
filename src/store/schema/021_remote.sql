-- Recordings to fetch from other servers, one row for each server and call. A restart goes on with what is open: waiting, fetching, taking.
CREATE TABLE fetch (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- never used again: a fetch that still runs when its row goes would write into another's
    remote TEXT NOT NULL,                -- its name in the configuration
    call_id TEXT NOT NULL,               -- the call that it becomes, which need not be here yet
    path TEXT NOT NULL,                  -- on the server
    state TEXT NOT NULL DEFAULT 'waiting', -- waiting, fetching, taking, done, known, given_up
    at_ms INTEGER,                       -- wall clock of the call's begin, as far as known
    size INTEGER,                        -- bytes, as the server says
    got INTEGER NOT NULL DEFAULT 0,      -- bytes that are here
    tries INTEGER NOT NULL DEFAULT 0,    -- tries that failed by the file and not by the server
    next_ms INTEGER NOT NULL,            -- wall clock of the next try
    asked_ms INTEGER NOT NULL,           -- wall clock of the request
    done_ms INTEGER,                     -- wall clock of the end
    error TEXT,                          -- of the last try
    UNIQUE (remote, call_id)
);
CREATE INDEX fetch_open ON fetch (remote, next_ms) WHERE state IN ('waiting', 'fetching', 'taking');
CREATE INDEX fetch_given_up ON fetch (done_ms) WHERE state = 'given_up';
CREATE INDEX fetch_by_call ON fetch (call_id);

-- A call that is deleted takes along what tells of it: its path may hold a telephone number.
CREATE TRIGGER fetch_goes_with_its_call BEFORE DELETE ON call
BEGIN
    DELETE FROM fetch
    WHERE call_id = OLD.call_id OR call_id IN (SELECT alias FROM call_alias WHERE call_alias.call = OLD.id);
END;
