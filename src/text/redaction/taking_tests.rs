//! What is hidden and what stays while a card is being taken.

use super::*;

/// Pieces of a call, `agent: text` or `caller: text`, three seconds each: what is shown of the caller's, and which of them are silent.
fn taken(lines: &[&str]) -> (Vec<String>, Vec<usize>) {
    let redactor = Redactor::new(&[]);
    let mut call = CallRedaction::default();
    let mut shown = vec![String::new(); lines.len()];
    let mut silent = std::collections::BTreeSet::new();
    for (number, line) in lines.iter().enumerate() {
        let (who, text) = line.split_once(": ").expect("who");
        let (leg, speaker) = if who == "agent" { (1, Leg::Agent) } else { (2, Leg::Caller) };
        let (start, end) = (number as i64 * 3000, number as i64 * 3000 + 2500);
        let id = PieceId { leg, utterance: number as i64, number: 0 };
        let piece = RedactionPiece {
            id,
            speaker,
            start: CallTime(start),
            end: CallTime(end),
            text: text.into(),
            words: Vec::new(),
        };
        let outcome = redactor.push(&mut call, piece);
        let all = std::iter::once(outcome.piece).chain(outcome.corrected.into_iter().map(|(_, redacted)| redacted));
        let mut ranges: Vec<(i64, std::ops::Range<i64>)> = outcome.silent;
        for redacted in all {
            ranges.extend(redacted.silent.iter().map(|range| (redacted.id.leg, range.clone())));
            shown[redacted.id.utterance as usize] = redacted.text;
        }
        for (leg, range) in ranges.iter().filter(|(leg, _)| *leg == 2) {
            silent.extend((0..lines.len()).filter(|&other| {
                lines[other].starts_with("caller")
                    && *leg == 2
                    && range.start <= other as i64 * 3000
                    && other as i64 * 3000 + 2500 <= range.end
            }));
        }
    }
    (shown, silent.into_iter().collect())
}

#[test]
fn while_a_card_is_taken_answers_are_hidden_whatever_their_question_was_heard_as() {
    let (shown, silent) = taken(&[
        "agent: Go ahead with the car number when you are ready.",
        "caller: Just a moment. It is 6-0-1-1",
        "caller: 6 6 6 0 4 4 0 9",
        "caller: 7, 2, 9, 5",
        "agent: and receive thee, thee, please.",
        "caller: 7-0-2",
        "agent: And when does the car next fire?",
        "caller: 0, 2, 2, 9",
    ]);
    assert_eq!(shown[1], "Just a moment. It is [card]");
    assert_eq!(shown[2..4], ["[card]", "[card]"]);
    assert_eq!(shown[5], "[cvv]");
    assert!(["[cvv]", "[expiry]"].contains(&shown[7].as_str()), "{}", shown[7]);
    assert_eq!(silent, [1, 2, 3, 5, 7]);
}

#[test]
fn the_sound_of_a_short_answer_goes_though_it_was_not_understood() {
    let (shown, silent) = taken(&[
        "agent: Can I take your card number please?",
        "caller: 4532 0151 1283 0366",
        "agent: and my feet lee lee please",
        "caller: And when I",
        "agent: Thank you, and is there anything else that I can do for you today, perhaps about your last order or the delivery of it?",
        "caller: Yes, I would like to know when the parcel that I sent back to you last week will be refunded to me.",
    ]);
    assert_eq!(shown[3], "And when I");
    assert_eq!(silent, [1, 3], "what is no short answer is heard");
}

#[test]
fn another_number_that_is_asked_for_while_a_card_is_taken_is_kept() {
    let (shown, _) = taken(&[
        "agent: Can I take your card number please?",
        "caller: 4532 0151 1283 0366",
        "agent: Thank you. And what is your order number?",
        "caller: 88 12 45",
        "agent: How many of them would you like?",
        "caller: I would like 3 of them.",
    ]);
    assert_eq!((shown[3].as_str(), shown[5].as_str()), ("88 12 45", "I would like 3 of them."));
}

