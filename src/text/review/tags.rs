//! `[[tag]]`: tags that packs put on calls that are over, as packs hold them, and the tags that a call gets by it.
//!
//! ```toml
//! [[tag]]
//! name = "refund"                   # the tag; entries of a later pack with the same name take the place of those of earlier packs
//! intents = ["refund"]              # the call's strongest intent is one of these: [[evidence]] and [[example]] make it
//! outcomes = ["escalated"]          # so is its strongest outcome
//! payment = ["promised"]            # the last word about a payment is one of these
//! labels = ["legal"]                # a keyword of any pack with one of these labels was said
//! said = ["money back"]             # one of these was said, outside of `ignore`
//! ignore = ["money back guarantee"]
//! leg = "caller"                    # whose words count for labels and said: "agent", "caller" or "any" (when left out)
//! times = 1                         # in so many segments at least
//! enabled = true                    # false: no pack before this one gives the tag
//! ```
//!
//! All conditions of an entry must hold together. Of several entries of one pack with the same name one is enough. A tag says which entry gave it, and
//! by which lines. What contradicts itself is refused with its line.

use serde::Deserialize;
use toml::Spanned;

use super::evidence::{Ground, Labelled};
use super::insights::Insights;
use super::line::ReviewLine;
use crate::text::entry::{Asked, Fault, LabelKind, LegFilter, TermGroup, read_name, read_terms};
use crate::text::keywords::Groups;
use crate::text::terms::TermPattern;

/// Characters of a tag, as people may write one.
const LONGEST: usize = 40;
/// Segments that are kept for an entry.
const SHOWN: usize = 5;

/// An entry.
#[derive(Clone, Debug, PartialEq)]
pub struct TagRule {
    /// The tag.
    pub name: String,
    /// The pack it came from.
    pub pack: String,
    /// The pack and the line of the entry.
    pub rule: String,
    /// Whether it is in use.
    pub enabled: bool,
    /// The call's strongest intent is one of these; empty, here and below: is not asked.
    pub intents: Vec<String>,
    /// Its strongest outcome is.
    pub outcomes: Vec<String>,
    /// The last word about a payment.
    pub payment: Vec<String>,
    /// Labels of keywords.
    pub labels: Vec<String>,
    /// Words…
    pub said: Vec<TermPattern>,
    /// …outside of these.
    pub ignore: Vec<TermPattern>,
    /// The direction whose words count.
    pub leg: LegFilter,
    /// In so many segments.
    pub times: usize,
}

/// As it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::text) struct TagEntry {
    name: Spanned<String>,
    #[serde(default = "yes")]
    enabled: bool,
    intents: Option<Spanned<Vec<String>>>,
    outcomes: Option<Spanned<Vec<String>>>,
    payment: Option<Spanned<Vec<String>>>,
    labels: Option<Spanned<Vec<String>>>,
    said: Option<Spanned<Vec<Spanned<String>>>>,
    ignore: Option<Spanned<Vec<Spanned<String>>>>,
    leg: Option<Spanned<LegFilter>>,
    times: Option<Spanned<usize>>,
}

const fn yes() -> bool {
    true
}

/// A list of names that is not there, or holds one at least.
fn names(key: &str, list: Option<Spanned<Vec<String>>>) -> Result<Vec<String>, Fault> {
    let Some(list) = list else { return Ok(Vec::new()) };
    if list.get_ref().iter().all(|name| name.trim().is_empty()) {
        return Err((list.span(), format!("{key} is empty; at least one name is needed")));
    }
    Ok(list.into_inner())
}

impl TagEntry {
    /// The labels that it asks for.
    pub(in crate::text) fn asked(&self) -> Asked {
        let lists = [
            (LabelKind::Intent, self.intents.as_ref()),
            (LabelKind::Outcome, self.outcomes.as_ref()),
            (LabelKind::Payment, self.payment.as_ref()),
            (LabelKind::Keyword, self.labels.as_ref()),
        ];
        let of = |(kind, list): (LabelKind, Option<&Spanned<Vec<String>>>)| -> Vec<_> {
            let Some(list) = list.filter(|_| self.enabled) else { return Vec::new() };
            list.get_ref().iter().map(|label| (kind, list.span(), label.clone())).collect()
        };
        ("tag", self.name.get_ref().trim().to_owned(), lists.into_iter().flat_map(of).collect())
    }

