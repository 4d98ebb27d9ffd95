//! OpenAI's checkpoints: `FILE.pt`, a ZIP archive of PyTorch's with a table (`data.pkl`) and one file for each storage.
//!
//! Entries are stored, not compressed, so a tensor is read where it lies. Each entry's CRC is checked once before anything is believed.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::rc::Rc;

use zip::{CompressionMethod, ZipArchive};

use super::pickle::{self, Table, Tensor, Value};
use super::weights::{Dims, ModelWeights, Number, Place, count};

/// Buffers of a checkpoint that are made anew from its dimensions.
const MADE_ANEW: [&str; 1] = ["decoder.mask"];

/// Opens a checkpoint and finds every tensor in it; `checked` hears of the bytes whose CRC was compared.
pub(super) fn open(file: File, checked: &mut dyn FnMut(u64)) -> Result<ModelWeights, String> {
    let whole = file.try_clone().map_err(|error| error.to_string())?;
    let mut archive = ZipArchive::new(BufReader::new(file))
        .map_err(|error| format!("no archive of PyTorch's, or cut short ({error})"))?;
    let root = root(&archive)?;
    if let Ok(order) = text(&mut archive, &format!("{root}byteorder"))
        && order != "little"
    {
        return Err(format!("its numbers are {order}-endian: save it again on an x86 or ARM machine"));
    }
    let mut bytes = Vec::new();
    let table = entry(&mut archive, &format!("{root}data.pkl"))?;
    table.take(pickle::LONGEST + 1).read_to_end(&mut bytes).map_err(damaged("data.pkl"))?;
    let table = Table::read(&bytes)?;
    let (dims, tensors) = model(&table)?;
    let mut found = BTreeMap::new();
    let mut storages: BTreeMap<Rc<str>, (u64, u64)> = BTreeMap::new();
    for (name, tensor) in tensors {
        let key = &tensor.storage.key;
        let (begin, len) = if let Some(&known) = storages.get(key) {
            known
        } else {
            let known = whole_entry(&mut archive, &format!("{root}data/{key}"))?;
            checked(known.1);
            storages.insert(Rc::clone(key), known);
            known
        };
        found.insert(name.to_string(), place(name, tensor, begin, len)?);
    }
    ModelWeights::new(dims, vec![whole], found)
}

/// Reads nothing but a table: what `open` does with `data.pkl`.
pub(super) fn check_table(bytes: &[u8]) -> Result<usize, String> {
    let table = Table::read(bytes)?;
    model(&table).map(|(_, tensors)| tensors.len())
}

/// The folder that holds everything: `archive/`, or the name under which it was saved.
fn root<R: Read + Seek>(archive: &ZipArchive<R>) -> Result<String, String> {
    let mut tables = archive.file_names().filter_map(|name| name.strip_suffix("data.pkl"));
    match (tables.next(), tables.next()) {
        (Some(root), None) if root.ends_with('/') && root.matches('/').count() == 1 => Ok(root.into()),
        _ => Err("no checkpoint of PyTorch's: the archive holds no data.pkl, or several".into()),
    }
}

fn entry<'a, R: Read + Seek>(archive: &'a mut ZipArchive<R>, name: &str) -> Result<zip::read::ZipFile<'a, R>, String> {
    let entry = archive.by_name(name).map_err(|error| format!("{name}: {error}"))?;
    if entry.compression() != CompressionMethod::Stored || entry.size() != entry.compressed_size() {
        return Err(format!("{name} is compressed, which PyTorch does not do"));
    }
    Ok(entry)
}

fn text<R: Read + Seek>(archive: &mut ZipArchive<R>, name: &str) -> Result<String, String> {
    let mut text = String::new();
    entry(archive, name)?.take(64).read_to_string(&mut text).map_err(damaged(name))?;
    Ok(text)
}

