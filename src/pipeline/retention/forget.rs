//! Erases a person's calls and proves it: rows, index, log, audio and caches. Then it searches every file of the state folder for remains.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

use crate::call::{CallKey, LegKey};
use crate::pipeline::command::Command;
use crate::pipeline::live::silencing::drop_cached as drop_one;
use crate::spool::{self, SpoolError};
use crate::store::forget::{
    Alone, CallRef, Erased, ForgetError, Whom, calls_of, check, emptied, erase, gather, reading, rows_with,
};
use crate::store::{Store, StoreError};

/// Texts looked for at a time.
const AT_ONCE: usize = 200;
/// How long the answer waits for readers of the database.
const READERS_PATIENCE: Duration = Duration::from_secs(10);
/// Bytes per reading.
const PIECE: usize = 1 << 22;

/// The erased data, and the proof of erasure.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ForgetReport {
    /// Rows erased from the database.
    pub erased: Erased,
    /// Files of ours that were overwritten and deleted.
    pub files: usize,
    /// Size of these files, bytes.
    pub bytes: u64,
    /// Number of texts that were searched for.
    pub searched_for: usize,
    /// Number of files that were searched.
    pub searched_in: usize,
    /// Rows of other calls that hold one of them too: where, and how many. Nothing of the person's own.
    pub shared: Vec<String>,
    /// Places where something was left over, or could not be deleted. An empty list is the proof.
    pub left: Vec<String>,
}

/// Erases while the daemon runs. It goes on to its end even if the requester has gone, because a start would take in audio without a row again.
pub async fn running(
    store: &Store,
    commands: &mpsc::Sender<Command>,
    state: &Path,
    whom: Whom,
) -> Result<ForgetReport, ForgetError> {
    let (store, commands, state) = (store.clone(), commands.clone(), state.to_path_buf());
    to_its_end(async move {
        let report = erase_running(&store, &commands, &state, whom).await?;
        prove(&store, state, report).await
    })
    .await
}

/// The same without the proof, which searches every file: for many calls, a few at a time, so that what is live is written between them.
pub async fn deleting(
    store: &Store,
    commands: &mpsc::Sender<Command>,
    state: &Path,
    whom: Whom,
) -> Result<ForgetReport, ForgetError> {
    let (store, commands, state) = (store.clone(), commands.clone(), state.to_path_buf());
    to_its_end(async move { erase_running(&store, &commands, &state, whom).await }).await
}

async fn to_its_end(
    work: impl Future<Output = Result<ForgetReport, ForgetError>> + Send + 'static,
) -> Result<ForgetReport, ForgetError> {
    tokio::spawn(work).await.map_err(|_| StoreError::Closed)?
}

/// Rows and sound.
async fn erase_running(
    store: &Store,
    commands: &mpsc::Sender<Command>,
    state: &Path,
    whom: Whom,
) -> Result<ForgetReport, ForgetError> {
    let closed = |_| ForgetError::Store(StoreError::Closed);
    // All that was handed over before is to be seen.
    store.writer().commit(Vec::new()).await?;
    let calls = store.to_forget(whom).await?;
    // The conductor lets go of calls whose line is closed: their words may wait for a model for weeks.
    let (reply, answer) = oneshot::channel();
    let keys = calls.iter().map(|call| CallKey(call.0)).collect();
    commands.send(Command::LetGo { calls: keys, reply }).await.map_err(|_| StoreError::Closed)?;
    let live = answer.await.map_err(closed)?;
    if !live.is_empty() {
        let ids = calls.into_iter().filter(|call| live.contains(&CallKey(call.0))).map(|call| call.1);
        return Err(ForgetError::Running(ids.collect()));
    }
    let (mut erased, mut left) = (Erased::default(), Vec::new());
    // One call at a time, so that live changes are written between them.
    for call in calls {
        match erase_one(store, state, call.clone()).await {
            Ok(one) => erased.add(one),
            Err(error) if erased.calls.is_empty() => return Err(error),
            // The call was put on hold in between. Calls erased before it stay erased, and the report says so.
            Err(error) => left.push(format!("call {} was not erased: {error}", call.1)),
        }
    }
    erased.scrubbed = store.overwritten(READERS_PATIENCE).await?;
    let folder = state.to_path_buf();
    let deleted = tokio::task::spawn_blocking(move || {
        let mut report = ForgetReport { erased, left, ..ForgetReport::default() };
        delete_files(&folder, &mut report);
        report
    });
    Ok(deleted.await.map_err(|_| StoreError::Closed)?)
}

