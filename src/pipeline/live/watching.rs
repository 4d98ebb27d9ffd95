//! Joins the alerts room to the conductor: the rules in use, a call's watch after a restart, and alerts as changes of the database.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::event::Past;
use crate::alerts::{CallWatch, RiskScore, RuleBook, Said};
use crate::call::alert::Unsaid;
use crate::call::{Alert, CallKey, Leg, UtteranceKey, WallTime};
use crate::store::alerts::NewAlert;
use crate::store::change::Change;
use crate::text::TextAnalyser;
use crate::text::rolling::CallRolling;

/// The rules in use, and the numbers of alerts.
pub(super) struct Watching {
    all: TextReader,
    /// Those of campaigns that have packs of their own, as far as they were asked for.
    of_campaigns: Vec<TextReader>,
    /// Highest number given.
    last: i64,
}

/// What a call's text is read by, and the rules that go with it.
#[derive(Clone)]
pub(super) struct TextReader {
    pub analyser: Arc<TextAnalyser>,
    pub book: Arc<RuleBook>,
}

impl TextReader {
    fn new(analyser: Arc<TextAnalyser>) -> Self {
        let book = Arc::new(RuleBook::new(analyser.rules()));
        Self { analyser, book }
    }

    /// Keywords and rules that matched a text as it was shown, and no longer match it after its correction. `labels` name them.
    pub(super) fn unsaid(&self, leg: Leg, before: &str, now: &str, labels: &[String]) -> Unsaid {
        let terms = |text: &str| {
            let (analysis, hits) = (self.analyser.analyse(text, leg), self.book.find(text, leg));
            let all = analysis.keywords.into_iter().chain(analysis.profanity).chain(hits.said).chain(hits.not_said);
            all.map(|hit| hit.term).collect::<BTreeSet<_>>()
        };
        let instead = labels.first().map_or("[number]".into(), |label| format!("[{label}]"));
        Unsaid { terms: terms(before).difference(&terms(now)).cloned().collect(), instead }
    }
}

/// The occasion of an alert; one occasion raises one alert.
pub(super) enum Origin {
    /// A piece of an utterance's text, from 0.
    Text(UtteranceKey, usize),
    /// Time.
    Time,
}

impl Watching {
    /// `last_alert` is the highest number that was given.
    pub(super) fn new(last_alert: i64, analyser: Arc<TextAnalyser>) -> Self {
        Self { all: TextReader::new(analyser), of_campaigns: Vec::new(), last: last_alert }
    }

    /// Takes the packs that are in use now: after a reload they are other ones.
    pub(super) fn renew(&mut self, analyser: &Arc<TextAnalyser>) {
        if !Arc::ptr_eq(&self.all.analyser, analyser) {
            self.all = TextReader::new(Arc::clone(analyser));
            self.of_campaigns.clear();
        }
    }

    /// What the calls of a campaign are read by.
    pub(super) fn reading(&mut self, campaign: Option<&str>) -> TextReader {
        let analyser = self.all.analyser.of_campaign(campaign);
        let known = std::iter::once(&self.all).chain(&self.of_campaigns);
        if let Some(known) = known.into_iter().find(|known| Arc::ptr_eq(&known.analyser, &analyser)) {
            return known.clone();
        }
        let own = TextReader::new(analyser);
        self.of_campaigns.push(own.clone());
        own
    }

    /// A watch that knows what the database knows of a call.
    pub(super) fn recall(&mut self, past: &Past, campaign: Option<&str>) -> CallWatch {
        let TextReader { analyser, book } = self.reading(campaign);
        let mut watch = CallWatch::default();
        for leg in past.legs.iter().filter(|leg| !leg.heard.is_empty()) {
            if leg.audio.path().as_os_str().is_empty() {
                watch.text_leg(leg.leg, leg.offset_ms);
            } else {
                watch.leg(leg.leg, leg.offset_ms);
            }
        }
        for speech in past.speech.iter().filter(|speech| speech.sounds) {
            watch.utterance(speech.utterance, speech.leg, speech.start_ms, speech.end_ms);
            if speech.written {
                watch.written(speech.utterance);
            }
        }
        let mut rolling = CallRolling::default();
        for segment in &past.segments {
            let leg = segment.leg;
            let analysis = analyser.analyse(&segment.text, leg);
            rolling.push(leg, segment.compound);
            let said = Said::of(leg, segment.start_ms..segment.end_ms, &segment.text, segment.compound, &analysis);
            let _ = watch.said(&book, &said, &rolling); // it was told then
        }
        watch.nothing_fired();
        for alert in &past.alerts {
            for rule in alert.rule_names() {
                watch.fired_before(rule, alert.start_ms, alert.end_ms);
            }
        }
        watch
    }

    /// An alert as a change.
    pub(super) fn raise(&mut self, call: CallKey, alert: Alert, origin: &Origin, at: WallTime) -> Change {
        self.last += 1;
        let origin = match origin {
            Origin::Text(utterance, piece) => format!("text {utterance} {piece}"),
            Origin::Time => format!("time {} {}", alert.start_ms, alert.rule_names().join(" ")),
        };
        Change::AlertRaised(Box::new(NewAlert { id: self.last, call, at, origin, alert }))
    }
}

/// A call's risk as a change.
pub(super) fn risk_change(call: CallKey, risk: &RiskScore) -> Change {
    Change::CallRisk { call, score: risk.score, parts: serde_json::to_value(risk).unwrap_or(Value::Null) }
}
