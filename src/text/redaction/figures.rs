//! Decimal figures of every script: `٤`, `４` and `4` are one number.

/// The noughts of Unicode's decimal figures (general category Nd), each followed by one to nine.
const NOUGHTS: [u32; 76] = [
    0x30, 0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50, 0xed0,
    0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620,
    0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10, 0x104a0, 0x10d30, 0x10d40, 0x11066, 0x110f0, 0x11136,
    0x111d0, 0x112f0, 0x11450, 0x114d0, 0x11650, 0x116c0, 0x116d0, 0x116da, 0x11730, 0x118e0, 0x11950, 0x11bf0,
    0x11c50, 0x11d50, 0x11da0, 0x11f50, 0x16130, 0x16a60, 0x16ac0, 0x16b50, 0x16d70, 0x1ccf0, 0x1d7ce, 0x1d7d8,
    0x1d7e2, 0x1d7ec, 0x1d7f6, 0x1e140, 0x1e2f0, 0x1e4f0, 0x1e5f1, 0x1e950, 0x1fbf0,
];

/// Value of a figure of any script; `None` for anything else.
pub(super) fn value(c: char) -> Option<u32> {
    if c.is_ascii() {
        return c.to_digit(10);
    }
    let code = u32::from(c);
    let nought = NOUGHTS[NOUGHTS.partition_point(|&nought| nought <= code).checked_sub(1)?];
    (code < nought + 10).then(|| code - nought)
}

/// A text with its figures in ASCII.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| value(c).and_then(|value| char::from_digit(value, 10)).unwrap_or(c)).collect()
}

/// The figures of a text alone, in ASCII.
pub(super) fn only(text: &str) -> String {
    text.chars().filter_map(value).filter_map(|value| char::from_digit(value, 10)).collect()
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::*;

    #[test]
    fn every_decimal_figure_of_unicode_is_known_and_nothing_else() {
        let decimal = Regex::new(r"^\p{Nd}$").expect("regex");
        let mut noughts = 0;
        for c in ('\0'..=char::MAX).filter(|c| !c.is_ascii()) {
            let known = decimal.is_match(c.encode_utf8(&mut [0; 4]));
            assert_eq!(value(c).is_some(), known, "U+{:04X}", u32::from(c));
            noughts += usize::from(value(c) == Some(0));
        }
        assert_eq!(noughts, NOUGHTS.len() - 1, "all but ASCII's");
        assert_eq!(plain("٤٥ ４５ 45 ½"), "45 45 45 ½");
        assert_eq!(only("４-5 x ٦"), "456");
    }
}
