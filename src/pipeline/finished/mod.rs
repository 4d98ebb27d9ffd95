//! What is done with a call that is over: it is judged and summed up, read again, told of. And with a file that never was a call: `analyze.rs`.

pub mod again;
pub mod analyze;
pub mod notify;
pub mod review;
