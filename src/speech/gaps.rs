//! Gap re-decoding: a stretch that the decoder skipped, or in which it lost its place, is decoded again as a window of its own.
//!
//! In long windows decoders stop while somebody still speaks, leave a sentence out, or repeat one sentence in a loop. The timestamps tell where.
//! Whisper's own way is to shift the window to the last mark (Radford et al. 2022, section 3.8); whisper.cpp does that for most ends, CTranslate2
//! leaves it to its caller. The guard judges the new text like any other, and no stretch is decoded a third time.

use super::engine::{Piece, Recognised};
use super::guard::{self, Reason, Verdict};
use super::rules::Rules;
use crate::audio::level;
use crate::audio::resample::MODEL_HZ;

/// A stretch without text is worth a look when it is as long as a word, milliseconds; the next constant bounds its loudness.
const SHORTEST_GAP_MS: i64 = 600;
/// Loudest moment of a gap, dB below that of the whole, from which it is decoded: quieter ones are breath and the line's noise.
const GAP_DB: f32 = 14.0;
/// Time marks may lie this far from the speech between them, milliseconds.
const MARK_MS: i64 = 200;
/// A piece with more letters a second than anybody says was cut by its end mark, as the last one was where speech continues behind it. The mark may
/// stand anywhere in the sentence, so it is decoded again from the sentence's start.
const MOST_LETTERS_PER_SECOND: i64 = 25;
/// A piece with fewer letters a second has left words out: slow speakers say ten.
const FEWEST_LETTERS_PER_SECOND: i64 = 6;
/// Only pieces of at least this length, milliseconds, are judged by that.
const LONG_PIECE_MS: i64 = 4000;
/// Windows that one answer may cost in addition.
const MOST_WINDOWS: usize = 4;

/// Part of an answer that is to be decoded again.
#[derive(Debug, PartialEq)]
struct Gap {
    /// The first piece that the new text would replace, and how many follow from it: 0 in a gap between pieces.
    first: usize,
    pieces: usize,
    from_ms: i64,
    to_ms: i64,
    /// The text that is there is worth nothing.
    looped: bool,
}

/// Whether an answer that the guard doubts has lost its place in some of its pieces only.
pub(super) fn is_partly_good(answer: &Recognised, seconds: f32, rules: &Rules) -> bool {
    let good: Vec<Piece> = answer.pieces.iter().filter(|piece| !guard::loops(&piece.text)).cloned().collect();
    let rest = Recognised { pieces: good, ..answer.clone() };
    let doubtful = match guard::judge(&rest, seconds, rules) {
        Verdict::Drop(_) => true,
        Verdict::Doubt(reason) => guard::drops_after_second_look(reason),
        Verdict::Keep => false,
    };
    !rest.pieces.is_empty() && !doubtful
}

/// Re-decodes the gaps of an answer to `sound`. `decode` transcribes a part of it, with times from the part's first sample; where it cannot, the old
/// text stays.
pub(super) fn redecode(
    sound: &[f32],
    answer: &mut Recognised,
    rules: &Rules,
    mut decode: impl FnMut(&[f32]) -> Option<Recognised>,
) {
    let mut looked = Vec::new();
    while rules.gaps
        && looked.len() < MOST_WINDOWS
        && let Some(gap) = gaps(sound, &answer.pieces).into_iter().find(|gap| !looked.contains(&gap.from_ms))
    {
        looked.push(gap.from_ms);
        metrics::counter!("lineside_gaps_read_total").increment(1);
        let part = between(sound, gap.from_ms, gap.to_ms);
        let Some(found) = decode(part) else { continue };
        let old = &answer.pieces[gap.first..gap.first + gap.pieces];
        let better = guard::judge(&found, part.len() as f32 / MODEL_HZ as f32, rules) == Verdict::Keep
            && (gap.looped || letters(&found.pieces) > letters(old));
        if better {
            let found = found.pieces.into_iter().map(|piece| piece.shifted(gap.from_ms));
            answer.pieces.splice(gap.first..gap.first + gap.pieces, found);
        }
    }
    let all = answer.pieces.len();
    answer.pieces.retain(|piece| !guard::loops(&piece.text));
    let lost = (all - answer.pieces.len()) as u64;
    metrics::counter!("lineside_guard_dropped_total", "reason" => Reason::Repetition.as_str()).increment(lost);
}

/// The stretches to decode again, in order of time.
fn gaps(sound: &[f32], pieces: &[Piece]) -> Vec<Gap> {
    let length_ms = (sound.len() / (MODEL_HZ as usize / 1000)) as i64;
    let loud = level::loudest_dbfs(sound) - GAP_DB;
    let is_spoken = |from_ms: i64, to_ms: i64| {
        to_ms - from_ms >= SHORTEST_GAP_MS && level::loudest_dbfs(between(sound, from_ms, to_ms)) >= loud
    };
    let mut found = Vec::new();
    let mut end_ms = 0;
    for (first, piece) in pieces.iter().enumerate() {
        if is_spoken(end_ms + MARK_MS, piece.start_ms - MARK_MS) {
            found.push(Gap { first, pieces: 0, from_ms: end_ms, to_ms: piece.start_ms, looped: false });
        }
        end_ms = piece.end_ms;
        let next_ms = pieces.get(first + 1).map_or(length_ms, |next| next.start_ms);
        // whisper.cpp lets a piece begin where the one before it ends; its first word knows better.
        let begin_ms = piece.words.first().map_or(piece.start_ms, |word| word.start_ms.max(piece.start_ms));
        let (took_ms, letters) = (piece.end_ms - begin_ms, letters(std::slice::from_ref(piece)));
        let looped = guard::loops(&piece.text);
        let slow = took_ms >= LONG_PIECE_MS && letters * 1000 < FEWEST_LETTERS_PER_SECOND * took_ms;
        let hasty = letters * 1000 > MOST_LETTERS_PER_SECOND * took_ms || first + 1 == pieces.len();
        let cut = hasty && is_spoken(piece.end_ms, next_ms);
        if looped || slow || cut {
            found.push(Gap { first, pieces: 1, from_ms: piece.start_ms, to_ms: next_ms, looped });
            end_ms = next_ms;
        }
    }
    found
}

