//! Answers of the API as commands print them: fields, lines of text, why there are none.

use std::borrow::Cow;

use serde_json::Value;

use super::super::listing::hanging;
use super::super::print::{coloured, nothing, short_time, shown};

pub(in crate::cli) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or("")
}

/// The same for people: nothing in it steers their terminal.
pub(in crate::cli) fn seen<'a>(value: &'a Value, key: &str) -> Cow<'a, str> {
    shown(text(value, key))
}

pub(in crate::cli) fn number(value: &Value) -> String {
    value.as_f64().map_or_else(String::new, |number| format!("{number:+.2}"))
}

/// Fields of a line for scripts: no tab and no line break is in any.
pub(in crate::cli) fn tsv(fields: &[String]) -> String {
    fields.iter().map(|field| shown(field)).collect::<Vec<_>>().join("\t")
}

/// A segment as `show --tsv` and `search --tsv` write it, after its call's own columns.
pub(super) fn segment_fields(segment: &Value) -> [String; 4] {
    [
        format!("{:.2}", segment["start_time"].as_f64().unwrap_or(0.0)),
        text(segment, "leg").into(),
        number(&segment["sentiment"]["compound"]),
        text(segment, "text").into(),
    ]
}

/// A segment for people, whose words go on below themselves.
pub(in crate::cli) fn segment_lines(segment: &Value) -> Vec<String> {
    let score = &segment["sentiment"];
    let before = format!(
        "{:8.2}  {:<8}{:>5}  ",
        segment["start_time"].as_f64().unwrap_or(0.0),
        seen(segment, "leg"),
        number(&score["compound"])
    );
    let lines = hanging(&before, &seen(segment, "text"));
    lines.iter().map(|line| coloured(line, text(score, "label"))).collect()
}

/// Why a list is empty: an agent whom nobody knows has names that are near.
pub(in crate::cli) fn why_empty(what: &str, answer: &Value, agent: Option<&str>) -> String {
    let near: Vec<&str> = answer["similar_agents"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    match (agent, &*near) {
        (Some(agent), [_, ..]) => {
            format!("{what}: no agent {:?} is known; did you mean {}?", shown(agent), shown(&near.join(", ")))
        }
        _ => what.into(),
    }
}

/// Says that a list goes on behind the rows that are shown, on stderr: whatever form it has.
pub(in crate::cli) fn more(next: &Value, shown: usize) {
    if !next.is_null() {
        nothing(&format!("{shown} are shown and there are more: --limit COUNT or --all shows more"));
    }
}

/// A disposition that does not go with what was said, with the line that shows it.
pub(in crate::cli) fn finding(found: &Value) -> String {
    let quote = &found["quote"];
    format!(
        "{}  {}  {} ({}): {:.1} {}: {}",
        short_time(text(found, "start_time")),
        seen(found, "call_id"),
        seen(found, "name"),
        seen(found, "disposition"),
        quote["start_time"].as_f64().unwrap_or(0.0),
        seen(quote, "speaker"),
        seen(quote, "text"),
    )
}
