//! How much a call needs somebody, as one number that explains itself.
//!
//! Every part has a value from 0 (nothing) to 1 (as bad as it gets) and a weight, the most that it can bring alone. They are joined as chances
//! that are independent of each other: `risk = 1 - product of (1 - weight * value)`. So one part alone does not make an alarm, and several together
//! do. The weights are judgement, not measurement; the parts in the answer let anybody see what they did.
//!
//! It tells how a call stands now. `rolling` and `trend` are of the moment: they fall when the caller calms down, and the risk with them. All other
//! parts only grow; nothing that the other side says, polite or not, changes the mood's parts.

use serde::Serialize;

use crate::call::Leg;
use crate::text::rolling::{CallRolling, Rolling};

/// The formula, as the answers give it.
pub const FORMULA: &str = "1 - product of (1 - weight * value)";

/// One part of the risk.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RiskComponent {
    /// Its name.
    pub part: &'static str,
    /// The most that it can bring alone.
    pub weight: f64,
    /// 0 to 1.
    pub value: f64,
    /// weight * value.
    pub share: f64,
    /// The basis of the part, in words.
    pub says: String,
}

/// A call's risk.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RiskScore {
    /// 0 to 1.
    pub score: f64,
    /// Formula by which the parts are combined.
    pub formula: &'static str,
    /// The parts.
    pub parts: Vec<RiskComponent>,
}

/// The basis of the parts, besides the sentiment.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Signs<'a> {
    /// Labels of rules that were said, and the sum of their weights (1 warning, 2 urgent, 3 critical).
    pub words: &'a str,
    pub words_weight: u32,
    pub profanity: u32,
    pub dead_air_ms: i64,
    pub overlap_ms: i64,
}

/// Joins the parts.
pub(super) fn risk(rolling: &CallRolling, signs: Signs) -> RiskScore {
    let silent = Rolling::default();
    // The agent's mood is not the caller's, also while the caller has not spoken.
    let (who, mood) = match (rolling.legs.get(&Leg::Caller), rolling.legs.get(&Leg::Mixed)) {
        (None, Some(mixed)) => ("the call", mixed),
        (caller, _) => ("the caller", caller.unwrap_or(&silent)),
    };
    let bad = |sentiment: Option<f64>| (-sentiment.unwrap_or(0.0)).clamp(0.0, 1.0);
    let seconds = |ms: i64| ms as f64 / 1000.0;
    let part = |part, weight: f64, value: f64, says: String| {
        let value = tidy(value.clamp(0.0, 1.0));
        RiskComponent { part, weight, value, share: tidy(weight * value), says }
    };
    let signed = |sentiment: Option<f64>| sentiment.map_or("none yet".into(), |value| format!("{value:+.2}"));
    let parts = vec![
        part("rolling", 0.5, bad(mood.rolling), format!("rolling sentiment of {who} {}", signed(mood.rolling))),
        part("worst", 0.3, bad(mood.min), format!("most negative segment of {who} {}", signed(mood.min))),
        part(
            "trend",
            0.3,
            f64::from(mood.consecutive_negative) / 5.0,
            format!("{} negative segments of {who} in a row (5 are full)", mood.consecutive_negative),
        ),
        part(
            "words",
            0.5,
            f64::from(signs.words_weight) / 4.0,
            if signs.words.is_empty() { "no words of a rule".into() } else { format!("said: {}", signs.words) },
        ),
        part(
            "profanity",
            0.25,
            f64::from(signs.profanity) / 3.0,
            format!("profanity {} times (3 are full)", signs.profanity),
        ),
        part(
            "silence",
            0.3,
            seconds(signs.dead_air_ms) / 60.0,
            format!("{:.0} s of dead air (60 s are full)", seconds(signs.dead_air_ms)),
        ),
        part(
            "overlap",
            0.2,
            seconds(signs.overlap_ms) / 20.0,
            format!("{:.0} s of talking over each other (20 s are full)", seconds(signs.overlap_ms)),
        ),
    ];
    let safe: f64 = parts.iter().map(|part| 1.0 - part.share).product();
    RiskScore { score: tidy(1.0 - safe), formula: FORMULA, parts }
}

/// Three decimals.
fn tidy(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_friendly_call_has_none_and_an_angry_one_with_hard_words_has_much() {
        let mut rolling = CallRolling::default();
        rolling.push(Leg::Caller, Some(0.6));
        assert_eq!(risk(&rolling, Signs::default()).score, 0.0);
        let mut rolling = CallRolling::default();
        for _ in 0..3 {
            rolling.push(Leg::Caller, Some(-0.8));
            rolling.push(Leg::Agent, Some(0.8));
        }
        let risk = risk(&rolling, Signs { words: "escalation, legal", words_weight: 4, ..Signs::default() });
        // 1 - 0.6 * 0.76 * 0.82 * 0.5: the agent's politeness takes nothing away
        assert_eq!(risk.score, 0.813);
        assert_eq!(risk.parts.iter().map(|part| part.share).collect::<Vec<_>>(), [0.4, 0.24, 0.18, 0.5, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn a_caller_who_calms_down_brings_down_what_is_of_the_moment_and_nothing_else() {
        let mut rolling = CallRolling::default();
        let signs = Signs { words: "legal", words_weight: 2, profanity: 1, dead_air_ms: 5000, overlap_ms: 2000 };
        (0..4).for_each(|_| rolling.push(Leg::Caller, Some(-0.8)));
        let angry = risk(&rolling, signs);
        (0..12).for_each(|_| rolling.push(Leg::Agent, Some(0.9)));
        assert_eq!(risk(&rolling, signs), angry, "the agent changes nothing");
        (0..12).for_each(|_| rolling.push(Leg::Caller, Some(0.7)));
        let calm = risk(&rolling, signs);
        assert!(calm.score < angry.score);
        let fell = angry.parts.iter().zip(&calm.parts).filter(|(before, after)| after.share < before.share);
        assert_eq!(fell.map(|(before, _)| before.part).collect::<Vec<_>>(), ["rolling", "trend"]);
    }

    proptest! {
        #[test]
        fn it_stays_between_0_and_1_and_more_trouble_is_never_less_risk(
            compounds in prop::collection::vec(-1.0..1.0_f64, 0..20), words in 0..50_u32, profanity in 0..50_u32,
            dead_air_ms in 0..10_000_000_i64, overlap_ms in 0..10_000_000_i64,
        ) {
            let mut rolling = CallRolling::default();
            for compound in compounds {
                rolling.push(Leg::Caller, Some(compound));
            }
            let calm = risk(&rolling, Signs::default()).score;
            let signs = Signs { words: "x", words_weight: words, profanity, dead_air_ms, overlap_ms };
            let bad = risk(&rolling, signs).score;
            prop_assert!((0.0..=1.0).contains(&bad) && calm <= bad);
        }
    }
}
