//! Writes a CTranslate2 folder: `model.bin` with bytes for weights, and the descriptions that it and faster-whisper read beside it.
//!
//! Layout: CTranslate2's `model_spec.py` (binary version 6) and `whisper_spec.py` (revision 3). Variables are in order of their names. Attention has its
//! matrices side by side: query, key and value over itself; key and value over the sound.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde_json::json;
use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{AddedToken, Tokenizer};

use super::quantise::rows_of_bytes;
use super::weights::{ModelWeights, count};
use super::words::{Words, special, spelt};

/// What the decoder leaves out, and the heads that follow the time.
pub(super) struct Settings {
    pub(super) suppress: Vec<u32>,
    pub(super) suppress_first: Vec<u32>,
    pub(super) heads: Vec<(u32, u32)>,
}

/// How a variable is made of tensors.
enum Variable {
    /// One number, of a type of CTranslate2's, with its bytes.
    Number(u8, Vec<u8>),
    /// Tensors one below the other, as 32-bit floats; of a missing one zeros, so many.
    Floats(Vec<Part>),
    /// The same as bytes with a scale for each row.
    Bytes(Vec<Part>),
}

enum Part {
    Tensor(String),
    Zeros(usize),
}

const FLOAT: u8 = 0;
const BYTE: u8 = 1;
const SHORT: u8 = 2;
/// CTranslate2's name of GELU as a number.
const GELU: u8 = 3;

/// Writes a folder, which must be there; `read` hears of the bytes of weights that were read.
pub(super) fn write(
    weights: &ModelWeights,
    words: &Words,
    settings: &Settings,
    folder: &Path,
    read: &mut dyn FnMut(u64),
) -> Result<(), String> {
    let file = File::create(folder.join("model.bin")).map_err(|error| format!("model.bin: {error}"))?;
    let mut out = BufWriter::new(file);
    model(weights, &mut out, read)?;
    out.into_inner().map_err(|error| error.to_string())?.sync_all().map_err(|error| error.to_string())?;
    let dims = &weights.dims;
    let config = json!({
        "alignment_heads": settings.heads,
        "lang_ids": words.languages(dims),
        "suppress_ids": settings.suppress,
        "suppress_ids_begin": settings.suppress_first,
    });
    let features = json!({
        "chunk_length": 30, "feature_extractor_type": "WhisperFeatureExtractor", "feature_size": dims.n_mels, "hop_length": 160, "n_fft": 400,
        "sampling_rate": 16_000,
    });
    let vocabulary = json!(words.spelt(dims));
    for (name, text) in [
        ("config.json", format!("{config:#}\n")),
        ("preprocessor_config.json", format!("{features:#}\n")),
        ("vocabulary.json", format!("{vocabulary:#}\n")),
        ("tokenizer.json", tokenizer(weights, words)?),
    ] {
        put_file(&folder.join(name), &text).map_err(|error| format!("{name}: {error}"))?;
    }
    Ok(())
}

/// A file that is whole on the disk before its folder gets the name of a model.
fn put_file(path: &Path, text: &str) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// `tokenizer.json`, by which prompts become tokens.
fn tokenizer(weights: &ModelWeights, words: &Words) -> Result<String, String> {
    let vocabulary = words.tokens.iter().enumerate().map(|(number, token)| (spelt(token), number as u32));
    let model = BPE::builder()
        .vocab_and_merges(vocabulary.collect::<Vocab>(), words.merges()?)
        .build()
        .map_err(|error| error.to_string())?;
    let mut tokenizer = Tokenizer::new(model);
    tokenizer.with_pre_tokenizer(Some(ByteLevel::new(false, true, true)));
    tokenizer.with_decoder(Some(ByteLevel::new(false, true, true)));
    let special = special(&weights.dims);
    let (named, marks) = special.split_at(special.len() - 1501);
    let added = |special| move |token: &String| AddedToken::from(token.clone(), special).normalized(false);
    tokenizer.add_special_tokens(named.iter().map(added(true))).map_err(|error| error.to_string())?;
    tokenizer.add_tokens(marks.iter().map(added(false))).map_err(|error| error.to_string())?;
    tokenizer.to_string(false).map_err(|error| error.to_string())
}

