//! The work of quality reviewers: their own points beside the machine's score card, how far they agree, disputes, and what is to be reviewed next.

use serde::Serialize;
use utoipa::ToSchema;

use super::review::CriterionOutcome;

/// A rule of a call's score card, as reviewers may judge it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RuleToReview {
    /// Its name.
    pub rule: String,
    /// The rule in one sentence.
    pub description: String,
    /// The machine's judgement.
    pub outcome: CriterionOutcome,
    /// The machine's points.
    pub points: f64,
    /// Points that may be given at most.
    pub of: f64,
}

/// A reviewer's points for one rule.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RulePoints {
    /// The rule.
    pub rule: String,
    /// Points given; `null` where nothing in the call asked for the rule.
    pub points: Option<f64>,
    /// Points that could be given at most.
    pub of: f64,
    /// Whether the machine said that the rule was met when the review was made; `null` where it said neither.
    pub machine_passed: Option<bool>,
    /// The reviewer's comment on the rule; may be empty.
    pub comment: String,
}

/// A reviewer's review of a call.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ScoreReview {
    /// Name of the token or login.
    pub reviewer: String,
    /// Whether it is that of the one who asks.
    pub own: bool,
    /// Points of a hundred; `null` where no rule was judged.
    pub score: Option<f64>,
    /// The reviewer's comment on the call as a whole; may be empty.
    pub comment: String,
    /// Time of the review.
    #[schema(format = DateTime)]
    pub reviewed_at: String,
    /// Rule by rule, in the order of the score card.
    pub rules: Vec<RulePoints>,
}

/// The reviews of a call.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ScoreReviewList {
    /// The call.
    pub call_id: String,
    /// Whether the call is flagged for calibration: reviewers score it without knowing of each other.
    pub calibration: bool,
    /// Reviews that are not shown until the one who asks has reviewed the call; to its agent, until the flag is off.
    pub hidden: usize,
    /// Rules that may be judged, in the order of the score card.
    pub rules: Vec<RuleToReview>,
    /// The reviews, by reviewer.
    pub reviews: Vec<ScoreReview>,
    /// Disputes of the call, the newest first.
    pub disputes: Vec<Dispute>,
}

/// A call of an agent that people have reviewed, or that is disputed.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ReviewedCall {
    /// The call.
    pub call_id: String,
    /// Time at which the call began.
    #[schema(format = DateTime)]
    pub start_time: String,
    /// Length of the call, seconds.
    pub duration: f64,
    /// Its campaign.
    pub campaign: Option<String>,
    /// The machine's points of a hundred.
    pub score: Option<f64>,
    /// Number of reviews by people.
    pub reviews: u32,
    /// Number of unanswered disputes.
    pub open_disputes: u32,
}

/// An agent's calls that people have reviewed, or that are disputed, the newest first.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ReviewedCalls {
    /// The agent.
    pub agent: String,
    /// The calls.
    pub calls: Vec<ReviewedCall>,
    /// Whether there are older ones than `limit` allows.
    pub more: bool,
}

/// State of a dispute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DisputeState {
    /// Not answered yet.
    Open,
    /// The agent is right.
    Upheld,
    /// The points stay.
    Rejected,
}

impl DisputeState {
    /// All states.
    pub const ALL: [Self; 3] = [Self::Open, Self::Upheld, Self::Rejected];

    /// The word used in the database and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Upheld => "upheld",
            Self::Rejected => "rejected",
        }
    }

    /// Reads the word back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// A dispute: an objection of an agent, or of a supervisor for the agent, to the points for a rule.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Dispute {
    /// Its number.
    pub id: i64,
    /// The call.
    pub call_id: String,
    /// The call's agent.
    pub agent: Option<String>,
    /// The call's campaign.
    pub campaign: Option<String>,
    /// The rule that it is about.
    pub rule: String,
    /// Text of the objection.
    pub text: String,
    /// Name of the token or login that raised it.
    pub raised_by: String,
    /// Time at which the dispute was raised.
    #[schema(format = DateTime)]
    pub raised_at: String,
    /// Open, upheld or rejected.
    pub state: DisputeState,
    /// Text of the answer; `null` while the dispute is open.
    pub answer: Option<String>,
    /// Name of the token or login that answered; `null` while the dispute is open.
    pub answered_by: Option<String>,
    /// Time of the answer; `null` while the dispute is open.
    #[schema(format = DateTime)]
    pub answered_at: Option<String>,
}

