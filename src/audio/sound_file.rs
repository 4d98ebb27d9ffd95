//! The only access to stored audio: all reads and writes of lineside's own files go through here, and see what a plain file would hold, whether the
//! file is encrypted or not.
//!
//! Encrypted files are known by their first bytes, so older plain files stay readable beside them. New files are encrypted when the process has a key
//! (`sealed/keys.rs`). Files in folders that others write to are never decrypted: otherwise somebody could copy an encrypted file there and have
//! another call's audio played.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use symphonia::core::io::MediaSource;

use super::sealed::keys::{self, Keyring};
use super::sealed::{MAGIC, Reading, Writing, content_len};
use super::{AudioError, contained};

/// A sound file that is read: at any place, also while somebody writes it.
#[derive(Debug)]
pub struct SoundFile(Stored);

#[derive(Debug)]
enum Stored {
    Plain(Arc<File>),
    Sealed(Reading),
}

impl From<File> for SoundFile {
    /// Another program's file, which is read as it is.
    fn from(file: File) -> Self {
        Self(Stored::Plain(file.into()))
    }
}

impl SoundFile {
    /// Opens a file by its name. Blocks.
    pub fn open(path: &Path) -> Result<Self, AudioError> {
        Self::open_with(path, &keys::installed())
    }

    fn open_with(path: &Path, keys: &Keyring) -> Result<Self, AudioError> {
        let file = contained::open_file(path)?;
        if begins_sealed(&file)? && !contained::is_watched(path) {
            return Ok(Self(Stored::Sealed(Reading::open(file, keys)?)));
        }
        Ok(file.into())
    }

    /// Reads a file of our own through its writer's descriptor. Blocks.
    pub fn beside(writer: Arc<File>) -> Result<Self, AudioError> {
        let sealed = begins_sealed(&writer)?;
        Ok(Self(if sealed {
            Stored::Sealed(Reading::open(writer, &keys::installed())?)
        } else {
            Stored::Plain(writer)
        }))
    }

    /// Whether it is encrypted on disk.
    pub fn is_sealed(&self) -> bool {
        matches!(self.0, Stored::Sealed(_))
    }

    /// [`Self::len`], and when a plain file was last written to. One look: between two could be a write.
    pub fn len_since(&self) -> Result<(u64, Option<SystemTime>), AudioError> {
        match &self.0 {
            Stored::Plain(file) => {
                let meta = file.metadata()?;
                Ok((meta.len(), meta.modified().ok()))
            }
            Stored::Sealed(_) => Ok((self.len()?, None)),
        }
    }

    /// Bytes that can be read now.
    pub fn len(&self) -> Result<u64, AudioError> {
        match &self.0 {
            Stored::Plain(file) => Ok(file.metadata()?.len()),
            Stored::Sealed(sealed) => sealed.len(),
        }
    }

    /// Whether there is nothing in it yet.
    pub fn is_empty(&self) -> Result<bool, AudioError> {
        Ok(self.len()? == 0)
    }

    /// Reads from a place on; fewer bytes than asked for is all there is now. Blocks.
    pub fn read_at(&self, place: u64, bytes: &mut [u8]) -> Result<usize, AudioError> {
        let file = match &self.0 {
            Stored::Plain(file) => file,
            Stored::Sealed(sealed) => return sealed.read_at(place, bytes),
        };
        let mut done = 0;
        while done < bytes.len() {
            match file.read_at(&mut bytes[done..], place + done as u64) {
                Ok(0) => break,
                Ok(got) => done += got,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(done)
    }

    /// Reads it from its beginning as decoders want it.
    pub fn stream(self) -> SoundStream {
        SoundStream { file: self, place: 0 }
    }
}

/// A sound file with a place in it.
#[derive(Debug)]
pub struct SoundStream {
    file: SoundFile,
    place: u64,
}

fn as_io(error: AudioError) -> io::Error {
    match error {
        AudioError::Io(error) => error,
        other => io::Error::new(io::ErrorKind::InvalidData, other),
    }
}

impl Read for SoundStream {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let got = self.file.read_at(self.place, bytes).map_err(as_io)?;
        self.place += got as u64;
        Ok(got)
    }
}

impl Seek for SoundStream {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            SeekFrom::Start(place) => Some(place),
            SeekFrom::Current(by) => self.place.checked_add_signed(by),
            SeekFrom::End(by) => self.file.len().map_err(as_io)?.checked_add_signed(by),
        };
        self.place = place.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.place)
    }
}

