//! A call's score card, entities and summary, from its stored text. They are computed on request: an hour of talk takes as long as sending its text.
//! The present packs count, not those of the time of the call.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::alerts::speech::{PAUSE_MS, Passage, SpeechLine, both_heard_ms};
use crate::call::{CallState, Leg};
use crate::store::calls::{CallRow, LegRow};
use crate::store::segments::{SegmentRow, Spoken};
use crate::store::{Store, StoreError};
use crate::text::TextAnalyser;
pub use crate::text::review::LineQuote;
pub use crate::text::review::ReviewLine;
pub use crate::text::review::actions::ActionItem;
pub use crate::text::review::entities::Entity;
pub use crate::text::review::evidence::{Ground, Labelled};
pub use crate::text::review::insights::{Insights, Payment};
pub use crate::text::review::measures::CallMeasures;
pub use crate::text::review::outside;
use crate::text::review::scorecard::Card;
use crate::text::review::summary::Summary;
use crate::text::rolling::Rolling;

/// Overlapping speech of at least this length, milliseconds, is an interruption; a shorter one is assent, or the echo of the room.
const INTERRUPTION_MS: i64 = 500;
/// A pace is computed from this many seconds of speech on.
const PACE_S: f64 = 5.0;

/// Looks at calls as a whole.
#[derive(Clone)]
pub struct Desk {
    store: Store,
    analyser: Arc<RwLock<Arc<TextAnalyser>>>,
    pace: Pace,
}

/// Priority of an analysis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    /// A client waits for it.
    Prompt,
    /// Nobody waits for it: everything else comes first.
    Background,
}

impl Desk {
    /// A desk that uses the present packs.
    pub fn new(store: Store, analyser: Arc<RwLock<Arc<TextAnalyser>>>) -> Self {
        Self { store, analyser, pace: Pace::Prompt }
    }

    /// The same for work that nobody waits for.
    #[must_use]
    pub(super) fn in_background(self) -> Self {
        Self { pace: Pace::Background, ..self }
    }

    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    /// Runs `work` away from the threads that serve sockets.
    pub(super) async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        match self.pace {
            Pace::Prompt => tokio::task::spawn_blocking(work).await.map_err(|_| StoreError::Closed),
            // A thread of its own: one that has stepped back cannot step forward again.
            Pace::Background => {
                let (done, result) = tokio::sync::oneshot::channel();
                let quietly = move || {
                    crate::priority::background();
                    let _ = done.send(work());
                };
                std::thread::Builder::new().name("stages".into()).spawn(quietly).map_err(StoreError::Thread)?;
                result.await.map_err(|_| StoreError::Closed)
            }
        }
    }

    pub(super) fn analyser(&self) -> Arc<TextAnalyser> {
        Arc::clone(&self.analyser.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// What the calls of this one's campaign are read by.
    pub(super) fn analyser_of(&self, call: &CallRow) -> Arc<TextAnalyser> {
        self.analyser().of_campaign(call.campaign.as_deref())
    }

    /// A text as it may leave the box: every number of three digits or more that was said is hidden, for what has left cannot be corrected.
    pub fn without_numbers(&self, text: &str) -> String {
        self.analyser().redactor().cautious(text)
    }

    /// Runs `read` on the call's lines, away from the threads that serve sockets.
    pub(super) async fn with_lines<T: Send + 'static>(
        &self,
        call: &CallRow,
        read: impl FnOnce(&TextAnalyser, &[ReviewLine]) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let rows = self.store.segments(call.key).await?;
        let analyser = self.analyser_of(call);
        self.aside(move || {
            let lines: Vec<ReviewLine> = rows.into_iter().map(line).collect();
            read(&analyser, &lines)
        })
        .await
    }

    /// The score card and the figures that it may ask for.
    pub async fn card(&self, call: &CallRow) -> Result<(Card, CallMeasures), StoreError> {
        let legs = self.store.legs(call.key).await?;
        let spoken = self.store.spoken(call.key).await?;
        let length_ms = call.audio_ms;
        let over = matches!(call.state, CallState::Completed | CallState::Failed);
        self.with_lines(call, move |analyser, lines| {
            let measures = measure(lines, &spoken, &legs, length_ms);
            (analyser.reviewer().card(lines, &measures, over), measures)
        })
        .await
    }

    /// The lines in the order in which their text came, each with the rolling sentiment that was told with it.
    pub async fn as_told(&self, call: &CallRow) -> Result<Vec<(SegmentRow, Option<f64>)>, StoreError> {
        let mut rows = self.store.segments(call.key).await?;
        rows.sort_by_key(|row| row.id);
        let mut rolling = Rolling::default();
        let told = |row: SegmentRow| {
            rolling.push(row.compound);
            (row, rolling.rolling)
        };
        Ok(rows.into_iter().map(told).collect())
    }

    /// The things that were named.
    pub async fn entities(&self, call: &CallRow) -> Result<Vec<Entity>, StoreError> {
        let today = day(call);
        self.with_lines(call, move |analyser, lines| analyser.reviewer().entities(lines, today)).await
    }

    /// The insights of the call by the rules.
    pub async fn insights(&self, call: &CallRow) -> Result<Insights, StoreError> {
        let today = day(call);
        self.with_lines(call, move |analyser, lines| analyser.insights(lines, today, None)).await
    }

    /// The lines that tell the call.
    pub async fn summary(&self, call: &CallRow) -> Result<Summary, StoreError> {
        self.with_lines(call, |analyser, lines| analyser.reviewer().summary(lines)).await
    }
}

