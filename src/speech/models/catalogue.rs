//! The models that can be fetched by name, and the command that brings a model of any name here.

use serde::Serialize;

use super::convert::sum_of;
use super::disk::ModelRef;

/// Address at which Whisper models in whisper.cpp's format are published.
const WHISPER_CPP: &str = "https://huggingface.co/ggerganov/whisper.cpp/resolve/main";
/// Address at which OpenAI publishes its checkpoints, each in a folder that is named by its checksum (openai-whisper, `whisper/__init__.py`).
const OPENAI: &str = "https://openaipublic.azureedge.net/main/whisper/models";

/// A model that can be fetched by name.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Published {
    /// Its name.
    pub name: &'static str,
    /// Size of the download, MB.
    pub mb: u32,
    /// SHA-1 as whisper.cpp's `models/README.md` publishes it; `None` where it publishes none.
    pub sha1: Option<&'static str>,
    /// OpenAI's checkpoint that is fetched and converted here; `None` where the file is taken as it is.
    pub weights: Option<&'static str>,
    /// Use of the model, in a few words.
    pub about: &'static str,
}

/// A file that whisper.cpp reads as it is.
const fn ggml(name: &'static str, mb: u32, sha1: Option<&'static str>, about: &'static str) -> Published {
    Published { name, mb, sha1, weights: None, about }
}

/// A model of CTranslate2 that is made here of OpenAI's checkpoint.
const fn converted(name: &'static str, mb: u32, weights: &'static str, about: &'static str) -> Published {
    Published { name, mb, sha1: None, weights: Some(weights), about }
}

/// Models that can be pulled by name. whisper.cpp publishes checksums for the full-size files only. Of OpenAI's checkpoints only the English ones are
/// here: the multilingual ones hold no table of their tokens, so a file of somebody else's is needed to convert them.
#[rustfmt::skip]
const CATALOGUE: &[Published] = &[
    ggml("tiny.en-q8_0", 44, None, "English, weakest CPU"),
    ggml("tiny-q8_0", 44, None, "99 languages, weakest CPU"),
    ggml("base.en-q8_0", 82, None, "English, a good start on a PBX"),
    ggml("base-q8_0", 82, None, "99 languages, a good start on a PBX"),
    ggml("small.en-q8_0", 264, None, "English, better words, 4 times the CPU"),
    ggml("small-q8_0", 264, None, "99 languages, better words, 4 times the CPU"),
    converted("ct2-tiny.en-int8", 76, "tiny.en", "English, a third of the CPU; wants AVX2"),
    converted("ct2-base.en-int8", 145, "base.en", "English, a third of the CPU; wants AVX2"),
    converted("ct2-small.en-int8", 484, "small.en", "English, a third of the CPU; wants AVX2"),
    ggml("tiny.en", 78, Some("c78c86eb1a8faa21b369bcd33207cc90d64ae9df"), "English, 16-bit weights"),
    ggml("tiny", 78, Some("bd577a113a864445d4c299885e0cb97d4ba92b5f"), "99 languages, 16-bit weights"),
    ggml("base.en", 148, Some("137c40403d78fd54d454da0f9bd998f78703390c"), "English, 16-bit weights"),
    ggml("base", 148, Some("465707469ff3a37a2b9b8d8f89f2f99de7299dac"), "99 languages, 16-bit weights"),
    ggml("small.en", 488, Some("db8a495a91d927739e50b3fc1cc4c6b8f6c2d022"), "English, 16-bit weights"),
    ggml("small", 488, Some("55356645c2b361a969dfd0ef2c5a50d530afd8d5"), "99 languages, 16-bit weights"),
];

impl Published {
    /// The address that it is fetched from.
    pub fn url(&self) -> String {
        match self.weights.zip(self.sha256()) {
            Some((weights, sum)) => format!("{OPENAI}/{sum}/{weights}.pt"),
            None => format!("{WHISPER_CPP}/ggml-{}.bin", self.name),
        }
    }

