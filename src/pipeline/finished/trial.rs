//! Compares other packs with the packs in use on a finished call: labels, alerts, points of the score card. Pure. Both sets of packs analyse the text
//! anew, so that every difference comes from the packs.
//!
//! Only alerts by words, or by their absence, are compared: silence and interruptions do not depend on a pack's words.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

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

/// What some calls are read by, with its rules.
struct Reader {
    analyser: Arc<TextAnalyser>,
    book: RuleBook,
}

impl Reader {
    fn new(analyser: Arc<TextAnalyser>) -> Self {
        let book = RuleBook::new(analyser.rules());
        Self { analyser, book }
    }
}

/// Packs made ready to be tried.
pub struct Trial {
    all: Reader,
    /// By the names of campaigns in small letters.
    of_campaigns: HashMap<String, Reader>,
}

impl Trial {
    /// Takes packs as an analyser holds them, with those that campaigns have of their own.
    pub fn new(analyser: TextAnalyser) -> Self {
        let own = |(name, own): (&str, &Arc<TextAnalyser>)| (name.to_lowercase(), Reader::new(Arc::clone(own)));
        let of_campaigns = analyser.of_campaigns().map(own).collect();
        Self { all: Reader::new(Arc::new(analyser)), of_campaigns }
    }

    /// What a call is read by.
    fn reader(&self, call: &PastCall) -> &Reader {
        let own = call.campaign.as_ref().and_then(|campaign| self.of_campaigns.get(&campaign.to_lowercase()));
        own.unwrap_or(&self.all)
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
        let Reader { analyser, book } = self.reader(call);
        let mut watch = CallWatch::default();
        let mut rolling = CallRolling::default();
        let (mut keywords, mut alerts, mut lines) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
        for leg in call.lines.iter().map(|line| line.leg).collect::<BTreeSet<_>>() {
            watch.text_leg(leg, 0);
        }
        for line in &call.lines {
            let analysis = analyser.analyse_in(line.language.as_deref(), &line.text, line.leg);
            let compound = analysis.compound();
            rolling.push(line.leg, compound);
            let said = Said::of(line.leg, line.start_ms..line.end_ms, &line.text, compound, &analysis);
            let told = [watch.passed(book, line.start_ms, &rolling), watch.said(book, &said, &rolling)];
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
        let last = [watch.passed(book, length_ms, &rolling), watch.ended(book, length_ms, &rolling)];
        alerts.extend(last.into_iter().flatten().flat_map(|alert| alert.rules).map(|rule| rule.name));
        let insights = analyser.insights(&lines, None, None);
        let tags = analyser.reviewer().tags(&lines, &insights);
        let card = analyser.reviewer().card(&lines, &CallMeasures::default(), true);
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
        Trial::new(analyser(body))
    }

    fn analyser(body: &str) -> TextAnalyser {
        let mut packs = Pack::bundled().expect("bundled packs");
        let text = format!("name = \"own\"\nversion = \"1\"\nlanguage = \"en\"\n{body}");
        packs.push(Pack::parse("own.toml", &text).expect("a good pack"));
        TextAnalyser::new(LexiconKind::CallCentre, &packs)
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
        let mut call = PastCall { call_id: "c1".into(), campaign: None, audio_ms: 20_000, lines };
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
        // A campaign that has packs of its own, and does not name this one, would see nothing of it.
        call.campaign = Some("SALES".into());
        assert!(!now.against(&trial(own), &call).is_empty());
        let with_sales = |body: &str| {
            let mut analyser = analyser(body);
            let packs: Vec<Pack> = Pack::bundled().expect("bundled packs");
            analyser.read_campaign_by("sales".into(), LexiconKind::CallCentre, &packs);
            Trial::new(analyser)
        };
        assert_eq!(with_sales("").against(&with_sales(own), &call), []);
        call.campaign = Some("CLAIMS".into());
        assert!(!with_sales("").against(&with_sales(own), &call).is_empty());
    }
}
