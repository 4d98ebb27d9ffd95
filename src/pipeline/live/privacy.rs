//! Redaction of text and audio, and pauses of a recording: the part of the conductor that keeps secrets out of every output.
//!
//! Memory alone; `silencing.rs` changes the files. What was redacted is remembered only here, and only while its call runs. After a restart
//! [`Privacy::recall`] restores from the rows which parts of a number were shown before the number was recognised.

use std::collections::HashMap;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Instant;

use super::gaps::{Gaps, PauseScope};
use super::keys::{PauseKeys, Pressed};
use crate::call::{CallKey, CallTime, Leg, LegKey, Moment, UtteranceKey, WallTime};
use crate::pipeline::command::Pausing;
use crate::speech::engine::Piece as Heard;
use crate::spool::SpooledLeg;
use crate::store::change::Change;
use crate::store::privacy::{PrivacyChange, StoredText};
use crate::text::TextAnalyser;
use crate::text::redaction::{CallRedaction, PieceId, Redacted, RedactionPiece};

/// The database holds this instead of a pressed key.
const MASKED: char = 'x';

/// The settings of `[privacy]`.
#[derive(Clone, Debug)]
pub struct PrivacySettings {
    /// Take numbers out.
    pub redact: bool,
    /// Keys that pause and resume.
    pub keys: PauseKeys,
    /// Folder of converted recordings: what is in it may hold what has just been silenced.
    pub cache: PathBuf,
}

/// Milliseconds around a stretch that is silenced on another source too: the clocks of sources may differ by this much.
pub(in crate::pipeline) const AROUND_MS: i64 = super::sources::LEAST_MS;

/// The result of cleaning an utterance's texts.
#[derive(Debug, Default)]
pub(in crate::pipeline) struct Cleaned {
    /// Earlier texts that have to be corrected, with the text that was shown.
    pub corrected: Vec<(String, Redacted)>,
    /// Stretches of sound to be silenced, in the call's time.
    pub silent: Vec<(LegKey, Range<i64>)>,
}

/// The conductor's memory for all of it.
#[derive(Debug)]
pub(in crate::pipeline) struct Privacy {
    settings: PrivacySettings,
    calls: HashMap<CallKey, CallRedaction>,
    /// Legs that are heard of later were paused too.
    gaps: Gaps,
    keys: HashMap<LegKey, Pressed>,
}

impl Privacy {
    pub fn new(settings: PrivacySettings) -> Self {
        Self { settings, calls: HashMap::new(), gaps: Gaps::default(), keys: HashMap::new() }
    }

    /// Redacts an utterance's pieces, turns their times into the call's by `start_ms`, and notes what follows from it. The whole utterance is taken
    /// at once, before any of it is shown, so that its end may redact its beginning without a correction. If none of its text was believed, its audio
    /// may still have to be silenced: `heard` is the stretch of the utterance, `unbelieved` the text that the model wrote.
    pub fn clean(
        &mut self,
        analyser: &TextAnalyser,
        (call, leg, speaker, utterance): (CallKey, LegKey, Leg, UtteranceKey),
        heard: Range<i64>,
        (pieces, unbelieved): (Vec<Heard>, Option<&str>),
        cleaned: &mut Cleaned,
    ) -> Vec<Heard> {
        let mut pieces: Vec<Heard> = pieces.into_iter().map(|piece| piece.shifted(heard.start)).collect();
        if !self.settings.redact {
            return pieces;
        }
        let memory = self.calls.entry(call).or_default();
        let id = |number| PieceId { leg: leg.0, utterance: utterance.0, number };
        let unheard = pieces.is_empty().then(|| RedactionPiece {
            id: id(PieceId::UNHEARD),
            speaker,
            start: CallTime(heard.start),
            end: CallTime(heard.end),
            text: unbelieved.unwrap_or_default().into(),
            words: Vec::new(),
        });
        let take = |(number, piece): (usize, &mut Heard)| RedactionPiece {
            id: id(number),
            speaker,
            start: CallTime(piece.start_ms),
            end: CallTime(piece.end_ms),
            text: std::mem::take(&mut piece.text),
            words: std::mem::take(&mut piece.words),
        };
        let said: Vec<RedactionPiece> = unheard.into_iter().chain(pieces.iter_mut().enumerate().map(take)).collect();
        for said in said {
            let outcome = analyser.redactor().push(memory, said);
            cleaned.silent.extend(outcome.silent.into_iter().map(|(leg, range)| (LegKey(leg), range)));
            let shown = outcome.piece.text.clone();
            for (before, redacted) in std::iter::once((shown, outcome.piece)).chain(outcome.corrected) {
                for label in &redacted.labels {
                    metrics::counter!("lineside_redacted_total", "kind" => label.clone()).increment(1);
                }
                let PieceId { leg, utterance: of, number } = redacted.id;
                cleaned.silent.extend(redacted.silent.iter().map(|range| (LegKey(leg), range.clone())));
                match pieces.get_mut(number).filter(|_| of == utterance.0) {
                    Some(own) => (own.text, own.words) = (redacted.text, redacted.words),
                    None if number == PieceId::UNHEARD => {}
                    None => cleaned.corrected.push((before, redacted)),
                }
            }
        }
        pieces
    }

