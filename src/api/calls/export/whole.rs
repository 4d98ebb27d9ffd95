//! A call with all of its analyses, as the call sessions API exports it: JSON with its nine keys, or a text for people.
//!
//! Stored results of the stages are used: nothing is computed for a file. A result that does not exist yet is empty, and `processing_info` says so.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Map, Value, json};

use super::line::{stamp, who};
use crate::api::calls::made::{status_of, translation_of};
use crate::api::calls::shown::Whole;
use crate::api::request::ApiError;
use crate::call::{Stage, WallTime};
use crate::contract::processing::{CallExport, CallTranslation, ExportedText, ExportedTranslation, TextPass};
use crate::contract::seconds;
use crate::pipeline::finished::made::language_name;
use crate::pipeline::finished::review::Desk;
use crate::pipeline::finished::stages::Pipeline;
use crate::store::Store;
use crate::store::calls::CallRow;
use crate::store::segments::SegmentRow;

/// State that a complete export needs.
pub(in crate::api) struct Exporter {
    pub store: Store,
    pub desk: Desk,
    pub pipeline: Pipeline,
    pub now: WallTime,
}

/// Stored results of a call's stages.
struct Made {
    translation: CallTranslation,
    /// Results by stage; `{}` where there is none yet.
    results: BTreeMap<Stage, Value>,
}

impl Exporter {
    async fn made(&self, call: &CallRow, rows: &[SegmentRow]) -> Result<Made, ApiError> {
        let mut results = BTreeMap::new();
        for stage in [Stage::Entities, Stage::Classification, Stage::Summary, Stage::Insights] {
            let json = self.store.stage_result(call.key, stage).await?;
            let value = json.and_then(|json| serde_json::from_str(&json).ok());
            results.insert(stage, value.unwrap_or_else(|| json!({})));
        }
        let told = results.get(&Stage::Insights).and_then(|made: &Value| made.get("language_model")).cloned();
        if let (Some(told), Some(Value::Object(summary))) = (told, results.get_mut(&Stage::Summary))
            && !summary.is_empty()
        {
            summary.insert("language_model".into(), told);
        }
        Ok(Made { translation: translation_of(&self.store, &self.desk, call, rows).await?, results })
    }

    /// The call as JSON.
    pub async fn json(&self, call: CallRow, rows: Vec<SegmentRow>, pass: TextPass) -> Result<CallExport, ApiError> {
        let made = self.made(&call, &rows).await?;
        let processing_info = status_of(&self.store, &self.desk, &self.pipeline, &call, self.now).await?;
        let language = self.desk.language(&rows);
        let whole = Whole::with_rows(&self.store, call, rows).await?;
        let mut call = whole.session();
        call.summary.metadata = metadata(&whole.call, std::mem::take(&mut call.summary.metadata));
        let Made { translation, mut results } = made;
        let mut of = |stage| results.remove(&stage).unwrap_or_default();
        Ok(CallExport {
            transcription: ExportedText { original: call.cumulative_transcript.clone(), language, pass },
            translation: ExportedTranslation {
                translated: translation.cumulative_translation,
                language: translation.language,
                state: translation.state,
                reason: translation.reason,
            },
            entities: by_kind(&of(Stage::Entities)),
            classification: of(Stage::Classification),
            summary: of(Stage::Summary),
            insights: of(Stage::Insights),
            processing_info,
            call,
        })
    }

    /// The call as text.
    pub async fn text(&self, call: &CallRow, rows: &[SegmentRow]) -> Result<String, ApiError> {
        let made = self.made(call, rows).await?;
        let language = self.desk.language(rows).map_or_else(|| "unknown language".into(), |code| language_name(&code));
        Ok(text(call, rows, &language, &made))
    }
}

/// Metadata of the client that named the call, with the four fields of the export.
fn metadata(call: &CallRow, given: Value) -> Value {
    let mut all = match given {
        Value::Object(given) => given,
        _ => Map::new(),
    };
    all.insert("start_time".into(), call.started.rfc3339().into());
    all.insert("end_time".into(), call.ended.map(WallTime::rfc3339).into());
    all.insert("duration".into(), seconds(call.audio_ms).into());
    all.insert("status".into(), call.state.as_str().into());
    Value::Object(all)
}

/// Entities by kind, each as it was said, once.
fn by_kind(made: &Value) -> BTreeMap<String, Vec<String>> {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for entity in made["entities"].as_array().into_iter().flatten() {
        if let (Some(kind), Some(text)) = (entity["kind"].as_str(), entity["text"].as_str()) {
            let said = all.entry(kind.to_owned()).or_default();
            if !said.iter().any(|other| other == text) {
                said.push(text.to_owned());
            }
        }
    }
    all
}

/// The kinds that have a line of their own also where nothing was named, and how they are written.
const KINDS: [(&str, &str); 2] = [("person", "Persons"), ("place", "Locations")];

fn text(call: &CallRow, rows: &[SegmentRow], language: &str, made: &Made) -> String {
    let mut out = String::from("=== CALL EXPORT ===\n");
    let _ = writeln!(out, "Call ID: {}", call.call_id);
    let _ = writeln!(out, "Date: {}", call.started.rfc3339());
    let _ = writeln!(out, "Duration: {:.1} seconds", seconds(call.audio_ms));
    let _ = writeln!(out, "Status: {}", call.state.as_str());
    for (name, value) in [("Agent", &call.agent), ("Campaign", &call.campaign), ("Phone", &call.phone)] {
        if let Some(value) = value {
            let _ = writeln!(out, "{name}: {value}");
        }
    }
    let _ = writeln!(out, "\n--- ORIGINAL TRANSCRIPT ({language}) ---");
    for row in rows {
        let _ = writeln!(out, "[{}] {}: {}", &stamp(row.start_ms, '.')[..8], who(row), row.text);
    }
    let _ = writeln!(out, "\n--- ENGLISH TRANSLATION ---");
    let translation = &made.translation;
    for line in &translation.segments {
        let _ = writeln!(out, "{}", line.text);
    }
    if translation.segments.is_empty() {
        let _ = writeln!(out, "(none: {})", translation.reason.as_deref().unwrap_or("it is not made yet"));
    }
    let _ = writeln!(out, "\n--- NAMED ENTITIES ---");
    let of = |stage: Stage| made.results.get(&stage).unwrap_or(&Value::Null);
    let mut named = by_kind(of(Stage::Entities));
    for (kind, title) in KINDS {
        let _ = writeln!(out, "{title}: {}", named.remove(kind).unwrap_or_default().join(", "));
    }
    for (kind, said) in named {
        let _ = writeln!(out, "{kind}: {}", said.join(", "));
    }
    let _ = writeln!(out, "\n--- SUMMARY ---");
    let _ = writeln!(out, "{}", of(Stage::Summary)["text"].as_str().unwrap_or("(none yet)"));
    let told = &of(Stage::Insights)["language_model"];
    if let (Some(by), Some(summary)) = (told["by"].as_str(), told["summary"].as_str()) {
        let _ = writeln!(out, "{by} says: {summary}");
    }
    out.push_str("\n=== END OF EXPORT ===\n");
    out
}
