//! An alert: what a supervisor must not miss in a call, why it is shown, and how the call stood.
//!
//! One type for those who raise it and for those who keep it.

use regex::{NoExpand, Regex};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::nouns::Leg;

/// Level of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Worth a look.
    Warning,
    /// Somebody should listen in.
    Urgent,
    /// Somebody should act now.
    Critical,
}

impl Level {
    /// From mild to bad.
    pub const ALL: [Self; 3] = [Self::Warning, Self::Urgent, Self::Critical];

    /// The word used in packs, in the database and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Urgent => "urgent",
            Self::Critical => "critical",
        }
    }

    /// Reads the word back.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == word)
    }

    /// The word that the analytics platforms use for it.
    pub const fn severity(self) -> Severity {
        match self {
            Self::Warning => Severity::Medium,
            Self::Urgent => Severity::High,
            Self::Critical => Severity::Critical,
        }
    }
}

/// Level of an alert, in the words of the analytics platforms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// A warning.
    Medium,
    /// Urgent.
    High,
    /// Critical.
    Critical,
}

/// A rule that fired, with its reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Fired {
    /// The rule.
    pub name: String,
    /// Level of the rule.
    pub level: Level,
    /// The rule in a sentence.
    pub description: String,
    /// The pack it came from.
    pub pack: String,
    /// Reason for which it fired, with the words.
    pub reason: String,
    /// The words that did it.
    pub words: Vec<String>,
    /// Prompt for the agent.
    pub prompt: Option<String>,
}

/// Words that [`Alert::happened`] tells at most.
const WORDS_TOLD: usize = 3;

/// An alert: all rules that fired at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    /// The worst of its rules.
    pub level: Level,
    /// The rules, worst first.
    pub rules: Vec<Fired>,
    /// The leg of the words that triggered it; `None` without words.
    pub leg: Option<Leg>,
    /// Begin of the words, milliseconds of the call.
    pub start_ms: i64,
    /// End of the words, milliseconds of the call.
    pub end_ms: i64,
    /// The segment; empty when no words did it.
    pub text: String,
    /// Its compound.
    pub sentiment: Option<f64>,
    /// The call's rolling sentiment.
    pub rolling: Option<f64>,
    /// The call's risk, 0 to 1.
    pub risk: f64,
}

impl Alert {
    /// Names of the rules that fired, worst first.
    pub fn rule_names(&self) -> Vec<&str> {
        self.rules.iter().map(|rule| rule.name.as_str()).collect()
    }

    /// Reasons of all rules, each once: several rules may match the same words. [`Fired::reason`] gives the reason of one rule.
    pub fn reasons(&self) -> Vec<&str> {
        let mut reasons: Vec<&str> = Vec::new();
        for rule in &self.rules {
            if !reasons.contains(&rule.reason.as_str()) {
                reasons.push(&rule.reason);
            }
        }
        reasons
    }

    /// All words that did it, each once.
    pub fn words(&self) -> Vec<&str> {
        let mut words: Vec<&str> = Vec::new();
        for word in self.rules.iter().flat_map(|rule| &rule.words) {
            if !words.contains(&word.as_str()) {
                words.push(word);
            }
        }
        words
    }

    /// Prompts for the agent.
    pub fn prompts(&self) -> Vec<&str> {
        self.rules.iter().filter_map(|rule| rule.prompt.as_deref()).collect()
    }

    /// A sentence for people: the worst rule's description, and the words that triggered it.
    pub fn happened(&self) -> String {
        let Some(worst) = self.rules.first() else { return String::new() };
        let words: Vec<String> = worst.words.iter().take(WORDS_TOLD).map(|word| format!("“{word}”")).collect();
        let sentence = if worst.description.is_empty() { &worst.reason } else { &worst.description };
        if words.is_empty() { sentence.clone() } else { format!("{sentence}: {}", words.join(", ")) }
    }

    /// Rules and reasons in a line.
    pub fn message(&self) -> String {
        format!("{}: {}", self.rule_names().join(", "), self.reasons().join("; "))
    }
}

/// Words that must not be told any more: they turned out to be part of what nobody may keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsaid {
    /// The redacted words, in lower case, as they were said.
    pub terms: Vec<String>,
    /// Their replacement, such as `[card]`.
    pub instead: String,
}

impl Unsaid {
    /// Takes them out of a rule's reason and words; whether there was something to take.
    pub fn of(&self, reason: &mut String, words: &mut Vec<String>) -> bool {
        if !words.iter().any(|word| self.terms.contains(word)) {
            return false;
        }
        for word in words.iter_mut().filter(|word| self.terms.contains(word)) {
            // Whole words only: "one" is not taken out of "phone". Escaped text is always a valid regex.
            if let Ok(whole) = Regex::new(&format!(r"\b{}\b", regex::escape(word))) {
                *reason = whole.replace_all(reason, NoExpand(&self.instead)).into_owned();
            }
            word.clone_from(&self.instead);
        }
        words.dedup();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happened_is_told_in_a_sentence_with_the_words_that_did_it() {
        let fired = |description: &str, words: &[&str]| Fired {
            name: "r".into(),
            level: Level::Urgent,
            description: description.into(),
            pack: "p".into(),
            reason: "risk 0.80 at or above 0.75".into(),
            words: words.iter().map(|&word| word.to_owned()).collect(),
            prompt: None,
        };
        let alert = |rules| Alert {
            level: Level::Urgent,
            rules,
            leg: None,
            start_ms: 0,
            end_ms: 0,
            text: String::new(),
            sentiment: None,
            rolling: None,
            risk: 0.0,
        };
        let told = alert(vec![fired("The caller threatens with a lawyer", &["lawyer", "sue"]), fired("Later", &[])]);
        assert_eq!(told.happened(), "The caller threatens with a lawyer: “lawyer”, “sue”");
        assert_eq!(alert(vec![fired("Nobody speaks", &[])]).happened(), "Nobody speaks");
        assert_eq!(alert(vec![fired("", &[])]).happened(), "risk 0.80 at or above 0.75", "a rule of a house's own");
        assert_eq!(alert(vec![fired("S", &["a", "b", "c", "d"])]).happened(), "S: “a”, “b”, “c”");
    }

    #[test]
    fn a_word_that_is_not_to_be_told_is_taken_out_of_the_reason_and_the_words() {
        let unsaid = Unsaid { terms: vec!["zero one".into(), "one".into()], instead: "[card]".into() };
        let mut reason = "said: zero one (phone), one (phone), sue (legal), rolling sentiment -0.52".to_owned();
        let mut words = vec!["zero one".to_owned(), "one".into(), "sue".into()];
        assert!(unsaid.of(&mut reason, &mut words));
        assert_eq!(reason, "said: [card] (phone), [card] (phone), sue (legal), rolling sentiment -0.52");
        assert_eq!(words, ["[card]", "sue"]);
        let (mut reason, mut words) = ("said: fifty-five (age)".to_owned(), vec!["fifty-five".to_owned()]);
        assert!(!unsaid.of(&mut reason, &mut words) && reason.contains("fifty-five"));
    }
}
