//! What is being talked about before a number: a card, its code, an account, an order. The latest word counts, whoever said it.

use std::sync::LazyLock;

use regex::Regex;

/// What a number that follows is likely to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Topic {
    /// The number of a payment card is asked for or announced.
    CardNumber,
    /// A card is mentioned.
    Card,
    /// The code on its back.
    Cvv,
    /// When it expires.
    Expiry,
    /// An account number by ISO 13616.
    Iban,
    /// One of the packs' forms, by its number.
    Form(usize),
    /// Something else that has a number, or only the end of a card's.
    Other,
}

/// Where a topic was named.
#[derive(Clone, Copy, Debug)]
pub(super) struct Named {
    /// First byte of the words.
    pub start: usize,
    /// Byte after them.
    pub end: usize,
    /// Which.
    pub topic: Topic,
}

/// The first group that matches names the topic; of two at one place the longer counts.
static PHRASES: LazyLock<Vec<(Topic, Regex)>> = LazyLock::new(|| {
    let list = [
        (
            Topic::Cvv,
            r"c ?\.?v ?\.?[vc] ?2?|cv2|cid|security (?:code|number|digits)|(?:card )?verification (?:code|value|number)|(?:three|four|3|4)[ -]digit (?:security |card )?(?:code|number) (?:on|at) the (?:back|front|reverse)|(?:last )?(?:three|3) (?:digits|numbers) (?:on|at|from) the (?:back|reverse|signature)|(?:digits|numbers?|code) on the (?:back|reverse|signature strip)|signature strip",
        ),
        (
            Topic::Other,
            r"last (?:four|4|three|3|two|2|few)|(?:ending|ends|ended) (?:in|with)|first (?:six|6|four|4) digits|(?:gift|loyalty|library|membership|member|sim|store|reward|rewards|bus|id|business|identity|memory|graphics|sd) cards?",
        ),
        (
            Topic::Expiry,
            r"expir(?:y|es|ed|ation|ing|e)(?: date)?|exp date|valid (?:thru|through|until|till|to)|good (?:thru|through|until)",
        ),
        (
            Topic::CardNumber,
            r"card(?:'s)? (?:number|details|info|information)|card no|numbers? (?:on|of|off|from) (?:the |your |my |that |this )?(?:front of )?(?:the |your |my )?(?:credit |debit |bank |visa )*(?:card|visa|mastercard|amex)|long (?:card )?number|across the front|(?:sixteen|fifteen|16|15)[ -]digits?(?: card)?(?: number)?|(?:credit|debit|visa|mastercard|amex) (?:card )?number",
        ),
        (Topic::Card, r"cards?|visa|master ?card|amex|american express|maestro|discover card|diners"),
        (Topic::Iban, r"iban|i b a n|international (?:bank )?account number"),
        (
            Topic::Other,
            r"(?:tele)?phone|mobile|cell|landline|call (?:me|you|us) (?:back )?(?:on|at)|reach (?:me|you) (?:on|at)|(?:order|tracking|reference|ref|confirmation|booking|ticket|case|policy|invoice|claim|account|customer|serial|model|part|product|member|membership|meter|flight|room|employee|agent|transaction|shipment|parcel|package|purchase|contract|routing|route|sort|batch|imei|router|device|license|licence|passport|registration|voucher|coupon|promo|extension)(?: (?:number|no|id|code|ref|reference|is))|imei|serial|tracking|sort code|reference|zip|zip code|post ?code|area code|date of birth|born|birthday|extension|pin|fax",
        ),
    ];
    list.into_iter()
        .filter_map(|(topic, words)| Some((topic, Regex::new(&format!(r"(?i)\b(?:{words})\b")).ok()?)))
        .collect()
});

/// What else expires: then a date is no card's, unless a card is named too.
static EXPIRES_TOO: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i)\b(?:contract|policy|passport|licen[cs]e|warranty|offer|coupon|voucher|membership|subscription|lease|quote|trial|promotion|promo|plan|certificate|insurance|guarantee|deal|discount|milk|food|password|link|session|permit|agreement)\b",
    )
    .unwrap()
});

/// The topics that a text names, in order of place; `forms` are the words near the packs' forms.
pub(super) fn read(text: &str, forms: &[Option<Regex>]) -> Vec<Named> {
    let mut found: Vec<(usize, usize, Topic)> = Vec::new();
    for (number, words) in forms.iter().enumerate() {
        let topic = Topic::Form(number);
        found.extend(words.iter().flat_map(|words| words.find_iter(text)).map(|hit| (hit.start(), hit.end(), topic)));
    }
    for (topic, words) in PHRASES.iter() {
        found.extend(words.find_iter(text).map(|hit| (hit.start(), hit.end(), *topic)));
    }
    let other_expires = EXPIRES_TOO.is_match(text) && !found.iter().any(|hit| matches!(hit.2, Topic::Card));
    for hit in &mut found {
        if hit.2 == Topic::Expiry && other_expires {
            hit.2 = Topic::Other;
        }
    }
    // Of overlapping phrases the longest tells; of equal ones the first in the list.
    found.sort_by_key(|&(start, end, _)| (start, std::cmp::Reverse(end)));
    let mut named: Vec<(usize, usize, Topic)> = Vec::new();
    for hit in found {
        match named.last_mut() {
            Some(last) if hit.0 < last.1 => {
                if hit.1 - hit.0 > last.1 - last.0 {
                    *last = hit;
                }
            }
            _ => named.push(hit),
        }
    }
    named.into_iter().map(|(start, end, topic)| Named { start, end, topic }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topics(text: &str) -> Vec<Topic> {
        read(text, &[]).into_iter().map(|named| named.topic).collect()
    }

    #[test]
    fn the_words_before_a_number_tell_what_it_is() {
        assert_eq!(topics("What is the long number on your credit card?"), [Topic::CardNumber, Topic::Card]);
        assert_eq!(topics("and the three digits on the back"), [Topic::Cvv]);
        assert_eq!(topics("the last four digits of the card"), [Topic::Other, Topic::Card]);
        assert_eq!(topics("my gift card"), [Topic::Other]);
        assert_eq!(topics("my contract expires in"), [Topic::Other]);
        assert_eq!(topics("the card expires"), [Topic::Card, Topic::Expiry]);
        assert_eq!(topics("your order number, the phone"), [Topic::Other, Topic::Other]);
    }
}
