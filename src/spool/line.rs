//! A connection that has said whose sound it brings: its call exists from then on, before the first sample and without one.

use std::sync::{Arc, OnceLock};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{SpoolError, SpoolEvent};
use crate::call::{CallId, CallNames, Source, WallTime};

/// What a connection has said.
#[derive(Debug)]
pub struct Line {
    /// The call that it belongs to.
    pub call: CallId,
    /// What else it tells of the call.
    pub names: CallNames,
    /// By which road it comes.
    pub source: Source,
    /// When it said so.
    pub at: WallTime,
    reason: OnceLock<&'static str>,
    end_requested: CancellationToken,
}

impl Line {
    /// A line that is open.
    pub fn new(call: CallId, names: CallNames, source: Source, at: WallTime) -> Self {
        Self { call, names, source, at, reason: OnceLock::new(), end_requested: CancellationToken::new() }
    }

    /// Asks whoever feeds it to hang up; cancelled means asked.
    pub fn end_requested(&self) -> &CancellationToken {
        &self.end_requested
    }

    /// Why it is gone.
    pub fn reason(&self) -> &'static str {
        self.reason.get().copied().unwrap_or("dropped")
    }
}

/// Held by who feeds the line. Dropped without [`Self::gone`], it is gone with the reason `dropped`.
#[derive(Debug)]
pub struct OpenLine {
    line: Arc<Line>,
    events: mpsc::Sender<SpoolEvent>,
    told: bool,
}

impl OpenLine {
    pub(super) async fn begin(line: Line, events: mpsc::Sender<SpoolEvent>) -> Result<Self, SpoolError> {
        let line = Arc::new(line);
        events.send(SpoolEvent::Named(Arc::clone(&line))).await.map_err(|_| SpoolError::Stopped)?;
        Ok(Self { line, events, told: false })
    }

    /// The line.
    pub fn line(&self) -> &Arc<Line> {
        &self.line
    }

    /// The connection is over. The legs that it fed are closed before.
    pub async fn gone(mut self, reason: &'static str) -> Result<(), SpoolError> {
        let _ = self.line.reason.set(reason); // set once
        self.told = true;
        self.events.send(SpoolEvent::Left(Arc::clone(&self.line))).await.map_err(|_| SpoolError::Stopped)
    }
}

impl Drop for OpenLine {
    fn drop(&mut self) {
        if self.told {
            return;
        }
        let left = SpoolEvent::Left(Arc::clone(&self.line));
        if let Err(mpsc::error::TrySendError::Full(left)) = self.events.try_send(left)
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let events = self.events.clone();
            runtime.spawn(async move {
                let _ = events.send(left).await; // nobody listens any more
            });
        }
    }
}
