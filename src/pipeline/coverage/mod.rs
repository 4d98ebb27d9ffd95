//! Coverage: what the dialer says took place against what was recorded and heard, for a day that somebody asks for and, each morning, for the day
//! before.
//!
//! What the dialer says is read by whoever knows its database ([`DialerDays`]) and kept in rows; without a database it is what Asterisk's manager
//! interface has told. It is compared anew each time it is asked for.

mod answer;
mod compare;
mod day;
mod nightly;

pub use self::answer::{AskedDay, Coverage, DialerDays, ToldDay, WantedRows, describe_metrics};
pub use self::compare::CoverageRules;
pub use self::day::LocalDay;
pub use self::nightly::Morning;
