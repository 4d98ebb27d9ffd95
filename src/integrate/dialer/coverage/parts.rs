//! A day of a table, part by part, so that no answer is long and no table is locked for long.

use crate::integrate::dialer::connection::{Connection, DialerError, Query};
use crate::integrate::dialer::fields::RowFields;

/// A part of a day that is read at once, seconds.
pub(super) const PART_S: i64 = 3600;
/// Calls of the evening before may have recordings of this day.
pub(super) const BEFORE_S: i64 = 4 * 3600;
/// Recordings of this day's last calls begin after it.
pub(super) const AFTER_S: i64 = 3600;

/// Rows of a table between two times, part by part, each by an index.
pub(super) async fn by_parts(
    connection: &mut Connection,
    query: &'static Query,
    (since, until): (i64, i64),
) -> Result<Vec<RowFields>, DialerError> {
    let mut rows = Vec::new();
    let mut from = since;
    while from < until {
        let to = (from + PART_S).min(until);
        rows.extend(connection.rows(query, vec![from.into(), to.into()]).await?);
        from = to;
    }
    Ok(rows)
}
