//! `lineside token` and `lineside audit`: who may come in over TCP, and who read what. Work on the database, whether the daemon runs or not.

use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::listing::Listing;
use super::print::{nothing, say, short_time, shown};
use crate::call::WallTime;
use crate::store::token_book::{NewToken, TokenBook};
use crate::store::tokens::{CONFIGURED, Scope, Scopes};

#[derive(Args)]
pub(super) struct TokenArguments {
    #[command(subcommand)]
    command: TokenCommand,
}

#[derive(Subcommand)]
enum TokenCommand {
    /// Make a token; it is shown once
    Add(AddArguments),
    /// List the tokens, not their secrets
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// End a token, and the logins that came of it
    Revoke {
        /// Its name
        name: String,
    },
}

#[derive(Args)]
struct AddArguments {
    /// What it is called in lists and in the audit
    name: String,
    /// What it may do: read, operate, ingest; comma between
    #[arg(long, default_value = "read", value_parser = scopes)]
    scope: Scopes,
    /// Sees only the calls of this campaign
    #[arg(long)]
    campaign: Option<String>,
    /// Sees only the running call of this agent and the reviews of their calls, on the page /agent; has the scope agent alone
    #[arg(long, value_name = "USER", conflicts_with_all = ["scope", "campaign"])]
    agent: Option<String>,
    /// How long it is good: 90d, 12h, 2w [default: until revoked]
    #[arg(long, value_parser = lifetime_ms)]
    expires: Option<i64>,
    /// Write it to this file, mode 0640, instead of showing it
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Args)]
pub(super) struct AuditArguments {
    /// Of this call
    #[arg(long)]
    call: Option<String>,
    /// By this token, or user
    #[arg(long)]
    who: Option<String>,
    /// At most so many, newest first
    #[arg(long, default_value_t = 50)]
    limit: u32,
    /// As JSON
    #[arg(long)]
    json: bool,
}

fn scopes(text: &str) -> Result<Scopes, String> {
    let found = Scopes::parse(text).ok_or("not a list of read, operate and ingest")?;
    if found.has(Scope::Agent) {
        return Err("agent is the scope of `--agent USER`".into());
    }
    Ok(found)
}

fn lifetime_ms(text: &str) -> Result<i64, String> {
    let wrong = || format!("{text:?} is not a time like 90d, 12h or 2w");
    let unit = text.chars().last().ok_or_else(wrong)?;
    let hours = match unit {
        'h' => 1,
        'd' => 24,
        'w' => 24 * 7,
        _ => return Err(wrong()),
    };
    let count: i64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    if !(1..=1_000_000).contains(&count) {
        return Err(wrong());
    }
    Ok(count * hours * 3_600_000)
}

fn open(state: &Path) -> anyhow::Result<TokenBook> {
    TokenBook::open(state).context("the tokens are in the daemon's database: run this as root or as its user")
}

/// `lineside token …`
pub(super) fn run(arguments: &TokenArguments, state: &Path) -> anyhow::Result<()> {
    match &arguments.command {
        TokenCommand::Add(arguments) => add(arguments, state),
        TokenCommand::List { json } => list(*json, state),
        TokenCommand::Revoke { name } if name == CONFIGURED => {
            bail!(
                "{CONFIGURED} is of the configuration: take it out there and restart lineside; its logins end with it"
            )
        }
        TokenCommand::Revoke { name } => {
            if !open(state)?.revoke(name)? {
                bail!("there is no token {name:?}; see `lineside token list`");
            }
            Ok(say(&format!("{name} is revoked"))?)
        }
    }
}

fn add(arguments: &AddArguments, state: &Path) -> anyhow::Result<()> {
    let name = arguments.name.trim();
    if name.is_empty() || name.len() > 100 || name.chars().any(char::is_control) {
        bail!("a name is 1 to 100 characters in one line");
    }
    if arguments.agent.as_ref().is_some_and(|agent| agent.trim().is_empty() || agent.len() > 200) {
        bail!("--agent is the agent's user as the dialer names it");
    }
    if !state.exists() {
        std::fs::create_dir_all(state).with_context(|| format!("create {}", state.display()))?;
    }
    let at = crate::capture::wall_clock();
    let book = open(state)?;
    let campaign = arguments.campaign.as_deref().map(|campaign| spelled(&book, campaign)).transpose()?;
    let new = NewToken {
        name: name.into(),
        scopes: if arguments.agent.is_some() { Scopes::AGENT } else { arguments.scope },
        campaign,
        agent: arguments.agent.clone(),
        expires: arguments.expires.map(|life| WallTime(at.0 + life)),
    };
    // The file first: a token that nobody can read would have to be revoked by hand.
    let mut file = arguments.out.as_deref().map(|path| secret_file(path, state)).transpose()?;
    let Some(token) = book.add(&new, at)? else {
        if let Some((_, part)) = &file {
            let _ = std::fs::remove_file(part);
        }
        bail!("there is a token {name:?} already; `lineside token revoke {name}` ends it");
    };
    match (&mut file, &arguments.out) {
        (Some((file, part)), Some(out)) => {
            writeln!(file, "{token}").and_then(|()| file.sync_all()).with_context(|| part.display().to_string())?;
            std::fs::rename(&*part, out).with_context(|| out.display().to_string())?;
            eprintln!("{name}: written to {}", out.display());
        }
        _ => say(&token)?,
    }
    Ok(())
}

