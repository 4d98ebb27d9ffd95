//! Calls of other platforms: text events and audio chunks that come by HTTP become legs and texts like those of the PBX.
//!
//! One task owns the open legs of such calls. Text goes to the conductor, which analyses and stores it like recognised text. Audio goes to the spool
//! and on like every leg. HTTP has no hangup, so a call ends when nothing has come for a while.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::call::{CallId, CallNames, Leg, Moment, Source, WallTime};
use crate::pipeline::command::{Command, SaidText, StoredChunk, Text};
use crate::spool::{FollowedLeg, LegSpec, LegWriter, RecordingRef, Spool, SpoolError};

/// Calls at a time: more than a box could write down.
const CALLS: usize = 500;
/// A call ends when nothing has come for this long.
const IDLE: Duration = Duration::from_mins(2);
/// Interval of the search for calls that are idle, or that somebody asked to end.
const LOOK: Duration = Duration::from_millis(250);
/// A pause between chunks from which on it is silence of the call, not jitter of the network.
const GAP_MS: i64 = 2000;
/// Samples per second of a leg that is text alone: its times are multiples of an eighth of a millisecond.
const TEXT_HZ: u32 = 8000;

/// Legs that one call may have: each change of the rate and each text before all others begins one.
const LEGS: u32 = 64;

/// Reason why an input was refused.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// Its rate or its times change without end.
    #[error(
        "the call has had {LEGS} legs, for its rate or the begin of its texts changes all the time; send one rate, and texts in order"
    )]
    Legs,
    /// Too many calls.
    #[error("{CALLS} calls of other platforms are open already; end some, or wait until they are idle")]
    TooMany,
    /// Somebody ended the call here, and its platform goes on.
    #[error("the call was ended at this end; it can begin anew when nothing has come of it for {} s", IDLE.as_secs())]
    Ended,
    /// The spool cannot take audio.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// The daemon ends.
    #[error("the daemon is stopping")]
    Stopping,
}

/// The call that an event or a chunk belongs to.
#[derive(Clone, Debug)]
pub struct Sender {
    /// The call.
    pub call: CallId,
    /// Names of the call, as the platform sent them.
    pub names: CallNames,
    /// The side that speaks.
    pub leg: Leg,
    /// Time of the event.
    pub at: WallTime,
    /// Name of the platform, as it names itself.
    pub provider: String,
}

/// An input of another platform.
#[derive(Clone, Debug)]
pub enum Input {
    /// A sign of life, or a silence that the other platform has measured.
    Sign {
        /// Length of the silence, milliseconds.
        silence_ms: Option<i64>,
    },
    /// Text.
    Text(Text),
    /// A chunk of 16-bit samples.
    Audio {
        /// Samples per second.
        rate_hz: u32,
        /// The sound of each side in it.
        sides: Vec<(Leg, Vec<i16>)>,
        /// Whether it came without a word, so that it is an event of its own.
        alone: bool,
    },
    /// The call is over.
    End,
}

/// One input, and the channel of its answer.
pub struct IngestRequest {
    /// The platform's call that the input belongs to.
    pub sender: Sender,
    /// The input.
    pub input: Input,
    /// Answered when the input is on its way to the database, or with the reason of a refusal.
    pub reply: oneshot::Sender<Result<(), IngestError>>,
}

struct Open {
    started: WallTime,
    names: CallNames,
    text: HashMap<Leg, (FollowedLeg, BTreeSet<u64>)>,
    audio: HashMap<Leg, (LegWriter, Instant, i64)>,
    /// Legs it has had.
    legs: u32,
    heard: Instant,
}

/// The task.
pub struct Ingest {
    spool: Arc<Spool>,
    commands: mpsc::Sender<Command>,
    calls: HashMap<CallId, Open>,
    /// Calls that somebody ended here, and when their platform was last heard.
    ended: HashMap<CallId, Instant>,
}

impl Open {
    fn spec(&self, sender: &Sender, leg: Leg, rate_hz: u32, started: WallTime) -> LegSpec {
        LegSpec {
            call: sender.call.clone(),
            names: self.names.clone(),
            leg,
            source: Source::Ingest,
            started,
            rate_hz,
            peer: Some(sender.provider.clone()),
        }
    }

    /// Whether somebody asked for its end. Nobody can hang up on a platform: what it still sends is refused.
    fn is_to_end(&self) -> bool {
        let texts = self.text.values().map(|(leg, _)| leg.leg());
        let mut legs = texts.chain(self.audio.values().map(|(leg, ..)| leg.leg()));
        legs.any(|leg| leg.end_requested().is_cancelled())
    }
}

/// The way of what comes in: sound to the spool, text to the conductor.
struct Way<'a> {
    spool: &'a Spool,
    commands: &'a mpsc::Sender<Command>,
}

