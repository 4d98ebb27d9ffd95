//! The topic before a number: a card, its code, an account, an order. The latest word counts, whoever said it.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

/// The likely kind of a number that follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Topic {
    /// The number of a payment card is asked for or announced.
    CardNumber,
    /// A card is mentioned.
    Card,
    /// The code on its back.
    Cvv,
    /// The expiry date of a card.
    Expiry,
    /// An account number by ISO 13616.
    Iban,
    /// One of the packs' forms, by its number.
    Form(usize),
    /// Something else that has a number.
    Other,
    /// Only the end of a number was told or comes now: "the last four".
    End,
    /// A part of a number was told or comes now: "that's the first four". It changes nothing.
    Aside,
}

impl Topic {
    /// Whether it is something that has a number and is no card.
    pub(super) fn is_other(self) -> bool {
        matches!(self, Self::Other | Self::Iban | Self::Form(_))
    }
}

/// Where a topic was named.
#[derive(Clone, Copy, Debug)]
pub(super) struct Named {
    /// First byte of the words.
    pub start: usize,
    /// Byte after them.
    pub end: usize,
    /// The subject that the words announce.
    pub topic: Topic,
}

/// The first group that matches names the topic; of two at one place the longer counts.
static PHRASES: LazyLock<Vec<(Topic, Regex)>> = LazyLock::new(|| {
    let count = "(?:two|three|four|five|six|seven|eight|[2-8]|few|couple)";
    let signature = "signature (?:strip|panel|box|bar|field|line|area)";
    let list = [
        (
            Topic::Cvv,
            format!(
                r"c[ .-]{{0,2}}[vb][ .-]{{0,2}}[vcnb][ -]?2?|c[ .]{{0,2}}s[ .]{{0,2}}c|c[ .]{{0,2}}i[ .]{{0,2}}d|cv2|ccv|(?:card )?security (?:code|number|digits|value)|(?:card )?verification (?:code|value|number)|(?:three|four|3|4)[ -]digit (?:security |card )?(?:code|number)(?: (?:on|at|by|near|from) the (?:back|front|reverse|{signature}))?|(?:last )?(?:three|3) (?:digits|numbers|figures) (?:are |that are )?(?:on|at|from|by|near|beside|next to) the (?:back|reverse|{signature}|signature)|(?:digits|numbers?|figures|code) (?:is |are |that are )?(?:on|at|by|near|beside|next to) the (?:back|reverse|{signature}|signature)|{signature}|(?:printed )?on the signature"
            ),
        ),
        (
            Topic::End,
            format!(
                r"(?:last|final) {count}(?: (?:digits?|numbers?|figures|ones))?(?: (?:on|of|off|from) (?:the |your |my )*(?:credit |debit |bank )?(?:card|visa|mastercard|amex|front))?|(?:ending|ends|ended) (?:in|with)|first (?:six|6) digits"
            ),
        ),
        (
            Topic::Aside,
            format!(
                r"(?:first|second|third|fourth|next|following|other|remaining) {count}(?: (?:digits?|numbers?|figures|ones))?|(?:first|second|third|fourth|next|last|other) (?:set|group|part|bit|lot|block|batch|half|one)|the rest(?: of it)?|to (?:begin|start) with|to finish"
            ),
        ),
        (
            Topic::Other,
            // "transit" is left out, because small models write it for "credit" on the telephone.
            r"(?:gift|loyalty|library|membership|member|sim|store|reward|rewards|bus|id|business|identity|memory|graphics|video|sound|network|sd|key|access|swipe|travel|train|oyster|insurance|phone|calling|health|medicare|medical|student|club|points|report|time|punch|green|residence|residency|staff|employee|donor|ration|boarding|post|birthday|parking|discount|fishing|bingo|scratch|score)[ -]?cards?(?:'s)?(?: (?:number|no|details|information|id|code))?".into(),
        ),
        (
            Topic::Expiry,
            r"expir(?:y|es|ed|ation|ing|e)(?: date)?|exp\.? date|valid (?:thru|through|until|till|to)|good (?:thru|through|until|till)|(?:runs?|running|ran) out|end date|thru date|month and (?:the )?year|date on the (?:front|card)".into(),
        ),
        (
            Topic::CardNumber,
            // "Car" and the like: what small models make of "card" on the telephone.
            r"ca(?:rd|r|rt|rb)(?:'s)? (?:account )?(?:numbers?|digits|details|info|information)|card no|numbers? (?:on|of|off|from) (?:the |your |my |that |this )?(?:front of )?(?:the |your |my )?(?:credit |debit |bank |visa )*(?:card|visa|mastercard|amex|front)|long (?:card )?(?:number|digits)|across the (?:front|middle)|on the front of (?:the |your |my )?card|digits (?:on|off|from|across) (?:the |your |my )?(?:front|card)|(?:sixteen|fifteen|16|15)[ -]digits?(?: card)?(?: number)?|(?:credit|debit|visa|mastercard|amex) (?:card )?(?:number|details)|primary account number".into(),
        ),
        (
            Topic::Card,
            r"(?:credit|debit|bank|payment|charge|company|corporate)? ?cards?|(?:like|want) to pay with|visa|master ?card|amex|american express|maestro|discover card|diners".into(),
        ),
        (Topic::Iban, r"iban|i b a n|international (?:bank )?account number".into()),
        (
            Topic::Other,
            r"(?:tele)?phone|mobile|cell|landline|call (?:me|you|us) (?:back )?(?:on|at)|(?:reach|ring|text|contact|call) (?:me|you|us)|(?:we|i|you) (?:can )?(?:ring|call|text)|(?:order|tracking|reference|ref|confirmation|booking|ticket|case|policy|invoice|claim|account|customer|serial|model|part|product|member|membership|meter|flight|room|employee|agent|transaction|shipment|parcel|package|purchase|contract|routing|route|sort|batch|imei|router|device|license|licence|passport|registration|voucher|coupon|promo|extension|bill|loan|mortgage|fine|citation|notice|penalty|statement|docket|violation|tax|rent|subscription|plate|unit|house|apartment)(?: (?:number|no|id|code|ref|reference|is|was))|(?:my|your|the|an|this|that|it's|its|for|on|of|about) (?:order|parcel|shipment|invoice|booking|ticket|waybill|consignment)|imei|iccid|serial|tracking|barcode|waybill|airway bill|isbn|vin|upc|sku|p\.?o\.? box|sort code|reference|zip|zip code|post ?code|area code|date of birth|born|birthday|extension|pin|fax|how (?:much|many)|what(?: is| was|'s|’s) the (?:amount|total|price|cost|balance)".into(),
        ),
    ];
    list.into_iter()
        .filter_map(|(topic, words)| Some((topic, Regex::new(&format!(r"(?i)\b(?:{words})\b")).ok()?)))
        .collect()
});

