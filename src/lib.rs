//! lineside: live transcription, sentiment and search of the calls of an Asterisk PBX, on the PBX's own box.
//!
//! The rooms, in the order in which a call passes them (ARCHITECTURE.md tells who may know whom):

pub mod alerts; // rules, risk: what a supervisor must not miss
pub mod api; // HTTP, WebSocket, SSE, the page
pub mod audio; // samples, files and codecs: pure functions
pub mod call; // the nouns, known by everyone
pub mod capture; // bytes in from Asterisk, frames out to the spool
pub mod cli; // the commands
pub mod config; // the TOML file
pub mod contract; // the shapes of all JSON that goes out
pub mod daemon; // builds every room and joins them
pub mod governor; // how much CPU, and what is left out when there is less
pub mod host;
pub mod integrate; // other people's systems: Asterisk's manager interface
pub mod pipeline; // joins the rooms for one call, from first frame to last word
pub mod speech; // utterances, and their words
pub mod spool; // a leg's audio on disk, and how it is read back
pub mod store; // SQLite: every row
pub mod text; // sentiment, keywords: pure functions // clock, shutdown, systemd, log
