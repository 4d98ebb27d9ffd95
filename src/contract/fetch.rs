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
}

/// What became of a request.
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
    /// Why it was not taken, for people.
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
    /// Why it cannot be reached, and what to do; `null` when it can.
    pub problem: Option<String>,
    /// When it is tried again; `null` without a problem.
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
    /// Where it is there.
    pub path: String,
    /// How far it is.
    pub state: FetchState,
    /// Bytes, as the server says.
    pub size: Option<u64>,
    /// Bytes that are here.
    pub got: u64,
    /// Tries that failed by the file: it is not there, may not be read, still grows.
    pub tries: u32,
    /// When it was asked for.
    #[schema(format = DateTime)]
    pub asked: String,
    /// When it is tried next; `null` when it is over.
    #[schema(format = DateTime)]
    pub next_try: Option<String>,
    /// When it was over.
    #[schema(format = DateTime)]
    pub done: Option<String>,
    /// What was wrong at the last try, and what to do.
    pub problem: Option<String>,
}

/// How far a recording is.
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
