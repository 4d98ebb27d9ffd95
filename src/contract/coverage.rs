//! Coverage of a day: every call that the dialer says took place, against recordings and texts.

use serde::Serialize;
use utoipa::ToSchema;

use super::alert::AlertKind;
use crate::call::Level;

/// The system that reports which calls took place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CoverageSource {
    /// ViciDial's logs.
    Vicidial,
    /// Call records of FreePBX or Issabel.
    Freepbx,
    /// Asterisk's manager interface, where no dialer's database is configured.
    Ami,
}

impl CoverageSource {
    /// The word in the database and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Vicidial => "vicidial",
            Self::Freepbx => "freepbx",
            Self::Ami => "ami",
        }
    }

    /// Reads the word back.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Vicidial, Self::Freepbx, Self::Ami].into_iter().find(|source| source.as_str() == text)
    }
}

/// State of a call's coverage, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CoverageState {
    /// The call took place and there is no recording of it.
    Missing,
    /// There is a recording, and it is silent or holds no speech.
    Empty,
    /// The recording is much shorter than the call.
    Short,
    /// One of the two sides was silent all through.
    OneSided,
    /// The recording still lies where Asterisk has written it: the dialer's script has not moved it.
    Stuck,
    /// A recording or a text that no call of the dialer belongs to.
    Orphaned,
    /// Its text is outstanding: in our own queue, or the file was not taken yet.
    Waiting,
    /// The call is not over.
    Running,
    /// No recording is expected: the call was too short, had no agent, or its campaign does not record.
    NotExpected,
    /// Recorded and transcribed, whole.
    Complete,
}

impl CoverageState {
    /// All of them, the worst first.
    pub const ALL: [Self; 10] = [
        Self::Missing,
        Self::Empty,
        Self::Short,
        Self::OneSided,
        Self::Stuck,
        Self::Orphaned,
        Self::Waiting,
        Self::Running,
        Self::NotExpected,
        Self::Complete,
    ];

    /// The word in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Empty => "empty",
            Self::Short => "short",
            Self::OneSided => "one_sided",
            Self::Stuck => "stuck",
            Self::Orphaned => "orphaned",
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::NotExpected => "not_expected",
            Self::Complete => "complete",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Whether somebody has to look after it.
    pub const fn is_fault(self) -> bool {
        matches!(self, Self::Missing | Self::Empty | Self::Short | Self::OneSided | Self::Stuck | Self::Orphaned)
    }
}

/// Number of calls in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct CoverageCounts {
    /// Calls without a recording.
    pub missing: usize,
    /// Calls whose recording is silent or holds no speech.
    pub empty: usize,
    /// Much shorter than the call.
    pub short: usize,
    /// Calls with one silent side.
    pub one_sided: usize,
    /// Calls whose recording the dialer's script has not moved.
    pub stuck: usize,
    /// Recordings and texts without a call.
    pub orphaned: usize,
    /// Text outstanding.
    pub waiting: usize,
    /// Calls that are not over.
    pub running: usize,
    /// Calls of which no recording is expected.
    pub not_expected: usize,
    /// Recorded and transcribed, whole.
    pub complete: usize,
}

impl CoverageCounts {
    /// Counts one more.
    pub fn add(&mut self, state: CoverageState) {
        *self.of(state) += 1;
    }

    fn of(&mut self, state: CoverageState) -> &mut usize {
        match state {
            CoverageState::Missing => &mut self.missing,
            CoverageState::Empty => &mut self.empty,
            CoverageState::Short => &mut self.short,
            CoverageState::OneSided => &mut self.one_sided,
            CoverageState::Stuck => &mut self.stuck,
            CoverageState::Orphaned => &mut self.orphaned,
            CoverageState::Waiting => &mut self.waiting,
            CoverageState::Running => &mut self.running,
            CoverageState::NotExpected => &mut self.not_expected,
            CoverageState::Complete => &mut self.complete,
        }
    }

    /// How many are in a state.
    pub fn count(mut self, state: CoverageState) -> usize {
        *self.of(state)
    }

    /// Calls that somebody has to look after.
    pub fn faults(self) -> usize {
        CoverageState::ALL.into_iter().filter(|state| state.is_fault()).map(|state| self.count(state)).sum()
    }
}

/// Coverage of a day.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CoverageReport {
    /// The day, `YYYY-MM-DD` in the time zone of the machine.
    #[schema(format = Date)]
    pub day: String,
    /// Begin of the day.
    #[schema(format = DateTime)]
    pub since: String,
    /// End of the day.
    #[schema(format = DateTime)]
    pub until: String,
    /// The system that reported the calls; `null` when nothing was read for this day.
    pub source: Option<CoverageSource>,
    /// Time of its last report.
    #[schema(format = DateTime)]
    pub read: Option<String>,
    /// Reason why it could not be read now, and the remedy; the rows are those of the last report. Or what of the day could not be read, and the remedy:
    /// calls, lengths or agents are then missing or less exact.
    pub problem: Option<String>,
    /// Calls that no agent had and that have no row; `null` for a token of one campaign.
    pub unanswered: Option<i64>,
    /// Number of rows in each state, of the whole day.
    pub counts: CoverageCounts,
    /// Rows that somebody has to look after.
    pub faults: usize,
    /// The rows, the worst first, then by time.
    pub calls: Vec<CoverageCall>,
    /// `offset` of the next page; `null` on the last.
    pub next_offset: Option<usize>,
}

/// A call of the day, or a recording without one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CoverageCall {
    /// State of the call's coverage.
    pub state: CoverageState,
    /// Reason for the state, and the remedy; `null` when there is nothing to say.
    pub reason: Option<String>,
    /// Time at which the call began, by the dialer; for an orphan, by the recording.
    #[schema(format = DateTime)]
    pub started: String,
    /// Seconds that a recording should have; `null` while the call runs, and of an orphan.
    pub expected_seconds: Option<i64>,
    /// Seconds that were recorded; `null` when nothing was.
    pub recorded_seconds: Option<i64>,
    /// The agent.
    pub agent: Option<String>,
    /// Campaign, in-group or queue.
    pub campaign: Option<String>,
    /// The dialer's id of the call: uniqueid, closecallid or linkedid; `null` of an orphan.
    pub dialer_call: Option<String>,
    /// Asterisk's uniqueid of the customer's channel.
    pub uniqueid: Option<String>,
    /// The dialer's number of the recording.
    pub recording_id: Option<i64>,
    /// The recording's file, or its name where no file was found.
    pub recording: Option<String>,
    /// The call here, for `/api/v1/calls/{id}`; `null` when lineside has none.
    pub call_id: Option<String>,
}

/// The message of the morning when calls of the day before are missing: an alert without a call.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CoverageAlert {
    /// The kind of the message.
    #[serde(rename = "type")]
    #[schema(inline)]
    pub kind: AlertKind,
    /// Always 0.
    pub id: i64,
    /// Always `warning`.
    pub level: Level,
    /// Always `null`: it is of no one call.
    pub call_id: Option<String>,
    /// Time at which the message was made.
    #[schema(format = DateTime)]
    pub timestamp: String,
    /// Always `coverage`.
    pub rules_triggered: Vec<String>,
    /// Number of calls in each state, in words.
    pub reasons: Vec<String>,
    /// The day, `YYYY-MM-DD`.
    #[schema(format = Date)]
    pub day: String,
    /// The same in figures.
    pub counts: CoverageCounts,
    /// All of it in a line.
    pub message: String,
}
