//! Who is asking, and what they may see: made by the guard once per request, read by the handlers.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::Walls;
use crate::api::ApiError;
use crate::call::{CallKey, WallTime};
use crate::store::calls::CallRow;
use crate::store::tokens::{Scope, Scopes, TokenRow};
use crate::store::{Store, StoreError};

/// How often a feed asks whether its token is still good.
const LEASE: std::time::Duration = std::time::Duration::from_secs(5);

/// By which way somebody came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The Unix socket: the file's mode and group have said yes.
    Unix,
    /// `[http] open`.
    Open,
    /// A token in a header.
    Token,
    /// A login of the page.
    Cookie,
    /// A signed link.
    Link,
}

/// Who is asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// The token's name, or the user on the Unix socket.
    pub who: String,
    /// By which way.
    pub way: Way,
    /// Selector of the token; empty without one.
    pub token: String,
    /// What may be done.
    pub scopes: Scopes,
    /// Calls of other campaigns do not exist.
    pub campaign: Option<String>,
}

impl Access {
    /// Somebody who may do everything.
    pub(super) fn all(who: String, way: Way) -> Self {
        Self { who, way, token: String::new(), scopes: Scopes::ALL, campaign: None }
    }

    /// What a token may do, by this way.
    pub(super) fn of(row: &TokenRow, way: Way) -> Self {
        let scopes = if way == Way::Link { Scopes::parse("read").unwrap_or_default() } else { row.scopes };
        let who = if way == Way::Link { format!("{} (link)", row.name) } else { row.name.clone() };
        Self { who, way, token: row.kept.selector.clone(), scopes, campaign: row.campaign.clone() }
    }

    /// Whether one of these is allowed.
    pub(super) fn may(&self, any: &[Scope]) -> bool {
        any.iter().any(|scope| self.scopes.has(*scope))
    }

    /// Whether a call exists for them.
    pub fn sees(&self, call: &CallRow) -> bool {
        self.campaign.is_none() || self.campaign == call.campaign
    }

    /// Whether the call of an event exists for them; what is no call's is for those who see all.
    pub async fn sees_event(&self, store: &Store, call: Option<CallKey>) -> bool {
        let Some(own) = &self.campaign else { return true };
        let Some(call) = call else { return false };
        match store.campaign_of(call).await {
            Ok(campaign) => campaign.as_ref() == Some(own),
            Err(error) => {
                log::error!("api: {error}");
                false
            }
        }
    }

    /// The life of a feed: ends with the daemon, or soon after the token was revoked or is over.
    pub fn lease(&self, walls: &Walls, stop: &CancellationToken) -> Lease {
        let over = stop.child_token();
        if !self.token.is_empty() {
            let (store, now, selector, over) = (walls.store.clone(), walls.now, self.token.clone(), over.clone());
            tokio::spawn(async move {
                loop {
                    tokio::select! {
                        () = over.cancelled() => return,
                        () = tokio::time::sleep(LEASE) => {}
                    }
                    if !still_good(&store, &selector, now()).await.unwrap_or(true) {
                        return over.cancel();
                    }
                }
            });
        }
        Lease { over: over.clone(), _end: over.drop_guard() }
    }
}

async fn still_good(store: &Store, selector: &str, now: WallTime) -> Result<bool, StoreError> {
    Ok(store.token(selector).await?.is_some_and(|row| is_good(&row, now)))
}

/// Whether a token is not over.
pub(super) fn is_good(row: &TokenRow, now: WallTime) -> bool {
    row.expires.is_none_or(|expires| expires.0 > now.0)
}

/// Held by a feed while it runs.
pub struct Lease {
    /// Cancelled when the feed has to end.
    pub over: CancellationToken,
    _end: DropGuard,
}

impl<S: Sync> FromRequestParts<S> for Access {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        // Without the guard nobody is let in.
        parts.extensions.get::<Self>().cloned().ok_or_else(|| ApiError::Unavailable("no guard at this path".into()))
    }
}
