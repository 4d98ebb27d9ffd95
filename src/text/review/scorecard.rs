//! The score card: each criterion met, missed, not asked for, or open while the call runs; the points that were got of those that could be.

use std::ops::Range;

use serde::Serialize;

use super::criteria::{CardCriterion, Wanted, When};
use super::line::{LineQuote, ReviewLine};
use super::measures::CallMeasures;
use crate::text::entry::{LegFilter, TermGroup};
use crate::text::keywords::{Groups, TermHit};
use crate::text::rule::Window;
use crate::text::terms::TermPattern;

/// Lines shown with one criterion.
const SHOWN: usize = 3;

/// What became of a criterion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CriterionResult {
    /// As it should be.
    Met,
    /// Not as it should be.
    Missed,
    /// Nothing in this call asked for it, or the call does not tell.
    NotAsked,
    /// The call is not far enough.
    Open,
}

/// A criterion as a call has met it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Mark {
    /// Its name.
    pub name: String,
    /// In a sentence.
    pub description: String,
    /// The pack it came from.
    pub pack: String,
    /// What became of it.
    pub outcome: CriterionResult,
    /// Points that the call has reached.
    pub points: f64,
    /// Points that could be got; none where it was not asked for or is open.
    pub of: f64,
    /// Why, in a few words.
    pub reason: String,
    /// The words that decided it.
    pub quotes: Vec<LineQuote>,
}

/// A call's score card.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Card {
    /// Points got of a hundred; `None` where nothing could be judged.
    pub score: Option<f64>,
    /// Points that the call has reached.
    pub points: f64,
    /// Points that could be got.
    pub of: f64,
    /// The criteria, in the order of the packs.
    pub criteria: Vec<Mark>,
}

/// The criteria in use, made ready.
#[derive(Debug)]
pub(super) struct Judge {
    criteria: Vec<CardCriterion>,
    /// What has to be said, or must not be; a hit's label is the criterion's name.
    said: Groups,
    /// What a criterion waits for; likewise.
    when: Groups,
}

fn group(name: &str, terms: &[TermPattern], leg: LegFilter, ignore: &[TermPattern]) -> TermGroup {
    TermGroup { label: name.into(), terms: terms.to_vec(), leg, ignore: ignore.to_vec() }
}

impl Judge {
    pub fn new(all: &[CardCriterion]) -> Self {
        let mut criteria: Vec<CardCriterion> = Vec::new();
        for criterion in all {
            match criteria.iter_mut().find(|other| other.name == criterion.name) {
                Some(other) => other.clone_from(criterion),
                None => criteria.push(criterion.clone()),
            }
        }
        criteria.retain(|criterion| criterion.enabled);
        let (mut said, mut when) = (Vec::new(), Vec::new());
        for criterion in &criteria {
            if let Wanted::Said(terms, ignore) | Wanted::NotSaid(terms, ignore) = &criterion.wanted {
                said.push(group(&criterion.name, terms, criterion.leg, ignore));
            }
            if let Some(condition) = &criterion.when {
                when.push(group(&criterion.name, &condition.said, condition.leg, &[]));
            }
        }
        Self { said: Groups::new(said.iter()), when: Groups::new(when.iter()), criteria }
    }

    pub fn points_of(&self, rule: &str) -> Option<f64> {
        self.criteria.iter().find(|criterion| criterion.name == rule).map(|criterion| criterion.points)
    }

    fn hear<'l>(&self, lines: &'l [ReviewLine]) -> Vec<Heard<'l>> {
        let heard = |line: &'l ReviewLine| Heard {
            line,
            said: self.said.find(&line.text, line.leg),
            when: self.when.find(&line.text, line.leg),
        };
        lines.iter().map(heard).collect()
    }

    /// Name and description of what is still to be disclosed on a call that runs. What comes too late for its points is to be said all the same.
    pub fn undisclosed(&self, lines: &[ReviewLine]) -> Vec<(String, String)> {
        if !self.criteria.iter().any(|criterion| criterion.disclosure) {
            return Vec::new();
        }
        let found = self.hear(lines);
        let measures = CallMeasures::default();
        let due = |criterion: &&CardCriterion| {
            criterion.disclosure
                && is_asked(criterion, &found)
                && judge(criterion, &found, &measures, false).outcome != CriterionResult::Met
                && !was_said_late(criterion, &found)
        };
        let told = |one: &CardCriterion| (one.name.clone(), one.description.clone());
        self.criteria.iter().filter(due).map(told).collect()
    }

    pub fn card(&self, lines: &[ReviewLine], measures: &CallMeasures, over: bool) -> Card {
        let found = self.hear(lines);
        let marks: Vec<Mark> = self.criteria.iter().map(|criterion| judge(criterion, &found, measures, over)).collect();
        let points: f64 = marks.iter().map(|mark| mark.points).sum();
        let of: f64 = marks.iter().map(|mark| mark.of).sum();
        Card { score: (of > 0.0).then(|| (points / of * 1000.0).round() / 10.0), points, of, criteria: marks }
    }
}

