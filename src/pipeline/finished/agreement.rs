//! How far reviewers agree with each other, and the machine with them: Cohen's kappa over judgements that are passed or failed.
//!
//! Kappa is (observed - expected) / (1 - expected): the agreement beyond what the two would reach by chance, if each gave as many passes as they did
//! (J. Cohen, "A coefficient of agreement for nominal scales", Educational and Psychological Measurement 20, 1960). It is undefined where chance alone
//! makes all agree. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::contract::quality::{Agreement, JudgesAgreement, RuleAgreement};
use crate::store::score_reviews::JudgedRule;

/// Whether a rule was passed: half of its points or more. `None` where it was not asked for, or is worth nothing.
pub fn passed(points: Option<f64>, of: f64) -> Option<bool> {
    points.filter(|_| of > 0.0).map(|points| points * 2.0 >= of)
}

/// Pairs of judgements, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JudgementPairs {
    /// Both say passed.
    pub both_passed: u64,
    /// The first alone says passed.
    pub first_passed: u64,
    /// The second alone says passed.
    pub second_passed: u64,
    /// Both say failed.
    pub both_failed: u64,
}

impl JudgementPairs {
    /// Counts one pair.
    pub fn add(&mut self, first: bool, second: bool) {
        *match (first, second) {
            (true, true) => &mut self.both_passed,
            (true, false) => &mut self.first_passed,
            (false, true) => &mut self.second_passed,
            (false, false) => &mut self.both_failed,
        } += 1;
    }

    /// The agreement over the pairs counted.
    pub fn agreement(self) -> Agreement {
        let Self { both_passed, first_passed, second_passed, both_failed } = self;
        let pairs = both_passed + first_passed + second_passed + both_failed;
        let mut told = Agreement {
            pairs,
            both_passed,
            first_passed,
            second_passed,
            both_failed,
            observed: None,
            expected: None,
            kappa: None,
        };
        if pairs == 0 {
            return told;
        }
        let share = |count: u64| count as f64 / pairs as f64;
        let observed = share(both_passed + both_failed);
        let (first, second) = (both_passed + first_passed, both_passed + second_passed);
        let expected = share(first) * share(second) + share(pairs - first) * share(pairs - second);
        // By counts: both always say the same one thing.
        let is_certain = first == second && (first == 0 || first == pairs);
        told.observed = Some(observed);
        told.expected = Some(expected);
        told.kappa = (!is_certain).then(|| (observed - expected) / (1.0 - expected));
        told
    }
}

/// Pairs of two kinds of judges.
#[derive(Default)]
struct Counted<'a> {
    calls: BTreeSet<i64>,
    overall: JudgementPairs,
    rules: BTreeMap<&'a str, JudgementPairs>,
}

impl<'a> Counted<'a> {
    fn add(&mut self, one: &'a JudgedRule, first: bool, second: bool) {
        self.calls.insert(one.call);
        self.overall.add(first, second);
        self.rules.entry(&one.rule).or_default().add(first, second);
    }

    fn told(self) -> JudgesAgreement {
        let rule = |(rule, pairs): (&str, JudgementPairs)| RuleAgreement {
            rule: rule.to_owned(),
            agreement: pairs.agreement(),
        };
        JudgesAgreement {
            calls: self.calls.len(),
            overall: self.overall.agreement(),
            rules: self.rules.into_iter().map(rule).collect(),
        }
    }
}

