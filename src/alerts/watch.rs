//! One call under the rules: takes what was heard in the order in which it became known, tells what must be shown.
//!
//! Promises: a rule stays quiet for its cooldown (of the call's time); a rule that something is missing fires once, after everything that was
//! said before its deadline is text; one alert names all rules that fired at its moment.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use super::book::{RuleBook, RuleHits, weight};
use super::risk::{Risk, Signs, risk};
use super::speech::{Passage, SpeechLine};
use super::{Alert, Fired};
use crate::call::Leg;
use crate::text::keywords::TermHit;
use crate::text::pack::LegFilter;
use crate::text::rolling::{CallRolling, Rolling};
use crate::text::rule::{Figures, Rule, TextTrigger, Trigger, Window};

/// Segments of a leg that a repetition is looked for in.
const REMEMBERED: usize = 20;
/// Fewer words are said again by everybody ("yes", "thank you").
const LEAST_WORDS: usize = 4;
/// Share of common words (Dice) from which two sentences say the same.
const ALIKE: f64 = 0.6;
/// Occurrences that are kept of one rule in one call.
const KEPT: usize = 1000;

/// A segment of text, read.
#[derive(Clone, Copy, Debug)]
pub struct Said<'a> {
    /// Whose.
    pub leg: Leg,
    /// Where in the call, milliseconds.
    pub start_ms: i64,
    /// Its end.
    pub end_ms: i64,
    /// The words.
    pub text: &'a str,
    /// -1 to 1.
    pub compound: f64,
    /// Keywords in it.
    pub keywords: &'a [TermHit],
    /// Profanity in it.
    pub profanity: &'a [TermHit],
}

/// What is known of one rule in this call.
#[derive(Debug, Default)]
struct RuleState {
    /// Where in the call it fired last.
    fired_ms: Option<i64>,
    /// Begin of the silence for which it fired last.
    silence_ms: Option<i64>,
    occurrences: Vec<Occurrence>,
    /// Of what must be said: it was, in time.
    heard: bool,
}

/// The rule's trigger came once.
#[derive(Clone, Debug)]
struct Occurrence {
    start_ms: i64,
    end_ms: i64,
    leg: Option<Leg>,
    reason: String,
    words: Vec<String>,
}

/// A call under the rules.
#[derive(Debug, Default)]
pub struct CallWatch {
    rules: HashMap<String, RuleState>,
    legs: BTreeMap<Leg, i64>,
    /// Utterances without their text, with their begin.
    waiting: HashMap<i64, i64>,
    line: SpeechLine,
    /// Everything that began before is known.
    known_to_ms: i64,
    recent: VecDeque<(Leg, HashSet<String>)>,
    words: BTreeMap<String, u32>,
    profanity: u32,
}

impl CallWatch {
    /// A leg can be heard from here on.
    pub fn leg(&mut self, leg: Leg, since_ms: i64) {
        let since = self.legs.entry(leg).or_insert(since_ms);
        *since = since_ms.min(*since);
        let at = |leg| self.legs.get(&leg).copied();
        if let Some(both) = at(Leg::Mixed).or(at(Leg::Agent).zip(at(Leg::Caller)).map(|(one, other)| one.max(other))) {
            self.line.both_sides(both);
        }
    }

    /// Somebody spoke; what was said is not known yet.
    pub fn utterance(&mut self, key: i64, leg: Leg, start_ms: i64, end_ms: i64) {
        self.waiting.insert(key, start_ms);
        self.line.add(leg, start_ms, end_ms);
    }

    /// The utterance has all its text now, or has none.
    pub fn written(&mut self, key: i64) {
        self.waiting.remove(&key);
    }

    /// Forgets what fired while a new watch was told what was said before; [`Self::fired_before`] tells what really did.
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
    pub fn risk(&self, rolling: &CallRolling) -> Risk {
        let words = self.words.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        let signs = Signs {
            words: &words,
            words_weight: self.words.values().sum(),
            profanity: self.profanity,
            dead_air_ms: self.line.dead_air_ms(self.known_to_ms),
            overlap_ms: self.line.overlap_ms(),
        };
        risk(rolling, signs)
    }

