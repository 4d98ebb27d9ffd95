//! Tags of calls by people, and the reasons of packs' tags.

use rusqlite::Row;

pub use super::rows::tags::NewTag;
use super::{Store, StoreError};
use crate::call::{CallKey, Leg};

/// Tags that people give to one call, at most.
pub const MANY: usize = 20;

/// Reason why a call cannot be tagged.
#[derive(Debug, thiserror::Error)]
pub enum TagError {
    /// One of the calls would have too many.
    #[error("a call has at most {MANY} tags; nothing was changed")]
    TooMany,
    /// The database said no.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A line for which a pack has put a tag on a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagReasonRow {
    /// The tag.
    pub tag: String,
    /// The pack.
    pub pack: String,
    /// The pack and the line of its entry.
    pub rule: String,
    /// The condition that decided, in words of the pack.
    pub reason: String,
    /// Row of the segment.
    pub segment: i64,
    /// The leg of the line.
    pub leg: Leg,
    /// Begin of the segment in the call, milliseconds.
    pub start_ms: i64,
    /// Its text.
    pub text: String,
}

pub(super) const REASONS: &str = "
    SELECT tag_reason.tag, tag_reason.pack, tag_reason.rule, tag_reason.reason, segment.id, coalesce(segment.said_by, leg.leg), segment.start_ms,
        segment.text
    FROM tag_reason
    CROSS JOIN call_tag ON call_tag.call = tag_reason.call AND call_tag.tag = tag_reason.tag AND call_tag.automatic
    CROSS JOIN segment ON segment.id = tag_reason.segment
    CROSS JOIN leg ON leg.id = segment.leg
    WHERE tag_reason.call = ?1";

fn reason(row: &Row) -> rusqlite::Result<TagReasonRow> {
    Ok(TagReasonRow {
        tag: row.get(0)?,
        pack: row.get(1)?,
        rule: row.get(2)?,
        reason: row.get(3)?,
        segment: row.get(4)?,
        leg: row.get(5)?,
        start_ms: row.get(6)?,
        text: row.get(7)?,
    })
}

impl Store {
    /// Reasons for the packs' tags of a call: by tag, rule and place.
    pub async fn tag_reasons(&self, call: CallKey) -> Result<Vec<TagReasonRow>, StoreError> {
        self.read(move |db| {
            let mut query = db.prepare_cached(REASONS)?;
            let mut rows: Vec<TagReasonRow> = query.query_map([call.0], reason)?.collect::<Result<_, _>>()?;
            rows.sort_by(|a, b| {
                (&a.tag, &a.rule, a.start_ms, a.segment).cmp(&(&b.tag, &b.rule, b.start_ms, b.segment))
            });
            Ok(rows)
        })
        .await
    }

