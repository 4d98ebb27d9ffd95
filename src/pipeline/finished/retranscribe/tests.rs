//! Tests of what accompanies an utterance that is transcribed again.

use std::time::Duration;

use tokio::sync::mpsc;

use super::*;
use crate::call::{Alert, CallKey, Fired, Level};
use crate::pipeline::live::keys::PauseKeys;
use crate::pipeline::workers::TranscribeSettings;
use crate::pipeline::workers::in_flight::InFlight;
use crate::speech::recogniser::Recognition;
use crate::speech::utterance::EndpointSettings;
use crate::speech::vad::Voice;
use crate::store::alerts::{AlertFilter, AlertRow, NewAlert};
use crate::store::segments::{SearchFilter, fts_query};
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
    numbers: RowNumbers,
}

impl Again {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("temp dir");
        let (store, _) = Store::open(folder.path()).expect("open");
        store.writer().run(|db| db.execute_batch(ROWS)).await.expect("rows");
        Self { folder, store, numbers: RowNumbers::after(1) }
    }

    /// Transcribes the call again: the model hears `text`. The names that were handed over with the stretch.
    async fn hears(&self, text: &'static str, past: &PastNames, now: fn() -> WallTime) -> Option<Arc<Vocabulary>> {
        let mut jobs = self.run(VadRun::Kept, past, now, move |_| text.to_owned()).await.expect("transcribed again");
        assert_eq!(jobs.len(), 1, "one stretch");
        jobs.remove(0).vocabulary
    }

    /// Transcribes the call again: the model hears what `says` tells of each stretch. The stretches that were handed over.
    async fn run(
        &self,
        vad: VadRun,
        past: &PastNames,
        now: fn() -> WallTime,
        says: impl Fn(&Job) -> String + Send + 'static,
    ) -> Result<Vec<Job>, String> {
        let settings = TranscribeSettings::without_model(self.folder.path());
        let (done, _) = mpsc::channel(1);
        let workers = Workers::new(settings, InFlight::open(&self.folder.path().join("in-hand")), done);
        let analyser = TextAnalyser::new(LexiconKind::CallCentre, &Pack::bundled().expect("packs"));
        let cache = self.folder.path().join("cache");
        let voice = Voice::Earshot { problem: None };
        let (_, retranscriber) = RetranscribeQueue::new(RetranscribeParts {
            store: self.store.clone(),
            workers: Arc::clone(&workers),
            analyser: Arc::new(RwLock::new(Arc::new(analyser))),
            names: past.clone(),
            privacy: PrivacySettings { redact: true, keys: PauseKeys::default(), cache },
            hear: Hear::default(),
            listening: Listening { endpoint: EndpointSettings::best_with(&voice), voice },
            utterances: self.numbers.clone(),
            now,
        });
        let queue = Arc::clone(&workers.queue);
        let work = std::thread::spawn(move || {
            let mut jobs = Vec::new();
            while !queue.is_closed() {
                let Some((_, Work::Retranscribe(job, answer))) = queue.pop(Duration::from_millis(100)) else {
                    continue;
                };
                let (text, end_ms) = (says(&job), ((job.end - job.start) / 8) as i64);
                let piece = Piece { text, start_ms: 0, end_ms, confidence: 0.9, words: Vec::new() };
                let took = Duration::from_millis(1);
                let recognition = Recognition { pieces: vec![piece], language: Some("en".into()), dropped: None, took };
                jobs.push((*job).clone());
                let written = Written { job: *job, result: Ok(recognition), engine: "whisper/large".into() };
                let _ = answer.send(written);
            }
            jobs
        });
        let call = self.store.call_of(CALL).await.expect("query").expect("a call");
        let again = retranscriber.again(&call, vad).await;
        workers.queue.close();
        let jobs = work.join().expect("a thread");
        again.map(|()| jobs)
    }

    /// Two sentences, which the live VAD has found as one short stretch, as the leg's recording. `false` without recordings to make it of.
    async fn sounds(&self) -> bool {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/audio/real");
        let mut sound = vec![0; 8000];
        for name in ["ivr-vm-goodbye", "ivr-hello-world"] {
            let mut samples = Vec::new();
            let read = RecordingReader::open(&folder.join(format!("{name}.wav"))).ok().and_then(|mut reader| {
                reader.read_samples(0, 0, usize::MAX, &mut samples).ok()?;
                Some(reader.layout().rate_hz)
            });
            let Some(rate_hz) = read else {
                eprintln!("skipped: no real recordings here");
                return false;
            };
            let narrow = crate::audio::resample::resample(&crate::audio::to_f32(&samples), rate_hz, 8000);
            sound.extend(narrow.iter().map(|x| (x * 32_767.0) as i16));
            sound.extend(vec![0; 16_000]);
        }
        let path = self.folder.path().join("call.wav");
        let head = crate::audio::wav::header(8000, 1, sound.len() as u64);
        let bytes: Vec<u8> = head.into_iter().chain(sound.iter().flat_map(|sample| sample.to_le_bytes())).collect();
        std::fs::write(&path, bytes).expect("write");
        let (path, samples) = (path.display().to_string(), sound.len() as i64);
        let rows = move |db: &mut rusqlite::Connection| {
            db.execute("UPDATE leg SET path = ?1, samples = ?2", (path, samples))?;
            db.execute("UPDATE call SET audio_ms = ?1", [samples / 8])?;
            db.execute("UPDATE utterance SET lag_ms = 700, start_sample = 4000, end_sample = 15500", [])?;
            db.execute("INSERT INTO heard (leg, from_sample) VALUES (1, 0)", [])
        };
        self.store.writer().run(rows).await.expect("rows");
        true
    }

    /// Every utterance: row number, samples, milliseconds of lag.
    async fn utterances(&self) -> Vec<(i64, i64, i64, Option<i64>)> {
        let sql = "SELECT id, start_sample, end_sample, lag_ms FROM utterance ORDER BY start_sample";
        let rows = self.store.writer().run(move |db| {
            let mut all = db.prepare(sql)?;
            all.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?.collect()
        });
        rows.await.expect("query")
    }

    /// The call's text, and what it was while the call ran.
    async fn texts(&self) -> [Vec<String>; 2] {
        let now = self.store.segments(CALL).await.expect("query");
        let live = self.store.live_segments(CALL).await.expect("query").unwrap_or_default();
        [now, live].map(|rows| rows.into_iter().map(|row| row.text).collect())
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

#[tokio::test]
async fn a_vad_that_is_run_again_puts_what_it_finds_in_the_place_of_what_was_there() {
    let call = Again::new().await;
    if !call.sounds().await {
        return;
    }
    let heard = |job: &Job| format!("stretch {}", job.utterance.0);
    let jobs = call.run(VadRun::Again, &PastNames::default(), NOW, heard).await.expect("transcribed again");
    assert_eq!(jobs.iter().map(|job| job.utterance.0).collect::<Vec<_>>(), [2, 3], "two sentences, by new numbers");
    let rows = call.utterances().await;
    let places: Vec<_> = jobs.iter().map(|job| (job.utterance.0, job.start as i64, job.end as i64)).collect();
    assert_eq!(rows.iter().map(|&(id, start, end, _)| (id, start, end)).collect::<Vec<_>>(), places);
    assert_eq!((rows[0].3, rows[1].3), (Some(700), None), "what was late in the live call was late");
    let live = vec!["I am Marry Mueller".to_owned()];
    assert_eq!(call.texts().await, [vec!["stretch 2".into(), "stretch 3".into()], live.clone()]);
    for (words, count) in [("stretch", 2), ("mueller", 0)] {
        let filter = SearchFilter { query: fts_query(words).expect("words"), limit: 9, ..SearchFilter::default() };
        assert_eq!(call.store.search(filter).await.expect("query").len(), count, "{words}");
    }
    let row = call.store.call_of(CALL).await.expect("query").expect("a call");
    assert_eq!(row.segments, 2);
    let jobs = call.run(VadRun::Again, &PastNames::default(), NOW, heard).await.expect("once more");
    assert_eq!(jobs.iter().map(|job| job.utterance.0).collect::<Vec<_>>(), [4, 5], "no number is given twice");
    assert_eq!(call.texts().await, [vec!["stretch 4".into(), "stretch 5".into()], live], "the live text is the first");
}

#[tokio::test]
async fn a_vad_that_is_run_again_leaves_silenced_sound_and_what_was_not_heard_alone() {
    let heard = |job: &Job| format!("stretch {}", job.utterance.0);
    for (rows, wanted) in [
        // The stretch touches silenced sound.
        ("INSERT INTO silence (leg, start_sample, end_sample, why, at_ms) VALUES (1, 5000, 6000, 'redaction', 0)", 2),
        // Another leg has the voice from there on.
        ("UPDATE heard SET to_sample = 20000", 1),
        // The same, within an utterance.
        ("UPDATE heard SET to_sample = 12000", 1),
        // No leg was heard: the stored stretch is all there is.
        ("DELETE FROM heard", 1),
    ] {
        let call = Again::new().await;
        if !call.sounds().await {
            return;
        }
        call.store.writer().run(move |db| db.execute_batch(rows)).await.expect("rows");
        let jobs = call.run(VadRun::Again, &PastNames::default(), NOW, heard).await.expect("transcribed again");
        let texts = &call.texts().await[0];
        assert_eq!(texts.len(), wanted, "{rows}: {texts:?}");
        let kept = texts.contains(&"I am Marry Mueller".to_owned());
        assert_eq!(kept, rows.contains("silence"), "{rows}: {texts:?}");
        let utterances = call.utterances().await;
        assert!(utterances.windows(2).all(|pair| pair[0].2 <= pair[1].1), "none meets another: {utterances:?}");
        if rows.starts_with("UPDATE") {
            assert!(jobs.iter().all(|job| job.end <= 20_000), "{jobs:?}");
        }
        if rows.starts_with("DELETE") {
            assert_eq!(jobs[0].utterance, UtteranceKey(1));
        }
    }
}

#[tokio::test]
async fn a_call_without_the_sound_to_run_the_vad_on_keeps_its_text() {
    let call = Again::new().await;
    call.store
        .writer()
        .run(|db| db.execute_batch("INSERT INTO heard (leg, from_sample) VALUES (1, 0)"))
        .await
        .expect("rows");
    let problem = call.run(VadRun::Again, &PastNames::default(), NOW, |_| "nothing".into()).await.expect_err("no file");
    assert!(problem.contains("/nowhere.wav"), "{problem}");
    assert_eq!(call.texts().await, [vec!["I am Marry Mueller".to_owned()], vec![]]);
    assert_eq!(call.utterances().await.len(), 1);
}

#[tokio::test]
async fn a_vad_that_is_run_again_takes_no_text_away_whose_sound_it_cannot_read() {
    let heard = |job: &Job| format!("stretch {}", job.utterance.0);
    let call = Again::new().await;
    if !call.sounds().await {
        return;
    }
    let path = call.folder.path().join("call.wav");
    let sound = std::fs::read(&path).expect("read");
    std::fs::write(&path, &sound[..44 + 2 * 8000]).expect("write");
    let problem = call.run(VadRun::Again, &PastNames::default(), NOW, heard).await.expect_err("a shorter file");
    assert!(problem.contains("call.wav") && problem.contains("ends before"), "{problem}");
    assert_eq!(call.texts().await, [vec!["I am Marry Mueller".to_owned()], vec![]]);
    // A leg whose folder was away when lineside started is noted without samples.
    std::fs::write(&path, &sound).expect("write");
    call.store.writer().run(|db| db.execute_batch("UPDATE leg SET samples = 0")).await.expect("rows");
    let jobs = call.run(VadRun::Again, &PastNames::default(), NOW, heard).await.expect("transcribed again");
    assert!(!jobs.is_empty() && jobs.len() == call.texts().await[0].len(), "{jobs:?}");
}

#[tokio::test]
async fn a_number_that_is_found_again_is_silenced_on_every_leg_of_the_voice() {
    let call = Again::new().await;
    let rows = "
        INSERT INTO leg (id, call, leg, source, rate_hz, started_ms, offset_ms, path, owned, closed_ms, samples)
        VALUES (2, 1, 'mixed', 'audiosocket', 8000, 5, 0, '/other.wav', 0, 9, 64000),
               (3, 1, 'agent', 'audiosocket', 8000, 5, 0, '/agent.wav', 0, 9, 64000);";
    call.store.writer().run(move |db| db.execute_batch(rows)).await.expect("rows");
    call.hears("My card number is 4111 1111 1111 1111.", &PastNames::default(), NOW).await;
    let silent = async |leg| call.store.silences(LegKey(leg)).await.expect("query");
    let (own, other) = (silent(1).await, silent(2).await);
    assert!(!own.is_empty() && own.len() == other.len(), "{own:?}, {other:?}");
    for (own, other) in own.iter().zip(&other) {
        let around = 8 * AROUND_MS as u64;
        assert_eq!(other.start, own.start.saturating_sub(around));
        assert_eq!(other.end, own.end.map(|end| end + around));
    }
    assert!(silent(3).await.is_empty(), "the agent's leg has another voice");
}

#[tokio::test]
async fn silences_are_judged_anew_where_the_vad_was_run_again() {
    let call = Again::new().await;
    if !call.sounds().await {
        return;
    }
    call.has_alert(1, &[("dead_air", Level::Warning, &[])]).await;
    call.run(VadRun::Kept, &PastNames::default(), NOW, |_| "Good morning.".into()).await.expect("transcribed again");
    assert_eq!(call.alerts().await[0].3, None, "the same utterances, the same silence");
    call.run(VadRun::Again, &PastNames::default(), NOW, |_| "Good morning.".into()).await.expect("transcribed again");
    assert_eq!(call.alerts().await[0].3.as_deref(), Some("transcribed again"), "nobody was silent for so long");
}
