//! What may be in progress at a time: requests, and the memory of their answers.
//!
//! A token, and an address, holds at most a quarter of the connections with requests that are not over; a WebSocket is one for as long as it is open.
//! All feeds together leave a quarter of the connections free, and all that only read an eighth, so that whoever may change something always comes in.
//! Answers that are made in memory have a budget: who has many under way, or not taken yet, waits.

use std::collections::HashMap;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::BoxError;
use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use tokio::sync::Notify;

use crate::store::readers::asking;

/// Part of the connections that one token or address may hold.
const SHARE: usize = 4;
/// Answers that one asker may have made at a time, and all together.
const MAKING: (usize, usize) = (4, 16);
/// Bytes of answers in memory that wait for their clients: of one client, and of all.
const BYTES: (u64, u64) = (16 << 20, 64 << 20);
/// An answer that cannot be begun within this time is refused.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a request keeps its seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// For as long as the client likes.
    Feed,
    /// For as long as the answer takes.
    Read,
    /// The same, by somebody who may change something.
    Operator,
}

#[derive(Default)]
struct Held {
    all: usize,
    feeds: usize,
    credentials: HashMap<String, usize>,
    addresses: HashMap<IpAddr, usize>,
}

/// The seats of all connections; 0 is no limit.
pub(super) struct Seats {
    connections: usize,
    held: Arc<Mutex<Held>>,
}

/// A seat; it is given back when dropped.
pub(super) struct Seat {
    held: Arc<Mutex<Held>>,
    credential: Option<String>,
    address: Option<IpAddr>,
    feed: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Seats {
    pub(super) fn new(connections: usize) -> Self {
        Self { connections, held: Arc::default() }
    }

    /// Takes a seat; `None` when there is none for this one. Without a credential, or an address, none is counted.
    pub(super) fn take(&self, credential: Option<&str>, address: Option<IpAddr>, kind: Kind) -> Option<Seat> {
        let (mut held, most) = (lock(&self.held), self.connections);
        let share = (most / SHARE).max(1);
        let of = |count: Option<&usize>| count.copied().unwrap_or_default();
        let mine = credential.map_or(0, |name| of(held.credentials.get(name)));
        let here = address.map_or(0, |address| of(held.addresses.get(&address)));
        let full = match kind {
            Kind::Feed => held.feeds >= most * 3 / 4 || held.all >= most * 7 / 8,
            Kind::Read => held.all >= most * 7 / 8,
            Kind::Operator => false,
        };
        if most > 0 && (full || mine >= share || here >= share) {
            return None;
        }
        held.all += 1;
        held.feeds += usize::from(kind == Kind::Feed);
        if let Some(name) = credential {
            *held.credentials.entry(name.into()).or_default() += 1;
        }
        if let Some(address) = address {
            *held.addresses.entry(address).or_default() += 1;
        }
        let credential = credential.map(Into::into);
        Some(Seat { held: Arc::clone(&self.held), credential, address, feed: kind == Kind::Feed })
    }
}

fn one_less<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut held = lock(&self.held);
        held.all -= 1;
        held.feeds -= usize::from(self.feed);
        if let Some(name) = &self.credential {
            one_less(&mut held.credentials, name);
        }
        if let Some(address) = &self.address {
            one_less(&mut held.addresses, address);
        }
    }
}

#[derive(Clone, Copy, Default)]
struct Load {
    making: usize,
    bytes: u64,
}

#[derive(Default)]
struct Loads {
    all: Load,
    askers: HashMap<Arc<str>, Load>,
}

impl Loads {
    fn may_begin(&self, asker: &str) -> bool {
        let mine = self.askers.get(asker).copied().unwrap_or_default();
        let nothing = mine.making == 0 && mine.bytes == 0;
        let little = mine.making < MAKING.0 && mine.bytes < BYTES.0;
        nothing || little && self.all.making < MAKING.1 && self.all.bytes < BYTES.1
    }

    fn change(&mut self, asker: &Arc<str>, change: impl Fn(&mut Load)) {
        change(&mut self.all);
        let mine = self.askers.entry(Arc::clone(asker)).or_default();
        change(mine);
        if mine.making == 0 && mine.bytes == 0 {
            self.askers.remove(asker);
        }
    }
}

/// Memory for answers.
#[derive(Clone, Default)]
pub(super) struct Budget(Arc<(Mutex<Loads>, Notify)>);

