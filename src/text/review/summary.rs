//! A call in a few of its own lines: why it was made, where the mood turned, what came of it. Extracts only; nothing is written that was not said.
//!
//! ```toml
//! [[cue]]
//! part = "reason"                   # or "outcome"
//! leg = "caller"
//! terms = ["i'm calling about", "i want to"]
//! ```
//!
//! Method. Texts are cut into sentences. Each gets 2 for every cue of the part, 1 for every label of a keyword in its segment, and a fifth for
//! each of its words of four letters and more, up to fifteen.
//! - reason: the best sentence of the caller's in the first 90 s of what is said, or in its first third where that is longer; the earliest of equals;
//! - turns: the two segments of the caller's whose sentiment is farthest from the mean of the caller's three before, by half or more;
//! - outcome: the best sentence with a cue in the last 90 s, or last third, by either side; the last of equals.
//!
//! On a leg that holds both sides everybody counts as the caller.

use std::collections::VecDeque;
use std::ops::Range;

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::line::{LineQuote, ReviewLine};
use super::sentence::sentences;
use crate::call::Leg;
use crate::text::entry::{LegFilter, TermGroup, read_terms};
use crate::text::keywords::Groups;
use crate::text::terms::TermPattern;

/// Begin and end of a call are at least so long.
const EDGE_MS: i64 = 90_000;
/// Words of a sentence that tell anything, at least.
const FEW: usize = 2;
/// Words of a sentence that count.
const MANY: usize = 15;
/// A change of sentiment that is a turn.
const TURN: f64 = 0.5;
/// Turns shown.
const TURNS: usize = 2;
/// Lines that make the mood before.
const BEFORE: usize = 3;

/// What a cue tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CuePart {
    /// Why the call was made.
    Reason,
    /// What came of it.
    Outcome,
}

/// Words with which people say what a call is about, or what comes of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Cue {
    part: CuePart,
    leg: LegFilter,
    terms: Vec<TermPattern>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::text) struct CueEntry {
    part: CuePart,
    #[serde(default)]
    leg: LegFilter,
    terms: Spanned<Vec<Spanned<String>>>,
}

impl CueEntry {
    pub(in crate::text) fn check(self) -> Result<Cue, (Range<usize>, String)> {
        Ok(Cue { part: self.part, leg: self.leg, terms: read_terms(self.terms)? })
    }
}

/// A place where the mood changed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MoodTurn {
    /// What was said.
    #[serde(flatten)]
    pub quote: LineQuote,
    /// Compound sentiment of the line, -1 to 1.
    pub sentiment: f64,
    /// Mean sentiment of the lines before.
    pub before: f64,
}

/// The lines that tell a call.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// Why it was made.
    pub reason: Option<LineQuote>,
    /// Where the mood turned, in order of time.
    pub turns: Vec<MoodTurn>,
    /// What came of it.
    pub outcome: Option<LineQuote>,
}

/// Knows the cues.
#[derive(Debug)]
pub(super) struct Teller {
    reason: Groups,
    outcome: Groups,
}

fn telling_words(sentence: &str) -> usize {
    sentence
        .split(|c: char| !c.is_alphanumeric() && c != '\'')
        .filter(|word| word.chars().count() >= 4)
        .count()
        .min(MANY)
}

fn is_callers(leg: Leg) -> bool {
    leg != Leg::Agent
}

/// A sentence that may tell something, and what speaks for it.
struct Candidate<'a> {
    line: &'a ReviewLine,
    text: &'a str,
    cues: usize,
    score: f64,
}

impl Teller {
    pub fn new(cues: &[Cue]) -> Self {
        let groups = |part: CuePart| {
            let of =
                |cue: &Cue| TermGroup { label: String::new(), terms: cue.terms.clone(), leg: cue.leg, ignore: vec![] };
            let groups: Vec<TermGroup> = cues.iter().filter(|cue| cue.part == part).map(of).collect();
            Groups::new(groups.iter())
        };
        Self { reason: groups(CuePart::Reason), outcome: groups(CuePart::Outcome) }
    }

    pub fn tell(&self, lines: &[ReviewLine]) -> Summary {
        let (Some(first), Some(last)) = (lines.first(), lines.iter().map(|line| line.end_ms).max()) else {
            return Summary::default();
        };
        let edge = EDGE_MS.max((last - first.start_ms) / 3);
        let early = |line: &&ReviewLine| is_callers(line.leg) && line.start_ms < first.start_ms + edge;
        let late = |line: &&ReviewLine| line.end_ms > last - edge;
        let mut reason: Option<Candidate> = None;
        for one in candidates(&self.reason, lines.iter().filter(early)) {
            if reason.as_ref().is_none_or(|best| one.score > best.score) {
                reason = Some(one);
            }
        }
        let mut outcome: Option<Candidate> = None;
        for one in candidates(&self.outcome, lines.iter().filter(late)).filter(|one| one.cues > 0) {
            if outcome.as_ref().is_none_or(|best| one.score >= best.score) {
                outcome = Some(one);
            }
        }
        let quote = |one: Candidate| LineQuote::of(one.line, one.text);
        Summary { reason: reason.map(quote), turns: turns(lines), outcome: outcome.map(quote) }
    }
}

