//! Lists as all commands print them to people: columns that fit the terminal, else each row by itself over as many lines as it takes.
//!
//! An id, a number or a time is never broken, so it can be copied; the last column, which holds words, goes on below itself. Colour is put around
//! whole lines, so no code of it is cut. Scripts read `--tsv` and `--json` instead, which nothing here touches.

use std::io;

use unicode_width::UnicodeWidthStr;

use super::print::{coloured, nothing, say, width};

/// Between two columns.
const GAP: &str = "  ";
/// Before the lines of a row that goes on.
const INDENT: usize = 4;
/// Columns that words need at least to be read below each other.
const NARROWEST: usize = 24;

/// What a list shows.
pub(super) struct Listing {
    header: Vec<&'static str>,
    rows: Vec<(Vec<String>, &'static str)>,
}

impl Listing {
    /// An empty one with these headings.
    pub(super) fn new(header: &[&'static str]) -> Self {
        Self { header: header.to_vec(), rows: Vec::new() }
    }

    /// Adds a row: a cell for each heading.
    pub(super) fn add(&mut self, cells: Vec<String>) {
        self.add_coloured(cells, "");
    }

    /// Adds a row in the colour of a label, as [`coloured`] knows them.
    pub(super) fn add_coloured(&mut self, cells: Vec<String>, label: &'static str) {
        debug_assert_eq!(cells.len(), self.header.len());
        self.rows.push((cells, label));
    }

    /// Prints all of it; of an empty one says why on stderr, where it is in no script's way.
    pub(super) fn print(&self, empty: &str) -> io::Result<()> {
        if self.rows.is_empty() {
            nothing(empty);
            return Ok(());
        }
        for (lines, label) in self.lay_out(width()) {
            for line in lines {
                say(&coloured(&line, label))?;
            }
        }
        Ok(())
    }

    /// The lines of the header, where there are columns, and those of each row.
    fn lay_out(&self, width: Option<usize>) -> Vec<(Vec<String>, &'static str)> {
        let widths: Vec<usize> = (0..self.header.len())
            .map(|column| {
                let cells = self.rows.iter().map(|(row, _)| row[column].width());
                cells.chain([self.header[column].width()]).max().unwrap_or(0)
            })
            .collect();
        let before: usize = widths.iter().rev().skip(1).map(|width| width + GAP.len()).sum();
        let last = widths.last().copied().unwrap_or(0);
        let room = width.map_or(last, |width| last.min(width.saturating_sub(before)));
        if room < last.min(NARROWEST) || room < last && !self.ends_in_words() {
            return self
                .rows
                .iter()
                .map(|(row, label)| (self.fold(row, width.unwrap_or(usize::MAX)), *label))
                .collect();
        }
        let header: Vec<String> = self.header.iter().map(ToString::to_string).collect();
        let rows = self.rows.iter().map(|(row, label)| (columns(row, &widths, before, room), *label));
        std::iter::once((columns(&header, &widths, before, room), "")).chain(rows).collect()
    }

    /// Whether the last column holds words, that is, more than one cell with several of them.
    fn ends_in_words(&self) -> bool {
        self.rows.iter().any(|(row, _)| row.last().is_some_and(|cell| cell.split(' ').count() > 2))
    }

    /// A row by itself.
    fn fold(&self, row: &[String], width: usize) -> Vec<String> {
        let mut lines = vec![String::new()];
        for (cell, name) in row.iter().zip(&self.header).filter(|(cell, _)| !cell.is_empty()) {
            // What is in figures alone needs its name; ids, times and the like do not.
            let is_figure = cell.parse::<f64>().is_ok() && !name.is_empty() && lines[0].contains(' ');
            let field = if is_figure { format!("{} {cell}", name.to_lowercase()) } else { cell.clone() };
            let is_long = field.width() + INDENT > width;
            let words = if is_long { field.split(' ').collect() } else { vec![&*field] };
            for (number, word) in words.into_iter().enumerate() {
                let gap = if number > 0 { " " } else { GAP };
                match lines.last_mut() {
                    Some(last) if last.is_empty() => last.push_str(word),
                    Some(last) if last.width() + gap.len() + word.width() <= width => {
                        last.push_str(gap);
                        last.push_str(word);
                    }
                    _ => lines.push(format!("{:INDENT$}{word}", "")),
                }
            }
        }
        lines
    }
}

/// A row in columns; the last one goes on below itself.
fn columns(cells: &[String], widths: &[usize], before: usize, room: usize) -> Vec<String> {
    let Some((last, first)) = cells.split_last() else { return Vec::new() };
    let mut line = String::new();
    for (cell, &width) in first.iter().zip(widths) {
        line.push_str(cell);
        line.push_str(&" ".repeat(width - cell.width() + GAP.len()));
    }
    let mut lines = Vec::new();
    for words in wrapped(last, room) {
        lines.push(format!("{line}{words}").trim_end().to_string());
        line = " ".repeat(before);
    }
    lines
}

/// A text as lines of at most so many columns, broken at its spaces alone: a word that is longer stands by itself. Codes of colour take no room.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(last) if last.is_empty() => last.push_str(word),
            Some(last) if visible(last) + 1 + visible(word) <= width => {
                last.push(' ');
                last.push_str(word);
            }
            _ => lines.push(word.into()),
        }
    }
    lines
}

