//! The nouns: what a call, a leg, an utterance and a segment are.
//!
//! Every room speaks in these types. They do no I/O. They are checked once, when they are made, so that nobody inside checks again.
//! Times inside a call are milliseconds from the call's start as heard on the wire; wall-clock times are milliseconds since the Unix epoch.

pub mod alert;
pub mod dialer;
pub mod file_name;
mod hear;
mod nouns;
pub mod pbx;
mod processing;
pub mod sla;
pub mod when;

pub use self::alert::{Alert, Fired, Level, Severity};
pub use self::hear::Hear;
pub use self::nouns::{
    BootClock, CallId, CallIdError, CallKey, CallNames, CallState, CallTime, Leg, LegKey, Moment, Source, Speaker,
    UtteranceKey, WallTime, Word,
};
pub use self::processing::{ProcessingMode, ProcessingModes, Stage, StageState, VadRun};
