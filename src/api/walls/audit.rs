//! Who read, heard, exported or changed what: written down before the answer goes out.
//!
//! What the same reader does again with the same call within five minutes is one entry: a player asks for sound in dozens of pieces.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;

use axum::http::{Method, StatusCode};

use super::Walls;
use super::access::{Access, Way};
use crate::call::{CallKey, WallTime};
use crate::store::StoreError;
use crate::store::change::Change;
use crate::store::tokens::{AuditEntry, WallChange};

/// Repetitions within this time are one entry.
const SAME_MS: i64 = 300_000;
/// Entries that are remembered for that.
const REMEMBERED: usize = 10_000;

/// Reader, address, action, call.
type Deed = (String, Option<IpAddr>, String, Option<CallKey>);

/// What was noted lately.
#[derive(Default)]
pub(super) struct Noted(Mutex<HashMap<Deed, WallTime>>);

impl Noted {
    /// Whether this is to be written down now.
    fn is_new(&self, entry: Deed, at: WallTime) -> bool {
        let mut noted = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if noted.get(&entry).is_some_and(|last| (0..SAME_MS).contains(&(at.0 - last.0))) {
            return false;
        }
        if noted.len() >= REMEMBERED {
            noted.retain(|_, last| at.0 - last.0 < SAME_MS);
        }
        if noted.len() < REMEMBERED {
            noted.insert(entry, at);
        }
        true
    }
}

/// What is done at a path; `None` where nothing about anybody is shown.
pub(super) fn action(method: &Method, path: &str) -> Option<String> {
    let reading = method == Method::GET || method == Method::HEAD;
    let last = path.rsplit('/').find(|part| !part.is_empty()).unwrap_or_default();
    match path {
        "/api/v1/calls/stats" => None,
        "/api/v1/calls" if reading => Some("list".into()),
        "/api/v1/calls" => Some("name".into()),
        "/api/v1/events" => Some("feed".into()),
        "/api/v1/calls/{id}/audio/link" => Some("audio link".into()),
        path if path.starts_with("/ws/") => Some("feed".into()),
        path if !path.starts_with("/api/") && reading => None,
        path if path.starts_with("/log") => None,
        _ if last.starts_with('{') && reading => Some("read".into()),
        _ if last.starts_with('{') => Some(method.as_str().to_lowercase()),
        _ => Some(last.into()),
    }
}

impl Walls {
    /// Writes down what was done, when it was.
    pub(super) async fn note(
        &self,
        access: &Access,
        address: Option<IpAddr>,
        method: &Method,
        path: &str,
        call: Option<&str>,
        status: StatusCode,
    ) -> Result<(), StoreError> {
        let done = status.is_success() || status == StatusCode::SWITCHING_PROTOCOLS;
        let Some(action) = action(method, path).filter(|_| done) else { return Ok(()) };
        let call = match call {
            Some(id) => self.store.call(id).await?.map(|row| row.key),
            None => None,
        };
        let at = (self.now)();
        let who = access.who.clone();
        // A change is written down each time.
        let reads = method == Method::GET || method == Method::HEAD;
        if reads && !self.noted.is_new((who.clone(), address, action.clone(), call), at) {
            return Ok(());
        }
        let address = address.filter(|_| access.way != Way::Unix).map(|address| address.to_string());
        let entry = AuditEntry { at, who, address, action, call };
        self.store.writer().push(vec![Change::Walls(WallChange::Audit(entry))]).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shows_a_call_has_a_name_and_what_shows_nobody_has_none() {
        let get = |path| action(&Method::GET, path);
        assert_eq!(get("/api/v1/calls/{id}").as_deref(), Some("read"));
        assert_eq!(get("/api/v1/calls/{id}/export").as_deref(), Some("export"));
        assert_eq!(get("/api/v1/search").as_deref(), Some("search"));
        assert_eq!(get("/ws/calls/{id}").as_deref(), Some("feed"));
        assert_eq!(action(&Method::POST, "/api/v1/calls/{id}/end").as_deref(), Some("end"));
        assert_eq!(action(&Method::DELETE, "/api/v1/calls/{id}").as_deref(), Some("delete"));
        for nobody in ["/", "/health", "/metrics", "/api/v1/calls/stats"] {
            assert_eq!(get(nobody), None, "{nobody}");
        }
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
