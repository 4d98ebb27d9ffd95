//! Serves what the stages of a finished call have stored, as long as a stage made now would give the same; otherwise it is made anew.
//!
//! A change of the text empties a stage and puts it back into the queue (`026_text_of_stages.sql`). This file checks that the stage was made with the
//! present packs and program.

use serde::de::DeserializeOwned;

use super::review::Desk;
use crate::call::{CallState, Stage, StageState};
use crate::contract::review::{CallDigest, Entities, InsightsMade, ModelInsights, ScoreCard};
use crate::store::StoreError;
use crate::store::calls::CallRow;
use crate::store::stages::StageRow;

impl Desk {
    /// The score card, and the figures of how the call was spoken.
    pub async fn shown_card(&self, call: &CallRow) -> Result<ScoreCard, StoreError> {
        match self.kept_of_now(call, Stage::Qa).await? {
            Some(kept) => Ok(ScoreCard { call_id: call.call_id.clone(), ..kept }),
            None => self.score_card(call).await,
        }
    }

    /// The things that were named, by place.
    pub async fn shown_named(&self, call: &CallRow) -> Result<Entities, StoreError> {
        match self.kept_of_now(call, Stage::Entities).await? {
            Some(kept) => Ok(Entities { call_id: call.call_id.clone(), ..kept }),
            None => self.named(call).await,
        }
    }

    /// The summary of the call, with that of a language model.
    pub async fn shown_digest(&self, call: &CallRow) -> Result<CallDigest, StoreError> {
        let digest = match self.kept_of_now(call, Stage::Summary).await? {
            Some(kept) => kept,
            None => self.digest(call).await?,
        };
        let language_model = self.told_by_model(call).await?;
        Ok(CallDigest { call_id: call.call_id.clone(), language_model, ..digest })
    }

    async fn told_by_model(&self, call: &CallRow) -> Result<Option<ModelInsights>, StoreError> {
        let made: Option<InsightsMade> = self.kept(call, Stage::Insights).await?;
        Ok(made.and_then(|made| made.language_model))
    }

    /// The stored result of a stage, if it was made by the present packs and program.
    async fn kept_of_now<T: DeserializeOwned>(&self, call: &CallRow, stage: Stage) -> Result<Option<T>, StoreError> {
        if !matches!(call.state, CallState::Completed | CallState::Failed) {
            return Ok(None);
        }
        let row = self.store().stages(call.key).await?.into_iter().find(|row| row.stage == stage);
        let (packs, changed_ms) = (self.packs_of(call).join(", "), self.analyser().changed_ms());
        let is_of_now = row.is_some_and(|row| is_of(&row, &packs, changed_ms));
        if is_of_now { self.kept(call, stage).await } else { Ok(None) }
    }

    /// The stored result of a stage; `None` where there is none, or only one in the form of an older version.
    async fn kept<T: DeserializeOwned>(&self, call: &CallRow, stage: Stage) -> Result<Option<T>, StoreError> {
        let kept = self.store().stage_result(call.key, stage).await?;
        Ok(kept.and_then(|json| serde_json::from_str(&json).ok()))
    }
}

