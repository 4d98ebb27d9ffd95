//! Reads an encrypted file at any place, also while another thread appends to it or silences it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::Duration;

use chacha20poly1305::XChaCha20Poly1305;

use super::keys::Keyring;
use super::slots::{CHUNK, HEADER, Header, NONCE, SLOT, SealedError, TAG, content_len, disk_len, open_chunk, place_of};
use crate::audio::AudioError;

/// Slots per reading.
const BATCH: usize = 64;
/// A slot that does not open may be half old and half new, because it is being rewritten: it is read again this many times.
const TRIES: usize = 10;
/// Pause between two such tries, for the slot's writer.
const PAUSE: Duration = Duration::from_millis(2);

/// An encrypted file, open for reading.
#[derive(Debug)]
pub(in crate::audio) struct Reading {
    file: Arc<File>,
    cipher: XChaCha20Poly1305,
    finished: Option<u64>,
}

impl Reading {
    /// Opens a file that begins with the mark of encrypted ones. Blocks.
    pub fn open(file: impl Into<Arc<File>>, keys: &Keyring) -> Result<Self, AudioError> {
        let file = file.into();
        let (header, cipher) = header_of(&file, keys)?;
        Ok(Self { file, cipher, finished: header.finished })
    }

    /// Bytes of content that can be read now.
    pub fn len(&self) -> Result<u64, AudioError> {
        let has = self.file.metadata()?.len();
        match self.finished {
            Some(len) if has == disk_len(len) => Ok(len),
            Some(len) => Err(SealedError::Length { has, wanted: disk_len(len) }.into()),
            None => Ok(content_len(has)),
        }
    }

    /// Reads as much as there is. Blocks.
    pub fn read_at(&self, place: u64, out: &mut [u8]) -> Result<usize, AudioError> {
        self.read_with(place, out, &mut || std::thread::sleep(PAUSE))
    }

    /// The same; `pause` is called between two tries.
    pub(super) fn read_with(&self, place: u64, out: &mut [u8], pause: &mut dyn FnMut()) -> Result<usize, AudioError> {
        let mut done = 0;
        while done < out.len() {
            let at = place + done as u64;
            let (first, mut skip) = (at / CHUNK as u64, (at % CHUNK as u64) as usize);
            let slots = (skip + out.len() - done).div_ceil(CHUNK).min(BATCH);
            let mut raw = vec![0; slots * SLOT];
            let got = read_full(&self.file, place_of(first), &mut raw)?;
            for (number, slot) in raw[..got].chunks_mut(SLOT).enumerate() {
                let whole = slot.len() == SLOT;
                let chunk = first + number as u64;
                let again;
                let content = match open_chunk(&self.cipher, chunk, slot) {
                    Some(content) => content,
                    None => match self.try_again(chunk, pause)? {
                        Some(content) => {
                            again = content;
                            &again
                        }
                        None => return Ok(done),
                    },
                };
                let part = content.get(skip..).unwrap_or_default();
                let part = &part[..part.len().min(out.len() - done)];
                out[done..done + part.len()].copy_from_slice(part);
                done += part.len();
                skip = 0;
                if !whole {
                    return Ok(done);
                }
            }
            if got < raw.len() {
                break;
            }
        }
        Ok(done)
    }

    /// A chunk that did not open at first. `None`: the end of a file that grows, not there yet or torn by a crash.
    fn try_again(&self, chunk: u64, pause: &mut dyn FnMut()) -> Result<Option<Vec<u8>>, AudioError> {
        for _ in 0..TRIES {
            pause();
            if let Some(content) = read_chunk(&self.file, &self.cipher, chunk)? {
                return Ok(Some(content));
            }
        }
        let is_last = self.file.metadata()?.len() <= place_of(chunk + 1);
        if self.finished.is_none() && is_last {
            return Ok(None);
        }
        let damaged = format!("the stretch from byte {} on", chunk * CHUNK as u64);
        Err(SealedError::Damaged(damaged).into())
    }
}

/// The header of a file and its cipher. Somebody may be finishing it meanwhile.
pub(super) fn header_of(file: &File, keys: &Keyring) -> Result<(Header, XChaCha20Poly1305), AudioError> {
    let mut tries = 0;
    loop {
        let mut bytes = [0; HEADER];
        let got = read_full(file, 0, &mut bytes)?;
        match Header::open(&bytes[..got], keys) {
            Err(SealedError::Damaged(_)) if tries < TRIES => tries += 1,
            opened => return Ok(opened?),
        }
        std::thread::sleep(PAUSE);
    }
}

/// A chunk as it is on disk; `None` when it does not open, empty when it is not there.
pub(super) fn read_chunk(file: &File, cipher: &XChaCha20Poly1305, chunk: u64) -> io::Result<Option<Vec<u8>>> {
    let mut slot = vec![0; SLOT];
    let got = read_full(file, place_of(chunk), &mut slot)?;
    if got == 0 {
        return Ok(Some(Vec::new()));
    }
    slot.truncate(got);
    if open_chunk(cipher, chunk, &mut slot).is_none() {
        return Ok(None);
    }
    slot.truncate(got - TAG);
    slot.drain(..NONCE);
    Ok(Some(slot))
}

/// Reads as much as there is.
fn read_full(file: &File, place: u64, bytes: &mut [u8]) -> io::Result<usize> {
    let mut done = 0;
    while done < bytes.len() {
        match file.read_at(&mut bytes[done..], place + done as u64) {
            Ok(0) => break,
            Ok(got) => done += got,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}
