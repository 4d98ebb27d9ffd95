//! The stretches of a call that are transcribed again: the stored ones, or those that the VAD finds when it is run again.
//!
//! The VAD hears a leg where it was heard while the call ran, for elsewhere another leg has its voice, and outside silenced sound. An utterance that
//! touches silenced sound keeps its text, and nothing is looked for there. The detector is that of live calls, with the present settings. It works in
//! the background, a piece at a time, and waits before each piece while live text needs the CPU.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::old_leg::{OldLeg, OldLegs};
use crate::call::{CallKey, CallTime, UtteranceKey};
use crate::pipeline::live::RowNumbers;
use crate::pipeline::workers::Workers;
use crate::priority;
use crate::speech::utterance::{Found, LegListener, Listening};
use crate::spool::{LegReader, SpoolError, SpooledLeg};
use crate::store::change::{NewUtterance, UtteranceState};
use crate::store::rewrite::Stretch;

/// Sound that is heard at a time, seconds: half a second of CPU or less.
const PIECE_S: u64 = 60;
/// Pause until it is looked again whether there is time.
const LOOK: Duration = Duration::from_millis(200);

/// The stretches of a call, and what becomes of each.
#[derive(Default)]
pub(super) struct Stretches {
    /// To be transcribed.
    pub(super) wanted: Vec<Stretch>,
    /// Those with silenced sound: they keep their text.
    pub(super) kept: Vec<Stretch>,
    /// Rows that go, because others take their place.
    pub(super) gone: Vec<UtteranceKey>,
    /// Those others, which are among the wanted ones.
    pub(super) found: Vec<NewUtterance>,
}

/// The detector for calls that are over.
pub(super) struct VadAgain {
    pub(super) listening: Listening,
    /// Row numbers of the utterances that it finds.
    pub(super) numbers: RowNumbers,
}

impl Stretches {
    /// The stored ones. Those of legs that are not there any more are left alone.
    pub(super) fn stored(all: Vec<Stretch>, legs: &OldLegs) -> Self {
        let mut stretches = Self::default();
        for stretch in all {
            match legs.get(&stretch.leg) {
                Some(leg) if leg.is_silenced(&stretch) => stretches.kept.push(stretch),
                Some(_) => stretches.wanted.push(stretch),
                None => {}
            }
        }
        stretches
    }

    /// Whether this utterance has another text from now on, or none.
    pub(super) fn replaces(&self, utterance: UtteranceKey) -> bool {
        self.gone.contains(&utterance) || self.wanted.iter().any(|stretch| stretch.key == utterance)
    }
}

impl VadAgain {
    /// Finds the utterances of a call anew. Takes a while for a long one.
    pub(super) async fn find(
        &self,
        call: CallKey,
        legs: &OldLegs,
        stored: Stretches,
        workers: &Workers,
    ) -> Result<Stretches, String> {
        let mut new = Stretches { kept: stored.kept, ..Stretches::default() };
        // A leg that was never heard, as its rows have it, keeps its stretches.
        let (again, as_they_are): (Vec<_>, Vec<_>) =
            stored.wanted.into_iter().partition(|stretch| legs.get(&stretch.leg).is_some_and(OldLeg::was_heard));
        new.wanted = as_they_are;
        let mut heard: Vec<&OldLeg> = legs.values().filter(|leg| leg.was_heard()).collect();
        heard.sort_by_key(|leg| leg.leg.key);
        for leg in heard {
            let of_leg = || again.iter().filter(|stretch| stretch.leg == leg.leg.key);
            let known = of_leg().map(|stretch| stretch.end_sample).max().unwrap_or(0);
            for range in leg.free(&new.kept, known) {
                let (all, reached) = self.hear(&leg.leg, range.clone(), workers).await?;
                // A range may end within an utterance, where another leg took over; the file may not.
                let has_text = |stretch: &Stretch| stretch.end_sample > reached && stretch.start_sample < range.end;
                if reached < range.end && of_leg().any(has_text) {
                    let path = leg.leg.audio().path().display().to_string();
                    return Err(format!("{path}: the file ends before speech of which there is text"));
                }
                for found in all {
                    let row = self.row(call, leg, found);
                    new.wanted.push(Stretch {
                        key: row.key,
                        leg: row.leg,
                        start_sample: row.start_sample,
                        end_sample: row.end_sample,
                        start_ms: row.start.0,
                    });
                    new.found.push(row);
                }
            }
        }
        new.gone = again.into_iter().map(|stretch| stretch.key).collect();
        new.wanted.sort_by_key(|stretch| stretch.start_ms);
        Ok(new)
    }

    fn row(&self, call: CallKey, leg: &OldLeg, found: Found) -> NewUtterance {
        NewUtterance {
            key: UtteranceKey(self.numbers.next()),
            call,
            leg: leg.leg.key,
            start_sample: found.start,
            end_sample: found.end,
            start: CallTime(leg.at_ms(found.start)),
            end: CallTime(leg.at_ms(found.end)),
            state: UtteranceState::Pending,
        }
    }

    /// The utterances of one stretch of a leg, and one past the last sample that could be read.
    async fn hear(
        &self,
        leg: &Arc<SpooledLeg>,
        range: Range<u64>,
        workers: &Workers,
    ) -> Result<(Vec<Found>, u64), String> {
        let listener = LegListener::new(leg.spec.rate_hz, &self.listening, range.start);
        let ear = Ear { leg: Arc::clone(leg), reader: None, listener, to: range.end, found: Vec::new() };
        let mut ear = Box::new(ear);
        loop {
            while !workers.leaves_time() {
                tokio::time::sleep(LOOK).await;
            }
            let heard = priority::aside(move || ear.hear()).await;
            match heard.map_err(|_| "the voice activity detector has ended".to_owned())? {
                Ok(Heard::Piece(going)) => ear = going,
                Ok(Heard::All(found, reached)) => return Ok((found, reached)),
                Err(error) => return Err(error.to_string()),
            }
        }
    }
}

/// What hears one stretch of a leg.
struct Ear {
    leg: Arc<SpooledLeg>,
    reader: Option<LegReader>,
    listener: LegListener,
    /// One past the last sample.
    to: u64,
    found: Vec<Found>,
}

/// How far it has come.
enum Heard {
    Piece(Box<Ear>),
    /// All that was found, and one past the last sample that could be read.
    All(Vec<Found>, u64),
}

impl Ear {
    /// Hears the next piece. Blocks.
    fn hear(mut self: Box<Self>) -> Result<Heard, SpoolError> {
        let from = self.listener.next_sample();
        let most = self.to.saturating_sub(from).min(PIECE_S * u64::from(self.leg.spec.rate_hz)) as usize;
        let mut samples = Vec::new();
        if most > 0 {
            let reader = match &mut self.reader {
                Some(reader) => reader,
                none => none.insert(self.leg.reader()?),
            };
            reader.read(from, most, &mut samples)?;
        }
        if samples.is_empty() {
            // Its end, or that of a file that is shorter than it was.
            self.found.extend(self.listener.finish());
            return Ok(Heard::All(self.found, from));
        }
        self.found.extend(self.listener.push(&samples));
        Ok(Heard::Piece(self))
    }
}
