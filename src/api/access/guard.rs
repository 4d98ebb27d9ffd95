//! The guard: from a request to its handler's answer, or to a refusal.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{MatchedPath, RawPathParams, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::ask::{Ask, Peer, Slot, Told};
use super::grant::{Access, Way};
use super::limits::Allowance;
use super::refusal::Refusal;
use super::route::{self, About, RoutePolicies, RoutePolicy};
use super::seats::{Kind, Making, Seat, Seated};
use super::state::AccessControl;
use super::{audit, login, origin, query_token};
use crate::api::request::parameters::{Pairs, pairs};
use crate::api::request::{ApiError, Parameters};
use crate::contract::problem::{Part, Problem};
use crate::store::readers::asked_by;
use crate::store::tokens::Scope;

/// Paths of feeds, beside WebSockets.
const FEEDS: &[&str] = &["/api/v1/events", "/api/realtime/stream"];

/// Describes the metrics of the access checks.
pub fn describe_metrics() {
    metrics::describe_counter!(
        "lineside_http_refused_total",
        "Requests and connections that were not let in, by reason"
    );
}

/// Whether a request is let in: who it is, what it asks, and its seat; and whose minute it counts in.
struct Admission {
    passed: Result<(Access, Parameters, Option<Seat>), Refusal>,
    address: Option<IpAddr>,
    allowance: Option<Allowance>,
}

impl AccessControl {
    /// Looks at a request. `unread` is what is wrong with its address.
    async fn admit(&self, peer: Option<Peer>, ask: &Ask<'_>, unread: Option<ApiError>) -> Admission {
        let mut address = None;
        let mut allowance = None;
        let passed = match peer {
            Some(Peer::Unix { user }) => Ok(Access::all(format!("user {user}"), Way::Unix)),
            Some(Peer::Tcp(peer)) => {
                address = Some(self.client(peer, ask.headers));
                self.over_tcp(peer, ask).await.map(|(access, left)| {
                    allowance = left;
                    access
                })
            }
            None => Err(Refusal::Token),
        };
        let passed = match passed {
            Ok(access) => self.allow(&access, ask).await.map(|()| access),
            Err(refusal) => Err(refusal),
        };
        let in_path = matches!(unread, Some(ApiError::Wrong(Part::Path, ..)));
        let passed = match (passed, unread) {
            (Ok(_), Some(error)) if in_path || ask.policy.about != About::Nothing => Err(Refusal::Parameter(error)),
            (Ok(access), _) => self.parameters(ask.policy, ask.query.clone()).map(|parameters| (access, parameters)),
            (Err(refusal), _) => Err(refusal),
        };
        let client = address.zip(match peer {
            Some(Peer::Tcp(peer)) => Some(peer),
            _ => None,
        });
        let passed = passed.and_then(|(access, parameters)| {
            let seat = self.seat(&access, ask, client)?;
            Ok((access, parameters, seat))
        });
        Admission { passed, address, allowance }
    }

