//! The stop: sources first, so that every leg is closed on disk; then the workers finish the inference they are in; then the conductor and the store,
//! which commits and checkpoints.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::Result;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::pipeline::workers::Workers;
use crate::spool::Spool;
use crate::store::{Store, Writer};

/// How long a stop waits for a database that refuses writes.
const PATIENCE_AT_THE_END: Duration = Duration::from_secs(5);

/// All that runs.
pub(super) struct Running {
    /// Folder of the sockets.
    pub(super) run: PathBuf,
    pub(super) store: Store,
    pub(super) spool: Arc<Spool>,
    pub(super) workers: Arc<Workers>,
    pub(super) worker_threads: Vec<thread::JoinHandle<()>>,
    /// Ends the sources, the feeds and all other tasks that wait for clients.
    pub(super) stop: CancellationToken,
    pub(super) sources: Vec<JoinHandle<()>>,
    pub(super) recordings: Option<thread::JoinHandle<()>>,
    /// Ends the conductor.
    pub(super) stop_live: CancellationToken,
    pub(super) conductor: JoinHandle<()>,
    /// Retention, and the tasks that go through the stages of finished calls, review them and give segments their vectors.
    pub(super) upkeep: [JoinHandle<()>; 4],
    pub(super) servers: Vec<JoinHandle<()>>,
}

impl Running {
    /// Ends all of it, in this order.
    pub(super) async fn stop(self) -> Result<()> {
        self.store.writer().hurry();
        tokio::spawn(not_for_ever(self.store.writer().clone()));
        self.stop.cancel();
        for source in self.sources {
            let _ = source.await;
        }
        let (spool, recordings) = (self.spool, self.recordings);
        tokio::task::spawn_blocking(move || {
            if let Some(thread) = recordings {
                let _ = thread.join();
            }
            spool.stop();
        })
        .await?;
        self.workers.queue.close();
        // A worker may be waiting for the conductor to take its text, so the conductor goes on until they are done.
        let threads = self.worker_threads;
        tokio::task::spawn_blocking(move || {
            for thread in threads {
                let _ = thread.join();
            }
        })
        .await?;
        self.stop_live.cancel();
        let _ = self.conductor.await;
        for task in self.upkeep {
            let _ = task.await;
        }
        for server in self.servers {
            // A client that holds its connection open does not hold us.
            let _ = tokio::time::timeout(Duration::from_secs(1), server).await;
        }
        let store = self.store;
        tokio::task::spawn_blocking(move || store.writer().stop()).await?;
        for name in ["api.sock", "eagi.sock"] {
            let _ = std::fs::remove_file(self.run.join(name));
        }
        Ok(())
    }
}

/// A database that takes nothing does not keep us from stopping: after a few seconds what waits for it is left to the next start.
async fn not_for_ever(writer: Writer) {
    loop {
        tokio::time::sleep(PATIENCE_AT_THE_END).await;
        if let Some(problem) = writer.problem() {
            log::error!("database: {problem}. What waits for it is left to the next start");
            return writer.give_up();
        }
    }
}