    /// `place` names the entry in results: the pack and its line.
    pub(in crate::text) fn check(self, pack: &str, place: impl Fn(usize) -> String) -> Result<TagRule, Fault> {
        let here = self.name.span();
        let rule = place(here.start);
        let name = read_name("name", self.name)?.trim().to_owned();
        let wrong = |message: &str| (here.clone(), format!("tag {name:?}: {message}"));
        if name.chars().count() > LONGEST || name.contains(|c: char| c.is_control() || c == ',') {
            return Err(wrong(&format!("a tag has 1 to {LONGEST} characters, and no comma")));
        }
        let says_words = self.said.is_some() || self.labels.is_some();
        if let Some(leg) = self.leg.as_ref().filter(|_| !says_words) {
            return Err((leg.span(), "leg goes with said and labels; the evidence has its own".into()));
        }
        if let Some(times) = self.times.as_ref().filter(|_| !says_words) {
            return Err((times.span(), "times goes with said and labels".into()));
        }
        if let Some(times) = self.times.as_ref().filter(|times| !(1..=1000).contains(times.get_ref())) {
            return Err((times.span(), format!("times is {}; allowed is 1 to 1000", times.get_ref())));
        }
        if let Some(ignore) = self.ignore.as_ref().filter(|_| self.said.is_none()) {
            return Err((ignore.span(), "ignore goes with said; for labels the keywords' own ignore counts".into()));
        }
        let terms = |list: Option<Spanned<Vec<Spanned<String>>>>| list.map_or(Ok(Vec::new()), read_terms);
        let read = TagRule {
            pack: pack.to_owned(),
            rule,
            enabled: self.enabled,
            intents: names("intents", self.intents)?,
            outcomes: names("outcomes", self.outcomes)?,
            payment: names("payment", self.payment)?,
            labels: names("labels", self.labels)?,
            said: terms(self.said)?,
            ignore: terms(self.ignore)?,
            leg: self.leg.map(Spanned::into_inner).unwrap_or_default(),
            times: self.times.map_or(1, Spanned::into_inner),
            name: name.clone(),
        };
        let lists = [&read.intents, &read.outcomes, &read.payment, &read.labels];
        if read.enabled && read.said.is_empty() && lists.iter().all(|list| list.is_empty()) {
            return Err(wrong("has no condition; one of intents, outcomes, payment, labels and said is needed"));
        }
        Ok(read)
    }
}

/// A tag that a call gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenTag {
    /// The tag.
    pub name: String,
    /// The pack that gives it.
    pub pack: String,
    /// The pack and the line of the entry.
    pub rule: String,
    /// What decided, in words of the pack: `intent refund`.
    pub reason: String,
    /// Row numbers of the first segments that decided.
    pub segments: Vec<i64>,
}

/// What decided a condition: in words of the pack, and the segments.
type Because = (String, Vec<i64>);

/// Entries in use, made ready.
#[derive(Debug)]
pub(super) struct Tagger {
    rules: Vec<TagRule>,
    /// What is said; a hit's label is the number of its entry.
    said: Groups,
}

impl Tagger {
    pub fn new<'a>(all: impl Iterator<Item = &'a TagRule>) -> Self {
        let mut rules: Vec<TagRule> = Vec::new();
        for rule in all {
            rules.retain(|other| other.name != rule.name || other.pack == rule.pack);
            rules.push(rule.clone());
        }
        rules.retain(|rule| rule.enabled);
        let group = |(at, rule): (usize, &TagRule)| TermGroup {
            label: at.to_string(),
            terms: rule.said.clone(),
            leg: rule.leg,
            ignore: rule.ignore.clone(),
        };
        let groups: Vec<TermGroup> = rules.iter().enumerate().map(group).collect();
        Self { said: Groups::new(groups.iter()), rules }
    }

    /// The tags of a call, in the order of the packs; a tag once for each entry that gives it.
    pub fn tags(&self, lines: &[ReviewLine], insights: &Insights) -> Vec<GivenTag> {
        let said: Vec<(usize, i64)> = lines
            .iter()
            .flat_map(|line| {
                let hits = self.said.find(&line.text, line.leg);
                hits.into_iter().filter_map(|hit| Some((hit.label.parse().ok()?, line.segment)))
            })
            .collect();
        let given = |(at, rule): (usize, &TagRule)| {
            let said: Vec<i64> = said.iter().filter(|(of, _)| *of == at).map(|(_, segment)| *segment).collect();
            let because = rule.because(lines, insights, said)?;
            let (reasons, segments): (Vec<String>, Vec<Vec<i64>>) = because.into_iter().unzip();
            let mut shown: Vec<i64> = Vec::new();
            for segment in segments.concat() {
                if shown.len() < SHOWN && !shown.contains(&segment) {
                    shown.push(segment);
                }
            }
            Some(GivenTag {
                name: rule.name.clone(),
                pack: rule.pack.clone(),
                rule: rule.rule.clone(),
                reason: reasons.join(", "),
                segments: shown,
            })
        };
        self.rules.iter().enumerate().filter_map(given).collect()
    }
}

