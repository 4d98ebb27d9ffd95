//! Retention and the disk guard, with a clock and a disk that the test sets.

use std::cell::Cell;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::forget;
use super::sweep::{CampaignDays, DAY_MS, DiskStep, RetentionSettings, Sweeper, Swept};
use crate::call::{CallId, CallKey, CallNames, CallState, CallTime, Leg, LegKey, ProcessingMode, Source, WallTime};
use crate::spool::{LegSpec, Spool};
use crate::store::Store;
use crate::store::change::{Change, NewCall, NewLeg};
use crate::store::forget::Whom;

struct Bed {
    folder: tempfile::TempDir,
    store: Store,
    spool: Arc<Spool>,
    /// Of calls, by their keys.
    campaigns: HashMap<i64, &'static str>,
    _events: tokio::sync::mpsc::Receiver<crate::spool::SpoolEvent>,
}

impl Bed {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("temp dir");
        let (store, _) = Store::open(folder.path()).expect("store");
        let (spool, events) = Spool::open(&folder.path().join("spool"), 0).expect("spool");
        Self { folder, store, spool, campaigns: HashMap::new(), _events: events }
    }

    fn path(&self, key: i64) -> PathBuf {
        self.folder.path().join(format!("spool/2026-01-01/{key:09}_c.{key}_caller.wav"))
    }

    /// A call that ended on a day, with a thousand bytes of sound.
    async fn call(&self, key: i64, day: i64, state: CallState) {
        std::fs::create_dir_all(self.folder.path().join("spool/2026-01-01")).expect("mkdir");
        std::fs::write(self.path(key), vec![0; 1000]).expect("wav");
        std::fs::write(self.path(key).with_extension("json"), "{}").expect("json");
        let at = WallTime(day * DAY_MS);
        let campaign = self.campaigns.get(&key).map(|&campaign| campaign.into());
        let names = CallNames { campaign, phone: Some(format!("555000{key}")), ..CallNames::default() };
        let id = CallId::from_lossy(&format!("c.{key}"));
        let call = NewCall {
            key: CallKey(key),
            id,
            source: Source::Audiosocket,
            mode: ProcessingMode::default(),
            started: at,
            names,
        };
        let leg = NewLeg {
            key: LegKey(key),
            call: CallKey(key),
            leg: Leg::Caller,
            source: Source::Audiosocket,
            rate_hz: 8000,
            started: at,
            offset: CallTime(0),
            path: self.path(key),
            channel: 0,
            owned: true,
            peer: None,
        };
        let moved = Change::CallMoved { call: CallKey(key), state, at, reason: None };
        self.store
            .writer()
            .commit(vec![Change::CallOpened(call), Change::LegOpened(leg), moved])
            .await
            .expect("commit");
    }

    fn sweeper(&self, audio_days: u32, text_days: u32) -> Sweeper {
        self.sweeper_with(audio_days, text_days, Vec::new())
    }

    fn sweeper_with(&self, audio_days: u32, text_days: u32, campaigns: Vec<CampaignDays>) -> Sweeper {
        let settings = RetentionSettings {
            state: self.folder.path().into(),
            audio_days,
            text_days,
            campaigns,
            alerts_days: 0,
            warn_free: 10_000,
            drop_free: 5_000,
            stop_free: 2_000,
        };
        Sweeper::new(self.store.clone(), Arc::clone(&self.spool), settings)
    }

    fn sound(&self, keys: std::ops::RangeInclusive<i64>) -> Vec<i64> {
        keys.filter(|&key| self.path(key).exists()).collect()
    }
}

