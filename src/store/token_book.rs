//! Tokens and the audit log for the command line, on a connection of its own, whether the daemon runs or not. Blocks.

use std::path::Path;

use rusqlite::{Connection, ErrorCode, Row, params};

use super::StoreError;
use super::rows::tokens::{COLUMNS, token_row};
use super::tokens::{Kept, Scopes, TokenRow};
use crate::call::WallTime;

/// The same as it is shown: with the call's public id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    /// Time of the access.
    pub at: WallTime,
    /// Name of the token, or the user on the Unix socket.
    pub who: String,
    /// The client's address; `None` on the Unix socket.
    pub address: Option<String>,
    /// The action, as the audit log words it.
    pub action: String,
    /// The call's public id; `None` for lists, and for a call that was erased.
    pub call_id: Option<String>,
}

/// A token to be made.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// Name of the token.
    pub name: String,
    /// Scopes of the token.
    pub scopes: Scopes,
    /// Sees only this campaign's calls.
    pub campaign: Option<String>,
    /// Sees only the running call of this agent and reviews of the agent's calls.
    pub agent: Option<String>,
    /// Time at which it expires.
    pub expires: Option<WallTime>,
}

/// The rows of a state folder.
pub struct TokenBook {
    db: Connection,
}

impl TokenBook {
    /// Opens the database of a state folder, making it when it is not there.
    pub fn open(state: &Path) -> Result<Self, StoreError> {
        let path = state.join("lineside.db");
        let db = super::open_writing(&path)?;
        give_to_owner(state, &path);
        Ok(Self { db })
    }

