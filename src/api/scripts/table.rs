//! Rows as ViciDial's Non-Agent API writes them: `stage` is pipe, csv or tab; `header=YES` puts the names of the columns before them.

use super::function_call::{FunctionCall, Refused};
use crate::pipeline::finished::calls_csv::field;

/// Format of the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Pipe,
    Csv,
    Tab,
}

/// A table in the making.
pub(super) struct Table {
    stage: Stage,
    text: String,
}

impl Table {
    /// An empty table, written as the request wants it.
    pub(super) fn new(given: &FunctionCall<'_>, columns: &[&str]) -> Result<Self, Refused> {
        let stage = match given.text("stage").unwrap_or("pipe") {
            "pipe" => Stage::Pipe,
            "csv" => Stage::Csv,
            "tab" => Stage::Tab,
            other => return Err(given.refuse("INVALID STAGE", &[other])),
        };
        let mut table = Self { stage, text: String::new() };
        match given.text("header").unwrap_or("NO") {
            "YES" => table.add(columns.iter().map(|name| (*name).to_owned())),
            "NO" => {}
            other => return Err(given.refuse("INVALID HEADER", &[other])),
        }
        Ok(table)
    }

    /// Adds a row.
    pub(super) fn add(&mut self, cells: impl IntoIterator<Item = String>) {
        let (stage, separator) = match self.stage {
            Stage::Pipe => (Stage::Pipe, "|"),
            Stage::Csv => (Stage::Csv, ","),
            Stage::Tab => (Stage::Tab, "\t"),
        };
        let cells: Vec<String> = cells.into_iter().map(|text| cell(stage, &text)).collect();
        self.text.push_str(&cells.join(separator));
        self.text.push('\n');
    }

    /// The rows.
    pub(super) fn into_text(self) -> String {
        self.text
    }
}

/// A value that can be taken for nothing else: one line without the separator; in CSV what exports write, where text is no formula.
fn cell(stage: Stage, text: &str) -> String {
    let line: String =
        text.chars().map(|c| if c.is_control() || stage == Stage::Pipe && c == '|' { ' ' } else { c }).collect();
    if stage == Stage::Csv && line.parse::<f64>().is_err() { field(&line) } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::request::Parameters;
    use crate::api::scripts::function_call::COMMON;

    fn written(stage: &str, header: &str) -> Result<String, Refused> {
        let pairs = [("stage", stage), ("header", header)].map(|(name, value)| (name.to_owned(), value.to_owned()));
        let query = Parameters::of_a_dialer(pairs.into());
        let given = FunctionCall::read("f", &query, &[COMMON])?;
        let mut table = Table::new(&given, &["user", "text"])?;
        table.add(["1001".to_owned(), "=b,\t\"c|\"\nd".to_owned()]);
        Ok(table.into_text())
    }

    #[test]
    fn a_value_never_breaks_its_row() {
        assert_eq!(written("", "").expect("pipe"), "1001|=b, \"c \" d\n");
        assert_eq!(written("csv", "YES").expect("csv"), "user,text\n1001,\"'=b, \"\"c|\"\" d\"\n");
        assert_eq!(written("tab", "NO").expect("tab"), "1001\t=b, \"c|\" d\n");
        assert_eq!(written("xml", "").expect_err("unknown").0, "ERROR: f INVALID STAGE - |xml\n");
        assert_eq!(written("pipe", "maybe").expect_err("unknown").0, "ERROR: f INVALID HEADER - |maybe\n");
    }
}
