//! The start: what a former run left undone is known again, and goes on.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::asked::Asked;
use super::call::{Call, Hearing, RunningLeg};
use super::calls::{Calls, Numbers};
use super::clock::StepWatch;
use super::conductor::{Live, Parts};
use super::expected::Expected;
use super::privacy::Privacy;
use super::watching::Watching;
use crate::audio::reader::RecordingReader;
use crate::call::{CallKey, CallNames, LegKey, WallTime};
use crate::pipeline::workers::partial::Partials;
use crate::pipeline::workers::{Job, Work};
use crate::speech::queue::Urgency;
use crate::spool::{self, LegAudio, LegSpec, SpooledLeg};
use crate::store::StoreError;
use crate::store::change::Change;
use crate::store::recovery::{OpenCall, OpenLeg, OpenUtterance, Recovery};
use crate::text::rolling::CallRolling;

/// Legs of recordings that a former run followed are waited for so long after the start.
const RESUME: Duration = Duration::from_mins(1);
/// An utterance at which the process ended is put back by so much for each time.
const STRUCK_MS: i64 = 60_000;

impl Live {
    /// A conductor that knows what a former run left undone, and has set it going again. What that changes is handed to the writer and not waited for:
    /// on a full disk the daemon starts all the same.
    pub async fn recover(parts: Parts, recovery: Recovery) -> Result<Self, StoreError> {
        let analyser = Arc::clone(&parts.analyser.read().unwrap_or_else(std::sync::PoisonError::into_inner));
        let (call, _, utterance) = recovery.highest;
        let mut live = Self {
            calls: Calls::default(),
            expected: Expected::default(),
            asked: Asked::default(),
            next_call: Numbers::after(call),
            next_utterance: Numbers::after(utterance),
            resume_until: Instant::now() + RESUME,
            model_was_ready: false,
            watching: Watching::new(&parts.store, analyser).await?,
            privacy: Privacy::new(parts.privacy.clone()),
            partials: Partials::new(Instant::now()),
            clock: StepWatch::new((parts.now)(), Instant::now()),
            parts,
        };
        let locked: HashSet<CallKey> =
            recovery.legs.iter().filter(|leg| leg.owned && spool::is_locked(&leg.path)).map(|leg| leg.call).collect();
        for call in recovery.calls {
            if locked.contains(&call.key) {
                log::error!(
                    "call {} was not over when lineside stopped, and its sound is encrypted with a key that is not here: it is left as it is, and goes \
                     on when lineside starts with that key ([privacy] audio_key, old_audio_keys)",
                    call.id
                );
            } else {
                live.take_up_call(call).await?;
            }
        }
        for leg in recovery.legs {
            live.take_up_leg(leg).await?;
        }
        let waiting = recovery.utterances.len();
        for utterance in &recovery.utterances {
            live.take_up_utterance(utterance);
        }
        let lost = live.take_in_orphans(&recovery.known_legs).await?;
        if live.calls.len() > 0 {
            log::info!(
                "recovered {} unfinished calls, {waiting} utterances that wait for text, {lost} legs that only the spool knew",
                live.calls.len()
            );
        }
        Ok(live)
    }

    async fn take_up_call(&mut self, call: OpenCall) -> Result<(), StoreError> {
        let mut rolling = CallRolling::default();
        for (leg, compound) in call.compounds {
            rolling.push(leg, compound);
        }
        let watch = self.watching.recall(&self.parts.store, call.key).await?;
        let texts = self.parts.store.texts(call.key).await?;
        self.privacy.recall(&self.analyser(), call.key, texts);
        self.calls.add(call.key, Call::new(call.id, call.started, None, rolling, watch));
        Ok(())
    }

    async fn take_up_leg(&mut self, open: OpenLeg) -> Result<(), StoreError> {
        let Some(call) = self.calls.get_mut(open.call) else { return Ok(()) };
        call.reason = open.close_reason.or(call.reason.take());
        let audio = if open.owned {
            LegAudio::Spooled { path: open.path }
        } else {
            LegAudio::Recording { path: open.path, channel: open.channel }
        };
        let spec = LegSpec {
            call: call.id.clone(),
            names: CallNames::default(),
            leg: open.leg,
            source: open.source,
            started: open.started,
            rate_hz: open.rate_hz,
            peer: open.peer,
        };
        let samples = if open.closed { open.samples } else { length_of(&audio) };
        let leg = Arc::new(SpooledLeg::recovered(open.key, spec, audio, samples));
        for (start, end) in open.silences {
            leg.silences().add(start, end);
        }
        let mut running = RunningLeg::new(Arc::clone(&leg), open.offset_ms, open.heard_to);
        running.noted = samples;
        running.hearing = if !open.owned && !open.closed {
            // Who watches the folders goes on with it, or it is closed when it does not turn up.
            Hearing::Awaited
        } else if open.heard_to < samples {
            Hearing::Going
        } else {
            Hearing::Over
        };
        let hearing = running.hearing;
        self.calls.add_leg(open.call, running);
        if open.owned && !open.closed {
            let reason = "recovered".into();
            self.push(vec![Change::LegClosed { leg: leg.key, samples, reason, at: self.now() }]).await?;
        }
        if hearing == Hearing::Going {
            let _ = self.parts.listener.send((leg, open.heard_to)); // it has ended with the process
        }
        Ok(())
    }

    fn take_up_utterance(&mut self, open: &OpenUtterance) {
        let now = self.now();
        let Some((_, call)) = self.calls.of_leg_mut(open.leg) else { return };
        let Some(running) = call.legs.get(&open.leg) else { return };
        call.outstanding += 1;
        let job = Job {
            utterance: open.key,
            leg: Arc::clone(&running.leg),
            start: open.start_sample,
            end: open.end_sample,
            said: now,
            live: false,
        };
        // One at which the process ended comes after the others.
        let due = WallTime(now.0 + i64::from(self.parts.workers.in_hand.strikes(open.key)) * STRUCK_MS);
        self.parts.workers.queue.push(Urgency::PostCall, due, Work::Utterance(Box::new(job)));
    }

    /// Legs whose rows were not written any more; how many there were.
    async fn take_in_orphans(&mut self, known: &HashSet<LegKey>) -> Result<usize, StoreError> {
        match self.parts.spool.finish_leaving(known) {
            Ok(0) => {}
            Ok(went) => log::info!("deleted the sound of {went} legs whose calls the former run had deleted"),
            Err(error) => log::error!("{error}"),
        }
        let orphans = self.parts.spool.orphans(known).unwrap_or_else(|error| {
            log::error!("{error}");
            Vec::new()
        });
        let lost = orphans.len();
        for orphan in orphans {
            let audio = LegAudio::Spooled { path: orphan.path };
            let leg = Arc::new(SpooledLeg::recovered(orphan.key, orphan.spec, audio, orphan.samples));
            self.opened(Arc::clone(&leg)).await?;
            self.closed(&leg).await?;
        }
        Ok(lost)
    }
}

/// Samples in a leg's file, whatever a crash left of it.
fn length_of(audio: &LegAudio) -> u64 {
    if audio.owned() {
        return spool::settle(audio.path()).inspect_err(|error| log::error!("{error}")).unwrap_or(0);
    }
    RecordingReader::open(audio.path()).and_then(|reader| reader.available_samples()).unwrap_or(0)
}
