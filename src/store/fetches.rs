//! The queue of recordings on other servers: open ones, and results of the others.

use rusqlite::OptionalExtension;

use super::rows::fetches::{COLUMNS, read};
pub use super::rows::fetches::{FetchChange, FetchRow};
use super::{Store, StoreError};
use crate::call::WallTime;

/// The condition of an open row, in the words of its partial index.
macro_rules! is_open {
    () => {
        "state IN ('waiting', 'fetching', 'taking')"
    };
}

const DUE: &str = concat!("WHERE remote = ?1 AND ", is_open!(), " AND next_ms <= ?2 ORDER BY next_ms LIMIT ?3");
const OPEN: &str = concat!("SELECT count(*) FROM fetch WHERE remote = ?1 AND ", is_open!());
const OPEN_IDS: &str = concat!("SELECT id FROM fetch INDEXED BY fetch_open WHERE ", is_open!());
const ONE: &str = "WHERE remote = ?1 AND call_id = ?2";
const OF_CALL: &str = "WHERE call_id = ?1 ORDER BY id DESC LIMIT ?2";
const LATEST: &str = "WHERE id > 0 ORDER BY id DESC LIMIT ?1";

fn rows(which: &str) -> String {
    format!("SELECT {COLUMNS} FROM fetch {which}")
}

/// All queries, each with the number of its values, for a test of their plans.
#[cfg(test)]
pub(super) fn queries() -> Vec<(String, usize)> {
    let open = [(OPEN, 1), (OPEN_IDS, 0)].map(|(sql, count)| (sql.into(), count));
    let rows = [(DUE, 3), (ONE, 2), (OF_CALL, 2), (LATEST, 1)].map(|(which, count)| (rows(which), count));
    open.into_iter().chain(rows).collect()
}

impl Store {
    /// Recordings to fetch from a server now, in the order in which they are due.
    pub async fn due_fetches(&self, remote: String, now: WallTime, limit: u32) -> Result<Vec<FetchRow>, StoreError> {
        let sql = rows(DUE);
        self.read(move |db| db.prepare_cached(&sql)?.query_map((&remote, now.0, limit), read)?.collect()).await
    }

    /// Number of open recordings of a server.
    pub async fn open_fetches(&self, remote: String) -> Result<u64, StoreError> {
        self.read(move |db| Ok(db.prepare_cached(OPEN)?.query_row([&remote], |row| row.get::<_, i64>(0))? as u64)).await
    }

    /// Rows of all that is open.
    pub async fn open_fetch_ids(&self) -> Result<Vec<i64>, StoreError> {
        self.read(move |db| db.prepare_cached(OPEN_IDS)?.query_map([], |row| row.get(0))?.collect()).await
    }

    /// A call's recording on a server.
    pub async fn fetch_of(&self, remote: String, call: String) -> Result<Option<FetchRow>, StoreError> {
        let sql = rows(ONE);
        self.read(move |db| db.prepare_cached(&sql)?.query_row((&remote, &call), read).optional()).await
    }

    /// Recordings on other servers, the newest request first; of one call, or of all.
    pub async fn fetches(&self, call: Option<String>, limit: u32) -> Result<Vec<FetchRow>, StoreError> {
        let (of_call, latest) = (rows(OF_CALL), rows(LATEST));
        self.read(move |db| match &call {
            Some(call) => db.prepare_cached(&of_call)?.query_map((call, limit), read)?.collect(),
            None => db.prepare_cached(&latest)?.query_map([limit], read)?.collect(),
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::CallId;
    use crate::contract::fetch::FetchState;
    use crate::store::change::Change;
    use crate::store::tests::{call, open};

    fn wanted(call: &str, path: &str, asked: i64) -> Change {
        let call = CallId::from_lossy(call);
        Change::Fetch(FetchChange::Wanted {
            remote: "pbx2".into(),
            call,
            path: path.into(),
            at: None,
            asked: WallTime(asked),
        })
    }

    #[tokio::test]
    async fn a_recording_that_is_asked_for_twice_is_one_row_and_one_that_was_given_up_is_tried_anew() {
        let (_folder, store) = open();
        let due = async |now| store.due_fetches("pbx2".into(), WallTime(now), 10).await.expect("query");
        let commit = async |changes: Vec<FetchChange>| {
            let changes = changes.into_iter().map(Change::Fetch).collect();
            store.writer().commit(changes).await.expect("commit");
        };
        store
            .writer()
            .commit(vec![wanted("a.1", "/a", 5), wanted("a.1", "/b", 6), wanted("b.2", "/c", 7)])
            .await
            .expect("commit");
        let rows = due(10).await;
        assert_eq!(rows.iter().map(|row| row.path.as_str()).collect::<Vec<_>>(), ["/a", "/c"]);
        let id = rows[0].id;
        commit(vec![FetchChange::Grew { id, size: Some(100), got: 40 }]).await;
        let row = store.fetch_of("pbx2".into(), "a.1".into()).await.expect("query").expect("there");
        assert_eq!((row.state, row.size, row.got), (FetchState::Fetching, Some(100), 40), "a restart goes on with it");
        assert_eq!(due(10).await.len(), 2);
        commit(vec![FetchChange::Again { id, next: WallTime(50), tries: 1, error: "away".into() }]).await;
        assert_eq!((due(10).await.len(), due(50).await.len()), (1, 2));
        let over = |state| FetchChange::Over { id, state, error: None, at: WallTime(60) };
        commit(vec![over(FetchState::Done)]).await;
        store.writer().commit(vec![wanted("a.1", "/d", 70)]).await.expect("commit");
        assert_eq!(due(100).await.len(), 1, "it is here");
        commit(vec![over(FetchState::GivenUp)]).await;
        store.writer().commit(vec![wanted("a.1", "/d", 70)]).await.expect("commit");
        let row = store.fetches(Some("a.1".into()), 10).await.expect("query").remove(0);
        assert_eq!((row.state, row.path.as_str(), row.tries, row.got), (FetchState::Waiting, "/d", 0, 0));
    }

    #[tokio::test]
    async fn a_deleted_call_leaves_no_row_of_what_was_fetched_for_it() {
        let (_folder, store) = open();
        store.writer().commit(vec![call(1, "a.1", 1000), wanted("a.1", "/5551234567.wav", 5)]).await.expect("commit");
        store.writer().run(|db| db.execute("DELETE FROM call WHERE id = 1", [])).await.expect("delete");
        assert_eq!(store.fetches(None, 10).await.expect("query"), []);
    }
}
