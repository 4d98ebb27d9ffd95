//! Names, legs, states, times and row numbers.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A name of a call that is not fit for one.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CallIdError {
    /// Empty, or longer than [`CallId::MAX_LEN`].
    #[error("a call id has 1 to {max} characters, this one has {len}", max = CallId::MAX_LEN)]
    Length {
        /// Length of the refused name, bytes.
        len: usize,
    },
    /// A word with a meaning of its own in the API's paths.
    #[error("{0:?} is no call id: it is a word of the API's paths; {0}-1 would do")]
    Reserved(String),
    /// A character that would be trouble in a path, a URL or a log line.
    #[error("a call id has no {0:?}: letters, digits and . _ - + : @ = only")]
    Character(char),
}

/// The public name of a call: Asterisk's uniqueid where known, else the source's own id.
///
/// Holds only characters that are safe in a file name, a URL path and a log line.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CallId(Arc<str>);

impl CallId {
    /// The longest name that is taken, in bytes.
    pub const MAX_LEN: usize = 160;

    /// Words that are no names of calls, for they stand at a call's place in the API's paths, or clients resolve them on the way there.
    pub const RESERVED: [&str; 7] = ["active", "stats", "agent-service", "processing", "bulk", ".", ".."];

    /// Checks a name from outside.
    pub fn parse(text: &str) -> Result<Self, CallIdError> {
        if Self::RESERVED.contains(&text) {
            return Err(CallIdError::Reserved(text.into()));
        }
        Self::known(text)
    }

    /// Reads a name that was given before.
    fn known(text: &str) -> Result<Self, CallIdError> {
        if text.is_empty() || text.len() > Self::MAX_LEN {
            return Err(CallIdError::Length { len: text.len() });
        }
        let fits = |c: char| c.is_ascii_alphanumeric() || "._-+:@=".contains(c);
        match text.chars().find(|&c| !fits(c)) {
            Some(bad) => Err(CallIdError::Character(bad)),
            None => Ok(Self(text.into())),
        }
    }

    /// Makes a name out of any text, replacing what a call id must not hold by `_` and cutting it to length; a reserved word gets a `_` behind it.
    pub fn from_lossy(text: &str) -> Self {
        let safe: String = text
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || "._-+:@=".contains(c) { c } else { '_' })
            .take(Self::MAX_LEN)
            .collect();
        match safe.as_str() {
            "" => Self("unnamed".into()),
            reserved if Self::RESERVED.contains(&reserved) => Self(format!("{reserved}_").into()),
            safe => Self(safe.into()),
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for CallId {
    type Error = CallIdError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::known(&text)
    }
}

impl From<CallId> for String {
    fn from(id: CallId) -> Self {
        id.0.to_string()
    }
}

/// One direction of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Leg {
    /// Both sides in one stream.
    Mixed,
    /// The agent's voice.
    Agent,
    /// The caller's (or called customer's) voice.
    Caller,
}

impl Leg {
    /// All legs, in the order of their number in an AudioSocket UUID (0 mixed, 1 agent, 2 caller).
    pub const ALL: [Self; 3] = [Self::Mixed, Self::Agent, Self::Caller];

    /// The word used in the database, in JSON and in file names.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mixed => "mixed",
            Self::Agent => "agent",
            Self::Caller => "caller",
        }
    }

    /// Reads the word back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|leg| leg.as_str() == text)
    }

    /// The speaker of this leg as shown to people: a mixed leg has no known speaker.
    pub const fn speaker(self) -> &'static str {
        match self {
            Self::Mixed => "unknown",
            Self::Agent => "agent",
            Self::Caller => "caller",
        }
    }
}

/// The speaker of a text, as the API gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    /// The agent.
    Agent,
    /// The caller, or the customer who was called.
    Caller,
    /// Both sides are in one stream: nobody knows.
    Unknown,
}

impl From<Leg> for Speaker {
    fn from(leg: Leg) -> Self {
        match leg {
            Leg::Mixed => Self::Unknown,
            Leg::Agent => Self::Agent,
            Leg::Caller => Self::Caller,
        }
    }
}

impl fmt::Display for Leg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Source of a call's audio.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Asterisk's AudioSocket over TCP.
    Audiosocket,
    /// `lineside eagi` run by Asterisk.
    Eagi,
    /// A recording file in a watched folder.
    Recording,
    /// A file given to the API or the CLI.
    Upload,
    /// Another platform, by `/api/realtime`.
    Ingest,
}

impl Source {
    /// All roads.
    pub const ALL: [Self; 5] = [Self::Audiosocket, Self::Eagi, Self::Recording, Self::Upload, Self::Ingest];

    /// Reads the word back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.as_str() == text)
    }

    /// The word used in the database and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Audiosocket => "audiosocket",
            Self::Eagi => "eagi",
            Self::Recording => "recording",
            Self::Upload => "upload",
            Self::Ingest => "ingest",
        }
    }
}

/// State of a call, in the words of the call sessions API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallState {
    /// Audio is coming, or may still come.
    Active,
    /// The line is closed; text of the last words is outstanding.
    ConnectionClosed,
    /// Closed, and every utterance has its text.
    Completed,
    /// The audio could not be read.
    Failed,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl CallState {
    /// All states in the order of a call's life.
    pub const ALL: [Self; 4] = [Self::Active, Self::ConnectionClosed, Self::Completed, Self::Failed];

    /// The word used in the database and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::ConnectionClosed => "connection_closed",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }

    /// Reads the word back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

macro_rules! row_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

row_id!(
    /// Row number of a call; stays the same when the call gets another name.
    CallKey
);
row_id!(
    /// Row number of a leg: one stream of one connection or one file.
    LegKey
);
row_id!(
    /// Row number of an utterance.
    UtteranceKey
);

/// Milliseconds from the call's start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CallTime(pub i64);

impl CallTime {
    /// The time in seconds, the unit of every offset in JSON.
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1000.0
    }
}

/// Milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WallTime(pub i64);

impl WallTime {
    /// RFC 3339 in UTC with milliseconds, the form of every timestamp in JSON.
    pub fn rfc3339(self) -> String {
        jiff::Timestamp::from_millisecond(self.0).map_or_else(|_| String::from("invalid"), |t| format!("{t:.3}"))
    }
}

/// A moment by both clocks: by the one that is never stepped, and by the one that people and files go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Time of the monotonic clock.
    pub steady: Instant,
    /// Time of the wall clock.
    pub wall: WallTime,
}

impl Moment {
    /// This moment, at `wall`.
    pub fn now(wall: WallTime) -> Self {
        Self { steady: Instant::now(), wall }
    }

    /// The moment that lies this much earlier.
    pub fn before(self, time: Duration) -> Self {
        Self {
            steady: self.steady.checked_sub(time).unwrap_or(self.steady),
            wall: WallTime(self.wall.0 - time.as_millis() as i64),
        }
    }
}

/// How far the wall clock is ahead of the machine's own clock (`CLOCK_MONOTONIC`, the one of `Instant`), which is never set. Two readings of one boot tell
/// by how much the wall clock was stepped between them, also while lineside was down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootClock {
    /// Linux's id of the boot (`/proc/sys/kernel/random/boot_id`).
    pub boot: String,
    /// Wall clock less the machine's own, milliseconds.
    pub ahead_ms: i64,
}

impl BootClock {
    /// The clocks at this moment; `None` where the kernel names no boot.
    pub fn now(wall: WallTime) -> Option<Self> {
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?.trim().to_owned();
        let since = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        Some(Self { boot, ahead_ms: wall.0 - since.tv_sec * 1000 - since.tv_nsec / 1_000_000 })
    }

    /// Milliseconds by which the wall clock was stepped since an earlier reading; 0 when the machine was booted in between, because nothing tells then.
    pub fn stepped_ms(&self, before: &Self) -> i64 {
        if self.boot == before.boot { self.ahead_ms - before.ahead_ms } else { 0 }
    }
}

/// Names of a call in other systems. `None` means not known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CallNames {
    /// AudioSocket UUID, lower case with hyphens.
    pub uuid: Option<String>,
    /// Asterisk's uniqueid.
    pub uniqueid: Option<String>,
    /// The agent's user or extension.
    pub agent: Option<String>,
    /// Campaign, in-group or queue.
    pub campaign: Option<String>,
    /// The lead's or customer record's number.
    pub lead: Option<String>,
    /// The other party's telephone number.
    pub phone: Option<String>,
    /// Free metadata: a JSON object.
    pub metadata: Option<serde_json::Map<String, serde_json::Value>>,
}

impl CallNames {
    /// Key of the metadata that the PBX gives: queue, holds, transfers, cause of the hangup.
    pub const PBX: &str = "pbx";
    /// Size of a call's metadata at most, bytes of JSON: it is part of every list that shows the call.
    pub const METADATA_BYTES: usize = 4096;

    /// Whether the metadata is no larger than it may be.
    pub fn metadata_fits(&self) -> bool {
        self.metadata.as_ref().is_none_or(|metadata| {
            let mut count = Count(0);
            serde_json::to_writer(&mut count, metadata).is_ok() && count.0 <= Self::METADATA_BYTES
        })
    }
}

/// Counts what is written.
struct Count(usize);

impl std::io::Write for Count {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// One recognised word with its time inside the call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Word {
    /// The word as written, without surrounding space.
    pub text: String,
    /// First sound, milliseconds (relative to what the surrounding type says).
    pub start_ms: i64,
    /// Last sound, milliseconds.
    pub end_ms: i64,
    /// Mean probability of its tokens, 0 to 1.
    pub confidence: f32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_id_with_a_slash_is_refused_and_can_be_made_safe() {
        assert_eq!(CallId::parse("a/b"), Err(CallIdError::Character('/')));
        assert_eq!(CallId::from_lossy("a/b c").as_str(), "a_b_c");
        assert_eq!(CallId::parse("1795218045.12").map(|id| id.to_string()), Ok("1795218045.12".into()));
    }

    #[test]
    fn an_empty_or_endless_call_id_is_refused() {
        assert_eq!(CallId::parse(""), Err(CallIdError::Length { len: 0 }));
        assert_eq!(CallId::parse(&"x".repeat(161)), Err(CallIdError::Length { len: 161 }));
        assert_eq!(CallId::from_lossy("").as_str(), "unnamed");
    }

    #[test]
    fn a_word_of_the_paths_is_no_call_id_and_a_file_of_that_name_gets_another() {
        for word in CallId::RESERVED {
            assert_eq!(CallId::parse(word), Err(CallIdError::Reserved(word.into())));
            assert_eq!(CallId::from_lossy(word).as_str(), format!("{word}_"));
        }
        assert!(CallId::parse("active_").is_ok() && CallId::parse("Stats").is_ok());
        let before: CallId = serde_json::from_str("\"active\"").expect("what was named before is read");
        assert_eq!(before.as_str(), "active");
    }

    #[test]
    fn times_are_printed_with_milliseconds_in_utc() {
        assert_eq!(WallTime(1_795_218_045_120).rfc3339(), "2026-11-20T23:40:45.120Z");
        assert!((CallTime(1234).seconds() - 1.234).abs() < 1e-9);
    }
}