    /// Takes the stored texts of a call that continues after a restart, because they may hold the first half of a number.
    pub fn recall(&mut self, analyser: &TextAnalyser, call: CallKey, texts: Vec<StoredText>) {
        if !self.settings.redact {
            return;
        }
        let memory = self.calls.entry(call).or_default();
        for StoredText { leg, speaker, utterance, number, start_ms, end_ms, text, words } in texts {
            let id = PieceId { leg: leg.0, utterance: utterance.0, number };
            let (start, end) = (CallTime(start_ms), CallTime(end_ms));
            analyser.redactor().recall(memory, RedactionPiece { id, speaker, start, end, text, words });
        }
    }

    /// A text that was not believed: nobody knows what its numbers were.
    pub fn clean_text(&self, analyser: &TextAnalyser, text: &str) -> String {
        if self.settings.redact { analyser.redactor().unbelieved(text) } else { text.into() }
    }

    /// A text that is not complete: its stable beginning and the rest. What a number in it will be nobody knows yet, so none is shown.
    pub fn clean_partial(&self, analyser: &TextAnalyser, stable: String, rest: String) -> (String, String) {
        if !self.settings.redact {
            return (stable, rest);
        }
        let shown = analyser.redactor().cautious(&format!("{stable} {rest}"));
        let same =
            stable.split_whitespace().zip(shown.split_whitespace()).take_while(|(before, now)| before == now).count();
        let words: Vec<&str> = shown.split_whitespace().collect();
        (words[..same].join(" "), words[same..].join(" "))
    }

    /// Takes a key: what is to be stored of it, and what the last keys ask for.
    pub fn key(&mut self, leg: LegKey, at: CallTime, digit: char) -> (char, Option<Pausing>) {
        let asked = self.keys.entry(leg).or_default().press(at.0, digit, &self.settings.keys);
        (if self.settings.redact { MASKED } else { digit }, asked)
    }

    /// Whether nothing of a call is kept.
    pub fn is_paused(&self, call: CallKey) -> bool {
        self.gaps.paused_since(call).is_some()
    }

    /// Begin of the present pause of a leg of this direction; `None` without one.
    pub fn leg_paused_since(&self, call: CallKey, which: Leg) -> Option<Moment> {
        self.gaps.leg_paused_since(call, which)
    }

    /// Pauses or resumes a call, or one direction of it, from `at` on. Returns whether that changes anything.
    pub fn set(&mut self, call: CallKey, scope: PauseScope, pausing: Pausing, at: Moment) -> bool {
        self.gaps.set(call, scope, pausing, at)
    }

    /// A leg's rows say that its call was paused when the former run ended.
    pub fn recovered(&mut self, call: CallKey, from: Moment) {
        self.gaps.recovered(call, from);
    }

    /// Begin of a call's pause that a former run left.
    pub fn recovered_since(&self, call: CallKey) -> Option<Moment> {
        self.gaps.recovered_since(call)
    }

    /// Time at which the last pause of a leg of this direction ended.
    pub fn last_end(&self, call: CallKey, which: Leg) -> Option<Moment> {
        self.gaps.last_end(call, which)
    }

    /// The wall clock was stepped: moments of before are told by the clock of now.
    pub fn stepped(&mut self, step_ms: i64) {
        self.gaps.stepped(step_ms);
    }

    /// A call has become another.
    pub fn merged(&mut self, from: CallKey, into: CallKey) {
        self.gaps.merged(from, into);
        if let Some(memory) = self.calls.remove(&from) {
            self.calls.entry(into).or_default().absorb(memory);
        }
    }

    /// A call began earlier than was known: what is remembered of it moves along.
    pub fn shifted(&mut self, call: CallKey, by_ms: i64) {
        if let Some(memory) = self.calls.get_mut(&call) {
            memory.shift(by_ms);
        }
    }

    /// A call has ended; its pauses are kept for a while.
    pub fn over(&mut self, call: CallKey, legs: impl Iterator<Item = LegKey>, now: Instant) {
        self.gaps.ended(call, now);
        self.forget_texts(call, legs);
    }

    /// Forgets everything about a call.
    pub fn erased(&mut self, call: CallKey, legs: impl Iterator<Item = LegKey>) {
        self.gaps.erased(call);
        self.forget_texts(call, legs);
    }

