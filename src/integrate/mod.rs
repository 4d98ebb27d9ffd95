//! Other people's systems, as far as lineside listens to what they say of calls.
//!
//! Nothing here holds up a call: who sends nonsense, or too much, is put off or left.

pub mod ami;
pub mod dialer;
pub mod dialer_api;
pub mod llm;
pub mod remote;