    /// A person puts tags on all of these calls and takes others off, or does nothing at all. What is put on is a person's from now on, also where a
    /// pack gave it; what is taken off no pack puts on again.
    pub async fn tag(&self, calls: Vec<CallKey>, add: Vec<String>, remove: Vec<String>) -> Result<(), TagError> {
        let done = self.writer().run(move |db| {
            let transaction = db.transaction()?;
            for call in calls {
                for tag in &remove {
                    transaction
                        .prepare_cached("DELETE FROM call_tag WHERE call = ?1 AND tag = ?2")?
                        .execute((call.0, tag))?;
                    transaction
                        .prepare_cached(
                            "INSERT OR IGNORE INTO tag_refused (call, tag) SELECT id, ?2 FROM call WHERE id = ?1",
                        )?
                        .execute((call.0, tag))?;
                    transaction
                        .prepare_cached("DELETE FROM tag_reason WHERE call = ?1 AND tag = ?2")?
                        .execute((call.0, tag))?;
                }
                for tag in &add {
                    transaction
                        .prepare_cached("DELETE FROM tag_refused WHERE call = ?1 AND tag = ?2")?
                        .execute((call.0, tag))?;
                    // A call that has gone meanwhile gets none.
                    transaction
                        .prepare_cached(
                            "INSERT INTO call_tag (call, tag) SELECT id, ?2 FROM call WHERE id = ?1
                             ON CONFLICT (call, tag) DO UPDATE SET automatic = 0",
                        )?
                        .execute((call.0, tag))?;
                }
                let count: i64 = transaction
                    .prepare_cached("SELECT count(*) FROM call_tag WHERE call = ?1 AND NOT automatic")?
                    .query_row([call.0], |row| row.get(0))?;
                if count > MANY as i64 {
                    return Ok(false);
                }
            }
            transaction.commit()?;
            Ok(true)
        });
        if done.await? { Ok(()) } else { Err(TagError::TooMany) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::calls::{CallFilter, Which};
    use super::super::change::{Change, NewCall};
    use super::*;
    use crate::call::{CallId, CallNames, Source, WallTime};

    #[tokio::test]
    async fn tags_are_put_on_and_taken_off_and_calls_are_found_by_them_whole_or_not_at_all() {
        let folder = tempfile::tempdir().expect("temp dir");
        let (store, _) = Store::open(folder.path()).expect("open");
        let call = |key: i64| {
            Change::CallOpened(NewCall {
                key: CallKey(key),
                id: CallId::from_lossy(&format!("c.{key}")),
                source: Source::Upload,
                mode: crate::call::ProcessingMode::default(),
                started: WallTime(key),
                names: CallNames::default(),
            })
        };
        store.writer().commit(vec![call(1), call(2), call(3)]).await.expect("commit");
        let tags = |words: &[&str]| words.iter().map(|&word| word.to_string()).collect::<Vec<_>>();
        let all = [1, 2].map(CallKey).to_vec();
        store.tag(all.clone(), tags(&["refund", "vip", "vip"]), Vec::new()).await.expect("tag");
        store.tag(vec![CallKey(2)], tags(&["later"]), tags(&["vip"])).await.expect("tag");
        let found = |tag: &str| {
            let which = Which { tag: Some(tag.into()), ..Which::default() };
            store.list_calls(CallFilter { which, limit: 10, ..CallFilter::default() })
        };
        let vip = found("vip").await.expect("query");
        assert_eq!(
            vip.iter().map(|row| (row.key.0, row.tags.clone())).collect::<Vec<_>>(),
            [(1, tags(&["refund", "vip"]))]
        );
        assert_eq!(found("refund").await.expect("query").len(), 2);
        let many: Vec<String> = (0..19).map(|i| format!("t{i}")).collect();
        assert!(matches!(store.tag(all, many, Vec::new()).await, Err(TagError::TooMany)));
        assert!(found("t0").await.expect("query").is_empty(), "nothing of it was kept");
        store.writer().commit(vec![Change::CallMerged { from: CallKey(1), into: CallKey(2) }]).await.expect("merge");
        assert_eq!(found("vip").await.expect("query")[0].tags, tags(&["later", "refund", "vip"]));
    }

    const CALL: &str = "
        INSERT INTO call (id, call_id, source, state, started_ms, last_activity_ms) VALUES (1, 'c.1', 'eagi', 'completed', 5, 5);
        INSERT INTO leg (id, call, leg, source, rate_hz, started_ms, offset_ms, path, owned) VALUES (1, 1, 'caller', 'eagi', 8000, 5, 0, '', 1);
        INSERT INTO utterance (id, call, leg, start_sample, end_sample, start_ms, end_ms, state) VALUES (1, 1, 1, 0, 8, 0, 1, 'done');
        INSERT INTO segment
            (id, call, leg, utterance, start_ms, end_ms, text, confidence, words, compound, pos, neu, neg, label, keywords, profanity)
        VALUES (7, 1, 1, 1, 40, 90, 'my money back', 1, '[]', 0, 0, 0, 0, 'neutral', '[]', '[]'),
            (8, 1, 1, 1, 100, 190, 'a refund, please', 1, '[]', 0, 0, 0, 0, 'neutral', '[]', '[]');";

    fn given(tag: &str, segments: &[i64]) -> NewTag {
        NewTag {
            tag: tag.into(),
            pack: "general".into(),
            rule: "general:9".into(),
            reason: "intent refund".into(),
            segments: segments.to_vec(),
        }
    }

    async fn keep(store: &Store, tags: Vec<NewTag>) {
        let kept = store.writer().run(move |db| super::super::rows::tags::keep(db, CallKey(1), &tags));
        kept.await.expect("kept");
    }

    async fn on(store: &Store) -> (Vec<String>, Vec<String>) {
        let call = store.call("c.1").await.expect("query").expect("a call");
        (call.tags, call.automatic_tags)
    }

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.into()).collect()
    }

