//! What the doctor found: the checks of `lineside doctor --json` and of `GET /health/detailed`.

use serde::Serialize;
use utoipa::ToSchema;

/// Result of a check, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckState {
    /// Nothing is wrong.
    Ok,
    /// It cannot be looked at from here; `mend` says from where it can.
    Unknown,
    /// It works. `mend` says how it would be better.
    Advice,
    /// Something is wrong. `mend` repairs it.
    Bad,
}

/// One check of the doctor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DoctorCheck {
    /// Name of the check, such as `state folder`. Several checks may have one name: each recording folder is a check.
    #[schema(example = "state folder")]
    pub check: String,
    /// Result of the check.
    pub state: CheckState,
    /// The finding.
    #[schema(example = "/var/lib/lineside: No such file or directory (os error 2)")]
    pub found: String,
    /// Reason why the finding matters.
    pub why: String,
    /// The remedy; `null` where none is needed.
    #[schema(example = "`install -d -o lineside -g lineside -m 0750 /var/lib/lineside`")]
    pub mend: Option<String>,
}

/// Every check of the doctor, as the daemon itself can see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DetailedHealth {
    /// The worst state of all checks.
    pub state: CheckState,
    /// Time of the checks. An answer is kept for ten seconds.
    #[schema(format = DateTime)]
    pub checked_at: String,
    /// The checks, in the order in which `lineside doctor` prints them.
    pub checks: Vec<DoctorCheck>,
}

impl DetailedHealth {
    /// Checks that were made at this time (RFC 3339).
    pub fn new(checks: Vec<DoctorCheck>, checked_at: String) -> Self {
        let state = checks.iter().map(|check| check.state).max().unwrap_or(CheckState::Ok);
        Self { state, checked_at, checks }
    }
}
