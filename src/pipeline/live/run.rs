//! The conductor's task: takes what comes, one after the other, until it is stopped.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::conductor::{Inputs, Live};
use crate::pipeline::workers::Done;
use crate::spool::SpoolEvent;

/// How often progress is noted and ends are looked for.
const TICK: Duration = Duration::from_millis(250);

impl Live {
    /// Conducts until stopped. What is unfinished then is in the database and goes on at the next start.
    pub async fn run(mut self, mut inputs: Inputs, stop: CancellationToken) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let done = tokio::select! {
                biased;
                Some(event) = inputs.spool.recv() => match event {
                    SpoolEvent::Named(line) => self.named(line).await,
                    SpoolEvent::Left(line) => {
                        self.left(&line);
                        Ok(())
                    }
                    SpoolEvent::Opened(leg) => self.opened(leg).await,
                    SpoolEvent::Closed(leg) => self.closed(&leg).await,
                    SpoolEvent::Dtmf { leg, at_sample, digit } => self.dtmf(leg, at_sample, digit).await,
                },
                Some(heard) = inputs.heard.recv() => self.heard(heard).await,
                Some(done) = inputs.done.recv() => match done {
                    Done::Written(written) => self.written(written).await,
                    Done::Growing(reading) => {
                        self.show_partial(&reading);
                        Ok(())
                    }
                },
                Some(command) = inputs.commands.recv() => self.command(command).await,
                _ = tick.tick() => self.tick().await,
                () = stop.cancelled() => break,
            };
            if let Err(error) = done {
                log::error!("{error}");
            }
        }
        // Legs were closed by their sources before we were stopped: note how far they came.
        inputs.spool.close();
        while let Ok(event) = inputs.spool.try_recv() {
            if let SpoolEvent::Closed(leg) = event {
                let _ = self.closed(&leg).await;
            }
        }
    }
}
