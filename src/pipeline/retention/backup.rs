//! Backups made while the daemon runs, and their restoration, which verifies everything before it uses it.
//!
//! A backup is a folder: `lineside.db` (a consistent snapshot), `spool/` (own audio), `glossary.csv`, `glossaries/`, `settings/` (`lineside.toml`, `conf.d/`,
//! `packs/`) and `manifest.json` with size and SHA-256 of each file. The manifest is written last: a folder without it is no backup. Models and other
//! programs' recordings are not in it, nor are the keys of encrypted audio, which is copied as it is.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Component, Path, PathBuf};

use rusqlite::{Connection, OpenFlags};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::audio::sound_file::is_sealed;
use crate::pipeline::workers::glossary::{CAMPAIGNS, GENERAL};
use crate::store::forget::Alone;

/// Folder of a restored state with the settings of then. They are not put into use: the machine may be another one.
pub const RESTORED: &str = "restored";

/// Folder of a backup with the settings.
const SETTINGS: &str = "settings";

/// A file of the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsFile {
    /// The file.
    pub file: PathBuf,
    /// Its place among the settings of a backup.
    pub place: PathBuf,
}

/// Reason why there is no backup, or nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file or folder cannot be used.
    #[error("{action} {path}: {source}")]
    Io {
        /// The operation, as a verb.
        action: &'static str,
        /// The file or folder that it failed on.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The database cannot be read or written.
    #[error("database {path}: {source}")]
    Database {
        /// The file.
        path: PathBuf,
        /// SQLite's error.
        source: rusqlite::Error,
    },
    /// The folder is not empty.
    #[error("{0} is not empty; name a folder that is empty or not there yet")]
    NotEmpty(PathBuf),
    /// It is not what it should be.
    #[error("{path}: {problem}; nothing was restored")]
    Broken {
        /// The file.
        path: PathBuf,
        /// The problem.
        problem: String,
    },
    /// The restored database cannot be used.
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
}

fn io<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(std::io::Error) -> BackupError + 'a {
    move |source| BackupError::Io { action, path: path.into(), source }
}

fn sql(path: &Path) -> impl Fn(rusqlite::Error) -> BackupError + '_ {
    move |source| BackupError::Database { path: path.into(), source }
}

/// A file of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    path: PathBuf,
    size: u64,
    sha256: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    lineside: String,
    made: String,
    files: Vec<Entry>,
}

/// Number of files and bytes copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Copied {
    /// Number of copied files.
    pub files: usize,
    /// Size of the copied files, bytes.
    pub bytes: u64,
    /// Audio files that were deleted or unreadable by the time their turn came.
    pub missing: usize,
    /// Encrypted audio files: copied as they are, without their key.
    pub sealed: usize,
}

/// The share of the work that is done, told as it goes on: bytes read, and bytes to be read in all.
struct Share<'a> {
    done: u64,
    all: u64,
    tell: &'a mut dyn FnMut(u64, u64),
}

impl Share<'_> {
    fn read(&mut self, bytes: usize) {
        self.done += bytes as u64;
        (self.tell)(self.done, self.all.max(self.done));
    }
}

fn empty_folder(path: &Path) -> Result<(), BackupError> {
    match fs::read_dir(path) {
        Ok(mut entries) => match entries.next() {
            Some(_) => Err(BackupError::NotEmpty(path.into())),
            None => Ok(()),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            // The folder will hold the text of calls, so nobody else may enter it.
            fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(io("create", path))
        }
        Err(error) => Err(io("read", path)(error)),
    }
}

/// Copies a file and says what it was. The copy is on disk when this returns.
fn copy(from: &Path, to: &Path, name: &Path, share: &mut Share) -> Result<Entry, BackupError> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).map_err(io("create", folder))?;
    }
    let mut input = File::open(from).map_err(io("read", from))?;
    let mut output = File::create_new(to).map_err(io("create", to))?;
    let (mut hash, mut size, mut piece) = (Sha256::new(), 0, vec![0; 1 << 20]);
    loop {
        let got = input.read(&mut piece).map_err(io("read", from))?;
        if got == 0 {
            break;
        }
        hash.update(&piece[..got]);
        size += got as u64;
        share.read(got);
        output.write_all(&piece[..got]).map_err(io("write", to))?;
    }
    output.sync_all().map_err(io("write", to))?;
    Ok(Entry { path: name.into(), size, sha256: hex::encode(hash.finalize()) })
}