/// A campaign's name as calls have it: a token sees the calls whose campaign is spelled exactly so.
fn spelled(book: &TokenBook, campaign: &str) -> anyhow::Result<String> {
    let campaign = campaign.trim();
    if campaign.is_empty() || campaign.len() > 200 || campaign.chars().any(char::is_control) {
        bail!("--campaign is the campaign, in-group or queue as the dialer names it, 1 to 200 characters in one line");
    }
    let spellings = book.spellings(campaign)?;
    match spellings.as_slice() {
        known if known.iter().any(|known| known == campaign) => Ok(campaign.into()),
        [] => {
            eprintln!(
                "no call of campaign {campaign:?} is known yet: the token sees calls whose campaign is spelled exactly so"
            );
            Ok(campaign.into())
        }
        [known] => {
            eprintln!("calls have this campaign as {known:?}; the token is for that");
            Ok(known.clone())
        }
        several => bail!("calls have this campaign as {}: name one of them exactly", several.join(", ")),
    }
}

/// A file beside `path` that only its owner and the daemon's group can read.
fn secret_file(path: &Path, state: &Path) -> anyhow::Result<(std::fs::File, PathBuf)> {
    let mut part = path.as_os_str().to_owned();
    part.push(".new");
    let part = PathBuf::from(part);
    let _ = std::fs::remove_file(&part); // of a run that was broken off
    let file = std::fs::File::options().create_new(true).write(true).mode(0o600).open(&part);
    let file = file.with_context(|| format!("create {}", part.display()))?;
    if rustix::process::geteuid().is_root() {
        let group = std::fs::metadata(state).with_context(|| state.display().to_string())?.gid();
        std::os::unix::fs::fchown(&file, None, Some(group)).with_context(|| part.display().to_string())?;
    }
    file.set_permissions(std::fs::Permissions::from_mode(0o640)).with_context(|| part.display().to_string())?;
    Ok((file, part))
}

fn time(at: Option<WallTime>) -> Value {
    at.map_or(Value::Null, |at| at.rfc3339().into())
}

fn list(as_json: bool, state: &Path) -> anyhow::Result<()> {
    let rows = open(state)?.list()?;
    let now = crate::capture::wall_clock();
    if as_json {
        let rows: Vec<Value> = rows
            .iter()
            .map(|row| {
                json!({
                    "name": row.name, "scopes": row.scopes.to_string(), "campaign": row.campaign, "agent": row.agent,
                    "created": row.created.rfc3339(), "expires": time(row.expires), "last_used": time(row.used),
                })
            })
            .collect();
        return Ok(say(&Value::from(rows).to_string())?);
    }
    let mut listing = Listing::new(&["NAME", "SCOPES", "SEES", "EXPIRES", "LAST USED"]);
    for row in rows {
        let expires = match row.expires {
            None => "never".into(),
            Some(at) if at.0 <= now.0 => format!("over since {}", short_time(&at.rfc3339())),
            Some(at) => short_time(&at.rfc3339()),
        };
        let used = row.used.map_or("never".into(), |at| short_time(&at.rfc3339()));
        let sees = match row.agent {
            Some(agent) => format!("agent {agent}"),
            None => row.campaign.unwrap_or("all".into()),
        };
        listing.add(vec![row.name, row.scopes.to_string(), shown(&sees).into_owned(), expires, used]);
    }
    Ok(listing.print("no tokens; `lineside token add NAME --scope read` makes one")?)
}

/// `lineside audit`
pub(super) fn audit(arguments: &AuditArguments, state: &Path) -> anyhow::Result<()> {
    let (book, limit) = (open(state)?, arguments.limit);
    if let Some(call) = &arguments.call
        && !book.has_call(call)?
    {
        bail!("no call has the id {}; what was erased has none any more", shown(call));
    }
    let mut rows = book.audit(arguments.call.as_deref(), arguments.who.as_deref(), limit.saturating_add(1))?;
    if rows.len() > limit as usize {
        rows.truncate(limit as usize);
        nothing(&format!("the newest {limit} are shown and there are more: --limit COUNT shows more"));
    }
    if arguments.json {
        let rows: Vec<Value> = rows
            .iter()
            .map(|row| {
                json!({"at": row.at.rfc3339(), "who": row.who, "address": row.address, "action": row.action, "call_id": row.call_id})
            })
            .collect();
        return Ok(say(&Value::from(rows).to_string())?);
    }
    let mut listing = Listing::new(&["AT", "WHO", "FROM", "CALL", "DID"]);
    for row in rows {
        let from = row.address.unwrap_or("socket".into());
        let cells = [short_time(&row.at.rfc3339()), row.who, from, row.call_id.unwrap_or_default(), row.action];
        listing.add(cells.map(|cell| shown(&cell).into_owned()).to_vec());
    }
    Ok(listing.print("nothing was written down that fits")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_has_a_number_and_a_unit() {
        assert_eq!(lifetime_ms("90d"), Ok(90 * 24 * 3_600_000));
        assert_eq!((lifetime_ms("12h"), lifetime_ms("2w")), (Ok(12 * 3_600_000), Ok(14 * 24 * 3_600_000)));
        for wrong in ["", "d", "0d", "-1d", "90", "90 d", "1é", "99999999999999999999d"] {
            assert!(lifetime_ms(wrong).is_err(), "{wrong}");
        }
    }
}
