//! Tokens, browser sessions that were opened with one, and the audit log of who read what.

use rusqlite::{Connection, OptionalExtension};

pub use super::rows::tokens::{AccessChange, AuditEntry, CONFIGURED, Kept, Scope, Scopes, TokenRow, hash};
use super::rows::tokens::{COLUMNS, token_row};
use super::{Store, StoreError};
use crate::call::WallTime;

impl Store {
    /// The token that a selector finds, expired or not.
    pub async fn token(&self, selector: &str) -> Result<Option<TokenRow>, StoreError> {
        let selector = selector.to_string();
        self.read(move |db| {
            let sql = format!("SELECT {COLUMNS} FROM token WHERE selector = ?1");
            db.prepare_cached(&sql)?.query_row([&selector], token_row).optional()
        })
        .await
    }

    /// The token of a name, expired or not.
    pub async fn token_named(&self, name: &'static str) -> Result<Option<TokenRow>, StoreError> {
        self.read(move |db| {
            let sql = format!("SELECT {COLUMNS} FROM token WHERE name = ?1");
            db.prepare_cached(&sql)?.query_row([name], token_row).optional()
        })
        .await
    }

    /// A session that a selector finds: the hash of its cookie, its end, and its token.
    pub async fn session(&self, selector: &str) -> Result<Option<([u8; 32], WallTime, TokenRow)>, StoreError> {
        let selector = selector.to_string();
        self.read(move |db| {
            let sql = format!(
                "SELECT {COLUMNS}, session.hash, session.expires_ms
                 FROM session
                 JOIN token ON token.id = session.token
                 WHERE session.selector = ?1"
            );
            db.prepare_cached(&sql)?
                .query_row([&selector], |row| Ok((row.get(10)?, WallTime(row.get(11)?), token_row(row)?)))
                .optional()
        })
        .await
    }

    /// Whether there is any token at all.
    pub async fn has_tokens(&self) -> Result<bool, StoreError> {
        self.read(|db| db.query_row("SELECT EXISTS (SELECT 1 FROM token)", [], |row| row.get(0))).await
    }

    /// A key of the daemon's own, made when first asked for.
    pub async fn secret(&self, name: &'static str) -> Result<Vec<u8>, StoreError> {
        let read = move |db: &Connection| {
            db.query_row("SELECT value FROM secret WHERE name = ?1", [name], |row| row.get::<_, Vec<u8>>(0)).optional()
        };
        if let Some(value) = self.read(read).await? {
            return Ok(value);
        }
        let mut value = vec![0; 32];
        getrandom::fill(&mut value).map_err(|error| StoreError::Random(error.to_string()))?;
        self.writer().commit(vec![super::change::Change::Access(AccessChange::Secret { name, value })]).await?;
        self.read(read).await?.ok_or(StoreError::Closed)
    }
}
