//! Alerts: what a supervisor must not miss in a running call, and why it is shown.
//!
//! Pure: rules come from packs ([`RuleBook`]), the conductor tells a call's [`CallWatch`] what was heard and how far the call has come, and gets
//! alerts back. All times are the call's own, so a recording raises the same alerts as the live call did. Nothing here reads a clock, a file or a
//! database; after a restart the watch is told again what was said, and which alerts it has led to. ([`notify`], which sends them out, does block:
//! on other people's servers, in threads of its own.)

pub mod book;
pub mod notify;
pub mod risk;
mod speech;
pub mod watch;

use serde::Serialize;

pub use book::RuleBook;
pub use risk::Risk;
pub use watch::{CallWatch, Said};

use crate::call::Leg;
use crate::text::Level;

/// A rule that fired, with its reason.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fired {
    /// The rule.
    pub name: String,
    /// How bad it is.
    pub level: Level,
    /// The rule in a sentence.
    pub description: String,
    /// The pack it came from.
    pub pack: String,
    /// What was found.
    pub reason: String,
    /// The words that did it.
    pub words: Vec<String>,
    /// What to say to the agent.
    pub prompt: Option<String>,
}

/// What is to be shown: all rules that fired at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    /// The worst of its rules.
    pub level: Level,
    /// The rules, worst first.
    pub rules: Vec<Fired>,
    /// Whose words, where words did it.
    pub leg: Option<Leg>,
    /// Where in the call it begins, milliseconds.
    pub start_ms: i64,
    /// Where it ends.
    pub end_ms: i64,
    /// The segment; empty when no words did it.
    pub text: String,
    /// Its compound.
    pub sentiment: Option<f64>,
    /// The call's rolling sentiment.
    pub rolling: Option<f64>,
    /// The call's risk, 0 to 1.
    pub risk: f64,
}

/// Tells the exporter what this room's counters mean.
pub fn describe_metrics() {
    metrics::describe_counter!("lineside_alerts_total", "Alerts raised, by level");
    metrics::describe_counter!("lineside_alert_rules_total", "Rules that fired, by rule");
    metrics::describe_counter!("lineside_alerts_acknowledged_total", "Alerts acknowledged");
    metrics::describe_counter!(
        "lineside_notifications_total",
        "Tries to send an alert out, by notifier and what became of it"
    );
}
