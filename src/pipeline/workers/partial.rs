//! Partial text: what somebody is saying right now, shown to viewers and never stored. The utterance's own text replaces it.
//!
//! An utterance is transcribed anew while it grows: first when its first word may be certain, again soon after until there is a word, then twice a
//! second. CTranslate2 tells where in the audio it found each word. With it, only words that end well before the audio does are shown, and the next
//! decoding continues behind them, so a word that was shown stays (AlignAtt: Papi, Turchi, Negri 2023, "AlignAtt: Using Attention-based
//! Audio-Translation Alignments as a Guide for Simultaneous Speech Translation"). With whisper.cpp, words on which two consecutive decodings agree
//! are stable, and the rest may change (LocalAgreement-2: Macháček, Dabre, Bojar 2023, "Turning Whisper into Real-Time Transcription System", section
//! 3). Partial text is a luxury: it gets a share of the CPU, only while nothing else waits, and it is the first thing that the governor leaves out.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::call::LegKey;
use crate::contract::message::{Message, Partial, PartialKind};
use crate::speech::engine::TextToken;
use crate::speech::recogniser::Glance;
use crate::speech::utterance::Found;
use crate::speech::vocabulary::Vocabulary;
use crate::spool::SpooledLeg;

/// Partial decodings may take this share of the time at most.
const SHARE: f64 = 0.25;
/// Seconds of credit that each second of decoding for stored text costs. Where the workers are busy half of the time, no partial text delays stored
/// text.
const TAKEN_OFF: f64 = 0.5;
/// Bounds of the credit in either direction, seconds.
const MOST_S: f64 = 1.0;
/// Credit, seconds, that is reserved for utterances that show nothing yet: first words have priority over further ones.
const LEFT_S: f64 = 0.4;
/// An utterance is first transcribed when it is this long, milliseconds. A quarter of a second of that precedes the first voice, and a word is not
/// certain while it is being said: an earlier decoding shows nothing.
const FIRST_MS: u64 = 750;
/// While nothing is shown, it is transcribed again after this many further milliseconds.
const AGAIN_MS: u64 = 200;
/// After this many milliseconds without words the slower pace applies, because there may be none.
const EARLY_MS: u64 = 2500;
/// The slower pace, milliseconds: a word or two.
const NEXT_MS: u64 = 500;

/// A stretch of speech that is not over and is to be transcribed.
#[derive(Clone, Debug)]
pub struct Growing {
    /// Its leg's samples.
    pub leg: Arc<SpooledLeg>,
    /// Its first sample on the leg.
    pub start: u64,
    /// One past its last sample so far.
    pub end: u64,
    /// Certain tokens of its text.
    pub begin: Vec<TextToken>,
    /// Names that are likely to be said.
    pub vocabulary: Option<Arc<Vocabulary>>,
    /// The campaign of its call.
    pub campaign: Option<Arc<str>>,
}

/// The result of one partial decoding.
#[derive(Debug)]
pub struct Reading {
    /// The stretch that was transcribed.
    pub growing: Growing,
    /// Its text by now; without words when there are none, or it failed.
    pub glance: Glance,
}

/// State of the utterance that goes on on a leg.
#[derive(Debug, Default)]
struct Spoken {
    start: u64,
    /// Whether a decoding is under way.
    asked: bool,
    /// The sample up to which it was transcribed; its first sample before the first decoding.
    read: u64,
    last: Vec<String>,
    stable: usize,
    /// Certain tokens of its text, where the engine gives them.
    certain: Vec<TextToken>,
}

/// The utterances that are being said, and what may be spent on them.
#[derive(Debug)]
pub(in crate::pipeline) struct Partials {
    spoken: HashMap<LegKey, Spoken>,
    credit_s: f64,
    counted: Instant,
}

impl Partials {
    pub(in crate::pipeline) fn new(now: Instant) -> Self {
        Self { spoken: HashMap::new(), credit_s: MOST_S, counted: now }
    }

