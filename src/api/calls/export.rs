//! A call's text as files: `GET /api/v1/calls/{id}/export?format=` json, text, csv, srt, vtt; and of many calls in one.
//!
//! What was said goes into these files as text: it cannot become a formula in a spreadsheet or a tag in a subtitle.

mod line;
pub(in crate::api) mod many;
mod whole;

use std::fmt::Write;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use self::line::{stamp, who};
use self::whole::Exporter;
use super::find::find_call;
use super::session::{asked, rows_of};
use crate::api::request::{ApiError, Clock, Parameters, refused};
use crate::contract::problem::Part;
use crate::pipeline::finished::calls_csv::{CALLS_HEAD, call_row, field};
use crate::pipeline::finished::review::Desk;
use crate::pipeline::finished::stages::Pipeline;
use crate::store::Store;
use crate::store::calls::CallRow;
use crate::store::segments::SegmentRow;

/// Format of an exported call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::api) enum Format {
    Json,
    Text,
    Csv,
    Srt,
    Vtt,
    /// A row for each call, of many.
    Calls,
}

impl Format {
    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "json" => Self::Json,
            "text" | "txt" => Self::Text,
            "csv" => Self::Csv,
            "srt" => Self::Srt,
            "vtt" => Self::Vtt,
            _ => return None,
        })
    }

    fn extension(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Text => "txt",
            Self::Csv | Self::Calls => "csv",
            Self::Srt => "srt",
            Self::Vtt => "vtt",
        }
    }

    fn kind(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Text => "text/plain; charset=utf-8",
            Self::Csv | Self::Calls => "text/csv; charset=utf-8; header=present",
            Self::Srt => "application/x-subrip; charset=utf-8",
            Self::Vtt => "text/vtt; charset=utf-8",
        }
    }
}

fn text(call: &CallRow, rows: &[SegmentRow]) -> String {
    let about = [("agent", &call.agent), ("campaign", &call.campaign), ("phone", &call.phone)];
    let mut out = format!("Call {}, {}", call.call_id, call.started.rfc3339());
    for (name, value) in about {
        if let Some(value) = value {
            let _ = write!(out, ", {name} {value}");
        }
    }
    out.push_str("\n\n");
    for row in rows {
        let _ = writeln!(out, "[{}] {}: {}", &stamp(row.start_ms, '.')[..8], who(row), row.text);
    }
    out
}

const CSV_HEAD: &str =
    "call_id,call_start,agent,campaign,start_time,end_time,speaker,text,sentiment,label,confidence,keywords\r\n";

fn csv(call: &CallRow, rows: &[SegmentRow]) -> String {
    let mut out = String::new();
    for row in rows {
        let terms = |list: &Value| -> Vec<String> {
            let term = |hit: &Value| hit["term"].as_str().map(str::to_string);
            list.as_array().into_iter().flatten().filter_map(term).collect()
        };
        let said = [terms(&row.keywords), terms(&row.profanity)].concat().join("; ");
        let _ = write!(
            out,
            "{},{},{},{},{:.3},{:.3},{},{},{},{},{:.3},{}\r\n",
            field(&call.call_id),
            call.started.rfc3339(),
            field(call.agent.as_deref().unwrap_or_default()),
            field(call.campaign.as_deref().unwrap_or_default()),
            row.start_ms as f64 / 1000.0,
            row.end_ms as f64 / 1000.0,
            who(row).to_lowercase(),
            field(&row.text),
            row.compound.map(|compound| format!("{compound:.4}")).unwrap_or_default(),
            row.label,
            row.confidence,
            field(&said),
        );
    }
    out
}

/// A subtitle that two people's overlapping words do not break: cues in order of their start, each at least a millisecond long.
fn subtitles(rows: &[SegmentRow], separator: char, mut line: impl FnMut(&SegmentRow) -> String) -> String {
    let mut out = String::new();
    for (number, row) in rows.iter().enumerate() {
        // The length of a text without audio is unknown: it is shown until the next one, three seconds at most.
        let next_ms = rows.get(number + 1).map_or(i64::MAX, |next| next.start_ms);
        let shown_to = if row.end_ms > row.start_ms { row.end_ms } else { next_ms.min(row.start_ms + 3000) };
        let end = shown_to.max(row.start_ms + 1);
        let _ = write!(
            out,
            "{}\n{} --> {}\n{}\n\n",
            number + 1,
            stamp(row.start_ms, separator),
            stamp(end, separator),
            line(row)
        );
    }
    out
}

fn srt(rows: &[SegmentRow]) -> String {
    // An empty line ends a cue, an arrow begins one.
    subtitles(rows, ',', |row| format!("{}: {}", who(row), one_line(&row.text).replace("-->", "->")))
}

