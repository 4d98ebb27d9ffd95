//! What goes back to the dialer by its APIs: the queue, and listening in by telephone.

use serde::Serialize;
use utoipa::ToSchema;

/// What is told to the dialer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DialerWriteKind {
    /// A summary of the call in the lead's comments (`update_lead`).
    Comment,
    /// An alert on the agent's screen (`send_notification`).
    Notification,
    /// A supervisor's telephone is called and listens in (`blind_monitor`).
    Listen,
}

impl DialerWriteKind {
    /// The word of the database and of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Comment => "comment",
            Self::Notification => "notification",
            Self::Listen => "listen",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Comment, Self::Notification, Self::Listen].into_iter().find(|kind| kind.as_str() == word)
    }
}

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DialerWriteState {
    /// It will be tried, or tried again.
    Waiting,
    /// The dialer has it.
    Sent,
    /// It would have been sent; `[dialer_api] dry_run` is on.
    DryRun,
    /// There was nothing to send, or it came too late; `answer` says why.
    Skipped,
    /// The dialer refused it, or could not be reached; `answer` says why.
    GivenUp,
}

impl DialerWriteState {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Waiting, Self::Sent, Self::DryRun, Self::Skipped, Self::GivenUp];

    /// The word of the database and of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::DryRun => "dry_run",
            Self::Skipped => "skipped",
            Self::GivenUp => "given_up",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// A field of a request to the dialer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DialerField {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// Something that is told to the dialer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DialerWrite {
    /// Its number.
    pub id: i64,
    /// The call that it is about.
    pub call_id: String,
    /// What is told.
    pub kind: DialerWriteKind,
    /// How far it has come.
    pub state: DialerWriteState,
    /// Number of the alert that a notification is of.
    pub alert_id: Option<i64>,
    /// Tries so far.
    pub tries: u32,
    /// Since when it waits.
    #[schema(format = DateTime)]
    pub queued_at: String,
    /// When it is tried next; `null` when it is not.
    #[schema(format = DateTime)]
    pub next_try_at: Option<String>,
    /// When it was sent or given up.
    #[schema(format = DateTime)]
    pub done_at: Option<String>,
    /// What was sent, or would have been: the fields of the request without user and password. Empty before the first try.
    pub request: Vec<DialerField>,
    /// What the dialer said at the last try, or why nothing was sent.
    pub answer: Option<String>,
}

/// What was told to the dialer, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DialerWrites {
    /// Whether `[dialer_api]` is set.
    pub enabled: bool,
    /// Whether nothing is sent, only written down.
    pub dry_run: bool,
    /// Whether supervisors may have their telephone called.
    pub listen: bool,
    /// The rows.
    pub writes: Vec<DialerWrite>,
}

/// A supervisor's telephone that is being called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ListeningIn {
    /// The call.
    pub call_id: String,
    /// The telephone that rings, as the dialer names it.
    pub phone: String,
    /// `sent`, or `dry_run` where nothing is called.
    pub state: DialerWriteState,
    /// What the dialer said.
    pub answer: String,
}
