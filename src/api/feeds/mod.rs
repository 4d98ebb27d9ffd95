//! Live events: WebSockets and server-sent events, and the paths of call dashboards, which are made for the same pages.

pub(super) mod audience;
mod batch;
pub(super) mod dashboards;
pub(super) mod feed;
pub(super) mod follow;
mod parts;

pub use self::audience::Audience;
pub use self::parts::Feeds;