    /// The client's address: of the peer, or what a proxy that is believed says of it.
    fn client(&self, peer: SocketAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.ip().to_canonical();
        if !self.is_proxy(peer) {
            return peer;
        }
        // From the right: addresses to the left of the first unknown proxy are that proxy's own claim.
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
            if !self.is_proxy(client) {
                break;
            }
        }
        client
    }

    fn is_proxy(&self, address: IpAddr) -> bool {
        self.settings.proxies.iter().any(|net| net.contains(&address))
    }

    /// The client of a request over TCP, and its remaining requests of the minute.
    async fn over_tcp(&self, peer: SocketAddr, ask: &Ask<'_>) -> Result<(Access, Option<Allowance>), Refusal> {
        let host = origin::single(ask.headers, &header::HOST).ok_or(Refusal::Host)?;
        if !origin::is_ours(host, &self.settings.hosts) {
            return Err(Refusal::Host);
        }
        let site = origin::from(ask.headers, host);
        if (ask.changes() || ask.is_socket()) && site == origin::From::OtherSite {
            return Err(Refusal::OtherSite);
        }
        let address = self.client(peer, ask.headers);
        let access = self.identify(ask, address, site).await?;
        let minute = if access.way == Way::Cookie { &self.screens } else { &self.scripts };
        let rate = if ask.changes() { &minute.writes } else { &minute.reads };
        let counted = !self.settings.open && ask.policy.is_counted(ask.changes(), &access);
        let allowance = if counted { rate.take(access.credential(), address) } else { None };
        if let Some(spent) = allowance.filter(|allowance| allowance.wait.is_some()) {
            return Err(Refusal::Spent(spent));
        }
        let ingests = ask.policy.needs.contains(&Scope::Ingest);
        if ingests && !self.settings.ingest_allow.iter().any(|net| net.contains(&address)) {
            return Err(Refusal::NotFromThere);
        }
        Ok((access, allowance))
    }

    /// A seat for a request that was let in; `None` on the Unix socket, which has no places to run out of.
    fn seat(
        &self,
        access: &Access,
        ask: &Ask<'_>,
        client: Option<(IpAddr, SocketAddr)>,
    ) -> Result<Option<Seat>, Refusal> {
        let Some((address, peer)) = client else { return Ok(None) };
        let kind = match ask {
            ask if ask.is_socket() || FEEDS.contains(&ask.path) => Kind::Feed,
            _ if access.way != Way::None && access.may(route::OPERATE) => Kind::Operator,
            _ => Kind::Read,
        };
        let credential = Some(access.credential()).filter(|_| ![Way::None, Way::Open].contains(&access.way));
        // A program of this machine that speaks for many, and does not say for whom.
        let speaks_for_many = address.is_loopback() || self.is_proxy(address) && address == peer.ip().to_canonical();
        let address = Some(address).filter(|_| !speaks_for_many);
        self.seats.take(credential, address, kind).map(Some).ok_or(Refusal::Seats)
    }

    /// Room for an answer. Where nothing about anybody is shown none is asked for, nor of this machine's own users.
    async fn making(&self, way: Way, asker: &Arc<str>) -> Result<Option<Making>, Refusal> {
        match way {
            Way::None | Way::Unix => Ok(None),
            _ => self.budget.begin(asker).await.map(Some).ok_or(Refusal::Untaken),
        }
    }

    /// Whether somebody may do what they ask for, and the call exists for them.
    async fn allow(&self, access: &Access, ask: &Ask<'_>) -> Result<(), Refusal> {
        let RoutePolicy { needs, about, .. } = ask.policy;
        if !needs.is_empty() && !access.may(needs) {
            return Err(Refusal::Scope(needs));
        }
        if access.campaign.is_none() && access.agent.is_none() || needs.is_empty() {
            return Ok(());
        }
        match (about, ask.call) {
            (About::Nothing | About::Own, _) => Ok(()),
            // An unknown call has the same answer, whatever else is wrong with the request.
            (About::Call, Some(id)) => match self.store.call(id).await? {
                Some(row) if access.sees(&row) => Ok(()),
                _ => Err(Refusal::Hidden),
            },
            (About::Call | About::Daemon | About::All, _) => Err(Refusal::Campaign),
        }
    }
}

/// The mistake in an address whose parts no handler can parse.
fn unreadable(rejection: &RawPathParamsRejection) -> Option<ApiError> {
    let RawPathParamsRejection::InvalidUtf8InPathParam(error) = rejection else { return None };
    Some(ApiError::Wrong(Part::Path, "path".into(), error.body_text()))
}

/// State of the guard.
pub type Post = (Arc<AccessControl>, Arc<RoutePolicies>);

