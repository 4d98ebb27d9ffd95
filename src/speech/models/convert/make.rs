//! Converts weights to a model: chooses reader and format, writes the model and verifies it.

use std::fs::{self, File};
use std::io::{BufWriter, Read};
use std::path::{Path, PathBuf};

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::hugging_face::GenerationHints;
use super::quantise::Blocks;
use super::weights::{Dims, ModelWeights};
use super::words::Words;
use super::{checkpoint, ct2, ggml, hugging_face, official};
use crate::speech::models::{ModelKind, ModelRef};
use crate::speech::whisper;

/// A format that weights can be converted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// whisper.cpp's, 16-bit floats.
    GgmlF16,
    /// whisper.cpp's, eight bits a weight.
    GgmlQ8_0,
    /// whisper.cpp's, five bits a weight.
    GgmlQ5_1,
    /// CTranslate2's, eight bits a weight.
    Ct2Int8,
}

impl Format {
    /// All of them by name.
    pub const NAMED: [(&'static str, Self); 4] = [
        ("ggml-f16", Self::GgmlF16),
        ("ggml-q8_0", Self::GgmlQ8_0),
        ("ggml-q5_1", Self::GgmlQ5_1),
        ("ct2-int8", Self::Ct2Int8),
    ];

    /// The formats made by default: eight bits for each engine. whisper.cpp runs everywhere, CTranslate2 costs half as much where the CPU has AVX2.
    /// Trying both takes a minute, and fetching the weights again takes longer.
    pub const USUAL: [Self; 2] = [Self::GgmlQ8_0, Self::Ct2Int8];

    /// The model of these weights in a folder.
    pub(in crate::speech::models) fn model(self, folder: &Path, name: &str) -> ModelRef {
        let whisper = |ending: &str| {
            let name = format!("{name}{ending}");
            ModelRef { path: folder.join(format!("ggml-{name}.bin")), name, kind: ModelKind::Whisper }
        };
        match self {
            Self::GgmlF16 => whisper(""),
            Self::GgmlQ8_0 => whisper("-q8_0"),
            Self::GgmlQ5_1 => whisper("-q5_1"),
            Self::Ct2Int8 => {
                let name = format!("ct2-{name}-int8");
                ModelRef { path: folder.join(&name), name, kind: ModelKind::CTranslate2 }
            }
        }
    }
}

/// A file of weights, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sum {
    /// Its name.
    pub file: String,
    /// In hex.
    pub sha256: String,
    /// The model of OpenAI's that has this sum, by what openai-whisper's source says.
    pub official: Option<&'static str>,
}

/// ModelWeights at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::speech::models) enum Source {
    /// An archive of PyTorch's.
    Checkpoint,
    /// A folder.
    HuggingFace,
}

impl Source {
    /// The weights at a path, if it looks like weights.
    pub(in crate::speech::models) fn at(path: &Path) -> Option<Self> {
        if path.is_dir() {
            return hugging_face::is_folder(path).then_some(Self::HuggingFace);
        }
        let mut magic = [0; 4];
        let archived =
            File::open(path).and_then(|mut file| file.read_exact(&mut magic)).is_ok() && &magic == b"PK\x03\x04";
        let named = path.extension().is_some_and(|ending| ending == "pt" || ending == "pth");
        (archived || named).then_some(Self::Checkpoint)
    }

    /// The model's name, if no other is given.
    pub(in crate::speech::models) fn name(self, path: &Path) -> Option<String> {
        let absolute = path.canonicalize().ok()?;
        let name = if self == Self::Checkpoint { absolute.file_stem() } else { absolute.file_name() };
        Some(name?.to_str()?.to_string())
    }
}

/// Counts bytes for a progress bar.
pub(in crate::speech::models) struct Progress<'a> {
    pub(super) done: u64,
    pub(super) total: u64,
    pub(super) report: &'a mut dyn FnMut(u64, u64),
}

impl Progress<'_> {
    fn add(&mut self, bytes: u64) {
        self.done = self.total.min(self.done + bytes);
        (self.report)(self.done, self.total);
    }
}

/// A model that was written, and waits to be put in its place.
pub(in crate::speech::models) struct Written {
    pub(in crate::speech::models) part: PathBuf,
    pub(in crate::speech::models) model: ModelRef,
}

/// Writes the models that are asked for beside their places: all of them, or none.
pub(in crate::speech::models) fn convert(
    from: (Source, &Path),
    vocabulary: Option<&Path>,
    formats: &[Format],
    folder: &Path,
    name: &str,
    report: &mut dyn FnMut(u64, u64),
) -> Result<(Vec<Sum>, Vec<Written>), String> {
    let (source, path) = from;
    let files: Vec<PathBuf> = match source {
        Source::Checkpoint => vec![path.into()],
        Source::HuggingFace => hugging_face::weight_files(path)?.iter().map(|name| path.join(name)).collect(),
    };
    let size: u64 = files.iter().filter_map(|file| file.metadata().ok()).map(|meta| meta.len()).sum();
    let checks = if source == Source::Checkpoint { 2 } else { 1 };
    let mut progress = Progress { done: 0, total: size * (checks + formats.len() as u64), report };
    let sums = files.iter().map(|file| sum(file, &mut progress)).collect::<Result<Vec<_>, _>>()?;
    let (weights, hints) = match source {
        Source::Checkpoint => {
            let file = File::open(path).map_err(|error| error.to_string())?;
            (checkpoint::open(file, &mut |bytes| progress.add(bytes))?, GenerationHints::default())
        }
        Source::HuggingFace => hugging_face::open(path)?,
    };
    let words = words(source, path, vocabulary, &weights.dims)?;
    let settings = settings(&weights.dims, &words, hints, &sums)?;
    let mut written = Vec::new();
    for format in formats {
        let model = format.model(folder, name);
        written.push(Written { part: folder.join(format!("{}.part", model.name)), model });
        let made = written
            .last()
            .map_or(Ok(()), |last| write(*format, &weights, &words, &settings, &last.part, &mut progress));
        if let Err(problem) = made {
            for one in &written {
                discard(&one.part);
            }
            return Err(problem);
        }
    }
    Ok((sums, written))
}

