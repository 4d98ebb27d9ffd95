//! Corrections by people: a segment's text or its speaker. The packs analyse the new text like any other, and both texts are kept.
//!
//! Promises: redaction applies to the new text too, and a correction that would complete a secret number together with the lines around it is
//! refused; words that stay keep their times. Only calls that are over can be corrected, because the next line of a running call may still change
//! this one.

use std::sync::{Arc, RwLock};

use crate::call::{CallState, CallTime, Leg, WallTime, Word};
use crate::contract::message::{CallRewritten, Message, RewrittenKind};
use crate::pipeline::live::words::terms;
use crate::store::calls::CallRow;
use crate::store::change::{Change, NewEvent};
use crate::store::corrections::NewCorrection;
use crate::store::segments::SegmentRow;
use crate::store::{Store, StoreError};
use crate::text::TextAnalyser;
use crate::text::redaction::{CallRedaction, PieceId, RedactionPiece};

/// A number may stretch over this much of a call, milliseconds.
const AROUND_MS: i64 = 120_000;

/// Reason why nothing was corrected.
#[derive(Debug, thiserror::Error)]
pub enum CorrectError {
    /// It is running, or being written down.
    #[error("the call is not over yet; correct it when it is")]
    NotOver,
    /// The call has no such segment.
    #[error("the call has no segment {0}")]
    NoSegment(i64),
    /// The correction changes nothing.
    #[error("neither text nor speaker is another one than before")]
    Same,
    /// The new text shows a number in other lines.
    #[error("with this text the lines around it tell a number that nobody may keep; nothing was changed")]
    Number,
    /// Somebody else was faster, or it is on hold.
    #[error("the call is on hold, or somebody has changed the line meanwhile; load the call again")]
    Changed,
    /// The database said no.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A correction that somebody asks for; `None` leaves a field as it is.
#[derive(Clone, Debug, Default)]
pub struct CorrectionWish {
    /// Row number of the segment.
    pub segment: i64,
    /// The text.
    pub text: Option<String>,
    /// The side that really speaks: agent or caller.
    pub speaker: Option<Leg>,
    /// Name of the person who asks.
    pub by: String,
}

/// Corrects calls that are over.
#[derive(Clone)]
pub struct Corrector {
    store: Store,
    analyser: Arc<RwLock<Arc<TextAnalyser>>>,
    redact: bool,
    now: fn() -> WallTime,
}

impl Corrector {
    /// A corrector that uses the present packs; `redact` is the setting `[privacy] redact`.
    pub fn new(store: Store, analyser: Arc<RwLock<Arc<TextAnalyser>>>, redact: bool, now: fn() -> WallTime) -> Self {
        Self { store, analyser, redact, now }
    }

