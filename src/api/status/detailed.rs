//! The checks of `GET /health/detailed`: those of `lineside doctor`, as the daemon itself sees them.
//!
//! The checks are the doctor's, a room that this one does not know: the daemon hands them in. They read files and ask other programs, so an answer is
//! kept for ten seconds, and those who ask meanwhile wait for the one that is being made. No inference is run.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use tokio::sync::Mutex;

use crate::contract::doctor::DetailedHealth;
use crate::contract::status::HealthReport;

/// How long an answer is served.
const KEPT: Duration = Duration::from_secs(10);

/// Makes the checks from what `/health` tells.
pub type Examination = Arc<dyn Fn(HealthReport) -> BoxFuture<'static, DetailedHealth> + Send + Sync>;

/// Makes the checks, and keeps them for a while.
#[derive(Clone)]
pub struct Doctor {
    examine: Examination,
    last: Arc<Mutex<Option<(Instant, DetailedHealth)>>>,
}

impl Doctor {
    /// A doctor that has not examined anything yet.
    pub fn new(examine: Examination) -> Self {
        Self { examine, last: Arc::default() }
    }

    /// The checks, at most ten seconds old. `health` is what `/health` would tell; it is asked for only when they are made anew.
    pub(super) async fn look(&self, health: impl Future<Output = HealthReport>) -> DetailedHealth {
        // Held while it examines: requests that come meanwhile take the same answer.
        let mut last = self.last.lock().await;
        if let Some((at, checks)) = &*last
            && at.elapsed() < KEPT
        {
            return checks.clone();
        }
        let checks = (self.examine)(health.await).await;
        *last = Some((Instant::now(), checks.clone()));
        checks
    }
}
