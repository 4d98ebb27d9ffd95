//! One recording on its way: fetched, checked, taken.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::keeper::{Keeper, NotTaken, WholeRecording};
use super::settings::RemoteSettings;
use super::sftp::{self, Progress};
use super::words::FetchProblem;
use crate::call::{CallId, CallNames, CallState, Leg, Source, WallTime};
use crate::capture::naming::plain_uniqueid;
use crate::capture::path_template::PathField;
use crate::contract::fetch::FetchState;
use crate::pipeline::fetches::ToldRecording;
use crate::store::calls::{CallRow, LegRow};
use crate::store::change::Change;
use crate::store::dialer::DialerRow;
use crate::store::fetches::{FetchChange, FetchRow};
use crate::store::{Store, StoreError};

/// How long it is waited for the sound of a recording to be on the disk.
const SETTLED: Duration = Duration::from_mins(1);

/// One recording on its way.
pub(super) struct Job {
    /// Number of the server in the configuration, from 0.
    pub(super) place: usize,
    pub(super) remote: Arc<RemoteSettings>,
    pub(super) store: Store,
    pub(super) keeper: Keeper,
    pub(super) taking: Arc<Mutex<()>>,
    pub(super) row: FetchRow,
    pub(super) stop: CancellationToken,
}

/// What became of it.
pub(super) struct JobEnd {
    pub(super) place: usize,
    pub(super) row: FetchRow,
    pub(super) outcome: Result<FetchState, FetchProblem>,
}

/// The sound that a call has.
struct Heard {
    /// From somewhere else.
    elsewhere: bool,
    /// Whether the call goes on: what comes of it is not known.
    is_running: bool,
    /// Of this very recording, by leg.
    kept: Vec<(Leg, u64)>,
}

impl From<StoreError> for FetchProblem {
    fn from(error: StoreError) -> Self {
        Self::Here(error.to_string())
    }
}

impl Job {
    pub(super) async fn run(self) -> JobEnd {
        let outcome = self.work().await;
        JobEnd { place: self.place, row: self.row, outcome }
    }

    /// As the call's legs name where they came from.
    fn peer(&self) -> String {
        format!("{}:{}", self.remote.name, self.row.path)
    }

    async fn work(&self) -> Result<FetchState, FetchProblem> {
        let part = sftp::part(&self.keeper.folder, self.row.id);
        let whole = || std::fs::metadata(&part).ok().filter(|meta| Some(meta.len()) == self.row.size);
        let heard = self.heard().await?;
        if heard.elsewhere && heard.is_running {
            return Err(FetchProblem::Running);
        }
        if heard.elsewhere {
            self.discard(&part).await;
            return Ok(FetchState::Known);
        }
        if self.row.state != FetchState::Taking || whole().is_none() {
            let progress = Progress {
                store: self.store.clone(),
                row: self.row.id,
                size: AtomicU64::new(self.row.size.unwrap_or(0)),
            };
            let size = sftp::fetch(&self.remote, &self.row.path, &part, self.row.size, &progress).await?;
            self.commit(FetchChange::Whole { id: self.row.id, size }).await?;
        }
        let _alone = self.taking.lock().await;
        self.settled(0).await?;
        let heard = self.heard().await?;
        // A row that is gone went with its call, which somebody has deleted meanwhile.
        let row = self.store.fetch_of(self.row.remote.clone(), self.row.call_id.clone()).await?;
        if heard.elsewhere && heard.is_running {
            return Err(FetchProblem::Running);
        }
        if heard.elsewhere || row.is_none_or(|row| row.id != self.row.id) {
            self.discard(&part).await;
            return Ok(FetchState::Known);
        }
        self.take(&part, heard.kept).await?;
        self.settled(1).await?;
        // The row first: a file without a row is only in the way.
        self.commit(FetchChange::Over { id: self.row.id, state: FetchState::Done, error: None, at: now() }).await?;
        self.discard(&part).await;
        log::info!("call {}: its recording was fetched from {}", self.row.call_id, self.remote.name);
        Ok(FetchState::Done)
    }

    async fn discard(&self, file: &Path) {
        let (discard, file) = (Arc::clone(&self.keeper.discard), file.to_path_buf());
        let _ = tokio::task::spawn_blocking(move || discard(&file)).await; // lineside is stopping: the next start sweeps
    }

    async fn commit(&self, change: FetchChange) -> Result<(), StoreError> {
        self.store.writer().commit(vec![Change::Fetch(change)]).await
    }

    /// The id that its call has now.
    async fn call_id(&self) -> Result<CallId, StoreError> {
        let known = self.store.call(&self.row.call_id).await?;
        Ok(CallId::from_lossy(known.as_ref().map_or(&self.row.call_id, |call| &call.call_id)))
    }

    async fn legs(&self) -> Result<Vec<LegRow>, StoreError> {
        match self.store.call(&self.row.call_id).await? {
            Some(call) => self.store.legs(call.key).await,
            None => Ok(Vec::new()),
        }
    }

