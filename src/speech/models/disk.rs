//! Finds the installed models and verifies their checksums.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use sha2::{Digest, Sha256};

/// What can go wrong with models.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// Neither in the catalogue nor on disk.
    #[error(
        "no model {name:?} in {folder}: `lineside model list` shows what there is, `lineside model pull` and `import` bring more"
    )]
    Unknown {
        /// The requested name.
        name: String,
        /// The folder that was searched.
        folder: PathBuf,
    },
    /// The disk.
    #[error("{action} {path}: {error}{}", remedy(.error))]
    Io {
        /// The operation, as a verb.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// The network.
    #[error("fetch {url}: {problem}; what came so far is kept, run the same command again to go on")]
    Fetch {
        /// The address.
        url: String,
        /// The problem.
        problem: String,
    },
    /// The file or folder cannot be imported.
    #[error("{path}: {problem}; nothing was imported")]
    Import {
        /// The file or folder.
        path: PathBuf,
        /// The problem.
        problem: String,
    },
    /// Weights were fetched, and are no model yet.
    #[error(
        "{weights}: fetched whole, and not converted to {model}: {problem}; the file is kept and there is no {model}. If the disk is full, free some \
         space on it; then run the same command again"
    )]
    Unconverted {
        /// The fetched file.
        weights: PathBuf,
        /// Name of the model that was to be made of it.
        model: String,
        /// The problem.
        problem: String,
    },
    /// The bytes are not those that were published.
    #[error("{path}: checksum is {found}, published is {expected}; the file was put aside as .bad, fetch it again")]
    Checksum {
        /// The file.
        path: PathBuf,
        /// The computed checksum.
        found: String,
        /// The published checksum.
        expected: String,
    },
}

/// Engine of a model's format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ModelKind {
    /// whisper.cpp's format: one file.
    Whisper,
    /// CTranslate2's format: a folder with `model.bin`.
    CTranslate2,
}

/// A model on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ModelRef {
    /// Its name, without ending.
    pub name: String,
    /// Its file or folder.
    pub path: PathBuf,
    /// Engine of the model's format.
    pub kind: ModelKind,
}

/// What helps against an error of the disk, where that is known.
fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "; free some space there, then run the same command again: a download goes on where it stopped"
        }
        _ => "",
    }
}

pub(super) fn io_error<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> ModelError + 'a {
    move |error| ModelError::Io { action, path: path.into(), error }
}

/// All models in a folder.
pub fn installed(folder: &Path) -> Vec<ModelRef> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut models: Vec<ModelRef> = entries.flatten().filter_map(|entry| model_at(&entry.path())).collect();
    models.sort_by(|a, b| a.name.cmp(&b.name));
    models
}

/// Whether a name is one of a whole model, and not of one that is being written.
pub(super) fn is_finished(name: &str) -> bool {
    name.rsplit('.').next() != Some("part")
}

/// The model at a path, if its name is that of a model.
pub fn model_at(path: &Path) -> Option<ModelRef> {
    if path.is_dir() {
        let name = path.file_name()?.to_str().filter(|name| is_finished(name))?.to_string();
        return path.join("model.bin").is_file().then(|| ModelRef {
            name,
            path: path.into(),
            kind: ModelKind::CTranslate2,
        });
    }
    let stem = path.file_name()?.to_str()?.strip_suffix(".bin")?;
    let name = stem.strip_prefix("ggml-").unwrap_or(stem).to_string();
    path.is_file().then(|| ModelRef { name, path: path.into(), kind: ModelKind::Whisper })
}

/// Finds a model by name in a folder, or by path.
pub fn resolve(folder: &Path, name: &str) -> Result<ModelRef, ModelError> {
    let by_path = name.contains('/').then(|| model_at(Path::new(name))).flatten();
    by_path
        .or_else(|| installed(folder).into_iter().find(|model| model.name == name))
        .ok_or_else(|| ModelError::Unknown { name: name.into(), folder: folder.into() })
}

pub(super) fn finish(part: &Path, to: &Path) -> Result<(), ModelError> {
    if let Ok(file) = File::open(part) {
        let _ = file.sync_all(); // a rename that survives a power cut must not point at holes
    }
    fs::rename(part, to).map_err(io_error("put in place", to))
}

pub(super) fn checksum_file(model: &ModelRef) -> PathBuf {
    model.path.with_file_name(format!("{}.sha256", model.name))
}

pub(super) fn write_checksum(model: &ModelRef, sum: &str) -> Result<(), ModelError> {
    let path = checksum_file(model);
    fs::write(&path, format!("{sum}\n")).map_err(io_error("write", &path))
}

/// SHA-256 of a model: of its file, or of all files of its folder in order of name. Blocks while it reads them.
pub fn checksum(model: &ModelRef) -> Result<String, ModelError> {
    let mut files = match model.kind {
        ModelKind::Whisper => vec![model.path.clone()],
        ModelKind::CTranslate2 => fs::read_dir(&model.path)
            .map_err(io_error("list", &model.path))?
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.is_file())
            .collect(),
    };
    files.sort();
    let mut hash = Sha256::new();
    for path in files {
        let mut file = File::open(&path).map_err(io_error("read", &path))?;
        io::copy(&mut file, &mut Hashing(&mut hash)).map_err(io_error("read", &path))?;
    }
    Ok(hex::encode(hash.finalize()))
}

pub(super) struct Hashing<'a, D: Digest>(pub(super) &'a mut D);

impl<D: Digest> Write for Hashing<'_, D> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Result of a model's check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verified {
    /// Its bytes are those of its checksum.
    Whole,
    /// They are not.
    Damaged,
    /// No checksum is known.
    Unknown,
}

/// Compares a model with its recorded checksum. Blocks.
pub fn verify(model: &ModelRef) -> Result<Verified, ModelError> {
    let Ok(expected) = fs::read_to_string(checksum_file(model)) else { return Ok(Verified::Unknown) };
    Ok(if checksum(model)? == expected.trim() { Verified::Whole } else { Verified::Damaged })
}