/// Where an entry begins and how long it is, once its CRC is as it should be.
fn whole_entry<R: Read + Seek>(archive: &mut ZipArchive<R>, name: &str) -> Result<(u64, u64), String> {
    let mut entry = entry(archive, name)?;
    let begin = entry.data_start().ok_or_else(|| format!("{name} has no beginning"))?;
    let len = io::copy(&mut entry, &mut io::sink()).map_err(damaged(name))?;
    Ok((begin, len))
}

fn damaged(name: &str) -> impl Fn(io::Error) -> String + '_ {
    move |error| format!("damaged: {name}: {error}")
}

/// The tensors of a checkpoint, by name.
type Tensors<'a> = Vec<(&'a str, &'a Tensor)>;

/// The dimensions and tensors that a table holds.
fn model(table: &Table) -> Result<(Dims, Tensors<'_>), String> {
    let dimension = |name: &str| match table.at(&["dims", name]) {
        Some(&Value::Int(size)) => u32::try_from(size).map_err(|_| format!("its {name} is {size}")),
        _ => Err(format!(
            "it holds no dims.{name}: not a checkpoint of OpenAI's Whisper. Of a model in Hugging Face's layout give the folder"
        )),
    };
    let dims = Dims {
        n_mels: dimension("n_mels")?,
        n_vocab: dimension("n_vocab")?,
        n_audio_ctx: dimension("n_audio_ctx")?,
        n_audio_state: dimension("n_audio_state")?,
        n_audio_head: dimension("n_audio_head")?,
        n_audio_layer: dimension("n_audio_layer")?,
        n_text_ctx: dimension("n_text_ctx")?,
        n_text_state: dimension("n_text_state")?,
        n_text_head: dimension("n_text_head")?,
        n_text_layer: dimension("n_text_layer")?,
    };
    dims.check()?;
    let state = table.at(&["model_state_dict"]).ok_or("it holds no model_state_dict")?;
    let entries = table.entries(state).ok_or("its model_state_dict is no dictionary")?;
    let tensors = entries.filter(|(name, _)| !MADE_ANEW.contains(name)).map(|(name, id)| match table.value(id) {
        Value::Tensor(tensor) => Ok((name, tensor)),
        _ => Err(format!("{name} is no tensor")),
    });
    Ok((dims, tensors.collect::<Result<_, _>>()?))
}

/// Where a tensor lies in the file, if its numbers lie together and its storage holds them.
fn place(name: &str, tensor: &Tensor, begin: u64, len: u64) -> Result<Place, String> {
    let number = match &*tensor.storage.kind {
        "HalfStorage" => Number::F16,
        "BFloat16Storage" => Number::BF16,
        "FloatStorage" => Number::F32,
        "DoubleStorage" => Number::F64,
        other => return Err(format!("the tensor {name} is a {other}, which are no weights")),
    };
    let strides = dense(&tensor.shape, &tensor.strides).map_err(|()| {
        format!(
            "the tensor {name} is a part of another (shape {:?}, strides {:?}): save it again with .contiguous()",
            tensor.shape, tensor.strides
        )
    })?;
    let end = tensor.offset.saturating_add(count(&tensor.shape)).saturating_mul(number.bytes());
    if end > len {
        return Err(format!("cut short: the tensor {name} wants {end} bytes of a storage of {len}"));
    }
    Ok(Place { file: 0, at: begin + tensor.offset * number.bytes(), number, shape: tensor.shape.clone(), strides })
}

/// `None` where the numbers lie in order, else the strides by which they are found; OpenAI's own files hold matrices that were turned and not copied.
fn dense(shape: &[u64], strides: &[u64]) -> Result<Option<Vec<u64>>, ()> {
    let (mut in_order, mut next, mut last) = (true, 1_u64, 0_u64);
    for (&size, &stride) in shape.iter().zip(strides).rev() {
        in_order &= size == 1 || stride == next;
        next = next.saturating_mul(size);
        last = last.saturating_add(size.saturating_sub(1).saturating_mul(stride));
    }
    // As many numbers as it spans: none is skipped, none is out of reach.
    if last.saturating_add(1) == next { Ok((!in_order).then(|| strides.to_vec())) } else { Err(()) }
}
