//! The conductor: one task that owns the state of running calls.
//!
//! It is a pure core and a thin shell. The core (`conductor.rs`) takes an event (`event.rs`) with the time and the facts that it asked for, and
//! returns effects (`effect.rs`): no clock, no database, no channel, so a test drives it. The shell (`run.rs`) takes the events one after the other,
//! answers the core's questions (`look_up.rs`), carries its effects out (`carry_out.rs`, `silencing.rs`) and replies to requests (`reply.rs`).
//!
//! The files of a call's way through the core, in order: `legs.rs`, the first leg creates the call; `vad_events.rs`, utterances go to the workers;
//! `words.rs`, text comes back, is analysed and stored; `time.rs`, the call ends. Beside that way: `call.rs` and `calls.rs` hold the state,
//! `commands.rs` handles requests, `merging.rs` merges two calls, `private.rs` pauses and corrects (`gaps.rs` remembers pauses, `pending_pauses.rs`
//! those of calls to come), `pbx_names.rs` takes names from the PBX, `call_names.rs` names that may be said, `messages.rs` fills the feeds' messages,
//! `expected.rs` keeps names of calls to come, `privacy.rs` and `keys.rs` redact and pause, `watching.rs` raises alerts, `sources.rs` chooses the
//! source of each voice (`choosing.rs` starts and stops them), `clock.rs` detects steps of the wall clock, `recover.rs` takes up unfinished work of a
//! former run (`start.rs` reads it from rows and files).
//!
//! `rules/` holds the core's rules as tests; `simulation/` drives it through days of calls and faults. `listen.rs` is the thread that finds
//! utterances, `ingest.rs` the task that takes calls of other platforms; `liveness.rs` and `measures.rs` report the conductor's health.
//!
//! Invariants kept here:
//! - a call is ended (`call_end`) only after its legs are closed and listened to their end, and every utterance has its text;
//! - the feeds show what the database holds: events are committed with their rows;
//! - a call that comes back under its own or a former name is the same call.

mod call;
mod call_names;
mod calls;
mod carry_out;
mod choosing;
mod clock;
mod commands;
mod conductor;
mod effect;
mod event;
mod expected;
mod gaps;
pub mod ingest;
pub mod keys;
mod legs;
pub mod listen;
pub mod liveness;
mod look_up;
pub(super) mod measures;
mod merging;
mod messages;
pub mod past_names;
mod pbx_names;
mod pending_pauses;
pub mod privacy;
mod private;
mod recover;
mod reply;
#[cfg(test)]
mod rules;
mod run;
pub mod silencing;
#[cfg(test)]
mod simulation;
mod sources;
mod start;
mod time;
mod vad_events;
mod watching;
pub(super) mod words;

pub use self::calls::RowNumbers;
pub use self::run::{Inputs, Live, Parts};
