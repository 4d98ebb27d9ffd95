//! The rules in use, prepared for matching texts.

use std::collections::HashMap;

use crate::call::{Leg, Level};
use crate::text::keywords::{Groups, TermHit};
use crate::text::pack::{LegFilter, TermGroup};
use crate::text::rule::{Rule, Trigger};

/// All enabled rules; of those with one name the last.
#[derive(Debug)]
pub struct RuleBook {
    rules: Vec<Rule>,
    said: Groups,
    not_said: Groups,
    /// Weights of a keyword's label, by each rule that names it.
    labels: HashMap<String, Vec<(LegFilter, u32)>>,
}

/// Matches of the rules' own phrases in a text; a match's label is the rule's name.
pub struct RuleHits {
    /// Matches of `said`.
    pub said: Vec<TermHit>,
    /// Matches of `not_said`.
    pub not_said: Vec<TermHit>,
}

/// Weight of a level: one, two or three.
pub(super) const fn weight(level: Level) -> u32 {
    match level {
        Level::Warning => 1,
        Level::Urgent => 2,
        Level::Critical => 3,
    }
}

impl RuleBook {
    /// Takes the rules of the packs, in the order of the packs.
    pub fn new(all: &[Rule]) -> Self {
        let mut rules: Vec<Rule> = Vec::new();
        for rule in all {
            match rules.iter_mut().find(|other| other.name == rule.name) {
                Some(other) => *other = rule.clone(),
                None => rules.push(rule.clone()),
            }
        }
        rules.retain(|rule| rule.enabled);
        let group = |rule: &Rule, terms: &[_], ignore: &[_]| TermGroup {
            label: rule.name.clone(),
            terms: terms.to_vec(),
            leg: rule.leg,
            ignore: ignore.to_vec(),
        };
        let (mut said, mut not_said, mut labels) = (Vec::new(), Vec::new(), HashMap::new());
        for rule in &rules {
            match &rule.trigger {
                Trigger::Text(text) => {
                    said.push(group(rule, &text.said, &text.ignore));
                    for label in &text.labels {
                        let weights: &mut Vec<_> = labels.entry(label.clone()).or_default();
                        weights.push((rule.leg, weight(rule.level)));
                    }
                }
                Trigger::NotSaid(terms) => not_said.push(group(rule, terms, &[])),
                Trigger::Silence(_) | Trigger::Overlap(_) => {}
            }
        }
        Self { said: Groups::new(said.iter()), not_said: Groups::new(not_said.iter()), rules, labels }
    }

    /// The rules in use.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The rules' own phrases in a text.
    pub fn find(&self, text: &str, leg: Leg) -> RuleHits {
        RuleHits { said: self.said.find(text, leg), not_said: self.not_said.find(text, leg) }
    }

    /// Weight of a label in the risk when it is said on this leg: that of the worst rule that looks for it there, or 0 without one.
    pub(super) fn label_weight(&self, label: &str, leg: Leg) -> u32 {
        let weights = self.labels.get(label).into_iter().flatten();
        weights.filter(|(filter, _)| filter.takes(leg)).map(|(_, weight)| *weight).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Pack;

    fn book(rules: &str) -> RuleBook {
        let pack = Pack::parse("p.toml", &format!("name = \"p\"\nversion = \"1\"\nlanguage = \"en\"\n{rules}"));
        RuleBook::new(&pack.expect("a good pack").rules)
    }

    #[test]
    fn a_later_rule_takes_the_place_of_one_with_its_name_and_may_switch_it_off() {
        let rule = |more: &str| format!("[[rule]]\nname = \"r\"\nlevel = \"urgent\"\nsaid = [\"x\"]\n{more}\n");
        assert_eq!(book(&(rule("") + &rule("cooldown_s = 7"))).rules()[0].cooldown_ms, 7000);
        assert!(book(&(rule("") + &rule("enabled = false"))).rules().is_empty());
    }

    #[test]
    fn the_rules_that_come_with_the_program_are_those_of_the_documentation() {
        let packs = Pack::bundled().expect("bundled packs");
        let rules: Vec<Rule> = packs.iter().flat_map(|pack| &pack.rules).cloned().collect();
        let book = RuleBook::new(&rules);
        let names: Vec<&str> = book.rules().iter().map(|rule| rule.name.as_str()).collect();
        for name in [
            "keyword_detected",
            "legal_threat",
            "profanity",
            "negative_trend",
            "severe_negative_trend",
            "very_negative",
            "declining_call",
            "negative_sentiment",
            "escalation_keyword",
            "dead_air",
            "high_risk",
            "forbidden_words",
            "talking_over_caller",
        ] {
            assert!(names.contains(&name), "{name} is not in {names:?}");
        }
        assert!(rules.iter().any(|rule| rule.name == "missing_disclosure" && !rule.enabled));
        let known: Vec<&str> = packs.iter().flat_map(|pack| &pack.keywords).map(|group| group.label.as_str()).collect();
        for label in book.labels.keys() {
            assert!(known.contains(&label.as_str()), "no keyword has the label {label:?}");
        }
    }
}
