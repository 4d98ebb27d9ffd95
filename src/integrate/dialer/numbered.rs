//! A day of a table that has no index by time: its numbers follow time, so where the day begins is found by bisecting its primary key. Numbers that are
//! missing cost nothing: each question asks for the next rows that there are.

use super::connection::{Connection, DialerError, Query};
use super::fields::RowFields;

/// Rows of a page.
const PAGE: usize = 1000;
/// Rows that are looked at to find one that says when it was.
const LOOKED_AT: usize = 32;

/// A table, by its questions. The number is the first column of each.
pub(super) struct NumberedTable {
    /// The first and the last number: of each the server reads one entry of the index.
    pub(super) ends: &'static Query,
    /// A few rows from a number on, up to another, in their order.
    pub(super) next: &'static Query,
    /// The same, whole rows, a thousand of them.
    pub(super) page: &'static Query,
    /// When a row of `next` was, epoch.
    pub(super) at_of_next: fn(&RowFields) -> Option<i64>,
    /// When a row of `page` was.
    pub(super) at_of_page: fn(&RowFields) -> Option<i64>,
}

impl NumberedTable {
    /// The rows between two times, as far as numbers follow time.
    pub(super) async fn rows(
        &self,
        connection: &mut Connection,
        (since, until): (i64, i64),
    ) -> Result<Vec<RowFields>, DialerError> {
        let Some(ends) = self.ends(connection).await? else { return Ok(Vec::new()) };
        let first = self.first_since(connection, ends, since).await?;
        self.pages(connection, (first, ends.1), until).await
    }

    /// The first and the last number; `None` of an empty table.
    pub(super) async fn ends(&self, connection: &mut Connection) -> Result<Option<(i64, i64)>, DialerError> {
        let ends = connection.rows(self.ends, Vec::new()).await?;
        Ok(ends.first().and_then(|row| row.id(0).zip(row.id(1))))
    }

    /// The rows of these numbers, up to the page all of whose rows are of `until` or later.
    pub(super) async fn pages(
        &self,
        connection: &mut Connection,
        (mut next, last): (i64, i64),
        until: i64,
    ) -> Result<Vec<RowFields>, DialerError> {
        let mut all = Vec::new();
        while next <= last {
            let page = connection.rows(self.page, vec![next.into(), last.into()]).await?;
            let Some(end) = page.last().and_then(|row| row.id(0)) else { break };
            let mut times = page.iter().filter_map(self.at_of_page).peekable();
            let is_after = times.peek().is_some() && times.all(|at| at >= until);
            let is_last = page.len() < PAGE;
            all.extend(page);
            if is_after || is_last {
                break;
            }
            next = end + 1;
        }
        Ok(all)
    }

    /// The first number whose row was at `epoch` or later.
    pub(super) async fn first_since(
        &self,
        connection: &mut Connection,
        (mut low, last): (i64, i64),
        epoch: i64,
    ) -> Result<i64, DialerError> {
        let mut high = last;
        while low < high {
            let middle = low + (high - low) / 2;
            match self.dated(connection, middle, last).await? {
                // All numbers up to that row are earlier.
                Some((number, at)) if at < epoch => low = (number + 1).min(last),
                _ => high = middle,
            }
            if low >= last {
                break;
            }
        }
        Ok(low)
    }

    /// The next row that says when it was.
    async fn dated(
        &self,
        connection: &mut Connection,
        mut from: i64,
        last: i64,
    ) -> Result<Option<(i64, i64)>, DialerError> {
        for _ in 0..LOOKED_AT {
            let rows = connection.rows(self.next, vec![from.into(), last.into()]).await?;
            let dated = rows.iter().find_map(|row| Some((row.id(0)?, (self.at_of_next)(row)?)));
            let end = rows.last().and_then(|row| row.id(0));
            match (dated, end) {
                (Some(_), _) | (None, None) => return Ok(dated),
                (None, Some(end)) => from = end + 1,
            }
        }
        Ok(None)
    }
}
