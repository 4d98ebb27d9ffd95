//! A text that is analysed by itself, and what the service says of itself.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A text to be analysed.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct AnalyzeRequest {
    /// The transcript: lines that begin with `Agent:` or `Customer:`. Text without speakers counts as the customer's.
    #[schema(min_length = 1, max_length = 200_000)]
    pub transcript: String,
}

/// The analysis of a text.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CallAnalysis {
    /// Its number.
    pub id: i64,
    /// Its UUID.
    #[schema(format = "uuid")]
    pub unique_id: String,
    /// The strongest intent of the customer.
    pub customer_intent: String,
    /// The customer's mood.
    #[schema(value_type = AnalysisSentiment)]
    pub sentiment: String,
    /// Whether somebody has to do something about it.
    pub action_required: bool,
    /// A summary of a few sentences.
    pub summary: String,
    /// The text, without card numbers and the like.
    pub raw_transcript: String,
    /// Time of the analysis.
    #[schema(format = DateTime)]
    pub processed_at: String,
    /// Duration of the analysis, milliseconds.
    pub processing_time_ms: f64,
}

/// A mood, as this path writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub enum AnalysisSentiment {
    /// Good.
    Positive,
    /// Neither.
    Neutral,
    /// Bad.
    Negative,
}

impl AnalysisSentiment {
    /// The word used in the database and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Positive => "Positive",
            Self::Neutral => "Neutral",
            Self::Negative => "Negative",
        }
    }
}

/// The name and version of the service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct BaseInfo {
    /// The program.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The service in one sentence.
    pub description: String,
    /// The page of the API.
    pub docs: String,
    /// The API's document.
    pub openapi: String,
    /// Whether calls are heard and transcribed.
    pub health: String,
}
