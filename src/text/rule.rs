//! Rules of alerts, as packs hold them: what must be heard, from whom, where in the call, how often, and how bad it is.
//!
//! ```toml
//! [[rule]]
//! name = "legal_threat"             # a rule of a later pack with the same name takes its place
//! level = "urgent"                  # warning, urgent or critical
//! description = "Legal action is threatened"
//! labels = ["legal"]                # a keyword of any pack with one of these labels was said
//! leg = "caller"
//! cooldown_s = 0
//! ```
//!
//! All conditions of a rule must hold together. Only the data is here; the alerts room decides. What contradicts itself is refused with its line.

use serde::Deserialize;
use toml::Spanned;

use super::entry::{Asked, Fault, LabelKind, LegFilter, read_name, read_terms};
use super::terms::TermPattern;
use crate::call::Level;

/// What makes a rule look.
#[derive(Clone, Debug, PartialEq)]
pub enum Trigger {
    /// Every segment of text, against what must be in it; empty for rules that look at the call's figures alone.
    Text(TextTrigger),
    /// Phrases that should have been said; decided when the stretch of the call in which they were due is over.
    NotSaid(Vec<TermPattern>),
    /// Nobody speaks for so long, milliseconds.
    Silence(i64),
    /// One side begins while the other speaks, and both go on for so long, milliseconds.
    Overlap(i64),
}

/// What must be in one segment; all that is set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TextTrigger {
    /// One of these phrases…
    pub said: Vec<TermPattern>,
    /// …outside of these.
    pub ignore: Vec<TermPattern>,
    /// A keyword with one of these labels.
    pub labels: Vec<String>,
    /// A word of a pack's profanity.
    pub profanity: bool,
    /// Compound below this.
    pub sentiment_below: Option<f64>,
    /// The same leg says nearly the same so often.
    pub repeats: Option<u32>,
}

/// Conditions on the call's figures at that moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FigureConditions {
    /// Rolling sentiment of one side below this: of the leg that the rule names, else of the one that spoke last.
    pub rolling_below: Option<f64>,
    /// This many negative segments of that side in a row.
    pub negatives: Option<u32>,
    /// Risk at or above this.
    pub risk_above: Option<f64>,
    /// Not before so many segments of that side.
    pub min_segments: u32,
}

/// The part of the call that counts.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Window {
    /// All of it.
    #[default]
    Whole,
    /// The first milliseconds.
    First(i64),
    /// The last milliseconds; known at the end.
    Last(i64),
    /// The first share, 0 to 1; known at the end.
    FirstShare(f64),
    /// The last share; known at the end.
    LastShare(f64),
}

/// One rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Its name in results.
    pub name: String,
    /// The pack it came from.
    pub pack: String,
    /// How bad it is.
    pub level: Level,
    /// In a sentence.
    pub description: String,
    /// What to say to the agent, where the pack says it.
    pub prompt: Option<String>,
    /// Whether it is in use.
    pub enabled: bool,
    /// Time of the call for which it stays quiet after it fired, milliseconds.
    pub cooldown_ms: i64,
    /// The direction whose words count.
    pub leg: LegFilter,
    /// What makes it look.
    pub trigger: Trigger,
    /// What must hold besides.
    pub figures: FigureConditions,
    /// Where in the call.
    pub window: Window,
    /// How often it must come…
    pub times: u32,
    /// …within so long, milliseconds; in all of the call when not set.
    pub within_ms: Option<i64>,
}

/// As it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleEntry {
    name: Spanned<String>,
    level: Level,
    #[serde(default)]
    description: String,
    prompt: Option<String>,
    #[serde(default = "yes")]
    enabled: bool,
    #[serde(default = "two_minutes")]
    cooldown_s: Spanned<f64>,
    #[serde(default)]
    leg: LegFilter,
    said: Option<Spanned<Vec<Spanned<String>>>>,
    not_said: Option<Spanned<Vec<Spanned<String>>>>,
    ignore: Option<Spanned<Vec<Spanned<String>>>>,
    labels: Option<Spanned<Vec<String>>>,
    #[serde(default)]
    profanity: bool,
    sentiment_below: Option<Spanned<f64>>,
    repeats: Option<Spanned<u32>>,
    silence_s: Option<Spanned<f64>>,
    overlap_s: Option<Spanned<f64>>,
    rolling_below: Option<Spanned<f64>>,
    negatives: Option<Spanned<u32>>,
    risk_above: Option<Spanned<f64>>,
    min_segments: Option<Spanned<u32>>,
    first_s: Option<Spanned<f64>>,
    last_s: Option<Spanned<f64>>,
    first_share: Option<Spanned<f64>>,
    last_share: Option<Spanned<f64>>,
    times: Option<Spanned<u32>>,
    within_s: Option<Spanned<f64>>,
}