/// The day on which a call began, where this machine is.
pub(super) fn day(call: &CallRow) -> Option<Date> {
    let began = Timestamp::from_millisecond(call.started.0).ok()?;
    Some(began.to_zoned(TimeZone::system()).date())
}

pub(super) fn line(row: SegmentRow) -> ReviewLine {
    let labels = row.keywords.as_array().into_iter().flatten().filter_map(|hit| hit["label"].as_str());
    ReviewLine {
        segment: row.id,
        leg: row.speaker,
        start_ms: row.start_ms,
        end_ms: row.end_ms,
        heard: row.was_heard(),
        labels: labels.map(str::to_owned).collect(),
        text: row.text,
        compound: row.compound,
    }
}

fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}

/// Reason why figures are absent for a call whose text came without audio, in whole or in part.
const UNHEARD: &str = "the platform sent text without its sound: how long it took, and who was silent, is not known";

/// Speech and pace by the text's own times; silence and interruptions as the alerts know them, from the stretches that have become text. Only of
/// what was heard here.
pub(super) fn measure(lines: &[ReviewLine], spoken: &[Spoken], legs: &[LegRow], length_ms: i64) -> CallMeasures {
    let mut speech_ms: HashMap<Leg, i64> = HashMap::new();
    let mut words: HashMap<Leg, usize> = HashMap::new();
    for line in lines.iter().filter(|line| line.heard) {
        *speech_ms.entry(line.leg).or_default() += (line.end_ms - line.start_ms).max(0);
        *words.entry(line.leg).or_default() += line.text.split_whitespace().count();
    }
    let talk_s = |leg| seconds(speech_ms.get(&leg).copied().unwrap_or(0));
    let pace = |leg| (talk_s(leg) >= PACE_S).then(|| words[&leg] as f64 / talk_s(leg) * 60.0);
    let sounding = || legs.iter().filter(|row| row.has_sound() && !row.heard.is_empty());
    let begin = |leg: Leg| sounding().filter(|row| row.leg == leg).map(|row| row.offset_ms).min();
    let unheard = lines.iter().any(|line| !line.heard && begin(line.leg).is_none());
    // Speech of nobody is none, but not where the sound is missing.
    let speech = |leg: Leg| (begin(leg).is_some() || !unheard).then(|| talk_s(leg));
    let (agent, caller) = (begin(Leg::Agent), begin(Leg::Caller));

    let mut measures = CallMeasures {
        agent_speech_s: speech(Leg::Agent),
        caller_speech_s: speech(Leg::Caller),
        mixed_speech_s: speech(Leg::Mixed),
        absent: unheard.then_some(UNHEARD),
        agent_words_per_minute: pace(Leg::Agent),
        caller_words_per_minute: pace(Leg::Caller),
        ..CallMeasures::default()
    };
    // A leg with both voices tells when nobody speaks, but not who does.
    let Some(since) = both_heard_ms(begin).filter(|_| !spoken.is_empty()) else { return measures };
    let mut course = SpeechLine::default();
    course.both_sides(since);
    for one in spoken.iter().filter(|one| one.read) {
        course.add(one.leg, one.start_ms, one.end_ms);
    }
    // Up to the call's end, or up to the first utterance without text.
    let waits_ms = spoken.iter().filter(|one| !one.read).map(|one| one.start_ms).min().unwrap_or(i64::MAX);
    let end_ms = spoken.iter().map(|one| one.end_ms).max().unwrap_or(0).max(length_ms).min(waits_ms);
    let (mut longest_ms, mut broke_in) = (0, HashMap::<Leg, u32>::new());
    for passage in course.pass(end_ms) {
        match passage {
            Passage::Silence { start_ms, end_ms } => longest_ms = longest_ms.max(end_ms - start_ms),
            Passage::Overlap { by, start_ms, end_ms } if end_ms - start_ms >= INTERRUPTION_MS => {
                *broke_in.entry(by).or_default() += 1;
            }
            Passage::Overlap { .. } => {}
        }
    }
    measures.dead_air_s = Some(seconds(course.dead_air_ms(end_ms).max(0)));
    measures.longest_silence_s = Some(seconds(longest_ms));
    if agent.is_some() && caller.is_some() {
        let (agent, all) = (talk_s(Leg::Agent), talk_s(Leg::Agent) + talk_s(Leg::Caller));
        measures.agent_share = (all >= PACE_S).then(|| agent / all);
        measures.agent_interruptions = Some(broke_in.get(&Leg::Agent).copied().unwrap_or(0));
        measures.caller_interruptions = Some(broke_in.get(&Leg::Caller).copied().unwrap_or(0));
        measures.overlap_s = Some(seconds(course.overlap_ms()));
    }
    measures
}