impl Budget {
    fn change(&self, asker: &Arc<str>, change: impl Fn(&mut Load)) {
        lock(&self.0.0).change(asker, change);
        self.0.1.notify_waiters();
    }

    /// Waits until an answer may be made; `None` when that takes too long.
    pub(super) async fn begin(&self, asker: &Arc<str>) -> Option<Making> {
        let begun = async {
            loop {
                // Before the look: what becomes free after it is heard of.
                let freed = self.0.1.notified();
                {
                    let mut loads = lock(&self.0.0);
                    if loads.may_begin(asker) {
                        loads.change(asker, |load| load.making += 1);
                        return;
                    }
                }
                freed.await;
            }
        };
        tokio::time::timeout(PATIENCE, begun).await.ok()?;
        Some(Making { budget: self.clone(), asker: Arc::clone(asker) })
    }
}

/// An answer that is being made.
pub(super) struct Making {
    budget: Budget,
    asker: Arc<str>,
}

impl Making {
    /// Notes that the answer is ready and this many bytes long; they count until the result is dropped.
    fn done(self, bytes: u64) -> Untaken {
        self.budget.change(&self.asker, |load| load.bytes += bytes);
        Untaken { budget: self.budget.clone(), asker: Arc::clone(&self.asker), bytes }
    }
}

impl Drop for Making {
    fn drop(&mut self) {
        self.budget.change(&self.asker, |load| load.making -= 1);
    }
}

struct Untaken {
    budget: Budget,
    asker: Arc<str>,
    bytes: u64,
}

impl Drop for Untaken {
    fn drop(&mut self) {
        self.budget.change(&self.asker, |load| load.bytes -= self.bytes);
    }
}

/// An answer's body with what it holds: its seat, its bytes, and for whom it asks the database.
pub(super) struct Seated {
    inner: Body,
    asker: Arc<str>,
    _held: (Option<Seat>, Option<Untaken>),
}

impl Seated {
    pub(super) fn body(inner: Body, asker: Arc<str>, seat: Option<Seat>, making: Option<Making>) -> Body {
        let bytes = inner.size_hint().exact().unwrap_or_default();
        let untaken = making.map(|making| making.done(bytes));
        Body::new(Self { inner, asker, _held: (seat, untaken) })
    }
}

impl HttpBody for Seated {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        let asker = Arc::clone(&this.asker);
        asking(asker, || Pin::new(&mut this.inner).poll_frame(context)).map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_token_and_one_address_have_their_share_and_who_may_change_something_always_a_seat() {
        let seats = Seats::new(16);
        let home = |number: u8| Some(IpAddr::from([192, 0, 2, number]));
        let mut held: Vec<Seat> = Vec::new();
        for _ in 0..16 {
            held.extend(seats.take(Some("one"), None, Kind::Feed));
        }
        assert_eq!(held.len(), 4, "a quarter of 16");
        for number in 0..16 {
            held.extend(seats.take(Some(&format!("token {number}")), home(1), Kind::Feed));
        }
        assert_eq!(held.len(), 8, "an address too");
        for number in 0..32 {
            held.extend(seats.take(Some(&format!("other {number}")), home(number + 10), Kind::Feed));
        }
        assert_eq!(held.len(), 12, "feeds leave a quarter");
        for number in 0..32 {
            held.extend(seats.take(Some(&format!("reader {number}")), home(number + 10), Kind::Read));
        }
        assert_eq!(held.len(), 14, "readers leave an eighth");
        assert!(seats.take(Some("admin"), home(99), Kind::Operator).is_some());
        held.clear();
        let kept = lock(&seats.held);
        assert_eq!((kept.all, kept.feeds, kept.credentials.len(), kept.addresses.len()), (0, 0, 0, 0));
    }

    #[tokio::test]
    async fn who_does_not_take_answers_gets_no_more_and_others_do() {
        let (budget, greedy, other) = (Budget::default(), Arc::from("greedy"), Arc::from("other"));
        let mut untaken = Vec::new();
        // What may begin begins at once.
        let at_once = async |asker| tokio::time::timeout(Duration::ZERO, budget.begin(asker)).await.ok().flatten();
        while let Some(making) = at_once(&greedy).await {
            untaken.push(making.done(6 << 20));
        }
        assert_eq!(untaken.len(), 3, "the third one passes 16 MB");
        let making = at_once(&other).await.expect("another asker");
        drop((making, untaken));
        assert!(at_once(&greedy).await.is_some());
        assert!(lock(&budget.0.0).askers.is_empty(), "nothing is kept of who has all");
    }
}
