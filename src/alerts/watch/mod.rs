//! One call under the rules: takes segments in the order in which they became known, and returns alerts.
//!
//! Promises: a rule stays quiet for its cooldown (in the call's time); a `not_said` rule fires once, after everything that was said before its
//! deadline is text; one alert names all rules that fired at its moment.
//!
//! `text.rs` matches a text with the rules, `state.rs` decides whether a rule fires, `window.rs` where in the call it may.

mod said;
mod state;
mod text;
mod window;

use std::collections::{BTreeMap, HashMap};

pub use self::said::Said;
use self::state::{Moment, Occurrence, RuleState};
use self::text::Repeats;
use self::window::{begins_in, needs_length, seconds, span};
use super::book::{RuleBook, RuleHits, weight};
use super::risk::{RiskScore, Signs, risk};
use super::speech::{Passage, SpeechLine, both_heard_ms};
use crate::call::alert::Unsaid;
use crate::call::{Alert, Fired, Leg};
use crate::text::rolling::CallRolling;
use crate::text::rule::{Rule, Trigger, Window};

/// A call under the rules.
#[derive(Debug, Default)]
pub struct CallWatch {
    rules: HashMap<String, RuleState>,
    legs: BTreeMap<Leg, i64>,
    /// Those of them that have sound.
    heard: BTreeMap<Leg, i64>,
    /// Utterances without their text: whose, begin and end. Whether somebody speaks there or music plays is not known.
    waiting: HashMap<i64, (Leg, i64, i64)>,
    line: SpeechLine,
    /// Everything that began before is known.
    known_to_ms: i64,
    repeats: Repeats,
    words: BTreeMap<String, u32>,
    profanity: u32,
}

/// Rules that fired at one moment, each with what it fired for.
type AllFired<'a> = Vec<(&'a Rule, Occurrence)>;

impl CallWatch {
    /// A leg can be heard from here on.
    pub fn leg(&mut self, leg: Leg, since_ms: i64) {
        self.text_leg(leg, since_ms);
        let heard = self.heard.entry(leg).or_insert(since_ms);
        *heard = since_ms.min(*heard);
        if let Some(both) = both_heard_ms(|leg| self.heard.get(&leg).copied()) {
            self.line.both_sides(both);
        }
    }

    /// Adds a leg of text without audio. It tells what was said and when, but no silence.
    pub fn text_leg(&mut self, leg: Leg, since_ms: i64) {
        let since = self.legs.entry(leg).or_insert(since_ms);
        *since = since_ms.min(*since);
    }

    /// Adds an utterance whose text is not known yet; it may turn out to have none.
    pub fn utterance(&mut self, key: i64, leg: Leg, start_ms: i64, end_ms: i64) {
        self.waiting.insert(key, (leg, start_ms, end_ms));
    }

    /// The utterance has all its text now.
    pub fn written(&mut self, key: i64) {
        if let Some((leg, start_ms, end_ms)) = self.waiting.remove(&key) {
            self.line.add(leg, start_ms, end_ms);
        }
    }

    /// Removes an utterance without words: music or noise.
    pub fn nothing_said(&mut self, key: i64) {
        self.waiting.remove(&key);
    }

    /// Up to where it is known who spoke.
    fn told_to_ms(&self) -> i64 {
        self.waiting.values().map(|&(_, start_ms, _)| start_ms).min().unwrap_or(i64::MAX).min(self.known_to_ms)
    }

    /// Forgets what fired while a new watch took the earlier text; [`Self::fired_before`] tells what really fired.
    pub fn nothing_fired(&mut self) {
        for state in self.rules.values_mut() {
            state.fired_ms = None;
        }
    }

    /// A rule has fired in a former run.
    pub fn fired_before(&mut self, rule: &str, start_ms: i64, end_ms: i64) {
        let state = self.rules.entry(rule.to_owned()).or_default();
        state.fired_ms = state.fired_ms.max(Some(end_ms));
        state.silence_ms = state.silence_ms.max(Some(start_ms));
        state.occurrences.retain(|occurrence| occurrence.start_ms > end_ms);
    }

    /// The call's risk as things stand.
    pub fn risk(&self, rolling: &CallRolling) -> RiskScore {
        let words = self.words.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        let signs = Signs {
            words: &words,
            words_weight: self.words.values().sum(),
            profanity: self.profanity,
            dead_air_ms: self.line.dead_air_ms(self.told_to_ms()),
            overlap_ms: self.line.overlap_ms(),
        };
        risk(rolling, signs)
    }

    /// Words of rules turned out to be part of a number: no later alert tells them.
    pub fn unsay(&mut self, unsaid: &Unsaid) {
        for state in self.rules.values_mut() {
            state.unsay(unsaid);
        }
    }

