//! Audio encrypted at rest: a file of slots, each with its own nonce and tag, that can be appended to, read at any place and overwritten in part.
//!
//! # The format, version 1 (numbers are little endian)
//!
//! A file is a row of slots of 4096 bytes; the last one may be shorter. Slot 0 is the header, padded with zeros:
//!
//! | bytes | what |
//! |---|---|
//! | 0..8 | `LSSEALED` |
//! | 8..12 | version, 1 |
//! | 12..16 | bytes of a slot, 4096 |
//! | 16..24 | the key's id: the first bytes of HMAC-SHA256(key, `lineside audio key`) |
//! | 24..56 | the file's id, random |
//! | 56..64 | 0 while the file grows, 1 when it is finished |
//! | 64..72 | bytes of content of a finished file, else 0 |
//! | 72..96 | nonce, random, fresh each time the header is written |
//! | 96..112 | Poly1305 tag over bytes 0..72 |
//!
//! Slot n + 1 holds chunk n, bytes n * 4056 to (n + 1) * 4056 of the content: nonce (24, random, fresh each time the slot is written), ciphertext
//! (1 to 4056), tag (16). The cipher is XChaCha20-Poly1305 under a key of the file's own, HMAC-SHA256(key, `lineside audio file` and the file's id);
//! associated data are `chunk`, the version (4 bytes) and n (8 bytes). The content is what a plain file would hold: a WAV.
//!
//! # What follows from it
//!
//! - A chunk opens at its place in its file alone, at its full length. A finished file says how long it is, so a cut is noticed; of one that still
//!   grows, or that a crash left so, a missing end cannot be told from one that was never written.
//! - The last slot is rewritten as it fills. A slot is a page of memory: the kernel stops a write for SIGKILL between pages, so what was readable
//!   stays readable. A power cut may tear the slot being written: 4056 bytes, 253 ms at 8 kHz.
//! - Silencing rewrites slots under fresh nonces; 24 random bytes never come twice.
//! - An older state of a whole file, or of one slot of it, opens again where somebody puts it back: nothing outside the file counts versions.
//! - Names, times and lengths are not hidden.
//!
//! age was the alternative: its payload is one stream under a counter for nonces, so a chunk could be neither rewritten nor silenced.

pub mod keys;
mod reading;
mod writing;

use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{Tag, XChaCha20Poly1305, XNonce};

use self::keys::{KeyId, Keyring, random};
pub(super) use self::reading::Reading;
pub(super) use self::writing::Writing;

/// How every encrypted file begins.
pub(super) const MAGIC: &[u8; 8] = b"LSSEALED";
const VERSION: u32 = 1;
const SLOT: usize = 4096;
const NONCE: usize = 24;
const TAG: usize = 16;
/// Bytes of content in a full slot.
const CHUNK: usize = SLOT - NONCE - TAG;
/// Bytes of the header that are told, and then those that prove them.
const TOLD: usize = 72;
const HEADER: usize = TOLD + NONCE + TAG;

/// Why an encrypted file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealedError {
    /// Its key is not here.
    #[error(
        "it is encrypted with the key {0}, which lineside was not given: name that key in [privacy] old_audio_keys and restart"
    )]
    NoKey(KeyId),
    /// What is there is not what was written.
    #[error("it is encrypted, and {0} is not what was written: damaged or changed; restore the file from a backup")]
    Damaged(String),
    /// A finished file is not as long as it says.
    #[error(
        "it is encrypted, and {has} bytes long instead of {wanted}: cut off or added to; restore the file from a backup"
    )]
    Length {
        /// Bytes on disk.
        has: u64,
        /// Bytes that it should have.
        wanted: u64,
    },
    /// Of another format.
    #[error("it is encrypted in format {0}, which this lineside does not know: use a newer one")]
    Version(u32),
}

/// Bytes of content in a file of so many bytes that is not finished.
pub(super) fn content_len(on_disk: u64) -> u64 {
    let slots = on_disk.saturating_sub(SLOT as u64);
    slots / SLOT as u64 * CHUNK as u64 + (slots % SLOT as u64).saturating_sub((NONCE + TAG) as u64)
}

/// Bytes of a file with so much content.
fn disk_len(content: u64) -> u64 {
    let rest = content % CHUNK as u64;
    let last = if rest == 0 { 0 } else { rest + (NONCE + TAG) as u64 };
    SLOT as u64 + content / CHUNK as u64 * SLOT as u64 + last
}

/// Where on disk a chunk lies.
fn place_of(chunk: u64) -> u64 {
    (chunk + 1) * SLOT as u64
}

fn nonce_of(bytes: &[u8]) -> XNonce {
    let mut nonce = XNonce::default();
    nonce.copy_from_slice(bytes);
    nonce
}

