//! The listener of the simulated day: it knows what was said, and tells it when it is on disk.

use std::sync::Arc;

use super::super::listen::VadEvent;
use super::dice::Dice;
use super::sound::{PER_MS, Sound};
use crate::speech::utterance::Found;
use crate::spool::SpooledLeg;

/// Silence that ends an utterance.
const ENDPOINT: u64 = 700 * PER_MS;

/// A leg that is listened to.
pub struct Ear {
    pub leg: Arc<SpooledLeg>,
    /// What was said before this sample was told.
    next: u64,
    /// Where it ends before the leg does.
    to: Option<u64>,
    /// How far it has come.
    at: u64,
}

impl Ear {
    pub fn new(leg: Arc<SpooledLeg>, from: u64, to: Option<u64>) -> Self {
        Self { leg, next: from, to, at: from }
    }

    /// It ends where it is.
    pub fn stop(&mut self) {
        self.to = Some(self.at);
    }

    /// One round; `true` when the leg was heard to its end, or to where it was to be heard.
    pub fn round(&mut self, sound: &Sound, dice: &mut Dice, events: &mut Vec<VadEvent>) -> bool {
        // In this order, as the real one does.
        let mut closed = self.leg.is_closed();
        let mut samples = self.leg.samples();
        if let Some(to) = self.to.filter(|&to| to <= samples) {
            (closed, samples) = (true, to);
        }
        self.at = self.at.max(samples);
        let key = self.leg.key;
        for (start, end) in sound.speech_in(self.next, u64::MAX) {
            if start >= samples {
                break;
            }
            if samples >= end + ENDPOINT || closed {
                let end = end.min(samples);
                self.next = end;
                events.extend(self.audible(start, end).map(|found| VadEvent::Utterance(key, found)));
            } else if samples >= end {
                events.push(VadEvent::Pausing(key, Found { start, end }));
                break;
            } else {
                events.push(VadEvent::Growing(key, Found { start, end: samples }));
                break;
            }
        }
        let open = sound.speech_in(self.next, samples).map(|(start, _)| start).next();
        if dice.chance(0.5) {
            events.push(VadEvent::Settled(key, open.unwrap_or(samples)));
        }
        if closed {
            events.push(VadEvent::End { leg: key, at: self.at, peak: Some(1000) });
        }
        closed
    }

    /// What of a stretch is not silenced.
    fn audible(&self, start: u64, end: u64) -> Option<Found> {
        let mut samples = vec![1; (end - start) as usize];
        self.leg.silences().apply(start, &mut samples);
        let first = samples.iter().position(|&sample| sample != 0)? as u64;
        let last = samples.iter().rposition(|&sample| sample != 0)? as u64;
        Some(Found { start: start + first, end: start + last + 1 })
    }
}
