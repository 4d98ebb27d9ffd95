//! The conductor: one task that owns what is known of running calls.
//!
//! It is a pure core and a thin shell. The core (`conductor.rs`) takes an event (`event.rs`) with the moment and the facts that it asked for, and gives
//! effects (`effect.rs`): no clock, no database, no channel, so a test drives it. The shell (`run.rs`) takes the events one after the other, answers the
//! core's questions (`look_up.rs`), carries its effects out (`carry_out.rs`, `silencing.rs`) and tells whoever asked (`reply.rs`).
//!
//! A call's way through the core, in order: `legs.rs`, its legs come, the first of them makes it; `vad_events.rs`, what the listener finds on them goes
//! to the workers; `words.rs`, text comes back, is analysed and kept; `time.rs`, nothing more comes and it ends. Beside that way: `call.rs` and
//! `calls.rs` are the memory, `commands.rs` what others request, `merging.rs` two calls that become one, `private.rs` pauses and corrections
//! (`gaps.rs` remembers pauses, `pending_pauses.rs` those of calls to come), `pbx_names.rs` what the PBX tells, `call_names.rs` names that are said,
//! `messages.rs` what the feeds hear, `expected.rs` names of calls to come, `privacy.rs` and `keys.rs` what is not kept, `watching.rs` what is raised,
//! `sources.rs` which of several sources of a call is heard (`choosing.rs` has it so), `clock.rs` steps of the wall clock, `recover.rs` what a former
//! run left undone (`start.rs` reads it from rows and files).
//!
//! `rules/` says the core's rules as tests; `simulation/` drives it through days of calls and faults. `listen.rs` is the thread that finds utterances,
//! `ingest.rs` the task that takes calls of other platforms in; `liveness.rs` and `measures.rs` tell how the conductor does.
//!
//! Invariants kept here:
//! - a call is ended (`call_end`) only after its legs are closed, heard to their end, and every utterance has its text;
//! - what a feed hears is what the database holds: events are committed with the rows they tell of;
//! - a call that is heard of again, under its own or a former name, is the same call.

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

pub use self::run::{Inputs, Live, Parts};
