//! Doors: what every method at every path needs. A path comes into the router with its door or not at all, and the guard answers for what has none.

use std::collections::HashMap;
use std::convert::Infallible;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{self, MethodRouter};

use super::access::Access;
use crate::store::tokens::Scope;

/// Asked of nobody.
pub const NOTHING: &[Scope] = &[];
/// Sees.
pub const READ: &[Scope] = &[Scope::Read];
/// Changes.
pub const OPERATE: &[Scope] = &[Scope::Operate];
/// Other platforms, which bring in their calls.
pub const INGEST: &[Scope] = &[Scope::Ingest];
/// People and machines alike: names of calls, recordings.
pub const OPERATE_OR_INGEST: &[Scope] = &[Scope::Operate, Scope::Ingest];
const ANY: &[Scope] = &[Scope::Read, Scope::Operate, Scope::Ingest];

/// What of calls a path shows or changes: so it keeps to the campaign of a token, and so it is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// No call: pages and the login. Neither counted nor written down.
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

/// What one method at one path needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Door {
    /// One of these; nothing at all when empty.
    pub needs: &'static [Scope],
    /// What it shows.
    pub about: About,
    /// Its query parameters; the guard refuses every other one. Queries of pages are for their scripts, and are not looked at.
    pub asks: &'static [&'static str],
}

impl Door {
    /// A door for those who have one of these scopes.
    pub const fn new(needs: &'static [Scope], about: About) -> Self {
        Self { needs, about, asks: &[] }
    }

    /// The same, with these query parameters.
    pub const fn asks(self, asks: &'static [&'static str]) -> Self {
        Self { asks, ..self }
    }

    /// Behind it is nothing: whoever has a token may know that.
    pub(super) const NOWHERE: Self = Self::new(ANY, About::Nothing);

    /// Whether a request counts in its client's minute. A page brings a dozen files along, which are the same for everybody; platforms send
    /// something every second for each of their calls, a PBX names each of its calls, and both have a scope and a list of addresses to themselves.
    pub(super) fn is_counted(self, changes: bool, access: &Access) -> bool {
        let brings_in = self.needs.contains(&Scope::Ingest) && access.may(INGEST);
        (changes || self.about != About::Nothing) && !brings_in
    }
}

/// Doors by path, as the router writes it, and method.
#[derive(Debug, Default)]
pub struct Doors(HashMap<&'static str, Vec<(Method, Door)>>);

impl Doors {
    /// The door of a method at a path of the router; HEAD goes by that of GET.
    pub(super) fn of(&self, method: &Method, path: &str) -> Option<Door> {
        let wanted = if method == Method::HEAD { &Method::GET } else { method };
        self.0.get(path)?.iter().find(|(method, _)| method == wanted).map(|(_, door)| *door)
    }

    /// The methods of a path, as `Allow` says them.
    pub(super) fn methods(&self, path: &str) -> String {
        let methods = self.0.get(path).into_iter().flatten();
        let named = methods.map(|(method, _)| if method == Method::GET { "GET, HEAD" } else { method.as_str() });
        named.collect::<Vec<_>>().join(", ")
    }

    /// All of them.
    pub(in crate::api) fn all(&self) -> impl Iterator<Item = (&Method, &'static str, Door)> {
        self.0.iter().flat_map(|(path, doors)| doors.iter().map(move |(method, door)| (method, *path, *door)))
    }
}

/// The name of the path's part after `/calls/`: `id` of `/api/v1/calls/{id}/audio`.
pub(in crate::api) fn call_parameter(path: &str) -> Option<&str> {
    let (_, rest) = path.split_once("/calls/{")?;
    rest.split_once('}').map(|(name, _)| name)
}

/// A router in the making, and its doors.
pub struct Routes<S> {
    router: Router<S>,
    doors: Doors,
}

impl<S: Clone + Send + Sync + 'static> Default for Routes<S> {
    fn default() -> Self {
        Self { router: Router::new(), doors: Doors::default() }
    }
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// GET, and HEAD with it.
    pub fn get<H: Handler<T, S>, T: 'static>(self, path: &'static str, door: Door, handler: H) -> Self {
        self.at(Method::GET, path, door, routing::get(handler))
    }

    /// POST, with a body of two megabytes at most.
    pub fn post<H: Handler<T, S>, T: 'static>(self, path: &'static str, door: Door, handler: H) -> Self {
        self.at(Method::POST, path, door, routing::post(handler))
    }

    /// POST, with a body of another size.
    pub fn post_sized<H: Handler<T, S>, T: 'static>(
        self,
        path: &'static str,
        door: Door,
        limit: DefaultBodyLimit,
        handler: H,
    ) -> Self {
        self.at(Method::POST, path, door, routing::post(handler).layer(limit))
    }

    /// DELETE
    pub fn delete<H: Handler<T, S>, T: 'static>(self, path: &'static str, door: Door, handler: H) -> Self {
        self.at(Method::DELETE, path, door, routing::delete(handler))
    }

    fn at(mut self, method: Method, path: &'static str, door: Door, route: MethodRouter<S, Infallible>) -> Self {
        self.doors.0.entry(path).or_default().push((method, door));
        self.router = self.router.route(path, route);
        self
    }

    /// The router, and the doors for its guard.
    pub fn into_parts(self) -> (Router<S>, Doors) {
        (self.router, self.doors)
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
        let (naming, inlet) = (Door::new(OPERATE_OR_INGEST, About::All), Door::new(INGEST, About::All));
        assert!(!naming.is_counted(true, &pbx) && !inlet.is_counted(true, &pbx));
        assert!(naming.is_counted(true, &person) && Door::new(OPERATE, About::Call).is_counted(true, &pbx));
        let page = Door::new(READ, About::Nothing);
        assert!(!page.is_counted(false, &person) && page.is_counted(true, &person));
    }

    #[test]
    fn a_method_that_was_not_named_has_no_door() {
        let page = Door::new(READ, About::Nothing);
        let (_, doors) = Routes::<()>::default().get("/x", page, async || "x").into_parts();
        assert_eq!((doors.of(&Method::GET, "/x"), doors.of(&Method::HEAD, "/x")), (Some(page), Some(page)));
        for method in [Method::POST, Method::OPTIONS, Method::DELETE] {
            assert_eq!(doors.of(&method, "/x"), None);
        }
        assert_eq!((doors.of(&Method::GET, "/y"), doors.methods("/x")), (None, "GET, HEAD".into()));
    }
}
