//! `[processing]`: when calls are transcribed, and what is made of them when they are over.

use serde::Deserialize;

use crate::call::{ProcessingMode, ProcessingModes, Source};

/// `[processing]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProcessingConfig {
    /// Of all sources that have no mode of their own.
    pub mode: ProcessingMode,
    /// Of calls by AudioSocket.
    pub audiosocket: Option<ProcessingMode>,
    /// Of calls by EAGI.
    pub eagi: Option<ProcessingMode>,
    /// Of recordings in watched folders.
    pub recording: Option<ProcessingMode>,
    /// Of files that are uploaded.
    pub upload: Option<ProcessingMode>,
    /// Of calls of other platforms.
    pub ingest: Option<ProcessingMode>,
    /// Whether every call is transcribed again when it is over.
    pub final_pass: bool,
}

impl ProcessingConfig {
    /// The mode of each source. What is uploaded does not run any more.
    pub fn modes(&self) -> ProcessingModes {
        let own = [
            (Source::Audiosocket, self.audiosocket),
            (Source::Eagi, self.eagi),
            (Source::Recording, self.recording),
            (Source::Upload, self.upload.or(Some(ProcessingMode::PostcallOnly))),
            (Source::Ingest, self.ingest),
        ];
        let with = |modes: ProcessingModes, (source, mode): (Source, Option<ProcessingMode>)| match mode {
            Some(mode) => modes.with(source, mode),
            None => modes,
        };
        own.into_iter().fold(ProcessingModes::all(self.mode), with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_has_its_own_mode_or_that_of_all() {
        let config: ProcessingConfig =
            toml::from_str("mode = \"realtime\"\nrecording = \"postcall_only\"").expect("TOML");
        let modes = config.modes();
        let of = |source| modes.of(source).as_str();
        assert_eq!(
            [of(Source::Eagi), of(Source::Recording), of(Source::Upload)],
            ["realtime", "postcall_only", "postcall_only"]
        );
        assert!(
            toml::from_str::<ProcessingConfig>("mode = \"later\"")
                .is_err_and(|error| error.to_string().contains("hybrid"))
        );
        assert_eq!(ProcessingConfig::default().modes(), ProcessingModes::default());
    }
}
