//! The fields of a request, as the connectors of other platforms write them.

use axum::body::Bytes;
use serde_json::Value;

use super::refusal::PlatformRefusal;
use crate::call::{CallId, CallNames, Leg, WallTime};
use crate::pipeline::command::Text;
use crate::pipeline::live::ingest::Sender;

/// Characters of one text at most.
const TEXT_CHARS: usize = 10_000;
/// Milliseconds by which clocks of other boxes may run ahead of ours.
const AHEAD_MS: i64 = 10_000;
/// An event that is older is taken for one whose clock is wrong.
const BEHIND_MS: i64 = 24 * 3600 * 1000;

pub(super) type Body = Result<Bytes, axum::extract::rejection::BytesRejection>;

/// A request's fields, read one by one so that each mistake is named.
pub(super) struct Fields {
    pub(super) map: serde_json::Map<String, Value>,
    pub(super) warnings: Vec<String>,
}

impl Fields {
    pub(super) fn read(body: Body) -> Result<Self, PlatformRefusal> {
        let body =
            body.map_err(|error| PlatformRefusal::Bad(format!("the body cannot be taken: {}", error.body_text())))?;
        match serde_json::from_slice(&body) {
            Ok(Value::Object(map)) => Ok(Self { map, warnings: Vec::new() }),
            Ok(_) => Err(PlatformRefusal::Bad("invalid JSON: an object is wanted".into())),
            Err(error) => Err(PlatformRefusal::Bad(format!("invalid JSON: {error}"))),
        }
    }

    /// A text; a whole number counts as one. One with a fraction is refused: 1795218045.120 is read as 1795218045.12, which is another call.
    pub(super) fn text(&self, key: &str, longest: usize) -> Result<Option<String>, PlatformRefusal> {
        match self.map.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.chars().count() <= longest => {
                Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty()))
            }
            Some(Value::Number(number)) if number.is_i64() || number.is_u64() => Ok(Some(number.to_string())),
            Some(Value::Number(_)) => Err(PlatformRefusal::Bad(format!(
                "{key}: a number with a fraction loses its last zeros: send it as a text, in quotes"
            ))),
            Some(_) => Err(PlatformRefusal::Bad(format!("{key}: a text of at most {longest} characters is wanted"))),
        }
    }

    pub(super) fn number(&self, key: &str, low: f64, high: f64) -> Result<Option<f64>, PlatformRefusal> {
        match self.map.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match value.as_f64().filter(|number| (low..=high).contains(number)) {
                Some(number) => Ok(Some(number)),
                None => Err(PlatformRefusal::Bad(format!("{key}: a number from {low} to {high} is wanted"))),
            },
        }
    }

    /// The call and the side that the body names.
    pub(super) fn sender(&mut self, now: WallTime) -> Result<Sender, PlatformRefusal> {
        let id = self.text("call_id", 160)?.ok_or_else(|| PlatformRefusal::Bad("call_id is missing".into()))?;
        let call = CallId::parse(&id).map_err(|error| PlatformRefusal::Bad(format!("call_id: {error}")))?;
        let provider = self.text("provider", 60)?.unwrap_or_else(|| "unknown".into());
        let mut metadata = match self.map.get("metadata") {
            Some(Value::Object(map)) => map.clone(),
            None | Some(Value::Null) => serde_json::Map::new(),
            Some(_) => return Err(PlatformRefusal::Bad("metadata: an object is wanted".into())),
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
            return Err(PlatformRefusal::Bad(format!(
                "metadata: more than {} bytes of JSON",
                CallNames::METADATA_BYTES
            )));
        }
        let leg = self.leg()?;
        Ok(Sender { call, names, leg, at: self.time(now)?, provider })
    }

    pub(super) fn leg(&mut self) -> Result<Leg, PlatformRefusal> {
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

    /// Time of the event; a clock that is plainly wrong is not believed.
    pub(super) fn time(&mut self, now: WallTime) -> Result<WallTime, PlatformRefusal> {
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
            return Err(PlatformRefusal::Bad(
                "timestamp: a time like 2026-02-10T10:15:20Z, or seconds, is wanted".into(),
            ));
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
    pub(super) fn said(&self, key: &str) -> Result<Option<Text>, PlatformRefusal> {
        let Some(text) = self.text(key, TEXT_CHARS)? else { return Ok(None) };
        let confidence = self.number("confidence", 0.0, 1.0)?.unwrap_or(1.0) as f32;
        let sentiment = self.number("sentiment", -1.0, 1.0)?;
        Ok(Some(Text { text, confidence, language: self.text("language", 16)?, sentiment }))
    }

    /// Whether the sender says that the call is over.
    pub(super) fn is_over(&self) -> Result<bool, PlatformRefusal> {
        let over =
            ["ended", "end", "completed", "closed", "disconnected", "terminated", "call_end", "call_ended", "hangup"];
        let says = |key| {
            Ok::<_, PlatformRefusal>(
                self.text(key, 60)?.is_some_and(|word| over.contains(&word.to_lowercase().as_str())),
            )
        };
        Ok(says("status")? || says("event_type")?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_number_is_a_text_and_one_with_a_fraction_is_refused() {
        let read = |json: &str| {
            let fields = Fields::read(Ok(Bytes::copy_from_slice(json.as_bytes()))).unwrap_or_else(|_| panic!("{json}"));
            fields.text("call_id", 160)
        };
        assert!(matches!(read("{\"call_id\": 876409}"), Ok(Some(text)) if text == "876409"));
        assert!(matches!(read("{\"call_id\": \"1795218045.120\"}"), Ok(Some(text)) if text == "1795218045.120"));
        for number in ["1795218045.120", "1e3", "-0.5", "18446744073709551616"] {
            let told = read(&format!("{{\"call_id\": {number}}}"));
            assert!(matches!(told, Err(PlatformRefusal::Bad(text)) if text.contains("in quotes")), "{number}");
        }
    }
}