impl MediaSource for SoundStream {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        self.file.len().ok()
    }
}

/// A sound file of our own that is written.
#[derive(Debug)]
pub struct SoundWriter {
    kind: Kind,
    /// Place at which [`Write`] continues.
    place: u64,
}

#[derive(Debug)]
enum Kind {
    Plain(Arc<File>),
    Sealed(Arc<Mutex<Writing>>),
}

fn lock(sealed: &Mutex<Writing>) -> MutexGuard<'_, Writing> {
    sealed.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SoundWriter {
    /// Creates an empty file in place of any other; encrypted when the process has a key for it. Blocks.
    pub fn create(path: &Path) -> io::Result<Self> {
        Self::create_with(path, &keys::installed())
    }

    fn create_with(path: &Path, keys: &Keyring) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path)?;
        let kind = match keys.current() {
            Some(key) => Kind::Sealed(Writing::create(file, key)?),
            None => Kind::Plain(file.into()),
        };
        Ok(Self { kind, place: 0 })
    }

    /// Opens a file to change what is in it, or to go on with it. Blocks.
    pub fn open(path: &Path) -> Result<Self, AudioError> {
        Self::open_with(path, &keys::installed())
    }

    fn open_with(path: &Path, keys: &Keyring) -> Result<Self, AudioError> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        let kind =
            if begins_sealed(&file)? { Kind::Sealed(Writing::open(file, keys)?) } else { Kind::Plain(file.into()) };
        let mut writer = Self { kind, place: 0 };
        writer.place = writer.len()?;
        Ok(writer)
    }

    /// Its open file, for [`SoundFile::beside`].
    pub fn file(&self) -> Arc<File> {
        match &self.kind {
            Kind::Plain(file) => Arc::clone(file),
            Kind::Sealed(sealed) => lock(sealed).file(),
        }
    }

    /// Bytes in it.
    pub fn len(&self) -> io::Result<u64> {
        match &self.kind {
            Kind::Plain(file) => Ok(file.metadata()?.len()),
            Kind::Sealed(sealed) => Ok(lock(sealed).len()),
        }
    }

    /// Whether there is nothing in it yet.
    pub fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Writes at a place that is not beyond the end. A try after one that failed is harmless. Blocks.
    pub fn write_at(&self, place: u64, bytes: &[u8]) -> io::Result<()> {
        match &self.kind {
            Kind::Plain(file) => file.write_all_at(bytes, place),
            Kind::Sealed(sealed) => lock(sealed).write_at(place, bytes),
        }
    }

    /// Whether it is encrypted and nobody has said yet that it is complete.
    pub fn is_unfinished(&self) -> bool {
        matches!(&self.kind, Kind::Sealed(sealed) if !lock(sealed).is_finished())
    }

    /// Says that it is complete: of an encrypted file a missing end is noticed from now on.
    pub fn finish(&self) -> io::Result<()> {
        match &self.kind {
            Kind::Plain(_) => Ok(()),
            Kind::Sealed(sealed) => lock(sealed).finish(),
        }
    }

    /// Waits until the disk has it. Blocks.
    pub fn sync(&self) -> io::Result<()> {
        match &self.kind {
            Kind::Plain(file) => file.sync_data(),
            Kind::Sealed(sealed) => lock(sealed).sync(),
        }
    }
}

impl Write for SoundWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_at(self.place, bytes)?;
        self.place += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether new files of this process are encrypted.
pub fn is_sealing() -> bool {
    keys::installed().current().is_some()
}

/// Whether a file is encrypted; its key is not needed. Blocks.
pub fn is_sealed(path: &Path) -> io::Result<bool> {
    begins_sealed(&File::open(path)?)
}