    /// Takes the next segment, which `rolling` holds already; tells what fires.
    pub fn said(&mut self, book: &RuleBook, said: &Said, rolling: &CallRolling) -> Option<Alert> {
        let hits = book.find(said.text, said.leg);
        self.remember(book, said, &hits);
        let repeats = self.repeats.count(said.leg, said.text);
        let moment = Moment { rolling, risk: self.risk(rolling).score };
        let mut fired = AllFired::new();
        for rule in book.rules().iter().filter(|rule| rule.leg.takes(said.leg)) {
            let Trigger::Text(trigger) = &rule.trigger else { continue };
            let Some((count, occurrence)) = text::occurrence(rule, trigger, said, &hits, repeats) else { continue };
            if !begins_in(rule.window, said.start_ms) {
                continue;
            }
            let state = self.rules.entry(rule.name.clone()).or_default();
            fired.extend(state.came(rule, occurrence, count, said.end_ms, moment).map(|found| (rule, found)));
        }
        let mut alert = alert(fired, moment)?;
        said.text.clone_into(&mut alert.text);
        alert.sentiment = said.compound;
        Some(alert)
    }

    /// Keeps what later decisions need: words that weigh, profanity, what must have been said.
    fn remember(&mut self, book: &RuleBook, said: &Said, hits: &RuleHits) {
        for hit in said.keywords {
            let heavy = book.label_weight(&hit.label, said.leg);
            if heavy > 0 {
                let heaviest = self.words.entry(hit.label.clone()).or_default();
                *heaviest = heavy.max(*heaviest);
            }
        }
        for hit in &hits.said {
            let heavy = book.rules().iter().find(|rule| rule.name == hit.label).map_or(0, |rule| weight(rule.level));
            self.words.insert(hit.label.clone(), heavy);
        }
        self.profanity = self.profanity.saturating_add(said.profanity.len() as u32);
        for rule in book.rules() {
            let Some(hit) = hits.not_said.iter().find(|hit| hit.label == rule.name) else { continue };
            let state = self.rules.entry(rule.name.clone()).or_default();
            if needs_length(rule.window) {
                state.keep(&Occurrence::of(said, String::new(), vec![hit.term.clone()]), 1);
            } else {
                state.heard |= begins_in(rule.window, said.start_ms);
            }
        }
    }

    /// All that began before `to_ms` is known as speech; tells what time has decided.
    pub fn passed(&mut self, book: &RuleBook, to_ms: i64, rolling: &CallRolling) -> Option<Alert> {
        self.known_to_ms = self.known_to_ms.max(to_ms);
        let text_to_ms = self.told_to_ms();
        let passages = self.line.pass(text_to_ms);
        let wants_risk = |rule: &Rule| rule.figures.risk_above.is_some() && !matches!(rule.trigger, Trigger::Text(_));
        let risk = if book.rules().iter().any(wants_risk) { self.risk(rolling).score } else { 0.0 };
        let moment = Moment { rolling, risk };
        let mut fired = AllFired::new();
        for rule in book.rules() {
            match (&rule.trigger, rule.window) {
                (Trigger::NotSaid(_), Window::First(deadline_ms))
                    if text_to_ms >= deadline_ms && self.is_missing(rule, |state| !state.heard) =>
                {
                    fired.extend(self.decide_missing(rule, (0, deadline_ms), moment).map(|found| (rule, found)));
                }
                (Trigger::Silence(_) | Trigger::Overlap(_), _) => {
                    let state = self.rules.entry(rule.name.clone()).or_default();
                    let found = passages.iter().filter_map(|&passage| state.passage(rule, passage, moment));
                    fired.extend(found.map(|found| (rule, found)));
                }
                _ => {}
            }
        }
        self.alert(fired, rolling)
    }

    /// Another platform says that nobody spoke for `silence_ms` until `at_ms`; for calls whose sound it does not send.
    pub fn silent(&mut self, book: &RuleBook, at_ms: i64, silence_ms: i64, rolling: &CallRolling) -> Option<Alert> {
        self.line.reported(silence_ms);
        let moment = Moment { rolling, risk: self.risk(rolling).score };
        let passage = Passage::Silence { start_ms: at_ms - silence_ms, end_ms: at_ms };
        let mut fired = AllFired::new();
        for rule in book.rules().iter().filter(|rule| matches!(rule.trigger, Trigger::Silence(_))) {
            let state = self.rules.entry(rule.name.clone()).or_default();
            fired.extend(state.passage(rule, passage, moment).map(|found| (rule, found)));
        }
        alert(fired, moment)
    }

