//! `?token=`, where `[http] token_in_query` allows it: for dashboards and scripts that know no other way. It is off by default, because addresses end
//! in the logs of proxies and the histories of browsers.

use std::net::IpAddr;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use axum::extract::{FromRequestParts, Request, WebSocketUpgrade};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::ask::Ask;
use super::refusal::Refusal;
use super::route::{About, RoutePolicy};
use super::state::AccessControl;
use crate::api::request::parameters::{PASS, Pairs, TOKEN};
use crate::api::request::{Parameters, bounded};

/// Code by which such a dashboard recognises an invalid token (4000 to 4999 are an application's own, RFC 6455, 7.4.2).
const INVALID: u16 = 4001;
/// A client that does not take its refusal in this time is let go.
const PATIENCE: Duration = Duration::from_secs(5);

impl AccessControl {
    /// What a request asks for. Of a page that is for its scripts to say.
    pub(super) fn parameters(&self, policy: RoutePolicy, mut given: Pairs) -> Result<Parameters, Refusal> {
        if policy.about == About::Nothing {
            return Ok(Parameters::default());
        }
        if policy.dialer {
            given.retain(|(name, _)| ![TOKEN, PASS].contains(&name.as_str()));
            return Ok(Parameters::of_a_dialer(given));
        }
        given.retain(|(name, _)| name != TOKEN || !self.settings.token_in_query);
        Parameters::read(given, policy.asks).map_err(Refusal::Parameter)
    }

    /// The close frame of a feed whose token has expired.
    pub fn over(&self) -> CloseFrame {
        if self.settings.token_in_query {
            return invalid();
        }
        CloseFrame { code: close_code::POLICY, reason: "the token is over".into() }
    }

    /// A page that is asked for with a token in its address is asked for once more, with a login for it: its scripts ask without one, and the address
    /// that stays in the browser has none. `None` where there is nothing to log in to.
    pub(super) async fn log_in_by_address(
        &self,
        ask: &Ask<'_>,
        query: Option<&str>,
        address: IpAddr,
    ) -> Option<Response> {
        let is_page = ask.policy.about == About::Nothing && !ask.policy.needs.is_empty() && ask.method == Method::GET;
        let shown = ask.parameter(TOKEN)?;
        if !is_page || !self.settings.token_in_query || ask.headers.contains_key(header::AUTHORIZATION) {
            return None;
        }
        let cookie = self.open_session(shown, address).await.ok()??;
        let rest: Vec<&str> = query?.split('&').filter(|pair| !pair.starts_with("token=")).collect();
        // Relative, for a proxy may have put the page under a path of its own.
        let place = HeaderValue::from_str(&format!("?{}", rest.join("&"))).ok()?;
        let headers = [(header::LOCATION, place), (header::SET_COOKIE, cookie)];
        Some((StatusCode::SEE_OTHER, headers).into_response())
    }
}

fn invalid() -> CloseFrame {
    CloseFrame { code: INVALID, reason: "Invalid token".into() }
}

/// Says on the socket itself that its token is not good: a browser tells a script nothing of a handshake that was refused, and the script tries again
/// for ever.
pub(super) async fn turn_away(request: Request, refusal: Refusal) -> Response {
    let refused = refusal.into_response(); // and counted
    let (mut parts, _) = request.into_parts();
    let Ok(upgrade) = WebSocketUpgrade::from_request_parts(&mut parts, &()).await else { return refused };
    bounded(upgrade).on_upgrade(|mut socket: WebSocket| async move {
        let close = async {
            let _ = socket.send(Message::Close(Some(invalid()))).await;
            while socket.recv().await.is_some_and(|received| received.is_ok()) {}
        };
        let _ = tokio::time::timeout(PATIENCE, close).await;
    })
}
