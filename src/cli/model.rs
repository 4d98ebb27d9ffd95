//! `lineside model`: what models there are, and getting more.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use serde_json::json;

use super::listing::Listing;
use super::model_recommend::RecommendArguments;
use super::print::{bar, bytes_bar, say};
use crate::config::Config;
use crate::speech::models::convert::Format;
use crate::speech::models::{self, Import, Published, SENTENCES, Verified};

#[derive(Args)]
#[command(after_help = "Models are kept in the state folder; whisper.cpp files and CTranslate2 folders both serve.")]
pub(super) struct ModelArguments {
    #[command(subcommand)]
    command: ModelCommand,
    /// JSON instead of a table
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum ModelCommand {
    /// What is here, and what can be pulled by name
    List,
    /// Fetch a model; goes on where an earlier try stopped. Proxies: http_proxy, https_proxy
    #[command(after_help = PULL_HELP)]
    Pull {
        /// A name of the list
        name: String,
        /// Fetch from here instead
        #[arg(long)]
        url: Option<String>,
        /// What it must hash to
        #[arg(long, value_name = "HEX")]
        sha256: Option<String>,
    },
    /// Bring in a model that you have: copied if an engine reads it, converted if it is weights as OpenAI or Hugging Face publish them
    #[command(after_help = IMPORT_HELP)]
    Import {
        /// ggml-NAME.bin, a folder with model.bin, OpenAI's NAME.pt, or a folder with config.json and model.safetensors
        path: PathBuf,
        /// Make this of weights; may be given several times [default: ggml-q8_0 and ct2-int8, one for each engine]
        #[arg(long = "format", value_name = "FORMAT", value_parser = format_parser())]
        formats: Vec<Format>,
        /// The table of tokens, where weights have none: multilingual.tiktoken, vocab.json, tokenizer.json, or a ggml model that has the same
        #[arg(long, value_name = "FILE")]
        vocabulary: Option<PathBuf>,
        /// Name it so [default: the name of the file or folder]
        #[arg(long)]
        name: Option<String>,
        /// Put it here [default: the folder of models]
        #[arg(long, value_name = "FOLDER")]
        into: Option<PathBuf>,
    },
    /// Compare models with their checksums
    Verify {
        /// Names [default: all]
        names: Vec<String>,
    },
    /// What models cost on this machine, one thread, with the engine that reads them
    Bench {
        /// Names or paths [default: all that are here]
        names: Vec<String>,
        /// A recording of speech, 16 s or more [default: a synthetic voice]
        #[arg(long)]
        audio: Option<PathBuf>,
    },
    /// Which model, engine and quantisation this box should have for so many agents, with the lag and live text to expect
    Recommend(RecommendArguments),
    /// Print where a model is
    Path {
        /// Its name
        name: String,
    },
}

const PULL_HELP: &str = "The English models of CTranslate2, ct2-NAME-int8, are made here of the weights that OpenAI publishes: those are fetched, \
compared with OpenAI's sum, converted and removed. OpenAI's weights for 99 languages hold no table of their tokens: bring such a model in by \
`lineside model import`.";

const IMPORT_HELP: &str = "Weights NAME become NAME (ggml-f16), NAME-q8_0, NAME-q5_1 and ct2-NAME-int8. Nothing in a checkpoint is run: its table may \
name tensors and nothing else. The sha256 of the weights is printed, and whether it is one that OpenAI publishes.";

fn format_parser() -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(Format::NAMED.map(|(name, _)| name)).try_map(|given| {
        let named = Format::NAMED.into_iter().find(|(name, _)| *name == given);
        named.map(|(_, format)| format).ok_or("no format")
    })
}

