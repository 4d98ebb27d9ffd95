//! The TOML file: one section per room, every key with a default, every mistake named with its file, its line and what is allowed.

mod alerts;
mod ami;
mod campaign;
mod coverage;
mod dialer;
mod dialer_api;
pub mod documented;
mod fragments;
mod http;
mod insights;
mod meaning;
mod mistake;
mod privacy;
mod processing;
mod recogniser;
mod remote;
mod reports;
mod sentiment;
mod shown;
mod sla;
mod speech;
mod translation;
mod whole;

pub use self::alerts::IngestConfig;
pub use self::ami::{AmiConfig, TapConfig};
pub use self::campaign::CampaignConfig;
pub use self::coverage::CoverageConfig;
pub use self::dialer::{DialerChoice, DialerSection};
pub use self::dialer_api::DialerApiSection;
pub use self::http::HttpConfig;
pub use self::insights::{InsightsConfig, LlmApi, LlmSection};
pub use self::meaning::MeaningConfig;
pub use self::mistake::ConfigError;
pub use self::privacy::{PrivacyConfig, RetentionConfig};
pub use self::processing::ProcessingConfig;
pub use self::remote::RemoteSection;
pub use self::reports::ReportsConfig;
pub use self::sentiment::{SentimentConfig, SentimentKind};
pub use self::shown::{changed_since, shown};
pub use self::sla::SlaConfig;
pub use self::speech::{SpeechConfig, UtteranceConfig};
pub use self::translation::TranslationConfig;
pub use self::whole::{
    AudioSocketConfig, Config, DEFAULT_PATH, EagiConfig, LimitsConfig, LogConfig, PathsConfig, RecordingsConfig,
    SourcesConfig, TextConfig, pack_files, packs,
};
