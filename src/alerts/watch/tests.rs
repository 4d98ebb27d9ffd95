//! A call told segment by segment: what fires, when, and what must stay quiet.

use super::*;
use crate::text::{LexiconKind, Pack, TextAnalyser};

const HEAD: &str = "name = \"p\"\nversion = \"1\"\nlanguage = \"en\"\n[[keyword]]\nlabel = \"legal\"\nterms = [\"lawyer\", \"sue\"]\n\
    [[profanity]]\nterms = [\"damn\"]\n";

/// A call that is told segment by segment.
struct Bench {
    book: RuleBook,
    analyser: TextAnalyser,
    watch: CallWatch,
    rolling: CallRolling,
    keys: i64,
}

impl Bench {
    fn new(rules: &str) -> Self {
        Self::with(&[Pack::parse("p.toml", &format!("{HEAD}{rules}")).expect("a good pack")])
    }

    fn with(packs: &[Pack]) -> Self {
        let analyser = TextAnalyser::new(LexiconKind::CallCentre, packs);
        let mut watch = CallWatch::default();
        watch.leg(Leg::Agent, 0);
        watch.leg(Leg::Caller, 0);
        Self { book: RuleBook::new(analyser.rules()), analyser, watch, rolling: CallRolling::default(), keys: 0 }
    }

    /// Speaks for two seconds, and is written down at once.
    fn say(&mut self, at_s: i64, leg: Leg, text: &str) -> Option<Alert> {
        self.keys += 1;
        self.watch.utterance(self.keys, leg, at_s * 1000, at_s * 1000 + 2000);
        let alert = self.text(at_s, leg, text);
        self.watch.written(self.keys);
        alert
    }

    fn text(&mut self, at_s: i64, leg: Leg, text: &str) -> Option<Alert> {
        let analysis = self.analyser.analyse(text, leg);
        self.rolling.push(leg, analysis.compound());
        let said = Said {
            leg,
            start_ms: at_s * 1000,
            end_ms: at_s * 1000 + 2000,
            text,
            compound: analysis.compound(),
            keywords: &analysis.keywords,
            profanity: &analysis.profanity,
        };
        self.watch.said(&self.book, &said, &self.rolling)
    }

    fn pass(&mut self, to_s: i64) -> Vec<String> {
        names(self.watch.passed(&self.book, to_s * 1000, &self.rolling))
    }

    fn end(&mut self, length_s: i64) -> Vec<String> {
        names(self.watch.ended(&self.book, length_s * 1000, &self.rolling))
    }
}

fn names(alert: Option<Alert>) -> Vec<String> {
    alert.into_iter().flat_map(|alert| alert.rules).map(|rule| rule.name).collect()
}

fn rule(name: &str, body: &str) -> String {
    format!("[[rule]]\nname = \"{name}\"\nlevel = \"warning\"\n{body}\n")
}

#[test]
fn one_alert_names_all_rules_that_fired_with_their_words_and_has_the_worst_level() {
    let mut bench = Bench::with(&Pack::bundled().expect("bundled packs"));
    let alert =
        bench.say(1, Leg::Caller, "I want to cancel my account, damn it, I will call my lawyer").expect("an alert");
    let rules: Vec<&str> = alert.rules.iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(rules, ["very_negative", "high_risk", "legal_threat", "profanity", "keyword_detected"]);
    assert_eq!(alert.level.as_str(), "critical");
    assert_eq!(alert.rules[2].reason, "said: lawyer (legal)");
    assert_eq!(alert.rules[3].words, ["damn"]);
    assert_eq!((alert.start_ms, alert.end_ms, alert.leg), (1000, 3000, Some(Leg::Caller)));
    assert!(alert.risk > 0.5, "{}", alert.risk);
}

#[test]
fn a_rule_stays_quiet_for_its_cooldown_of_the_calls_time() {
    let mut bench = Bench::new(&rule("r", "labels = [\"legal\"]\ncooldown_s = 60"));
    assert!(bench.say(1, Leg::Caller, "my lawyer").is_some());
    assert!(bench.say(50, Leg::Caller, "my lawyer").is_none());
    assert!(bench.say(62, Leg::Caller, "my lawyer").is_some());
    let mut eager = Bench::new(&rule("r", "labels = [\"legal\"]\ncooldown_s = 0"));
    assert!((0..3).all(|i| eager.say(i, Leg::Caller, "I sue").is_some()));
}

