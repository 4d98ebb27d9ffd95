-- Who may come in over TCP, and who has read what.
-- Nothing here opens a door by itself: of tokens and sessions only SHA-256 is kept, and the links' key is worth no more than the rows beside it.

-- A token is `lineside_<selector>_<64 hex digits>`; the selector finds the row, the rest proves it.
CREATE TABLE token (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- never given twice
    name TEXT NOT NULL UNIQUE,
    selector TEXT NOT NULL UNIQUE,
    hash BLOB NOT NULL,                  -- SHA-256 of the whole token
    scopes TEXT NOT NULL,                -- read, operate, ingest; comma between
    campaign TEXT,                       -- sees the calls of this campaign only; NULL: all
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER,                  -- NULL: never
    used_ms INTEGER                      -- last seen, to the minute
);

-- A browser that has shown a token. Goes with its token.
CREATE TABLE session (
    selector TEXT PRIMARY KEY,
    hash BLOB NOT NULL,                  -- SHA-256 of the cookie
    token INTEGER NOT NULL REFERENCES token (id) ON DELETE CASCADE,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX session_by_token ON session (token);
CREATE INDEX session_by_expiry ON session (expires_ms);

-- Keys that must outlive a restart.
CREATE TABLE secret (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;

-- Who read, heard, exported or changed what. A call that is erased leaves who and when, not whom.
CREATE TABLE audit (
    id INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    who TEXT NOT NULL,                   -- name of the token, or the user on the Unix socket
    address TEXT,                        -- of the client; NULL on the Unix socket
    action TEXT NOT NULL,                -- read, transcript, audio, export, search, …
    call INTEGER REFERENCES call (id) ON DELETE SET NULL
);
CREATE INDEX audit_by_time ON audit (at_ms);
CREATE INDEX audit_by_call ON audit (call);
