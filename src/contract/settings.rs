//! The settings as the daemon was started with them: each value, where it comes from, and what it does.

use serde::Serialize;
use utoipa::ToSchema;

/// A setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ShownSetting {
    /// Its section; of `[[name]]` with its place among them, from 1: `notify 2`.
    pub section: String,
    /// Its key.
    pub key: String,
    /// Its value as TOML; `null` where it is not set and has no default. Secrets are `"…"`.
    pub value: Option<String>,
    /// The file and line that set it, like `/etc/lineside/conf.d/50-folders.toml:2`; `null` for the built-in value.
    pub set_in: Option<String>,
    /// Whether the value is not shown whole.
    pub masked: bool,
    /// Description of the setting.
    pub about: String,
}

/// All settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ShownSettings {
    /// Time at which they were read: the start, or the last reload.
    #[schema(format = DateTime)]
    pub read_at: String,
    /// The files that they come from, in the order of reading.
    pub files: Vec<String>,
    /// Files that were changed afterwards: what they say now holds after a restart.
    pub changed: Vec<String>,
    /// The settings, in the order of the manual.
    pub settings: Vec<ShownSetting>,
}
