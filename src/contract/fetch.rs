//! Recordings that are fetched from other servers.

use serde::Serialize;
use utoipa::ToSchema;

/// Servers, and what is to be fetched from them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FetchList {
    /// The servers of the configuration, in its order.
    pub remotes: Vec<RemoteServer>,
    /// Recordings, the newest request first.
    pub fetches: Vec<FetchedRecording>,
    /// Whether there are older ones than `limit` allows.
    pub more: bool,
}

/// The result of a request to fetch recordings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FetchTaken {
    /// The recordings that were asked for, in the order of the request.
    pub fetches: Vec<FetchedRecording>,
    /// Calls for which nothing is fetched.
    pub refused: Vec<FetchRefusal>,
}

/// A call for which nothing is fetched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FetchRefusal {
    /// The call, as it was asked for.
    pub call_id: String,
    /// Reason why it was refused, for people.
    pub detail: String,
}

/// A server that recordings are fetched from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RemoteServer {
    /// Its name in the configuration.
    pub name: String,
    /// Name or address, and port.
    pub address: String,
    /// Recordings that are not here yet.
    pub open: u64,
    /// Recordings that are on their way now.
    pub running: usize,
    /// Reason why the server cannot be reached, and the remedy; `null` when it can.
    pub problem: Option<String>,
    /// Time of the next try; `null` without a problem.
    #[schema(format = DateTime)]
    pub next_try: Option<String>,
}

/// A recording on another server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FetchedRecording {
    /// The call that it becomes.
    pub call_id: String,
    /// The server's name in the configuration.
    pub remote: String,
    /// Path of the recording on the server.
    pub path: String,
    /// State of the recording.
    pub state: FetchState,
    /// Size of the recording on the server, bytes.
    pub size: Option<u64>,
    /// Bytes fetched so far.
    pub got: u64,
    /// Number of tries that failed because of the file: it is missing, cannot be read, or still grows.
    pub tries: u32,
    /// Time of the request.
    #[schema(format = DateTime)]
    pub asked: String,
    /// Time of the next try; `null` when it is over.
    #[schema(format = DateTime)]
    pub next_try: Option<String>,
    /// Time at which it was fetched or given up.
    #[schema(format = DateTime)]
    pub done: Option<String>,
    /// The problem of the last try, and the remedy.
    pub problem: Option<String>,
}

/// State of a recording on another server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FetchState {
    /// It is fetched when its time has come.
    Waiting,
    /// It is being brought over.
    Fetching,
    /// It is whole here, and becomes the call's.
    Taking,
    /// The call has it.
    Done,
    /// The call had sound from elsewhere: nothing was taken.
    Known,
    /// It is not tried any more; a new request begins anew.
    GivenUp,
}

impl FetchState {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Waiting, Self::Fetching, Self::Taking, Self::Done, Self::Known, Self::GivenUp];

    /// The word in the database and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Fetching => "fetching",
            Self::Taking => "taking",
            Self::Done => "done",
            Self::Known => "known",
            Self::GivenUp => "given_up",
        }
    }

    /// Reads the word back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// Whether more is to be done about it.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Waiting | Self::Fetching | Self::Taking)
    }
}
