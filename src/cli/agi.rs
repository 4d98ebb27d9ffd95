//! `lineside agi`: the script that Asterisk runs for `AGI(/usr/bin/lineside,agi)`. Tells the dialplan what the daemon knows of the channel's call.
//!
//! The dialplan waits for it, so it ends within [`PATIENCE`] whatever happens, always with exit code 0: what it could not learn is empty, and
//! LINESIDE_STATUS says why.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::mpsc;
use std::time::Duration;

use clap::Args;
use serde_json::Value;

use super::client::{Daemon, query, refusal, runtime};
use crate::capture::eagi::read_environment;
use crate::config::Config;

/// The longest that a dialplan waits.
const PATIENCE: Duration = Duration::from_millis(950);
/// The longest that the daemon is waited for: the rest is for Asterisk.
const ANSWER: Duration = Duration::from_millis(600);

#[derive(Args, Clone)]
#[command(
    after_help = "In the dialplan: AGI(/usr/bin/lineside,agi). Sets LINESIDE_SENTIMENT (mean, -1 to 1), LINESIDE_RISK (0 to 1), LINESIDE_KEYWORDS (labels \
with commas between), LINESIDE_INTENT (the label that the caller said most often) and LINESIDE_STATUS: OK, UNKNOWN_CALL, NO_UNIQUEID, NO_DAEMON, \
NO_PERMISSION, TIMEOUT or REFUSED. What is not known is empty. Ends within a second, always with exit code 0."
)]
pub(super) struct AgiArguments {
    /// The call [default: the channel's uniqueid]; ${CHANNEL(linkedid)} for the whole call on the agent's channel
    call: Option<String>,
    #[command(flatten)]
    daemon: Daemon,
}

/// What the dialplan is told.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    status: &'static str,
    sentiment: String,
    risk: String,
    keywords: String,
    intent: String,
}

impl Told {
    fn nothing(status: &'static str) -> Self {
        let none = String::new;
        Self { status, sentiment: none(), risk: none(), keywords: none(), intent: none() }
    }

    /// Of the answer to a look-up.
    fn of(answer: &Value) -> Self {
        let call = &answer["calls"][0];
        if call.is_null() {
            return Self::nothing("UNKNOWN_CALL");
        }
        let number = |name: &str| call[name].as_f64().map_or_else(String::new, |number| format!("{number:.2}"));
        let labels = call["keywords"].as_array().into_iter().flatten().filter_map(Value::as_str).map(word);
        Self {
            status: "OK",
            sentiment: number("sentiment"),
            risk: number("risk_score"),
            keywords: labels.collect::<Vec<_>>().join(","),
            intent: call["intent"].as_str().map_or_else(String::new, word),
        }
    }

