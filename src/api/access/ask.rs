//! A request as the guard looks at it, the connection that it came by, and what its handler tells of it.

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
    /// On the Unix socket.
    Unix {
        /// User number, as the kernel says.
        user: u32,
    },
    /// On TCP.
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

/// What was done, where the path does not tell; a handler puts it into its response.
#[derive(Clone, Debug)]
pub struct Told {
    /// As it is written down.
    pub action: String,
    /// With which calls; none where nothing is left of them that an entry could be about.
    pub calls: Vec<CallKey>,
}

/// Where a connection keeps the seat of what it was turned into.
#[derive(Clone, Default)]
pub(super) struct Slot(Arc<Mutex<Option<Seat>>>);

impl Slot {
    pub(super) fn keep(&self, seat: Option<Seat>) {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = seat;
    }
}
