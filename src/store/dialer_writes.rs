//! The queue of messages to the dialer, and their results.

use rusqlite::{Row, params};

use super::rows::dialer_writes::{DUE, due};
pub use super::rows::dialer_writes::{DialerWriteChange, DueWrite, WriteTried};
use super::{Store, StoreError};
use crate::call::{CallKey, WallTime};
use crate::contract::dialer_write::{DialerField, DialerWrite, DialerWriteKind, DialerWriteState};

macro_rules! list {
    ($wanted:literal) => {
        concat!(
            "SELECT dialer_write.id, call.call_id, dialer_write.kind, dialer_write.state, dialer_write.alert, dialer_write.tries,
                 dialer_write.queued_ms, dialer_write.next_ms, dialer_write.done_ms, dialer_write.request, dialer_write.answer
             FROM dialer_write
             CROSS JOIN call ON call.id = dialer_write.call
             WHERE ",
            $wanted,
            " AND (?2 IS NULL OR call.campaign = ?2)
             ORDER BY dialer_write.id DESC
             LIMIT ?3"
        )
    };
}

/// Both by the last entry of an index.
pub(super) const NEWS: &str = "
    SELECT (SELECT coalesce(max(id), 0) FROM alert),
        coalesce((SELECT ended_ms FROM call WHERE ended_ms IS NOT NULL ORDER BY ended_ms DESC LIMIT 1), 0)";

/// Newest first, by the primary key.
pub(super) const ALL: &str = list!("?1 IS NULL AND dialer_write.id > 0");
/// The same of one state, by its index.
pub(super) const OF_STATE: &str = list!("dialer_write.state = ?1");

fn shown(row: &Row) -> rusqlite::Result<DialerWrite> {
    let state = DialerWriteState::parse(&row.get::<_, String>(3)?).unwrap_or(DialerWriteState::GivenUp);
    let time = |column| row.get::<_, Option<i64>>(column).map(|at| at.map(|at| WallTime(at).rfc3339()));
    let pairs: Vec<(String, String)> =
        row.get::<_, Option<String>>(9)?.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    Ok(DialerWrite {
        id: row.get(0)?,
        call_id: row.get(1)?,
        kind: DialerWriteKind::parse(&row.get::<_, String>(2)?).unwrap_or(DialerWriteKind::Comment),
        state,
        alert_id: row.get(4)?,
        tries: row.get(5)?,
        queued_at: WallTime(row.get(6)?).rfc3339(),
        next_try_at: time(7)?.filter(|_| state == DialerWriteState::Waiting),
        done_at: time(8)?,
        request: pairs.into_iter().map(|(name, value)| DialerField { name, value }).collect(),
        answer: row.get(10)?,
    })
}

impl Store {
    /// Messages of this kind that are due for the dialer now, oldest first. Listening in is never due: it is done at once.
    pub async fn due_dialer_writes(
        &self,
        kind: DialerWriteKind,
        now: WallTime,
        limit: u32,
    ) -> Result<Vec<DueWrite>, StoreError> {
        self.read(move |db| {
            let rows: Vec<Option<DueWrite>> =
                db.prepare_cached(DUE)?.query_map((now.0, limit, kind.as_str()), due)?.collect::<Result<_, _>>()?;
            Ok(rows.into_iter().flatten().collect())
        })
        .await
    }

