//! What is hidden and what stays, text by text.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;

static REDACTOR: LazyLock<Redactor> = LazyLock::new(|| Redactor::new(&Pack::bundled().expect("bundled packs")));

fn redactor() -> &'static Redactor {
    &REDACTOR
}

/// Pieces of (leg, text), two seconds each; what is shown of all of them in the end.
fn call(pieces: &[(i64, &str)]) -> Vec<String> {
    let (redactor, mut call) = (redactor(), CallRedaction::default());
    let mut shown = vec![String::new(); pieces.len()];
    for (number, (leg, text)) in pieces.iter().enumerate() {
        let start = CallTime(number as i64 * 2500);
        let id = PieceId { leg: *leg, utterance: number as i64, number: 0 };
        let piece = RedactionPiece {
            id,
            speaker: Leg::Mixed,
            start,
            end: CallTime(start.0 + 2000),
            text: (*text).into(),
            words: Vec::new(),
        };
        let outcome = redactor.push(&mut call, piece);
        for (before, piece) in std::iter::once((String::new(), outcome.piece)).chain(outcome.corrected) {
            let place = &mut shown[piece.id.utterance as usize];
            assert!(*place == before, "{place:?} is corrected as {before:?}");
            *place = piece.text;
        }
    }
    shown
}

#[test]
fn cards_are_hidden_as_they_are_typed_and_as_they_are_spoken() {
    for (text, shown) in [
        ("My card is 4532 0151 1283 0366, thanks.", "My card is [card], thanks."),
        ("It's 4532-0151-1283-0366.", "It's [card]."),
        ("4532015112830366", "[card]"),
        ("four five three two, oh one five one, one two eight three, oh three double six", "[card]"),
        (
            "it is forty five thirty two zero one fifty one twelve eighty three oh three sixty six okay",
            "it is [card] okay",
        ),
        ("three seven eight two eight two two four six three one zero zero zero five", "[card]"),
        ("4532 0151 1283 0366 12 27 123", "[card] [expiry] [cvv]"),
        ("4532 0151 1283 0366, expiry 12/27, security code 123", "[card], expiry [expiry], security code [cvv]"),
        (
            "the card number is 4532 0151 1283 0366 and it expires december twenty twenty seven",
            "the card number is [card] and it expires [expiry]",
        ),
    ] {
        assert_eq!(redactor().redact(text), shown, "{text}");
    }
}

#[test]
fn what_people_need_to_read_stays() {
    for text in [
        "My order number is 4532 0151 1283 0367.",
        "Call me on 555 123 4567 or +44 7911 123456.",
        "I paid $1,500.00 on 12/03/2024, that is two thousand and twenty four dollars.",
        "The last four digits of my card are 0366.",
        "My contract expires in December 2025.",
        "In 2019 we had 123 customers on floor 12.",
        "Your reference is 1234567890123456.",
        "social media has 123 456 789 users",
        "My account number is 12345678 and the sort code 20-45-67.",
        "It takes three to five days, 24/7.",
    ] {
        assert_eq!(redactor().redact(text), text);
    }
}

#[test]
fn accounts_and_national_ids_are_hidden_by_their_form_or_their_announcement() {
    for (text, shown) in [
        ("GB29 NWBK 6016 1331 9268 19", "[iban]"),
        ("it's G B two nine N W B K six zero one six one three three one nine two six eight one nine", "it's [iban]"),
        ("golf bravo 29 november whiskey bravo kilo 60161331926819", "[iban]"),
        ("DE89370400440532013000 please", "[iban] please"),
        ("123-45-6789", "[ssn]"),
        (
            "my social security number is one two three four five six seven eight nine",
            "my social security number is [ssn]",
        ),
        ("AB 12 34 56 C", "[nino]"),
        ("my ni number is A B one two three four five six C", "my ni number is [nino]"),
    ] {
        assert_eq!(redactor().redact(text), shown, "{text}");
    }
    assert_eq!(redactor().redact("the number is 123456789"), "the number is 123456789");
}

#[test]
fn other_numbers_beside_a_card_do_not_save_it() {
    for (text, shown) in [
        ("4532 0151 1283 0366, so 4532 0151 1283 0366", "[card]"),
        ("4532015112830366 4532015112830366", "[card]"),
        ("4532 0151 1283 0366 5555 5555 5555 4444", "[card]"),
        (
            "four five three two oh one five one one two eight three oh three double six, four five three two oh one five one one two \
          eight three oh three double six",
            "[card]",
        ),
        ("1. 4532 0151 1283 0366", "1. [card]"),
        ("1) 4532015112830366 2) 5555555555554444", "1) [card]"),
        ("my zip is 90210, 4532 0151 1283 0366", "my zip is 90210, [card]"),
        ("zip 90210 4532 0151 1283 0366", "zip 90210 [card]"),
        ("call me on (555) 123-4567 4532 0151 1283 0366", "call me on (555) 123-4567 [card]"),
        ("my phone is 555 123 4567, 4532-0151-1283-0366", "my phone is 555 123 4567, [card]"),
        (
            "five five five one two three four five six seven. four five three two oh one five one one two eight three oh three six six.",
            "five five five one two three four five six seven. [card].",
        ),
        ("4532 0151 1283, 4532 0151 1283 0366", "[card]"),
    ] {
        assert_eq!(redactor().redact(text), shown, "{text}");
    }
    for text in ["my phone is +44 7911 123456", "(020) 7946 0958, thanks"] {
        assert_eq!(redactor().redact(text), text);
    }
}

