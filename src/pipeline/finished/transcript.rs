//! Parses a transcript that a client sends as one text into lines with speakers, and redacts it.
//!
//! A line may begin with its speaker (`Agent:`, `Customer:`, `Caller:`, `User:`). A line without one is the customer's, because a client that sends a
//! single remark writes it so.

use crate::call::{CallTime, Leg};
use crate::text::TextAnalyser;
use crate::text::redaction::{CallRedaction, PieceId, RedactionPiece};
use crate::text::review::ReviewLine;

/// A line has no audio; this length is assumed, milliseconds.
const LINE_MS: i64 = 3000;

/// A line of the transcript, with the words before it as they were sent.
pub(super) struct SentLine {
    /// The speaker's name as it was written; empty where there is none.
    speaker: String,
    /// The line.
    pub line: ReviewLine,
}

/// The lines of a transcript, redacted one after the other, as those of a call are.
pub(super) fn lines(analyser: &TextAnalyser, transcript: &str) -> Vec<SentLine> {
    let mut redaction = CallRedaction::default();
    let mut all: Vec<SentLine> = Vec::new();
    let sent = transcript.lines().filter(|line| !line.trim().is_empty());
    for (number, line) in sent.enumerate() {
        let (speaker, leg, text) = spoken(line);
        let start_ms = number as i64 * LINE_MS;
        let piece = RedactionPiece {
            id: PieceId { leg: leg as i64, utterance: number as i64, number: 0 },
            speaker: leg,
            start: CallTime(start_ms),
            end: CallTime(start_ms + LINE_MS),
            text: text.to_owned(),
            words: Vec::new(),
        };
        let outcome = analyser.redactor().push(&mut redaction, piece);
        for (_, corrected) in outcome.corrected {
            if let Some(earlier) = all.get_mut(corrected.id.utterance as usize) {
                earlier.line.text = corrected.text;
            }
        }
        all.push(SentLine {
            speaker: speaker.to_owned(),
            line: ReviewLine {
                segment: number as i64 + 1,
                leg,
                start_ms,
                end_ms: start_ms + LINE_MS,
                text: outcome.piece.text,
                compound: None,
                labels: Vec::new(),
                heard: false,
            },
        });
    }
    for sent in &mut all {
        let analysis = analyser.analyse(&sent.line.text, sent.line.leg);
        sent.line.compound = analysis.compound();
        sent.line.labels = analysis.keywords.into_iter().map(|hit| hit.label).collect();
    }
    all
}

/// The lines as one text again.
pub(super) fn text(lines: &[SentLine]) -> String {
    lines.iter().map(|sent| format!("{}{}", sent.speaker, sent.line.text)).collect::<Vec<_>>().join("\n")
}

/// Splits a line into the speaker's name, the speaker's side, and the text.
fn spoken(line: &str) -> (&str, Leg, &str) {
    let nobody = ("", Leg::Caller, line.trim());
    let Some((name, _)) = line.split_once(':') else { return nobody };
    let leg = match name.trim().to_lowercase().as_str() {
        "agent" | "advisor" | "collector" | "executive" | "representative" => Leg::Agent,
        "customer" | "caller" | "client" | "user" | "borrower" => Leg::Caller,
        _ => return nobody,
    };
    let text = line[name.len() + 1..].trim_start();
    (&line[..line.len() - text.len()], leg, text.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{LexiconKind, Pack};

    #[test]
    fn lines_have_their_speakers_and_lose_their_card_numbers() {
        let analyser = TextAnalyser::new(LexiconKind::CallCentre, &Pack::bundled().expect("packs"));
        let sent = "Agent: May I have the card number?\n\nCustomer: It is 4111 1111 1111 1111.\nNote: he paused";
        let lines = lines(&analyser, sent);
        let legs: Vec<Leg> = lines.iter().map(|sent| sent.line.leg).collect();
        assert_eq!(legs, [Leg::Agent, Leg::Caller, Leg::Caller]);
        let text = text(&lines);
        assert!(text.starts_with("Agent: May I have the card number?\nCustomer: It is [card]"), "{text}");
        assert!(text.ends_with("\nNote: he paused") && !text.contains("4111"), "{text}");
    }
}
