//! The work of quality reviewers: their points for a call, disputes, how far they agree, and what they are to review next.

mod body;
pub(super) mod disputes;
pub(super) mod of_call;
pub(super) mod overview;
