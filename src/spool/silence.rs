//! Overwrites stretches of our own files with silence.
//!
//! A PBX's recordings are never written to: their stretches are silent for readers only (`audio/silence.rs`). What an SSD or a copy-on-write file
//! system keeps of overwritten blocks cannot be reached from here.

use std::path::Path;

use super::error::SpoolError;
use super::recover;
use crate::audio::sound_file::{self, SoundWriter};
use crate::audio::{AudioError, wav};

/// What a description is called when its sound is about to go.
pub(super) const MARK: &str = "gone";

/// Overwrites a stretch of a spool file with silence, as far as the file reaches, and waits until the disk has it. Returns one past the last
/// sample of the file. A file that is gone is silent enough. Blocks.
pub fn overwrite(path: &Path, start: u64, end: u64) -> Result<u64, SpoolError> {
    const PIECE: u64 = 1 << 15;
    let fail = |source| SpoolError::Io { action: "silence", path: path.into(), source };
    let file = match SoundWriter::open(path) {
        Ok(file) => file,
        Err(AudioError::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => return Ok(end),
        Err(source) => return Err(SpoolError::Audio { path: path.into(), source }),
    };
    let samples = recover::samples_of(file.len().map_err(fail)?);
    let end = end.min(samples);
    let zeros = vec![0; 2 * PIECE as usize];
    let mut place = start;
    while place < end {
        let count = (end - place).min(PIECE);
        file.write_at(wav::HEADER_LEN as u64 + 2 * place, &zeros[..2 * count as usize]).map_err(fail)?;
        place += count;
    }
    file.sync().map_err(fail)?;
    Ok(samples)
}

/// Overwrites all of a file and deletes it with its description; gives back its bytes. An encrypted one goes without its key. Blocks.
pub fn erase(path: &Path) -> Result<u64, SpoolError> {
    match sound_file::blank(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(SpoolError::Io { action: "overwrite", path: path.into(), source })
        }
        _ => remove(path),
    }
}

/// Deletes a spool file with its description, and its day when that was the last of it; gives back its bytes. Gone already is as good. Blocks.
pub fn remove(path: &Path) -> Result<u64, SpoolError> {
    let size = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    for path in [path.to_path_buf(), path.with_extension("json"), path.with_extension(MARK)] {
        match std::fs::remove_file(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(SpoolError::Io { action: "delete", path, source });
            }
            _ => {}
        }
    }
    if let Some(day) = path.parent() {
        let _ = std::fs::remove_dir(day); // fails while there are others
    }
    Ok(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_overwritten_no_farther_than_it_reaches() {
        let folder = tempfile::tempdir().expect("temp dir");
        let path = folder.path().join("a.wav");
        std::fs::write(&path, [&[1_u8; 44][..], &[7; 20]].concat()).expect("write");
        assert_eq!(overwrite(&path, 3, 1000).expect("silence"), 10);
        assert_eq!(std::fs::read(&path).expect("read"), [&[1_u8; 44][..], &[7; 6], &[0; 14]].concat());
        assert_eq!(overwrite(&folder.path().join("gone.wav"), 0, 9).expect("gone"), 9);
    }
}
