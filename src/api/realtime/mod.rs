//! `/api/realtime/*`: calls of other platforms come in, and are looked at, at the paths and in the shapes that their connectors know.
//!
//! What is wrong with a request is a 400 with `detail`, an unknown alert a 404; an unknown call is idle, not an error.

mod audio;
mod read;

use std::fmt::Write as _;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

use super::walls::access::Access;
use super::walls::door::{About, Door, INGEST, OPERATE, READ, Routes};
use super::{Api, ApiError};
use crate::call::{CallId, CallNames, Leg, Source, WallTime};
use crate::pipeline::command::Text;
use crate::pipeline::live::ingest::{IngestError, Input, Request, Sender};
use crate::store::alerts::{AlertFilter, AlertRow};

/// Bytes of an event's body at most.
const EVENT_BYTES: usize = 256 * 1024;
/// Bytes of a chunk's body at most: two megabytes of sound as base64, and room for the words.
const CHUNK_BYTES: usize = 3 * 1024 * 1024;
/// Characters of one text at most.
const TEXT_CHARS: usize = 10_000;
/// Texts of one chunk at most.
const SEGMENTS: usize = 100;
/// Clocks of other boxes may run ahead of ours by so much.
const AHEAD_MS: i64 = 10_000;
/// An event that is older is taken for one whose clock is wrong.
const BEHIND_MS: i64 = 24 * 3600 * 1000;
/// Alerts in one answer.
const ALERTS: u32 = 100;

/// The way in for calls of other platforms.
#[derive(Clone)]
pub struct Inlet {
    /// Where they go.
    pub requests: mpsc::Sender<Request>,
}

/// Why a request is answered with an error.
pub(super) enum Refusal {
    /// 400
    Bad(String),
    /// Everything else.
    Api(ApiError),
}

impl<E: Into<ApiError>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::Api(error.into())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let answer = |status, text: String| (status, Json(json!({"ok": false, "detail": text}))).into_response();
        match self {
            Self::Bad(text) => answer(StatusCode::BAD_REQUEST, text),
            Self::Api(error) => error.into_response(),
        }
    }
}

/// All paths of this family.
pub(super) fn routes(routes: Routes) -> Routes {
    let inlet = Door::new(INGEST, About::All);
    // A call that is not there is idle here, so that the handlers themselves say it of one that is another campaign's.
    let own = Door::new(READ, About::Own);
    routes
        .post_sized("/api/realtime/events", inlet, DefaultBodyLimit::max(EVENT_BYTES), events)
        .post_sized("/api/realtime/audio/chunk", inlet, DefaultBodyLimit::max(CHUNK_BYTES), chunk)
        .get("/api/realtime/stream", own.asks(&["call_id"]), read::stream)
        .get("/api/realtime/calls/{id}/snapshot", own, read::snapshot)
        .get("/api/realtime/calls/{id}/audio", own.asks(&["fallback"]), audio::audio)
        .get("/api/realtime/calls/{id}/audio/meta", own, audio::meta)
        .get("/api/realtime/alerts", own.asks(&["call_id", "open_only", "limit"]), read::alerts)
        .post("/api/realtime/alerts/{id}/ack", Door::new(OPERATE, About::Own), read::ack)
}

type Body = Result<Bytes, axum::extract::rejection::BytesRejection>;

/// A request's fields, read one by one so that each mistake is named.
struct Fields {
    map: serde_json::Map<String, Value>,
    warnings: Vec<String>,
}

impl Fields {
    fn read(body: Body) -> Result<Self, Refusal> {
        let body = body.map_err(|error| Refusal::Bad(format!("the body cannot be taken: {}", error.body_text())))?;
        match serde_json::from_slice(&body) {
            Ok(Value::Object(map)) => Ok(Self { map, warnings: Vec::new() }),
            Ok(_) => Err(Refusal::Bad("invalid JSON: an object is wanted".into())),
            Err(error) => Err(Refusal::Bad(format!("invalid JSON: {error}"))),
        }
    }

