//! Work on finished calls: their stages (`stages.rs`), reviews, summaries, retranscription and notifications. Also texts and files that never were
//! calls: `transcript.rs`, `analyze.rs`.

pub mod agreement;
pub mod analyze;
pub mod asked;
pub mod calls_csv;
pub mod correct;
mod evolution;
mod kept;
pub mod made;
pub mod notify;
mod prose;
pub mod retranscribe;
pub mod review;
pub mod reviewers;
pub mod reviews;
pub mod stages;
pub mod told;
mod transcript;
pub mod trial;