/// Removes what was written and is not wanted.
pub(in crate::speech::models) fn discard(part: &Path) {
    // One of them is right; that there is nothing is right too.
    let _ = if part.is_dir() { fs::remove_dir_all(part) } else { fs::remove_file(part) };
}

pub(super) fn write(
    format: Format,
    weights: &ModelWeights,
    words: &Words,
    settings: &ct2::Settings,
    part: &Path,
    progress: &mut Progress,
) -> Result<(), String> {
    discard(part);
    let read = &mut |bytes| progress.add(bytes);
    let blocks = match format {
        Format::GgmlF16 => Blocks::F16,
        Format::GgmlQ8_0 => Blocks::Q8_0,
        Format::GgmlQ5_1 => Blocks::Q5_1,
        Format::Ct2Int8 => {
            fs::create_dir_all(part).map_err(|error| format!("{}: {error}", part.display()))?;
            return ct2::write(weights, words, settings, part, read);
        }
    };
    let mut out = BufWriter::new(File::create(part).map_err(|error| format!("{}: {error}", part.display()))?);
    ggml::write(weights, words, blocks, &mut out, read)?;
    let written = out.into_inner().map_err(|error| format!("cannot be written: {error}"))?.sync_all();
    written.map_err(|error| format!("cannot be written: {error}"))?;
    whisper::check_file(part).map_err(|error| error.to_string())
}

/// The table of tokens: a file that is named, the folder's own, or GPT-2's.
pub(super) fn words(source: Source, path: &Path, vocabulary: Option<&Path>, dims: &Dims) -> Result<Words, String> {
    let multilingual = dims.multilingual();
    match (vocabulary, source) {
        (Some(file), _) => {
            Words::from_path(file, multilingual).map_err(|problem| format!("--vocabulary {}: {problem}", file.display()))
        }
        (None, Source::HuggingFace) => Words::from_path(path, multilingual),
        (None, Source::Checkpoint) if !multilingual => Words::english(),
        (None, Source::Checkpoint) => Err("it is multilingual, and a checkpoint has no table of its tokens: give one by --vocabulary FILE. That is \
             multilingual.tiktoken of the Python package openai-whisper (whisper/assets), vocab.json of the same model at Hugging Face, or any multilingual \
             ggml model (`lineside model pull tiny-q8_0`, then `lineside model path tiny-q8_0`)"
            .into()),
    }
}

/// Settings of the decoder: those of the folder, else OpenAI's for this very file, else OpenAI's defaults.
pub(super) fn settings(
    dims: &Dims,
    words: &Words,
    hints: GenerationHints,
    sums: &[Sum],
) -> Result<ct2::Settings, String> {
    let tokens = |list: Vec<i64>| -> Result<Vec<u32>, String> {
        let known = |&number: &i64| u32::try_from(number).ok().filter(|&number| number < dims.n_vocab);
        let found: Option<Vec<u32>> = list.iter().map(known).collect();
        found.ok_or_else(|| format!("it wants tokens left out that it does not have: {list:?}"))
    };
    // Transformers writes [-1] for what it computes itself.
    let listed = |list: Option<Vec<i64>>| list.filter(|list| list[..] != [-1]);
    let heads = match (hints.alignment_heads, sums) {
        (Some(heads), _) => heads,
        (None, [one]) => {
            official::of_sum(&one.sha256).map_or_else(|| official::upper_half(dims), |own| own.heads.to_vec())
        }
        (None, _) => official::upper_half(dims),
    };
    if let Some(head) = heads.iter().find(|(layer, head)| *layer >= dims.n_text_layer || *head >= dims.n_text_head) {
        return Err(format!("its alignment_heads name {head:?}, which it does not have"));
    }
    Ok(ct2::Settings {
        suppress: listed(hints.suppress_tokens).map_or_else(|| Ok(words.never_said(dims)), tokens)?,
        suppress_first: listed(hints.begin_suppress_tokens).map_or_else(|| Ok(words.never_first()), tokens)?,
        heads,
    })
}

pub(super) fn sum(path: &Path, progress: &mut Progress) -> Result<Sum, String> {
    let mut file = File::open(path).map_err(|error| error.to_string())?;
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; 1 << 18]);
    loop {
        let got = file.read(&mut buffer).map_err(|error| format!("cannot be read: {error}"))?;
        if got == 0 {
            break;
        }
        hash.update(&buffer[..got]);
        progress.add(got as u64);
    }
    let sha256 = hex::encode(hash.finalize());
    let official = official::of_sum(&sha256).map(|official| official.name);
    Ok(Sum { file: path.file_name().unwrap_or_default().display().to_string(), sha256, official })
}

/// Reads a checkpoint to its last tensor, as an import does before it writes.
pub fn check_checkpoint(file: File) -> Result<(), String> {
    checkpoint::open(file, &mut |_| {}).map(drop)
}

/// Reads the table of a checkpoint alone; how many tensors it names.
pub fn check_table(bytes: &[u8]) -> Result<usize, String> {
    checkpoint::check_table(bytes)
}
