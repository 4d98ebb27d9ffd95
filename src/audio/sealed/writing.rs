//! Writes an encrypted file: appends to it and overwrites parts of it, with one writer per file.
//!
//! The spool's thread appends to a leg while another thread silences a part of it, and both may need the last slot. So all who open a file for
//! writing share one state of it, behind a lock.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use chacha20poly1305::XChaCha20Poly1305;

use super::keys::{Key, Keyring, random};
use super::reading::{header_of, read_chunk};
use super::slots::{CHUNK, Header, SLOT, SealedError, disk_len, place_of, seal_chunk};
use crate::audio::AudioError;

type Shared = Arc<Mutex<Writing>>;
/// Device and inode.
type Place = (u64, u64);

type Writers = HashMap<Place, Weak<Mutex<Writing>>>;

/// Files being written.
static OPEN: LazyLock<Mutex<Writers>> = LazyLock::new(Mutex::default);

/// An encrypted file, open for writing.
#[derive(Debug)]
pub(in crate::audio) struct Writing {
    file: Arc<File>,
    cipher: XChaCha20Poly1305,
    header: Header,
    /// Bytes of content.
    len: u64,
    /// Content of the last slot while that is not full: what is rewritten as it fills.
    tail: Vec<u8>,
}

impl Writing {
    /// Makes an empty file an encrypted one. Blocks.
    pub fn create(file: File, key: &Key) -> io::Result<Shared> {
        let mut id = [0; 32];
        random(&mut id)?;
        let header = Header { key: key.id(), file: id, finished: None };
        let cipher = key.cipher(&id);
        let mut slot = header.seal(&cipher)?.to_vec();
        slot.resize(SLOT, 0);
        file.write_all_at(&slot, 0)?;
        let place = place(&file)?;
        let new = Arc::new(Mutex::new(Self { file: file.into(), cipher, header, len: 0, tail: Vec::new() }));
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, writer| writer.strong_count() > 0);
        open.insert(place, Arc::downgrade(&new));
        Ok(new)
    }

    /// Opens an encrypted file for reading and writing. An end that a crash tore is left out, and is cut off when the file is finished or grows.
    /// Blocks.
    pub fn open(file: File, keys: &Keyring) -> Result<Shared, AudioError> {
        let place = place(&file)?;
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(writer) = open.get(&place).and_then(Weak::upgrade) {
            return Ok(writer);
        }
        let (header, cipher) = header_of(&file, keys)?;
        let has = file.metadata()?.len();
        if let Some(len) = header.finished
            && has != disk_len(len)
        {
            return Err(SealedError::Length { has, wanted: disk_len(len) }.into());
        }
        let mut new = Self { file: file.into(), cipher, header, len: 0, tail: Vec::new() };
        let mut chunks = has.saturating_sub(SLOT as u64).div_ceil(SLOT as u64);
        while let Some(last) = chunks.checked_sub(1) {
            if let Some(content) = read_chunk(&new.file, &new.cipher, last)? {
                new.len = last * CHUNK as u64 + content.len() as u64;
                new.tail = if content.len() < CHUNK { content } else { Vec::new() };
                break;
            }
            if header.finished.is_some() {
                return Err(SealedError::Damaged("its end".into()).into());
            }
            chunks = last;
        }
        let new = Arc::new(Mutex::new(new));
        open.retain(|_, writer| writer.strong_count() > 0);
        open.insert(place, Arc::downgrade(&new));
        Ok(new)
    }

    /// The open file, for reading beside the writer without another descriptor.
    pub fn file(&self) -> Arc<File> {
        Arc::clone(&self.file)
    }

    /// Bytes of content.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Writes at a place up to the end, or beyond it. What failed may be tried again: every try writes whole slots. Blocks.
    pub fn write_at(&mut self, place: u64, bytes: &[u8]) -> io::Result<()> {
        let end = place + bytes.len() as u64;
        if bytes.is_empty() {
            return Ok(());
        }
        if place > self.len || (self.header.finished.is_some() && end > self.len) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "an encrypted file is appended to until it is finished",
            ));
        }
        let (first, last) = (place / CHUNK as u64, (end - 1) / CHUNK as u64);
        let begin = first * CHUNK as u64;
        let until = end.max(self.len.min((last + 1) * CHUNK as u64));
        let mut content = if place > begin { self.chunk(first)? } else { Vec::new() };
        content.resize((until - begin) as usize, 0);
        if until > end && (last > first || place == begin) {
            let old = self.chunk(last)?;
            let from = (last * CHUNK as u64 - begin) as usize;
            content[from..from + old.len()].copy_from_slice(&old);
        }
        let at = (place - begin) as usize;
        content[at..at + bytes.len()].copy_from_slice(bytes);
        let mut slots = Vec::with_capacity(content.len().div_ceil(CHUNK) * SLOT);
        for (number, chunk) in content.chunks(CHUNK).enumerate() {
            seal_chunk(&self.cipher, first + number as u64, chunk, &mut slots)?;
        }
        self.file.write_all_at(&slots, place_of(first))?;
        self.len = self.len.max(end);
        if until == self.len {
            self.tail = content.split_off((self.len / CHUNK as u64 * CHUNK as u64 - begin) as usize);
        }
        Ok(())
    }

    /// Says that there will be no more, and how much there is: from now on a missing end is noticed. Blocks.
    pub fn finish(&mut self) -> io::Result<()> {
        self.file.set_len(disk_len(self.len))?;
        let header = Header { finished: Some(self.len), ..self.header };
        self.file.write_all_at(&header.seal(&self.cipher)?, 0)?;
        self.header = header;
        Ok(())
    }

    /// Whether [`Self::finish`] was called, now or before.
    pub fn is_finished(&self) -> bool {
        self.header.finished.is_some()
    }

    /// Waits until the disk has it.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn chunk(&self, chunk: u64) -> io::Result<Vec<u8>> {
        if chunk == self.len / CHUNK as u64 {
            return Ok(self.tail.clone());
        }
        read_chunk(&self.file, &self.cipher, chunk)?.ok_or_else(|| {
            let damaged = format!("the stretch from byte {} on", chunk * CHUNK as u64);
            io::Error::new(io::ErrorKind::InvalidData, SealedError::Damaged(damaged))
        })
    }
}

fn place(file: &File) -> io::Result<Place> {
    let meta = file.metadata()?;
    Ok((meta.dev(), meta.ino()))
}
