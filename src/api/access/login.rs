//! Login of the pages: a form takes a token, and a cookie stands for it afterwards.
//!
//! Scripts and other sites cannot reach the cookie (HttpOnly, SameSite=Strict); only its hash is stored. All paths are relative, so that a proxy may
//! put the pages under a path of its own.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Extension, Form, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use serde::Deserialize;

use super::refusal::Refusal;
use super::state::AccessControl;
use crate::api::request::ApiError;
use crate::store::Store;
use crate::store::change::Change;
use crate::store::tokens::{AccessChange, Kept, Scope};

/// Path of the login form.
pub const PATH: &str = "/login";
/// Path of the form's style sheet.
pub const STYLE_PATH: &str = "/login.css";
/// The way out.
pub const LOGOUT_PATH: &str = "/logout";

const COOKIE: &str = "lineside_session";
/// An address that people are sent back to is no longer.
const LONGEST_PLACE: usize = 2000;
const STYLE: &str = include_str!("login.css");
const POLICY: &str =
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The client's address, as the guard has found it.
#[derive(Clone, Copy, Debug)]
pub struct ClientAddress(pub IpAddr);

/// The cookie of a request, as it is kept.
pub(super) fn cookie(headers: &HeaderMap) -> Option<Kept> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies.flat_map(|line| line.split(';')).find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        if name == COOKIE { Kept::shown("session", value) } else { None }
    })
}

/// Whether a browser is on its way to a page, rather than a script to data.
pub(super) fn wants_page(request: &Request) -> bool {
    let accepts = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    request.method() == Method::GET
        && accepts.is_some_and(|kinds| kinds.contains("text/html"))
        && !request.headers().contains_key(header::AUTHORIZATION)
}

/// Sends a browser to the form.
pub(super) fn send_there(request: &Request) -> Response {
    if request.headers().get("sec-fetch-site").is_some_and(|site| site == "cross-site") {
        // A link in a chat: the browser keeps a strict cookie back on the way here, but not when the page asks for itself again.
        let again = "<!doctype html><meta http-equiv=\"refresh\" content=\"0\"><title>lineside</title>";
        return ([(header::CACHE_CONTROL, "no-store")], Html(again)).into_response();
    }
    let depth = request.uri().path().matches('/').count().saturating_sub(1);
    let wanted = request.uri().path_and_query().map_or("", |wanted| wanted.as_str()).trim_start_matches('/');
    let next =
        if is_place(wanted) && !wanted.is_empty() { format!("?next={}", escaped(wanted)) } else { String::new() };
    see_other(&format!("{}login{next}", "../".repeat(depth)))
}

/// Whether a text is a place below this one: an address of elsewhere, which would lead people astray after their login, is none.
fn is_place(next: &str) -> bool {
    let path = next.split(['?', '#']).next().unwrap_or_default();
    next.len() <= LONGEST_PLACE
        && next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
        && !next.starts_with('/')
        && !path.contains("//")
        && !path.split('/').any(|part| part == ".." || part == ".")
}

/// A text as a value of a query.
fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// A text as a value of an attribute.
fn quoted(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Place to go to after a login.
fn place(next: &str) -> String {
    // `./` goes before the first part, because a part with a colon would be the scheme of an address.
    if is_place(next) { format!("./{next}") } else { "./".into() }
}

fn see_other(place: &str) -> Response {
    let place = HeaderValue::from_str(place).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, place)]).into_response()
}

fn page(status: StatusCode, problem: &str, next: &str) -> Response {
    let next = if is_place(next) { next } else { "" };
    let text = include_str!("login.html").replace("{problem}", problem).replace("{next}", &quoted(next));
    let headers = [(header::CONTENT_SECURITY_POLICY, POLICY), (header::CACHE_CONTROL, "no-store")];
    (status, headers, Html(text)).into_response()
}

/// `GET /login`; `next` is where to go afterwards.
pub(in crate::api) async fn form(Query(asked): Query<Vec<(String, String)>>) -> Response {
    let next = asked.iter().find(|(name, _)| name == "next").map_or("", |(_, next)| next.as_str());
    page(StatusCode::OK, "", next)
}

/// `GET /login.css`
pub(in crate::api) async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE)
}

/// The form's fields.
#[derive(Deserialize)]
pub(in crate::api) struct Shown {
    #[serde(default)]
    token: String,
    /// Place to go to afterwards.
    #[serde(default)]
    next: String,
}

