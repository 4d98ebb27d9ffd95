//! What is done with a call that is over: its stages are gone through (`stages.rs`), it is judged and summed up, retranscribed, told of. And with a
//! text or a file that never was a call: `transcript.rs`, `analyze.rs`.

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
