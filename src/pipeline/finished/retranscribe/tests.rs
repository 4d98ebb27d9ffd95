//! Tests of what accompanies an utterance that is transcribed again.

use std::time::Duration;

use tokio::sync::mpsc;

use super::*;
use crate::call::{Alert, CallKey, Fired, Level};
use crate::pipeline::live::keys::PauseKeys;
use crate::pipeline::workers::TranscribeSettings;
use crate::pipeline::workers::in_flight::InFlight;
use crate::speech::recogniser::Recognition;
use crate::store::alerts::{AlertFilter, AlertRow, NewAlert};
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

/// A finished call that said "I am Marry Mueller", and what transcribes it again.
struct Again {
    folder: tempfile::TempDir,
    store: Store,
}

impl Again {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("temp dir");
        let (store, _) = Store::open(folder.path()).expect("open");
        store.writer().run(|db| db.execute_batch(ROWS)).await.expect("rows");
        Self { folder, store }
    }

    /// Transcribes the call again: the model hears `text`. The names that were handed over with the stretch.
    async fn hears(&self, text: &str, past: &PastNames, now: fn() -> WallTime) -> Option<Arc<Vocabulary>> {
        let settings = TranscribeSettings::without_model(self.folder.path());
        let (done, _) = mpsc::channel(1);
        let workers = Workers::new(settings, InFlight::open(&self.folder.path().join("in-hand")), done);
        let analyser = TextAnalyser::new(LexiconKind::CallCentre, &Pack::bundled().expect("packs"));
        let analyser = Arc::new(RwLock::new(Arc::new(analyser)));
        let cache = self.folder.path().join("cache");
        let privacy = PrivacySettings { redact: true, keys: PauseKeys::default(), cache };
        let (_, retranscriber) =
            RetranscribeQueue::new(self.store.clone(), Arc::clone(&workers), analyser, past.clone(), privacy, now);
        let call = self.store.call_of(CALL).await.expect("query").expect("a call");
        let again = tokio::spawn(async move { retranscriber.again(&call).await });
        let queue = Arc::clone(&workers.queue);
        let work = tokio::task::spawn_blocking(move || queue.pop(Duration::from_secs(20)));
        let Some((_, Work::Retranscribe(job, answer))) = work.await.expect("a thread") else { panic!("no stretch") };
        let names = job.vocabulary.clone();
        let piece = Piece { text: text.to_owned(), start_ms: 0, end_ms: 1000, confidence: 0.9, words: Vec::new() };
        let took = Duration::from_millis(1);
        let recognition = Recognition { pieces: vec![piece], language: Some("en".into()), dropped: None, took };
        let written = Written { job: *job, result: Ok(recognition), engine: "whisper/large".into() };
        assert!(answer.send(written).is_ok(), "it waits for the text");
        again.await.expect("a task").expect("transcribed again");
        names
    }

    /// An alert of the former text, by these rules.
    async fn has_alert(&self, id: i64, rules: &[(&str, Level, &[&str])]) {
        let fired = |&(name, level, words): &(&str, Level, &[&str])| Fired {
            name: name.into(),
            level,
            description: String::new(),
            pack: "p".into(),
            reason: "as it was".into(),
            words: words.iter().map(|word| (*word).to_owned()).collect(),
            prompt: None,
        };
        let rules: Vec<Fired> = rules.iter().map(fired).collect();
        let alert = Alert {
            level: rules.iter().map(|rule| rule.level).max().expect("a rule"),
            rules,
            leg: Some(Leg::Caller),
            start_ms: 0,
            end_ms: 1000,
            text: "I am Marry Mueller".into(),
            sentiment: Some(0.0),
            rolling: Some(0.0),
            risk: 0.0,
        };
        let new = NewAlert { id, call: CALL, at: WallTime(8), origin: format!("text {id} 0"), alert };
        self.store.writer().commit(vec![Change::AlertRaised(Box::new(new))]).await.expect("commit");
    }

    /// The call's alerts in their order: number, rules, text, who has taken it.
    async fn alerts(&self) -> Vec<(i64, Vec<String>, String, Option<String>)> {
        let filter = AlertFilter { call: Some(CALL), limit: 100, ..AlertFilter::default() };
        let mut rows = self.store.alerts(filter).await.expect("query");
        rows.sort_by_key(|row| row.id);
        let told = |row: AlertRow| {
            let rules = row.alert.rule_names().into_iter().map(str::to_owned).collect();
            (row.id, rules, row.alert.text, row.acknowledged.map(|(_, by)| by))
        };
        rows.into_iter().map(told).collect()
    }
}