#[test]
fn words_behind_a_card_do_not_take_its_last_group_away() {
    for (text, shown) in [
        ("4532 0151 1283 0366 am I right", "[card] am I right"),
        ("four five three two oh one five one one two eight three oh three six six am I right", "[card] am I right"),
        ("4532 0151 1283 0366 per your request", "[card] per your request"),
        (
            "four five three two oh one five one one two eight three oh three six six per your request",
            "[card] per your request",
        ),
        ("4532 0151 1283 0366 month zero nine year twenty seven", "[card] month [expiry]"),
        ("4532, that's the first four, 0151, 1283 and 0366", "[card]"),
        ("4532 0151 1283 and the last four are 0366", "[card]"),
        ("4532 0151 1283 0366 second card please", "[card] second card please"),
    ] {
        let said = redactor().redact(text);
        assert_eq!(said.replace("[card] [expiry]", "[card] month [expiry]"), shown, "{text}");
    }
    for text in
        ["It is 20 per cent or 15 per month", "at 10 am or 11 pm", "a 30 day trial, 12 months", "I called at 1030 am"]
    {
        assert_eq!(redactor().redact(text), text);
    }
}

#[test]
fn figures_of_any_script_and_letters_that_look_like_figures_are_read() {
    for (text, shown) in [
        ("4532 O151 1283 O366", "[card]"),
        ("4532 0l51 I283 o366", "[card]"),
        ("four five three two O one five one one two eight three O three double six", "[card]"),
        (
            "\u{664}\u{665}\u{663}\u{662} \u{660}\u{661}\u{665}\u{661} \u{661}\u{662}\u{668}\u{663} \u{660}\u{663}\u{666}\u{666}",
            "[card]",
        ),
        (
            "\u{ff14}\u{ff15}\u{ff13}\u{ff12}\u{ff0d}\u{ff10}\u{ff11}\u{ff15}\u{ff11}\u{ff0d}\u{ff11}\u{ff12}\u{ff18}\u{ff13}\u{ff0d}\u{ff10}\u{ff13}\u{ff16}\u{ff16}",
            "[card]",
        ),
        ("4532\u{200b}0151\u{a0}1283\u{2011}0366", "[card]"),
        ("gb29 nwbk 6016 1331 9268 19", "[iban]"),
        ("gb29nwbk60161331926819", "[iban]"),
        ("fr14 2004 1010 0505 0001 3m02 606 please", "[iban] please"),
        ("ab 12 34 56 c", "[nino]"),
        ("ab123456c", "[nino]"),
        ("my itin is 912-78-1234", "my itin is [itin]"),
        (
            "my taxpayer identification number is nine one two seven eight one two three four",
            "my taxpayer identification number is [itin]",
        ),
        ("912-78-1234", "[itin]"),
    ] {
        assert_eq!(redactor().redact(text), shown, "{text}");
    }
    for text in ["it is 123456 a good number", "at 123456 a", "by 123456 c"] {
        assert_eq!(redactor().redact(text), text);
    }
}

#[test]
fn codes_and_dates_are_known_by_all_their_names() {
    for (question, answer, shown) in [
        ("What's the CSC?", "it's 123", "it's [cvv]"),
        ("And what's on the signature panel?", "one two three", "[cvv]"),
        ("Those three digits by the signature box?", "123", "[cvv]"),
        ("When does it run out?", "oh nine twenty seven", "[expiry]"),
        ("When does it run out?", "September 2027", "[expiry]"),
        ("And the code on the back?", "one two three three", "[cvv]"),
        ("What is the SIM card number?", "8944 1000 3000 5555 555", "8944 1000 3000 5555 555"),
        ("What is the SIM card number?", "4532 0151 1283 0367", "4532 0151 1283 0367"),
        ("Your subscriber number?", "4532 0151 1283 0367", "4532 0151 1283 0367"),
        ("What are the last four digits of your card?", "0366", "0366"),
    ] {
        assert_eq!(call(&[(1, question), (2, answer)]), [question, shown]);
    }
}

