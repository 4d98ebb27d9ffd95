//! The client of a request: by a token in a header, the cookie of a login, a signed link, or nobody where no authentication is needed.

use std::net::IpAddr;
use std::time::Instant;

use axum::http::{HeaderMap, header};

use super::ask::Ask;
use super::grant::{Access, Way, is_good};
use super::link::{self, LinkTarget, SignedLink};
use super::refusal::Refusal;
use super::route::INGEST;
use super::state::AccessControl;
use super::{login, origin};
use crate::api::request::parameters::token_in_address;
use crate::store::StoreError;
use crate::store::change::Change;
use crate::store::tokens::{AccessChange, CONFIGURED, Kept, Scopes, hash};

impl AccessControl {
    /// Looks at a token that somebody shows; wrong ones are counted.
    ///
    /// A pause keeps from guessing what a person has thought up, in the configuration. A made token is not to be guessed, so whoever shows a right one
    /// is let in also while a neighbour at the same address tries others. With one that was thought up they cannot be told apart: if it were looked at
    /// in a pause, there would be none.
    pub(super) async fn token(&self, shown: &str, address: IpAddr) -> Result<Access, Refusal> {
        if let Some(kept) = Kept::shown("lineside", shown)
            && let Some(row) = self.store.token(&kept.selector).await?
            && kept.same(&row.kept.hash)
            && is_good(&row, (self.now)())
        {
            self.note_use(row.id).await?;
            return Ok(Access::of(&row, Way::Token));
        }
        let whole = hash(shown);
        let written = [
            (&self.token, Access::all(CONFIGURED.into(), Way::Token)),
            (&self.ingest_token, Access { scopes: Scopes::INGEST, ..Access::all("[ingest] token".into(), Way::Token) }),
        ];
        let found = written.into_iter().find_map(|(ours, access)| {
            let ours = ours.as_ref().filter(|ours| ours.is(&whole))?;
            Some((Access { token: ours.selector.clone(), ..access }, ours.is_made))
        });
        if let Some((access, true)) = found {
            return Ok(access);
        }
        if let Some(wait) = self.back_off.pause(address, Instant::now()) {
            return Err(Refusal::Pause(wait));
        }
        if let Some((access, _)) = found {
            return Ok(access);
        }
        self.back_off.wrong(address, whole, Instant::now());
        Err(Refusal::WrongToken)
    }

    /// That a token is in use, once a minute.
    async fn note_use(&self, token: i64) -> Result<(), StoreError> {
        let at = (self.now)();
        {
            let mut used = self.used.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if used.get(&token).is_some_and(|last| at.0 - last.0 < 60_000) {
                return Ok(());
            }
            used.insert(token, at);
        }
        self.store.writer().push(vec![Change::Access(AccessChange::TokenUsed { token, at })]).await
    }

    /// The session of a cookie; one that is not good is none.
    async fn session(&self, headers: &HeaderMap) -> Result<Option<Access>, Refusal> {
        let Some(kept) = login::cookie(headers) else { return Ok(None) };
        let Some((hash, expires, row)) = self.store.session(&kept.selector).await? else { return Ok(None) };
        let now = (self.now)();
        if !kept.same(&hash) || expires.0 <= now.0 || !is_good(&row, now) {
            return Ok(None);
        }
        self.note_use(row.id).await?;
        Ok(Some(Access { session: Some(kept.selector), ..Access::of(&row, Way::Cookie) }))
    }

    /// A signed link: to a leg's sound or an agent's own call, and to nothing else that ends like it.
    async fn link(&self, ask: &Ask<'_>) -> Result<Option<Access>, Refusal> {
        let text = |name: &str| ask.parameter(name).unwrap_or_default();
        let to = match (ask.path, ask.call) {
            _ if ask.changes() => return Ok(None),
            (link::PATH, Some(call)) => LinkTarget::Sound { call, leg: text("leg") },
            (link::AGENT_PATH, _) if !text("user").is_empty() => LinkTarget::Agent(text("user")),
            _ => return Ok(None),
        };
        let Ok(expires_s) = text("expires").parse() else { return Ok(None) };
        let link = SignedLink { to, expires_s, by: text("by") };
        let now = (self.now)();
        if !self.links.is_good(link, text("signature"), now) {
            return Ok(None);
        }
        let access = if link.by.is_empty() {
            Some(Access { scopes: Scopes::READ, ..Access::all("link".into(), Way::Link) })
        } else {
            let row = self.store.token(link.by).await?.filter(|row| is_good(row, now));
            row.map(|row| Access::of(&row, Way::Link))
        };
        Ok(access.map(|access| match to {
            LinkTarget::Agent(agent) => Access { scopes: Scopes::AGENT, agent: Some(agent.to_owned()), ..access },
            LinkTarget::Sound { .. } => access,
        }))
    }

    /// The client of a request, by its credentials; [`Access`] of nobody where no authentication is needed.
    pub(super) async fn identify(&self, ask: &Ask<'_>, address: IpAddr, site: origin::From) -> Result<Access, Refusal> {
        let Ask { policy, headers, .. } = *ask;
        if policy.needs.is_empty() {
            return Ok(Access::nobody());
        }
        // Connectors of other platforms have a header of their own for it.
        let cloud = || headers.get("x-cloud-token").filter(|_| policy.needs == INGEST);
        if let Some(shown) = bearer(headers) {
            return self.token(shown, address).await;
        }
        if let Some(shown) = cloud() {
            return self.token(shown.to_str().unwrap_or_default(), address).await;
        }
        if let Some(shown) = ask.token().filter(|_| self.settings.token_in_query) {
            return self.token(shown, address).await;
        }
        if let Some(access) = self.session(headers).await? {
            let from_page = site == origin::From::OwnPage;
            let by_script = origin::is_made_by_script(headers);
            if ask.changes() && !(from_page && by_script) || ask.is_socket() && !from_page {
                return Err(Refusal::Script);
            }
            return Ok(access);
        }
        if let Some(access) = self.link(ask).await? {
            return Ok(access);
        }
        let has_own_token = policy.needs == INGEST && self.ingest_token.is_some();
        if self.settings.open && !has_own_token {
            Ok(Access::all("open".into(), Way::Open))
        } else if policy.dialer && ask.token().is_some() {
            Err(Refusal::Parameter(token_in_address()))
        } else {
            Err(Refusal::Token)
        }
    }
}

/// The token in a header. Other schemes are those of a proxy in front.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, shown) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| shown.trim())
}
