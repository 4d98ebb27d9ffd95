//! How calls keep the limits of `[sla]`. The one place where a breach gets its meaning: the list's column and its filter are made of the same figures,
//! which are of now while a call runs.

use super::{Store, StoreError};
use crate::call::sla::{SlaLimit, SlaLimits, SlaMeasure};

/// By what the PBX may have named a call.
macro_rules! names {
    () => {
        "(SELECT call.call_id UNION ALL SELECT call.uniqueid UNION ALL SELECT alias FROM call_alias WHERE call_alias.call = call.id)"
    };
}

/// The length of a call, milliseconds: that of its sound; of text that came without sound from its first word to its end.
macro_rules! length_ms {
    () => {
        "CASE WHEN call.audio_ms > 0 OR call.source <> 'ingest' THEN call.audio_ms \
         ELSE max(coalesce(call.closed_ms, call.last_activity_ms) - call.started_ms, 0) END"
    };
}

/// From the queue to the agent, milliseconds: as the dialer counts it, else as the PBX told.
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

/// The longest hold, milliseconds; one that goes on lasts until the call's last sound.
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
pub(super) const BREACHED: &str = concat!(
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

/// A column of a row of `call`: every limit that is set, as [`read`] reads it.
pub(super) const MEASURES: &str = concat!(
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

/// The limits of which it is known what the call took.
pub(super) fn read(column: Option<&str>) -> Vec<SlaMeasure> {
    type Measured = Option<(SlaLimit, Option<i64>, i64)>;
    let all: Vec<Measured> = column.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let known = |(limit, value_ms, limit_ms): (SlaLimit, Option<i64>, i64)| {
        value_ms.map(|value_ms| SlaMeasure { limit, value_ms, limit_ms })
    };
    all.into_iter().flatten().filter_map(known).collect()
}

impl Store {
    /// From now on calls are judged by these limits, those of before too.
    pub async fn set_sla(&self, limits: SlaLimits) -> Result<(), StoreError> {
        let sql =
            "INSERT OR REPLACE INTO sla (one, call_ms, answer_ms, hold_ms, silence_ms) VALUES (1, ?1, ?2, ?3, ?4)";
        let SlaLimits { call_ms, answer_ms, hold_ms, silence_ms } = limits;
        self.writer().run(move |db| db.execute(sql, (call_ms, answer_ms, hold_ms, silence_ms))).await.map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::super::calls::{CallFilter, CallRow, Which};
    use super::super::tests::open;
    use super::*;

    /// 1 is long, 2 waited in the queue, 3 holds and runs, 4 was silent, 5 keeps all limits, 6 waited as the dialer says,
    /// 7 is text without sound.
    const CALLS: &str = "
        INSERT INTO call (id, call_id, source, state, started_ms, last_activity_ms, closed_ms, audio_ms, uniqueid) VALUES
            (1, 'a.1', 'eagi', 'completed', 1, 1, 601000, 600001, NULL), (2, 'a.2', 'eagi', 'completed', 2, 2, 60000, 60000, 'q.2'),
            (3, 'a.3', 'eagi', 'active', 3, 95000, NULL, 90000, NULL), (4, 'a.4', 'eagi', 'completed', 4, 4, 60000, 60000, NULL),
            (5, 'a.5', 'eagi', 'completed', 5, 5, 60000, 600000, NULL), (6, 'a.6', 'eagi', 'completed', 6, 6, 60000, 60000, NULL),
            (7, 'a.7', 'ingest', 'completed', 7, 7, 600008, 0, NULL);
        INSERT INTO call_alias (alias, call) VALUES ('h.3', 3);
        INSERT INTO call_event (pbx_call, at_ms, kind, leg, channel, detail) VALUES
            ('q.2', 1000, 'queue_joined', 'caller', 'c', NULL), ('q.2', 32000, 'agent_connected', 'agent', 'd', NULL),
            ('h.3', 20000, 'held', 'agent', 'd', NULL), ('h.3', 22000, 'resumed', 'caller', 'c', NULL),
            ('h.3', 30000, 'resumed', 'agent', 'd', NULL), ('h.3', 60000, 'held', 'agent', 'd', NULL),
            ('a.5', 1000, 'queue_joined', 'caller', 'c', NULL), ('a.5', 31000, 'agent_connected', 'agent', 'd', NULL),
            ('a.5', 40000, 'held', 'agent', 'd', NULL), ('a.5', 60000, 'hung_up', 'agent', 'd', NULL);
        INSERT INTO review (call, positive, negative, points, points_of, reviewed_ms, longest_silence_ms)
        VALUES (4, 0, 0, 0, 0, 0, 20001), (5, 0, 0, 0, 0, 0, 20000);
        INSERT INTO dialer (call, system, queue_s, asked_ms, tries, complete) VALUES (6, 'vicidial', 30.5, 1, 1, 1);";

    async fn listed(store: &Store, breached: Option<bool>) -> Vec<CallRow> {
        let which = Which { sla_breached: breached, ..Which::default() };
        store.list_calls(CallFilter { which, limit: 10, ..CallFilter::default() }).await.expect("query")
    }

    fn told(calls: &[CallRow]) -> Vec<(i64, Vec<(SlaLimit, i64)>)> {
        let broken = |call: &CallRow| {
            let broken = call.sla.iter().filter(|one| one.is_breached());
            broken.map(|one| (one.limit, one.value_ms)).collect()
        };
        calls.iter().rev().map(|call| (call.key.0, broken(call))).collect()
    }

    #[tokio::test]
    async fn a_call_that_takes_more_than_a_limit_breaches_it_in_the_list_and_for_the_filter_alike() {
        let (_folder, store) = open();
        store.writer().run(|db| db.execute_batch(CALLS)).await.expect("calls");
        assert!(listed(&store, Some(true)).await.is_empty(), "without limits nothing breaches any");
        assert_eq!(listed(&store, Some(false)).await.len(), 7);
        let limits = SlaLimits {
            call_ms: Some(600_000),
            answer_ms: Some(30_000),
            hold_ms: Some(20_000),
            silence_ms: Some(20_000),
        };
        store.set_sla(limits).await.expect("set");
        let wanted = [
            (1, vec![(SlaLimit::Call, 600_001)]),
            (2, vec![(SlaLimit::Answer, 31_000)]),
            (3, vec![(SlaLimit::Hold, 35_000)]),
            (4, vec![(SlaLimit::Silence, 20_001)]),
            (6, vec![(SlaLimit::Answer, 30_500)]),
            (7, vec![(SlaLimit::Call, 600_001)]),
        ];
        assert_eq!(told(&listed(&store, Some(true)).await), wanted);
        let kept = listed(&store, Some(false)).await;
        assert_eq!(told(&kept), [(5, Vec::new())]);
        assert_eq!(kept[0].sla.len(), 4, "what it took is told all the same: {:?}", kept[0].sla);
        assert_eq!(told(&listed(&store, None).await).iter().filter(|(_, broken)| !broken.is_empty()).count(), 6);
        store.set_sla(SlaLimits { hold_ms: Some(34_999), ..SlaLimits::default() }).await.expect("set");
        assert_eq!(
            told(&listed(&store, Some(true)).await),
            [(3, vec![(SlaLimit::Hold, 35_000)])],
            "the limits of now count"
        );
    }
}
