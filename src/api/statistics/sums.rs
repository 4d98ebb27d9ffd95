//! Sums as the contract shows them.

use std::collections::BTreeMap;

use crate::contract::seconds;
use crate::contract::statistics::{AgentSums, CallSums, DaySums, NamedSums, NotableCall};
use crate::store::tally::{Group, Known, RankedCall, Tally};

pub(super) fn sums(all: &Tally) -> CallSums {
    let ms = |known: Known| known.sum().map(seconds);
    let [talk, wait, wrap, dead, pause] = all.dialed_s;
    let [agent, caller, mixed] = all.speech_ms;
    CallSums {
        total_calls: all.calls,
        reviewed_calls: all.reviewed,
        avg_sentiment: all.mean_sentiment(),
        total_alerts: all.alerts,
        avg_duration: seconds(all.audio_ms) / all.calls.max(1) as f64,
        total_positive: all.positive,
        total_negative: all.negative,
        total_segments: all.segments,
        score: all.score(),
        points: all.points,
        points_of: all.points_of,
        total_findings: all.findings,
        talk_seconds: talk.sum(),
        wait_seconds: wait.sum(),
        wrap_seconds: wrap.sum(),
        dead_seconds: dead.sum(),
        pause_seconds: pause.sum(),
        avg_wrap_seconds: wrap.sum().map(|sum| sum as f64 / wrap.calls as f64),
        agent_speech_seconds: ms(agent),
        caller_speech_seconds: ms(caller),
        mixed_speech_seconds: ms(mixed),
        dead_air_seconds: ms(all.dead_air_ms),
        silent_end_seconds: ms(all.silent_end_ms),
        unspoken_talk_seconds: ms(all.unspoken_ms),
    }
}

/// A call with the address of its page. Ids of calls need no escapes.
pub(super) fn notable(call: Option<&RankedCall>) -> Option<NotableCall> {
    let RankedCall { call_id, started, score, sentiment, .. } = call?;
    Some(NotableCall {
        url: format!("/calls/{call_id}"),
        call_id: call_id.clone(),
        start_time: started.rfc3339(),
        score: *score,
        sentiment: *sentiment,
    })
}

pub(super) fn agent(agent: String, group: &Group) -> AgentSums {
    AgentSums {
        agent,
        agent_name: group.name.clone(),
        sums: sums(&group.all),
        sentiment_trend: group.sentiment_trend(),
        best_call: notable(group.best.as_ref()),
        worst_call: notable(group.worst.as_ref()),
    }
}

/// Those whose name is known, most calls first.
pub(super) fn agents(groups: &BTreeMap<Option<String>, Group>) -> Vec<AgentSums> {
    let known = groups.iter().filter_map(|(name, group)| Some(agent(name.clone()?, group)));
    let mut all: Vec<AgentSums> = known.collect();
    all.sort_by_key(|one| std::cmp::Reverse(one.sums.total_calls));
    all
}

pub(super) fn days(group: &Group) -> Vec<DaySums> {
    group.days.iter().map(|(day, all)| DaySums { date: day.to_string(), sums: sums(all) }).collect()
}

/// Most calls first.
pub(super) fn named(by_name: &BTreeMap<Option<String>, Tally>) -> Vec<NamedSums> {
    let mut all: Vec<NamedSums> =
        by_name.iter().map(|(name, one)| NamedSums { name: name.clone(), sums: sums(one) }).collect();
    all.sort_by_key(|one| std::cmp::Reverse(one.sums.total_calls));
    all
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::call::WallTime;

    #[test]
    fn an_agent_without_a_call_has_zeros_where_things_are_counted_and_nulls_where_nothing_is_known() {
        let told = serde_json::to_value(agent("1001".into(), &Group::default())).expect("JSON");
        for (key, value) in [
            ("agent", json!("1001")),
            ("total_calls", json!(0)),
            ("avg_sentiment", json!(null)),
            ("total_alerts", json!(0)),
            ("avg_duration", json!(0.0)),
            ("total_positive", json!(0)),
            ("total_negative", json!(0)),
            ("total_segments", json!(0)),
            ("talk_seconds", json!(null)),
            ("best_call", json!(null)),
        ] {
            assert_eq!(told[key], value, "{key}");
        }
    }

    #[test]
    fn a_notable_call_leads_to_its_page() {
        let call = RankedCall {
            call_id: "1795218045.12".into(),
            started: WallTime(1000),
            score: Some(80.0),
            sentiment: None,
            rank: 0.8,
        };
        let wanted = json!({
            "call_id": "1795218045.12", "start_time": "1970-01-01T00:00:01.000Z", "score": 80.0, "sentiment": null,
            "url": "/calls/1795218045.12",
        });
        assert_eq!(serde_json::to_value(notable(Some(&call))).expect("JSON"), wanted);
    }
}
