//! The audit log: who read, played, exported or changed something. The entry of a change is committed before the answer goes out. The entry of a
//! read, and of events that platforms send a hundred times a second, is handed to the writer, so that a screen goes on while the disk is full.
//!
//! Repeated reads of one call by one reader within five minutes are one entry, because a player asks for audio in dozens of pieces.

use std::net::IpAddr;

use axum::http::Method;

use super::ask::Told;
use super::grant::{Access, Way};
use super::route::{About, INGEST, RoutePolicy};
use super::state::AccessControl;
use crate::store::StoreError;
use crate::store::change::Change;
use crate::store::tokens::{AccessChange, AuditEntry};

/// The action of a request.
#[derive(Clone, Copy)]
pub(super) struct Deed<'a> {
    /// The request's method.
    pub(super) method: &'a Method,
    /// The path, as the router writes it.
    pub(super) path: &'a str,
    /// The policy of its route.
    pub(super) policy: RoutePolicy,
    /// The call that the path names.
    pub(super) call: Option<&'a str>,
}

impl Deed<'_> {
    fn reads(self) -> bool {
        !self.policy.changes(self.method)
    }

    fn waits_for_its_entry(self) -> bool {
        !self.reads() && self.policy.needs != INGEST
    }

    /// Its name; `None` where nothing about anybody is shown.
    fn name(self) -> Option<String> {
        if matches!(self.policy.about, About::Nothing | About::Daemon) {
            return None;
        }
        let last = self.path.rsplit('/').find(|part| !part.is_empty()).unwrap_or_default();
        let name = match self.path {
            "/api/calls" => "list".into(),
            "/api/v1/calls" if self.reads() => "list".into(),
            "/api/v1/calls" | "/vici/start" | "/vici/dispo" => "name".into(),
            "/api/v1/events" | "/api/realtime/stream" => "feed".into(),
            "/api/v1/calls/{id}/audio/link" => "audio link".into(),
            path if path.starts_with("/ws/") => "feed".into(),
            _ if last.starts_with('{') && self.reads() => "read".into(),
            _ if last.starts_with('{') => self.method.as_str().to_lowercase(),
            _ if self.method == Method::DELETE => format!("delete {last}"),
            _ => last.into(),
        };
        Some(name)
    }
}

impl AccessControl {
    /// Writes down what was done.
    pub(super) async fn note(
        &self,
        access: &Access,
        address: Option<IpAddr>,
        deed: Deed<'_>,
        told: Option<Told>,
    ) -> Result<(), StoreError> {
        let Some(name) = deed.name() else { return Ok(()) };
        let named = match deed.call {
            Some(id) => access.call(&self.store, id).await?.map(|row| row.key),
            None => None,
        };
        let (action, calls) = match told {
            Some(Told { action, calls }) if !calls.is_empty() => (action, calls.into_iter().map(Some).collect()),
            Some(Told { action, .. }) => (action, vec![named]),
            None => (name, vec![named]),
        };
        let at = (self.now)();
        let mut changes = Vec::new();
        for call in calls {
            // A change is written down each time.
            if deed.reads() && !self.noted.is_new((access.who.clone(), address, action.clone(), call), at) {
                continue;
            }
            let address = address.filter(|_| access.way != Way::Unix).map(|address| address.to_string());
            let entry = AuditEntry { at, who: access.who.clone(), address, action: action.clone(), call };
            changes.push(Change::Access(AccessChange::Audit(entry)));
        }
        match changes.is_empty() {
            true => Ok(()),
            false if deed.waits_for_its_entry() => self.store.writer().commit(changes).await,
            false => self.store.writer().push(changes).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::noted::Noted;
    use super::*;
    use crate::api::access::route::READ;
    use crate::call::{CallKey, WallTime};

    #[test]
    fn what_shows_a_call_has_a_name_and_what_shows_nobody_has_none() {
        let name = |method: Method, path, about| {
            Deed { method: &method, path, policy: RoutePolicy::new(READ, about), call: None }.name()
        };
        let get = |path| name(Method::GET, path, About::Call);
        assert_eq!(get("/api/v1/calls/{id}").as_deref(), Some("read"));
        assert_eq!(get("/api/v1/calls/{id}/export").as_deref(), Some("export"));
        assert_eq!(get("/calls/{id}/export").as_deref(), Some("export"));
        assert_eq!(get("/api/v1/search").as_deref(), Some("search"));
        assert_eq!(get("/ws/calls/{id}").as_deref(), Some("feed"));
        let end = name(Method::POST, "/api/v1/calls/{id}/end", About::Call);
        assert_eq!(end.as_deref(), Some("end"));
        let release = name(Method::DELETE, "/api/v1/calls/{id}/hold", About::Call);
        assert_eq!(release.as_deref(), Some("delete hold"));
        assert_eq!(name(Method::GET, "/", About::Nothing), None);
        assert_eq!(name(Method::GET, "/metrics", About::Daemon), None);
    }

    #[test]
    fn a_player_that_asks_in_pieces_is_one_entry() {
        let noted = Noted::default();
        let entry = || ("mary".to_string(), None, "audio".to_string(), Some(CallKey(1)));
        assert!(noted.is_new(entry(), WallTime(0)));
        assert!(!noted.is_new(entry(), WallTime(299_999)));
        assert!(noted.is_new(entry(), WallTime(300_000)));
        assert!(noted.is_new(("john".into(), None, "audio".into(), Some(CallKey(1))), WallTime(300_000)));
    }
}
