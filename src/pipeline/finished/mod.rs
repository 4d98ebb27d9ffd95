//! What is done with a call that is over: it is judged and summed up, retranscribed, told of. And with a file that never was a call: `analyze.rs`.

pub mod analyze;
pub mod notify;
pub mod retranscribe;
pub mod review;
pub mod reviews;
