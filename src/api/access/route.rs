//! Route policies: what every method at every path needs. The router takes no path without a policy, and the guard answers 404 or 405 where there is none.

use std::collections::HashMap;
use std::convert::Infallible;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{self, MethodRouter};

use super::grant::Access;
use crate::store::tokens::Scope;

/// Scopes of a path without authentication.
pub const NOTHING: &[Scope] = &[];
/// May see calls.
pub const READ: &[Scope] = &[Scope::Read];
/// May change calls and command the daemon.
pub const OPERATE: &[Scope] = &[Scope::Operate];
/// Other platforms, which bring in their calls.
pub const INGEST: &[Scope] = &[Scope::Ingest];
/// People and machines alike: names of calls, recordings.
pub const OPERATE_OR_INGEST: &[Scope] = &[Scope::Operate, Scope::Ingest];
/// Agents for their own calls, and tokens that may read for those of all agents.
pub const AGENT_OR_READ: &[Scope] = &[Scope::Agent, Scope::Read];
/// Agents for their own calls, and tokens that may change calls for those of all agents.
pub const AGENT_OR_OPERATE: &[Scope] = &[Scope::Agent, Scope::Operate];
/// All tokens but agents': agents have their own paths.
pub const ANY: &[Scope] = &[Scope::Read, Scope::Operate, Scope::Ingest];

/// The calls that a path shows or changes, for the campaign of a token and for the audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// No call: pages and the login. Such requests are neither counted nor logged.
    Nothing,
    /// The daemon as a whole. Closed to tokens of one campaign, not written down.
    Daemon,
    /// The call that the path names: the guard looks whether it exists for the token.
    Call,
    /// Calls that the handler chooses: it leaves out, by `Access`, those that are not the token's.
    Own,
    /// Calls of all campaigns alike. Closed to tokens of one.
    All,
}

/// Policy of one method at one path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoutePolicy {
    /// One of these scopes is needed; none when empty.
    pub needs: &'static [Scope],
    /// The calls that it shows or changes.
    pub about: About,
    /// Its query parameters; the guard refuses every other one. Queries of pages are for their scripts, and are not looked at.
    pub asks: &'static [&'static str],
    /// For URLs that a dialer calls. They have any parameter, and the handler refuses what it does not know; `pass` bears a token as `token` does; and a
    /// GET changes something where it does not need READ.
    pub dialer: bool,
    /// A page that may stand in a page of another site, where `[http] frame_ancestors` names that site.
    pub framed: bool,
}

impl RoutePolicy {
    /// A policy for those who have one of these scopes.
    pub const fn new(needs: &'static [Scope], about: About) -> Self {
        Self { needs, about, asks: &[], dialer: false, framed: false }
    }

    /// The same, with these query parameters.
    pub const fn asks(self, asks: &'static [&'static str]) -> Self {
        Self { asks, ..self }
    }

    /// The same, for URLs that a dialer calls.
    pub const fn dialer(self) -> Self {
        Self { dialer: true, ..self }
    }

    /// The same, for a page that other sites may show in a frame.
    pub const fn framed(self) -> Self {
        Self { framed: true, ..self }
    }

    /// Whether a request changes something.
    pub(super) fn changes(self, method: &Method) -> bool {
        ![Method::GET, Method::HEAD].contains(method) || self.dialer && !self.needs.contains(&Scope::Read)
    }

    /// Policy of paths that do not exist: a client with a token may learn that.
    pub(super) const NOWHERE: Self = Self::new(ANY, About::Nothing);

    /// Whether a request counts in its client's minute. A page brings a dozen files along, which are the same for everybody; platforms send
    /// something every second for each of their calls, a PBX names each of its calls, and both have a scope and a list of addresses to themselves.
    pub(super) fn is_counted(self, changes: bool, access: &Access) -> bool {
        let brings_in = self.needs.contains(&Scope::Ingest) && access.may(INGEST);
        (changes || self.about != About::Nothing) && !brings_in
    }
}

