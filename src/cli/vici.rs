//! `lineside vici urls`: the lines to paste into ViciDial.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand};

use super::client::query;
use super::print::say;
use crate::call::dialer::{DISPO_FIELDS, FIELDS, Field, Keep, placeholder};
use crate::config::Config;

#[derive(Args)]
pub(super) struct ViciArguments {
    #[command(subcommand)]
    command: ViciCommand,
}

#[derive(Subcommand)]
enum ViciCommand {
    /// Print the Start Call and Dispo Call URLs to paste into campaigns and in-groups
    Urls(UrlsArguments),
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
    let ViciCommand::Urls(urls) = &arguments.command;
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
    for problem in problems(config, urls, listen) {
        eprintln!("lineside: {problem}");
    }
    Ok(())
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
    problems
}
