//! `lineside vici`: the lines to paste into ViciDial, and what was told to it.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand};
use serde_json::Value;

use super::client::{Daemon, query};
use super::listing::hanging;
use super::print::{nothing, say, shown};
use crate::call::dialer::{DISPO_FIELDS, FIELDS, Field, Keep, placeholder};
use crate::config::Config;

#[derive(Args)]
pub(super) struct ViciArguments {
    #[command(subcommand)]
    command: ViciCommand,
}

#[derive(Subcommand)]
enum ViciCommand {
    /// Print the Start Call and Dispo Call URLs to paste into campaigns and in-groups, and the agents' page for scripts and web forms
    Urls(UrlsArguments),
    /// List what was told to ViciDial by its APIs, or would have been in a dry run, newest first
    Sent(SentArguments),
}

#[derive(Args)]
#[command(
    after_help = "Needs [dialer_api]; see docs/dialer.md. While its dry_run is on nothing is sent, and the fields of each request are shown."
)]
struct SentArguments {
    /// Those alone that would have been sent
    #[arg(long, conflicts_with = "state")]
    dry_run: bool,
    /// In this state: waiting, sent, dry_run, skipped, given_up
    #[arg(long)]
    state: Option<String>,
    /// At most so many
    #[arg(long, default_value_t = 20)]
    limit: u32,
    /// JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    daemon: Daemon,
}

