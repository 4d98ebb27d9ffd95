//! Live events for one client, several at a time.
//!
//! An event leaves at once when the client has been told nothing for a moment; what follows within that moment leaves together with it. So five
//! hundred screens of a busy floor cost some thousand writes a second, and not as many as screens times messages.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::time::Instant;

use crate::store::StoredEvent;

/// The moment: too short to be seen on a page.
const TOGETHER: Duration = Duration::from_millis(40);

pub(in crate::api) struct Batches {
    live: Receiver<Arc<StoredEvent>>,
    next: Instant,
}

impl Batches {
    pub(in crate::api) fn new(live: Receiver<Arc<StoredEvent>>) -> Self {
        Self { live, next: Instant::now() }
    }

    /// The next events, in their order, at least one. `Lagged` when the client was so slow that some are gone. May be dropped while it waits.
    pub(in crate::api) async fn next(&mut self) -> Result<Vec<Arc<StoredEvent>>, RecvError> {
        tokio::time::sleep_until(self.next).await;
        let mut events = vec![self.live.recv().await?];
        loop {
            match self.live.try_recv() {
                Ok(event) => events.push(event),
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
                Err(TryRecvError::Lagged(lost)) => return Err(RecvError::Lagged(lost)),
            }
        }
        self.next = Instant::now() + TOGETHER;
        Ok(events)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_event_leaves_at_once_and_those_that_follow_together() {
        let event = |id| Arc::new(StoredEvent { id, call: None, kind: "sentiment".into(), payload: "{}".into() });
        let (sender, live) = tokio::sync::broadcast::channel(4);
        let mut batches = Batches::new(live);
        let began = Instant::now();
        let ids = |events: Vec<Arc<StoredEvent>>| events.iter().map(|event| event.id).collect::<Vec<_>>();
        assert!(sender.send(event(1)).is_ok());
        assert_eq!(batches.next().await.map(ids), Ok(vec![1]));
        for id in 2..5 {
            assert!(sender.send(event(id)).is_ok());
        }
        assert_eq!(batches.next().await.map(ids), Ok(vec![2, 3, 4]));
        assert!(began.elapsed() >= TOGETHER);
        for id in 5..11 {
            assert!(sender.send(event(id)).is_ok());
        }
        assert_eq!(batches.next().await.map(ids), Err(RecvError::Lagged(2)));
    }
}
