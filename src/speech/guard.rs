//! Keeps out what a model invents where nobody spoke (SPE-8). Every text that is dropped is counted by its reason and kept in the diagnostics.
//!
//! Whisper's own thresholds (compression 2.4, log probability -1.0: Radford et al. 2022, section 4.5) decide when to look again;
//! dropping asks for more, so that a short "thank you" that was said stays.

use super::engine::Recognised;

/// Below this mean log probability a text is read again.
const IMPROBABLE: f32 = -1.0;
/// Below this it is dropped even so: no word in it is likelier than one in six.
const HOPELESS: f32 = -1.8;
/// Nobody speaks faster; measured auctioneers reach 6.
const MAX_WORDS_PER_SECOND: f32 = 8.0;

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
    "subtitles by the amaraorg community",
    "subtitles by",
    "transcription by castingwords",
    "music",
    "blankaudio",
    "silence",
    "applause",
    "laughter",
    "inaudible",
];

/// Why a text was not believed.
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

/// What to do with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Believe it.
    Keep,
    /// Read it again, at full context and with more beams.
    Doubt(Reason),
    /// Drop it.
    Drop(Reason),
}

/// Judges an answer for a stretch of `seconds`.
pub fn judge(answer: &Recognised, seconds: f32) -> Verdict {
    let words = words(&answer.text());
    if words.is_empty() {
        return Verdict::Keep;
    }
    if answer.no_speech.is_some_and(|p| p > 0.6) && answer.mean_logprob < IMPROBABLE {
        return Verdict::Drop(Reason::NoSpeech);
    }
    if INVENTED.contains(&words.join(" ").as_str()) {
        return Verdict::Drop(Reason::KnownPhrase);
    }
    if repeats(&words) {
        return Verdict::Doubt(Reason::Repetition);
    }
    if words.len() > 3 && words.len() as f32 > MAX_WORDS_PER_SECOND * seconds.max(0.5) {
        return Verdict::Doubt(Reason::TooFast);
    }
    if echoes(&words) {
        return Verdict::Doubt(Reason::Echo);
    }
    match answer.mean_logprob {
        p if p < HOPELESS => Verdict::Drop(Reason::Improbable),
        p if p < IMPROBABLE => Verdict::Doubt(Reason::Improbable),
        _ => Verdict::Keep,
    }
}

/// Whether a doubt that the second look did not dispel is reason enough to drop the text.
pub fn drops_after_second_look(reason: Reason) -> bool {
    matches!(reason, Reason::Repetition | Reason::TooFast)
}

/// Whether a text goes round in a circle.
pub fn loops(text: &str) -> bool {
    repeats(&words(text))
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(plain).filter(|word| !word.is_empty()).collect()
}

fn plain(word: &str) -> String {
    word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Whether a phrase of three to eight words stands there twice in a row.
fn echoes(words: &[String]) -> bool {
    (3..=8).any(|size| words.windows(size * 2).any(|pair| pair[..size] == pair[size..]))
}

/// Whether a phrase of one to eight words stands there again and again, or the text is mostly what it already said.
fn repeats(words: &[String]) -> bool {
    for size in 1..=8_usize.min(words.len() / 3) {
        // "no no no no" is said by people; five times one word, four times two, three times more is a loop.
        let times = [5, 4, 4][size.min(3) - 1].max(if size > 3 { 3 } else { 0 });
        let mut run = 1;
        for at in (0..words.len() - size).map(|i| i + size).filter(|at| at + size <= words.len()) {
            if words[at..at + size] == words[at - size..at] {
                run += 1;
                // A phrase of n words that repeats is found n times in a row, once per place: count by length.
                if run > (times - 1) * size {
                    return true;
                }
            } else {
                run = 1;
            }
        }
    }
    let triples: std::collections::HashSet<_> = words.windows(3).collect();
    words.len() >= 16 && (triples.len() as f32) < (words.len() - 2) as f32 / 2.4
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::speech::engine::Piece;

    fn answer(text: &str, mean_logprob: f32) -> Recognised {
        let piece = Piece { text: text.into(), start_ms: 0, end_ms: 1000, confidence: 0.5, words: Vec::new() };
        Recognised { pieces: vec![piece], mean_logprob, ..Recognised::default() }
    }

    #[test]
    fn what_people_say_is_kept() {
        for text in [
            "Thank you.",
            "No, no, no!",
            "Yes yes, four four seven one.",
            "I want to cancel my contract, I want to cancel it today.",
        ] {
            assert_eq!(judge(&answer(text, -0.4), 3.0), Verdict::Keep, "{text}");
        }
    }

    #[test]
    fn loops_inventions_and_guesses_are_not() {
        let looped = "and I was going to go ".repeat(6);
        assert_eq!(judge(&answer(&looped, -0.2), 20.0), Verdict::Doubt(Reason::Repetition));
        assert_eq!(judge(&answer("Thanks for watching!", -0.3), 2.0), Verdict::Drop(Reason::KnownPhrase));
        assert_eq!(judge(&answer("[BLANK_AUDIO]", -0.3), 2.0), Verdict::Drop(Reason::KnownPhrase));
        assert_eq!(judge(&answer("hum drum", -2.5), 2.0), Verdict::Drop(Reason::Improbable));
        let fast = "one two three four five six seven eight nine ten eleven twelve";
        assert_eq!(judge(&answer(fast, -0.3), 1.0), Verdict::Doubt(Reason::TooFast));
        assert_eq!(judge(&answer("", 0.0), 1.0), Verdict::Keep);
    }

    #[test]
    fn a_phrase_that_is_said_twice_is_read_again_but_never_dropped_for_it() {
        let twice = answer("The light on the light on the router is red.", -0.2);
        assert_eq!(judge(&twice, 4.0), Verdict::Doubt(Reason::Echo));
        assert!(!drops_after_second_look(Reason::Echo));
        assert_eq!(judge(&answer("No no no, I said I said no.", -0.2), 3.0), Verdict::Keep);
    }
}