impl Way<'_> {
    async fn sound(
        &self,
        open: &mut Open,
        sender: &Sender,
        rate_hz: u32,
        sides: Vec<(Leg, Vec<i16>)>,
        alone: bool,
    ) -> Result<(), IngestError> {
        // A leg that is open would go on to fill the disk.
        self.spool.takes_guests()?;
        metrics::counter!("lineside_frames_total", "source" => "ingest").increment(1);
        let ms = |samples: usize| samples as i64 * 1000 / i64::from(rate_hz);
        let length_ms = sides.iter().map(|(_, samples)| ms(samples.len())).max().unwrap_or(0);
        let mut legs = Vec::new();
        for (side, samples) in sides {
            if open.audio.get(&side).is_some_and(|(leg, ..)| leg.leg().spec.rate_hz != rate_hz)
                && open.legs < LEGS
                && let Some((leg, ..)) = open.audio.remove(&side)
            {
                leg.close("rate change").await?;
            }
            let spec = open.spec(sender, side, rate_hz, sender.at);
            let (leg, began, first_ms) = match open.audio.entry(side) {
                Entry::Occupied(there) if there.get().0.leg().spec.rate_hz != rate_hz => {
                    return Err(IngestError::Legs);
                }
                Entry::Occupied(there) => there.into_mut(),
                Entry::Vacant(place) => {
                    open.legs += 1;
                    let leg = self.spool.open_leg(spec).await?;
                    place.insert((leg, Instant::now(), ms(samples.len())))
                }
            };
            // A chunk's audio ended when it came, so the time by which the clock leads the samples is silence.
            let there = ms(samples.len()) + leg.samples() as i64 * 1000 / i64::from(rate_hz);
            let gap = began.elapsed().as_millis() as i64 + *first_ms - there;
            let at = Moment::now(sender.at);
            if gap > GAP_MS {
                leg.append(&vec![0; (gap * i64::from(rate_hz) / 1000) as usize], at).await?;
            }
            leg.append(&samples, at).await?;
            leg.flush().await?;
            legs.push(Arc::clone(leg.leg()));
        }
        let (reply, taken) = oneshot::channel();
        let chunk = StoredChunk { legs, alone, length_ms, at: sender.at, reply };
        self.commands.send(Command::Chunk(chunk)).await.map_err(|_| IngestError::Stopping)?;
        taken.await.map_err(|_| IngestError::Stopping)?;
        Ok(())
    }

    async fn text(
        &self,
        open: &mut Open,
        sender: Sender,
        text: Option<Text>,
        silence_ms: Option<i64>,
    ) -> Result<(), IngestError> {
        // A leg has no place for what was said before it began. So another one begins then; where that is before the call's own begin,
        // the conductor moves the rest.
        open.started = open.started.min(sender.at);
        if open.text.get(&sender.leg).is_none_or(|(leg, _)| sender.at < leg.leg().spec.started) {
            if open.legs >= LEGS {
                return Err(IngestError::Legs);
            }
            open.legs += 1;
            let no_file = RecordingRef { path: std::path::PathBuf::new(), channel: 0 };
            let leg = self.spool.follow(open.spec(&sender, sender.leg, TEXT_HZ, open.started), no_file, None).await?;
            // The new one first: a call without an open leg has hung up.
            if let Some((before, _)) = open.text.insert(sender.leg, (leg, BTreeSet::new())) {
                before.close("earlier text").await?;
            }
        }
        if let Some((leg, taken_at)) = open.text.get_mut(&sender.leg)
            && (text.is_some() || silence_ms.is_some())
        {
            // By its time, whenever it comes; texts of one moment stand side by side, a millisecond apart: times are told in milliseconds.
            let began = leg.leg().spec.started;
            let first_ms = (sender.at.0 - began.0).max(0) as u64;
            let taken = taken_at.range(first_ms..).zip(first_ms..);
            let at_ms = first_ms + taken.take_while(|(taken, at_ms)| *taken == at_ms).count() as u64;
            taken_at.insert(at_ms);
            let start = at_ms * u64::from(TEXT_HZ) / 1000;
            let (reply, taken) = oneshot::channel();
            let leg = Arc::clone(leg.leg());
            let said = SaidText { leg, start, text, silence_ms, provider: sender.provider, reply };
            self.commands.send(Command::Said(Box::new(said))).await.map_err(|_| IngestError::Stopping)?;
            taken.await.map_err(|_| IngestError::Stopping)?;
        }
        Ok(())
    }
}

impl Ingest {
    /// A task without calls.
    pub fn new(spool: Arc<Spool>, commands: mpsc::Sender<Command>) -> Self {
        Self { spool, commands, calls: HashMap::new(), ended: HashMap::new() }
    }

