//! Fetches published models. It resumes an interrupted download, and refuses bytes that are not the published ones.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::disk::{Hashing, ModelError, ModelKind, ModelRef, checksum, finish, io_error, write_checksum};

/// A model to fetch, with its published checksum.
#[derive(Clone, Debug)]
pub struct Fetch {
    /// The model's name.
    pub name: String,
    /// Its address.
    pub url: String,
    /// SHA-256 in hex, where published.
    pub sha256: Option<String>,
    /// SHA-1 in hex, where that is what is published.
    pub sha1: Option<String>,
}

/// Fetches a model and resumes an interrupted download; `progress` gets the bytes so far and in all. Proxies come from the environment. Blocks.
pub fn pull(folder: &Path, fetch: &Fetch, progress: impl FnMut(u64, Option<u64>)) -> Result<ModelRef, ModelError> {
    fs::create_dir_all(folder).map_err(io_error("create", folder))?;
    let part = folder.join(format!("{}.part", fetch.name));
    let to = folder.join(format!("ggml-{}.bin", fetch.name));
    download(&part, fetch, progress)?;
    finish(&part, &to)?;
    let model = ModelRef { name: fetch.name.clone(), path: to, kind: ModelKind::Whisper };
    write_checksum(&model, &checksum(&model)?)?;
    Ok(model)
}

/// Fetches what is missing of a file, and compares its sum.
pub(super) fn download(
    part: &Path,
    fetch: &Fetch,
    mut progress: impl FnMut(u64, Option<u64>),
) -> Result<(), ModelError> {
    let fail = |problem: String| ModelError::Fetch { url: fetch.url.clone(), problem };
    let have = fs::metadata(part).map_or(0, |meta| meta.len());
    // ureq reads http_proxy, https_proxy, all_proxy and no_proxy by itself.
    let mut request = ureq::get(&fetch.url);
    if have > 0 {
        request = request.header("Range", format!("bytes={have}-"));
    }
    let response = match request.call() {
        // Nothing is missing: an earlier try had fetched everything and stopped before the check.
        Err(ureq::Error::StatusCode(416)) if have > 0 => None,
        other => Some(other.map_err(|error| fail(error.to_string()))?),
    };
    if let Some(response) = response {
        let resumed = response.status() == 206;
        let length = response.body().content_length();
        let mut done = if resumed { have } else { 0 };
        let total = length.map(|length| done + length);
        let mut file = OpenOptions::new()
            .create(true)
            .write(true)
            .append(resumed)
            .truncate(!resumed)
            .open(part)
            .map_err(io_error("write", part))?;
        let mut body = response.into_body().into_reader();
        let mut buffer = vec![0; 1 << 16];
        loop {
            let got = body.read(&mut buffer).map_err(|error| fail(error.to_string()))?;
            if got == 0 {
                break;
            }
            file.write_all(&buffer[..got]).map_err(io_error("write", part))?;
            done += got as u64;
            progress(done, total);
        }
        if let Some(total) = total.filter(|&total| total != done) {
            return Err(fail(format!("{done} of {total} bytes came")));
        }
    }
    check_published(part, fetch)
}

/// Whether an earlier try has fetched all of it already. Its checksum alone can tell.
pub(super) fn is_fetched(part: &Path, fetch: &Fetch) -> Result<bool, ModelError> {
    Ok(part.is_file() && sums(part, fetch)?.is_some_and(|(found, expected)| found.eq_ignore_ascii_case(expected)))
}

fn check_published(part: &Path, fetch: &Fetch) -> Result<(), ModelError> {
    match sums(part, fetch)? {
        Some((found, expected)) if !found.eq_ignore_ascii_case(expected) => {
            let bad = part.with_extension("bad");
            fs::rename(part, &bad).map_err(io_error("put aside", part))?;
            Err(ModelError::Checksum { path: bad, found, expected: expected.into() })
        }
        _ => Ok(()),
    }
}

