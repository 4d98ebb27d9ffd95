//! Stages go on after a failure and after a crash, and each is made once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, RwLock};

use tokio::sync::mpsc;

use super::*;
use crate::call::{CallKey, Hear};
use crate::pipeline::finished::retranscribe::{RetranscribeParts, RetranscribeQueue};
use crate::pipeline::live::RowNumbers;
use crate::pipeline::live::keys::PauseKeys;
use crate::pipeline::live::past_names::PastNames;
use crate::pipeline::live::privacy::PrivacySettings;
use crate::pipeline::workers::TranscribeSettings;
use crate::pipeline::workers::in_flight::InFlight;
use crate::speech::utterance::{EndpointSettings, Listening};
use crate::speech::vad::Voice;
use crate::store::change::Change;
use crate::text::{LexiconKind, Pack, TextAnalyser};

const CALL: CallKey = CallKey(1);
const ROWS: &str = "
    INSERT INTO call (id, call_id, source, state, started_ms, last_activity_ms, mode) VALUES (1, 'c.1', 'ingest', 'active', 5, 5, 'hybrid');
    INSERT INTO leg (id, call, leg, source, rate_hz, started_ms, offset_ms, path, owned) VALUES (1, 1, 'caller', 'ingest', 8000, 5, 0, '', 1);
    INSERT INTO utterance (id, call, leg, start_sample, end_sample, start_ms, end_ms, state, engine)
    VALUES (1, 1, 1, 0, 8, 0, 1, 'done', 'whisper/base'), (2, 1, 1, 8, 16, 1, 2, 'done', 'whisper/base');
    INSERT INTO segment
        (id, call, leg, utterance, start_ms, end_ms, text, confidence, language, words, compound, pos, neu, neg, label, keywords, profanity)
    VALUES (7, 1, 1, 1, 40, 90, 'Mimi naitwa Mary', 1, 'sw', '[]', 0, 0, 0, 0, 'neutral', '[]', '[]'),
        (8, 1, 1, 2, 90, 99, 'Asante sana', 1, 'sw', '[]', 0, 0, 0, 0, 'neutral', '[]', '[]');";

/// A translator that fails so often before it works.
struct Flaky(AtomicUsize);

impl Translate for Flaky {
    fn engine(&self) -> &'static str {
        "marian"
    }
    fn model(&self) -> &'static str {
        "sw-en"
    }
    fn translate(&self, lines: &[&str], from: &str) -> Result<Vec<String>, TranslateError> {
        if self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
            return Err(TranslateError::Unusable { path: "sw-en".into(), problem: "no memory".into() });
        }
        Ok(lines.iter().map(|line| format!("{from}: {line}")).collect())
    }
}

/// The time of the tests, which they move on.
static NOW: Mutex<i64> = Mutex::new(1000);

fn now() -> WallTime {
    WallTime(*NOW.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
}

fn later(ms: i64) {
    *NOW.lock().unwrap_or_else(std::sync::PoisonError::into_inner) += ms;
}

fn stages(store: &Store, folder: &std::path::Path, translator: Translator) -> Stages {
    let settings = TranscribeSettings::without_model(folder);
    let (done, _) = mpsc::channel(1);
    let workers = Workers::new(settings, InFlight::open(&folder.join("in-hand")), done);
    let analyser = TextAnalyser::new(LexiconKind::CallCentre, &Pack::bundled().expect("packs"));
    let analyser = Arc::new(RwLock::new(Arc::new(analyser)));
    let privacy = PrivacySettings { redact: true, keys: PauseKeys::default(), cache: folder.join("cache") };
    let voice = Voice::Earshot { problem: None };
    let (_, retranscriber) = RetranscribeQueue::new(RetranscribeParts {
        store: store.clone(),
        workers: Arc::clone(&workers),
        analyser: Arc::clone(&analyser),
        names: PastNames::default(),
        privacy,
        hear: Hear::default(),
        listening: Listening { endpoint: EndpointSettings::best_with(&voice), voice },
        utterances: RowNumbers::after(2),
        now,
    });
    let pipeline =
        Pipeline { workers, translator, language_model: None, mode: ProcessingMode::Hybrid, final_pass: false };
    Stages::new(store.clone(), Desk::new(store.clone(), analyser), retranscriber, pipeline, now)
}

async fn ended() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().expect("temp dir");
    let (store, _) = Store::open(folder.path()).expect("open");
    store.writer().run(|db| db.execute_batch(ROWS)).await.expect("rows");
    let ended = Change::CallMoved { call: CALL, state: CallState::Completed, at: now(), reason: None };
    store.writer().commit(vec![ended]).await.expect("commit");
    (folder, store)
}

async fn states(store: &Store) -> Vec<StageState> {
    store.stages(CALL).await.expect("query").into_iter().map(|stage| stage.state).collect()
}

#[tokio::test]
async fn a_stage_that_fails_is_tried_again_later_and_holds_up_no_other() {
    use StageState::{Done, Failed, Pending};
    let (folder, store) = ended().await;
    let made = stages(&store, folder.path(), Some(Arc::new(Flaky(AtomicUsize::new(1)))));
    while made.turn(false, StageSpan::ALL).await.expect("turn") {}
    assert_eq!(states(&store).await, [Done, Pending, Done, Done, Done, Done, Done]);
    let row = store.stages(CALL).await.expect("query").remove(1);
    assert!(row.tries == 1 && row.error.as_deref().is_some_and(|error| error.contains("no memory")), "{row:?}");
    later(RETRY_MS);
    while made.turn(false, StageSpan::ALL).await.expect("turn") {}
    assert_eq!(states(&store).await, [Done; 7]);
    let lines = store.translated_lines(CALL).await.expect("query");
    let texts: Vec<(i64, &str)> = lines.iter().map(|line| (line.segment_id, line.text.as_str())).collect();
    assert_eq!(texts, [(7, "sw: Mimi naitwa Mary"), (8, "sw: Asante sana")]);

    let (folder, store) = ended().await;
    let broken = stages(&store, folder.path(), Some(Arc::new(Flaky(AtomicUsize::new(9)))));
    for _ in 0..4 {
        while broken.turn(false, StageSpan::ALL).await.expect("turn") {}
        later(RETRY_MS * 20);
    }
    assert_eq!(states(&store).await, [Done, Failed, Done, Done, Done, Done, Done]);
    assert_eq!(store.stages(CALL).await.expect("query")[1].tries, TRIES);
}

#[tokio::test]
async fn every_result_names_what_made_it_and_a_translation_why_there_is_none() {
    let (folder, store) = ended().await;
    let made = stages(&store, folder.path(), None);
    while made.turn(false, StageSpan::ALL).await.expect("turn") {}
    let rows = store.stages(CALL).await.expect("query");
    assert_eq!((rows[1].state, rows[1].error.as_deref()), (StageState::Unavailable, Some(NO_TRANSLATOR)));
    assert_eq!((rows[0].engine.as_deref(), rows[0].model.as_deref()), (Some("whisper"), Some("base")));
    assert_eq!(rows[2].engine.as_deref(), Some("rules"));
    assert!(rows[2].model.as_deref().is_some_and(|packs| packs.contains("swahili")), "{rows:?}");
    assert!(rows.iter().all(|row| row.version.as_deref() == Some(env!("CARGO_PKG_VERSION"))), "{rows:?}");
    let entities = store.stage_result(CALL, Stage::Entities).await.expect("query").expect("made");
    let entities: serde_json::Value = serde_json::from_str(&entities).expect("JSON");
    assert_eq!((&entities["call_id"], &entities["counts"]["person"]), (&"c.1".into(), &1.into()), "{entities}");
}
