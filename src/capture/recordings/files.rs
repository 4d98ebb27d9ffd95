//! Recordings that are being read: what is done when one grows, is moved, is closed or vanishes.

use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use super::folders::FileKey;
use super::followed::{Followed, SETTLED, TakeError, Waiting};
use super::state::{Ledger, RecordingSettings, Recordings};
use crate::audio::sound_file::SoundWriter;
use crate::audio::{AudioError, format, wav};
use crate::call::CallId;
use crate::capture::follow::Following;
use crate::capture::wall_clock;
use crate::spool::LegAudio;

/// A finished recording stays open this long: ViciDial moves or deletes it within minutes, and its text may be outstanding.
const KEPT_OPEN: Duration = Duration::from_mins(10);
/// A file that left its name turns up under another within this time, or its sound is saved.
const MOVING: Duration = Duration::from_secs(2);

impl<L: Ledger> Recordings<L> {
    /// Looks at a file that something happened to. `closed`: its writer has closed it, or it has been still for long.
    pub(super) fn touch(&mut self, path: &Path, closed: bool) {
        if !wanted(path) {
            return;
        }
        let Ok(meta) = fs::metadata(path) else { return };
        let key = (meta.dev(), meta.ino());
        if self.following.get(&key).is_some_and(Followed::grew_after_its_end) {
            // It is taken anew below, and continues as the same legs.
            self.following.remove(&key);
        }
        if self.following.contains_key(&key) {
            self.go_on(key, path, closed);
        } else if self.refused.get(path) != Some(&meta.len()) && self.done.get(&key) != Some(&meta.len()) {
            self.try_to_take(path, meta.len(), closed);
        }
    }

    /// A followed file: it may have another name now, more sound, or be at its end.
    fn go_on(&mut self, key: FileKey, path: &Path, closed: bool) {
        let Some(followed) = self.following.get_mut(&key) else { return };
        followed.gone = None;
        if followed.file.path != path {
            if let (Some(name), Some(&leg)) =
                (renamed(&self.settings, &followed.file.path, path), followed.file.keys.first())
            {
                self.ledger.renamed(leg, &name);
            }
            followed.file.path = path.into();
            for (channel, &leg) in followed.file.keys.iter().enumerate() {
                let audio = LegAudio::Recording { path: path.into(), channel: channel as u16 };
                if let Some(open) = followed.file.legs.get(channel) {
                    open.leg().moved_to(audio.clone());
                }
                self.ledger.moved(leg, &audio);
            }
        }
        if followed.closed.is_some() {
            return;
        }
        let before = followed.file.samples;
        if let Err(error) = followed.file.look(wall_clock()) {
            log::warn!("recordings: {}: {error}", path.display());
        }
        if followed.file.samples > before {
            followed.changed = Instant::now();
            followed.grows = true;
            self.last_frame.now(wall_clock());
        }
        if closed {
            self.close(key, "closed");
        }
    }

    /// A file that is not followed: taken, waited for, or refused.
    fn try_to_take(&mut self, path: &Path, len: u64, closed: bool) {
        match self.take(path, closed) {
            Ok(true) => {
                self.pending.remove(path);
            }
            Ok(false) => self.wait_for(path, len),
            // Said once: nothing is wrong with the file, and it is tried again.
            Err(error) if error.is_out_of_files() => {
                if !self.pending.contains_key(path) {
                    log::warn!("recordings: {}: {error}; it is taken when a file can be opened again", path.display());
                }
                self.wait_for(path, len);
            }
            // A header may not be there yet; a file that its writer has closed will not get better.
            Err(TakeError::Audio(ref error)) if !closed && !matches!(error, AudioError::LeadsOut(_)) => {
                self.wait_for(path, len);
            }
            Err(error) => {
                self.pending.remove(path);
                if self.refused.insert(path.into(), len).is_none() {
                    metrics::counter!("lineside_recordings_refused_total").increment(1);
                    log::warn!("recordings: {}: {error}; it was left alone", path.display());
                }
            }
        }
    }

    fn wait_for(&mut self, path: &Path, len: u64) {
        let now = Waiting { len, since: Instant::now() };
        let waiting = self.pending.entry(path.into()).or_insert(now);
        if waiting.len != len {
            *waiting = now;
        }
    }

    /// Looks at files that cause no event: those that wait, those that nobody closes, those that were kept open long enough.
    pub(super) fn look_around(&mut self) {
        for (path, waiting) in self.pending.clone() {
            match fs::metadata(&path) {
                Ok(meta) => self.touch(&path, meta.len() == waiting.len && waiting.since.elapsed() > SETTLED),
                Err(_) => {
                    self.pending.remove(&path);
                }
            }
        }
        let stale: Vec<FileKey> =
            self.following.iter().filter(|(_, followed)| followed.is_stale()).map(|(&key, _)| key).collect();
        for key in stale {
            self.close(key, "stale");
        }
        self.following.retain(|_, followed| followed.closed.is_none_or(|since| since.elapsed() < KEPT_OPEN));
    }

