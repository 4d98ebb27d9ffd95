//! Utterances made by a generator that knows nothing of the finder's tables: it says and writes numbers as people do, knows which of them are
//! secret, and counts what was hidden. Half of the utterances hold numbers that must stay.

use super::*;

/// `SplitMix64`: the same seed gives the same utterances everywhere.
pub(super) struct Dice(pub u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    pub fn pick<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len())]
    }

    pub fn digits(&mut self, count: usize) -> String {
        (0..count).map(|_| char::from(b'0' + self.below(10) as u8)).collect()
    }
}

const HELD_OUT: (&str, u64) = ("held out", 777_001);

/// One turn: who speaks, its text, the secrets in it and the other numbers in it, as bytes of the text.
#[derive(Default)]
pub(super) struct Turn {
    leg: i64,
    text: String,
    secrets: Vec<Range<usize>>,
    others: Vec<Range<usize>>,
}

#[derive(Default)]
pub(super) struct Utterance {
    turns: Vec<Turn>,
    /// How many turns a secret spans: it counts once. By secret, its turn and place.
    groups: Vec<Vec<(usize, usize)>>,
}

impl Utterance {
    pub fn turn(&mut self, leg: i64) {
        self.turns.push(Turn { leg, ..Turn::default() });
    }

    pub fn say(&mut self, text: &str) {
        if let Some(turn) = self.turns.last_mut() {
            if !turn.text.is_empty() && !text.starts_with([',', '.', '?']) {
                turn.text.push(' ');
            }
            turn.text.push_str(text);
        }
    }

    fn place(&mut self, text: &str) -> Range<usize> {
        self.say(text);
        let end = self.turns.last().map_or(0, |turn| turn.text.len());
        end - text.len()..end
    }

    pub fn secret(&mut self, text: &str) {
        let range = self.place(text);
        let turn = self.turns.len() - 1;
        self.turns[turn].secrets.push(range);
        self.groups.push(vec![(turn, self.turns[turn].secrets.len() - 1)]);
    }

    /// A secret in several turns of a leg.
    pub fn split_secret(&mut self, leg: i64, parts: &[String]) {
        let mut group = Vec::new();
        for (number, part) in parts.iter().enumerate() {
            if number > 0 {
                self.turn(leg);
            }
            let range = self.place(part);
            let turn = self.turns.len() - 1;
            self.turns[turn].secrets.push(range);
            group.push((turn, self.turns[turn].secrets.len() - 1));
        }
        self.groups.push(group);
    }

    pub fn other(&mut self, text: &str) {
        let range = self.place(text);
        if let Some(turn) = self.turns.last_mut() {
            turn.others.push(range);
        }
    }
}

const BREATHS: &[&str] = &["um", "then", "uh", "and", "okay"];
pub(super) const ONES: &[&str] = &["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];

fn ten(n: usize) -> &'static str {
    ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"][n]
}

fn teen(n: usize) -> &'static str {
    let words = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen";
    words.split(' ').nth(n).unwrap_or_default()
}

pub(super) fn two_digits(n: usize) -> String {
    match (n / 10, n % 10) {
        (0, unit) => format!("oh {}", ONES[unit]),
        (1, unit) => teen(unit).to_string(),
        (tens, 0) => ten(tens).to_string(),
        (tens, unit) => format!("{} {}", ten(tens), ONES[unit]),
    }
}

fn value(digits: &str) -> usize {
    digits.parse().unwrap_or(0)
}

/// Says digits as people do: one by one, with doubles and "oh", in pairs, with breaths.
pub(super) fn speak(dice: &mut Dice, digits: &str) -> String {
    let bytes: Vec<usize> = digits.bytes().map(|byte| usize::from(byte - b'0')).collect();
    let (style, breath) = (dice.below(4), dice.below(3));
    let mut words: Vec<String> = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let left = bytes.len() - at;
        if style == 3 && left >= 2 && left.is_multiple_of(2) && bytes[at] > 0 {
            words.push(two_digits(bytes[at] * 10 + bytes[at + 1]));
            at += 2;
        } else if style >= 1
            && left >= 3
            && bytes[at] == bytes[at + 1]
            && bytes[at] == bytes[at + 2]
            && dice.below(2) == 0
        {
            words.push(format!("triple {}", ONES[bytes[at]]));
            at += 3;
        } else if style >= 1 && left >= 2 && bytes[at] == bytes[at + 1] && dice.below(3) > 0 {
            words.push(format!("double {}", ONES[bytes[at]]));
            at += 2;
        } else {
            let zero = if style == 1 || style == 2 { "oh" } else { "zero" };
            words.push(if bytes[at] == 0 { zero.into() } else { ONES[bytes[at]].into() });
            at += 1;
        }
        if at < bytes.len() && at % 4 == 0 && breath > 0 {
            words.push(dice.pick(&["um", "then", "uh", "and then", "okay"]).into());
            if breath == 1 {
                words.pop();
                if let Some(last) = words.last_mut() {
                    last.push(',');
                }
            }
        }
    }
    words.join(" ")
}