#[tokio::test]
async fn a_campaign_keeps_its_calls_and_their_sound_for_days_of_its_own() {
    let mut bed = Bed::new();
    bed.campaigns = HashMap::from([(1, "Sales"), (2, "CLAIMS"), (3, "TRIAL")]);
    for key in 1..=4 {
        bed.call(key, 10, CallState::Completed).await;
    }
    let own = |campaign: &str, audio_days, text_days| CampaignDays { campaign: campaign.into(), audio_days, text_days };
    let campaigns = vec![own("SALES", Some(5), None), own("claims", Some(0), Some(0)), own("TRIAL", None, Some(20))];
    let sweeper = bed.sweeper_with(30, 60, campaigns);
    let swept = sweeper.sweep(WallTime(16 * DAY_MS)).await.expect("sweep");
    assert_eq!((swept.audio, bed.sound(1..=4)), (1, vec![2, 3, 4]), "five days of SALES, in any case");
    let swept = sweeper.sweep(WallTime(31 * DAY_MS)).await.expect("sweep");
    assert_eq!((swept.calls, bed.sound(1..=4)), (1, vec![2, 4]), "the whole call of TRIAL");
    let swept = sweeper.sweep(WallTime(41 * DAY_MS)).await.expect("sweep");
    assert_eq!((swept.calls, bed.sound(1..=4)), (0, vec![2]), "thirty days of those without a campaign");
    let swept = sweeper.sweep(WallTime(1000 * DAY_MS)).await.expect("sweep");
    assert_eq!((swept.calls, bed.sound(1..=4)), (2, vec![2]), "CLAIMS is kept for ever");
    // A full disk makes no difference between campaigns.
    let mut sweeper = sweeper;
    sweeper.guard(|| Some(4000), WallTime(1000 * DAY_MS)).await.expect("guard");
    assert_eq!(bed.sound(1..=4), Vec::<i64>::new());
}

#[tokio::test]
async fn old_sound_goes_and_what_is_held_running_or_young_stays() {
    let bed = Bed::new();
    for (key, day, state) in [
        (1, 10, CallState::Completed),
        (2, 10, CallState::Completed),
        (3, 10, CallState::Active),
        (4, 40, CallState::Completed),
    ] {
        bed.call(key, day, state).await;
    }
    bed.store.set_hold(CallKey(2), "case".into(), WallTime(0)).await.expect("hold");
    let sweeper = bed.sweeper(30, 0);
    assert_eq!(
        sweeper.sweep(WallTime(40 * DAY_MS)).await.expect("sweep"),
        Swept::default(),
        "thirty days are not over"
    );
    let swept = sweeper.sweep(WallTime(41 * DAY_MS)).await.expect("sweep");
    assert_eq!(swept, Swept { audio: 1, bytes: 1000, ..Swept::default() });
    assert_eq!(bed.sound(1..=4), [2, 3, 4]);
    assert!(!bed.path(1).with_extension("json").exists(), "its description went with it");
    assert!(bed.store.call("c.1").await.expect("query").is_some(), "its text stays");
    assert_eq!(sweeper.sweep(WallTime(41 * DAY_MS)).await.expect("again"), Swept::default());
    bed.store.release_hold(CallKey(2)).await.expect("release");
    assert_eq!(sweeper.sweep(WallTime(41 * DAY_MS)).await.expect("sweep").audio, 1);
}

#[tokio::test]
async fn old_calls_go_with_everything_and_one_on_hold_stays() {
    let bed = Bed::new();
    bed.call(1, 10, CallState::Completed).await;
    bed.call(2, 10, CallState::Completed).await;
    bed.store.set_hold(CallKey(2), String::new(), WallTime(0)).await.expect("hold");
    let swept = bed.sweeper(0, 60).sweep(WallTime(71 * DAY_MS)).await.expect("sweep");
    assert_eq!(swept, Swept { audio: 1, bytes: 1000, calls: 1, alerts: 0 });
    assert!(bed.store.call("c.1").await.expect("query").is_none());
    assert!(bed.store.call("c.2").await.expect("query").is_some());
    assert_eq!(bed.sound(1..=2), [2]);
}