    /// A text; a number counts as one.
    fn text(&self, key: &str, longest: usize) -> Result<Option<String>, Refusal> {
        match self.map.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.chars().count() <= longest => {
                Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty()))
            }
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(_) => Err(Refusal::Bad(format!("{key}: a text of at most {longest} characters is wanted"))),
        }
    }

    fn number(&self, key: &str, low: f64, high: f64) -> Result<Option<f64>, Refusal> {
        match self.map.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match value.as_f64().filter(|number| (low..=high).contains(number)) {
                Some(number) => Ok(Some(number)),
                None => Err(Refusal::Bad(format!("{key}: a number from {low} to {high} is wanted"))),
            },
        }
    }

    /// Whose it is.
    fn sender(&mut self, now: WallTime) -> Result<Sender, Refusal> {
        let id = self.text("call_id", 160)?.ok_or_else(|| Refusal::Bad("call_id is missing".into()))?;
        let call = CallId::parse(&id).map_err(|error| Refusal::Bad(format!("call_id: {error}")))?;
        let provider = self.text("provider", 60)?.unwrap_or_else(|| "unknown".into());
        let mut metadata = match self.map.get("metadata") {
            Some(Value::Object(map)) => map.clone(),
            None | Some(Value::Null) => serde_json::Map::new(),
            Some(_) => return Err(Refusal::Bad("metadata: an object is wanted".into())),
        };
        metadata.remove("metrics"); // of the moment, not of the call
        metadata.insert("provider".into(), provider.clone().into());
        let names = CallNames {
            agent: self.text("agent_id", 200)?.or(self.text("agent", 200)?),
            campaign: self.text("campaign", 200)?,
            lead: self.text("customer_id", 200)?,
            metadata: Some(metadata),
            ..CallNames::default()
        };
        if !names.metadata_fits() {
            return Err(Refusal::Bad(format!("metadata: more than {} bytes of JSON", CallNames::METADATA_BYTES)));
        }
        let leg = self.leg()?;
        Ok(Sender { call, names, leg, at: self.time(now)?, provider })
    }

    fn leg(&mut self) -> Result<Leg, Refusal> {
        let speaker = self.text("speaker", 60)?.or(self.text("channel", 60)?);
        let leg = match speaker.as_deref().map(str::to_lowercase).as_deref() {
            Some("agent" | "internal" | "representative") => Leg::Agent,
            Some("customer" | "caller" | "external" | "client" | "user") => Leg::Caller,
            None | Some("unknown" | "mixed" | "both") => Leg::Mixed,
            Some(other) => {
                self.warnings.push(format!("speaker {other:?} is not agent or customer; it is taken as mixed"));
                Leg::Mixed
            }
        };
        Ok(leg)
    }

    /// When it happened; a clock that is plainly wrong is not believed.
    fn time(&mut self, now: WallTime) -> Result<WallTime, Refusal> {
        let at = match self.map.get("timestamp") {
            None | Some(Value::Null) => return Ok(now),
            Some(Value::String(text)) => {
                text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond).or_else(|| {
                    let plain: jiff::civil::DateTime = text.parse().ok()?;
                    plain.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp().as_millisecond())
                })
            }
            Some(value) => value.as_f64().map(|seconds| (seconds * 1000.0) as i64),
        };
        let Some(at) = at else {
            return Err(Refusal::Bad("timestamp: a time like 2026-02-10T10:15:20Z, or seconds, is wanted".into()));
        };
        let off_s = at.saturating_sub(now.0) / 1000;
        if (-BEHIND_MS..=AHEAD_MS).contains(&at.saturating_sub(now.0)) {
            return Ok(WallTime(at.min(now.0)));
        }
        let side = if off_s > 0 { "ahead of" } else { "behind" };
        self.warnings
            .push(format!("timestamp is {} s {side} this box's clock; the time of arrival is used", off_s.abs()));
        Ok(now)
    }

    /// The text of an event, with what is known of it.
    fn said(&self, key: &str) -> Result<Option<Text>, Refusal> {
        let Some(text) = self.text(key, TEXT_CHARS)? else { return Ok(None) };
        let confidence = self.number("confidence", 0.0, 1.0)?.unwrap_or(1.0) as f32;
        let sentiment = self.number("sentiment", -1.0, 1.0)?;
        Ok(Some(Text { text, confidence, language: self.text("language", 16)?, sentiment }))
    }

    /// Whether the sender says that the call is over.
    fn is_over(&self) -> Result<bool, Refusal> {
        let over =
            ["ended", "end", "completed", "closed", "disconnected", "terminated", "call_end", "call_ended", "hangup"];
        let says = |key| {
            Ok::<_, Refusal>(self.text(key, 60)?.is_some_and(|word| over.contains(&word.to_lowercase().as_str())))
        };
        Ok(says("status")? || says("event_type")?)
    }
}

