//! A language model elsewhere, asked about a call that is over: llama.cpp's server on this box as much as a cloud. Nothing asks yet; it is for the stage
//! that makes a finished call's insights.
//!
//! It is sent the stored text, which is redacted, and never sound, names or numbers of the call's row. It is asked three times at most, each time
//! longer after the one before; an answer is believed as far as `outside.rs` of the text finds it in the call. Whoever gets nothing from here keeps
//! what the rules say, and says why. Blocks: call it where a minute's wait does no harm.

mod settings;
mod wire;

pub use self::settings::{LlmKind, LlmSettings};
use self::wire::{Failed, ask};
use crate::pipeline::finished::review::ReviewLine;
use crate::pipeline::finished::review::outside::{ToldCall, read, transcript};

/// Tries of one call.
const TRIES: u32 = 3;

/// Asks about a call. The error is one line that says what came of each try, and that the rules' own insights stay.
pub fn tell(settings: &LlmSettings, lines: &[ReviewLine]) -> Result<ToldCall, String> {
    let text = shortened(&transcript(lines), settings.longest);
    let mut failures: Vec<String> = Vec::new();
    for attempt in 0..TRIES {
        if attempt > 0 {
            std::thread::sleep(settings.pause * 3_u32.pow(attempt - 1));
        }
        let answer = match ask(settings, &text) {
            Ok(answer) => answer,
            Err(Failed::Never(why)) => {
                failures.push(why);
                break;
            }
            Err(Failed::Now(why)) => {
                failures.push(why);
                continue;
            }
        };
        match read(&answer, lines) {
            Ok(told) => return Ok(told),
            Err(why) => failures.push(why),
        }
    }
    failures.dedup();
    Err(format!(
        "the language model at {} told nothing that counts ({}); the rules' insights stay",
        settings.url,
        failures.join("; ")
    ))
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
