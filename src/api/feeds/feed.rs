//! Live feeds: events in the moment when the writer has committed them.
//!
//! A client that does not keep up is disconnected and counted; it may come back and ask for what it missed (SSE by Last-Event-ID). Where that cannot be
//! read the feed ends, and where it is of another database the feed says so: no event is passed over in silence.

use std::convert::Infallible;
use std::future::ready;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code};
use axum::extract::{Path, State, WebSocketUpgrade};
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{SinkExt, Stream, StreamExt, stream};
use serde_json::Value;
use tokio::sync::broadcast::error::RecvError;

use super::batch::Batches;
use super::parts::Feeds;
use crate::api::access::grant::Access;
use crate::api::calls::find::{find_call, find_seen};
use crate::api::request::{ApiError, Parameters, bounded};
use crate::call::CallKey;
use crate::contract::control::{FeedReset, SocketAnswer};
use crate::contract::problem::Part;
use crate::store::readers::asked_by;
use crate::store::{StoreError, StoredEvent};

/// A client that does not take a message in this time is let go.
const PATIENCE: Duration = Duration::from_secs(5);
/// Events per reading for a client that comes back.
const PAGE: u32 = 500;
/// Query parameters by which a feed continues where it broke off.
pub(in crate::api) const RESUMED: &[&str] = &["last_event_id", "call_id"];
/// Events of `/ws/alerts`.
const ALERTS: &[&str] = &["alert", "alert_acknowledged"];

fn dropped() {
    metrics::counter!("lineside_feed_dropped_total").increment(1);
}

/// `WS /ws/calls`
pub(in crate::api) async fn all_calls(
    State(feeds): State<Feeds>,
    access: Access,
    upgrade: WebSocketUpgrade,
) -> Response {
    answer_with(upgrade, feeds, access, None, "all")
}

/// `WS /ws/alerts`
pub(in crate::api) async fn alerts(State(feeds): State<Feeds>, access: Access, upgrade: WebSocketUpgrade) -> Response {
    answer_with(upgrade, feeds, access, None, "alerts")
}

