//! Rows of tokens, of browser sessions that were opened with one, and of the audit log of who read what.
//!
//! The daemon reads them per request, so that a revoked token is refused at once; the command line writes them with a connection of its own,
//! whether the daemon runs or not. A secret is shown once, when it is made; what is kept is its SHA-256. A plain hash is right for it: it is 256
//! random bits, which nobody finds by trying, so a slow password hash would protect nothing and cost every request CPU that belongs to the calls.

use std::fmt;

use rusqlite::{Connection, Row, params};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::call::{CallKey, WallTime};

/// Name of the row of `[http] token`.
pub const CONFIGURED: &str = "[http] token";
/// How long an entry of the audit log is kept, milliseconds.
pub(in crate::store) const AUDIT_KEPT_MS: i64 = 365 * 24 * 3_600_000;

/// A thing that a token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// See calls, text, sound, figures.
    Read = 1,
    /// Change and command.
    Operate = 2,
    /// Bring in calls and events.
    Ingest = 4,
    /// See the running call of the one agent that the token is for and the reviews of that agent's calls, and dispute them; nothing else.
    Agent = 8,
}

impl Scope {
    /// The word of the commands and of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Operate => "operate",
            Self::Ingest => "ingest",
            Self::Agent => "agent",
        }
    }
}

/// A set of scopes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scopes(u8);

impl Scopes {
    /// All that a token may have which is nobody's in particular.
    pub const ALL: Self = Self(7);
    /// The scope to see calls.
    pub const READ: Self = Self(Scope::Read as u8);
    /// The scope to send calls in.
    pub const INGEST: Self = Self(Scope::Ingest as u8);

    /// The scope to see one's own running call and the reviews of one's own calls.
    pub const AGENT: Self = Self(Scope::Agent as u8);

    /// Whether this one is among them.
    pub fn has(self, scope: Scope) -> bool {
        self.0 & scope as u8 != 0
    }

    /// Parses `read,operate`. `None` for an unknown word, or for none at all.
    pub fn parse(text: &str) -> Option<Self> {
        text.split(',').map(str::trim).try_fold(Self(0), |all, word| {
            let scope = match word {
                "read" => Scope::Read,
                "operate" => Scope::Operate,
                "ingest" => Scope::Ingest,
                "agent" => Scope::Agent,
                _ => return None,
            };
            Some(Self(all.0 | scope as u8))
        })
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = [Scope::Read, Scope::Operate, Scope::Ingest, Scope::Agent];
        let held: Vec<&str> = all.into_iter().filter(|scope| self.has(*scope)).map(Scope::as_str).collect();
        f.write_str(&held.join(","))
    }
}

/// A secret as it is kept: what finds it, and what proves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Finds the row; no secret.
    pub selector: String,
    /// SHA-256 of the whole.
    pub hash: [u8; 32],
}

impl Kept {
    /// A new secret, to be shown once, and what to keep of it.
    pub fn fresh(prefix: &str) -> Result<(String, Self), getrandom::Error> {
        let (mut selector, mut secret) = ([0; 8], [0; 32]);
        getrandom::fill(&mut selector)?;
        getrandom::fill(&mut secret)?;
        let selector = hex::encode(selector);
        let text = format!("{prefix}_{selector}_{}", hex::encode(secret));
        let hash = hash(&text);
        Ok((text, Self { selector, hash }))
    }

    /// The stored form of a token that the configuration names. Such a token need not be random, so the same text gives another hash in another row;
    /// and no text that a client can send has the form in which this hash would be compared.
    pub fn configured(selector: String, token: &str) -> Self {
        let hash = hash(&format!("{selector} {token}"));
        Self { selector, hash }
    }

    /// The stored form of a secret that a client sends; `None` when it has not the form of one.
    pub fn shown(prefix: &str, text: &str) -> Option<Self> {
        let (selector, secret) = text.strip_prefix(prefix)?.strip_prefix('_')?.split_once('_')?;
        let is_hex = |text: &str, len| text.len() == len && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        (is_hex(selector, 16) && is_hex(secret, 64)).then(|| Self { selector: selector.into(), hash: hash(text) })
    }

    /// Whether it is the same secret, in a time that does not depend on where they differ.
    pub fn same(&self, hash: &[u8; 32]) -> bool {
        self.hash.ct_eq(hash).into()
    }
}

/// SHA-256 of a text.
pub fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// A token's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRow {
    /// Row number.
    pub id: i64,
    /// Name of the token.
    pub name: String,
    /// Finds it, hash proves it.
    pub kept: Kept,
    /// Scopes of the token.
    pub scopes: Scopes,
    /// Sees only this campaign's calls.
    pub campaign: Option<String>,
    /// Sees only the running call of this agent and reviews of the agent's calls; its scope is `agent` then.
    pub agent: Option<String>,
    /// Time at which it was made.
    pub created: WallTime,
    /// Time at which it expires.
    pub expires: Option<WallTime>,
    /// Time of its last use.
    pub used: Option<WallTime>,
}

pub(in crate::store) const COLUMNS: &str = "token.id, token.name, token.selector, token.hash, token.scopes, token.campaign, token.created_ms, token.expires_ms, token.used_ms, \
    token.agent";