    /// Takes what comes until stopped; then every leg is closed on disk.
    pub async fn run(mut self, mut requests: mpsc::Receiver<IngestRequest>, stop: CancellationToken) {
        let mut look = tokio::time::interval(LOOK);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                Some(IngestRequest { sender, input, reply }) = requests.recv() => {
                    let _ = reply.send(self.take(sender, input).await);
                }
                _ = look.tick() => {
                    let idle: Vec<CallId> = self.calls.iter().filter(|(_, open)| open.heard.elapsed() > IDLE).map(|(id, _)| id.clone()).collect();
                    for call in idle {
                        self.end(&call, "idle").await;
                    }
                    let asked: Vec<CallId> = self.calls.iter().filter(|(_, open)| open.is_to_end()).map(|(id, _)| id.clone()).collect();
                    for call in asked {
                        self.end(&call, "ended").await;
                        self.ended.insert(call, Instant::now());
                    }
                    self.ended.retain(|_, heard| heard.elapsed() < IDLE);
                }
            }
        }
        for call in self.calls.keys().cloned().collect::<Vec<_>>() {
            self.end(&call, "shutdown").await;
        }
    }

    async fn take(&mut self, sender: Sender, input: Input) -> Result<(), IngestError> {
        if matches!(input, Input::End) {
            self.end(&sender.call, "hangup").await;
            return Ok(());
        }
        if let Some(heard) = self.ended.get_mut(&sender.call) {
            *heard = Instant::now();
            return Err(IngestError::Ended);
        }
        if !self.calls.contains_key(&sender.call) && self.calls.len() >= CALLS {
            return Err(IngestError::TooMany);
        }
        let open = self.calls.entry(sender.call.clone()).or_insert_with(|| Open {
            started: sender.at,
            names: sender.names.clone(),
            text: HashMap::new(),
            audio: HashMap::new(),
            legs: 0,
            heard: Instant::now(),
        });
        open.heard = Instant::now();
        let way = Way { spool: &self.spool, commands: &self.commands };
        match input {
            Input::Audio { rate_hz, sides, alone } => way.sound(open, &sender, rate_hz, sides, alone).await,
            Input::Text(text) => way.text(open, sender, Some(text), None).await,
            Input::Sign { silence_ms } => way.text(open, sender, None, silence_ms).await,
            Input::End => Ok(()),
        }
    }

    async fn end(&mut self, call: &CallId, reason: &'static str) {
        let Some(open) = self.calls.remove(call) else { return };
        for (leg, ..) in open.audio.into_values() {
            if let Err(error) = leg.close(reason).await {
                log::error!("{error}");
            }
        }
        for (leg, _) in open.text.into_values() {
            if let Err(error) = leg.close(reason).await {
                log::error!("{error}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spool::Refused;

    fn chunk(samples: usize) -> (Sender, Input) {
        let sender = Sender {
            call: CallId::from_lossy("p1"),
            names: CallNames::default(),
            leg: Leg::Caller,
            at: WallTime(1_000_000),
            provider: "x".into(),
        };
        (sender, Input::Audio { rate_hz: 8000, sides: vec![(Leg::Caller, vec![7; samples])], alone: false })
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn texts_of_one_moment_have_times_that_differ_by_a_millisecond() {
        let folder = tempfile::tempdir().expect("temp dir");
        let (spool, _events) = Spool::open(folder.path(), 0).expect("spool");
        let (commands, mut asked) = mpsc::channel(8);
        let said = tokio::spawn(async move {
            let mut starts = Vec::new();
            while let Some(Command::Said(said)) = asked.recv().await {
                starts.push(said.start * 1000 / u64::from(TEXT_HZ));
                let _ = said.reply.send(());
            }
            starts
        });
        let mut ingest = Ingest::new(Arc::clone(&spool), commands);
        for later_ms in [0, 5, 0, 0, 1] {
            let (mut sender, _) = chunk(0);
            sender.at = WallTime(sender.at.0 + later_ms);
            ingest.take(sender, Input::Sign { silence_ms: Some(1) }).await.expect("taken");
        }
        drop(ingest);
        assert_eq!(said.await.expect("starts"), [0, 5, 1, 2, 3]);
        spool.stop();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_open_leg_of_another_platform_grows_no_more_while_the_disk_fills() {
        let folder = tempfile::tempdir().expect("temp dir");
        let (spool, _events) = Spool::open(folder.path(), 0).expect("spool");
        let (commands, mut asked) = mpsc::channel(8);
        let legs = tokio::spawn(async move {
            let mut legs = Vec::new();
            while let Some(Command::Chunk(chunk)) = asked.recv().await {
                legs = chunk.legs;
                let _ = chunk.reply.send(());
            }
            legs
        });
        let mut ingest = Ingest::new(Arc::clone(&spool), commands);
        let mut send = async |samples| {
            let (sender, input) = chunk(samples);
            ingest.take(sender, input).await
        };
        send(8000).await.expect("there is room");
        spool.refuse_new(Refused::Guests);
        for _ in 0..10 {
            assert!(matches!(send(8000).await, Err(IngestError::Spool(SpoolError::Full))));
        }
        spool.refuse_new(Refused::Nobody);
        send(800).await.expect("there is room again");
        drop(ingest);
        let legs = legs.await.expect("legs");
        spool.stop();
        assert_eq!((legs.len(), legs[0].samples()), (1, 8800), "what came meanwhile is refused, the leg goes on");
        println!(
            "mended | 47 | an open leg of another platform went on to fill a filling disk | 10 of 10 chunks are refused, it goes on when there is room"
        );
    }
}