/// `WS /ws/calls/{id}`
pub(in crate::api) async fn one_call(
    State(feeds): State<Feeds>,
    access: Access,
    Path(id): Path<String>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, ApiError> {
    let call = find_call(&feeds.store, &id).await?;
    Ok(answer_with(upgrade, feeds, access, Some(call.key), &call.call_id))
}

/// The feed subscribes before the client learns that it is connected, so that it misses nothing from then on.
fn answer_with(upgrade: WebSocketUpgrade, feeds: Feeds, access: Access, only: Option<CallKey>, to: &str) -> Response {
    let to = to.to_owned();
    let live = Batches::new(feeds.audience.live());
    bounded(upgrade)
        .on_upgrade(move |socket| asked_by(access.asker(), websocket(feeds, access, (socket, live), only, to)))
        .into_response()
}

async fn websocket(
    feeds: Feeds,
    access: Access,
    (mut socket, mut live): (WebSocket, Batches),
    mut only: Option<CallKey>,
    to: String,
) {
    let kinds = (only.is_none() && to == "alerts").then_some(ALERTS);
    let lease = access.lease(&feeds.access_control, &feeds.stop);
    let _listener = feeds.audience.listen(to.as_str());
    loop {
        let mut messages: Vec<Message> = Vec::new();
        tokio::select! {
            () = lease.over.cancelled() => {
                let stopping = feeds.stop.is_cancelled();
                let away = || CloseFrame { code: close_code::AWAY, reason: "lineside is stopping".into() };
                let frame = if stopping { away() } else { feeds.access_control.over() };
                let _ = tokio::time::timeout(PATIENCE, socket.send(Message::Close(Some(frame)))).await;
                return;
            }
            events = live.next() => match events {
                Ok(events) => {
                    for event in &events {
                        let wanted = only.is_none_or(|call| event.call == Some(call)) && kinds.is_none_or(|kinds| kinds.contains(&&*event.kind));
                        if wanted && access.sees_event(&feeds.store, event.call).await {
                            messages.push(Message::Text(event.payload.as_ref().into()));
                        }
                    }
                }
                Err(RecvError::Lagged(_)) => {
                    dropped();
                    return;
                }
                Err(RecvError::Closed) => return,
            },
            received = socket.recv() => match received {
                Some(Ok(Message::Text(text))) => {
                    let answer = answer(&feeds, &access, &text, &mut only).await;
                    messages.extend(answer.map(|answer| Message::Text(Utf8Bytes::from(serde_json::to_string(&answer).unwrap_or_default()))));
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => {}
            },
        }
        let mut messages = stream::iter(messages.into_iter().map(Ok));
        match tokio::time::timeout(PATIENCE, socket.send_all(&mut messages)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return,
            Err(_) => {
                dropped();
                return;
            }
        }
    }
}

/// `ping`, `{"action":"ping"}`, `{"action":"subscribe","call_id":…}`: what the tutorial's page sends.
async fn answer(feeds: &Feeds, access: &Access, text: &str, only: &mut Option<CallKey>) -> Option<SocketAnswer> {
    if text.trim() == "ping" {
        return Some(SocketAnswer::Pong);
    }
    let message: Value = serde_json::from_str(text).ok()?;
    match message["action"].as_str()? {
        "ping" => Some(SocketAnswer::Pong),
        "subscribe" => match message["call_id"].as_str().filter(|id| !id.is_empty() && *id != "all") {
            None => {
                *only = None;
                Some(SocketAnswer::Subscribed { call_id: None })
            }
            Some(id) => match find_seen(&feeds.store, access, id).await {
                Ok(call) => {
                    *only = Some(call.key);
                    Some(SocketAnswer::Subscribed { call_id: Some(call.call_id) })
                }
                Err(_) => {
                    Some(SocketAnswer::Error { detail: "Call session not found".into(), call_id: Some(id.to_owned()) })
                }
            },
        },
        other => {
            let detail = format!("unknown action {other:?}: ping or subscribe");
            Some(SocketAnswer::Error { detail, call_id: None })
        }
    }
}

/// The number after which a client resumes: `Last-Event-ID` or `last_event_id`.
fn resumes_after(headers: &HeaderMap, query: &Parameters) -> Result<Option<i64>, ApiError> {
    let asked = query.parse("last_event_id", "a number")?;
    let Some(header) = headers.get("last-event-id").map(|value| String::from_utf8_lossy(value.as_bytes())) else {
        return Ok(asked);
    };
    match (header.trim(), header.trim().parse()) {
        ("", _) => Ok(asked),
        (_, Ok(number)) => Ok(Some(number)),
        (text, Err(_)) => {
            Err(ApiError::Wrong(Part::Header, "Last-Event-ID".into(), format!("{text:?} is not a number")))
        }
    }
}

/// What a client has missed after a number, page by page; nothing of one that begins now. An error is the last item.
fn missed<R, A>(read: R, after: Option<i64>) -> impl Stream<Item = Result<StoredEvent, StoreError>>
where
    R: Fn(i64) -> A,
    A: Future<Output = Result<Vec<StoredEvent>, StoreError>>,
{
    stream::unfold((read, after), |(read, after)| async move {
        let (items, next) = match read(after?).await {
            Ok(page) => {
                let next = page.last().filter(|_| page.len() == PAGE as usize).map(|last| last.id);
                (page.into_iter().map(Ok).collect(), next)
            }
            Err(error) => (vec![Err(error)], None),
        };
        Some((stream::iter(items), (read, next)))
    })
    .flatten()
}

/// What was missed and then what comes, up to the first error. Passed over, it would move the client's last number past what it has not got.
fn unbroken(
    past: impl Stream<Item = Result<StoredEvent, StoreError>>,
    now: impl Stream<Item = StoredEvent>,
) -> impl Stream<Item = StoredEvent> {
    past.chain(now.map(Ok)).scan((), |(), event| {
        let event = event.inspect_err(|error| {
            log::warn!(
                "api: what a client of the feed missed could not be read: {error}; its feed ends, and it may resume"
            );
            dropped();
        });
        ready(event.ok())
    })
}

/// `GET /api/v1/events`: from now on, or after `Last-Event-ID` (header or `last_event_id`); `call_id` for one call. A number that this database does not
/// have is answered with `reset` first, for none of its events would ever be past it.
pub(in crate::api) async fn sse(
    State(feeds): State<Feeds>,
    access: Access,
    headers: HeaderMap,
    query: Parameters,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    let from = resumes_after(&headers, &query)?;
    let only = match query.text("call_id") {
        Some(id) => Some(find_seen(&feeds.store, &access, &id).await?.key),
        None => None,
    };
    // Live events are subscribed before past ones are read: an event that is committed in between comes twice and is recognised by its number.
    let live = feeds.store.live();
    let last = feeds.store.last_event().await?;
    let reset = from.is_some_and(|from| from > last).then(|| {
        let told = serde_json::to_string(&FeedReset::Reset { last }).unwrap_or_default();
        Ok(Event::default().id(last.to_string()).event("reset").data(told))
    });
    let resumed = from.filter(|_| reset.is_none());
    let store = feeds.store.clone();
    let read = move |after| {
        let store = store.clone();
        async move { store.events_after(after, only, PAGE).await }
    };
    let past = missed(read, resumed);
    let lease = access.lease(&feeds.access_control, &feeds.stop);
    let now = stream::unfold((live, lease), |(mut live, lease)| async move {
        tokio::select! {
            () = lease.over.cancelled() => None,
            event = live.recv() => match event {
                Ok(event) => Some((StoredEvent::clone(&event), (live, lease))),
                Err(RecvError::Lagged(_)) => {
                    dropped(); // it comes back with its last number and misses nothing
                    None
                }
                Err(RecvError::Closed) => None,
            },
        }
    });
    let mut seen = resumed.unwrap_or(last);
    let events = unbroken(past, now).filter_map(move |event| {
        let kept = event.id > 0;
        let wanted = (event.id > seen || !kept) && only.is_none_or(|call| event.call == Some(call));
        seen = seen.max(event.id);
        let (access, store) = (access.clone(), feeds.store.clone());
        async move {
            let shown = wanted && access.sees_event(&store, event.call).await;
            shown.then(|| {
                let shown = if kept { Event::default().id(event.id.to_string()) } else { Event::default() };
                Ok(shown.event(&*event.kind).data(&*event.payload))
            })
        }
    });
    Ok(Sse::new(stream::iter(reset).chain(events)).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: i64) -> StoredEvent {
        StoredEvent { id, call: None, kind: "governor".into(), payload: "{}".into() }
    }

    #[tokio::test]
    async fn what_was_missed_comes_in_pages_and_a_page_that_cannot_be_read_ends_the_feed() {
        let page = i64::from(PAGE);
        let heard = async |fails_after: i64| {
            let read = move |after: i64| {
                ready(match after {
                    after if after >= fails_after => Err(StoreError::Crowded),
                    after => Ok((after + 1..=(after + page).min(page + 2)).map(event).collect()),
                })
            };
            let events = unbroken(missed(read, Some(0)), stream::iter([event(page + 9)]));
            events.map(|event| event.id).collect::<Vec<_>>().await
        };
        let whole: Vec<i64> = (1..=page + 2).chain([page + 9]).collect();
        assert_eq!(heard(i64::MAX).await, whole);
        assert_eq!(heard(page).await, whole[..page as usize], "nothing that is live after the error");
        assert_eq!(heard(0).await, Vec::<i64>::new());
        let never = |_: i64| ready(Err(StoreError::Closed));
        let now = unbroken(missed(never, None), stream::iter([event(3)]));
        assert_eq!(now.collect::<Vec<_>>().await, [event(3)], "who begins now has missed nothing");
    }
}
