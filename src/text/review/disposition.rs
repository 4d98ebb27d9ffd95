//! `[[disposition]]`: what was said in a call against what was noted as its result, as packs hold it.
//!
//! ```toml
//! [[disposition]]
//! name = "asked_not_to_be_called"   # of a later pack with the same name takes the place
//! description = "Asked not to be called again, and is not on the DNC list"
//! level = "urgent"                  # raises an alert; without it the finding is only shown
//! is_not = ["DNC*"]                 # looked at when the disposition is none of these; or `is`: one of these. * stands for any ending
//! unless_set = ["callback_time"]    # not looked at when the call's metadata has one of these
//! leg = "caller"                    # whose words count: "agent", "caller" or "any" (when left out)
//! said = ["stop calling"]           # one of these was said, outside of `ignore`; or `not_said`: none of these was
//! ignore = ["stop calling it"]
//! about = ["your order"]            # with not_said: the line that is quoted; without one the last line of the call
//! ```
//!
//! A disposition that is not known is never judged, nor is a call without text. What contradicts itself is refused with its line.

use serde::Deserialize;
use toml::Spanned;

use super::line::{LineQuote, ReviewLine};
use crate::call::Level;
use crate::text::entry::{Fault, LegFilter, TermGroup, read_name, read_terms};
use crate::text::keywords::Groups;
use crate::text::terms::TermPattern;

/// Codes that a disposition is compared with, whatever their letter case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DispositionCodes {
    /// It is one of these.
    Is(Vec<String>),
    /// It is none of these.
    IsNot(Vec<String>),
}

impl DispositionCodes {
    fn fit(&self, disposition: &str) -> bool {
        let (codes, wanted) = match self {
            Self::Is(codes) => (codes, true),
            Self::IsNot(codes) => (codes, false),
        };
        let found = codes.iter().any(|code| match code.strip_suffix('*') {
            Some(begin) => {
                disposition.get(..begin.len()).is_some_and(|beginning| beginning.eq_ignore_ascii_case(begin))
            }
            None => disposition.eq_ignore_ascii_case(code),
        });
        found == wanted
    }
}

/// A rule about dispositions.
#[derive(Clone, Debug, PartialEq)]
pub struct DispositionRule {
    /// Its name in results.
    pub name: String,
    /// The pack it came from.
    pub pack: String,
    /// In a sentence.
    pub description: String,
    /// How bad it is; `None` raises no alert.
    pub level: Option<Level>,
    /// Whether it is in use.
    pub enabled: bool,
    /// With which dispositions it looks at all.
    pub codes: DispositionCodes,
    /// Keys of the call's metadata with which it does not.
    pub unless_set: Vec<String>,
    /// The direction whose words count.
    pub leg: LegFilter,
    /// What was said, or else what was not.
    pub said: bool,
    /// The words.
    pub terms: Vec<TermPattern>,
    /// Outside of these.
    pub ignore: Vec<TermPattern>,
    /// Words of the line that is quoted where something was not said.
    pub about: Vec<TermPattern>,
}

/// As it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::text) struct DispositionEntry {
    name: Spanned<String>,
    #[serde(default)]
    description: String,
    level: Option<Level>,
    #[serde(default = "yes")]
    enabled: bool,
    is: Option<Spanned<Vec<Spanned<String>>>>,
    is_not: Option<Spanned<Vec<Spanned<String>>>>,
    #[serde(default)]
    unless_set: Vec<String>,
    #[serde(default)]
    leg: LegFilter,
    said: Option<Spanned<Vec<Spanned<String>>>>,
    not_said: Option<Spanned<Vec<Spanned<String>>>>,
    ignore: Option<Spanned<Vec<Spanned<String>>>>,
    about: Option<Spanned<Vec<Spanned<String>>>>,
}

const fn yes() -> bool {
    true
}