/// Hands something over and waits until it is kept.
async fn hand_over(api: &Api, sender: Sender, input: Input) -> Result<(), Refusal> {
    let stopping = || ApiError::Unavailable("the daemon is stopping".into());
    let (reply, answer) = oneshot::channel();
    api.inlet.requests.send(Request { sender, input, reply }).await.map_err(|_| stopping())?;
    match answer.await.map_err(|_| stopping())? {
        Ok(()) => {
            api.store.writer().commit(Vec::new()).await?;
            Ok(())
        }
        Err(error @ (IngestError::TooMany | IngestError::Ended | IngestError::Legs)) => {
            Err(Refusal::Bad(error.to_string()))
        }
        Err(error) => Err(Refusal::Api(ApiError::Unavailable(error.to_string()))),
    }
}

/// Refuses what a token that only brings in calls sends into a call of the PBX, or of somebody's upload.
async fn is_theirs(api: &Api, access: &Access, call: &CallId) -> Result<(), Refusal> {
    if access.may(OPERATE) {
        return Ok(());
    }
    match api.store.call(call.as_str()).await? {
        Some(row) if row.source != Source::Ingest.as_str() => Err(Refusal::Bad(format!(
            "call_id: {call} is a call that was heard here ({}): only a token that may operate writes into it",
            row.source
        ))),
        _ => Ok(()),
    }
}

/// `POST /api/realtime/events`
async fn events(State(api): State<Api>, access: Access, body: Body) -> Result<Json<Value>, Refusal> {
    let mut fields = Fields::read(body)?;
    let now = (api.health.now)();
    let sender = fields.sender(now)?;
    is_theirs(&api, &access, &sender.call).await?;
    let text = fields.said("text")?;
    let silence_ms = fields
        .map
        .get("metadata")
        .and_then(|metadata| metadata["metrics"]["dead_air_seconds"].as_f64())
        .filter(|seconds| (0.0..=86_400.0).contains(seconds))
        .map(|seconds| (seconds * 1000.0) as i64);
    let over = fields.is_over()?;
    let known = api.inlet_knows(&sender.call).await?;
    if let Some(text) = text {
        hand_over(&api, sender.clone(), Input::Text(text)).await?;
    }
    if silence_ms.is_some() || (!over && !known) {
        hand_over(&api, sender.clone(), Input::Sign { silence_ms }).await?;
    }
    if over {
        hand_over(&api, sender.clone(), Input::End).await?;
    }
    let mut answer = answer(&api, &access, &sender.call, now).await?;
    answer["warnings"] = fields.warnings.into();
    Ok(Json(answer))
}

