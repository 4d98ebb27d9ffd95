//! `lineside model`: what models there are, and getting more.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::{say, table};
use crate::config::Config;
use crate::speech::models::{self, CATALOGUE, Fetch, Verified};

/// Models are kept in the state folder; whisper.cpp files and CTranslate2 folders both serve
#[derive(Args)]
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
    /// Copy a model file or folder in
    Import {
        /// ggml-NAME.bin, or a folder with model.bin
        path: PathBuf,
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
    /// Print where a model is
    Path {
        /// Its name
        name: String,
    },
}

pub(super) fn run(arguments: &ModelArguments, config: &Config) -> anyhow::Result<ExitCode> {
    let folder = &config.paths.models();
    match &arguments.command {
        ModelCommand::List => list(folder, arguments.json)?,
        ModelCommand::Pull { name, url, sha256 } => {
            let published = CATALOGUE.iter().find(|model| model.name == name);
            let url = url.clone().or(published.map(models::Published::url));
            let Some(url) = url else {
                anyhow::bail!(
                    "no model {name:?} in the catalogue (`lineside model list`); give --url and --sha256 for another source"
                );
            };
            let sha1 = published.filter(|_| sha256.is_none()).and_then(|model| model.sha1).map(String::from);
            let fetch = Fetch { name: name.clone(), url, sha256: sha256.clone(), sha1 };
            let bar = ProgressBar::new(0).with_style(ProgressStyle::with_template(
                "{msg} {bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta}",
            )?);
            bar.set_message(name.clone());
            let model = models::pull(folder, &fetch, |done, total| {
                bar.set_length(total.unwrap_or(done));
                bar.set_position(done);
            })?;
            bar.finish_and_clear();
            let checked = if fetch.sha256.is_some() || fetch.sha1.is_some() {
                "checksum as published"
            } else {
                "no checksum is published for it"
            };
            say(&format!("{} ({checked})", model.path.display()))?;
        }
        ModelCommand::Bench { names, audio } => {
            super::model_bench::run(names, audio.as_deref(), arguments.json, config)?;
        }
        ModelCommand::Import { path } => say(&models::import(folder, path)?.path.display().to_string())?,
        ModelCommand::Path { name } => say(&models::resolve(folder, name)?.path.display().to_string())?,
        ModelCommand::Verify { names } => return verify(folder, names, arguments.json),
    }
    Ok(ExitCode::SUCCESS)
}

fn list(folder: &Path, as_json: bool) -> anyhow::Result<()> {
    let here = models::installed(folder);
    if as_json {
        say(&json!({"folder": folder, "installed": here, "catalogue": CATALOGUE}).to_string())?;
        return Ok(());
    }
    let mut rows = table(&["MODEL", "HERE", "MB", "FOR"]);
    for model in &here {
        let known = CATALOGUE.iter().find(|published| published.name == model.name);
        rows.add_row([
            model.name.as_str(),
            "yes",
            &known.map_or_else(String::new, |published| published.mb.to_string()),
            known.map_or("imported", |published| published.about),
        ]);
    }
    for published in CATALOGUE.iter().filter(|published| here.iter().all(|model| model.name != published.name)) {
        rows.add_row([published.name, "", &published.mb.to_string(), published.about]);
    }
    say(&rows.to_string())?;
    Ok(())
}

fn verify(folder: &Path, names: &[String], as_json: bool) -> anyhow::Result<ExitCode> {
    let models = if names.is_empty() {
        models::installed(folder)
    } else {
        names.iter().map(|name| models::resolve(folder, name)).collect::<Result<_, _>>()?
    };
    let mut damaged = false;
    let mut rows = table(&["MODEL", "STATE"]);
    let mut found = Vec::new();
    for model in models {
        let state = models::verify(&model)?;
        damaged |= state == Verified::Damaged;
        let word = match state {
            Verified::Whole => "whole",
            Verified::Damaged => "DAMAGED: pull or import it again",
            Verified::Unknown => "no checksum recorded",
        };
        rows.add_row([model.name.as_str(), word]);
        found.push(json!({"model": model, "state": state}));
    }
    say(&if as_json { serde_json::Value::from(found).to_string() } else { rows.to_string() })?;
    Ok(if damaged { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
