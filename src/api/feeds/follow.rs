//! `WS /ws/events`: the feed for pages, which continues where it broke off.
//!
//! The documented `/ws/calls` sends bare messages; server-sent events resume, but a browser opens six connections to a host and no more, so a seventh
//! tab would hang. Here each message is `{"id": number, "event": message}`, and `last_event_id` gives the missed ones first. The first message is
//! `{"hello": {"last": number, "reset": bool}}`; `reset` says that the number is not of this database, so that missed messages are unknown.

use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use axum::extract::{State, WebSocketUpgrade};
use axum::response::Response;
use futures_util::SinkExt;
use tokio::sync::broadcast::error::RecvError;

use super::batch::Batches;
use super::parts::Feeds;
use crate::api::access::grant::{Access, Lease};
use crate::api::calls::find::find_seen;
use crate::api::request::{ApiError, Parameters, bounded};
use crate::call::CallKey;
use crate::contract::control::{Beat, FeedState, Hello};
use crate::store::readers::asked_by;
use crate::store::{StoreError, StoredEvent};

/// A client that does not take a message in this time is let go; it comes back with its last number.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest time without a message, so that a client can tell a dead connection from a quiet one.
const BEAT: Duration = Duration::from_secs(10);
/// Events per reading for a client that comes back.
const PAGE: u32 = 500;

/// Reason for which a follower is let go.
enum Gone {
    /// It left, or does not read.
    Client,
    /// It fell behind the events in memory: it comes back and reads the rest.
    Behind,
    /// The database failed.
    Store,
}

impl From<StoreError> for Gone {
    fn from(error: StoreError) -> Self {
        log::error!("api: {error}");
        Self::Store
    }
}

pub(in crate::api) async fn events(
    State(feeds): State<Feeds>,
    access: Access,
    query: Parameters,
    upgrade: WebSocketUpgrade,
) -> Result<Response, ApiError> {
    let from = query.parse("last_event_id", "a number")?;
    let only = match query.text("call_id") {
        Some(id) => Some(find_seen(&feeds.store, &access, &id).await?.key),
        None => None,
    };
    Ok(bounded(upgrade).on_upgrade(move |socket| {
        asked_by(access.asker(), async move {
            let lease = access.lease(&feeds.access_control, &feeds.stop);
            if let Err(Gone::Behind | Gone::Store) =
                (Follower { feeds, access, lease, socket, only, seen: 0 }).run(from).await
            {
                metrics::counter!("lineside_feed_dropped_total").increment(1);
            }
        })
    }))
}

struct Follower {
    feeds: Feeds,
    access: Access,
    lease: Lease,
    socket: WebSocket,
    only: Option<CallKey>,
    seen: i64,
}

impl Follower {
    async fn run(mut self, from: Option<i64>) -> Result<(), Gone> {
        // Live events are subscribed before past ones are read: an event that is committed in between comes twice and is recognised by its number.
        let mut live = Batches::new(self.feeds.store.live());
        let last = self.feeds.store.last_event().await?;
        let reset = from.is_some_and(|from| from > last);
        self.seen = from.filter(|_| !reset).unwrap_or(last);
        let hello = Hello { hello: FeedState { last, reset } };
        self.send(serde_json::to_string(&hello).unwrap_or_default()).await?;
        self.flush().await?;
        loop {
            let page = self.feeds.store.events_after(self.seen, self.only, PAGE).await?;
            for event in &page {
                self.tell(event).await?;
            }
            self.flush().await?;
            if page.len() < PAGE as usize {
                break;
            }
        }
        let mut beat = tokio::time::interval(BEAT);
        loop {
            tokio::select! {
                () = self.lease.over.cancelled() => return Ok(()),
                _ = beat.tick() => self.send(serde_json::to_string(&Beat { beat: true }).unwrap_or_default()).await?,
                events = live.next() => match events {
                    Ok(events) => for event in &events {
                        self.tell(event).await?;
                    },
                    Err(RecvError::Lagged(_)) => return Err(Gone::Behind),
                    Err(RecvError::Closed) => return Ok(()),
                },
                received = self.socket.recv() => match received {
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return Ok(()),
                    Some(Ok(_)) => {}
                },
            }
            self.flush().await?;
        }
    }

    /// An event without a number (text that is not final) is passed on and not counted.
    async fn tell(&mut self, event: &StoredEvent) -> Result<(), Gone> {
        if event.id > 0 && event.id <= self.seen || self.only.is_some_and(|call| event.call != Some(call)) {
            return Ok(());
        }
        self.seen = self.seen.max(event.id);
        if !self.access.sees_event(&self.feeds.store, event.call).await {
            return Ok(());
        }
        self.send(format!(r#"{{"id":{},"event":{}}}"#, event.id, event.payload)).await
    }

    /// It leaves with the next `flush`.
    async fn send(&mut self, text: String) -> Result<(), Gone> {
        in_time(self.socket.feed(Message::Text(text.into()))).await
    }

    async fn flush(&mut self) -> Result<(), Gone> {
        in_time(self.socket.flush()).await
    }
}

async fn in_time(sent: impl Future<Output = Result<(), axum::Error>>) -> Result<(), Gone> {
    match tokio::time::timeout(PATIENCE, sent).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(Gone::Client),
        Err(_) => Err(Gone::Behind),
    }
}
