//! Events of calls as the PBX reported them: bridges, holds, transfers, queues, hangups.

use super::rows::pbx::{DELETE_UNKNOWN, OF_CALL, read};
use super::{Store, StoreError};
use crate::call::pbx::PbxEvent;
use crate::call::{CallKey, WallTime};

/// Rows that are deleted in one step: what is live is written between the steps.
const AT_ONCE: usize = 2000;

impl Store {
    /// Events of a call on the PBX, in order of time.
    pub async fn pbx_events(&self, call: CallKey) -> Result<Vec<PbxEvent>, StoreError> {
        self.read(move |db| {
            let rows: Vec<Option<PbxEvent>> =
                db.prepare_cached(OF_CALL)?.query_map([call.0], read)?.collect::<Result<_, _>>()?;
            Ok(rows.into_iter().flatten().collect())
        })
        .await
    }

    /// Deletes what was told before this time of calls that never came; gives how many rows.
    pub async fn drop_unknown_pbx_events(&self, before: WallTime) -> Result<usize, StoreError> {
        let mut all = 0;
        loop {
            let gone = self.writer().run(move |db| db.execute(DELETE_UNKNOWN, (before.0, AT_ONCE as i64))).await?;
            all += gone;
            if gone < AT_ONCE {
                return Ok(all);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::pbx::PbxEventKind;
    use crate::call::{CallId, CallNames, Leg, Source};
    use crate::store::change::{Change, NewCall};

    fn told(call: &str, at: i64, kind: PbxEventKind) -> Change {
        let (call, channel) = (call.to_string(), "PJSIP/1001-1".to_string());
        Change::PbxEvent(PbxEvent { call, at: WallTime(at), kind, leg: Some(Leg::Agent), channel, detail: None })
    }

    #[tokio::test]
    async fn events_are_found_by_every_name_of_their_call_and_go_with_it_or_when_it_never_comes() {
        let folder = tempfile::tempdir().expect("temp dir");
        let (store, _) = Store::open(folder.path()).expect("store");
        let call = |key: i64, id: &str, uniqueid: Option<&str>| {
            let names = CallNames { uniqueid: uniqueid.map(str::to_string), ..CallNames::default() };
            let (id, source, mode) =
                (CallId::from_lossy(id), Source::Recording, crate::call::ProcessingMode::default());
            Change::CallOpened(NewCall { key: CallKey(key), id, source, mode, started: WallTime(0), names })
        };
        store
            .writer()
            .commit(vec![
                told("1.1", 20, PbxEventKind::HungUp),
                told("pbx-1.1", 10, PbxEventKind::Bridged),
                told("2.2", 10, PbxEventKind::Bridged),
                told("9.9", 10, PbxEventKind::Bridged),
                told("9.9", 90, PbxEventKind::HungUp),
                call(1, "1.1", None),
                Change::CallRenamed { call: CallKey(1), id: CallId::from_lossy("pbx-1.1") },
                call(2, "2.2", Some("2.2")),
                Change::CallRenamed { call: CallKey(2), id: CallId::from_lossy("other") },
            ])
            .await
            .expect("commit");
        let kinds = async |key| {
            let events = store.pbx_events(CallKey(key)).await.expect("events");
            events.iter().map(|event| event.kind).collect::<Vec<_>>()
        };
        assert_eq!(kinds(1).await, [PbxEventKind::Bridged, PbxEventKind::HungUp]);
        assert_eq!(kinds(2).await, [PbxEventKind::Bridged], "by its former name");
        assert_eq!(store.drop_unknown_pbx_events(WallTime(50)).await.expect("drop"), 1, "only the old one of no call");
        assert_eq!(kinds(1).await.len(), 2);
        store.writer().run(|db| super::super::retention::delete_call(db, 1)).await.expect("delete");
        let left = |db: &mut rusqlite::Connection| {
            db.query_row("SELECT count(*) FROM call_event", [], |row| row.get::<_, i64>(0))
        };
        assert_eq!(store.writer().run(left).await.expect("count"), 2, "2.2 and the newer of 9.9");
        store.writer().stop();
    }
}