#[test]
fn words_count_on_their_leg_and_outside_of_the_contexts_to_ignore() {
    let mut bench = Bench::new(&rule(
        "r",
        "said = [\"calm down\"]\nignore = [\"i will calm down\"]\nleg = \"agent\"\ncooldown_s = 0",
    ));
    assert!(bench.say(1, Leg::Caller, "calm down").is_none());
    assert!(bench.say(2, Leg::Agent, "I will calm down").is_none());
    assert!(bench.say(3, Leg::Agent, "You must calm down").is_some());
}

#[test]
fn a_rule_on_the_first_seconds_looks_no_further() {
    let mut bench = Bench::new(&rule("r", "said = [\"hello\"]\nfirst_s = 10\ncooldown_s = 0"));
    assert!(bench.say(9, Leg::Agent, "hello").is_some());
    assert!(bench.say(10, Leg::Agent, "hello").is_none());
}

#[test]
fn what_needs_the_length_of_the_call_is_decided_at_its_end() {
    let rules =
        rule("late", "said = [\"goodbye\"]\nlast_s = 10") + &rule("early", "said = [\"goodbye\"]\nfirst_share = 0.1");
    let mut bench = Bench::new(&rules);
    assert!(bench.say(5, Leg::Agent, "goodbye").is_none());
    assert!(bench.say(95, Leg::Agent, "goodbye").is_none());
    assert_eq!(bench.end(100), ["late", "early"]);
    let mut other = Bench::new(&rules);
    other.say(50, Leg::Agent, "goodbye");
    assert!(other.end(100).is_empty());
}

#[test]
fn what_is_missing_is_told_at_its_deadline_once_all_that_was_said_before_is_text() {
    let mut bench = Bench::new(&rule("r", "not_said = [\"call is recorded\"]\nleg = \"agent\"\nfirst_s = 30"));
    bench.say(1, Leg::Caller, "the call is recorded"); // the wrong side
    assert!(bench.pass(29).is_empty());
    bench.watch.utterance(77, Leg::Agent, 28_000, 32_000);
    assert!(bench.pass(40).is_empty(), "what began at 28 s is not text yet");
    bench.watch.written(77);
    assert_eq!(bench.pass(41), ["r"]);
    assert!(bench.pass(300).is_empty(), "once is enough");
    assert!(bench.end(301).is_empty());
}

#[test]
fn what_was_said_in_time_is_not_missing_and_a_call_that_was_too_short_is_not_blamed() {
    let rules = rule("r", "not_said = [\"call is recorded\"]\nleg = \"agent\"\nfirst_s = 30");
    let mut bench = Bench::new(&rules);
    bench.say(29, Leg::Agent, "this call is recorded");
    assert!(bench.pass(60).is_empty());
    let mut late = Bench::new(&rules);
    late.say(31, Leg::Agent, "this call is recorded");
    assert_eq!(late.pass(60), ["r"]);
    assert!(Bench::new(&rules).end(20).is_empty());
    let mut alone = Bench::new(&rules);
    alone.watch = CallWatch::default();
    alone.watch.leg(Leg::Caller, 0);
    assert!(alone.pass(60).is_empty(), "no agent was heard who could have said it");
}

#[test]
fn a_farewell_that_is_missing_is_told_at_the_end() {
    let rules = rule("r", "not_said = [\"goodbye\"]\nleg = \"agent\"\nlast_s = 20");
    let mut bench = Bench::new(&rules);
    bench.say(10, Leg::Agent, "goodbye"); // too early to be one
    assert_eq!(bench.end(100), ["r"]);
    let mut polite = Bench::new(&rules);
    polite.say(90, Leg::Agent, "goodbye");
    assert!(polite.end(100).is_empty());
}

