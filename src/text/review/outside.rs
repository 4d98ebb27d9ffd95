//! What a language model elsewhere says of a call: what it is asked, and what of its answer is believed.
//!
//! It is asked for one JSON object: `customer_intent`, `sentiment`, `action_required`, `summary`. An answer of another shape is refused whole. Of the
//! summary every sentence has to be backed by the call: its figures and names have to be in it, and half of its other words. A sentence that is not
//! is dropped and told as dropped, so that nothing is shown that nobody said. Pure; who asks is `integrate/llm`.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::line::ReviewLine;
use super::sentence::sentences;
use crate::call::Leg;

/// What the model is told of its task.
pub const TASK: &str = "You read the transcript of a telephone call between an agent and a caller. Answer with one JSON object and nothing else: \
    {\"customer_intent\": string, what the caller wants in a few words; \"sentiment\": \"Positive\", \"Neutral\" or \"Negative\", the caller's mood; \
    \"action_required\": true or false, whether anything is left to do after the call; \"summary\": string, two to four sentences}. Write in the \
    language of the call. Use the words of the transcript. Write nothing that is not in it: no names, figures or days of your own.";

/// Letters by which two forms of a word are one.
const STEM: usize = 5;
/// Shorter words tell nothing.
const SHORTEST: usize = 4;
/// Share of a sentence's words that the call has to hold.
const BACKED: f64 = 0.5;
/// Longest text of an answer that is read, characters.
const LONGEST: usize = 4000;

/// The caller's mood as a model tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToldMood {
    /// Content.
    Positive,
    /// Neither.
    Neutral,
    /// Discontent, or in need.
    Negative,
}

/// A call as a model tells it, after the check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ToldCall {
    /// What the caller wants.
    pub customer_intent: String,
    /// The caller's mood.
    pub sentiment: ToldMood,
    /// Whether anything is left to do.
    pub action_required: bool,
    /// The sentences that the call backs.
    pub summary: String,
    /// The sentences that it does not, which are in no summary.
    pub dropped: Vec<String>,
}

/// What has to be in an answer, and nothing else counts.
#[derive(Deserialize)]
struct Answer {
    customer_intent: String,
    sentiment: ToldMood,
    action_required: bool,
    summary: String,
}

/// The call as the model is shown it. The texts are those that are stored: redacted.
pub fn transcript(lines: &[ReviewLine]) -> String {
    lines.iter().fold(String::new(), |mut all, line| {
        let who = match line.leg {
            Leg::Agent => "Agent",
            Leg::Caller => "Caller",
            Leg::Mixed => "Speaker",
        };
        let _ = writeln!(all, "{who}: {}", line.text.trim());
        all
    })
}

/// Reads an answer. The error says why it is not believed.
pub fn read(answer: &str, lines: &[ReviewLine]) -> Result<ToldCall, String> {
    // Models like to put their JSON into a fence.
    let object = answer.find('{').zip(answer.rfind('}')).filter(|(begin, end)| begin < end);
    let (begin, end) = object.ok_or_else(|| "the answer holds no JSON object".to_owned())?;
    let answer: Answer =
        serde_json::from_str(&answer[begin..=end]).map_err(|error| format!("the answer is not as asked: {error}"))?;
    if answer.summary.chars().count().max(answer.customer_intent.chars().count()) > LONGEST {
        return Err(format!("the answer has more than {LONGEST} characters"));
    }
    let said = Said::of(lines);
    let (kept, dropped): (Vec<&str>, Vec<&str>) =
        sentences(&answer.summary).into_iter().partition(|one| said.backs(one));
    if kept.is_empty() {
        return Err("no sentence of the summary is backed by the call".into());
    }
    if answer.customer_intent.trim().is_empty() || said.lacks_a_figure(&answer.customer_intent) {
        return Err("the intent is empty, or names a figure that is not in the call".into());
    }
    Ok(ToldCall {
        customer_intent: answer.customer_intent.trim().to_owned(),
        sentiment: answer.sentiment,
        action_required: answer.action_required,
        summary: kept.join(" "),
        dropped: dropped.into_iter().map(str::to_owned).collect(),
    })
}

/// The words of a call.
struct Said {
    stems: BTreeSet<String>,
    words: BTreeSet<String>,
    figures: BTreeSet<String>,
}

