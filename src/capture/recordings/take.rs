//! Takes a new file: finds its call, checks that it was not taken before, and makes it one or two legs.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::files;
use super::followed::{Decoded, Followed, TakeError};
use super::same::Form;
use super::state::{KnownLeg, Ledger, Recordings, Taken};
use crate::audio::{AudioError, decode};
use crate::call::{CallId, Leg, LegKey, Moment, Source, WallTime};
use crate::capture::follow::{self, FileId, FollowedFile, Following, Opened};
use crate::capture::naming::ParsedName;
use crate::capture::wall_clock;
use crate::spool::{LegAudio, LegSpec, LegWriter, RecordingRef, Spool, SpoolError, SpooledLeg};

/// Earlier knowledge of a file.
enum Before {
    Never,
    Undecided,
    Taken(Taken),
}

/// One channel of a compressed file on its way into the spool.
struct Channel {
    spec: LegSpec,
    /// Samples that are there from before.
    skip: u64,
    leg: Option<LegWriter>,
    plane: Vec<i16>,
}

impl Channel {
    /// A channel that continues behind its existing legs, in a file with this number of channels.
    fn after(begun: &[KnownLeg], count: u16, mut spec: LegSpec) -> Self {
        let same = begun.iter().filter(|leg| leg.leg == spec.leg.as_str());
        let kept: u64 = same.filter_map(|leg| leg.samples).sum();
        // Each of three or more channels is a mix, and their legs are about as long.
        let skip = kept / u64::from(if count > 2 { count } else { 1 });
        spec.started.0 += (skip * 1000 / u64::from(spec.rate_hz.max(1))) as i64;
        Self { spec, skip, leg: None, plane: Vec::new() }
    }

    /// Appends samples. The first of them opens the leg, so a channel that is complete already gets none.
    async fn append<'a>(&mut self, spool: &Spool, samples: impl Iterator<Item = &'a i16>) -> Result<(), SpoolError> {
        self.plane.clear();
        self.plane.extend(samples);
        let skipped = self.skip.min(self.plane.len() as u64);
        self.skip -= skipped;
        let rest = &self.plane[skipped as usize..];
        if rest.is_empty() {
            return Ok(());
        }
        let leg = match &mut self.leg {
            Some(leg) => leg,
            none => none.insert(spool.open_leg(self.spec.clone()).await?),
        };
        leg.append(rest, Moment::now(wall_clock())).await
    }
}

impl<L: Ledger> Recordings<L> {
    /// Takes a file that is not followed yet; `false` when there is too little in it so far.
    pub(super) fn take(&mut self, path: &Path, closed: bool) -> Result<bool, TakeError> {
        let root = self.settings.folders.iter().find(|root| path.starts_with(root)).cloned().unwrap_or_default();
        let named = self.settings.naming.recording(path);
        match follow::open(path, &root)? {
            FollowedFile::Streamable(opened) => self.take_growing(path, *opened, &named, closed),
            FollowedFile::Finished(..) if !closed => Ok(false),
            FollowedFile::Finished(file, meta) => self.take_finished(path, &file, &meta, &named),
        }
    }

