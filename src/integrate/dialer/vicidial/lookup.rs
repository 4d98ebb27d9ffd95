//! Questions about one call, and whether one of them could not be asked.

use crate::integrate::dialer::connection::{Connection, DialerError, Query};
use crate::integrate::dialer::fields::RowFields;
use crate::integrate::dialer::names::is_comparable;

/// Questions about one call, and whether one of them could not be asked.
pub(super) struct Lookup<'a> {
    pub(super) connection: &'a mut Connection,
    pub(super) is_blocked: bool,
}

impl Lookup<'_> {
    pub(super) async fn rows(
        &mut self,
        query: &'static Query,
        value: mysql_async::Value,
    ) -> Result<Vec<RowFields>, DialerError> {
        match self.connection.rows(query, vec![value]).await {
            Err(error) if error.is_of_one_query() => {
                self.is_blocked = true;
                Ok(Vec::new())
            }
            rows => rows,
        }
    }

    /// The same by a text. One that no column can hold is found nowhere.
    pub(super) async fn by_text(&mut self, query: &'static Query, text: &str) -> Result<Vec<RowFields>, DialerError> {
        if is_comparable(text) { self.rows(query, text.into()).await } else { Ok(Vec::new()) }
    }
}
