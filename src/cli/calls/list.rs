//! `lineside calls` and `search`: calls, and places where something was said, newest first, as far back as is wanted.

use std::process::ExitCode;

use clap::Args;
use clap::builder::PossibleValuesParser;
use serde_json::Value;

use super::super::client::Daemon;
use super::super::listing::{Listing, hanging};
use super::super::print::{colour, length, nothing, say, short_time, shown};
use super::act::{CallsAction, act};
use super::scope::{HowMany, ListForm, Scope};
use super::words::{more, number, seen, segment_fields, text, tsv, why_empty};
use crate::config::Config;

#[derive(Args)]
#[command(
    after_help = "Newest first; or do something with some of them. --tsv prints the columns call_id, start_time, status, agent, campaign, seconds, segments, \
sentiment, ! where an alert was raised and sla where a limit of [sla] is breached; new columns come at the end."
)]
#[command(args_conflicts_with_subcommands = true)]
pub(in crate::cli) struct CallsArguments {
    #[command(subcommand)]
    action: Option<CallsAction>,
    #[command(flatten)]
    scope: Scope,
    #[command(flatten)]
    how_many: HowMany,
    #[command(flatten)]
    form: ListForm,
    #[command(flatten)]
    daemon: Daemon,
}

#[derive(Args)]
#[command(
    after_help = "Every word must be said; \"words in quotes\" in a row; beginnings with *. All filters of `lineside calls` narrow it. --tsv prints the columns \
call_id, start_time (of the call), agent, campaign, offset (seconds of the call), leg, sentiment, text; new columns come at the end."
)]
pub(in crate::cli) struct SearchArguments {
    /// What to search for
    #[arg(required = true)]
    words: Vec<String>,
    #[command(flatten)]
    scope: Scope,
    /// words; meaning: what was meant, in whatever words; or both. The last two need a model: `lineside model pull all-MiniLM-L6-v2`
    #[arg(long, value_parser = PossibleValuesParser::new(["words", "meaning", "both"]))]
    by: Option<String>,
    /// By meaning or both: list segments that say nearly the same once, with their number, or all of them
    #[arg(long, value_parser = PossibleValuesParser::new(["once", "all"]))]
    alike: Option<String>,
    /// Said on this leg
    #[arg(long, value_parser = PossibleValuesParser::new(["agent", "caller", "mixed"]))]
    leg: Option<String>,
    #[command(flatten)]
    how_many: HowMany,
    #[command(flatten)]
    form: ListForm,
    #[command(flatten)]
    daemon: Daemon,
}

/// A call as `calls --tsv` writes it.
fn fields(call: &Value) -> [String; 10] {
    [
        text(call, "call_id").into(),
        text(call, "start_time").into(),
        text(call, "status").into(),
        text(call, "agent").into(),
        text(call, "campaign").into(),
        format!("{:.0}", call["total_audio_duration"].as_f64().unwrap_or(0.0)),
        call["segment_count"].to_string(),
        number(&call["sentiment"]),
        if call["has_alerts"] == true { "!".into() } else { String::new() },
        if call["sla_breached"] == true { "sla".into() } else { String::new() },
    ]
}

/// `lineside calls`
pub(in crate::cli) fn list(arguments: &CallsArguments, config: &Config) -> anyhow::Result<ExitCode> {
    if let Some(action) = &arguments.action {
        return act(action, config);
    }
    let (scope, daemon) = (&arguments.scope, &arguments.daemon);
    let pages = ("calls", "next_cursor", "cursor");
    let answer = arguments.how_many.collect(daemon, config, "/api/v1/calls", &scope.query(), pages)?;
    let calls = answer["calls"].as_array().map(Vec::as_slice).unwrap_or_default();
    if arguments.form.json {
        say(&answer.to_string())?;
    } else if arguments.form.tsv {
        calls.iter().try_for_each(|call| say(&tsv(&fields(call))))?;
    } else {
        let mut listing = Listing::new(&["CALL", "BEGAN", "STATE", "AGENT", "CAMPAIGN", "LENGTH", "SENTIMENT", ""]);
        for call in calls {
            let [id, began, state, agent, campaign, _, _, sentiment, alerts, sla] =
                fields(call).map(|cell| shown(&cell).into_owned());
            let seconds = length(call["total_audio_duration"].as_f64().unwrap_or(0.0));
            // What `connection_closed` means to people: the line is closed, the text is not complete.
            let state = if state == "connection_closed" { "closing".into() } else { state };
            listing.add(vec![
                id,
                short_time(&began),
                state,
                agent,
                campaign,
                seconds,
                sentiment,
                format!("{alerts} {sla}").trim().into(),
            ]);
        }
        listing.print(&why_empty("no call fits", &answer, scope.agent.as_deref()))?;
    }
    if !arguments.form.json {
        more(&answer["next_cursor"], calls.len());
    }
    Ok(ExitCode::SUCCESS)
}

/// `lineside search`
pub(in crate::cli) fn search(arguments: &SearchArguments, config: &Config) -> anyhow::Result<()> {
    let words: Vec<String> = arguments
        .words
        .iter()
        .map(|word| if word.contains(' ') && !word.contains('"') { format!("\"{word}\"") } else { word.clone() })
        .collect();
    let mut pairs = arguments.scope.query();
    pairs.extend([("q", Some(words.join(" "))), ("by", arguments.by.clone()), ("alike", arguments.alike.clone())]);
    pairs.push(("leg", arguments.leg.clone()));
    let pages = ("hits", "next_offset", "offset");
    let answer = arguments.how_many.collect(&arguments.daemon, config, "/api/v1/search", &pairs, pages)?;
    let hits = answer["hits"].as_array().map(Vec::as_slice).unwrap_or_default();
    if arguments.form.json {
        return Ok(say(&answer.to_string())?);
    }
    if arguments.form.tsv {
        for hit in hits {
            let of_call = ["call_id", "call_start_time", "agent", "campaign"].map(|key| text(hit, key).into());
            say(&tsv(&[of_call, segment_fields(&hit["segment"])].concat()))?;
        }
        more(&answer["next_offset"], hits.len());
        return Ok(());
    }
    if hits.is_empty() {
        let what = format!("nowhere was {} said", shown(&words.join(" ")));
        nothing(&why_empty(&what, &answer, arguments.scope.agent.as_deref()));
    }
    for hit in hits {
        let segment = &hit["segment"];
        let before = format!(
            "{}  {}  {:7.2}  {:<6}  ",
            seen(hit, "call_id"),
            short_time(text(hit, "call_start_time")),
            segment["start_time"].as_f64().unwrap_or(0.0),
            seen(segment, "leg")
        );
        let alike = match hit["alike"].as_u64() {
            None | Some(0) => String::new(),
            Some(count) => format!(" (and {count} alike)"),
        };
        for line in hanging(&before, &(marked(&seen(hit, "snippet")) + &alike)) {
            say(&line)?;
        }
    }
    more(&answer["next_offset"], hits.len());
    Ok(())
}

/// What was found in bold, word by word, so that it may go on in the next line.
fn marked(snippet: &str) -> String {
    let mut is_found = false;
    let mut out = String::new();
    for part in snippet.split("<b>").flat_map(|part| part.split("</b>")) {
        if is_found && colour() {
            let words: Vec<String> = part.split(' ').map(|word| format!("\x1b[1m{word}\x1b[0m")).collect();
            out.push_str(&words.join(" "));
        } else {
            out.push_str(part);
        }
        is_found = !is_found;
    }
    out
}