#[tokio::test]
async fn the_sound_and_the_copies_of_what_goes_are_overwritten_first() {
    let bed = Bed::new();
    let cache = bed.folder.path().join("cache");
    std::fs::create_dir(&cache).expect("mkdir");
    let mut seen = Vec::new();
    for (key, day) in [(1, 10), (2, 60)] {
        bed.call(key, day, CallState::Completed).await;
        std::fs::write(bed.path(key), vec![7; 1000]).expect("wav");
        let copy = cache.join(format!("{key}.wav"));
        std::fs::write(&copy, vec![7; 1000]).expect("copy");
        seen.push(std::fs::File::open(bed.path(key)).expect("open"));
        seen.extend((key == 1).then(|| std::fs::File::open(copy).expect("open")));
    }
    // The first goes for its text's age, with the copy for players; the second only loses its sound.
    let swept = bed.sweeper(30, 60).sweep(WallTime(91 * DAY_MS)).await.expect("sweep");
    assert_eq!((swept.calls, swept.audio), (1, 2));
    assert!(!cache.join("1.wav").exists());
    for mut file in seen {
        let mut left = Vec::new();
        std::io::Read::read_to_end(&mut file, &mut left).expect("read");
        assert_eq!(left, vec![0; 1000], "what stood there is overwritten, not only unlinked");
    }
    println!(
        "mended | 41 | swept sound was unlinked, its bytes stayed on the disk | 3 of 3 files hold zeros when they go"
    );
}

#[tokio::test]
async fn a_filling_disk_warns_then_loses_its_oldest_sound_and_only_then_takes_no_new_calls() {
    let bed = Bed::new();
    for key in 1..=3 {
        bed.call(key, key, CallState::Completed).await;
    }
    bed.call(4, 0, CallState::Active).await;
    bed.store.set_hold(CallKey(1), String::new(), WallTime(0)).await.expect("hold");
    let mut sweeper = bed.sweeper(0, 0);
    let now = WallTime(100 * DAY_MS);
    let spec = || LegSpec {
        call: CallId::from_lossy("new"),
        names: CallNames::default(),
        leg: Leg::Mixed,
        source: Source::Audiosocket,
        started: now,
        rate_hz: 8000,
        peer: None,
    };
    assert_eq!(sweeper.guard(|| Some(20_000), now).await.expect("guard"), DiskStep::Fine);
    assert_eq!(sweeper.guard(|| Some(9_000), now).await.expect("guard"), DiskStep::Warn);
    assert_eq!(bed.sound(1..=4), [1, 2, 3, 4]);
    for source in [Source::Upload, Source::Ingest] {
        let guest = bed.spool.open_leg(LegSpec { source, ..spec() }).await;
        assert!(matches!(guest, Err(crate::spool::SpoolError::Full)), "{source:?}: older sound does not go for it");
    }
    assert!(bed.spool.open_leg(spec()).await.is_ok(), "the PBX's calls are taken");
    println!(
        "mended | 47 | by flooding, a token that brings calls in made the disk guard delete older sound | refused at the warning, 0 of 4 legs lost"
    );
    // Room comes back as soon as something was deleted.
    let left = Cell::new(4_000);
    let freed = || Some(left.replace(6_000));
    assert_eq!(sweeper.guard(freed, now).await.expect("guard"), DiskStep::Drop);
    assert_eq!(bed.sound(1..=4), [1, 4], "a batch of the oldest, never what is held or running");
    assert!(bed.spool.open_leg(spec()).await.is_ok(), "calls are still taken");
    assert_eq!(sweeper.guard(|| Some(1_000), now).await.expect("guard"), DiskStep::Stop);
    assert!(matches!(bed.spool.open_leg(spec()).await, Err(crate::spool::SpoolError::Full)));
    assert_eq!(sweeper.guard(|| Some(20_000), now).await.expect("guard"), DiskStep::Fine);
    assert!(bed.spool.open_leg(spec()).await.is_ok(), "and taken again");
}

