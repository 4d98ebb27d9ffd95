//! Finds the workers' model, waiting until there is one, loads it once for all of them, and gives each worker its own session on it.

use std::sync::atomic::Ordering;
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use super::shared::{TranscribeSettings, Workers};
use super::status::ModelState;
use crate::speech::engine::Engine;
use crate::speech::recogniser::Recogniser;
use crate::speech::{language, models};

/// Interval of the search for a missing model.
const LOOK: Duration = Duration::from_secs(2);

impl Workers {
    /// Takes other settings: another model is loaded, the old one serves until it is there.
    pub fn reconfigure(&self, settings: TranscribeSettings) {
        let old = self.settings();
        let names =
            |of: &TranscribeSettings| (of.model.clone(), of.smaller.clone(), of.afterwards.clone(), of.models.clone());
        let other = names(&old) != names(&settings);
        *self.settings.write().unwrap_or_else(std::sync::PoisonError::into_inner) = settings;
        if other {
            *self.engine.write().unwrap_or_else(std::sync::PoisonError::into_inner) = None;
            self.all_loaded.store(false, Ordering::Release);
            self.status.set(|now| now.model = ModelState::Waiting);
        }
        self.look_at_language();
        self.generation.fetch_add(1, Ordering::Release);
    }

    pub(super) fn look_for_model(&self) {
        // CTranslate2 computes in threads of its own, which inherit this.
        crate::priority::live_text();
        let mut told = String::new();
        while !self.queue.is_closed() {
            if !self.ready() {
                let problem = self.load().err().unwrap_or_default();
                if problem != told && !problem.is_empty() {
                    log::warn!(
                        "speech: {problem}. Audio and utterances are kept and will be transcribed when there is a model"
                    );
                }
                told = problem;
            }
            let began = Instant::now();
            while began.elapsed() < LOOK && !self.queue.is_closed() {
                std::thread::sleep(Duration::from_millis(100));
            }
        }
    }

    fn load(&self) -> Result<(), String> {
        let _one = self.loading.lock();
        let settings = self.settings();
        let model = models::resolve(&settings.models, &settings.model).map_err(|error| {
            self.status.set(|now| {
                now.model = ModelState::Waiting;
                now.wanted.clone_from(&settings.model);
            });
            error.to_string()
        })?;
        self.status.set(|now| now.model = ModelState::Loading);
        let began = Instant::now();
        let engine = crate::speech::load(&model, settings.workers).map_err(|error| {
            self.status.set(|now| now.model = ModelState::Failed { problem: error.to_string() });
            error.to_string()
        })?;
        log::info!("speech: {} loaded in {} ms", engine.name(), began.elapsed().as_millis());
        let name = engine.name().to_string();
        if model.name == "demo" || model.name == "demo-ct2" {
            log::warn!(
                "speech: this is the demo model: it understands the demo's words and nothing else. `lineside model pull base.en-q8_0`"
            );
        }
        *self.engine.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(engine);
        let others = [
            (&settings.smaller, &self.smaller, "Live text does without a smaller model"),
            (&settings.afterwards, &self.afterwards, "Calls are transcribed again by the model of live text"),
        ];
        for (name, place, without) in others {
            let loaded = name.as_deref().and_then(|name| load_another(&settings, name, without));
            *place.write().unwrap_or_else(std::sync::PoisonError::into_inner) = loaded;
        }
        self.generation.fetch_add(1, Ordering::Release);
        self.all_loaded.store(true, Ordering::Release);
        self.look_at_language();
        self.status.set(|now| now.model = ModelState::Ready { engine: name });
        Ok(())
    }

    /// Says once what the models that are loaded cannot follow of the language that is asked for.
    pub(super) fn look_at_language(&self) {
        let hints = self.settings().hints;
        let mut wanted: Vec<Option<&str>> = vec![hints.language.as_deref()];
        wanted.extend(hints.languages.iter().map(|(_, language)| language.as_deref()));
        let unheeded = |engine: &RwLock<Option<Arc<dyn Engine>>>| {
            let engine = engine.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()?;
            wanted.iter().find_map(|language| language::unheeded(engine.as_ref(), *language))
        };
        let problems: Vec<String> =
            [&self.engine, &self.smaller, &self.afterwards].into_iter().filter_map(unheeded).collect();
        let problem = (!problems.is_empty()).then(|| problems.join("; "));
        if self.status.get().language != problem {
            if let Some(problem) = &problem {
                log::warn!("speech: {problem}");
            }
            self.status.set(|now| now.language = problem);
        }
    }

    pub(super) fn session(&self, generation: u64) -> Option<Mine> {
        let hints = self.hints();
        let open = |engine: &RwLock<Option<Arc<dyn Engine>>>| {
            let engine = engine.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()?;
            match engine.session() {
                Ok(session) => Some((engine.name().to_string(), Recogniser::new(session, hints.clone()))),
                Err(error) => {
                    log::error!("speech: {error}");
                    std::thread::sleep(LOOK);
                    None
                }
            }
        };
        Some(Mine {
            generation,
            usual: open(&self.engine)?,
            smaller: open(&self.smaller),
            afterwards: open(&self.afterwards),
        })
    }
}

/// A model besides the usual one; `without` says in the log what becomes of its work where it cannot be loaded.
fn load_another(settings: &TranscribeSettings, name: &str, without: &str) -> Option<Arc<dyn Engine>> {
    let loaded = models::resolve(&settings.models, name)
        .map_err(|error| error.to_string())
        .and_then(|model| crate::speech::load(&model, settings.workers).map_err(|error| error.to_string()));
    loaded.inspect_err(|error| log::warn!("speech: {error}. {without}")).ok()
}

/// A worker's own memory on the models, by their names.
pub(super) struct Mine {
    pub(super) generation: u64,
    pub(super) usual: (String, Recogniser),
    smaller: Option<(String, Recogniser)>,
    afterwards: Option<(String, Recogniser)>,
}

impl Mine {
    pub(super) fn for_text(&mut self, smaller: bool) -> (&str, &mut Recogniser) {
        let (name, recogniser) = match &mut self.smaller {
            Some(chosen) if smaller => chosen,
            _ => &mut self.usual,
        };
        (name, recogniser)
    }

    /// The engine's name and the recogniser for retranscription.
    pub(super) fn for_calls_of_before(&mut self) -> (&str, &mut Recogniser) {
        let (name, recogniser) = self.afterwards.as_mut().unwrap_or(&mut self.usual);
        (name, recogniser)
    }
}