impl Said {
    fn of(lines: &[ReviewLine]) -> Self {
        let all: Vec<&str> = lines.iter().flat_map(|line| words(&line.text)).collect();
        Self {
            stems: all.iter().map(|word| stem(word)).collect(),
            words: all.iter().map(|word| word.to_lowercase()).collect(),
            figures: lines.iter().flat_map(|line| figures(&line.text)).collect(),
        }
    }

    fn lacks_a_figure(&self, text: &str) -> bool {
        figures(text).any(|figure| !self.figures.contains(&figure))
    }

    fn backs(&self, sentence: &str) -> bool {
        if self.lacks_a_figure(sentence) {
            return false;
        }
        let all: Vec<&str> = words(sentence).collect();
        // A capital inside a sentence is a name in most languages. What people are called in a call has no name of its own.
        let parties = ["agent", "caller", "customer"];
        let named = |word: &&&str| word.chars().next().is_some_and(char::is_uppercase);
        let invented = |word: &&str| {
            !self.words.contains(&word.to_lowercase()) && !parties.contains(&word.to_lowercase().as_str())
        };
        if all.iter().skip(1).filter(named).any(invented) {
            return false;
        }
        let telling: Vec<&&str> = all
            .iter()
            .filter(|word| word.chars().count() >= SHORTEST && !parties.contains(&word.to_lowercase().as_str()))
            .collect();
        let known = telling.iter().filter(|word| self.stems.contains(&stem(word))).count();
        !telling.is_empty() && known as f64 >= BACKED * telling.len() as f64
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split(|sign: char| !sign.is_alphanumeric() && sign != '\'' && sign != '’');
    parts.filter(|word| word.chars().any(char::is_alphabetic))
}

fn stem(word: &str) -> String {
    word.to_lowercase().chars().take(STEM).collect()
}

/// The numbers of a text, without the marks that part their thousands.
fn figures(text: &str) -> impl Iterator<Item = String> {
    let parts = text.split(|sign: char| !sign.is_ascii_digit() && sign != '.' && sign != ',' && sign != ':');
    let bare = |part: &str| part.trim_matches(['.', ',', ':']).replace(',', "");
    parts.map(bare).filter(|part| part.chars().any(|sign| sign.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::super::line;
    use super::*;

    fn call() -> Vec<ReviewLine> {
        vec![
            line(1, Leg::Agent, 0, "Castle Finance, this is Ruth. Your payment of 1,320 pounds is overdue.", 0.0, &[]),
            line(2, Leg::Caller, 6, "I lost my job, I cannot pay before Friday.", -0.3, &[]),
        ]
    }

    fn answer(summary: &str) -> String {
        format!(
            r#"{{"customer_intent": "asks for time", "sentiment": "Negative", "action_required": true, "summary": "{summary}"}}"#
        )
    }

    #[test]
    fn a_sentence_that_the_call_backs_is_kept_and_an_invented_one_is_dropped() {
        let kept = "The caller lost the job and cannot pay before Friday.";
        for invented in [
            "The payment of 1400 pounds is overdue.",
            "Ruth promised a visit by Benjamin before Friday.",
            "An engineer repaired the broken washing machine yesterday.",
        ] {
            let told = read(&answer(&format!("{kept} {invented}")), &call()).expect("an answer");
            assert_eq!((told.summary.as_str(), told.dropped.as_slice()), (kept, &[invented.to_owned()][..]));
        }
        let told = read(&answer("The payment of 1320 pounds is overdue."), &call()).expect("an answer");
        assert_eq!((told.sentiment, told.action_required, told.dropped.len()), (ToldMood::Negative, true, 0));
    }

    #[test]
    fn an_answer_in_a_fence_is_read_and_one_of_another_shape_is_refused() {
        let good = answer("The caller lost the job.");
        assert!(read(&format!("```json\n{good}\n```"), &call()).is_ok());
        for bad in [
            "I am sorry, I cannot help with that.".to_owned(),
            "{}".to_owned(),
            good.replace("\"Negative\"", "\"Sad\""),
            good.replace("true", "\"yes\""),
            answer("Everything was about a washing machine."),
            good.replace("asks for time", " "),
            good.replace("asks for time", "pays 9999"),
        ] {
            assert!(read(&bad, &call()).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_model_is_shown_who_says_what() {
        assert!(transcript(&call()).starts_with("Agent: Castle Finance, this is Ruth."));
        assert!(transcript(&call()).ends_with("Caller: I lost my job, I cannot pay before Friday.\n"));
    }
}