/// Length of the content of a file by its length on disk: right after any crash, and without its key. Blocks.
pub fn len_of(path: &Path) -> io::Result<u64> {
    let file = File::open(path)?;
    let len = file.metadata()?.len();
    Ok(if begins_sealed(&file)? { content_len(len) } else { len })
}

fn begins_sealed(file: &File) -> io::Result<bool> {
    let mut head = [0; MAGIC.len()];
    match file.read_exact_at(&mut head, 0) {
        Ok(()) => Ok(&head == MAGIC),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// Overwrites all of a file with zeros, whatever it is, and waits until the disk has them; needs no key. Blocks.
pub fn blank(path: &Path) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    let len = file.metadata()?.len();
    let zeros = vec![0; 1 << 16];
    let mut place = 0;
    while place < len {
        let count = (len - place).min(zeros.len() as u64);
        file.write_all_at(&zeros[..count as usize], place)?;
        place += count;
    }
    file.sync_data()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::reader::RecordingReader;
    use crate::audio::sealed::keys::Key;
    use crate::audio::wav;

    fn sound() -> Vec<u8> {
        let samples = 20_000_u64;
        let mut bytes = wav::header(8000, 1, samples).to_vec();
        bytes.extend((0..samples).flat_map(|number| (number as i16).to_le_bytes()));
        bytes
    }

    #[test]
    fn a_file_written_with_a_key_and_one_without_are_read_through_the_same_door() {
        let folder = tempfile::tempdir().expect("temp dir");
        let keyed = Keyring::new(Some(Key::random().expect("random")), Vec::new());
        let bytes = sound();
        for (name, keys) in [("plain.wav", Keyring::default()), ("sealed.wav", keyed.clone())] {
            let path = folder.path().join(name);
            let mut writer = SoundWriter::create_with(&path, &keys).expect("create");
            for piece in bytes.chunks(1000) {
                writer.write_all(piece).expect("write");
            }
            writer.finish().expect("finish");
            assert_eq!(is_sealed(&path).expect("look"), name == "sealed.wav");
            assert_eq!(len_of(&path).expect("look"), bytes.len() as u64, "without its key too");
            let file = SoundFile::open_with(&path, &keyed).expect("open");
            let mut reader = RecordingReader::from_file(file, "wav").expect("a WAV");
            let mut samples = Vec::new();
            reader.read_samples(0, 15_000, 10_000, &mut samples).expect("read");
            assert_eq!((samples.len(), samples[0]), (5000, 15_000));
            let mut streamed = Vec::new();
            let mut stream = SoundFile::open_with(&path, &keyed).expect("open").stream();
            stream.seek(SeekFrom::End(-100)).expect("seek");
            stream.read_to_end(&mut streamed).expect("read");
            assert_eq!(streamed, bytes[bytes.len() - 100..]);
        }
    }

    #[test]
    fn an_encrypted_file_in_a_folder_that_others_write_to_is_not_decrypted() {
        let (own, watched) = (tempfile::tempdir().expect("temp dir"), tempfile::tempdir().expect("temp dir"));
        let keys = Keyring::new(Some(Key::random().expect("random")), Vec::new());
        let path = own.path().join("a.wav");
        SoundWriter::create_with(&path, &keys).expect("create").write_all(&sound()).expect("write");
        let stolen = watched.path().join("a.wav");
        std::fs::copy(&path, &stolen).expect("copy");
        contained::watch(&[watched.path().to_path_buf()]);
        assert!(SoundFile::open_with(&path, &keys).expect("open").is_sealed());
        assert!(!SoundFile::open_with(&stolen, &keys).expect("open").is_sealed());
    }

    #[test]
    fn a_blanked_file_holds_nothing() {
        let folder = tempfile::tempdir().expect("temp dir");
        let path = folder.path().join("a.wav");
        std::fs::write(&path, vec![7; 100_000]).expect("write");
        blank(&path).expect("blank");
        assert_eq!(std::fs::read(&path).expect("read"), vec![0; 100_000]);
    }
}