/// Codes of a list. An asterisk alone would be every disposition, and one inside a code none.
fn codes(key: &str, list: Spanned<Vec<Spanned<String>>>) -> Result<Vec<String>, Fault> {
    if list.get_ref().is_empty() {
        return Err((list.span(), format!("{key} is empty; at least one disposition is needed")));
    }
    let code = |code: Spanned<String>| {
        let (span, text) = (code.span(), code.into_inner());
        let word = text.strip_suffix('*').unwrap_or(&text);
        if word.is_empty() || word.contains('*') || word.contains(char::is_whitespace) {
            let wanted = "a code as the dialer writes it is wanted, with * at its end for any ending";
            return Err((span, format!("{key} {text:?}: {wanted}")));
        }
        Ok(text)
    };
    list.into_inner().into_iter().map(code).collect()
}

impl DispositionEntry {
    pub(in crate::text) fn check(self, pack: &str) -> Result<DispositionRule, Fault> {
        let here = self.name.span();
        let name = read_name("name", self.name)?;
        let wrong = |message: &str| (here.clone(), format!("disposition {name:?}: {message}"));
        let terms = |list: Option<Spanned<Vec<Spanned<String>>>>| list.map_or(Ok(Vec::new()), read_terms);
        let codes = match (self.is, self.is_not) {
            (Some(list), None) => DispositionCodes::Is(codes("is", list)?),
            (None, Some(list)) => DispositionCodes::IsNot(codes("is_not", list)?),
            _ => return Err(wrong("one of is and is_not is needed, and only one")),
        };
        let said = match (&self.said, &self.not_said) {
            (Some(_), None) => true,
            (None, Some(_)) => false,
            _ => return Err(wrong("one of said and not_said is needed, and only one")),
        };
        if said && self.about.is_some() {
            return Err(wrong("about goes with not_said: what was said is quoted itself"));
        }
        Ok(DispositionRule {
            pack: pack.to_owned(),
            description: self.description,
            level: self.level,
            enabled: self.enabled,
            codes,
            unless_set: self.unless_set,
            leg: self.leg,
            said,
            terms: terms(self.said.or(self.not_said))?,
            ignore: terms(self.ignore)?,
            about: terms(self.about)?,
            name,
        })
    }
}

/// What a call's result says, for the rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NotedResult {
    /// The disposition, in the dialer's own code.
    pub disposition: String,
    /// Keys of the call's metadata that hold something.
    pub set: Vec<String>,
}

/// A disposition that does not go with what was said.
#[derive(Clone, Debug, PartialEq)]
pub struct DispositionMismatch {
    /// The rule.
    pub name: String,
    /// The rule in a sentence.
    pub description: String,
    /// The pack it came from.
    pub pack: String,
    /// How bad it is; `None` raises no alert.
    pub level: Option<Level>,
    /// Why, in a few words.
    pub reason: String,
    /// The words that were said.
    pub words: Vec<String>,
    /// The line that shows it.
    pub quote: LineQuote,
    /// End of that line in the call, milliseconds.
    pub end_ms: i64,
    /// Its sentiment, -1 to 1; `None` in a language without a list.
    pub compound: Option<f64>,
}

/// The rules in use, made ready.
#[derive(Debug)]
pub(super) struct DispositionJudge {
    rules: Vec<DispositionRule>,
    /// What was said or was not; a hit's label is the rule's name.
    terms: Groups,
    /// What is quoted instead; likewise.
    about: Groups,
}

impl DispositionJudge {
    pub fn new(all: &[DispositionRule]) -> Self {
        let mut rules: Vec<DispositionRule> = Vec::new();
        for rule in all {
            match rules.iter_mut().find(|other| other.name == rule.name) {
                Some(other) => other.clone_from(rule),
                None => rules.push(rule.clone()),
            }
        }
        rules.retain(|rule| rule.enabled);
        let group = |rule: &DispositionRule, terms: &[TermPattern], leg, ignore: &[TermPattern]| TermGroup {
            label: rule.name.clone(),
            terms: terms.to_vec(),
            leg,
            ignore: ignore.to_vec(),
        };
        let terms: Vec<TermGroup> = rules.iter().map(|rule| group(rule, &rule.terms, rule.leg, &rule.ignore)).collect();
        let about: Vec<TermGroup> = rules.iter().map(|rule| group(rule, &rule.about, LegFilter::Any, &[])).collect();
        Self { terms: Groups::new(terms.iter()), about: Groups::new(about.iter()), rules }
    }

