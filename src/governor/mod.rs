//! How much CPU lineside may take, and what it does with less: [`quota`] says what it is allowed, [`load`] what the machine has left, [`policy`]
//! decides once a second, [`simulation`] plays that decision against a call centre of any size, [`recommend`] chooses a model by it.
//!
//! It only ever takes less than the quota. What it decides is a [`Plan`]; carrying it out is the pipeline's business.

pub mod load;
pub mod policy;
pub mod quota;
pub mod recommend;
pub mod simulation;

pub use policy::{Governor, Plan, Step};
