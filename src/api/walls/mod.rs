//! The walls: every request passes [`guard`] before a handler sees it.
//!
//! In order: the name it was called by, the site it comes from, whose token it bears, how often, what the token may do, whether the call exists for
//! it; afterwards, who read what is written down. What is not known to be harmless is refused: a path that is new needs `read` or `operate`, and is
//! closed to tokens of one campaign until it is named here.

pub mod access;
pub mod audit;
pub mod limits;
pub mod link;
pub mod login;
pub mod origin;
pub mod serve;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{MatchedPath, RawPathParams, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use ipnet::IpNet;
use serde_json::json;

use self::access::{Access, Way, is_good};
use self::limits::{Allowance, BackOff, Rate, seconds_up};
use self::link::{LinkKey, Sound};
use super::ApiError;
use crate::call::WallTime;
use crate::store::change::Change;
use crate::store::tokens::{Kept, Scope, Scopes, WallChange, hash};
use crate::store::{Store, StoreError};

/// Says what the walls count.
pub fn describe_metrics() {
    metrics::describe_counter!(
        "lineside_http_refused_total",
        "Requests and connections that were not let in, by reason"
    );
}

/// What the configuration says about them.
#[derive(Clone, Debug, Default)]
pub struct WallSettings {
    /// Nobody on TCP needs a token.
    pub open: bool,
    /// A token that may do everything.
    pub token: Option<String>,
    /// Names by which browsers may call.
    pub hosts: Vec<String>,
    /// Proxies whose X-Forwarded-For is believed.
    pub proxies: Vec<IpNet>,
    /// From where calls and events may be brought in.
    pub ingest_allow: Vec<IpNet>,
    /// GETs of a client in a minute; 0 is no limit.
    pub reads_per_minute: u32,
    /// Its other requests.
    pub writes_per_minute: u32,
    /// How long a login is good.
    pub session: Duration,
    /// Whether the port speaks TLS.
    pub tls: bool,
    /// Where lineside's own sound lies: nothing else is served as such.
    pub spool: PathBuf,
}

/// Everything the guard needs.
pub struct Walls {
    settings: WallSettings,
    token: Option<[u8; 32]>,
    store: Store,
    now: fn() -> WallTime,
    reads: Rate,
    writes: Rate,
    back_off: BackOff,
    /// Signs links to sound.
    pub links: LinkKey,
    used: Mutex<HashMap<i64, WallTime>>,
    noted: audit::Noted,
}

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

/// Why a request was not let through.
#[derive(Debug)]
enum Refusal {
    Host,
    OtherSite,
    Script,
    Token,
    WrongToken,
    WrongIngestToken,
    Pause(Duration),
    Spent(Allowance),
    Scope(&'static [Scope]),
    NotFromThere,
    Campaign,
    Hidden,
    Store(StoreError),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Refusal {
    /// For the counter.
    fn name(&self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::OtherSite | Self::Script => "origin",
            Self::Token => "no token",
            Self::WrongToken | Self::WrongIngestToken => "wrong token",
            Self::Pause(_) => "guessing",
            Self::Spent(_) => "rate",
            Self::Scope(_) | Self::NotFromThere => "scope",
            Self::Campaign | Self::Hidden => "campaign",
            Self::Store(_) => "database",
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        metrics::counter!("lineside_http_refused_total", "reason" => self.name()).increment(1);
        let say = |status, text: &str| (status, axum::Json(json!({"detail": text}))).into_response();
        let bearer = |text| {
            let mut response = say(StatusCode::UNAUTHORIZED, text);
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            response
        };
        match self {
            Self::Host => say(
                StatusCode::MISDIRECTED_REQUEST,
                "this daemon is not known by the name in Host; add it to [http] hosts if it should be",
            ),
            Self::OtherSite => say(StatusCode::FORBIDDEN, "another site's page may not do this"),
            Self::Script => say(
                StatusCode::FORBIDDEN,
                "a login needs Origin, and application/json or X-Requested-With, to change something",
            ),
            Self::Token => bearer(
                "a token is needed: Authorization: Bearer …, or a login at /login; `lineside token add` makes one",
            ),
            Self::WrongToken => bearer("this token is not known, was revoked, or is over"),
            Self::WrongIngestToken => say(StatusCode::FORBIDDEN, "ingest token invalid"),
            Self::Pause(wait) => {
                let mut response = say(StatusCode::TOO_MANY_REQUESTS, "too many wrong tokens from this address");
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds_up(wait)));
                response
            }
            Self::Spent(allowance) => {
                let text = format!("more than {} requests in a minute; wait and try again", allowance.limit);
                let mut response = say(StatusCode::TOO_MANY_REQUESTS, &text);
                allowance.write(response.headers_mut());
                response
            }
            Self::Scope(any) => {
                let words: Vec<String> = any.iter().map(|scope| format!("{scope:?}").to_lowercase()).collect();
                say(StatusCode::FORBIDDEN, &format!("this token may not; it needs the scope {}", words.join(" or ")))
            }
            Self::NotFromThere => say(StatusCode::FORBIDDEN, "not from this address; see [http] ingest_allow"),
            Self::Campaign => say(StatusCode::FORBIDDEN, "not for a token that is limited to a campaign"),
            Self::Hidden => ApiError::NoCall.into_response(),
            Self::Store(error) => ApiError::from(error).into_response(),
        }
    }
}

/// What a path needs: nothing, or one of these.
fn needs(method: &Method, path: &str) -> &'static [Scope] {
    let reading = method == Method::GET || method == Method::HEAD;
    match path {
        "/health" if reading => &[],
        login::PATH | login::STYLE_PATH | login::LOGOUT_PATH => &[],
        "/api/v1/calls" if !reading => &[Scope::Operate, Scope::Ingest],
        "/api/v1/calls/{id}/audio/link" => &[Scope::Read],
        path if !reading && (path.starts_with("/api/realtime/") || path.contains("/ingest")) => &[Scope::Ingest],
        _ if reading => &[Scope::Read],
        _ => &[Scope::Operate],
    }
}

