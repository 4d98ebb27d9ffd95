//! What goes back to the dialer by its APIs: the queue, and listening in by telephone.

use serde::Serialize;
use utoipa::ToSchema;

/// A kind of message to the dialer.
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

/// State of a message to the dialer.
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

/// A message to the dialer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DialerWrite {
    /// Its number.
    pub id: i64,
    /// The call that it is about.
    pub call_id: String,
    /// Kind of the message.
    pub kind: DialerWriteKind,
    /// State of the message.
    pub state: DialerWriteState,
    /// Number of the alert that a notification is of.
    pub alert_id: Option<i64>,
    /// Number of tries so far.
    pub tries: u32,
    /// Time at which the message was queued.
    #[schema(format = DateTime)]
    pub queued_at: String,
    /// Time of the next try; `null` when there is none.
    #[schema(format = DateTime)]
    pub next_try_at: Option<String>,
    /// Time at which it was sent or given up.
    #[schema(format = DateTime)]
    pub done_at: Option<String>,
    /// The fields of the request without user and password, as sent, or as they would be sent in a dry run. Empty before the first try.
    pub request: Vec<DialerField>,
    /// The dialer's answer to the last try, or the reason why nothing was sent.
    pub answer: Option<String>,
}

/// Messages to the dialer, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[expect(clippy::struct_excessive_bools, reason = "each is a field of the answer")]
pub struct DialerWrites {
    /// Whether `[dialer_api]` is set.
    pub enabled: bool,
    /// Whether nothing is sent, only written down.
    pub dry_run: bool,
    /// Whether supervisors may have their telephone called.
    pub listen: bool,
    /// The rows.
    pub writes: Vec<DialerWrite>,
    /// Whether there are older ones than `limit` allows.
    pub more: bool,
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
    /// The dialer's answer.
    pub answer: String,
}
