//! A second generator, with other sentences than the first and with cases that misled the finder: numbers said twice, other numbers before a card's,
//! words behind it that make an amount of its end, figures of other scripts, codes in lower case, answers that lack a group.
//!
//! It was written when the rules were done, and looked at once. `FIRST_LOOK` holds the result of that run.

use super::generated::{Dice, ONES, Utterance, card, cut, expiry, iban, measure, render, speak, two_digits};

/// The seed that was looked at once, and the one that served to mend what it showed.
const SEEDS: [(&str, u64); 2] = [("held out", 40_961_377), ("another", 5)];

fn group(digits: &str, mark: &str) -> String {
    let sizes: &[usize] = if digits.len() == 15 { &[4, 6, 5] } else { &[4; 5] };
    let (mut groups, mut at) = (Vec::new(), 0);
    for size in sizes {
        let end = (at + size).min(digits.len());
        if at < end {
            groups.push(&digits[at..end]);
        }
        at = end;
    }
    groups.join(mark)
}

fn any_card(dice: &mut Dice, digits: &str) -> String {
    match dice.below(4) {
        0 => group(digits, " "),
        1 => group(digits, "-"),
        2 => digits.to_string(),
        _ => speak(dice, digits),
    }
}

/// Digits in the figures of another script, or with letters that look like figures.
fn disguised(dice: &mut Dice, digits: &str) -> String {
    let nought = ['\u{660}', '\u{6f0}', '\u{966}', '\u{e50}', '\u{ff10}', '\u{9e6}'][dice.below(6)];
    let written = group(digits, if dice.below(2) == 0 { " " } else { "-" });
    match dice.below(3) {
        0 => written.replace('0', if dice.below(2) == 0 { "O" } else { "o" }),
        _ => written
            .chars()
            .map(|c| c.to_digit(10).map_or(c, |digit| char::from_u32(u32::from(nought) + digit).unwrap_or(c)))
            .collect(),
    }
}

fn cards(dice: &mut Dice, made: &mut Utterance) {
    let number = card(dice);
    match dice.below(9) {
        0 => {
            made.turn(2);
            made.say(dice.pick(&["Put it on this one,", "We'll go with", "Bill", "The plastic reads", "Here goes,"]));
            made.secret(&any_card(dice, &number));
            made.say(dice.pick(&[
                "am I going too fast",
                "per the letter you sent",
                "per my husband",
                "month after month the same one",
                "second time today",
                "pm me if it fails",
                "day in day out",
            ]));
        }
        1 => {
            made.turn(2);
            made.say(dice.pick(&["Writing?", "Here it is:", "I'll go slowly."]));
            made.secret(&any_card(dice, &number));
            made.say(dice.pick(&[", I'll repeat,", ". Once more,", ", again,", "- so"]));
            made.secret(&any_card(dice, &number));
        }
        2 => {
            made.turn(2);
            let other = card(dice);
            made.say(dice.pick(&["I have two.", "Split it between", "Take half each from"]));
            made.secret(&any_card(dice, &number));
            made.say(dice.pick(&["and", ",", "then", ";"]));
            made.secret(&any_card(dice, &other));
        }
        3 => {
            made.turn(2);
            match dice.below(5) {
                0 => made.say(dice.pick(&["1.", "2)", "#1:", "Option 3."])),
                1 => {
                    made.say("Zip");
                    made.other(&format!("{}{}", 1 + dice.below(9), dice.digits(4)));
                    made.say(".");
                }
                2 => {
                    made.say("You have my cell,");
                    made.other(&format!("212-555-{}", dice.digits(4)));
                    made.say(".");
                }
                3 => {
                    made.say("I'm in flat");
                    made.other(&(2 + dice.below(90)).to_string());
                    made.say(".");
                }
                _ => {
                    made.say("My mobile is");
                    made.other(&format!("(0{}) {} {}", dice.digits(3), dice.digits(3), dice.digits(4)));
                }
            }
            let text = if dice.below(2) == 0 { group(&number, " ") } else { number.clone() };
            made.secret(&text);
        }
        4 => {
            let written = group(&number, " ");
            let parts: Vec<&str> = written.split(' ').collect();
            made.turn(1);
            made.say(dice.pick(&[
                "And what's on the front of the card?",
                "Read me the card number in blocks.",
                "Card digits, whenever you like.",
            ]));
            made.turn(2);
            made.secret(parts[0]);
            made.say(dice.pick(&["- that's the first block,", ", that was the first four,", "to begin with, then"]));
            made.secret(&parts[1..].join(" "));
        }
        which => cards_in_parts(which, dice, made, &number),
    }
}

