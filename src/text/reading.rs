//! A text as VADER sees it: cut at white space, punctuation off, emoji by their names, each word looked up.
//!
//! Follows Python's string functions where they differ from Rust's. A unit knows its place in the original text. This is where scoring spends its
//! time; must never allocate per word of ASCII.

use std::borrow::Cow;
use std::ops::Range;

use super::accents::without_accents;
use super::vocabulary::{NEGATION, Vocabulary, Word};

/// What the rules look at: a word or emoticon, or a phrase that counts as one word.
#[derive(Clone, Debug)]
pub(super) struct Unit<'a> {
    pub word: &'a Word,
    /// All its letters are capitals, and it has one.
    pub capitals: bool,
    /// Where it stands in [`Reading::text`], in bytes.
    pub span: Range<usize>,
    /// Where its lower-case form stands in [`Reading::lower`], in bytes.
    pub key: Range<usize>,
}

/// Whether a typographic apostrophe is read as the one of the keyboard. The reference does not know it: "don’t" negates nothing there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Apostrophes {
    AsWritten,
    Straight,
}

/// A text cut into units, with emoji replaced by their names.
pub(super) struct Reading<'a> {
    pub text: Cow<'a, str>,
    /// `text` with its ASCII letters in lower case, [`PADDING`], then the words that have other letters too.
    pub lower: String,
    pub units: Vec<Unit<'a>>,
    /// Which bytes of `text` stand for which bytes of the original, ascending; what lies between is copied.
    names: Vec<EmojiName>,
}

/// The bytes of an emoji's name in [`Reading::text`], and of the emoji in the original.
type EmojiName = (Range<usize>, Range<usize>);

impl<'a> Reading<'a> {
    pub fn of(vocabulary: &'a Vocabulary, original: &'a str, apostrophes: Apostrophes) -> Self {
        let (text, names) = name_emoji(vocabulary, original);
        let mut lower = String::with_capacity(text.len() + BLOCK);
        lower.push_str(&text);
        lower.make_ascii_lowercase();
        lower.push_str(PADDING);
        // A word of English has six letters with its space.
        let mut units = Vec::with_capacity(text.len() / 5 + 1);
        let mut start = 0;
        while start < text.len() {
            let piece = sweep(lower.as_bytes(), start);
            let end = piece.end;
            if piece.beyond_ascii {
                read_unicode(vocabulary, &text, start..end, apostrophes, &mut lower, &mut units);
            } else if end > start {
                let bare = bare_word(text.as_bytes(), start..end);
                let word = look_up(vocabulary, &lower, bare.clone(), piece.apostrophe);
                units.push(Unit { word, capitals: is_upper(&text[bare.clone()]), key: bare.clone(), span: bare });
            }
            start = end + 1;
        }
        Self { text, lower, units, names }
    }

    /// Where a span of `text` stands in the original. A span inside an emoji's name becomes the emoji.
    pub fn in_original(&self, span: &Range<usize>) -> Range<usize> {
        let place = |offset: usize, is_end: bool| {
            let before =
                self.names.partition_point(|(name, _)| if is_end { name.start < offset } else { name.start <= offset });
            match before.checked_sub(1).map(|index| &self.names[index]) {
                None => offset,
                Some((name, emoji)) if offset < name.end || (is_end && offset == name.end) => {
                    if is_end {
                        emoji.end
                    } else {
                        emoji.start
                    }
                }
                Some((name, emoji)) => emoji.end + (offset - name.end),
            }
        };
        place(span.start, false)..place(span.end, true)
    }
}

/// Replaces each emoji by its name. A name is set off from what stands before it, not from what follows, as the reference does.
fn name_emoji<'a>(vocabulary: &Vocabulary, original: &'a str) -> (Cow<'a, str>, Vec<EmojiName>) {
    let name_of = |c: char| if c.is_ascii() { None } else { vocabulary.emoji_name(c) };
    if original.is_ascii() || !original.chars().any(|c| name_of(c).is_some()) {
        return (Cow::Borrowed(original), Vec::new());
    }
    let mut text = String::with_capacity(original.len() * 2);
    let mut names = Vec::new();
    let mut after_space = true;
    for (at, c) in original.char_indices() {
        if let Some(name) = name_of(c) {
            let start = text.len();
            if !after_space {
                text.push(' ');
            }
            text.push_str(name);
            names.push((start..text.len(), at..at + c.len_utf8()));
            after_space = false;
        } else {
            text.push(c);
            after_space = c == ' ';
        }
    }
    (Cow::Owned(text), names)
}