    /// Makes a token and returns it, for the only time. `None` when the name is taken.
    pub fn add(&self, new: &NewToken, at: WallTime) -> Result<Option<String>, StoreError> {
        let (text, kept) = Kept::fresh("lineside").map_err(|error| StoreError::Random(error.to_string()))?;
        let added = self.db.execute(
            "INSERT INTO token (name, selector, hash, scopes, campaign, created_ms, expires_ms, agent)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                new.name,
                kept.selector,
                kept.hash,
                new.scopes.to_string(),
                new.campaign,
                at.0,
                new.expires.map(|expires| expires.0),
                new.agent
            ],
        );
        match added {
            Ok(_) => Ok(Some(text)),
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The spellings of a campaign's name, capitals apart, that calls have.
    pub fn spellings(&self, campaign: &str) -> Result<Vec<String>, StoreError> {
        let mut query = self
            .db
            .prepare("SELECT DISTINCT campaign FROM call WHERE campaign = ?1 COLLATE NOCASE ORDER BY campaign")?;
        let rows = query.query_map([campaign], |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(rows)
    }

    /// All tokens in order of name.
    pub fn list(&self) -> Result<Vec<TokenRow>, StoreError> {
        let mut query = self.db.prepare(&format!("SELECT {COLUMNS} FROM token ORDER BY name"))?;
        let rows = query.query_map([], token_row)?.collect::<Result<_, _>>()?;
        Ok(rows)
    }

    /// Revokes a token and ends its sessions; `false` when there is none of this name.
    pub fn revoke(&self, name: &str) -> Result<bool, StoreError> {
        Ok(self.db.execute("DELETE FROM token WHERE name = ?1", [name])? > 0)
    }

    /// Whether a call has this id, or had it once and is still there.
    pub fn has_call(&self, call: &str) -> Result<bool, StoreError> {
        let mut query = self.db.prepare(
            "SELECT EXISTS (SELECT 1 FROM call WHERE call_id = ?1) OR EXISTS (SELECT 1 FROM call_alias WHERE alias = ?1)",
        )?;
        Ok(query.query_row([call], |row| row.get(0))?)
    }

    /// The audit log, newest first; of one call, or of one reader.
    pub fn audit(&self, call: Option<&str>, who: Option<&str>, limit: u32) -> Result<Vec<AuditRow>, StoreError> {
        let mut query = self.db.prepare(
            "SELECT audit.at_ms, audit.who, audit.address, audit.action, call.call_id
             FROM audit
             LEFT JOIN call ON call.id = audit.call
             WHERE (?1 IS NULL OR audit.call IN (
                 SELECT id FROM call WHERE call_id = ?1
                 UNION ALL
                 SELECT call FROM call_alias WHERE alias = ?1))
               AND (?2 IS NULL OR audit.who = ?2)
             ORDER BY audit.id DESC
             LIMIT ?3",
        )?;
        let row = |row: &Row| {
            Ok(AuditRow {
                at: WallTime(row.get(0)?),
                who: row.get(1)?,
                address: row.get(2)?,
                action: row.get(3)?,
                call_id: row.get(4)?,
            })
        };
        let rows = query.query_map(params![call, who, limit], row)?.collect::<Result<_, _>>()?;
        Ok(rows)
    }
}

/// A database that root has made here belongs to whom the folder belongs, or the daemon could not write it.
fn give_to_owner(state: &Path, database: &Path) {
    use std::os::unix::fs::MetadataExt;
    let Ok(folder) = std::fs::metadata(state) else { return };
    for suffix in ["", "-wal", "-shm"] {
        let mut path = database.as_os_str().to_owned();
        path.push(suffix);
        if std::fs::metadata(&path).is_ok_and(|file| file.uid() != folder.uid())
            && let Err(error) = std::os::unix::fs::chown(&path, Some(folder.uid()), Some(folder.gid()))
        {
            log::warn!("{}: cannot be given to the owner of {}: {error}", path.display(), state.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::CallKey;
    use crate::store::rows::tokens::apply;
    use crate::store::tokens::{AccessChange, AuditEntry};

    fn book() -> (tempfile::TempDir, TokenBook) {
        let folder = tempfile::tempdir().expect("temp dir");
        let book = TokenBook::open(folder.path()).expect("open");
        (folder, book)
    }

    fn new(name: &str) -> NewToken {
        NewToken { name: name.into(), scopes: Scopes::ALL, campaign: None, agent: None, expires: None }
    }

    #[test]
    fn a_token_is_known_again_by_what_is_kept_and_what_is_kept_does_not_tell_it() {
        let (folder, book) = book();
        let text = book.add(&new("mary"), WallTime(1)).expect("add").expect("free name");
        assert_eq!(book.add(&new("mary"), WallTime(2)).expect("add"), None, "the name is taken");
        let row = &book.list().expect("list")[0];
        let shown = Kept::shown("lineside", &text).expect("its form");
        assert!(shown.selector == row.kept.selector && shown.same(&row.kept.hash));
        let other = format!("{}0", &text[..text.len() - 1]);
        let other = if other == text { format!("{}1", &text[..text.len() - 1]) } else { other };
        assert!(!Kept::shown("lineside", &other).expect("its form").same(&row.kept.hash));
        drop(book);
        let secret = text.rsplit('_').next().expect("secret");
        let bytes = std::fs::read(folder.path().join("lineside.db")).expect("read");
        assert!(!bytes.windows(secret.len()).any(|part| part == secret.as_bytes()));
    }

    #[test]
    fn a_revoked_token_takes_its_sessions_along() {
        let (_folder, book) = book();
        book.add(&new("mary"), WallTime(1)).expect("add");
        let token = book.list().expect("list")[0].id;
        let (_, kept) = Kept::fresh("session").expect("random");
        let opened = AccessChange::SessionOpened { kept, token, at: WallTime(1), expires: WallTime(9) };
        apply(&book.db, &opened).expect("open");
        let count =
            || book.db.query_row("SELECT count(*) FROM session", [], |row| row.get::<_, i64>(0)).expect("count");
        assert_eq!(count(), 1);
        assert!(book.revoke("mary").expect("revoke") && !book.revoke("mary").expect("again"));
        assert_eq!(count(), 0);
        apply(&book.db, &opened).expect("a login that was under way");
        assert_eq!(count(), 0);
    }

    #[test]
    fn a_call_that_is_erased_leaves_who_and_when_but_not_whom() {
        let (_folder, book) = book();
        let call = "INSERT INTO call (id, call_id, source, state, started_ms, last_activity_ms) VALUES (5, 'c.5', 'eagi', 'active', 0, 0)";
        book.db.execute(call, []).expect("call");
        let entry = |call| AuditEntry {
            at: WallTime(10),
            who: "mary".into(),
            address: None,
            action: "read".into(),
            call: Some(CallKey(call)),
        };
        apply(&book.db, &AccessChange::Audit(entry(5))).expect("audit");
        apply(&book.db, &AccessChange::Audit(entry(99))).expect("audit of a call that is gone");
        assert_eq!(book.audit(Some("c.5"), Some("mary"), 9).expect("audit").len(), 1);
        assert!(book.has_call("c.5").expect("known") && !book.has_call("c.6").expect("unknown"));
        book.db.execute("DELETE FROM call", []).expect("erase");
        assert!(!book.has_call("c.5").expect("erased"));
        let rows = book.audit(None, None, 9).expect("audit");
        assert!(rows.len() == 2 && rows.iter().all(|row| row.call_id.is_none() && row.who == "mary"), "{rows:?}");
    }
}
