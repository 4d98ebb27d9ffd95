//! The models on disk: which are installed, which can be fetched, and whether their files are complete.
//!
//! A model is a file in whisper.cpp's format or a folder in CTranslate2's. Beside it lies `NAME.sha256` once its checksum is known. Fetching goes to
//! `NAME.part` first and goes on where it stopped; nothing half-fetched ever has a model's name.

pub mod convert;
mod disk;
mod fetch;
mod import;
mod sentences;

use serde::Serialize;

pub use self::disk::{ModelError, ModelKind, ModelRef, Verified, checksum, installed, model_at, resolve, verify};
pub use self::fetch::{Fetch, pull};
pub use self::import::{Import, Imported, import};
pub use self::sentences::{SENTENCES, Sentences, import_sentences, is_sentences, pull_sentences};

/// Address at which Whisper models in whisper.cpp's format are published.
const WHISPER_CPP: &str = "https://huggingface.co/ggerganov/whisper.cpp/resolve/main";

/// A model that can be fetched by name.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Published {
    /// Its name.
    pub name: &'static str,
    /// Size of the download, MB.
    pub mb: u32,
    /// SHA-1 as whisper.cpp's `models/README.md` publishes it; `None` where it publishes none.
    pub sha1: Option<&'static str>,
    /// Use of the model, in a few words.
    pub about: &'static str,
}

/// Models that can be pulled by name. whisper.cpp publishes checksums for the full-size files only.
pub const CATALOGUE: &[Published] = &[
    Published { name: "tiny.en-q8_0", mb: 44, sha1: None, about: "English, weakest CPU" },
    Published { name: "tiny-q8_0", mb: 44, sha1: None, about: "99 languages, weakest CPU" },
    Published { name: "base.en-q8_0", mb: 82, sha1: None, about: "English, a good start on a PBX" },
    Published { name: "base-q8_0", mb: 82, sha1: None, about: "99 languages, a good start on a PBX" },
    Published { name: "small.en-q8_0", mb: 264, sha1: None, about: "English, better words, 4 times the CPU" },
    Published { name: "small-q8_0", mb: 264, sha1: None, about: "99 languages, better words, 4 times the CPU" },
    Published {
        name: "tiny.en",
        mb: 78,
        sha1: Some("c78c86eb1a8faa21b369bcd33207cc90d64ae9df"),
        about: "English, 16-bit weights",
    },
    Published {
        name: "tiny",
        mb: 78,
        sha1: Some("bd577a113a864445d4c299885e0cb97d4ba92b5f"),
        about: "99 languages, 16-bit weights",
    },
    Published {
        name: "base.en",
        mb: 148,
        sha1: Some("137c40403d78fd54d454da0f9bd998f78703390c"),
        about: "English, 16-bit weights",
    },
    Published {
        name: "base",
        mb: 148,
        sha1: Some("465707469ff3a37a2b9b8d8f89f2f99de7299dac"),
        about: "99 languages, 16-bit weights",
    },
    Published {
        name: "small.en",
        mb: 488,
        sha1: Some("db8a495a91d927739e50b3fc1cc4c6b8f6c2d022"),
        about: "English, 16-bit weights",
    },
    Published {
        name: "small",
        mb: 488,
        sha1: Some("55356645c2b361a969dfd0ef2c5a50d530afd8d5"),
        about: "99 languages, 16-bit weights",
    },
];

impl Published {
    /// The address that it is fetched from.
    pub fn url(&self) -> String {
        format!("{WHISPER_CPP}/ggml-{}.bin", self.name)
    }
}