#[test]
fn what_was_misheard_beside_a_part_of_a_card_goes_with_it() {
    for (lines, shown) in [
        (&["caller: You can charge my master card, time 1, time 8, 8, 7, 0, 1, 2, 0, 5."][..], "time 1"),
        (
            &["agent: Can I take your card, um, please?", "caller: Okay, it's 487D3", "caller: 20, 3, 19, 20, 0, 0, 7"],
            "487D3",
        ),
        (
            &[
                "agent: Go ahead with the card number when you are ready.",
                "caller: 4, 5, 5, 0, 2, 9, 7, 7, 5, 2, 8, 3, 3, 0",
                "caller: in three, did you get that?",
            ],
            "three",
        ),
        (
            &[
                "caller: You can charge my visa, 4006 0118 8119 06",
                "agent: What are the free digits?",
                "caller: 6th and 1th",
            ],
            "1th",
        ),
        (
            &[
                "caller: I want to pay my winner number four one six two two one four four",
                "caller: I'm three, seven, nine",
            ],
            "four",
        ),
        (&["caller: You can charge my master card, double time 4, 0, 2, 2, double, 9, 3, 3, 1, double zero"], "double"),
        (&["caller: I want to pay my meal.", "caller: I'm wearing four, one, six, two, two, one, four, four"], "four"),
    ] {
        let (texts, _) = taken(lines);
        assert!(texts.iter().any(|text| text.contains("[card]") || text.contains("[cvv]")), "{texts:?}");
        assert!(!texts.iter().any(|text| text.contains(shown)), "{texts:?}");
    }
}

#[test]
fn the_sound_between_a_question_and_the_number_and_right_behind_it_is_silent() {
    let (_, silent) = taken(&[
        "agent: Could you read me your credit card, um...",
        "caller: Yes, that's in for the free for the",
        "caller: or 47, 0, 5, 58, 88, 7, 0, 9",
        "caller: I'm free, did you get mad?",
        "agent: Yes.",
    ]);
    assert_eq!(silent, [1, 2, 3]);
    let (_, silent) = taken(&["caller: 4532 0151 1283", "caller: 0366", "caller: I want to cancel my contract."]);
    assert_eq!(silent, [0, 1], "nothing of a whole card is to come");
}

#[test]
fn talk_of_cards_and_of_paying_hides_no_other_number() {
    for lines in [
        &[
            "caller: I want to pay my invoice, the number is 4 4 8 1 2 2 0 9",
            "agent: And the amount on it?",
            "caller: 348 dollars",
        ][..],
        &["caller: I am calling about account 55012884, I want to make a payment"],
        &["caller: I want to pay my parking ticket number 4 4 8 8 1 2 3 4"],
        &["caller: I paid by credit card last week", "agent: What was the amount?", "caller: 4 9 9 9"],
        &["caller: Hello, I ordered two cards for my mother", "agent: How many did you get?", "caller: I got 10 12"],
        &[
            "caller: I lost my card",
            "agent: What is the best phone number to reach you?",
            "caller: 5 5 5 1 2 3 4 5 6 7",
        ],
        &["caller: Can I pay with my points? I have 45 000"],
        &["caller: Has my payment arrived? You can check, it's 4 4 1 0 9 2 3 8 1"],
        &["agent: How do you want to pay?", "caller: With a voucher, it is 4 4 9 1 2 2 8 0"],
        &[
            "agent: Which row do you want?",
            "caller: Row 12 seats 34 35 36 37",
            "agent: and the last one",
            "caller: 7 7 1",
        ],
    ] {
        let (texts, silent) = taken(lines);
        for (line, text) in lines.iter().zip(&texts) {
            assert!(line.ends_with(text.as_str()), "{line} became {text}");
        }
        assert!(silent.is_empty(), "{lines:?}");
    }
}
