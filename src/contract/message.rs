//! What the feeds tell, message by message: WebSockets, server-sent events, `lineside tail`.
//!
//! A message is stored as it goes out, and read again by feeds that start late; what an older version has stored is told as it was.

use serde::Serialize;
use utoipa::ToSchema;

use super::alert::AlertMessage;
use crate::call::{Leg, Source, Speaker};

super::words! {
    /// A call has begun.
    CallStartKind = "call_start",
    /// A call has got names.
    CallNamedKind = "call_named",
    /// Sound without a word has come.
    AudioChunkKind = "audio_chunk",
    /// Somebody has said something.
    SentimentKind = "sentiment",
    /// What is still being said.
    PartialKind = "partial",
    /// A text was corrected.
    RedactionKind = "redaction",
    /// A recording is paused.
    PausedKind = "recording_paused",
    /// A recording goes on.
    ResumedKind = "recording_resumed",
    /// Somebody has taken an alert.
    AcknowledgedKind = "alert_acknowledged",
    /// The line is closed.
    HangupKind = "hangup",
    /// A call is over.
    CallEndKind = "call_end",
    /// A call has new text.
    RewrittenKind = "call_rewritten",
    /// More, or less, is left out.
    GovernorKind = "governor",
}

/// A message of a call: what all of them say, and what is its own.
macro_rules! message {
    ($(#[$doc:meta])* $name:ident: $kind:ident { $($(#[$about:meta])* $field:ident: $type:ty),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
        pub struct $name {
            /// The kind of the message.
            #[serde(rename = "type")]
            #[schema(inline)]
            pub kind: $kind,
            /// The same word again.
            #[schema(inline)]
            pub event: $kind,
            /// The call.
            pub call_id: String,
            /// Time of the event.
            #[schema(format = DateTime)]
            pub timestamp: String,
            $($(#[$about])* pub $field: $type,)*
        }
    };
}

message! {
    /// A call has begun.
    CallStart: CallStartKind {
        /// The source by which its audio or text comes.
        source: Source,
        /// The agent, where known.
        agent: Option<String>,
        /// Campaign, in-group or queue, where known.
        campaign: Option<String>,
    }
}

message! {
    /// A call has got names, or others than it had.
    CallNamed: CallNamedKind {
        /// The agent, where it was named.
        agent: Option<String>,
        /// Campaign, in-group or queue, where it was named.
        campaign: Option<String>,
        /// The lead, where it was named.
        lead: Option<String>,
        /// The id that the call had before; absent where it has kept it.
        #[serde(skip_serializing_if = "Option::is_none")]
        was: Option<String>,
    }
}

message! {
    /// A chunk of sound has come without a word from another platform.
    AudioChunk: AudioChunkKind {
        /// The leg of the audio.
        leg: Leg,
        /// The side that speaks.
        speaker: Speaker,
        /// Begin of the audio, seconds of the call.
        start_time: f64,
        /// Its length, seconds.
        duration: f64,
    }
}

message! {
    /// A text was corrected: something in it turned out to be what is not kept.
    Redaction: RedactionKind {
        /// The leg of the segment.
        leg: Leg,
        /// The speaker of the segment.
        speaker: Speaker,
        /// Begin of the segment, seconds of the call.
        start_time: f64,
        /// Its end, seconds of the call.
        end_time: f64,
        /// The text as it is now.
        text: String,
        /// Labels of the redacted numbers.
        found: Vec<String>,
    }
}

message! {
    /// A pause begins: nothing that is said from now on is stored.
    RecordingPaused: PausedKind {
        /// Time of the pause, seconds of the call.
        time: f64,
        /// Name of the person or program that requested it.
        by: String,
        /// The direction that is meant; missing where it is the whole call.
        #[serde(skip_serializing_if = "Option::is_none")]
        leg: Option<Leg>,
    }
}

message! {
    /// A pause ends: what is said is stored again.
    RecordingResumed: ResumedKind {
        /// Time of the pause's end, seconds of the call.
        time: f64,
        /// Name of the person or program that requested it.
        by: String,
        /// The direction that is meant; missing where it is the whole call.
        #[serde(skip_serializing_if = "Option::is_none")]
        leg: Option<Leg>,
    }
}

message! {
    /// Somebody has acknowledged an alert.
    AlertAcknowledged: AcknowledgedKind {
        /// Number of the alert.
        id: i64,
        /// The same number again.
        alert_id: i64,
        /// Always `true`.
        acknowledged: bool,
        /// Time at which it was acknowledged.
        #[schema(format = DateTime)]
        acknowledged_at: String,
        /// Name of the person who acknowledged it.
        acknowledged_by: String,
    }
}

message! {
    /// The line is closed; the last words may not be text yet.
    Hangup: HangupKind {
        /// Reason for which the last source was closed.
        reason: String,
        /// Length of the call's sound, seconds.
        duration: f64,
        /// Utterances that are not text yet.
        outstanding: usize,
    }
}

message! {
    /// A call is over, and all of it is text.
    CallEnd: CallEndKind {
        /// Reason for which the call ended.
        reason: String,
        /// Length of its sound, seconds.
        duration: f64,
        /// The same again.
        audio_seconds: f64,
        /// Its segments.
        segments: u32,
        /// Mean sentiment, -1 to 1; `null` where nobody spoke.
        sentiment: Option<f64>,
    }
}

message! {
    /// A call was transcribed again, or corrected by people: its text is another one.
    CallRewritten: RewrittenKind {
        /// Segments that it has now.
        segments: i64,
    }
}

/// Somebody has said something: a segment of final text.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SegmentSaid {
    /// The kind of the message.
    #[serde(rename = "type")]
    #[schema(inline)]
    pub kind: SentimentKind,
    /// The call.
    pub call_id: String,
    /// The words.
    pub text: String,
    /// Time at which the segment became text.
    #[schema(format = DateTime)]
    pub timestamp: String,
    /// First sound, seconds of the call.
    pub start_time: f64,
    /// Last sound, seconds of the call.
    pub end_time: f64,
    /// The speaker of the segment.
    pub speaker: Speaker,
    /// The leg of the segment.
    pub leg: Leg,
    /// The call's agent.
    pub agent: Option<String>,
    /// Its sentiment, -1 to 1; `null` in a language that no list has words of.
    pub sentiment_score: Option<f64>,
    /// The same in a word.
    #[schema(value_type = super::call::SentimentLabel)]
    pub sentiment_label: String,
    /// Sentiment that the platform which sent the text gave it, -1 to 1.
    pub sender_sentiment: Option<f64>,
    /// Mean probability of its words, 0 to 1.
    pub confidence: f64,
    /// Terms of the packs that were said.
    pub keywords_detected: Vec<String>,
    /// Profanity that was said.
    pub profanity_detected: Vec<String>,
    /// Mean sentiment of the call's last segments, -1 to 1.
    pub rolling_sentiment: Option<f64>,
    /// The call's risk, 0 to 1.
    pub risk_score: f64,
}

/// Partial text: speech that goes on. It is shown and not stored, so it has no number and cannot be requested again.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Partial {
    /// The kind of the message.
    #[serde(rename = "type")]
    #[schema(inline)]
    pub kind: PartialKind,
    /// The same word again.
    #[schema(inline)]
    pub event: PartialKind,
    /// The call.
    pub call_id: String,
    /// The leg of the text.
    pub leg: Leg,
    /// The speaker of the text.
    pub speaker: Speaker,
    /// First sound, seconds of the call.
    pub start_time: f64,
    /// The words that will not change any more.
    pub stable: String,
    /// All words so far.
    pub text: String,
}

/// More, or less, is left out so that the rest is in time.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct GovernorStep {
    /// The kind of the message.
    #[serde(rename = "type")]
    #[schema(inline)]
    pub kind: GovernorKind,
    /// The same word again.
    #[schema(inline)]
    pub event: GovernorKind,
    /// Time of the message.
    #[schema(format = DateTime)]
    pub timestamp: String,
    /// Number of the degradation step, 0 (nothing is left out) to 6.
    pub step: usize,
    /// The same in a word.
    pub name: StepName,
    /// The same in a sentence.
    pub says: String,
    /// Number of inferences that run at a time.
    pub workers: usize,
    /// Waiting time of the oldest words without text, seconds.
    pub lag_seconds: f64,
}

