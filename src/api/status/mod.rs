//! Health and state of the daemon and its neighbours, its figures, and its glossary.

pub(super) mod agents;
pub(super) mod board;
pub(super) mod coverage;
mod detailed;
pub(super) mod figures;
pub(super) mod glossary;
pub(super) mod health;
mod host;
pub(super) mod settings;

pub use self::detailed::Doctor;
pub use self::health::{Health, Metrics};
pub use self::host::HostWatch;
pub use self::settings::SettingsSource;
