//! A new file: whose it is, whether it was taken before, and the legs that it becomes.

use std::fs;
use std::path::Path;

use super::files::Followed;
use super::{Ledger, Recordings, Taken};
use crate::audio::{AudioError, decode};
use crate::call::{CallId, Leg, LegKey, Source, WallTime};
use crate::capture::follow::{self, FileId, Following, Found, Opened};
use crate::capture::naming::Named;
use crate::capture::wall_clock;
use crate::spool::{LegAudio, LegSpec, LegWriter, RecordingRef, SpoolError};

#[derive(Debug, thiserror::Error)]
pub(super) enum TakeError {
    #[error("{0}")]
    Audio(#[from] AudioError),
    #[error("{0}")]
    Spool(#[from] SpoolError),
}

/// What is known of a file from before.
enum Before {
    Never,
    Undecided,
    Taken(Taken),
}

impl<L: Ledger> Recordings<L> {
    /// Takes a file that is not followed yet; `false` when there is too little in it so far.
    pub(super) fn take(&mut self, path: &Path, closed: bool) -> Result<bool, TakeError> {
        let root = self.settings.folders.iter().find(|root| path.starts_with(root)).cloned().unwrap_or_default();
        let named = self.settings.naming.recording(path);
        match follow::open(path, &root)? {
            Found::Streamable(opened) => self.take_growing(path, *opened, &named, closed),
            Found::Finished(..) if !closed => Ok(false),
            Found::Finished(file, meta) => self.take_finished(path, &file, &meta, &named),
        }
    }

    /// Follows a file from its first sound, or from where a former run left it.
    fn take_growing(
        &mut self,
        path: &Path,
        mut opened: Opened,
        named: &Named,
        closed: bool,
    ) -> Result<bool, TakeError> {
        let Some(id) = follow::identify(&mut opened.reader, &opened.meta, closed)? else { return Ok(false) };
        let at_its_end = closed || opened.complete;
        let before = match self.before(&id, &named.call, at_its_end) {
            Before::Undecided => return Ok(false),
            Before::Taken(taken) if taken.finished => {
                self.known(path, &id, &taken);
                return Ok(true);
            }
            Before::Taken(taken) => taken.legs,
            Before::Never if closed && named.is_final_mix && self.ledger.has_audio(&named.call) => {
                self.done.insert((id.device, id.inode), id.size);
                return Ok(true); // the call was heard by its own legs
            }
            Before::Never => Vec::new(),
        };
        let layout = *opened.reader.layout();
        let samples = opened.reader.available_samples()?;
        if closed && samples == 0 {
            return Err(AudioError::Malformed("closed without any sound in it".into()).into());
        }
        let started = follow::began(&opened.meta, (samples * 1000 / u64::from(layout.rate_hz)) as i64);
        let mut file =
            Following { path: path.into(), id, reader: opened.reader, legs: Vec::new(), keys: Vec::new(), samples: 0 };
        for channel in 0..layout.channels {
            let spec = self.spec(path, named, (channel, layout.channels), started, layout.rate_hz);
            let resume = before.get(usize::from(channel)).copied();
            let leg =
                self.runtime.block_on(self.spool.follow(spec, RecordingRef { path: path.into(), channel }, resume))?;
            file.keys.push(leg.leg().key);
            file.legs.push(leg);
        }
        self.ledger.note(&file.id, path, &file.keys, false);
        file.look(wall_clock())?;
        metrics::counter!("lineside_recordings_total").increment(1);
        let key = (file.id.device, file.id.inode);
        self.following.insert(key, Followed::new(file));
        if at_its_end {
            self.close(key, "closed");
        }
        Ok(true)
    }

    /// Decodes a compressed file into the spool.
    fn take_finished(
        &mut self,
        path: &Path,
        file: &fs::File,
        meta: &fs::Metadata,
        named: &Named,
    ) -> Result<bool, TakeError> {
        let id = follow::identify_finished(file, meta)?;
        self.done.insert((id.device, id.inode), id.size);
        if let Before::Taken(taken) = self.before(&id, &named.call, true) {
            self.known(path, &id, &taken);
            return Ok(true);
        }
        // ViciDial compresses what was already heard as WAV: the better copy is the one that counts.
        if self.ledger.has_audio(&named.call) {
            return Ok(true);
        }
        let mut legs: Vec<LegWriter> = Vec::new();
        let extension = path.extension().map(|ext| ext.to_string_lossy().into_owned()).unwrap_or_default();
        let started = follow::began(meta, 0);
        let mut planes: Vec<Vec<i16>> = Vec::new();
        let decoded = decode::decode::<TakeError>(
            file.try_clone().map_err(AudioError::Io)?,
            &extension,
            |(rate_hz, channels, samples)| {
                let count = usize::from(channels.max(1));
                if legs.is_empty() {
                    for channel in 0..channels {
                        let spec = self.spec(path, named, (channel, channels), started, rate_hz);
                        legs.push(self.runtime.block_on(self.spool.open_leg(spec))?);
                    }
                    planes = vec![Vec::new(); count];
                }
                for (channel, plane) in planes.iter_mut().enumerate() {
                    plane.clear();
                    plane.extend(samples.iter().skip(channel).step_by(count));
                }
                for (leg, plane) in legs.iter_mut().zip(&planes) {
                    self.runtime.block_on(leg.append(plane, wall_clock()))?;
                }
                Ok(())
            },
        );
        let keys: Vec<LegKey> = legs.iter().map(|leg| leg.leg().key).collect();
        for leg in legs {
            self.runtime.block_on(leg.close("closed"))?;
        }
        decoded?;
        self.ledger.note(&id, path, &keys, true);
        metrics::counter!("lineside_recordings_total").increment(1);
        Ok(true)
    }

    /// Whether a recording was taken before. A copy is only told from another recording of its call that begins alike when it is complete.
    fn before(&self, id: &FileId, call: &CallId, closed: bool) -> Before {
        match self.ledger.find(id, call) {
            Some(taken) if taken.same_file => Before::Taken(taken),
            Some(_) if !closed => Before::Undecided,
            Some(taken) if taken.size == id.size => Before::Taken(taken),
            _ => Before::Never,
        }
    }

    /// A recording that was read to its end before: only its place may be new.
    fn known(&mut self, path: &Path, id: &FileId, taken: &Taken) {
        if taken.path != path && !taken.path.exists() {
            for (channel, &leg) in taken.legs.iter().enumerate() {
                self.ledger.moved(leg, &LegAudio::Recording { path: path.into(), channel: channel as u16 });
            }
        }
        self.ledger.note(id, path, &taken.legs, true);
        self.done.insert((id.device, id.inode), id.size);
    }

    /// What is known of the leg that a channel of how many becomes.
    fn spec(&self, path: &Path, named: &Named, channel: (u16, u16), started: WallTime, rate_hz: u32) -> LegSpec {
        let leg = match channel {
            (_, 1) => named.leg.unwrap_or(Leg::Mixed),
            (0, 2) => self.settings.stereo[0],
            (1, 2) => self.settings.stereo[1],
            _ => Leg::Mixed,
        };
        LegSpec {
            call: named.call.clone(),
            names: named.names.clone(),
            leg,
            source: Source::Recording,
            started,
            rate_hz,
            peer: Some(path.to_string_lossy().into_owned()),
        }
    }
}
