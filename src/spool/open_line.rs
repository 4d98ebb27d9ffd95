//! The feeding side of a line: dropping it tells the pipeline that the connection has ended.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::error::SpoolError;
use super::event::SpoolEvent;
use super::line::Line;

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
        self.line.set_reason(reason);
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