#[test]
fn dead_air_is_told_while_it_lasts_and_once_per_silence() {
    let mut bench = Bench::new(&rule("r", "silence_s = 10\ncooldown_s = 0"));
    bench.say(0, Leg::Agent, "one moment");
    assert!(bench.pass(11).is_empty());
    assert_eq!(bench.pass(12), ["r"]);
    assert!(bench.pass(25).is_empty());
    bench.say(26, Leg::Caller, "are you there");
    assert!(bench.pass(30).is_empty());
    assert_eq!(bench.pass(45), ["r"]);
}

#[test]
fn an_agent_who_talks_over_the_caller_again_and_again_is_told() {
    let mut bench = Bench::new(&rule("r", "overlap_s = 1.0\nleg = \"agent\"\ntimes = 2\nwithin_s = 60"));
    let overlap = |bench: &mut Bench, at_s: i64, first: Leg, second: Leg| {
        bench.keys += 2;
        bench.watch.utterance(bench.keys, first, at_s * 1000, at_s * 1000 + 5000);
        bench.watch.utterance(bench.keys + 1, second, at_s * 1000 + 1000, at_s * 1000 + 4000);
        bench.watch.written(bench.keys);
        bench.watch.written(bench.keys + 1);
        bench.pass(at_s + 6)
    };
    assert!(overlap(&mut bench, 0, Leg::Caller, Leg::Agent).is_empty());
    assert!(overlap(&mut bench, 10, Leg::Agent, Leg::Caller).is_empty(), "the caller may");
    assert_eq!(overlap(&mut bench, 20, Leg::Caller, Leg::Agent), ["r"]);
}

#[test]
fn counts_are_kept_within_their_span() {
    let mut bench = Bench::new(&rule("r", "labels = [\"legal\"]\ntimes = 3\nwithin_s = 60\ncooldown_s = 0"));
    assert!(bench.say(0, Leg::Caller, "my lawyer").is_none());
    assert!(bench.say(50, Leg::Caller, "my lawyer").is_none());
    assert!(bench.say(70, Leg::Caller, "I sue").is_none());
    let alert = bench.say(80, Leg::Caller, "my lawyer").expect("three within a minute");
    assert_eq!(alert.rules[0].words, ["lawyer", "sue"]);
    assert_eq!(alert.start_ms, 50_000);
}

#[test]
fn a_caller_who_says_the_same_again_is_noticed_and_one_who_agrees_is_not() {
    let mut bench = Bench::new(&rule("r", "repeats = 3\nleg = \"caller\""));
    assert!(bench.say(0, Leg::Caller, "my router does not work at all").is_none());
    assert!(bench.say(5, Leg::Agent, "my router does not work at all").is_none());
    assert!(bench.say(10, Leg::Caller, "My router does not work!").is_none());
    assert!((0..5).all(|i| bench.say(12 + i, Leg::Caller, "yes").is_none()));
    assert!(bench.say(20, Leg::Caller, "the router does not work at all").is_some());
}

#[test]
fn figures_of_the_call_fire_rules_and_conditions_hold_together() {
    let rules = rule("trend", "negatives = 3") + &rule("both", "labels = [\"legal\"]\nrolling_below = -0.2");
    let mut bench = Bench::new(&rules);
    assert!(bench.say(0, Leg::Caller, "my lawyer is great and wonderful").is_none());
    assert!(bench.say(5, Leg::Caller, "this is terrible, horrible and awful").is_none());
    assert!(bench.say(10, Leg::Caller, "this is terrible, horrible and awful").is_none());
    assert_eq!(names(bench.say(15, Leg::Caller, "I hate this terrible service, my lawyer")), ["trend", "both"]);
}

#[test]
fn after_a_restart_the_same_is_known_and_nothing_fires_twice() {
    let rules = rule("word", "labels = [\"legal\"]\ncooldown_s = 60") + &rule("air", "silence_s = 10\ncooldown_s = 0");
    let mut first = Bench::new(&rules);
    assert!(first.say(0, Leg::Caller, "my lawyer").is_some());
    assert_eq!(first.pass(13), ["air"]);
    let mut second = Bench::new(&rules);
    second.say(0, Leg::Caller, "my lawyer");
    second.watch.fired_before("word", 0, 2000);
    second.watch.fired_before("air", 2000, 13_000);
    assert!(second.pass(14).is_empty());
    assert!(second.say(20, Leg::Caller, "my lawyer").is_none());
    assert_eq!(second.pass(40), ["air"], "another silence");
}

