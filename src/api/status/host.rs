//! The host's load, memory and disk for `GET /api/v1/box`.
//!
//! The room that reads them is one that this room does not know: the daemon passes the function in. It may block, so it runs on a thread of its own,
//! and its result is served for five seconds: a hundred screens cost one reading.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use crate::contract::status::HostState;

/// How long a reading is served.
const KEPT: Duration = Duration::from_secs(5);

/// Reads the host's figures; `None` where the kernel does not give them. May block.
pub type HostReading = Arc<dyn Fn() -> Option<HostState> + Send + Sync>;

/// When it was read, and what it was.
type Reading = (Instant, Option<HostState>);

/// The host's figures, read at most once in five seconds.
#[derive(Clone)]
pub struct HostWatch {
    read: HostReading,
    last: Arc<Mutex<Option<Reading>>>,
}

impl HostWatch {
    /// A watch that has not read anything yet.
    pub fn new(read: HostReading) -> Self {
        Self { read, last: Arc::default() }
    }

    /// The figures, at most five seconds old.
    pub(super) async fn state(&self) -> Option<HostState> {
        // Held while it reads: requests that come meanwhile take the same figures.
        let mut last = self.last.lock().await;
        if let Some((at, state)) = &*last
            && at.elapsed() < KEPT
        {
            return state.clone();
        }
        let read = Arc::clone(&self.read);
        // The task fails only when the runtime ends, and then nobody waits for the answer.
        let state = tokio::task::spawn_blocking(move || read()).await.ok().flatten();
        *last = Some((Instant::now(), state.clone()));
        state
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[tokio::test]
    async fn many_requests_cost_one_reading() {
        let readings = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&readings);
        let watch = HostWatch::new(Arc::new(move || {
            let memory_bytes = count.fetch_add(1, Ordering::Relaxed) + 1;
            Some(HostState { load: 0.5, memory_bytes, memory_available_bytes: 1, disk_free_bytes: None })
        }));
        let (one, two) = tokio::join!(watch.state(), watch.state());
        assert_eq!((one.as_ref(), readings.load(Ordering::Relaxed)), (two.as_ref(), 1));
        assert_eq!(one.map(|state| state.memory_bytes), Some(1));
    }
}
