//! Uploaded recordings: each is copied into the spool as the legs of a call of its own. The uploaded file is not needed after that.
//!
//! They are transcribed like every other call, after the live ones. A stereo file with the same sound on both channels becomes one leg.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::wall_clock;
use crate::audio::AudioError;
use crate::audio::decode;
use crate::audio::format::FormatKind;
use crate::audio::quality::{Pairing, pairing};
use crate::audio::reader::{RecordingReader, kind_of};
use crate::audio::sound_file::{SoundFile, is_sealing};
use crate::call::{CallId, CallNames, Leg, Moment, Source, WallTime};
use crate::spool::{LegSpec, LegWriter, Spool, SpoolError};

/// Seconds of audio from which the relation of two channels is decided.
const LISTEN_S: usize = 30;
/// Samples of a channel per reading.
const PIECE: usize = 1 << 15;

/// Reason why a recording was refused.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// It is not audio, or not of a format that can be read.
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
    /// Address of the sender or path of origin; stored as the leg's `peer`.
    pub peer: String,
    /// Begin of its audio; `None` means now.
    pub started: Option<WallTime>,
    /// Samples that a former run has taken of it already, by leg.
    pub kept: Vec<(Leg, u64)>,
    /// Cancelled when what is left of it is to be taken by a later run.
    pub stop: CancellationToken,
}

/// Takes recordings that are handed over.
#[derive(Clone)]
pub struct Uploads {
    /// The spool that stores the sound.
    pub spool: Arc<Spool>,
    /// The voices on the left and on the right channel.
    pub stereo: [Leg; 2],
    /// The runtime, for a thread that has to wait for the spool.
    pub runtime: Handle,
}

impl Uploads {
    /// Puts a recording into the spool; it is there when this returns. Blocks, for as long as decoding takes.
    pub fn take(&self, handed: &Handed) -> Result<(), UploadError> {
        let file = SoundFile::open(&handed.path)?;
        if file.is_sealed() != is_sealing() {
            // The upload was encrypted before it came. Nobody may have another call's audio decrypted this way.
            return Err(AudioError::Malformed("an encrypted file of lineside: no sound without its key".into()).into());
        }
        let mut taking = Taking {
            uploads: self,
            handed,
            started: handed.started.unwrap_or_else(wall_clock),
            rate_hz: 0,
            planes: Vec::new(),
            channels: Vec::new(),
        };
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

/// One channel of a recording.
struct Channel {
    leg: Leg,
    /// Samples that are there from before.
    kept: u64,
    /// Number of samples still to be skipped.
    skip: u64,
    /// Opened by its first sample that is not there.
    writer: Option<LegWriter>,
}

/// An upload that is being copied into the spool.
struct Taking<'a> {
    uploads: &'a Uploads,
    handed: &'a Handed,
    started: WallTime,
    rate_hz: u32,
    /// Samples that have no leg yet.
    planes: Vec<Vec<i16>>,
    channels: Vec<Channel>,
}

impl Taking<'_> {
    fn hear(&mut self, rate_hz: u32, planes: Vec<Vec<i16>>) -> Result<(), UploadError> {
        if self.handed.stop.is_cancelled() {
            return Err(SpoolError::Stopped.into());
        }
        self.rate_hz = rate_hz;
        self.planes.resize(planes.len().max(self.planes.len()), Vec::new());
        for (held, plane) in self.planes.iter_mut().zip(planes) {
            held.extend(plane);
        }
        if !self.channels.is_empty() || self.planes[0].len() >= LISTEN_S * rate_hz as usize {
            self.pass_on()
        } else {
            Ok(())
        }
    }

    /// Decides what the channels are.
    fn channels(&self) -> Vec<Channel> {
        let kinds: Vec<Leg> = match self.planes.as_slice() {
            [_] => vec![Leg::Mixed],
            [left, right] if pairing(left, right) == Pairing::SameSound => vec![Leg::Mixed],
            [_, _] => self.uploads.stereo.to_vec(),
            many => vec![Leg::Mixed; many.len()],
        };
        let channel = |&leg: &Leg| {
            let kept: u64 =
                self.handed.kept.iter().filter(|(other, _)| *other == leg).map(|(_, samples)| samples).sum();
            // Each of three or more channels is a mix, and their legs are about as long.
            let kept = kept / kinds.iter().filter(|other| **other == leg).count().max(1) as u64;
            Channel { leg, kept, skip: kept, writer: None }
        };
        kinds.iter().map(channel).collect()
    }

