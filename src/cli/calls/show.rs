//! `lineside show`: one call and its text.

use anyhow::Context;
use clap::Args;
use serde_json::Value;

use super::super::client::{Daemon, segment};
use super::super::listing::hanging;
use super::super::print::{coloured, length, nothing, say, short_time, shown};
use super::words::{finding, number, seen, segment_fields, segment_lines, text, tsv};
use crate::config::Config;

#[derive(Args)]
#[command(
    after_help = "--tsv prints a line for each segment of the text, with the columns of `lineside search --tsv`: call_id, start_time (of the call), agent, \
campaign, offset (seconds of the call), leg, sentiment, text; new columns come at the end."
)]
pub(in crate::cli) struct ShowArguments {
    /// Call id, uniqueid or UUID
    call: String,
    /// Its text alone, tab separated, no header
    #[arg(long, conflicts_with = "json")]
    tsv: bool,
    /// The words that changed between the live text and that of the final pass
    #[arg(long, conflicts_with = "tsv")]
    passes: bool,
    /// The API's JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    daemon: Daemon,
}

/// `lineside show`
pub(in crate::cli) fn show(arguments: &ShowArguments, config: &Config) -> anyhow::Result<()> {
    let id = &arguments.call;
    let path = format!("/api/v1/calls/{}", segment(id));
    if arguments.passes {
        return passes(arguments, config, &format!("{path}/passes"));
    }
    let call = arguments.daemon.fetch(config, &path).with_context(|| format!("call {}", shown(id)))?;
    if arguments.json {
        return Ok(say(&call.to_string())?);
    }
    let segments = call["transcript_segments"].as_array().map(Vec::as_slice).unwrap_or_default();
    if arguments.tsv {
        let of_call = ["call_id", "start_time", "agent", "campaign"].map(|key| text(&call, key).to_string());
        for segment in segments {
            say(&tsv(&[&of_call[..], &segment_fields(segment)].concat()))?;
        }
        return Ok(());
    }
    facts(&call)?;
    if segments.is_empty() {
        nothing(&format!("call {}: no text yet; `lineside doctor` says what may be missing", shown(id)));
    }
    for segment in segments {
        segment_lines(segment).iter().try_for_each(|line| say(line))?;
    }
    Ok(())
}

/// `lineside show --passes`
fn passes(arguments: &ShowArguments, config: &Config, path: &str) -> anyhow::Result<()> {
    let id = shown(&arguments.call);
    let told = arguments.daemon.fetch(config, path).with_context(|| format!("call {id}"))?;
    if arguments.json {
        return Ok(say(&told.to_string())?);
    }
    if told["passes"].as_array().is_none_or(|passes| passes.len() < 2) {
        nothing(&format!(
            "call {id} was transcribed once; `lineside process {id} --stage transcription` does it again"
        ));
        return Ok(());
    }
    let [live, last, changed] = ["live_words", "final_words", "changed_words"].map(|key| &told[key]);
    say(&format!("{live} words live, {last} in the final pass, {changed} changed"))?;
    for change in told["changes"].as_array().into_iter().flatten() {
        let at = change["start_time"].as_f64().unwrap_or(0.0);
        for (sign, key, label) in [('-', "live", "negative"), ('+', "final", "positive")] {
            let words = seen(change, key);
            if !words.is_empty() {
                let before = format!("{at:8.2}  {:<8}{sign} ", seen(change, "speaker"));
                let lines = hanging(&before, &words);
                lines.iter().try_for_each(|line| say(&coloured(line, label)))?;
            }
        }
    }
    Ok(())
}

/// What is known of it besides its text.
fn facts(call: &Value) -> anyhow::Result<()> {
    say(&format!("{}  {}  {}", seen(call, "call_id"), short_time(text(call, "start_time")), seen(call, "status")))?;
    for key in ["uniqueid", "uuid", "agent", "campaign", "lead", "phone", "end_reason"] {
        if call[key].is_string() && (key == "uuid" || call[key] != call["call_id"]) {
            say(&format!("{}: {}", key.replace('_', " "), seen(call, key)))?;
        }
    }
    tagged(call)?;
    let seconds = length(call["total_audio_duration"].as_f64().unwrap_or(0.0));
    let sentiment = match number(&call["sentiment"]) {
        none if none.is_empty() => "none".into(),
        some => some,
    };
    say(&format!("length {seconds}, {} segments, sentiment {sentiment}", call["segment_count"]))?;
    breaches(call)?;
    let sources: &[Value] = call["sources"].as_array().map_or(&[], Vec::as_slice);
    for source in sources.iter().filter(|_| sources.len() > 1) {
        let heard = if source["heard"] == true { "heard" } else { "known" };
        let leg = format!("leg {} {} {}", source["leg_id"], seen(source, "source"), seen(source, "leg"));
        hanging("source: ", &format!("{leg}, {heard}: {}", seen(source, "why")))
            .iter()
            .try_for_each(|line| say(line))?;
    }
    for pair in call["doubled"].as_array().into_iter().flatten() {
        hanging("doubled: ", &seen(pair, "detail")).iter().try_for_each(|line| say(line))?;
    }
    for found in call["review"]["findings"].as_array().into_iter().flatten() {
        hanging("disposition: ", &finding(found)).iter().try_for_each(|line| say(line))?;
    }
    Ok(())
}

/// Its tags, and of those that packs have put on it the reason.
fn tagged(call: &Value) -> anyhow::Result<()> {
    let words = |key: &str| -> Vec<String> {
        let all = call[key].as_array().into_iter().flatten().filter_map(Value::as_str);
        all.map(str::to_owned).collect()
    };
    let automatic = words("automatic_tags");
    let tag = |tag: String| if automatic.contains(&tag) { format!("{tag} (automatic)") } else { tag };
    let tags: Vec<String> = words("tags").into_iter().map(tag).collect();
    if !tags.is_empty() {
        say(&format!("tags: {}", shown(&tags.join(", "))))?;
    }
    for reason in call["tag_reasons"].as_array().into_iter().flatten() {
        let quote = &reason["quotes"][0];
        let line =
            format!("{:.1} {}: {}", number_of(&quote["start_time"]), seen(quote, "speaker"), seen(quote, "text"));
        let why = format!("{}, {} ({}): {line}", seen(reason, "tag"), seen(reason, "reason"), seen(reason, "rule"));
        hanging("tagged: ", &why).iter().try_for_each(|line| say(line))?;
    }
    Ok(())
}

/// The limits that it breaches.
fn breaches(call: &Value) -> anyhow::Result<()> {
    for limit in call["sla"]["limits"].as_array().into_iter().flatten().filter(|limit| limit["breached"] == true) {
        let [took, most] = ["seconds", "max_seconds"].map(|key| length(number_of(&limit[key])));
        say(&format!("SLA breached: {} {took}, at most {most}", seen(limit, "limit")))?;
    }
    Ok(())
}

fn number_of(value: &Value) -> f64 {
    value.as_f64().unwrap_or(0.0)
}