/// A line of which `words` goes on below itself where the terminal ends; below what is before it, where that leaves no room.
pub(super) fn hanging(before: &str, words: &str) -> Vec<String> {
    hung(before, words, width())
}

fn hung(before: &str, words: &str, width: Option<usize>) -> Vec<String> {
    let indent = visible(before);
    let room = width.map_or(usize::MAX, |width| width.saturating_sub(indent));
    if room < NARROWEST.min(visible(words)) {
        let below = wrapped(words, width.unwrap_or(usize::MAX).saturating_sub(INDENT));
        let above = Some(before.trim_end().to_owned()).filter(|line| !line.is_empty());
        return above.into_iter().chain(below.iter().map(|line| format!("{:INDENT$}{line}", ""))).collect();
    }
    let lines = wrapped(words, room).into_iter().enumerate();
    lines
        .map(|(number, line)| if number == 0 { format!("{before}{line}") } else { format!("{:indent$}{line}", "") })
        .collect()
}

/// Columns that a text takes on a terminal.
pub(super) fn visible(text: &str) -> usize {
    let mut parts = text.split('\u{1b}');
    let first = parts.next().unwrap_or_default().width();
    first + parts.map(|part| part.split_once('m').map_or(0, |(_, rest)| rest.width())).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(last: &str) -> Listing {
        let mut listing = Listing::new(&["CALL", "BEGAN", "STATE", "WHY"]);
        listing.add(vec!["1795218045.12".into(), "21 Nov 14:05".into(), "completed".into(), last.into()]);
        listing.add(vec![
            "b0d5e55e-0000-4000-8000-000000000061".into(),
            "14:05:33".into(),
            "active".into(),
            String::new(),
        ]);
        listing
    }

    fn lines(listing: &Listing, width: usize) -> Vec<String> {
        listing.lay_out(Some(width)).into_iter().flat_map(|(lines, _)| lines).collect()
    }

    #[test]
    fn rows_are_columns_where_they_fit_and_words_go_on_below_themselves() {
        let long = listing("no recording of this call was found within a minute of its beginning");
        let wide = lines(&long, 160);
        assert_eq!(wide.len(), 3);
        assert!(
            wide[0].starts_with("CALL ") && wide[0].ends_with("WHY") && wide[1].ends_with("its beginning"),
            "{wide:#?}"
        );
        let middle = lines(&long, 100);
        assert!(middle.len() > 3 && middle.iter().all(|line| line.width() <= 100), "{middle:#?}");
        assert!(middle[2].starts_with(&" ".repeat(60)), "{middle:#?}");
    }

    #[test]
    fn no_id_and_no_time_is_ever_broken() {
        let long = listing("no recording of this call was found within a minute of its beginning");
        for width in 20..160 {
            let text = lines(&long, width).join("\n");
            for whole in ["1795218045.12", "21 Nov 14:05", "b0d5e55e-0000-4000-8000-000000000061", "completed"] {
                assert!(text.contains(whole), "{width}: {whole} is broken in\n{text}");
            }
            if width > 40 {
                assert!(text.lines().all(|line| line.width() <= width), "{width}\n{text}");
            }
        }
    }

    #[test]
    fn words_hang_beside_what_is_before_them_or_stand_below_it() {
        let words = "I want to speak to a supervisor, this is a scam and I will sue you";
        let check = "\x1b[31mBAD\x1b[0m model          ";
        let beside = hung(check, words, Some(60));
        assert_eq!(
            beside,
            [format!("{check}I want to speak to a supervisor, this is"), format!("{:19}a scam and I will sue you", ""),]
        );
        let before = "7c9e6679-7425-40de-944b-e07fc1f90ae7  14:05:33     0.00  caller  ";
        let below = hung(before, words, Some(80));
        assert_eq!(below, [before.trim_end().to_owned(), format!("    {words}")]);
        assert_eq!(hung(before, "hello", Some(80)), [format!("{before}hello")], "what fits stays beside it");
        assert_eq!(hung(before, words, None), [format!("{before}{words}")], "no terminal");
        for width in 70..200 {
            assert!(hung(before, words, Some(width)).iter().all(|line| visible(line) <= width), "{width}");
        }
    }

    #[test]
    fn colour_takes_no_room_and_is_not_cut() {
        let text = "all \x1b[1mof it\x1b[0m is said in a row of words";
        let lines = wrapped(text, 12);
        assert_eq!(lines, ["all \x1b[1mof it\x1b[0m is", "said in a", "row of words"]);
        assert_eq!(visible("\x1b[31mred\x1b[0m"), 3);
        assert_eq!(visible("日本"), 4);
    }
}
