//! One recording: its format, how to recognise it later, and how far it has grown.
//!
//! A recording is known by its inode and by the first sound in it (a hash of the samples after the first that is not zero), so that a file that
//! was renamed, or copied from a RAM drive and deleted there, is not taken twice, and a new file on an old inode is.

use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use sha2::{Digest, Sha256};

use crate::audio::format::FormatKind;
use crate::audio::reader::{RecordingReader, kind_of};
use crate::audio::sound_file::SoundFile;
use crate::audio::{AudioError, contained};
use crate::call::{LegKey, WallTime};
use crate::spool::FollowedLeg;

/// Samples of sound that make a recording known.
const HEAD_SAMPLES: usize = 2048;
/// Bytes per step of the search for the first sound in a file.
const LOOK: usize = 65_536;

/// Identity of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileId {
    /// Device number.
    pub device: u64,
    /// Inode number.
    pub inode: u64,
    /// Its size now, bytes.
    pub size: u64,
    /// SHA-256 of its first audible samples.
    pub head: [u8; 32],
    /// Whether it holds any sound: silence is not told from other silence.
    pub has_sound: bool,
}

/// A recording that can be read by sample number.
pub struct Opened {
    /// Its reader.
    pub reader: RecordingReader,
    /// Metadata of the file when it was first opened.
    pub meta: Metadata,
    /// Whether its header holds its final size: its writer is done with it.
    pub complete: bool,
}

/// A file, by the way it can be read.
pub enum FollowedFile {
    /// A file that can be read while it grows.
    Streamable(Box<Opened>),
    /// Compressed: to be decoded once it is finished.
    Finished(File, Metadata),
}

/// Opens a file of a watched folder. A name that leads out of the folder, by any link on the way, is refused. Blocks.
pub fn open(path: &Path, root: &Path) -> Result<FollowedFile, AudioError> {
    let file = contained::open_contained(root, path).map_err(|error| match path.canonicalize() {
        Ok(target) if contained::led_out(&error) => AudioError::LeadsOut(target),
        _ => error.into(),
    })?;
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Err(AudioError::Malformed("not a regular file".into()));
    }
    let extension = path.extension().map(|ext| ext.to_string_lossy().into_owned()).unwrap_or_default();
    match kind_of(&SoundFile::from(file.try_clone()?), &extension)? {
        FormatKind::Finished => Ok(FollowedFile::Finished(file, meta)),
        FormatKind::Streamable(_) => {
            let complete = is_complete(&file, meta.len());
            Ok(FollowedFile::Streamable(Box::new(Opened {
                reader: RecordingReader::from_file(file, &extension)?,
                meta,
                complete,
            })))
        }
    }
}

/// The same of a file by its name, now. Blocks.
pub fn is_complete_now(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| file.metadata().is_ok_and(|meta| is_complete(&file, meta.len())))
}

/// Whether a RIFF file's size is the one in its header.
fn is_complete(file: &File, len: u64) -> bool {
    let mut head = [0; 8];
    let read = std::os::unix::fs::FileExt::read_exact_at(file, &mut head, 0);
    read.is_ok()
        && &head[..4] == b"RIFF"
        && u64::from(u32::from_le_bytes([head[4], head[5], head[6], head[7]])) + 8 == len
}

/// Identity of an open recording; `None` while there is too little sound to know it by and it may still grow.
pub fn identify(reader: &mut RecordingReader, meta: &Metadata, complete: bool) -> Result<Option<FileId>, AudioError> {
    let available = reader.available_samples()?;
    let channels = usize::from(reader.layout().channels);
    let mut from = 0;
    let mut head: Vec<i16> = Vec::new();
    let mut piece = Vec::new();
    // Sound on any channel counts; the hash is that of the first channel with sound.
    'channels: for channel in 0..channels {
        from = 0;
        while from < available {
            piece.clear();
            let got = reader.read_samples(channel, from, LOOK, &mut piece)?;
            if let Some(first) = piece.iter().position(|&sample| sample != 0) {
                reader.read_samples(channel, from + first as u64, HEAD_SAMPLES, &mut head)?;
                break 'channels;
            }
            from += got as u64;
            if got == 0 {
                break;
            }
        }
    }
    if head.len() < HEAD_SAMPLES && !complete {
        return Ok(None);
    }
    let mut hash = Sha256::new();
    for sample in &head {
        hash.update(sample.to_le_bytes());
    }
    if head.is_empty() {
        hash.update(from.to_le_bytes());
    }
    Ok(Some(FileId {
        device: meta.dev(),
        inode: meta.ino(),
        size: meta.len(),
        head: hash.finalize().into(),
        has_sound: !head.is_empty(),
    }))
}