/// The others of them.
fn cards_in_parts(which: usize, dice: &mut Dice, made: &mut Utterance, number: &str) {
    match which {
        5 => {
            made.turn(2);
            made.say(dice.pick(&["the digits:", "it goes", "number's"]));
            let text = disguised(dice, number);
            made.secret(&text);
        }
        6 => {
            made.turn(1);
            made.say(dice.pick(&[
                "How will you be paying? I need the card details.",
                "Reading out the card number now would be great.",
                "Your Visa or Mastercard number, sir?",
            ]));
            made.turn(2);
            made.say(dice.pick(&["Bear with me.", "Got it in front of me.", "Ready?"]));
            let text = render(dice, number);
            let parts = cut(dice, &text);
            made.split_secret(2, &parts);
        }
        7 => {
            // What a recogniser makes of it: a group lost, a group twice, a digit wrong.
            made.turn(1);
            made.say(dice.pick(&[
                "The card number, please.",
                "Which number is on the credit card?",
                "Let's have the long number.",
            ]));
            made.turn(2);
            let wrong = match dice.below(3) {
                0 => number[..12].to_string(),
                1 => format!("{}{}", &number[..8], &number[4..]),
                _ => number.chars().rev().collect(),
            };
            made.secret(&group(&wrong, [" ", ", ", "-"][dice.below(3)]));
        }
        _ => {
            made.turn(2);
            made.say(dice.pick(&["it is", "so,"]));
            made.secret(&any_card(dice, number));
            made.turn(1);
            made.say(dice.pick(&["Reading back:", "I have", "Was that"]));
            made.secret(&group(number, " "));
            made.say("?");
        }
    }
}

fn codes(dice: &mut Dice, made: &mut Utterance) {
    match dice.below(5) {
        0 => {
            made.turn(1);
            made.say(dice.pick(&[
                "What's the CSC?",
                "Read me what's on the signature panel.",
                "Flip it over, what's the security number?",
                "Which three digits are by the signature?",
                "And the card verification value, please.",
                "I also need the CVC2.",
            ]));
            made.turn(2);
            made.say(dice.pick(&["", "hang on,", "I see", "says"]));
            let code = dice.digits(3);
            let text = if dice.below(2) == 0 { code } else { speak(dice, &code) };
            made.secret(&text);
        }
        1 => {
            made.turn(1);
            made.say(dice.pick(&[
                "When does it run out?",
                "Until when is it good? The expiry, I mean.",
                "Month and year on it?",
                "What's the valid thru?",
                "And it's expiring when?",
            ]));
            made.turn(2);
            made.say(dice.pick(&["", "looks like", "uh,"]));
            let date = expiry(dice);
            made.secret(&date);
        }
        2 => {
            made.turn(2);
            made.say(dice.pick(&["wire it to", "beneficiary", "send the refund to", "iban:"]));
            let code = iban(dice).to_lowercase();
            let groups: Vec<&str> = (0..code.len()).step_by(4).map(|at| &code[at..(at + 4).min(code.len())]).collect();
            let text =
                if dice.below(4) == 0 { code.clone() } else { groups.join(if dice.below(3) == 0 { "-" } else { " " }) };
            made.secret(&text);
            made.say(dice.pick(&["ta", "cheers.", ", got that?"]));
        }
        3 => {
            made.turn(2);
            made.say(dice.pick(&["national insurance:", "the NI number you asked for,", "HMRC have me as"]));
            let (start, end) = (dice.pick(&["ab", "ce", "jg", "px", "sr"]), dice.pick(&["a", "b", "c", "d"]));
            let digits = dice.digits(6);
            let text = match dice.below(3) {
                0 => format!("{start} {} {} {} {end}", &digits[..2], &digits[2..4], &digits[4..]),
                1 => format!("{start}{digits}{end}"),
                _ => format!("{start} {} {} {} {end}", &digits[..2], &digits[2..4], &digits[4..]).to_uppercase(),
            };
            made.secret(&text);
        }
        _ => {
            made.turn(2);
            made.say(dice.pick(&["my ITIN:", "no social, but an ITIN,", "taxpayer identification number"]));
            let middle = ["52", "61", "70", "77", "88", "90", "94"][dice.below(7)];
            let digits = format!("9{}{middle}{}", dice.digits(2), dice.digits(4));
            let written = format!("{}-{}-{}", &digits[..3], &digits[3..5], &digits[5..]);
            let text = if dice.below(2) == 0 { written } else { speak(dice, &digits) };
            made.secret(&text);
        }
    }
}

