//! Days and times that were said, resolved against the call's date.
//!
//! A day is `2026-11-27`, a week `2026-W49`, a month `2026-12`, a year `2027`, a time `15:00`. A weekday is the next one, or the last one where a
//! word of the past stands before it ("since Monday"). A date that can be read in two ways (`3/4/2026`) has no value.

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};

use super::values::number;
use super::words::{Words, tokens};

/// The day that is meant by `text`, said after `before` in the same sentence and followed by `after`.
pub(super) fn day(text: &str, before: &str, after: &str, today: Date, words: &Words) -> Option<String> {
    let lower = text.to_lowercase().replace('-', " ");
    let parts = tokens(&lower);
    if let Some(written) = written(text) {
        return Some(written);
    }
    if text.contains('/') || text.chars().filter(|&sign| sign == '.').count() >= 2 {
        return slashed(text).map(|date| date.to_string());
    }
    // What stands farther away speaks of something else.
    let mut said_before = tokens(before.rsplit([',', ';']).next().unwrap_or_default());
    said_before.drain(..said_before.len().saturating_sub(6));
    let said_after = tokens(after);
    let past = said_before.iter().any(|word| words.past.contains(word))
        || parts.iter().any(|word| words.previous.contains(word) || word == "ago")
        || said_after.first().is_some_and(|word| words.past_behind.contains(word));
    if let Some(&offset) = longest(&words.days, &lower) {
        // One word of Hindi is both yesterday and tomorrow: the verb tells.
        let turned =
            is_both_ways(&lower) && said_after.iter().chain(&said_before).any(|word| words.past.contains(word));
        return today.checked_add(if turned { -offset } else { offset }.days()).ok().map(|date| date.to_string());
    }
    if let Some((&month, at)) = named(&words.months, &parts) {
        return of_month(&parts, at, month, today, past, words);
    }
    if let Some((&weekday, _)) = named(&words.weekdays, &parts) {
        let weekday = Weekday::from_monday_one_offset(weekday).ok()?;
        let nth = if past { -1 } else { 1 };
        return today.nth_weekday(nth, weekday).ok().map(|date| date.to_string());
    }
    if let Some((unit, at)) = named(&words.units, &parts) {
        return of_unit(&parts, at, unit, today, past, words);
    }
    // "The third": of this month or of the next.
    let nth = day_of_month(&parts, words)?;
    let this = today.with().day(nth).build().ok()?;
    let date = match (this < today, past) {
        (true, false) => this.checked_add(1.month()).ok()?,
        (false, true) if this > today => this.checked_sub(1.month()).ok()?,
        _ => this,
    };
    Some(date.to_string())
}

/// "kal" and "parso" name days on both sides of today.
fn is_both_ways(lower: &str) -> bool {
    ["kal", "parso", "parson", "कल", "परसों"].contains(&lower.trim())
}

/// The value of the longest phrase that stands in the text.
fn longest<'a, V>(table: &'a std::collections::BTreeMap<String, V>, lower: &str) -> Option<&'a V> {
    let padded = format!(" {} ", tokens(lower).join(" "));
    let fits = table.iter().filter(|(word, _)| padded.contains(&format!(" {word} ")));
    fits.max_by_key(|(word, _)| word.len()).map(|(_, value)| value)
}

fn named<'a, V>(table: &'a std::collections::BTreeMap<String, V>, parts: &[String]) -> Option<(&'a V, usize)> {
    parts.iter().enumerate().find_map(|(at, word)| table.get(word).map(|value| (value, at)))
}

/// 2026-11-27, as it is.
fn written(text: &str) -> Option<String> {
    text.trim().parse::<Date>().ok().map(|date| date.to_string())
}

