//! Drops text that a model invented where nobody spoke. Every dropped text is counted by its reason and kept in the diagnostics.
//!
//! Whisper's own thresholds (compression 2.4, log probability -1.0: Radford et al. 2022, section 4.5) decide when to decode again;
//! dropping needs stronger evidence, so that a short "thank you" that was said stays. Repetition is judged before probability: a decoder in a loop is
//! sure of every token. Digits are never repetition, for people read numbers aloud.

use super::engine::{Piece, Recognised};
use super::rules::Rules;

/// Nobody speaks faster; measured auctioneers reach 6.
const MAX_WORDS_PER_SECOND: f32 = 8.0;

/// Nobody reads digits aloud faster; some more come of what is written with its zeros ("two million").
const MAX_DIGITS_PER_SECOND: f32 = 6.0;
const DIGITS_BESIDES: usize = 12;

/// What Whisper models are known to write on noise and silence, from captions in their training data (whisper discussions #679, #928, #1783).
/// Compared with the whole text in lower case without punctuation.
const INVENTED: &[&str] = &[
    "thanks for watching",
    "thank you for watching",
    "thank you for watching this video",
    "please subscribe",
    "please subscribe to my channel",
    "like and subscribe",
    "dont forget to like and subscribe",
    "see you in the next video",
    "subtitles by the amara org community",
    "subtitles by",
    "transcription by castingwords",
    "music",
    "blank audio",
    "silence",
    "applause",
    "laughter",
    "inaudible",
];

/// Reason why a text was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A signalling tone: no model was asked.
    Tone,
    /// The model itself says that nobody spoke.
    NoSpeech,
    /// The same words over and over.
    Repetition,
    /// A phrase twice in a row: people say so, and decoders that have lost their place.
    Echo,
    /// A sentence that models invent.
    KnownPhrase,
    /// Hardly any token was likely.
    Improbable,
    /// More words than a mouth can say.
    TooFast,
}

impl Reason {
    /// The word used in metrics and diagnostics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tone => "tone",
            Self::NoSpeech => "no_speech",
            Self::Repetition => "repetition",
            Self::Echo => "echo",
            Self::KnownPhrase => "known_phrase",
            Self::Improbable => "improbable",
            Self::TooFast => "too_fast",
        }
    }
}

/// Verdict on an answer of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Accept the text.
    Keep,
    /// Read it again with more beams.
    Doubt(Reason),
    /// Drop it.
    Drop(Reason),
}

impl Verdict {
    /// Rank of the verdict, to choose between two answers: a loop is worse than a guess, whatever their probabilities.
    fn rank(self) -> u8 {
        match self {
            Self::Keep => 3,
            Self::Doubt(reason) if !drops_after_second_look(reason) => 2,
            Self::Doubt(_) => 1,
            Self::Drop(_) => 0,
        }
    }
}

/// Judges an answer for a stretch of `seconds`.
pub fn judge(answer: &Recognised, seconds: f32, rules: &Rules) -> Verdict {
    let words = words(&answer.text());
    if words.is_empty() {
        return Verdict::Keep;
    }
    let improbable = -(rules.improbable as f32) / 100.0;
    let hopeless = -(rules.hopeless as f32) / 100.0;
    if rules.no_speech && answer.no_speech.is_some_and(|p| p > 0.6) && answer.mean_logprob < improbable {
        return Verdict::Drop(Reason::NoSpeech);
    }
    if rules.known_phrases && INVENTED.contains(&words.join(" ").as_str()) {
        return Verdict::Drop(Reason::KnownPhrase);
    }
    if rules.repetition {
        if repeats(&words) {
            return Verdict::Doubt(Reason::Repetition);
        }
        let fast = words.len() > 3 && words.len() as f32 > MAX_WORDS_PER_SECOND * seconds.max(0.5);
        let digits = words.iter().flat_map(|word| word.chars()).filter(|c| c.is_numeric()).count();
        let counts_on = digits > DIGITS_BESIDES + (MAX_DIGITS_PER_SECOND * seconds.max(1.0)) as usize;
        if fast || counts_on || answer.cut {
            return Verdict::Doubt(Reason::TooFast);
        }
        if echoes(&words) {
            return Verdict::Doubt(Reason::Echo);
        }
    }
    match answer.mean_logprob {
        p if p < hopeless => Verdict::Drop(Reason::Improbable),
        p if p < improbable => Verdict::Doubt(Reason::Improbable),
        _ => Verdict::Keep,
    }
}