    /// Corrects one segment and tells the feeds.
    pub async fn correct(&self, call: &CallRow, wish: CorrectionWish) -> Result<(), CorrectError> {
        if !matches!(call.state, CallState::Completed | CallState::Failed) {
            return Err(CorrectError::NotOver);
        }
        let rows = self.store.segments(call.key).await?;
        let Some(row) = rows.iter().find(|row| row.id == wish.segment) else {
            return Err(CorrectError::NoSegment(wish.segment));
        };
        let analyser = Arc::clone(&self.analyser.read().unwrap_or_else(std::sync::PoisonError::into_inner));
        let speaker = wish.speaker.unwrap_or(row.speaker);
        let typed = wish.text.as_deref().unwrap_or(&row.text).split_whitespace().collect::<Vec<_>>().join(" ");
        if typed == row.text && speaker == row.speaker {
            return Err(CorrectError::Same);
        }
        let text = if self.redact { redacted(&analyser, &rows, row, typed)? } else { typed };
        let words = retimed(&words_of(row), &text, row.start_ms, row.end_ms);
        let own = analyser.of_campaign(call.campaign.as_deref());
        let analysis = own.analyse_in(row.language.as_deref(), &text, speaker);
        let scores = analysis.scores;
        let now = (self.now)();
        let corrected = NewCorrection {
            call: call.key,
            segment: row.id,
            before: row.text.clone(),
            text,
            words,
            speaker,
            scores: [scores.compound, scores.pos, scores.neu, scores.neg],
            label: analysis.label.as_str().into(),
            keywords: terms(&analysis.keywords),
            profanity: terms(&analysis.profanity),
            by: wish.by,
            at: now,
        };
        if !self.store.correct(corrected).await? {
            return Err(CorrectError::Changed);
        }
        let message = Message::CallRewritten(CallRewritten {
            kind: RewrittenKind::It,
            event: RewrittenKind::It,
            call_id: call.call_id.clone(),
            timestamp: now.rfc3339(),
            segments: rows.len() as i64,
        });
        let told = NewEvent { call: Some(call.key), at: now, message };
        Ok(self.store.writer().commit(vec![Change::Event(told)]).await?)
    }
}

fn words_of(row: &SegmentRow) -> Vec<Word> {
    serde_json::from_value(row.words.clone()).unwrap_or_default()
}

/// The words of another text over the times of the old one: those at both ends that stay keep theirs, the others share what is between.
fn retimed(before: &[Word], text: &str, start_ms: i64, end_ms: i64) -> Vec<Word> {
    if before.is_empty() {
        return Vec::new();
    }
    let after: Vec<&str> = text.split_whitespace().collect();
    let same = |old: &Word, new: &&str| old.text == **new;
    let head = before.iter().zip(&after).take_while(|(old, new)| same(old, new)).count();
    let most = before.len().min(after.len()) - head;
    let tail = before.iter().rev().zip(after.iter().rev()).take(most).take_while(|(old, new)| same(old, new)).count();
    let (old_end, new_end) = (before.len() - tail, after.len() - tail);
    let from_ms = before.get(head).filter(|_| head < old_end).map(|word| word.start_ms);
    let from_ms = from_ms.or_else(|| before[..head].last().map(|word| word.end_ms)).unwrap_or(start_ms);
    let to_ms = before[..old_end].get(head..).and_then(<[Word]>::last).map(|word| word.end_ms);
    let to_ms = to_ms.or_else(|| before.get(old_end).map(|word| word.start_ms)).unwrap_or(end_ms).max(from_ms);
    let count = (new_end - head).max(1) as i64;
    let place = |number: usize| from_ms + (to_ms - from_ms) * number as i64 / count;
    let fresh = after[head..new_end].iter().enumerate().map(|(number, word)| Word {
        text: (*word).to_owned(),
        start_ms: place(number),
        end_ms: place(number + 1),
        confidence: 1.0,
    });
    before[..head].iter().cloned().chain(fresh).chain(before[old_end..].iter().cloned()).collect()
}

/// Redacts the new text of a line together with the lines around it. Its words are not given: they are made of the text that is left.
fn redacted(
    analyser: &TextAnalyser,
    rows: &[SegmentRow],
    row: &SegmentRow,
    text: String,
) -> Result<String, CorrectError> {
    let piece = |row: &SegmentRow, text: String| RedactionPiece {
        id: PieceId { leg: row.leg as i64, utterance: row.id, number: 0 },
        speaker: row.leg,
        start: CallTime(row.start_ms),
        end: CallTime(row.end_ms),
        text,
        words: Vec::new(),
    };
    let around = |other: &&SegmentRow| (other.start_ms - row.start_ms).abs() <= AROUND_MS;
    let place = |other: &SegmentRow| (other.start_ms, other.id);
    let mut memory = CallRedaction::default();
    for other in rows.iter().filter(around).filter(|other| place(other) < place(row)) {
        analyser.redactor().recall(&mut memory, piece(other, other.text.clone()));
    }
    let outcome = analyser.redactor().push(&mut memory, piece(row, text));
    if !outcome.corrected.is_empty() {
        return Err(CorrectError::Number);
    }
    let mut own = outcome.piece.text;
    for other in rows.iter().filter(around).filter(|other| place(other) > place(row)) {
        let outcome = analyser.redactor().push(&mut memory, piece(other, other.text.clone()));
        if outcome.piece.text != other.text {
            return Err(CorrectError::Number);
        }
        for (_, corrected) in outcome.corrected {
            if corrected.id.utterance != row.id {
                return Err(CorrectError::Number);
            }
            own = corrected.text;
        }
    }
    Ok(own)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{LexiconKind, Pack};

    fn word(text: &str, start_ms: i64, end_ms: i64) -> Word {
        Word { text: text.into(), start_ms, end_ms, confidence: 0.5 }
    }

    fn told(words: &[Word]) -> Vec<(&str, i64, i64)> {
        words.iter().map(|word| (word.text.as_str(), word.start_ms, word.end_ms)).collect()
    }

    fn row(id: i64, text: &str) -> SegmentRow {
        SegmentRow {
            id,
            start_ms: id * 3000,
            end_ms: id * 3000 + 2500,
            text: text.into(),
            confidence: 0.9,
            language: None,
            words: serde_json::Value::Array(Vec::new()),
            compound: Some(0.0),
            pos: 0.0,
            neu: 1.0,
            neg: 0.0,
            label: "neutral".into(),
            keywords: serde_json::Value::Array(Vec::new()),
            profanity: serde_json::Value::Array(Vec::new()),
            leg: Leg::Caller,
            speaker: Leg::Caller,
            engine: None,
            sender_sentiment: None,
        }
    }

    #[test]
    fn words_that_stay_keep_their_times_and_new_ones_share_the_place_of_the_old() {
        let before = [word("I", 0, 100), word("want", 100, 300), word("a", 300, 400), word("root", 400, 800)];
        let last = retimed(&before, "I want a router", 0, 900);
        assert_eq!(told(&last), [("I", 0, 100), ("want", 100, 300), ("a", 300, 400), ("router", 400, 800)]);
        let middle = retimed(&before, "I do need a root", 0, 900);
        assert_eq!(
            told(&middle),
            [("I", 0, 100), ("do", 100, 200), ("need", 200, 300), ("a", 300, 400), ("root", 400, 800)]
        );
        assert_eq!(
            told(&retimed(&before, "I want root", 0, 900)),
            [("I", 0, 100), ("want", 100, 300), ("root", 400, 800)]
        );
        let inserted = retimed(&before, "I want a blue root", 0, 900);
        assert_eq!(told(&inserted)[3], ("blue", 400, 400), "between two words that stay is no time");
        assert_eq!(told(&retimed(&before, "No", 0, 900)), [("No", 0, 800)]);
        assert_eq!(retimed(&[], "No", 0, 900), []);
    }

    #[test]
    fn a_number_that_nobody_may_keep_is_not_put_in_by_hand() {
        let analyser = TextAnalyser::new(LexiconKind::CallCentre, &Pack::bundled().expect("bundled packs"));
        let correct = |rows: &[SegmentRow], text: &str| redacted(&analyser, rows, &rows[1], text.into());
        let rows = [row(1, "hello there"), row(2, "yes"), row(3, "thank you")];
        let text = correct(&rows, "my card is 4111 1111 1111 1111 okay").expect("corrected");
        assert!(text.contains("[card]") && !text.contains("4111"), "{text}");
        assert_eq!(correct(&rows, "yes please").expect("corrected"), "yes please");
        let rows = [row(1, "my card number is four one one one one one one one"), row(2, "yes"), row(3, "thank you")];
        let other = correct(&rows, "one one one one one one one one");
        assert!(matches!(other, Err(CorrectError::Number)), "{other:?}");
    }
}
