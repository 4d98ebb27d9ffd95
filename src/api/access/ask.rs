//! A request as the guard sees it, its connection, and what its handler reports of it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::http::{HeaderMap, Method, header};

use super::route::RoutePolicy;
use super::seats::Seat;
use crate::api::request::parameters::{PASS, Pairs, TOKEN};
use crate::call::CallKey;

/// The other end of a connection.
#[derive(Clone, Copy, Debug)]
pub enum Peer {
    /// A connection on the Unix socket.
    Unix {
        /// User number, as the kernel says.
        user: u32,
    },
    /// A connection over TCP.
    Tcp(SocketAddr),
}

/// A request, as the guard looks at it.
pub(super) struct Ask<'a> {
    pub(super) policy: RoutePolicy,
    pub(super) method: &'a Method,
    pub(super) path: &'a str,
    pub(super) call: Option<&'a str>,
    pub(super) query: &'a Pairs,
    pub(super) headers: &'a HeaderMap,
}

impl Ask<'_> {
    pub(super) fn changes(&self) -> bool {
        self.policy.changes(self.method)
    }

    pub(super) fn is_socket(&self) -> bool {
        self.headers.contains_key(header::UPGRADE)
    }

    /// The token in the address.
    pub(super) fn token(&self) -> Option<&str> {
        self.parameter(TOKEN).or_else(|| self.parameter(PASS).filter(|_| self.policy.dialer))
    }

    /// A parameter's value; one that is given twice has none.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        let mut values = self.query.iter().filter(|(given, _)| given == name).map(|(_, value)| value.as_str());
        values.next().filter(|_| values.next().is_none())
    }
}

/// A handler's report for the audit log, in its response, where the path does not tell the action.
#[derive(Clone, Debug)]
pub struct Told {
    /// The action, as the audit log words it.
    pub action: String,
    /// The calls of the action; empty where none of them is left.
    pub calls: Vec<CallKey>,
}

/// Place for the seat of a connection that became a WebSocket.
#[derive(Clone, Default)]
pub(super) struct Slot(Arc<Mutex<Option<Seat>>>);

impl Slot {
    pub(super) fn keep(&self, seat: Option<Seat>) {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = seat;
    }
}
