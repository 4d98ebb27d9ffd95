//! A pack: one TOML file with the words that matter in one trade.
//!
//! ```toml
//! name = "call-centre"
//! version = "1"
//! language = "en"
//!
//! [[keyword]]                       # reported under its label
//! label = "cancellation"
//! terms = ["cancel*", "close my account"]
//! leg = "caller"                    # agent, caller or any (when left out)
//! topic = false                     # whether a call is about it (true): no where the words say how people talk
//! ignore = ["cancel culture"]       # no term with this label, of whichever pack, is reported inside one of these; may stand without terms
//!
//! [[profanity]]                     # same keys; without a label it is "profanity", and its ignore counts for all profanity
//! terms = ["damn"]
//!
//! [[phrase]]                        # read by the call-centre lexicon; replaces the valence of its words
//! valence = 2.0                     # -4 to 4, as in VADER; 0 makes neutral
//! terms = ["thank you"]
//!
//! [[rule]]                          # of an alert: see `rule.rs`
//! [[qa]]                            # a line of the score card: see `review/criteria.rs`
//! [[entity]]                        # a thing that is named: see `review/entities.rs`
//! [[cue]]                           # what tells a reason or an outcome: see `review/summary.rs`
//! [[disposition]]                   # what was said against what was noted: see `review/disposition.rs`
//! [[evidence]]                      # what speaks for a label of the call: see `review/evidence.rs`
//! [[example]]                       # sentences as callers say them, of a label: see `review/learned.rs`
//! [[tag]]                           # a tag that is put on calls: see `review/tags.rs`
//! [[action]]                        # what somebody will do: see `review/actions.rs`
//! [[question]]                      # words of questions and answers: see `review/questions.rs`
//! [[objection]]                     # what callers object, and what to say: see `review/coaching.rs`
//! [words]                           # what the language calls numbers, days and people: see `review/words.rs`
//! [[redact]]                        # written as [ssn], silenced in the sound; see text/redaction
//! label = "ssn"
//! form = "999-99-9999"              # 9 a digit, A a letter; marks may be said, written or left out
//! except = ["9.*"]                  # what valid ones do not look like, without marks (regular expressions)
//! near = ["social security"]        # words that announce it
//! alone = false                     # whether it is believed without them
//! ```
//!
//! What is not understood is refused with file and line, never skipped: a keyword with a typing error in its key would be missed for months.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use super::entry::{AskedLabel, Fault, read_name, read_term, read_terms};
pub use super::entry::{AskingEntry, LegFilter, PROFANITY, TermGroup};
use super::redaction::Form;
use super::review::actions::{ActionEntry, ActionForm};
use super::review::coaching::{Objection, ObjectionEntry};
use super::review::criteria::{CardCriterion, CriterionEntry};
use super::review::disposition::{DispositionEntry, DispositionRule};
use super::review::entities::{EntityEntry, EntityForm};
use super::review::evidence::{Evidence, EvidenceEntry};
use super::review::learned::{ExampleEntry, Examples};
#[cfg(test)]
use super::review::pattern::Pattern;
use super::review::questions::{QuestionEntry, QuestionWords};
use super::review::summary::{Cue, CueEntry};
use super::review::tags::{TagEntry, TagRule};
use super::review::words::Words;
use super::rule::{Rule, RuleEntry};
use super::terms::TermPattern;

/// Why a pack was refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{file}, line {line}: {message}")]
pub struct PackError {
    /// The file's name as it was given.
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    /// Character of the line, counted from 1.
    pub column: usize,
    /// What is wrong, and what is allowed.
    pub message: String,
}

/// The highest valence, either way: VADER's raters had a scale from -4 to 4.
pub const MAX_VALENCE: f64 = 4.0;