/// Bytes that [`sweep`] looks at together.
const BLOCK: usize = 16;
/// A space after the last word, so that a whole block can be loaded at every place of the text.
const PADDING: &str = "                ";

const fn each(byte: u8) -> u128 {
    u128::from_le_bytes([byte; BLOCK])
}

/// A stretch of text up to the next ASCII space.
struct Piece {
    end: usize,
    /// It holds a character that is not ASCII, which may be a space too.
    beyond_ascii: bool,
    apostrophe: bool,
}

/// Finds the end of the piece that starts here. The text must be padded with a block of spaces.
///
/// Sixteen bytes at once, as most words are shorter: a loop over bytes would make the processor guess each word's length.
#[inline]
fn sweep(padded: &[u8], start: usize) -> Piece {
    let mut piece = Piece { end: start, beyond_ascii: false, apostrophe: false };
    while let Some(block) = padded.get(piece.end..).and_then(<[u8]>::first_chunk::<BLOCK>) {
        let block = u128::from_le_bytes(*block);
        // The high bit of a byte is set where the byte is below 0x21; exact up to the first such byte, which is all that counts.
        let low = block.wrapping_sub(each(0x21)) & !block & each(0x80);
        let length = low.trailing_zeros() as usize / 8;
        // All bits below the lowest one set in `low`; all there are when none is.
        let inside = block & (low & low.wrapping_neg()).wrapping_sub(1);
        piece.beyond_ascii |= inside & each(0x80) != 0;
        let other = inside ^ each(b'\'');
        piece.apostrophe |= other.wrapping_sub(each(1)) & !other & each(0x80) != 0;
        piece.end += length;
        if length < BLOCK {
            if is_python_space(padded[piece.end]) {
                break;
            }
            // A control character, which is part of a word.
            piece.end += 1;
        }
    }
    piece
}

/// The ASCII characters that Python's `str.split` splits at: white space and four separators that Unicode does not call white space.
fn is_python_space(byte: u8) -> bool {
    matches!(byte, b'\t'..=b'\r' | 0x1c..=b' ')
}

/// Python's `string.punctuation`, by byte.
const PUNCTUATION: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128_u8 {
        table[byte as usize] = byte.is_ascii_punctuation();
        byte += 1;
    }
    table
};

/// The word without punctuation around it; whole when one or two characters would be left, as it may be an emoticon.
#[inline]
fn bare_word(bytes: &[u8], piece: Range<usize>) -> Range<usize> {
    let is_kept = |byte: &u8| !PUNCTUATION[usize::from(*byte)];
    let here = &bytes[piece.clone()];
    if here.first().is_some_and(is_kept) && here.last().is_some_and(is_kept) {
        return piece;
    }
    let (Some(first), Some(last)) = (here.iter().position(is_kept), here.iter().rposition(is_kept)) else {
        return piece;
    };
    // A byte that continues a character is no character of its own.
    let characters = here[first..=last].iter().filter(|&byte| byte & 0xc0 != 0x80).count();
    if characters > 2 { piece.start + first..piece.start + last + 1 } else { piece }
}