    /// The last alert and the last end of a call: as long as they are the same there is nothing new to queue.
    pub async fn dialer_write_news(&self) -> Result<(i64, i64), StoreError> {
        self.read(move |db| db.prepare_cached(NEWS)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))).await
    }

    /// Number of messages that wait.
    pub async fn waiting_dialer_writes(&self) -> Result<i64, StoreError> {
        let sql = "SELECT count(*) FROM dialer_write WHERE state = 'waiting'";
        self.read(move |db| db.prepare_cached(sql)?.query_row([], |row| row.get(0))).await
    }

    /// Messages to the dialer, newest first; of one campaign where `only` names it.
    pub async fn dialer_writes(
        &self,
        state: Option<DialerWriteState>,
        only: Option<String>,
        limit: u32,
    ) -> Result<Vec<DialerWrite>, StoreError> {
        self.read(move |db| {
            let sql = if state.is_some() { OF_STATE } else { ALL };
            let values = params![state.map(DialerWriteState::as_str), only, limit];
            db.prepare_cached(sql)?.query_map(values, shown)?.collect()
        })
        .await
    }

    /// Notes a request to listen in; returns the row's number.
    pub async fn ask_to_listen(&self, call: CallKey, at: WallTime) -> Result<i64, StoreError> {
        self.writer()
            .run(move |db| {
                db.prepare_cached(
                    "INSERT INTO dialer_write (call, kind, origin, next_ms, queued_ms)
                     VALUES (?1, 'listen', 'listen/' || ?2 || '/' || (SELECT coalesce(max(id), 0) FROM dialer_write), ?2, ?2)",
                )?
                .execute((call.0, at.0))?;
                Ok(db.last_insert_rowid())
            })
            .await
    }

    /// Ends what a former run was about to do at once: nobody waits for it any more.
    pub async fn drop_old_listening(&self, at: WallTime) -> Result<(), StoreError> {
        self.writer()
            .run(move |db| {
                db.execute(
                    "UPDATE dialer_write
                     SET state = 'given_up', done_ms = ?1, answer = 'lineside was restarted meanwhile; ask again'
                     WHERE state = 'waiting' AND kind = 'listen'",
                    [at.0],
                )?;
                Ok(())
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::super::change::Change;
    use super::super::tests::{call, open};
    use super::*;
    use crate::call::CallState;

    fn fill(comments: bool, at: i64) -> Change {
        let comments_after_ms = comments.then_some(60);
        Change::DialerWrite(DialerWriteChange::Filled { comments_after_ms, levels: Vec::new(), at: WallTime(at) })
    }

    fn ended(key: i64, at: i64) -> Change {
        let (state, at, reason) = (CallState::Completed, WallTime(at), Some("hangup".to_owned()));
        Change::CallMoved { call: CallKey(key), state, at, reason }
    }

    /// Calls that have ended, each with a segment in its count.
    async fn end(store: &Store, keys: &[i64], at: i64) {
        for key in keys {
            store.writer().commit(vec![call(*key, &format!("c.{key}"), 1)]).await.expect("commit");
            store.writer().run(|db| db.execute("UPDATE call SET segments = 1", [])).await.expect("segments");
            store.writer().commit(vec![ended(*key, at)]).await.expect("commit");
        }
    }

    async fn due(store: &Store, now: i64) -> Vec<i64> {
        let due = store.due_dialer_writes(DialerWriteKind::Comment, WallTime(now), 10).await.expect("query");
        due.into_iter().map(|write| write.call.0).collect()
    }

    #[tokio::test]
    async fn each_call_that_ends_is_told_of_once_and_none_that_ended_while_it_was_off() {
        let (_folder, store) = open();
        end(&store, &[1], 500).await;
        store.writer().commit(vec![fill(true, 1000)]).await.expect("begin");
        end(&store, &[2], 1100).await;
        store.writer().commit(vec![fill(true, 1200), fill(true, 1300)]).await.expect("fill");
        assert_eq!(due(&store, 1159).await, [0; 0], "it is due a while after the call's end");
        assert_eq!(due(&store, 1160).await, [2]);
        store.writer().commit(vec![fill(false, 1400)]).await.expect("off");
        end(&store, &[3], 1500).await;
        store.writer().commit(vec![fill(true, 1600)]).await.expect("on again");
        end(&store, &[4], 1700).await;
        store.writer().commit(vec![fill(true, 1800)]).await.expect("fill");
        assert_eq!(due(&store, 9000).await, [2, 4]);
    }

    #[tokio::test]
    async fn a_call_that_gets_its_text_long_after_its_end_is_told_of_then() {
        let (_folder, store) = open();
        store.writer().commit(vec![fill(true, 1000)]).await.expect("begin");
        for (key, at) in [(1, 500), (2, 1100)] {
            store.writer().commit(vec![call(key, &format!("c.{key}"), 1), ended(key, at)]).await.expect("commit");
        }
        let later = 1100 + 3_600_000;
        store.writer().commit(vec![fill(true, later)]).await.expect("fill");
        let now = i64::MAX;
        let transcribed = async || {
            store.writer().run(|db| db.execute("UPDATE call SET segments = 3", [])).await.expect("segments");
        };
        assert_eq!(due(&store, now).await, [0; 0], "nothing was said, as far as is known");
        transcribed().await;
        assert_eq!(due(&store, now).await, [2], "the other had ended before comments were switched on");
        transcribed().await;
        assert_eq!(due(&store, now).await, [2]);
    }

    #[tokio::test]
    async fn what_became_of_a_try_is_shown_and_goes_with_its_call() {
        let (_folder, store) = open();
        store.writer().commit(vec![fill(true, 0)]).await.expect("begin");
        end(&store, &[1], 100).await;
        store.writer().commit(vec![fill(true, 200)]).await.expect("fill");
        let tried = |state, next| {
            let request = Some(vec![DialerField { name: "comments".into(), value: "a | b".into() }]);
            let tried = WriteTried { state, counts: true, next: WallTime(next), request, answer: "busy".into() };
            Change::DialerWrite(DialerWriteChange::Tried { id: 1, tried, at: WallTime(300) })
        };
        store.writer().commit(vec![tried(DialerWriteState::Waiting, 900)]).await.expect("commit");
        assert_eq!((due(&store, 899).await, due(&store, 900).await), (vec![], vec![1]));
        store.writer().commit(vec![tried(DialerWriteState::Sent, 900)]).await.expect("commit");
        let shown = store.dialer_writes(Some(DialerWriteState::Sent), None, 10).await.expect("query");
        assert_eq!(
            (shown[0].tries, shown[0].request[0].value.as_str(), shown[0].next_try_at.clone()),
            (2, "a | b", None)
        );
        assert!(store.dialer_writes(None, Some("SALES".into()), 10).await.expect("query").is_empty());
        store.ask_to_listen(CallKey(1), WallTime(400)).await.expect("asked");
        assert_eq!((store.waiting_dialer_writes().await.expect("query"), due(&store, 9000).await), (1, vec![]));
        store.drop_old_listening(WallTime(500)).await.expect("dropped");
        assert_eq!(store.waiting_dialer_writes().await.expect("query"), 0);
        store.writer().run(|db| db.execute("DELETE FROM call", [])).await.expect("delete");
        assert!(store.dialer_writes(None, None, 10).await.expect("query").is_empty());
    }
}
