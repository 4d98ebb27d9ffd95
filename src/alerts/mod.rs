//! Alerts: what a supervisor must not miss in a running call, and the reason for it.
//!
//! Pure: rules come from packs ([`RuleBook`]), the conductor tells a call's [`CallWatch`] the text and the progress of the call, and gets alerts
//! back. All times are the call's own, so a recording raises the same alerts as the live call did. Nothing here reads a clock, a file or a database;
//! after a restart the watch is told again what was said, and which alerts were raised. ([`notify`], which sends them out, does block: on other
//! servers, in threads of its own.)

pub mod book;
pub mod notify;
pub mod risk;
pub mod speech;
pub mod watch;

pub use book::RuleBook;
pub use risk::RiskScore;
pub use watch::{CallWatch, Said};

/// Tells the exporter what this room's counters mean.
pub fn describe_metrics() {
    metrics::describe_counter!("lineside_alerts_total", "Alerts raised, by level");
    metrics::describe_counter!("lineside_alert_rules_total", "Rules that fired, by rule");
    metrics::describe_counter!("lineside_alerts_acknowledged_total", "Alerts acknowledged");
    metrics::describe_counter!(
        "lineside_notifications_total",
        "Tries to send an alert out, by notifier and what became of it"
    );
    metrics::describe_gauge!("lineside_notifier_queue", "Alerts that wait to be sent, by notifier");
}
