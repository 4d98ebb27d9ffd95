//! Calls and actions on them: sessions, search, exports, alerts, privacy, and analyses of a whole call.

pub(super) mod agent;
pub(super) mod alerts;
pub(super) mod analyze;
pub(super) mod bulk;
pub(super) mod coaching;
pub(super) mod correct;
pub(super) mod dialer;
pub(super) mod export;
pub(super) mod fetch;
pub(super) mod find;
pub(super) mod insights;
mod judged;
pub(super) mod made;
mod passes;
pub(super) mod privacy;
pub(super) mod search;
pub(super) mod session;
pub(super) mod shown;
pub(super) mod taps;
