//! Brings alerts and risk up to date with a call's new text.
//!
//! The present rules run over the new text. An alert that they raise again gets the new words. One that they no longer raise is closed in the name of
//! [`BY`]. One that only the new text shows is raised, unless the call ended more than a day ago. Alerts by silence and interruptions stay where the
//! utterances are the same; where the VAD was run again they are judged as well. Alerts of rules that the packs no longer hold stay.

use std::collections::HashSet;
use std::sync::Arc;

use crate::alerts::{CallWatch, RiskScore, RuleBook, Said};
use crate::call::{Alert, CallKey, Fired, VadRun, WallTime};
use crate::pipeline::finished::reviews::is_fresh;
use crate::priority;
use crate::store::alerts::{AlertFilter, AlertRow, NewAlert, SpeechRow};
use crate::store::calls::{CallRow, LegRow};
use crate::store::change::Change;
use crate::store::segments::SegmentRow;
use crate::store::{Store, StoreError};
use crate::text::TextAnalyser;
use crate::text::rolling::CallRolling;
use crate::text::rule::{Rule, Trigger};

/// Name of the acknowledger of an alert that the new text does not confirm.
const BY: &str = "transcribed again";
/// Number of a call's alerts that are compared, the newest. A call with this many gets no new ones.
const MOST: u32 = 1000;
/// The segments of two texts of one stretch may be this far apart, milliseconds.
const APART_MS: i64 = 1000;

/// A call with its new text.
struct Played {
    legs: Vec<LegRow>,
    speech: Vec<SpeechRow>,
    segments: Vec<SegmentRow>,
    length_ms: i64,
}

/// The changes that bring a call's alerts and its risk up to date.
pub(super) async fn changes(
    store: &Store,
    analyser: Arc<TextAnalyser>,
    call: &CallRow,
    vad: VadRun,
    now: WallTime,
) -> Result<Vec<Change>, StoreError> {
    let mut played = Played {
        legs: store.legs(call.key).await?,
        speech: store.speech_of(call.key).await?,
        segments: store.segments(call.key).await?,
        length_ms: call.audio_ms,
    };
    played.segments.sort_by_key(|segment| (segment.start_ms, segment.id));
    let filter = AlertFilter { call: Some(call.key), limit: MOST, ..AlertFilter::default() };
    let known = store.alerts(filter).await?;
    let all_known = known.len() < MOST as usize;
    let play = move || {
        let book = RuleBook::new(analyser.rules());
        let judged = Judged { book: &book, vad };
        let (alerts, risk) = played.play(&analyser, judged);
        let (changes, missing) = compare(judged, known, alerts, now);
        (changes, missing, risk)
    };
    let (mut changes, missing, risk) = priority::aside(play).await.map_err(|_| StoreError::Closed)?;
    if is_fresh(call, now) && all_known {
        let mut id = store.last_alert().await?;
        changes.extend(missing.into_iter().map(|alert| {
            id += 1;
            raise(id, call.key, alert, now)
        }));
    }
    let parts = serde_json::to_value(&risk).unwrap_or_default();
    changes.push(Change::CallRisk { call: call.key, score: risk.score, parts });
    Ok(changes)
}

fn raise(id: i64, call: CallKey, alert: Alert, at: WallTime) -> Change {
    let origin = format!("again {} {} {}", at.0, alert.start_ms, alert.rule_names().join(" "));
    Change::AlertRaised(Box::new(NewAlert { id, call, at, origin, alert }))
}

/// The rules whose alerts are judged anew.
#[derive(Clone, Copy)]
struct Judged<'a> {
    book: &'a RuleBook,
    vad: VadRun,
}

impl Judged<'_> {
    /// Whether the packs have the rule, and what it looks at may be another now.
    fn has(self, name: &str) -> bool {
        self.book.rules().iter().any(|rule| rule.name == name && (self.vad == VadRun::Again || is_by_words(rule)))
    }

    /// Whether the rule looks at stretches of the call and not at words.
    fn is_of_speech(self, name: &str) -> bool {
        self.book.rules().iter().any(|rule| rule.name == name && !is_by_words(rule))
    }

    /// Whether two alerts mean the same firing of a rule. An alert without words, unless it is by silence or an interruption, is about the call so far,
    /// and its time moves with the text.
    fn is_same(self, one: (&Alert, &Fired), other: (&Alert, &Fired)) -> bool {
        let without_words = one.1.words.is_empty() && other.1.words.is_empty();
        let near = one.0.start_ms <= other.0.end_ms + APART_MS && other.0.start_ms <= one.0.end_ms + APART_MS;
        one.1.name == other.1.name && (without_words && !self.is_of_speech(&one.1.name) || near)
    }
}