const fn yes() -> bool {
    true
}

fn two_minutes() -> Spanned<f64> {
    Spanned::new(0..0, 120.0)
}

/// Longest stretch of a call that a rule may speak of, seconds: a day.
const MAX_S: f64 = 86_400.0;

fn within(key: &str, value: &Spanned<f64>, low: f64, high: f64) -> Result<f64, Fault> {
    let number = *value.get_ref();
    // Written so that NaN is refused too.
    if (low..=high).contains(&number) {
        return Ok(number);
    }
    Err((value.span(), format!("{key} is {number}; allowed is {low} to {high}")))
}

fn count(key: &str, value: Option<&Spanned<u32>>, low: u32, high: u32) -> Result<Option<u32>, Fault> {
    let Some(value) = value else { return Ok(None) };
    let number = *value.get_ref();
    if (low..=high).contains(&number) {
        return Ok(Some(number));
    }
    Err((value.span(), format!("{key} is {number}; allowed is {low} to {high}")))
}

fn milliseconds(key: &str, value: Option<&Spanned<f64>>, low_s: f64) -> Result<Option<i64>, Fault> {
    value.map(|value| within(key, value, low_s, MAX_S).map(|seconds| (seconds * 1000.0).round() as i64)).transpose()
}

pub(super) fn number(key: &str, value: Option<&Spanned<f64>>, low: f64, high: f64) -> Result<Option<f64>, Fault> {
    value.map(|value| within(key, value, low, high)).transpose()
}

/// The part of the call that `first_s`, `last_s`, `first_share` and `last_share` name; one of them at most.
pub(super) fn read_window(
    [first_s, last_s, first_share, last_share]: [Option<&Spanned<f64>>; 4],
    wrong: &impl Fn(&str) -> Fault,
) -> Result<Window, Fault> {
    let windows = [
        milliseconds("first_s", first_s, 1.0)?.map(Window::First),
        milliseconds("last_s", last_s, 1.0)?.map(Window::Last),
        number("first_share", first_share, 0.01, 1.0)?.map(Window::FirstShare),
        number("last_share", last_share, 0.01, 1.0)?.map(Window::LastShare),
    ];
    if windows.iter().flatten().count() > 1 {
        return Err(wrong("first_s, last_s, first_share and last_share: only one of them"));
    }
    Ok(windows.into_iter().flatten().next().unwrap_or_default())
}

impl RuleEntry {
    /// The labels that it asks for.
    pub(super) fn asked(&self) -> Asked {
        let lists = self.labels.iter().filter(|_| self.enabled);
        let labels =
            lists.flat_map(|list| list.get_ref().iter().map(|label| (LabelKind::Keyword, list.span(), label.clone())));
        ("rule", self.name.get_ref().clone(), labels.collect())
    }

