//! Things that are named in a call: amounts, days, addresses, promises, by patterns that packs hold as data.
//!
//! ```toml
//! [[entity]]
//! kind = "money"
//! patterns = ['\$ ?{number}', '{number} (?:dollars|euros)']
//! terms = ["a grand"]               # words and phrases, as of keywords
//! leg = "caller"                    # agent, caller or any (when left out)
//! ```
//!
//! A pattern is a regular expression, in any letter case, of whole words; `{number}` stands for a number in figures or in English words. Where it
//! has a group the group is what was named. Texts are stored without card numbers and the like, so none can be found here.

use std::ops::Range;

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::Line;
use crate::call::Leg;
use crate::text::keywords::Groups;
use crate::text::pack::{LegFilter, TermGroup, read_name, read_terms};

/// A pattern with all its numbers takes some hundred kilobytes; one that takes more is a mistake.
const PATTERN_BYTES: usize = 4 << 20;

const NUMBER: &str =
    r"(?:[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9]+(?:[.,][0-9]+)?|(?:WORD)(?:[ -]+(?:and[ -]+)?(?:WORD))*)";
const WORDS: &str = "zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|\
    eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|million|a hundred|a thousand";

/// One kind of thing.
#[derive(Clone, Debug)]
pub struct EntityForm {
    kind: String,
    leg: LegFilter,
    patterns: Vec<Regex>,
    terms: std::sync::Arc<Groups>,
}

/// Something that was named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entity {
    /// What it is.
    pub kind: String,
    /// As it was said.
    pub text: String,
    /// Row number of its segment.
    pub segment_id: i64,
    /// Who named it.
    pub leg: Leg,
    /// Begin of the segment in the call, milliseconds.
    pub start_ms: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::text) struct EntityEntry {
    kind: Spanned<String>,
    #[serde(default)]
    patterns: Vec<Spanned<String>>,
    terms: Option<Spanned<Vec<Spanned<String>>>>,
    #[serde(default)]
    leg: LegFilter,
}

type Fault = (Range<usize>, String);

fn compile(pattern: &Spanned<String>) -> Result<Regex, Fault> {
    let number = NUMBER.replace("WORD", WORDS);
    // Only what stands before it is looked at: a pattern may begin with a sign.
    let whole = format!(r"\b{{start-half}}(?:{})", pattern.get_ref().replace("{number}", &number));
    let wrong = |error: regex::Error| (pattern.span(), format!("pattern {:?}: {error}", pattern.get_ref()));
    let made = RegexBuilder::new(&whole).case_insensitive(true).size_limit(PATTERN_BYTES).build().map_err(wrong)?;
    if made.is_match("") {
        return Err((pattern.span(), format!("pattern {:?} is found in every text", pattern.get_ref())));
    }
    Ok(made)
}

impl EntityEntry {
    pub(in crate::text) fn check(self) -> Result<EntityForm, Fault> {
        let here = self.kind.span();
        let kind = read_name("kind", self.kind)?;
        let terms = self.terms.map_or(Ok(Vec::new()), read_terms)?;
        if self.patterns.is_empty() && terms.is_empty() {
            return Err((here, format!("entity {kind:?}: patterns or terms are needed")));
        }
        let group = TermGroup { label: kind.clone(), terms, leg: self.leg, ignore: Vec::new() };
        Ok(EntityForm {
            leg: self.leg,
            patterns: self.patterns.iter().map(compile).collect::<Result<_, _>>()?,
            terms: std::sync::Arc::new(Groups::new(std::iter::once(&group))),
            kind,
        })
    }
}

