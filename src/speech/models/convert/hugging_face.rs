//! A Whisper in Hugging Face's layout: a folder with `config.json`, `model.safetensors` (whole or in shards) and the tokenizer's files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::Path;

use safetensors::Dtype;
use safetensors::tensor::Metadata;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::weights::{Dims, ModelWeights, Number, Place};

/// The one file of a small model, and the list of shards of a big one.
pub(super) const WHOLE: &str = "model.safetensors";
pub(super) const SHARDS: &str = "model.safetensors.index.json";
/// No description is longer: a tokenizer.json has 4 MB.
const LONGEST: u64 = 32 << 20;
/// The description at the head of a safetensors file; large-v3's has 150 kB.
const LONGEST_HEADER: u64 = 8 << 20;

/// `config.json`, as far as it matters.
#[derive(Deserialize)]
struct Config {
    model_type: String,
    vocab_size: u32,
    num_mel_bins: u32,
    d_model: u32,
    encoder_layers: u32,
    encoder_attention_heads: u32,
    decoder_layers: u32,
    decoder_attention_heads: u32,
    max_source_positions: u32,
    max_target_positions: u32,
    #[serde(flatten)]
    hints: GenerationHints,
}

/// What a model wants left out and which heads know the time: `generation_config.json`, in older folders `config.json`.
#[derive(Clone, Default, Deserialize)]
pub(super) struct GenerationHints {
    pub(super) suppress_tokens: Option<Vec<i64>>,
    pub(super) begin_suppress_tokens: Option<Vec<i64>>,
    pub(super) alignment_heads: Option<Vec<(u32, u32)>>,
}

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// Whether a folder is laid out so.
pub(super) fn is_folder(folder: &Path) -> bool {
    folder.join("config.json").is_file() && !folder.join("model.bin").exists()
}

/// Opens a folder and finds every tensor in it.
pub(super) fn open(folder: &Path) -> Result<(ModelWeights, GenerationHints), String> {
    let config: Config = json(folder, "config.json")?;
    if config.model_type != "whisper" {
        return Err(format!("config.json: a model of the kind {:?}, \"whisper\" is wanted", config.model_type));
    }
    let dims = Dims {
        n_mels: config.num_mel_bins,
        n_vocab: config.vocab_size,
        n_audio_ctx: config.max_source_positions,
        n_audio_state: config.d_model,
        n_audio_head: config.encoder_attention_heads,
        n_audio_layer: config.encoder_layers,
        n_text_ctx: config.max_target_positions,
        n_text_state: config.d_model,
        n_text_head: config.decoder_attention_heads,
        n_text_layer: config.decoder_layers,
    };
    dims.check()?;
    let own: GenerationHints = if folder.join("generation_config.json").is_file() {
        json(folder, "generation_config.json")?
    } else {
        GenerationHints::default()
    };
    let hints = GenerationHints {
        suppress_tokens: own.suppress_tokens.or(config.hints.suppress_tokens),
        begin_suppress_tokens: own.begin_suppress_tokens.or(config.hints.begin_suppress_tokens),
        alignment_heads: own.alignment_heads.or(config.hints.alignment_heads),
    };
    let (mut files, mut places) = (Vec::new(), BTreeMap::new());
    let mut output = None;
    for name in weight_files(folder)? {
        let file = File::open(folder.join(&name)).map_err(|error| format!("{name}: {error}"))?;
        for (tensor, place) in tensors(&file, files.len()).map_err(|problem| format!("{name}: {problem}"))? {
            if tensor == "proj_out.weight" {
                output = Some(place);
            } else if places.insert(named_by_openai(&tensor), place).is_some() {
                return Err(format!("{name}: it holds the tensor {tensor} a second time"));
            }
        }
        files.push(file);
    }
    if let Some(output) = output {
        same_table(&files, &output, places.get("decoder.token_embedding.weight"))?;
    }
    Ok((ModelWeights::new(dims, files, places)?, hints))
}

/// The files of a folder that hold weights, in order.
pub(super) fn weight_files(folder: &Path) -> Result<Vec<String>, String> {
    if folder.join(WHOLE).is_file() {
        return Ok(vec![WHOLE.into()]);
    }
    if !folder.join(SHARDS).is_file() {
        return Err(format!(
            "it holds neither {WHOLE} nor {SHARDS}: other kinds of weights are to be saved as safetensors first"
        ));
    }
    let index: Index = json(folder, SHARDS)?;
    let names: BTreeSet<String> = index.weight_map.into_values().collect();
    match names.iter().find(|name| Path::new(name).components().count() != 1 || name.starts_with('.')) {
        Some(outside) => Err(format!("{SHARDS}: {outside:?} lies outside of the folder")),
        None => Ok(names.into_iter().collect()),
    }
}

