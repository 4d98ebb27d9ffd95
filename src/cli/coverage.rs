//! `lineside coverage`: each call of a day that the dialer says took place, against recordings and texts. Its exit code says whether all is well.

use std::process::ExitCode;

use clap::Args;
use clap::builder::PossibleValuesParser;
use serde_json::Value;

use super::calls::scope::ListForm;
use super::client::{Daemon, query};
use super::listing::Listing;
use super::print::{nothing, say, short_time, shown};
use crate::config::Config;

const STATES: [&str; 10] =
    ["missing", "empty", "short", "one_sided", "stuck", "orphaned", "waiting", "running", "not_expected", "complete"];
/// What there was no way to find out.
const UNKNOWN: u8 = 2;

#[derive(Args)]
#[command(
    after_help = "Prints what somebody has to look after: missing, empty, short, one_sided, stuck, orphaned. --tsv prints the columns state, \
                  started, agent, campaign, expected, recorded (seconds), dialer's call, recording, call_id, reason.\n\n\
                  Exit code: 0 when there is none, 1 when there is some, 2 when none is known because the dialer could not be asked about this day, or \
                  not all of it."
)]
pub(super) struct CoverageArguments {
    /// The day, like 2026-11-23, in the time zone of the daemon's machine [default: today]
    #[arg(long, value_name = "YYYY-MM-DD")]
    day: Option<String>,
    /// Those that are well, too
    #[arg(long, conflicts_with = "state")]
    all: bool,
    /// Those in this state
    #[arg(long, value_parser = PossibleValuesParser::new(STATES))]
    state: Option<String>,
    #[command(flatten)]
    form: ListForm,
    #[command(flatten)]
    daemon: Daemon,
}

pub(super) fn run(arguments: &CoverageArguments, config: &Config) -> anyhow::Result<ExitCode> {
    let is_faults = !arguments.all && arguments.state.is_none();
    let query = query(&[
        ("day", arguments.day.clone()),
        ("state", arguments.state.clone()),
        ("faults", is_faults.then(|| "true".into())),
        ("limit", Some("50000".into())),
    ]);
    let report = arguments.daemon.fetch(config, &format!("/api/v1/coverage{query}"))?;
    if arguments.form.json {
        say(&report.to_string())?;
    } else if arguments.form.tsv {
        for call in report["calls"].as_array().into_iter().flatten() {
            say(&cells(call).join("\t"))?;
        }
    } else {
        print(&report, arguments)?;
    }
    if let Some(problem) = report["problem"].as_str().filter(|_| !arguments.form.json) {
        eprintln!("lineside: {}", shown(problem));
    }
    Ok(ExitCode::from(code(&report)))
}

/// The exit code: that all is well is said only of a day that was read whole.
fn code(report: &Value) -> u8 {
    match (report["source"].is_null(), report["faults"].as_u64(), report["problem"].is_string()) {
        (true, ..) | (_, Some(0), true) => UNKNOWN,
        (_, Some(0), false) => 0,
        _ => 1,
    }
}

fn cells(call: &Value) -> Vec<String> {
    let text = |key: &str| match &call[key] {
        Value::Null => String::new(),
        Value::String(text) => shown(text).into_owned(),
        other => other.to_string(),
    };
    [
        "state",
        "started",
        "agent",
        "campaign",
        "expected_seconds",
        "recorded_seconds",
        "dialer_call",
        "recording",
        "call_id",
        "reason",
    ]
    .map(text)
    .to_vec()
}

/// Why no call is listed; where nobody tells which calls took place the report's problem says it.
fn why_empty(report: &Value, arguments: &CoverageArguments) -> Option<String> {
    if !report["source"].is_string() {
        return None;
    }
    match &arguments.state {
        Some(state) => Some(format!("no call is {}", state.replace('_', " "))),
        None if arguments.all => Some("the dialer tells of no call".into()),
        None => {
            (report["faults"] == 0).then(|| "nothing that somebody has to look after; --all shows every call".into())
        }
    }
}

fn print(report: &Value, arguments: &CoverageArguments) -> anyhow::Result<()> {
    let text = |key: &str| report[key].as_str().unwrap_or("never").to_string();
    say(&format!("{}  {}, read {}", text("day"), text("source"), text("read")))?;
    let counts = report["counts"].as_object().into_iter().flatten();
    let counted: Vec<String> = counts
        .filter(|(_, count)| count.as_u64() != Some(0))
        .map(|(name, count)| format!("{count} {}", name.replace('_', " ")))
        .collect();
    let unanswered = report["unanswered"].as_i64().map(|count| format!("{count} that no agent had"));
    say(&counted.into_iter().chain(unanswered).collect::<Vec<_>>().join(", "))?;
    let calls = report["calls"].as_array().map(Vec::as_slice).unwrap_or_default();
    if calls.is_empty() {
        if let Some(why) = why_empty(report, arguments) {
            nothing(&why);
        }
        return Ok(());
    }
    say("")?;
    let mut listing = Listing::new(&[
        "STATE",
        "STARTED",
        "AGENT",
        "CAMPAIGN",
        "EXPECTED",
        "RECORDED",
        "DIALER'S CALL",
        "RECORDING",
        "CALL",
        "WHY",
    ]);
    for call in calls {
        let mut row = cells(call);
        row[1] = short_time(&row[1]);
        let label = if row[0] == "missing" { "critical" } else { "" };
        listing.add_coloured(row, label);
    }
    Ok(listing.print("")?)
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::json;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        coverage: CoverageArguments,
    }

    #[test]
    fn a_day_that_was_not_read_whole_is_not_well() {
        let told = |source: Option<&str>, faults: u64, problem: Option<&str>| {
            code(&json!({"source": source, "faults": faults, "problem": problem}))
        };
        let left_out = Some("left out of this day: calls that call_log alone has");
        assert_eq!((told(Some("vicidial"), 0, None), told(Some("vicidial"), 0, left_out)), (0, UNKNOWN));
        assert_eq!((told(Some("vicidial"), 2, left_out), told(Some("ami"), 1, None)), (1, 1));
        assert_eq!(told(None, 0, Some("nobody tells")), UNKNOWN);
    }

    #[test]
    fn an_empty_list_says_what_it_was_asked_for_and_that_all_is_well_only_where_it_is() {
        let why = |report: Value, words: &[&str]| {
            let line = Line::try_parse_from([&["coverage"], words].concat()).expect("a command line");
            why_empty(&report, &line.coverage)
        };
        assert_eq!(why(json!({"source": null, "problem": "nobody tells"}), &[]), None);
        let well = why(json!({"source": "vicidial", "faults": 0}), &[]).expect("said");
        assert!(well.starts_with("nothing that somebody has to look after"), "{well}");
        let missing = || json!({"source": "vicidial", "faults": 12});
        assert_eq!(why(missing(), &["--state", "one_sided"]).as_deref(), Some("no call is one sided"));
        assert_eq!(
            why(json!({"source": "vicidial", "faults": 0}), &["--all"]).as_deref(),
            Some("the dialer tells of no call")
        );
        assert_eq!(why(missing(), &[]), None);
    }
}
