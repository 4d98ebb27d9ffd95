//! How the daemon and its neighbours are doing, what its figures are, and what it was told to expect.

pub(super) mod agents;
pub(super) mod board;
pub(super) mod coverage;
mod detailed;
pub(super) mod figures;
pub(super) mod glossary;
pub(super) mod health;
pub(super) mod settings;

pub use self::detailed::Doctor;
pub use self::health::{Health, Metrics};
pub use self::settings::SettingsSource;