    /// SHA-256 of what is fetched, in hex, where it is published.
    pub fn sha256(&self) -> Option<&'static str> {
        self.weights.and_then(sum_of)
    }
}

/// The models that can be pulled and that this build reads: CTranslate2 may have been left out of it.
pub fn catalogue() -> impl Iterator<Item = &'static Published> {
    CATALOGUE.iter().filter(|model| cfg!(feature = "ctranslate2") || model.weights.is_none())
}

/// The model of a name, if it can be pulled.
pub fn published(name: &str) -> Option<&'static Published> {
    catalogue().find(|model| model.name == name)
}

/// Whether somebody can have a model of this name here: it is installed, or can be pulled.
pub fn within_reach(name: &str, installed: &[ModelRef]) -> bool {
    installed.iter().any(|model| model.name == name) || published(name).is_some()
}

/// How somebody gets a model: the setting where it is installed, else the command that brings it.
pub fn way_to(name: &str, installed: &[ModelRef]) -> String {
    if installed.iter().any(|model| model.name == name) {
        return format!("installed: [speech] model = \"{name}\"");
    }
    if published(name).is_some() {
        return format!("`lineside model pull {name}`");
    }
    match checkpoint_of(name) {
        Some(weights) if is_english(weights) => {
            format!("`lineside model import {weights}.pt` (OpenAI's weights), or of a Hugging Face folder")
        }
        Some(weights) => format!(
            "`lineside model pull tiny-q8_0`, then `lineside model import {weights}.pt --vocabulary \"$(lineside model path tiny-q8_0)\"` (OpenAI's \
             weights of 99 languages hold no table of their tokens), or import a Hugging Face folder"
        ),
        None => "`lineside model import FILE`; `lineside model list` names those that can be pulled".into(),
    }
}

/// Whether a checkpoint is of an English model, whose tokens are GPT-2's.
fn is_english(weights: &str) -> bool {
    weights.strip_suffix(".en").is_some()
}

/// The checkpoint of OpenAI's that a model is made of, by the model's name.
pub fn checkpoint_of(name: &str) -> Option<&str> {
    let name = name.strip_prefix("ct2-").unwrap_or(name);
    let plain = ["-int8", "-q8_0", "-q5_1"].iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name);
    sum_of(plain).map(|_| plain)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::ModelKind;
    use super::super::convert::Format;
    use super::*;

    #[test]
    fn what_is_converted_is_an_english_checkpoint_whose_sum_is_known() {
        for model in CATALOGUE {
            let Some(weights) = model.weights else {
                assert!(model.url().ends_with(&format!("/ggml-{}.bin", model.name)), "{}", model.url());
                continue;
            };
            assert!(is_english(weights), "{weights}: its table of tokens is not at hand");
            let sum = model.sha256().expect("a sum");
            assert_eq!(
                model.url(),
                format!("https://openaipublic.azureedge.net/main/whisper/models/{sum}/{weights}.pt")
            );
            assert_eq!(Format::Ct2Int8.model(&PathBuf::new(), weights).name, model.name, "the name that it gets");
        }
    }

    #[test]
    fn every_model_has_a_way_to_it() {
        for model in catalogue() {
            assert_eq!(way_to(model.name, &[]), format!("`lineside model pull {}`", model.name));
        }
        let here = ModelRef { name: "mine".into(), path: "mine".into(), kind: ModelKind::Whisper };
        assert_eq!(way_to("mine", std::slice::from_ref(&here)), "installed: [speech] model = \"mine\"");
        assert!(within_reach("mine", &[here]) && !within_reach("mine", &[]));
        let english = way_to("ct2-medium.en-int8", &[]);
        assert!(english.contains("model import medium.en.pt`"), "{english}");
        let others = way_to("ct2-base-int8", &[]);
        assert!(others.contains("model import base.pt --vocabulary"), "{others}");
        assert!(published("tiny-q8_0").is_some_and(|table| table.weights.is_none()), "the table that it names");
        assert!(way_to("my-own", &[]).contains("model import FILE"));
    }
}