/// Agreement of reviewers with each other, and of the machine with them. Each two reviewers of a call are a pair on each rule that both have judged;
/// the first is the one whose name comes first.
pub fn agreements(judged: &[JudgedRule]) -> (JudgesAgreement, JudgesAgreement) {
    let (mut people, mut machine) = (Counted::default(), Counted::default());
    let mut together: BTreeMap<(i64, &str), Vec<(&JudgedRule, bool)>> = BTreeMap::new();
    for one in judged {
        let Some(passed) = passed(one.points, one.of) else { continue };
        if let Some(met) = one.machine {
            machine.add(one, met, passed);
        }
        together.entry((one.call, &one.rule)).or_default().push((one, passed));
    }
    for mut all in together.into_values() {
        all.sort_by_key(|(one, _)| one.reviewer.as_str());
        for (place, (one, first)) in all.iter().enumerate() {
            for (_, second) in &all[place + 1..] {
                people.add(one, *first, *second);
            }
        }
    }
    (people.told(), machine.told())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(both_passed: u64, first_passed: u64, second_passed: u64, both_failed: u64) -> Agreement {
        JudgementPairs { both_passed, first_passed, second_passed, both_failed }.agreement()
    }

    fn near(found: Option<f64>, wanted: f64) -> bool {
        found.is_some_and(|found| (found - wanted).abs() < 1e-9)
    }

    #[test]
    fn kappa_is_that_of_tables_worked_out_by_hand() {
        // 35 of 50 agree; by chance 25/50 * 30/50 + 25/50 * 20/50 = 0.5.
        let textbook = pairs(20, 5, 10, 15);
        assert!(
            near(textbook.observed, 0.7) && near(textbook.expected, 0.5) && near(textbook.kappa, 0.4),
            "{textbook:?}"
        );
        // 60 of 100 agree both times; by chance 0.70 * 0.60 + 0.30 * 0.40 = 0.54, and 0.60 * 0.30 + 0.40 * 0.70 = 0.46.
        assert!(near(pairs(45, 25, 15, 15).kappa, 0.06 / 0.46));
        assert!(near(pairs(25, 35, 5, 35).kappa, 0.14 / 0.54));
        assert!(near(pairs(3, 0, 0, 2).kappa, 1.0));
        // Each says passed half of the time, never together: 0 of 4, by chance 0.5.
        assert!(near(pairs(0, 2, 2, 0).kappa, -1.0));
        // One of them passes all: chance explains every agreement.
        assert!(near(pairs(3, 1, 0, 0).kappa, 0.0));
    }

    #[test]
    fn kappa_is_undefined_where_chance_alone_makes_all_agree_and_without_pairs() {
        for certain in [pairs(7, 0, 0, 0), pairs(0, 0, 0, 7)] {
            assert_eq!((certain.observed, certain.expected, certain.kappa), (Some(1.0), Some(1.0), None));
        }
        assert_eq!(pairs(0, 0, 0, 0), Agreement::default());
    }

    fn judged(call: i64, reviewer: &str, rule: &str, points: Option<f64>, machine: Option<bool>) -> JudgedRule {
        JudgedRule { call, reviewer: reviewer.into(), rule: rule.into(), points, of: 10.0, machine }
    }

    #[test]
    fn half_of_the_points_is_passed_and_what_was_not_asked_for_is_neither() {
        for (points, of, wanted) in [
            (Some(5.0), 10.0, Some(true)),
            (Some(4.9), 10.0, Some(false)),
            (Some(0.0), 10.0, Some(false)),
            (None, 10.0, None),
            (Some(0.0), 0.0, None),
        ] {
            assert_eq!(passed(points, of), wanted, "{points:?} of {of}");
        }
    }

    #[test]
    fn each_two_reviewers_of_a_call_are_a_pair_and_the_machine_is_one_with_each() {
        let (people, machine) = agreements(&[
            judged(1, "mary", "greeting", Some(10.0), Some(true)),
            judged(1, "john", "greeting", Some(0.0), Some(true)),
            judged(1, "sue", "greeting", Some(10.0), Some(true)),
            judged(1, "mary", "closing", None, Some(false)),
            judged(1, "john", "closing", Some(10.0), None),
            judged(2, "mary", "greeting", Some(0.0), Some(false)),
        ]);
        assert_eq!((people.calls, people.overall.pairs, people.rules.len()), (1, 3, 1));
        // john and mary, john and sue, mary and sue: the first is the one whose name comes first.
        let overall = &people.overall;
        assert_eq!(
            (overall.both_passed, overall.first_passed, overall.second_passed, overall.both_failed),
            (1, 0, 2, 0)
        );
        assert_eq!((machine.calls, machine.overall.pairs), (2, 4));
        let overall = &machine.overall;
        assert_eq!(
            (overall.both_passed, overall.first_passed, overall.second_passed, overall.both_failed),
            (2, 1, 0, 1)
        );
        assert_eq!(machine.rules[0].rule, "greeting");
    }
}