impl TagRule {
    /// What made each of its conditions hold; `None` where one does not. `said` are the segments with its words.
    fn because(&self, lines: &[ReviewLine], insights: &Insights, said: Vec<i64>) -> Option<Vec<Because>> {
        // Where a term of a pack was said: what is only like examples is no reason that people would see.
        let is_said = |grounds: &[Ground]| grounds.iter().any(|ground| !ground.is_by_examples());
        let payment = insights.payment.iter().map(|one| (one.state.as_str(), &one.grounds));
        let payment = payment.filter(|(_, grounds)| is_said(grounds));
        // The strongest alone: weaker ones are right less often than not.
        let strongest = |all: &[Labelled]| -> Vec<Because> {
            let told = all.first().filter(|one| is_said(&one.grounds));
            told.map(|one| (one.label.clone(), segments(&one.grounds))).into_iter().collect()
        };
        let conditions = [
            first("intent", &self.intents, strongest(&insights.intents)),
            first("outcome", &self.outcomes, strongest(&insights.outcomes)),
            first(
                "payment",
                &self.payment,
                payment.map(|(state, grounds)| (state.into(), segments(grounds))).collect(),
            ),
            self.labelled(lines),
            self.enough((!self.said.is_empty()).then_some(("said".into(), said))),
        ];
        let mut because = Vec::new();
        for condition in conditions {
            because.extend(condition?);
        }
        Some(because)
    }

    /// Its labels in the lines.
    fn labelled(&self, lines: &[ReviewLine]) -> Option<Vec<Because>> {
        let is_one = |label: &&String| self.labels.contains(label);
        let hits = lines.iter().filter(|line| self.leg.takes(line.leg));
        let hits: Vec<(i64, &String)> =
            hits.filter_map(|line| Some((line.segment, line.labels.iter().find(is_one)?))).collect();
        let label = hits.first().map_or("", |(_, label)| label.as_str());
        let found = hits.iter().map(|(segment, _)| *segment).collect();
        self.enough((!self.labels.is_empty()).then(|| (format!("keyword {label}"), found)))
    }

    /// Holds where it is not asked, by nothing, or where there are segments enough.
    fn enough(&self, found: Option<Because>) -> Option<Vec<Because>> {
        let Some((reason, mut segments)) = found else { return Some(Vec::new()) };
        segments.dedup();
        (segments.len() >= self.times).then(|| vec![(reason, segments)])
    }
}

/// The first that is one of these; holds where it is not asked.
fn first(kind: &str, wanted: &[String], found: Vec<Because>) -> Option<Vec<Because>> {
    if wanted.is_empty() {
        return Some(Vec::new());
    }
    let (label, segments) = found.into_iter().find(|(label, _)| wanted.contains(label))?;
    Some(vec![(format!("{kind} {label}"), segments)])
}

fn segments(grounds: &[Ground]) -> Vec<i64> {
    grounds.iter().filter(|ground| ground.weight > 0.0).map(|ground| ground.quote.segment_id).collect()
}

#[cfg(test)]
mod tests {
    use super::super::line;
    use super::*;
    use crate::call::Leg;
    use crate::text::{LexiconKind, Pack, TextAnalyser};

    const HEAD: &str = "name = \"p\"\nversion = \"1\"\nlanguage = \"en\"\n";

    fn packs(bodies: &[&str]) -> Vec<Pack> {
        let pack = |(number, body): (usize, &&str)| {
            let head = HEAD.replace("\"p\"", &format!("\"p{number}\""));
            Pack::parse("p.toml", &format!("{head}{body}")).expect("a good pack")
        };
        bodies.iter().enumerate().map(pack).collect()
    }

    fn given(packs: &[Pack], lines: &[ReviewLine]) -> Vec<GivenTag> {
        let analyser = TextAnalyser::new(LexiconKind::CallCentre, packs);
        analyser.reviewer().tags(lines, &analyser.insights(lines, None, None))
    }

    fn names(packs: &[Pack], lines: &[ReviewLine]) -> Vec<String> {
        given(packs, lines).into_iter().map(|tag| tag.name).collect()
    }

