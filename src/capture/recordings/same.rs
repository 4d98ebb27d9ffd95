//! Tells whether a file is a later form of a recording that its call already has: compressed, mixed, or copied to another folder.
//!
//! A file in another format shares no sample with its original. It is recognised by its call and by the rise and fall of its loudness, or by its name
//! alone where the original can no longer be read. The two sides of a pair are never compared with each other.

use std::path::Path;

use super::state::{KnownLeg, Ledger, Recordings};
use crate::audio::AudioError;
use crate::audio::contour::Contour;
use crate::audio::reader::RecordingReader;
use crate::call::Leg;
use crate::capture::naming::ParsedName;

/// Length of a recording that is compared, seconds.
const COMPARED_S: u64 = 120;
/// Lengths of one recording in two formats differ by less than this, milliseconds, and a fiftieth of it.
const LENGTH_MS: u64 = 1000;

/// Relation of a file to the recordings of its call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Another recording, or the first.
    New,
    /// It may be one that is there already: it is looked at when it is whole.
    Undecided,
    /// A recording that the call already has.
    Known,
}

impl<L: Ledger> Recordings<L> {
    /// Compares a file with the recordings that its call has. `closed`: no more of it comes.
    pub(super) fn form(
        &self,
        path: &Path,
        named: &ParsedName,
        known: &[KnownLeg],
        reader: &mut RecordingReader,
        closed: bool,
    ) -> Result<Form, AudioError> {
        // Each of two channels is a side, and both together are the mix.
        let is_mix = reader.layout().channels > 1 || named.leg.is_none_or(|leg| leg == Leg::Mixed);
        let taken: Vec<&KnownLeg> = known.iter().filter(|leg| leg.is_recording).collect();
        let is_final = |leg: &&&KnownLeg| {
            leg.peer.as_deref().is_some_and(|peer| self.settings.naming.recording(Path::new(peer)).is_final_mix)
        };
        if !is_mix && taken.iter().any(|leg| is_final(&leg)) {
            return Ok(if closed { Form::Known } else { Form::Undecided });
        }
        let side = named.leg.filter(|_| !is_mix);
        let candidates: Vec<&KnownLeg> =
            taken.into_iter().filter(|leg| side.is_none_or(|side| leg.leg == side.as_str())).collect();
        if candidates.is_empty() {
            return Ok(Form::New);
        }
        let (this, this_ms) = (contour(reader)?, length_ms(reader)?);
        if !this.tells() && !closed {
            return Ok(Form::Undecided);
        }
        let mut peers: Vec<&str> = candidates.iter().filter_map(|leg| leg.peer.as_deref()).collect();
        peers.sort_unstable();
        peers.dedup();
        let mut all = Contour::default();
        for peer in peers {
            let mut one = Contour::default();
            let (mut open, mut long_ms) = (false, 0);
            for leg in candidates.iter().filter(|leg| leg.peer.as_deref() == Some(peer)) {
                let Ok(mut reader) = RecordingReader::open(leg.audio.path()) else { continue };
                one.add(&channel(&mut reader, usize::from(leg.audio.channel()))?);
                open |= leg.samples.is_none();
                long_ms = length_ms(&reader)?.max(long_ms);
            }
            all.add(&one);
            let unreadable = one.is_empty() && stem(Path::new(peer)) == stem(path);
            let same = |other: &Contour| other.is_like(&this) && (!closed || open || equally_long(long_ms, this_ms));
            if unreadable || same(&one) || (is_mix && same(&all)) {
                return Ok(if closed { Form::Known } else { Form::Undecided });
            }
        }
        Ok(Form::New)
    }
}

/// A file's name without folder and ending.
fn stem(path: &Path) -> Option<&std::ffi::OsStr> {
    path.file_stem()
}

fn equally_long(one_ms: u64, other_ms: u64) -> bool {
    one_ms.abs_diff(other_ms) <= LENGTH_MS + one_ms.max(other_ms) / 50
}

fn length_ms(reader: &RecordingReader) -> Result<u64, AudioError> {
    Ok(reader.available_samples()? * 1000 / u64::from(reader.layout().rate_hz.max(1)))
}

/// All channels of a recording together.
fn contour(reader: &mut RecordingReader) -> Result<Contour, AudioError> {
    let mut all = Contour::default();
    for number in 0..usize::from(reader.layout().channels) {
        all.add(&channel(reader, number)?);
    }
    Ok(all)
}

fn channel(reader: &mut RecordingReader, number: usize) -> Result<Contour, AudioError> {
    let rate_hz = reader.layout().rate_hz;
    let mut samples = Vec::new();
    reader.read_samples(number, 0, (COMPARED_S * u64::from(rate_hz)) as usize, &mut samples)?;
    Ok(Contour::of(&samples, rate_hz))
}
