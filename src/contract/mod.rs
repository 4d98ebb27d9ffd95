//! The contract: the shapes of everything that leaves the daemon as JSON, each a type, for answers, feeds and notifiers alike.
//!
//! Nothing here decides or reads anything: who fills a shape in is the room that answers. From the same types come `GET /openapi.json`, `lineside
//! openapi` and `GET /asyncapi.json`. What is unknown is `null`, unless its field says that it is absent. Times inside a call are seconds from the
//! call's start; timestamps are RFC 3339 in UTC with milliseconds, but for call dashboards, which take seconds since 1970.

pub mod agent_view;
pub mod alert;
pub mod analysis;
pub mod bulk;
pub mod call;
pub mod control;
pub mod correction;
pub mod coverage;
pub mod dashboard;
pub mod dialer;
pub mod dialer_write;
pub mod doctor;
pub mod fetch;
pub mod figures;
pub mod lookup;
pub mod me;
pub mod message;
pub mod notify;
pub mod pass;
pub mod platform;
pub mod privacy;
pub mod problem;
pub mod processing;
pub mod quality;
pub mod request;
pub mod review;
pub mod settings;
pub mod sla;
pub mod sound;
pub mod statistics;
pub mod status;
pub mod tap;

/// Milliseconds as seconds, the unit of every offset in JSON.
pub fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}

/// Words that stand alone: each is a type with one value, so that the schema of a field that always holds the same word names it.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident = $word:tt),* $(,)?) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
            pub enum $name {
                /// The only one.
                #[serde(rename = $word)]
                It,
            }
        )*
    };
}

use words;