/// Whether it was said in any part of the call.
fn was_said_late(criterion: &CardCriterion, heard: &[Heard<'_>]) -> bool {
    let whole = CardCriterion { window: Window::Whole, ..criterion.clone() };
    judge(&whole, heard, &CallMeasures::default(), false).outcome == CriterionResult::Met
}

/// Whether what a criterion waits for has been said; so it is where it waits for nothing.
fn is_asked(criterion: &CardCriterion, heard: &[Heard<'_>]) -> bool {
    criterion.when.as_ref().is_none_or(|when| heard.iter().any(|one| one.fits(&criterion.name, when)))
}

/// A line with what is in it.
struct Heard<'a> {
    line: &'a ReviewLine,
    said: Vec<TermHit>,
    when: Vec<TermHit>,
}

impl Heard<'_> {
    fn fits(&self, name: &str, when: &When) -> bool {
        let labels = |label: &String| self.line.labels.contains(label);
        when.leg.takes(self.line.leg)
            && (when.said.is_empty() || self.when.iter().any(|hit| hit.label == name))
            && (when.labels.is_empty() || when.labels.iter().any(labels))
            && when.sentiment_below.is_none_or(|below| self.line.compound.is_some_and(|compound| compound < below))
    }

    fn quote(&self, name: &str) -> Option<LineQuote> {
        let hit = self.said.iter().find(|hit| hit.label == name)?;
        Some(LineQuote::of(self.line, self.line.text.get(hit.start..hit.end)?))
    }
}

/// The milliseconds that count, and whether they are all over; `None` where that depends on how long the call will be. What is the end of a call
/// begins at `end_ms` at the earliest.
fn span(window: Window, [first_ms, last_ms, end_ms]: [i64; 3], over: bool) -> Option<(Range<i64>, bool)> {
    let share = |share: f64| first_ms + ((last_ms - first_ms) as f64 * share) as i64;
    let after = last_ms + 1;
    match window {
        Window::Whole => Some((first_ms..after, over)),
        Window::First(ms) => Some((first_ms..first_ms + ms, over || last_ms >= first_ms + ms)),
        _ if !over => None,
        Window::Last(ms) => Some(((last_ms - ms).max(end_ms)..after, true)),
        Window::FirstShare(part) => Some((first_ms..share(part).max(first_ms + 1), true)),
        Window::LastShare(part) => Some((share(1.0 - part).max(end_ms)..after, true)),
    }
}