/// Erases one call: first its lines, a few at a time, then all the rest.
async fn erase_one(store: &Store, state: &Path, call: CallRef) -> Result<Erased, ForgetError> {
    let asked = call.clone();
    let before = store.writer().run(move |db| match check(db, std::slice::from_ref(&asked)) {
        Ok(()) => Ok(Ok(gather(db, &asked)?)),
        Err(error) => Ok(Err(error)),
    });
    let before = before.await.map_err(ForgetError::Store)??;
    store.thin(call.0).await?;
    let folder = state.to_path_buf();
    let erased = store.writer().run(move |db| match check(db, std::slice::from_ref(&call)) {
        Ok(()) => Ok(Ok(erase(db, &call, |erased| leave(&folder, erased))?)),
        Err(error) => Ok(Err(error)),
    });
    let rest = erased.await.map_err(ForgetError::Store)??;
    let mut all = Erased { segments: before.segments, traces: before.traces, ..Erased::default() };
    all.add(Erased { segments: 0, ..rest });
    Ok(all)
}

/// Looks for what is left, in every file of the state folder and in rows. In a thread of its own that gives way to all others: a large database takes
/// a while, and nobody who writes or asks waits for it.
async fn prove(store: &Store, state: PathBuf, mut report: ForgetReport) -> Result<ForgetReport, ForgetError> {
    let path = store.path().to_path_buf();
    let (done, proved) = oneshot::channel();
    let look = move || {
        crate::priority::background();
        let hits = search(&state, &mut report);
        let explained = reading(&path).and_then(|db| Ok(explain(&db, &hits, &mut report)?));
        let _ = done.send(explained.map(|()| report)); // nobody waits for it any more
    };
    std::thread::Builder::new().name("forget".into()).spawn(look).map_err(StoreError::Thread)?;
    Ok(proved.await.map_err(|_| StoreError::Closed)??)
}

/// A report of what would be erased, while the daemon runs; changes nothing.
pub async fn planned(store: &Store, whom: Whom) -> Result<ForgetReport, ForgetError> {
    store.writer().commit(Vec::new()).await?;
    let calls = store.to_forget(whom).await?;
    let erased = store.writer().run(move |db| gathered(db, &calls)).await?;
    Ok(ForgetReport { erased, ..ForgetReport::default() })
}

/// The same while no daemon runs. Blocks.
pub fn planned_stopped(state: &Path, whom: &Whom) -> Result<ForgetReport, ForgetError> {
    let alone = Alone::open(state)?;
    let calls = calls_of(&alone.connection, whom)?;
    check(&alone.connection, &calls)?;
    Ok(ForgetReport { erased: gathered(&alone.connection, &calls)?, ..ForgetReport::default() })
}

fn gathered(db: &rusqlite::Connection, calls: &[CallRef]) -> rusqlite::Result<Erased> {
    let mut all = Erased::default();
    for call in calls {
        all.add(gather(db, call)?);
    }
    Ok(all)
}

/// Erases while no daemon runs. Blocks.
pub fn stopped(state: &Path, whom: &Whom) -> Result<ForgetReport, ForgetError> {
    let mut alone = Alone::open(state)?;
    let calls = calls_of(&alone.connection, whom)?;
    check(&alone.connection, &calls)?;
    let mut erased = Erased::default();
    for call in &calls {
        erased.add(erase(&mut alone.connection, call, |erased| leave(state, erased))?);
    }
    erased.scrubbed = emptied(&alone.connection).map_err(StoreError::from)?;
    let mut report = ForgetReport { erased, ..ForgetReport::default() };
    delete_files(state, &mut report);
    let hits = search(state, &mut report);
    explain(&alone.connection, &hits, &mut report)?;
    Ok(report)
}

/// Marks files for deletion while the rows are still there. After a crash in between no start takes them in again or keeps them.
fn leave(state: &Path, erased: &Erased) -> Result<(), SpoolError> {
    drop_cached(state, erased);
    spool::mark(&erased.audio)
}

/// Deletes audio that was converted for playing.
fn drop_cached(state: &Path, erased: &Erased) {
    for leg in &erased.legs {
        drop_one(&state.join("cache"), LegKey(*leg));
    }
}

