//! The models on disk: which are installed, which can be fetched, and whether their files are complete.
//!
//! A model is a file in whisper.cpp's format or a folder in CTranslate2's. Beside it lies `NAME.sha256` once its checksum is known. Fetching and
//! converting go to `NAME.part` first, and fetching goes on where it stopped; nothing half-made ever has a model's name.

mod catalogue;
pub mod convert;
mod converted;
mod disk;
mod fetch;
mod import;
mod sentences;
#[cfg(test)]
mod server;

pub use self::catalogue::{Published, catalogue, checkpoint_of, published, way_to, within_reach};
pub use self::converted::{PullStep, pull_converted};
pub use self::disk::{ModelError, ModelKind, ModelRef, Verified, checksum, installed, model_at, resolve, verify};
pub use self::fetch::{Fetch, pull};
pub use self::import::{Import, Imported, import};
pub use self::sentences::{SENTENCES, Sentences, import_sentences, is_sentences, pull_sentences};