/// Paths that mind the campaign of a token themselves, by [`Access`].
const AWARE: [&str; 6] =
    ["/api/v1/calls", "/api/v1/calls/active", "/api/v1/calls/stats", "/api/v1/search", "/api/v1/events", "/ws/calls"];

/// Whether a path is open to tokens of one campaign, apart from those of single calls: what minds it, and pages, which hold no data.
fn open_to_campaigns(method: &Method, path: &str) -> bool {
    let holds_data = ["/api", "/ws", "/metrics", "/health/"].iter().any(|start| path.starts_with(start));
    (method == Method::GET || method == Method::HEAD) && (AWARE.contains(&path) || !holds_data)
        || [login::PATH, login::LOGOUT_PATH].contains(&path)
}

/// The name of the path's part after `/calls/`: `id` of `/api/v1/calls/{id}/audio`.
fn call_parameter(path: &str) -> Option<&str> {
    let (_, rest) = path.split_once("/calls/{")?;
    rest.split_once('}').map(|(name, _)| name)
}

impl Walls {
    /// Walls for a database; reads the key of the links.
    pub async fn new(settings: WallSettings, store: Store, now: fn() -> WallTime) -> Result<Self, StoreError> {
        let links = LinkKey::new(store.secret("links").await?);
        Ok(Self {
            token: settings.token.as_deref().filter(|token| !token.is_empty()).map(hash),
            reads: Rate::new(settings.reads_per_minute),
            writes: Rate::new(settings.writes_per_minute),
            back_off: BackOff::default(),
            links,
            used: Mutex::default(),
            noted: audit::Noted::default(),
            settings,
            store,
            now,
        })
    }

    /// Where lineside's own sound lies.
    pub fn spool(&self) -> &std::path::Path {
        &self.settings.spool
    }