#[derive(Args)]
#[command(
    after_help = "ViciDial's web server calls them, so the host is this machine as that one reaches it. A token for them: `lineside token add vicidial \
--scope ingest --out /etc/lineside/vicidial.token`. The daemon takes it from the address with [http] token_in_query = true. Exit code 0; what is not \
ready is said on stderr."
)]
struct UrlsArguments {
    /// Name or address of this machine [default: that of [http] listen]
    #[arg(long)]
    host: Option<String>,
    /// Port [default: that of [http] listen]
    #[arg(long)]
    port: Option<u16>,
    /// File that holds the token; without it TOKEN stands in its place
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

pub(super) fn run(arguments: &ViciArguments, config: &Config) -> anyhow::Result<()> {
    match &arguments.command {
        ViciCommand::Urls(arguments) => urls(arguments, config),
        ViciCommand::Sent(arguments) => sent(arguments, config),
    }
}

fn sent(arguments: &SentArguments, config: &Config) -> anyhow::Result<()> {
    let state = if arguments.dry_run { Some("dry_run".to_owned()) } else { arguments.state.clone() };
    let asked = query(&[("result", state), ("limit", Some(arguments.limit.to_string()))]);
    let answer = arguments.daemon.fetch(config, &format!("/api/v1/dialer/writes{asked}"))?;
    if arguments.json {
        return Ok(say(&answer.to_string())?);
    }
    if answer["enabled"] == false {
        eprintln!("lineside: nothing is told to ViciDial: [dialer_api] url is not set");
    } else if answer["dry_run"] == true {
        eprintln!("lineside: dry run: nothing is sent until [dialer_api] dry_run = false");
    }
    let writes = answer["writes"].as_array().map(Vec::as_slice).unwrap_or_default();
    if writes.is_empty() {
        return Ok(say("there is nothing to show")?);
    }
    writes.iter().try_for_each(one)?;
    if answer["more"] == true {
        nothing(&format!("{} are shown and there are more: --limit COUNT shows up to 1000", writes.len()));
    }
    Ok(())
}

fn one(write: &Value) -> anyhow::Result<()> {
    let text = |name: &str| shown(write[name].as_str().unwrap_or_default()).to_string();
    let at = write["done_at"].as_str().or(write["next_try_at"].as_str()).unwrap_or_default();
    say(&format!("{}  {}  {}  {at}  tries {}", text("call_id"), text("kind"), text("state"), write["tries"]))?;
    for field in write["request"].as_array().into_iter().flatten() {
        let part = |name: &str| shown(field[name].as_str().unwrap_or_default()).to_string();
        hanging(&format!("  {}: ", part("name")), &part("value")).iter().try_for_each(|line| say(line))?;
    }
    if !text("answer").is_empty() {
        hanging("  > ", &text("answer")).iter().try_for_each(|line| say(line))?;
    }
    Ok(())
}

fn urls(urls: &UrlsArguments, config: &Config) -> anyhow::Result<()> {
    let listen: std::net::SocketAddr = config.http.listen.parse().with_context(|| {
        format!("[http] listen = {:?} is no address and port: ViciDial calls lineside over TCP", config.http.listen)
    })?;
    let host = urls.host.clone().unwrap_or_else(|| match listen.ip() {
        std::net::IpAddr::V6(address) => format!("[{address}]"),
        std::net::IpAddr::V4(address) => address.to_string(),
    });
    let port = urls.port.unwrap_or(listen.port());
    let token = match &urls.token_file {
        None => "TOKEN".to_owned(),
        Some(path) => {
            let text = std::fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
            anyhow::ensure!(!text.trim().is_empty(), "{}: holds no token", path.display());
            text.trim().to_owned()
        }
    };
    let scheme = if config.http.tls_certificate.is_some() { "https" } else { "http" };
    say("# Campaign or in-group: Start Call URL")?;
    say(&line(scheme, &host, port, "start", &[FIELDS], &token))?;
    say("# Campaign or in-group: Dispo Call URL")?;
    say(&line(scheme, &host, port, "dispo", &[FIELDS, DISPO_FIELDS], &token))?;
    // Agents open it where all people open the pages.
    let site = match &config.http.public_url {
        Some(public) => public.trim_end_matches('/').to_owned(),
        None => format!("{scheme}://{host}:{port}"),
    };
    let page = agent_page(&site);
    say(
        "# Campaign or in-group: Web Form. Each user's User Custom 1 holds a token of `lineside token add NAME --agent USER`",
    )?;
    say(&format!("VAR{page}"))?;
    say("# Script: the same in a frame; [http] frame_ancestors names the site of the agents' screen")?;
    say(&format!("<iframe src=\"{page}\" width=\"100%\" height=\"400\"></iframe>"))?;
    for problem in problems(config, urls, listen) {
        eprintln!("lineside: {problem}");
    }
    Ok(())
}

/// The agents' page as ViciDial's fields take it. The token stands behind `#`, which no browser sends to a server: no log has it.
fn agent_page(site: &str) -> String {
    let [user, uniqueid, token] = ["user", "uniqueid", "user_custom_one"].map(placeholder);
    format!("{site}/agent?user={user}&uniqueid={uniqueid}#token={token}")
}

/// The URL as ViciDial's field takes it: only what lineside keeps is sent.
fn line(scheme: &str, host: &str, port: u16, path: &str, fields: &[&[Field]], token: &str) -> String {
    let kept = fields.iter().copied().flatten().filter(|field| field.keep != Keep::Nothing);
    let pairs: Vec<String> = kept.map(|field| format!("{}={}", field.name, placeholder(field.name))).collect();
    let token = query(&[("token", Some(token.to_owned()))]);
    format!("VAR{scheme}://{host}:{port}/vici/{path}?{}&{}", pairs.join("&"), token.trim_start_matches('?'))
}

/// What has to be done before ViciDial reaches us.
fn problems(config: &Config, urls: &UrlsArguments, listen: std::net::SocketAddr) -> Vec<String> {
    let mut problems = Vec::new();
    if urls.token_file.is_none() && !config.http.open {
        problems.push(
            "put a token in the place of TOKEN: `lineside token add vicidial --scope ingest --out FILE`, then --token-file FILE".into(),
        );
    }
    if !config.http.token_in_query && !config.http.open {
        problems.push("[http] token_in_query is false: the daemon refuses a token in the address".into());
    }
    if listen.ip().is_loopback() {
        problems.push(format!("[http] listen = {listen}: only a ViciDial web server on this machine reaches it"));
    }
    if config.http.frame_ancestors.is_empty() {
        problems.push("[http] frame_ancestors is empty: no browser shows the agents' page in a frame".into());
    }
    problems
}