fn fingerprint(path: &Path, name: &Path, share: &mut Share) -> Result<Entry, BackupError> {
    let mut file = File::open(path).map_err(io("read", path))?;
    let (mut hash, mut size, mut piece) = (Sha256::new(), 0, vec![0; 1 << 20]);
    loop {
        let got = file.read(&mut piece).map_err(io("read", path))?;
        if got == 0 {
            return Ok(Entry { path: name.into(), size, sha256: hex::encode(hash.finalize()) });
        }
        hash.update(&piece[..got]);
        size += got as u64;
        share.read(got);
    }
}

/// The files of the glossaries, in the state folder.
fn glossaries(state: &Path) -> Result<Vec<PathBuf>, BackupError> {
    let mut names: Vec<PathBuf> = vec![GENERAL.into()];
    let folder = state.join(CAMPAIGNS);
    match fs::read_dir(&folder) {
        Ok(entries) => names.extend(entries.flatten().map(|entry| Path::new(CAMPAIGNS).join(entry.file_name()))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(io("read", &folder)(error)),
    }
    let is_list = |name: &PathBuf| name.extension().is_some_and(|extension| extension == "csv");
    names.retain(|name| is_list(name) && state.join(name).is_file());
    Ok(names)
}

/// The place of a spool file in a backup: `spool/DAY/NAME`.
fn place(path: &Path) -> Option<PathBuf> {
    let (name, day) = (path.file_name()?, path.parent()?.file_name()?);
    Some(Path::new("spool").join(day).join(name))
}

fn whole(path: &Path, db: &Connection) -> Result<(), BackupError> {
    let said: String = db.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(sql(path))?;
    if said == "ok" { Ok(()) } else { Err(BackupError::Broken { path: path.into(), problem: said }) }
}

fn read_only(path: &Path) -> Result<Connection, BackupError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags).map_err(sql(path))?;
    db.busy_timeout(std::time::Duration::from_secs(30)).map_err(sql(path))?;
    Ok(db)
}

/// Sizes of files, bytes; what is not there counts nothing.
fn sizes<'a>(paths: impl Iterator<Item = &'a Path>) -> u64 {
    paths.filter_map(|path| fs::metadata(path).ok()).map(|file| file.len()).sum()
}

/// Makes a backup of a state folder, whether a daemon runs on it or not. `tell` hears of bytes done and bytes in all, once the snapshot of the database is
/// made. Blocks.
pub fn backup(
    state: &Path,
    settings: &[SettingsFile],
    to: &Path,
    tell: &mut dyn FnMut(u64, u64),
) -> Result<Copied, BackupError> {
    let source = state.join("lineside.db");
    let db = read_only(&source)?;
    empty_folder(to)?;
    let target = to.join("lineside.db");
    db.execute("VACUUM INTO ?1", [target.to_string_lossy()]).map_err(sql(&target))?;
    drop(db);
    let snapshot = read_only(&target)?;
    whole(&target, &snapshot)?;
    let audio: Vec<PathBuf> = snapshot
        .prepare("SELECT path FROM leg WHERE owned = 1 AND audio_gone_ms IS NULL")
        .and_then(|mut query| query.query_map([], |row| row.get::<_, String>(0).map(PathBuf::from))?.collect())
        .map_err(sql(&target))?;
    drop(snapshot);
    let all = sizes(audio.iter().map(PathBuf::as_path).chain([target.as_path()]));
    let mut share = Share { done: 0, all, tell };
    let mut files = vec![fingerprint(&target, Path::new("lineside.db"), &mut share)?];
    let mut copied = Copied::default();
    for path in audio {
        for path in [path.clone(), path.with_extension("json")] {
            let Some(name) = place(&path) else { continue };
            match copy(&path, &to.join(&name), &name, &mut share) {
                Ok(entry) => {
                    files.push(entry);
                    copied.sealed += usize::from(is_sealed(&path).unwrap_or(false));
                }
                Err(BackupError::Io { action: "read", .. }) => copied.missing += 1,
                Err(error) => return Err(error),
            }
        }
    }
    for name in glossaries(state)? {
        files.push(copy(&state.join(&name), &to.join(&name), &name, &mut share)?);
    }
    for SettingsFile { file, place } in settings {
        let name = Path::new(SETTINGS).join(place);
        files.push(copy(file, &to.join(&name), &name, &mut share)?);
    }
    copied.files = files.len();
    copied.bytes = files.iter().map(|file| file.size).sum();
    let made = jiff::Timestamp::now().to_string();
    let manifest = Manifest { lineside: env!("CARGO_PKG_VERSION").into(), made, files };
    let path = to.join("manifest.json");
    let text =
        serde_json::to_vec_pretty(&manifest).map_err(|error| io("write", &path)(std::io::Error::other(error)))?;
    fs::write(&path, text).and_then(|()| File::open(&path)?.sync_all()).map_err(io("write", &path))?;
    Ok(copied)
}

