//! A regular expression of a pack: read when its pack is, made at its first use.
//!
//! The patterns of the packs that come with the program take 20 MB and 150 ms to make, because those with numbers hold every number of their
//! language. A daemon that looks at no call needs none of them. Reading one finds every mistake in it, which making it would find too; one that
//! would grow too large is refused by its size, which reading tells as well.

use std::sync::{Arc, OnceLock};

use regex::{Regex, RegexBuilder};
use regex_syntax::hir::{Hir, HirKind};
use toml::Spanned;

use super::words::Words;
use crate::text::entry::Fault;

/// A made pattern with all its numbers takes some hundred kilobytes; one that takes more is a mistake.
const BYTES: usize = 4 << 20;
/// Parts of a pattern, each repetition counted as often as it may stand. A part takes up to a hundred bytes, a class of letters some more.
const PARTS: usize = 20_000;

/// A pattern of whole words, in any letter case.
#[derive(Clone, Debug)]
pub(in crate::text) struct Pattern(Arc<Written>);

#[derive(Debug)]
struct Written {
    text: String,
    words: Arc<Words>,
    made: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// Reads a pattern with the placeholders of `words.rs`.
    pub fn new(pattern: &Spanned<String>, words: &Arc<Words>) -> Result<Self, Fault> {
        let text = pattern.get_ref();
        let wrong = |what: String| (pattern.span(), format!("pattern {text:?}: {what}"));
        let whole = whole(text, words);
        let read = regex_syntax::ParserBuilder::new().case_insensitive(true).build().parse(&whole);
        let read = read.map_err(|error| wrong(cause(&error)))?;
        if read.properties().minimum_len() == Some(0) {
            return Err((pattern.span(), format!("pattern {text:?} is found in every text")));
        }
        if parts(&read) > PARTS {
            return Err(wrong("its size is beyond the limit; repeat less".into()));
        }
        Ok(Self(Arc::new(Written { text: text.clone(), words: Arc::clone(words), made: OnceLock::new() })))
    }

    /// The pattern, made now if it was not yet; `None` of one that cannot be made, which `new` refuses.
    pub fn get(&self) -> Option<&Regex> {
        let make = || {
            let whole = whole(&self.0.text, &self.0.words);
            RegexBuilder::new(&whole).case_insensitive(true).size_limit(BYTES).build().ok()
        };
        self.0.made.get_or_init(make).as_ref()
    }

    /// Whether it is in a text.
    pub fn is_in(&self, text: &str) -> bool {
        self.get().is_some_and(|made| made.is_match(text))
    }
}

/// Only what stands before it is looked at: a pattern may begin with a sign.
fn whole(text: &str, words: &Words) -> String {
    format!(r"\b{{start-half}}(?:{})", words.fill(text))
}

/// What is wrong, without the drawing of the pattern, whose placeholders nobody wrote.
fn cause(error: &regex_syntax::Error) -> String {
    match error {
        regex_syntax::Error::Parse(error) => error.kind().to_string(),
        regex_syntax::Error::Translate(error) => error.kind().to_string(),
        other => other.to_string(),
    }
}

fn parts(hir: &Hir) -> usize {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(literal) => literal.0.len(),
        HirKind::Class(_) => 4,
        HirKind::Repetition(repeated) => {
            let times = repeated.max.unwrap_or(repeated.min.max(1)).max(1) as usize;
            parts(&repeated.sub).saturating_mul(times)
        }
        HirKind::Capture(capture) => parts(&capture.sub).saturating_add(1),
        HirKind::Concat(all) | HirKind::Alternation(all) => {
            all.iter().map(parts).fold(0, |sum: usize, one| sum.saturating_add(one))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::pack::Pack;

    fn fault(pattern: &str) -> String {
        let head = "name = \"p\"\nversion = \"1\"\nlanguage = \"en\"\n[[entity]]\nkind = \"x\"\n";
        Pack::parse("p.toml", &format!("{head}patterns = ['{pattern}']\n")).expect_err("the pattern is bad").to_string()
    }

    #[test]
    fn a_pattern_that_is_wrong_empty_or_too_large_is_refused_before_it_is_made() {
        assert!(fault("one (two").contains("unclosed group"), "{}", fault("one (two"));
        assert!(fault("{number}?").contains("every text"), "{}", fault("{number}?"));
        assert!(fault("((x{100}){100}){100}").contains("beyond the limit"), "{}", fault("((x{100}){100}){100}"));
    }

    #[test]
    fn every_pattern_of_the_packs_that_come_with_the_program_can_be_made() {
        let packs = Pack::bundled().expect("bundled packs");
        let patterns: Vec<&Pattern> = packs.iter().flat_map(Pack::patterns).collect();
        assert!(patterns.len() > 300, "{} patterns", patterns.len());
        for pattern in patterns {
            assert!(pattern.get().is_some(), "{:?}", pattern.0.text);
        }
    }
}