fn vtt(rows: &[SegmentRow]) -> String {
    let escaped = |text: &str| one_line(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!("WEBVTT\n\n{}", subtitles(rows, '.', |row| format!("<v {}>{}", who(row), escaped(&row.text))))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn file(name: &str, format: Format, body: impl Into<Body>) -> Response {
    let disposition = format!("attachment; filename=\"{name}.{}\"", format.extension());
    ([(header::CONTENT_TYPE, format.kind().to_string()), (header::CONTENT_DISPOSITION, disposition)], body.into())
        .into_response()
}

fn wanted(word: Option<&str>) -> Result<Format, ApiError> {
    let word = word.unwrap_or("json");
    Format::parse(word).ok_or_else(|| {
        ApiError::Wrong(Part::Query, "format".into(), format!("{word:?} is not json, text, csv, srt or vtt"))
    })
}

/// `GET /api/v1/calls/{id}/export?format=`
pub(in crate::api) async fn one(
    (State(store), State(desk), State(pipeline)): ExportParts,
    State(clock): State<Clock>,
    Path(id): Path<String>,
    query: Parameters,
) -> Result<Response, ApiError> {
    let format = wanted(query.text("format").as_deref())?;
    let pass = asked(&query)?;
    let call = find_call(&store, &id).await?;
    let (rows, pass) = rows_of(&store, &call, pass).await?;
    let exporter = Exporter { store, desk, pipeline, now: clock.now() };
    let name = call.call_id.clone();
    let body = match format {
        Format::Json => {
            let export = exporter.json(call, rows, pass).await?;
            let written =
                serde_json::to_string_pretty(&export).map_err(|error| ApiError::Unavailable(error.to_string()))?;
            format!("{written}\n")
        }
        Format::Text => exporter.text(&call, &rows).await?,
        Format::Csv => format!("{CSV_HEAD}{}", csv(&call, &rows)),
        Format::Calls => format!("{CALLS_HEAD}{}", call_row(&call)),
        Format::Srt => srt(&rows),
        Format::Vtt => vtt(&rows),
    };
    Ok(file(&name, format, body))
}

/// State that an export needs.
pub(in crate::api) type ExportParts = (State<Store>, State<Desk>, State<Pipeline>);

/// `GET /calls/{id}/export`: the same, with the documented 400 for a format that is not known.
pub(in crate::api) async fn documented(
    parts: ExportParts,
    clock: State<Clock>,
    path: Path<String>,
    query: Parameters,
) -> Result<Response, ApiError> {
    match one(parts, clock, path, query).await {
        Err(ApiError::Wrong(_, name, problem)) => Ok(refused(&format!("{name}: {problem}"))),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::call::Leg;
    use proptest::prelude::*;

    fn said(text: &str, start_ms: i64, end_ms: i64) -> SegmentRow {
        SegmentRow {
            id: 1,
            start_ms,
            end_ms,
            text: text.into(),
            confidence: 0.9,
            language: None,
            words: Value::Null,
            compound: Some(-0.5),
            pos: 0.0,
            neu: 0.5,
            neg: 0.5,
            label: "negative".into(),
            keywords: json!([{"term": "cancel", "label": "cancellation"}]),
            profanity: json!([]),
            leg: Leg::Caller,
            speaker: Leg::Caller,
            engine: None,
            sender_sentiment: None,
        }
    }

    #[test]
    fn subtitles_hold_times_speakers_and_no_tags_of_the_caller() {
        let rows = [said("I <b>cancel</b> & go", 3_723_456, 3_724_000)];
        assert_eq!(srt(&rows), "1\n01:02:03,456 --> 01:02:04,000\nCaller: I <b>cancel</b> & go\n\n");
        assert_eq!(
            vtt(&rows),
            "WEBVTT\n\n1\n01:02:03.456 --> 01:02:04.000\n<v Caller>I &lt;b&gt;cancel&lt;/b&gt; &amp; go\n\n"
        );
    }

    #[test]
    fn what_was_said_is_no_formula_in_a_spreadsheet() {
        assert_eq!(field("=HYPERLINK(\"x\",\"y\")"), "\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\"");
        assert_eq!(field("well, yes"), "\"well, yes\"");
        assert_eq!(field("plain"), "plain");
    }

    proptest! {
        #[test]
        fn nothing_that_is_said_breaks_a_cue_out_of_its_place(text in "\\PC*", start in 0_i64..10_000_000, long in -5_i64..10_000) {
            let rows = [said(&text, start, start + long), said("end", start + 1, start + 2)];
            for (out, arrow) in [(srt(&rows), " --> "), (vtt(&rows), "-->")] {
                prop_assert_eq!(out.matches(arrow).count(), 2);
                prop_assert_eq!(out.trim_end().rsplit("\n\n").next().map(|cue| cue.lines().count()), Some(3));
            }
        }

        #[test]
        fn a_csv_row_is_one_row_of_twelve_fields(text in "\\PC*") {
            let line = field(&text);
            let quoted = line.starts_with('"');
            prop_assert!(!quoted || line.ends_with('"') && line[1..line.len() - 1].replace("\"\"", "").find('"').is_none());
            prop_assert!(quoted || !line.contains([',', '\n', '"']));
        }
    }
}