/// Silences up to this long are ordinary pauses, seconds.
pub const ORDINARY_PAUSE_S: f64 = PAUSE_MS as f64 / 1000.0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{LegKey, WallTime};

    fn said(leg: Leg, start_ms: i64, end_ms: i64, text: &str) -> (ReviewLine, Spoken) {
        let line = ReviewLine {
            segment: 1,
            leg,
            start_ms,
            end_ms,
            text: text.into(),
            compound: Some(0.0),
            labels: Vec::new(),
            heard: true,
        };
        (line, Spoken { leg, start_ms: start_ms - 200, end_ms: end_ms + 250, read: true })
    }

    fn leg(leg: Leg) -> LegRow {
        LegRow {
            key: LegKey(1),
            leg,
            source: crate::call::Source::Recording,
            rate_hz: 8000,
            started: WallTime(0),
            offset_ms: 0,
            path: "/x.wav".into(),
            channel: 0,
            owned: true,
            peer: None,
            samples: 0,
            closed: None,
            close_reason: None,
            why: None,
            heard: vec![(0, None)],
        }
    }

    #[test]
    fn shares_pace_silence_and_interruptions_are_those_of_the_call() {
        let ten = "one two three four five six seven eight nine ten";
        let (lines, spoken): (Vec<_>, Vec<_>) = [
            said(Leg::Agent, 1000, 6000, ten),
            said(Leg::Caller, 4000, 9000, ten),
            said(Leg::Agent, 29_000, 34_000, ten),
        ]
        .into_iter()
        .unzip();
        let measures = measure(&lines, &spoken, &[leg(Leg::Agent), leg(Leg::Caller)], 0);
        assert_eq!((measures.agent_speech_s, measures.caller_speech_s), (Some(10.0), Some(5.0)));
        assert!((measures.agent_share.expect("told") - 2.0 / 3.0).abs() < 1e-9);
        assert_eq!(measures.agent_words_per_minute, Some(120.0));
        assert_eq!((measures.agent_interruptions, measures.caller_interruptions), (Some(0), Some(1)));
        assert_eq!(measures.overlap_s, Some(2.0));
        assert_eq!((measures.longest_silence_s, measures.dead_air_s), (Some(19.55), Some(15.55)));
    }

    #[test]
    fn music_on_hold_is_silence_for_alert_risk_and_score_card_alike() {
        use crate::alerts::{CallWatch, RuleBook};
        use crate::text::rolling::CallRolling;
        use crate::text::{LexiconKind, Pack, TextAnalyser};
        let pack = "name = \"p\"\nversion = \"1\"\nlanguage = \"en\"\n[[rule]]\nname = \"dead_air\"\nlevel = \"warning\"\nsilence_s = 15\n";
        let analyser = TextAnalyser::new(LexiconKind::CallCentre, &[Pack::parse("p.toml", pack).expect("a good pack")]);
        let (book, rolling) = (RuleBook::new(analyser.rules()), CallRolling::default());
        let mut watch = CallWatch::default();
        watch.leg(Leg::Agent, 0);
        watch.leg(Leg::Caller, 0);
        let (line, voice) = said(Leg::Agent, 1000, 3000, "one moment please");
        watch.utterance(1, voice.leg, voice.start_ms, voice.end_ms);
        watch.written(1);
        // Music, which the detector of voices takes for one, in two stretches: no words are found in them.
        let mut told = Vec::new();
        for (key, start_ms, end_ms) in [(2, 4000, 14_000), (3, 14_100, 24_000)] {
            watch.utterance(key, Leg::Caller, start_ms, end_ms);
            assert!(watch.passed(&book, end_ms, &rolling).is_none(), "not before it was read");
            watch.nothing_said(key);
            told.extend(watch.passed(&book, end_ms, &rolling));
        }
        let names: Vec<&str> = told.iter().flat_map(|alert| alert.rule_names()).collect();
        assert_eq!(names, ["dead_air"], "while the music plays");
        let measures = measure(&[line], &[voice], &[leg(Leg::Agent), leg(Leg::Caller)], 24_000);
        let risk = watch.risk(&rolling);
        let silence = risk.parts.iter().find(|part| part.part == "silence").expect("a part of it");
        assert_eq!((measures.longest_silence_s, measures.dead_air_s), (Some(20.75), Some(16.75)));
        assert_eq!(silence.says, "17 s of dead air (60 s are full)");
        println!(
            "mended | 5 | music on hold was speech: no dead_air alert, a silence risk of 0, and 22 s on the score card | one silence for all: dead_air fires in \
             the music, risk and score card both say {:.2} s of dead air",
            measures.dead_air_s.unwrap_or_default()
        );
    }

    #[test]
    fn what_waits_for_its_text_is_neither_silence_nor_speech() {
        let (line, voice) = said(Leg::Agent, 1000, 3000, "one moment please");
        let waits = Spoken { leg: Leg::Caller, start_ms: 5000, end_ms: 25_000, read: false };
        let measures = measure(&[line], &[voice, waits], &[leg(Leg::Agent), leg(Leg::Caller)], 30_000);
        assert_eq!((measures.longest_silence_s, measures.dead_air_s), (Some(1.75), Some(0.0)));
    }

    #[test]
    fn a_leg_with_both_voices_tells_of_silence_and_of_nobody() {
        let (lines, spoken): (Vec<_>, Vec<_>) =
            [said(Leg::Mixed, 1000, 3000, "a"), said(Leg::Mixed, 13_000, 14_000, "b")].into_iter().unzip();
        let measures = measure(&lines, &spoken, &[leg(Leg::Mixed)], 0);
        assert_eq!((measures.agent_share, measures.agent_interruptions), (None, None));
        assert_eq!(measures.longest_silence_s, Some(9.55));
    }

    #[test]
    fn text_without_sound_has_no_pace_no_silence_and_no_interruptions_and_says_why() {
        let ten = "one two three four five six seven eight nine ten";
        let (mut lines, _): (Vec<_>, Vec<_>) =
            [said(Leg::Agent, 1000, 1000, ten), said(Leg::Caller, 60_000, 60_000, ten)].into_iter().unzip();
        for line in &mut lines {
            line.heard = false;
        }
        let legs = [Leg::Agent, Leg::Caller].map(|side| LegRow { path: String::new(), ..leg(side) });
        let measures = measure(&lines, &[], &legs, 0);
        assert_eq!(measures, CallMeasures { absent: Some(UNHEARD), ..CallMeasures::default() });
    }
}
