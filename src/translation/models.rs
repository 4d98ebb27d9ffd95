//! Which model translates a language, and what is said where none does.

use std::path::{Path, PathBuf};

#[cfg(feature = "ctranslate2")]
use std::collections::HashMap;
#[cfg(feature = "ctranslate2")]
use std::sync::{Arc, Mutex, PoisonError};

use super::error::TranslateError;
#[cfg(feature = "ctranslate2")]
use super::marian::Marian;

/// Stands for the language's code in the name of a model.
const LANGUAGE: &str = "{language}";

/// Translates lines.
pub trait Translate: Send + Sync {
    /// What translates, `marian`.
    fn engine(&self) -> &str;

    /// Its model, as the settings name it.
    fn model(&self) -> &str;

    /// Each line of the language `from` (its code, as `es`) in the language of the models, in the same order. Blocks, for seconds.
    fn translate(&self, lines: &[&str], from: &str) -> Result<Vec<String>, TranslateError>;
}

/// The models of a configuration: each is loaded when it is first needed, and stays.
pub struct Models {
    /// Name or path, with a place for the language.
    model: String,
    folder: PathBuf,
    /// What is translated into.
    to: String,
    #[cfg(feature = "ctranslate2")]
    loaded: Mutex<HashMap<PathBuf, Arc<Marian>>>,
}

impl Models {
    /// `model` is a name in `folder`, or a path; in both `{language}` stands for the code of what is translated, into `to`. Empty switches it off.
    pub fn new(model: &str, folder: &Path, to: &str) -> Self {
        Self {
            model: model.into(),
            folder: folder.into(),
            to: to.into(),
            #[cfg(feature = "ctranslate2")]
            loaded: Mutex::default(),
        }
    }

    /// The folder of the model for a language; an error where nothing can be there.
    pub fn folder_for(&self, from: &str) -> Result<PathBuf, TranslateError> {
        if self.model.is_empty() {
            return Err(TranslateError::Off);
        }
        if !(2..=8).contains(&from.len()) || !from.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-') {
            return Err(TranslateError::NoLanguage(from.into()));
        }
        // A path that is absolute stays as it is.
        let folder = self.folder.join(self.model.replace(LANGUAGE, from));
        let files = ["model.bin", "source.spm", "target.spm"];
        if files.iter().all(|file| folder.join(file).is_file()) {
            Ok(folder)
        } else {
            Err(TranslateError::Absent { from: from.into(), folder })
        }
    }

    #[cfg(feature = "ctranslate2")]
    fn with_model(&self, folder: PathBuf, lines: &[&str]) -> Result<Vec<String>, TranslateError> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let model = if let Some(model) = loaded.get(&folder) {
            Arc::clone(model)
        } else {
            let model = Arc::new(Marian::load(&folder)?);
            log::info!("translation: {} loaded", folder.display());
            loaded.insert(folder, Arc::clone(&model));
            model
        };
        drop(loaded);
        model.translate(lines)
    }

    #[cfg(not(feature = "ctranslate2"))]
    #[expect(clippy::unused_self, reason = "with CTranslate2 it has the models")]
    fn with_model(&self, folder: PathBuf, _lines: &[&str]) -> Result<Vec<String>, TranslateError> {
        Err(TranslateError::NotBuilt { folder })
    }
}

impl Translate for Models {
    fn engine(&self) -> &'static str {
        "marian"
    }

    fn model(&self) -> &str {
        &self.model
    }

    fn translate(&self, lines: &[&str], from: &str) -> Result<Vec<String>, TranslateError> {
        if from == self.to {
            return Ok(lines.iter().map(|line| (*line).to_string()).collect());
        }
        self.with_model(self.folder_for(from)?, lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn models(model: &str, folder: &Path) -> Models {
        Models::new(model, folder, "en")
    }

    #[test]
    fn a_language_without_a_model_is_told_apart_from_translation_that_is_off() {
        let folder = tempfile::tempdir().expect("temp dir");
        let problem = |model: &str, from: &str| {
            models(model, folder.path()).translate(&["hola"], from).expect_err("no model").to_string()
        };
        assert!(problem("", "es").contains("switched off"));
        let absent = problem("opus-mt-{language}-en", "es");
        assert!(absent.contains("opus-mt-es-en") && absent.contains("lineside model import"), "{absent}");
        for code in ["../..", "e", "español", ""] {
            assert!(problem("opus-mt-{language}-en", code).contains("no language's code"), "{code}");
        }
    }

    #[test]
    fn lines_that_are_in_the_language_already_stay() {
        let models = models("opus-mt-{language}-en", Path::new("/nowhere"));
        assert_eq!(models.translate(&["hello", ""], "en").expect("nothing to do"), ["hello", ""]);
    }

    #[cfg(not(feature = "ctranslate2"))]
    #[test]
    fn a_build_without_the_engine_says_so_where_a_model_is_there() {
        let folder = tempfile::tempdir().expect("temp dir");
        let there = folder.path().join("m");
        std::fs::create_dir(&there).expect("folder");
        for file in ["model.bin", "source.spm", "target.spm"] {
            std::fs::write(there.join(file), b"x").expect("write");
        }
        let error = models("m", folder.path()).translate(&["hola"], "es").expect_err("not built");
        assert_eq!(error, TranslateError::NotBuilt { folder: there });
        assert!(error.to_string().contains("built without CTranslate2"), "{error}");
    }
}
