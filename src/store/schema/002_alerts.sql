-- What rules had to show a supervisor. Written with the rows that it tells of, in one transaction.
CREATE TABLE alert (
    id INTEGER PRIMARY KEY,
    call INTEGER NOT NULL REFERENCES call (id) ON DELETE CASCADE,
    raised_ms INTEGER NOT NULL,          -- wall clock
    level TEXT NOT NULL,                 -- warning, urgent, critical: the worst of its rules
    origin TEXT NOT NULL,                -- what it came of: raised again after a crash it is the same one
    rules TEXT NOT NULL,                 -- JSON list of {name, level, description, pack, reason, words, prompt}, worst first
    leg TEXT,                            -- whose words; NULL when no words did it
    start_ms INTEGER NOT NULL,           -- in the call
    end_ms INTEGER NOT NULL,
    text TEXT NOT NULL,                  -- the segment; '' when no words did it
    sentiment REAL,                      -- its compound
    rolling REAL,                        -- the call's rolling sentiment then
    risk REAL NOT NULL,                  -- the call's risk then, 0 to 1
    acknowledged_ms INTEGER,             -- wall clock; NULL while it is open
    acknowledged_by TEXT,
    UNIQUE (call, origin)
);
CREATE INDEX alert_by_call ON alert (call, raised_ms DESC, id DESC);
CREATE INDEX alert_by_time ON alert (raised_ms DESC, id DESC);
CREATE INDEX alert_by_level ON alert (level, raised_ms DESC, id DESC);
CREATE INDEX alert_open ON alert (call, level) WHERE acknowledged_ms IS NULL;

ALTER TABLE call ADD COLUMN risk REAL;   -- 0 to 1; NULL before the first text
ALTER TABLE call ADD COLUMN risk_parts TEXT; -- how it is made, JSON {score, formula, parts}
-- From now on 1 when an alert was raised; until now a keyword was enough.
UPDATE call SET has_alerts = 0;
