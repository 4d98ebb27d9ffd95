//! `POST /calls/bulk`: something is done with many calls at once, as JSON or as a form of a page: `action`, `call_ids`, and what the action needs.
//!
//! - `export`: one file with all of them, `format` json, text, csv or calls (a row for each), up to ten thousand;
//! - `tag`, `untag`: `tags` are put on all of them, or taken off; all or nothing;
//! - `reprocess`: each is transcribed again from its sound, when its turn comes; the old text stays until then;
//! - `process`: each goes through its stages again, or through `stage`, or through those from `from` on;
//!   with `vad` these two run the VAD again before transcription;
//! - `delete`: each is erased as `lineside forget` does it; calls that run or are on hold are not.
//!
//! Unknown ids, unknown fields of JSON, and fields of another action refuse the request before anything is done. What cannot be done to single calls is
//! told call by call.

use axum::extract::{FromRequest, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Form, Json};
use serde_json::Value;

use super::export::many::{many, together};
use super::find::find_seen;
use super::made::{stages, vad_run};
use crate::api::access::Told;
use crate::api::access::grant::Access;
use crate::api::access::route::OPERATE;
use crate::api::request::parameters::yes_or_no;
use crate::api::request::{ApiError, refused};
use crate::call::{CallKey, CallState, Stage, VadRun};
use crate::contract::bulk::{BulkFailure, BulkOutcome};
use crate::contract::problem::Problem;
use crate::pipeline::command::Command;
use crate::pipeline::finished::retranscribe::RetranscribeError;
use crate::pipeline::finished::retranscribe::RetranscribeQueue;
use crate::pipeline::retention::forget;
use crate::store::Store;
use crate::store::calls::CallRow;
use crate::store::forget::{ForgetError, Whom};
use crate::store::tags::TagError;
use tokio::sync::mpsc;

/// Calls in one request.
const MANY: usize = 1000;
/// Calls in one file, which is made as it is taken.
const EXPORTED: usize = 10_000;
/// Calls that are deleted in one step: what is live is written between the steps.
const DELETED_AT_ONCE: usize = 5;
/// Characters of a tag.
const LONGEST: usize = 40;
/// Fields of the body as JSON.
const KNOWN: [&str; 7] = ["action", "call_ids", "tags", "format", "stage", "from", "vad"];

/// A parsed request, as JSON or as a form.
#[derive(Debug, Default, PartialEq)]
struct Wish {
    action: String,
    ids: Vec<String>,
    format: Option<String>,
    tags: Vec<String>,
    stage: Option<String>,
    from: Option<String>,
    vad: Option<String>,
    /// The stages that `stage` and `from` name.
    stages: Vec<Stage>,
    /// The meaning of `vad`.
    vad_run: VadRun,
}

impl Wish {
    /// Reads JSON field by field: one that is dropped would have more done than was asked.
    fn of_json(body: &Value) -> Result<Self, String> {
        let Value::Object(map) = body else { return Err(WANTED.into()) };
        if let Some(unknown) = map.keys().find(|key| !KNOWN.contains(&key.as_str())) {
            return Err(format!("{unknown}: unknown; known are {}", KNOWN.join(", ")));
        }
        let text = |key: &str| match &body[key] {
            Value::Null => Ok(None),
            Value::String(text) => Ok(Some(text.clone())),
            _ => Err(format!("{key}: a text is wanted")),
        };
        let texts = |key: &str| {
            let wrong = || format!("{key}: a list of texts is wanted, each in quotes");
            match &body[key] {
                Value::Null => Ok(Vec::new()),
                Value::String(text) => Ok(text.split(',').map(str::to_owned).collect()),
                Value::Array(list) => {
                    let all = list.iter().map(|one| one.as_str().map(str::to_owned));
                    all.collect::<Option<Vec<String>>>().ok_or_else(wrong)
                }
                _ => Err(wrong()),
            }
        };
        Ok(Self {
            action: text("action")?.unwrap_or_default(),
            ids: texts("call_ids")?,
            format: text("format")?,
            tags: texts("tags")?,
            stage: text("stage")?,
            from: text("from")?,
            vad: match &body["vad"] {
                Value::Bool(again) => Some(again.to_string()),
                _ => text("vad")?,
            },
            stages: Vec::new(),
            vad_run: VadRun::Kept,
        })
    }

