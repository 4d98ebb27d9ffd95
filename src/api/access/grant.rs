//! Who is asking, and what they may see: made by the guard once per request, read by the handlers.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::state::AccessControl;
use crate::api::request::ApiError;
use crate::call::{CallKey, WallTime};
use crate::store::calls::CallRow;
use crate::store::tokens::{Scope, Scopes, TokenRow};
use crate::store::which::same_name;
use crate::store::{Store, StoreError};

/// Interval at which a feed checks whether its token, and its login, is still valid.
const LEASE: std::time::Duration = std::time::Duration::from_secs(5);

/// Way by which a client was authenticated.
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
    /// No authentication, as at the login.
    None,
}

/// The client of a request and its rights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// The token's name, or the user on the Unix socket.
    pub who: String,
    /// Way by which it was authenticated.
    pub way: Way,
    /// Selector of the token; empty without one.
    pub token: String,
    /// Selector of the login, with which feeds end.
    pub session: Option<String>,
    /// Its scopes.
    pub scopes: Scopes,
    /// Calls of other campaigns do not exist.
    pub campaign: Option<String>,
    /// Calls of other agents do not exist; of calls that are over what people and the machine give them is shown.
    pub agent: Option<String>,
}

impl Access {
    /// A client that may do everything.
    pub(super) fn all(who: String, way: Way) -> Self {
        Self { who, way, token: String::new(), session: None, scopes: Scopes::ALL, campaign: None, agent: None }
    }

    /// A client without authentication, for paths that need none.
    pub(super) fn nobody() -> Self {
        Self { scopes: Scopes::default(), ..Self::all(String::new(), Way::None) }
    }

    /// The rights of a token, by this way.
    pub(super) fn of(row: &TokenRow, way: Way) -> Self {
        let scopes = match &row.agent {
            // An agent's token has this scope alone, whatever its row says.
            Some(_) => Scopes::AGENT,
            None if way == Way::Link => Scopes::READ,
            None => row.scopes,
        };
        let who = if way == Way::Link { format!("{} (link)", row.name) } else { row.name.clone() };
        let (campaign, agent) = (row.campaign.clone(), row.agent.clone());
        Self { who, way, token: row.kept.selector.clone(), session: None, scopes, campaign, agent }
    }

    /// Name under which requests are counted.
    pub(super) fn credential(&self) -> &str {
        if self.token.is_empty() { &self.who } else { &self.token }
    }

    /// Name under which the database counts its queries.
    pub fn asker(&self) -> std::sync::Arc<str> {
        self.credential().into()
    }

    /// Whether one of these is allowed.
    pub fn may(&self, any: &[Scope]) -> bool {
        any.iter().any(|scope| self.scopes.has(*scope))
    }

    /// Whether this is somebody who looks after the box: they may do everything, with every call.
    pub fn is_admin(&self) -> bool {
        self.scopes == Scopes::ALL && self.campaign.is_none() && self.agent.is_none()
    }

    /// A call by any of its ids, when there is one and it exists for them.
    pub async fn call(&self, store: &Store, id: &str) -> Result<Option<CallRow>, StoreError> {
        Ok(store.call(id).await?.filter(|call| self.sees(call)))
    }

    /// Whether a call exists for them.
    pub fn sees(&self, call: &CallRow) -> bool {
        let is_theirs = |own: &String| call.agent.as_ref().is_some_and(|agent| same_name(own, agent));
        self.sees_campaign(call.campaign.as_ref()) && self.agent.as_ref().is_none_or(is_theirs)
    }

    /// Whether calls of a campaign exist for them.
    pub fn sees_campaign(&self, campaign: Option<&String>) -> bool {
        self.campaign.is_none() || self.campaign.as_ref() == campaign
    }

    /// Whether the call of an event exists for them; what is no call's is for those who see all.
    pub async fn sees_event(&self, store: &Store, call: Option<CallKey>) -> bool {
        if self.agent.is_some() {
            return false;
        }
        if self.campaign.is_none() {
            return true;
        }
        let Some(call) = call else { return false };
        match store.campaign_of(call).await {
            Ok(campaign) => self.sees_campaign(campaign.as_ref()),
            Err(error) => {
                log::error!("api: {error}");
                false
            }
        }
    }

    /// The life of a feed: ends with the daemon, or soon after the token was revoked or is over, or the login is.
    pub fn lease(&self, access_control: &AccessControl, stop: &CancellationToken) -> Lease {
        let over = stop.child_token();
        if !self.token.is_empty() {
            let (store, now, access, over) =
                (access_control.store.clone(), access_control.now, self.clone(), over.clone());
            tokio::spawn(async move {
                loop {
                    tokio::select! {
                        () = over.cancelled() => return,
                        () = tokio::time::sleep(LEASE) => {}
                    }
                    if !access.still_good(&store, now()).await.unwrap_or(true) {
                        return over.cancel();
                    }
                }
            });
        }
        Lease { over: over.clone(), _end: over.drop_guard() }
    }

    async fn still_good(&self, store: &Store, now: WallTime) -> Result<bool, StoreError> {
        let row = match &self.session {
            Some(session) => store.session(session).await?.filter(|found| found.1.0 > now.0).map(|found| found.2),
            None => store.token(&self.token).await?,
        };
        Ok(row.is_some_and(|row| is_good(&row, now)))
    }
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
        // A request that did not pass the guard is refused.
        parts.extensions.get::<Self>().cloned().ok_or_else(|| ApiError::Unavailable("no guard at this path".into()))
    }
}
