//! Opens a connection with the pragmas that all connections share.

use std::path::Path;
use std::time::Duration;

use rusqlite::OpenFlags;

/// How long a connection waits for another one that writes.
pub(super) const BUSY: Duration = Duration::from_secs(5);

/// How long the overwriting of deleted data waits for readers before it is put off, milliseconds.
pub(super) const SCRUB_PATIENCE_MS: u64 = 200;

/// Opens one connection with our pragmas.
pub(super) fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<rusqlite::Connection> {
    let connection = rusqlite::Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cache_size", -4096)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}