/// The checksum of a file, and the one that is published; nothing where none is.
fn sums<'a>(part: &Path, fetch: &'a Fetch) -> Result<Option<(String, &'a str)>, ModelError> {
    let Some(expected) = fetch.sha256.as_ref().or(fetch.sha1.as_ref()) else { return Ok(None) };
    let mut file = File::open(part).map_err(io_error("read", part))?;
    let found = if fetch.sha256.is_some() {
        let mut hash = Sha256::new();
        io::copy(&mut file, &mut Hashing(&mut hash)).map_err(io_error("read", part))?;
        hex::encode(hash.finalize())
    } else {
        let mut hash = sha1::Sha1::new();
        io::copy(&mut file, &mut Hashing(&mut hash)).map_err(io_error("read", part))?;
        hex::encode(hash.finalize())
    };
    Ok(Some((found, expected)))
}

#[cfg(test)]
mod tests {
    use super::super::server::serve;
    use super::super::{Sentences, Verified, import_sentences, installed, pull_sentences, resolve, verify};
    use super::*;

    #[test]
    fn a_fetch_that_broke_off_goes_on_and_is_checked() {
        let folder = tempfile::tempdir().expect("temp dir");
        let content: Vec<u8> = (0..300_000_u32).map(|i| (i * 7 % 251) as u8).collect();
        let sha256 = hex::encode(Sha256::digest(&content));
        let fetch =
            Fetch { name: "m".into(), url: serve(content.clone(), 200_000, 2), sha256: Some(sha256), sha1: None };
        assert!(matches!(pull(folder.path(), &fetch, |_, _| {}), Err(ModelError::Fetch { .. })));
        assert!(resolve(folder.path(), "m").is_err(), "nothing half-fetched has a model's name");
        let mut first = None;
        let model = pull(folder.path(), &fetch, |done, total| {
            first.get_or_insert(done);
            assert_eq!(total, Some(300_000));
        })
        .expect("second try");
        assert!(first.expect("progress") > 200_000, "it went on where it stopped");
        assert_eq!(fs::read(&model.path).expect("read"), content);
        assert_eq!(verify(&model).expect("verify"), Verified::Whole);
        fs::write(&model.path, b"x").expect("write");
        assert_eq!(verify(&model).expect("verify"), Verified::Damaged);
    }

    #[test]
    fn a_model_of_sentences_is_there_when_all_its_files_are_and_no_sooner() {
        let folder = tempfile::tempdir().expect("temp dir");
        let content: Vec<u8> = (0..99_u8).collect();
        let sum: &'static str = hex::encode(Sha256::digest(&content)).leak();
        let files: &'static [(&str, &str)] = vec![("config.json", sum), ("model.safetensors", sum)].leak();
        let model = Sentences { name: "m", mb: 1, about: "", at: "", files };
        let place = |url: &str| url.trim_end_matches("/m.bin").to_string();
        let broken = place(&serve(content.clone(), 50, 1));
        assert!(pull_sentences(folder.path(), &model, &broken, |_, _| {}).is_err());
        assert!(!folder.path().join("m").exists(), "half a model is none");
        let whole = place(&serve(content.clone(), 99, 2));
        let there = pull_sentences(folder.path(), &model, &whole, |_, _| {}).expect("second try");
        assert_eq!(there, folder.path().join("m"));
        for (file, _) in files {
            assert_eq!(fs::read(there.join(file)).expect("read"), content);
        }
        let from = there.join("model.safetensors");
        fs::write(&from, b"x").expect("write");
        let error = import_sentences(folder.path(), &there, Some("n")).expect_err("no tokeniser").to_string();
        assert!(error.contains("tokenizer.json"), "{error}");
    }

    #[test]
    fn wrong_bytes_are_put_aside_and_named() {
        let folder = tempfile::tempdir().expect("temp dir");
        let fetch =
            Fetch { name: "m".into(), url: serve(b"wrong".to_vec(), 99, 1), sha256: None, sha1: Some("00".into()) };
        let error = pull(folder.path(), &fetch, |_, _| {}).expect_err("wrong bytes").to_string();
        assert!(error.contains("m.bad") && error.contains("published is 00"), "{error}");
        assert!(installed(folder.path()).is_empty());
    }
}