    #[tokio::test]
    async fn a_tag_of_a_pack_has_its_lines_comes_once_and_goes_when_no_pack_gives_it() {
        let (_folder, store) = super::super::tests::open();
        store.writer().run(|db| db.execute_batch(CALL)).await.expect("a call");
        for _ in 0..2 {
            keep(&store, vec![given("refund", &[8, 7, 99]), given("legal", &[7])]).await;
        }
        assert_eq!(on(&store).await, (words(&["legal", "refund"]), words(&["legal", "refund"])));
        let reasons = store.tag_reasons(CallKey(1)).await.expect("query");
        let told: Vec<_> = reasons.iter().map(|one| (one.tag.as_str(), one.segment, one.text.as_str())).collect();
        let wanted = [("legal", 7, "my money back"), ("refund", 7, "my money back"), ("refund", 8, "a refund, please")];
        assert_eq!(told, wanted);
        assert_eq!((reasons[0].pack.as_str(), reasons[0].rule.as_str()), ("general", "general:9"));
        keep(&store, vec![given("refund", &[7])]).await;
        assert_eq!(on(&store).await, (words(&["refund"]), words(&["refund"])));
        store.writer().run(|db| db.execute("DELETE FROM segment", [])).await.expect("gone");
        assert_eq!(store.tag_reasons(CallKey(1)).await.expect("query"), []);
    }

    #[tokio::test]
    async fn what_a_person_puts_on_stays_and_what_a_person_takes_off_does_not_come_back() {
        let (_folder, store) = super::super::tests::open();
        store.writer().run(|db| db.execute_batch(CALL)).await.expect("a call");
        let all = || vec![given("refund", &[7]), given("legal", &[8])];
        keep(&store, all()).await;
        let calls = || vec![CallKey(1)];
        store.tag(calls(), words(&["refund", "vip"]), words(&["legal"])).await.expect("tag");
        for tags in [all(), Vec::new()] {
            keep(&store, tags).await;
            assert_eq!(on(&store).await, (words(&["refund", "vip"]), Vec::new()));
            assert_eq!(store.tag_reasons(CallKey(1)).await.expect("query"), []);
        }
        store.tag(calls(), words(&["legal"]), words(&["refund"])).await.expect("tag");
        keep(&store, all()).await;
        assert_eq!(on(&store).await, (words(&["legal", "vip"]), Vec::new()), "put on again, it is a person's");
    }

    #[tokio::test]
    async fn calls_that_become_one_keep_what_people_said_of_either() {
        let (_folder, store) = super::super::tests::open();
        store.writer().run(|db| db.execute_batch(CALL)).await.expect("a call");
        store.writer().commit(vec![super::super::tests::call(2, "c.2", 9)]).await.expect("a call");
        keep(&store, vec![given("refund", &[7]), given("legal", &[7]), given("vip", &[7])]).await;
        store.tag(vec![CallKey(2)], words(&["vip"]), words(&["legal"])).await.expect("tag");
        store.writer().commit(vec![Change::CallMerged { from: CallKey(1), into: CallKey(2) }]).await.expect("merge");
        assert_eq!(on(&store).await, (words(&["refund", "vip"]), words(&["refund"])));
        let reasons = store.tag_reasons(CallKey(2)).await.expect("query");
        assert_eq!(reasons.iter().map(|one| one.tag.as_str()).collect::<Vec<_>>(), ["refund"]);
    }
}
