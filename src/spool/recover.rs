//! What a restart learns from the files: the highest key in use, and legs that have no row.
//!
//! Beside each live leg's WAV lies a small JSON with its key and [`LegSpec`], written before the first sample. The database normally knows the
//! leg too; the JSON is there for a crash between the two.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::SpoolError;
use super::leg::SpooledLeg;
use super::spec::LegSpec;
use crate::audio::sealed::SealedError;
use crate::audio::sound_file::{SoundFile, SoundWriter, is_sealed, len_of};
use crate::audio::{AudioError, wav};
use crate::call::LegKey;

/// The description beside a leg's file.
#[derive(Debug, Serialize, Deserialize)]
pub struct Sidecar {
    /// The leg's row number.
    pub key: LegKey,
    /// All that was known when it opened.
    pub spec: LegSpec,
}

/// A live leg on disk that the database does not know.
#[derive(Debug)]
pub struct Orphan {
    /// Its row number.
    pub key: LegKey,
    /// All that was known when it opened.
    pub spec: LegSpec,
    /// Its file.
    pub path: PathBuf,
    /// Samples in the file.
    pub samples: u64,
    /// Up to where they are sound, as [`sounded`] has it.
    pub sounded: u64,
}

/// `000000012_1795218045.12_agent.wav`: sorted by age, and a person sees what it is.
pub(super) fn file_name(key: LegKey, spec: &LegSpec) -> String {
    format!("{:09}_{}_{}.wav", key.0, spec.call, spec.leg)
}

pub(super) fn write_sidecar(audio: &Path, leg: &SpooledLeg) -> io::Result<()> {
    let sidecar = Sidecar { key: leg.key, spec: leg.spec.clone() };
    let text = serde_json::to_vec(&sidecar).map_err(io::Error::other)?;
    fs::write(audio.with_extension("json"), text)
}

/// Number of samples in a spool file of this length.
pub(super) fn samples_of(len: u64) -> u64 {
    len.saturating_sub(wav::HEADER_LEN as u64) / 2
}

/// Number of samples in a spool file by its length, which is right after any crash. An encrypted file that a crash left open is finished now; a slot
/// that a power cut tore, and that nobody can read, is cut off. Blocks.
pub fn settle(path: &Path) -> Result<u64, SpoolError> {
    let fail = |source: AudioError| SpoolError::Audio { path: path.into(), source };
    let len = len_of(path).map_err(|error| fail(error.into()))?;
    if !is_sealed(path).unwrap_or(false) {
        return Ok(samples_of(len));
    }
    let writer = SoundWriter::open(path).map_err(fail)?;
    let len = writer.len().map_err(|error| fail(error.into()))?;
    if writer.is_unfinished() {
        let mut head = [0; wav::HEADER_LEN];
        SoundFile::open(path).and_then(|file| file.read_at(0, &mut head)).map_err(fail)?;
        wav::resize(&mut head, len);
        let head = &head[..head.len().min(len as usize)];
        writer.write_at(0, head).and_then(|()| writer.finish()).map_err(|error| fail(error.into()))?;
    }
    Ok(samples_of(len))
}

/// The sample of a spool file up to which it holds audio. Behind it are only zeros: lineside puts such silence in when nothing comes, and a crash may
/// precede the row that tells of it. Blocks.
pub fn sounded(path: &Path, samples: u64) -> Result<u64, SpoolError> {
    const PIECE: u64 = 1 << 15;
    let fail = |source: AudioError| SpoolError::Audio { path: path.into(), source };
    let file = SoundFile::open(path).map_err(fail)?;
    let mut bytes = vec![0; 2 * PIECE as usize];
    let mut end = samples;
    while end > 0 {
        let start = end.saturating_sub(PIECE);
        let piece = &mut bytes[..2 * (end - start) as usize];
        let got = file.read_at(wav::HEADER_LEN as u64 + 2 * start, piece).map_err(fail)?;
        if got < piece.len() {
            return Ok(end); // shorter than it was a moment ago: somebody is at it
        }
        if let Some(last) = piece.iter().rposition(|&byte| byte != 0) {
            return Ok(start + last as u64 / 2 + 1);
        }
        end = start;
    }
    Ok(0)
}

/// Whether a spool file is encrypted with a key that this process was not given. Blocks.
pub fn is_locked(path: &Path) -> bool {
    matches!(SoundFile::open(path), Err(AudioError::Sealed(SealedError::NoKey(_))))
}

