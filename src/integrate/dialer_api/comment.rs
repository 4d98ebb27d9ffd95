//! A call's summary in its lead's comments, without a change of what people have written there.
//!
//! ViciDial's `update_lead` replaces the comments, so they are read first and ours is put behind them, in brackets by which it is known again. A field
//! has 255 characters. Where ours does not fit, older ones of ours go; what is not ours is never cut. ViciDial takes `;`, `#` and `"` out of what it is
//! sent and turns `+` into a space; comments that hold one of them would be changed, so they are left alone.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::call::WallTime;

/// Characters of the field.
const FIELD: usize = 255;
/// Ours is not shorter, or it says nothing.
const LEAST: usize = 60;
/// Ours is not longer.
const MOST: usize = 200;
/// What ours begins with.
const MARK: &str = "[lineside ";

/// What is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Merged {
    /// These comments.
    Write(String),
    /// Ours is there.
    There,
    /// Nothing, and why.
    Leave(&'static str),
}

/// A text as it may go into ViciDial's queries, pages and tables: letters, digits and a few signs. Quotes, brackets, `<`, `&`, `\` and `|` would end a
/// string, a tag or a cell there.
pub(super) fn plain(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\'' | '\u{2019}' => {}
            c if c.is_alphanumeric() || ".,:?!/()%".contains(c) => kept.push(c),
            '-' if kept.ends_with('-') => {}
            '-' => kept.push('-'),
            _ if !kept.ends_with(' ') => kept.push(' '),
            _ => {}
        }
    }
    kept.trim().to_owned()
}

/// At most so many characters, cut between words.
pub(super) fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let begin: String = text.chars().take(most.saturating_sub(3)).collect();
    let whole = begin.rsplit_once(' ').map_or(begin.as_str(), |(whole, _)| whole);
    format!("{}...", whole.trim_end_matches(['.', ',', ' ']))
}

/// What a call's summary says, in brackets: when the call was, and its lines.
pub(super) fn own(started: WallTime, zone: &TimeZone, agent: Option<&str>, lines: &[String]) -> String {
    let at =
        Timestamp::from_millisecond(started.0).unwrap_or_default().to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M");
    let agent = agent.map(|agent| format!(" {}", plain(agent))).unwrap_or_default();
    let text: Vec<String> = lines.iter().map(|line| plain(line)).filter(|line| !line.is_empty()).collect();
    format!("{MARK}{at}{agent}: {}]", text.join(" / "))
}

/// Ours, no longer than so many characters.
fn fitted(own: &str, most: usize) -> String {
    if own.chars().count() <= most {
        return own.to_owned();
    }
    format!("{}]", cut(own.trim_end_matches(']'), most - 1))
}

/// The first of our texts in comments.
fn first_own(comments: &str) -> Option<std::ops::Range<usize>> {
    let from = comments.find(MARK)?;
    let to = comments[from..].find(']')? + from + 1;
    Some(from..to)
}

/// Puts ours behind the comments that are there.
pub(super) fn merged(there: &str, own: &str) -> Merged {
    // Without what is cut where it is long.
    let begin = own.split_once(": ").map_or(own, |(begin, _)| begin);
    if there.contains(begin) {
        return Merged::There;
    }
    if there.contains([';', '#', '"', '+', '\\']) {
        return Merged::Leave(
            "the lead's comments hold ; # \" + or \\, which ViciDial's API would change: they are left as they are",
        );
    }
    let own = fitted(own, MOST);
    let mut kept = there.trim_end().to_owned();
    loop {
        let gap = usize::from(!kept.is_empty());
        let room = FIELD.saturating_sub(kept.chars().count() + gap);
        if room >= own.chars().count().min(LEAST) {
            let own = fitted(&own, room);
            return Merged::Write(if kept.is_empty() { own } else { format!("{kept} {own}") });
        }
        match first_own(&kept) {
            Some(range) => {
                kept.replace_range(range, "");
                kept = kept.trim().to_owned();
            }
            None => {
                return Merged::Leave("the lead's comments are full, and what people have written there is not cut");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn summary(minute: i64, text: &str) -> String {
        own(WallTime(minute * 60_000), &TimeZone::UTC, Some("1001"), &[text.to_owned()])
    }

    #[test]
    fn ours_stands_behind_what_people_wrote_and_once() {
        let one = summary(0, "I want a refund, it's broken");
        assert_eq!(one, "[lineside 1970-01-01 00:00 1001: I want a refund, its broken]");
        assert_eq!(merged("", &one), Merged::Write(one.clone()));
        let there = format!("Calls back on Monday {one}");
        assert_eq!(merged("Calls back on Monday\n", &one), Merged::Write(there.clone()));
        assert_eq!(merged(&there, &one), Merged::There);
        assert_eq!(merged(&there, &summary(0, "transcribed again")), Merged::There);
    }

    #[test]
    fn where_it_is_full_our_oldest_goes_and_nothing_of_anybody_else() {
        let human = "h".repeat(100);
        let Merged::Write(first) = merged(&human, &summary(0, &"old ".repeat(40))) else { panic!("room") };
        assert!(first.chars().count() <= 255 && first.ends_with("...]"), "{first}");
        let Merged::Write(second) = merged(&first, &summary(9, &"new ".repeat(40))) else { panic!("room") };
        assert!(second.starts_with(&human) && second.contains("00:09") && !second.contains("00:00"), "{second}");
        assert!(matches!(merged(&"h".repeat(230), &summary(0, &"x ".repeat(90))), Merged::Leave(_)));
        assert!(matches!(merged("unit #7; ask for Bob", &summary(0, "x")), Merged::Leave(_)));
    }

    #[test]
    fn what_was_said_ends_no_string_tag_or_cell() {
        let said = "Robert'); DROP TABLE vicidial_list;-- \"<script>\" & a|b\\ + #7 [x] --BLANK-- --A--pass--B--";
        assert_eq!(plain(said), "Robert) DROP TABLE vicidial list - script a b 7 x -BLANK- -A-pass-B-");
    }

    proptest! {
        #[test]
        fn no_text_is_too_long_or_loses_what_was_there(there in "[a-z .]{0,300}", said in "\\PC{0,400}") {
            let own = summary(3, &said);
            if let Merged::Write(text) = merged(&there, &own) {
                prop_assert!(text.chars().count() <= FIELD);
                prop_assert!(text.starts_with(there.trim_end()));
                prop_assert!(text.ends_with(']'));
                prop_assert!(!text.contains(['"', '\'', ';', '\\', '<', '&', '|']));
            }
        }
    }
}
