//! Calls about which the dialer's database is still to be asked, and its answers.

use rusqlite::{Connection, OptionalExtension, Row};

use super::rows::dialer;
pub use super::rows::dialer::DialerRow;
use super::{Store, StoreError};
use crate::call::{CallKey, CallState, WallTime};

/// A call by all that the dialer's database may know it by.
#[derive(Clone, Debug)]
pub struct DialedCall {
    /// Row number of the call.
    pub key: CallKey,
    /// Public id.
    pub call_id: String,
    /// State of the call.
    pub state: CallState,
    /// First sound.
    pub started: WallTime,
    /// Asterisk's uniqueid.
    pub uniqueid: Option<String>,
    /// Agent, as the call shows it now.
    pub agent: Option<String>,
    /// Campaign, as the call shows it now.
    pub campaign: Option<String>,
    /// Lead, as the call shows it now.
    pub lead: Option<String>,
    /// Phone number, as the call shows it now.
    pub phone: Option<String>,
    /// Paths of its recordings, as they were first seen and as they are now.
    pub files: Vec<String>,
    /// The dialer's facts.
    pub told: Option<DialerRow>,
}

const CALL: &str =
    "SELECT id, call_id, state, started_ms, uniqueid, agent, campaign, lead, phone FROM call WHERE id = ?1";
const OPEN: &str = "SELECT id FROM call WHERE state = 'active' AND started_ms >= ?1";
const FIRST: &str = "SELECT coalesce(min(id), 1) FROM call WHERE started_ms >= ?1";
const FILES: &str = "
    SELECT DISTINCT file
    FROM (
        SELECT path AS file FROM leg WHERE call = ?1 AND owned = 0
        UNION ALL
        SELECT peer FROM leg WHERE call = ?1 AND peer LIKE '/%'
    )";
/// New calls and calls that are to be asked about again, in order of their rows: by the primary key alone.
const UNSETTLED: &str = "
    SELECT call.id, coalesce(dialer.due_ms, 0)
    FROM call
    LEFT JOIN dialer ON dialer.call = call.id
    WHERE call.id > ?1 AND +call.started_ms >= ?2 AND (dialer.call IS NULL OR dialer.due_ms IS NOT NULL)
    ORDER BY call.id
    LIMIT ?3";

fn named(row: &Row) -> rusqlite::Result<DialedCall> {
    Ok(DialedCall {
        key: CallKey(row.get(0)?),
        call_id: row.get(1)?,
        state: row.get(2)?,
        started: WallTime(row.get(3)?),
        uniqueid: row.get(4)?,
        agent: row.get(5)?,
        campaign: row.get(6)?,
        lead: row.get(7)?,
        phone: row.get(8)?,
        files: Vec::new(),
        told: None,
    })
}

fn told(db: &Connection, call: CallKey) -> rusqlite::Result<Option<DialerRow>> {
    db.prepare_cached(&format!("SELECT {} FROM dialer WHERE call = ?1", dialer::COLUMNS))?
        .query_row([call.0], dialer::read)
        .optional()
}

fn one(db: &Connection, key: i64) -> rusqlite::Result<Option<DialedCall>> {
    let Some(mut call) = db.prepare_cached(CALL)?.query_row([key], named).optional()? else { return Ok(None) };
    call.files = db.prepare_cached(FILES)?.query_map([key], |row| row.get(0))?.collect::<Result<_, _>>()?;
    call.told = told(db, call.key)?;
    Ok(Some(call))
}

impl Store {
    /// The dialer's facts about a call.
    pub async fn told_by_dialer(&self, call: CallKey) -> Result<Option<DialerRow>, StoreError> {
        self.read(move |db| told(db, call)).await
    }

    /// A call with what it may be known by; `None` when it is gone.
    pub async fn dialed_call(&self, key: CallKey) -> Result<Option<DialedCall>, StoreError> {
        self.read(move |db| one(db, key.0)).await
    }

    /// The first row of a call that began since, or 1.
    pub async fn first_call_since(&self, since: WallTime) -> Result<CallKey, StoreError> {
        self.read(move |db| Ok(CallKey(db.prepare_cached(FIRST)?.query_row([since.0], |row| row.get(0))?))).await
    }