    /// Takes the next segment, which `rolling` holds already; tells what fires.
    pub fn said(&mut self, book: &RuleBook, said: &Said, rolling: &CallRolling) -> Option<Alert> {
        let hits = book.find(said.text, said.leg);
        self.remember(book, said, &hits);
        let repeats = self.repeats(said);
        let risk = self.risk(rolling).score;
        let mut fired = Vec::new();
        for rule in book.rules().iter().filter(|rule| rule.leg.takes(said.leg)) {
            let Trigger::Text(trigger) = &rule.trigger else { continue };
            let Some((count, occurrence)) = text_occurrence(rule, trigger, said, &hits, repeats) else { continue };
            let state = self.rules.entry(rule.name.clone()).or_default();
            if !begins_in(rule.window, said.start_ms) {
                continue;
            }
            if needs_length(rule.window) || rule.times > 1 {
                let room = KEPT.saturating_sub(state.occurrences.len()).min(count);
                state.occurrences.extend(std::iter::repeat_n(occurrence.clone(), room));
                if needs_length(rule.window) {
                    continue;
                }
            }
            if let Some(found) = state.decide(rule, occurrence, said.end_ms, rolling, risk) {
                fired.push((rule, found));
            }
        }
        let text = (said.text.to_owned(), said.compound);
        alert(fired, rolling, risk, Some(text))
    }

    /// Keeps what later decisions need: words that weigh, profanity, what must have been said.
    fn remember(&mut self, book: &RuleBook, said: &Said, hits: &RuleHits) {
        for hit in said.keywords {
            let heavy = book.label_weight(&hit.label);
            if heavy > 0 {
                self.words.insert(hit.label.clone(), heavy);
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
                let occurrence = occurrence(said, String::new(), vec![hit.term.clone()]);
                state.occurrences.push(occurrence);
                state.occurrences.truncate(KEPT);
            } else {
                state.heard |= begins_in(rule.window, said.start_ms);
            }
        }
    }

    /// How often this leg has said nearly the same lately, this time included.
    fn repeats(&mut self, said: &Said) -> u32 {
        let words: HashSet<String> = said
            .text
            .split(|c: char| !c.is_alphanumeric() && c != '\'')
            .filter(|word| !word.is_empty())
            .map(str::to_lowercase)
            .collect();
        if words.len() < LEAST_WORDS {
            return 1;
        }
        let alike = |other: &HashSet<String>| {
            let common = words.intersection(other).count() as f64;
            common / (words.len() + other.len()) as f64 * 2.0 >= ALIKE
        };
        let times = 1 + self.recent.iter().filter(|(leg, other)| *leg == said.leg && alike(other)).count();
        self.recent.push_back((said.leg, words));
        if self.recent.len() > REMEMBERED {
            self.recent.pop_front();
        }
        times as u32
    }

    /// All that began before `to_ms` is known as speech; tells what time has decided.
    pub fn passed(&mut self, book: &RuleBook, to_ms: i64, rolling: &CallRolling) -> Option<Alert> {
        self.known_to_ms = self.known_to_ms.max(to_ms);
        let to_ms = self.known_to_ms;
        let passages = self.line.pass(to_ms);
        let text_to_ms = self.waiting.values().copied().min().unwrap_or(i64::MAX).min(to_ms);
        let wants_risk = |rule: &Rule| rule.figures.risk_above.is_some() && !matches!(rule.trigger, Trigger::Text(_));
        let risk = if book.rules().iter().any(wants_risk) { self.risk(rolling).score } else { 0.0 };
        let mut fired = Vec::new();
        for rule in book.rules() {
            match &rule.trigger {
                Trigger::Text(_) => {}
                Trigger::NotSaid(_) => {
                    let Window::First(deadline_ms) = rule.window else { continue };
                    if text_to_ms >= deadline_ms
                        && self.is_missing(rule, |state| !state.heard)
                        && let Some(found) = self.decide_missing(rule, (0, deadline_ms), rolling, risk)
                    {
                        fired.push((rule, found));
                    }
                }
                Trigger::Silence(_) | Trigger::Overlap(_) => {
                    let state = self.rules.entry(rule.name.clone()).or_default();
                    for &passage in &passages {
                        if let Some(found) = state.passage(rule, passage, rolling, risk) {
                            fired.push((rule, found));
                        }
                    }
                }
            }
        }
        let risk = self.risk_of(&fired, rolling);
        alert(fired, rolling, risk, None)
    }