/// Lets a request through to its handler, or says why not.
pub async fn guard(
    State((access_control, policies)): State<Post>,
    parameters: Result<RawPathParams, RawPathParamsRejection>,
    mut request: Request,
    next: Next,
) -> Response {
    let path =
        request.extensions().get::<MatchedPath>().map_or_else(String::new, |matched| matched.as_str().to_string());
    let method = request.method().clone();
    let call = route::call_parameter(&path).and_then(|name| {
        let found = parameters.as_ref().ok()?.iter().find(|(key, _)| *key == name)?;
        Some(found.1.to_string())
    });
    let peer = request.extensions().get::<Peer>().copied();
    let over_tcp = !matches!(peer, Some(Peer::Unix { .. }));
    let policy = if path.is_empty() { Some(RoutePolicy::NOWHERE) } else { policies.of(&method, &path) };
    let Some(policy) = policy else {
        let mut response = no_such_method(&policies.methods(&path));
        harden(response.headers_mut(), access_control.settings.tls && over_tcp);
        return response;
    };
    let (in_address, unread) = match pairs(request.uri().query().unwrap_or_default()) {
        Ok(given) => (given, None),
        Err(error) => (Pairs::new(), Some(error)),
    };
    let unread = unread.or_else(|| unreadable(parameters.as_ref().err()?));
    let framed = policy.framed;
    let headers = request.headers();
    let ask = Ask { policy, method: &method, path: &path, call: call.as_deref(), query: &in_address, headers };
    let socket = ask.is_socket();
    let Admission { passed, address, allowance } = access_control.admit(peer, &ask, unread).await;
    let entered = match (&passed, address) {
        (Ok(_), Some(address)) => access_control.log_in_by_address(&ask, request.uri().query(), address).await,
        _ => None,
    };
    let mut response = match passed {
        Ok(_) if entered.is_some() => entered.unwrap_or_default(),
        Ok((access, parameters, seat)) => {
            let slot = request.extensions().get::<Slot>().cloned();
            if let Some(address) = address {
                request.extensions_mut().insert(login::ClientAddress(address));
            }
            request.extensions_mut().insert(access.clone());
            request.extensions_mut().insert(parameters);
            let doing = Doing { access_control: Arc::clone(&access_control), access, address, policy, path, call };
            doing.seated(method, request, next, (seat, slot)).await
        }
        Err(Refusal::Token) if login::wants_page(&request) => login::send_there(&request),
        Err(refusal @ (Refusal::Token | Refusal::WrongToken)) if socket && access_control.settings.token_in_query => {
            query_token::turn_away(request, refusal).await
        }
        Err(refusal) => refusal.into_response(),
    };
    if let Some(allowance) = allowance {
        allowance.write(response.headers_mut());
    }
    harden(response.headers_mut(), access_control.settings.tls && over_tcp);
    if framed {
        let_into_frames(response.headers_mut(), &access_control.settings.frame_ancestors);
    }
    response
}

/// Lets the pages of these sites show this one. Browsers that know `frame-ancestors` do not look at X-Frame-Options, which cannot name sites.
fn let_into_frames(headers: &mut HeaderMap, sites: &[String]) {
    let policy = headers.get(header::CONTENT_SECURITY_POLICY).and_then(|policy| policy.to_str().ok());
    let Some(policy) = policy.filter(|_| !sites.is_empty()) else { return };
    let policy = policy.replace("frame-ancestors 'none'", &format!("frame-ancestors {}", sites.join(" ")));
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        headers.remove("x-frame-options");
    }
}

/// A request that was let in.
struct Doing {
    access_control: Arc<AccessControl>,
    access: Access,
    address: Option<IpAddr>,
    policy: RoutePolicy,
    path: String,
    call: Option<String>,
}

impl Doing {
    /// Handles a request on its seat: a change is completed even when the client hangs up; a read waits for room.
    async fn seated(
        self,
        method: Method,
        request: Request,
        next: Next,
        (seat, slot): (Option<Seat>, Option<Slot>),
    ) -> Response {
        let (asker, way) = (self.access.asker(), self.access.way);
        if self.policy.changes(&method) {
            // The audit log has the action.
            let response = tokio::spawn(asked_by(Arc::clone(&asker), self.answer(method, request, next)))
                .await
                .unwrap_or_else(|_| ApiError::Unavailable("the daemon is stopping".into()).into_response());
            return response.map(|body| Seated::body(body, asker, seat, None));
        }
        let making = match self.access_control.making(way, &asker).await {
            Ok(making) => making,
            Err(refusal) => return refusal.into_response(),
        };
        let response = asked_by(Arc::clone(&asker), self.answer(method, request, next)).await;
        match slot {
            // The WebSocket has it, for as long as its connection is there.
            Some(slot) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
                slot.keep(seat);
                response
            }
            _ => response.map(|body| Seated::body(body, asker, seat, making)),
        }
    }

    /// The handler's answer, once the audit log has it.
    async fn answer(self, method: Method, request: Request, next: Next) -> Response {
        let Self { access_control, access, address, policy, path, call } = self;
        let response = next.run(request).await;
        let status = response.status();
        if !status.is_success() && status != StatusCode::SWITCHING_PROTOCOLS {
            return response;
        }
        let told = response.extensions().get::<Told>().cloned();
        let deed = audit::Deed { method: &method, path: &path, policy, call: call.as_deref() };
        match access_control.note(&access, address, deed, told).await {
            Ok(()) => response,
            Err(error) => ApiError::from(error).into_response(), // nothing is read without a record of it
        }
    }
}

fn no_such_method(allowed: &str) -> Response {
    let detail = axum::Json(Problem::text("this path does not take this method"));
    (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, allowed)], detail).into_response()
}

/// Headers that tell a browser what not to do; the page sets its own Content-Security-Policy.
fn harden(headers: &mut HeaderMap, tls: bool) {
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
    // Pages set their own caching; all other answers may contain calls, audio and exports.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}
