//! `GET /api/v1/settings`: each setting with its value and where it comes from, for admins.
//!
//! What the settings are is known to a room that this one does not know: the daemon hands them in.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::api::access::grant::Access;
use crate::contract::problem::Problem;
use crate::contract::settings::ShownSettings;

/// Gives the settings.
#[derive(Clone)]
pub struct SettingsSource(pub Arc<dyn Fn() -> ShownSettings + Send + Sync>);

/// `GET /api/v1/settings`
pub(in crate::api) async fn settings(State(SettingsSource(source)): State<SettingsSource>, access: Access) -> Response {
    if access.is_admin() { Json(source()).into_response() } else { not_yours() }
}

/// What whoever is no admin gets, also at the page.
pub(in crate::api) fn not_yours() -> Response {
    let why =
        "this token may not: the settings are for tokens with the scopes read, operate and ingest that see every call";
    (StatusCode::FORBIDDEN, Json(Problem::text(why))).into_response()
}