const NOW: fn() -> WallTime = || WallTime(1000);
const THREAT: &str = "I will sue you and talk to my lawyer";

#[tokio::test]
async fn the_names_of_a_call_go_with_its_stretches_those_of_the_running_call_first() {
    let of = |names: &[&'static str]| Some(Arc::new(Vocabulary::new(names.iter().copied())));
    let call = Again::new().await;
    let names = call.hears("I am Mary Miller", &PastNames::default(), NOW).await;
    let rows = call.store.segments(CALL).await.expect("query");
    assert_eq!((names, rows[0].text.as_str(), rows.len()), (of(&["Mary Miller"]), "I am Mary Miller", 1));
    let past = PastNames::default();
    past.keep(CALL, Arc::new(Vocabulary::new(["Lindsey Kowalczyk", "Mary Miller"])));
    let names = Again::new().await.hears("I am Mary Miller", &past, NOW).await;
    assert_eq!(names, of(&["Lindsey Kowalczyk", "Mary Miller"]));
}

#[tokio::test]
async fn what_the_old_text_hid_is_raised_and_only_of_a_call_of_today() {
    let call = Again::new().await;
    call.hears(THREAT, &PastNames::default(), NOW).await;
    let alerts = call.alerts().await;
    let [(_, rules, text, None)] = &alerts[..] else { panic!("one open alert: {alerts:?}") };
    assert!(rules.contains(&"legal_threat".to_owned()) && text == THREAT, "{alerts:?}");
    let row = call.store.call_of(CALL).await.expect("query").expect("a call");
    assert!(row.risk.is_some_and(|risk| risk > 0.0), "{:?}", row.risk);
    call.hears(THREAT, &PastNames::default(), NOW).await;
    assert_eq!(call.alerts().await, alerts, "the same text again changes nothing");

    let old = Again::new().await;
    old.hears(THREAT, &PastNames::default(), || WallTime(9 + 86_400_001)).await;
    assert_eq!(old.alerts().await, []);
}

#[tokio::test]
async fn an_alert_tells_the_new_words_or_is_closed_where_there_are_none() {
    let call = Again::new().await;
    call.has_alert(7, &[("legal_threat", Level::Critical, &["sue"])]).await;
    call.hears(THREAT, &PastNames::default(), NOW).await;
    let alerts = call.alerts().await;
    assert_eq!((alerts[0].0, alerts[0].2.as_str(), &alerts[0].3), (7, THREAT, &None));
    let named = alerts.iter().flat_map(|(_, rules, ..)| rules).filter(|rule| *rule == "legal_threat").count();
    assert_eq!(named, 1, "it is not raised twice: {alerts:?}");
    let told: Vec<String> = call
        .store
        .writer()
        .run(|db| {
            let mut told = db.prepare("SELECT payload FROM event WHERE kind = 'alert' ORDER BY id")?;
            told.query_map([], |row| row.get(0))?.collect()
        })
        .await
        .expect("query");
    assert!(told[0].contains(THREAT) && !told[0].contains("Marry"), "{told:?}");

    call.hears("I am Mary Miller", &PastNames::default(), NOW).await;
    let taken = call.alerts().await.into_iter().map(|(.., by)| by.expect("it is closed"));
    assert!(taken.into_iter().all(|by| by == "transcribed again"));
}

#[tokio::test]
async fn what_the_text_does_not_decide_stays() {
    let call = Again::new().await;
    call.has_alert(1, &[("legal_threat", Level::Critical, &["sue"]), ("dead_air", Level::Warning, &[])]).await;
    call.has_alert(2, &[("a_rule_that_is_gone", Level::Urgent, &["word"])]).await;
    call.hears("I am Mary Miller", &PastNames::default(), NOW).await;
    let alerts = call.alerts().await;
    let rules: Vec<&[String]> = alerts.iter().map(|(_, rules, ..)| &rules[..]).collect();
    assert_eq!(rules, [&["dead_air".to_owned()][..], &["a_rule_that_is_gone".to_owned()][..]]);
    assert!(alerts.iter().all(|(.., by)| by.is_none()), "{alerts:?}");
    let level = call.store.alert(1).await.expect("query").expect("an alert").alert.level;
    assert_eq!(level, Level::Warning);
}
