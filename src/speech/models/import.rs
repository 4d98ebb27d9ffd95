//! Imports an admin's own model: files that an engine reads are copied, published weights are converted. A failed import leaves nothing behind.

use std::fs;
use std::path::Path;

use super::convert::{self, Format, Source, Sum, Written, discard};
use super::disk::{
    ModelError, ModelKind, ModelRef, checksum, checksum_file, finish, io_error, is_finished, model_at, write_checksum,
};

/// A file or folder to import.
#[derive(Clone, Copy, Debug)]
pub struct Import<'a> {
    /// A model, or weights of one.
    pub from: &'a Path,
    /// Formats to convert weights to; an empty list means [`Format::USUAL`].
    pub formats: &'a [Format],
    /// The table of tokens, where the weights have none.
    pub vocabulary: Option<&'a Path>,
    /// Name of the model instead of the file's own.
    pub name: Option<&'a str>,
}

impl<'a> Import<'a> {
    /// An import in the usual formats under the file's own name.
    pub const fn of(from: &'a Path) -> Self {
        Self { from, formats: &[], vocabulary: None, name: None }
    }
}

/// The result of an import.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The models, in the order of the requested formats.
    pub models: Vec<ModelRef>,
    /// Checksums of the weights that they were made of; empty for models that were copied.
    pub sums: Vec<Sum>,
}

/// Imports a model into the folder; `progress` gets the bytes so far and in all. Blocks for seconds.
pub fn import(folder: &Path, wanted: &Import, progress: &mut dyn FnMut(u64, u64)) -> Result<Imported, ModelError> {
    let fail = |problem: &str| ModelError::Import { path: wanted.from.into(), problem: problem.into() };
    if wanted.name.is_some_and(|name| !is_name(name)) {
        return Err(fail("--name is to be letters, digits, dots, dashes and underscores"));
    }
    if let Err(error) = wanted.from.metadata() {
        return Err(fail(&error.to_string()));
    }
    if let Some(source) = Source::at(wanted.from) {
        let name = wanted.name.map(String::from).or_else(|| source.name(wanted.from)).filter(|name| is_name(name));
        let name = name.ok_or_else(|| fail("its name is none for a model: give another by --name"))?;
        return converted(folder, source, wanted, &name, progress);
    }
    let model = model_at(wanted.from).ok_or_else(|| {
        fail(
            "neither a model (ggml-NAME.bin of whisper.cpp, a folder of CTranslate2 with model.bin) nor the weights of one (OpenAI's NAME.pt, a folder \
             in Hugging Face's layout with config.json and model.safetensors)",
        )
    })?;
    if !wanted.formats.is_empty() || wanted.vocabulary.is_some() {
        return Err(fail("a model already, which is copied as it is: --format and --vocabulary are for weights"));
    }
    let name = wanted.name.map_or(model.name, String::from);
    Ok(Imported { models: vec![copied(folder, wanted.from, model.kind, name)?], sums: vec![] })
}

/// Whether it can name a file in a folder, and nothing else.
fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    !name.is_empty() && name.chars().all(plain) && !name.starts_with('.') && is_finished(name)
}