/// Writes digits as recognisers do.
fn write(dice: &mut Dice, digits: &str) -> String {
    let groups = |mark: &str, size: usize| {
        digits
            .as_bytes()
            .chunks(size)
            .map(|chunk| String::from_utf8_lossy(chunk).into_owned())
            .collect::<Vec<_>>()
            .join(mark)
    };
    match dice.below(7) {
        0 => digits.to_string(),
        1 => groups("-", 4),
        2 => groups(", ", 4),
        3 => groups(" ", 1),
        4 => groups(", ", 1),
        5 => groups("-", 1),
        _ => groups(" ", 4),
    }
}

pub(super) fn render(dice: &mut Dice, digits: &str) -> String {
    if dice.below(2) == 0 { speak(dice, digits) } else { write(dice, digits) }
}

/// Appends what makes the sum of Luhn end in nought.
fn with_check(mut body: String) -> String {
    for last in '0'..='9' {
        body.push(last);
        let mut sum = 0;
        for (n, c) in body.chars().rev().enumerate() {
            let digit = c.to_digit(10).unwrap_or(0);
            sum += if n % 2 == 0 { digit } else { digit * 2 / 10 + digit * 2 % 10 };
        }
        if sum % 10 == 0 {
            break;
        }
        body.pop();
    }
    body
}

pub(super) fn card(dice: &mut Dice) -> String {
    let (start, length) =
        [("4", 16), ("4", 16), ("52", 16), ("55", 16), ("2301", 16), ("37", 15), ("6011", 16), ("3608", 14)]
            [dice.below(8)];
    let body = format!("{start}{}", dice.digits(length - 1 - start.len()));
    with_check(body)
}

pub(super) fn iban(dice: &mut Dice) -> String {
    let (country, bban) = match dice.below(3) {
        0 => ("GB", format!("{}{}", dice.pick(&["NWBK", "BARC", "LOYD"]), dice.digits(14))),
        1 => ("DE", dice.digits(18)),
        _ => ("NL", format!("{}{}", dice.pick(&["INGB", "ABNA"]), dice.digits(10))),
    };
    for check in 2..=98 {
        let moved = format!("{bban}{country}{check:02}");
        let number: String = moved.chars().map(|c| c.to_digit(36).unwrap_or(0).to_string()).collect();
        let rest = number.bytes().fold(0_u64, |rest, byte| (rest * 10 + u64::from(byte - b'0')) % 97);
        if rest == 1 {
            return format!("{country}{check:02}{bban}");
        }
    }
    String::new()
}

fn spelled(dice: &mut Dice, code: &str) -> String {
    match dice.below(3) {
        0 => code.to_string(),
        1 => code
            .as_bytes()
            .chunks(4)
            .map(|chunk| String::from_utf8_lossy(chunk).into_owned())
            .collect::<Vec<_>>()
            .join(" "),
        _ => code
            .chars()
            .map(|c| c.to_digit(10).map_or_else(|| c.to_string(), |digit| ONES[digit as usize].to_string()))
            .collect::<Vec<_>>()
            .join(" "),
    }
}

pub(super) fn expiry(dice: &mut Dice) -> String {
    let (month, year) = (1 + dice.below(12), 26 + dice.below(8));
    let name = "January February March April May June July August September October November December"
        .split(' ')
        .nth(month - 1);
    match dice.below(5) {
        0 => format!("{month:02}/{year}"),
        1 => format!("{month:02}/20{year}"),
        2 => format!("{} {}", two_digits(month), two_digits(year)),
        3 => format!("{} 20{year}", name.unwrap_or_default()),
        _ => format!("{} twenty {}", name.unwrap_or_default().to_lowercase(), two_digits(year)),
    }
}