/// "The X number is": X says what it is.
static NAMED_NUMBER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)\b([\p{L}'’-]+) (?:numbers?|no|id|code|ref|identifier)\b").unwrap());
/// An X that says nothing, or that it is a card's.
const SAYS_NOTHING: &str = " a an the your my his her their our its this that these those what which whose whole full entire complete long main \
    big right correct wrong same other another new old next first second third fourth last final actual exact proper real digit card cards visa \
    mastercard amex credit debit bank payment charge security verification back front and or of on in is was are it's that's with any some each \
    every no secure ready really one two three four five six seven eight nine ten by to for from as at read say give have got take need me you us printed raised \
    embossed pan said single all already really actually only just also now then here there yes yeah sure so um uh er sorry please ";

/// The means of payment follows soon: a small model writes "I want to pay my winner number" for a card's number.
static PAYS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)\b(?:pay|paying|charge|charging)\b[^.?!]{0,20}$").unwrap());

/// A stand-in, such as "[card]", is no talk of a number.
static GONE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\[[a-z][a-z0-9_-]{1,19}\]").unwrap());

/// Other things that expire: then a date is no card's, unless a card is named too.
static EXPIRES_TOO: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i)\b(?:contract|policy|passport|licen[cs]e|warranty|offer|coupon|voucher|membership|subscription|lease|quote|trial|promotion|promo|plan|certificate|insurance|guarantee|deal|discount|milk|food|password|link|session|permit|agreement)\b",
    )
    .unwrap()
});

/// The topics that a text names, in order of place; `forms` are the words near the packs' forms.
pub(super) fn read(text: &str, forms: &[Option<Regex>]) -> Vec<Named> {
    let mut found: Vec<(usize, usize, Topic)> = Vec::new();
    let gone: Vec<Range<usize>> = GONE.find_iter(text).map(|hit| hit.range()).collect();
    for (number, words) in forms.iter().enumerate() {
        let topic = Topic::Form(number);
        found.extend(words.iter().flat_map(|words| words.find_iter(text)).map(|hit| (hit.start(), hit.end(), topic)));
    }
    for (topic, words) in PHRASES.iter() {
        found.extend(words.find_iter(text).map(|hit| (hit.start(), hit.end(), *topic)));
    }
    for hit in NAMED_NUMBER.captures_iter(text) {
        let (Some(whole), Some(what)) = (hit.get(0), hit.get(1)) else { continue };
        let says_nothing = SAYS_NOTHING.contains(&format!(" {} ", what.as_str().to_lowercase().replace('’', "'")));
        if !says_nothing && !found.iter().any(|hit| hit.0 < whole.end() && whole.start() < hit.1) {
            let topic = if PAYS.is_match(&text[..whole.start()]) { Topic::Card } else { Topic::Other };
            found.push((whole.start(), whole.end(), topic));
        }
    }
    let other_expires = EXPIRES_TOO.is_match(text) && !found.iter().any(|hit| matches!(hit.2, Topic::Card));
    for hit in &mut found {
        if hit.2 == Topic::Expiry && other_expires {
            hit.2 = Topic::Other;
        }
    }
    found.retain(|&(start, end, _)| !gone.iter().any(|gone| gone.start < end && start < gone.end));
    // The longest of overlapping phrases decides; of equally long ones, the first in the list.
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
        assert_eq!(topics("the last four digits of the card"), [Topic::End]);
        assert_eq!(topics("my gift card"), [Topic::Other]);
        assert_eq!(topics("the SIM card number is"), [Topic::Other]);
        assert_eq!(topics("the subscriber number is"), [Topic::Other], "whatever it is, it is no card");
        assert_eq!(topics("and [card], the whole number is"), []);
        assert_eq!(topics("the CSC, on the signature panel"), [Topic::Cvv, Topic::Cvv]);
        assert_eq!(topics("I want to pay my winner number"), [Topic::Card], "misheard");
        assert_eq!(topics("I want to pay my invoice number"), [Topic::Other]);
        assert_eq!(topics("when does it run out"), [Topic::Expiry]);
        assert_eq!(topics("that's the first four"), [Topic::Aside]);
        assert_eq!(topics("my contract expires in"), [Topic::Other]);
        assert_eq!(topics("the card expires"), [Topic::Card, Topic::Expiry]);
        assert_eq!(topics("your order number, the phone"), [Topic::Other, Topic::Other]);
    }
}
