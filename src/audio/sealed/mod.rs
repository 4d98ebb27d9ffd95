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
mod slots;
mod writing;

pub(super) use self::reading::Reading;
pub use self::slots::SealedError;
pub(super) use self::slots::{MAGIC, content_len};
pub(super) use self::writing::Writing;

#[cfg(test)]
mod tests;
