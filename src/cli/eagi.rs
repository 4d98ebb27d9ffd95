//! `lineside eagi`: the script that Asterisk runs for `EAGI(/usr/bin/lineside,eagi)`.
//!
//! Hands fd 3 over and leaves when the daemon does, when Asterisk sends SIGHUP, or when stdin ends. It must never outlive the call. What it cannot do
//! it says on Asterisk's console, and the dialplan goes on.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use anyhow::{Context, bail};
use clap::Args;

use super::print::shown;
use crate::call::Leg;
use crate::capture::eagi::{ARGUMENTS, EagiHello, hand_over, read_environment};
use crate::config::Config;

#[derive(Args)]
#[command(
    after_help = "In the dialplan: EAGI(/usr/bin/lineside,eagi,leg=caller,campaign=sales); etc/asterisk/lineside-eagi.conf has it ready. An argument or \
                  a leg that is not understood is refused on Asterisk's console; the leg is then not heard, and the dialplan goes on."
)]
pub(super) struct EagiArguments {
    /// leg=agent|caller|mixed, agent=…, campaign=…, lead=…
    #[arg(value_name = "NAME=VALUE")]
    facts: Vec<String>,
}

/// What the dialplan says of the leg. A leg that was passed over would be the caller's, and an agent's words a caller's.
fn facts_of(arguments: &[String]) -> anyhow::Result<BTreeMap<String, String>> {
    let mut facts = BTreeMap::new();
    for fact in arguments.iter().filter(|fact| !fact.is_empty()) {
        let Some((name, value)) = fact.split_once('=') else {
            bail!("argument {fact:?} is not NAME=VALUE, as leg=agent")
        };
        if !ARGUMENTS.contains(&name) {
            bail!("argument {name:?} is not known; known are {}", ARGUMENTS.join(", "));
        }
        let value = if name == "leg" { value.to_lowercase() } else { value.to_owned() };
        if name == "leg" && !value.is_empty() && Leg::parse(&value).is_none() {
            bail!("leg={value:?} is not agent, caller or mixed");
        }
        if facts.insert(name.to_owned(), value).is_some() {
            bail!("argument {name:?} is there twice");
        }
    }
    Ok(facts)
}

/// Has Asterisk show it on its consoles; what a script writes on stderr reaches only the one that Asterisk was started from.
fn say_on_console(output: &mut impl Write, problem: &anyhow::Error) -> std::io::Result<()> {
    let text = shown(&format!("{problem:#}")).replace('\\', "/").replace('"', "'");
    writeln!(output, "VERBOSE \"lineside eagi: {text}; this leg is not heard\" 1")?;
    output.flush()
}

pub(super) fn run(arguments: &EagiArguments, config: &Config) -> anyhow::Result<()> {
    let agi = read_environment(BufReader::new(std::io::stdin())).context("read the AGI environment")?;
    serve(arguments, agi, config).inspect_err(|problem| {
        let _ = say_on_console(&mut std::io::stdout(), problem); // nobody reads any more: stderr has it too
    })
}

fn serve(arguments: &EagiArguments, agi: BTreeMap<String, String>, config: &Config) -> anyhow::Result<()> {
    let facts = facts_of(&arguments.facts)?;
    let hello = EagiHello { agi, arguments: facts, format: std::env::var("EAGI_AUDIO_FORMAT").ok() };
    let pipe =
        File::open("/proc/self/fd/3").context("fd 3 is not there: run this by EAGI() in the dialplan, not by AGI()")?;
    let path = config.paths.run.join("eagi.sock");
    let mut socket =
        UnixStream::connect(&path).with_context(|| format!("{}: is the daemon running?", path.display()))?;
    hand_over(&socket, pipe.as_fd(), &hello).context("hand the audio over")?;
    drop(pipe);
    // SIGHUP, Asterisk's word for a hangup, ends us by its default action. Two more ends are watched: stdin and the daemon.
    std::thread::spawn(|| {
        let mut bytes = [0; 1024];
        let mut stdin = std::io::stdin();
        while matches!(stdin.read(&mut bytes), Ok(got) if got > 0) {}
        std::process::exit(0);
    });
    let mut bytes = [0; 16];
    while matches!(socket.read(&mut bytes), Ok(got) if got > 0) {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(line: &str) -> Result<Vec<(String, String)>, String> {
        let arguments: Vec<String> = line.split(',').map(str::to_owned).collect();
        facts_of(&arguments).map(|facts| facts.into_iter().collect()).map_err(|error| error.to_string())
    }

    #[test]
    fn what_the_dialplan_says_is_understood_or_refused_by_its_name() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let known = [pair("agent", "1001"), pair("campaign", "a=b"), pair("lead", ""), pair("leg", "agent")];
        assert_eq!(facts("campaign=a=b,lead=,leg=Agent,agent=1001"), Ok(known.to_vec()));
        assert_eq!((facts(""), facts("leg=")), (Ok(Vec::new()), Ok(vec![pair("leg", "")])), "not given");
        for (line, says) in [
            ("leg=Agnet", "leg=\"agnet\" is not agent, caller or mixed"),
            ("leg=agent,campain=sales", "\"campain\" is not known; known are leg, agent, campaign, lead"),
            ("agent", "\"agent\" is not NAME=VALUE"),
            ("leg=agent,leg=caller", "\"leg\" is there twice"),
        ] {
            let told = facts(line).expect_err(line);
            assert!(told.contains(says), "{line}: {told}");
        }
    }

    #[test]
    fn the_snippet_of_the_package_sends_what_is_understood() {
        let snippet = include_str!("../../etc/asterisk/lineside-eagi.conf");
        let call = snippet.lines().find_map(|line| line.split_once("n,EAGI(")).expect("its call").1;
        let names: Vec<&str> = ARGUMENTS.into_iter().filter(|name| call.contains(&format!(",{name}="))).collect();
        assert_eq!(names, ["leg", "campaign", "lead"]);
        assert_eq!(call.matches('=').count(), names.len() + 1, "and the comparison with agent: {call}");
    }

    #[test]
    fn a_console_is_told_in_one_line_that_means_nothing_else_to_asterisk() {
        let mut written = Vec::new();
        let problem = facts_of(&["leg=\"a\nHANGUP\\".to_owned()]).expect_err("no leg");
        say_on_console(&mut written, &problem).expect("written");
        let written = String::from_utf8(written).expect("text");
        let inside =
            written.strip_prefix("VERBOSE \"").and_then(|rest| rest.strip_suffix("\" 1\n")).expect("a command");
        assert!(!inside.contains(['"', '\n', '\\']) && inside.contains("is not agent, caller or mixed"), "{written}");
    }
}