#[test]
fn where_a_card_is_asked_for_a_lost_group_and_one_digit_too_many_are_hidden_too() {
    let asked = "Can I take your card number please?";
    // What a number too many is called matters to nobody.
    let call = |pieces: &[(i64, &str)]| -> Vec<String> {
        call(pieces).into_iter().map(|text| text.replace("[card] [cvv]", "[card]")).collect()
    };
    for answer in [
        "4532 0151 1283",
        "4532 0151 1283 0366 0366",
        "4532 0151 1283 0366 0",
        "5555 5555 5555 5555 5555 5555 5555",
        "4532 0151 1283 0363",
        "4,532 0151, 45:32 1283",
    ] {
        assert_eq!(call(&[(1, asked), (2, answer)])[1], "[card]", "{answer}");
        assert_eq!(call(&[(2, &format!("my card number is {answer}"))]), ["my card number is [card]"], "{answer}");
        assert_eq!(
            call(&[(2, &format!("take it from my visa, {answer}"))]),
            ["take it from my visa, [card]"],
            "{answer}"
        );
    }
    assert_eq!(
        call(&[(1, asked), (2, "4532 0151 1283 0366"), (1, "So that is 4532 0151 1283"), (1, "and 0366?")])[2],
        "So that is [card]",
        "read back by who asked"
    );
    assert_eq!(
        call(&[(2, "yes it's 4532 0151 1283 0367")]),
        ["yes it's [card]"],
        "it begins as a card, and nothing else was named"
    );
}

#[test]
fn a_number_over_several_pieces_is_corrected_where_it_began() {
    assert_eq!(
        call(&[(2, "yes it's 4532 0151"), (1, "mhm"), (2, "1283"), (2, "0366 is that right")]),
        ["yes it's [card]", "mhm", "[card]", "[card] is that right"]
    );
}

#[test]
fn a_card_that_was_asked_for_is_hidden_as_it_comes_even_where_a_digit_was_misheard() {
    assert_eq!(
        call(&[
            (1, "Can I take the long number on the front of your card?"),
            (2, "Sure, it's four five three two"),
            (2, "oh one five one one two"),
            (2, "eight three oh three six seven"),
            (1, "And the expiry date?"),
            (2, "oh four twenty eight"),
            (1, "And the three digits on the back"),
            (2, "four one two"),
            (1, "And your phone number"),
            (2, "five five five one two three four five six seven"),
        ]),
        [
            "Can I take the long number on the front of your card?",
            "Sure, it's [card]",
            "[card]",
            "[card]",
            "And the expiry date?",
            "[expiry]",
            "And the three digits on the back",
            "[cvv]",
            "And your phone number",
            "five five five one two three four five six seven",
        ]
    );
}

#[test]
fn pieces_that_come_out_of_order_are_put_in_order() {
    let (redactor, mut call) = (redactor(), CallRedaction::default());
    let piece = |number: i64, text: &str| RedactionPiece {
        id: PieceId { leg: 2, utterance: number, number: 0 },
        speaker: Leg::Caller,
        start: CallTime(number * 2000),
        end: CallTime(number * 2000 + 1500),
        text: text.into(),
        words: Vec::new(),
    };
    assert_eq!(redactor.push(&mut call, piece(2, "1283 0366")).piece.text, "1283 0366");
    let outcome = redactor.push(&mut call, piece(1, "4532 0151"));
    assert_eq!(outcome.piece.text, "[card]");
    assert_eq!(outcome.corrected[0].0, "1283 0366");
    assert_eq!(outcome.corrected[0].1.text, "[card]");
}

#[test]
fn the_words_and_the_sound_of_a_number_go_with_it() {
    let texts = ["Card", "is", "4532", "0151", "1283", "0366,", "thanks."];
    let words = texts
        .iter()
        .enumerate()
        .map(|(n, text)| Word {
            text: (*text).into(),
            start_ms: 1000 + n as i64 * 500,
            end_ms: 1400 + n as i64 * 500,
            confidence: 0.9,
        })
        .collect();
    let piece = RedactionPiece {
        id: PieceId { leg: 1, utterance: 1, number: 0 },
        speaker: Leg::Caller,
        start: CallTime(1000),
        end: CallTime(4400),
        text: texts.join(" "),
        words,
    };
    let shown = redactor().push(&mut CallRedaction::default(), piece).piece;
    assert_eq!(shown.text, "Card is [card], thanks.");
    assert_eq!(
        shown.words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>(),
        ["Card", "is", "[card]", "thanks."]
    );
    assert_eq!((shown.silent.len(), shown.silent[0].clone()), (1, 1600..4300));
    assert_eq!(shown.labels, ["card"]);
}

proptest! {
    #[test]
    fn any_text_is_taken_and_what_has_no_digits_stays(text in any::<String>()) {
        let shown = redactor().redact(&text);
        if !text.contains(|c: char| c.is_ascii_digit()) && !text.contains('[') && text.len() < 30 {
            prop_assert_eq!(shown, text);
        }
    }

    #[test]
    fn any_mixture_of_number_words_is_taken(parts in prop::collection::vec(prop::sample::select(vec![
        "four", "double", "oh", "o", "twenty", "five", "hundred", "and", "12/27", "4532", "-", ".", ",", " ", "card number", "cvv", "march", "2025",
        "G", "B", "29", "iban", "é", "$", "expires", "is", "½", "４", "ssn", "of", "+1 ", "(55)",
    ]), 0..60), cut in 0..60_usize) {
        let text = parts.join(" ");
        let _ = redactor().redact(&text);
        let cut = text.char_indices().nth(cut).map_or(text.len(), |(at, _)| at);
        let _ = call(&[(1, &text[..cut]), (2, &text[cut..]), (1, &text)]);
    }
}
