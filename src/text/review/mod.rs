//! What a quality analyst asks of a call: the score card, the things that were named, and the few lines that tell it.
//!
//! Pure, and by rules that packs hold as data: every point, every thing found and every line chosen comes with the words that made it. Reads lines
//! in order of time and knows nothing of where they are kept. Nothing here is a judgement of a person; it says what was said and what was not.

pub mod actions;
pub mod axis;
mod calendar;
pub mod coaching;
pub mod criteria;
pub mod disposition;
pub mod entities;
pub mod evidence;
pub mod insights;
pub mod learned;
mod line;
#[cfg(test)]
mod measured;
pub mod measures;
pub mod outside;
pub(super) mod pattern;
pub mod questions;
pub mod scorecard;
mod sentence;
pub mod summary;
pub mod tags;
pub mod topics;
mod values;
pub mod words;

use std::collections::BTreeSet;

use jiff::civil::Date;

use self::actions::Diary;
use self::coaching::{Coach, RaisedObjection};
use self::criteria::CardCriterion;
use self::disposition::{DispositionJudge, DispositionMismatch, DispositionRule, NotedResult};
use self::entities::Namer;
use self::evidence::Scales;
use self::insights::Insights;
pub use self::line::{LineQuote, ReviewLine};
use self::measures::CallMeasures;
use self::questions::Asker;
use self::scorecard::{Card, Judge};
use self::summary::{Cue, Summary, Teller};
use self::tags::{GivenTag, Tagger};
use super::pack::Pack;

/// Reads calls by the rules of some packs.
#[derive(Debug)]
pub struct Reviewer {
    judge: Judge,
    namer: Namer,
    scales: Scales,
    diary: Diary,
    teller: Teller,
    dispositions: DispositionJudge,
    tagger: Tagger,
    asker: Asker,
    coach: Coach,
    /// Labels of keywords that say how people talk, and not of what.
    asides: BTreeSet<String>,
}

impl Reviewer {
    /// Takes the packs' criteria, things, cues and rules of dispositions, in the order of the packs. Of those with one name the last counts.
    pub fn new(packs: &[Pack]) -> Self {
        let criteria: Vec<CardCriterion> = packs.iter().flat_map(|pack| &pack.criteria).cloned().collect();
        let cues: Vec<Cue> = packs.iter().flat_map(|pack| &pack.cues).cloned().collect();
        let dispositions: Vec<DispositionRule> = packs.iter().flat_map(|pack| &pack.dispositions).cloned().collect();
        Self {
            judge: Judge::new(&criteria),
            namer: Namer::new(packs.iter().flat_map(|pack| &pack.entities).cloned().collect()),
            scales: Scales::new(
                packs.iter().flat_map(|pack| &pack.evidence).cloned().collect(),
                packs.iter().flat_map(|pack| &pack.examples).cloned().collect(),
            ),
            diary: Diary::new(packs.iter().flat_map(|pack| &pack.actions).cloned().collect()),
            teller: Teller::new(&cues),
            dispositions: DispositionJudge::new(&dispositions),
            tagger: Tagger::new(packs.iter().flat_map(|pack| &pack.tags)),
            asker: Asker::new(packs.iter().flat_map(|pack| &pack.questions)),
            coach: Coach::new(packs.iter().flat_map(|pack| &pack.objections)),
            asides: packs.iter().flat_map(|pack| pack.asides.iter().cloned()).collect(),
        }
    }

    /// The score card. `over` says whether nothing more will be said.
    pub fn card(&self, lines: &[ReviewLine], measures: &CallMeasures, over: bool) -> Card {
        self.judge.card(lines, measures, over)
    }

    /// Points that a rule of the score card is worth; `None` where no pack in use has it.
    pub fn points_of(&self, rule: &str) -> Option<f64> {
        self.judge.points_of(rule)
    }

    /// What is still to be disclosed on a call that runs, of the score card: its name, and what it says in a sentence.
    pub fn undisclosed(&self, lines: &[ReviewLine]) -> Vec<(String, String)> {
        self.judge.undisclosed(lines)
    }

    /// What the caller has objected lately, the newest first, with what to say.
    pub fn objections(&self, lines: &[ReviewLine]) -> Vec<RaisedObjection> {
        self.coach.raised(lines)
    }

    /// The things that were named, in order of time. Days are resolved against `today`, the day of the call where it took place.
    pub fn entities(&self, lines: &[ReviewLine], today: Option<Date>) -> Vec<entities::Entity> {
        self.namer.find(lines, today)
    }

    /// What the call was about, what came of it and what is left to do. `scored` says whether the lines' sentiment means anything: whether a lexicon
    /// knows their language.
    pub fn insights(&self, lines: &[ReviewLine], today: Option<Date>, scored: bool) -> Insights {
        let entities = self.entities(lines, today);
        let actions = self.diary.find(lines, &entities);
        let mut insights = Insights::of(&evidence::weigh(&self.scales, lines), lines, &entities, actions, scored);
        insights.topics = topics::topics(lines, &insights.intents, &entities, &self.asides);
        insights.questions = self.asker.find(lines);
        insights
    }

    /// Where the result that was noted does not go with what was said. Of a call that is over.
    pub fn mismatches(&self, lines: &[ReviewLine], result: &NotedResult) -> Vec<DispositionMismatch> {
        self.dispositions.mismatches(lines, result)
    }

    /// The tags that the packs give to a call with these insights. Of a call that is over.
    pub fn tags(&self, lines: &[ReviewLine], insights: &Insights) -> Vec<GivenTag> {
        self.tagger.tags(lines, insights)
    }

    /// The lines that tell the call.
    pub fn summary(&self, lines: &[ReviewLine]) -> Summary {
        self.teller.tell(lines)
    }
}

#[cfg(test)]
pub(super) fn line(
    segment: i64,
    leg: crate::call::Leg,
    start_s: i64,
    text: &str,
    compound: f64,
    labels: &[&str],
) -> ReviewLine {
    ReviewLine {
        segment,
        leg,
        start_ms: start_s * 1000,
        end_ms: start_s * 1000 + 2000,
        text: text.into(),
        compound: Some(compound),
        labels: labels.iter().map(|&label| label.into()).collect(),
        heard: true,
    }
}
