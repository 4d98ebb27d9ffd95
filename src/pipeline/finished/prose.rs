//! A call in a few sentences: who called about what, what was said about a payment, what came of it, and what is open, by owner.
//!
//! The sentences hold labels of the packs, names, amounts and days that were found, and lines of the call. Nothing else is told of it.

use crate::call::{Leg, Speaker};
use crate::contract::review::{ActionDue, CallDigest, PaymentTalk};

/// What the shipped packs' intents are called in a sentence, where that is not their label with an article.
const ABOUT: [(&str, &str); 11] = [
    ("account_change", "a change to an account"),
    ("billing", "a bill"),
    ("dispute", "a disputed debt"),
    ("hardship", "trouble with a payment"),
    ("helpline", "a need for help"),
    ("information", "information"),
    ("order_status", "the status of an order"),
    ("payment_made", "a payment that was made"),
    ("payment_refused", "a refused payment"),
    ("promise_to_pay", "a payment"),
    ("wrong_number", "a wrong number"),
];

/// A label as people write it: `promise_to_pay` is `Promise to pay`.
pub fn in_words(label: &str) -> String {
    let words = label.replace('_', " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// What tells a call. `caller` is the caller's name and `phone` the number, where they are known.
pub(super) fn sentences(digest: &CallDigest, caller: Option<&str>, phone: Option<&str>) -> String {
    let insights = &digest.insights;
    let who = caller.unwrap_or("The caller");
    let mut told = Vec::new();
    let number = phone.filter(|phone| !phone.is_empty()).map(|phone| format!(" ({phone})")).unwrap_or_default();
    let about = insights.intents.first().map(|intent| about(&intent.label));
    let reason = digest.reason.as_ref().map(|reason| format!("\"{}\"", reason.text));
    match (about, reason) {
        (Some(about), Some(reason)) => told.push(format!("{who}{number} was on the line about {about}: {reason}")),
        (Some(about), None) => told.push(format!("{who}{number} was on the line about {about}.")),
        (None, Some(reason)) => told.push(format!("{who}{number} said why: {reason}")),
        (None, None) if caller.is_some() => told.push(format!("{who}{number} was on the line.")),
        (None, None) => {}
    }
    if let Some(payment) = &insights.payment {
        told.push(paid(who, payment));
    }
    if let Some(outcome) = &digest.outcome {
        told.push(format!("What came of it: \"{}\"", outcome.text));
    }
    let owners: [(Leg, &str); 3] =
        [(Leg::Agent, "for the agent"), (Leg::Caller, "for the caller"), (Leg::Mixed, "for one of them")];
    for (leg, owner) in owners {
        let speaker: Speaker = leg.into();
        let items: Vec<String> = insights.actions.iter().filter(|item| item.owner == speaker).map(open).collect();
        if !items.is_empty() {
            told.push(format!("Open {owner}: {}.", items.join("; ")));
        }
    }
    if insights.actions.is_empty() && insights.action_required {
        told.push("Something is left to do.".into());
    }
    told.join(" ")
}

fn about(label: &str) -> String {
    if let Some((_, about)) = ABOUT.iter().find(|(known, _)| *known == label) {
        return (*about).to_owned();
    }
    let words = in_words(label).to_lowercase();
    let article = if words.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {words}")
}

/// What was said about a payment, with amount and day.
fn paid(who: &str, payment: &PaymentTalk) -> String {
    let amount = payment.amount.as_ref().map(|amount| format!(" {amount}")).unwrap_or_default();
    let due = payment.due.as_deref();
    match payment.state.as_str() {
        "promised" => format!("{who} promised to pay{amount}{}.", due.map(day).unwrap_or_default()),
        "refused" => format!("{who} refused to pay{amount}."),
        "paid" if amount.is_empty() => format!("{who} says that it was paid{}.", due.map(day).unwrap_or_default()),
        "paid" => format!("{who} says that{amount} was paid{}.", due.map(day).unwrap_or_default()),
        "hardship" => format!("{who} has difficulty paying{amount}."),
        other => format!("Payment: {}{amount}{}.", other.replace('_', " "), due.map(day).unwrap_or_default()),
    }
}

/// `on 2026-11-27`, and of weeks, months and years `in 2026-W49`.
fn day(due: &str) -> String {
    let whole = due.len() == "2026-11-27".len() && !due.contains('W');
    format!(" {} {due}", if whole { "on" } else { "in" })
}

fn open(item: &ActionDue) -> String {
    let due = item.due.as_ref().map(|due| format!(" (due {due})")).unwrap_or_default();
    format!("\"{}\"{due}", item.quote.text)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::super::told;
    use crate::call::Leg;
    use crate::text::review::ReviewLine;
    use crate::text::{LexiconKind, Pack, TextAnalyser};

    /// What tells a dialogue of 24 November 2026, a Tuesday.
    fn told(phone: Option<&str>, dialogue: &[&str]) -> String {
        let analyser = TextAnalyser::new(LexiconKind::CallCentre, &Pack::bundled().expect("packs"));
        let lines: Vec<ReviewLine> = dialogue
            .iter()
            .enumerate()
            .map(|(at, said)| {
                let (who, text) = said.split_once(": ").expect("who speaks");
                ReviewLine {
                    segment: at as i64 + 1,
                    leg: if who == "A" { Leg::Agent } else { Leg::Caller },
                    start_ms: at as i64 * 6000,
                    end_ms: at as i64 * 6000 + 5000,
                    text: text.into(),
                    compound: Some(0.0),
                    labels: Vec::new(),
                    heard: true,
                }
            })
            .collect();
        let insights = analyser.insights(&lines, Some(date(2026, 11, 24)), Some("en"));
        told::digest("c.1", phone, analyser.reviewer().summary(&lines), insights).text
    }

    #[test]
    fn the_caller_the_reason_the_promise_and_what_is_open_are_told_in_sentences() {
        let text = told(
            Some("+442079460018"),
            &[
                "A: Good morning, Northern Collections, this is Peter speaking.",
                "C: Hello, my name is Mary Smith. I'm calling about the letter for my loan.",
                "A: Thank you. There are three hundred and twenty pounds open.",
                "C: I will pay 320 pounds on Friday.",
                "A: I'll send you a confirmation tomorrow.",
            ],
        );
        assert!(text.starts_with("Mary Smith (+442079460018) was on the line about "), "{text}");
        assert!(text.contains("\"I'm calling about the letter for my loan.\""), "{text}");
        assert!(text.contains("Mary Smith promised to pay 320 GBP on 2026-11-27."), "{text}");
        assert!(
            text.contains("Open for the agent: \"I'll send you a confirmation tomorrow.\" (due 2026-11-25)."),
            "{text}"
        );
        assert!(text.contains("Open for the caller: \"I will pay 320 pounds on Friday.\" (due 2026-11-27)."), "{text}");
    }

    #[test]
    fn nobody_is_named_who_does_not_say_a_name() {
        let text = told(
            None,
            &[
                "A: This is Peter speaking, am I speaking with Angela Ruiz?",
                "C: I want a refund, I spoke to Sarah Miller yesterday.",
                "A: I have refunded it.",
            ],
        );
        assert!(text.starts_with("The caller was on the line about a refund: \"I want a refund"), "{text}");
        assert!(!text.contains("Peter") && !text.contains("Angela") && !text.contains("Open"), "{text}");
    }

    #[test]
    fn a_refusal_is_told_as_one_and_a_call_of_greetings_as_nothing() {
        let text = told(None, &["A: You owe us 45 dollars.", "C: I will not pay 45 dollars, I never ordered that."]);
        assert!(text.contains("The caller refused to pay 45 USD."), "{text}");
        assert_eq!(told(None, &["A: Hello", "C: Hello?"]), "");
    }
}