fn model(weights: &ModelWeights, out: &mut impl Write, read: &mut dyn FnMut(u64)) -> Result<(), String> {
    let mut variables = variables(weights);
    variables.sort_by(|one, other| one.0.cmp(&other.0));
    let scales = variables.iter().filter(|(_, variable)| matches!(variable, Variable::Bytes(_))).count();
    put(out, &6_u32.to_le_bytes())?;
    text(out, "WhisperSpec")?;
    put(out, &3_u32.to_le_bytes())?;
    put(out, &((variables.len() + scales) as u32).to_le_bytes())?;
    for (name, variable) in &variables {
        match variable {
            Variable::Number(kind, bytes) => put_variable(out, name, &[], *kind, bytes)?,
            Variable::Floats(parts) => {
                let (values, shape) = gathered(weights, parts, read)?;
                put_variable(out, name, &shape, FLOAT, &floats(&values))?;
            }
            Variable::Bytes(parts) => {
                let (values, shape) = gathered(weights, parts, read)?;
                let (bytes, scales) = rows_of_bytes(&values, values.len() / shape[0] as usize);
                put_variable(out, name, &shape, BYTE, &bytes)?;
                put_variable(out, &format!("{name}_scale"), &shape[..1], FLOAT, &floats(&scales))?;
            }
        }
    }
    // What speaks is the table that hears.
    put(out, &1_u32.to_le_bytes())?;
    text(out, "decoder/projection/weight")?;
    text(out, "decoder/embeddings/weight")
}

/// Every variable of `WhisperSpec`, by name.
fn variables(weights: &ModelWeights) -> Vec<(String, Variable)> {
    let dims = &weights.dims;
    let tensor = |name: String| vec![Part::Tensor(name)];
    let byte = |value: i8| Variable::Number(BYTE, value.to_le_bytes().to_vec());
    let short = |value: i16| Variable::Number(SHORT, value.to_le_bytes().to_vec());
    let mut all = vec![
        ("decoder/activation".into(), byte(GELU as i8)),
        ("decoder/alibi".into(), byte(0)),
        ("decoder/alibi_use_positive_positions".into(), byte(0)),
        ("decoder/alignment_heads".into(), short(1)),
        ("decoder/alignment_layer".into(), short(-1)),
        ("decoder/num_heads".into(), short(dims.n_text_head as i16)),
        ("decoder/pre_norm".into(), byte(1)),
        ("decoder/scale_alibi".into(), byte(0)),
        ("decoder/scale_embeddings".into(), byte(0)),
        ("decoder/start_from_zero_embedding".into(), byte(0)),
        ("encoder/num_heads".into(), short(dims.n_audio_head as i16)),
        ("decoder/embeddings/weight".into(), Variable::Bytes(tensor("decoder.token_embedding.weight".into()))),
    ];
    for number in [1, 2] {
        all.push((
            format!("encoder/conv{number}/weight"),
            Variable::Bytes(tensor(format!("encoder.conv{number}.weight"))),
        ));
        all.push((
            format!("encoder/conv{number}/bias"),
            Variable::Floats(tensor(format!("encoder.conv{number}.bias"))),
        ));
    }
    for (side, last, layers) in [("encoder", "ln_post", dims.n_audio_layer), ("decoder", "ln", dims.n_text_layer)] {
        let positions = tensor(format!("{side}.positional_embedding"));
        all.push((format!("{side}/position_encodings/encodings"), Variable::Floats(positions)));
        norm(&mut all, &format!("{side}/layer_norm"), &format!("{side}.{last}"));
        for number in 0..layers {
            block(
                &mut all,
                &format!("{side}/layer_{number}"),
                &format!("{side}.blocks.{number}"),
                dims.n_audio_state as usize,
            );
        }
    }
    all
}

