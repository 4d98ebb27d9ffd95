//! Access: every request passes the guard (`guard.rs`) before a handler sees it.
//!
//! In order: the name it was called by, the site it comes from, whose token it bears, how often, what the token may do, whether the call exists for
//! it, and whether there is a seat; afterwards, who read what is written down. A path's `RoutePolicy` tells what it needs. A path without one is not reached.

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