fn converted(
    folder: &Path,
    source: Source,
    wanted: &Import,
    name: &str,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Imported, ModelError> {
    fs::create_dir_all(folder).map_err(io_error("create", folder))?;
    let formats = if wanted.formats.is_empty() { &Format::USUAL[..] } else { wanted.formats };
    let (sums, written) = convert::convert((source, wanted.from), wanted.vocabulary, formats, folder, name, progress)
        .map_err(|problem| ModelError::Import { path: wanted.from.into(), problem })?;
    let mut models = Vec::new();
    for one in &written {
        if let Err(error) = placed(one) {
            // Of whatever is there now it is not the checksum.
            let _ = fs::remove_file(checksum_file(&one.model));
            for one in &written {
                discard(&one.part);
            }
            return Err(error);
        }
        models.push(one.model.clone());
    }
    Ok(Imported { models, sums })
}

/// Puts a model that was written in its place, with its checksum beside it: the last step is the one that gives it its name.
fn placed(one: &Written) -> Result<(), ModelError> {
    let sum = checksum(&ModelRef { path: one.part.clone(), ..one.model.clone() })?;
    write_checksum(&one.model, &sum)?;
    if one.model.kind == ModelKind::CTranslate2 {
        discard(&one.model.path);
    }
    finish(&one.part, &one.model.path)
}

fn copied(folder: &Path, from: &Path, kind: ModelKind, name: String) -> Result<ModelRef, ModelError> {
    fs::create_dir_all(folder).map_err(io_error("create", folder))?;
    let part = folder.join(format!("{name}.part"));
    let path = match kind {
        ModelKind::Whisper => folder.join(format!("ggml-{name}.bin")),
        ModelKind::CTranslate2 => folder.join(&name),
    };
    if kind == ModelKind::Whisper {
        fs::copy(from, &part).map_err(io_error("copy", from))?;
    } else {
        let _ = fs::remove_dir_all(&part);
        fs::create_dir_all(&part).map_err(io_error("create", &part))?;
        for entry in fs::read_dir(from).map_err(io_error("list", from))? {
            let path = entry.map_err(io_error("list", from))?.path();
            if let (true, Some(name)) = (path.is_file(), path.file_name()) {
                fs::copy(&path, part.join(name)).map_err(io_error("copy", &path))?;
            }
        }
        let _ = fs::remove_dir_all(&path);
    }
    finish(&part, &path)?;
    let model = ModelRef { name, path, kind };
    let sum = checksum(&model)?;
    write_checksum(&model, &sum)?;
    Ok(model)
}

#[cfg(test)]
mod tests {
    use super::super::{Verified, installed, resolve, verify};
    use super::*;

    fn bring(folder: &Path, wanted: &Import) -> Result<Imported, ModelError> {
        import(folder, wanted, &mut |_, _| {})
    }

    #[test]
    fn an_imported_model_is_found_by_its_name() {
        let folder = tempfile::tempdir().expect("temp dir");
        let from = folder.path().join("ggml-base.en.bin");
        fs::write(&from, b"weights").expect("write");
        let models = folder.path().join("models");
        bring(&models, &Import::of(&from)).expect("import");
        let model = resolve(&models, "base.en").expect("found");
        assert_eq!((model.kind, verify(&model).expect("verify")), (ModelKind::Whisper, Verified::Whole));
        let error = resolve(&models, "other").expect_err("absent").to_string();
        assert!(error.contains("other") && error.contains("model list"), "{error}");
    }

    #[test]
    fn what_is_no_model_is_named_and_nothing_is_left() {
        let folder = tempfile::tempdir().expect("temp dir");
        let models = folder.path().join("models");
        let write = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            fs::write(&path, bytes).expect("write");
            path
        };
        let cases = [
            (write("notes.txt", b"hello"), "neither a model"),
            (write("empty.pt", b""), "cut short"),
            (write("old.pt", b"\x80\x02}q\x00."), "no archive of PyTorch's"),
            (write("bad name.pt", b"PK\x03\x04"), "--name"),
            (folder.path().join("absent.pt"), "No such file"),
        ];
        for (path, expected) in &cases {
            let problem = bring(&models, &Import::of(path)).expect_err("no model").to_string();
            assert!(problem.contains(expected) && problem.contains("nothing was imported"), "{problem}");
        }
        let model = write("ggml-m.bin", b"weights");
        let formats = Import { formats: &Format::USUAL, ..Import::of(&model) };
        assert!(bring(&models, &formats).expect_err("a model").to_string().contains("copied as it is"));
        let outside = Import { name: Some("../m"), ..Import::of(&model) };
        assert!(bring(&models, &outside).expect_err("outside").to_string().contains("--name"));
        assert_eq!(fs::read_dir(&models).map_or(0, Iterator::count), 0);
    }

    #[test]
    fn a_model_that_is_being_written_is_none_yet() {
        let folder = tempfile::tempdir().expect("temp dir");
        let part = folder.path().join("ct2-m.part");
        fs::create_dir_all(&part).expect("folder");
        fs::write(part.join("model.bin"), b"half").expect("write");
        assert_eq!(installed(folder.path()), []);
    }
}
