//! A call's limits of `[sla]` and the reasons of its tags, as the API shows them.

use crate::call::sla::SlaMeasure;
use crate::contract::review::Quote;
use crate::contract::seconds;
use crate::contract::sla::{CallSla, SlaLimitKept, TagReason};
use crate::store::calls::CallRow;
use crate::store::tags::TagReasonRow;

/// The limits of `[sla]`, and how the call compares with them.
pub(super) fn sla(call: &CallRow) -> CallSla {
    let kept = |one: &SlaMeasure| SlaLimitKept {
        limit: one.limit,
        seconds: seconds(one.value_ms),
        max_seconds: seconds(one.limit_ms),
        breached: one.is_breached(),
    };
    CallSla { breached: call.breaches_sla(), limits: call.sla.iter().map(kept).collect() }
}

/// Reasons of the packs' tags, entry by entry.
pub(super) fn tag_reasons(rows: &[TagReasonRow]) -> Vec<TagReason> {
    let mut all: Vec<TagReason> = Vec::new();
    for row in rows {
        let quote = Quote {
            segment_id: row.segment,
            leg: row.leg,
            text: row.text.clone(),
            start_time: seconds(row.start_ms),
            speaker: row.leg.into(),
        };
        match all.last_mut().filter(|last| last.tag == row.tag && last.rule == row.rule) {
            Some(last) => last.quotes.push(quote),
            None => all.push(TagReason {
                tag: row.tag.clone(),
                pack: row.pack.clone(),
                rule: row.rule.clone(),
                reason: row.reason.clone(),
                quotes: vec![quote],
            }),
        }
    }
    all
}