/// A checked pack.
#[derive(Clone, Debug)]
pub struct Pack {
    /// The file, as it was named.
    pub file: String,
    /// What results call it.
    pub name: String,
    /// Free text, shown beside the name.
    pub version: String,
    /// Language of its words, as an ISO 639-1 code.
    pub language: String,
    /// Words reported under their label.
    pub keywords: Vec<TermGroup>,
    /// Words reported as profanity.
    pub profanity: Vec<TermGroup>,
    /// Words and phrases with a valence.
    pub phrases: Vec<PhraseGroup>,
    /// Rules of alerts.
    pub rules: Vec<Rule>,
    /// Numbers that nobody may keep.
    pub redact: Vec<Form>,
    /// Lines of the score card.
    pub criteria: Vec<CardCriterion>,
    /// Things that are named in calls.
    pub entities: Vec<EntityForm>,
    /// What tells why a call was made, and what came of it.
    pub cues: Vec<Cue>,
    /// What was said against what was noted.
    pub dispositions: Vec<DispositionRule>,
    /// What speaks for a label of a call.
    pub evidence: Vec<Evidence>,
    /// Sentences as callers say them.
    pub examples: Vec<Examples>,
    /// What people say they will do.
    pub actions: Vec<ActionForm>,
    /// Tags that are put on calls.
    pub tags: Vec<TagRule>,
    /// Words of questions and answers.
    pub questions: Vec<QuestionWords>,
    /// What callers object, and what to say then.
    pub objections: Vec<Objection>,
    /// Labels of keywords that calls are not about.
    pub asides: BTreeSet<String>,
    /// Small words that tell the pack's language.
    pub markers: Vec<String>,
    /// Rules, criteria and tags, with the labels that they ask for.
    pub asking: Vec<AskingEntry>,
}