/// A layer: attention over itself, over the sound where it is the decoder's, then two matrices.
fn block(all: &mut Vec<(String, Variable)>, to: &str, from: &str, width: usize) {
    let attention = format!("{to}/self_attention");
    norm(all, &format!("{attention}/layer_norm"), &format!("{from}.attn_ln"));
    linear(all, &format!("{attention}/linear_0"), &format!("{from}.attn"), &["query", "key", "value"], width);
    linear(all, &format!("{attention}/linear_1"), &format!("{from}.attn"), &["out"], width);
    if to.starts_with("decoder") {
        let attention = format!("{to}/attention");
        norm(all, &format!("{attention}/layer_norm"), &format!("{from}.cross_attn_ln"));
        for (number, parts) in [&["query"][..], &["key", "value"], &["out"]].into_iter().enumerate() {
            linear(all, &format!("{attention}/linear_{number}"), &format!("{from}.cross_attn"), parts, width);
        }
    }
    norm(all, &format!("{to}/ffn/layer_norm"), &format!("{from}.mlp_ln"));
    linear(all, &format!("{to}/ffn/linear_0"), &format!("{from}.mlp"), &["0"], width);
    linear(all, &format!("{to}/ffn/linear_1"), &format!("{from}.mlp"), &["2"], width);
}

fn norm(all: &mut Vec<(String, Variable)>, to: &str, from: &str) {
    all.push((format!("{to}/gamma"), Variable::Floats(vec![Part::Tensor(format!("{from}.weight"))])));
    all.push((format!("{to}/beta"), Variable::Floats(vec![Part::Tensor(format!("{from}.bias"))])));
}

/// Matrices side by side as one. Keys have no bias, and get zeros.
fn linear(all: &mut Vec<(String, Variable)>, to: &str, from: &str, parts: &[&str], width: usize) {
    let weights = parts.iter().map(|part| Part::Tensor(format!("{from}.{part}.weight"))).collect();
    let biases = parts.iter().map(|part| match *part {
        "key" => Part::Zeros(width),
        part => Part::Tensor(format!("{from}.{part}.bias")),
    });
    all.push((format!("{to}/weight"), Variable::Bytes(weights)));
    all.push((format!("{to}/bias"), Variable::Floats(biases.collect())));
}

/// The numbers of all parts, and their shape as one tensor.
fn gathered(weights: &ModelWeights, parts: &[Part], read: &mut dyn FnMut(u64)) -> Result<(Vec<f32>, Vec<u32>), String> {
    let mut all: Vec<f32> = Vec::new();
    let mut shape: Vec<u64> = Vec::new();
    for part in parts {
        match part {
            Part::Tensor(name) => {
                all.extend(weights.read(name)?);
                read(weights.size_of(name));
                shape = weights.shape(name).to_vec();
            }
            Part::Zeros(number) => all.resize(all.len() + number, 0.0),
        }
    }
    let row = count(shape.get(1..).unwrap_or_default());
    if let Some(rows) = shape.first_mut() {
        *rows = all.len() as u64 / row;
    }
    Ok((all, shape.iter().map(|&size| size as u32).collect()))
}

fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn put_variable(out: &mut impl Write, name: &str, shape: &[u32], kind: u8, bytes: &[u8]) -> Result<(), String> {
    text(out, name)?;
    put(out, &[shape.len() as u8])?;
    shape.iter().try_for_each(|size| put(out, &size.to_le_bytes()))?;
    put(out, &[kind])?;
    put(out, &(bytes.len() as u32).to_le_bytes())?;
    put(out, bytes)
}

/// Its length with the zero behind it, the text, the zero.
fn text(out: &mut impl Write, text: &str) -> Result<(), String> {
    put(out, &(text.len() as u16 + 1).to_le_bytes())?;
    put(out, text.as_bytes())?;
    put(out, &[0])
}

fn put(out: &mut impl Write, bytes: &[u8]) -> Result<(), String> {
    out.write_all(bytes).map_err(|error| format!("cannot be written: {error}"))
}
