//! How commands print: times and lengths, colour, progress, text of others made harmless, and the question before what cannot be undone.

use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Columns of the terminal; `None` where there is none, and nothing need be fitted.
pub(super) fn width() -> Option<usize> {
    if !io::stdout().is_terminal() {
        return None;
    }
    rustix::termios::tcgetwinsize(io::stdout()).ok().map(|size| usize::from(size.ws_col)).filter(|&columns| columns > 0)
}

/// A time of the API as people read it, in the time zone of whoever reads: today its clock alone. What is no time stays as it is.
pub(super) fn short_time(text: &str) -> String {
    short(text, Timestamp::now(), &TimeZone::system())
}

fn short(text: &str, now: Timestamp, zone: &TimeZone) -> String {
    let Ok(at) = text.parse::<Timestamp>() else { return shown(text).into_owned() };
    let (at, now) = (at.to_zoned(zone.clone()), now.to_zoned(zone.clone()));
    let form = match () {
        () if at.date() == now.date() => "%H:%M:%S",
        () if at.year() == now.year() => "%d %b %H:%M",
        () => "%Y-%m-%d %H:%M",
    };
    at.strftime(form).to_string()
}

/// Seconds as people read them: 0:07, 1:02:03.
pub(super) fn length(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// Says that there is nothing to show, and why, where no script reads it.
pub(super) fn nothing(why: &str) {
    eprintln!("lineside: {why}");
}

/// A bar for work of which it is known how much there is, on stderr; without a terminal there is none.
pub(super) fn bar(what: &str, unit: &str) -> anyhow::Result<ProgressBar> {
    let style = ProgressStyle::with_template(&format!("{{msg}} {{bar:30}} {{pos}}/{{len}} {unit} {{eta}}"))?;
    Ok(ProgressBar::new(0).with_style(style).with_message(what.to_string()))
}

/// Shows on a terminal that work goes on of which it is not known how much there is, and how long it has taken.
pub(super) fn busy<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let style =
        ProgressStyle::with_template("{spinner} {msg} {elapsed}").unwrap_or_else(|_| ProgressStyle::default_spinner());
    let spinner = ProgressBar::new_spinner().with_style(style).with_message(what.to_string());
    spinner.enable_steady_tick(Duration::from_millis(200));
    let done = work();
    spinner.finish_and_clear();
    done
}

/// A bar in bytes.
pub(super) fn bytes_bar(what: &str) -> anyhow::Result<ProgressBar> {
    let style = ProgressStyle::with_template("{msg} {bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta}")?;
    Ok(ProgressBar::new(0).with_style(style).with_message(what.to_string()))
}

/// Asks for something; who only presses Enter takes what is offered.
pub(super) fn asked(what: &str, offered: &str) -> anyhow::Result<String> {
    use io::Write;
    eprint!("{what} [{offered}]: ");
    io::stderr().flush()?;
    let mut answer = String::new();
    anyhow::ensure!(io::stdin().read_line(&mut answer)? > 0, "the input has ended; nothing was written");
    let answer = answer.trim();
    Ok(if answer.is_empty() { offered.into() } else { answer.into() })
}

/// Asks before something is done that cannot be undone. Without a terminal nobody can be asked: then `--yes` has to say it.
pub(super) fn confirmed(yes: bool, question: &str) -> anyhow::Result<bool> {
    if yes {
        return Ok(true);
    }
    anyhow::ensure!(
        io::stdin().is_terminal(),
        "{question} Nobody can be asked here, and nothing was changed: say --yes if it is meant"
    );
    eprint!("{question} It cannot be undone. [y/N] ");
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    let yes = matches!(answer.trim().to_lowercase().as_str(), "y" | "yes");
    if !yes {
        eprintln!("nothing was changed");
    }
    Ok(yes)
}

/// Text of somebody else for a terminal or a line of a log: control characters, which could move the cursor, change colours or answer for the
/// user, and those that turn the direction of writing, become visible.
pub(super) fn shown(text: &str) -> std::borrow::Cow<'_, str> {
    let hidden = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if !text.contains(hidden) {
        return text.into();
    }
    let visible = |c: char| match c {
        '\t' | '\n' | '\r' => " ".to_string(),
        c if hidden(c) => c.escape_default().to_string(),
        c => c.to_string(),
    };
    text.chars().map(visible).collect::<String>().into()
}

/// Whether colour is wanted: a terminal, and nobody said NO_COLOR.
pub(super) fn colour() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

/// A line in the colour of its sentiment, or of an alert's level, on a terminal.
pub(super) fn coloured(line: &str, label: &str) -> String {
    match (colour(), label) {
        (true, "negative" | "critical") => format!("\x1b[31m{line}\x1b[0m"),
        (true, "positive") => format!("\x1b[32m{line}\x1b[0m"),
        _ => line.into(),
    }
}

/// Writes a line to stdout; a closed pipe is an error, not a panic.
pub(super) fn say(line: &str) -> io::Result<()> {
    use io::Write;
    writeln!(io::stdout().lock(), "{line}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_short_and_local_and_names_its_day_where_that_is_another() {
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().expect("a time");
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        for (text, wanted) in [
            ("2026-11-21T10:30:05.250Z", "12:30:05"),
            ("2026-11-20T23:30:05.250Z", "01:30:05"),
            ("2026-11-20T20:30:05.250Z", "20 Nov 22:30"),
            ("2025-11-20T20:30:05.250Z", "2025-11-20 22:30"),
            ("never", "never"),
        ] {
            assert_eq!(short(text, now, &zone), wanted, "{text}");
        }
        assert_eq!([0.4, 61.6, 3723.0].map(length), ["0:00", "1:02", "1:02:03"]);
    }
}
