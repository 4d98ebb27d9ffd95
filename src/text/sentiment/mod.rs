//! Engines that find the mood of a text, behind one interface, and which of them scores which language.
//!
//! English is scored by [`Lexicon`](super::lexicon::Lexicon): VADER, with the phrases of the packs. `[[sentiment]]` adds an engine for another
//! language, or another one for English: a list of rated words with VADER's rules ([`WordList`]), or pattern's averages ([`Pattern`]).

mod list;
mod pattern;
mod pattern_tokens;
mod word_list;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use list::ListError;
pub use pattern::Pattern;
pub use word_list::{ListFiles, WordList};

use super::mood::SentimentEngine;

/// The engines that the settings add, by language.
#[derive(Clone, Debug, Default)]
pub struct Engines(BTreeMap<String, Arc<dyn SentimentEngine>>);

impl Engines {
    /// Has an engine score a language, given by its ISO 639-1 code (`pt`). It replaces the one before.
    pub fn add(&mut self, language: &str, engine: Arc<dyn SentimentEngine>) {
        self.0.insert(language.to_lowercase(), engine);
    }

    /// The engine of a language (`pt`, `pt-BR`).
    pub fn of(&self, language: &str) -> Option<&dyn SentimentEngine> {
        let main = language.split(['-', '_']).next().unwrap_or(language).to_lowercase();
        self.0.get(&main).map(Arc::as_ref)
    }

    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Codes of the languages that have an engine here.
    pub fn languages(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}
