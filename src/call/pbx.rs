//! What a PBX reports of a call besides its audio.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Leg, WallTime};

/// Kind of an event of a call on the PBX.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PbxEventKind {
    /// The caller entered a queue; the detail is the queue.
    QueueJoined,
    /// The queue found an agent; the detail is the agent's name there.
    AgentConnected,
    /// A channel was bridged with another one.
    Bridged,
    /// A channel left the bridge and did not hang up.
    Unbridged,
    /// A channel put the other side on hold.
    Held,
    /// The hold ended.
    Resumed,
    /// The call was transferred without a consultation; the detail is the extension.
    BlindTransfer,
    /// The call was transferred after a consultation.
    AttendedTransfer,
    /// A key was pressed. Which one is not kept: it may be a digit of a card.
    Key,
    /// Asterisk began to record.
    RecordingStarted,
    /// A direction of Asterisk's recording was muted; the detail is the direction.
    RecordingMuted,
    /// That direction is recorded again.
    RecordingUnmuted,
    /// lineside taps this side.
    TapStarted,
    /// The tap of this side has ended.
    TapEnded,
    /// This side could not be tapped; the detail says why.
    TapFailed,
    /// A channel hung up; the detail is the cause.
    HungUp,
}

impl PbxEventKind {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::QueueJoined,
        Self::AgentConnected,
        Self::Bridged,
        Self::Unbridged,
        Self::Held,
        Self::Resumed,
        Self::BlindTransfer,
        Self::AttendedTransfer,
        Self::Key,
        Self::RecordingStarted,
        Self::RecordingMuted,
        Self::RecordingUnmuted,
        Self::TapStarted,
        Self::TapEnded,
        Self::TapFailed,
        Self::HungUp,
    ];

    /// Its word in the database and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::QueueJoined => "queue_joined",
            Self::AgentConnected => "agent_connected",
            Self::Bridged => "bridged",
            Self::Unbridged => "unbridged",
            Self::Held => "held",
            Self::Resumed => "resumed",
            Self::BlindTransfer => "blind_transfer",
            Self::AttendedTransfer => "attended_transfer",
            Self::Key => "key",
            Self::RecordingStarted => "recording_started",
            Self::RecordingMuted => "recording_muted",
            Self::RecordingUnmuted => "recording_unmuted",
            Self::TapStarted => "tap_started",
            Self::TapEnded => "tap_ended",
            Self::TapFailed => "tap_failed",
            Self::HungUp => "hung_up",
        }
    }

    /// Reads its word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// An event of a call on the PBX.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PbxEvent {
    /// Asterisk's uniqueid of the channel that began the call.
    pub call: String,
    /// Time of the event.
    pub at: WallTime,
    /// The kind of event: bridge, hold, transfer, queue or hangup.
    pub kind: PbxEventKind,
    /// Side of the call; `None` where it is not known, or both.
    pub leg: Option<Leg>,
    /// Name of the channel.
    pub channel: String,
    /// Queue, agent, extension, direction, cause or reason, as the kind says.
    pub detail: Option<String>,
}

impl PbxEvent {
    /// The event without anything that may be a telephone number: dialled channels (`Local/15551234567@…`) and extensions of transfers hold them.
    pub fn without_numbers(self) -> Self {
        let (channel, detail) = (without_numbers(&self.channel), self.detail.as_deref().map(without_numbers));
        Self { channel, detail, ..self }
    }
}

/// Digits in a row that may be a telephone number.
const NUMBER: usize = 7;

fn without_numbers(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = rest.split_at(start);
        let end = |is: fn(char) -> bool| from.find(|c| !is(c)).unwrap_or(from.len());
        let (digits, counter) = (end(|c| c.is_ascii_digit()), end(|c| c.is_ascii_hexdigit()));
        kept.push_str(before);
        // Asterisk numbers its channels with eight hexadecimal digits, after a hyphen.
        let is_counter = counter == 8 && before.ends_with('-');
        let taken = if is_counter { counter } else { digits };
        kept.push_str(if is_counter || digits < NUMBER { &from[..taken] } else { "[number]" });
        rest = &from[taken..];
    }
    kept + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn telephone_numbers_are_not_kept() {
        for (text, kept) in [
            ("PJSIP/1001-0000002a", "PJSIP/1001-0000002a"),
            ("PJSIP/1001-00000021", "PJSIP/1001-00000021"),
            ("Local/15551234567@from-internal-00000021;1", "Local/[number]@from-internal-00000021;1"),
            ("15551234567", "[number]"),
            ("+4915112345678 and 1002", "+[number] and 1002"),
            ("", ""),
        ] {
            assert_eq!(without_numbers(text), kept, "{text}");
        }
    }

    #[test]
    fn every_kind_has_one_word_which_leads_back_to_it_and_is_that_of_json() {
        for kind in PbxEventKind::ALL {
            assert_eq!(PbxEventKind::parse(kind.as_str()), Some(kind));
            assert_eq!(serde_json::to_value(kind).expect("JSON"), kind.as_str());
        }
        assert_eq!(PbxEventKind::parse("nothing"), None);
    }
}
