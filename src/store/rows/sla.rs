//! The one definition of a breach of `[sla]`: the list's column and its filter use the same figures, which are present ones while a call runs.

use crate::call::sla::{SlaLimit, SlaMeasure};

/// The names of a call that the PBX may know.
macro_rules! names {
    () => {
        "(SELECT call.call_id UNION ALL SELECT call.uniqueid UNION ALL SELECT alias FROM call_alias WHERE call_alias.call = call.id)"
    };
}

/// The length of a call, milliseconds: that of its sound; of text that came without sound to the end of its last line, on the sender's clock. When such a
/// call ended is known on this machine's clock alone.
macro_rules! length_ms {
    () => {
        "CASE WHEN call.audio_ms > 0 OR call.source <> 'ingest' THEN call.audio_ms \
         ELSE (SELECT end_ms FROM segment WHERE segment.call = call.id ORDER BY start_ms DESC, id DESC LIMIT 1) END"
    };
}

/// Time from the queue to the agent, milliseconds: as the dialer counts it, else by the PBX's events.
macro_rules! answer_ms {
    () => {
        concat!(
            "coalesce((SELECT CAST(queue_s * 1000 AS INTEGER) FROM dialer WHERE dialer.call = call.id), \
             (SELECT min(CASE kind WHEN 'agent_connected' THEN at_ms END) - min(CASE kind WHEN 'queue_joined' THEN at_ms END) \
              FROM call_event WHERE kind IN ('queue_joined', 'agent_connected') AND pbx_call IN ",
            names!(),
            "))"
        )
    };
}

/// The longest hold, milliseconds; one that goes on lasts until the call's last audio.
macro_rules! hold_ms {
    () => {
        concat!(
            "(SELECT max(coalesce( \
                 (SELECT min(back.at_ms) FROM call_event AS back \
                  WHERE back.pbx_call = held.pbx_call AND back.at_ms >= held.at_ms AND back.channel = held.channel \
                      AND back.kind IN ('resumed', 'hung_up')), \
                 call.closed_ms, call.last_activity_ms) - held.at_ms) \
              FROM call_event AS held WHERE held.kind = 'held' AND held.pbx_call IN ",
            names!(),
            ")"
        )
    };
}

/// The longest silence, milliseconds; known when the call was reviewed.
macro_rules! silence_ms {
    () => {
        "(SELECT longest_silence_ms FROM review WHERE review.call = call.id)"
    };
}

/// Whether a limit is broken. What has no limit is not looked up.
macro_rules! over {
    ($limit:literal, $value:expr) => {
        concat!("(sla.", $limit, " IS NOT NULL AND ", $value, " > sla.", $limit, ")")
    };
}

/// A limit with what the call took: name, milliseconds, milliseconds.
macro_rules! measured {
    ($name:literal, $limit:literal, $value:expr) => {
        concat!(
            "CASE WHEN sla.",
            $limit,
            " IS NOT NULL THEN json_array('",
            $name,
            "', ",
            $value,
            ", sla.",
            $limit,
            ") END"
        )
    };
}

/// A condition on a row of `call`: whether it breaches a limit is as the value says, 0 or 1.
pub(in crate::store) const BREACHED: &str = concat!(
    "EXISTS (SELECT 1 FROM sla WHERE sla.one = 1 AND (",
    over!("call_ms", length_ms!()),
    " OR ",
    over!("answer_ms", answer_ms!()),
    " OR ",
    over!("hold_ms", hold_ms!()),
    " OR ",
    over!("silence_ms", silence_ms!()),
    ")) = ?"
);

/// A column of a row of `call`: every limit that is set, in the form that [`read`] parses.
pub(in crate::store) const MEASURES: &str = concat!(
    "(SELECT json_array(",
    measured!("call", "call_ms", length_ms!()),
    ", ",
    measured!("answer", "answer_ms", answer_ms!()),
    ", ",
    measured!("hold", "hold_ms", hold_ms!()),
    ", ",
    measured!("silence", "silence_ms", silence_ms!()),
    ") FROM sla WHERE sla.one = 1)"
);

/// The limits for which the call's value is known.
pub(in crate::store) fn read(column: Option<&str>) -> Vec<SlaMeasure> {
    type Measured = Option<(SlaLimit, Option<i64>, i64)>;
    let all: Vec<Measured> = column.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let known = |(limit, value_ms, limit_ms): (SlaLimit, Option<i64>, i64)| {
        value_ms.map(|value_ms| SlaMeasure { limit, value_ms, limit_ms })
    };
    all.into_iter().flatten().filter_map(known).collect()
}
