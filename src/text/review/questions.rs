//! `[[question]]`: what was asked in a call, and what was answered, as packs hold the words of it.
//!
//! ```toml
//! [[question]]
//! begins = ["how much", "when will"]  # how a question begins that yes or no does not answer
//! confirms = ["do you", "can you"]    # how one begins that yes or no answers
//! holds = ["kab"]                     # words that make a question wherever they stand
//! ignore = ["how can i help"]         # a sentence with one of these asks for nothing: greetings, checks of the line, anger
//! yes = ["yes", "not yet"]            # words that answer a question of the second kind
//! plain = ["okay", "thank you"]       # words that answer nothing by themselves
//! waits = ["one moment"]              # a sentence with one of these puts the answer off
//! ```
//!
//! Method. A sentence asks when it has a question mark and [`FEW`] words beside the plain ones, or when it begins like a question, after plain
//! words at most. Its answer is the next sentence on the other leg that tells something and asks nothing, within [`BOUND_MS`] of the question or of
//! the last sentence that put it off. A counter-question leaves the question open. What is asked twice is told once. Questions of one turn share the
//! rest of the line that answers them. On a leg that holds both sides nobody knows who answers, so questions there have no answer.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::line::{LineQuote, ReviewLine};
use super::sentence::sentences;
use super::words::tokens;
use crate::call::Leg;
use crate::text::entry::{Fault, LegFilter, TermGroup, read_terms};
use crate::text::keywords::Groups;
use crate::text::terms::TermPattern;

/// An answer begins so soon, milliseconds.
const BOUND_MS: i64 = 30_000;
/// Words beside the plain ones of a question that has nothing but its mark.
const FEW: usize = 3;
/// Plain words before the words with which a question begins.
const BEFORE: usize = 4;
/// Words of a question that is told by how it begins, with it.
const SHORT: usize = 2;

/// Words of questions and answers.
#[derive(Clone, Debug, PartialEq)]
pub struct QuestionWords {
    begins: Vec<TermPattern>,
    confirms: Vec<TermPattern>,
    holds: Vec<TermPattern>,
    ignore: Vec<TermPattern>,
    yes: Vec<TermPattern>,
    plain: Vec<TermPattern>,
    waits: Vec<TermPattern>,
    rule: String,
}

type Terms = Option<Spanned<Vec<Spanned<String>>>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::text) struct QuestionEntry {
    begins: Terms,
    confirms: Terms,
    holds: Terms,
    ignore: Terms,
    yes: Terms,
    plain: Terms,
    waits: Terms,
}

impl QuestionEntry {
    /// `here` is where the entry stands; `place` names a place of the file in results: the pack and its line.
    pub(in crate::text) fn check(
        self,
        here: Range<usize>,
        place: impl Fn(usize) -> String,
    ) -> Result<QuestionWords, Fault> {
        let read = |terms: Terms| terms.map_or(Ok(Vec::new()), read_terms);
        let words = QuestionWords {
            begins: read(self.begins)?,
            confirms: read(self.confirms)?,
            holds: read(self.holds)?,
            ignore: read(self.ignore)?,
            yes: read(self.yes)?,
            plain: read(self.plain)?,
            waits: read(self.waits)?,
            rule: place(here.start),
        };
        let lists =
            [&words.begins, &words.confirms, &words.holds, &words.ignore, &words.yes, &words.plain, &words.waits];
        if lists.iter().all(|list| list.is_empty()) {
            let says = "question: one of begins, confirms, holds, ignore, yes, plain and waits is needed";
            return Err((here, says.into()));
        }
        Ok(words)
    }
}

/// Something that was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AskedQuestion {
    /// The sentence that asks.
    #[serde(flatten)]
    pub quote: LineQuote,
    /// What the other side said to it; `None` where nothing answers it.
    pub answer: Option<LineQuote>,
    /// The rule that found it: its pack and the line there, or `question mark`.
    pub rule: String,
}

/// The rule of a sentence that has nothing but its mark.
const MARK: &str = "question mark";

