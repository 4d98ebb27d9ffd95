//! `lineside model pull`: fetches a model by its name, and converts it where its publisher has weights alone.

use std::path::Path;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget};

use super::print::{bytes_bar, say};
use crate::config::Config;
use crate::speech::models::{self, Fetch, Published, PullStep, SENTENCES, Sentences};

/// A conversion that is over sooner needs no bar.
const SOON: Duration = Duration::from_secs(2);

/// Fetches the model of this name, from `url` if that is given, and compares it with `sha256` instead of the published sum.
pub(super) fn run(config: &Config, name: &str, url: Option<&str>, sha256: Option<&str>) -> anyhow::Result<()> {
    let folder = &config.paths.models();
    if let Some(model) = SENTENCES.iter().find(|model| model.name == name) {
        anyhow::ensure!(
            sha256.is_none(),
            "{name} is several files, which are compared with the checksums that are published: leave --sha256 out"
        );
        return pull_sentences(folder, model, url);
    }
    let published = models::published(name);
    match published.and_then(|model| model.weights.map(|weights| (model, weights))) {
        Some((model, weights)) => pull_weights(folder, model, weights, url, sha256)?,
        None => pull_file(folder, name, published, url, sha256)?,
    }
    let Config { speech, .. } = config;
    let named = [Some(&speech.model), speech.smaller_model.as_ref(), speech.final_model.as_ref()];
    if !named.into_iter().flatten().any(|model| model == name) {
        eprintln!(
            "lineside: the configuration names {} and not this one; to use it: [speech] model = {name:?}, then `systemctl reload lineside`",
            speech.model
        );
    }
    Ok(())
}

/// Fetches a file that is a model as it is.
fn pull_file(
    folder: &Path,
    name: &str,
    published: Option<&Published>,
    url: Option<&str>,
    sha256: Option<&str>,
) -> anyhow::Result<()> {
    let Some(url) = url.map(String::from).or_else(|| published.map(Published::url)) else {
        anyhow::bail!(
            "no model {name:?} in the catalogue (`lineside model list`); {}; or give --url and --sha256 for another source",
            models::way_to(name, &models::installed(folder))
        );
    };
    let sha1 = published.filter(|_| sha256.is_none()).and_then(|model| model.sha1).map(String::from);
    let fetch = Fetch { name: name.into(), url, sha256: sha256.map(String::from), sha1 };
    let bar = bytes_bar(name)?;
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
    Ok(())
}

/// Fetches OpenAI's weights and makes the model of them.
fn pull_weights(
    folder: &Path,
    published: &Published,
    weights: &str,
    url: Option<&str>,
    sha256: Option<&str>,
) -> anyhow::Result<()> {
    let fetch = Fetch {
        name: weights.into(),
        url: url.map_or_else(|| published.url(), String::from),
        sha256: sha256.or(published.sha256()).map(String::from),
        sha1: None,
    };
    let fetched = bytes_bar(&format!("{weights}.pt"))?;
    let converted = bytes_bar(&format!("converting {weights}.pt"))?;
    converted.set_draw_target(ProgressDrawTarget::hidden());
    let mut begun = None;
    let model = models::pull_converted(folder, &fetch, |step| match step {
        PullStep::Fetched(done, total) => {
            fetched.set_length(total.unwrap_or(done));
            fetched.set_position(done);
        }
        PullStep::Converted(done, total) => {
            fetched.finish_and_clear();
            show_late(&converted, &mut begun);
            converted.set_length(total);
            converted.set_position(done);
        }
    })?;
    converted.finish_and_clear();
    say(&format!("{} (checksum of {weights}.pt as published; converted)", model.path.display()))?;
    Ok(())
}

/// Shows a hidden bar when its work has taken long enough that somebody may wonder.
fn show_late(bar: &ProgressBar, begun: &mut Option<Instant>) {
    if begun.get_or_insert_with(Instant::now).elapsed() >= SOON && bar.is_hidden() {
        bar.set_draw_target(ProgressDrawTarget::stderr());
    }
}

/// Fetches a model of sentences, from `at` if that is given.
fn pull_sentences(folder: &Path, model: &Sentences, at: Option<&str>) -> anyhow::Result<()> {
    let bar = bytes_bar(model.name)?;
    let path = models::pull_sentences(folder, model, at.unwrap_or(model.at), |done, total| {
        bar.set_length(total.unwrap_or(done));
        bar.set_position(done);
    })?;
    bar.finish_and_clear();
    say(&format!("{} (checksums as published)", path.display()))?;
    Ok(())
}