pub(in crate::store) fn token_row(row: &Row) -> rusqlite::Result<TokenRow> {
    Ok(TokenRow {
        id: row.get(0)?,
        name: row.get(1)?,
        kept: Kept { selector: row.get(2)?, hash: row.get(3)? },
        scopes: Scopes::parse(&row.get::<_, String>(4)?).unwrap_or_default(),
        campaign: row.get(5)?,
        created: WallTime(row.get(6)?),
        expires: row.get::<_, Option<i64>>(7)?.map(WallTime),
        used: row.get::<_, Option<i64>>(8)?.map(WallTime),
        agent: row.get(9)?,
    })
}

/// An entry of the audit log: somebody read, played, exported or changed something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Time of the access.
    pub at: WallTime,
    /// Name of the token, or the user on the Unix socket.
    pub who: String,
    /// The client's address.
    pub address: Option<String>,
    /// The action.
    pub action: String,
    /// Row number of the call that it was about; `None` where it was about none.
    pub call: Option<CallKey>,
}

/// A change by the daemon.
#[derive(Clone, Debug)]
pub enum AccessChange {
    /// A browser has shown a token.
    SessionOpened {
        /// The cookie, as it is kept.
        kept: Kept,
        /// Row number of the token.
        token: i64,
        /// Time of the login.
        at: WallTime,
        /// Time at which it expires.
        expires: WallTime,
    },
    /// It has logged out.
    SessionClosed {
        /// Selector of the session: the public part of its cookie.
        selector: String,
    },
    /// The configuration names this token, or none. The one before goes, with its logins.
    Configured {
        /// Its stored form.
        kept: Option<Kept>,
        /// Time of the start or reload that named it.
        at: WallTime,
    },
    /// A token was used.
    TokenUsed {
        /// Row number of the token.
        token: i64,
        /// Time of the request.
        at: WallTime,
    },
    /// A key is to be kept; one that is there stays.
    Secret {
        /// Name that it is kept under.
        name: &'static str,
        /// The key.
        value: Vec<u8>,
    },
    /// An entry of the audit log.
    Audit(AuditEntry),
}

/// Makes a change true; called by the writer.
pub(in crate::store) fn apply(db: &Connection, change: &AccessChange) -> rusqlite::Result<()> {
    match change {
        AccessChange::SessionOpened { kept, token, at, expires } => {
            db.prepare_cached("DELETE FROM session WHERE expires_ms < ?1")?.execute([at.0])?;
            // The token may have been revoked in the meantime.
            db.prepare_cached(
                "INSERT INTO session (selector, hash, token, created_ms, expires_ms)
                 SELECT ?1, ?2, id, ?4, ?5
                 FROM token
                 WHERE id = ?3",
            )?
            .execute(params![kept.selector, kept.hash, token, at.0, expires.0])?;
        }
        AccessChange::SessionClosed { selector } => {
            db.prepare_cached("DELETE FROM session WHERE selector = ?1")?.execute([selector])?;
        }
        AccessChange::Configured { kept, at } => {
            db.prepare_cached("DELETE FROM token WHERE name = ?1")?.execute([CONFIGURED])?;
            if let Some(kept) = kept {
                db.prepare_cached(
                    "INSERT INTO token (name, selector, hash, scopes, created_ms) VALUES (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute(params![
                    CONFIGURED,
                    kept.selector,
                    kept.hash,
                    Scopes::ALL.to_string(),
                    at.0
                ])?;
            }
        }
        AccessChange::TokenUsed { token, at } => {
            db.prepare_cached("UPDATE token SET used_ms = ?2 WHERE id = ?1")?.execute((token, at.0))?;
        }
        AccessChange::Secret { name, value } => {
            db.prepare_cached("INSERT OR IGNORE INTO secret (name, value) VALUES (?1, ?2)")?.execute((name, value))?;
        }
        AccessChange::Audit(entry) => {
            db.prepare_cached("DELETE FROM audit WHERE at_ms < ?1")?.execute([entry.at.0 - AUDIT_KEPT_MS])?;
            // A call that was erased since it was read leaves its entry without a name.
            db.prepare_cached(
                "INSERT INTO audit (at_ms, who, address, action, call)
                 VALUES (?1, ?2, ?3, ?4, (SELECT id FROM call WHERE id = ?5))",
            )?
            .execute(params![
                entry.at.0,
                entry.who,
                entry.address,
                entry.action,
                entry.call.map(|call| call.0)
            ])?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn scopes_are_words_that_are_known() {
        assert_eq!(Scopes::parse("read, operate,ingest"), Some(Scopes::ALL));
        assert_eq!(Scopes::parse("ingest,read").map(|scopes| scopes.to_string()), Some("read,ingest".into()));
        for wrong in ["", "write", "read,,operate", "READ"] {
            assert_eq!(Scopes::parse(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn nothing_that_is_shown_makes_the_reader_panic(text in "\\PC{0,120}", tail in "lineside_[0-9a-f_]{0,90}") {
            let _ = Kept::shown("lineside", &text);
            let _ = Kept::shown("lineside", &tail);
        }
    }
}