    /// The mismatches of a call that is over, in the order of the rules.
    pub fn mismatches(&self, lines: &[ReviewLine], result: &NotedResult) -> Vec<DispositionMismatch> {
        let fits = |rule: &&DispositionRule| {
            rule.codes.fit(&result.disposition) && !rule.unless_set.iter().any(|key| result.set.contains(key))
        };
        let rules: Vec<&DispositionRule> = self.rules.iter().filter(fits).collect();
        if rules.is_empty() {
            return Vec::new();
        }
        let found: Vec<_> = lines.iter().map(|line| (line, self.terms.find(&line.text, line.leg))).collect();
        let first = |rule: &DispositionRule| {
            found.iter().find_map(|(line, hits)| {
                let hit = hits.iter().find(|hit| hit.label == rule.name)?;
                Some((*line, hit.term.clone()))
            })
        };
        let mismatch = |rule: &DispositionRule| {
            let (line, words, reason) = match first(rule) {
                Some((line, term)) if rule.said => {
                    let reason = format!("said: {term}; disposition: {}", result.disposition);
                    (line, vec![term], reason)
                }
                None if !rule.said => {
                    let about = lines.iter().find(|line| self.is_about(rule, line)).or_else(|| lines.last())?;
                    (about, Vec::new(), format!("not said; disposition: {}", result.disposition))
                }
                _ => return None,
            };
            Some(DispositionMismatch {
                name: rule.name.clone(),
                description: rule.description.clone(),
                pack: rule.pack.clone(),
                level: rule.level,
                reason,
                words,
                quote: LineQuote::of(line, &line.text),
                end_ms: line.end_ms,
                compound: line.compound,
            })
        };
        rules.into_iter().filter_map(mismatch).collect()
    }

    fn is_about(&self, rule: &DispositionRule, line: &ReviewLine) -> bool {
        self.about.find(&line.text, line.leg).iter().any(|hit| hit.label == rule.name)
    }
}

#[cfg(test)]
mod tests {
    use super::super::line;
    use super::*;
    use crate::call::Leg;
    use crate::text::pack::Pack;

    const HEAD: &str = "name = \"p\"\nversion = \"1\"\nlanguage = \"en\"\n[[disposition]]\nname = \"d\"\n";

    fn bundled() -> DispositionJudge {
        let packs = Pack::bundled().expect("packs");
        DispositionJudge::new(&packs.into_iter().flat_map(|pack| pack.dispositions).collect::<Vec<_>>())
    }

    fn noted(disposition: &str) -> NotedResult {
        NotedResult { disposition: disposition.into(), set: Vec::new() }
    }

    fn told(lines: &[ReviewLine], result: &NotedResult) -> Vec<(String, i64)> {
        let all = bundled().mismatches(lines, result);
        all.into_iter().map(|one| (one.name, one.quote.segment_id)).collect()
    }

