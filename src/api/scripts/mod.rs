//! For scripts of a dialer: looking calls up, answers in the style of ViciDial's Non-Agent API, and the targets of its Start Call and Dispo Call URLs.

mod columns;
mod function_call;
pub(super) mod lookup;
pub(super) mod named;
pub(super) mod style;
mod table;
pub(super) mod vici;
