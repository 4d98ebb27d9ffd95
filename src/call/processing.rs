//! The stages of a finished call, the state of each, and when they run.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Source;

/// Mode of processing, in the words of the call sessions API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProcessingMode {
    /// After the call: nothing is transcribed while it runs.
    PostcallOnly,
    /// While the call runs; the stages after it run on request only.
    Realtime,
    /// While the call runs, and all stages when it is over.
    #[default]
    Hybrid,
}

impl ProcessingMode {
    /// All modes.
    pub const ALL: [Self; 3] = [Self::PostcallOnly, Self::Realtime, Self::Hybrid];

    /// The word used in the database and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PostcallOnly => "postcall_only",
            Self::Realtime => "realtime",
            Self::Hybrid => "hybrid",
        }
    }

    /// Reads the word back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == text)
    }
}

/// The mode of each source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessingModes([ProcessingMode; Source::ALL.len()]);

impl Default for ProcessingModes {
    /// A file that somebody hands over is no call that runs.
    fn default() -> Self {
        Self::all(ProcessingMode::Hybrid).with(Source::Upload, ProcessingMode::PostcallOnly)
    }
}

impl ProcessingModes {
    /// One mode for all sources.
    pub const fn all(mode: ProcessingMode) -> Self {
        Self([mode; Source::ALL.len()])
    }

    /// The same with another mode for one source.
    #[must_use]
    pub const fn with(mut self, source: Source, mode: ProcessingMode) -> Self {
        self.0[source as usize] = mode;
        self
    }

    /// The mode of a source.
    pub const fn of(self, source: Source) -> ProcessingMode {
        self.0[source as usize]
    }
}

/// A step of what is made of a call that is over, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Its text: that of the live call, or transcribed again.
    Transcription,
    /// The text in English.
    Translation,
    /// Entities: names, amounts, dates and the like.
    Entities,
    /// Classification: subject and priority.
    Classification,
    /// The sentences that tell it.
    Summary,
    /// The score card.
    Qa,
    /// Insights: outcome and open actions.
    Insights,
}

impl Stage {
    /// All stages, in their order.
    pub const ALL: [Self; 7] = [
        Self::Transcription,
        Self::Translation,
        Self::Entities,
        Self::Classification,
        Self::Summary,
        Self::Qa,
        Self::Insights,
    ];

    /// The word used in the database and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Transcription => "transcription",
            Self::Translation => "translation",
            Self::Entities => "entities",
            Self::Classification => "classification",
            Self::Summary => "summary",
            Self::Qa => "qa",
            Self::Insights => "insights",
        }
    }

    /// Reads the word back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.as_str() == text)
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The utterances of a finished call that is transcribed again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VadRun {
    /// Those that are stored.
    #[default]
    Kept,
    /// Those that the VAD finds when it is run again over the sound.
    Again,
}

/// State of a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StageState {
    /// It waits for its turn.
    Pending,
    /// It is being made. After a crash it waits again.
    Running,
    /// It is there.
    Done,
    /// It was tried as often as it is tried.
    Failed,
    /// It is not needed.
    Skipped,
    /// It cannot be made as lineside is set up.
    Unavailable,
}

impl StageState {
    /// All states.
    pub const ALL: [Self; 6] =
        [Self::Pending, Self::Running, Self::Done, Self::Failed, Self::Skipped, Self::Unavailable];

    /// The word used in the database and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Unavailable => "unavailable",
        }
    }

    /// Reads the word back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// Whether it is to be made yet.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::Running)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_back() {
        assert!(Stage::ALL.into_iter().all(|stage| Stage::parse(stage.as_str()) == Some(stage)));
        assert!(StageState::ALL.into_iter().all(|state| StageState::parse(state.as_str()) == Some(state)));
        assert!(ProcessingMode::ALL.into_iter().all(|mode| ProcessingMode::parse(mode.as_str()) == Some(mode)));
        let modes = ProcessingModes::default();
        assert_eq!(
            (modes.of(Source::Eagi), modes.of(Source::Upload)),
            (ProcessingMode::Hybrid, ProcessingMode::PostcallOnly)
        );
        assert!(Stage::ALL.windows(2).all(|pair| pair[0] < pair[1]), "in the order in which they are made");
    }
}