/// Route policies by path, as the router writes it, and method.
#[derive(Debug, Default)]
pub struct RoutePolicies(HashMap<&'static str, Vec<(Method, RoutePolicy)>>);

impl RoutePolicies {
    /// The policy of a method at a path of the router. HEAD has that of GET.
    pub(super) fn of(&self, method: &Method, path: &str) -> Option<RoutePolicy> {
        let wanted = if method == Method::HEAD { &Method::GET } else { method };
        self.0.get(path)?.iter().find(|(method, _)| method == wanted).map(|(_, policy)| *policy)
    }

    /// The methods of a path, as `Allow` says them.
    pub(super) fn methods(&self, path: &str) -> String {
        let methods = self.0.get(path).into_iter().flatten();
        let named = methods.map(|(method, _)| if method == Method::GET { "GET, HEAD" } else { method.as_str() });
        named.collect::<Vec<_>>().join(", ")
    }

    /// All of them.
    pub(in crate::api) fn all(&self) -> impl Iterator<Item = (&Method, &'static str, RoutePolicy)> {
        self.0.iter().flat_map(|(path, policies)| policies.iter().map(move |(method, policy)| (method, *path, *policy)))
    }
}

/// The name of the path's part after `/calls/`: `id` of `/api/v1/calls/{id}/audio`.
pub(in crate::api) fn call_parameter(path: &str) -> Option<&str> {
    let (_, rest) = path.split_once("/calls/{")?;
    rest.split_once('}').map(|(name, _)| name)
}

/// A router that is being built, and its policies.
pub struct Routes<S> {
    router: Router<S>,
    policies: RoutePolicies,
}

impl<S: Clone + Send + Sync + 'static> Default for Routes<S> {
    fn default() -> Self {
        Self { router: Router::new(), policies: RoutePolicies::default() }
    }
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// GET, and HEAD with it.
    pub fn get<H: Handler<T, S>, T: 'static>(self, path: &'static str, policy: RoutePolicy, handler: H) -> Self {
        self.at(Method::GET, path, policy, routing::get(handler))
    }

    /// POST, with a body of two megabytes at most.
    pub fn post<H: Handler<T, S>, T: 'static>(self, path: &'static str, policy: RoutePolicy, handler: H) -> Self {
        self.at(Method::POST, path, policy, routing::post(handler))
    }

    /// POST, with a body of another size.
    pub fn post_sized<H: Handler<T, S>, T: 'static>(
        self,
        path: &'static str,
        policy: RoutePolicy,
        limit: DefaultBodyLimit,
        handler: H,
    ) -> Self {
        self.at(Method::POST, path, policy, routing::post(handler).layer(limit))
    }

    /// PUT, with a body of two megabytes at most.
    pub fn put<H: Handler<T, S>, T: 'static>(self, path: &'static str, policy: RoutePolicy, handler: H) -> Self {
        self.at(Method::PUT, path, policy, routing::put(handler))
    }

    /// DELETE
    pub fn delete<H: Handler<T, S>, T: 'static>(self, path: &'static str, policy: RoutePolicy, handler: H) -> Self {
        self.at(Method::DELETE, path, policy, routing::delete(handler))
    }

    fn at(
        mut self,
        method: Method,
        path: &'static str,
        policy: RoutePolicy,
        route: MethodRouter<S, Infallible>,
    ) -> Self {
        self.policies.0.entry(path).or_default().push((method, policy));
        self.router = self.router.route(path, route);
        self
    }

    /// The router, and the policies for its guard.
    pub fn into_parts(self) -> (Router<S>, RoutePolicies) {
        (self.router, self.policies)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tokens::Scopes;

    #[test]
    fn the_call_of_a_path_is_found_wherever_it_stands() {
        assert_eq!(call_parameter("/api/v1/calls/{id}/audio"), Some("id"));
        assert_eq!(call_parameter("/ws/calls/{call_id}"), Some("call_id"));
        assert_eq!(call_parameter("/api/v1/calls/active"), None);
    }

    #[test]
    fn who_brings_calls_in_is_not_counted_where_calls_come_in_and_is_elsewhere() {
        let with = |scopes| Access { scopes, ..Access::nobody() };
        let (pbx, person) = (with(Scopes::INGEST), with(Scopes::parse("read,operate").expect("scopes")));
        let (naming, inlet) = (RoutePolicy::new(OPERATE_OR_INGEST, About::All), RoutePolicy::new(INGEST, About::All));
        assert!(!naming.is_counted(true, &pbx) && !inlet.is_counted(true, &pbx));
        assert!(naming.is_counted(true, &person) && RoutePolicy::new(OPERATE, About::Call).is_counted(true, &pbx));
        let page = RoutePolicy::new(READ, About::Nothing);
        assert!(!page.is_counted(false, &person) && page.is_counted(true, &person));
    }

    #[test]
    fn a_method_that_was_not_named_has_no_policy() {
        let page = RoutePolicy::new(READ, About::Nothing);
        let (_, policies) = Routes::<()>::default().get("/x", page, async || "x").into_parts();
        assert_eq!((policies.of(&Method::GET, "/x"), policies.of(&Method::HEAD, "/x")), (Some(page), Some(page)));
        for method in [Method::POST, Method::OPTIONS, Method::DELETE] {
            assert_eq!(policies.of(&method, "/x"), None);
        }
        assert_eq!((policies.of(&Method::GET, "/y"), policies.methods("/x")), (None, "GET, HEAD".into()));
    }
}