    async fn heard(&self) -> Result<Heard, StoreError> {
        let peer = self.peer();
        let is_ours = |leg: &&LegRow| is_of(leg, &peer);
        let call = self.store.call(&self.row.call_id).await?;
        let is_running = call.as_ref().is_some_and(|call| call.state == CallState::Active);
        let legs = match call {
            Some(call) => self.store.legs(call.key).await?,
            None => Vec::new(),
        };
        let has_sound = |leg: &LegRow| leg.samples > 0 || leg.closed.is_none();
        let elsewhere = legs.iter().any(|leg| !is_ours(&leg) && has_sound(leg));
        let kept = legs.iter().filter(is_ours).map(|leg| (leg.leg, leg.samples.max(0) as u64)).collect();
        Ok(Heard { elsewhere, is_running, kept })
    }

    async fn take(&self, part: &Path, kept: Vec<(Leg, u64)>) -> Result<(), FetchProblem> {
        let uniqueid = plain_uniqueid(&self.row.call_id).map(|_| self.row.call_id.clone());
        let written = std::fs::metadata(part).and_then(|meta| meta.modified()).ok();
        let written = written.and_then(|at: SystemTime| at.duration_since(UNIX_EPOCH).ok());
        let written = written.map_or_else(now, |since| WallTime(since.as_millis() as i64));
        let whole = WholeRecording {
            file: part.into(),
            extension: Path::new(&self.row.path)
                .extension()
                .map(|extension| extension.to_string_lossy().into_owned())
                .unwrap_or_default(),
            call: self.call_id().await?,
            names: CallNames { uniqueid, ..CallNames::default() },
            peer: self.peer(),
            started: self.row.at.unwrap_or(written),
            kept,
        };
        let (take, stop) = (Arc::clone(&self.keeper.take), self.stop.clone());
        tokio::task::spawn_blocking(move || take(&whole, &stop))
            .await
            .map_err(|error| FetchProblem::NotTaken(error.to_string()))?
            .map_err(|problem| match problem {
                NotTaken::NoRecording(problem) => FetchProblem::Audio(problem),
                NotTaken::NotNow(problem) => FetchProblem::Here(problem),
                NotTaken::Refused(problem) => FetchProblem::NotTaken(problem),
            })
    }

    /// Waits until at least so many legs of this recording are there, and all of them are on the disk to their end: a crash then loses nothing.
    async fn settled(&self, least: usize) -> Result<(), FetchProblem> {
        let (began, peer) = (tokio::time::Instant::now(), self.peer());
        loop {
            let legs = self.legs().await?;
            let ours: Vec<&LegRow> = legs.iter().filter(|leg| is_of(leg, &peer)).collect();
            if ours.len() >= least && ours.iter().all(|leg| leg.closed.is_some()) {
                return Ok(());
            }
            if self.stop.is_cancelled() {
                return Err(FetchProblem::Here("lineside is stopping".into()));
            }
            if began.elapsed() >= SETTLED {
                return Err(FetchProblem::NotTaken("its sound is not on the disk yet".into()));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Whether a leg is one of a recording that was fetched from there.
fn is_of(leg: &LegRow, peer: &str) -> bool {
    leg.source == Source::Upload && leg.peer.as_ref().is_none_or(|other| other == peer)
}

fn now() -> WallTime {
    crate::capture::wall_clock()
}

/// When a call began, as its uniqueid says.
pub(super) fn uniqueid_time(call: &str) -> Option<WallTime> {
    let (epoch, _) = plain_uniqueid(call)?.split_once('.')?;
    Some(WallTime(epoch.parse::<i64>().ok()? * 1000))
}

/// What stands for a field of the path.
pub(super) fn values(
    field: PathField,
    call: &CallId,
    known: Option<&CallRow>,
    dialer: Option<&DialerRow>,
    recording: Option<&ToldRecording>,
) -> Option<String> {
    let told = |key: &str| {
        let metadata: serde_json::Value = serde_json::from_str(&known?.metadata).ok()?;
        match &metadata[key] {
            serde_json::Value::String(text) => Some(text.clone()),
            serde_json::Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    };
    match field {
        PathField::CallId => Some(call.to_string()),
        PathField::Uniqueid => known
            .and_then(|row| row.uniqueid.clone())
            .or_else(|| plain_uniqueid(call.as_str()).map(|_| call.to_string())),
        PathField::Agent => known.and_then(|row| row.agent.clone()).or_else(|| recording?.agent.clone()),
        PathField::Campaign => known?.campaign.clone(),
        PathField::Lead => known.and_then(|row| row.lead.clone()).or_else(|| recording?.lead.clone()),
        PathField::Phone => known?.phone.clone(),
        PathField::RecordingId => {
            let id = recording.map(|one| one.id).or_else(|| dialer.and_then(|row| row.facts.recording_id));
            id.map(|id| id.to_string()).or_else(|| told("recording_id"))
        }
        PathField::RecordingFilename => {
            recording.map(|one| one.filename.clone()).or_else(|| told("recording_filename"))
        }
        PathField::Location => recording.map(|one| one.location.clone()),
    }
}
