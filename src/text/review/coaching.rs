//! `[[objection]]`: what callers object, as packs hold it, and what to say then; and what is found of it in a call that runs.
//!
//! ```toml
//! [[objection]]
//! name = "too_expensive"            # one of a later pack with the same name takes its place
//! terms = ["too expensive"]         # as of keywords
//! ignore = ["not too expensive"]    # a sentence with one of these does not count
//! leg = "caller"                    # whose words count (caller)
//! say = "Ask what it is compared with"
//! enabled = true                    # false: no pack before this one has it
//! ```
//!
//! An objection is shown once, at the last line that has it, for [`SHOWN_MS`] from then on: what is older has been talked about.

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::line::{LineQuote, ReviewLine};
use super::sentence::sentences;
use crate::text::entry::{Fault, LegFilter, TermGroup, read_name, read_term, read_terms};
use crate::text::keywords::Groups;
use crate::text::terms::TermPattern;

/// How long an objection is shown, milliseconds of the call.
const SHOWN_MS: i64 = 180_000;
/// Characters of an answer: an agent reads it while talking.
const LONGEST: usize = 200;

/// What callers object, and what to say then.
#[derive(Clone, Debug, PartialEq)]
pub struct Objection {
    name: String,
    terms: Vec<TermPattern>,
    ignore: Vec<TermPattern>,
    leg: LegFilter,
    say: String,
    enabled: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::text) struct ObjectionEntry {
    name: Spanned<String>,
    terms: Option<Spanned<Vec<Spanned<String>>>>,
    #[serde(default)]
    ignore: Vec<Spanned<String>>,
    #[serde(default = "caller")]
    leg: LegFilter,
    say: Option<Spanned<String>>,
    #[serde(default = "yes")]
    enabled: bool,
}

const fn caller() -> LegFilter {
    LegFilter::Caller
}

const fn yes() -> bool {
    true
}

impl ObjectionEntry {
    pub(in crate::text) fn check(self) -> Result<Objection, Fault> {
        let here = self.name.span();
        let name = read_name("name", self.name)?;
        let wrong = |what: &str| (here.clone(), format!("objection {name:?}: {what}"));
        if !self.enabled {
            let (terms, ignore, say) = (Vec::new(), Vec::new(), String::new());
            return Ok(Objection { name, terms, ignore, leg: self.leg, say, enabled: false });
        }
        let terms = read_terms(self.terms.ok_or_else(|| wrong("terms is missing; what do callers say?"))?)?;
        let say = self.say.ok_or_else(|| wrong("say is missing; what is the agent told to say?"))?;
        let length = say.get_ref().trim().chars().count();
        if length == 0 || length > LONGEST {
            return Err((say.span(), format!("objection {name:?}: say has 1 to {LONGEST} characters, not {length}")));
        }
        let ignore = self.ignore.iter().map(read_term).collect::<Result<_, _>>()?;
        Ok(Objection { terms, ignore, leg: self.leg, say: say.into_inner().trim().to_owned(), enabled: true, name })
    }
}

/// An objection that was raised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RaisedObjection {
    /// Its name in the pack.
    pub name: String,
    /// What to say.
    pub say: String,
    /// The sentence that has it.
    pub quote: LineQuote,
}

/// Finds objections.
#[derive(Debug)]
pub(super) struct Coach {
    objections: Vec<Objection>,
    terms: Groups,
    ignore: Groups,
}