    /// Another platform says that nobody spoke for `silence_ms` until `at_ms`; for calls whose sound it does not send.
    pub fn silent(&mut self, book: &RuleBook, at_ms: i64, silence_ms: i64, rolling: &CallRolling) -> Option<Alert> {
        self.line.reported(silence_ms);
        let risk = self.risk(rolling).score;
        let passage = Passage::Silence { start_ms: at_ms - silence_ms, end_ms: at_ms };
        let mut fired = Vec::new();
        for rule in book.rules().iter().filter(|rule| matches!(rule.trigger, Trigger::Silence(_))) {
            let state = self.rules.entry(rule.name.clone()).or_default();
            fired.extend(state.passage(rule, passage, rolling, risk).map(|found| (rule, found)));
        }
        alert(fired, rolling, risk, None)
    }

    /// The call is over after `length_ms`, and everything in it is text: decides what needed its length.
    pub fn ended(&mut self, book: &RuleBook, length_ms: i64, rolling: &CallRolling) -> Option<Alert> {
        let risk = self.risk(rolling).score;
        let mut fired = Vec::new();
        for rule in book.rules() {
            let (from_ms, to_ms) = span(rule.window, length_ms);
            let inside = |occurrence: &Occurrence| (from_ms..=to_ms).contains(&occurrence.start_ms);
            let found = match &rule.trigger {
                // A call that was over before its deadline was too short to tell.
                Trigger::NotSaid(_) if matches!(rule.window, Window::First(_)) => None,
                Trigger::NotSaid(_) => self
                    .is_missing(rule, |state| !state.heard && !state.occurrences.iter().any(inside))
                    .then(|| self.decide_missing(rule, (from_ms, to_ms), rolling, risk))
                    .flatten(),
                _ if needs_length(rule.window) => self.rules.get_mut(&rule.name).and_then(|state| {
                    state.occurrences.retain(inside);
                    let last = state.occurrences.last()?.clone();
                    let end_ms = last.end_ms;
                    state.decide(rule, last, end_ms, rolling, risk)
                }),
                _ => None,
            };
            fired.extend(found.map(|found| (rule, found)));
        }
        let risk = self.risk_of(&fired, rolling);
        alert(fired, rolling, risk, None)
    }

    fn risk_of(&self, fired: &[(&Rule, Occurrence)], rolling: &CallRolling) -> f64 {
        if fired.is_empty() { 0.0 } else { self.risk(rolling).score }
    }

    /// Whether somebody was there to say it, and has not.
    fn is_missing(&self, rule: &Rule, unsaid: impl Fn(&RuleState) -> bool) -> bool {
        let fresh = RuleState::default();
        let state = self.rules.get(&rule.name).unwrap_or(&fresh);
        state.fired_ms.is_none() && unsaid(state) && self.legs.keys().any(|&leg| rule.leg.takes(leg))
    }

    fn decide_missing(
        &mut self,
        rule: &Rule,
        (start_ms, end_ms): (i64, i64),
        rolling: &CallRolling,
        risk: f64,
    ) -> Option<Occurrence> {
        let reason = match rule.window {
            Window::First(_) => format!("not said in the first {} s", seconds(end_ms)),
            Window::Whole => "not said in the call".into(),
            _ => format!("not said from {} s to {} s", seconds(start_ms), seconds(end_ms)),
        };
        let missing = Occurrence { start_ms, end_ms, leg: None, reason, words: Vec::new() };
        self.rules.entry(rule.name.clone()).or_default().decide(rule, missing, end_ms, rolling, risk)
    }

