//! Uploaded recordings: each is copied into the spool as the legs of a call of its own. The uploaded file is not needed after that.
//!
//! They are transcribed like every other call, after the live ones. A stereo file with the same sound on both channels becomes one leg.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::runtime::Handle;

use super::wall_clock;
use crate::audio::AudioError;
use crate::audio::decode;
use crate::audio::format::FormatKind;
use crate::audio::quality::{Pairing, pairing};
use crate::audio::reader::{RecordingReader, kind_of};
use crate::audio::sound_file::{SoundFile, is_sealing};
use crate::call::{CallId, CallNames, Leg, Source, WallTime};
use crate::spool::{LegSpec, LegWriter, Spool, SpoolError};

/// Sound heard before it is decided what the channels are to each other.
const LISTEN_S: usize = 30;
/// Samples of a channel read at once.
const PIECE: usize = 1 << 15;

/// Why a recording was not taken.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// It is not audio, or not such as can be read.
    #[error("{0}")]
    Audio(#[from] AudioError),
    /// The spool could not store it.
    #[error(transparent)]
    Spool(#[from] SpoolError),
}

/// A recording that was handed over.
#[derive(Clone, Debug)]
pub struct Handed {
    /// The whole file.
    pub path: PathBuf,
    /// Its extension, which tells what headerless sound is.
    pub extension: String,
    /// The call that it becomes.
    pub call: CallId,
    /// Agent, campaign, phone and lead, as far as the uploader told them.
    pub names: CallNames,
    /// Where it came from; stored as the leg's `peer`.
    pub peer: String,
}

/// Takes recordings that are handed over.
#[derive(Clone)]
pub struct Uploads {
    /// The spool that stores the sound.
    pub spool: Arc<Spool>,
    /// Whose voice is on the left, and on the right.
    pub stereo: [Leg; 2],
    /// For a thread that has to wait for the spool.
    pub runtime: Handle,
}

impl Uploads {
    /// Puts a recording into the spool; it is there when this returns. Blocks, for as long as decoding takes.
    pub fn take(&self, handed: &Handed) -> Result<(), UploadError> {
        let file = SoundFile::open(&handed.path)?;
        if file.is_sealed() != is_sealing() {
            // Not encrypted by us as it came, so it came so: nobody has the sound of another call read to him.
            return Err(AudioError::Malformed("an encrypted file of lineside: no sound without its key".into()).into());
        }
        let mut taking =
            Taking { uploads: self, handed, started: wall_clock(), rate_hz: 0, planes: Vec::new(), legs: Vec::new() };
        match kind_of(&file, &handed.extension)? {
            FormatKind::Finished => {
                decode::decode::<UploadError>(file, &handed.extension, |(rate_hz, channels, samples)| {
                    let count = usize::from(channels.max(1));
                    let plane = |channel| samples.iter().skip(channel).step_by(count).copied().collect();
                    taking.hear(rate_hz, (0..count).map(plane).collect())
                })?;
            }
            FormatKind::Streamable(layout) => {
                let mut reader = RecordingReader::from_file(file, &handed.extension)?;
                let mut place = 0;
                loop {
                    let mut planes = vec![Vec::new(); usize::from(layout.channels)];
                    for (channel, plane) in planes.iter_mut().enumerate() {
                        reader.read_samples(channel, place, PIECE, plane)?;
                    }
                    let got = planes.iter().map(Vec::len).min().unwrap_or(0);
                    if got == 0 {
                        break;
                    }
                    place += got as u64;
                    taking.hear(layout.rate_hz, planes)?;
                }
            }
        }
        taking.end()
    }
}

/// An upload that is being copied into the spool.
struct Taking<'a> {
    uploads: &'a Uploads,
    handed: &'a Handed,
    started: WallTime,
    rate_hz: u32,
    /// What was heard and has no leg yet.
    planes: Vec<Vec<i16>>,
    legs: Vec<LegWriter>,
}

impl Taking<'_> {
    fn hear(&mut self, rate_hz: u32, planes: Vec<Vec<i16>>) -> Result<(), UploadError> {
        self.rate_hz = rate_hz;
        self.planes.resize(planes.len().max(self.planes.len()), Vec::new());
        for (held, plane) in self.planes.iter_mut().zip(planes) {
            held.extend(plane);
        }
        if !self.legs.is_empty() || self.planes[0].len() >= LISTEN_S * rate_hz as usize {
            self.pass_on()
        } else {
            Ok(())
        }
    }

    /// Gives what is held to the legs, which are opened now if they are not yet.
    fn pass_on(&mut self) -> Result<(), UploadError> {
        if self.legs.is_empty() {
            let kinds: Vec<Leg> = match self.planes.as_slice() {
                [_] => vec![Leg::Mixed],
                [left, right] if pairing(left, right) == Pairing::SameSound => vec![Leg::Mixed],
                [_, _] => self.uploads.stereo.to_vec(),
                many => vec![Leg::Mixed; many.len()],
            };
            for leg in kinds {
                let spec = LegSpec {
                    call: self.handed.call.clone(),
                    names: self.handed.names.clone(),
                    leg,
                    source: Source::Upload,
                    started: self.started,
                    rate_hz: self.rate_hz,
                    peer: Some(self.handed.peer.clone()),
                };
                self.legs.push(self.uploads.runtime.block_on(self.uploads.spool.open_leg(spec))?);
            }
        }
        for (leg, plane) in self.legs.iter_mut().zip(&mut self.planes) {
            self.uploads.runtime.block_on(leg.append(plane, wall_clock()))?;
            plane.clear();
        }
        // A second channel of the same sound is not kept.
        self.planes.iter_mut().for_each(Vec::clear);
        Ok(())
    }

    fn end(mut self) -> Result<(), UploadError> {
        if self.planes.iter().any(|plane| !plane.is_empty()) {
            self.pass_on()?;
        }
        if self.legs.is_empty() {
            return Err(AudioError::Malformed("no sound in it".into()).into());
        }
        for leg in self.legs {
            self.uploads.runtime.block_on(leg.close("uploaded"))?;
        }
        metrics::counter!("lineside_uploads_total").increment(1);
        Ok(())
    }
}

/// Tells the exporter what is counted here.
pub fn describe_metrics() {
    metrics::describe_counter!("lineside_uploads_total", "Recordings that were handed over and taken");
}
