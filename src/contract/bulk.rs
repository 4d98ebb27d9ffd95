//! What was done with many calls, files or words at once.

use serde::Serialize;
use utoipa::ToSchema;

/// The result of an action on many calls, with the calls for which it failed.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct BulkOutcome {
    /// `tag`, `untag`, `reprocess`, `process` or `delete`.
    pub action: String,
    /// Ids of the calls with which it was done.
    pub done: Vec<String>,
    /// The others.
    pub failed: Vec<BulkFailure>,
    /// The first reason, where the action failed for all calls; absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// A call with which it was not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct BulkFailure {
    /// Its id.
    pub call_id: String,
    /// Reason why the action failed for this call, for people.
    pub detail: String,
}

/// The result of an upload of several recordings.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Uploaded {
    /// The first call that was made of them; `null` where none was.
    pub call_id: Option<String>,
    /// File by file.
    pub calls: Vec<UploadedFile>,
    /// Reason why the first file was refused, where all were; absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// The result for one uploaded file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct UploadedFile {
    /// Its name.
    pub file: String,
    /// The call that was made of it; `null` where it was refused.
    pub call_id: Option<String>,
    /// Whether the file was taken.
    pub status: UploadState,
    /// Why it was refused, or what makes it doubtful, such as a WAV file that ends before its sound does; absent where nothing is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// Whether an uploaded file was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UploadState {
    /// It is a call, and will be text.
    Queued,
    /// The file is no recording that can be decoded.
    Refused,
}

/// The glossary: terms that the recogniser expects.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct GlossaryTerms {
    /// The campaign whose list it is; `null` for that of all calls.
    pub campaign: Option<String>,
    /// Terms in the list.
    pub count: usize,
    /// Number of terms that fit into the recogniser's prompt.
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
    /// Number of terms that fit into the recogniser's prompt.
    pub in_prompt: usize,
}
