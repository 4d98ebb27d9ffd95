//! The slots of an encrypted file: encrypts and decrypts its header and its chunks.

use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{Tag, XChaCha20Poly1305, XNonce};

use super::keys::{KeyId, Keyring, random};

/// First bytes of every encrypted file.
pub(in crate::audio) const MAGIC: &[u8; 8] = b"LSSEALED";
pub(super) const VERSION: u32 = 1;
pub(super) const SLOT: usize = 4096;
pub(super) const NONCE: usize = 24;
pub(super) const TAG: usize = 16;
/// Bytes of content in a full slot.
pub(super) const CHUNK: usize = SLOT - NONCE - TAG;
/// Bytes of the header's content; those that authenticate them follow.
pub(super) const TOLD: usize = 72;
pub(super) const HEADER: usize = TOLD + NONCE + TAG;

/// Reason why an encrypted file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealedError {
    /// Its key is not here.
    #[error(
        "it is encrypted with the key {0}, which lineside was not given: name that key in [privacy] old_audio_keys and restart"
    )]
    NoKey(KeyId),
    /// The bytes are not those that were written.
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

/// Bytes of content in an unfinished file of this length.
pub(in crate::audio) fn content_len(on_disk: u64) -> u64 {
    let slots = on_disk.saturating_sub(SLOT as u64);
    slots / SLOT as u64 * CHUNK as u64 + (slots % SLOT as u64).saturating_sub((NONCE + TAG) as u64)
}

/// Length of a file with this many bytes of content.
pub(super) fn disk_len(content: u64) -> u64 {
    let rest = content % CHUNK as u64;
    let last = if rest == 0 { 0 } else { rest + (NONCE + TAG) as u64 };
    SLOT as u64 + content / CHUNK as u64 * SLOT as u64 + last
}

/// Place of a chunk on disk, bytes.
pub(super) fn place_of(chunk: u64) -> u64 {
    (chunk + 1) * SLOT as u64
}

pub(super) fn nonce_of(bytes: &[u8]) -> XNonce {
    let mut nonce = XNonce::default();
    nonce.copy_from_slice(bytes);
    nonce
}

pub(super) fn tag_of(bytes: &[u8]) -> Tag {
    let mut tag = Tag::default();
    tag.copy_from_slice(bytes);
    tag
}

/// Content of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) key: KeyId,
    pub(super) file: [u8; 32],
    /// Bytes of content in a finished file.
    pub(super) finished: Option<u64>,
}

impl Header {
    pub(super) fn told(&self) -> [u8; TOLD] {
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
    pub(super) fn seal(&self, cipher: &XChaCha20Poly1305) -> std::io::Result<[u8; HEADER]> {
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
    pub(super) fn open(bytes: &[u8], keys: &Keyring) -> Result<(Self, XChaCha20Poly1305), SealedError> {
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

pub(super) fn chunk_data(chunk: u64) -> [u8; 17] {
    let mut data = *b"chunk\0\0\0\0\0\0\0\0\0\0\0\0";
    data[5..9].copy_from_slice(&VERSION.to_le_bytes());
    data[9..].copy_from_slice(&chunk.to_le_bytes());
    data
}

/// Makes a slot of a chunk: nonce and ciphertext and tag are appended to `out`.
pub(super) fn seal_chunk(
    cipher: &XChaCha20Poly1305,
    chunk: u64,
    content: &[u8],
    out: &mut Vec<u8>,
) -> std::io::Result<()> {
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
pub(super) fn open_chunk<'a>(cipher: &XChaCha20Poly1305, chunk: u64, slot: &'a mut [u8]) -> Option<&'a [u8]> {
    let body = slot.len().checked_sub(NONCE + TAG)?;
    let (nonce, rest) = slot.split_at_mut(NONCE);
    let (content, tag) = rest.split_at_mut(body);
    cipher
        .decrypt_inout_detached(&nonce_of(nonce), &chunk_data(chunk), (&mut *content).into(), &tag_of(tag))
        .ok()
        .map(|()| &*content)
}