/// Phrases with one valence.
#[derive(Clone, Debug, PartialEq)]
pub struct PhraseGroup {
    /// -4 to 4; 0 for phrases without a mood.
    pub valence: f64,
    /// The words and phrases.
    pub terms: Vec<TermPattern>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PackFile {
    name: Spanned<String>,
    version: String,
    language: Spanned<String>,
    #[serde(default)]
    keyword: Vec<KeywordEntry>,
    #[serde(default)]
    profanity: Vec<Spanned<ProfanityEntry>>,
    #[serde(default)]
    phrase: Vec<PhraseEntry>,
    #[serde(default)]
    rule: Vec<RuleEntry>,
    #[serde(default)]
    redact: Vec<Spanned<RedactEntry>>,
    #[serde(default)]
    qa: Vec<CriterionEntry>,
    #[serde(default)]
    entity: Vec<EntityEntry>,
    #[serde(default)]
    cue: Vec<CueEntry>,
    #[serde(default)]
    disposition: Vec<DispositionEntry>,
    #[serde(default)]
    evidence: Vec<EvidenceEntry>,
    #[serde(default)]
    example: Vec<ExampleEntry>,
    #[serde(default)]
    action: Vec<ActionEntry>,
    #[serde(default)]
    tag: Vec<TagEntry>,
    #[serde(default)]
    question: Vec<Spanned<QuestionEntry>>,
    #[serde(default)]
    objection: Vec<ObjectionEntry>,
    #[serde(default)]
    words: Words,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeywordEntry {
    label: Spanned<String>,
    terms: Option<Spanned<Vec<Spanned<String>>>>,
    #[serde(default)]
    leg: LegFilter,
    topic: Option<bool>,
    #[serde(default)]
    ignore: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfanityEntry {
    label: Option<Spanned<String>>,
    terms: Option<Spanned<Vec<Spanned<String>>>>,
    #[serde(default)]
    leg: LegFilter,
    #[serde(default)]
    ignore: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PhraseEntry {
    valence: Spanned<f64>,
    terms: Spanned<Vec<Spanned<String>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RedactEntry {
    label: String,
    form: String,
    #[serde(default)]
    except: Vec<String>,
    #[serde(default)]
    near: Vec<String>,
    #[serde(default)]
    alone: bool,
}

impl Pack {
    /// Reads and checks a pack. `file` is only used to name it in errors.
    pub fn parse(file: &str, text: &str) -> Result<Self, PackError> {
        // A pack that is refused has at least one mistake.
        Self::mistakes_or_pack(file, text).map_err(|mut mistakes| mistakes.swap_remove(0))
    }

    /// The same with every mistake that is found, in the order of the file: one for each entry that has any. Where the file is no TOML, or a key is
    /// unknown, it is that one alone.
    pub fn mistakes_or_pack(file: &str, text: &str) -> Result<Self, Vec<PackError>> {
        let at = |(span, message): Fault| {
            let (line, column) = place_of(text, span.start);
            PackError { file: file.to_owned(), line, column, message }
        };
        let raw: PackFile = toml::from_str(text)
            .map_err(|fault| vec![at((fault.span().unwrap_or_default(), one_line(fault.message())))])?;
        raw.check(file, text).map_err(|mut faults| {
            faults.sort_by_key(|(span, _)| span.start);
            faults.into_iter().map(at).collect()
        })
    }

    /// Its regular expressions.
    #[cfg(test)]
    pub(super) fn patterns(&self) -> impl Iterator<Item = &Pattern> {
        let entities = self.entities.iter().flat_map(EntityForm::patterns);
        let evidence = self.evidence.iter().flat_map(Evidence::patterns);
        entities.chain(evidence).chain(self.actions.iter().flat_map(ActionForm::patterns))
    }

    /// The packs that come with the program, as they are installed in `/etc/lineside/packs`.
    pub fn bundled() -> Result<Vec<Self>, PackError> {
        [
            ("call-centre.toml", include_str!("../../etc/packs/call-centre.toml")),
            ("billing.toml", include_str!("../../etc/packs/billing.toml")),
            ("profanity-en.toml", include_str!("../../etc/packs/profanity-en.toml")),
            ("alerts.toml", include_str!("../../etc/packs/alerts.toml")),
            ("national-ids.toml", include_str!("../../etc/packs/national-ids.toml")),
            ("quality.toml", include_str!("../../etc/packs/quality.toml")),
            ("dispositions.toml", include_str!("../../etc/packs/dispositions.toml")),
            ("general.toml", include_str!("../../etc/packs/general.toml")),
            ("sales.toml", include_str!("../../etc/packs/sales.toml")),
            ("support.toml", include_str!("../../etc/packs/support.toml")),
            ("debt-collection.toml", include_str!("../../etc/packs/debt-collection.toml")),
            ("helpline.toml", include_str!("../../etc/packs/helpline.toml")),
            ("places.toml", include_str!("../../etc/packs/places.toml")),
            ("hinglish.toml", include_str!("../../etc/packs/hinglish.toml")),
            ("swahili.toml", include_str!("../../etc/packs/swahili.toml")),
            ("spanish.toml", include_str!("../../etc/packs/spanish.toml")),
        ]
        .into_iter()
        .map(|(file, text)| Self::parse(file, text))
        .collect()
    }
}

impl PackFile {
    /// Its rules, criteria and tags, with the labels that they ask for.
    fn asking(&self, text: &str) -> Vec<AskingEntry> {
        let (rules, criteria) = (self.rule.iter().map(RuleEntry::asked), self.qa.iter().map(CriterionEntry::asked));
        let all = rules.chain(criteria).chain(self.tag.iter().map(TagEntry::asked));
        let placed = |(kind, span, label): (_, Range<usize>, _)| {
            let (line, column) = place_of(text, span.start);
            AskedLabel { kind, label, line, column }
        };
        all.map(|(kind, name, labels)| AskingEntry { kind, name, labels: labels.into_iter().map(placed).collect() })
            .collect()
    }

    fn check(self, file: &str, text: &str) -> Result<Pack, Vec<Fault>> {
        let asking = self.asking(text);
        let group = |here: Range<usize>, label: String, terms: Option<_>, leg, ignore: Vec<Spanned<String>>| {
            if terms.is_none() && ignore.is_empty() {
                return Err((here, "terms is missing; at least one word or phrase is needed, or an ignore".into()));
            }
            Ok(TermGroup {
                label,
                terms: terms.map_or(Ok(Vec::new()), read_terms)?,
                leg,
                ignore: ignore.into_iter().map(|term| read_term(&term)).collect::<Result<_, _>>()?,
            })
        };
        let aside = |entry: &KeywordEntry| (entry.topic == Some(false)).then(|| entry.label.get_ref().clone());
        let asides = self.keyword.iter().filter_map(aside).collect();
        let keywords = self.keyword.into_iter().map(|entry| {
            group(entry.label.span(), read_name("label", entry.label)?, entry.terms, entry.leg, entry.ignore)
        });
        let profanity = self.profanity.into_iter().map(|entry| {
            let (here, entry) = (entry.span(), entry.into_inner());
            let label = entry.label.map_or_else(|| Ok(PROFANITY.to_owned()), |label| read_name("label", label))?;
            group(here, label, entry.terms, entry.leg, entry.ignore)
        });
        let phrases = self.phrase.into_iter().map(|entry| {
            let valence = *entry.valence.get_ref();
            // The comparison is so written that NaN is refused too.
            if !(-MAX_VALENCE..=MAX_VALENCE).contains(&valence) {
                return Err((
                    entry.valence.span(),
                    format!("valence is {valence}; allowed is -{MAX_VALENCE} to {MAX_VALENCE}"),
                ));
            }
            Ok(PhraseGroup { valence, terms: read_terms(entry.terms)? })
        });
        let name = read_name("name", self.name).map_err(|fault| vec![fault])?;
        let language = read_language(self.language).map_err(|fault| vec![fault])?;
        let redact = self.redact.into_iter().map(|entry| {
            let span = entry.span();
            let RedactEntry { label, form, except, near, alone } = entry.into_inner();
            Form::new(&label, &form, &except, near, alone).map_err(|message| (span, message))
        });
        let place = |offset: usize| format!("{name}:{}", line_of(text, offset));
        let markers: Vec<String> = self.words.markers.iter().cloned().collect();
        let words = self.words.with_english();
        let mut faults: Vec<Fault> = Vec::new();
        let pack = Pack {
            rules: good(self.rule.into_iter().map(|entry| entry.check(&name)), &mut faults),
            criteria: good(self.qa.into_iter().map(|entry| entry.check(&name)), &mut faults),
            entities: good(self.entity.into_iter().map(|entry| entry.check(&words, place)), &mut faults),
            cues: good(self.cue.into_iter().map(CueEntry::check), &mut faults),
            dispositions: good(self.disposition.into_iter().map(|entry| entry.check(&name)), &mut faults),
            evidence: good(self.evidence.into_iter().map(|entry| entry.check(&words, place)), &mut faults),
            examples: good(self.example.into_iter().map(ExampleEntry::check), &mut faults),
            actions: good(self.action.into_iter().map(|entry| entry.check(&words, place)), &mut faults),
            tags: good(self.tag.into_iter().map(|entry| entry.check(&name, place)), &mut faults),
            questions: good(
                self.question.into_iter().map(|entry| {
                    let span = entry.span();
                    entry.into_inner().check(span, place)
                }),
                &mut faults,
            ),
            objections: good(self.objection.into_iter().map(ObjectionEntry::check), &mut faults),
            asides,
            markers,
            asking,
            file: file.to_owned(),
            name: name.clone(),
            version: self.version,
            language,
            keywords: good(keywords, &mut faults),
            profanity: good(profanity, &mut faults),
            phrases: good(phrases, &mut faults),
            redact: good(redact, &mut faults),
        };
        if faults.is_empty() { Ok(pack) } else { Err(faults) }
    }
}

/// The code of a language. One that is written in another way would be that of no text, and the pack's phrases would never score.
fn read_language(code: Spanned<String>) -> Result<String, Fault> {
    let text = code.get_ref();
    if !(2..=3).contains(&text.len()) || !text.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return Err((
            code.span(),
            format!("language is {text:?}; a code of small letters is needed, as en, pt or yue"),
        ));
    }
    Ok(code.into_inner())
}

/// What is right; what is not is added to the faults.
fn good<T>(read: impl Iterator<Item = Result<T, Fault>>, faults: &mut Vec<Fault>) -> Vec<T> {
    read.filter_map(|one| one.map_err(|fault| faults.push(fault)).ok()).collect()
}

/// Line and character of a byte, counted from 1.
fn place_of(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let begin = before.rfind('\n').map_or(0, |at| at + 1);
    (line_of(text, offset), 1 + before[begin..].chars().count())
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text.as_bytes().iter().take(offset).filter(|&&byte| byte == b'\n').count()
}

fn one_line(message: &str) -> String {
    message.lines().fold(String::new(), |mut all, line| {
        let _ = write!(all, "{}{line}", if all.is_empty() { "" } else { "; " });
        all
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::call::Leg;

    const HEAD: &str = "name = \"p\"\nversion = \"1\"\nlanguage = \"en\"\n";

    fn fault(body: &str) -> PackError {
        Pack::parse("p.toml", &format!("{HEAD}{body}")).expect_err("the pack is bad")
    }

    #[test]
    fn the_packs_that_come_with_the_program_are_good() {
        let packs = Pack::bundled().expect("bundled packs");
        assert_eq!(
            packs.iter().map(|pack| pack.name.as_str()).collect::<Vec<_>>(),
            [
                "call-centre",
                "billing",
                "profanity-en",
                "alerts",
                "national-ids",
                "quality",
                "dispositions",
                "general",
                "sales",
                "support",
                "debt-collection",
                "helpline",
                "places",
                "hinglish",
                "swahili",
                "spanish"
            ]
        );
    }

    #[test]
    fn a_language_is_a_code_that_texts_have() {
        let of = |code: &str| Pack::parse("p.toml", &HEAD.replace("en", code)).map(|pack| pack.language);
        assert_eq!((of("pt").expect("a code"), of("yue").expect("a code")), ("pt".into(), "yue".into()));
        for wrong in ["", "pt-BR", "portuguese", "PT", "pt_br", "x"] {
            let error = of(wrong).expect_err(wrong);
            assert!(error.line == 3 && error.message.contains("as en, pt or yue"), "{wrong}: {error}");
        }
    }

    #[test]
    fn packs_of_trades_and_languages_have_words_rules_criteria_and_tags_of_their_own() {
        let packs = Pack::bundled().expect("bundled packs");
        for name in ["sales", "support", "helpline", "hinglish", "swahili", "spanish"] {
            let pack = packs.iter().find(|pack| pack.name == name).expect(name);
            let has = [pack.keywords.len(), pack.rules.len(), pack.criteria.len(), pack.tags.len()];
            assert!(has.iter().all(|&count| count > 0), "{name}: {has:?}");
        }
        for name in ["sales", "support", "debt-collection"] {
            let pack = packs.iter().find(|pack| pack.name == name).expect(name);
            assert!(pack.objections.len() >= 5, "{name}");
        }
        // Rules, criteria and tags of one name take each other's place: no two packs mean the same by accident.
        let mut names: Vec<&str> = packs.iter().flat_map(|pack| &pack.rules).map(|one| one.name.as_str()).collect();
        names.extend(
            packs
                .iter()
                .flat_map(|pack| &pack.criteria)
                .map(|one| one.name.as_str())
                .filter(|name| !["forbidden_words", "dead_air"].contains(name)),
        );
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "{names:?}");
    }

    #[test]
    fn what_callers_say_in_other_languages_has_the_labels_of_english() {
        let matcher = crate::text::keywords::Matcher::new(&Pack::bundled().expect("bundled packs"));
        for (text, label) in [
            ("Quiero hablar con su jefe ahora mismo.", "escalation"),
            ("Quiero darme de baja.", "cancellation"),
            ("Voy a llamar a mi abogado.", "legal"),
            ("Mujhe manager se baat karni hai.", "escalation"),
            ("Mera net nahi chal raha hai.", "technical problem"),
            ("Mujhe paise wapas chahiye.", "refund"),
            ("Mtandao haufanyi kazi.", "technical problem"),
            ("Nataka kuongea na meneja.", "escalation"),
            ("Naomba kurudishiwa pesa yangu.", "refund"),
            ("I'll take it, sign me up.", "purchase"),
            ("I smell gas in the kitchen.", "danger"),
            ("He hits me when he is drunk.", "violence"),
        ] {
            let hits = matcher.find(text, Leg::Caller).keywords;
            assert!(hits.iter().any(|hit| hit.label == label), "{text}: {hits:?}");
        }
        let calm = matcher.find("Tuesday at two, that would be lovely.", Leg::Caller).keywords;
        assert!(calm.is_empty(), "{calm:?}");
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line_and_the_allowed_keys() {
        let fault = fault("[[keyword]]\nlabel = \"x\"\nterms = [\"y\"]\nlegs = \"agent\"\n");
        assert_eq!((fault.file.as_str(), fault.line), ("p.toml", 7));
        assert!(fault.message.contains("`legs`") && fault.message.contains("`ignore`"), "{fault}");
    }

    #[test]
    fn a_leg_that_does_not_exist_is_refused_with_the_ones_that_do() {
        let fault = fault("[[keyword]]\nlabel = \"x\"\nterms = [\"y\"]\nleg = \"boss\"\n");
        assert_eq!(fault.line, 7);
        assert!(fault.message.contains("`caller`"), "{fault}");
    }

    #[test]
    fn a_valence_beyond_the_scale_is_refused() {
        for bad in ["4.1", "-5.0", "nan", "inf"] {
            let fault = fault(&format!("[[phrase]]\nvalence = {bad}\nterms = [\"y\"]\n"));
            assert_eq!(fault.line, 5);
            assert!(fault.message.contains("allowed is -4 to 4"), "{fault}");
        }
    }

    #[test]
    fn a_bad_term_in_a_long_list_is_named_with_its_own_line() {
        let fault = fault("[[profanity]]\nterms = [\n  \"good\",\n  \"b*d\",\n]\n");
        assert_eq!(fault.line, 7);
        assert!(fault.message.contains("\"b*d\""), "{fault}");
    }

    #[test]
    fn an_empty_list_of_terms_and_an_empty_label_are_refused() {
        assert_eq!(fault("[[profanity]]\nterms = []\n").line, 5);
        assert_eq!(fault("[[keyword]]\nlabel = \" \"\nterms = [\"x\"]\n").line, 5);
        assert_eq!(fault("[[keyword]]\nlabel = \"x\"\n").line, 5);
        assert!(fault("[[profanity]]\nleg = \"agent\"\n").message.contains("terms is missing"));
    }

    #[test]
    fn every_entry_with_a_mistake_is_named_with_its_place() {
        let body = concat!(
            "[[keyword]]\nlabel = \" \"\nterms = [\"x\"]\n[[keyword]]\nlabel = \"ok\"\nterms = [\"y\"]\n",
            "[[phrase]]\nvalence = 9.0\nterms = [\"z\"]\n"
        );
        let mistakes = Pack::mistakes_or_pack("p.toml", &format!("{HEAD}{body}")).expect_err("two mistakes");
        let places: Vec<(usize, usize)> = mistakes.iter().map(|one| (one.line, one.column)).collect();
        assert_eq!(places, [(5, 9), (11, 11)], "{mistakes:?}");
    }

    #[test]
    fn a_mixed_leg_is_taken_by_every_filter() {
        assert!(LegFilter::Agent.takes(Leg::Mixed) && LegFilter::Caller.takes(Leg::Mixed));
        assert!(LegFilter::Agent.takes(Leg::Agent) && !LegFilter::Agent.takes(Leg::Caller));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(body in "\\PC{0,80}", tail in "(\\[\\[(keyword|phrase)\\]\\]\n|label = \"\\PC{0,5}\"\n|terms = \\[\"\\PC{0,5}\"\\]\n){0,5}") {
            let _ = Pack::parse("p.toml", &body);
            let _ = Pack::parse("p.toml", &format!("{HEAD}{tail}"));
        }
    }
}
