//! From an utterance to its text: the workers that transcribe, and what they are told.
//!
//! `shared.rs` is what all of them share, the queue first of all; `model.rs` loads the models, `transcribe.rs` is the threads' work. `preflight.rs` keeps
//! what was transcribed before it was certain to be over, `partial.rs` what is still being said, `in_flight.rs` what the process may end with. `govern.rs`
//! carries out what the governor decides, `orders.rs` is where the workers read it; `status.rs` tells how they do, `glossary.rs` words to expect.

pub mod glossary;
pub mod govern;
pub mod in_flight;
mod model;
pub mod orders;
pub mod partial;
pub mod preflight;
mod shared;
pub mod status;
mod transcribe;

pub use self::shared::{Done, Job, TranscribeSettings, Work, Workers, Written};