/// Disputes, the newest first.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct DisputeList {
    /// The disputes.
    pub disputes: Vec<Dispute>,
    /// Whether there are older ones than `limit` allows.
    pub more: bool,
}

/// Agreement of two judges: Cohen's kappa over pairs of judgements, each passed or failed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Agreement {
    /// Pairs of judgements.
    pub pairs: u64,
    /// Both say passed.
    pub both_passed: u64,
    /// The first says passed, the second failed.
    pub first_passed: u64,
    /// The first says failed, the second passed.
    pub second_passed: u64,
    /// Both say failed.
    pub both_failed: u64,
    /// Share of pairs that agree, 0 to 1; `null` without pairs.
    pub observed: Option<f64>,
    /// Share that would agree by chance, 0 to 1; `null` without pairs.
    pub expected: Option<f64>,
    /// Cohen's kappa, -1 to 1; `null` where all would agree by chance, and without pairs.
    pub kappa: Option<f64>,
}

/// Agreement on one rule.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RuleAgreement {
    /// The rule.
    pub rule: String,
    /// Agreement on this rule.
    #[serde(flatten)]
    pub agreement: Agreement,
}

/// Agreement of two kinds of judges.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct JudgesAgreement {
    /// Calls that both have judged.
    pub calls: usize,
    /// Over all rules.
    pub overall: Agreement,
    /// Rule by rule, by name.
    pub rules: Vec<RuleAgreement>,
}

/// Agreement of reviewers with each other, and of the machine with them.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AgreementReport {
    /// Calls begun at or after.
    #[schema(format = DateTime)]
    pub since: String,
    /// Calls begun at or before.
    #[schema(format = DateTime)]
    pub until: String,
    /// The campaign that was asked for; `null` for all.
    pub campaign: Option<String>,
    /// Agreement of two reviewers of a call; the first of them is the one whose name comes first.
    pub people: JudgesAgreement,
    /// The first is the machine, the second each reviewer.
    pub machine: JudgesAgreement,
}

/// Order in which calls are chosen for review.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum QueueOrder {
    /// Random: for one reviewer the same calls all day.
    Random,
    /// Calls with a rule that the machine says was missed, the newest first.
    Rule,
    /// The highest risk first.
    Risk,
}

impl QueueOrder {
    /// Reads the word of a request.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "random" => Self::Random,
            "rule" => Self::Rule,
            "risk" => Self::Risk,
            _ => return None,
        })
    }
}

/// A call to be reviewed.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct QueuedReview {
    /// The call.
    pub call_id: String,
    /// Time at which the call began.
    #[schema(format = DateTime)]
    pub start_time: String,
    /// Length of the call, seconds.
    pub duration: f64,
    /// Its agent.
    pub agent: Option<String>,
    /// Its campaign.
    pub campaign: Option<String>,
    /// Risk, 0 to 1.
    pub risk: Option<f64>,
    /// The machine's points of a hundred.
    pub score: Option<f64>,
    /// Whether it is flagged for calibration.
    pub calibration: bool,
}

/// The calls that a reviewer is to review next.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ReviewQueue {
    /// Name of the reviewer, that is, of the client.
    pub reviewer: String,
    /// Order in which the calls were chosen.
    pub by: QueueOrder,
    /// Calls that could have been chosen.
    pub among: usize,
    /// The calls, in order.
    pub calls: Vec<QueuedReview>,
}