    fn spec(&self, channel: &Channel) -> LegSpec {
        let later_ms = channel.kept * 1000 / u64::from(self.rate_hz.max(1));
        LegSpec {
            call: self.handed.call.clone(),
            names: self.handed.names.clone(),
            leg: channel.leg,
            source: Source::Upload,
            started: WallTime(self.started.0 + later_ms as i64),
            rate_hz: self.rate_hz,
            peer: Some(self.handed.peer.clone()),
        }
    }

    /// Gives what is held to the legs, which are opened now if they are not yet.
    fn pass_on(&mut self) -> Result<(), UploadError> {
        if self.channels.is_empty() {
            self.channels = self.channels();
        }
        let (spool, runtime) = (&self.uploads.spool, &self.uploads.runtime);
        for place in 0..self.channels.len() {
            let plane = &self.planes[place];
            let skipped = self.channels[place].skip.min(plane.len() as u64);
            let spec = self.spec(&self.channels[place]);
            let (rest, channel) = (&plane[skipped as usize..], &mut self.channels[place]);
            channel.skip -= skipped;
            if rest.is_empty() {
                continue;
            }
            let writer = match &mut channel.writer {
                Some(writer) => writer,
                none => none.insert(runtime.block_on(spool.open_leg(spec))?),
            };
            runtime.block_on(writer.append(rest, Moment::now(wall_clock())))?;
        }
        // A second channel of the same sound is not kept.
        self.planes.iter_mut().for_each(Vec::clear);
        Ok(())
    }

    fn end(mut self) -> Result<(), UploadError> {
        if self.planes.iter().any(|plane| !plane.is_empty()) {
            self.pass_on()?;
        }
        if self.channels.is_empty() {
            return Err(AudioError::Malformed("no sound in it".into()).into());
        }
        for writer in self.channels.into_iter().filter_map(|channel| channel.writer) {
            self.uploads.runtime.block_on(writer.close("uploaded"))?;
        }
        metrics::counter!("lineside_uploads_total").increment(1);
        Ok(())
    }
}

/// Tells the exporter what is counted here.
pub fn describe_metrics() {
    metrics::describe_counter!("lineside_uploads_total", "Recordings that were handed over and taken");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spool::SpoolEvent;

    /// The legs of a recording of half a second of which this many samples were kept: (first sample's time, samples).
    fn taken(kept: u64) -> Vec<(i64, u64)> {
        let folder = tempfile::tempdir().expect("temp dir");
        let path = folder.path().join("a.wav");
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 8000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut writer = hound::WavWriter::create(&path, spec).expect("create");
        (0..4000_i16).for_each(|sample| writer.write_sample(sample).expect("write"));
        writer.finalize().expect("finish");
        let runtime = tokio::runtime::Runtime::new().expect("runtime");
        let (spool, mut events) =
            runtime.block_on(async { Spool::open(&folder.path().join("spool"), 0).expect("spool") });
        let uploads = Uploads { spool, stereo: [Leg::Agent, Leg::Caller], runtime: runtime.handle().clone() };
        let handed = Handed {
            path,
            extension: "wav".into(),
            call: CallId::from_lossy("a.1"),
            names: CallNames::default(),
            peer: "pbx2:/a.wav".into(),
            started: Some(WallTime(1000)),
            kept: vec![(Leg::Mixed, kept)],
            stop: CancellationToken::new(),
        };
        let stopped = Handed { stop: CancellationToken::new(), ..handed.clone() };
        stopped.stop.cancel();
        let refused = uploads.take(&stopped).expect_err("told to stop");
        assert!(matches!(refused, UploadError::Spool(SpoolError::Stopped)), "{refused}");
        uploads.take(&handed).expect("taken");
        uploads.spool.stop(); // what was given to it is on disk then
        let mut legs = Vec::new();
        while let Ok(event) = events.try_recv() {
            if let SpoolEvent::Opened(leg) = event {
                legs.push((leg.spec.started.0, leg.samples()));
            }
        }
        legs
    }

    #[test]
    fn of_a_recording_that_a_killed_run_had_begun_the_rest_is_taken_and_nothing_twice() {
        assert_eq!(taken(0), [(1000, 4000)]);
        assert_eq!(taken(1600), [(1200, 2400)]);
        assert_eq!(taken(4000), [], "all of it is there");
    }
}
