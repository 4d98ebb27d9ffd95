//! Reads the configuration with what other programs' files on this machine add to it.

use std::path::Path;

use crate::config::{Config, ConfigError};
use crate::integrate::dialer::astguiclient;

/// The configuration; where it names no folders of recordings, those that ViciDial's own file names.
pub fn load(path: Option<&Path>) -> Result<Config, ConfigError> {
    let mut config = Config::load(path)?;
    let file = config.dialer.astguiclient.clone();
    config.recordings.find(|| astguiclient::read(&file).map(|found| found.folders()).unwrap_or_default());
    Ok(config)
}