/// `POST /api/realtime/audio/chunk`
async fn chunk(State(api): State<Api>, access: Access, body: Body) -> Result<Json<Value>, Refusal> {
    let mut fields = Fields::read(body)?;
    let now = (api.health.now)();
    let sender = fields.sender(now)?;
    is_theirs(&api, &access, &sender.call).await?;
    let mut texts = Vec::new();
    if let Some(segments) = fields.map.remove("transcript_segments").filter(|value| !value.is_null()) {
        let Value::Array(segments) = segments else {
            return Err(Refusal::Bad("transcript_segments: a list is wanted".into()));
        };
        if segments.len() > SEGMENTS {
            return Err(Refusal::Bad(format!("transcript_segments: at most {SEGMENTS} in one chunk")));
        }
        for segment in segments {
            let mut map = match segment {
                Value::Object(map) => map,
                Value::String(text) => serde_json::Map::from_iter([("text".to_owned(), Value::String(text))]),
                _ => return Err(Refusal::Bad("transcript_segments: objects with a text are wanted".into())),
            };
            for key in ["speaker", "timestamp", "language"] {
                if let Some(value) = fields.map.get(key) {
                    map.entry(key).or_insert_with(|| value.clone());
                }
            }
            let mut fields = Fields { map, warnings: std::mem::take(&mut fields.warnings) };
            let mut sender = sender.clone();
            (sender.leg, sender.at) = (fields.leg()?, fields.time(now)?);
            let text = match fields.said("text")? {
                Some(text) => Some(text),
                None => fields.said("transcript")?,
            };
            texts.extend(text.map(|text| (sender, text)));
        }
    } else if let Some(text) = fields.said("transcript")? {
        texts.push((sender.clone(), text));
    }
    let sound = audio::decode(&fields)?;
    if sound.is_none() && texts.is_empty() {
        return Err(Refusal::Bad("audio_b64 is missing, and there is no transcript either".into()));
    }
    // Nothing of a chunk is kept before all of it was understood.
    if let Some(sound) = sound {
        let (rate_hz, alone) = (sound.rate_hz(), texts.is_empty());
        let sides = sound.sides(sender.leg);
        hand_over(&api, sender.clone(), Input::Audio { rate_hz, sides, alone }).await?;
    }
    let ingested = texts.len().max(1); // sound alone is an event too: the call goes on
    for (sender, text) in texts {
        hand_over(&api, sender, Input::Text(text)).await?;
    }
    if fields.is_over()? {
        hand_over(&api, sender.clone(), Input::End).await?;
    }
    let mut answer = answer(&api, &access, &sender.call, now).await?;
    answer["audio"] = answer["snapshot"]["live_audio"].clone();
    answer["ingested_events"] = ingested.into();
    answer["warnings"] = fields.warnings.into();
    Ok(Json(answer))
}

/// What both say: the call as it stands, and the alerts since the request came. Who may only bring calls in reads none that came another way.
async fn answer(api: &Api, access: &Access, call: &CallId, since: WallTime) -> Result<Value, Refusal> {
    let row = api.store.call(call.as_str()).await?;
    let row = row.filter(|row| access.may(READ) || row.source == Source::Ingest.as_str());
    let snapshot = read::snapshot_of(api, call.as_str(), row.as_ref()).await?;
    let alerts = match row {
        Some(row) => {
            let filter =
                AlertFilter { call: Some(row.key), since: Some(since), limit: ALERTS, ..AlertFilter::default() };
            api.store.alerts(filter).await?.iter().rev().map(alert_json).collect()
        }
        None => Vec::new(),
    };
    Ok(json!({
        "ok": true, "call_id": call.as_str(), "risk_score": snapshot["risk_score"], "sentiment_score": snapshot["sentiment_score"],
        "alerts": alerts, "snapshot": snapshot,
    }))
}

/// An alert in the shape of this family.
fn alert_json(row: &AlertRow) -> Value {
    let alert = &row.alert;
    json!({
        "id": row.id, "call_id": row.call_id, "type": alert.rule_names().first(), "severity": alert.level.severity(), "level": alert.level,
        "message": alert.message(), "acknowledged": row.acknowledged.is_some(),
        "acknowledged_at": row.acknowledged.as_ref().map(|(at, _)| at.rfc3339()), "created_at": row.raised.rfc3339(),
        "metadata": {"rules": alert.rules, "risk_score": alert.risk, "text": alert.text, "speaker": alert.leg},
    })
}

impl Api {
    /// Whether a call is in the database.
    async fn inlet_knows(&self, call: &CallId) -> Result<bool, ApiError> {
        Ok(self.store.call(call.as_str()).await?.is_some())
    }
}

/// Seconds with the precision of the others' answers.
fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}

/// An event of SSE: name and JSON.
fn sse(name: &str, data: &Value) -> axum::response::sse::Event {
    let mut line = String::new();
    let _ = write!(line, "{data}"); // a String takes everything
    axum::response::sse::Event::default().event(name).data(line)
}
