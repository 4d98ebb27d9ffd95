//! One rule in one call: its triggers so far, and whether it fires now.

use std::collections::BTreeSet;

use super::said::{KEPT, Said};
use super::window::{begins_in, needs_length, seconds};
use crate::alerts::speech::Passage;
use crate::call::Leg;
use crate::call::alert::Unsaid;
use crate::text::pack::LegFilter;
use crate::text::rolling::{CallRolling, Rolling};
use crate::text::rule::{FigureConditions, Rule, Trigger};

/// Figures of the call at one moment.
#[derive(Clone, Copy)]
pub(super) struct Moment<'a> {
    pub rolling: &'a CallRolling,
    pub risk: f64,
}

/// The rule's trigger came once.
#[derive(Clone, Debug)]
pub(super) struct Occurrence {
    pub start_ms: i64,
    pub end_ms: i64,
    pub leg: Option<Leg>,
    pub reason: String,
    pub words: Vec<String>,
}

impl Occurrence {
    pub fn of(said: &Said, reason: String, words: Vec<String>) -> Self {
        Self { start_ms: said.start_ms, end_ms: said.end_ms, leg: Some(said.leg), reason, words }
    }
}

/// State of one rule in one call.
#[derive(Debug, Default)]
pub(super) struct RuleState {
    /// Time at which it last fired, milliseconds of the call.
    pub fired_ms: Option<i64>,
    /// Begin of the silence for which it fired last.
    pub silence_ms: Option<i64>,
    pub occurrences: Vec<Occurrence>,
    /// Whether the words of a `not_said` rule were said in time.
    pub heard: bool,
}

impl RuleState {
    /// The rule's trigger came in a text that ends at `at_ms`, `count` times; tells whether the rule fires.
    pub fn came(
        &mut self,
        rule: &Rule,
        occurrence: Occurrence,
        count: usize,
        at_ms: i64,
        moment: Moment,
    ) -> Option<Occurrence> {
        if rule.times > 1 || needs_length(rule.window) {
            self.keep(&occurrence, count);
        }
        if needs_length(rule.window) { None } else { self.decide(rule, occurrence, at_ms, moment) }
    }

    /// Remembers what came, so often.
    pub fn keep(&mut self, occurrence: &Occurrence, count: usize) {
        let room = KEPT.saturating_sub(self.occurrences.len()).min(count);
        self.occurrences.extend(std::iter::repeat_n(occurrence.clone(), room));
    }

    /// Whether the rule fires now that its trigger came again at `at_ms`; counts, figures and the cooldown considered.
    pub fn decide(&mut self, rule: &Rule, now: Occurrence, at_ms: i64, moment: Moment) -> Option<Occurrence> {
        if rule.times > 1 {
            let from = rule.within_ms.map_or(i64::MIN, |within| now.start_ms - within);
            self.occurrences.retain(|occurrence| occurrence.start_ms >= from);
            if self.occurrences.len() < rule.times as usize {
                return None;
            }
        }
        let mut reasons = figures(rule, now.leg, moment)?;
        if self.fired_ms.is_some_and(|fired| at_ms - fired < rule.cooldown_ms) {
            return None;
        }
        let mut all = now;
        if rule.times > 1 {
            let words: BTreeSet<String> =
                self.occurrences.iter().flat_map(|occurrence| occurrence.words.clone()).collect();
            all.words = words.into_iter().collect();
            all.start_ms = self.occurrences.iter().map(|occurrence| occurrence.start_ms).min().unwrap_or(all.start_ms);
            all.reason = format!("{} ({} times)", all.reason, self.occurrences.len());
        }
        if !all.reason.is_empty() {
            reasons.insert(0, std::mem::take(&mut all.reason));
        }
        all.reason = reasons.join(", ");
        self.fired_ms = Some(at_ms);
        self.occurrences.clear();
        Some(all)
    }