/// The better of two readings of the same sound: by what the guard says of them, then by their probability.
pub fn better(first: (Recognised, Verdict), second: (Recognised, Verdict)) -> (Recognised, Verdict) {
    let worth = |(answer, verdict): &(Recognised, Verdict)| (verdict.rank(), answer.mean_logprob);
    if worth(&second) >= worth(&first) { second } else { first }
}

/// Whether a doubt that the second look did not dispel is reason enough to drop the text.
pub fn drops_after_second_look(reason: Reason) -> bool {
    matches!(reason, Reason::Repetition | Reason::TooFast)
}

/// Whether a text goes round in a circle.
pub fn loops(text: &str) -> bool {
    repeats(&words(text))
}

/// Whether a text has a letter or a digit in it.
pub fn has_words(text: &str) -> bool {
    text.chars().any(char::is_alphanumeric)
}

/// Whether two texts have the same words.
pub fn agree(one: &Recognised, other: &Recognised) -> bool {
    words(&one.text()) == words(&other.text())
}

/// The answer with each loop said once: what two readings make of a loop in the same way was said.
pub fn without_loops(answer: &Recognised) -> Recognised {
    let pieces = answer.pieces.iter().map(said_once).collect();
    Recognised { pieces, ..answer.clone() }
}

fn said_once(piece: &Piece) -> Piece {
    let written: Vec<&str> = piece.text.split_whitespace().collect();
    let spoken: Vec<String> = written.iter().map(|word| plain(word)).collect();
    let Some((begin, end)) = loop_in(&spoken) else { return piece.clone() };
    let kept = |place: usize| place < begin || place >= end;
    let text: Vec<&str> = written.iter().enumerate().filter(|(place, _)| kept(*place)).map(|(_, word)| *word).collect();
    let mut piece = Piece { text: text.join(" "), ..piece.clone() };
    if piece.words.len() == written.len() {
        let mut place = 0;
        piece.words.retain(|_| {
            place += 1;
            kept(place - 1)
        });
        piece.end_ms = piece.words.last().map_or(piece.end_ms, |word| word.end_ms);
    }
    said_once(&piece)
}

/// Words in lower case without punctuation; `W-L-L` is three.
fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric() && !matches!(c, '\'' | '\u{2019}'))
        .map(plain)
        .filter(|word| !word.is_empty())
        .collect()
}

