//! Why a line has no translation, and what to do.

use std::path::PathBuf;

/// Why a line has no translation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TranslateError {
    /// It is not wanted.
    #[error("translation is switched off: [translation] model is empty")]
    Off,
    /// No model is there for the language.
    #[error(
        "no model translates {from}: {} is not there. Put a folder there as OPUS-MT's converter writes it (`lineside model import FOLDER`): model.bin, \
         source.spm, target.spm and the vocabularies",
        folder.display()
    )]
    Absent {
        /// Code of the language.
        from: String,
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// The model is there and cannot be used.
    #[error("translation, {}: {problem}; calls stay in their own language", path.display())]
    Unusable {
        /// Its file or folder.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// What is no code of a language.
    #[error("{0:?} is no language's code, as es or sw")]
    NoLanguage(String),
    /// This build cannot.
    #[error("this lineside was built without CTranslate2, which translates: {} is not read. Install the package, or build with the feature ctranslate2", folder.display())]
    NotBuilt {
        /// The model's folder.
        folder: PathBuf,
    },
}