    /// The same of all calls whose line is open and that began since.
    pub async fn open_dialed_calls(&self, since: WallTime) -> Result<Vec<DialedCall>, StoreError> {
        self.read(move |db| {
            let keys: Vec<i64> =
                db.prepare_cached(OPEN)?.query_map([since.0], |row| row.get(0))?.collect::<Result<_, _>>()?;
            keys.into_iter().filter_map(|key| one(db, key).transpose()).collect()
        })
        .await
    }

    /// Calls after a row that began since and are to be asked about, each with the time from which on; at most `limit`.
    pub async fn unsettled_calls(
        &self,
        after: CallKey,
        since: WallTime,
        limit: u32,
    ) -> Result<Vec<(CallKey, WallTime)>, StoreError> {
        self.read(move |db| {
            db.prepare_cached(UNSETTLED)?
                .query_map((after.0, since.0, limit), |row| Ok((CallKey(row.get(0)?), WallTime(row.get(1)?))))?
                .collect()
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{CallId, CallNames, Source};
    use crate::contract::dialer::{DialDirection, DialerFacts, DialerTransfer};
    use crate::store::change::{Change, NewCall};

    fn opened(key: i64, started: i64) -> Change {
        Change::CallOpened(NewCall {
            key: CallKey(key),
            id: CallId::from_lossy(&format!("c.{key}")),
            source: Source::Recording,
            mode: crate::call::ProcessingMode::default(),
            started: WallTime(started),
            names: CallNames::default(),
        })
    }

    fn row(call: i64, due: Option<i64>) -> DialerRow {
        let transfer = DialerTransfer {
            at: Some("T".into()),
            to: Some("SUPPORT".into()),
            agent: None,
            disposition: Some("XFER".into()),
            length_seconds: Some(7),
        };
        let facts = DialerFacts {
            direction: Some(DialDirection::Inbound),
            recording_id: Some(4_000_000_000),
            agent_name: Some("José Núñez".into()),
            queue_seconds: Some(1.5),
            transfers: vec![transfer],
            asked: WallTime(9).rfc3339(),
            complete: due.is_none(),
            ..DialerFacts::default()
        };
        DialerRow { call: CallKey(call), facts, asked: WallTime(9), tries: 2, due: due.map(WallTime) }
    }

    #[tokio::test]
    async fn what_was_told_is_read_back_and_calls_that_are_settled_are_asked_about_no_more() {
        let folder = tempfile::tempdir().expect("temp dir");
        let (store, _) = Store::open(folder.path()).expect("open");
        let note = |row: DialerRow| Change::Dialer(Box::new(row));
        let changes = vec![opened(1, 5), opened(2, 50), opened(3, 60), opened(4, 70), note(row(3, Some(500)))];
        store.writer().commit(changes).await.expect("commit");
        store.writer().commit(vec![note(row(4, None)), note(row(99, None))]).await.expect("a call that is gone");
        let unsettled = store.unsettled_calls(CallKey(0), WallTime(10), 10).await.expect("query");
        assert_eq!(unsettled, [(CallKey(2), WallTime(0)), (CallKey(3), WallTime(500))]);
        assert_eq!(store.told_by_dialer(CallKey(3)).await.expect("query"), Some(row(3, Some(500))));
        store.writer().commit(vec![note(row(3, None))]).await.expect("commit");
        let call = store.dialed_call(CallKey(3)).await.expect("query").expect("there");
        assert_eq!((call.told, call.call_id.as_str()), (Some(row(3, None)), "c.3"));
        assert_eq!(store.first_call_since(WallTime(10)).await.expect("query"), CallKey(2));
        assert_eq!(store.open_dialed_calls(WallTime(10)).await.expect("query").len(), 3);
        let metadata = || {
            store.read(|db| db.query_row("SELECT metadata FROM call WHERE id = 3", [], |row| row.get::<_, String>(0)))
        };
        assert_eq!(metadata().await.expect("query"), r#"{"recording_id":"4000000000"}"#);
        let mut sold = row(3, None);
        (sold.facts.disposition, sold.facts.recording_id) = (Some("SALE".into()), None);
        store.writer().commit(vec![note(sold)]).await.expect("commit");
        assert_eq!(metadata().await.expect("query"), r#"{"recording_id":"4000000000","disposition":"SALE"}"#);
        store.writer().run(|db| db.execute("DELETE FROM call WHERE id = 3", [])).await.expect("delete");
        assert_eq!(store.told_by_dialer(CallKey(3)).await.expect("query"), None, "it goes with its call");
    }
}