    pub(super) fn check(self, pack: &str) -> Result<Rule, Fault> {
        let name = read_name("name", self.name.clone())?;
        let here = self.name.span();
        let wrong = |message: &str| (here.clone(), format!("rule {name:?}: {message}"));
        let terms = |list: Option<Spanned<Vec<Spanned<String>>>>| list.map_or(Ok(Vec::new()), read_terms);

        if let Some(ignore) = self.ignore.as_ref().filter(|_| self.said.is_none()) {
            return Err((ignore.span(), "ignore goes with said; for labels the keywords' own ignore counts".into()));
        }
        if let Some(labels) = self.labels.as_ref().filter(|labels| labels.get_ref().is_empty()) {
            return Err((labels.span(), "labels is empty; name at least one label of a keyword".into()));
        }
        let figures = FigureConditions {
            rolling_below: number("rolling_below", self.rolling_below.as_ref(), -1.0, 1.0)?,
            negatives: count("negatives", self.negatives.as_ref(), 1, 1000)?,
            risk_above: number("risk_above", self.risk_above.as_ref(), 0.0, 1.0)?,
            min_segments: count("min_segments", self.min_segments.as_ref(), 0, 1000)?.unwrap_or(0),
        };
        let text = TextTrigger {
            said: terms(self.said)?,
            ignore: terms(self.ignore)?,
            labels: self.labels.map(Spanned::into_inner).unwrap_or_default(),
            profanity: self.profanity,
            sentiment_below: number("sentiment_below", self.sentiment_below.as_ref(), -1.0, 1.0)?,
            repeats: count("repeats", self.repeats.as_ref(), 2, 20)?,
        };
        let silence = milliseconds("silence_s", self.silence_s.as_ref(), 1.0)?;
        let overlap = milliseconds("overlap_s", self.overlap_s.as_ref(), 0.1)?;
        let not_said = terms(self.not_said)?;
        let has_text = text != TextTrigger::default();
        let kinds = [has_text, silence.is_some(), overlap.is_some(), !not_said.is_empty()];
        if kinds.into_iter().filter(|&is| is).count() > 1 {
            return Err(wrong(
                "not_said, silence_s, overlap_s and what is said look at different moments: make a rule of each",
            ));
        }
        if !kinds.contains(&true)
            && figures == (FigureConditions { min_segments: figures.min_segments, ..FigureConditions::default() })
        {
            return Err(wrong(
                "has no condition; one of said, not_said, labels, profanity, sentiment_below, repeats, silence_s, overlap_s, rolling_below, \
                 negatives and risk_above is needed",
            ));
        }
        let window = read_window(
            [&self.first_s, &self.last_s, &self.first_share, &self.last_share].map(Option::as_ref),
            &wrong,
        )?;
        let times = count("times", self.times.as_ref(), 1, 1000)?;
        let within_ms = milliseconds("within_s", self.within_s.as_ref(), 1.0)?;
        if within_ms.is_some() && times.is_none() {
            return Err(wrong("within_s says in which span `times` must be reached: give times too"));
        }
        if times.is_some() && !not_said.is_empty() {
            return Err(wrong("what is not said is not said once: times does not go with not_said"));
        }
        Ok(Rule {
            pack: pack.to_owned(),
            level: self.level,
            description: self.description,
            prompt: self.prompt.filter(|prompt| !prompt.trim().is_empty()),
            enabled: self.enabled,
            cooldown_ms: (within("cooldown_s", &self.cooldown_s, 0.0, MAX_S)? * 1000.0) as i64,
            leg: self.leg,
            trigger: match (silence, overlap) {
                (Some(ms), _) => Trigger::Silence(ms),
                (_, Some(ms)) => Trigger::Overlap(ms),
                _ if !not_said.is_empty() => Trigger::NotSaid(not_said),
                _ => Trigger::Text(text),
            },
            figures,
            window,
            times: times.unwrap_or(1),
            within_ms,
            name,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::pack::Pack;

    const HEAD: &str = "name = \"p\"\nversion = \"1\"\nlanguage = \"en\"\n[[rule]]\nname = \"r\"\nlevel = \"urgent\"\n";

    fn rule(body: &str) -> Result<Rule, String> {
        Pack::parse("p.toml", &format!("{HEAD}{body}"))
            .map(|pack| pack.rules[0].clone())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_rule_is_read_with_its_conditions_window_and_count() {
        let rule = rule("said = [\"my lawyer\"]\nignore = [\"my lawyer friend\"]\nleg = \"caller\"\nfirst_s = 30\ntimes = 2\nwithin_s = 60\nrolling_below = -0.2")
            .expect("a good rule");
        assert_eq!((rule.level, rule.times, rule.within_ms), (Level::Urgent, 2, Some(60_000)));
        assert_eq!((rule.window, rule.leg, rule.cooldown_ms), (Window::First(30_000), LegFilter::Caller, 120_000));
        assert!(matches!(rule.trigger, Trigger::Text(text) if text.said.len() == 1 && text.ignore.len() == 1));
    }

    #[test]
    fn a_rule_that_cannot_be_meant_is_refused_with_its_line() {
        for (body, line, says) in [
            ("", 5, "has no condition"),
            ("min_segments = 3", 5, "has no condition"),
            ("silence_s = 5\nsaid = [\"x\"]", 5, "make a rule of each"),
            ("said = [\"x\"]\nfirst_s = 5\nlast_s = 5", 5, "only one of them"),
            ("said = [\"x\"]\nwithin_s = 5", 5, "give times too"),
            ("not_said = [\"x\"]\ntimes = 2", 5, "not_said"),
            ("labels = [\"x\"]\nignore = [\"y\"]", 8, "goes with said"),
            ("labels = []", 7, "at least one label"),
            ("said = []", 7, "at least one word"),
            ("said = [\n\"x\",\n\"b*d\"]", 9, "b*d"),
            ("sentiment_below = nan", 7, "allowed is -1 to 1"),
            ("risk_above = 2.0", 7, "allowed is 0 to 1"),
            ("silence_s = 0.0", 7, "allowed is 1 to 86400"),
            ("said = [\"x\"]\ncooldown_s = -1", 8, "allowed is 0"),
            ("repeats = 1", 7, "allowed is 2"),
            ("said = [\"x\"]\nleg = \"boss\"", 8, "`caller`"),
            ("sayd = [\"x\"]", 7, "`said`"),
        ] {
            let error = rule(body).expect_err(body);
            assert!(error.contains(&format!("line {line}:")) && error.contains(says), "{body:?}: {error}");
        }
    }
}