/// `POST /login`: a cookie for a token.
pub(in crate::api) async fn login(
    State(access_control): State<Arc<AccessControl>>,
    address: Option<Extension<ClientAddress>>,
    shown: Result<Form<Shown>, axum::extract::rejection::FormRejection>,
) -> Response {
    // The Unix socket needs no login.
    let Some(Extension(ClientAddress(address))) = address else { return see_other("./") };
    let Ok(Form(Shown { token, next })) = shown else {
        return page(StatusCode::BAD_REQUEST, "The token is missing.", "");
    };
    match access_control.open_session(token.trim(), address).await {
        Ok(None) => page(
            StatusCode::UNAUTHORIZED,
            "This token is for scripts. For the page make one with lineside token add NAME --scope read.",
            &next,
        ),
        Ok(Some(cookie)) => {
            let mut response = see_other(&place(&next));
            response.headers_mut().insert(header::SET_COOKIE, cookie);
            response
        }
        Err(refusal @ Refusal::Pause(_)) => {
            let mut response =
                page(StatusCode::TOO_MANY_REQUESTS, "Too many wrong tokens. Wait, then try again.", &next);
            let refused = refusal.into_response();
            if let Some(wait) = refused.headers().get(header::RETRY_AFTER) {
                response.headers_mut().insert(header::RETRY_AFTER, wait.clone());
            }
            response
        }
        Err(Refusal::WrongToken) => {
            page(StatusCode::UNAUTHORIZED, "This token is not known, was revoked, or is over.", &next)
        }
        Err(other) => other.into_response(),
    }
}

/// `POST /logout`
pub(in crate::api) async fn logout(State(store): State<Store>, headers: HeaderMap) -> Result<Response, ApiError> {
    if let Some(kept) = cookie(&headers)
        && let Some((hash, ..)) = store.session(&kept.selector).await?
        && kept.same(&hash)
    {
        let closed = AccessChange::SessionClosed { selector: kept.selector };
        store.writer().commit(vec![Change::Access(closed)]).await?;
    }
    let mut response = see_other("./");
    response.headers_mut().insert(header::SET_COOKIE, set_cookie("", Duration::ZERO, false));
    Ok(response)
}

fn set_cookie(value: &str, life: Duration, secure: bool) -> HeaderValue {
    let secure = if secure { "; Secure" } else { "" };
    let text = format!("{COOKIE}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={}{secure}", life.as_secs());
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""))
}

impl AccessControl {
    /// Opens a session for a token. Returns its cookie, or `None` for a token that cannot have one.
    pub(super) async fn open_session(&self, shown: &str, address: IpAddr) -> Result<Option<HeaderValue>, Refusal> {
        let access = self.token(shown, address).await?;
        // `[ingest] token` has no row that a session could belong to, and a token without the scope `read` sees nothing on the pages.
        let row = self.store.token(&access.token).await?.filter(|row| row.scopes.has(Scope::Read));
        let Some(row) = row else { return Ok(None) };
        let fresh = Kept::fresh("session");
        let (text, kept) = fresh.map_err(|error| crate::store::StoreError::Random(error.to_string()))?;
        let (at, life) = ((self.now)(), self.settings.session);
        let end = at.0 + life.as_millis() as i64;
        let expires = crate::call::WallTime(row.expires.map_or(end, |expires| expires.0.min(end)));
        let opened = AccessChange::SessionOpened { kept, token: row.id, at, expires };
        self.store.writer().commit(vec![Change::Access(opened)]).await?;
        Ok(Some(set_cookie(&text, life, self.settings.tls)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_cookie_is_found_among_others_and_a_broken_one_is_none() {
        let (text, kept) = Kept::fresh("session").expect("random");
        let headers = |line: &str| HeaderMap::from_iter([(header::COOKIE, line.parse().expect("value"))]);
        assert_eq!(cookie(&headers(&format!("a=b; lineside_session={text}; c"))), Some(kept));
        for broken in ["lineside_session=", "lineside_session=session_00_11", &format!("x_lineside_session={text}")] {
            assert_eq!(cookie(&headers(broken)), None, "{broken}");
        }
    }

    #[test]
    fn a_login_leads_on_to_a_place_of_ours_and_to_nowhere_else() {
        for (next, to) in [
            ("calls/1795218045.12?x=1", "./calls/1795218045.12?x=1"),
            ("calls?q=a%20b&since=today", "./calls?q=a%20b&since=today"),
            ("", "./"),
            ("//evil.example.com", "./"),
            ("/etc", "./"),
            ("https://evil.example.com/", "./"),
            ("javascript:alert(1)", "./javascript:alert(1)"),
            ("../../other", "./"),
            ("calls/../x", "./"),
            ("\\\\evil", "./"),
            ("a\r\nSet-Cookie: x", "./"),
        ] {
            assert_eq!(place(next), to, "{next}");
        }
        assert_eq!(quoted("\"><script>"), "&quot;&gt;&lt;script&gt;");
        assert_eq!(escaped("calls?q=a&b"), "calls%3Fq%3Da%26b");
    }

    #[test]
    fn a_cookie_is_kept_from_scripts_and_from_other_sites() {
        let text = set_cookie("v", Duration::from_mins(1), true);
        let text = text.to_str().expect("text");
        for part in ["HttpOnly", "SameSite=Strict", "Max-Age=60", "Secure", "Path=/"] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
}
