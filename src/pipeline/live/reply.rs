//! Splits a request from another room in two: the request goes to the core, the channel of its answer stays here.

use tokio::sync::oneshot;

use super::effect::Answer;
use super::event::{Chunk, Request, Said};
use crate::call::CallKey;
use crate::pipeline::command::{Command, Named, SaidText, StoredChunk};

/// The reply channel of a request. A requester that has gone gets no reply.
pub(super) enum Reply {
    Done(oneshot::Sender<()>),
    WasRunning(oneshot::Sender<bool>),
    Named(oneshot::Sender<Named>),
    Running(oneshot::Sender<Vec<CallKey>>),
    Nobody,
}

impl Reply {
    /// Splits a command into the request and its reply channel.
    pub(super) fn split(command: Command) -> (Request, Self) {
        match command {
            Command::Name { call, names, reply } => (Request::Name { call, names }, Self::Named(reply)),
            Command::End { call, reason, reply } => (Request::End { call, reason }, Self::WasRunning(reply)),
            Command::Said(said) => {
                let SaidText { leg, start, text, silence_ms, provider, reply } = *said;
                let said = Said { leg, start, text, silence_ms, provider };
                (Request::Said(Box::new(said)), Self::Done(reply))
            }
            Command::Chunk(StoredChunk { legs, alone, length_ms, at, reply }) => {
                (Request::Chunk(Chunk { legs, alone, length_ms, at }), Self::Done(reply))
            }
            Command::Alive { reply } => (Request::Alive, Self::Done(reply)),
            Command::Pause { call, pausing, by, at, reply } => {
                (Request::Pause { call, pausing, by, at }, Self::WasRunning(reply))
            }
            Command::NameFromPbx { call, names } => (Request::NameFromPbx { call, names }, Self::Nobody),
            Command::Expect { call, names } => (Request::Expect { call, names }, Self::Nobody),
            Command::PartOf { channel, call } => (Request::PartOf { channel, call }, Self::Nobody),
            Command::PauseNamed(wish) => (Request::PauseNamed(wish), Self::Nobody),
            Command::LetGo { calls, reply } => (Request::LetGo { calls }, Self::Running(reply)),
            Command::Governed { plan, lag_s } => (Request::Governed { plan, lag_s }, Self::Nobody),
        }
    }

    /// Tells it, once.
    pub(super) fn tell(&mut self, answer: Answer) {
        match (std::mem::replace(self, Self::Nobody), answer) {
            (Self::Done(reply), Answer::Done) => drop(reply.send(())),
            (Self::WasRunning(reply), Answer::WasRunning(was_running)) => drop(reply.send(was_running)),
            (Self::Named(reply), Answer::Named(named)) => drop(reply.send(named)),
            (Self::Running(reply), Answer::Running(running)) => drop(reply.send(running)),
            _ => {}
        }
    }
}
