//! Requests for taps, and their state. Both sides, the API and the manager interface, import these types, so that neither imports the other.

use tokio::sync::{mpsc, oneshot};

use crate::call::{Leg, WallTime};

/// A side of a call that is tapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TapSide {
    /// The side that the tap listens to.
    pub leg: Leg,
    /// Name of the channel.
    pub channel: String,
    /// State of the tap.
    pub state: SideState,
}

/// State of the tap of one side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SideState {
    /// Asterisk was asked for it.
    Asked,
    /// It brings sound.
    Running,
    /// It could not be made; why.
    Failed(String),
}

/// A call that is tapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tap {
    /// The call's id: the uniqueid of the channel that began it.
    pub call: String,
    /// Samples per second.
    pub rate_hz: u32,
    /// Pattern of the rule that wants it; `None` of a person.
    pub rule: Option<String>,
    /// Begin of the tap.
    pub since: WallTime,
    /// Its sides.
    pub sides: Vec<TapSide>,
}

/// A call of Asterisk in which somebody talks and that nobody taps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UntappedCall {
    /// The uniqueid of the channel that began it.
    pub call: String,
    /// The people on the call: side, and name of the channel.
    pub parties: Vec<(Leg, String)>,
}

/// Reason why a tap was not begun or ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TapError {
    /// `[ami]` is not set.
    #[error("taps need Asterisk's manager interface: set [ami] address, see docs/dialplan.md")]
    Off,
    /// There is no connection to Asterisk.
    #[error("Asterisk's manager interface is not connected: {0}")]
    Away(String),
    /// The account may not.
    #[error(
        "manager.conf does not let the account of lineside tap: give its section `write = originate,reporting,call`, then `asterisk -rx 'manager reload'`"
    )]
    Rights,
    /// `[audiosocket]` is switched off, or has no address that Asterisk could reach.
    #[error("taps need [audiosocket] listen, and [ami] tap_address where Asterisk is on another machine")]
    NoSocket,
    /// There is no such channel.
    #[error(
        "no channel or call of Asterisk has the name or uniqueid {0:?}; `asterisk -rx 'core show channels'` lists them"
    )]
    Unknown(String),
    /// A uniqueid of another shape.
    #[error("the call {0:?} cannot be tapped: its uniqueid is not of the form 1795218045.12")]
    Shape(String),
    /// It is tapped.
    #[error("the call {0} is tapped already")]
    Taken(String),
    /// It is not tapped.
    #[error("the call {0:?} is not tapped")]
    NotTapped(String),
    /// The limit of tapped calls is reached.
    #[error("{0} calls are tapped, which is [ami] max_taps: end one, or raise it")]
    Full(usize),
}

/// A request, with the channel of its answer.
#[derive(Debug)]
pub enum TapCommand {
    /// Tap both sides of a call.
    Start {
        /// A channel by name or uniqueid, or a call.
        target: String,
        /// Samples per second.
        rate_hz: u32,
        /// The answer.
        reply: oneshot::Sender<Result<Tap, TapError>>,
    },
    /// End a call's taps.
    End {
        /// A channel by name or uniqueid, or a call.
        target: String,
        /// The answer: what was ended.
        reply: oneshot::Sender<Result<Tap, TapError>>,
    },
    /// All calls that are tapped.
    List {
        /// The answer.
        reply: oneshot::Sender<Vec<Tap>>,
    },
    /// Calls in which somebody talks and that are not tapped.
    Untapped {
        /// The answer.
        reply: oneshot::Sender<Vec<UntappedCall>>,
    },
}

/// Samples per second that a tap may have: Asterisk's `slin` and `slin16`.
pub const RATES: [u32; 2] = [8000, 16_000];

/// Access to the task that taps; there is none where `[ami]` is not set.
#[derive(Clone, Debug, Default)]
pub struct Taps(pub Option<mpsc::Sender<TapCommand>>);

impl Taps {
    /// Taps both sides of a call.
    pub async fn start(&self, target: String, rate_hz: u32) -> Result<Tap, TapError> {
        self.ask(|reply| TapCommand::Start { target, rate_hz, reply }).await?
    }

    /// Ends a call's taps; gives what was ended.
    pub async fn end(&self, target: String) -> Result<Tap, TapError> {
        self.ask(|reply| TapCommand::End { target, reply }).await?
    }

    /// All calls that are tapped; none where `[ami]` is not set.
    pub async fn list(&self) -> Vec<Tap> {
        self.ask(|reply| TapCommand::List { reply }).await.unwrap_or_default()
    }

    /// Calls in which somebody talks and that nobody taps; none while Asterisk's manager interface is away.
    pub async fn untapped(&self) -> Vec<UntappedCall> {
        self.ask(|reply| TapCommand::Untapped { reply }).await.unwrap_or_default()
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> TapCommand) -> Result<T, TapError> {
        let commands = self.0.as_ref().ok_or(TapError::Off)?;
        let (reply, answer) = oneshot::channel();
        let away = || TapError::Away("lineside is stopping".into());
        commands.send(command(reply)).await.map_err(|_| away())?;
        answer.await.map_err(|_| away())
    }
}