/// Both engines have one table of tokens for hearing and for speaking.
fn same_table(files: &[File], output: &Place, input: Option<&Place>) -> Result<(), String> {
    const OTHER: &str = "its proj_out.weight is not its table of tokens, which neither engine can read";
    let Some(input) = input.filter(|input| (&input.shape, input.number) == (&output.shape, output.number)) else {
        return Err(OTHER.into());
    };
    let mut left = super::weights::count(&input.shape).saturating_mul(input.number.bytes());
    let (mut one, mut other) = (vec![0; 1 << 20], vec![0; 1 << 20]);
    let mut done = 0;
    while left > 0 {
        let len = left.min(1 << 20) as usize;
        for (place, buffer) in [(input, &mut one), (output, &mut other)] {
            files[place.file].read_exact_at(&mut buffer[..len], place.at + done).map_err(|error| error.to_string())?;
        }
        if one[..len] != other[..len] {
            return Err(OTHER.into());
        }
        left -= len as u64;
        done += len as u64;
    }
    Ok(())
}

/// The description at a file's head; what it says must fit the file.
fn tensors(file: &File, number: usize) -> Result<Vec<(String, Place)>, String> {
    let len = file.metadata().map_err(|error| error.to_string())?.len();
    let mut size = [0; 8];
    file.read_exact_at(&mut size, 0).map_err(|_| "cut short")?;
    let size = u64::from_le_bytes(size);
    if size > LONGEST_HEADER || size + 8 > len {
        return Err(format!("no safetensors file: {size} bytes of description in a file of {len}"));
    }
    let mut header = vec![0; size as usize];
    file.read_exact_at(&mut header, 8).map_err(|error| error.to_string())?;
    let described: Metadata = serde_json::from_slice(&header).map_err(|error| format!("its description: {error}"))?;
    let data = size + 8;
    if data + described.data_len() as u64 > len {
        return Err(format!("cut short: {len} bytes, {} are described", data + described.data_len() as u64));
    }
    described
        .tensors()
        .into_iter()
        .map(|(name, info)| {
            let number_kind = match info.dtype {
                Dtype::F16 => Number::F16,
                Dtype::BF16 => Number::BF16,
                Dtype::F32 => Number::F32,
                Dtype::F64 => Number::F64,
                other => return Err(format!("the tensor {name} is of {other:?}, which are no weights")),
            };
            let shape = info.shape.iter().map(|&size| size as u64).collect();
            let at = data + info.data_offsets.0 as u64;
            Ok((name, Place { file: number, at, number: number_kind, shape, strides: None }))
        })
        .collect()
}

/// OpenAI's name of a tensor.
fn named_by_openai(name: &str) -> String {
    const PARTS: [(&str, &str); 16] = [
        (".layers.", ".blocks."),
        (".encoder_attn_layer_norm.", ".cross_attn_ln."),
        (".self_attn_layer_norm.", ".attn_ln."),
        (".final_layer_norm.", ".mlp_ln."),
        (".encoder_attn.", ".cross_attn."),
        (".self_attn.", ".attn."),
        (".q_proj.", ".query."),
        (".k_proj.", ".key."),
        (".v_proj.", ".value."),
        (".out_proj.", ".out."),
        (".fc1.", ".mlp.0."),
        (".fc2.", ".mlp.2."),
        ("encoder.layer_norm.", "encoder.ln_post."),
        ("decoder.layer_norm.", "decoder.ln."),
        (".embed_positions.weight", ".positional_embedding"),
        (".embed_tokens.", ".token_embedding."),
    ];
    let name = name.strip_prefix("model.").unwrap_or(name);
    PARTS.iter().fold(name.to_string(), |name, (theirs, ours)| name.replace(theirs, ours))
}

/// A file of JSON in a folder.
fn json<T: DeserializeOwned>(folder: &Path, name: &str) -> Result<T, String> {
    serde_json::from_str(&text(&folder.join(name))?).map_err(|error| format!("{name}: {error}"))
}

/// A text file, unless it is absurdly long.
pub(super) fn text(path: &Path) -> Result<String, String> {
    let name = path.file_name().unwrap_or_default().display();
    let file = File::open(path).map_err(|error| format!("{name}: {error}"))?;
    let mut text = String::new();
    file.take(LONGEST + 1).read_to_string(&mut text).map_err(|error| format!("{name}: {error}"))?;
    if text.len() as u64 > LONGEST { Err(format!("{name}: longer than any such file")) } else { Ok(text) }
}
