//! Packs: TOML files with the words that matter to one trade.
//!
//! ```toml
//! name = "example"
//! language = "en"
//!
//! [lexicon]                       # valences, -4 to 4, of words and phrases
//! "waste of time" = -2.5
//!
//! [[keyword]]
//! label = "cancellation"
//! terms = ["cancel", "close my account"]
//! ignore = ["cancel culture"]     # said like this it does not count
//! leg = "caller"                  # agent, caller or any (the default)
//!
//! [[profanity]]
//! label = "mild"
//! terms = ["damn"]
//! ```

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::call::Leg;

/// A pack that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {problem}")]
pub struct PackError {
    /// The file, or the name of a pack that is built in.
    pub file: String,
    /// Line and what is wrong there, what is allowed.
    pub problem: String,
}

/// Words of one trade.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pack {
    /// Its name, shown where it decided something.
    pub name: String,
    /// Language code of its words.
    #[serde(default)]
    pub language: Option<String>,
    /// What it is for, for people.
    #[serde(default)]
    pub about: Option<String>,
    /// Valences of words and phrases.
    #[serde(default)]
    pub lexicon: BTreeMap<String, f64>,
    /// Words that matter.
    #[serde(default)]
    pub keyword: Vec<Terms>,
    /// Words that should not be said.
    #[serde(default)]
    pub profanity: Vec<Terms>,
}

/// Terms under one label.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// What they stand for.
    pub label: String,
    /// Words and phrases, in any case.
    pub terms: Vec<String>,
    /// Contexts in which a term does not count.
    #[serde(default)]
    pub ignore: Vec<String>,
    /// Who must say it.
    #[serde(default)]
    pub leg: Speaker,
}

/// Whose words count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Speaker {
    /// The agent's.
    Agent,
    /// The caller's.
    Caller,
    /// Anybody's.
    #[default]
    Any,
}

impl Speaker {
    /// Whether words on this leg count; on a mixed leg everybody's may.
    pub fn hears(self, leg: Leg) -> bool {
        match self {
            Self::Any => true,
            Self::Agent => leg != Leg::Caller,
            Self::Caller => leg != Leg::Agent,
        }
    }
}

impl Pack {
    /// Reads a pack; `file` is its name in errors.
    pub fn parse(file: &str, text: &str) -> Result<Self, PackError> {
        let fail = |problem: String| PackError { file: file.into(), problem };
        let pack: Self = toml::from_str(text).map_err(|error| fail(error.to_string()))?;
        for (entry, valence) in &pack.lexicon {
            if !(-4.0..=4.0).contains(valence) || entry.trim().is_empty() {
                return Err(fail(format!("[lexicon] {entry:?} = {valence}: a valence is a number from -4 to 4")));
            }
        }
        for terms in pack.keyword.iter().chain(&pack.profanity) {
            let fits = |term: &String| {
                let word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
                word(term.trim().chars().next()) && word(term.trim().chars().last())
            };
            if let Some(bad) = terms.terms.iter().chain(&terms.ignore).find(|term| !fits(term)) {
                return Err(fail(format!(
                    "label {:?}: the term {bad:?} must begin and end with a letter or a digit",
                    terms.label
                )));
            }
        }
        Ok(pack)
    }

    /// The packs that come with lineside, as installed from `etc/packs`.
    pub fn built_in() -> Result<Vec<Self>, PackError> {
        const FILES: [(&str, &str); 2] = [
            ("call-centre.toml", include_str!("../../etc/packs/call-centre.toml")),
            ("profanity-en.toml", include_str!("../../etc/packs/profanity-en.toml")),
        ];
        FILES.iter().map(|(file, text)| Self::parse(file, text)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packs_that_come_with_lineside_are_well_made() {
        let packs = Pack::built_in().expect("well made");
        assert_eq!(packs.iter().map(|pack| pack.name.as_str()).collect::<Vec<_>>(), ["call-centre", "profanity-en"]);
    }

    #[test]
    fn a_mistake_is_named_with_its_file_its_line_and_what_is_allowed() {
        let error = Pack::parse("mine.toml", "name = \"x\"\n[[keyword]]\nlabel = \"a\"\nterms = []\nleg = \"both\"\n")
            .expect_err("bad leg");
        let text = error.to_string();
        assert!(text.contains("mine.toml") && text.contains("line 5") && text.contains("`agent`"), "{text}");
        let error = Pack::parse("mine.toml", "name = \"x\"\nkeywrod = []\n").expect_err("unknown key").to_string();
        assert!(error.contains("line 2") && error.contains("keyword"), "{error}");
    }
}