#[test]
fn two_halves_of_a_call_that_meet_keep_what_they_know() {
    let rules = rule("r", "not_said = [\"call is recorded\"]\nleg = \"agent\"\nfirst_s = 30");
    let mut bench = Bench::new(&rules);
    bench.say(1, Leg::Agent, "this call is recorded");
    let mut caller = CallWatch::default();
    caller.leg(Leg::Caller, 0);
    caller.utterance(500, Leg::Caller, 4000, 6000);
    caller.shift(2000);
    bench.watch.absorb(caller);
    assert_eq!(bench.watch.legs[&Leg::Caller], 0);
    assert_eq!(bench.watch.waiting[&500], (Leg::Caller, 6000, 8000));
    assert!(bench.pass(40).is_empty());
}

#[test]
fn a_trend_is_one_sides_and_says_whose() {
    let packs = Pack::bundled().expect("bundled packs");
    let mut sorry = Bench::with(&packs);
    let apologies = (0..6).filter_map(|i| sorry.say(i * 5, Leg::Agent, "I am very sorry about the mistake"));
    assert_eq!(apologies.count(), 0, "nothing is wrong with the caller");
    let mut polite = Bench::with(&packs);
    let angry = [
        "This is really annoying.",
        "The router is broken again.",
        "It is a bad line.",
        "That is a useless answer.",
        "I am angry about it.",
    ];
    let mut reasons = Vec::new();
    for (at, text) in angry.into_iter().enumerate() {
        let alert = polite.say(at as i64 * 20, Leg::Caller, text);
        reasons.extend(alert.into_iter().flat_map(|alert| alert.rules).map(|rule| rule.reason));
        polite.say(at as i64 * 20 + 10, Leg::Agent, "Thank you so much, I am happy to help you with that!");
    }
    assert!(reasons.contains(&"3 negative segments of the caller's in a row".to_owned()), "{reasons:?}");
    assert!(reasons.contains(&"5 negative segments of the caller's in a row".to_owned()), "{reasons:?}");
    // A rule for both sides looks at the one that speaks.
    let mut any = Bench::new(&rule("r", "negatives = 2"));
    for (at, leg) in [Leg::Caller, Leg::Agent].into_iter().cycle().take(4).enumerate() {
        let alert = any.say(at as i64 * 200, leg, "This is terrible.");
        assert_eq!(alert.is_some(), at >= 2, "line {at}");
    }
}

#[test]
fn what_was_said_is_shown_and_one_reason_of_two_rules_once() {
    let mut bench = Bench::with(&Pack::bundled().expect("bundled packs"));
    let text = "Get me your supervisor, I want this Escalated, your supervisor is disgusting";
    let alert = bench.say(1, Leg::Caller, text).expect("an alert");
    let words = alert.words();
    assert!(["supervisor", "escalated", "disgusting"].iter().all(|word| words.contains(word)), "{words:?}");
    assert!(alert.reasons().iter().all(|reason| reason.matches("supervisor (").count() <= 1), "{:?}", alert.reasons());
    let alert = Bench::with(&Pack::bundled().expect("bundled packs")).say(1, Leg::Caller, "my supervisor");
    let message = alert.expect("an alert").message();
    assert_eq!(message, "escalation_keyword, keyword_detected: said: supervisor (escalation)");
}

#[test]
fn text_without_sound_tells_of_no_silence() {
    let mut bench = Bench::new(&rule("r", "silence_s = 10\ncooldown_s = 0"));
    bench.watch = CallWatch::default();
    bench.watch.text_leg(Leg::Agent, 0);
    bench.watch.leg(Leg::Caller, 0);
    bench.say(1, Leg::Caller, "hello");
    assert!(bench.pass(60).is_empty(), "nobody knows whether the agent spoke");
}
