//! Writes whisper.cpp's format: header, mel filters, tokens, tensors (whisper.cpp, `whisper_model_load`).
//!
//! Vectors and the tables of positions stay 32-bit floats, kernels of convolutions are 16-bit ones in every kind of file, matrices are as asked for.

use std::io::{self, Write};

use super::quantise::{Blocks, halves};
use super::weights::ModelWeights;
use super::words::Words;
use crate::speech::mel;

/// Bins of a filter of Whisper's spectrogram.
const BINS: u32 = 201;

/// Writes a model; `read` hears of the bytes of weights that were read.
pub(super) fn write(
    weights: &ModelWeights,
    words: &Words,
    blocks: Blocks,
    out: &mut impl Write,
    read: &mut dyn FnMut(u64),
) -> Result<(), String> {
    let dims = &weights.dims;
    let mut head = vec![0x6767_6d6c];
    head.extend(dims.header());
    head.extend([blocks.file_kind(), dims.n_mels, BINS]);
    ints(out, &head)?;
    let filters: Vec<u8> =
        mel::filterbank(dims.n_mels as usize).iter().flat_map(|weight| weight.to_le_bytes()).collect();
    put(out, &filters)?;
    ints(out, &[words.tokens.len() as u32])?;
    for token in &words.tokens {
        ints(out, &[token.len() as u32])?;
        put(out, token)?;
    }
    for (name, mut shape) in dims.tensors() {
        let values = weights.read(&name)?;
        read(weights.size_of(&name));
        if name.starts_with("encoder.conv") && shape.len() == 1 {
            shape.push(1); // whisper.cpp adds the bias of a convolution to rows
        }
        let plain =
            shape.len() < 2 || name.rsplit('.').next() == Some("bias") || name.ends_with("positional_embedding");
        let mut data = Vec::new();
        let kind = if plain {
            data.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            Ok(0)
        } else if shape.len() == 3 {
            halves(&values, &mut data).map(|()| Blocks::F16.tensor_kind())
        } else {
            blocks.write(&values, &mut data).map(|()| blocks.tensor_kind())
        };
        let kind = kind.map_err(|problem| format!("the tensor {name} {problem}"))?;
        ints(out, &[shape.len() as u32, name.len() as u32, kind])?;
        let fastest_first: Vec<u32> = shape.iter().rev().map(|&size| size as u32).collect();
        ints(out, &fastest_first)?;
        put(out, name.as_bytes())?;
        put(out, &data)?;
    }
    Ok(())
}

fn ints(out: &mut impl Write, values: &[u32]) -> Result<(), String> {
    values.iter().try_for_each(|value| put(out, &value.to_le_bytes()))
}

fn put(out: &mut impl Write, bytes: &[u8]) -> Result<(), String> {
    out.write_all(bytes).map_err(|error: io::Error| format!("cannot be written: {error}"))
}
