//! A language model elsewhere, asked about a call that is over: llama.cpp's server on this box as much as a cloud. The insights stage asks, beside
//! the rules.
//!
//! It is sent the stored text, which is redacted, and never sound, names or numbers of the call's row. It is asked three times at most, each time
//! longer after the one before; an answer is believed as far as `outside.rs` of the text finds it in the call. Whoever gets nothing from here keeps
//! what the rules say, and says why. A server that was not reached is left alone for a minute, so that the calls of that time do not wait for it one by
//! one. Blocks: call it where a minute's wait does no harm.

mod settings;
mod wire;

use std::sync::Mutex;
use std::time::{Duration, Instant};

pub use self::settings::{CREDENTIAL, LlmKind, LlmSettings};
use self::wire::{Failed, ask};
use crate::pipeline::finished::asked::TellCall;
use crate::pipeline::finished::review::ReviewLine;
use crate::pipeline::finished::review::outside::{ToldCall, read, transcript};

/// Tries of one call.
const TRIES: u32 = 3;
/// So long a server that was not reached is left alone.
const REST: Duration = Duration::from_mins(1);

/// A language model that is asked about calls.
pub struct LanguageModel {
    settings: LlmSettings,
    /// Since when the server is left alone.
    unreached: Mutex<Option<Instant>>,
}

impl LanguageModel {
    /// Asks as the settings say.
    pub fn new(settings: LlmSettings) -> Self {
        Self { settings, unreached: Mutex::new(None) }
    }
}

impl TellCall for LanguageModel {
    fn model(&self) -> &str {
        &self.settings.model
    }

    fn tell(&self, lines: &[ReviewLine]) -> Result<ToldCall, String> {
        // One call at a time: whoever comes while another asks waits.
        let mut unreached = self.unreached.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if unreached.is_some_and(|since| since.elapsed() < REST) {
            return Err(format!(
                "the language model at {} could not be reached a moment ago and is not asked for a minute; the rules' insights stay. Ask again \
                 with lineside process CALL --stage insights",
                self.settings.url
            ));
        }
        let told = tell(&self.settings, lines);
        *unreached = told.as_ref().is_err_and(|error| !error.reached).then(Instant::now);
        told.map_err(|error| error.why)
    }
}

/// Why nothing was told.
#[derive(Debug)]
struct Untold {
    /// One line that says what came of each try, and that the rules' own insights stay.
    why: String,
    /// Whether the server has answered at all.
    reached: bool,
}

/// Asks about a call.
fn tell(settings: &LlmSettings, lines: &[ReviewLine]) -> Result<ToldCall, Untold> {
    let text = shortened(&transcript(lines), settings.longest);
    let mut failures: Vec<String> = Vec::new();
    let mut reached = false;
    for attempt in 0..TRIES {
        if attempt > 0 {
            std::thread::sleep(settings.pause * 3_u32.pow(attempt - 1));
        }
        let answer = match ask(settings, &text) {
            Ok(answer) => answer,
            Err(Failed::Never(why)) => {
                reached = true;
                failures.push(why);
                break;
            }
            Err(Failed::Unreached(why)) => {
                failures.push(why);
                continue;
            }
            Err(Failed::Now(why)) => {
                reached = true;
                failures.push(why);
                continue;
            }
        };
        reached = true;
        match read(&answer, lines) {
            Ok(told) => return Ok(told),
            Err(why) => failures.push(why),
        }
    }
    failures.dedup();
    let why = format!(
        "the language model at {} told nothing that counts ({}); the rules' insights stay. Ask again with lineside process CALL --stage insights",
        settings.url,
        failures.join("; ")
    );
    Err(Untold { why, reached })
}

/// Begin and end of a text that is too long: who called about what, and what came of it.
fn shortened(text: &str, longest: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    let fits = |lines: &mut dyn Iterator<Item = &&str>| {
        let mut room = longest / 2;
        lines
            .take_while(|line| {
                let length = line.chars().count() + 1;
                let fits = length <= room;
                room = room.saturating_sub(length);
                fits
            })
            .count()
    };
    if text.chars().count() <= longest {
        return text.to_owned();
    }
    let (head, tail) = (fits(&mut all.iter()), fits(&mut all.iter().rev()));
    [&all[..head], &["…"], &all[all.len() - tail..]].concat().join("\n")
}

#[cfg(test)]
mod tests;
