//! Search by meaning: the sentence model, loaded when it is first needed, and the task that gives segments their vectors.
//!
//! The task takes the newest segments first. It pauses while live text waits or the governor leaves anything out. A model that is installed later is
//! loaded when it is found; until then a search by meaning is refused with the command that installs one.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use tokio_util::sync::CancellationToken;

use super::workers::Workers;
use crate::meaning::{Embedder, MeaningError};
use crate::store::vectors::{DueSegment, PackedVector};
use crate::store::{Store, StoreError};

/// Interval of the search for segments without vectors, and for changes of the model.
const LOOK: Duration = Duration::from_secs(1);
/// Interval of the search for a model that is missing or unusable.
const LOOK_FOR_MODEL: Duration = Duration::from_secs(10);
/// Segments between two looks whether there is time: some 50 ms of CPU.
const AT_ONCE: u32 = 8;
/// Looks between two counts of what waits.
const COUNT_EVERY: u32 = 60;

/// Reason why there is no search by meaning.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NoMeaning {
    /// It is not wanted.
    #[error("search by meaning is switched off: [meaning] model is empty")]
    Off,
    /// There is no model.
    #[error(transparent)]
    Model(#[from] MeaningError),
    /// The daemon stops.
    #[error("lineside stops")]
    Stopping,
}

/// The model of sentences, which all who need it share.
#[derive(Clone, Debug)]
pub struct Meaning(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    folder: Option<PathBuf>,
    loaded: Mutex<Option<Arc<Embedder>>>,
}

impl Meaning {
    /// Search with the model of this folder; `None` switches it off.
    pub fn new(folder: Option<PathBuf>) -> Self {
        Self(Arc::new(Shared { folder, loaded: Mutex::default() }))
    }

    /// The model, loaded now if it was not. Blocks, for half a second at first.
    fn embedder(&self) -> Result<Arc<Embedder>, NoMeaning> {
        let folder = self.0.folder.as_ref().ok_or(NoMeaning::Off)?;
        let mut loaded = self.0.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(embedder) = loaded.as_ref() {
            return Ok(Arc::clone(embedder));
        }
        let embedder = Arc::new(Embedder::load(folder)?);
        log::info!("meaning: {} loaded, vectors of {} numbers", embedder.name(), embedder.width());
        *loaded = Some(Arc::clone(&embedder));
        Ok(embedder)
    }

    /// The vector of a question.
    pub async fn of(&self, question: String) -> Result<PackedVector, NoMeaning> {
        let meaning = self.clone();
        let work = move || meaning.embedder().map(|embedder| PackedVector::of(&embedder.embed(&question)));
        tokio::task::spawn_blocking(work).await.unwrap_or(Err(NoMeaning::Stopping))
    }

    /// Gives segments their vectors until it is stopped.
    pub async fn fill(self, store: Store, workers: Arc<Workers>, stop: CancellationToken) {
        if self.0.folder.is_none() {
            return;
        }
        let Some(embedder) = self.model(&stop).await else { return };
        let mut looks = 0;
        while !stop.is_cancelled() {
            let gave = match self.some(&embedder, &store, &workers).await {
                Ok(gave) => gave,
                Err(error) => {
                    log::error!("meaning: {error}; it is tried again");
                    0
                }
            };
            if gave == AT_ONCE as usize {
                continue;
            }
            if looks % COUNT_EVERY == 0 {
                count(&store).await;
            }
            looks += 1;
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// The model, as soon as there is one; `None` when it was stopped before.
    async fn model(&self, stop: &CancellationToken) -> Option<Arc<Embedder>> {
        let mut told = None;
        loop {
            let meaning = self.clone();
            match tokio::task::spawn_blocking(move || meaning.embedder()).await.unwrap_or(Err(NoMeaning::Stopping)) {
                Ok(embedder) => return Some(embedder),
                Err(problem) => {
                    let problem = problem.to_string();
                    if told.as_ref() != Some(&problem) {
                        log::info!("meaning: {problem}");
                    }
                    told = Some(problem);
                }
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK_FOR_MODEL) => {}
                () = stop.cancelled() => return None,
            }
        }
    }

    /// Gives some segments their vectors; how many, none where there is no time for it.
    async fn some(&self, embedder: &Arc<Embedder>, store: &Store, workers: &Workers) -> Result<usize, StoreError> {
        if !workers.leaves_time() {
            return Ok(0);
        }
        store.vectors_are_of(embedder.name()).await?;
        let due = store.vectors_due(AT_ONCE).await?;
        let embedder = Arc::clone(embedder);
        let embed = move || -> Vec<_> {
            let vector = |segment: DueSegment| {
                let began = Instant::now();
                let vector = PackedVector::of(&embedder.embed(&segment.text));
                metrics::histogram!("lineside_vector_seconds").record(began.elapsed().as_secs_f64());
                (segment, vector)
            };
            due.into_iter().map(vector).collect()
        };
        let vectors = tokio::task::spawn_blocking(embed).await.unwrap_or_default();
        let gave = vectors.len();
        if gave > 0 {
            store.put_vectors(vectors).await?;
            metrics::counter!("lineside_vectors_total").increment(gave as u64);
        }
        Ok(gave)
    }
}

async fn count(store: &Store) {
    if let Ok(due) = store.count_vectors_due().await {
        metrics::gauge!("lineside_vectors_due").set(due as f64);
    }
}

/// Tells the exporter what this file's figures mean.
pub fn describe_metrics() {
    describe_counter!("lineside_vectors_total", "Segments that were given their vector for search by meaning");
    describe_gauge!("lineside_vectors_due", "Segments that wait for their vector; counted once a minute");
    describe_histogram!("lineside_vector_seconds", Unit::Seconds, "Wall time of one segment's vector");
}

#[cfg(test)]
mod recall;
