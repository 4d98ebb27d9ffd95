-- Alerts on their way out. One row per notifier and alert; who restarts goes on with what waits.
CREATE TABLE notification (
    id INTEGER PRIMARY KEY,
    notifier TEXT NOT NULL,              -- its name in the configuration
    alert INTEGER NOT NULL REFERENCES alert (id) ON DELETE CASCADE,
    state TEXT NOT NULL DEFAULT 'waiting', -- waiting, sent, given_up
    tries INTEGER NOT NULL DEFAULT 0,
    next_ms INTEGER NOT NULL,            -- wall clock of the next try
    queued_ms INTEGER NOT NULL,
    done_ms INTEGER,                     -- sent, or given up
    error TEXT,                          -- of the last try
    UNIQUE (notifier, alert)
);
CREATE INDEX notification_waiting ON notification (notifier, next_ms) WHERE state = 'waiting';
CREATE INDEX notification_by_alert ON notification (alert);

-- Up to which alert a notifier's queue is filled. One that is new in the configuration begins with the next alert.
CREATE TABLE notifier (
    name TEXT PRIMARY KEY,
    filled_to INTEGER NOT NULL           -- alert.id
) WITHOUT ROWID;
