//! Tags that packs put on calls: how they are written.
//!
//! A pack's tag is written in the transaction of the classification that gave it. It overrules no person: a tag that a person has put on a call stays
//! a person's, and one that a person has taken off does not come back.

use rusqlite::Connection;

use crate::call::CallKey;

/// Tags that packs put on one call, at most.
const MANY: usize = 20;

/// A tag that a pack gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTag {
    /// The tag.
    pub tag: String,
    /// The pack.
    pub pack: String,
    /// The pack and the line of its entry.
    pub rule: String,
    /// The condition that decided, in words of the pack.
    pub reason: String,
    /// Rows of the segments that decided.
    pub segments: Vec<i64>,
}

/// Replaces the packs' tags of a call. A call that is gone gets none.
pub(in crate::store) fn keep(db: &Connection, call: CallKey, tags: &[NewTag]) -> rusqlite::Result<()> {
    let mut names: Vec<&str> = Vec::new();
    for new in tags {
        if names.len() < MANY && !names.contains(&new.tag.as_str()) {
            names.push(&new.tag);
        }
    }
    db.prepare_cached("DELETE FROM tag_reason WHERE call = ?1")?.execute([call.0])?;
    db.prepare_cached(
        "DELETE FROM call_tag WHERE call = ?1 AND automatic AND tag NOT IN (SELECT value FROM json_each(?2))",
    )?
    .execute((call.0, serde_json::Value::from(names.clone()).to_string()))?;
    for tag in &names {
        db.prepare_cached(
            "INSERT OR IGNORE INTO call_tag (call, tag, automatic)
             SELECT id, ?2, 1
             FROM call
             WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM tag_refused WHERE tag_refused.call = call.id AND tag_refused.tag = ?2)",
        )?
        .execute((call.0, tag))?;
    }
    for new in tags {
        for segment in &new.segments {
            db.prepare_cached(
                "INSERT OR IGNORE INTO tag_reason (call, tag, pack, rule, reason, segment)
                 SELECT segment.call, call_tag.tag, ?3, ?4, ?5, segment.id
                 FROM segment
                 JOIN call_tag ON call_tag.call = segment.call AND call_tag.tag = ?2 AND call_tag.automatic
                 WHERE segment.id = ?6 AND segment.call = ?1",
            )?
            .execute((call.0, &new.tag, &new.pack, &new.rule, &new.reason, segment))?;
        }
    }
    Ok(())
}

/// Prepares the tags of two calls for their merge: a tag that a person has put on either stays a person's.
pub(in crate::store) fn before_merge(db: &Connection, calls: [CallKey; 2]) -> rusqlite::Result<()> {
    db.prepare_cached(
        "UPDATE call_tag SET automatic = 0
         WHERE call IN (?1, ?2) AND tag IN (SELECT tag FROM call_tag WHERE call IN (?1, ?2) AND NOT automatic)",
    )?
    .execute((calls[0].0, calls[1].0))?;
    Ok(())
}

/// Cleans up after the merge: a tag that a person has taken off either is not put on the merged call by a pack.
pub(in crate::store) fn after_merge(db: &Connection, call: CallKey) -> rusqlite::Result<()> {
    db.prepare_cached(
        "DELETE FROM call_tag WHERE call = ?1 AND automatic AND tag IN (SELECT tag FROM tag_refused WHERE call = ?1)",
    )?
    .execute([call.0])?;
    Ok(())
}
