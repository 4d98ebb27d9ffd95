//! Speaker and time of a line, as all formats write them.

use crate::call::Leg;
use crate::store::segments::SegmentRow;

pub(super) fn who(row: &SegmentRow) -> &'static str {
    match row.speaker {
        Leg::Agent => "Agent",
        Leg::Caller => "Caller",
        Leg::Mixed => "Voice",
    }
}

/// `01:02:03,456`, with the separator that the format wants.
pub(super) fn stamp(ms: i64, separator: char) -> String {
    let ms = ms.max(0);
    format!("{:02}:{:02}:{:02}{separator}{:03}", ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60, ms % 1000)
}
