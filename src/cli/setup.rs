//! `lineside setup`: four questions whose answers differ from box to box, and a file in `conf.d` that holds the answers. Nothing else is written.
//!
//! Folders with recordings, the model that this CPU carries, who may look at the page, and the proxy before it. What is found is what is offered; with
//! `--yes` and flags nobody is asked.

mod answers;
mod found;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;

use self::answers::{Answers, Looking};
use super::print::{asked, say};
use crate::config::{Config, DEFAULT_PATH};
use crate::speech::models;

/// The file that it writes.
const FILE: &str = "50-setup.toml";

#[derive(Args)]
#[command(
    after_help = "Writes conf.d/50-setup.toml beside the configuration, or says that nothing is needed; a file that it wrote before is kept but for the answers \
that are new. Needs root, as everything in /etc does. lineside is not restarted."
)]
pub(super) struct SetupArguments {
    /// A folder of recordings; may be given several times [default: those with recordings in them]
    #[arg(long = "folder", value_name = "FOLDER", value_hint = clap::ValueHint::DirPath)]
    folders: Vec<PathBuf>,
    /// Agents at work at a time: measures this CPU for a minute or two and takes the best model for them that is here or can be pulled
    #[arg(long, value_name = "COUNT", conflicts_with = "model", value_parser = clap::value_parser!(u32).range(1..=5000))]
    agents: Option<u32>,
    /// Take this model, and measure nothing
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// Name by which browsers of other computers call the page, like calls.example.com
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Address of the proxy in front, like 127.0.0.1, or none
    #[arg(long, value_name = "ADDRESS")]
    proxy: Option<String>,
    /// Ask nothing: take what the flags say, and for the rest what is found
    #[arg(long, short)]
    yes: bool,
    /// Say what would be written, and write nothing
    #[arg(long, short = 'n')]
    dry_run: bool,
}

/// `lineside setup`
pub(super) fn run(arguments: &SetupArguments, config: &Config, path: Option<&Path>) -> anyhow::Result<ExitCode> {
    if !arguments.yes && !std::io::stdin().is_terminal() {
        bail!(
            "nobody can be asked here, and nothing was written: say --yes, and what is known by flags (`lineside setup --help`)"
        );
    }
    let place = path.unwrap_or(Path::new(DEFAULT_PATH));
    let file = place.parent().unwrap_or(Path::new("/")).join("conf.d").join(FILE);
    let answers = Answers {
        folders: folders(arguments, config)?,
        model: model(arguments, config)?,
        looking: looking(arguments, config)?,
    };
    let before = std::fs::read_to_string(&file).unwrap_or_default();
    let Some(text) = answers.file(&before, config).with_context(|| file.display().to_string())? else {
        say("nothing is needed: the configuration says all of this already")?;
        next_steps(&answers, config)?;
        return Ok(ExitCode::SUCCESS);
    };
    if arguments.dry_run {
        say(&format!("would write {}:", file.display()))?;
        text.lines().try_for_each(|line| say(&format!("  {line}")))?;
        return Ok(ExitCode::SUCCESS);
    }
    write(&file, &text, &before, path)?;
    say(&format!("written: {}", file.display()))?;
    text.lines().filter(|line| !line.starts_with('#')).try_for_each(|line| say(&format!("  {line}")))?;
    say("now: systemctl restart lineside")?;
    next_steps(&answers, config)?;
    Ok(ExitCode::SUCCESS)
}

/// Writes it, and takes it back where the configuration as a whole cannot be used with it.
fn write(file: &Path, text: &str, before: &str, path: Option<&Path>) -> anyhow::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    // Beside it and hidden first: whoever reads meanwhile finds the old one or the new one, whole.
    let put = |text: &str| {
        let part = folder.join(format!(".{FILE}.new"));
        std::fs::write(&part, text)
            .and_then(|()| std::fs::rename(&part, file))
            .with_context(|| file.display().to_string())
    };
    put(text)?;
    if let Err(error) = Config::load(path) {
        if before.is_empty() {
            std::fs::remove_file(file).with_context(|| file.display().to_string())?;
        } else {
            put(before)?;
        }
        return Err(error).context("with these answers the configuration cannot be used, and nothing was changed");
    }
    Ok(())
}

/// The first question: where recordings are.
fn folders(arguments: &SetupArguments, config: &Config) -> anyhow::Result<Vec<PathBuf>> {
    if !arguments.folders.is_empty() {
        return Ok(arguments.folders.clone());
    }
    let found = found::folders(config.recordings.watched());
    for (folder, recordings) in &found {
        let many = if *recordings >= found::ENOUGH { format!("{recordings} or more") } else { recordings.to_string() };
        say(&format!("{}: {many} recordings of the last month", folder.display()))?;
    }
    let with: Vec<PathBuf> = found.into_iter().filter(|(_, count)| *count > 0).map(|(folder, _)| folder).collect();
    let offered = if with.is_empty() { config.recordings.watched().to_vec() } else { with };
    if arguments.yes {
        return Ok(offered);
    }
    let names: Vec<String> = offered.iter().map(|folder| folder.display().to_string()).collect();
    let text = asked("1 of 4. Folders with recordings, spaces between; - for none", &names.join(" "))?;
    Ok(text.split_whitespace().filter(|name| *name != "-").map(PathBuf::from).collect())
}