fn candidates<'a>(
    cues: &'a Groups,
    lines: impl Iterator<Item = &'a ReviewLine> + 'a,
) -> impl Iterator<Item = Candidate<'a>> + 'a {
    lines
        .flat_map(|line| sentences(&line.text).into_iter().map(move |text| (line, text)))
        .map(|(line, text)| {
            let cues = cues.find(text, line.leg).len();
            let score = 2.0 * cues as f64 + line.labels.len() as f64 + telling_words(text) as f64 / 5.0;
            Candidate { line, text, cues, score }
        })
        .filter(|one| telling_words(one.text) >= FEW || one.cues > 0)
}

fn turns(lines: &[ReviewLine]) -> Vec<MoodTurn> {
    let mut before: VecDeque<f64> = VecDeque::new();
    let mut all: Vec<MoodTurn> = Vec::new();
    for line in lines.iter().filter(|line| is_callers(line.leg)) {
        let Some(sentiment) = line.compound else { continue };
        if !before.is_empty() {
            let mean = before.iter().sum::<f64>() / before.len() as f64;
            if (sentiment - mean).abs() >= TURN {
                all.push(MoodTurn { quote: LineQuote::of(line, &line.text), sentiment, before: mean });
            }
        }
        before.push_back(sentiment);
        if before.len() > BEFORE {
            before.pop_front();
        }
    }
    let change = |turn: &MoodTurn| (turn.sentiment - turn.before).abs();
    all.sort_by(|a, b| change(b).total_cmp(&change(a)));
    all.truncate(TURNS);
    all.sort_by_key(|turn| turn.quote.start_ms);
    all
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::line;
    use super::*;
    use crate::text::pack::Pack;

    fn tell(lines: &[ReviewLine]) -> Summary {
        let cues: Vec<Cue> = Pack::bundled().expect("packs").into_iter().flat_map(|pack| pack.cues).collect();
        Teller::new(&cues).tell(lines)
    }

    #[test]
    fn a_call_is_told_by_its_reason_its_turns_and_its_outcome() {
        let summary = tell(&[
            line(1, Leg::Agent, 1, "Good morning, how can I help you?", 0.4, &[]),
            line(2, Leg::Caller, 4, "Hello. I'm calling about my internet, it has been down for two days.", -0.1, &[]),
            line(3, Leg::Caller, 9, "Yes, the router was switched off and on.", 0.0, &[]),
            line(4, Leg::Caller, 200, "This is a disgrace, I have wasted two days!", -0.8, &["complaint"]),
            line(5, Leg::Agent, 260, "I have credited your account. You will receive an e-mail.", 0.1, &[]),
            line(6, Leg::Caller, 270, "Thank you so much, you have been great.", 0.8, &[]),
            line(7, Leg::Agent, 275, "Goodbye.", 0.0, &[]),
        ]);
        let text = |quote: &Option<LineQuote>| quote.as_ref().map(|quote| (quote.segment_id, quote.text.clone()));
        assert_eq!(
            text(&summary.reason),
            Some((2, "I'm calling about my internet, it has been down for two days.".into()))
        );
        assert_eq!(text(&summary.outcome).map(|outcome| outcome.0), Some(5));
        assert_eq!(summary.turns.iter().map(|turn| turn.quote.segment_id).collect::<Vec<_>>(), [4, 6]);
    }

    #[test]
    fn a_call_of_greetings_alone_has_no_reason_and_no_outcome() {
        let summary =
            tell(&[line(1, Leg::Caller, 1, "Hello? Hello.", 0.0, &[]), line(2, Leg::Agent, 3, "Yes", 0.0, &[])]);
        assert_eq!(summary, Summary::default());
        assert_eq!(tell(&[]), Summary::default());
    }

    proptest! {
        #[test]
        fn every_line_that_is_shown_was_said(texts in prop::collection::vec("\\PC{0,60}", 0..8), start in 0_i64..1000) {
            let lines: Vec<ReviewLine> = texts.iter().enumerate().map(|(i, text)| line(i as i64, Leg::Caller, start + i as i64 * 7, text, (i as f64 / 4.0) - 0.9, &[])).collect();
            let summary = tell(&lines);
            for quote in summary.reason.iter().chain(&summary.outcome).chain(summary.turns.iter().map(|turn| &turn.quote)) {
                prop_assert!(lines.iter().any(|line| line.segment == quote.segment_id && line.text.contains(&quote.text)));
            }
        }
    }
}
