//! What goes with a stretch that is transcribed again.

use std::time::Duration;

use tokio::sync::mpsc;

use super::*;
use crate::call::CallKey;
use crate::pipeline::live::keys::PauseKeys;
use crate::pipeline::workers::TranscribeSettings;
use crate::pipeline::workers::in_flight::InFlight;
use crate::speech::recogniser::{Hints, Recognition};
use crate::text::{LexiconKind, Pack};

const CALL: CallKey = CallKey(1);
const ROWS: &str = "
    INSERT INTO call (id, call_id, source, state, started_ms, last_activity_ms, ended_ms, metadata)
    VALUES (1, 'c.1', 'recording', 'completed', 5, 5, 9, '{\"fullname\": \"Mary Miller\", \"disposition\": \"SALE\"}');
    INSERT INTO leg (id, call, leg, source, rate_hz, started_ms, offset_ms, path, owned, closed_ms, samples)
    VALUES (1, 1, 'caller', 'recording', 8000, 5, 0, '/nowhere.wav', 0, 9, 16000);
    INSERT INTO utterance (id, call, leg, start_sample, end_sample, start_ms, end_ms, state, engine)
    VALUES (1, 1, 1, 0, 8000, 0, 1000, 'done', 'whisper/base');
    INSERT INTO segment
        (id, call, leg, utterance, start_ms, end_ms, text, confidence, words, compound, pos, neu, neg, label, keywords, profanity)
    VALUES (7, 1, 1, 1, 0, 1000, 'I am Marry Mueller', 1, '[]', 0, 0, 1, 0, 'neutral', '[]', '[]');";

/// The names that were handed over with the call's stretch, and the text that the call has then.
async fn handed_over(past: &PastNames) -> (Option<Arc<Vocabulary>>, String) {
    let folder = tempfile::tempdir().expect("temp dir");
    let (store, _) = Store::open(folder.path()).expect("open");
    store.writer().run(|db| db.execute_batch(ROWS)).await.expect("rows");
    let settings = TranscribeSettings {
        models: folder.path().into(),
        model: "none".into(),
        smaller: None,
        workers: 1,
        partial: false,
        hints: Hints::default(),
    };
    let (done, _) = mpsc::channel(1);
    let workers = Workers::new(settings, InFlight::open(&folder.path().join("in-hand")), done);
    let analyser = TextAnalyser::new(LexiconKind::CallCentre, &Pack::bundled().expect("packs"));
    let analyser = Arc::new(RwLock::new(Arc::new(analyser)));
    let privacy = PrivacySettings { redact: true, keys: PauseKeys::default(), cache: folder.path().join("cache") };
    let (_, retranscriber) =
        RetranscribeQueue::new(store.clone(), Arc::clone(&workers), analyser, past.clone(), privacy, || WallTime(1000));
    let call = store.call_of(CALL).await.expect("query").expect("a call");
    let again = tokio::spawn(async move { retranscriber.again(&call).await });
    let queue = Arc::clone(&workers.queue);
    let work = tokio::task::spawn_blocking(move || queue.pop(Duration::from_secs(20)));
    let Some((_, Work::Retranscribe(job, answer))) = work.await.expect("a thread") else { panic!("no stretch") };
    let names = job.vocabulary.clone();
    let text = "I am Mary Miller".to_owned();
    let piece = Piece { text, start_ms: 0, end_ms: 1000, confidence: 0.9, words: Vec::new() };
    let took = Duration::from_millis(1);
    let recognition = Recognition { pieces: vec![piece], language: Some("en".into()), dropped: None, took };
    let written = Written { job: *job, result: Ok(recognition), engine: "whisper/large".into() };
    assert!(answer.send(written).is_ok(), "it waits for the text");
    again.await.expect("a task").expect("transcribed again");
    let rows = store.segments(CALL).await.expect("query");
    (names, rows.into_iter().map(|row| row.text).collect())
}

#[tokio::test]
async fn the_names_of_a_call_go_with_its_stretches_those_of_the_running_call_first() {
    let of = |names: &[&'static str]| Some(Arc::new(Vocabulary::new(names.iter().copied())));
    let (names, text) = handed_over(&PastNames::default()).await;
    assert_eq!((names, text.as_str()), (of(&["Mary Miller"]), "I am Mary Miller"));
    let past = PastNames::default();
    past.keep(CALL, Arc::new(Vocabulary::new(["Lindsey Kowalczyk", "Mary Miller"])));
    assert_eq!(handed_over(&past).await.0, of(&["Lindsey Kowalczyk", "Mary Miller"]));
}
