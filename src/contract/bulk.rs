//! What was done with many calls, files or words at once.

use serde::Serialize;
use utoipa::ToSchema;

/// What was done with many calls, and what was not.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct BulkOutcome {
    /// `tag`, `untag`, `reprocess`, `process` or `delete`.
    pub action: String,
    /// Ids of the calls with which it was done.
    pub done: Vec<String>,
    /// The others.
    pub failed: Vec<BulkFailure>,
    /// Where nothing was done: the first reason; else absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// A call with which it was not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct BulkFailure {
    /// Its id.
    pub call_id: String,
    /// Why it was not done, for people.
    pub detail: String,
}

/// What became of recordings that were uploaded.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Uploaded {
    /// The first call that was made of them; `null` where none was.
    pub call_id: Option<String>,
    /// File by file.
    pub calls: Vec<UploadedFile>,
    /// Where no file was taken: why the first was not; else absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// What became of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct UploadedFile {
    /// Its name.
    pub file: String,
    /// The call that was made of it; `null` where it was refused.
    pub call_id: Option<String>,
    /// What became of it.
    pub status: UploadState,
    /// Why it was refused; absent where it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UploadState {
    /// It is a call, and will be text.
    Queued,
    /// It cannot be read.
    Refused,
}

/// The words that the recogniser is told to expect.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct GlossaryTerms {
    /// The campaign whose list it is; `null` for that of all calls.
    pub campaign: Option<String>,
    /// Terms in the list.
    pub count: usize,
    /// How many of them fit into what the recogniser is told.
    pub in_prompt: usize,
    /// The terms.
    pub terms: Vec<String>,
    /// The campaigns that have a list of their own, in small letters.
    pub campaigns: Vec<String>,
}

/// A list that was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct GlossaryTaken {
    /// The campaign whose list it is; `null` for that of all calls.
    pub campaign: Option<String>,
    /// Terms in the list.
    pub count: usize,
    /// How many of them fit into what the recogniser is told.
    pub in_prompt: usize,
}