/// 27/11/2026; nothing where day and month may stand either way.
fn slashed(text: &str) -> Option<Date> {
    let parts: Vec<i16> = text.split(['/', '.']).map(|part| part.trim().parse().ok()).collect::<Option<_>>()?;
    let &[first, second, year] = parts.as_slice() else { return None };
    let year = if year < 100 { year + 2000 } else { year };
    let (day, month) = match (first, second) {
        (first, second) if first == second => (first, second),
        (13.., 1..=12) => (first, second),
        (1..=12, 13..) => (second, first),
        _ => return None,
    };
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

fn of_month(parts: &[String], at: usize, month: i8, today: Date, past: bool, words: &Words) -> Option<String> {
    let year = parts.iter().filter_map(|part| part.parse::<i16>().ok()).find(|year| (1900..2200).contains(year));
    let without: Vec<String> = parts
        .iter()
        .enumerate()
        .filter(|(place, part)| *place != at && part.parse::<i16>().map_or(true, |number| number < 32))
        .map(|(_, part)| part.clone())
        .collect();
    let Some(day) = day_of_month(&without, words) else {
        let later = month < today.month();
        let behind = past || (month <= today.month() && today.month() - month > 6);
        let year =
            year.unwrap_or(today.year() + i16::from(later && !behind) - i16::from(behind && month > today.month()));
        return Some(format!("{year:04}-{month:02}"));
    };
    if let Some(year) = year {
        return Date::new(year, month, day).ok().map(|date| date.to_string());
    }
    let this = Date::new(today.year(), month, day).ok()?;
    let date = match (this < today, past) {
        (true, false) => Date::new(today.year() + 1, month, day).ok()?,
        (false, true) if this > today => Date::new(today.year() - 1, month, day).ok()?,
        _ => this,
    };
    Some(date.to_string())
}

fn day_of_month(parts: &[String], words: &Words) -> Option<i8> {
    let joined = parts.join(" ");
    if let Some(&nth) = longest(&words.ordinals, &joined) {
        return Some(nth);
    }
    let figures = |part: &String| {
        let digits = part.trim_end_matches(|sign: char| sign.is_alphabetic());
        digits.parse::<i8>().ok().filter(|day| (1..=31).contains(day))
    };
    parts.iter().find_map(figures).or_else(|| {
        let said: Vec<&str> =
            parts.iter().map(String::as_str).filter(|part| words.numbers.contains_key(*part)).collect();
        number(&said.join(" "), words).filter(|day| (1.0..=31.0).contains(day)).map(|day| day as i8)
    })
}

fn of_unit(parts: &[String], at: usize, unit: &str, today: Date, past: bool, words: &Words) -> Option<String> {
    let is = |set: &std::collections::BTreeSet<String>| parts.iter().any(|part| set.contains(part));
    if parts.iter().any(|part| matches!(part.as_str(), "end" | "mwisho" | "fin" | "finales" | "akhir" | "aakhir")) {
        let end = match unit {
            "week" => today.nth_weekday(1, Weekday::Sunday).ok()?,
            "month" => today.last_of_month(),
            _ => today.last_of_year(),
        };
        return Some(end.to_string());
    }
    let said: Vec<&str> = parts[..at]
        .iter()
        .chain(parts.get(at + 1..).unwrap_or_default())
        .map(String::as_str)
        .filter(|part| words.numbers.contains_key(*part) || part.starts_with(|sign: char| sign.is_ascii_digit()))
        .collect();
    let count = number(&said.join(" "), words).filter(|_| !said.is_empty()).map(|count| count as i32);
    if let Some(count) = count {
        let count = if past { -count } else { count };
        let date = match unit {
            "day" => today.checked_add(count.days()),
            "week" => today.checked_add(count.weeks()),
            "month" => today.checked_add(count.months()),
            _ => today.checked_add(count.years()),
        };
        return date.ok().map(|date| date.to_string());
    }
    let step: i32 = if is(&words.following) {
        1
    } else if past || is(&words.previous) {
        -1
    } else {
        0
    };
    Some(match unit {
        "day" => return None,
        "week" => {
            let week = today.checked_add(step.weeks()).ok()?.iso_week_date();
            format!("{:04}-W{:02}", week.year(), week.week())
        }
        "month" => {
            let month = today.first_of_month().checked_add(step.months()).ok()?;
            format!("{:04}-{:02}", month.year(), month.month())
        }
        _ => (i32::from(today.year()) + step).to_string(),
    })
}

/// The time of day that is meant, `HH:MM`.
pub(super) fn time(text: &str, words: &Words) -> Option<String> {
    let mut lower =
        text.to_lowercase().replace("a.m.", "am").replace("p.m.", "pm").replace("o'clock", "").replace("o’clock", "");
    for (from, to) in [("am", " am"), ("pm", " pm")] {
        if let Some(rest) = lower.strip_suffix(from) {
            lower = format!("{rest}{to}");
        }
    }
    let parts = tokens(&lower);
    let shift = parts.iter().find_map(|part| words.clock.get(part)).copied();
    let counted_from_six = parts.iter().any(|part| part == "saa");
    let (hour, minute) = hour_and_minute(&parts, words)?;
    let mut hour = hour;
    if counted_from_six {
        // Swahili counts from sunrise and sunset: the fourth hour of the morning is ten.
        hour = (hour + 6) % 24;
        if shift == Some(18) {
            hour = (hour + 12) % 24;
        }
        return (minute < 60).then(|| format!("{hour:02}:{minute:02}"));
    }
    match shift {
        Some(0) if hour == 12 => hour = 0,
        Some(12 | 18) if hour < 12 => hour += 12,
        _ => {}
    }
    (hour < 24 && (0..60).contains(&minute)).then(|| format!("{hour:02}:{minute:02}"))
}

fn hour_and_minute(parts: &[String], words: &Words) -> Option<(i32, i32)> {
    if let Some((hour, minute)) = parts.iter().find_map(|part| part.split_once(':')) {
        return Some((hour.parse().ok()?, minute.get(..2)?.parse().ok()?));
    }
    let value = |part: &String| number(part, words).map(|value| value as i32);
    let after =
        |sign: &str| parts.iter().position(|part| part == sign).and_then(|at| parts.get(at + 1)).and_then(value);
    let has = |sign: &str| parts.iter().any(|part| part == sign);
    if let Some(hour) = after("past") {
        return Some((hour, if has("half") { 30 } else { 15 }));
    }
    if let Some(hour) = after("to") {
        return Some(((hour + 23) % 24, 45));
    }
    let numbers: Vec<i32> = parts.iter().filter(|part| *part != "half").filter_map(value).collect();
    let hour = numbers.first().copied()?;
    if has("media") || has("nusu") || has("sadhe") || has("saadhe") {
        return Some((hour, 30));
    }
    if has("cuarto") || has("robo") || has("sawa") {
        return Some((hour, 15));
    }
    Some((hour, numbers.get(1).copied().unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn on_tuesday(text: &str, before: &str) -> Option<String> {
        day(text, before, "", date(2026, 11, 24), &Words::english())
    }

    #[test]
    fn a_day_is_resolved_against_the_calls_date() {
        for (text, before, value) in [
            ("tomorrow", "", "2026-11-25"),
            ("the day before yesterday", "", "2026-11-22"),
            ("Friday", "by ", "2026-11-27"),
            ("Tuesday", "on ", "2026-12-01"),
            ("Monday", "since ", "2026-11-23"),
            ("last Friday", "", "2026-11-20"),
            ("the 3rd", "", "2026-12-03"),
            ("3rd of March", "since the ", "2026-03-03"),
            ("3rd of March", "by the ", "2027-03-03"),
            ("twenty-first of May", "", "2027-05-21"),
            ("October 12, 2025", "", "2025-10-12"),
            ("12 October", "I ordered it on ", "2026-10-12"),
            ("January", "in ", "2026-01"),
            ("December", "in ", "2026-12"),
            ("next week", "", "2026-W49"),
            ("last month", "", "2026-10"),
            ("end of the month", "", "2026-11-30"),
            ("in three days", "", "2026-11-27"),
            ("two weeks ago", "", "2026-11-10"),
            ("27/11/2026", "", "2026-11-27"),
            ("2026-11-27", "", "2026-11-27"),
        ] {
            assert_eq!(on_tuesday(text, before).as_deref(), Some(value), "{text}");
        }
        assert_eq!(on_tuesday("3/4/2026", ""), None, "in two ways");
        assert_eq!(on_tuesday("31 February", ""), None);
    }

    #[test]
    fn a_time_is_read_with_its_half_of_the_day() {
        for (text, value) in [
            ("3 pm", "15:00"),
            ("half past ten", "10:30"),
            ("quarter to nine", "08:45"),
            ("10:30 am", "10:30"),
            ("twelve a.m.", "00:00"),
            ("5pm", "17:00"),
        ] {
            assert_eq!(time(text, &Words::english()).as_deref(), Some(value), "{text}");
        }
    }
}