/// Where the end of a call may begin: in its second half, and after the first line of whoever is judged. A short call's greeting lies in its last
/// seconds too.
fn end_of(criterion: &CardCriterion, heard: &[Heard<'_>]) -> i64 {
    let begins = |one: &Heard<'_>| one.line.start_ms;
    let (first, last) = (heard.first().map_or(0, begins), heard.iter().map(begins).max().unwrap_or(0));
    let opening = heard.iter().find(|one| criterion.leg.takes(one.line.leg)).map_or(first, begins);
    (first + (last - first) / 2).max(opening + 1)
}

fn judge(criterion: &CardCriterion, heard: &[Heard<'_>], measures: &CallMeasures, over: bool) -> Mark {
    let mark = |outcome, reason: String, quotes: Vec<LineQuote>| {
        let counts = matches!(outcome, CriterionResult::Met | CriterionResult::Missed);
        Mark {
            name: criterion.name.clone(),
            description: criterion.description.clone(),
            pack: criterion.pack.clone(),
            outcome,
            points: if outcome == CriterionResult::Met { criterion.points } else { 0.0 },
            of: if counts { criterion.points } else { 0.0 },
            reason,
            quotes,
        }
    };
    let waits = if over { CriterionResult::NotAsked } else { CriterionResult::Open };
    let (Some(first), Some(last)) = (heard.first(), heard.iter().map(|one| one.line.end_ms).max()) else {
        return mark(waits, "nothing was said".into(), Vec::new());
    };
    let mut from = 0;
    if let Some(when) = &criterion.when {
        let Some(at) = heard.iter().position(|one| one.fits(&criterion.name, when)) else {
            return mark(waits, "nothing asked for it".into(), Vec::new());
        };
        from = at;
    }
    if let Wanted::Within(measure, low, high) = criterion.wanted {
        let Some(value) = measures.get(measure) else {
            return mark(waits, measures.absent.unwrap_or("the call does not tell").into(), Vec::new());
        };
        let reason = measure.told(value, low, high);
        return match (over, (low..=high).contains(&value)) {
            (false, _) => mark(CriterionResult::Open, reason, Vec::new()),
            (_, true) => mark(CriterionResult::Met, reason, Vec::new()),
            (_, false) => mark(CriterionResult::Missed, reason, Vec::new()),
        };
    }
    let times = [first.line.start_ms, last, end_of(criterion, heard)];
    let Some((counts, decided)) = span(criterion.window, times, over) else {
        return mark(CriterionResult::Open, "not yet".into(), Vec::new());
    };
    let inside = |one: &&Heard<'_>| counts.contains(&one.line.start_ms);
    let quotes: Vec<LineQuote> = match &criterion.wanted {
        Wanted::Labels(labels) => heard[from..]
            .iter()
            .filter(inside)
            .filter(|one| {
                criterion.leg.takes(one.line.leg) && labels.iter().any(|label| one.line.labels.contains(label))
            })
            .map(|one| LineQuote::of(one.line, &one.line.text))
            .take(SHOWN)
            .collect(),
        _ => heard[from..].iter().filter(inside).filter_map(|one| one.quote(&criterion.name)).take(SHOWN).collect(),
    };
    match (matches!(criterion.wanted, Wanted::NotSaid(..)), quotes.is_empty()) {
        (true, false) => mark(CriterionResult::Missed, "was said".into(), quotes),
        (true, true) if decided => mark(CriterionResult::Met, "was not said".into(), quotes),
        (false, false) => mark(CriterionResult::Met, "was said".into(), quotes),
        (false, true) if decided => mark(CriterionResult::Missed, "was not said".into(), quotes),
        (_, true) => mark(CriterionResult::Open, "not yet".into(), quotes),
    }
}

#[cfg(test)]
mod tests {
    use super::super::line;
    use super::*;
    use crate::call::Leg;
    use crate::text::pack::Pack;

    const PACK: &str = r#"
        name = "t"
        version = "1"
        language = "en"
        [[qa]]
        name = "greeting"
        points = 10
        said = ["good morning", "how can i help"]
        first_s = 20
        [[qa]]
        name = "empathy"
        points = 20
        said = ["i understand", "sorry"]
        when = { leg = "caller", sentiment_below = -0.3 }
        [[qa]]
        name = "closing"
        points = 10
        said = ["anything else"]
        last_share = 0.5
        [[qa]]
        name = "forbidden"
        points = 30
        not_said = ["calm down"]
        [[qa]]
        name = "listens"
        points = 30
        measure = "agent_share"
        from = 0.2
        to = 0.6
    "#;

    fn card(lines: &[ReviewLine], share: Option<f64>, over: bool) -> Card {
        let criteria = Pack::parse("t.toml", PACK).expect("a good pack").criteria;
        Judge::new(&criteria).card(lines, &CallMeasures { agent_share: share, ..CallMeasures::default() }, over)
    }

    fn outcomes(card: &Card) -> Vec<CriterionResult> {
        card.criteria.iter().map(|mark| mark.outcome).collect()
    }

    #[test]
    fn a_good_call_gets_all_points_and_each_names_its_words() {
        let card = card(
            &[
                line(1, Leg::Agent, 3, "Good morning, this is Mary", 0.4, &[]),
                line(2, Leg::Caller, 6, "My phone is broken, terrible", -0.6, &[]),
                line(3, Leg::Agent, 9, "I understand", 0.0, &[]),
                line(4, Leg::Agent, 60, "Anything else I can do?", 0.0, &[]),
            ],
            Some(0.5),
            true,
        );
        assert_eq!((card.score, card.of), (Some(100.0), 100.0));
        assert_eq!(
            (card.criteria[0].quotes[0].text.as_str(), card.criteria[0].quotes[0].segment_id),
            ("Good morning", 1)
        );
        assert_eq!(card.criteria[4].reason, "the agent speaks 50% of the time, 20% to 60% is wanted");
    }

    #[test]
    fn what_is_missing_costs_its_points_and_what_nobody_asked_for_does_not_count() {
        let card = card(
            &[
                line(1, Leg::Agent, 3, "Yes?", 0.0, &[]),
                line(2, Leg::Caller, 30, "Good morning, I am sorry", 0.1, &[]),
                line(3, Leg::Agent, 40, "Now calm down", 0.0, &[]),
            ],
            None,
            true,
        );
        assert_eq!(
            outcomes(&card),
            [
                CriterionResult::Missed,
                CriterionResult::NotAsked,
                CriterionResult::Missed,
                CriterionResult::Missed,
                CriterionResult::NotAsked
            ]
        );
        assert_eq!((card.score, card.of), (Some(0.0), 50.0));
        assert_eq!(card.criteria[3].quotes[0].text, "calm down");
    }

    #[test]
    fn words_of_comfort_count_only_after_what_they_answer() {
        let lines = [
            line(1, Leg::Agent, 1, "Sorry to keep you waiting", 0.0, &[]),
            line(2, Leg::Caller, 5, "This is awful", -0.5, &[]),
            line(3, Leg::Agent, 9, "Your number please", 0.0, &[]),
        ];
        assert_eq!(card(&lines, None, true).criteria[1].outcome, CriterionResult::Missed);
    }

    #[test]
    fn the_greeting_of_a_short_call_is_not_its_closing() {
        let criteria: Vec<CardCriterion> =
            Pack::bundled().expect("packs").into_iter().flat_map(|pack| pack.criteria).collect();
        let closing = |lines: &[ReviewLine]| {
            let card = Judge::new(&criteria).card(lines, &CallMeasures::default(), true);
            let mark = card.criteria.into_iter().find(|mark| mark.name == "closing").expect("a closing");
            (mark.outcome, mark.quotes.into_iter().map(|quote| quote.segment_id).collect::<Vec<_>>())
        };
        let greeting = line(1, Leg::Agent, 0, "Thank you for calling, how can I help you?", 0.4, &[]);
        let question = line(2, Leg::Caller, 5, "When do you open?", 0.0, &[]);
        let answer = line(3, Leg::Agent, 8, "At nine.", 0.0, &[]);
        let bye = line(4, Leg::Agent, 12, "Have a nice day.", 0.4, &[]);
        assert_eq!(closing(&[greeting.clone(), question.clone(), answer.clone()]), (CriterionResult::Missed, vec![]));
        assert_eq!(closing(std::slice::from_ref(&greeting)), (CriterionResult::Missed, vec![]));
        assert_eq!(closing(&[greeting.clone(), question, answer, bye]), (CriterionResult::Met, vec![4]));
        // An agent who comes late greets in the second half.
        let hello = line(1, Leg::Caller, 0, "Hello? Hello?", 0.0, &[]);
        let late = ReviewLine { start_ms: 9000, end_ms: 11_000, ..greeting };
        assert_eq!(closing(&[hello, late]), (CriterionResult::Missed, vec![]));
    }

    #[test]
    fn while_the_call_runs_only_what_is_certain_is_decided() {
        use CriterionResult::{Missed, Open};
        let mut lines = vec![line(1, Leg::Agent, 3, "Hello", 0.0, &[])];
        assert_eq!(outcomes(&card(&lines, Some(0.5), false)), [Open; 5]);
        lines.push(line(2, Leg::Agent, 40, "Calm down", 0.0, &[]));
        assert_eq!(outcomes(&card(&lines, Some(0.5), false)), [Missed, Open, Open, Missed, Open]);
        lines.push(line(3, Leg::Agent, 50, "Anything else?", 0.0, &[]));
        assert_eq!(card(&lines, None, false).criteria[2].outcome, Open, "nobody knows where the end will be");
    }

    #[test]
    fn a_call_without_a_word_has_no_score() {
        assert_eq!(card(&[], None, true).score, None);
    }
}