pub(super) fn highest_key(folder: &Path) -> Result<i64, SpoolError> {
    let mut highest = 0;
    each_file(folder, |path| highest = highest.max(key_of(path).unwrap_or(0)))?;
    Ok(highest)
}

pub(super) fn orphans(folder: &Path, known: &HashSet<LegKey>) -> Result<Vec<Orphan>, SpoolError> {
    let mut found = Vec::new();
    each_file(folder, |path| {
        let unknown = key_of(path).is_some_and(|key| !known.contains(&LegKey(key)));
        if !unknown || path.extension().is_none_or(|ext| ext != "json") {
            return;
        }
        let wav = path.with_extension("wav");
        let read = fs::read(path).and_then(|text| serde_json::from_slice::<Sidecar>(&text).map_err(io::Error::other));
        match read.and_then(|sidecar| Ok((settle(&wav).map_err(io::Error::other)?, sidecar))) {
            Ok((samples, Sidecar { key, spec })) => {
                let sounded = sounded(&wav, samples).unwrap_or(samples);
                found.push(Orphan { key, spec, path: wav, samples, sounded });
            }
            Err(error) => log::warn!("spool: {}: {error}; its audio is left alone and has no text", path.display()),
        }
    })?;
    found.sort_by_key(|orphan| orphan.key);
    Ok(found)
}

pub(super) fn key_of(path: &Path) -> Option<i64> {
    path.file_name()?.to_str()?.split('_').next()?.parse().ok()
}

/// Files in the day folders of the spool.
pub(super) fn each_file(folder: &Path, mut visit: impl FnMut(&Path)) -> Result<(), SpoolError> {
    let fail = |path: &Path, source| SpoolError::Io { action: "list", path: path.into(), source };
    for day in fs::read_dir(folder).map_err(|error| fail(folder, error))? {
        let day = day.map_err(|error| fail(folder, error))?.path();
        if !day.is_dir() {
            continue;
        }
        for file in fs::read_dir(&day).map_err(|error| fail(&day, error))? {
            visit(&file.map_err(|error| fail(&day, error))?.path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{CallId, CallNames, Leg, Source, WallTime};

    fn spec() -> LegSpec {
        LegSpec {
            call: CallId::from_lossy("1795218045.12"),
            names: CallNames::default(),
            leg: Leg::Agent,
            source: Source::Audiosocket,
            started: WallTime(1_795_218_045_120),
            rate_hz: 8000,
            peer: None,
        }
    }

    #[test]
    fn a_leg_whose_row_was_lost_in_a_crash_is_found_again_with_its_length() {
        let folder = tempfile::tempdir().expect("temp dir");
        let day = folder.path().join("2026-11-20");
        fs::create_dir(&day).expect("mkdir");
        let wav = day.join(file_name(LegKey(7), &spec()));
        let leg = SpooledLeg::new(LegKey(7), spec(), super::super::LegAudio::Spooled { path: wav.clone() });
        write_sidecar(&wav, &leg).expect("sidecar");
        let mut bytes = vec![0; 44 + 3200 + 1];
        bytes[44 + 2000] = 1;
        fs::write(&wav, bytes).expect("wav");

        assert_eq!(highest_key(folder.path()).expect("list"), 7);
        let orphans = orphans(folder.path(), &HashSet::new()).expect("list");
        let lengths = orphans.iter().map(|o| (o.key, o.samples, o.sounded));
        assert_eq!(lengths.collect::<Vec<_>>(), [(LegKey(7), 1600, 1001)]);
        assert!(super::orphans(folder.path(), &HashSet::from([LegKey(7)])).expect("list").is_empty());
    }

    #[test]
    fn silence_at_the_end_of_a_file_is_no_sound_however_long_it_is() {
        let folder = tempfile::tempdir().expect("temp dir");
        let path = folder.path().join("a.wav");
        for (silent, sounds_to) in [(0, 100_000), (99_999, 1), (100_000, 0), (7, 99_993)] {
            let sound = vec![1_i16; 100_000 - silent].into_iter().chain(vec![0; silent]);
            let bytes: Vec<u8> = [0; wav::HEADER_LEN].into_iter().chain(sound.flat_map(i16::to_le_bytes)).collect();
            fs::write(&path, bytes).expect("write");
            assert_eq!(sounded(&path, 100_000).expect("read"), sounds_to);
        }
    }
}