    /// The client's address: of the peer, or what a proxy that is believed says of it.
    fn client(&self, peer: SocketAddr, headers: &HeaderMap) -> IpAddr {
        let is_proxy = |address: &IpAddr| self.settings.proxies.iter().any(|net| net.contains(address));
        let peer = peer.ip().to_canonical();
        if !is_proxy(&peer) {
            return peer;
        }
        // From the right: what is left of the first stranger is what that stranger says.
        let said: Vec<&str> = headers
            .get_all("x-forwarded-for")
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|list| list.split(','))
            .collect();
        let mut client = peer;
        for address in said.iter().rev() {
            let Ok(address) = address.trim().parse::<IpAddr>() else { break };
            client = address.to_canonical();
            if !is_proxy(&client) {
                break;
            }
        }
        client
    }

    /// Looks at a token that somebody shows; wrong ones are counted.
    async fn token(&self, shown: &str, address: IpAddr) -> Result<Access, Refusal> {
        if let Some(wait) = self.back_off.pause(address, Instant::now()) {
            return Err(Refusal::Pause(wait));
        }
        let whole = hash(shown);
        let same = |ours: &[u8; 32]| bool::from(subtle::ConstantTimeEq::ct_eq(&whole[..], &ours[..]));
        if self.token.as_ref().is_some_and(same) {
            self.back_off.right(address);
            return Ok(Access::all("[http] token".into(), Way::Token));
        }
        if let Some(kept) = Kept::shown("lineside", shown)
            && let Some(row) = self.store.token(&kept.selector).await?
            && kept.same(&row.kept.hash)
            && is_good(&row, (self.now)())
        {
            self.back_off.right(address);
            self.note_use(row.id).await?;
            return Ok(Access::of(&row, Way::Token));
        }
        self.back_off.wrong(address, whole, Instant::now());
        Err(Refusal::WrongToken)
    }

    /// That a token is in use, once a minute.
    async fn note_use(&self, token: i64) -> Result<(), StoreError> {
        let at = (self.now)();
        {
            let mut used = self.used.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if used.get(&token).is_some_and(|last| at.0 - last.0 < 60_000) {
                return Ok(());
            }
            used.insert(token, at);
        }
        self.store.writer().push(vec![Change::Walls(WallChange::TokenUsed { token, at })]).await
    }

    /// The session of a cookie; one that is not good is none.
    async fn session(&self, headers: &HeaderMap) -> Result<Option<Access>, Refusal> {
        let Some(kept) = login::cookie(headers) else { return Ok(None) };
        let Some((hash, expires, row)) = self.store.session(&kept.selector).await? else { return Ok(None) };
        let now = (self.now)();
        if !kept.same(&hash) || expires.0 <= now.0 || !is_good(&row, now) {
            return Ok(None);
        }
        self.note_use(row.id).await?;
        Ok(Some(Access::of(&row, Way::Cookie)))
    }

    /// A signed link in the query.
    async fn link(&self, call: &str, query: &str) -> Result<Option<Access>, Refusal> {
        let pairs: HashMap<String, String> =
            axum::extract::Query::try_from_uri(&format!("/?{query}").parse().unwrap_or_default())
                .map(|query| query.0)
                .unwrap_or_default();
        let text = |name: &str| pairs.get(name).map_or("", String::as_str);
        let Ok(expires_s) = text("expires").parse() else { return Ok(None) };
        let sound = Sound { call, leg: text("leg"), expires_s, by: text("by") };
        let now = (self.now)();
        if !self.links.is_good(sound, text("signature"), now) {
            return Ok(None);
        }
        if sound.by.is_empty() {
            let mut access = Access::all("link".into(), Way::Link);
            access.scopes = Scopes::parse("read").unwrap_or_default();
            return Ok(Some(access));
        }
        let row = self.store.token(sound.by).await?.filter(|row| is_good(row, now));
        Ok(row.map(|row| Access::of(&row, Way::Link)))
    }

    /// Who comes in over TCP, and what is left of their minute.
    async fn over_tcp(
        &self,
        peer: SocketAddr,
        path: &str,
        call: Option<&str>,
        (method, uri, headers): (&Method, &Uri, &HeaderMap),
    ) -> Result<(Access, Option<Allowance>), Refusal> {
        let host = origin::single(headers, &header::HOST).ok_or(Refusal::Host)?;
        if !origin::is_ours(host, &self.settings.hosts) {
            return Err(Refusal::Host);
        }
        let changes = ![Method::GET, Method::HEAD, Method::OPTIONS].contains(method);
        let is_socket = headers.contains_key(header::UPGRADE);
        let site = origin::from(headers, host);
        if (changes || is_socket) && site == origin::From::OtherSite {
            return Err(Refusal::OtherSite);
        }
        let address = self.client(peer, headers);
        let open_path = needs(method, path).is_empty();
        let shown = headers
            .get(header::AUTHORIZATION)
            .map(|value| value.to_str().ok().and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default());
        let cloud = path.starts_with("/api/realtime/").then(|| headers.get("x-cloud-token")).flatten();
        let access = if open_path {
            Access { scopes: Scopes::default(), ..Access::all(String::new(), Way::Open) }
        } else if let Some(shown) = shown {
            self.token(shown.trim(), address).await?
        } else if let Some(shown) = cloud {
            self.token(shown.to_str().unwrap_or_default(), address).await.map_err(|refusal| match refusal {
                Refusal::WrongToken => Refusal::WrongIngestToken,
                other => other,
            })?
        } else if let Some(access) = self.session(headers).await? {
            let from_page = site == origin::From::OwnPage;
            if changes && !(from_page && origin::is_made_by_script(headers)) || is_socket && !from_page {
                return Err(Refusal::Script);
            }
            access
        } else {
            let link = match (call, uri.query()) {
                (Some(call), Some(query)) if path.ends_with("}/audio") && !changes => self.link(call, query).await?,
                _ => None,
            };
            match link {
                Some(access) => access,
                None if self.settings.open => return Ok((Access::all("open".into(), Way::Open), None)),
                None => return Err(Refusal::Token),
            }
        };
        let rate = if changes { &self.writes } else { &self.reads };
        let allowance = if self.settings.open { None } else { rate.take(&access.token, address) };
        if let Some(spent) = allowance.filter(|allowance| allowance.wait.is_some()) {
            return Err(Refusal::Spent(spent));
        }
        let ingests = needs(method, path).contains(&Scope::Ingest);
        if ingests && !self.settings.ingest_allow.iter().any(|net| net.contains(&address)) {
            return Err(Refusal::NotFromThere);
        }
        Ok((access, allowance))
    }

    /// Whether somebody may do what they ask for, and the call exists for them.
    async fn allow(&self, access: &Access, method: &Method, path: &str, call: Option<&str>) -> Result<(), Refusal> {
        let needs = needs(method, path);
        if !needs.is_empty() && !access.may(needs) {
            return Err(Refusal::Scope(needs));
        }
        if access.campaign.is_none() || needs.is_empty() {
            return Ok(());
        }
        match call {
            Some(id) => match self.store.call(id).await? {
                Some(row) if !access.sees(&row) => Err(Refusal::Hidden),
                _ => Ok(()),
            },
            None if open_to_campaigns(method, path) => Ok(()),
            None => Err(Refusal::Campaign),
        }
    }
}