fn tag_of(bytes: &[u8]) -> Tag {
    let mut tag = Tag::default();
    tag.copy_from_slice(bytes);
    tag
}

/// What a header tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Header {
    key: KeyId,
    file: [u8; 32],
    /// Bytes of content, once there will be no more.
    finished: Option<u64>,
}

impl Header {
    fn told(&self) -> [u8; TOLD] {
        let mut told = [0; TOLD];
        told[..8].copy_from_slice(MAGIC);
        told[8..12].copy_from_slice(&VERSION.to_le_bytes());
        told[12..16].copy_from_slice(&(SLOT as u32).to_le_bytes());
        told[16..24].copy_from_slice(&self.key.0);
        told[24..56].copy_from_slice(&self.file);
        told[56..64].copy_from_slice(&u64::from(self.finished.is_some()).to_le_bytes());
        told[64..72].copy_from_slice(&self.finished.unwrap_or(0).to_le_bytes());
        told
    }

    /// The header as it stands on disk, under a fresh nonce.
    fn seal(&self, cipher: &XChaCha20Poly1305) -> std::io::Result<[u8; HEADER]> {
        let mut bytes = [0; HEADER];
        bytes[..TOLD].copy_from_slice(&self.told());
        random(&mut bytes[TOLD..TOLD + NONCE])?;
        let (told, proof) = bytes.split_at_mut(TOLD);
        let mut nothing: [u8; 0] = [];
        let tag = cipher
            .encrypt_inout_detached(&nonce_of(&proof[..NONCE]), told, nothing.as_mut_slice().into())
            .map_err(std::io::Error::other)?;
        proof[NONCE..].copy_from_slice(&tag);
        Ok(bytes)
    }

    /// Reads a header and believes it only if its key says so.
    fn open(bytes: &[u8], keys: &Keyring) -> Result<(Self, XChaCha20Poly1305), SealedError> {
        let damaged = || SealedError::Damaged("its header".into());
        let bytes: &[u8; HEADER] = bytes.get(..HEADER).and_then(|head| head.try_into().ok()).ok_or_else(damaged)?;
        let number = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let long = |at: usize| u64::from(number(at)) | u64::from(number(at + 4)) << 32;
        if number(8) != VERSION || number(12) as usize != SLOT {
            return Err(SealedError::Version(number(8)));
        }
        let mut header = Self { key: KeyId::default(), file: [0; 32], finished: None };
        header.key.0.copy_from_slice(&bytes[16..24]);
        header.file.copy_from_slice(&bytes[24..56]);
        header.finished = (long(56) == 1).then_some(long(64));
        let cipher = keys.find(header.key).ok_or(SealedError::NoKey(header.key))?.cipher(&header.file);
        let mut nothing: [u8; 0] = [];
        let (nonce, tag) = (nonce_of(&bytes[TOLD..TOLD + NONCE]), tag_of(&bytes[TOLD + NONCE..]));
        cipher
            .decrypt_inout_detached(&nonce, &bytes[..TOLD], nothing.as_mut_slice().into(), &tag)
            .map_err(|_| damaged())?;
        Ok((header, cipher))
    }
}

fn chunk_data(chunk: u64) -> [u8; 17] {
    let mut data = *b"chunk\0\0\0\0\0\0\0\0\0\0\0\0";
    data[5..9].copy_from_slice(&VERSION.to_le_bytes());
    data[9..].copy_from_slice(&chunk.to_le_bytes());
    data
}

/// Makes a slot of a chunk: nonce and ciphertext and tag are appended to `out`.
fn seal_chunk(cipher: &XChaCha20Poly1305, chunk: u64, content: &[u8], out: &mut Vec<u8>) -> std::io::Result<()> {
    let begin = out.len();
    out.resize(begin + NONCE, 0);
    random(&mut out[begin..])?;
    out.extend_from_slice(content);
    let (nonce, body) = out[begin..].split_at_mut(NONCE);
    let tag = cipher
        .encrypt_inout_detached(&nonce_of(nonce), &chunk_data(chunk), body.into())
        .map_err(std::io::Error::other)?;
    out.extend_from_slice(&tag);
    Ok(())
}

/// Opens a slot where it stands; its content. `None` when it is not what was written there.
fn open_chunk<'a>(cipher: &XChaCha20Poly1305, chunk: u64, slot: &'a mut [u8]) -> Option<&'a [u8]> {
    let body = slot.len().checked_sub(NONCE + TAG)?;
    let (nonce, rest) = slot.split_at_mut(NONCE);
    let (content, tag) = rest.split_at_mut(body);
    cipher
        .decrypt_inout_detached(&nonce_of(nonce), &chunk_data(chunk), (&mut *content).into(), &tag_of(tag))
        .ok()
        .map(|()| &*content)
}

#[cfg(test)]
mod tests;