fn plain(word: &str) -> String {
    word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Words that numbers are read aloud with.
const NUMBERS: &[&str] = &[
    "zero",
    "oh",
    "o",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
    "thirty",
    "forty",
    "fifty",
    "sixty",
    "seventy",
    "eighty",
    "ninety",
    "double",
    "triple",
];

fn is_number(word: &str) -> bool {
    word.chars().any(char::is_numeric) || NUMBERS.contains(&word)
}

fn all_numbers(words: &[String]) -> bool {
    words.iter().all(|word| is_number(word))
}

/// Whether a phrase of three to eight words stands there twice in a row.
fn echoes(words: &[String]) -> bool {
    (3..=8).any(|size| words.windows(size * 2).any(|pair| pair[..size] == pair[size..] && !all_numbers(&pair[..size])))
}

/// The places of all repetitions but the first, where a phrase of one to eight words stands there again and again.
fn loop_in(words: &[String]) -> Option<(usize, usize)> {
    for size in 1..=8_usize.min(words.len() / 3) {
        // "no no no no" is said by people; five times one word, four times two, three times more is a loop.
        let times = [5, 4, 4][size.min(3) - 1].max(if size > 3 { 3 } else { 0 });
        let mut begin = 0;
        while begin + size * times <= words.len() {
            let unit = &words[begin..begin + size];
            let same = words[begin + size..].chunks(size).take_while(|next| next == &unit).count();
            if same + 1 >= times && !all_numbers(unit) {
                return Some((begin + size, begin + size * (same + 1)));
            }
            begin += 1;
        }
    }
    None
}

/// Whether a text goes round in a circle, or is mostly what it already said.
fn repeats(words: &[String]) -> bool {
    if loop_in(words).is_some() {
        return true;
    }
    let spoken: Vec<&String> = words.iter().filter(|word| !is_number(word)).collect();
    let triples: std::collections::HashSet<_> = spoken.windows(3).collect();
    spoken.len() >= 16 && (triples.len() as f32) < (spoken.len() - 2) as f32 / 2.4
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::speech::engine::Piece;

    fn answer(text: &str, mean_logprob: f32) -> Recognised {
        let piece = Piece { text: text.into(), start_ms: 0, end_ms: 1000, confidence: 0.5, words: Vec::new() };
        Recognised { pieces: vec![piece], mean_logprob, ..Recognised::default() }
    }

    fn judged(answer: &Recognised, seconds: f32) -> Verdict {
        judge(answer, seconds, &Rules::default())
    }

    #[test]
    fn digits_are_never_repetition_and_a_loop_of_anything_else_is() {
        for said in ["5555 5555 5555 5555.", "five five five five five five five five", "It's 4-4-4-4-4-4."] {
            assert_eq!(judged(&answer(said, -0.3), 6.0), Verdict::Keep, "{said}");
        }
        for looped in ["W-L-L-L-L-L-L-L", "The natural, the natural, the natural, the natural."] {
            assert_eq!(judged(&answer(looped, -0.1), 6.0), Verdict::Doubt(Reason::Repetition), "{looped}");
        }
        let cut = Recognised { cut: true, ..answer("five six five six", -0.3) };
        assert_eq!(judged(&cut, 1.0), Verdict::Doubt(Reason::TooFast), "more tokens than a mouth can say");
        let card = "It's 4539 1488 0343 6467, expiry 0927, code 123, and 2,000,000 points.";
        assert_eq!(judged(&answer(card, -0.3), 4.0), Verdict::Keep, "much, but not too much");
        let zeros = answer(&format!("Go forward 10{} metres.", ",000".repeat(56)), -0.2);
        assert_eq!(judged(&zeros, 12.0), Verdict::Doubt(Reason::TooFast), "more digits than anybody reads out");
        assert!(!has_words("... ... ..."));
    }

    #[test]
    fn a_right_short_word_is_better_than_a_loop_that_is_surer() {
        let looped = answer(&"cancelled ".repeat(9), -0.1);
        let short = answer("Cancelled.", -1.1);
        let with_verdict = |answer: &Recognised| (answer.clone(), judge(answer, 1.0, &Rules::default()));
        assert_eq!(better(with_verdict(&looped), with_verdict(&short)).0, short);
        assert_eq!(better(with_verdict(&short), with_verdict(&looped)).0, short);
        assert_eq!(without_loops(&looped).text(), "cancelled");
        assert_eq!(without_loops(&answer("I said no I said no I said no I said no.", -0.1)).text(), "I said no");
    }

    #[test]
    fn what_people_say_is_kept() {
        for text in [
            "Thank you.",
            "No, no, no!",
            "Yes yes, four four seven one.",
            "I want to cancel my contract, I want to cancel it today.",
        ] {
            assert_eq!(judged(&answer(text, -0.4), 3.0), Verdict::Keep, "{text}");
        }
    }

    #[test]
    fn loops_inventions_and_guesses_are_not() {
        let looped = "and I was going to go ".repeat(6);
        assert_eq!(judged(&answer(&looped, -0.2), 20.0), Verdict::Doubt(Reason::Repetition));
        assert_eq!(judged(&answer("Thanks for watching!", -0.3), 2.0), Verdict::Drop(Reason::KnownPhrase));
        assert_eq!(judged(&answer("[BLANK_AUDIO]", -0.3), 2.0), Verdict::Drop(Reason::KnownPhrase));
        assert_eq!(judged(&answer("hum drum", -2.5), 2.0), Verdict::Drop(Reason::Improbable));
        let fast = "one two three four five six seven eight nine ten eleven twelve";
        assert_eq!(judged(&answer(fast, -0.3), 1.0), Verdict::Doubt(Reason::TooFast));
        assert_eq!(judged(&answer("", 0.0), 1.0), Verdict::Keep);
    }

    #[test]
    fn a_phrase_that_is_said_twice_is_decoded_again_but_never_dropped_for_it() {
        let twice = answer("The light on the light on the router is red.", -0.2);
        assert_eq!(judged(&twice, 4.0), Verdict::Doubt(Reason::Echo));
        assert!(!drops_after_second_look(Reason::Echo));
        assert_eq!(judged(&answer("No no no, I said I said no.", -0.2), 3.0), Verdict::Keep);
    }
}