    /// The call is over after `length_ms`, and everything in it is text: decides what needed its length.
    pub fn ended(&mut self, book: &RuleBook, length_ms: i64, rolling: &CallRolling) -> Option<Alert> {
        let moment = Moment { rolling, risk: self.risk(rolling).score };
        let mut fired = AllFired::new();
        for rule in book.rules() {
            let (from_ms, to_ms) = span(rule.window, length_ms);
            let inside = |occurrence: &Occurrence| (from_ms..=to_ms).contains(&occurrence.start_ms);
            let found = match &rule.trigger {
                // A call that was over before its deadline was too short to tell.
                Trigger::NotSaid(_) if matches!(rule.window, Window::First(_)) => None,
                Trigger::NotSaid(_) => self
                    .is_missing(rule, |state| !state.heard && !state.occurrences.iter().any(inside))
                    .then(|| self.decide_missing(rule, (from_ms, to_ms), moment))
                    .flatten(),
                _ if needs_length(rule.window) => self.rules.get_mut(&rule.name).and_then(|state| {
                    state.occurrences.retain(inside);
                    let last = state.occurrences.last()?.clone();
                    let end_ms = last.end_ms;
                    state.decide(rule, last, end_ms, moment)
                }),
                _ => None,
            };
            fired.extend(found.map(|found| (rule, found)));
        }
        self.alert(fired, rolling)
    }

    /// Whether somebody was there to say it, and has not.
    fn is_missing(&self, rule: &Rule, unsaid: impl Fn(&RuleState) -> bool) -> bool {
        let fresh = RuleState::default();
        let state = self.rules.get(&rule.name).unwrap_or(&fresh);
        state.fired_ms.is_none() && unsaid(state) && self.legs.keys().any(|&leg| rule.leg.takes(leg))
    }

    fn decide_missing(&mut self, rule: &Rule, (start_ms, end_ms): (i64, i64), moment: Moment) -> Option<Occurrence> {
        let reason = match rule.window {
            Window::First(_) => format!("not said in the first {} s", seconds(end_ms)),
            Window::Whole => "not said in the call".into(),
            _ => format!("not said from {} s to {} s", seconds(start_ms), seconds(end_ms)),
        };
        let missing = Occurrence { start_ms, end_ms, leg: None, reason, words: Vec::new() };
        self.rules.entry(rule.name.clone()).or_default().decide(rule, missing, end_ms, moment)
    }

    /// The alert of what fired with time; the risk holds what time has added by now.
    fn alert(&self, fired: AllFired, rolling: &CallRolling) -> Option<Alert> {
        if fired.is_empty() { None } else { alert(fired, Moment { rolling, risk: self.risk(rolling).score }) }
    }

    /// Moves the call's begin by this many milliseconds, because it was merged with another call.
    pub fn shift(&mut self, ms: i64) {
        self.line.shift(ms);
        self.known_to_ms += ms;
        let waiting = self.waiting.values_mut().flat_map(|(_, start, end)| [start, end]);
        waiting.chain(self.legs.values_mut()).chain(self.heard.values_mut()).for_each(|at| *at += ms);
        for state in self.rules.values_mut() {
            state.shift(ms);
        }
    }

    /// Takes over what was known of another half of the call.
    pub fn absorb(&mut self, other: Self) {
        for (leg, since_ms) in other.legs {
            self.text_leg(leg, since_ms);
        }
        for (leg, since_ms) in other.heard {
            self.leg(leg, since_ms);
        }
        self.line.absorb(other.line);
        self.waiting.extend(other.waiting);
        self.known_to_ms = self.known_to_ms.max(other.known_to_ms);
        for (label, heavy) in other.words {
            let heaviest = self.words.entry(label).or_default();
            *heaviest = heavy.max(*heaviest);
        }
        self.profanity += other.profanity;
        self.repeats.absorb(other.repeats);
        for (rule, theirs) in other.rules {
            self.rules.entry(rule).or_default().absorb(theirs);
        }
    }
}

/// All that fired at one moment, as one alert, without a text.
fn alert(mut fired: AllFired, moment: Moment) -> Option<Alert> {
    fired.sort_by_key(|(rule, _)| std::cmp::Reverse(rule.level));
    let (worst, first) = fired.first()?;
    Some(Alert {
        level: worst.level,
        leg: first.leg,
        start_ms: fired.iter().map(|(_, found)| found.start_ms).min().unwrap_or(first.start_ms),
        end_ms: fired.iter().map(|(_, found)| found.end_ms).max().unwrap_or(first.end_ms),
        text: String::new(),
        sentiment: None,
        rolling: moment.rolling.call.rolling,
        risk: moment.risk,
        rules: fired
            .into_iter()
            .map(|(rule, found)| Fired {
                name: rule.name.clone(),
                level: rule.level,
                description: in_words(&rule.description, found.leg),
                pack: rule.pack.clone(),
                reason: found.reason,
                words: found.words,
                prompt: rule.prompt.clone(),
            })
            .collect(),
    })
}

/// A rule's sentence with the one it fired for in the place of `{who}`.
fn in_words(description: &str, leg: Option<Leg>) -> String {
    let who = match leg {
        Some(Leg::Agent) => "The agent",
        Some(Leg::Caller) => "The caller",
        Some(Leg::Mixed) | None => "Somebody",
    };
    description.replace("{who}", who)
}

#[cfg(test)]
mod tests;