fn letters(pieces: &[Piece]) -> i64 {
    pieces.iter().map(|piece| piece.text.trim().chars().count() as i64).sum()
}

fn between(sound: &[f32], from_ms: i64, to_ms: i64) -> &[f32] {
    let sample = |ms: i64| (ms.max(0) as usize * (MODEL_HZ as usize / 1000)).min(sound.len());
    &sound[sample(from_ms)..sample(to_ms.max(from_ms))]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(text: &str, start_ms: i64, end_ms: i64) -> Piece {
        Piece { text: text.into(), start_ms, end_ms, confidence: 0.9, words: Vec::new() }
    }

    fn answer(pieces: &[Piece]) -> Recognised {
        Recognised { pieces: pieces.to_vec(), mean_logprob: -0.1, ..Recognised::default() }
    }

    /// Noise as loud as speech, of this many seconds.
    fn speech(seconds: usize) -> Vec<f32> {
        let mut state = 1_u32;
        let noise = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state as f32 / u32::MAX as f32 * 0.4 - 0.2
        });
        noise.take(seconds * MODEL_HZ as usize).collect()
    }

    fn texts(answer: &Recognised) -> Vec<(&str, i64)> {
        answer.pieces.iter().map(|piece| (piece.text.as_str(), piece.start_ms)).collect()
    }

    #[test]
    fn where_the_text_stops_before_the_speech_the_rest_is_read_and_quiet_is_not() {
        let mut heard = answer(&[piece("I want to cancel.", 0, 1500)]);
        let mut sound = speech(3);
        sound.resize(10 * MODEL_HZ as usize, 0.0);
        let mut asked = Vec::new();
        let read = |part: &[f32]| {
            asked.push(part.len() / 16);
            Some(answer(&[piece("I want to cancel.", 0, 1500), piece("My contract, please.", 1500, 3000)]))
        };
        redecode(&sound, &mut heard, &Rules::default(), read);
        assert_eq!(texts(&heard), [("I want to cancel.", 0), ("My contract, please.", 1500)]);
        assert_eq!(asked, [10_000], "from the start of the sentence whose end is in doubt");
    }

    #[test]
    fn a_sentence_that_goes_round_in_a_circle_is_read_alone_and_the_others_stay() {
        let looped = "bye ".repeat(9);
        let mut heard =
            answer(&[piece("Thank you.", 0, 1000), piece(&looped, 1000, 2500), piece("My name is Anna.", 2500, 4000)]);
        assert!(is_partly_good(&heard, 4.0, &Rules::default()));
        redecode(&speech(4), &mut heard, &Rules::default(), |_| Some(answer(&[piece("Bye bye.", 100, 1400)])));
        assert_eq!(texts(&heard), [("Thank you.", 0), ("Bye bye.", 1100), ("My name is Anna.", 2500)]);
        let mut hopeless = answer(&[piece("Thank you.", 0, 1000), piece(&looped, 1000, 4000)]);
        redecode(&speech(4), &mut hopeless, &Rules::default(), |_| Some(answer(&[piece(&looped, 0, 900)])));
        assert_eq!(texts(&hopeless), [("Thank you.", 0)]);
        assert!(!is_partly_good(&answer(&[piece(&looped, 0, 4000)]), 4.0, &Rules::default()));
    }

    #[test]
    fn a_piece_that_was_cut_or_left_words_out_is_replaced_by_more_words_only() {
        let cut = piece("We will send you an engineer today.", 2000, 2400);
        let mut heard = answer(&[piece("The price is three thousand dollars.", 0, 2000), cut.clone()]);
        let all = answer(&[piece("We will send you an engineer today, I promise.", 0, 2000)]);
        redecode(&speech(4), &mut heard, &Rules::default(), |_| Some(all.clone()));
        assert_eq!(heard.pieces[1..], [piece("We will send you an engineer today, I promise.", 2000, 4000)]);
        let mut slow = answer(&[piece("Have a great.", 0, 6000)]);
        redecode(&speech(6), &mut slow, &Rules::default(), |_| Some(answer(&[piece("Great.", 0, 6000)])));
        assert_eq!(texts(&slow), [("Have a great.", 0)]);
    }

    #[test]
    fn no_answer_costs_windows_without_end() {
        let mut heard = answer(&[piece("One.", 0, 700)]);
        let mut asked = 0;
        let read = |_: &[f32]| {
            asked += 1;
            Some(answer(&[piece("One.", 0, 700), piece("And one.", 700, 1400)]))
        };
        redecode(&speech(25), &mut heard, &Rules::default(), read);
        assert_eq!((asked, heard.pieces.len()), (MOST_WINDOWS, MOST_WINDOWS + 1));
    }
}
