//! A live connection that has named its call. The call exists from then on, before the first sample and even if none comes.

use std::sync::OnceLock;

use tokio_util::sync::CancellationToken;

use crate::call::{CallId, CallNames, Source, WallTime};

/// A live connection and the call that it named.
#[derive(Debug)]
pub struct Line {
    /// The call that it belongs to.
    pub call: CallId,
    /// Other names of the call that it gives.
    pub names: CallNames,
    /// The source that it comes from.
    pub source: Source,
    /// Time at which it named the call.
    pub at: WallTime,
    reason: OnceLock<&'static str>,
    end_requested: CancellationToken,
}

impl Line {
    /// A line that is open.
    pub fn new(call: CallId, names: CallNames, source: Source, at: WallTime) -> Self {
        Self { call, names, source, at, reason: OnceLock::new(), end_requested: CancellationToken::new() }
    }

    /// Asks the sender to hang up: a cancelled token is the request.
    pub fn end_requested(&self) -> &CancellationToken {
        &self.end_requested
    }

    /// Reason for which it ended.
    pub fn reason(&self) -> &'static str {
        self.reason.get().copied().unwrap_or("dropped")
    }

    pub(super) fn set_reason(&self, reason: &'static str) {
        let _ = self.reason.set(reason); // set once
    }
}