/// Sixteen digits that begin as a card's, with a wrong check digit.
fn no_card(dice: &mut Dice) -> String {
    let good = card(dice);
    let last = good[good.len() - 1..].parse::<usize>().unwrap_or(0);
    format!("{}{}", &good[..good.len() - 1], (last + 1 + dice.below(8)) % 10)
}

fn harmless(dice: &mut Dice, made: &mut Utterance) {
    match dice.below(11) {
        0 => {
            made.turn(1);
            made.say(dice.pick(&[
                "Which number can we ring?",
                "Your cell, in case we get cut off?",
                "And a landline?",
            ]));
            made.turn(2);
            let digits = format!("{}{}", dice.pick(&["646", "0161", "0141", "303"]), dice.digits(7));
            let text = render(dice, &digits);
            made.other(&text);
        }
        1 => {
            made.turn(2);
            made.say(dice.pick(&["text me at", "office line:", "WhatsApp is on"]));
            let text = format!(
                "+{} {} {} {} ext",
                [1, 33, 44, 49, 61][dice.below(5)],
                dice.digits(3),
                dice.digits(3),
                dice.digits(4)
            );
            made.other(text.trim_end_matches(" ext"));
            made.say(dice.pick(&["anytime", "after six", "ext 12"]));
        }
        2 => {
            made.turn(2);
            made.say(dice.pick(&[
                "docket number",
                "the waybill says",
                "consignment number",
                "purchase order number",
                "the barcode reads",
                "work order number",
                "meeting ID",
            ]));
            let length = 7 + dice.below(6);
            let digits = dice.digits(length);
            let text = render(dice, &digits);
            made.other(&text);
        }
        3 => {
            made.turn(2);
            made.say(dice.pick(&[
                "the parcel's tracking number is",
                "loyalty card number",
                "library card number is",
                "the meter number is",
                "my frequent flyer number,",
                "the licence key number is",
            ]));
            let digits = no_card(dice);
            let text = render(dice, &digits);
            made.other(&text);
        }
        4 => {
            made.turn(1);
            made.say(dice.pick(&["SIM card number?", "Read me the ICCID.", "What's printed on the SIM?"]));
            made.turn(2);
            let body = format!("89{}{}", dice.pick(&["01", "44", "49", "310"]), dice.digits(14));
            made.other(&match dice.below(3) {
                0 => body,
                1 => group(&body, " "),
                _ => speak(dice, &body),
            });
        }
        which => harmless_codes(which, dice, made),
    }
}

