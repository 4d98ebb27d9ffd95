//! The recordings that were taken, so that none is taken twice, whatever name it comes back under.

use rusqlite::OptionalExtension;

pub use super::rows::recordings::RecordingRow;
use super::rows::recordings::{BY_CONTENT, BY_FILE, recording};
use super::{Store, StoreError};
use crate::call::{CallKey, LegKey};

impl Store {
    /// The recording with this inode and content, whatever its present name.
    pub async fn recording_by_file(
        &self,
        device: u64,
        inode: u64,
        head: [u8; 32],
    ) -> Result<Option<RecordingRow>, StoreError> {
        self.read(move |db| {
            db.prepare_cached(BY_FILE)?.query_row((device as i64, inode as i64, head), recording).optional()
        })
        .await
    }

    /// The legs of a call that recordings are noted for.
    pub async fn recorded_legs(&self, call: CallKey) -> Result<Vec<LegKey>, StoreError> {
        let sql = "SELECT leg.id FROM leg JOIN recording_leg AS noted ON noted.leg = leg.id WHERE leg.call = ?1";
        self.read(move |db| db.prepare_cached(sql)?.query_map([call.0], |row| Ok(LegKey(row.get(0)?)))?.collect()).await
    }

    /// A finished recording of a call with the same beginning; one of the same size where there is one.
    pub async fn recording_by_content(
        &self,
        call: CallKey,
        head: [u8; 32],
        size: u64,
    ) -> Result<Option<RecordingRow>, StoreError> {
        self.read(move |db| {
            let mut query = db.prepare_cached(BY_CONTENT)?;
            let alike: Vec<RecordingRow> = query.query_map((call.0, head), recording)?.collect::<Result<_, _>>()?;
            Ok(alike.into_iter().max_by_key(|row| row.size == size))
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::super::change::Change;
    use super::super::tests::{call, leg, open};
    use super::super::{migrations, open_writing, retention};
    use super::*;
    use crate::call::WallTime;

    /// Rows of a recording: its path and legs, and the legs by which it is found.
    fn recordings_of(db: &rusqlite::Connection) -> Vec<(String, String, String)> {
        let sql = "
            SELECT path, legs, (SELECT json_group_array(leg) FROM recording_leg AS by_leg WHERE by_leg.inode = recording.inode)
            FROM recording
            ORDER BY inode";
        let row = |row: &rusqlite::Row| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        db.prepare(sql).expect("query").query_map([], row).expect("rows").collect::<Result<_, _>>().expect("row")
    }

    #[tokio::test]
    async fn the_key_of_a_noted_recordings_leg_is_given_to_no_other_though_the_leg_has_no_row_yet() {
        let (folder, store) = open();
        let row = RecordingRow {
            path: "/monitor/a.wav".into(),
            device: 1,
            inode: 1,
            size: 100,
            head: [1; 32],
            legs: vec![LegKey(2)],
            finished: true,
        };
        let noted = Change::Recording { row, at: WallTime(1) };
        store.writer().commit(vec![call(1, "a.1", 1000), leg(1, 1, 1000), noted]).await.expect("commit");
        store.writer().stop();
        drop(store);
        let (store, recovery) = Store::open(folder.path()).expect("open");
        assert_eq!(recovery.highest, (1, 2, 0));
        let finished =
            async || store.recording_by_file(1, 1, [1; 32]).await.expect("read").expect("a recording").finished;
        assert!(!finished().await, "nobody has heard it");
        store.writer().commit(vec![leg(2, 1, 1000)]).await.expect("commit");
        assert!(finished().await);
    }

    #[tokio::test]
    async fn a_deleted_calls_recordings_are_known_by_their_sound_alone() {
        let (folder, store) = open();
        let recording = |inode: u64, legs: &[i64]| Change::Recording {
            row: RecordingRow {
                path: format!("/monitor/{inode}.wav").into(),
                device: 1,
                inode,
                size: 100,
                head: [inode as u8; 32],
                legs: legs.iter().map(|leg| LegKey(*leg)).collect(),
                finished: true,
            },
            at: WallTime(1),
        };
        store.writer().push(vec![recording(1, &[]), call(1, "a.1", 1000), leg(1, 1, 1000)]).await.expect("push");
        // Known as soon as it is there, named with its legs, and taken again under another name.
        store.writer().push(vec![recording(1, &[1, 2]), leg(2, 1, 1000), recording(2, &[2])]).await.expect("push");
        store.writer().push(vec![call(2, "b.2", 1000), leg(3, 2, 1000), recording(3, &[3])]).await.expect("push");
        let delete = |db: &mut rusqlite::Connection| retention::delete_call(db, 1);
        store.writer().run(delete).await.expect("delete");
        store.writer().stop();
        let db = rusqlite::Connection::open(folder.path().join("lineside.db")).expect("open");
        let nobody = || (String::new(), "[]".into(), "[]".into());
        assert_eq!(recordings_of(&db), [nobody(), nobody(), ("/monitor/3.wav".into(), "[3]".into(), "[3]".into())]);
    }

    #[test]
    fn recordings_of_an_earlier_version_are_found_by_their_legs() {
        let folder = tempfile::tempdir().expect("temp dir");
        let path = folder.path().join("lineside.db");
        let mut db = rusqlite::Connection::open(&path).expect("open");
        migrations().to_version(&mut db, 6).expect("earlier");
        db.execute("INSERT INTO recording VALUES ('/a.wav', 1, 7, 100, x'00', '[4,5]', 1, 0)", []).expect("recording");
        drop(db);
        let db = open_writing(&path).expect("up to date");
        assert_eq!(recordings_of(&db), [("/a.wav".into(), "[4,5]".into(), "[4,5]".into())]);
        db.execute("DELETE FROM recording", []).expect("delete");
        let left: i64 = db.query_row("SELECT count(*) FROM recording_leg", [], |row| row.get(0)).expect("count");
        assert_eq!(left, 0);
    }
}