    /// Decides whether to transcribe a growing stretch now; if so, returns the certain tokens of its text.
    pub(in crate::pipeline) fn ask(
        &mut self,
        leg: LegKey,
        Found { start, end }: Found,
        rate_hz: u32,
        now: Instant,
    ) -> Option<Vec<TextToken>> {
        self.credit_s = (self.credit_s + now.duration_since(self.counted).as_secs_f64() * SHARE).min(MOST_S);
        self.counted = now;
        let spoken = self.spoken.entry(leg).or_default();
        if spoken.start != start {
            *spoken = Spoken { start, read: start, ..Spoken::default() };
        }
        let since_ms = |sample: u64| end.saturating_sub(sample) * 1000 / u64::from(rate_hz.max(1));
        let (wait_ms, left_s) = if spoken.shows() {
            (NEXT_MS, LEFT_S)
        } else if spoken.read == start {
            (FIRST_MS, 0.0)
        } else if since_ms(start) < EARLY_MS {
            (AGAIN_MS, 0.0)
        } else {
            (NEXT_MS, LEFT_S)
        };
        let ask = !spoken.asked && since_ms(spoken.read) >= wait_ms && self.credit_s > left_s;
        if !ask {
            return None;
        }
        (spoken.asked, spoken.read) = (true, end);
        Some(spoken.certain.clone())
    }

    /// The share of each worker's time that went into text that stays.
    pub(in crate::pipeline) fn busy(&mut self, took: Duration) {
        self.credit_s = (self.credit_s - took.as_secs_f64() * TAKEN_OFF).max(-MOST_S);
    }

    /// Takes a decoding. Returns the stable words and those that may change; `None` when there is nothing to show.
    pub(in crate::pipeline) fn take(&mut self, reading: &Reading) -> Option<(String, String)> {
        self.credit_s -= reading.glance.took.as_secs_f64();
        // A missing entry means that the utterance is over, and that its own text is on its way.
        let spoken = self.spoken.get_mut(&reading.growing.leg.key)?;
        if spoken.start != reading.growing.start {
            return None;
        }
        spoken.asked = false;
        let Some(certain) = &reading.glance.certain else { return spoken.agree(&reading.glance.words) };
        if certain.len() <= spoken.certain.len() {
            return None;
        }
        spoken.certain.clone_from(certain);
        Some((TextToken::text(certain), String::new()))
    }

    /// The utterance of a leg is over.
    pub(in crate::pipeline) fn over(&mut self, leg: LegKey) {
        self.spoken.remove(&leg);
    }
}

impl Spoken {
    /// Whether any of its text was told.
    fn shows(&self) -> bool {
        !self.certain.is_empty() || !self.last.is_empty()
    }

    fn agree(&mut self, words: &[String]) -> Option<(String, String)> {
        if words.is_empty() {
            return None;
        }
        let same = self.last.iter().zip(words).take_while(|(before, now)| plain(before) == plain(now)).count();
        // Words that were shown as stable stay so, even when a later decoding differs.
        if same > self.stable {
            self.stable = same;
        }
        let stable = self.stable.min(self.last.len());
        let shown = self.last[..stable].join(" ");
        let rest = words.get(stable..).unwrap_or_default().join(" ");
        self.last = self.last[..stable].iter().chain(words.get(stable..).unwrap_or_default()).cloned().collect();
        Some((shown, rest))
    }
}

