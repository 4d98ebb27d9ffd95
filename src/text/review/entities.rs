//! Things that are named in a call: people, places, firms, amounts, days, numbers to call, by patterns that packs hold as data.
//!
//! ```toml
//! [[entity]]
//! kind = "money"
//! patterns = ['\$ ?{number}', '{number} (?:dollars|euros)']
//! terms = ["a grand"]               # words and phrases, as of keywords
//! ignore = ['{number} people']      # patterns; what overlaps with one of these was not named
//! leg = "caller"                    # agent, caller or any (when left out)
//! opening = true                    # only in the first line of its leg
//! after = ["your number"]           # only where the line before, of another leg, has one of these terms
//! own = true                        # who says it speaks of herself: "my name is {name}"
//! ```
//!
//! A pattern is a regular expression, in any letter case, of whole words, with the placeholders of `words.rs` (`{number}`, `{name}`, `{digits}` and
//! so on). Where it has a group the group is what was named. Of overlapping finds of one kind the longest counts; of `reference`, `phone`, `money`,
//! `date` and `time`, and of `place`, `organisation` and `person`, that which stands first here. Texts are stored without card numbers and the
//! like, so none can be found here.

use std::ops::Range;
use std::sync::Arc;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::line::ReviewLine;
use super::pattern::Pattern;
use super::words::Words;
use super::{calendar, sentence, values};
use crate::call::Leg;
use crate::text::entry::{Fault, LegFilter, TermGroup, read_name, read_terms};
use crate::text::keywords::Groups;

/// One kind of thing.
#[derive(Clone, Debug)]
pub struct EntityForm {
    kind: String,
    leg: LegFilter,
    opening: bool,
    own: bool,
    after: Option<Arc<Groups>>,
    words: Arc<Words>,
    /// Each with the rule's name.
    patterns: Vec<(Pattern, String)>,
    terms: Arc<Groups>,
    terms_rule: String,
    ignore: Vec<Pattern>,
}

#[cfg(test)]
impl EntityForm {
    pub(in crate::text) fn patterns(&self) -> impl Iterator<Item = &Pattern> {
        self.patterns.iter().map(|(pattern, _)| pattern).chain(&self.ignore)
    }
}

/// Something that was named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entity {
    /// What it is.
    pub kind: String,
    /// As it was said.
    pub text: String,
    /// What it means, in the one form of its kind, where that is certain: `45.5 USD`, `2026-11-27`, `15:00`, `+442079460018`.
    pub value: Option<String>,
    /// The rule that found it: its pack and the line there.
    pub rule: String,
    /// Row number of its segment.
    pub segment_id: i64,
    /// Who named it.
    pub leg: Leg,
    /// Begin of the segment in the call, milliseconds.
    pub start_ms: i64,
    /// Whether who named it spoke of herself.
    pub own: bool,
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
    opening: bool,
    #[serde(default)]
    own: bool,
    after: Option<Spanned<Vec<Spanned<String>>>>,
    #[serde(default)]
    ignore: Vec<Spanned<String>>,
}

impl EntityEntry {
    /// `place` names a place of the file in results: the pack and its line.
    pub(in crate::text) fn check(
        self,
        words: &Arc<Words>,
        place: impl Fn(usize) -> String,
    ) -> Result<EntityForm, Fault> {
        let here = self.kind.span();
        let kind = read_name("kind", self.kind)?;
        let terms_rule = place(self.terms.as_ref().map_or(here.start, |terms| terms.span().start));
        let terms = self.terms.map_or(Ok(Vec::new()), read_terms)?;
        if self.patterns.is_empty() && terms.is_empty() {
            return Err((here, format!("entity {kind:?}: patterns or terms are needed")));
        }
        let groups = |terms, leg| {
            Groups::new(std::iter::once(&TermGroup { label: kind.clone(), terms, leg, ignore: Vec::new() }))
        };
        let rule =
            |pattern: &Spanned<String>| Pattern::new(pattern, words).map(|made| (made, place(pattern.span().start)));
        Ok(EntityForm {
            leg: self.leg,
            opening: self.opening,
            own: self.own,
            after: self.after.map(read_terms).transpose()?.map(|terms| Arc::new(groups(terms, LegFilter::Any))),
            patterns: self.patterns.iter().map(rule).collect::<Result<_, _>>()?,
            ignore: self.ignore.iter().map(|pattern| Pattern::new(pattern, words)).collect::<Result<_, _>>()?,
            terms: Arc::new(groups(terms, self.leg)),
            terms_rule,
            words: Arc::clone(words),
            kind,
        })
    }
}