    fn variables(&self) -> [(&'static str, &str); 5] {
        [
            ("LINESIDE_SENTIMENT", &self.sentiment),
            ("LINESIDE_RISK", &self.risk),
            ("LINESIDE_KEYWORDS", &self.keywords),
            ("LINESIDE_INTENT", &self.intent),
            ("LINESIDE_STATUS", self.status),
        ]
    }
}

/// A label that means nothing else in a dialplan, where `$`, quotes, commas and brackets do.
fn word(label: &str) -> String {
    label.chars().map(|c| if c.is_alphanumeric() || " _-.".contains(c) { c } else { '_' }).collect()
}

pub(super) fn run(arguments: &AgiArguments, config: Option<&Path>) -> ExitCode {
    let (done, is_done) = mpsc::channel();
    let (arguments, config) = (arguments.clone(), config.map(Path::to_owned));
    std::thread::spawn(move || {
        let mut input = BufReader::new(std::io::stdin());
        let told = match read_environment(&mut input) {
            Ok(agi) => ask(&arguments, config.as_deref(), agi.get("uniqueid").map(String::as_str)),
            Err(_) => Told::nothing("NO_UNIQUEID"),
        };
        if let Err(error) = tell(&told, &mut input, &mut std::io::stdout()) {
            eprintln!("lineside agi: {error}");
        }
        let _ = done.send(()); // nobody waits any more
    });
    let _ = is_done.recv_timeout(PATIENCE); // the thread ends with the process
    ExitCode::SUCCESS
}

/// Sets the variables; Asterisk answers each line with one.
fn tell(told: &Told, input: &mut impl BufRead, output: &mut impl Write) -> std::io::Result<()> {
    for (name, value) in told.variables() {
        writeln!(output, "SET VARIABLE {name} \"{value}\"")?;
        output.flush()?;
        let mut answer = String::new();
        if input.read_line(&mut answer)? == 0 || answer.starts_with("HANGUP") {
            break;
        }
    }
    Ok(())
}

fn ask(arguments: &AgiArguments, config: Option<&Path>, uniqueid: Option<&str>) -> Told {
    let call = arguments.call.as_deref().or(uniqueid).filter(|call| !call.is_empty());
    let Some(call) = call else { return Told::nothing("NO_UNIQUEID") };
    // With --url the configuration says nothing that is needed, and Asterisk's user may not read it.
    let config = match Config::load(config) {
        Ok(config) => config,
        Err(_) if arguments.daemon.has_url() => Config::default(),
        Err(error) => {
            eprintln!("lineside agi: {error}");
            return Told::nothing("REFUSED");
        }
    };
    let Ok(runtime) = runtime() else { return Told::nothing("REFUSED") };
    let path = format!("/api/v1/lookup{}", query(&[("uniqueid", Some(call.into())), ("limit", Some("1".into()))]));
    let answer = runtime.block_on(async { tokio::time::timeout(ANSWER, arguments.daemon.get(&config, &path)).await });
    runtime.shutdown_background();
    match answer {
        Err(_) => Told::nothing("TIMEOUT"),
        Ok(Ok(answer)) => Told::of(&answer),
        Ok(Err(error)) => {
            use std::io::ErrorKind::{ConnectionRefused, NotFound, PermissionDenied};
            eprintln!("lineside agi: {error:#}");
            Told::nothing(match refusal(&error) {
                Some(NotFound | ConnectionRefused) => "NO_DAEMON",
                Some(PermissionDenied) => "NO_PERMISSION",
                _ => "REFUSED",
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_dialplan_is_told_values_that_mean_nothing_else_there() {
        let call = json!({
            "sentiment": -0.4239, "risk_score": null, "keywords": ["refund", "a\",${SHELL(id)}"], "intent": "technical problem",
        });
        let told = Told::of(&json!({ "calls": [call] }));
        let mut written = Vec::new();
        let mut answers = "200 result=1\n".repeat(5);
        answers.push_str("HANGUP\n");
        tell(&told, &mut answers.as_bytes(), &mut written).expect("written");
        assert_eq!(
            String::from_utf8_lossy(&written),
            "SET VARIABLE LINESIDE_SENTIMENT \"-0.42\"\nSET VARIABLE LINESIDE_RISK \"\"\n\
             SET VARIABLE LINESIDE_KEYWORDS \"refund,a____SHELL_id__\"\nSET VARIABLE LINESIDE_INTENT \"technical problem\"\n\
             SET VARIABLE LINESIDE_STATUS \"OK\"\n"
        );
        assert_eq!(Told::of(&json!({"calls": []})), Told::nothing("UNKNOWN_CALL"));
    }

    #[test]
    fn a_channel_that_is_gone_is_told_nothing_more() {
        let mut written = Vec::new();
        tell(&Told::nothing("TIMEOUT"), &mut "HANGUP\n".as_bytes(), &mut written).expect("written");
        assert_eq!(String::from_utf8_lossy(&written), "SET VARIABLE LINESIDE_SENTIMENT \"\"\n");
    }
}
