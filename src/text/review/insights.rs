//! What a call was about, what came of it and what is left to do, each with the sentences and rules that decided it.
//!
//! By the evidence of packs (`evidence.rs`), so that nothing is told without its reason. Where the evidence is too weak there is no label.

use serde::Serialize;

use super::actions::ActionItem;
use super::axis::Axis;
use super::entities::Entity;
use super::evidence::{Ground, Labelled, Weighed};
use super::line::ReviewLine;
use super::questions::AskedQuestion;
use super::topics::SpokenTopic;
use crate::call::{Leg, Speaker};
use crate::text::vader::Label;

/// A call as its evidence tells it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Insights {
    /// Why the caller was on the line: every intent with enough evidence, the strongest first.
    pub intents: Vec<Labelled>,
    /// What came of the call, the strongest first.
    pub outcomes: Vec<Labelled>,
    /// `urgent`, `high` or `normal`.
    pub priority: Priority,
    /// What was said about a payment, by the last sentence that says so.
    pub payment: Option<Payment>,
    /// Whether anything is left to do, and why.
    pub action_required: ActionRequired,
    /// What is left to do.
    pub actions: Vec<ActionItem>,
    /// The caller's mood; `None` where no lexicon knows the language.
    pub sentiment: Option<CallMood>,
    /// What was talked about, the weightiest first.
    pub topics: Vec<SpokenTopic>,
    /// What was asked, with its answers.
    pub questions: Vec<AskedQuestion>,
    /// The caller's name, as the caller says it; `None` where the caller says none.
    pub caller: Option<String>,
}

/// How urgent a call is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Priority {
    /// `urgent`, `high` or `normal`.
    pub label: String,
    /// What made it so; nothing for an ordinary call.
    pub grounds: Vec<Ground>,
}

/// A payment that was promised, refused, made or asked to wait.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Payment {
    /// `promised`, `refused`, `paid` or `hardship`, as the packs name it.
    pub state: String,
    /// The amount, as `320 GBP`, where one is named beside it or was named last before it.
    pub amount: Option<String>,
    /// The day, where it was named in the same sentence.
    pub due: Option<String>,
    /// The sentences and rules that decided the state.
    pub grounds: Vec<Ground>,
}

/// Whether anything is left to do.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ActionRequired {
    /// Whether it is.
    pub required: bool,
    /// Sum of what speaks for it and against it.
    pub score: f64,
    /// What decided; of action items the sentence with what it added.
    pub grounds: Vec<Ground>,
}

/// The caller's mood over the call.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CallMood {
    /// In one word.
    pub label: Label,
    /// Mean of the caller's lines, the later ones more and those of mere politeness less, and what evidence adds; -1 to 1.
    /// 0.45 of that mean counts.
    pub compound: f64,
    /// Evidence beyond the words of the lexicon.
    pub grounds: Vec<Ground>,
}

/// What an action item of the agent's adds to what is left to do, and one of the caller's with a day.
const ITEM: f64 = 2.0;
/// A weight of this is a compound of 1.
const MOOD: f64 = 10.0;
/// Part of the lines' mean that counts: "yes", "please" and "thanks" are polite words and make every mean a little better.
const LINES: f64 = 0.45;
/// How much less the words of a line count that is like what the packs' examples say without a mood: "okay, thank you" is politeness.
const PLAIN: f64 = 0.8;
/// Bounds of a call's label: a call is a mixture, so they are wider than those of a sentence.
const POSITIVE: f64 = 0.25;
const NEGATIVE: f64 = -0.12;
/// How much more the caller's last line counts than the first.
const LATER: f64 = 1.0;

impl Insights {
    /// `scored` says whether the lines' sentiment means anything.
    pub(super) fn of(
        weighed: &Weighed,
        lines: &[ReviewLine],
        entities: &[Entity],
        actions: Vec<ActionItem>,
        scored: bool,
    ) -> Self {
        let priority = weighed.of(Axis::Priority).into_iter().next();
        Self {
            intents: weighed.of(Axis::Intent),
            outcomes: weighed.of(Axis::Outcome),
            priority: priority.map_or_else(
                || Priority { label: "normal".into(), grounds: Vec::new() },
                |one| Priority { label: one.label, grounds: one.grounds },
            ),
            payment: weighed.payment().map(|one| payment(one, entities)),
            action_required: action_required(weighed, &actions),
            actions,
            sentiment: scored.then(|| mood(weighed, lines)),
            topics: Vec::new(),
            questions: Vec::new(),
            caller: caller(entities),
        }
    }

