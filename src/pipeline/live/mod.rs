//! The conductor: one task that owns what is known of running calls.
//!
//! A call's way through this folder, in order: `legs.rs`, its legs come, the first of them makes it; `heard.rs`, what the listener finds on
//! them goes to the workers; `words.rs`, text comes back, is read and kept; `time.rs`, nothing more comes and it ends. Beside that way: `call.rs`
//! and `calls.rs` are the memory, `commands.rs` what the API asks for, `private.rs` pauses and corrections (`asked.rs`: of calls to come), `messages.rs` what the feeds hear, `recover.rs` the start,
//! `conductor.rs` what it is made of and `run.rs` its loop. `listen.rs` is the thread that finds utterances, `ingest.rs` the task that takes calls of other platforms in;
//! `privacy.rs` and `keys.rs` say what is not kept, `watching.rs` what is raised, `clock.rs`, `liveness.rs` and `measures.rs` how the conductor does.
//!
//! Invariants kept here:
//! - a call is ended (`call_end`) only after its legs are closed, heard to their end, and every utterance has its text;
//! - what a feed hears is what the database holds: events are committed with the rows they tell of;
//! - a call that is heard of again, under its own or a former name, is the same call.

mod asked;
mod call;
mod calls;
mod clock;
mod commands;
mod conductor;
mod expected;
mod heard;
pub mod ingest;
pub mod keys;
mod legs;
pub mod listen;
pub mod liveness;
pub(super) mod measures;
mod messages;
pub mod privacy;
mod private;
mod recover;
mod run;
mod time;
mod watching;
pub(super) mod words;

pub use self::conductor::{Inputs, Live, Parts};