/// The second: which model.
fn model(arguments: &SetupArguments, config: &Config) -> anyhow::Result<String> {
    if let Some(model) = &arguments.model {
        return Ok(model.clone());
    }
    let agents = match arguments.agents {
        Some(agents) => Some(agents),
        None if arguments.yes => None,
        None => {
            let what = "2 of 4. Agents at work at a time, to measure which model this CPU carries (a minute or two); - to leave it";
            let text = asked(what, "-")?;
            match &*text {
                "-" => None,
                text => Some(text.parse().with_context(|| format!("{text:?} is no number of agents"))?),
            }
        }
    };
    let Some(agents) = agents else { return Ok(config.speech.model.clone()) };
    super::model_recommend::best(agents as usize, config)
}

/// The third and the fourth: who looks, and what stands before the page.
fn looking(arguments: &SetupArguments, config: &Config) -> anyhow::Result<Looking> {
    let name = match &arguments.name {
        Some(name) => Some(name.clone()),
        None if arguments.yes => config.http.hosts.first().cloned(),
        None => {
            let known = config.http.hosts.first().map_or("-", String::as_str);
            let text = asked(
                "3 of 4. Who may look: a name by which browsers of other computers call the page, like calls.example.com; - for this machine alone",
                known,
            )?;
            Some(text).filter(|text| text != "-")
        }
    };
    let Some(name) = name else { return Ok(Looking::Here) };
    let known = config.http.proxies.first().map(|net| net.addr().to_string());
    let proxy = match &arguments.proxy {
        Some(proxy) => proxy.clone(),
        None if arguments.yes => known.unwrap_or_else(|| "127.0.0.1".into()),
        None => asked(
            "4 of 4. The proxy before it (nginx, Apache): its address; none where lineside speaks TLS itself",
            known.as_deref().unwrap_or("127.0.0.1"),
        )?,
    };
    Ok(Looking::Elsewhere { name, proxy: Some(proxy).filter(|proxy| proxy != "none" && proxy != "-") })
}

/// How the model is had, where it is not here.
fn model_step(model: &str, folder: &Path) -> Option<String> {
    let missing = models::resolve(folder, model).is_err();
    missing.then(|| format!("get the model: {}", models::way_to(model, &models::installed(folder))))
}

/// What is left to do by hand.
fn next_steps(answers: &Answers, config: &Config) -> anyhow::Result<()> {
    if let Some(step) = model_step(&answers.model, &config.paths.models()) {
        say(&step)?;
    }
    let port = config.http.listen.rsplit(':').next().unwrap_or("8123");
    match &answers.looking {
        Looking::Here => {
            let host = found::host_name();
            say(&format!("look from another computer: ssh -L {port}:127.0.0.1:{port} root@{host}"))?;
            say(&format!("  and there open http://127.0.0.1:{port}/"))?;
        }
        Looking::Elsewhere { name, proxy: Some(proxy) } => {
            say("the proxy: /usr/share/doc/lineside/examples/nginx/lineside.conf has nginx ready")?;
            let address = config.http.public_url.clone();
            say(&format!("  and open {}", address.unwrap_or_else(|| answers::public_url(name, Some(proxy)))))?;
        }
        Looking::Elsewhere { proxy: None, .. } => {
            say("lineside needs a certificate: [http] tls_certificate, tls_key and listen; see docs/install.md")?;
        }
    }
    say("the token to log in with: /etc/lineside/admin.token; others: lineside token add NAME --scope read,operate")?;
    say("then: lineside doctor")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::best_model::{Measured, best_within_reach};
    use crate::governor::recommend::Demand;
    use crate::governor::simulation::SPEECH_SHARE;

    #[test]
    fn setup_names_nothing_that_cannot_be_had() {
        let folder = tempfile::tempdir().expect("temp dir");
        let costs = [("tiny", 0.06, 0.03), ("base", 0.14, 0.05), ("small", 0.5, 0.2)];
        let measured: Vec<Measured> = costs
            .iter()
            .flat_map(|&(size, whisper, ct2)| [(size, "whisper.cpp", whisper), (size, "ctranslate2", ct2)])
            .map(|(size, engine, look_s)| Measured { size: size.into(), engine: engine.into(), look_s })
            .collect();
        for (agents, english) in [(5, true), (5, false), (80, true), (80, false)] {
            let demand = Demand { agents, cores: 4, speech_share: SPEECH_SHARE };
            let best = best_within_reach(&measured, &demand, english, &[]).expect("a model");
            let name = measured[best].model(english);
            assert!(models::published(&name).is_some(), "{name} is in no catalogue");
            let step = model_step(&name, folder.path()).expect("it is not here");
            assert_eq!(step, format!("get the model: `lineside model pull {name}`"));
        }
        std::fs::write(folder.path().join("ggml-mine.bin"), b"weights").expect("write");
        assert_eq!(model_step("mine", folder.path()), None);
        let other = model_step("of-somebody", folder.path()).expect("it is not here");
        assert!(other.contains("model import") && !other.contains("model pull"), "{other}");
    }
}