/// Kinds of which one place of a text has one only, the surest first.
const ONE_OF: [&[&str]; 2] =
    [&["e-mail", "reference", "phone", "money", "time", "date"], &["place", "organisation", "person"]];

/// Where something may have been named, and by what.
#[derive(Clone, Debug)]
struct Find<'a> {
    span: Range<usize>,
    kind: &'a str,
    form: &'a EntityForm,
    rule: &'a str,
}

/// Finds things.
#[derive(Debug)]
pub(super) struct Namer {
    forms: Vec<EntityForm>,
}

impl Namer {
    pub fn new(forms: Vec<EntityForm>) -> Self {
        Self { forms }
    }

    /// What the lines name, in order of time; days are resolved against `today`.
    pub fn find(&self, lines: &[ReviewLine], today: Option<Date>) -> Vec<Entity> {
        let mut spoken: Vec<Leg> = Vec::new();
        let mut all = Vec::new();
        for (at, line) in lines.iter().enumerate() {
            let opening = !spoken.contains(&line.leg);
            if opening {
                spoken.push(line.leg);
            }
            let before = at.checked_sub(1).and_then(|at| lines.get(at));
            all.extend(self.in_line(line, before, opening, today));
        }
        all
    }

    fn in_line(
        &self,
        line: &ReviewLine,
        before: Option<&ReviewLine>,
        opening: bool,
        today: Option<Date>,
    ) -> Vec<Entity> {
        let mut found: Vec<Find> = Vec::new();
        let counts = |form: &EntityForm| {
            form.leg.takes(line.leg)
                && (opening || !form.opening)
                && form
                    .after
                    .as_ref()
                    .is_none_or(|after| before.is_some_and(|before| !after.find(&before.text, before.leg).is_empty()))
        };
        for form in self.forms.iter().filter(|form| counts(form)) {
            for (pattern, rule) in &form.patterns {
                let Some(pattern) = pattern.get() else { continue };
                let part = |hit: regex::Captures| {
                    hit.iter().skip(1).flatten().next().or_else(|| hit.get(0)).map(|part| part.range())
                };
                found.extend(pattern.captures_iter(&line.text).filter_map(part).map(|span| Find {
                    span,
                    kind: &form.kind,
                    form,
                    rule,
                }));
            }
            let hits = form.terms.find(&line.text, line.leg).into_iter();
            found.extend(hits.map(|hit| Find {
                span: hit.start..hit.end,
                kind: &form.kind,
                form,
                rule: &form.terms_rule,
            }));
        }
        let ignored: Vec<(&str, Range<usize>)> = found
            .iter()
            .map(|one| one.form)
            .flat_map(|form| {
                form.ignore
                    .iter()
                    .filter_map(Pattern::get)
                    .flat_map(|one| one.find_iter(&line.text).map(|hit| (form.kind.as_str(), hit.range())))
            })
            .collect();
        found.retain(|one| !ignored.iter().any(|(kind, other)| *kind == one.kind && overlap(&one.span, other)));
        let found = found.into_iter().filter_map(|one| cut(one, &line.text)).collect();
        let mut kept: Vec<(Find, Option<String>)> = Vec::new();
        for one in in_order(found) {
            let taken = |other: &Find| {
                overlap(&other.span, &one.span) && (other.kind == one.kind || same_family(other.kind, one.kind))
            };
            if kept.iter().any(|(other, _)| taken(other)) {
                continue;
            }
            let value = meant(&one, &line.text, today);
            // A number to call that has too few digits, or too many, is none.
            if value.is_some() || !matches!(one.kind, "phone") {
                kept.push((one, value));
            }
        }
        kept.sort_by_key(|(one, _)| (one.span.start, one.span.end));
        kept.into_iter().map(|(one, value)| told(&one, value, line)).collect()
    }
}