/// Cuts a spoken or written number into turns at its gaps.
pub(super) fn cut(dice: &mut Dice, text: &str) -> Vec<String> {
    let words: Vec<&str> = text.split(' ').collect();
    if words.len() < 4 {
        return vec![text.into()];
    }
    let middle = words.len() / 3 + dice.below(words.len() / 3);
    vec![words[..middle].join(" "), words[middle..].join(" ")]
}

fn secret_utterance(dice: &mut Dice) -> Utterance {
    let mut made = Utterance::default();
    match dice.below(8) {
        0 => {
            made.turn(2);
            made.say(dice.pick(&[
                "My card number is",
                "It's",
                "Sure,",
                "Yeah the number is",
                "You can use",
                "Please take it from",
            ]));
            let number = card(dice);
            let text = render(dice, &number);
            made.secret(&text);
            made.say(dice.pick(&[", thanks.", ".", "okay?", ", did you get that?", "on my visa."]));
        }
        1 => {
            made.turn(1);
            made.say(dice.pick(&[
                "Can I have the card number please?",
                "And the long number across the front?",
                "What card would you like to use?",
            ]));
            made.turn(2);
            made.say(dice.pick(&["it's", "yes, that's", "okay so"]));
            let number = card(dice);
            let text = render(dice, &number);
            let parts = cut(dice, &text);
            made.split_secret(2, &parts);
        }
        2 => {
            made.turn(2);
            made.say(dice.pick(&["the card is", "use my visa", "debit card"]));
            let number = card(dice);
            let text = render(dice, &number);
            made.secret(&text);
            made.say(dice.pick(&[", expires", "and the expiry is", ", valid until", ", expiration date"]));
            let date = expiry(dice);
            made.secret(&date);
            made.say(dice.pick(&["and the security code is", ", cvv", "and the three digits on the back are"]));
            let digits = dice.digits(3);
            let text = if dice.below(2) == 0 { digits } else { speak(dice, &digits) };
            made.secret(&text);
        }
        3 => {
            made.turn(1);
            made.say(dice.pick(&[
                "What's the security code on the back?",
                "And the CVV?",
                "The three digit number on the back please.",
                "And your C V V?",
            ]));
            made.turn(2);
            made.say(dice.pick(&["it's", "uh", "sure", "that's", "okay it is"]));
            let digits = dice.digits(3);
            let text = if dice.below(2) == 0 { digits } else { speak(dice, &digits) };
            made.secret(&text);
        }
        which => secret_code(which, dice, &mut made),
    }
    made
}

/// The others of them.
fn secret_code(which: usize, dice: &mut Dice, made: &mut Utterance) {
    match which {
        4 => {
            made.turn(1);
            made.say(dice.pick(&[
                "When does the card expire?",
                "And the expiry date?",
                "What is the expiration date?",
            ]));
            made.turn(2);
            made.say(dice.pick(&["it's", "um", "that's", "it says"]));
            let date = expiry(dice);
            made.secret(&date);
        }
        5 => {
            made.turn(2);
            made.say(dice.pick(&["My IBAN is", "you can pay it to", "the account is", "transfer it to"]));
            let code = iban(dice);
            let text = spelled(dice, &code);
            made.secret(&text);
            made.say(dice.pick(&["please.", ".", ", thank you."]));
        }
        6 => {
            made.turn(2);
            made.say(dice.pick(&[
                "my social security number is",
                "social is",
                "my SSN is",
                "the social security number is",
            ]));
            let digits = format!(
                "{}{}{}{}",
                100 + dice.below(500),
                1 + dice.below(9),
                1 + dice.below(9),
                1000 + dice.below(9000)
            );
            let written = format!("{}-{}-{}", &digits[..3], &digits[3..5], &digits[5..]);
            let text = if dice.below(2) == 0 { written } else { speak(dice, &digits) };
            made.secret(&text);
        }
        _ => {
            made.turn(2);
            made.say(dice.pick(&["my national insurance number is", "my ni number is", "that's", "it is"]));
            let code = format!(
                "{}{}{}",
                dice.pick(&["AB", "CE", "JG", "PX", "SR"]),
                dice.digits(6),
                dice.pick(&["A", "B", "C", "D"])
            );
            let spaced = format!("{} {} {} {} {}", &code[..2], &code[2..4], &code[4..6], &code[6..8], &code[8..]);
            let text = match dice.below(3) {
                0 => code,
                1 => spaced,
                _ => spelled(dice, &code),
            };
            made.secret(&text);
        }
    }
}