/// A step of degradation. Later ones include earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepName {
    /// Nothing is left out.
    Full,
    /// No text of what is still being said.
    NoPartialText,
    /// Utterances end later: fewer and longer.
    LongerUtterances,
    /// Live text by the smaller model, where one is configured.
    SmallerModel,
    /// Half of the calls are transcribed live, the others when there is time.
    HalfOfTheCalls,
    /// One call in eight is transcribed live.
    FewCalls,
    /// All text comes after the calls.
    AfterTheCall,
}

/// A message of the feeds.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Message {
    /// A call has begun.
    CallStart(CallStart),
    /// A call has got names.
    CallNamed(CallNamed),
    /// Sound without a word has come.
    AudioChunk(AudioChunk),
    /// Somebody has said something.
    Segment(Box<SegmentSaid>),
    /// What is still being said.
    Partial(Partial),
    /// A text was corrected.
    Redaction(Redaction),
    /// A recording is paused.
    RecordingPaused(RecordingPaused),
    /// A recording goes on.
    RecordingResumed(RecordingResumed),
    /// An alert was raised.
    Alert(Box<AlertMessage>),
    /// Somebody has taken an alert.
    AlertAcknowledged(AlertAcknowledged),
    /// The line is closed.
    Hangup(Hangup),
    /// A call is over.
    CallEnd(CallEnd),
    /// A call has new text.
    CallRewritten(CallRewritten),
    /// More, or less, is left out.
    Governor(GovernorStep),
}

