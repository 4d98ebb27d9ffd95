//! What the live bench hears on the feed: text of a call and a leg with its time, and a file that keeps all of it to be read.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use anyhow::Context;
use http_body_util::BodyExt;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Text that came.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Message {
    /// From zero, in the order in which calls begin.
    pub(super) call: usize,
    /// 0 is the agent, 1 the caller.
    pub(super) leg: usize,
    /// When it came, seconds from the call's first frame.
    pub(super) at_s: f64,
    /// Where in the call what it tells of begins, seconds.
    pub(super) start_s: f64,
    pub(super) said: Said,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Said {
    /// What is being said: all words by now, and how many of them at the beginning are stable.
    Partial { words: Vec<String>, stable: usize },
    /// A segment.
    Final { words: Vec<String>, end_s: f64 },
}

impl Message {
    /// `None` for messages that carry no text of a leg, and of calls that are not the bench's. `starts` are the calls' first frames.
    pub(super) fn read(message: &Value, at: Instant, starts: &[Instant]) -> Option<Self> {
        let words = |key: &str| Some(message[key].as_str()?.split_whitespace().map(String::from).collect::<Vec<_>>());
        let said = match message["type"].as_str()? {
            "partial" => Said::Partial { words: words("text")?, stable: words("stable")?.len() },
            "sentiment" => Said::Final { words: words("text")?, end_s: message["end_time"].as_f64()? },
            _ => return None,
        };
        let call = number(message)?.checked_sub(1)?;
        let at_s = seconds(at, *starts.get(call)?);
        let leg = usize::from(message["leg"] == "caller");
        Some(Self { call, leg, at_s, start_s: message["start_time"].as_f64()?, said })
    }
}

/// A call's number, from one: the last part of its id.
fn number(message: &Value) -> Option<usize> {
    message["call_id"].as_str()?.split_once('.')?.1.parse().ok()
}

/// May be negative: a leg is opened before its first frame.
fn seconds(at: Instant, start: Instant) -> f64 {
    at.saturating_duration_since(start).as_secs_f64() - start.saturating_duration_since(at).as_secs_f64()
}

/// A file of all messages, one a line.
pub(super) struct FeedFile(BufWriter<File>);

impl FeedFile {
    pub(super) fn create(path: &Path) -> anyhow::Result<Self> {
        let mut file = BufWriter::new(File::create(path).with_context(|| format!("create {}", path.display()))?);
        writeln!(file, "seconds\tcall\tleg\tkind\tstart\ttext")?;
        Ok(Self(file))
    }

    /// Seconds are of the message's call; those of messages that belong to none count from the first call's beginning.
    pub(super) fn write(&mut self, message: &Value, at: Instant, starts: &[Instant]) -> anyhow::Result<()> {
        let call = number(message);
        let start = call.and_then(|call| starts.get(call.checked_sub(1)?)).or(starts.first()).copied().unwrap_or(at);
        let text = |key: &str| message[key].as_str().unwrap_or_default().replace(['\t', '\n'], " ");
        let shown = match message["type"].as_str() {
            Some("partial") => {
                let (stable, all) = (text("stable"), text("text"));
                format!("{stable} | {}", all.strip_prefix(&stable).unwrap_or(&all).trim_start())
                    .trim_start()
                    .to_string()
            }
            _ => text("text"),
        };
        let or_dash = |text: String| if text.is_empty() { "-".into() } else { text };
        let (call, leg) = (call.map(|call| call.to_string()).unwrap_or_default(), text("leg"));
        let begins = message["start_time"].as_f64().map(|start| format!("{start:.2}")).unwrap_or_default();
        let at_s = seconds(at, start);
        let (call, leg, kind, begins) = (or_dash(call), or_dash(leg), or_dash(text("type")), or_dash(begins));
        writeln!(self.0, "{at_s:.2}\t{call}\t{leg}\t{kind}\t{begins}\t{shown}")?;
        Ok(())
    }

    pub(super) fn finish(mut self) -> anyhow::Result<()> {
        Ok(self.0.flush()?)
    }
}

/// Sends on each message of a stream of server-sent events, with the moment at which it was there.
pub(super) async fn read_feed(mut body: hyper::body::Incoming, messages: mpsc::UnboundedSender<(Instant, Value)>) {
    let mut pending = Vec::new();
    while let Some(Ok(frame)) = body.frame().await {
        let Ok(data) = frame.into_data() else { continue };
        pending.extend_from_slice(&data);
        while let Some(end) = pending.windows(2).position(|pair| pair == b"\n\n") {
            let event: Vec<u8> = pending.drain(..end + 2).collect();
            let at = Instant::now();
            for data in String::from_utf8_lossy(&event).lines().filter_map(|line| line.strip_prefix("data: ")) {
                if let Ok(message) = serde_json::from_str(data) {
                    let _ = messages.send((at, message));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    #[test]
    fn a_message_has_the_time_of_its_own_call() {
        let first = Instant::now();
        let starts = [first, first + Duration::from_secs(1)];
        let partial = json!({
            "type": "partial", "call_id": "1795218045.2", "leg": "caller", "start_time": 0.5, "stable": "I want", "text": "I want two",
        });
        let words = ["I", "want", "two"].map(String::from).to_vec();
        let said = Said::Partial { words, stable: 2 };
        let read = Message::read(&partial, first + Duration::from_secs(3), &starts);
        assert_eq!(read, Some(Message { call: 1, leg: 1, at_s: 2.0, start_s: 0.5, said }));
        assert_eq!(Message::read(&json!({ "type": "call_end", "call_id": "1795218045.1" }), first, &starts), None);
        let unknown = json!({ "type": "sentiment", "call_id": "7.3", "start_time": 0, "end_time": 1, "text": "No." });
        assert_eq!(Message::read(&unknown, first, &starts), None, "the bench has two calls");
    }

    #[test]
    fn the_file_has_a_line_for_each_message_with_a_bar_between_what_is_stable_and_the_rest() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("feed.tsv");
        let (mut file, start) = (FeedFile::create(&path)?, Instant::now());
        let message = |at_ms, message: Value| (start + Duration::from_millis(at_ms), message);
        for (at, message) in [
            message(
                1250,
                json!({"type": "partial", "call_id": "9.1", "leg": "agent", "start_time": 0.25, "stable": "", "text": "Good mourning"}),
            ),
            message(
                2250,
                json!({"type": "partial", "call_id": "9.1", "leg": "agent", "start_time": 0.25, "stable": "Good", "text": "Good morning"}),
            ),
            message(
                3000,
                json!({"type": "sentiment", "call_id": "9.1", "leg": "agent", "start_time": 0.3, "end_time": 1.5, "text": "Good morning."}),
            ),
            message(3500, json!({"type": "governor", "step": 1})),
        ] {
            file.write(&message, at, &[start])?;
        }
        file.finish()?;
        let lines = [
            "seconds\tcall\tleg\tkind\tstart\ttext",
            "1.25\t1\tagent\tpartial\t0.25\t| Good mourning",
            "2.25\t1\tagent\tpartial\t0.25\tGood | morning",
            "3.00\t1\tagent\tsentiment\t0.30\tGood morning.",
            "3.50\t-\t-\tgovernor\t-\t",
        ];
        assert_eq!(std::fs::read_to_string(&path)?.lines().collect::<Vec<_>>(), lines);
        Ok(())
    }
}