/// Overwrites and deletes the sound of what was erased.
fn delete_files(state: &Path, report: &mut ForgetReport) {
    if !report.erased.scrubbed {
        report.left.push(
            "the rows are gone, but another program has the database open for reading (`fuser -v lineside.db` in the state folder): what it may \
             still see is overwritten as soon as it ends, by the daemon or at its next start. There is nothing more to do"
                .into(),
        );
    }
    for path in &report.erased.audio {
        match spool::erase(path) {
            Ok(0) => {}
            Ok(size) => {
                report.files += 1;
                report.bytes += size;
            }
            Err(error) => report.left.push(error.to_string()),
        }
    }
    // Again: somebody may have listened meanwhile.
    drop_cached(state, &report.erased);
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && path.file_name().is_none_or(|name| name != "models") => walk(&path, files),
            Ok(kind) if kind.is_file() => files.push(path),
            _ => {}
        }
    }
}

/// Searches names and contents of all files of a folder, sound and models but for their names. Gives back text and file of each hit.
fn search(state: &Path, report: &mut ForgetReport) -> Vec<(String, PathBuf)> {
    let traces = std::mem::take(&mut report.erased.traces);
    let mut files = Vec::new();
    walk(state, &mut files);
    report.searched_for = traces.len();
    report.searched_in = files.len();
    let mut hits: Vec<(String, PathBuf)> = Vec::new();
    for some in traces.chunks(AT_ONCE) {
        let patterns: Vec<String> = some.iter().map(|text| regex::escape(text)).collect();
        let made =
            regex::bytes::RegexBuilder::new(&patterns.join("|")).case_insensitive(true).size_limit(1 << 28).build();
        let pattern = match made {
            Ok(pattern) => pattern,
            Err(error) => {
                report.left.push(format!("the proof could not be made: {error}"));
                continue;
            }
        };
        let longest = some.iter().map(String::len).max().unwrap_or(0);
        for path in &files {
            let name = path.to_string_lossy();
            let mut found: Vec<String> = Vec::new();
            let mut note = |bytes: &[u8]| {
                for hit in pattern.find_iter(bytes) {
                    let text = String::from_utf8_lossy(hit.as_bytes()).into_owned();
                    if !found.contains(&text) {
                        found.push(text);
                    }
                }
            };
            note(name.as_bytes());
            if path.extension().is_none_or(|ext| ext != "wav")
                && let Err(error) = in_pieces(path, longest, &mut note)
            {
                report.left.push(format!("{name}: {error}"));
            }
            hits.extend(found.into_iter().map(|text| (text, path.clone())));
        }
    }
    hits
}

/// Reads a file in pieces that overlap by the longest text.
fn in_pieces(path: &Path, longest: usize, note: &mut impl FnMut(&[u8])) -> std::io::Result<()> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        file => file?,
    };
    let mut buffer = vec![0; PIECE + longest];
    let mut kept = 0;
    loop {
        let got = file.read(&mut buffer[kept..])?;
        if got == 0 {
            return Ok(());
        }
        let filled = kept + got;
        note(&buffer[..filled]);
        kept = longest.min(filled);
        buffer.copy_within(filled - kept..filled, 0);
    }
}

/// A hit that rows of other calls explain is theirs; any other is a remainder.
fn explain(db: &rusqlite::Connection, hits: &[(String, PathBuf)], report: &mut ForgetReport) -> rusqlite::Result<()> {
    let mut texts: Vec<String> = hits.iter().map(|(text, _)| text.clone()).collect();
    texts.sort();
    texts.dedup();
    let rows = if texts.is_empty() { HashMap::new() } else { rows_with(db, &texts)? };
    for (text, path) in hits {
        let database = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("lineside.db"));
        // Already reported and remembered.
        if database && !rows.contains_key(text) && !report.erased.scrubbed {
            continue;
        }
        match rows.get(text).filter(|_| database) {
            Some(places) => {
                for (place, count) in places {
                    let line = format!("{text:?} stands in {count} rows of {place} that belong to others");
                    if !report.shared.contains(&line) {
                        report.shared.push(line);
                    }
                }
            }
            None => report.left.push(format!("{}: still holds {text:?}", path.display())),
        }
    }
    Ok(())
}
