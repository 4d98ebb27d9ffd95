//! Segments a second that the database takes, a transaction's worth at a time as calls bring them, while others read it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::cli::client::runtime;
use crate::store::Store;
use crate::store::calls::CallFilter;
use crate::store::segments::{SearchFilter, fts_query};

/// What came of it.
pub(super) struct Outcome {
    /// Segments committed, a second.
    pub(super) per_s: f64,
    /// Lists, transcripts and searches answered meanwhile, a second.
    pub(super) reads_per_s: f64,
}

/// Writes calls behind the last one into the database of a state folder for so long, while three readers ask for lists, transcripts and texts.
pub(super) fn run(state: &Path, calls: i64, segments: i64, length: Duration) -> anyhow::Result<Outcome> {
    runtime()?.block_on(async {
        let (store, before) = Store::open(state)?;
        let (reads, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let mut readers = tokio::task::JoinSet::new();
        for reader in 0..3_usize {
            let (store, reads, stop) = (store.clone(), Arc::clone(&reads), Arc::clone(&stop));
            readers.spawn(async move {
                let mut round = reader;
                while !stop.load(Ordering::Relaxed) {
                    round += 1;
                    match round % 3 {
                        0 => drop(store.list_calls(CallFilter { limit: 50, ..CallFilter::default() }).await?),
                        1 => drop(store.segments(crate::call::CallKey((round as i64 * 7919) % calls + 1)).await?),
                        _ => {
                            let query = fts_query("refund supervisor").unwrap_or_default();
                            drop(store.search(SearchFilter { query, limit: 20, ..SearchFilter::default() }).await?);
                        }
                    }
                    reads.fetch_add(1, Ordering::Relaxed);
                }
                anyhow::Ok(())
            });
        }
        let mut random = super::fill::Random::default();
        let (began, mut number) = (Instant::now(), before.highest.0);
        while began.elapsed() < length {
            number += 1;
            for changes in super::fill::call_changes(number, segments, &mut random) {
                store.writer().push(changes).await?;
            }
        }
        store.writer().commit(Vec::new()).await?;
        let took = began.elapsed().as_secs_f64();
        stop.store(true, Ordering::Relaxed);
        while let Some(reader) = readers.join_next().await {
            reader??;
        }
        let reads = reads.load(Ordering::Relaxed) as f64;
        tokio::task::spawn_blocking(move || store.writer().stop()).await?;
        Ok(Outcome { per_s: ((number - before.highest.0) * segments) as f64 / took, reads_per_s: reads / took })
    })
}
