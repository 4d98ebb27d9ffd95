//! What the conductor does so that nobody sees or hears what nobody may keep: redaction of texts and sound, pauses of a recording.
//!
//! Rows first, files after: a crash between the two is made good at the next start ([`finish`]). The digits themselves live in memory only, for as
//! long as their call runs.

use std::collections::{HashMap, HashSet, VecDeque};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::call::{CallKey, CallTime, LegKey, UtteranceKey, WallTime};
use crate::speech::engine::Piece as Heard;
use crate::spool::{self, SpooledLeg};
use crate::store::Store;
use crate::store::change::Change;
use crate::store::privacy::PrivacyChange;
use crate::text::TextAnalyser;
use crate::text::redaction::{CallRedaction, Piece, PieceId, Redacted};

/// Keys of a sequence are pressed within this time.
const KEYS_MS: i64 = 6000;
/// What was said just before a recording goes on is still on its way to the disk.
const ON_THE_WAY_MS: u64 = 400;
/// What stands in the database for a key: not which one.
const MASKED: char = 'x';

/// What the configuration wants.
#[derive(Clone, Debug)]
pub struct PrivacySettings {
    /// Take numbers out.
    pub redact: bool,
    /// Keys that pause.
    pub pause_keys: String,
    /// Keys that resume.
    pub resume_keys: String,
    /// Folder of converted recordings: what is in it may hold what has just been silenced.
    pub cache: PathBuf,
}

/// What keys asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pausing {
    /// Nothing of what follows is kept.
    Pause,
    /// The recording goes on.
    Resume,
}

/// What became of an utterance's texts.
#[derive(Debug, Default)]
pub(super) struct Cleaned {
    /// Earlier texts that have to be corrected, with the text that was shown.
    pub corrected: Vec<(String, Redacted)>,
    /// Stretches of sound to be silenced, in the call's time.
    pub silent: Vec<(LegKey, Range<i64>)>,
}

/// The conductor's memory for all of it.
#[derive(Debug)]
pub(super) struct Privacy {
    settings: PrivacySettings,
    calls: HashMap<CallKey, CallRedaction>,
    paused: HashSet<CallKey>,
    keys: HashMap<LegKey, VecDeque<(CallTime, char)>>,
}

impl Privacy {
    pub fn new(settings: PrivacySettings) -> Self {
        Self { settings, calls: HashMap::new(), paused: HashSet::new(), keys: HashMap::new() }
    }

    /// Takes what nobody may keep out of an utterance's pieces, whose times become the call's by `start_ms`; notes what else follows from it. All
    /// of the utterance before any of it is shown: what its end tells of its begin is not a correction.
    pub fn clean(
        &mut self,
        analyser: &TextAnalyser,
        (call, leg, utterance): (CallKey, LegKey, UtteranceKey),
        start_ms: i64,
        pieces: Vec<Heard>,
        cleaned: &mut Cleaned,
    ) -> Vec<Heard> {
        let mut pieces: Vec<Heard> = pieces.into_iter().map(|piece| piece.shifted(start_ms)).collect();
        if !self.settings.redact {
            return pieces;
        }
        let memory = self.calls.entry(call).or_default();
        for number in 0..pieces.len() {
            let piece = &mut pieces[number];
            let said = Piece {
                id: PieceId { leg: leg.0, utterance: utterance.0, number },
                start: CallTime(piece.start_ms),
                end: CallTime(piece.end_ms),
                text: std::mem::take(&mut piece.text),
                words: std::mem::take(&mut piece.words),
            };
            let outcome = analyser.redactor().push(memory, said);
            let shown = outcome.piece.text.clone();
            for (before, redacted) in std::iter::once((shown, outcome.piece)).chain(outcome.corrected) {
                for label in &redacted.labels {
                    metrics::counter!("lineside_redacted_total", "kind" => label.clone()).increment(1);
                }
                let PieceId { leg, utterance: of, number } = redacted.id;
                cleaned.silent.extend(redacted.silent.iter().map(|range| (LegKey(leg), range.clone())));
                match pieces.get_mut(number).filter(|_| of == utterance.0) {
                    Some(own) => (own.text, own.words) = (redacted.text, redacted.words),
                    None => cleaned.corrected.push((before, redacted)),
                }
            }
        }
        pieces
    }

