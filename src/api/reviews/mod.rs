//! The work of quality reviewers: their points for a call, disputes, how far they agree, and what they are to review next; and what of it the call's
//! agent may read.

mod body;
pub(super) mod disputes;
pub(super) mod of_agent;
pub(super) mod of_call;
pub(super) mod overview;
mod reader;
