//! `lineside fetch`: recordings of calls on other servers become the calls' recordings here.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use serde_json::{Value, json};

use super::client::{Daemon, query};
use super::listing::hanging;
use super::print::{bar, nothing, say, shown};
use crate::config::Config;

/// Calls of one request.
const AT_ONCE: usize = 1000;
/// Between two looks at what is waited for.
const LOOK: Duration = Duration::from_millis(500);

#[derive(Args)]
#[command(
    after_help = "Needs [[remote]]; see docs/remote.md. Without calls: lists what is fetched. Asking twice fetches once."
)]
pub(super) struct FetchArguments {
    /// Ids of calls
    #[arg(value_name = "CALL")]
    calls: Vec<String>,
    /// Ids of calls in a file, one a line; - is the standard input
    #[arg(long, value_name = "LIST")]
    file: Option<PathBuf>,
    /// Name of the server in the configuration, where there are several
    #[arg(long, value_name = "NAME")]
    remote: Option<String>,
    /// When the calls began, for {date} in the path: a date, or a local time
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// Wait until each is here or was given up
    #[arg(long)]
    wait: bool,
    /// JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    daemon: Daemon,
}

pub(super) fn run(arguments: &FetchArguments, config: &Config) -> anyhow::Result<ExitCode> {
    let mut calls = arguments.calls.clone();
    if let Some(file) = &arguments.file {
        calls.extend(listed(file)?);
    }
    if calls.is_empty() {
        anyhow::ensure!(arguments.file.is_none(), "no call is named in the list");
        list(arguments, config)?;
        return Ok(ExitCode::SUCCESS);
    }
    let (mut fetches, mut refused) = (Vec::new(), Vec::new());
    for calls in calls.chunks(AT_ONCE) {
        let mut body = json!({"call_ids": calls});
        for (name, value) in [("remote", &arguments.remote), ("at", &arguments.at)] {
            if let Some(value) = value {
                body[name] = value.as_str().into();
            }
        }
        let answer = arguments.daemon.tell(config, "/api/v1/fetch", &body)?;
        fetches.extend(answer["fetches"].as_array().cloned().unwrap_or_default());
        refused.extend(answer["refused"].as_array().cloned().unwrap_or_default());
    }
    if arguments.wait {
        let bar = bar("recordings", "recordings")?;
        bar.set_length(fetches.len() as u64);
        for fetch in &mut fetches {
            *fetch = over(arguments, config, fetch)?;
            bar.inc(1);
        }
        bar.finish_and_clear();
    }
    if arguments.json {
        say(&json!({"fetches": fetches, "refused": refused}).to_string())?;
    } else {
        fetches.iter().try_for_each(one)?;
        for refusal in &refused {
            say(&format!("{}  refused: {}", text(&refusal["call_id"]), text(&refusal["detail"])))?;
        }
    }
    let failed = !refused.is_empty() || fetches.iter().any(|fetch| fetch["state"] == "given_up");
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Ids in a file, one a line; what stands behind a `#` is left out.
fn listed(file: &Path) -> anyhow::Result<Vec<String>> {
    let mut all = String::new();
    if file == Path::new("-") {
        std::io::stdin().read_to_string(&mut all).context("the standard input")?;
    } else {
        all = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    }
    let ids = all.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    Ok(ids.filter(|id| !id.is_empty()).map(str::to_string).collect())
}

/// Waits until a recording is over.
fn over(arguments: &FetchArguments, config: &Config, fetch: &Value) -> anyhow::Result<Value> {
    let path = format!("/api/v1/fetch{}", query(&[("call_id", fetch["call_id"].as_str().map(String::from))]));
    loop {
        let answer = arguments.daemon.fetch(config, &path)?;
        let same = |row: &&Value| row["remote"] == fetch["remote"] && row["call_id"] == fetch["call_id"];
        let row = answer["fetches"].as_array().into_iter().flatten().find(same);
        match row.cloned() {
            Some(row) if ["waiting", "fetching", "taking"].iter().any(|open| row["state"] == *open) => {}
            Some(row) => return Ok(row),
            None => return Ok(fetch.clone()), // its call was deleted meanwhile
        }
        std::thread::sleep(LOOK);
    }
}

fn list(arguments: &FetchArguments, config: &Config) -> anyhow::Result<()> {
    let answer = arguments.daemon.fetch(config, "/api/v1/fetch?limit=1000")?;
    if arguments.json {
        return Ok(say(&answer.to_string())?);
    }
    for remote in answer["remotes"].as_array().into_iter().flatten() {
        let (open, running) = (&remote["open"], &remote["running"]);
        say(&format!(
            "{}  {}  {open} to fetch, {running} on the way",
            text(&remote["name"]),
            text(&remote["address"])
        ))?;
        if let Some(problem) = remote["problem"].as_str() {
            hanging("  ", &shown(problem)).iter().try_for_each(|line| say(line))?;
        }
    }
    let fetches = answer["fetches"].as_array().map(Vec::as_slice).unwrap_or_default();
    if fetches.is_empty() {
        nothing("nothing is fetched, and nothing waits");
    }
    fetches.iter().try_for_each(one)?;
    if answer["more"] == true {
        nothing(&format!("the newest {} are shown and there are more", fetches.len()));
    }
    Ok(())
}

fn one(fetch: &Value) -> anyhow::Result<()> {
    let size = fetch["size"].as_u64().map_or_else(|| "?".into(), |size| size.to_string());
    let (call, remote, path) = (text(&fetch["call_id"]), text(&fetch["remote"]), text(&fetch["path"]));
    say(&format!("{call}  {}  {} of {size} bytes  {remote}:{path}", text(&fetch["state"]), fetch["got"]))?;
    match fetch["problem"].as_str() {
        Some(problem) => Ok(hanging("  ", &shown(problem)).iter().try_for_each(|line| say(line))?),
        None => Ok(()),
    }
}

fn text(value: &Value) -> String {
    shown(value.as_str().unwrap_or("?")).to_string()
}