fn plain(word: &str) -> String {
    word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The message of the feeds. Times in seconds of the call.
pub(in crate::pipeline) fn message(call_id: &str, leg: &SpooledLeg, start_s: f64, stable: &str, rest: &str) -> Message {
    Message::Partial(Partial {
        kind: PartialKind::It,
        event: PartialKind::It,
        call_id: call_id.to_owned(),
        leg: leg.spec.leg,
        speaker: leg.spec.leg.into(),
        start_time: start_s,
        stable: stable.to_owned(),
        text: format!("{stable} {rest}").trim().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(String::from).collect()
    }

    #[test]
    fn words_on_which_two_decodings_agree_are_stable_and_stay_so() {
        let mut spoken = Spoken::default();
        let mut show = |text: &str| spoken.agree(&words(text)).unwrap_or_default();
        assert_eq!(show("I want two"), (String::new(), "I want two".into()));
        assert_eq!(show("I want to cancel my"), ("I want".into(), "to cancel my".into()));
        assert_eq!(show("I want to cancel my contract."), ("I want to cancel my".into(), "contract.".into()));
        assert_eq!(show("We want"), ("I want to cancel my".into(), String::new()));
        assert_eq!(show("I want to cancel my contract today"), ("I want to cancel my".into(), "contract today".into()));
        assert_eq!(spoken.agree(&[]), None);
    }

    const RATE: u32 = 8000;

    /// A stretch of this many milliseconds from the leg's beginning.
    fn said(ms: u64) -> Found {
        Found { start: 0, end: ms * u64::from(RATE) / 1000 }
    }

    /// A decoding of it with this many certain words.
    fn shown(partials: &mut Partials, leg: LegKey, words: usize) {
        let spoken = partials.spoken.get_mut(&leg).expect("it was asked for");
        spoken.asked = false;
        spoken.certain = vec![TextToken::default(); words];
    }

    #[test]
    fn no_more_than_its_share_is_spent_and_one_decoding_of_a_leg_at_a_time() {
        let began = Instant::now();
        let after = |seconds| began + Duration::from_secs(seconds);
        let mut partials = Partials::new(began);
        let ask = |partials: &mut Partials, leg, seconds| {
            partials.ask(LegKey(leg), said(FIRST_MS), RATE, after(seconds)).is_some()
        };
        assert!(ask(&mut partials, 1, 0));
        assert!(!ask(&mut partials, 1, 0), "one is on its way");
        partials.credit_s -= 2.0;
        assert!(!ask(&mut partials, 2, 3), "spent");
        assert!(ask(&mut partials, 2, 5), "a quarter of the time has come back");
        // Four seconds in which the workers were busy for half of the time.
        partials.credit_s = 0.0;
        partials.busy(Duration::from_secs(2));
        assert!(!ask(&mut partials, 3, 9), "others wait");
        assert!(ask(&mut partials, 3, 10), "nobody waits");
    }

    #[test]
    fn a_turns_beginning_is_transcribed_when_a_word_may_be_certain_soon_again_until_one_is_and_then_less_often() {
        let began = Instant::now();
        let mut partials = Partials::new(began);
        let leg = LegKey(1);
        let mut read_at = Vec::new();
        for ms in (100..=3000).step_by(50) {
            if partials.ask(leg, said(ms), RATE, began).is_some() {
                read_at.push(ms);
                shown(&mut partials, leg, usize::from(read_at.len() >= 3));
            }
        }
        let first = FIRST_MS + 2 * AGAIN_MS;
        let then = (1..=3).map(|number| first + number * NEXT_MS);
        let expected: Vec<u64> = [FIRST_MS, FIRST_MS + AGAIN_MS, first].into_iter().chain(then).collect();
        assert_eq!(read_at, expected.into_iter().filter(|ms| *ms <= 3000).collect::<Vec<_>>());
    }

    #[test]
    fn first_words_go_before_further_ones_and_what_has_no_words_does_not_for_long() {
        let began = Instant::now();
        let mut partials = Partials::new(began);
        for (leg, words) in [(LegKey(1), 1), (LegKey(2), 0)] {
            assert!(partials.ask(leg, said(FIRST_MS), RATE, began).is_some());
            shown(&mut partials, leg, words);
        }
        partials.credit_s = LEFT_S / 2.0;
        assert!(partials.ask(LegKey(1), said(2000), RATE, began).is_none(), "it has shown a word");
        assert!(partials.ask(LegKey(2), said(EARLY_MS), RATE, began).is_none(), "it has had its time");
        assert!(partials.ask(LegKey(2), said(2000), RATE, began).is_some());
    }
}
