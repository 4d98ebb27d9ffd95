//! A Whisper too small to understand anything, in every layout that is read: weights by a formula, archives and tables as PyTorch and safetensors write
//! them.

use std::collections::BTreeMap;
use std::io::{Cursor, Write};

use half::f16;
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::weights::{Dims, count};

/// Shape and numbers of each tensor.
pub(super) type Tensors = BTreeMap<String, (Vec<u64>, Vec<f32>)>;

/// One layer on each side, 32 wide; the table of tokens has its true length, for both engines tell the kind of model by it.
pub(super) const DIMS: Dims = Dims {
    n_mels: 80,
    n_vocab: 51_864,
    n_audio_ctx: 1500,
    n_audio_state: 32,
    n_audio_head: 1,
    n_audio_layer: 1,
    n_text_ctx: 448,
    n_text_state: 32,
    n_text_head: 1,
    n_text_layer: 1,
};

/// Numbers that fit 16 bits, other ones in every tensor.
pub(super) fn tensors(dims: &Dims) -> Tensors {
    let mut state = 1_u32;
    let mut random = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f16::from_f32((state >> 8) as f32 / (1 << 23) as f32 - 1.0).to_f32() / 8.0
    };
    let made = dims.tensors().into_iter().map(|(name, shape)| {
        let values = (0..count(&shape)).map(|_| f16::from_f32(random()).to_f32()).collect();
        (name, (shape, values))
    });
    made.collect()
}

/// A table as `torch.save` writes it: every tensor on a storage of its own, matrices of the first `mlp` turned as OpenAI's are.
pub(super) fn table(dims: &Dims, tensors: &Tensors) -> Vec<u8> {
    let mut out = b"\x80\x02}(".to_vec();
    text(&mut out, "dims");
    out.extend(b"}(");
    let names = [
        "n_vocab",
        "n_audio_ctx",
        "n_audio_state",
        "n_audio_head",
        "n_audio_layer",
        "n_text_ctx",
        "n_text_state",
        "n_text_head",
        "n_text_layer",
        "n_mels",
    ];
    for (name, size) in names.into_iter().zip(dims.header()) {
        text(&mut out, name);
        int(&mut out, size.into());
    }
    out.push(b'u');
    text(&mut out, "model_state_dict");
    out.extend(b"ccollections\nOrderedDict\n)R(");
    for (number, (name, (shape, _))) in tensors.iter().enumerate() {
        text(&mut out, name);
        tensor(&mut out, number, shape, is_turned(name));
    }
    // State dictionaries have attributes, which mean nothing here.
    out.push(b'u');
    out.extend(b"}(");
    text(&mut out, "_metadata");
    out.extend(b"}ubu.");
    out
}

fn is_turned(name: &str) -> bool {
    name.ends_with("mlp.0.weight")
}

fn tensor(out: &mut Vec<u8>, storage: usize, shape: &[u64], turned: bool) {
    out.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
    text(out, "storage");
    out.extend(b"ctorch\nHalfStorage\n");
    text(out, &storage.to_string());
    text(out, "cpu");
    int(out, count(shape));
    out.extend(b"tQK\x00");
    let strides: Vec<u64> = match (turned, shape) {
        (true, &[rows, _]) => vec![1, rows],
        _ => (1..=shape.len()).map(|from| count(&shape[from..])).collect(),
    };
    for list in [shape, &strides] {
        out.push(b'(');
        for &size in list {
            int(out, size);
        }
        out.push(b't');
    }
    out.extend(b"\x89ccollections\nOrderedDict\n)RtR");
}

fn int(out: &mut Vec<u8>, value: u64) {
    out.push(b'J');
    out.extend((value as i32).to_le_bytes());
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.push(b'X');
    out.extend((text.len() as u32).to_le_bytes());
    out.extend(text.as_bytes());
}

/// The files in a checkpoint's archive: the table, and each storage.
pub(super) fn entries(dims: &Dims, tensors: &Tensors) -> Vec<(String, Vec<u8>)> {
    let mut entries =
        vec![("archive/data.pkl".to_string(), table(dims, tensors)), ("archive/byteorder".into(), b"little".to_vec())];
    for (number, (name, (shape, values))) in tensors.iter().enumerate() {
        let bytes = if is_turned(name) { halves(&turned(values, shape[0] as usize)) } else { halves(values) };
        entries.push((format!("archive/data/{number}"), bytes));
    }
    entries
}

/// A matrix of so many rows, column by column.
fn turned(values: &[f32], rows: usize) -> Vec<f32> {
    let columns = values.len() / rows;
    (0..values.len()).map(|place| values[place % rows * columns + place / rows]).collect()
}

fn halves(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|&value| f16::from_f32(value).to_le_bytes()).collect()
}

/// An archive of files that are stored as they are.
pub(super) fn archive(entries: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, bytes) in entries {
        zip.start_file(name, stored).expect("entry");
        zip.write_all(bytes).expect("in memory");
    }
    zip.finish().expect("archive").into_inner()
}

/// A whole checkpoint.
pub(super) fn checkpoint(dims: &Dims, tensors: &Tensors) -> Vec<u8> {
    archive(&entries(dims, tensors))
}

/// Hugging Face's name of a tensor.
fn named_by_hugging_face(name: &str) -> String {
    const PARTS: [(&str, &str); 14] = [
        (".blocks.", ".layers."),
        (".cross_attn_ln.", ".encoder_attn_layer_norm."),
        (".attn_ln.", ".self_attn_layer_norm."),
        (".mlp_ln.", ".final_layer_norm."),
        (".cross_attn.", ".encoder_attn."),
        (".attn.", ".self_attn."),
        (".query.", ".q_proj."),
        (".key.", ".k_proj."),
        (".value.", ".v_proj."),
        (".out.", ".out_proj."),
        (".mlp.0.", ".fc1."),
        (".mlp.2.", ".fc2."),
        (".positional_embedding", ".embed_positions.weight"),
        (".token_embedding.", ".embed_tokens."),
    ];
    let name = name.replace("encoder.ln_post.", "encoder.layer_norm.").replace("decoder.ln.", "decoder.layer_norm.");
    format!("model.{}", PARTS.iter().fold(name, |name, (ours, theirs)| name.replace(ours, theirs)))
}

/// A safetensors file of 32-bit numbers.
pub(super) fn safetensors<'a>(tensors: impl Iterator<Item = (&'a String, &'a (Vec<u64>, Vec<f32>))>) -> Vec<u8> {
    let bytes: Vec<(String, Vec<usize>, Vec<u8>)> = tensors
        .map(|(name, (shape, values))| {
            let shape = shape.iter().map(|&size| size as usize).collect();
            (named_by_hugging_face(name), shape, values.iter().flat_map(|value| value.to_le_bytes()).collect())
        })
        .collect();
    let views =
        bytes.iter().map(|(name, shape, data)| (name, TensorView::new(Dtype::F32, shape.clone(), data).expect("view")));
    safetensors::serialize(views, None).expect("serialised")
}

/// `config.json` of such a model.
pub(super) fn config(dims: &Dims) -> serde_json::Value {
    serde_json::json!({
        "model_type": "whisper", "vocab_size": dims.n_vocab, "num_mel_bins": dims.n_mels, "d_model": dims.n_audio_state,
        "encoder_layers": dims.n_audio_layer, "encoder_attention_heads": dims.n_audio_head, "decoder_layers": dims.n_text_layer,
        "decoder_attention_heads": dims.n_text_head, "max_source_positions": dims.n_audio_ctx, "max_target_positions": dims.n_text_ctx,
        "dropout": 0.0, "torch_dtype": "float32",
    })
}
