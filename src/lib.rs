//! lineside: live transcription, sentiment and search of the calls of an Asterisk PBX, on the PBX's own box.
//!
//! The rooms, in the order in which a call passes them. Each may know those above it; ARCHITECTURE.md tells which of them it does.

// The nouns, known by everyone: calls, legs, times, alerts.
pub mod call;

// Which thread gives way to which.
pub mod priority;

// The shapes of all JSON that goes out, and of the documents that describe it.
pub mod contract;

// Samples, files and codecs, encrypted or not.
pub mod audio;

// A leg's audio on disk, and how it is read back.
pub mod spool;

// Bytes in from Asterisk, frames out to the spool; who a call is.
pub mod capture;

// Utterances, and their words.
pub mod speech;

// Sentiment, keywords, redaction, reviews: pure functions.
pub mod text;

// What a line means, as a vector.
pub mod meaning;

// Other languages into one.
pub mod translation;

// Rules and risk: what a supervisor must not miss, and the services it is sent to.
pub mod alerts;

// SQLite: every row.
pub mod store;

// How much CPU, and what is left out when there is less.
pub mod governor;

// Joins the rooms for one call, from its first frame to its last word, and looks after it when it is over.
pub mod pipeline;

// Other people's systems: Asterisk's manager interface, dialers and their databases, recordings on other servers.
pub mod integrate;

// HTTP, WebSocket, SSE, the pages.
pub mod api;

// The TOML file.
pub mod config;

// Log, systemd, signals, limits of the system.
pub mod host;

// What is wrong with this box, why it matters, and the mend.
pub mod doctor;

// Builds every room and joins them.
pub mod daemon;

// The commands.
pub mod cli;