    /// A text that stands alone.
    pub fn clean_text(&self, analyser: &TextAnalyser, text: &str) -> String {
        if self.settings.redact { analyser.redactor().redact(text) } else { text.into() }
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
        let keys = self.keys.entry(leg).or_default();
        keys.push_back((at, digit));
        while keys.len() > 8 || keys.front().is_some_and(|(first, _)| at.0 - first.0 > KEYS_MS) {
            keys.pop_front();
        }
        let pressed: String = keys.iter().map(|(_, digit)| digit).collect();
        let ends = |wanted: &str| !wanted.is_empty() && pressed.ends_with(wanted);
        let asked = if ends(&self.settings.pause_keys) {
            Some(Pausing::Pause)
        } else {
            ends(&self.settings.resume_keys).then_some(Pausing::Resume)
        };
        if asked.is_some() {
            keys.clear();
        }
        (if self.settings.redact { MASKED } else { digit }, asked)
    }

    pub fn is_paused(&self, call: CallKey) -> bool {
        self.paused.contains(&call)
    }

    /// Notes what a call is now; whether that is new.
    pub fn set(&mut self, call: CallKey, pausing: Pausing) -> bool {
        match pausing {
            Pausing::Pause => self.paused.insert(call),
            Pausing::Resume => self.paused.remove(&call),
        }
    }

    /// A call has become another.
    pub fn merged(&mut self, from: CallKey, into: CallKey) {
        if self.paused.remove(&from) {
            self.paused.insert(into);
        }
        if let Some(memory) = self.calls.remove(&from) {
            self.calls.entry(into).or_insert(memory);
        }
    }

    /// Nothing of a call is remembered any more.
    pub fn over(&mut self, call: CallKey, legs: impl Iterator<Item = LegKey>) {
        self.calls.remove(&call);
        self.paused.remove(&call);
        for leg in legs {
            self.keys.remove(&leg);
        }
    }

    /// Silences stretches of a leg for every reader from now on, and says what rows that makes.
    pub fn silence(&self, leg: &SpooledLeg, ranges: &[Range<u64>], at: WallTime) -> Vec<Change> {
        self.drop_cached(leg.key);
        ranges
            .iter()
            .map(|range| {
                leg.silences().add(range.start, Some(range.end));
                let (start, end) = (range.start, Some(range.end));
                Change::Privacy(PrivacyChange::Silenced { leg: leg.key, start, end, why: "redaction", at })
            })
            .collect()
    }

    /// A pause of a leg begins with the next sample that reaches the disk, or with its first one.
    pub fn pause(&self, leg: &SpooledLeg, at: WallTime) -> Change {
        self.drop_cached(leg.key);
        let start = leg.samples();
        leg.silences().add(start, None);
        Change::Privacy(PrivacyChange::Silenced { leg: leg.key, start, end: None, why: "pause", at })
    }

    /// A pause of a leg is over; the stretch that has to be overwritten, and the row. `None` when there was none.
    pub fn resume(leg: &SpooledLeg, now: WallTime) -> Option<(Range<u64>, Change)> {
        let rate = u64::from(leg.spec.rate_hz);
        let mut end = leg.samples();
        if !leg.is_closed() {
            end += rate * ON_THE_WAY_MS / 1000;
            if !leg.audio().owned() {
                // A recording grows in steps of seconds: its time is the wall clock's.
                end = end.max((now.0 - leg.spec.started.0).max(0) as u64 * rate / 1000);
            }
        }
        let start = leg.silences().end(end)?;
        Some((start..end, Change::Privacy(PrivacyChange::SilenceEnds { leg: leg.key, end })))
    }

