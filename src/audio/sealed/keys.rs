//! The keys of encrypted audio: files or systemd credentials, read at the start and then known to the whole process, so that no reader and no
//! writer can forget them.
//!
//! A key file is text: 64 hexadecimal digits; lines that begin with `#` are for people.

use std::fmt;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use chacha20poly1305::XChaCha20Poly1305;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

static KEYS: LazyLock<RwLock<Arc<Keyring>>> = LazyLock::new(RwLock::default);

/// Folder of the unit's credentials when the environment does not name one: for commands that an admin runs beside the daemon.
const OF_THE_UNIT: &str = "/run/credentials/lineside.service";

/// Reason why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read.
    #[error(
        "audio key {path}: {source}; `lineside key new` makes one, which the daemon's user must be able to read ([privacy] audio_key, old_audio_keys)"
    )]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The unit passes no such credential.
    #[error(
        "audio key {0}: a name without a path is a systemd credential, and none of that name is here: the unit wants LoadCredential= or \
         LoadCredentialEncrypted= for it (/usr/share/doc/lineside/examples/audio-key.conf)"
    )]
    NoCredential(String),
    /// The file holds something that is not a key.
    #[error("audio key {0}: not 64 hexadecimal digits; `lineside key new` makes a key")]
    Malformed(PathBuf),
}

/// Id of a key: eight bytes that reveal nothing of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyId(pub(super) [u8; 8]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// A key of 256 bits. Its bytes are never printed but by [`Self::text`].
#[derive(Clone)]
pub struct Key([u8; 32]);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.id())
    }
}

impl Key {
    /// A new key.
    pub fn random() -> io::Result<Self> {
        let mut bytes = [0; 32];
        random(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// Reads a key by what the configuration calls it: the path of a file, or the bare name of a systemd credential. Blocks.
    pub fn load(name: &str) -> Result<Self, KeyError> {
        let path = path_of(name).ok_or_else(|| KeyError::NoCredential(name.into()))?;
        let text = std::fs::read_to_string(&path).map_err(|source| KeyError::Read { path: path.clone(), source })?;
        Self::parse(&text).ok_or(KeyError::Malformed(path))
    }

    /// Reads the text of a key file.
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let key = lines.next().filter(|_| lines.next().is_none())?;
        let mut bytes = [0; 32];
        hex::decode_to_slice(key, &mut bytes).ok()?;
        Some(Self(bytes))
    }

    /// The text of a key file.
    pub fn text(&self) -> String {
        format!(
            "# lineside audio key {}. Without it the audio it encrypted is lost.\n{}\n",
            self.id(),
            hex::encode(self.0)
        )
    }

    /// Its name in files and messages.
    pub fn id(&self) -> KeyId {
        let mut id = KeyId::default();
        id.0.copy_from_slice(&self.derive(b"lineside audio key", &[])[..8]);
        id
    }

    /// The cipher of one file.
    pub(super) fn cipher(&self, file: &[u8; 32]) -> XChaCha20Poly1305 {
        chacha20poly1305::KeyInit::new(&self.derive(b"lineside audio file", file).into())
    }

    fn derive(&self, purpose: &[u8], of: &[u8]) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(purpose);
        mac.update(of);
        mac.finalize().into_bytes().into()
    }
}

/// Path of a key; `None` for a credential that was not passed.
pub fn path_of(name: &str) -> Option<PathBuf> {
    if name.contains('/') {
        return Some(name.into());
    }
    let folder = std::env::var_os("CREDENTIALS_DIRECTORY").map_or_else(|| OF_THE_UNIT.into(), PathBuf::from);
    Some(folder.join(name)).filter(|path| path.exists())
}

/// Whether every user of the machine may read a file.
pub fn is_public(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o004 != 0)
}

/// The keys of a process: one that new files are encrypted with, and all that files are read with.
#[derive(Clone, Debug, Default)]
pub struct Keyring {
    current: Option<Key>,
    old: Vec<Key>,
}

impl Keyring {
    /// Without `current` new files are plain.
    pub fn new(current: Option<Key>, old: Vec<Key>) -> Self {
        Self { current, old }
    }

    pub(in crate::audio) fn current(&self) -> Option<&Key> {
        self.current.as_ref()
    }

    pub(super) fn find(&self, id: KeyId) -> Option<&Key> {
        self.current.iter().chain(&self.old).find(|key| key.id() == id)
    }
}

/// Gives the process its keys: files that are opened from now on use them.
pub fn install(keys: Keyring) {
    *KEYS.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
}

/// The keys that this process uses.
pub(in crate::audio) fn installed() -> Arc<Keyring> {
    Arc::clone(&KEYS.read().unwrap_or_else(PoisonError::into_inner))
}

/// Bytes that nobody can foresee.
pub(super) fn random(bytes: &mut [u8]) -> std::io::Result<()> {
    getrandom::fill(bytes).map_err(std::io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_back_from_its_text_and_nothing_else_is_a_key() {
        let key = Key::random().expect("random");
        let same = Key::parse(&key.text()).expect("a key");
        assert_eq!((same.0, same.id()), (key.0, key.id()));
        assert!(!format!("{key:?}").contains(&hex::encode(key.0)));
        let digits = "0123456789abcdef".repeat(4);
        assert!(Key::parse(&digits).is_some());
        for wrong in
            ["", "# only a comment\n", &digits[1..], &format!("{digits}0"), &format!("{digits}\n{digits}"), "hello"]
        {
            assert!(Key::parse(wrong).is_none(), "{wrong:?}");
        }
    }

    #[test]
    fn a_missing_key_is_named_with_what_to_do() {
        let folder = tempfile::tempdir().expect("temp dir");
        let path = folder.path().join("key");
        let name = path.display().to_string();
        let error = Key::load(&name).expect_err("missing").to_string();
        assert!(error.contains(&name) && error.contains("lineside key new"), "{error}");
        std::fs::write(&path, "secret").expect("write");
        assert!(matches!(Key::load(&name), Err(KeyError::Malformed(_))));
        let error = Key::load("no.such.credential").expect_err("missing").to_string();
        assert!(error.contains("no.such.credential") && error.contains("LoadCredential="), "{error}");
    }
}