/// Lets a request through to its handler, or says why not.
pub async fn guard(
    State(walls): State<Arc<Walls>>,
    parameters: Result<RawPathParams, RawPathParamsRejection>,
    mut request: Request,
    next: Next,
) -> Response {
    let path =
        request.extensions().get::<MatchedPath>().map_or_else(String::new, |matched| matched.as_str().to_string());
    let call = call_parameter(&path).and_then(|name| {
        let found = parameters.as_ref().ok()?.iter().find(|(key, _)| *key == name)?;
        Some(found.1.to_string())
    });
    let peer = request.extensions().get::<Peer>().copied();
    let (mut address, over_tcp) = (None, !matches!(peer, Some(Peer::Unix { .. })));
    let passed = match peer {
        Some(Peer::Unix { user }) => Ok((Access::all(format!("user {user}"), Way::Unix), None)),
        Some(Peer::Tcp(peer)) => {
            address = Some(walls.client(peer, request.headers()));
            let head = (request.method(), request.uri(), request.headers());
            walls.over_tcp(peer, &path, call.as_deref(), head).await
        }
        None => Err(Refusal::Token),
    };
    let method = request.method().clone();
    let passed = match passed {
        Ok((access, allowance)) => {
            walls.allow(&access, &method, &path, call.as_deref()).await.map(|()| (access, allowance))
        }
        Err(refusal) => Err(refusal),
    };
    let mut response = match passed {
        Ok((access, allowance)) => {
            request.extensions_mut().insert(access.clone());
            if let Some(address) = address {
                request.extensions_mut().insert(login::ClientAddress(address));
            }
            let mut response = next.run(request).await;
            if let Some(allowance) = allowance {
                allowance.write(response.headers_mut());
            }
            if let Err(error) = walls.note(&access, address, &method, &path, call.as_deref(), response.status()).await {
                return ApiError::from(error).into_response(); // nothing is read without a record of it
            }
            response
        }
        Err(Refusal::Token) if login::wants_page(&request) => login::send_there(&request),
        Err(refusal) => refusal.into_response(),
    };
    harden(response.headers_mut(), walls.settings.tls && over_tcp, path.starts_with("/api"));
    response
}

/// Headers that tell a browser what not to do; the page sets its own Content-Security-Policy.
fn harden(headers: &mut HeaderMap, tls: bool, is_data: bool) {
    for (name, value) in [
        ("x-frame-options", "DENY"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if tls {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    if is_data {
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_nobody_has_named_needs_a_scope_and_is_closed_to_campaigns() {
        assert_eq!(needs(&Method::GET, "/api/v1/new"), [Scope::Read]);
        assert_eq!(needs(&Method::POST, "/api/v1/new"), [Scope::Operate]);
        assert_eq!(needs(&Method::GET, ""), [Scope::Read], "no path at all");
        assert_eq!(needs(&Method::POST, "/health"), [Scope::Operate]);
        assert_eq!(needs(&Method::POST, "/api/realtime/events"), [Scope::Ingest]);
        assert!(needs(&Method::GET, "/health").is_empty());
        for closed in ["/api/v1/new", "/metrics", "/health/models", "/ws/new"] {
            assert!(!open_to_campaigns(&Method::GET, closed), "{closed}");
        }
        assert!(!open_to_campaigns(&Method::POST, "/api/v1/calls"));
        assert!(open_to_campaigns(&Method::GET, "/") && open_to_campaigns(&Method::GET, "/api/v1/search"));
    }

    #[test]
    fn the_call_of_a_path_is_found_wherever_it_stands() {
        assert_eq!(call_parameter("/api/v1/calls/{id}/audio"), Some("id"));
        assert_eq!(call_parameter("/ws/calls/{call_id}"), Some("call_id"));
        assert_eq!(call_parameter("/api/v1/calls/active"), None);
    }
}
