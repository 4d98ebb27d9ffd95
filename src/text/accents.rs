//! Letters without their accents: word lists are often written without them, and so is much text.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// A text without accents: `não` becomes `nao`.
pub fn without_accents(text: &str) -> String {
    text.nfkd().filter(|&c| !is_combining_mark(c)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accents_go_and_letters_stay() {
        assert_eq!(without_accents("não é ótimo, señor"), "nao e otimo, senor");
        assert_eq!(without_accents("plain"), "plain");
    }
}
