//! The last day whose calls were written as a file.

use rusqlite::OptionalExtension;

use super::{Store, StoreError};
use crate::call::WallTime;

pub(super) const LAST: &str = "SELECT day FROM report_day WHERE one = 1";

impl Store {
    /// The last day whose calls were written, `YYYY-MM-DD`; `None` before the first.
    pub async fn last_report(&self) -> Result<Option<String>, StoreError> {
        self.read(|db| db.prepare_cached(LAST)?.query_row([], |row| row.get(0)).optional()).await
    }

    /// Notes the last day whose calls were written.
    pub async fn report_written(&self, day: String, at: WallTime) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO report_day (one, day, at_ms) VALUES (1, ?1, ?2)";
        self.writer().run(move |db| db.execute(sql, (day, at.0))).await.map(|_| ())
    }
}
