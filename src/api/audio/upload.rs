//! `POST /upload`: recordings as multipart form data, streamed to disk, then taken like every other call.
//!
//! Invariant: what is not wholly there leaves nothing behind. A file lives under a name of its own until it was taken or refused, and goes away with
//! the request, however that ends; what a crash leaves is removed at the next start.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::extract::multipart::{Field, MultipartError};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

use crate::api::request::ApiError;
use crate::api::request::Form;
use crate::audio::sound_file::SoundWriter;
use crate::audio::wav;
use crate::call::{CallId, CallNames};
use crate::contract::bulk::{UploadState, Uploaded, UploadedFile};
use crate::contract::problem::Problem;

/// Files in one request.
const FILES: usize = 100;
/// Length of a field that is not a file at most, bytes.
const FIELD: usize = 1000;

/// A whole file on disk: (path, extension, call, names, name where it came from). Blocks; `Err` says what is wrong with it.
pub type Take = Arc<dyn Fn(&Path, &str, &CallId, &CallNames, &str) -> Result<(), String> + Send + Sync>;

/// Settings of uploads.
#[derive(Clone)]
pub struct UploadSettings {
    /// Folder where files wait; its content is removed at the start.
    pub folder: PathBuf,
    /// Size of one file at most, bytes.
    pub max_bytes: u64,
    /// Takes a file.
    pub take: Take,
}