    /// The call's begin moves by so much: it has met its other half.
    pub fn shift(&mut self, ms: i64) {
        self.line.shift(ms);
        self.known_to_ms += ms;
        self.waiting.values_mut().chain(self.legs.values_mut()).for_each(|at| *at += ms);
        for state in self.rules.values_mut() {
            state.fired_ms = state.fired_ms.map(|at| at + ms);
            state.silence_ms = state.silence_ms.map(|at| at + ms);
            for occurrence in &mut state.occurrences {
                occurrence.start_ms += ms;
                occurrence.end_ms += ms;
            }
        }
    }

    /// Takes over what was known of another half of the call.
    pub fn absorb(&mut self, other: Self) {
        for (leg, since_ms) in other.legs {
            self.leg(leg, since_ms);
        }
        self.line.absorb(other.line);
        self.waiting.extend(other.waiting);
        self.known_to_ms = self.known_to_ms.max(other.known_to_ms);
        self.words.extend(other.words);
        self.profanity += other.profanity;
        self.recent.extend(other.recent);
        for (rule, theirs) in other.rules {
            let mine = self.rules.entry(rule).or_default();
            mine.fired_ms = mine.fired_ms.max(theirs.fired_ms);
            mine.silence_ms = mine.silence_ms.max(theirs.silence_ms);
            mine.heard |= theirs.heard;
            mine.occurrences.extend(theirs.occurrences);
        }
    }
}

