//! Coverage: compares the calls that the dialer reports with recordings and texts, for a requested day and, each morning, for the day before.
//!
//! The task that knows the dialer's database ([`DialerDays`]) reads its calls, and they are kept in rows. Without such a database the calls come from
//! Asterisk's manager interface. The comparison is made anew for each request.

mod answer;
mod compare;
mod day;
mod nightly;

pub use self::answer::{AskedDay, Coverage, DialerDays, ToldDay, WantedRows, describe_metrics};
pub use self::compare::CoverageRules;
pub use self::day::LocalDay;
pub use self::nightly::Morning;