/// What a sentence is in the talk.
enum Part {
    /// It asks; whether yes or no answers it, and the rule that says that it asks.
    Asks { confirms: bool, rule: String },
    /// It has the form of a question and asks for nothing.
    Form,
    /// It puts an answer off.
    Waits,
    /// It tells something, or says yes or no.
    Tells { telling: bool, yes: bool },
}

/// A question that waits for its answer.
struct Waiting {
    /// Its number among all.
    question: usize,
    leg: Leg,
    confirms: bool,
    /// The turn in which it was asked.
    turn: usize,
    /// An answer begins no later.
    until_ms: i64,
}

/// Finds questions and their answers.
#[derive(Debug)]
pub(super) struct Asker {
    begins: Groups,
    confirms: Groups,
    holds: Groups,
    ignore: Groups,
    yes: Groups,
    plain: Groups,
    waits: Groups,
}

impl Asker {
    pub fn new<'a>(words: impl Iterator<Item = &'a QuestionWords>) -> Self {
        let words: Vec<&QuestionWords> = words.collect();
        let of = |list: fn(&QuestionWords) -> &Vec<TermPattern>| {
            let groups: Vec<TermGroup> = words
                .iter()
                .map(|one| TermGroup {
                    label: one.rule.clone(),
                    terms: list(one).clone(),
                    leg: LegFilter::Any,
                    ignore: Vec::new(),
                })
                .collect();
            Groups::new(groups.iter())
        };
        Self {
            begins: of(|one| &one.begins),
            confirms: of(|one| &one.confirms),
            holds: of(|one| &one.holds),
            ignore: of(|one| &one.ignore),
            yes: of(|one| &one.yes),
            plain: of(|one| &one.plain),
            waits: of(|one| &one.waits),
        }
    }

    /// What was asked, in order of time.
    pub fn find(&self, lines: &[ReviewLine]) -> Vec<AskedQuestion> {
        let mut all: Vec<AskedQuestion> = Vec::new();
        let mut waiting: Vec<Waiting> = Vec::new();
        let (mut turn, mut speaks) = (0, None);
        for line in lines {
            waiting.retain(|one| line.start_ms <= one.until_ms);
            if speaks != Some(line.leg) {
                (turn, speaks) = (turn + 1, Some(line.leg));
            }
            for sentence in sentences(&line.text) {
                match self.part(sentence) {
                    Part::Asks { confirms, rule } => {
                        let again = |one: &&mut Waiting| {
                            one.leg == line.leg && is_same(&all[one.question].quote.text, sentence)
                        };
                        let until_ms = line.end_ms.max(line.start_ms) + BOUND_MS;
                        if let Some(known) = waiting.iter_mut().find(again) {
                            (known.turn, known.until_ms) = (turn, until_ms);
                            continue;
                        }
                        // Who asks something else later has given up the question before, or has its answer.
                        waiting.retain(|one| one.leg != line.leg || one.turn == turn);
                        if line.leg != Leg::Mixed {
                            waiting.push(Waiting { question: all.len(), leg: line.leg, confirms, turn, until_ms });
                        }
                        all.push(AskedQuestion { quote: LineQuote::of(line, sentence), answer: None, rule });
                    }
                    Part::Form => {}
                    Part::Waits => {
                        for one in waiting.iter_mut().filter(|one| is_other(one.leg, line.leg)) {
                            one.until_ms = one.until_ms.max(line.end_ms + BOUND_MS);
                        }
                    }
                    Part::Tells { telling, yes } => {
                        self.answer(&mut waiting, &mut all, line, sentence, (telling, yes));
                    }
                }
            }
        }
        all
    }

    /// Gives a sentence that tells something to the questions that wait for it.
    fn answer(
        &self,
        waiting: &mut Vec<Waiting>,
        all: &mut [AskedQuestion],
        line: &ReviewLine,
        sentence: &str,
        (telling, yes): (bool, bool),
    ) {
        let takes = |one: &Waiting| is_other(one.leg, line.leg) && (telling || (yes && one.confirms));
        let many = waiting.iter().filter(|one| takes(one)).count() > 1;
        for one in waiting.iter().filter(|one| takes(one)) {
            let text = self.said(line, sentence, many, telling);
            all[one.question].answer = Some(LineQuote::of(line, text));
        }
        waiting.retain(|one| !takes(one));
    }

    /// The words of an answer that begins with this sentence: of several questions the rest of the line up to the next question; behind a bare yes or
    /// no the sentence after it too.
    fn said<'l>(&self, line: &'l ReviewLine, sentence: &str, many: bool, telling: bool) -> &'l str {
        let begin = sentence.as_ptr() as usize - line.text.as_ptr() as usize;
        let mut end = begin + sentence.len();
        if many || !telling {
            let rest = &line.text[end..];
            for next in sentences(rest) {
                if !matches!(self.part(next), Part::Tells { .. }) {
                    break;
                }
                end = next.as_ptr() as usize - line.text.as_ptr() as usize + next.len();
                if !many {
                    break;
                }
            }
        }
        &line.text[begin..end]
    }

    fn part(&self, sentence: &str) -> Part {
        let spans = |groups: &Groups| -> Vec<Range<usize>> {
            groups.find(sentence, Leg::Mixed).into_iter().map(|hit| hit.start..hit.end).collect()
        };
        let marked = sentence.contains(['?', '¿', '？']);
        let plain = spans(&self.plain);
        let asks = self.asks(sentence, marked, &plain);
        if asks.is_some() || marked {
            let ignored = !spans(&self.ignore).is_empty() || !spans(&self.waits).is_empty();
            return asks.filter(|_| !ignored).map_or(Part::Form, |(confirms, rule)| Part::Asks { confirms, rule });
        }
        if !spans(&self.waits).is_empty() {
            return Part::Waits;
        }
        let yes = spans(&self.yes);
        let telling = words(sentence).any(|word| !is_in(&word, &plain) && !is_in(&word, &yes));
        Part::Tells { telling, yes: !yes.is_empty() }
    }

    /// Whether a sentence asks: whether yes or no answers it, and by which rule.
    fn asks(&self, sentence: &str, marked: bool, plain: &[Range<usize>]) -> Option<(bool, String)> {
        let first = |groups: &Groups| groups.find(sentence, Leg::Mixed).into_iter().next();
        let opens = |start: usize| {
            let before: Vec<Range<usize>> = words(sentence).take_while(|word| word.end <= start).collect();
            before.len() <= BEFORE && before.iter().all(|word| is_in(word, plain))
        };
        let long_enough = words(sentence).count() >= SHORT && !sentence.ends_with('!');
        let (more, holds, confirms) = (first(&self.begins), first(&self.holds), first(&self.confirms));
        if long_enough || marked {
            if let Some(hit) = more.iter().chain(&confirms).find(|hit| opens(hit.start)) {
                return Some((more.is_none() && holds.is_none(), hit.label.clone()));
            }
            if let Some(hit) = holds.as_ref().filter(|_| words(sentence).count() > SHORT) {
                return Some((false, hit.label.clone()));
            }
        }
        let telling = words(sentence).filter(|word| !is_in(word, plain)).count();
        (marked && telling >= FEW).then(|| (more.is_none(), MARK.to_owned()))
    }
}

