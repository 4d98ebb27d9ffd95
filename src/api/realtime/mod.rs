//! `/api/realtime/*`: calls of other platforms are taken and shown, at the paths and in the shapes that their connectors know.
//!
//! A mistake in a request is a 400 with `detail`, an unknown alert a 404; an unknown call is idle, not an error.

mod audio;
mod bring;
mod fields;
mod parts;
mod read;
mod refusal;
mod shown;

use axum::extract::{DefaultBodyLimit, FromRef};

use crate::api::access::route::{About, INGEST, OPERATE, READ, RoutePolicy, Routes};

pub use self::parts::{Inlet, Platforms};

/// Size of an event's body at most, bytes.
const EVENT_BYTES: usize = 256 * 1024;
/// Size of a chunk's body at most, bytes: two megabytes of audio as base64, and room for the text.
const CHUNK_BYTES: usize = 3 * 1024 * 1024;

/// All paths of this family.
pub(super) fn routes<S>(routes: Routes<S>) -> Routes<S>
where
    S: Clone + Send + Sync + 'static,
    Platforms: FromRef<S>,
{
    let inlet = RoutePolicy::new(INGEST, About::All);
    // A call that is not there is idle here, so that the handlers themselves say it of one that is another campaign's.
    let own = RoutePolicy::new(READ, About::Own);
    routes
        .post_sized("/api/realtime/events", inlet, DefaultBodyLimit::max(EVENT_BYTES), bring::events)
        .post_sized("/api/realtime/audio/chunk", inlet, DefaultBodyLimit::max(CHUNK_BYTES), bring::chunk)
        .get("/api/realtime/stream", own.asks(&["call_id"]), read::stream)
        .get("/api/realtime/calls/{id}/snapshot", own, read::snapshot)
        .get("/api/realtime/calls/{id}/audio", own.asks(&["fallback"]), audio::audio)
        .get("/api/realtime/calls/{id}/audio/meta", own, audio::meta)
        .get("/api/realtime/alerts", own.asks(&["call_id", "open_only", "limit"]), read::alerts)
        .post("/api/realtime/alerts/{id}/ack", RoutePolicy::new(OPERATE, About::Own), read::ack)
}