    fn of_form(fields: Vec<(String, String)>) -> Self {
        let mut wish = Self::default();
        for (name, value) in fields {
            match name.as_str() {
                "action" => wish.action = value,
                // A field for each call, or one with all of them.
                "call_ids" | "call_ids[]" => wish.ids.extend(value.split(',').map(str::to_owned)),
                "format" => wish.format = Some(value).filter(|value| !value.is_empty()),
                "stage" => wish.stage = Some(value).filter(|value| !value.is_empty()),
                "from" => wish.from = Some(value).filter(|value| !value.is_empty()),
                "vad" => wish.vad = Some(value).filter(|value| !value.is_empty()),
                "tags" => wish.tags.extend(value.split(',').map(str::to_owned)),
                _ => {} // forms carry more than we know, such as tokens against forgery
            }
        }
        wish
    }

    /// Trimmed, each once; or what is wrong.
    fn checked(mut self) -> Result<Self, String> {
        for list in [&mut self.ids, &mut self.tags] {
            let mut seen = std::collections::HashSet::new();
            *list = list.iter().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()).collect();
            list.retain(|text| seen.insert(text.clone()));
        }
        let most = if self.action == "export" { EXPORTED } else { MANY };
        if self.ids.is_empty() || self.ids.len() > most {
            return Err(format!("call_ids: 1 to {most} ids of calls are wanted"));
        }
        match self.action.as_str() {
            "export" | "delete" => {}
            "reprocess" => self.stages = Stage::ALL.to_vec(),
            "process" => {
                let (stage, from) = (self.stage.as_deref(), self.from.as_deref());
                self.stages = stages(stage, from).map_err(|(name, problem)| format!("{name}: {problem}"))?;
            }
            "tag" | "untag" if self.tags.is_empty() => return Err("tags: at least one is wanted".into()),
            "tag" | "untag" => {
                let bad = |tag: &&String| tag.chars().count() > LONGEST || tag.chars().any(char::is_control);
                if let Some(tag) = self.tags.iter().find(bad) {
                    return Err(format!("tags: {tag:?} is not a text of 1 to {LONGEST} characters"));
                }
            }
            other => return Err(format!("action: {other:?} is not export, tag, untag, reprocess, process or delete")),
        }
        let vad = self.vad.as_deref().map(yes_or_no).transpose().map_err(|problem| format!("vad: {problem}"))?;
        self.vad_run = vad_run(vad, &self.stages).map_err(|(name, problem)| format!("{name}: {problem}"))?;
        match self.misplaced() {
            Some(problem) => Err(problem),
            None => Ok(self),
        }
    }

    /// What is wrong with a field that this action does not take: whoever sends it expects less to be done, or something else.
    fn misplaced(&self) -> Option<String> {
        let fields: [(&str, bool, &[&str]); 5] = [
            ("stage", self.stage.is_some(), &["process"]),
            ("from", self.from.is_some(), &["process"]),
            ("vad", self.vad.is_some(), &["process", "reprocess"]),
            ("tags", !self.tags.is_empty(), &["tag", "untag"]),
            ("format", self.format.is_some(), &["export"]),
        ];
        let is_there = fields.into_iter().filter(|(_, is_there, _)| *is_there);
        let (field, _, of) = is_there.into_iter().find(|(_, _, of)| !of.contains(&self.action.as_str()))?;
        Some(format!("{field}: {} does not take it; it is for {}", self.action, of.join(" and ")))
    }
}

/// What is said to a body that is none.
const WANTED: &str = "a JSON object, or a form, with action and call_ids is wanted";