fn told(one: &Find, value: Option<String>, line: &ReviewLine) -> Entity {
    Entity {
        kind: one.kind.into(),
        text: line.text[one.span.clone()].into(),
        value,
        rule: one.rule.into(),
        segment_id: line.segment,
        leg: line.leg,
        start_ms: line.start_ms,
        own: one.form.own,
    }
}

fn overlap(one: &Range<usize>, other: &Range<usize>) -> bool {
    one.start < other.end && other.start < one.end
}

fn family(kind: &str) -> Option<(usize, usize)> {
    ONE_OF.iter().enumerate().find_map(|(at, kinds)| kinds.iter().position(|one| *one == kind).map(|rank| (at, rank)))
}

fn same_family(one: &str, other: &str) -> bool {
    family(one).zip(family(other)).is_some_and(|(one, other)| one.0 == other.0)
}

/// The surest kinds first, of one kind the first and longest.
fn in_order(mut found: Vec<Find>) -> Vec<Find> {
    let rank = |one: &Find| family(one.kind).map_or(0, |(_, rank)| rank);
    found.sort_by(|a, b| (rank(a), a.span.start, b.span.end, a.kind).cmp(&(rank(b), b.span.start, a.span.end, b.kind)));
    found
}

/// Takes from a find what does not belong to it: marks at its ends, and of names the words that are none. What is left of a name may be another kind.
fn cut<'a>(mut one: Find<'a>, text: &str) -> Option<Find<'a>> {
    let trim = |span: Range<usize>| {
        let inside = &text[span.clone()];
        let start = span.start + (inside.len() - inside.trim_start().len());
        start..start + inside.trim().trim_end_matches(['.', ',', '-', ' ']).len()
    };
    one.span = trim(one.span);
    if family(one.kind).is_none_or(|(at, _)| at != 1) {
        return (!one.span.is_empty()).then_some(one);
    }
    let words = &one.form.words;
    let bare = |word: &str| word.trim_matches(|sign: char| !sign.is_alphanumeric()).to_lowercase().replace('’', "'");
    let inside = text[one.span.clone()].to_owned();
    let mut end = 0;
    let mut last = String::new();
    for word in inside.split_inclusive(' ') {
        let plain = bare(word);
        // "Hello Mr" begins with what is no name, and so nothing is named here; a title may begin one.
        let title = end == 0 && words.titles.contains(&plain);
        if words.not_names.contains(&plain) && !title && !(one.kind == "organisation" && words.firms.contains(&plain)) {
            break;
        }
        end += word.len();
        last = plain;
    }
    one.span = trim(one.span.start..one.span.start + end);
    let lone_title = words.titles.contains(&bare(&text[one.span.clone()]));
    if one.span.is_empty() || lone_title {
        return None;
    }
    if one.kind == "person" && words.firms.contains(&last) {
        one.kind = "organisation";
    }
    Some(one)
}

fn meant(one: &Find, text: &str, today: Option<Date>) -> Option<String> {
    let said = &text[one.span.clone()];
    let words = &one.form.words;
    match one.kind {
        "money" => values::money(said, words),
        "phone" => values::phone(said, words),
        "reference" => values::code(said, words),
        "e-mail" => values::mail(said, words),
        "time" => calendar::time(said, words),
        "date" => {
            let around = sentence::around(text, one.span.start);
            let before = text.get(around.start..one.span.start).unwrap_or_default();
            let after = text.get(one.span.end..around.end.max(one.span.end)).unwrap_or_default();
            calendar::day(said, before, after, today?, words)
        }
        _ => None,
    }
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
        let lines = [line(7, Leg::Caller, 1, text, 0.0, &[])];
        Namer::new(forms).find(&lines, None).into_iter().map(|one| (one.kind, one.text)).collect()
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
