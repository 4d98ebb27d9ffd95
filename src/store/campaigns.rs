//! Whose campaign a call is, for feeds that ask it of every event: remembered while the call runs.
//!
//! Promises: whoever is told of an event decides by the campaign that its call had when the event was committed, or a later one. So the writer has
//! a call forgotten after its commit and before the feeds hear of it, and what was read before that is not remembered after it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::OptionalExtension;

use super::change::Change;
use super::{Store, StoreError};
use crate::call::{CallKey, CallState};

/// Calls that are remembered; when there are more, all are read again.
const REMEMBERED: usize = 4096;

#[derive(Clone, Default)]
pub(super) struct Campaigns(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    calls: HashMap<CallKey, Option<String>>,
    /// How often something was forgotten.
    forgotten: u64,
}

impl Campaigns {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers what was read when so much had been forgotten.
    fn keep(&self, call: CallKey, campaign: Option<String>, forgotten: u64) {
        let mut known = self.known();
        if known.forgotten != forgotten {
            return;
        }
        if known.calls.len() >= REMEMBERED {
            known.calls.clear();
        }
        known.calls.insert(call, campaign);
    }

    /// Forgets the calls that these changes name or end.
    pub(super) fn forget(&self, changes: &[Change]) {
        for change in changes {
            let calls = match change {
                Change::CallOpened(call) => [Some(call.key), None],
                Change::CallNamed { call, .. }
                | Change::CallMoved { call, state: CallState::Completed | CallState::Failed, .. } => {
                    [Some(*call), None]
                }
                Change::CallMerged { from, into } => [Some(*from), Some(*into)],
                _ => continue,
            };
            let mut known = self.known();
            known.forgotten += 1;
            for call in calls.into_iter().flatten() {
                known.calls.remove(&call);
            }
        }
    }

    /// Forgets all: something was done with the database that is not told.
    pub(super) fn forget_all(&self) {
        let mut known = self.known();
        known.forgotten += 1;
        known.calls.clear();
    }
}

impl Store {
    /// The campaign of a call, by its row.
    pub async fn campaign_of(&self, call: CallKey) -> Result<Option<String>, StoreError> {
        let forgotten = {
            let known = self.campaigns.known();
            if let Some(campaign) = known.calls.get(&call) {
                return Ok(campaign.clone());
            }
            known.forgotten
        };
        let read = self.read(move |db| {
            let found = db
                .prepare_cached("SELECT campaign FROM call WHERE id = ?1")?
                .query_row([call.0], |row| row.get::<_, Option<String>>(0))
                .optional()?;
            Ok(found.flatten())
        });
        let campaign = read.await?;
        self.campaigns.keep(call, campaign.clone(), forgotten);
        Ok(campaign)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{CallId, CallNames, Source, WallTime};
    use crate::store::change::NewCall;

    fn names(campaign: &str) -> CallNames {
        CallNames { campaign: Some(campaign.into()), ..CallNames::default() }
    }

    #[tokio::test]
    async fn a_calls_campaign_is_read_once_and_again_when_it_may_be_another() {
        let folder = tempfile::tempdir().expect("temp dir");
        let (store, _) = Store::open(folder.path()).expect("open");
        let call = CallKey(1);
        let opened = Change::CallOpened(NewCall {
            key: call,
            id: CallId::from_lossy("a.1"),
            source: Source::Audiosocket,
            started: WallTime(1),
            names: names("SALES"),
        });
        assert_eq!(store.campaign_of(call).await.expect("query"), None);
        store.writer().commit(vec![opened]).await.expect("commit");
        let is = async |campaign: &str| {
            assert_eq!(store.campaign_of(call).await.expect("query").as_deref(), Some(campaign));
        };
        is("SALES").await;
        // Behind the writer's back, so that a query would show it.
        let behind = rusqlite::Connection::open(store.path()).expect("open");
        behind.busy_timeout(std::time::Duration::from_secs(10)).expect("timeout");
        behind.execute("UPDATE call SET campaign = 'LOST'", []).expect("update");
        is("SALES").await;
        store.writer().commit(vec![Change::CallNamed { call, names: names("CLAIMS") }]).await.expect("commit");
        is("CLAIMS").await;
        behind.execute("UPDATE call SET campaign = 'LOST'", []).expect("update");
        is("CLAIMS").await;
        let over = Change::CallMoved { call, state: CallState::Completed, at: WallTime(2), reason: None };
        store.writer().commit(vec![over]).await.expect("commit");
        is("LOST").await;
        store.writer().run(|db| db.execute("DELETE FROM call", [])).await.expect("delete");
        assert_eq!(store.campaign_of(call).await.expect("query"), None);
    }

    #[test]
    fn what_was_read_before_a_change_is_not_remembered_after_it() {
        let campaigns = Campaigns::default();
        let before = campaigns.known().forgotten;
        campaigns.forget(&[Change::CallNamed { call: CallKey(1), names: names("CLAIMS") }]);
        campaigns.keep(CallKey(1), Some("SALES".into()), before);
        assert!(campaigns.known().calls.is_empty());
        let now = campaigns.known().forgotten;
        for call in 0..=REMEMBERED as i64 {
            campaigns.keep(CallKey(call), None, now);
        }
        assert_eq!(campaigns.known().calls.len(), 1);
    }
}