    fn drop_cached(&self, leg: LegKey) {
        drop_cached(&self.settings.cache, leg);
    }
}

/// A converted recording holds what has been silenced since; it is made anew when somebody asks.
pub(super) fn drop_cached(cache: &Path, leg: LegKey) {
    for name in [format!("{leg}.wav"), format!("{leg}.part")] {
        let path = cache.join(name);
        if let Err(error) = std::fs::remove_file(&path)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            log::error!(
                "privacy: delete {}: {error}; it holds sound that was silenced: delete it by hand",
                path.display()
            );
        }
    }
}

/// Overwrites stretches of a leg's file, if it is ours, and notes that it is done. Returns at once; the disk takes its time.
pub(super) fn overwrite(store: &Store, leg: &Arc<SpooledLeg>, ranges: Vec<Range<u64>>) {
    if !leg.audio().owned() || ranges.is_empty() {
        return;
    }
    let (store, leg) = (store.clone(), Arc::clone(leg));
    tokio::task::spawn_blocking(move || {
        let mut reached = u64::MAX;
        for range in ranges {
            // What comes after the file's end is silenced as it is written.
            match spool::overwrite(leg.audio().path(), range.start, range.end) {
                Ok(samples) => reached = reached.min(samples.max(range.end)),
                Err(error) => {
                    log::error!(
                        "{error}; players get silence there all the same, the file is tried again at the next start"
                    );
                    return;
                }
            }
        }
        let done = Change::Privacy(PrivacyChange::SilenceDone { leg: leg.key, end: reached });
        let _ = store.writer().push_blocking(vec![done]);
    });
}

/// Makes good what a former run decided and did not finish: files are overwritten, pauses of legs that are over end.
pub async fn finish(store: &Store) {
    let todo = match store.silences_to_do().await {
        Ok(todo) => todo,
        Err(error) => {
            log::error!("{error}");
            return;
        }
    };
    for item in todo {
        let (path, silence) = (item.path, item.silence);
        let (start, end) = (silence.start, silence.end);
        let done = tokio::task::spawn_blocking(move || spool::overwrite(&path, start, end.unwrap_or(u64::MAX))).await;
        let samples = match done {
            Ok(Ok(samples)) => samples,
            Ok(Err(error)) => {
                log::error!("{error}; a number that was taken out of a text can still be heard there");
                continue;
            }
            Err(_) => continue,
        };
        let leg = silence.leg;
        let mut changes = Vec::new();
        if end.is_none() {
            changes.push(Change::Privacy(PrivacyChange::SilenceEnds { leg, end: samples }));
        }
        let reached = samples.max(end.unwrap_or(0)).min(i64::MAX as u64);
        changes.push(Change::Privacy(PrivacyChange::SilenceDone { leg, end: reached }));
        if let Err(error) = store.writer().push(changes).await {
            log::error!("{error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn privacy(redact: bool) -> Privacy {
        let settings =
            PrivacySettings { redact, pause_keys: "*71".into(), resume_keys: "*72".into(), cache: "/nowhere".into() };
        Privacy::new(settings)
    }

    #[test]
    fn keys_are_masked_and_a_sequence_pressed_in_time_asks_for_a_pause() {
        let mut privacy = privacy(true);
        let mut press = |at: i64, digits: &str| {
            digits.chars().map(|digit| privacy.key(LegKey(1), CallTime(at), digit)).collect::<Vec<_>>()
        };
        assert_eq!(press(0, "4*71"), [(MASKED, None), (MASKED, None), (MASKED, None), (MASKED, Some(Pausing::Pause))]);
        assert_eq!(press(1000, "*7").last(), Some(&(MASKED, None)));
        assert_eq!(press(9000, "2").last(), Some(&(MASKED, None)), "too late");
        assert_eq!(press(9000, "*72").last(), Some(&(MASKED, Some(Pausing::Resume))));
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
