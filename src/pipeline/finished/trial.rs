//! Compares other packs with the packs in use on a finished call: labels, alerts, points of the score card. Pure. Both sets of packs analyse the text
//! anew, so that every difference comes from the packs.
//!
//! Only alerts by words, or by their absence, are compared: silence and interruptions do not depend on a pack's words.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::alerts::book::RuleBook;
use crate::alerts::watch::{CallWatch, Said};
use crate::store::past::PastCall;
use crate::text::TextAnalyser;
use crate::text::review::ReviewLine;
use crate::text::review::measures::CallMeasures;
use crate::text::rolling::CallRolling;

/// A difference between two sets of packs on one call.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrialDifference {
    /// The call.
    pub call_id: String,
    /// Kind of the difference: `keyword`, `intent`, `tag`, `alert` or `score`.
    pub what: &'static str,
    /// Results of the packs in use that the others lack; for the score its points of a hundred.
    pub before: Vec<String>,
    /// Results of the other packs that those in use lack.
    pub after: Vec<String>,
}

/// The results of one set of packs on a call.
struct Told {
    keywords: BTreeSet<String>,
    intent: BTreeSet<String>,
    tags: BTreeSet<String>,
    alerts: BTreeSet<String>,
    score: BTreeSet<String>,
}

/// Packs made ready to be tried.
pub struct Trial {
    analyser: TextAnalyser,
    book: RuleBook,
}

impl Trial {
    /// Takes packs as an analyser holds them.
    pub fn new(analyser: TextAnalyser) -> Self {
        let book = RuleBook::new(analyser.rules());
        Self { analyser, book }
    }

    /// The differences of these packs from `others`.
    pub fn against(&self, others: &Self, call: &PastCall) -> Vec<TrialDifference> {
        let (before, after) = (self.tell(call), others.tell(call));
        let kinds = [
            ("keyword", before.keywords, after.keywords),
            ("intent", before.intent, after.intent),
            ("tag", before.tags, after.tags),
            ("alert", before.alerts, after.alerts),
            ("score", before.score, after.score),
        ];
        let differs = kinds.into_iter().filter(|(_, before, after)| before != after);
        differs
            .map(|(what, before, after)| TrialDifference {
                call_id: call.call_id.clone(),
                what,
                before: before.difference(&after).cloned().collect(),
                after: after.difference(&before).cloned().collect(),
            })
            .collect()
    }

    fn tell(&self, call: &PastCall) -> Told {
        let mut watch = CallWatch::default();
        let mut rolling = CallRolling::default();
        let (mut keywords, mut alerts, mut lines) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
        for leg in call.lines.iter().map(|line| line.leg).collect::<BTreeSet<_>>() {
            watch.text_leg(leg, 0);
        }
        for line in &call.lines {
            let analysis = self.analyser.analyse_in(line.language.as_deref(), &line.text, line.leg);
            let compound = analysis.compound();
            rolling.push(line.leg, compound);
            let said = Said::of(line.leg, line.start_ms..line.end_ms, &line.text, compound, &analysis);
            let told = [watch.passed(&self.book, line.start_ms, &rolling), watch.said(&self.book, &said, &rolling)];
            alerts.extend(told.into_iter().flatten().flat_map(|alert| alert.rules).map(|rule| rule.name));
            let labels: Vec<String> = analysis.keywords.into_iter().map(|hit| hit.label).collect();
            keywords.extend(labels.iter().cloned());
            lines.push(ReviewLine {
                segment: line.segment,
                leg: line.leg,
                start_ms: line.start_ms,
                end_ms: line.end_ms,
                text: line.text.clone(),
                compound,
                labels,
                heard: true,
            });
        }
        let length_ms = call.lines.iter().map(|line| line.end_ms).max().unwrap_or(0).max(call.audio_ms);
        let last = [watch.passed(&self.book, length_ms, &rolling), watch.ended(&self.book, length_ms, &rolling)];
        alerts.extend(last.into_iter().flatten().flat_map(|alert| alert.rules).map(|rule| rule.name));
        let insights = self.analyser.insights(&lines, None, None);
        let tags = self.analyser.reviewer().tags(&lines, &insights);
        let card = self.analyser.reviewer().card(&lines, &CallMeasures::default(), true);
        Told {
            keywords,
            intent: insights.intent().map(|one| one.label.clone()).into_iter().collect(),
            tags: tags.into_iter().map(|tag| tag.name).collect(),
            alerts,
            score: card.score.map(|score| format!("{score:.0}")).into_iter().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Leg;
    use crate::store::past::PastLine;
    use crate::text::{LexiconKind, Pack};

    fn trial(body: &str) -> Trial {
        let mut packs = Pack::bundled().expect("bundled packs");
        let text = format!("name = \"own\"\nversion = \"1\"\nlanguage = \"en\"\n{body}");
        packs.push(Pack::parse("own.toml", &text).expect("a good pack"));
        Trial::new(TextAnalyser::new(LexiconKind::CallCentre, &packs))
    }

    #[test]
    fn what_a_pack_would_have_found_and_what_it_would_not_is_told() {
        let line = |segment, leg, text: &str| PastLine {
            segment,
            leg,
            start_ms: segment * 4000,
            end_ms: segment * 4000 + 2000,
            text: text.into(),
            language: None,
        };
        let lines = vec![
            line(1, Leg::Agent, "Hello, how can I help?"),
            line(2, Leg::Caller, "The gizmo went bang and I want to speak to your manager."),
        ];
        let call = PastCall { call_id: "c1".into(), audio_ms: 20_000, lines };
        let now = trial("");
        let own = concat!(
            "[[keyword]]\nlabel = \"gizmo\"\nterms = [\"gizmo\"]\n",
            "[[rule]]\nname = \"bang\"\nlevel = \"urgent\"\ndescription = \"It went bang\"\nsaid = [\"went bang\"]\n",
            "[[tag]]\nname = \"gizmo\"\nlabels = [\"gizmo\"]\nleg = \"caller\"\n"
        );
        let told = now.against(&trial(own), &call);
        assert!(
            told.iter().any(|one| one.what == "keyword" && one.after == ["gizmo"] && one.before.is_empty()),
            "{told:?}"
        );
        assert!(told.iter().any(|one| one.what == "alert" && one.after == ["bang"]), "{told:?}");
        assert!(told.iter().any(|one| one.what == "tag" && one.after == ["gizmo"]), "{told:?}");
        let without = "[[keyword]]\nlabel = \"escalation\"\nignore = [\"speak to your manager\"]\n";
        let told = now.against(&trial(without), &call);
        assert!(told.iter().any(|one| one.what == "keyword" && one.before == ["escalation"]), "{told:?}");
        assert_eq!(now.against(&trial(""), &call), []);
    }
}
