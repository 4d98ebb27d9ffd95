//! Converts the configuration into each room's settings.

use crate::config::Config;
use crate::pipeline::live::keys::PauseKeys;
use crate::pipeline::live::privacy::PrivacySettings;
use crate::pipeline::retention::{CampaignDays, RetentionSettings};
use crate::pipeline::workers::TranscribeSettings;

pub(super) fn transcribe_settings(config: &Config) -> TranscribeSettings {
    TranscribeSettings {
        models: config.paths.models(),
        model: config.speech.model.clone(),
        smaller: config.speech.smaller_model.clone(),
        afterwards: config.speech.final_model.clone(),
        workers: config.speech.workers,
        partial: config.speech.partial,
        hints: config.hints(),
    }
}

pub(super) fn pause_keys(config: &Config) -> PauseKeys {
    PauseKeys { pause: config.privacy.pause_keys.clone(), resume: config.privacy.resume_keys.clone() }
}

pub(super) fn privacy_settings(config: &Config) -> PrivacySettings {
    PrivacySettings { redact: config.privacy.redact, keys: pause_keys(config), cache: config.paths.state.join("cache") }
}

pub(super) fn retention_settings(config: &Config) -> RetentionSettings {
    let retention = &config.retention;
    RetentionSettings {
        state: config.paths.state.clone(),
        audio_days: retention.audio_days,
        text_days: retention.text_days,
        campaigns: config
            .campaign
            .iter()
            .map(|own| CampaignDays {
                campaign: own.name.clone(),
                audio_days: own.audio_days,
                text_days: own.text_days,
            })
            .collect(),
        alerts_days: retention.alerts_days,
        warn_free: retention.warn_free_mb * 1_000_000,
        drop_free: retention.drop_free_mb * 1_000_000,
        stop_free: retention.stop_free_mb * 1_000_000,
    }
}