/// Whether a stage is done by these packs and this program. A pack may be changed and keep its version: then its time tells.
fn is_of(row: &StageRow, packs: &str, changed_ms: i64) -> bool {
    row.state == StageState::Done
        && row.version.as_deref() == Some(env!("CARGO_PKG_VERSION"))
        && row.model.as_deref() == Some(packs)
        && row.started.is_some_and(|started| started.0 > changed_ms)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, RwLock};

    use super::*;
    use crate::call::{CallKey, WallTime};
    use crate::store::Store;
    use crate::store::stages::StageOutcome;
    use crate::text::{LexiconKind, Pack, TextAnalyser};

    const CALL: CallKey = CallKey(1);
    const ROWS: &str = "
        INSERT INTO call (id, call_id, source, state, started_ms, last_activity_ms, ended_ms, mode)
        VALUES (1, 'c.1', 'ingest', 'completed', 5, 5, 9, 'hybrid');
        INSERT INTO leg (id, call, leg, source, rate_hz, started_ms, offset_ms, path, owned)
        VALUES (1, 1, 'caller', 'ingest', 8000, 5, 0, '', 1);
        INSERT INTO utterance (id, call, leg, start_sample, end_sample, start_ms, end_ms, state)
        VALUES (1, 1, 1, 0, 8, 0, 1, 'done'), (2, 1, 1, 8, 16, 1, 2, 'done');
        INSERT INTO segment
            (id, call, leg, utterance, start_ms, end_ms, text, confidence, words, compound, pos, neu, neg, label, keywords, profanity)
        VALUES (7, 1, 1, 1, 0, 1, 'I want a refund of 40 dollars', 1, '[]', 0, 0, 1, 0, 'neutral', '[]', '[]');
        INSERT INTO stage (call, place, stage, next_ms, queued_ms) VALUES (1, 2, 'entities', 0, 0);";

    /// Names that only a kept result can have.
    const KEPT: &str = r#"{"call_id": "before", "entities": [], "counts": {"kept": 1}}"#;

    fn analyser(packs: &[Pack], changed_ms: i64) -> Arc<TextAnalyser> {
        let mut analyser = TextAnalyser::new(LexiconKind::CallCentre, packs);
        analyser.changed_at(changed_ms);
        Arc::new(analyser)
    }

    async fn run(store: &Store, sql: &'static str) {
        store.writer().run(move |db| db.execute_batch(sql)).await.expect(sql);
    }

    async fn keep(store: &Store, packs: &str) {
        let stage = store.due_stage(WallTime(100), false).await.expect("query").expect("due");
        assert!(store.begin_stage(&stage, WallTime(100)).await.expect("begin"));
        let outcome = StageOutcome {
            state: StageState::Done,
            result: Some(KEPT.into()),
            engine: Some("rules".into()),
            model: Some(packs.into()),
            error: None,
            next: WallTime(100),
            tags: None,
        };
        assert!(store.end_stage(&stage, outcome, WallTime(101)).await.expect("end"));
    }

    #[tokio::test]
    async fn what_is_kept_is_served_until_text_packs_or_speaker_are_others() {
        let packs = Pack::bundled().expect("packs");
        for (change, is_kept) in [
            ("SELECT 1", true),
            ("UPDATE segment SET text = 'I want a refund of 50 dollars' WHERE id = 7", false),
            ("UPDATE segment SET said_by = 'agent' WHERE id = 7", false),
            ("UPDATE segment SET said_by = NULL WHERE id = 7", true),
            (
                "INSERT INTO segment (call, leg, utterance, start_ms, end_ms, text, confidence, words, compound, pos, neu, neg, label, keywords, profanity)
                 VALUES (1, 1, 2, 1, 2, 'please', 1, '[]', 0, 0, 1, 0, 'neutral', '[]', '[]')",
                false,
            ),
            ("UPDATE call SET state = 'active'", false),
        ] {
            let folder = tempfile::tempdir().expect("temp dir");
            let (store, _) = Store::open(folder.path()).expect("open");
            run(&store, ROWS).await;
            let desk = Desk::new(store.clone(), Arc::new(RwLock::new(analyser(&packs, 0))));
            keep(&store, &desk.packs().join(", ")).await;
            run(&store, change).await;
            let call = store.call_of(CALL).await.expect("query").expect("a call");
            let named = desk.shown_named(&call).await.expect("named");
            assert_eq!(named.counts.contains_key("kept"), is_kept, "{change}: {named:?}");
            assert_eq!(named.call_id, "c.1", "{change}: the call's id is the one of now");
        }
    }

    #[tokio::test]
    async fn packs_that_are_others_or_were_saved_since_count_at_once() {
        let packs = Pack::bundled().expect("packs");
        let folder = tempfile::tempdir().expect("temp dir");
        let (store, _) = Store::open(folder.path()).expect("open");
        run(&store, ROWS).await;
        let texts = Arc::new(RwLock::new(analyser(&packs, 0)));
        let desk = Desk::new(store.clone(), Arc::clone(&texts));
        keep(&store, &desk.packs().join(", ")).await;
        let call = store.call_of(CALL).await.expect("query").expect("a call");
        for (packs, changed_ms, is_kept) in [(&packs[..], 99, true), (&packs[..], 100, false), (&packs[1..], 0, false)]
        {
            *texts.write().expect("lock") = analyser(packs, changed_ms);
            let named = desk.shown_named(&call).await.expect("named");
            assert_eq!(named.counts.contains_key("kept"), is_kept, "{changed_ms}: {named:?}");
        }
    }
}