/// The call's lines, and many calls of others that say the same.
fn say_the_same(store: &Store, rows: i64) {
    let mut db = rusqlite::Connection::open(store.path()).expect("open");
    db.busy_timeout(Duration::from_secs(30)).expect("timeout");
    let transaction = db.transaction().expect("begin");
    for row in 1..=rows {
        let (call, text) = if row <= 40 { (1, row) } else { (2, row % 40 + 1) };
        let text = format!("Thank you for calling, this is line number {text} of what everybody says all day");
        transaction
            .prepare_cached(
                "INSERT INTO utterance (id, call, leg, start_sample, end_sample, start_ms, end_ms, state)
                 VALUES (?1, ?2, ?2, ?1, ?1 + 1, 0, 1, 'done')",
            )
            .and_then(|mut utterance| utterance.execute((row, call)))
            .expect("utterance");
        transaction
            .prepare_cached(
                "INSERT INTO segment (call, leg, utterance, start_ms, end_ms, text, confidence, words, compound, pos, neu, neg, label, keywords, profanity)
                 VALUES (?2, ?2, ?1, 0, 1, ?3, 1.0, '[]', 0, 0, 1, 0, 'neutral', '[]', '[]')",
            )
            .and_then(|mut segment| segment.execute((row, call, &text)))
            .expect("segment");
        transaction
            .prepare_cached("INSERT INTO event (call, kind, at_ms, payload) VALUES (?1, 'sentiment', 0, ?2)")
            .and_then(|mut event| event.execute((call, format!("{{\"transcript_segment\":\"{text}\"}}"))))
            .expect("event");
    }
    transaction.commit().expect("commit");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_call_is_forgotten_others_are_written() {
    const ROWS: i64 = 30_000;
    let bed = Bed::new();
    bed.call(1, 1, CallState::Completed).await;
    bed.call(2, 1, CallState::Completed).await;
    say_the_same(&bed.store, ROWS);
    let (commands, mut asked) = tokio::sync::mpsc::channel(1);
    let conductor = tokio::spawn(async move {
        while let Some(command) = asked.recv().await {
            if let crate::pipeline::command::Command::LetGo { reply, .. } = command {
                let _ = reply.send(Vec::new());
            }
        }
    });
    let (store, state) = (bed.store.clone(), bed.folder.path().to_path_buf());
    let began = std::time::Instant::now();
    let forgetting =
        tokio::spawn(async move { forget::running(&store, &commands, &state, Whom::Call("c.1".into())).await });
    let mut longest = Duration::ZERO;
    while !forgetting.is_finished() {
        let asked = std::time::Instant::now();
        bed.store.writer().commit(Vec::new()).await.expect("commit");
        longest = longest.max(asked.elapsed());
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let took = began.elapsed();
    let report = forgetting.await.expect("ended").expect("forgotten");
    conductor.await.expect("ended");
    assert_eq!((report.erased.segments, report.erased.calls, report.left), (40, vec!["c.1".into()], Vec::new()));
    let others = (ROWS - 40) / 40 + 1;
    let told = |place: &str| report.shared.iter().filter(|line| line.contains(place)).count();
    assert_eq!((told("segment.text"), told("event.payload")), (40, 40), "{:?}", report.shared);
    let lines = report.shared.iter().filter(|line| {
        [others, others - 1].iter().any(|count| line.contains(&format!("stands in {count} rows of segment.text")))
    });
    assert_eq!(lines.count(), 40, "{:?}", report.shared);
    // Where the proof was made by the writer, a row waited for nearly all of it.
    assert!(longest < took / 2, "a row waited {longest:?} of the {took:?} that forgetting took");
    println!(
        "mended | 36 | forgetting one call on 640,000 lines held the writer for 71 s | the proof is made beside it, rows are deleted call by call: with \
         {ROWS} lines, all of them shared, forgetting took {took:?} and no row waited longer than {longest:?}"
    );
}