fn harmless_utterance(dice: &mut Dice) -> Utterance {
    let mut made = Utterance::default();
    made.turn(if dice.below(2) == 0 { 1 } else { 2 });
    match dice.below(12) {
        0 => {
            made.say(dice.pick(&[
                "my phone number is",
                "call me back on",
                "you can reach me at",
                "my mobile is",
                "the number is",
            ]));
            let digits = format!("{}{}", dice.pick(&["555", "07", "0207", "212"]), dice.digits(7));
            let text = render(dice, &digits);
            made.other(&text);
        }
        1 => {
            made.say("please ring");
            let text =
                format!("+{} {} {} {}", 1 + dice.below(98), 100 + dice.below(900), dice.digits(3), dice.digits(4));
            made.other(&text);
        }
        2 => {
            made.say(dice.pick(&[
                "my order number is",
                "the tracking number is",
                "the reference is",
                "your confirmation code is",
                "ticket number",
                "invoice number",
            ]));
            let length = 6 + dice.below(7);
            let digits = dice.digits(length);
            let text = render(dice, &digits);
            made.other(&text);
        }
        3 => {
            // Sixteen digits that look like a card's, but for the check digit.
            made.say(dice.pick(&[
                "the tracking number is",
                "it's order",
                "my membership number is",
                "the serial number is",
                "the parcel is",
            ]));
            let good = card(dice);
            let last = (value(&good[good.len() - 1..]) + 1 + dice.below(8)) % 10;
            let text = render(dice, &format!("{}{last}", &good[..good.len() - 1]));
            made.other(&text);
        }
        4 => {
            made.say(dice.pick(&["I was charged", "the bill is", "I paid", "that comes to", "you owe me"]));
            let amount = dice.below(9000) + 10;
            let text = match dice.below(4) {
                0 => format!("${amount}.{:02}", dice.below(100)),
                1 => format!("{},{:03} dollars", 1 + dice.below(90), dice.below(1000)),
                2 => format!("{} hundred and {} pounds", ONES[1 + dice.below(9)], two_digits(20 + dice.below(80))),
                _ => format!("{} thousand {} hundred dollars", ONES[1 + dice.below(9)], ONES[1 + dice.below(9)]),
            };
            made.other(&text);
            made.say(dice.pick(&["on my card", "in total", "last month", "twice"]));
        }
        which => harmless_number(which, dice, &mut made),
    }
    made
}

