//! A command's man page: clap's own sections, then notes, examples, exit status and files.

use clap_mangen::Man;
use roff::{Roff, bold, roman};

use super::commands::{FILES, manual};

/// Name and text of a command's page; `words` are those after `lineside`.
pub(in crate::cli) fn command_page(command: &clap::Command, words: &str) -> std::io::Result<(String, Vec<u8>)> {
    // The notes as the code has them: help has put examples and statuses behind them.
    let notes = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let page = Man::new(command.clone()).manual("lineside").source(format!("lineside {}", env!("CARGO_PKG_VERSION")));
    let mut text = Vec::new();
    page.render_title(&mut text)?;
    page.render_name_section(&mut text)?;
    page.render_synopsis_section(&mut text)?;
    page.render_description_section(&mut text)?;
    if !notes.is_empty() {
        let mut roff = Roff::default();
        for paragraph in notes.split("\n\n") {
            roff.control("PP", []);
            roff.text([roman(paragraph)]);
        }
        roff.to_writer(&mut text)?;
    }
    if command.get_arguments().any(|argument| !argument.is_hide_set()) {
        page.render_options_section(&mut text)?;
    }
    if command.get_subcommands().any(|below| !below.is_hide_set()) {
        page.render_subcommands_section(&mut text)?;
    }
    more(words).to_writer(&mut text)?;
    Ok((page.get_filename(), text))
}

fn more(words: &str) -> Roff {
    let mut roff = Roff::default();
    if let Some(manual) = manual(words) {
        roff.control("SH", ["EXAMPLES"]);
        for (line, says) in manual.examples {
            roff.control("TP", []);
            roff.text([bold(*line)]);
            roff.text([roman(*says)]);
        }
        roff.control("SH", ["EXIT STATUS"]);
        for (code, says) in manual.statuses() {
            roff.control("TP", []);
            roff.text([bold(code.to_string())]);
            roff.text([roman(says)]);
        }
    }
    roff.control("SH", ["FILES"]);
    for (path, says) in FILES {
        roff.control("TP", []);
        roff.text([bold(*path)]);
        roff.text([roman(*says)]);
    }
    roff.control("SH", ["ENVIRONMENT"]);
    for (name, says) in [
        (
            "LINESIDE_URL, LINESIDE_TOKEN, LINESIDE_CA",
            "the same as --url, --token and --ca of the commands that ask the daemon",
        ),
        ("NO_COLOR", "no colour, also on a terminal"),
        ("TZ", "the time zone in which times are shown and read"),
    ] {
        roff.control("TP", []);
        roff.text([bold(name)]);
        roff.text([roman(says)]);
    }
    roff.control("SH", ["SEE ALSO"]);
    let others = if words.is_empty() { "lineside.toml(5)" } else { "lineside(1), lineside.toml(5)" };
    roff.text([roman(format!("{others}, /usr/share/doc/lineside/docs"))]);
    roff
}
