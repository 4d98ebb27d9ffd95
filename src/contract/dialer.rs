//! What the dialer's own database tells: of a call, and of the connection to it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The dialer whose database is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DialerKind {
    /// ViciDial.
    #[default]
    Vicidial,
    /// FreePBX or Issabel.
    Freepbx,
}

impl DialerKind {
    /// The word in the database, in JSON and in the settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Vicidial => "vicidial",
            Self::Freepbx => "freepbx",
        }
    }

    /// Reads the word back.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Vicidial, Self::Freepbx].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Direction of the call, as the dialer sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DialDirection {
    /// The customer called.
    Inbound,
    /// The customer was called.
    Outbound,
    /// Two extensions of the same system.
    Internal,
}

impl DialDirection {
    /// The word in the database and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
            Self::Internal => "internal",
        }
    }

    /// Reads the word back.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Inbound, Self::Outbound, Self::Internal].into_iter().find(|direction| direction.as_str() == text)
    }
}

/// What an agent does, as the dialer has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DialerAgentState {
    /// Waits for a call.
    Ready,
    /// Is on one, or one is on its way.
    InCall,
    /// Takes none.
    Paused,
}

/// An agent who is logged in to the dialer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DialerAgent {
    /// The user.
    pub agent: String,
    /// What they do.
    pub state: DialerAgentState,
    /// Why they are paused, by the dialer's code.
    pub pause_code: Option<String>,
    /// The campaign that they are logged in to.
    pub campaign: Option<String>,
    /// Since when.
    #[schema(format = DateTime)]
    pub since: Option<String>,
}

/// The dialer's facts about a call. Seconds are the dialer's own count.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct DialerFacts {
    /// The dialer whose database holds the facts.
    pub system: DialerKind,
    /// Direction of the call.
    pub direction: Option<DialDirection>,
    /// Asterisk's uniqueid of the customer's channel.
    pub uniqueid: Option<String>,
    /// Number of the recording.
    pub recording_id: Option<i64>,
    /// The agent's user or extension.
    pub agent: Option<String>,
    /// The agent's full name.
    pub agent_name: Option<String>,
    /// The agent's user group.
    pub user_group: Option<String>,
    /// The campaign; `null` of a call that only went through in-groups.
    pub campaign: Option<String>,
    /// The last in-group or queue of the call.
    pub in_group: Option<String>,
    /// The lead's number.
    pub lead: Option<String>,
    /// The list that the lead is on.
    pub list_id: Option<i64>,
    /// The customer's telephone number.
    pub phone: Option<String>,
    /// The agent's disposition of the call, in the dialer's own code.
    pub disposition: Option<String>,
    /// The reason for which the call ended, in the dialer's own word.
    pub term_reason: Option<String>,
    /// Length of the call, seconds.
    pub length_seconds: Option<i64>,
    /// Time of the customer in the queue, seconds.
    pub queue_seconds: Option<f64>,
    /// Time for which the agent talked, seconds, dead seconds included.
    pub talk_seconds: Option<i64>,
    /// Time for which the agent waited for the call, seconds.
    pub wait_seconds: Option<i64>,
    /// Time that the agent took for the disposition, seconds.
    pub wrap_seconds: Option<i64>,
    /// Time for which the agent stayed after the customer had gone, seconds.
    pub dead_seconds: Option<i64>,
    /// Time for which the agent was paused before the call, seconds.
    pub pause_seconds: Option<i64>,
    /// In-groups that the call went through, in order, where there was more than one stage.
    pub transfers: Vec<DialerTransfer>,
    /// Time of the last question to the dialer's database.
    #[schema(format = DateTime)]
    pub asked: String,
    /// Whether nothing more is expected. While it is `false` the database is asked again, for some minutes after the call.
    pub complete: bool,
}

/// A stage of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DialerTransfer {
    /// Time at which the stage began.
    #[schema(format = DateTime)]
    pub at: Option<String>,
    /// The in-group or queue.
    pub to: Option<String>,
    /// The agent who took the call there.
    pub agent: Option<String>,
    /// The disposition by that agent, or by the dialer.
    pub disposition: Option<String>,
    /// Its length, seconds.
    pub length_seconds: Option<i64>,
}

/// The connection to the dialer's database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DialerHealth {
    /// The dialer whose database it is.
    pub system: DialerKind,
    /// Whether it answers.
    pub connected: bool,
    /// Address or socket, and the name of the database.
    pub address: String,
    /// Time of the last change between connected and not connected.
    #[schema(format = DateTime)]
    pub since: String,
    /// Reason why there is no connection, and the remedy.
    pub problem: Option<String>,
    /// Rights of the account beyond reading, and the remedy.
    pub rights: Option<String>,
    /// The queries, and those of them that are not run because they would scan a whole table or may not be read.
    pub queries: Vec<DialerQuery>,
    /// Calls that are still asked about.
    pub waiting: usize,
}

/// One of the questions to the dialer's database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DialerQuery {
    /// Its name: a table, and by what it is asked.
    pub name: String,
    /// Reason why the query is not run, and the remedy; `null` when it is run.
    pub problem: Option<String>,
}