async fn wish(request: Request) -> Result<Wish, String> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.starts_with("application/x-www-form-urlencoded") {
        let Form(fields) =
            Form::<Vec<(String, String)>>::from_request(request, &()).await.map_err(|e| e.body_text())?;
        return Wish::of_form(fields).checked();
    }
    let Ok(Json(body)) = Json::<Value>::from_request(request, &()).await else {
        return Err(WANTED.into());
    };
    Wish::of_json(&body)?.checked()
}

/// `POST /calls/bulk`: does one thing to several calls.
pub(in crate::api) async fn bulk(
    State(store): State<Store>,
    State(commands): State<mpsc::Sender<Command>>,
    State(queue): State<RetranscribeQueue>,
    access: Access,
    request: Request,
) -> Result<Response, ApiError> {
    let wish = match wish(request).await {
        Ok(wish) => wish,
        Err(problem) => return Ok(refused(&problem)),
    };
    if wish.action != "export" && !access.may(OPERATE) {
        let detail = format!("this token may not {} calls; it needs the scope operate", wish.action);
        return Ok((StatusCode::FORBIDDEN, Json(Problem::text(detail))).into_response());
    }
    if wish.action == "export" {
        return export(&store, &access, wish).await;
    }
    let mut calls: Vec<CallRow> = Vec::new();
    for id in &wish.ids {
        let call = find_seen(&store, &access, id).await?;
        if !calls.iter().any(|other| other.key == call.key) {
            calls.push(call);
        }
    }
    match wish.action.as_str() {
        "tag" => tag(&store, calls, wish.tags, Vec::new()).await,
        "untag" => tag(&store, calls, Vec::new(), wish.tags).await,
        "reprocess" | "process" => queue_all(&queue, &wish, calls).await,
        _ => delete(&store, &commands, calls).await,
    }
}

/// Entry of the audit log: the action, and the number of calls.
fn told(action: &str, count: usize, calls: Vec<CallKey>) -> Extension<Told> {
    let calls_word = if count == 1 { "call" } else { "calls" };
    Extension(Told { action: format!("bulk {action} ({count} {calls_word})"), calls })
}

/// One file. Only the ids of the calls are in memory until their turn comes.
async fn export(store: &Store, access: &Access, wish: Wish) -> Result<Response, ApiError> {
    let format = match many(wish.format.as_deref()) {
        Ok(format) => format,
        Err(problem) => return Ok(refused(problem)),
    };
    let (mut ids, mut keys) = (Vec::new(), Vec::new());
    let mut seen = std::collections::HashSet::new();
    for id in &wish.ids {
        let call = find_seen(store, access, id).await?;
        if seen.insert(call.key) {
            ids.push(call.call_id);
            keys.push(call.key);
        }
    }
    Ok((told("export", keys.len(), keys), together(store, access, ids, format)).into_response())
}

/// The calls for which the action succeeded and failed. 409 when it succeeded for none.
fn outcome(action: &str, done: &[String], failed: &[(String, String)]) -> Response {
    let failure = |(call, why): &(String, String)| BulkFailure { call_id: call.clone(), detail: why.clone() };
    let first = failed.first().filter(|_| done.is_empty());
    let body = BulkOutcome {
        action: action.into(),
        done: done.to_vec(),
        failed: failed.iter().map(failure).collect(),
        detail: first.map(|(call, why)| format!("{call}: {why}")),
    };
    let status = if done.is_empty() { StatusCode::CONFLICT } else { StatusCode::OK };
    (status, Json(body)).into_response()
}

async fn tag(store: &Store, calls: Vec<CallRow>, add: Vec<String>, remove: Vec<String>) -> Result<Response, ApiError> {
    let action = if remove.is_empty() { "tag" } else { "untag" };
    let keys: Vec<CallKey> = calls.iter().map(|call| call.key).collect();
    match store.tag(keys.clone(), add, remove).await {
        Ok(()) => {
            let done: Vec<String> = calls.into_iter().map(|call| call.call_id).collect();
            Ok((told(action, done.len(), keys), outcome(action, &done, &[])).into_response())
        }
        Err(error @ TagError::TooMany) => {
            Ok((StatusCode::CONFLICT, Json(Problem::text(error.to_string()))).into_response())
        }
        Err(TagError::Store(error)) => Err(error.into()),
    }
}