fn is_by_words(rule: &Rule) -> bool {
    matches!(rule.trigger, Trigger::Text(_) | Trigger::NotSaid(_))
}

impl Played {
    /// The alerts that the rules to be judged raise in the whole call, and its risk.
    fn play(&self, analyser: &TextAnalyser, judged: Judged) -> (Vec<Alert>, RiskScore) {
        let book = judged.book;
        let mut watch = CallWatch::default();
        for leg in self.legs.iter().filter(|leg| !leg.heard.is_empty()) {
            if leg.has_sound() {
                watch.leg(leg.leg, leg.offset_ms);
            } else {
                watch.text_leg(leg.leg, leg.offset_ms);
            }
        }
        for speech in self.speech.iter().filter(|speech| speech.sounds) {
            watch.utterance(speech.utterance, speech.leg, speech.start_ms, speech.end_ms);
            watch.written(speech.utterance);
        }
        let mut rolling = CallRolling::default();
        let mut alerts = Vec::new();
        for segment in &self.segments {
            let analysis = analyser.analyse_in(segment.language.as_deref(), &segment.text, segment.leg);
            alerts.extend(watch.passed(book, segment.start_ms, &rolling));
            rolling.push(segment.leg, segment.compound);
            let said =
                Said::of(segment.leg, segment.start_ms..segment.end_ms, &segment.text, segment.compound, &analysis);
            alerts.extend(watch.said(book, &said, &rolling));
        }
        alerts.extend(watch.passed(book, self.length_ms, &rolling));
        alerts.extend(watch.ended(book, self.length_ms, &rolling));
        let alerts = alerts.into_iter().filter_map(|alert| only(alert, |rule| judged.has(&rule.name)));
        (alerts.collect(), watch.risk(&rolling))
    }
}

/// An alert with some of its rules; `None` without any.
fn only(mut alert: Alert, wanted: impl Fn(&Fired) -> bool) -> Option<Alert> {
    alert.rules.retain(wanted);
    alert.level = alert.rules.iter().map(|rule| rule.level).max()?;
    Some(alert)
}

/// The changes to the alerts that the call has, and the alerts that it lacks.
fn compare(judged: Judged, known: Vec<AlertRow>, played: Vec<Alert>, now: WallTime) -> (Vec<Change>, Vec<Alert>) {
    let mut changes = Vec::new();
    // Firings that have an alert: index of the alert, name of the rule.
    let mut told: HashSet<(usize, String)> = HashSet::new();
    for AlertRow { id, alert: before, acknowledged, .. } in known {
        let mut alert = before.clone();
        let mut again: Option<&Alert> = None;
        alert.rules.retain_mut(|rule| {
            if !judged.has(&rule.name) {
                return true;
            }
            let firings =
                played.iter().enumerate().flat_map(|(at, new)| new.rules.iter().map(move |rule| (at, new, rule)));
            let mut firings = firings.filter(|(at, ..)| !told.contains(&(*at, rule.name.clone())));
            let Some((at, new, found)) = firings.find(|(_, new, found)| judged.is_same((&before, rule), (new, found)))
            else {
                return false;
            };
            told.insert((at, rule.name.clone()));
            again = Some(again.unwrap_or(new));
            *rule = found.clone();
            true
        });
        if let Some(level) = alert.rules.iter().map(|rule| rule.level).max() {
            alert.level = level;
            if let Some(new) = again {
                (alert.leg, alert.start_ms, alert.end_ms) = (new.leg, new.start_ms, new.end_ms);
                (alert.text, alert.sentiment) = (new.text.clone(), new.sentiment);
                (alert.rolling, alert.risk) = (new.rolling, new.risk);
            }
            if alert != before {
                changes.push(Change::AlertRevised { alert: id, says: Box::new(alert) });
            }
        } else if acknowledged.is_none() {
            changes.push(Change::AlertAcknowledged { alert: id, by: BY.into(), at: now });
        }
    }
    let is_told = |at: usize, rule: &Fired| told.contains(&(at, rule.name.clone()));
    let missing = played.into_iter().enumerate().filter_map(|(at, new)| only(new, |rule| !is_told(at, rule)));
    (changes, missing.collect())
}