    #[test]
    fn a_tag_is_given_where_all_conditions_of_an_entry_hold_and_tells_its_lines() {
        let body = concat!(
            "[[evidence]]\nabout = \"intent\"\nlabel = \"refund\"\nweight = 3\nterms = [\"money back\"]\n",
            "[[evidence]]\nabout = \"payment\"\nlabel = \"promised\"\nweight = 3\nterms = [\"i will pay\"]\n",
            "[[tag]]\nname = \"angry refund\"\nintents = [\"refund\"]\nlabels = [\"legal\"]\nleg = \"caller\"\n",
            "[[tag]]\nname = \"promise\"\npayment = [\"promised\"]\n",
            "[[tag]]\nname = \"hold\"\nsaid = [\"hold on\"]\nignore = [\"hold on tight\"]\nleg = \"agent\"\ntimes = 2\n",
        );
        let packs = packs(&[body]);
        let mut lines = vec![
            line(1, Leg::Caller, 0, "I want my money back or my lawyer calls you", -0.3, &["legal"]),
            line(2, Leg::Agent, 4, "Hold on, please", 0.0, &[]),
            line(3, Leg::Agent, 8, "hold on tight", 0.0, &[]),
        ];
        let told = given(&packs, &lines);
        let [one] = told.as_slice() else { panic!("{told:?}") };
        assert_eq!((one.name.as_str(), one.pack.as_str(), one.rule.as_str()), ("angry refund", "p0", "p0:15"));
        assert_eq!((one.reason.as_str(), &one.segments[..]), ("intent refund, keyword legal", &[1][..]));
        lines.push(line(4, Leg::Agent, 12, "hold on again", 0.0, &[]));
        lines.push(line(5, Leg::Caller, 16, "I will pay on Monday", 0.0, &[]));
        assert_eq!(names(&packs, &lines), ["angry refund", "promise", "hold"]);
        // The agent's lawyer is not the caller's.
        lines[0] = line(1, Leg::Caller, 0, "I want my money back", 0.0, &[]);
        lines[1] = line(2, Leg::Agent, 4, "Hold on, our lawyer asks", 0.0, &["legal"]);
        assert_eq!(names(&packs, &lines), ["promise", "hold"]);
    }

    #[test]
    fn several_entries_of_a_pack_add_up_and_those_of_a_later_pack_take_their_place() {
        let first = "[[tag]]\nname = \"t\"\nsaid = [\"one\"]\n[[tag]]\nname = \"t\"\nsaid = [\"two\"]\n[[tag]]\nname = \"u\"\nsaid = [\"one\"]\n";
        let said = |text: &str| [line(1, Leg::Caller, 0, text, 0.0, &[])];
        assert_eq!(names(&packs(&[first]), &said("one two")), ["t", "t", "u"]);
        let later = "[[tag]]\nname = \"t\"\nsaid = [\"three\"]\n[[tag]]\nname = \"u\"\nenabled = false\n";
        assert_eq!(names(&packs(&[first, later]), &said("one two")), Vec::<String>::new());
        assert_eq!(names(&packs(&[first, later]), &said("three")), ["t"]);
    }

    #[test]
    fn an_entry_that_cannot_be_meant_is_refused_with_its_line() {
        let long = format!("name = \"{}\"\nsaid = [\"x\"]", "a".repeat(41));
        for (body, line, says) in [
            ("name = \"t\"", 5, "has no condition"),
            ("name = \" \"\nsaid = [\"x\"]", 5, "name is empty"),
            ("name = \"a, b\"\nsaid = [\"x\"]", 5, "no comma"),
            (&long, 5, "1 to 40 characters"),
            ("name = \"t\"\nintents = []", 6, "intents is empty"),
            ("name = \"t\"\nintents = [\"x\"]\nleg = \"caller\"", 7, "leg goes with said and labels"),
            ("name = \"t\"\npayment = [\"x\"]\ntimes = 2", 7, "times goes with said and labels"),
            ("name = \"t\"\nlabels = [\"x\"]\nignore = [\"y\"]", 7, "ignore goes with said"),
            ("name = \"t\"\nsaid = [\"x\"]\ntimes = 0", 7, "allowed is 1 to 1000"),
            ("name = \"t\"\nsaid = [\"b*d\"]", 6, "b*d"),
            ("name = \"t\"\nintent = [\"x\"]", 6, "`intents`"),
        ] {
            let error = Pack::parse("p.toml", &format!("{HEAD}[[tag]]\n{body}\n")).expect_err(body).to_string();
            assert!(error.contains(&format!("line {line}:")) && error.contains(says), "{body:?}: {error}");
        }
    }
}