impl Coach {
    /// Of objections with one name the last counts.
    pub fn new<'a>(all: impl Iterator<Item = &'a Objection>) -> Self {
        let mut objections: Vec<Objection> = Vec::new();
        for one in all {
            match objections.iter_mut().find(|other| other.name == one.name) {
                Some(other) => other.clone_from(one),
                None => objections.push(one.clone()),
            }
        }
        objections.retain(|one| one.enabled);
        let groups = |of: fn(&Objection) -> (&Vec<TermPattern>, LegFilter)| {
            let group = |one: &Objection| {
                let (terms, leg) = of(one);
                TermGroup { label: one.name.clone(), terms: terms.clone(), leg, ignore: Vec::new() }
            };
            let all: Vec<TermGroup> = objections.iter().map(group).collect();
            Groups::new(all.iter())
        };
        let (terms, ignore) = (groups(|one| (&one.terms, one.leg)), groups(|one| (&one.ignore, LegFilter::Any)));
        Self { objections, terms, ignore }
    }

    /// What was objected lately, the newest first.
    pub fn raised(&self, lines: &[ReviewLine]) -> Vec<RaisedObjection> {
        let now_ms = lines.iter().map(|line| line.end_ms).max().unwrap_or(0);
        let mut all: Vec<RaisedObjection> = Vec::new();
        for line in lines.iter().rev().take_while(|line| line.start_ms > now_ms - SHOWN_MS) {
            for sentence in sentences(&line.text).into_iter().rev() {
                let ignored = self.ignore.find(sentence, line.leg);
                for hit in self.terms.find(sentence, line.leg) {
                    let counts = ignored.iter().all(|other| other.label != hit.label);
                    if !counts || all.iter().any(|known| known.name == hit.label) {
                        continue;
                    }
                    let Some(one) = self.objections.iter().find(|one| one.name == hit.label) else { continue };
                    let (name, say) = (one.name.clone(), one.say.clone());
                    all.push(RaisedObjection { name, say, quote: LineQuote::of(line, sentence) });
                }
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Reviewer, line};
    use super::*;
    use crate::call::Leg;
    use crate::text::pack::Pack;

    const HEAD: &str = "name = \"p\"\nversion = \"1\"\nlanguage = \"en\"\n";

    fn names(packs: &[Pack], said: &[(Leg, i64, &str)]) -> Vec<String> {
        let lines: Vec<ReviewLine> =
            said.iter().enumerate().map(|(at, (leg, s, text))| line(at as i64, *leg, *s, text, 0.0, &[])).collect();
        Reviewer::new(packs).objections(&lines).into_iter().map(|one| one.name).collect()
    }

    #[test]
    fn the_shipped_packs_have_an_answer_to_what_callers_object() {
        let packs = Pack::bundled().expect("packs");
        for (text, name) in [
            ("Honestly, that is too expensive for me.", "too_expensive"),
            ("I need to think about it.", "think_about_it"),
            ("I have to talk to my wife first.", "ask_somebody"),
            ("I'm happy with my provider.", "has_a_provider"),
            ("How do I know this is not a scam?", "no_trust"),
            ("I can't pay that much at once.", "cannot_pay"),
            ("I never took out this loan.", "disputes_debt"),
            ("I have already tried that.", "already_tried"),
            ("This is the third time I'm calling about this.", "called_before"),
        ] {
            let raised = names(&packs, &[(Leg::Caller, 1, text)]);
            assert!(raised.iter().any(|one| one == name), "{text}: {raised:?}");
        }
        for text in ["It is not too expensive, I'll take it.", "Good morning, my parcel is late.", "Yes, please."] {
            assert_eq!(names(&packs, &[(Leg::Caller, 1, text)]), Vec::<String>::new(), "{text}");
        }
        assert_eq!(names(&packs, &[(Leg::Agent, 1, "Is it too expensive for you?")]), Vec::<String>::new());
    }

    #[test]
    fn an_objection_is_shown_once_the_newest_first_and_not_for_ever() {
        let packs = Pack::bundled().expect("packs");
        let said = [
            (Leg::Caller, 1, "That's too expensive."),
            (Leg::Agent, 5, "It includes the router."),
            (Leg::Caller, 9, "I need to think about it, it's too expensive."),
        ];
        let mut raised = names(&packs, &said);
        raised.sort();
        assert_eq!(raised, ["think_about_it", "too_expensive"]);
        let later = [said[0], (Leg::Caller, 60, "I need to think about it."), (Leg::Agent, 190, "Of course.")];
        assert_eq!(names(&packs, &later), ["think_about_it"]);
    }

    #[test]
    fn a_later_pack_takes_an_objection_over_or_off() {
        let pack =
            |body: &str| Pack::parse("p.toml", &format!("{HEAD}[[objection]]\nname = \"x\"\n{body}")).expect(body);
        let first = pack("terms = [\"too dear\"]\nsay = \"one\"");
        let said = [(Leg::Caller, 1, "it is too dear")];
        assert_eq!(names(std::slice::from_ref(&first), &said), ["x"]);
        assert_eq!(names(&[first.clone(), pack("enabled = false")], &said), Vec::<String>::new());
        assert_eq!(names(&[first, pack("terms = [\"later\"]\nsay = \"two\"")], &said), Vec::<String>::new());
    }

    #[test]
    fn an_entry_that_cannot_be_meant_is_refused_with_its_line() {
        let long = format!("terms = [\"a\"]\nsay = \"{}\"", "x".repeat(201));
        for (body, line, says) in [
            ("say = \"x\"", 5, "terms is missing"),
            ("terms = [\"a\"]", 5, "say is missing"),
            ("terms = []\nsay = \"x\"", 6, "terms is empty"),
            ("terms = [\"a\"]\nsay = \" \"", 7, "1 to 200"),
            (&long, 7, "1 to 200"),
            ("terms = [\"a*b\"]\nsay = \"x\"", 6, "a*b"),
            ("terms = [\"a\"]\nsays = \"x\"", 7, "`say`"),
        ] {
            let text = format!("{HEAD}[[objection]]\nname = \"x\"\n{body}\n");
            let error = Pack::parse("p.toml", &text).expect_err(body).to_string();
            assert!(error.contains(&format!("line {line}:")) && error.contains(says), "{body:?}: {error}");
        }
    }
}
