//! Calls as CSV, one row each: for exports and for the file of each day.
//!
//! Field values are plain text: none of them can become a formula in a spreadsheet.

use crate::store::calls::CallRow;

/// Whether a spreadsheet may take a text that begins with it for a formula (OWASP, "CSV injection"); full-width forms are as good to some.
fn begins_formula(c: char) -> bool {
    matches!(
        c,
        '=' | '+'
            | '-'
            | '@'
            | '\u{ff1d}'
            | '\u{ff0b}'
            | '\u{ff0d}'
            | '\u{ff20}'
            | '\u{2212}'
            | '\u{fe62}'
            | '\u{fe63}'
            | '\u{fe66}'
    )
}

/// Whether nothing is seen of it: what follows begins the field all the same.
fn is_unseen(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

/// A field that no spreadsheet takes for a formula, quoted where it must be (RFC 4180). Where the list separator is another one (`;` in half of
/// Europe) a field begins behind each of those too.
pub fn field(value: &str) -> String {
    let mut safe = String::with_capacity(value.len() + 1);
    if value.starts_with(['\t', '\r']) {
        safe.push('\'');
    }
    let mut begins = true;
    for c in value.chars() {
        if begins && begins_formula(c) {
            safe.push('\'');
        }
        begins = matches!(c, ';' | '|' | '\t' | '\n' | '\r') || begins && is_unseen(c);
        safe.push(c);
    }
    if safe.contains(['"', ',', ';', '\n', '\r']) { format!("\"{}\"", safe.replace('"', "\"\"")) } else { safe }
}

/// The first line of a file of calls.
pub const CALLS_HEAD: &str = "call_id,call_start,agent,campaign,lead,phone,state,length,segments,sentiment,risk,score,alert,tags,sla_breached\r\n";

/// A call as one row.
pub fn call_row(call: &CallRow) -> String {
    let text = |text: &Option<String>| field(text.as_deref().unwrap_or_default());
    let number =
        |number: Option<f64>, digits: usize| number.map_or_else(String::new, |number| format!("{number:.digits$}"));
    let alert = match (call.alert_level, call.has_alerts) {
        (Some(level), _) => level.as_str(),
        (None, true) => "taken",
        (None, false) => "",
    };
    let breaches: Vec<&str> = call.sla.iter().filter(|one| one.is_breached()).map(|one| one.limit.as_str()).collect();
    let cells = [
        field(&call.call_id),
        call.started.rfc3339(),
        text(&call.agent),
        text(&call.campaign),
        text(&call.lead),
        text(&call.phone),
        call.state.as_str().to_owned(),
        format!("{:.3}", call.audio_ms as f64 / 1000.0),
        call.segments.to_string(),
        number(call.sentiment, 4),
        number(call.risk, 2),
        number(call.score, 1),
        alert.to_owned(),
        field(&call.tags.join("; ")),
        field(&breaches.join("; ")),
    ];
    cells.join(",") + "\r\n"
}
