//! Which words and phrases carry how much valence.
//!
//! `vader` is the paper's lexicon alone, for figures that others can reproduce. `call-centre` adds the words and phrases of the packs. A phrase is
//! matched before single words, the longest first, and its words count no more by themselves: "waste of time" is one thing.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::vader::{self, Known, Word, Words};

static BASE: LazyLock<Words> = LazyLock::new(vader::base_words);

/// Which lexicon to score with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum LexiconKind {
    /// VADER's own, as vaderSentiment 3.3.2.
    Vader,
    /// VADER's and the packs' words and phrases.
    #[default]
    CallCentre,
}

/// The words after a phrase's first, and its valence.
type Phrase = (Vec<Box<str>>, f64);

/// Valences of words and phrases, in lower case.
#[derive(Debug, Default)]
pub struct Lexicon {
    /// The paper's words with those of the packs; `None` when there are no packs: then [`BASE`] serves.
    words: Option<Words>,
    phrases: HashMap<Box<str>, Vec<Phrase>>,
}

impl Lexicon {
    /// The paper's lexicon and these entries on top: words, and phrases of several words.
    pub fn with(entries: impl IntoIterator<Item = (String, f64)>) -> Self {
        let mut lexicon = Self::default();
        for (entry, valence) in entries {
            let mut parts: Vec<Box<str>> = entry.to_lowercase().split_whitespace().map(Into::into).collect();
            if parts.len() == 1 {
                lexicon.words.get_or_insert_with(|| BASE.clone()).entry(parts.remove(0)).or_default().valence =
                    Some(valence);
            } else if !parts.is_empty() {
                let first = parts.remove(0);
                lexicon.phrases.entry(first).or_default().push((parts, valence));
            }
        }
        for phrases in lexicon.phrases.values_mut() {
            phrases.sort_by_key(|(rest, _)| std::cmp::Reverse(rest.len()));
        }
        lexicon
    }

    /// What is known of a word in lower case.
    pub(super) fn word(&self, lower: &str) -> Known {
        self.words.as_ref().unwrap_or(&BASE).get(lower).copied().unwrap_or_default()
    }

    /// Puts each phrase's valence on its first word and takes it from the others.
    pub(super) fn mark_phrases(&self, words: &mut [Word]) {
        if self.phrases.is_empty() {
            return;
        }
        let mut i = 0;
        while i < words.len() {
            let found = self.phrases.get(words[i].lower()).and_then(|phrases| {
                phrases.iter().find(|(rest, _)| {
                    words.len() - i > rest.len()
                        && rest.iter().zip(&words[i + 1..]).all(|(part, word)| **part == *word.lower())
                })
            });
            if let Some((rest, valence)) = found {
                words[i].set_phrase(*valence);
                for word in &mut words[i + 1..=i + rest.len()] {
                    word.set_phrase(0.0);
                }
                i += rest.len();
            }
            i += 1;
        }
    }
}