    /// The intent with most evidence.
    pub fn intent(&self) -> Option<&Labelled> {
        self.intents.first()
    }
}

/// The name with which the caller introduces herself. On a leg that holds both sides it may be the agent's.
fn caller(entities: &[Entity]) -> Option<String> {
    let own = entities.iter().find(|one| one.own && one.kind == "person" && one.leg == Leg::Caller);
    own.map(|one| one.text.clone())
}

fn payment(labelled: Labelled, entities: &[Entity]) -> Payment {
    let last = labelled.grounds.last();
    let here = |one: &&Entity| {
        last.is_some_and(|ground| ground.quote.segment_id == one.segment_id && ground.quote.text.contains(&one.text))
    };
    let before = |one: &&Entity| last.is_some_and(|ground| one.start_ms <= ground.quote.start_ms);
    let money = || entities.iter().filter(|one| one.kind == "money");
    let amount = money().find(here).or_else(|| money().rfind(before));
    let due = entities.iter().filter(|one| one.kind == "date").find(here);
    Payment {
        amount: amount.map(|one| one.value.clone().unwrap_or_else(|| one.text.clone())),
        due: due.and_then(|one| one.value.clone()),
        state: labelled.label,
        grounds: labelled.grounds,
    }
}

fn action_required(weighed: &Weighed, actions: &[ActionItem]) -> ActionRequired {
    let (mut score, mut grounds) = weighed.sum(Axis::Action);
    let agent: Speaker = Leg::Agent.into();
    for item in actions.iter().filter(|item| item.owner == agent || item.due.is_some()) {
        score += ITEM;
        let words = item.due_text.clone().unwrap_or_else(|| item.quote.text.clone());
        grounds.push(Ground { quote: item.quote.clone(), words, rule: item.rule.clone(), weight: ITEM });
    }
    grounds.sort_by_key(|ground| ground.quote.start_ms);
    ActionRequired { required: score > 0.0, score, grounds }
}

fn mood(weighed: &Weighed, lines: &[ReviewLine]) -> CallMood {
    let callers: Vec<&ReviewLine> = lines.iter().filter(|line| line.leg != Leg::Agent).collect();
    let (mut sum, mut weights) = (0.0, 0.0);
    for (at, line) in callers.iter().enumerate() {
        let Some(compound) = line.compound else { continue };
        let weight = 1.0 + LATER * at as f64 / callers.len() as f64;
        sum += weight * compound * (1.0 - PLAIN * weighed.plain(line.segment));
        weights += weight;
    }
    let mean = if weights > 0.0 { sum / weights } else { 0.0 };
    let (added, grounds) = weighed.sum(Axis::Mood);
    let compound = (LINES * mean + added / MOOD).clamp(-1.0, 1.0);
    let label = match compound {
        compound if compound >= POSITIVE => Label::Positive,
        compound if compound <= NEGATIVE => Label::Negative,
        _ => Label::Neutral,
    };
    CallMood { label, compound: (compound * 1e4).round() / 1e4, grounds }
}

#[cfg(test)]
mod tests {
    use super::super::{Reviewer, line};
    use super::*;
    use crate::text::pack::Pack;

    /// The intent, what was said of the payment, and whether anything is left to do.
    fn told(text: &str) -> (Option<String>, Option<String>, bool) {
        let reviewer = Reviewer::new(&Pack::bundled().expect("packs"));
        let insights = reviewer.insights(&[line(1, Leg::Caller, 1, text, 0.0, &[])], None, true);
        (
            insights.intent().map(|one| one.label.clone()),
            insights.payment.map(|one| one.state),
            insights.action_required.required,
        )
    }

    #[test]
    fn who_has_paid_does_not_refuse_to_and_who_will_not_pay_twice_does() {
        let paid = (Some("payment_made".to_owned()), Some("paid".to_owned()), false);
        assert_eq!(told("I already paid 45.50 dollars yesterday"), paid);
        assert_eq!(told("I've already paid that"), paid);
        assert_eq!(told("No, I paid it off in March"), paid);
        let refused = (Some("payment_refused".to_owned()), Some("refused".to_owned()), true);
        assert_eq!(told("I already paid and I won't pay twice"), refused);
    }
}