fn broken(path: &Path, problem: &str) -> BackupError {
    BackupError::Broken { path: path.into(), problem: problem.into() }
}

/// Reads what is said to be in a backup.
fn manifest(from: &Path) -> Result<Manifest, BackupError> {
    let path = from.join("manifest.json");
    let text = fs::read(&path).map_err(io("read", &path))?;
    serde_json::from_slice(&text).map_err(|error| broken(&path, &error.to_string()))
}

/// Compares every file of a backup with its fingerprint. Blocks.
fn verify(from: &Path, manifest: &Manifest, share: &mut Share) -> Result<(), BackupError> {
    for file in &manifest.files {
        // A name may not lead out of the folder.
        if !file.path.components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(broken(&file.path, "is no name inside a backup"));
        }
        let path = from.join(&file.path);
        let kind = fs::symlink_metadata(&path).map_err(io("read", &path))?;
        if !kind.is_file() || fingerprint(&path, &file.path, share)? != *file {
            return Err(broken(&path, "is not the file that was backed up"));
        }
    }
    let database = from.join("lineside.db");
    if !manifest.files.iter().any(|file| file.path == Path::new("lineside.db")) {
        return Err(broken(&database, "is not in the backup"));
    }
    whole(&database, &read_only(&database)?)
}

/// Brings a backup into a state folder that holds nothing but models, and opens it once, so that a daemon will. `tell` hears of bytes done and bytes in all:
/// each is read twice. Blocks.
pub fn restore(from: &Path, state: &Path, tell: &mut dyn FnMut(u64, u64)) -> Result<Copied, BackupError> {
    let manifest = manifest(from)?;
    let all = 2 * manifest.files.iter().map(|file| file.size).sum::<u64>();
    let mut share = Share { done: 0, all, tell };
    verify(from, &manifest, &mut share)?;
    fs::DirBuilder::new().recursive(true).mode(0o750).create(state).map_err(io("create", state))?;
    let entries = fs::read_dir(state).map_err(io("read", state))?;
    if entries.flatten().any(|entry| entry.file_name() != "models") {
        return Err(BackupError::NotEmpty(state.into()));
    }
    let mut copied = Copied::default();
    for file in &manifest.files {
        let setting = file.path.strip_prefix(SETTINGS).ok();
        let name = setting.map_or_else(|| file.path.clone(), |place| Path::new(RESTORED).join(place));
        let entry = copy(&from.join(&file.path), &state.join(name), &file.path, &mut share)?;
        if entry != *file {
            return Err(broken(&from.join(&file.path), "changed while it was read"));
        }
        copied.files += 1;
        copied.bytes += entry.size;
    }
    let path = state.join("lineside.db");
    // Brings the tables up to date too; refuses those of a newer version.
    let alone = Alone::open(state)?;
    let db = &alone.connection;
    let legs: Vec<(i64, PathBuf)> = db
        .prepare("SELECT id, path FROM leg WHERE owned = 1")
        .and_then(|mut query| query.query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?.into())))?.collect())
        .map_err(sql(&path))?;
    for (leg, old) in legs {
        // The state folder may be another one now.
        let Some(name) = place(&old) else { continue };
        let new = state.join(name);
        db.execute("UPDATE leg SET path = ?2 WHERE id = ?1", (leg, new.to_string_lossy())).map_err(sql(&path))?;
    }
    whole(&path, db)?;
    Ok(copied)
}
