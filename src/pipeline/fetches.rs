//! Requests for recordings on other servers. Both sides, the API and the fetcher, import these types, so that neither imports the other.

use tokio::sync::{mpsc, oneshot};

use crate::call::{CallId, WallTime};
use crate::contract::fetch::{FetchTaken, RemoteServer};
use crate::store::StoreError;

/// Reason why a request was refused.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// There is no `[[remote]]`.
    #[error("the configuration has no [[remote]]: see docs/remote.md")]
    Off,
    /// There is no server of that name.
    #[error("no [[remote]] is named {0:?}; the configuration has: {1}")]
    Unknown(String, String),
    /// There are several.
    #[error("which server? Name one of: {0}")]
    Which(String),
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is nobody to ask.
    #[error("lineside is stopping")]
    Stopping,
}

/// The recordings that are wanted.
#[derive(Clone, Debug)]
pub struct FetchWish {
    /// Name of the server; may be left out where there is one alone.
    pub remote: Option<String>,
    /// The calls.
    pub calls: Vec<CallId>,
    /// Begin of the calls, where it is known.
    pub at: Option<WallTime>,
    /// The dialer's row of the recording; there is one call then.
    pub told: Option<ToldRecording>,
}

/// A recording as the dialer's own row names it.
#[derive(Clone, Debug)]
pub struct ToldRecording {
    /// Its number.
    pub id: i64,
    /// Its name without side and ending.
    pub filename: String,
    /// Its path beneath the folder of recordings there.
    pub location: String,
    /// The lead.
    pub lead: Option<String>,
    /// The agent.
    pub agent: Option<String>,
}

/// A request, with the channel of its answer.
#[derive(Debug)]
pub enum FetchCommand {
    /// Fetch recordings.
    Start {
        /// The recordings that are wanted.
        wish: FetchWish,
        /// The answer.
        reply: oneshot::Sender<Result<FetchTaken, FetchError>>,
    },
    /// List the servers and the queue.
    List {
        /// The answer.
        reply: oneshot::Sender<Vec<RemoteServer>>,
    },
}

/// Access to the fetching task; there is none without a `[[remote]]`.
#[derive(Clone, Debug, Default)]
pub struct Fetches(pub Option<mpsc::Sender<FetchCommand>>);

impl Fetches {
    /// Requests recordings; they are in the queue when this returns.
    pub async fn start(&self, wish: FetchWish) -> Result<FetchTaken, FetchError> {
        self.ask(|reply| FetchCommand::Start { wish, reply }).await?
    }

    /// The servers; none without a `[[remote]]`.
    pub async fn servers(&self) -> Vec<RemoteServer> {
        self.ask(|reply| FetchCommand::List { reply }).await.unwrap_or_default()
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> FetchCommand) -> Result<T, FetchError> {
        let commands = self.0.as_ref().ok_or(FetchError::Off)?;
        let (reply, answer) = oneshot::channel();
        commands.send(command(reply)).await.map_err(|_| FetchError::Stopping)?;
        answer.await.map_err(|_| FetchError::Stopping)
    }
}
