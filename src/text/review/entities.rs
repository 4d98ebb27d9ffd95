//! Things that are named in a call: amounts, days, addresses, promises, by patterns that packs hold as data.
//!
//! ```toml
//! [[entity]]
//! kind = "money"
//! patterns = ['\$ ?{number}', '{number} (?:dollars|euros)']
//! terms = ["a grand"]               # words and phrases, as of keywords
//! ignore = ['{number} people']      # patterns; what overlaps with one of these was not named
//! leg = "caller"                    # agent, caller or any (when left out)
//! ```
//!
//! A pattern is a regular expression, in any letter case, of whole words; `{number}` stands for a number in figures, in English words, or in both
//! ("3.5 million"). Where it has a group the group is what was named. Texts are stored without card numbers and the like, so none can be found here.

use std::ops::Range;

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::line::ReviewLine;
use crate::call::Leg;
use crate::text::entry::{Fault, LegFilter, TermGroup, read_name, read_terms};
use crate::text::keywords::Groups;

/// A pattern with all its numbers takes some hundred kilobytes; one that takes more is a mistake.
const PATTERN_BYTES: usize = 4 << 20;

const NUMBER: &str = concat!(
    r"(?:(?:[0-9]{1,3}(?:,[0-9]{2,3})+(?:\.[0-9]+)?|[0-9]+(?:[.,][0-9]+)?)(?: ?k\b|(?:[ -]+(?:SCALE))*)|",
    r"(?:(?:half )?an? (?:SCALE)|WORD|SCALE)(?:[ -]+(?:and[ -]+|point[ -]+)?(?:WORD|SCALE))*)"
);
const WORDS: &str = "zero|one|two|three|four|five|six|seventeen|seventy|seven|eighteen|eighty|eight|nineteen|ninety|nine|ten|eleven|twelve|\
    thirteen|fourteen|fifteen|sixteen|twenty|thirty|forty|fifty|sixty";
const SCALES: &str = "hundred|thousand|million|billion|lakhs?|crores?|grand";

/// One kind of thing.
#[derive(Clone, Debug)]
pub struct EntityForm {
    kind: String,
    leg: LegFilter,
    patterns: Vec<Regex>,
    terms: std::sync::Arc<Groups>,
    ignore: Vec<Regex>,
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
    #[serde(default)]
    ignore: Vec<Spanned<String>>,
}

fn compile(pattern: &Spanned<String>) -> Result<Regex, Fault> {
    let number = NUMBER.replace("WORD", WORDS).replace("SCALE", SCALES);
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
            ignore: self.ignore.iter().map(compile).collect::<Result<_, _>>()?,
            terms: std::sync::Arc::new(Groups::new(std::iter::once(&group))),
            kind,
        })
    }
}

/// What one line names; of overlapping finds of one kind the longest.
pub(super) fn find(forms: &[EntityForm], line: &ReviewLine) -> Vec<Entity> {
    let mut found: Vec<(Range<usize>, &str)> = Vec::new();
    for form in forms.iter().filter(|form| form.leg.takes(line.leg)) {
        let by_pattern = form.patterns.iter().flat_map(|pattern| {
            pattern
                .captures_iter(&line.text)
                .filter_map(|hit| hit.get(1).or_else(|| hit.get(0)).map(|part| part.range()))
        });
        let by_term = form.terms.find(&line.text, line.leg).into_iter().map(|hit| hit.start..hit.end);
        let ignored: Vec<Range<usize>> =
            form.ignore.iter().flat_map(|pattern| pattern.find_iter(&line.text).map(|hit| hit.range())).collect();
        let counts =
            |span: &Range<usize>| !ignored.iter().any(|other| span.start < other.end && other.start < span.end);
        found.extend(by_pattern.chain(by_term).filter(counts).map(|span| (span, form.kind.as_str())));
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

    /// What was found of a kind, as it is shown.
    fn of_kind(text: &str, kind: &str) -> Vec<String> {
        named(text).into_iter().filter(|one| one.0 == kind).map(|one| one.1).collect()
    }

    #[test]
    fn an_amount_is_named_whole_with_its_currency_wherever_that_stands() {
        for (text, what) in [
            ("it is worth 3.5 million dollars", "3.5 million dollars"),
            ("three point five million dollars", "three point five million dollars"),
            ("half a million pounds", "half a million pounds"),
            ("I sent Rs 5000 yesterday", "Rs 5000"),
            ("I sent Rs. 5,00,000", "Rs. 5,00,000"),
            ("they took 45 EUR", "45 EUR"),
            ("USD 40 were missing", "USD 40"),
            ("KSh 2,500 by Monday", "KSh 2,500"),
            ("it says 45,50 €", "45,50 €"),
            ("₹5000 then", "₹5000"),
            ("5 lakh rupees", "5 lakh rupees"),
            ("a fee of 5k dollars", "5k dollars"),
            ("twelve hundred", "twelve hundred"),
            ("you charged me twelve hundred and fifty", "twelve hundred and fifty"),
            ("I already paid you about two thousand", "two thousand"),
        ] {
            assert_eq!(of_kind(text, "money"), [what], "{text}");
        }
        for text in ["twelve hundred people called", "I paid two thousand times", "one of two", "in 2024"] {
            assert_eq!(of_kind(text, "money"), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn a_day_of_a_month_is_named_with_its_month() {
        for (text, what) in [
            ("since 12 October", "12 October"),
            ("on 12 October 2026 then", "12 October 2026"),
            ("on 3 May", "3 May"),
            ("by the 12th of October", "12th of October"),
            ("October 12 is fine", "October 12"),
            ("the twelfth of October", "twelfth of October"),
            ("twenty-first of May", "twenty-first of May"),
            ("on 12 Oct", "12 Oct"),
        ] {
            assert_eq!(of_kind(text, "date"), [what], "{text}");
        }
        assert_eq!(of_kind("number 5 may be wrong", "date"), Vec::<String>::new());
    }

    #[test]
    fn a_refusal_is_no_promise_and_a_term_is_no_reference() {
        for text in [
            "I will not pay",
            "I will never pay this.",
            "we'll not pay",
            "I am not going to pay",
            "I don't think I can pay",
            "I can hardly pay",
            "I will pay nothing",
            "I won't pay",
            "I cannot pay",
            "I can never settle that",
        ] {
            assert_eq!(of_kind(text, "promise to pay"), Vec::<String>::new(), "{text}");
        }
        has("No, I will pay it on Friday.", "promise to pay", "I will pay it on Friday");
        has("I can only pay half now", "promise to pay", "I can only pay half now");
        for text in [
            "the policy is 30 days",
            "the contract is 24 months",
            "an invoice of 1200 dollars",
            "in case 10 of them come",
            "booking of 12 people",
        ] {
            assert_eq!(of_kind(text, "reference"), Vec::<String>::new(), "{text}");
        }
        has("the policy is 4455-667", "reference", "4455-667");
        has("invoice 20431", "reference", "20431");
        has("the ticket number is 30", "reference", "30");
    }

    #[test]
    fn a_person_is_named_whole() {
        has("am I speaking with Ms Angela Ruiz?", "person", "Ms Angela Ruiz");
        has("my name is Dr. Jean-Luc O'Brien, hello", "person", "Dr. Jean-Luc O'Brien");
        has("my name is Mary Ann Smith. Thank you", "person", "Mary Ann Smith");
        has("my name is Mary I'm calling about", "person", "Mary");
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