fn is_other(asks: Leg, answers: Leg) -> bool {
    matches!((asks, answers), (Leg::Agent, Leg::Caller) | (Leg::Caller, Leg::Agent))
}

/// The words of a text, by place.
fn words(text: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    let inside = |sign: char| sign.is_alphanumeric() || matches!(sign, '\'' | '’');
    let mut at = 0;
    std::iter::from_fn(move || {
        let begin = at + text[at..].find(inside)?;
        let end = text[begin..].find(|sign: char| !inside(sign)).map_or(text.len(), |length| begin + length);
        at = end;
        Some(begin..end)
    })
}

fn is_in(word: &Range<usize>, spans: &[Range<usize>]) -> bool {
    spans.iter().any(|span| span.start <= word.start && word.end <= span.end)
}

/// Whether two questions ask the same: half of the words that tell anything are in both.
fn is_same(one: &str, other: &str) -> bool {
    let telling = |text: &str| -> std::collections::BTreeSet<String> {
        tokens(text).into_iter().filter(|word| word.chars().count() >= 4).collect()
    };
    let (one, other) = (telling(one), telling(other));
    let shared = one.intersection(&other).count();
    shared > 0 && 2 * shared >= one.len().max(other.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::line;
    use super::*;
    use crate::text::pack::Pack;

    fn asker() -> Asker {
        let packs = Pack::bundled().expect("packs");
        Asker::new(packs.iter().flat_map(|pack| &pack.questions))
    }

    /// The questions of a dialogue of a line every six seconds, each with its answer.
    fn asked(dialogue: &[&str]) -> Vec<(String, Option<String>)> {
        let lines: Vec<ReviewLine> = dialogue
            .iter()
            .enumerate()
            .map(|(at, said)| {
                let (who, text) = said.split_once(": ").expect("who speaks");
                let leg = match who {
                    "A" => Leg::Agent,
                    "C" => Leg::Caller,
                    _ => Leg::Mixed,
                };
                line(at as i64, leg, at as i64 * 6, text, 0.0, &[])
            })
            .collect();
        asker().find(&lines).into_iter().map(|one| (one.quote.text, one.answer.map(|answer| answer.text))).collect()
    }

    fn pair(question: &str, answer: &str) -> (String, Option<String>) {
        (question.into(), Some(answer.into()))
    }

    #[test]
    fn a_question_has_the_answer_of_the_other_side_and_greetings_are_none() {
        let found = asked(&[
            "A: Good morning, Northern Energy, how can I help you?",
            "C: Hi, how are you? When will my refund arrive?",
            "A: One moment please, let me check that for you.",
            "A: Okay. It will be in your account on Friday.",
            "C: Great, thank you. And is there a fee?",
            "A: No. There is no fee for refunds.",
            "A: Is there anything else I can help you with?",
            "C: No, thank you.",
        ]);
        assert_eq!(
            found,
            [
                pair("When will my refund arrive?", "It will be in your account on Friday."),
                pair("And is there a fee?", "No. There is no fee for refunds."),
            ]
        );
    }

    #[test]
    fn a_counter_question_leaves_the_question_open_until_it_is_answered() {
        let found = asked(&[
            "C: What is the balance on my account?",
            "A: Can I have your account number please?",
            "C: Sure, it's four four one two.",
            "A: Thank you. Your balance is three hundred and twenty pounds.",
        ]);
        assert_eq!(
            found,
            [
                pair("What is the balance on my account?", "Your balance is three hundred and twenty pounds."),
                pair("Can I have your account number please?", "Sure, it's four four one two."),
            ]
        );
    }

    #[test]
    fn yes_answers_only_what_asks_for_yes_or_no() {
        assert_eq!(
            asked(&["A: Do you still live in Leeds?", "C: Yes.", "A: What is your post code?", "C: Yes.", "C: LS1."]),
            [pair("Do you still live in Leeds?", "Yes."), pair("What is your post code?", "LS1.")]
        );
    }

    #[test]
    fn questions_of_one_turn_share_the_rest_of_the_line() {
        assert_eq!(
            asked(&["C: How much is the fee? And when is it due?", "A: It is ten pounds. It is due on Friday."]),
            [
                pair("How much is the fee?", "It is ten pounds. It is due on Friday."),
                pair("And when is it due?", "It is ten pounds. It is due on Friday."),
            ]
        );
    }

    #[test]
    fn anger_checks_of_the_line_and_statements_ask_for_nothing() {
        let none: [&[&str]; 4] = [
            &["C: How dare you? Are you kidding me?", "A: I am sorry that you feel so about the delay."],
            &["C: Hello? Can you hear me? Are you there?", "A: Yes, I can hear you clearly."],
            &["C: What I want is my money.", "A: Your money was sent on Monday.", "C: Really? Okay?"],
            &[
                "C: How many times do I have to call you?",
                "A: The engineer comes on Monday.",
                "C: You know what I mean?",
            ],
        ];
        for dialogue in none {
            assert_eq!(asked(dialogue), [], "{dialogue:?}");
        }
    }

    #[test]
    fn a_question_without_its_mark_is_known_by_how_it_begins() {
        assert_eq!(
            asked(&["C: okay so how much do i owe", "A: you owe forty pounds", "C: what a shame"]),
            [pair("okay so how much do i owe", "you owe forty pounds")]
        );
    }

    #[test]
    fn an_answer_that_comes_too_late_or_on_one_leg_is_none() {
        let late = [
            line(1, Leg::Caller, 0, "When will it arrive?", 0.0, &[]),
            line(2, Leg::Agent, 60, "Your parcel left on Monday.", 0.0, &[]),
        ];
        let found = asker().find(&late);
        assert_eq!((found.len(), &found[0].answer), (1, &None));
        assert_eq!(
            asked(&["M: When will it arrive?", "M: It arrives on Monday."]),
            [("When will it arrive?".into(), None)]
        );
    }

    #[test]
    fn what_is_asked_twice_is_told_once() {
        assert_eq!(
            asked(&["C: When will it arrive?", "A: Okay.", "C: When will it arrive please?", "A: On Monday morning."]),
            [pair("When will it arrive?", "On Monday morning.")]
        );
    }

    #[test]
    fn questions_of_other_languages_are_found_and_their_greetings_are_none() {
        assert_eq!(
            asked(&[
                "A: Namaste, main aapki kya madad kar sakta hoon?",
                "C: Mera refund kab tak aayega?",
                "A: Ji, ek minute.",
                "A: Aapka refund shukravaar tak aa jayega.",
            ]),
            [pair("Mera refund kab tak aayega?", "Aapka refund shukravaar tak aa jayega.")]
        );
        assert_eq!(
            asked(&[
                "A: Buenos días, ¿en qué puedo ayudarle?",
                "C: ¿Cuándo llega mi pedido?",
                "A: Un momento, por favor. Su pedido llega el viernes.",
                "A: ¿Algo más?",
                "C: No, gracias.",
            ]),
            [pair("¿Cuándo llega mi pedido?", "Su pedido llega el viernes.")]
        );
        assert_eq!(
            asked(&[
                "A: Habari, nikusaidie vipi?",
                "C: Umeme utarudi lini?",
                "A: Subiri kidogo tafadhali.",
                "A: Umeme utarudi kesho asubuhi.",
            ]),
            [pair("Umeme utarudi lini?", "Umeme utarudi kesho asubuhi.")]
        );
    }

    #[test]
    fn an_entry_without_words_is_refused_with_its_line() {
        let text = "name = \"p\"\nversion = \"1\"\nlanguage = \"en\"\n[[question]]\n";
        let error = Pack::parse("p.toml", text).expect_err("no words").to_string();
        assert!(error.contains("line 4:") && error.contains("begins"), "{error}");
    }

    proptest! {
        #[test]
        fn every_question_and_answer_was_said(texts in prop::collection::vec("(?s).{0,60}|how much( is it)?\\?? yes\\.? [a-z ?.]{0,20}", 0..8)) {
            let lines: Vec<ReviewLine> = texts.iter().enumerate().map(|(at, text)| {
                let leg = if at % 2 == 0 { Leg::Caller } else { Leg::Agent };
                line(at as i64, leg, at as i64, text, 0.0, &[])
            }).collect();
            for one in asker().find(&lines) {
                for quote in [&one.quote].into_iter().chain(&one.answer) {
                    prop_assert!(lines.iter().any(|line| line.segment == quote.segment_id && line.text.contains(&quote.text)));
                }
                prop_assert!(one.answer.is_none_or(|answer| answer.leg != one.quote.leg));
            }
        }
    }
}