    /// Ends recordings at somebody's request. Their writer does not learn of it: the file goes on, and is left alone for as long as it grows.
    pub(super) fn end_the_asked(&mut self) {
        let asked = |followed: &Followed| followed.file.legs.iter().any(|leg| leg.leg().end_requested().is_cancelled());
        let due: Vec<FileKey> =
            self.following.iter().filter(|(_, followed)| asked(followed)).map(|(&key, _)| key).collect();
        for key in due {
            self.close(key, "ended");
            if let Some(followed) = self.following.get_mut(&key) {
                followed.ended = true;
            }
        }
        for followed in self.following.values_mut().filter(|followed| followed.ended) {
            let now = fs::metadata(&followed.file.path).map_or(0, |meta| meta.len());
            if now != followed.file.id.size {
                (followed.file.id.size, followed.closed) = (now, Some(Instant::now()));
                self.done.insert((followed.file.id.device, followed.file.id.inode), now);
            }
        }
    }

    /// A followed file has come to its end. It stays open for a while.
    pub(super) fn close(&mut self, key: FileKey, reason: &'static str) {
        let Some(mut followed) = self.following.remove(&key) else { return };
        if let Err(error) = followed.file.look(wall_clock()) {
            log::warn!("recordings: {}: {error}; what came so far is kept", followed.file.path.display());
        }
        self.finish(&mut followed.file, reason);
        followed.closed = Some(Instant::now());
        self.following.insert(key, followed);
    }

    fn finish(&mut self, file: &mut Following, reason: &'static str) {
        if let Ok(meta) = fs::metadata(&file.path) {
            file.id.size = meta.len();
            self.done.insert((meta.dev(), meta.ino()), meta.len());
        }
        for leg in file.legs.drain(..) {
            if let Err(error) = self.runtime.block_on(leg.close(reason)) {
                log::warn!("recordings: {}: {error}", file.path.display());
            }
        }
        self.ledger.note(&file.id, &file.path, &file.keys, true);
    }

    /// A file's name is gone: it was moved or deleted.
    pub(super) fn left(&mut self, path: &Path) {
        self.pending.remove(path);
        if let Some(followed) = self.following.values_mut().find(|followed| followed.file.path == path) {
            followed.gone = Some(Instant::now());
        }
    }

    /// Saves the sound of files that left and did not come back under another name.
    pub(super) fn save_the_gone(&mut self) {
        let gone = |followed: &Followed| followed.gone.is_some_and(|since| since.elapsed() > MOVING);
        let due: Vec<FileKey> =
            self.following.iter().filter(|(_, followed)| gone(followed)).map(|(&key, _)| key).collect();
        for key in due {
            let Some(mut followed) = self.following.remove(&key) else { continue };
            if followed.file.path.exists() {
                followed.gone = None;
                self.following.insert(key, followed);
                continue;
            }
            let _ = followed.file.look(wall_clock()); // what can be read of it is saved
            if let Err(error) = self.save(&mut followed.file) {
                if !followed.unsaved {
                    log::error!(
                        "recordings: {}: it was deleted, and its sound could not be saved: {error}; tried again while lineside runs",
                        followed.file.path.display()
                    );
                }
                followed.unsaved = true;
                followed.gone = Some(Instant::now());
                self.following.insert(key, followed);
                continue;
            }
            self.finish(&mut followed.file, "removed");
        }
    }

    /// Copies a deleted recording, which is still open here, into the spool.
    fn save(&mut self, file: &mut Following) -> Result<(), TakeError> {
        let rate_hz = file.reader.layout().rate_hz;
        for (channel, &key) in file.keys.iter().enumerate() {
            let path = self.spool.folder().join("saved").join(format!("{:09}.wav", key.0));
            let io = |error| TakeError::Audio(AudioError::Io(error));
            fs::create_dir_all(path.parent().unwrap_or(&path)).map_err(io)?;
            let mut out = SoundWriter::create(&path).map_err(io)?;
            out.write_all(&wav::header(rate_hz, 1, file.samples)).map_err(io)?;
            let (mut from, mut samples) = (0, Vec::new());
            loop {
                samples.clear();
                let got = file.reader.read_samples(channel, from, 1 << 16, &mut samples)?;
                if got == 0 {
                    break;
                }
                from += got as u64;
                let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
                out.write_all(&bytes).map_err(io)?;
            }
            out.finish().map_err(io)?;
            let audio = LegAudio::Spooled { path };
            if let Some(leg) = file.legs.get(channel) {
                leg.leg().moved_to(audio.clone());
            }
            self.ledger.moved(key, &audio);
        }
        log::info!("recordings: {} was deleted; its sound was saved in the spool", file.path.display());
        Ok(())
    }
}

/// The call in a new name of a recording, where it is another one: ViciDial puts a call's outcome into the name when it is known.
pub(super) fn renamed(settings: &RecordingSettings, from: &Path, to: &Path) -> Option<CallId> {
    let (before, now) = (settings.naming.recording(from), settings.naming.recording(to));
    (now.is_recognised && now.call != before.call).then_some(now.call)
}

/// Whether a file of this name is a recording at all.
fn wanted(path: &Path) -> bool {
    let Some(name) = path.file_name().map(|name| name.to_string_lossy()) else { return false };
    let extension = path.extension().map(|ext| ext.to_string_lossy().into_owned()).unwrap_or_default();
    !name.starts_with('.') && format::is_audio_extension(&extension)
}
