//! The memory of recordings, in the database. All of it blocks: the thread that watches the folders waits for the database. No audio is lost by that,
//! because the files lie on disk.

use std::path::Path;

use tokio::runtime::Handle;

use crate::call::{CallId, LegKey, Source};
use crate::capture::follow::FileId;
use crate::capture::recordings::{KnownLeg, Ledger, Taken};
use crate::capture::wall_clock;
use crate::spool::LegAudio;
use crate::store::calls::LegRow;
use crate::store::change::{Change, NamedRow};
use crate::store::recordings::RecordingRow;
use crate::store::{Store, StoreError};

/// What the recordings room remembers, in the database.
pub(super) struct StoreLedger {
    store: Store,
    runtime: Handle,
}

impl Ledger for StoreLedger {
    fn find(&self, id: &FileId, call: &CallId) -> Option<Taken> {
        let found = self.runtime.block_on(async {
            if let Some(same) = self.store.recording_by_file(id.device, id.inode, id.head).await? {
                return Ok::<_, StoreError>(Some((same, true)));
            }
            let Some(call) = self.store.call(call.as_str()).await?.filter(|_| id.has_sound) else { return Ok(None) };
            Ok(self.store.recording_by_content(call.key, id.head, id.size).await?.map(|copy| (copy, false)))
        });
        let (row, same_file) = found.inspect_err(|error| log::error!("{error}")).ok()??;
        // The same file that has grown since is not finished after all.
        let finished = row.finished && row.size >= id.size;
        Some(Taken { legs: row.legs, finished, path: row.path, size: row.size, same_file })
    }

    fn legs_of(&self, call: &CallId) -> Vec<KnownLeg> {
        let known = self.runtime.block_on(async {
            let Some(row) = self.store.call(call.as_str()).await? else { return Ok::<_, StoreError>(Vec::new()) };
            let noted = self.store.recorded_legs(row.key).await?;
            Ok(self.store.legs(row.key).await?.into_iter().map(|leg| (noted.contains(&leg.key), leg)).collect())
        });
        let rows: Vec<(bool, LegRow)> = known.inspect_err(|error| log::error!("{error}")).unwrap_or_default();
        let leg = |(noted, row): (bool, LegRow)| KnownLeg {
            key: row.key,
            leg: row.leg.to_string(),
            audio: if row.owned {
                LegAudio::Spooled { path: row.path.into() }
            } else {
                LegAudio::Recording { path: row.path.into(), channel: row.channel }
            },
            peer: row.peer,
            samples: row.closed.map(|_| row.samples as u64),
            noted,
            is_recording: row.source == Source::Recording,
        };
        rows.into_iter().map(leg).collect()
    }

    fn note(&self, id: &FileId, path: &Path, legs: &[LegKey], finished: bool) {
        let row = RecordingRow {
            path: path.into(),
            device: id.device,
            inode: id.inode,
            size: id.size,
            head: id.head,
            legs: legs.to_vec(),
            finished,
        };
        self.push(Change::Recording { row, at: wall_clock() });
    }

    fn renamed(&self, leg: LegKey, call: &CallId) {
        self.push(Change::AlsoNamed { whose: NamedRow::Leg(leg), id: call.clone() });
    }

    fn moved(&self, leg: LegKey, audio: &LegAudio) {
        self.push(Change::LegMoved { leg, path: audio.path().into(), owned: audio.owned() });
    }
}

impl StoreLedger {
    pub(super) fn new(store: Store, runtime: Handle) -> Self {
        Self { store, runtime }
    }

    fn push(&self, change: Change) {
        if let Err(error) = self.store.writer().push_blocking(vec![change]) {
            log::error!("{error}");
        }
    }
}
