//! The TOML file: one section per room, every key with a default, every mistake named with its file, its line and what is allowed.

mod alerts;
mod ami;
mod fragments;
mod http;
mod mistake;
mod privacy;
mod recogniser;
mod speech;
mod whole;

pub use self::alerts::Ingest;
pub use self::ami::Ami;
pub use self::http::Http;
pub use self::mistake::ConfigError;
pub use self::privacy::{Privacy, Retention};
pub use self::speech::{Speech, Utterance};
pub use self::whole::{AudioSocket, Config, DEFAULT_PATH, Eagi, Limits, Log, Paths, Recordings, Text, packs};
