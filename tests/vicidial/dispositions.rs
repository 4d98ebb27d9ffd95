//! What the dialer notes as a call's result, long after its last word, against what was said in it.

use serde_json::{Value, json};

use super::day::Day;

/// A call that another platform has written down, under the uniqueid that the dialer's log has.
fn said(day: &Day, uniqueid: &str, lines: &[(&str, &str)]) {
    let tell = |more: Value| {
        let mut event =
            json!({"provider": "twilio", "call_id": uniqueid, "event_type": "transcript", "status": "active"});
        event.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
        let (status, answer) = day.bed.ask("POST", "/api/realtime/events", Some(&event));
        assert_eq!(status, 200, "{answer}");
    };
    for (speaker, text) in lines {
        tell(json!({"speaker": speaker, "text": text}));
    }
    tell(json!({"event_type": "call_ended", "status": "ended"}));
}

/// One call of each kind of mismatch, and one that is as it should be.
pub fn one_of_each(day: &Day) {
    let cases = [
        (521, "NI", "asked_not_to_be_called", "Take me off your list"),
        (522, "NI", "callback_promised", "I will call you back on Monday"),
        (523, "SALE", "sale_without_consent", "I have placed your order"),
        (524, "DNC", "", ""),
    ];
    let id = |lead: i64| format!("{}.{lead}", day.epoch);
    said(day, &id(521), &[("agent", "Good morning"), ("customer", "Take me off your list"), ("agent", "I will")]);
    said(day, &id(522), &[("customer", "I have no time"), ("agent", "I will call you back on Monday")]);
    said(day, &id(523), &[("customer", "How much is it"), ("agent", "I have placed your order"), ("customer", "Bye")]);
    said(day, &id(524), &[("customer", "Stop calling me"), ("agent", "I am sorry")]);
    for (lead, disposition, ..) in cases {
        let rows = [
            day.outbound(&id(lead), lead, "1002", disposition, 61),
            day.disposed("1002", lead, &id(lead), disposition, 58),
        ];
        day.server.sql(&rows.concat());
    }
    for (lead, disposition, name, quote) in cases {
        let call = day.told(&id(lead), "reviewed and complete", |call| {
            call["review"]["disposition"] == disposition
                && call["dialer"]["wrap_seconds"] == 7
                && call["agent"] == "1002"
        });
        let found: Vec<(&Value, &Value)> = call["review"]["findings"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|one| (&one["name"], &one["quote"]["text"]))
            .collect();
        let wanted = (json!(name), json!(quote));
        assert_eq!(found, if name.is_empty() { vec![] } else { vec![(&wanted.0, &wanted.1)] }, "{call}");
    }
    let agent = day.bed.get("/api/v1/agents/1002/stats?days=1");
    let findings = agent["findings"].as_array().expect("a list");
    assert_eq!((findings.len(), &agent["total_findings"]), (3, &json!(3)), "{agent}");
    let noted = |code: &str| {
        let all = agent["dispositions"].as_array().expect("a list");
        all.iter().find(|one| one["name"] == code).unwrap_or_else(|| panic!("no {code}: {agent}")).clone()
    };
    let (no, dnc) = (noted("NI"), noted("DNC"));
    assert_eq!(
        (&dnc["total_calls"], &dnc["talk_seconds"], &dnc["dead_seconds"]),
        (&json!(1), &json!(58), &json!(3)),
        "{dnc}"
    );
    assert_eq!(
        (&no["total_findings"], &no["wrap_seconds"], &no["avg_wrap_seconds"]),
        (&json!(2), &json!(14), &json!(7.0)),
        "{no}"
    );
}