/// Identity of a compressed file: the hash of its bytes. Blocks while it reads all of them.
pub fn identify_finished(mut file: &File, meta: &Metadata) -> Result<FileId, AudioError> {
    struct Hashing(Sha256);
    impl std::io::Write for Hashing {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.update(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut hash = Hashing(Sha256::new());
    std::io::copy(&mut file, &mut hash)?;
    std::io::Seek::rewind(&mut file)?;
    Ok(FileId {
        device: meta.dev(),
        inode: meta.ino(),
        size: meta.len(),
        head: hash.0.finalize().into(),
        has_sound: true,
    })
}

/// Begin of a recording: the creation of its file, unless that is plainly the date of a copy.
pub fn began(meta: &Metadata, length_ms: i64) -> WallTime {
    let ms = |time: std::io::Result<std::time::SystemTime>| {
        time.ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok()).map(|since| since.as_millis() as i64)
    };
    let written = ms(meta.modified()).unwrap_or(0);
    let by_length = written - length_ms;
    match ms(meta.created()) {
        // Written as it was spoken: 32 KiB late at most, which is 20 s of GSM.
        Some(made) if (by_length - made).abs() < 25_000 => WallTime(made),
        _ => WallTime(by_length),
    }
}

/// A recording that is being followed.
pub struct Following {
    /// Its present path.
    pub path: PathBuf,
    /// Identity of the recording.
    pub id: FileId,
    /// The open file: it can be read to its end even when its name is gone.
    pub reader: RecordingReader,
    /// One leg per channel; empty when it is closed.
    pub legs: Vec<FollowedLeg>,
    /// Keys of its legs, which outlive their closing.
    pub keys: Vec<LegKey>,
    /// Samples per channel when last looked at.
    pub samples: u64,
}

impl Following {
    /// Looks how far it has grown and tells the legs.
    pub fn look(&mut self, at: WallTime) -> Result<(), AudioError> {
        let (available, written) = self.reader.available_since()?;
        if available > self.samples {
            self.samples = available;
            let late = written.and_then(|written| written.elapsed().ok()).unwrap_or_default();
            for leg in &self.legs {
                leg.grown(available, at, late);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::wav;

    fn write(path: &Path, silence: usize, sound: usize, seed: i16) {
        let mut bytes = wav::header(8000, 1, 0).to_vec();
        bytes.extend(std::iter::repeat_n(0, silence * 2));
        bytes.extend((0..sound).flat_map(|i| ((i as i16).wrapping_mul(seed) | 1).to_le_bytes()));
        std::fs::write(path, bytes).expect("write");
    }

    fn id(path: &Path, complete: bool) -> Option<FileId> {
        let FollowedFile::Streamable(mut opened) = open(path, path.parent().expect("parent")).expect("open") else {
            panic!("wav is streamable")
        };
        identify(&mut opened.reader, &opened.meta, complete).expect("identify")
    }

    #[test]
    fn a_recording_is_known_by_its_first_sound_not_by_the_silence_before_it() {
        let folder = tempfile::tempdir().expect("temp dir");
        let (a, b, c) = (folder.path().join("a.wav"), folder.path().join("b.wav"), folder.path().join("c.wav"));
        write(&a, 100_000, 5000, 7);
        write(&b, 100_000, 5000, 9);
        write(&c, 0, 5000, 7);
        let (a, b, c) = (id(&a, false).expect("a"), id(&b, false).expect("b"), id(&c, false).expect("c"));
        assert_ne!(a.head, b.head);
        assert_eq!(a.head, c.head);
        assert_ne!(a.inode, c.inode);
    }

    #[test]
    fn too_little_sound_is_waited_for_unless_the_file_is_complete() {
        let folder = tempfile::tempdir().expect("temp dir");
        let path = folder.path().join("a.wav");
        write(&path, 100, 10, 3);
        assert!(id(&path, false).is_none());
        assert!(id(&path, true).is_some_and(|id| id.has_sound));
        write(&path, 100, 0, 3);
        assert!(id(&path, true).is_some_and(|id| !id.has_sound));
    }

    #[test]
    fn a_link_out_of_the_folder_is_not_followed() {
        let folder = tempfile::tempdir().expect("temp dir");
        let link = folder.path().join("a.wav");
        std::os::unix::fs::symlink("/etc/passwd", &link).expect("link");
        let error = open(&link, folder.path()).err().expect("refused").to_string();
        assert!(error.contains("link out of the watched folder"), "{error}");
    }
}