impl UploadSettings {
    /// Removes what a crash has left. Blocks.
    pub fn sweep(&self) {
        for entry in std::fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// A file that goes away when it is dropped.
struct Arriving {
    path: PathBuf,
    name: String,
    extension: String,
    /// Bytes of sound that its header names and the file does not have.
    missing: Option<u64>,
}

/// Bytes of a file's beginning in which its header stands.
const HEAD: usize = 1 << 16;

impl Drop for Arriving {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

enum Refused {
    /// 400, as documented.
    Request(String),
    TooLarge(String),
    /// The disk.
    Disk(std::io::Error),
}

impl From<MultipartError> for Refused {
    fn from(error: MultipartError) -> Self {
        Self::Request(format!("the upload broke off or is not multipart/form-data: {}", error.body_text()))
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (status, text) = match self {
            Self::Request(text) => (StatusCode::BAD_REQUEST, text),
            Self::TooLarge(text) => (StatusCode::PAYLOAD_TOO_LARGE, text),
            Self::Disk(error) => {
                log::error!("upload: {error}; nothing of it was kept");
                (StatusCode::INSUFFICIENT_STORAGE, format!("the upload could not be written to disk: {error}"))
            }
        };
        (status, Json(Problem::text(text))).into_response()
    }
}

pub(in crate::api) async fn upload(
    State(uploads): State<UploadSettings>,
    form: Result<Form, axum::extract::multipart::MultipartRejection>,
) -> Response {
    let form = match form {
        Ok(form) => form,
        Err(error) => return Refused::Request(error.body_text()).into_response(),
    };
    match receive(&uploads, form).await {
        Ok((files, names)) => take_all(uploads, files, names).await,
        Err(refused) => refused.into_response(),
    }
}

/// Reads the whole form: files to disk, the rest into names.
async fn receive(uploads: &UploadSettings, mut form: Form) -> Result<(Vec<Arriving>, CallNames), Refused> {
    let (mut files, mut names) = (Vec::new(), CallNames::default());
    while let Some(field) = form.next_field().await? {
        if field.file_name().is_some() {
            if files.len() == FILES {
                return Err(Refused::Request(format!("at most {FILES} files at a time")));
            }
            files.push(store(uploads, field).await?);
            continue;
        }
        let name = field.name().unwrap_or_default().to_string();
        let value = short(field).await?;
        let slot = match name.as_str() {
            "agent" => &mut names.agent,
            "campaign" => &mut names.campaign,
            "phone" => &mut names.phone,
            "lead" => &mut names.lead,
            _ => continue, // forms carry more than we know, such as tokens against forgery
        };
        let value = String::from_utf8(value).ok().filter(|value| !value.contains(char::REPLACEMENT_CHARACTER));
        let Some(value) = value else {
            return Err(Refused::Request(format!(
                "{name}: not UTF-8, or holds a character that stands for what is not"
            )));
        };
        let value = value.trim();
        if value.chars().any(char::is_control) {
            return Err(Refused::Request(format!("{name}: a line break, or another control character, is in it")));
        }
        if !value.is_empty() && slot.replace(value.to_string()).is_some() {
            return Err(Refused::Request(format!("{name} is given twice")));
        }
    }
    if files.is_empty() {
        return Err(Refused::Request("a recording is missing: send it as a form field with a file name".into()));
    }
    Ok((files, names))
}

async fn short(mut field: Field<'_>) -> Result<Vec<u8>, Refused> {
    let mut bytes = Vec::new();
    while let Some(chunk) = field.chunk().await? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > FIELD {
            return Err(Refused::TooLarge(format!("a field of the form is longer than {FIELD} bytes")));
        }
    }
    Ok(bytes)
}

async fn store(uploads: &UploadSettings, mut field: Field<'_>) -> Result<Arriving, Refused> {
    // The name is for people; on disk the file has one of ours.
    let given = field.file_name().unwrap_or_default().replace('\\', "/");
    let name: String =
        given.rsplit('/').next().unwrap_or_default().chars().filter(|c| !c.is_control()).take(200).collect();
    let extension: String =
        Path::new(&name).extension().map(|ext| ext.to_string_lossy().into_owned()).unwrap_or_default();
    tokio::fs::create_dir_all(&uploads.folder).await.map_err(Refused::Disk)?;
    let path = uploads.folder.join(uuid::Uuid::new_v4().to_string());
    let mut arriving = Arriving { path, name, extension, missing: None };
    let place = arriving.path.clone();
    let mut file = blocking(move || SoundWriter::create(&place)).await?;
    let (mut size, mut head) = (0, Vec::new());
    while let Some(chunk) = field.chunk().await? {
        head.extend_from_slice(&chunk[..chunk.len().min(HEAD - head.len())]);
        size += chunk.len() as u64;
        if size > uploads.max_bytes {
            let most = uploads.max_bytes / 1_000_000;
            return Err(Refused::TooLarge(format!("{}: larger than {most} MB ([http] upload_mb)", arriving.name)));
        }
        file = blocking(move || file.write_all(&chunk).map(|()| file)).await?;
    }
    blocking(move || file.finish()).await?;
    arriving.missing = wav::missing_bytes(&head, size);
    Ok(arriving)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T, Refused> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other).and_then(|done| done).map_err(Refused::Disk)
}

/// Takes the files one after the other, also when who sent them does not wait for the answer.
async fn take_all(uploads: UploadSettings, files: Vec<Arriving>, names: CallNames) -> Response {
    let taking = tokio::task::spawn_blocking(move || {
        let mut answers = Vec::new();
        for file in files {
            let call = CallId::from_lossy(&format!("upload-{}", uuid::Uuid::new_v4().simple()));
            let mut metadata = Map::new();
            metadata.insert("file".into(), Value::from(file.name.clone()));
            let names = CallNames { metadata: Some(metadata), ..names.clone() };
            let taken = (uploads.take)(&file.path, &file.extension, &call, &names, &file.name);
            answers.push(outcome(file.name.clone(), taken.map(|()| call.to_string()), file.missing));
        }
        answers
    });
    let Ok(answers) = taking.await else {
        return ApiError::Unavailable("the daemon is stopping".into()).into_response();
    };
    let taken = uploaded(answers);
    let status = if taken.call_id.is_some() { StatusCode::CREATED } else { StatusCode::UNSUPPORTED_MEDIA_TYPE };
    (status, Json(taken)).into_response()
}

/// Result of a file: its call, or the reason why there is none.
fn outcome(file: String, call: Result<String, String>, missing: Option<u64>) -> UploadedFile {
    let cut =
        |bytes: u64| format!("the file ends {bytes} bytes before its sound does, by its header: it may have been cut");
    match call {
        Ok(call_id) => {
            let (status, detail) = (UploadState::Queued, missing.map(cut));
            UploadedFile { file, call_id: Some(call_id), status, detail }
        }
        Err(problem) => UploadedFile { file, call_id: None, status: UploadState::Refused, detail: Some(problem) },
    }
}

/// Results of all files.
fn uploaded(calls: Vec<UploadedFile>) -> Uploaded {
    let call_id = calls.iter().find_map(|answer| answer.call_id.clone());
    let detail = calls.first().filter(|_| call_id.is_none()).and_then(|first| first.detail.clone());
    Uploaded { call_id, calls, detail }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_became_of_files_is_told_file_by_file() {
        let told = |files: Vec<UploadedFile>| serde_json::to_value(uploaded(files)).expect("JSON");
        let (good, bad) = (
            || outcome("a.wav".into(), Ok("upload-1".into()), None),
            || outcome("b.txt".into(), Err("no sound".into()), None),
        );
        let queued = json!({"file": "a.wav", "call_id": "upload-1", "status": "queued"});
        let refused = json!({"file": "b.txt", "call_id": null, "status": "refused", "detail": "no sound"});
        assert_eq!(told(vec![bad(), good()]), json!({"call_id": "upload-1", "calls": [refused, queued]}));
        let cut = told(vec![outcome("a.wav".into(), Ok("upload-1".into()), Some(500))]);
        assert!(cut["calls"][0]["detail"].as_str().is_some_and(|detail| detail.contains("500 bytes")), "{cut}");
        assert_eq!(told(vec![bad()]), json!({"call_id": null, "calls": [refused], "detail": "no sound"}));
    }
}