impl RuleState {
    /// Whether the rule fires now that its trigger came again at `at_ms`; counts, figures and the cooldown considered.
    fn decide(
        &mut self,
        rule: &Rule,
        now: Occurrence,
        at_ms: i64,
        rolling: &CallRolling,
        risk: f64,
    ) -> Option<Occurrence> {
        if rule.times > 1 {
            let from = rule.within_ms.map_or(i64::MIN, |within| now.start_ms - within);
            self.occurrences.retain(|occurrence| occurrence.start_ms >= from);
            if self.occurrences.len() < rule.times as usize {
                return None;
            }
        }
        let mut reasons = figures(rule, rolling, risk)?;
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

    /// What a rule of silence or interruption makes of what happened.
    fn passage(&mut self, rule: &Rule, passage: Passage, rolling: &CallRolling, risk: f64) -> Option<Occurrence> {
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
        if (rule.times > 1 || needs_length(rule.window)) && self.occurrences.len() < KEPT {
            self.occurrences.push(occurrence.clone());
        }
        if needs_length(rule.window) {
            return None;
        }
        // Where it became one, however much later it is told: so a restart decides as the first run did.
        let at_ms = match rule.trigger {
            Trigger::Silence(least_ms) => occurrence.start_ms + least_ms,
            _ => occurrence.end_ms,
        };
        self.decide(rule, occurrence, at_ms, rolling, risk)
    }
}

fn occurrence(said: &Said, reason: String, words: Vec<String>) -> Occurrence {
    Occurrence { start_ms: said.start_ms, end_ms: said.end_ms, leg: Some(said.leg), reason, words }
}

/// Whether all that a rule wants of a text is in it; how often its words came.
fn text_occurrence(
    rule: &Rule,
    trigger: &TextTrigger,
    said: &Said,
    hits: &RuleHits,
    repeats: u32,
) -> Option<(usize, Occurrence)> {
    let (mut reasons, mut words, mut count) = (Vec::new(), Vec::new(), 0);
    let mut look = |wanted: bool, what: &str, found: Vec<&TermHit>| {
        if !wanted {
            return Some(());
        }
        let named = |hit: &&TermHit| {
            if what == "said" && hit.label != rule.name {
                format!("{} ({})", hit.term, hit.label)
            } else {
                hit.term.clone()
            }
        };
        let mut texts: Vec<String> = found.iter().map(named).collect();
        texts.dedup();
        count += found.len();
        words.extend(found.iter().map(|hit| hit.term.clone()));
        (!found.is_empty()).then(|| reasons.push(format!("{what}: {}", texts.join(", "))))
    };
    look(!trigger.said.is_empty(), "said", hits.said.iter().filter(|hit| hit.label == rule.name).collect())?;
    let labelled = said.keywords.iter().filter(|hit| trigger.labels.contains(&hit.label)).collect();
    look(!trigger.labels.is_empty(), "said", labelled)?;
    look(trigger.profanity, "profanity", said.profanity.iter().collect())?;
    if let Some(below) = trigger.sentiment_below {
        if said.compound >= below {
            return None;
        }
        reasons.push(format!("sentiment {:+.2} below {below:+.2}", said.compound));
    }
    if let Some(least) = trigger.repeats {
        if repeats < least {
            return None;
        }
        reasons.push(format!("said nearly the same {repeats} times"));
    }
    words.dedup();
    Some((count.max(1), occurrence(said, reasons.join(", "), words)))
}

/// What the call's figures say for a rule; `None` when they do not fit.
fn figures(rule: &Rule, rolling: &CallRolling, risk: f64) -> Option<Vec<String>> {
    let Figures { rolling_below, negatives, risk_above, min_segments } = rule.figures;
    let leg = [Leg::Agent, Leg::Caller].into_iter().find(|&leg| rule.leg != LegFilter::Any && rule.leg.takes(leg));
    let of: &Rolling = leg.and_then(|leg| rolling.legs.get(&leg)).unwrap_or(&rolling.call);
    if of.segments < min_segments {
        return None;
    }
    let mut reasons = Vec::new();
    if let Some(below) = rolling_below {
        let now = of.rolling.filter(|&now| now < below)?;
        reasons.push(format!("rolling sentiment {now:+.2} below {below:+.2}"));
    }
    if let Some(least) = negatives {
        if of.consecutive_negative < least {
            return None;
        }
        reasons.push(format!("{} negative segments in a row", of.consecutive_negative));
    }
    if let Some(least) = risk_above {
        if risk < least {
            return None;
        }
        reasons.push(format!("risk {risk:.2} at or above {least:.2}"));
    }
    Some(reasons)
}

/// All that fired at one moment, as one alert.
fn alert(
    mut fired: Vec<(&Rule, Occurrence)>,
    rolling: &CallRolling,
    risk: f64,
    text: Option<(String, f64)>,
) -> Option<Alert> {
    fired.sort_by_key(|(rule, _)| std::cmp::Reverse(rule.level));
    let (worst, first) = fired.first()?;
    let (text, sentiment) = text.map_or((String::new(), None), |(text, compound)| (text, Some(compound)));
    Some(Alert {
        level: worst.level,
        leg: first.leg,
        start_ms: fired.iter().map(|(_, found)| found.start_ms).min().unwrap_or(first.start_ms),
        end_ms: fired.iter().map(|(_, found)| found.end_ms).max().unwrap_or(first.end_ms),
        text,
        sentiment,
        rolling: rolling.call.rolling,
        risk,
        rules: fired
            .into_iter()
            .map(|(rule, found)| Fired {
                name: rule.name.clone(),
                level: rule.level,
                description: rule.description.clone(),
                pack: rule.pack.clone(),
                reason: found.reason,
                words: found.words,
                prompt: rule.prompt.clone(),
            })
            .collect(),
    })
}

fn needs_length(window: Window) -> bool {
    matches!(window, Window::Last(_) | Window::FirstShare(_) | Window::LastShare(_))
}

/// What can be told of a window while the call runs.
fn begins_in(window: Window, at_ms: i64) -> bool {
    match window {
        Window::First(ms) => at_ms < ms,
        _ => true,
    }
}

/// A window in a call of known length.
fn span(window: Window, length_ms: i64) -> (i64, i64) {
    let share = |share: f64| (length_ms as f64 * share) as i64;
    match window {
        Window::Whole => (0, length_ms),
        Window::First(ms) => (0, ms.min(length_ms)),
        Window::Last(ms) => ((length_ms - ms).max(0), length_ms),
        Window::FirstShare(first) => (0, share(first)),
        Window::LastShare(last) => (length_ms - share(last), length_ms),
    }
}

/// Seconds as a person writes them: 30, 1.5.
fn seconds(ms: i64) -> f64 {
    (ms as f64 / 100.0).round() / 10.0
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;
