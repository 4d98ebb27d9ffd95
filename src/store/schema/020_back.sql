-- What goes back to the dialer by its APIs: summaries into leads' comments, notifications of agents, supervisors who listen in. One row for each; who
-- restarts goes on with what waits.
CREATE TABLE dialer_write (
    id INTEGER PRIMARY KEY,
    call INTEGER NOT NULL REFERENCES call (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,                  -- comment, notification, listen
    origin TEXT NOT NULL,                -- what it came of, once in a call: comment, alert/7, listen/1795218045000
    alert INTEGER REFERENCES alert (id) ON DELETE CASCADE, -- of a notification
    state TEXT NOT NULL DEFAULT 'waiting', -- waiting, sent, dry_run, skipped, given_up
    tries INTEGER NOT NULL DEFAULT 0,
    next_ms INTEGER NOT NULL,            -- wall clock of the next try
    queued_ms INTEGER NOT NULL,
    done_ms INTEGER,                     -- wall clock of the end: not waiting any more
    request TEXT,                        -- JSON list of [name, value]: what was sent, or would have been, without the password
    answer TEXT,                         -- of the last try: what the dialer said, or why nothing was sent
    UNIQUE (call, origin)
);
CREATE INDEX dialer_write_waiting ON dialer_write (next_ms) WHERE state = 'waiting';
CREATE INDEX dialer_write_by_state ON dialer_write (state, id);
CREATE INDEX dialer_write_by_alert ON dialer_write (alert);

-- Up to where the queue is filled. One that is new begins with what comes next.
CREATE TABLE dialer_write_filled (
    kind TEXT PRIMARY KEY,               -- comment, notification
    begun INTEGER NOT NULL,              -- wall clock, or alert.id
    filled_to INTEGER NOT NULL           -- the same
) WITHOUT ROWID;

-- Calls by their end: what has ended since.
CREATE INDEX call_by_end ON call (ended_ms) WHERE ended_ms IS NOT NULL;

-- A token of one agent sees that agent's running call and nothing else; its scope is agent.
ALTER TABLE token ADD COLUMN agent TEXT;
