//! From an utterance to its text: the workers that transcribe, and their orders.
//!
//! `shared.rs` holds what all of them share, the queue above all; `model.rs` loads the models, `transcribe.rs` is the threads' loop. `preflight.rs`
//! keeps texts from the silence after speech, `partial.rs` the text of speech that goes on, `in_flight.rs` the utterances during which the process
//! may end. `govern.rs` carries out the governor's decisions, `orders.rs` is where the workers see them; `status.rs` reports the workers' state,
//! `glossary.rs` holds terms to expect.

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
