//! Access: every request passes the guard (`guard.rs`) before a handler sees it.
//!
//! In order it checks the host name, the origin, the token, the rate, the scopes, whether the call exists for the token, and whether there is a seat;
//! afterwards the audit log takes the action. The path's `RoutePolicy` tells what it needs. A path without one cannot be reached.

mod ask;
mod audit;
pub mod grant;
mod guard;
mod identify;
pub mod limits;
pub mod link;
pub mod login;
pub mod me;
mod noted;
pub mod origin;
mod query_token;
mod refusal;
pub mod route;
mod seats;
pub mod serve;
mod state;
mod written;

pub use self::ask::{Peer, Told};
pub use self::guard::{describe_metrics, guard};
pub use self::state::{AccessControl, AccessSettings};
