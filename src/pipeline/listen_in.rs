//! Requests to listen in by telephone. Both sides, the API and the dialer's client, import these types, so that neither imports the other.

use tokio::sync::{mpsc, oneshot};

use crate::call::CallKey;
use crate::contract::dialer_write::DialerWriteState;

/// A request to listen in to a call.
#[derive(Debug)]
pub struct ListenOrder {
    /// The call.
    pub call: CallKey,
    /// Its public id, for the log.
    pub call_id: String,
    /// Its agent.
    pub agent: String,
    /// Its lead, where it has one: the agent may be on another call by now.
    pub lead: Option<String>,
    /// The dialer that the agent is logged in to, where the call names it.
    pub server_ip: Option<String>,
    /// The supervisor's telephone, as the dialer names it.
    pub phone: String,
    /// The answer.
    pub reply: oneshot::Sender<Result<ListenAnswer, ListenError>>,
}

/// The dialer's answer to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenAnswer {
    /// Sent, or a dry run.
    pub state: DialerWriteState,
    /// The answer in the dialer's own words.
    pub answer: String,
}

/// Reason why the request failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListenError {
    /// It is switched off.
    #[error(
        "listening in by telephone needs ViciDial's API: set [dialer_api] url and listen = true, see docs/dialer.md"
    )]
    Off,
    /// The dialer refuses it.
    #[error("{0}")]
    Refused(String),
    /// The dialer cannot be reached.
    #[error("{0}")]
    Away(String),
}

/// The API's access to messages that go back to the dialer.
#[derive(Clone, Debug, Default)]
pub struct DialerBack {
    /// Whether anything does.
    pub enabled: bool,
    /// Whether it is only written down.
    pub dry_run: bool,
    /// Requests to listen in; `None` where that is switched off.
    pub orders: Option<mpsc::Sender<ListenOrder>>,
}

impl DialerBack {
    /// Has a telephone called, and waits for what the dialer says.
    pub async fn listen_in(
        &self,
        order: impl FnOnce(oneshot::Sender<Result<ListenAnswer, ListenError>>) -> ListenOrder,
    ) -> Result<ListenAnswer, ListenError> {
        let orders = self.orders.as_ref().ok_or(ListenError::Off)?;
        let (reply, answer) = oneshot::channel();
        let away = || ListenError::Away("lineside is stopping".into());
        orders.send(order(reply)).await.map_err(|_| away())?;
        answer.await.map_err(|_| away())?
    }
}
