//! Fetches a checkpoint of OpenAI's and converts it for CTranslate2.
//!
//! The checkpoint is `NAME.pt.part` until its model is in place, and goes then. So an interrupt at any point leaves no model, and the next try goes on
//! from there: in the middle of the download, or with the conversion if the download was whole.

use std::fs;
use std::path::Path;

use super::convert::Format;
use super::disk::{ModelError, ModelRef, io_error};
use super::fetch::{Fetch, download, is_fetched};
use super::import::{Import, import};

/// How far such a pull has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PullStep {
    /// Bytes of the checkpoint fetched so far, and in all where the server tells.
    Fetched(u64, Option<u64>),
    /// Bytes converted so far, and in all.
    Converted(u64, u64),
}

/// Fetches a checkpoint, `fetch.name`, and makes `ct2-NAME-int8` of it. Only an English one carries all that is needed. Blocks for as long as the
/// download takes, and for seconds after it.
pub fn pull_converted(
    folder: &Path,
    fetch: &Fetch,
    mut progress: impl FnMut(PullStep),
) -> Result<ModelRef, ModelError> {
    fs::create_dir_all(folder).map_err(io_error("create", folder))?;
    let part = folder.join(format!("{}.pt.part", fetch.name));
    if !is_fetched(&part, fetch)? {
        download(&part, fetch, |done, total| progress(PullStep::Fetched(done, total)))?;
    }
    let wanted = Import { formats: &[Format::Ct2Int8], name: Some(&fetch.name), ..Import::of(&part) };
    let imported = import(folder, &wanted, &mut |done, total| progress(PullStep::Converted(done, total)));
    let unconverted = |problem| {
        let model = Format::Ct2Int8.model(folder, &fetch.name).name;
        ModelError::Unconverted { weights: part.clone(), model, problem }
    };
    let models = match imported {
        Ok(imported) => imported.models,
        Err(ModelError::Import { problem, .. }) => return Err(unconverted(problem)),
        Err(error) => return Err(unconverted(error.to_string())),
    };
    let model = models.into_iter().next().ok_or_else(|| unconverted("nothing came of it".into()))?;
    fs::remove_file(&part).map_err(io_error("remove", &part))?;
    Ok(model)
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::super::convert::toy_checkpoint;
    use super::super::server::serve;
    use super::super::{Verified, installed, resolve, verify};
    use super::*;

    /// Of nobody: whoever asks it is refused.
    const NOWHERE: &str = "http://127.0.0.1:1/m.bin";

    fn fetch(name: &str, url: &str, content: &[u8]) -> Fetch {
        Fetch { name: name.into(), url: url.into(), sha256: Some(hex::encode(Sha256::digest(content))), sha1: None }
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("folder").flatten();
        let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn weights_become_a_model_after_a_download_that_broke_off_and_go_then() {
        let folder = tempfile::tempdir().expect("temp dir");
        let content = toy_checkpoint();
        let half = content.len() / 2;
        let toy = fetch("toy.en", &serve(content.clone(), half, 2), &content);
        let error = pull_converted(folder.path(), &toy, |_| {}).expect_err("broken off").to_string();
        assert!(error.contains("run the same command again"), "{error}");
        assert_eq!(names(folder.path()), ["toy.en.pt.part"]);
        assert!(installed(folder.path()).is_empty(), "half a download is no model");
        let mut steps = Vec::new();
        let model = pull_converted(folder.path(), &toy, |step| steps.push(step)).expect("second try");
        assert!(matches!(steps[0], PullStep::Fetched(done, _) if done > half as u64), "it went on: {:?}", steps[0]);
        let last = steps.last().copied();
        assert!(matches!(last, Some(PullStep::Converted(done, total)) if done <= total), "{last:?}");
        assert_eq!(names(folder.path()), ["ct2-toy.en-int8", "ct2-toy.en-int8.sha256"], "the checkpoint is gone");
        assert_eq!(verify(&model).expect("sum"), Verified::Whole);
        assert_eq!(resolve(folder.path(), "ct2-toy.en-int8").expect("found"), model);
    }

    #[test]
    fn an_interrupt_between_download_and_conversion_leaves_no_model_and_nothing_to_fetch() {
        let folder = tempfile::tempdir().expect("temp dir");
        let content = toy_checkpoint();
        fs::write(folder.path().join("toy.en.pt.part"), &content).expect("write");
        // As a conversion that was killed leaves it.
        let half = folder.path().join("ct2-toy.en-int8.part");
        fs::create_dir_all(&half).expect("folder");
        fs::write(half.join("model.bin"), b"half").expect("write");
        assert!(installed(folder.path()).is_empty());
        let model = pull_converted(folder.path(), &fetch("toy.en", NOWHERE, &content), |_| {}).expect("converted");
        assert_eq!(verify(&model).expect("sum"), Verified::Whole);
        assert_eq!(names(folder.path()), ["ct2-toy.en-int8", "ct2-toy.en-int8.sha256"]);
    }

    #[test]
    fn wrong_bytes_are_put_aside_and_never_converted() {
        let folder = tempfile::tempdir().expect("temp dir");
        let content = toy_checkpoint();
        let mut bent = content.clone();
        bent[content.len() / 2] ^= 1;
        let toy = fetch("toy.en", &serve(bent, content.len(), 1), &content);
        let error = pull_converted(folder.path(), &toy, |step| {
            assert!(matches!(step, PullStep::Fetched(..)), "{step:?}");
        });
        let error = error.expect_err("wrong bytes").to_string();
        assert!(error.contains("toy.en.pt.bad") && error.contains("fetch it again"), "{error}");
        assert_eq!(names(folder.path()), ["toy.en.pt.bad"]);
        assert!(installed(folder.path()).is_empty());
    }

    #[test]
    fn a_full_disk_is_named_with_its_file_and_the_remedy() {
        let folder = tempfile::tempdir().expect("temp dir");
        let content = toy_checkpoint();
        // Takes nothing, as a full disk does.
        std::os::unix::fs::symlink("/dev/full", folder.path().join("toy.en.pt.part")).expect("link");
        let toy = fetch("toy.en", &serve(content.clone(), content.len(), 1), &content);
        let error = pull_converted(folder.path(), &toy, |_| {}).expect_err("no room");
        // As the command line prints it, with whatever caused it.
        let error = format!("{:#}", anyhow::Error::from(error));
        assert_eq!(error.matches("No space left").count(), 1, "{error}");
        for part in ["toy.en.pt.part", "No space left", "free some space", "run the same command again"] {
            assert!(error.contains(part), "{part}: {error}");
        }
        assert!(installed(folder.path()).is_empty());
    }

    #[test]
    fn weights_that_cannot_be_converted_stay_and_are_named() {
        let folder = tempfile::tempdir().expect("temp dir");
        let content = toy_checkpoint();
        // Its own name is short enough for a file, the model's is not: the conversion cannot write.
        let name = "x".repeat(245);
        let toy = fetch(&name, NOWHERE, &content);
        let part = folder.path().join(format!("{name}.pt.part"));
        fs::write(&part, &content).expect("write");
        let error = pull_converted(folder.path(), &toy, |_| {}).expect_err("no file of this name").to_string();
        let file = format!("{name}.pt.part");
        for said in [file.as_str(), "File name too long", "run the same command again"] {
            assert!(error.contains(said), "{said}: {error}");
        }
        assert_eq!(names(folder.path()), [file]);
        assert!(installed(folder.path()).is_empty());
        let other = folder.path().join("other.pt.part");
        fs::write(&other, b"no weights").expect("write");
        let error = pull_converted(folder.path(), &fetch("other", NOWHERE, b"no weights"), |_| {}).expect_err("none");
        assert!(matches!(&error, ModelError::Unconverted { weights, .. } if *weights == other), "{error}");
    }
}
