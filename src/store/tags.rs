//! Tags that people give to calls.

use super::{Store, StoreError};
use crate::call::CallKey;

/// Tags of one call, at most.
pub const MANY: usize = 20;

/// What cannot be tagged.
#[derive(Debug, thiserror::Error)]
pub enum TagError {
    /// One of the calls would have too many.
    #[error("a call has at most {MANY} tags; nothing was changed")]
    TooMany,
    /// The database said no.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Puts tags on all of these calls and takes others off, or does nothing at all.
    pub async fn tag(&self, calls: Vec<CallKey>, add: Vec<String>, remove: Vec<String>) -> Result<(), TagError> {
        let done = self.writer().run(move |db| {
            let transaction = db.transaction()?;
            for call in calls {
                for tag in &remove {
                    transaction
                        .prepare_cached("DELETE FROM call_tag WHERE call = ?1 AND tag = ?2")?
                        .execute((call.0, tag))?;
                }
                for tag in &add {
                    // A call that has gone meanwhile gets none.
                    transaction
                        .prepare_cached(
                            "INSERT OR IGNORE INTO call_tag (call, tag) SELECT id, ?2 FROM call WHERE id = ?1",
                        )?
                        .execute((call.0, tag))?;
                }
                let count: i64 = transaction
                    .prepare_cached("SELECT count(*) FROM call_tag WHERE call = ?1")?
                    .query_row([call.0], |row| row.get(0))?;
                if count > MANY as i64 {
                    return Ok(false);
                }
            }
            transaction.commit()?;
            Ok(true)
        });
        if done.await? { Ok(()) } else { Err(TagError::TooMany) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::calls::{CallFilter, Which};
    use super::super::change::{Change, NewCall};
    use super::*;
    use crate::call::{CallId, CallNames, Source, WallTime};

    #[tokio::test]
    async fn tags_are_put_on_and_taken_off_and_calls_are_found_by_them_whole_or_not_at_all() {
        let folder = tempfile::tempdir().expect("temp dir");
        let (store, _) = Store::open(folder.path()).expect("open");
        let call = |key: i64| {
            Change::CallOpened(NewCall {
                key: CallKey(key),
                id: CallId::from_lossy(&format!("c.{key}")),
                source: Source::Upload,
                mode: crate::call::ProcessingMode::default(),
                started: WallTime(key),
                names: CallNames::default(),
            })
        };
        store.writer().commit(vec![call(1), call(2), call(3)]).await.expect("commit");
        let tags = |words: &[&str]| words.iter().map(|&word| word.to_string()).collect::<Vec<_>>();
        let all = [1, 2].map(CallKey).to_vec();
        store.tag(all.clone(), tags(&["refund", "vip", "vip"]), Vec::new()).await.expect("tag");
        store.tag(vec![CallKey(2)], tags(&["later"]), tags(&["vip"])).await.expect("tag");
        let found = |tag: &str| {
            let which = Which { tag: Some(tag.into()), ..Which::default() };
            store.list_calls(CallFilter { which, limit: 10, ..CallFilter::default() })
        };
        let vip = found("vip").await.expect("query");
        assert_eq!(
            vip.iter().map(|row| (row.key.0, row.tags.clone())).collect::<Vec<_>>(),
            [(1, tags(&["refund", "vip"]))]
        );
        assert_eq!(found("refund").await.expect("query").len(), 2);
        let many: Vec<String> = (0..19).map(|i| format!("t{i}")).collect();
        assert!(matches!(store.tag(all, many, Vec::new()).await, Err(TagError::TooMany)));
        assert!(found("t0").await.expect("query").is_empty(), "nothing of it was kept");
        store.writer().commit(vec![Change::CallMerged { from: CallKey(1), into: CallKey(2) }]).await.expect("merge");
        assert_eq!(found("vip").await.expect("query")[0].tags, tags(&["later", "refund", "vip"]));
    }
}
