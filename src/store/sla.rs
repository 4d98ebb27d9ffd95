//! The limits of `[sla]`: one row, which judges all calls (`rows/sla.rs`).

use super::{Store, StoreError};
use crate::call::sla::SlaLimits;

impl Store {
    /// Sets the limits by which all calls are judged, earlier ones too.
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
    use crate::call::sla::SlaLimit;

    /// 1 is long, 2 waited in the queue, 3 holds and runs, 4 was silent, 5 keeps all limits, 6 waited as the dialer says,
    /// 7 is text without sound, and 8 too: of an hour before it came, and it ended when nothing more came.
    const CALLS: &str = "
        INSERT INTO call (id, call_id, source, state, started_ms, last_activity_ms, closed_ms, audio_ms, uniqueid) VALUES
            (1, 'a.1', 'eagi', 'completed', 1, 1, 601000, 600001, NULL), (2, 'a.2', 'eagi', 'completed', 2, 2, 60000, 60000, 'q.2'),
            (3, 'a.3', 'eagi', 'active', 3, 95000, NULL, 90000, NULL), (4, 'a.4', 'eagi', 'completed', 4, 4, 60000, 60000, NULL),
            (5, 'a.5', 'eagi', 'completed', 5, 5, 60000, 600000, NULL), (6, 'a.6', 'eagi', 'completed', 6, 6, 60000, 60000, NULL),
            (7, 'a.7', 'ingest', 'completed', 7, 7, 600008, 0, NULL), (8, 'a.8', 'ingest', 'completed', 8, 8, 3600008, 0, NULL);
        INSERT INTO leg (id, call, leg, source, rate_hz, started_ms, offset_ms, path, owned)
        SELECT id, id, 'caller', 'ingest', 8000, started_ms, 0, '', 0 FROM call WHERE id > 6;
        INSERT INTO utterance (id, call, leg, start_sample, end_sample, start_ms, end_ms, state)
        SELECT id, id, id, 0, 1, 0, 1, 'done' FROM leg;
        INSERT INTO segment (call, leg, utterance, start_ms, end_ms, text, confidence, words, compound, pos, neu, neg, label, keywords, profanity)
        SELECT id, id, id, column1, CASE id WHEN 7 THEN column1 + 1 ELSE 1500 END, 'x', 1, '[]', 0, 0, 1, 0, 'neutral', '[]', '[]'
        FROM leg, (VALUES (0), (600000)) WHERE id = 7 OR column1 = 0;
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
        assert_eq!(listed(&store, Some(false)).await.len(), 8);
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
        assert_eq!(told(&kept), [(5, Vec::new()), (8, Vec::new())]);
        assert_eq!(kept[1].sla.len(), 4, "what it took is told all the same: {:?}", kept[1].sla);
        assert_eq!(told(&listed(&store, None).await).iter().filter(|(_, broken)| !broken.is_empty()).count(), 6);
        store.set_sla(SlaLimits { hold_ms: Some(34_999), ..SlaLimits::default() }).await.expect("set");
        assert_eq!(
            told(&listed(&store, Some(true)).await),
            [(3, vec![(SlaLimit::Hold, 35_000)])],
            "the limits of now count"
        );
    }
}