    fn forget_texts(&mut self, call: CallKey, legs: impl Iterator<Item = LegKey>) {
        self.calls.remove(&call);
        for leg in legs {
            self.keys.remove(&leg);
        }
    }

    /// Forgets pauses of calls that ended long ago and do not run again.
    pub fn forget_old(&mut self, now: Instant, runs: impl Fn(CallKey) -> bool) {
        self.gaps.forget_old(now, runs);
    }

    /// Silences stretches of a leg for every reader from now on, and says what rows that makes.
    pub fn silence(leg: &SpooledLeg, ranges: &[Range<u64>], at: WallTime) -> Vec<Change> {
        ranges
            .iter()
            .map(|range| {
                leg.silences().add(range.start, Some(range.end));
                let (start, end) = (range.start, Some(range.end));
                Change::Privacy(PrivacyChange::Silenced { leg: leg.key, start, end, why: "redaction", at })
            })
            .collect()
    }

    /// A pause of a leg begins with what is said at that moment.
    pub fn pause(leg: &SpooledLeg, from: Moment, now: Moment) -> Change {
        let start = leg.pause_at(from, now.steady);
        Change::Privacy(PrivacyChange::Silenced { leg: leg.key, start, end: None, why: "pause", at: now.wall })
    }

    /// A pause of a leg is over; the stretch that has to be overwritten, and the row. `None` when there was none.
    pub fn resume(leg: &SpooledLeg, to: Moment, now: Instant) -> Option<(Range<u64>, Change)> {
        let range = leg.resume_at(to, now)?;
        let end = range.end;
        Some((range, Change::Privacy(PrivacyChange::SilenceEnds { leg: leg.key, end })))
    }

    /// Pauses of a leg that began later than was known when they were asked for: the rows.
    pub fn settled(leg: &SpooledLeg) -> Vec<Change> {
        // The last one comes first: two pauses with nothing on disk between them begin at the same sample.
        let moved = leg.moved_silences().into_iter().rev();
        let row = |(from, start)| Change::Privacy(PrivacyChange::SilenceBegins { leg: leg.key, from, start });
        moved.map(row).collect()
    }

    /// A leg that joins a call is silent where the call, or its direction, was paused: the rows, and the stretches that have to be overwritten.
    /// Where it is silent already for as long as its own call is paused, `lasts`, a pause of this call that lasts adds nothing.
    pub fn joins(&self, call: CallKey, leg: &SpooledLeg, lasts: bool, now: Moment) -> (Vec<Change>, Vec<Range<u64>>) {
        let (mut rows, mut ranges) = (Vec::new(), Vec::new());
        for (from, to) in self.gaps.over_of(call, leg.spec.leg) {
            if let Some(range) = leg.gap(from, to, now.steady) {
                let (start, end, at) = (range.start, Some(range.end), now.wall);
                rows.push(Change::Privacy(PrivacyChange::Silenced { leg: leg.key, start, end, why: "pause", at }));
                ranges.push(range);
            }
        }
        if let Some(from) = self.leg_paused_since(call, leg.spec.leg).filter(|_| !lasts) {
            rows.push(Self::pause(leg, from, now));
        }
        (rows, ranges)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> PauseKeys {
        PauseKeys { pause: "*71".into(), resume: "*72".into() }
    }

    fn privacy(redact: bool) -> Privacy {
        let settings = PrivacySettings { redact, keys: keys(), cache: "/nowhere".into() };
        Privacy::new(settings)
    }

    #[test]
    fn keys_are_masked_and_each_leg_has_its_own() {
        let mut privacy = privacy(true);
        let mut press = |leg, digit| privacy.key(LegKey(leg), CallTime(0), digit);
        assert_eq!([press(1, '*'), press(1, '7'), press(2, '1')], [(MASKED, None); 3]);
        assert_eq!(press(1, '1'), (MASKED, Some(Pausing::Pause)));
    }

    #[test]
    fn a_partial_text_shows_no_number_that_may_become_a_secret() {
        let analyser = TextAnalyser::new(crate::text::LexiconKind::Vader, &[]);
        let clean = |stable: &str, rest: &str| privacy(true).clean_partial(&analyser, stable.into(), rest.into());
        let own = |stable: &str, rest: &str| (stable.to_string(), rest.to_string());
        assert_eq!(clean("It is four", "five three two"), own("It is", "[number]"));
        assert_eq!(clean("my card 4532-0151", "and so"), own("my card", "[number] and so"));
        assert_eq!(clean("I paid sixty dollars", "in 2019 or so"), own("I paid sixty dollars", "in [number] or so"));
        assert_eq!(clean("one of the two", "is mine"), own("one of the two", "is mine"));
    }

    #[test]
    fn without_redaction_keys_are_kept_as_pressed() {
        assert_eq!(privacy(false).key(LegKey(1), CallTime(0), '5'), ('5', None));
    }
}