/// The others of them.
fn harmless_number(which: usize, dice: &mut Dice, made: &mut Utterance) {
    match which {
        5 => {
            made.say(dice.pick(&[
                "I called on",
                "it was delivered on",
                "since",
                "my date of birth is",
                "the appointment is on",
            ]));
            let (day, month, year) = (1 + dice.below(28), 1 + dice.below(12), 1950 + dice.below(75));
            let text = match dice.below(4) {
                0 => format!("{month:02}/{day:02}/{year}"),
                1 => format!("{year}-{month:02}-{day:02}"),
                2 => format!("March {day}, {year}"),
                _ => format!("the {day}th of june {year}"),
            };
            made.other(&text);
        }
        6 => {
            made.say(dice.pick(&[
                "my contract expires in",
                "the offer is valid until",
                "the warranty expired in",
                "my passport expires",
                "the subscription ends",
            ]));
            let date = expiry(dice);
            made.other(&date);
        }
        7 => {
            made.say(dice.pick(&[
                "the last four digits of my card are",
                "it's the card ending in",
                "my visa ending",
                "the last four are",
            ]));
            let digits = dice.digits(4);
            let text = render(dice, &digits);
            made.other(&text);
        }
        8 => {
            made.say(dice.pick(&["we have lived here since", "back in", "the 2020 model from", "I remember"]));
            let year = (1960 + dice.below(66)).to_string();
            made.other(&year);
            made.say(dice.pick(&["and paid by card ever since", "or so", "when prices were lower"]));
        }
        9 => {
            made.say(dice.pick(&["I live at", "the address is", "send it to", "my zip code is"]));
            let length = 2 + dice.below(4);
            let digits = dice.digits(length);
            made.other(&digits);
            made.say(dice.pick(&["Main Street", "Oak Avenue", "in Springfield", "apartment 12"]));
        }
        10 => {
            made.say(dice.pick(&[
                "my account number is",
                "the meter reading is",
                "the router's serial number is",
                "the case number is",
            ]));
            let length = 7 + dice.below(3);
            let digits = dice.digits(length);
            let text = render(dice, &digits);
            made.other(&text);
            made.say(dice.pick(&["and the card is from my bank", ".", "thank you"]));
        }
        _ => {
            made.say(dice.pick(&["it takes", "I waited", "there were", "we ordered"]));
            let text = format!("{} to {}", ONES[1 + dice.below(5)], 6 + dice.below(20));
            made.other(&text);
            made.say(dice.pick(&["days", "minutes", "boxes", "people on the call"]));
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Count {
    pub secrets: usize,
    pub hidden: usize,
    pub findings: usize,
    pub right: usize,
}

impl Count {
    pub fn recall(&self) -> f64 {
        self.hidden as f64 / self.secrets as f64
    }

    pub fn precision(&self) -> f64 {
        self.right as f64 / self.findings as f64
    }
}

fn utterance(dice: &mut Dice) -> Utterance {
    if dice.below(2) == 0 { secret_utterance(dice) } else { harmless_utterance(dice) }
}

/// Runs the utterances of a seed through the redactor; each is a call of its own.
pub(super) fn measure(
    seed: u64,
    utterances: usize,
    make: impl Fn(&mut Dice) -> Utterance,
    told: &mut Vec<String>,
) -> Count {
    let redactor = Redactor::new(&Pack::bundled().expect("bundled packs"));
    let mut dice = Dice(seed);
    let mut count = Count::default();
    for _ in 0..utterances {
        let utterance = make(&mut dice);
        let mut call = CallRedaction::default();
        for (number, turn) in utterance.turns.iter().enumerate() {
            let start = CallTime(number as i64 * 5000);
            let id = PieceId { leg: turn.leg, utterance: number as i64, number: 0 };
            redactor.push(
                &mut call,
                RedactionPiece {
                    id,
                    speaker: if turn.leg == 1 { Leg::Agent } else { Leg::Caller },
                    start,
                    end: CallTime(start.0 + 4000),
                    text: turn.text.clone(),
                    words: Vec::new(),
                },
            );
        }
        // A secret is hidden when nothing of it is left to read, in no turn. A breath at its edge is none of it.
        let covered = |turn: usize, range: &Range<usize>| {
            let hidden = &call.held[turn].hidden;
            let text = &utterance.turns[turn].text;
            text[range.clone()]
                .split_inclusive(' ')
                .scan(range.start, |at, word| {
                    let start = *at;
                    *at += word.len();
                    Some((start, word.trim_matches([' ', ','])))
                })
                .filter(|(_, word)| !BREATHS.contains(word) && word.contains(char::is_alphanumeric))
                .all(|(start, word)| {
                    hidden.iter().any(|(span, _)| span.start <= start && start + word.len() <= span.end)
                })
        };
        for group in &utterance.groups {
            count.secrets += 1;
            let hidden = group.iter().all(|&(turn, secret)| covered(turn, &utterance.turns[turn].secrets[secret]));
            count.hidden += usize::from(hidden);
            if !hidden {
                told.push(format!("missed: {:?}", utterance.turns.iter().map(|turn| &turn.text).collect::<Vec<_>>()));
            }
        }
        for (turn, held) in utterance.turns.iter().zip(&call.held) {
            for (span, label) in &held.hidden {
                let meets = |range: &Range<usize>| range.start < span.end && span.start < range.end;
                let right = turn.secrets.iter().any(meets) && !turn.others.iter().any(meets);
                count.findings += 1;
                count.right += usize::from(right);
                if !right {
                    told.push(format!("wrong [{label}]: {:?}", turn.text));
                }
            }
        }
    }
    count
}

#[test]
fn of_300_generated_utterances_the_secret_numbers_are_hidden_and_the_others_stay() {
    // The first two served to write the rules; the last was looked at once, when they were done.
    for (name, seed) in [("written with", 1), ("written with", 20_261_121), HELD_OUT] {
        let mut told = Vec::new();
        let count = measure(seed, 300, utterance, &mut told);
        println!(
            "redaction, seed {seed} ({name}): recall {:.3} ({} of {}), precision {:.3} ({} of {})",
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
        assert!(count.secrets > 120 && count.recall() >= 0.98 && count.precision() >= 0.95, "{count:?}");
    }
}
