//! The model of sentences, for search by meaning.

use super::check::{Subject, advice, good};
use crate::config::Config;
use crate::contract::doctor::DoctorCheck;
use crate::meaning::FILES;

/// The model of the configuration, without loading it. That it is not there is no fault: all else works.
pub(super) fn model(config: &Config) -> DoctorCheck {
    let Some(folder) = config.meaning.folder(&config.paths.models()) else {
        return good(Subject::Meaning, "off, as [meaning] model says");
    };
    if FILES.iter().all(|file| folder.join(file).is_file()) {
        return good(Subject::Meaning, folder.display().to_string());
    }
    let mend =
        format!("`lineside model pull {}`; it is taken when it is there, without a restart", config.meaning.model);
    advice(Subject::Meaning, format!("off: {} is not there", folder.display()), mend)
}
