//! The arithmetic of numbers that identify a card or an account: issuer ranges, Luhn, ISO 13616. Nothing here looks at words.

/// Lengths of an IBAN by country, from the registry of ISO 13616.
const IBAN_LENGTHS: [(&str, usize); 84] = [
    ("AD", 24),
    ("AE", 23),
    ("AL", 28),
    ("AT", 20),
    ("AZ", 28),
    ("BA", 20),
    ("BE", 16),
    ("BG", 22),
    ("BH", 22),
    ("BI", 27),
    ("BR", 29),
    ("BY", 28),
    ("CH", 21),
    ("CR", 22),
    ("CY", 28),
    ("CZ", 24),
    ("DE", 22),
    ("DJ", 27),
    ("DK", 18),
    ("DO", 28),
    ("EE", 20),
    ("EG", 29),
    ("ES", 24),
    ("FI", 18),
    ("FK", 18),
    ("FO", 18),
    ("FR", 27),
    ("GB", 22),
    ("GE", 22),
    ("GI", 23),
    ("GL", 18),
    ("GR", 27),
    ("GT", 28),
    ("HR", 21),
    ("HU", 28),
    ("IE", 22),
    ("IL", 23),
    ("IQ", 23),
    ("IS", 26),
    ("IT", 27),
    ("JO", 30),
    ("KW", 30),
    ("KZ", 20),
    ("LB", 28),
    ("LC", 32),
    ("LI", 21),
    ("LT", 20),
    ("LU", 20),
    ("LV", 21),
    ("LY", 25),
    ("MC", 27),
    ("MD", 24),
    ("ME", 22),
    ("MK", 19),
    ("MN", 20),
    ("MR", 27),
    ("MT", 31),
    ("MU", 30),
    ("NI", 28),
    ("NL", 18),
    ("NO", 15),
    ("OM", 23),
    ("PK", 24),
    ("PL", 28),
    ("PS", 29),
    ("PT", 25),
    ("QA", 29),
    ("RO", 24),
    ("RS", 22),
    ("RU", 33),
    ("SA", 24),
    ("SC", 31),
    ("SD", 18),
    ("SE", 24),
    ("SI", 19),
    ("SK", 24),
    ("SM", 27),
    ("SO", 23),
    ("ST", 25),
    ("SV", 28),
    ("TL", 23),
    ("TN", 24),
    ("TR", 26),
    ("UA", 29),
];

/// Number of digits of a card number.
pub(super) const CARD_LENGTHS: std::ops::RangeInclusive<usize> = 13..=19;

/// Whether the last digit is Luhn's check digit of the others (ISO/IEC 7812).
pub(super) fn luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, byte)| {
            let digit = u32::from(byte - b'0');
            let twice = digit * 2;
            if place % 2 == 0 {
                digit
            } else if twice > 9 {
                twice - 9
            } else {
                twice
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Whether an issuer gives out numbers that begin and are as long as this: Visa, Mastercard, American Express, Diners, Discover, JCB, UnionPay,
/// Maestro.
pub(super) fn issuer(digits: &str) -> bool {
    let lead = |length: usize| digits.get(..length).and_then(|lead| lead.parse::<u32>().ok()).unwrap_or(0);
    match digits.len() {
        13 => lead(1) == 4,
        14 => matches!(lead(2), 36 | 38 | 39) || matches!(lead(3), 300..=305),
        15 => matches!(lead(2), 34 | 37),
        16 => {
            matches!(lead(1), 4)
                || matches!(lead(2), 50..=55 | 62 | 65 | 67)
                || matches!(lead(3), 644..=649)
                || matches!(lead(4), 2221..=2720 | 3528..=3589 | 6011 | 5600..=5899 | 6304 | 6390)
        }
        17..=18 => matches!(lead(2), 62 | 67) || matches!(lead(4), 5018 | 5020 | 5038 | 6304),
        19 => matches!(lead(1), 4) || matches!(lead(2), 62 | 65 | 67) || lead(4) == 6011,
        _ => false,
    }
}

/// Whether digits begin as some issuer's cards do, however many there are.
pub(super) fn begins_as_a_card(digits: &str) -> bool {
    let lead = digits.get(..2).and_then(|lead| lead.parse::<u32>().ok()).unwrap_or(0);
    matches!(lead, 22..=27 | 30 | 34..=39 | 40..=49 | 50..=58 | 60 | 62 | 63..=65 | 67)
}

/// A number that is a card's, by issuer and check digit.
pub(super) fn card(digits: &str) -> bool {
    CARD_LENGTHS.contains(&digits.len()) && issuer(digits) && luhn(digits)
}

/// Length of an IBAN of the country in the first two letters.
pub(super) fn iban_length(start: &str) -> Option<usize> {
    let country = start.get(..2)?;
    let digits = start.get(2..4)?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then_some(())?;
    IBAN_LENGTHS.iter().find(|(code, _)| *code == country).map(|(_, length)| *length)
}

/// Whether letters and digits in upper case make a valid IBAN: length of its country, remainder 1 modulo 97.
pub(super) fn iban(text: &str) -> bool {
    if iban_length(text) != Some(text.len()) {
        return false;
    }
    let moved = text.bytes().skip(4).chain(text.bytes().take(4));
    let rest = moved.fold(0_u32, |rest, byte| match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        letter => (rest * 100 + u32::from(letter.saturating_sub(b'A')) + 10) % 97,
    });
    rest == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_test_numbers_of_the_card_schemes_are_cards_and_their_neighbours_are_not() {
        for good in ["4111111111111111", "5555555555554444", "378282246310005", "30569309025904", "6011111111111117"] {
            assert!(card(good), "{good}");
            let bad = format!("{}{}", &good[..good.len() - 1], (good.as_bytes()[good.len() - 1] - b'0' + 1) % 10);
            assert!(!card(&bad), "{bad}");
        }
        assert!(!card("0000000000000000") && !card("1234567812345670"), "no issuer");
    }

    #[test]
    fn the_examples_of_the_iban_registry_are_valid_and_swapped_digits_are_not() {
        for good in
            ["GB29NWBK60161331926819", "DE89370400440532013000", "FR1420041010050500013M02606", "NO9386011117947"]
        {
            assert!(iban(good), "{good}");
        }
        assert!(!iban("GB29NWBK60161331926891") && !iban("GB29NWBK6016133192681") && !iban("ÄB29"));
    }
}
