//! The campaign of each running call, kept in memory for feeds, which need it for every event.

use rusqlite::OptionalExtension;

use super::{Store, StoreError};
use crate::call::CallKey;

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
    use crate::call::CallState;
    use crate::call::{CallId, CallNames, Source, WallTime};
    use crate::store::change::{Change, NewCall};

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
            mode: crate::call::ProcessingMode::default(),
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
}