/// The others of them.
fn harmless_codes(which: usize, dice: &mut Dice, made: &mut Utterance) {
    match which {
        5 => {
            made.turn(2);
            made.say(dice.pick(&["UPS gave me", "the USPS label says", "FedEx:", "it was shipped as"]));
            let text = match dice.below(3) {
                0 => format!("1Z{}{}", dice.digits(6), dice.digits(10)),
                1 => format!(
                    "9400 {} {} {} {} {}",
                    dice.digits(4),
                    dice.digits(4),
                    dice.digits(4),
                    dice.digits(4),
                    dice.digits(2)
                ),
                _ => dice.digits(12),
            };
            made.other(&text);
        }
        6 => {
            made.turn(2);
            made.say(dice.pick(&["that cost me", "they took", "I was quoted", "my balance is"]));
            let text = match dice.below(4) {
                0 => format!("${},{:03}.{:02}", 1 + dice.below(9), dice.below(1000), dice.below(100)),
                1 => format!("{} dollars", two_digits(20 + dice.below(79))),
                2 => format!("£{}", 100 + dice.below(9000)),
                _ => format!("{} thousand {} hundred euros", ONES[1 + dice.below(9)], ONES[1 + dice.below(9)]),
            };
            made.other(&text);
            made.say(dice.pick(&["per month on my credit card", "last week", "by debit card"]));
        }
        7 => {
            made.turn(2);
            made.say(dice.pick(&["I was born", "the visit was", "ever since", "due on", "we moved in on"]));
            let (day, month, year) = (1 + dice.below(28), 1 + dice.below(12), 1948 + dice.below(78));
            made.other(&match dice.below(4) {
                0 => format!("{day}/{month}/{year}"),
                1 => format!("{day} October {year}"),
                2 => format!("the {day}th of August"),
                _ => format!("{year}-{month:02}-{day:02}"),
            });
        }
        8 => {
            made.turn(2);
            made.say(dice.pick(&["zip code", "ship it to zip", "postcode area", "the ZIP plus four is"]));
            let five = format!("{}{}", 1 + dice.below(9), dice.digits(4));
            let text = if dice.below(2) == 0 { five } else { format!("{five}-{}", dice.digits(4)) };
            made.other(&text);
        }
        9 => {
            made.turn(1);
            made.say(dice.pick(&[
                "Which card? Just the last four.",
                "The final four digits only, please.",
                "Card ending in?",
            ]));
            made.turn(2);
            let digits = dice.digits(4);
            let text = render(dice, &digits);
            made.other(&text);
        }
        _ => {
            made.turn(2);
            made.say(dice.pick(&[
                "sort code and account number,",
                "my account number is",
                "the customer ID is",
                "flight number",
                "my badge number is",
            ]));
            let length = 5 + dice.below(5);
            let digits = dice.digits(length);
            let text = render(dice, &digits);
            made.other(&text);
        }
    }
}

fn utterance(dice: &mut Dice) -> Utterance {
    let mut made = Utterance::default();
    match dice.below(6) {
        0 | 1 => cards(dice, &mut made),
        2 => codes(dice, &mut made),
        _ => harmless(dice, &mut made),
    }
    made
}

#[test]
fn of_600_utterances_with_other_sentences_the_secret_numbers_are_hidden_and_the_others_stay() {
    for (name, seed) in SEEDS {
        let mut told = Vec::new();
        let count = measure(seed, 600, utterance, &mut told);
        println!(
            "redaction, other sentences, seed {seed} ({name}): recall {:.3} ({} of {}), precision {:.3} ({} of {})",
            count.recall(),
            count.hidden,
            count.secrets,
            count.precision(),
            count.right,
            count.findings
        );
        for line in &told {
            println!("  {line}");
        }
        assert!(count.secrets > 250 && count.recall() >= 0.99 && count.precision() >= 0.98, "{count:?}");
        if name == "held out" {
            println!(
                "mended | 40 | card numbers leaked in 45 of 85 new phrasings | {} of {} secrets in 600 held-out utterances are hidden: recall {:.3}, precision {:.3}",
                count.hidden,
                count.secrets,
                count.recall(),
                count.precision()
            );
        }
    }
}
