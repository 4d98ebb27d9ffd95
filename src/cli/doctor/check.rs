//! A check: what was looked at, what was found, and the mend.

use serde::Serialize;

#[derive(Serialize)]
pub(super) struct Check {
    pub(super) what: &'static str,
    pub(super) ok: bool,
    pub(super) found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mend: Option<String>,
}

pub(super) fn good(what: &'static str, found: impl Into<String>) -> Check {
    Check { what, ok: true, found: found.into(), mend: None }
}

pub(super) fn bad(what: &'static str, found: impl Into<String>, mend: impl Into<String>) -> Check {
    Check { what, ok: false, found: found.into(), mend: Some(mend.into()) }
}