/// What one line names; of overlapping finds of one kind the longest.
pub(super) fn find(forms: &[EntityForm], line: &Line) -> Vec<Entity> {
    let mut found: Vec<(Range<usize>, &str)> = Vec::new();
    for form in forms.iter().filter(|form| form.leg.takes(line.leg)) {
        let by_pattern = form.patterns.iter().flat_map(|pattern| {
            pattern
                .captures_iter(&line.text)
                .filter_map(|hit| hit.get(1).or_else(|| hit.get(0)).map(|part| part.range()))
        });
        let by_term = form.terms.find(&line.text, line.leg).into_iter().map(|hit| hit.start..hit.end);
        found.extend(by_pattern.chain(by_term).map(|span| (span, form.kind.as_str())));
    }
    found.sort_by(|a, b| (a.0.start, b.0.end, a.1).cmp(&(b.0.start, a.0.end, b.1)));
    let mut kept: Vec<(Range<usize>, &str)> = Vec::new();
    for (span, kind) in found {
        if !kept.iter().any(|(other, of)| *of == kind && span.start < other.end) {
            kept.push((span, kind));
        }
    }
    let entity = |(span, kind): (Range<usize>, &str)| Entity {
        kind: kind.into(),
        text: line.text.get(span).unwrap_or_default().trim().trim_end_matches(['.', ',']).into(),
        segment_id: line.segment,
        leg: line.leg,
        start_ms: line.start_ms,
    };
    kept.into_iter().map(entity).filter(|entity| !entity.text.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::line;
    use super::*;
    use crate::text::pack::Pack;

    fn named(text: &str) -> Vec<(String, String)> {
        let forms: Vec<EntityForm> =
            Pack::bundled().expect("packs").into_iter().flat_map(|pack| pack.entities).collect();
        find(&forms, &line(7, Leg::Caller, 1, text, 0.0, &[])).into_iter().map(|one| (one.kind, one.text)).collect()
    }

    fn has(text: &str, kind: &str, what: &str) {
        let found = named(text);
        assert!(found.iter().any(|one| one.0 == kind && one.1 == what), "{kind} {what:?} in {text:?}: {found:?}");
    }

    #[test]
    fn amounts_days_and_promises_are_found_as_they_are_spoken_and_as_they_are_written() {
        has("They took $1,249.50 from me", "money", "$1,249.50");
        has("it was forty five dollars, I think", "money", "forty five dollars");
        has("two hundred and fifty pounds", "money", "two hundred and fifty pounds");
        has("I will pay forty dollars on Friday.", "promise to pay", "I will pay forty dollars on Friday");
        has("call me on Friday at half past three", "date", "Friday");
        has("since the 3rd of March", "date", "3rd of March");
        has("tomorrow then", "date", "tomorrow");
        has("at 10:30 am please", "time", "10:30 am");
        has("write to mary at example dot com", "e-mail", "mary at example dot com");
        has("it is mary.smith@example.com", "e-mail", "mary.smith@example.com");
        has("my name is Mary Smith and", "person", "Mary Smith");
        has("the order number is A B 1234", "reference", "A B 1234");
        has("my card is [card]", "redacted", "[card]");
    }

    #[test]
    fn ordinary_words_are_no_things() {
        for text in [
            "one of the two is mine",
            "I may go",
            "my name is not important",
            "in my order",
            "he will pay for that",
            "I won't pay",
        ] {
            assert_eq!(named(text), [], "{text}");
        }
    }

    #[test]
    fn a_pattern_that_cannot_be_meant_is_refused_with_its_line() {
        for (body, line, says) in [
            ("", 5, "patterns or terms"),
            ("patterns = ['(']", 6, "pattern"),
            ("patterns = ['a*']", 6, "every text"),
            ("patterns = ['(?:{number}){400}']", 6, "size"),
        ] {
            let text = format!("name = \"p\"\nversion = \"1\"\nlanguage = \"en\"\n[[entity]]\nkind = \"k\"\n{body}");
            let error = Pack::parse("p.toml", &text).expect_err(body).to_string();
            assert!(error.contains(&format!("line {line}:")) && error.contains(says), "{body:?}: {error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "(?s).{0,200}") {
            for (_, what) in named(&text) {
                prop_assert!(text.contains(&what));
            }
        }
    }
}
