//! Reads from the database and from the files what the core needs at the start.

use std::collections::HashSet;
use std::sync::Arc;

use super::conductor::Conductor;
use super::event::Event;
use super::look_up::past;
use super::recover::{Undone, UndoneCall, UndoneLeg};
use super::reply::Reply;
use super::run::{Live, Parts};
use crate::audio::reader::RecordingReader;
use crate::call::{BootClock, CallKey, LegKey};
use crate::spool::{self, LegAudio, SpoolEvent, SpooledLeg};
use crate::store::StoreError;
use crate::store::recovery::{OpenLeg, Recovery};

impl Live {
    /// A conductor that knows what a former run left undone, and has set it going again. What that changes is handed to the writer and not waited for:
    /// on a full disk the daemon starts all the same.
    pub async fn recover(parts: Parts, recovery: Recovery) -> Result<Self, StoreError> {
        let (known_legs, waiting) = (recovery.known_legs.clone(), recovery.utterances.len());
        let undone = parts.undone(recovery).await?;
        let (mut conductor, effects) = Conductor::recover(undone, parts.privacy.clone(), parts.hear, &parts.now());
        conductor.modes = parts.modes;
        let mut live = Self { parts, conductor };
        for effect in effects {
            live.parts.carry_out(effect, &mut Reply::Nobody).await?;
        }
        let lost = live.take_in_orphans(&known_legs).await?;
        let calls = live.conductor.running();
        if calls > 0 {
            log::info!(
                "recovered {calls} unfinished calls, {waiting} utterances that wait for text, {lost} legs that only the spool knew"
            );
        }
        Ok(live)
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
            leg.fill(orphan.samples.saturating_sub(orphan.sounded));
            self.handle(Event::Spool(SpoolEvent::Opened(Arc::clone(&leg))), Reply::Nobody).await?;
            self.handle(Event::Spool(SpoolEvent::Closed(leg)), Reply::Nobody).await?;
        }
        Ok(lost)
    }
}

impl Parts {
    /// Unfinished work of a former run, without the calls whose audio cannot be read.
    async fn undone(&self, recovery: Recovery) -> Result<Undone, StoreError> {
        let (call, _, utterance) = recovery.highest;
        let locked: HashSet<CallKey> =
            recovery.legs.iter().filter(|leg| leg.owned && spool::is_locked(&leg.path)).map(|leg| leg.call).collect();
        let mut undone = Undone {
            highest: (call, utterance.max(self.workers.in_flight.highest())),
            last_alert: self.store.last_alert().await?,
            clock: (BootClock::now((self.now)()), recovery.clock),
            calls: Vec::new(),
            legs: Vec::new(),
            utterances: Vec::new(),
        };
        for call in recovery.calls {
            if locked.contains(&call.key) {
                log::error!(
                    "call {} was not over when lineside stopped, and its sound is encrypted with a key that is not here: it is left as it is, and goes \
                     on when lineside starts with that key ([privacy] audio_key, old_audio_keys)",
                    call.id
                );
                continue;
            }
            let past = past(&self.store, call.key).await?;
            let texts = self.store.texts(call.key).await?;
            undone.calls.push(UndoneCall { call, past, texts });
        }
        let legs = recovery.legs.into_iter().filter(|leg| !locked.contains(&leg.call));
        undone.legs = legs
            .map(|leg| {
                let samples = samples(&leg);
                UndoneLeg { sounded: sounded(&leg, samples), samples, leg }
            })
            .collect();
        let strikes = |utterance| self.workers.in_flight.strikes(utterance);
        undone.utterances = recovery.utterances.into_iter().map(|open| (strikes(open.key), open)).collect();
        Ok(undone)
    }
}

/// Up to where they are sound.
fn sounded(leg: &OpenLeg, samples: u64) -> u64 {
    if !leg.owned {
        return samples;
    }
    spool::sounded(&leg.path, samples).inspect_err(|error| log::error!("{error}")).unwrap_or(samples)
}

/// Number of samples in a leg's file, as a crash left it.
fn samples(leg: &OpenLeg) -> u64 {
    if leg.closed {
        return leg.samples;
    }
    if leg.owned {
        return spool::settle(&leg.path).inspect_err(|error| log::error!("{error}")).unwrap_or(0);
    }
    RecordingReader::open(&leg.path).and_then(|reader| reader.available_samples()).unwrap_or(0)
}