impl Message {
    /// Its kind, as `type` has it.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::CallStart(_) => "call_start",
            Self::CallNamed(_) => "call_named",
            Self::AudioChunk(_) => "audio_chunk",
            Self::Segment(_) => "sentiment",
            Self::Partial(_) => "partial",
            Self::Redaction(_) => "redaction",
            Self::RecordingPaused(_) => "recording_paused",
            Self::RecordingResumed(_) => "recording_resumed",
            Self::Alert(_) => "alert",
            Self::AlertAcknowledged(_) => "alert_acknowledged",
            Self::Hangup(_) => "hangup",
            Self::CallEnd(_) => "call_end",
            Self::CallRewritten(_) => "call_rewritten",
            Self::Governor(_) => "governor",
        }
    }

    /// As it goes out.
    pub fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn is(message: &Message, wanted: &serde_json::Value) {
        assert_eq!(&serde_json::to_value(message).expect("JSON"), wanted);
        assert_eq!(wanted["type"], message.kind());
    }

    #[test]
    fn messages_of_a_call_say_what_pages_read() {
        let (call_id, timestamp) = (String::from("c.1"), String::from("T"));
        is(
            &Message::CallStart(CallStart {
                kind: CallStartKind::It,
                event: CallStartKind::It,
                call_id: call_id.clone(),
                timestamp: timestamp.clone(),
                source: Source::Audiosocket,
                agent: Some("mary".into()),
                campaign: None,
            }),
            &json!({
                "type": "call_start", "event": "call_start", "call_id": "c.1", "timestamp": "T", "source": "audiosocket", "agent": "mary",
                "campaign": null,
            }),
        );
        let named = |was: Option<String>| {
            Message::CallNamed(CallNamed {
                kind: CallNamedKind::It,
                event: CallNamedKind::It,
                call_id: call_id.clone(),
                timestamp: timestamp.clone(),
                agent: None,
                campaign: Some("sales".into()),
                lead: Some("7".into()),
                was,
            })
        };
        let plain = json!({
            "type": "call_named", "event": "call_named", "call_id": "c.1", "timestamp": "T", "agent": null, "campaign": "sales", "lead": "7",
        });
        is(&named(None), &plain);
        let mut renamed = plain;
        renamed["was"] = "c.0".into();
        is(&named(Some("c.0".into())), &renamed);
        is(
            &Message::AudioChunk(AudioChunk {
                kind: AudioChunkKind::It,
                event: AudioChunkKind::It,
                call_id: call_id.clone(),
                timestamp: timestamp.clone(),
                leg: Leg::Mixed,
                speaker: Leg::Mixed.into(),
                start_time: 1.5,
                duration: 2.0,
            }),
            &json!({
                "type": "audio_chunk", "event": "audio_chunk", "call_id": "c.1", "timestamp": "T", "leg": "mixed", "speaker": "unknown",
                "start_time": 1.5, "duration": 2.0,
            }),
        );
    }

    #[test]
    fn the_end_of_a_call_says_what_pages_read() {
        let (call_id, timestamp) = (String::from("c.1"), String::from("T"));
        is(
            &Message::Hangup(Hangup {
                kind: HangupKind::It,
                event: HangupKind::It,
                call_id: call_id.clone(),
                timestamp: timestamp.clone(),
                reason: "hangup".into(),
                duration: 3.0,
                outstanding: 2,
            }),
            &json!({
                "type": "hangup", "event": "hangup", "call_id": "c.1", "timestamp": "T", "reason": "hangup", "duration": 3.0, "outstanding": 2,
            }),
        );
        is(
            &Message::CallEnd(CallEnd {
                kind: CallEndKind::It,
                event: CallEndKind::It,
                call_id,
                timestamp,
                reason: "hangup".into(),
                duration: 3.0,
                audio_seconds: 3.0,
                segments: 1,
                sentiment: None,
            }),
            &json!({
                "type": "call_end", "event": "call_end", "call_id": "c.1", "timestamp": "T", "reason": "hangup", "duration": 3.0,
                "audio_seconds": 3.0, "segments": 1, "sentiment": null,
            }),
        );
    }

    #[test]
    fn what_is_not_kept_and_what_is_taken_out_is_told_as_it_was() {
        let (call_id, timestamp) = (String::from("c.1"), String::from("T"));
        is(
            &Message::Redaction(Redaction {
                kind: RedactionKind::It,
                event: RedactionKind::It,
                call_id: call_id.clone(),
                timestamp: timestamp.clone(),
                leg: Leg::Caller,
                speaker: Leg::Caller.into(),
                start_time: 1.0,
                end_time: 2.0,
                text: "[card]".into(),
                found: vec!["card".into()],
            }),
            &json!({
                "type": "redaction", "event": "redaction", "call_id": "c.1", "timestamp": "T", "leg": "caller", "speaker": "caller",
                "start_time": 1.0, "end_time": 2.0, "text": "[card]", "found": ["card"],
            }),
        );
        is(
            &Message::RecordingPaused(RecordingPaused {
                kind: PausedKind::It,
                event: PausedKind::It,
                call_id: call_id.clone(),
                timestamp: timestamp.clone(),
                time: 4.0,
                by: "api".into(),
                leg: None,
            }),
            &json!({
                "type": "recording_paused", "event": "recording_paused", "call_id": "c.1", "timestamp": "T", "time": 4.0, "by": "api",
            }),
        );
        is(
            &Message::RecordingResumed(RecordingResumed {
                kind: ResumedKind::It,
                event: ResumedKind::It,
                call_id: call_id.clone(),
                timestamp: timestamp.clone(),
                time: 4.0,
                by: "api".into(),
                leg: None,
            }),
            &json!({
                "type": "recording_resumed", "event": "recording_resumed", "call_id": "c.1", "timestamp": "T", "time": 4.0, "by": "api",
            }),
        );
    }

    #[test]
    fn what_happens_to_a_call_afterwards_is_told_as_it_was() {
        let (call_id, timestamp) = (String::from("c.1"), String::from("T"));
        is(
            &Message::CallRewritten(CallRewritten {
                kind: RewrittenKind::It,
                event: RewrittenKind::It,
                call_id: call_id.clone(),
                timestamp: timestamp.clone(),
                segments: 4,
            }),
            &json!({"type": "call_rewritten", "event": "call_rewritten", "call_id": "c.1", "timestamp": "T", "segments": 4}),
        );
        is(
            &Message::AlertAcknowledged(AlertAcknowledged {
                kind: AcknowledgedKind::It,
                event: AcknowledgedKind::It,
                call_id: call_id.clone(),
                timestamp: timestamp.clone(),
                id: 3,
                alert_id: 3,
                acknowledged: true,
                acknowledged_at: timestamp.clone(),
                acknowledged_by: "mary".into(),
            }),
            &json!({
                "type": "alert_acknowledged", "event": "alert_acknowledged", "id": 3, "alert_id": 3, "call_id": "c.1", "timestamp": "T",
                "acknowledged": true, "acknowledged_at": "T", "acknowledged_by": "mary",
            }),
        );
        is(
            &Message::Partial(Partial {
                kind: PartialKind::It,
                event: PartialKind::It,
                call_id,
                leg: Leg::Agent,
                speaker: Leg::Agent.into(),
                start_time: 1.0,
                stable: "I want".into(),
                text: "I want to".into(),
            }),
            &json!({
                "type": "partial", "event": "partial", "call_id": "c.1", "leg": "agent", "speaker": "agent", "start_time": 1.0,
                "stable": "I want", "text": "I want to",
            }),
        );
    }

    #[test]
    fn a_step_of_the_governor_is_told_as_it_was() {
        let timestamp = String::from("T");
        is(
            &Message::Governor(GovernorStep {
                kind: GovernorKind::It,
                event: GovernorKind::It,
                timestamp,
                step: 4,
                name: StepName::HalfOfTheCalls,
                says: "half".into(),
                workers: 1,
                lag_seconds: 7.5,
            }),
            &json!({
                "type": "governor", "event": "governor", "timestamp": "T", "step": 4, "name": "half_of_the_calls", "says": "half", "workers": 1,
                "lag_seconds": 7.5,
            }),
        );
    }

    #[test]
    fn a_segment_says_what_the_dashboards_read() {
        is(
            &Message::Segment(Box::new(SegmentSaid {
                kind: SentimentKind::It,
                call_id: "c.1".into(),
                text: "hello".into(),
                timestamp: "T".into(),
                start_time: 0.1,
                end_time: 0.9,
                speaker: Leg::Caller.into(),
                leg: Leg::Caller,
                agent: None,
                sentiment_score: Some(-0.5),
                sentiment_label: "negative".into(),
                sender_sentiment: None,
                confidence: 0.9,
                keywords_detected: vec!["cancel".into()],
                profanity_detected: Vec::new(),
                rolling_sentiment: Some(-0.5),
                risk_score: 0.25,
            })),
            &json!({
                "type": "sentiment", "call_id": "c.1", "text": "hello", "timestamp": "T", "start_time": 0.1, "end_time": 0.9,
                "speaker": "caller", "leg": "caller", "agent": null, "sentiment_score": -0.5, "sentiment_label": "negative",
                "sender_sentiment": null, "confidence": 0.9, "keywords_detected": ["cancel"], "profanity_detected": [],
                "rolling_sentiment": -0.5, "risk_score": 0.25,
            }),
        );
    }
}