pub(super) fn run(arguments: &ModelArguments, config: &Config) -> anyhow::Result<ExitCode> {
    let folder = &config.paths.models();
    match &arguments.command {
        ModelCommand::List => list(folder, arguments.json)?,
        ModelCommand::Pull { name, url, sha256 } => {
            super::model_pull::run(config, name, url.as_deref(), sha256.as_deref())?;
        }
        ModelCommand::Bench { names, audio } => {
            super::model_bench::run(names, audio.as_deref(), arguments.json, config)?;
        }
        ModelCommand::Import { path, formats, vocabulary, name, into } if models::is_sentences(path) => {
            anyhow::ensure!(
                formats.is_empty() && vocabulary.is_none(),
                "{} is a model of sentences, which is copied as it is: leave --format and --vocabulary out",
                path.display()
            );
            let path = models::import_sentences(into.as_ref().unwrap_or(folder), path, name.as_deref())?;
            say(&path.display().to_string())?;
        }
        ModelCommand::Import { path, formats, vocabulary, name, into } => {
            let wanted = Import { from: path, formats, vocabulary: vocabulary.as_deref(), name: name.as_deref() };
            import(into.as_ref().unwrap_or(folder), &wanted, arguments.json)?;
        }
        ModelCommand::Recommend(wanted) => super::model_recommend::run(wanted, arguments.json, config)?,
        ModelCommand::Path { name } => say(&models::resolve(folder, name)?.path.display().to_string())?,
        ModelCommand::Verify { names } => return verify(folder, names, arguments.json),
    }
    Ok(ExitCode::SUCCESS)
}

fn import(folder: &Path, wanted: &Import, as_json: bool) -> anyhow::Result<()> {
    let bar = bytes_bar(&wanted.from.file_name().unwrap_or_default().display().to_string())?;
    let imported = models::import(folder, wanted, &mut |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    })?;
    bar.finish_and_clear();
    if as_json {
        return say(&json!({"weights": imported.sums, "models": imported.models}).to_string()).map_err(Into::into);
    }
    for sum in &imported.sums {
        let whose = match sum.official {
            Some(model) => format!("the sum that OpenAI publishes for {model}"),
            None => "not one of OpenAI's published files: compare it with the sum of whoever you have it from".into(),
        };
        say(&format!("{}: sha256 {}, {whose}", sum.file, sum.sha256))?;
    }
    for model in &imported.models {
        say(&model.path.display().to_string())?;
    }
    Ok(())
}

fn list(folder: &Path, as_json: bool) -> anyhow::Result<()> {
    let here = models::installed(folder);
    if as_json {
        let catalogue: Vec<&Published> = models::catalogue().collect();
        say(&json!({"folder": folder, "installed": here, "catalogue": catalogue, "sentences": SENTENCES}).to_string())?;
        return Ok(());
    }
    let mut listing = Listing::new(&["MODEL", "HERE", "MB", "FOR"]);
    for model in &here {
        let known = models::published(&model.name);
        listing.add(vec![
            model.name.clone(),
            "yes".into(),
            known.map_or_else(String::new, |published| published.mb.to_string()),
            known.map_or("imported", |published| published.about).into(),
        ]);
    }
    for model in SENTENCES {
        let here = if folder.join(model.name).is_dir() { "yes" } else { "" };
        listing.add(vec![model.name.into(), here.into(), model.mb.to_string(), model.about.into()]);
    }
    for published in models::catalogue().filter(|published| here.iter().all(|model| model.name != published.name)) {
        let Published { name, mb, about, .. } = published;
        listing.add(vec![(*name).into(), String::new(), mb.to_string(), (*about).into()]);
    }
    Ok(listing.print("no models")?)
}

fn verify(folder: &Path, names: &[String], as_json: bool) -> anyhow::Result<ExitCode> {
    let models = if names.is_empty() {
        models::installed(folder)
    } else {
        names.iter().map(|name| models::resolve(folder, name)).collect::<Result<_, _>>()?
    };
    let mut damaged = false;
    let mut listing = Listing::new(&["MODEL", "STATE"]);
    let mut found = Vec::new();
    let bar = bar("checksums", "models")?;
    bar.set_length(models.len() as u64);
    for model in models {
        bar.set_message(model.name.clone());
        let state = models::verify(&model)?;
        damaged |= state == Verified::Damaged;
        let word = match state {
            Verified::Whole => "whole",
            Verified::Damaged => "DAMAGED: pull or import it again",
            Verified::Unknown => "no checksum recorded",
        };
        bar.inc(1);
        listing.add(vec![model.name.clone(), word.into()]);
        found.push(json!({"model": model, "state": state}));
    }
    bar.finish_and_clear();
    if as_json {
        say(&serde_json::Value::from(found).to_string())?;
    } else {
        listing.print("no models here; `lineside model pull base.en-q8_0` fetches one")?;
    }
    Ok(if damaged { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