    #[test]
    fn a_rule_that_cannot_be_meant_is_refused_with_its_line() {
        for (body, line, says) in [
            ("said = [\"x\"]", 5, "one of is and is_not"),
            ("is = [\"A\"]\nis_not = [\"B\"]\nsaid = [\"x\"]", 5, "one of is and is_not"),
            ("is = [\"A\"]", 5, "one of said and not_said"),
            ("is = [\"A\"]\nsaid = [\"x\"]\nnot_said = [\"y\"]", 5, "one of said and not_said"),
            ("is = []\nsaid = [\"x\"]", 6, "is is empty"),
            ("is_not = [\n\"DNC\",\n\"*\"]\nsaid = [\"x\"]", 8, "as the dialer writes it"),
            ("is = [\"A\"]\nsaid = [\"x\"]\nabout = [\"y\"]", 5, "about goes with not_said"),
            ("is = [\"A\"]\nsaid = [\"b*d\"]", 7, "b*d"),
            ("is = [\"A\"]\nsaid = [\"x\"]\nlevel = \"bad\"", 8, "`urgent`"),
            ("was = [\"A\"]\nsaid = [\"x\"]", 6, "`is_not`"),
        ] {
            let error = Pack::parse("p.toml", &format!("{HEAD}{body}")).expect_err(body).to_string();
            assert!(error.contains(&format!("line {line}:")) && error.contains(says), "{body:?}: {error}");
        }
    }

    #[test]
    fn who_asked_not_to_be_called_is_found_under_every_disposition_but_dnc() {
        let lines = [
            line(1, Leg::Agent, 0, "Good morning, this is Mary", 0.0, &[]),
            line(2, Leg::Caller, 5, "Please take me off your list", 0.0, &[]),
        ];
        assert_eq!(told(&lines, &noted("NI")), [("asked_not_to_be_called".into(), 2)]);
        for right in ["DNC", "dnc", "DNCL"] {
            assert_eq!(told(&lines, &noted(right)), [], "{right}");
        }
        let agent = [line(1, Leg::Agent, 0, "I will take you off the list, do not call us", 0.0, &[])];
        assert_eq!(told(&agent, &noted("NI")), [], "the agent's words are not the customer's wish");
    }

    #[test]
    fn a_promised_callback_needs_its_disposition_or_its_time() {
        let lines = [line(7, Leg::Agent, 30, "Okay, I'll call you back on Monday", 0.1, &[])];
        assert_eq!(told(&lines, &noted("NI")), [("callback_promised".into(), 7)]);
        assert_eq!(told(&lines, &noted("CALLBK")), []);
        assert_eq!(told(&lines, &noted("CBHOLD")), []);
        let set = NotedResult { set: vec!["callback_time".into()], ..noted("NI") };
        assert_eq!(told(&lines, &set), [], "the dialer has a time for it");
    }

    #[test]
    fn a_sale_without_words_of_consent_quotes_what_was_sold() {
        let mut lines = vec![
            line(1, Leg::Agent, 0, "I can offer you the big plan", 0.0, &[]),
            line(2, Leg::Caller, 5, "How much is it", 0.0, &[]),
            line(3, Leg::Agent, 9, "I have placed your order, goodbye", 0.0, &[]),
            line(4, Leg::Caller, 12, "Bye", 0.0, &[]),
        ];
        assert_eq!(told(&lines, &noted("SALE")), [("sale_without_consent".into(), 3)]);
        assert_eq!(told(&lines, &noted("NI")), []);
        lines[1].text = "Yes, I agree".into();
        assert_eq!(told(&lines, &noted("SALE")), []);
        assert_eq!(told(&[], &noted("SALE")), [], "nothing was heard, so nothing is missing");
        let short = [line(9, Leg::Caller, 0, "Hello there", 0.0, &[])];
        assert_eq!(told(&short, &noted("SALE")), [("sale_without_consent".into(), 9)], "the last line");
    }

    #[test]
    fn a_later_rule_of_the_same_name_counts_and_may_be_off() {
        let parse = |body: &str| Pack::parse("p.toml", &format!("{HEAD}{body}")).expect("a good pack").dispositions;
        let mut rules = parse("is = [\"A*\"]\nsaid = [\"x\"]");
        let lines = [line(1, Leg::Mixed, 0, "x", 0.0, &[])];
        assert_eq!(DispositionJudge::new(&rules).mismatches(&lines, &noted("aB")).len(), 1);
        rules.extend(parse("is = [\"A*\"]\nsaid = [\"x\"]\nenabled = false"));
        assert!(DispositionJudge::new(&rules).mismatches(&lines, &noted("AB")).is_empty());
    }
}