    /// The consequence of a silence or an overlap for its rule.
    pub fn passage(&mut self, rule: &Rule, passage: Passage, moment: Moment) -> Option<Occurrence> {
        let occurrence = match (&rule.trigger, passage) {
            (&Trigger::Silence(least_ms), Passage::Silence { start_ms, end_ms }) => {
                if end_ms - start_ms < least_ms || self.silence_ms >= Some(start_ms) {
                    return None;
                }
                self.silence_ms = Some(start_ms);
                let reason = format!("nobody spoke for {} s", seconds(end_ms - start_ms));
                Occurrence { start_ms, end_ms, leg: None, reason, words: Vec::new() }
            }
            (&Trigger::Overlap(least_ms), Passage::Overlap { by, start_ms, end_ms }) => {
                if end_ms - start_ms < least_ms || !rule.leg.takes(by) {
                    return None;
                }
                let reason = format!("the {by} spoke over the other side for {} s", seconds(end_ms - start_ms));
                Occurrence { start_ms, end_ms, leg: Some(by), reason, words: Vec::new() }
            }
            _ => return None,
        };
        if !begins_in(rule.window, occurrence.start_ms) {
            return None;
        }
        // The time at which it became long enough, however much later it is reported: so a restart decides as the first run did.
        let at_ms = match rule.trigger {
            Trigger::Silence(least_ms) => occurrence.start_ms + least_ms,
            _ => occurrence.end_ms,
        };
        self.came(rule, occurrence, 1, at_ms, moment)
    }

    /// Words that came are told no more.
    pub fn unsay(&mut self, unsaid: &Unsaid) {
        for occurrence in &mut self.occurrences {
            unsaid.of(&mut occurrence.reason, &mut occurrence.words);
        }
    }

    /// Moves the call's begin by this many milliseconds.
    pub fn shift(&mut self, ms: i64) {
        for at in [&mut self.fired_ms, &mut self.silence_ms].into_iter().flatten() {
            *at += ms;
        }
        for occurrence in &mut self.occurrences {
            occurrence.start_ms += ms;
            occurrence.end_ms += ms;
        }
    }

    /// Takes over what was known of the rule in another half of the call.
    pub fn absorb(&mut self, theirs: Self) {
        self.fired_ms = self.fired_ms.max(theirs.fired_ms);
        self.silence_ms = self.silence_ms.max(theirs.silence_ms);
        self.heard |= theirs.heard;
        self.occurrences.extend(theirs.occurrences);
    }
}

/// The reason that the call's figures give a rule; `None` when they do not fit. A mood belongs to one side: that of the leg that the rule names, else
/// that of the words that triggered the rule. So an agent's words neither make nor hide a trend of the caller's.
fn figures(rule: &Rule, spoke: Option<Leg>, Moment { rolling, risk }: Moment) -> Option<Vec<String>> {
    let FigureConditions { rolling_below, negatives, risk_above, min_segments } = rule.figures;
    let named = match rule.leg {
        LegFilter::Any => spoke,
        LegFilter::Agent => Some(Leg::Agent),
        LegFilter::Caller => Some(Leg::Caller),
    };
    let nothing = Rolling::default();
    let (whose, of) = match named {
        None | Some(Leg::Mixed) => ("the call", &rolling.call),
        // A leg with both voices does not tell whose mood it is.
        Some(leg) => match (rolling.legs.get(&leg), rolling.legs.get(&Leg::Mixed)) {
            (None, Some(mixed)) => ("the call", mixed),
            (own, _) => (if leg == Leg::Agent { "the agent" } else { "the caller" }, own.unwrap_or(&nothing)),
        },
    };
    if of.segments < min_segments {
        return None;
    }
    let mut reasons = Vec::new();
    if let Some(below) = rolling_below {
        let now = of.rolling.filter(|&now| now < below)?;
        reasons.push(format!("{whose}'s rolling sentiment {now:+.2} below {below:+.2}"));
    }
    if let Some(least) = negatives {
        if of.consecutive_negative < least {
            return None;
        }
        reasons.push(format!("{} negative segments of {whose}'s in a row", of.consecutive_negative));
    }
    if let Some(least) = risk_above {
        if risk < least {
            return None;
        }
        reasons.push(format!("risk {risk:.2} at or above {least:.2}"));
    }
    Some(reasons)
}