/// Calls are transcribed again, or go through these stages.
async fn queue_all(queue: &RetranscribeQueue, wish: &Wish, calls: Vec<CallRow>) -> Result<Response, ApiError> {
    let action = wish.action.as_str();
    let (mut done, mut keys, mut failed) = (Vec::new(), Vec::new(), Vec::new());
    for call in calls {
        let (id, key) = (call.call_id.clone(), call.key);
        let asked = match action {
            "process" => queue.go_through(&call, wish.stages.clone(), wish.vad_run).await,
            _ => queue.ask(call, wish.vad_run).await,
        };
        match asked {
            Ok(()) => {
                done.push(id);
                keys.push(key);
            }
            // Calls that were queued before it are reported and logged all the same.
            Err(RetranscribeError::Store(error)) if done.is_empty() => return Err(error.into()),
            Err(error) => failed.push((id, error.to_string())),
        }
    }
    Ok((told(action, done.len(), keys), outcome(action, &done, &failed)).into_response())
}

async fn delete(store: &Store, commands: &mpsc::Sender<Command>, calls: Vec<CallRow>) -> Result<Response, ApiError> {
    let (mut going, mut failed) = (Vec::new(), Vec::new());
    for call in calls {
        if call.state == CallState::Active {
            failed.push((call.call_id, "still running; end it first".into()));
        } else if store.hold(call.key).await?.is_some() {
            failed.push((call.call_id, "on legal hold; release it first with DELETE /api/v1/calls/ID/hold".into()));
        } else {
            going.push(call.call_id);
        }
    }
    if going.is_empty() {
        return Ok(outcome("delete", &[], &failed));
    }
    let state = store.path().parent().unwrap_or(store.path()).to_path_buf();
    let mut done = Vec::new();
    for some in going.chunks(DELETED_AT_ONCE) {
        match forget::deleting(store, commands, &state, Whom::Calls(some.to_vec())).await {
            Ok(report) => {
                log::info!("bulk: {} calls deleted, {} sound files", report.erased.calls.len(), report.files);
                done.extend(report.erased.calls);
                for left in report.left {
                    log::error!("bulk: deleted calls have left something behind: {left}");
                    failed.push((some.join(", "), format!("deleted, but something is left: {left}")));
                }
            }
            Err(ForgetError::Store(error)) if done.is_empty() => return Err(error.into()),
            // One of them goes on again, or was put on hold, in the meantime.
            Err(error) => failed.extend(some.iter().map(|call| (call.clone(), error.to_string()))),
        }
    }
    // None of these calls is left for the entry, so it tells who, when and how many.
    Ok((told("delete", done.len(), Vec::new()), outcome("delete", &done, &failed)).into_response())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn what_was_done_is_told_call_by_call() {
        let told = async |done: &[String], failed: &[(String, String)]| {
            let answer = outcome("tag", done, failed);
            let status = answer.status().as_u16();
            let body = axum::body::to_bytes(answer.into_body(), 10_000).await.expect("a body");
            (status, serde_json::from_slice::<Value>(&body).expect("JSON"))
        };
        let failed = [("b".to_owned(), "why".to_owned())];
        let failures = json!([{"call_id": "b", "detail": "why"}]);
        let wanted = json!({"action": "tag", "done": ["a"], "failed": failures});
        assert_eq!(told(&["a".into()], &failed).await, (200, wanted));
        let wanted = json!({"action": "tag", "done": [], "failed": failures, "detail": "b: why"});
        assert_eq!(told(&[], &failed).await, (409, wanted));
    }

    #[test]
    fn a_form_and_json_ask_for_the_same() {
        let fields =
            [("action", "tag"), ("call_ids", "a.1"), ("call_ids", " b.2 ,a.1"), ("tags", "vip, refund"), ("csrf", "x")];
        let form = Wish::of_form(fields.map(|(name, value)| (name.into(), value.into())).to_vec()).checked();
        let body = json!({"action": "tag", "call_ids": ["a.1", "b.2"], "tags": ["vip", "refund"]});
        assert_eq!(form, Wish::of_json(&body).and_then(Wish::checked));
        assert_eq!(form.map(|wish| (wish.ids.len(), wish.tags.len())), Ok((2, 2)));
    }

    #[test]
    fn what_is_missing_or_unknown_is_said() {
        for (body, says) in [
            (json!({}), "call_ids"),
            (json!({"action": "tag", "call_ids": []}), "call_ids"),
            (json!({"action": "burn", "call_ids": ["a"]}), "burn"),
            (json!({"action": "tag", "call_ids": ["a"]}), "tags"),
            (json!({"action": "untag", "call_ids": ["a"], "tags": ["x".repeat(41)]}), "40"),
            (json!({"action": "tag", "call_ids": ["a"], "tags": ["a\nb"]}), "a\\nb"),
            (json!({"action": "export", "call_ids": vec!["a"; 1]}), ""),
            (json!({"action": "reprocess", "call_ids": ["a"], "vad": true}), ""),
            (json!({"action": "process", "call_ids": ["a"], "stage": "transcription", "vad": "yes"}), ""),
            (json!({"action": "process", "call_ids": ["a"], "stage": "qa", "vad": false}), ""),
            (json!({"action": "process", "call_ids": ["a"], "vad": "perhaps"}), "vad: \"perhaps\""),
            (json!({"action": "process", "call_ids": ["a"], "vad": [true]}), "vad: "),
            (json!({"action": "process", "call_ids": ["a"], "from": "qa", "vad": true}), "vad: it is run before"),
            (json!({"action": "tag", "call_ids": ["a"], "tags": ["x"], "vad": true}), "vad: it is run before"),
            (json!({"action": "process", "call_ids": ["a"], "stage": null, "from": null}), ""),
            (json!({"action": "export", "call_ids": ["a"], "format": "csv", "tags": []}), ""),
        ] {
            let problem = Wish::of_json(&body).and_then(Wish::checked).err().unwrap_or_default();
            assert!(problem.contains(says) && problem.is_empty() == says.is_empty(), "{body}: {problem}");
        }
    }

    #[test]
    fn what_is_not_understood_has_nothing_done() {
        for (body, says) in [
            (json!(["a"]), "a JSON object"),
            (json!({"action": "process", "call_ids": ["a"], "stages": ["qa"]}), "stages: unknown; known are action"),
            (json!({"action": "process", "call_ids": ["a"], "stage": ["qa"]}), "stage: a text"),
            (json!({"action": ["delete"], "call_ids": ["a"]}), "action: a text"),
            (json!({"action": "delete", "call_ids": ["a", 1_795_218_045]}), "call_ids: a list of texts"),
            (json!({"action": "delete", "call_ids": 7}), "call_ids: a list of texts"),
            (json!({"action": "tag", "call_ids": ["a"], "tags": ["vip", 7]}), "tags: a list of texts"),
            (json!({"action": "export", "call_ids": ["a"], "format": 7}), "format: a text"),
            (json!({"action": "delete", "call_ids": ["a"], "tags": ["spam"]}), "tags: delete does not take it"),
            (json!({"action": "reprocess", "call_ids": ["a"], "from": "qa"}), "from: reprocess does not take it"),
            (json!({"action": "tag", "call_ids": ["a"], "tags": ["vip"], "stage": "qa"}), "stage: tag does not"),
            (json!({"action": "delete", "call_ids": ["a"], "format": "csv"}), "it is for export"),
        ] {
            let problem = Wish::of_json(&body).and_then(Wish::checked).expect_err(&body.to_string());
            assert!(problem.contains(says), "{body}: {problem}");
        }
        let form = |fields: &[(&str, &str)]| {
            let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            Wish::of_form(fields.collect()).checked()
        };
        let empty = [("action", "delete"), ("call_ids", "a"), ("tags", ""), ("format", ""), ("stage", "")];
        assert!(form(&empty).is_ok(), "empty fields of a form were not filled in");
        assert!(form(&[("action", "delete"), ("call_ids", "a"), ("tags", "spam")]).is_err());
    }
}
