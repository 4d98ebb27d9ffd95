//! The dialer's style around its paths: a form counts as query parameters, and a refused client gets a line of text, with the status of every other
//! path.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::function_call::{Refused, text};
use super::vici::PLAIN;
use crate::api::request::parameters::pairs;

/// The paths.
const PATHS: [&str; 3] = ["/vici", "/vici/start", "/vici/dispo"];
const FORM: &str = "application/x-www-form-urlencoded";
/// A form of all fields at their longest is half as long.
const LONGEST: usize = 32 * 1024;

/// Parses a form as if it were in the address, because a POST has the same parameters; writes refusals as lines.
pub(in crate::api) async fn in_style(request: Request, next: Next) -> Response {
    if !PATHS.contains(&request.uri().path()) {
        return next.run(request).await;
    }
    let request = match with_form(request).await {
        Ok(request) => request,
        Err((status, problem)) => return line(status, "auth", "", problem).into_response(),
    };
    let given = pairs(request.uri().query().unwrap_or_default()).unwrap_or_default();
    let function = match request.uri().path() {
        "/vici/start" => "start",
        "/vici/dispo" => "dispo",
        _ => text(&given, "function").unwrap_or("auth"),
    };
    let (function, user) = (function.to_owned(), text(&given, "user").unwrap_or_default().to_owned());
    let response = next.run(request).await;
    if !response.status().is_client_error() && !response.status().is_server_error() || is_text(&response) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let said = to_bytes(body, LONGEST).await.unwrap_or_default();
    let (_, kind, text) = line(parts.status, &function, &user, &detail(&said));
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.extend(kind.map(|(name, value)| (name, axum::http::HeaderValue::from_static(value))));
    Response::from_parts(parts, Body::from(text))
}

fn is_text(response: &Response) -> bool {
    response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == PLAIN)
}

/// A refusal in a line: capitals stand for what was wrong, the sentence is a detail.
fn line(
    status: StatusCode,
    function: &str,
    user: &str,
    problem: &str,
) -> (StatusCode, [(header::HeaderName, &'static str); 1], String) {
    let what = match status {
        StatusCode::UNAUTHORIZED => "LOGIN INCORRECT",
        StatusCode::FORBIDDEN => "USER DOES NOT HAVE PERMISSION TO USE THIS FUNCTION",
        StatusCode::TOO_MANY_REQUESTS => "TOO MANY REQUESTS",
        StatusCode::SERVICE_UNAVAILABLE => "TRY AGAIN",
        _ => "REQUEST IS NOT UNDERSTOOD",
    };
    let Refused(text) = Refused::new(function, what, &[user, problem]);
    (status, [(header::CONTENT_TYPE, PLAIN)], text)
}

/// The sentence of an answer in JSON.
fn detail(said: &[u8]) -> String {
    let answer: serde_json::Value = serde_json::from_slice(said).unwrap_or_default();
    let detail = &answer["detail"];
    detail.as_str().or(detail[0]["msg"].as_str()).unwrap_or_default().to_owned()
}

/// The request, with its form behind what stands in the address.
async fn with_form(request: Request) -> Result<Request, (StatusCode, &'static str)> {
    let (mut parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LONGEST).await else {
        return Err((StatusCode::PAYLOAD_TOO_LARGE, "the form is longer than 32 KiB, or broke off"));
    };
    if body.is_empty() {
        return Ok(Request::from_parts(parts, Body::empty()));
    }
    let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(FORM) {
        return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, "a form is wanted: application/x-www-form-urlencoded"));
    }
    let not_read = (StatusCode::UNPROCESSABLE_ENTITY, "the form cannot be read");
    let form = std::str::from_utf8(&body).map_err(|_| not_read)?;
    let path = parts.uri.path();
    let joined = match parts.uri.query() {
        Some(query) if !query.is_empty() => format!("{path}?{query}&{form}"),
        _ => format!("{path}?{form}"),
    };
    parts.uri = joined.parse::<Uri>().map_err(|_| not_read)?;
    Ok(Request::from_parts(parts, Body::empty()))
}
