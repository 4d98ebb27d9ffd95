//! Alerts, as feeds, lists, calls and webhooks show them.

use serde::Serialize;
use utoipa::ToSchema;

use crate::call::{Alert, Fired, Leg, Level, Severity, Speaker, WallTime};

super::words! {
    /// The kind of a message of an alert.
    AlertKind = "alert",
}

/// An alert: the rules of a call that fired at one moment, why, and how the call stood.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AlertMessage {
    /// When it was raised.
    #[schema(format = DateTime)]
    pub timestamp: String,
    /// Everything else.
    #[serde(flatten)]
    pub about: AlertAbout,
}

/// An alert without its timestamp.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AlertAbout {
    /// The kind of the message.
    #[serde(rename = "type")]
    #[schema(inline)]
    pub kind: AlertKind,
    /// The same word again.
    #[schema(inline)]
    pub event: AlertKind,
    /// Number of the alert.
    pub id: i64,
    /// The same number again.
    pub alert_id: i64,
    /// The call.
    pub call_id: String,
    /// The call's agent.
    pub agent: Option<String>,
    /// The call's campaign, in-group or queue.
    pub campaign: Option<String>,
    /// Time at which the alert was raised.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// Level of the worst of its rules.
    pub alert_level: Level,
    /// The same again.
    pub level: Level,
    /// The same in the words of the analytics platforms.
    pub severity: Severity,
    /// The speaker whose words raised it; `null` where no words did.
    pub speaker: Option<Speaker>,
    /// The leg on which they were said.
    pub leg: Option<Leg>,
    /// Begin of the words, seconds of the call.
    pub start_time: f64,
    /// End of the words, seconds of the call.
    pub end_time: f64,
    /// Sentiment of the segment that raised it, -1 to 1.
    pub sentiment_score: Option<f64>,
    /// The call's rolling sentiment at that moment, -1 to 1.
    pub rolling_sentiment: Option<f64>,
    /// The call's risk at that moment, 0 to 1.
    pub risk_score: f64,
    /// Whether somebody has taken it.
    pub acknowledged: bool,
    /// Time at which somebody acknowledged it; `null` before.
    #[schema(format = DateTime)]
    pub acknowledged_at: Option<String>,
    /// Name of the person who acknowledged it; `null` before.
    pub acknowledged_by: Option<String>,
    /// The content of the alert.
    #[serde(flatten)]
    pub says: AlertSays,
}

/// The content of an alert. It is corrected when a number in it turns out to be redacted.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AlertSays {
    /// Names of the rules that fired, the worst first.
    pub rules_triggered: Vec<String>,
    /// The rules that fired, the worst first.
    pub rules: Vec<Fired>,
    /// Reasons of the rules, each once.
    pub reasons: Vec<String>,
    /// A sentence for people: the worst rule's description and the words that triggered it.
    pub happened: String,
    /// Rules and reasons in a line.
    pub message: String,
    /// The words that raised it, each once.
    pub words: Vec<String>,
    /// Prompts for the agent.
    pub prompts: Vec<String>,
    /// The segment; empty where no words raised it.
    pub text: String,
}

impl AlertSays {
    /// What an alert says now.
    pub fn of(alert: &Alert) -> Self {
        let owned = |texts: Vec<&str>| texts.into_iter().map(str::to_owned).collect();
        Self {
            rules_triggered: owned(alert.rule_names()),
            rules: alert.rules.clone(),
            reasons: owned(alert.reasons()),
            happened: alert.happened(),
            message: alert.message(),
            words: owned(alert.words()),
            prompts: owned(alert.prompts()),
            text: alert.text.clone(),
        }
    }
}

/// The acknowledgement of an alert: all that a token without the right to read calls sees of it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AlertTaken {
    /// Number of the alert.
    pub id: i64,
    /// The same number again.
    pub alert_id: i64,
    /// Whether somebody has taken it.
    pub acknowledged: bool,
    /// Time at which it was acknowledged.
    #[schema(format = DateTime)]
    pub acknowledged_at: Option<String>,
    /// Name of the person who acknowledged it.
    pub acknowledged_by: Option<String>,
}

impl AlertTaken {
    /// Of an alert with this number.
    pub fn of(id: i64, acknowledged: Option<&(WallTime, String)>) -> Self {
        Self {
            id,
            alert_id: id,
            acknowledged: acknowledged.is_some(),
            acknowledged_at: acknowledged.map(|(at, _)| at.rfc3339()),
            acknowledged_by: acknowledged.map(|(_, by)| by.clone()),
        }
    }
}

/// The result of acknowledging several alerts at once.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AlertsTaken {
    /// The alerts as they stand; who was first stays.
    pub alerts: Vec<AlertTaken>,
}

/// An alert: complete for tokens that may read calls.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum AlertShown {
    /// The complete alert, for tokens that may read calls.
    Whole(Box<AlertMessage>),
    /// The acknowledgement alone, for other tokens.
    Taken(AlertTaken),
}

/// Alerts, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AlertList {
    /// Alerts in this answer.
    pub count: usize,
    /// Alerts that nobody has taken, in all.
    pub open: i64,
    /// The alerts.
    pub alerts: Vec<AlertMessage>,
    /// Value of `cursor` for the next page; `null` on the last one.
    pub next_cursor: Option<String>,
    /// Agents whose names are near, where nothing was found and nobody has the name that was asked for.
    pub similar_agents: Vec<String>,
}
