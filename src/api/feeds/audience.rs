//! Feeds of call dashboards on `/ws/calls`, `/ws/calls/{id}` and `/ws/alerts`: events in the form that such pages expect, and the number of their
//! clients.
//!
//! Such pages count time in seconds since 1970, know of a call what its `call_start` says, and know it by one name. One task puts an event into that
//! form once, not once for each screen. `at` is the time as in the other feeds.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{self, Receiver};
use tokio_util::sync::CancellationToken;

use crate::call::WallTime;
use crate::contract::dashboard::{ByName, EndByName};
use crate::contract::message::CallEndKind;
use crate::store::calls::CallRow;
use crate::store::{Store, StoredEvent};

/// Events kept for a screen that is slow; one that is slower is let go, as on the other feeds.
const KEPT: usize = 4096;
/// The names of a call are looked up in this time, or left out: no feed waits for a busy database.
const PATIENCE: Duration = Duration::from_secs(1);

/// The feed, and its listeners by what they listen to.
#[derive(Clone)]
pub struct Audience {
    events: broadcast::Sender<Arc<StoredEvent>>,
    listeners: Arc<Mutex<BTreeMap<String, usize>>>,
}

/// A client of a feed; counted until dropped.
pub(in crate::api) struct Listener {
    to: String,
    listeners: Arc<Mutex<BTreeMap<String, usize>>>,
}

impl Audience {
    /// A feed that runs until stopped. Wants a runtime around.
    pub fn new(store: Store, stop: CancellationToken) -> Self {
        let (events, _) = broadcast::channel(KEPT);
        let to = events.clone();
        let mut live = store.live();
        tokio::spawn(async move {
            loop {
                let event = tokio::select! {
                    () = stop.cancelled() => return,
                    event = live.recv() => event,
                };
                match event {
                    Ok(_) if to.receiver_count() == 0 => {}
                    Ok(event) => {
                        for told in retold(&store, &event).await {
                            let _ = to.send(Arc::new(told)); // nobody may be left
                        }
                    }
                    Err(RecvError::Lagged(lost)) => metrics::counter!("lineside_feed_dropped_total").increment(lost),
                    Err(RecvError::Closed) => return,
                }
            }
        });
        Self { events, listeners: Arc::default() }
    }

    /// Events from now on.
    pub(in crate::api) fn live(&self) -> Receiver<Arc<StoredEvent>> {
        self.events.subscribe()
    }

    /// Counts somebody who listens to this.
    pub(in crate::api) fn listen(&self, to: &str) -> Listener {
        let mut all = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        *all.entry(to.into()).or_default() += 1;
        Listener { to: to.into(), listeners: Arc::clone(&self.listeners) }
    }

    /// Number of clients by feed.
    pub(in crate::api) fn listeners(&self) -> BTreeMap<String, usize> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut all = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = all.get_mut(&self.to) {
            *count -= 1;
            if *count == 0 {
                all.remove(&self.to);
            }
        }
    }
}

/// Seconds since 1970.
pub(in crate::api) fn epoch(at: WallTime) -> f64 {
    at.0 as f64 / 1000.0
}

/// Puts a message's time into seconds; as it was, it is its `at`.
pub(in crate::api) fn in_seconds(message: &mut Value) {
    let Some(at) = message["timestamp"].as_str().map(str::to_owned) else { return };
    if let Ok(stamp) = at.parse::<jiff::Timestamp>() {
        message["timestamp"] = epoch(WallTime(stamp.as_millisecond())).into();
        message["at"] = at.into();
    }
}

/// Adds the facts of the call that such a page needs from the first message on.
fn about(message: &mut Value, call: &CallRow) {
    message["agent"] = call.agent.clone().into();
    message["caller"] = call.phone.clone().into();
    message["campaign"] = call.campaign.clone().into();
    message["start_time"] = epoch(call.started).into();
}

/// An event in the form of this feed. A call that gets another name ends under the former one and begins under the new one, for these pages know
/// calls by nothing else.
async fn retold(store: &Store, event: &StoredEvent) -> Vec<StoredEvent> {
    let Ok(mut message) = serde_json::from_str::<Value>(&event.payload) else { return vec![event.clone()] };
    in_seconds(&mut message);
    let told =
        |kind: &str, message: String| StoredEvent { kind: kind.into(), payload: message.into(), ..event.clone() };
    let named = &*event.kind == "call_named";
    if !named && &*event.kind != "call_start" {
        return vec![told(&event.kind, message.to_string())];
    }
    let found = match event.call {
        Some(key) => tokio::time::timeout(PATIENCE, store.call_of(key)).await.ok().and_then(Result::ok).flatten(),
        None => None,
    };
    let Some(call) = found else { return vec![told(&event.kind, message.to_string())] };
    let mut all = Vec::new();
    if named {
        all.push(told("call_named", message.to_string()));
        if let Some(former) = message["was"].as_str().filter(|former| *former != call.call_id) {
            let duration = (message["timestamp"].as_f64().unwrap_or_default() - epoch(call.started)).max(0.0);
            let end = EndByName {
                kind: CallEndKind::It,
                event: CallEndKind::It,
                call_id: former.to_owned(),
                timestamp: message["timestamp"].clone(),
                at: message["at"].clone(),
                duration,
                reason: ByName::It,
                named: call.call_id.clone(),
            };
            all.push(told("call_end", serde_json::to_string(&end).unwrap_or_default()));
        }
        for key in ["type", "event"] {
            message[key] = "call_start".into();
        }
    }
    about(&mut message, &call);
    all.push(told("call_start", message.to_string()));
    all
}
