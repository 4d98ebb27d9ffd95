//! How commands print: tables, columns that fit, colour, text of others made harmless, and the question before what cannot be undone.

use std::io::{self, IsTerminal};

use comfy_table::{ContentArrangement, Table, presets};

/// A table as all commands print it.
pub(super) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_header(header);
    table
}

/// Columns of the terminal; `None` where there is none, and nothing need be fitted.
pub(super) fn width() -> Option<usize> {
    if !io::stdout().is_terminal() {
        return None;
    }
    rustix::termios::tcgetwinsize(io::stdout()).ok().map(|size| usize::from(size.ws_col)).filter(|&columns| columns > 0)
}

/// Rows with their header as lines: in columns where they fit into the width, else each row by itself over as many lines as it takes. No field is
/// ever broken but at its spaces, so an id or a time can be copied.
pub(super) fn lay_out(header: &[&str], rows: &[Vec<String>], width: Option<usize>) -> Vec<Vec<String>> {
    const GAP: &str = "  ";
    const INDENT: usize = 4;
    let long = |text: &str| text.chars().count();
    let widths: Vec<usize> = (0..header.len())
        .map(|column| rows.iter().map(|row| long(&row[column])).chain([long(header[column])]).max().unwrap_or(0))
        .collect();
    let columns = |cells: &mut dyn Iterator<Item = &str>| {
        let padded = cells.zip(&widths).map(|(cell, &width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join(GAP).trim_end().to_string()
    };
    let whole = widths.iter().sum::<usize>() + GAP.len() * widths.len().saturating_sub(1);
    if width.is_none_or(|width| whole <= width) {
        let rows = rows.iter().map(|row| vec![columns(&mut row.iter().map(String::as_str))]);
        return std::iter::once(vec![columns(&mut header.iter().copied())]).chain(rows).collect();
    }
    let width = width.unwrap_or(usize::MAX);
    let fold = |row: &Vec<String>| {
        let mut lines = vec![String::new()];
        for (cell, name) in row.iter().zip(header).filter(|(cell, _)| !cell.is_empty()) {
            // What is in words and figures alone needs its name; ids, times and the like do not.
            let field = if cell.parse::<f64>().is_ok() && !name.is_empty() && lines[0].contains(' ') {
                format!("{} {cell}", name.to_lowercase())
            } else {
                cell.clone()
            };
            let broken = long(&field) + INDENT > width;
            for (number, word) in
                if broken { field.split(' ').collect() } else { vec![&*field] }.into_iter().enumerate()
            {
                let line = lines.last_mut().map_or(0, |line| long(line));
                let gap = if number > 0 { " " } else { GAP };
                match lines.last_mut() {
                    Some(last) if line == 0 => last.push_str(word),
                    Some(last) if line + gap.len() + long(word) <= width => {
                        last.push_str(gap);
                        last.push_str(word);
                    }
                    _ => lines.push(format!("{:INDENT$}{word}", "")),
                }
            }
        }
        lines
    };
    rows.iter().map(fold).collect()
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

/// Writes a line to stdout; a closed pipe is an error, not a panic.
pub(super) fn say(line: &str) -> io::Result<()> {
    use io::Write;
    writeln!(io::stdout().lock(), "{line}")
}