    /// Follows a file from its first sound, or from where a former run left it.
    fn take_growing(
        &mut self,
        path: &Path,
        mut opened: Opened,
        named: &ParsedName,
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
            Before::Never => {
                let known = self.legs_of(&named.call);
                let begun = self.begun(path, &known);
                if begun.is_empty() {
                    // The mix of a call that was heard by its own legs says nothing new; while it is written it cannot be told.
                    let is_heard = named.is_final_mix && known.iter().any(KnownLeg::has_sound);
                    let form = match (is_heard, at_its_end) {
                        (true, true) => Form::Known,
                        (true, false) => Form::Undecided,
                        _ => self.form(path, named, &known, &mut opened.reader, at_its_end)?,
                    };
                    match form {
                        Form::New => {}
                        Form::Undecided => return Ok(false),
                        Form::Known => {
                            self.done.insert((id.device, id.inode), id.size);
                            return Ok(true);
                        }
                    }
                }
                begun
            }
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
            self.remember(leg.leg());
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

    /// The legs that a call has already, those of this moment with them.
    fn legs_of(&self, call: &CallId) -> Vec<KnownLeg> {
        let mut known = self.ledger.legs_of(call);
        let lately = self.begun.get(call).into_iter().flat_map(|(_, legs)| legs);
        let missing: Vec<KnownLeg> =
            lately.filter(|leg| known.iter().all(|other| other.key != leg.key)).cloned().collect();
        known.extend(missing);
        known
    }

    /// A leg begins: the next file of its call may be here before the database knows it.
    fn remember(&mut self, leg: &SpooledLeg) {
        const KEPT: Duration = Duration::from_mins(10);
        self.begun.retain(|_, (since, _)| since.elapsed() < KEPT);
        let known = KnownLeg {
            key: leg.key,
            leg: leg.spec.leg.as_str().into(),
            audio: leg.audio(),
            peer: leg.spec.peer.clone(),
            samples: None,
            noted: true,
            is_recording: true,
        };
        self.begun.entry(leg.spec.call.clone()).or_insert_with(|| (Instant::now(), Vec::new())).1.push(known);
    }

    /// Legs, by channel, that a former run had begun of this very file when it was killed, and had not noted as its yet.
    fn begun(&self, path: &Path, known: &[KnownLeg]) -> Vec<LegKey> {
        let followed = |key| self.following.values().any(|followed| followed.file.keys.contains(&key));
        let begun = |leg: &&KnownLeg| {
            let same = !leg.audio.owned() && leg.audio.path() == path;
            same && leg.samples.is_none() && !leg.noted && !followed(leg.key)
        };
        let mut legs: Vec<&KnownLeg> = known.iter().filter(begun).collect();
        legs.sort_by_key(|leg| leg.audio.channel());
        let channels = (0..).zip(&legs).take_while(|(channel, leg)| leg.audio.channel() == *channel);
        channels.map(|(_, leg)| leg.key).collect()
    }

    /// Decodes a compressed file into the spool; of one that a killed run had begun, the rest.
    fn take_finished(
        &mut self,
        path: &Path,
        file: &fs::File,
        meta: &fs::Metadata,
        named: &ParsedName,
    ) -> Result<bool, TakeError> {
        let id = follow::identify_finished(file, meta)?;
        self.done.insert((id.device, id.inode), id.size);
        let begun = match self.before(&id, &named.call, true) {
            Before::Taken(taken) if taken.finished => {
                self.known(path, &id, &taken);
                return Ok(true);
            }
            Before::Taken(taken) => {
                let mut legs = self.ledger.legs_of(&named.call);
                legs.retain(|leg| taken.legs.contains(&leg.key));
                legs
            }
            _ => {
                // Killed before it was noted, or sound from elsewhere: ViciDial compresses what was already heard as WAV, and the better copy counts.
                let (legs, peer) = (self.legs_of(&named.call), path.to_string_lossy());
                if legs.iter().any(|leg| !leg.audio.owned() || leg.noted || leg.peer.as_deref() != Some(&*peer)) {
                    return Ok(true);
                }
                legs
            }
        };
        if begun.iter().any(|leg| leg.samples.is_none()) {
            log::warn!(
                "recordings: {}: how much of it was read is not known; it waits for the next start",
                path.display()
            );
            return Ok(true);
        }
        let mut keys: Vec<LegKey> = begun.iter().map(|leg| leg.key).collect();
        let mut channels: Vec<Channel> = Vec::new();
        let extension = path.extension().map(|ext| ext.to_string_lossy().into_owned()).unwrap_or_default();
        let started = follow::began(meta, 0);
        let decoded = decode::decode::<TakeError>(
            file.try_clone().map_err(AudioError::Io)?,
            &extension,
            |(rate_hz, count, samples)| {
                if channels.is_empty() {
                    let specs = (0..count).map(|channel| self.spec(path, named, (channel, count), started, rate_hz));
                    channels = specs.map(|spec| Channel::after(&begun, count, spec)).collect();
                }
                for (number, channel) in channels.iter_mut().enumerate() {
                    let plane = samples.iter().skip(number).step_by(usize::from(count.max(1)));
                    self.runtime.block_on(channel.append(&self.spool, plane))?;
                }
                // From here on a crash leaves a row that tells behind which legs to continue.
                let opened = channels.iter().filter_map(|channel| Some(channel.leg.as_ref()?.leg().key));
                let all: Vec<LegKey> = begun.iter().map(|leg| leg.key).chain(opened).collect();
                if all.len() > keys.len() {
                    keys = all;
                    self.ledger.note(&id, path, &keys, false);
                }
                Ok(())
            },
        );
        let mut legs = Vec::new();
        for leg in channels.into_iter().filter_map(|channel| channel.leg) {
            self.remember(leg.leg());
            legs.push((Arc::clone(leg.leg()), leg.samples()));
            self.runtime.block_on(leg.close("closed"))?;
        }
        decoded?;
        self.decoded.push(Decoded { id, path: path.into(), keys, legs });
        self.note_the_decoded();
        metrics::counter!("lineside_recordings_total").increment(1);
        Ok(true)
    }

    /// Notes the compressed files whose audio is completely on disk as read.
    pub(super) fn note_the_decoded(&mut self) {
        let ledger = &self.ledger;
        self.decoded.retain(|file| {
            if file.legs.iter().any(|(leg, _)| !leg.is_closed()) {
                return true;
            }
            // It may be incomplete when lineside is stopped while the disk refuses: the next start reads the rest.
            if file.legs.iter().all(|(leg, samples)| leg.samples() >= *samples) {
                ledger.note(&file.id, &file.path, &file.keys, true);
            }
            false
        });
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

    /// Takes a recording that was read to its end before: only its place may be new.
    fn known(&mut self, path: &Path, id: &FileId, taken: &Taken) {
        if let (Some(name), Some(&leg)) = (files::renamed(&self.settings, &taken.path, path), taken.legs.first()) {
            self.ledger.renamed(leg, &name);
        }
        if taken.path != path && !taken.path.exists() {
            for (channel, &leg) in taken.legs.iter().enumerate() {
                self.ledger.moved(leg, &LegAudio::Recording { path: path.into(), channel: channel as u16 });
            }
        }
        self.ledger.note(id, path, &taken.legs, true);
        self.done.insert((id.device, id.inode), id.size);
    }

    /// The facts of the leg for one of a file's channels.
    fn spec(&self, path: &Path, named: &ParsedName, channel: (u16, u16), started: WallTime, rate_hz: u32) -> LegSpec {
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
