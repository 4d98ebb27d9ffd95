//! One run of the system's `sftp`: its instructions, its progress, and its result.
//!
//! It never prompts, offers no key but the configured one, and refuses a host whose key is not known. A file grows under a `.part` name of our own.
//! The next run resumes it a little before its end, because sftp requests several pieces at once and may have left a hole there.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};

use super::settings::RemoteSettings;
use super::words::{FetchProblem, batch, problem, sizes};
use crate::store::Store;
use crate::store::change::Change;
use crate::store::fetches::FetchChange;

/// What sftp has asked for at a time: 64 pieces of 32 KiB. Behind a run that was killed there may be holes that far back.
const OUTSTANDING: u64 = 64 * 32_768;
/// How often the part is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// How often it is told how far it has come.
const TELL: Duration = Duration::from_secs(3);
/// Bytes of what sftp says that are kept.
const SAID: u64 = 64 * 1024;

/// Where it is written down how far a recording has come.
pub(super) struct Progress {
    pub(super) store: Store,
    pub(super) row: i64,
    /// Bytes, as the server says; 0: it has not said so yet.
    pub(super) size: AtomicU64,
}

impl Progress {
    async fn tell(&self, got: u64) {
        let size = Some(self.size.load(Ordering::Relaxed)).filter(|size| *size > 0);
        let change = Change::Fetch(FetchChange::Grew { id: self.row, size, got });
        if let Err(error) = self.store.writer().push(vec![change]).await {
            log::error!("database: how far a recording has come is not written down: {error}");
        }
    }
}

/// Brings a file into `part`, or goes on with it; gives its size.
pub(super) async fn fetch(
    remote: &RemoteSettings,
    path: &str,
    part: &Path,
    known_size: Option<u64>,
    progress: &Progress,
) -> Result<u64, FetchProblem> {
    let (place, resume) = (part.to_path_buf(), known_size.is_some());
    let begun = tokio::task::spawn_blocking(move || prepare(&place, resume)).await;
    let begun = begun
        .map_err(io::Error::other)
        .and_then(|begun| begun)
        .map_err(|error| FetchProblem::Here(error.to_string()))?;
    let here = part.to_string_lossy();
    let lines =
        batch(path, &here, begun > 0).ok_or_else(|| FetchProblem::Other("no path that sftp can be told".into()))?;
    progress.tell(begun).await;
    let ran = run(remote, &lines, (path, part), progress).await?;
    let there = sizes(&ran.said, path);
    if ran.code != Some(0) {
        let problem = match (problem(ran.code, &ran.complaints), &remote.key) {
            // ssh says nothing of a key that is not there.
            (FetchProblem::Refused, Some(key)) => {
                File::open(key).err().map_or(FetchProblem::Refused, |error| FetchProblem::Key(error.to_string()))
            }
            (problem, _) => problem,
        };
        // What cannot be gone on with is begun anew.
        if matches!(problem, FetchProblem::Other(_) | FetchProblem::Missing) {
            let _ = fs::remove_file(part);
        }
        return Err(problem);
    }
    let length = fs::metadata(part).map_or(0, |meta| meta.len());
    match there.as_slice() {
        [before, after] if before != after => {
            let _ = fs::remove_file(part);
            Err(FetchProblem::Grows(*before, *after))
        }
        [size, _] if *size == length && (begun == 0 || known_size == Some(*size)) => Ok(*size),
        [size, _] => {
            let _ = fs::remove_file(part);
            Err(FetchProblem::Size(length, *size))
        }
        _ => {
            let _ = fs::remove_file(part);
            Err(FetchProblem::NotAFile)
        }
    }
}

/// Makes the part ready to be gone on with, and tells how much of it is kept. A copy: the sftp of a lineside that was killed may still write to the
/// old one. Blocks.
fn prepare(part: &Path, resume: bool) -> io::Result<u64> {
    if let Some(folder) = part.parent() {
        fs::create_dir_all(folder)?;
    }
    let kept = fs::metadata(part).map_or(0, |meta| meta.len()).saturating_sub(OUTSTANDING);
    if kept == 0 || !resume {
        match fs::remove_file(part) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => return Ok(0),
        }
    }
    let copy = part.with_extension("again");
    io::copy(&mut File::open(part)?.take(kept), &mut File::create(&copy)?)?;
    fs::rename(&copy, part)?;
    Ok(kept)
}

struct Ran {
    code: Option<i32>,
    /// What it lists.
    said: String,
    complaints: String,
}

fn command(remote: &RemoteSettings) -> Command {
    let mut command = Command::new("sftp");
    command
        .args(remote.arguments())
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into()))
        // English, and names of files as they are.
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

async fn run(
    remote: &RemoteSettings,
    lines: &str,
    (path, part): (&str, &Path),
    progress: &Progress,
) -> Result<Ran, FetchProblem> {
    let start = |error: io::Error| FetchProblem::Program(error.to_string());
    let mut child = command(remote).spawn().map_err(start)?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    if let Some(mut stdin) = stdin {
        let _ = stdin.write_all(lines.as_bytes()).await; // it has ended, and says why
    }
    let (mut said, mut complaints) = (String::new(), Vec::new());
    let reading = async {
        let out = async {
            let Some(out) = stdout else { return };
            let mut lines = BufReader::new(out.take(SAID)).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                if let Some(size) = sizes(&line, path).first() {
                    progress.size.store(*size, Ordering::Relaxed);
                }
                said.push_str(&line);
                said.push('\n');
            }
        };
        let err = async {
            if let Some(err) = stderr {
                let _ = err.take(SAID).read_to_end(&mut complaints).await;
            }
        };
        tokio::join!(out, err);
    };
    let stalled = watch(part, remote.patience, progress);
    tokio::select! {
        () = reading => {}
        () = stalled => {
            let _ = child.start_kill();
            let _ = child.wait().await;
            let seconds = remote.patience.as_secs();
            return Err(FetchProblem::Away(format!("nothing came for {seconds} s ([[remote]] timeout_s)")));
        }
    }
    let code = ended(&mut child, remote.patience).await;
    Ok(Ran { code, said, complaints: String::from_utf8_lossy(&complaints).into_owned() })
}

/// How it ended; one that does not is killed.
async fn ended(child: &mut Child, patience: Duration) -> Option<i32> {
    if let Ok(status) = tokio::time::timeout(patience, child.wait()).await {
        return status.ok()?.code();
    }
    let _ = child.start_kill();
    let _ = child.wait().await;
    None
}

/// Tells how far the part has come, until it comes no further.
async fn watch(part: &Path, patience: Duration, progress: &Progress) {
    let (mut length, mut told, mut size) = (None, Instant::now(), 0);
    let mut grew = Instant::now();
    loop {
        tokio::time::sleep(LOOK).await;
        let now = fs::metadata(part).ok().map(|meta| meta.len());
        if now != length {
            (length, grew) = (now, Instant::now());
        } else if grew.elapsed() >= patience {
            return;
        }
        let said = progress.size.load(Ordering::Relaxed);
        if told.elapsed() >= TELL || said != size {
            (told, size) = (Instant::now(), said);
            progress.tell(length.unwrap_or(0)).await;
        }
    }
}

/// The file in which a recording of this row grows: a name of ours, whatever the server calls it.
pub(super) fn part(folder: &Path, id: i64) -> PathBuf {
    folder.join(format!("{id}.part"))
}