/// Reads the words of a piece that may hold anything but ASCII space.
#[cold]
fn read_unicode<'v>(
    vocabulary: &'v Vocabulary,
    text: &str,
    piece: Range<usize>,
    apostrophes: Apostrophes,
    lower: &mut String,
    units: &mut Vec<Unit<'v>>,
) {
    let mut start = piece.start;
    while start < piece.end {
        let rest = &text[start..piece.end];
        let (length, space) =
            rest.char_indices().find(|(_, c)| c.is_whitespace()).map_or((rest.len(), 1), |(at, c)| (at, c.len_utf8()));
        if length > 0 {
            let bare = bare_word(text.as_bytes(), start..start + length);
            let token = &text[bare.clone()];
            let key = lower.len();
            if vocabulary.lacks_accents() {
                lower.push_str(&without_accents(&token.to_lowercase().replace('\u{2019}', "'")));
            } else if apostrophes == Apostrophes::Straight {
                lower.push_str(&token.to_lowercase().replace('\u{2019}', "'"));
            } else {
                lower.push_str(&token.to_lowercase());
            }
            let word = look_up(vocabulary, lower, key..lower.len(), true);
            units.push(Unit { word, capitals: is_upper(token), span: bare, key: key..lower.len() });
        }
        start += length + space;
    }
}

/// The word in the vocabulary. Any word with "n't" in it negates; none of those that the vocabulary knows does anything else.
#[inline]
fn look_up<'v>(vocabulary: &'v Vocabulary, lower: &str, span: Range<usize>, apostrophe: bool) -> &'v Word {
    if apostrophe && lower.as_bytes()[span.clone()].windows(3).any(|three| three == b"n't") {
        return &NEGATION;
    }
    vocabulary.look_up(lower, span)
}

/// Python's `str.isupper`: one capital at least, no small and no title-case letter.
#[inline]
fn is_upper(token: &str) -> bool {
    // Most words begin with a small letter.
    if token.starts_with(|c: char| c.is_ascii_lowercase()) {
        return false;
    }
    let mut any = false;
    for c in token.chars() {
        if c.is_lowercase() || is_title_case(c) {
            return false;
        }
        any |= c.is_uppercase();
    }
    any
}

/// The 31 letters of Unicode's category Lt, which is closed since Unicode 3.
fn is_title_case(c: char) -> bool {
    matches!(c, '\u{1c5}' | '\u{1c8}' | '\u{1cb}' | '\u{1f2}' | '\u{1f88}'..='\u{1f8f}' | '\u{1f98}'..='\u{1f9f}'
        | '\u{1fa8}'..='\u{1faf}' | '\u{1fbc}' | '\u{1fcc}' | '\u{1ffc}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_case_letter_is_no_capital() {
        assert!(is_upper("ÉTÉ") && is_upper("A1") && is_upper("Ⅷ"));
        assert!(!is_upper("ǅ") && !is_upper("Aǅ") && !is_upper("été") && !is_upper("123") && !is_upper("ª"));
    }

    #[test]
    fn a_span_after_an_emoji_is_found_again_in_the_original() {
        let text = "é😊é 💘good";
        let reading = Reading::of(Vocabulary::vader(), text, Apostrophes::AsWritten);
        assert_eq!(reading.text, "é smiling face with smiling eyesé heart with arrowgood");
        let places: Vec<&str> = reading.units.iter().map(|unit| &text[reading.in_original(&unit.span)]).collect();
        assert_eq!(places, ["é", "😊", "😊", "😊", "😊", "😊é", "💘", "💘", "💘good"]);
    }

    #[test]
    fn a_word_longer_than_a_block_and_one_with_a_control_character_stay_whole() {
        let text = "disproportionateness' \u{1}a\u{0}b\u{1b} \tend";
        let reading = Reading::of(Vocabulary::vader(), text, Apostrophes::AsWritten);
        let words: Vec<&str> = reading.units.iter().map(|unit| &text[unit.span.clone()]).collect();
        assert_eq!(words, ["disproportionateness", "\u{1}a\u{0}b\u{1b}", "end"]);
    }

    #[test]
    fn punctuation_is_taken_off_unless_two_characters_or_fewer_would_be_left() {
        let text = "(sic) me! :) \"ÉTÉ\" (éa) --- 'tis.";
        let reading = Reading::of(Vocabulary::vader(), text, Apostrophes::AsWritten);
        let words: Vec<&str> = reading.units.iter().map(|unit| &text[unit.span.clone()]).collect();
        assert_eq!(words, ["sic", "me!", ":)", "ÉTÉ", "(éa)", "---", "tis"]);
    }
}
