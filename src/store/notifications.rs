//! The queue of notifications: alerts fill it, notifiers empty it, and it survives restarts.

use super::rows::notifications::DUE;
pub use super::rows::notifications::{Tried, Waiting};
use super::{Store, StoreError};
use crate::call::WallTime;

impl Store {
    /// Number of alerts that wait for a notifier.
    pub async fn waiting(&self, notifier: String) -> Result<i64, StoreError> {
        let sql = "SELECT count(*) FROM notification WHERE notifier = ?1 AND state = 'waiting'";
        self.read(move |db| db.prepare_cached(sql)?.query_row([&notifier], |row| row.get(0))).await
    }

    /// Alerts that a notifier must send now, oldest first.
    pub async fn due(&self, notifier: String, now: WallTime, limit: u32) -> Result<Vec<Waiting>, StoreError> {
        self.read(move |db| {
            let row = |row: &rusqlite::Row| Ok(Waiting { id: row.get(0)?, alert: row.get(1)?, tries: row.get(2)? });
            db.prepare_cached(DUE)?.query_map((&notifier, now.0, limit), row)?.collect()
        })
        .await
    }
}
