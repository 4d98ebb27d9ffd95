//! The writer's changes of alerts: each is raised once, acknowledged once, and corrected together with the text that it quotes.

use rusqlite::{Connection, named_params};
use serde_json::Value as Json;

use super::rows::alerts::{AlertRow, NewAlert, by_id, of_call};
use super::rows::new::NewEvent;
use crate::call::alert::{Alert, Unsaid};
use crate::call::{CallKey, Leg, WallTime};
use crate::contract::alert::AlertSays;
use crate::contract::message::{AcknowledgedKind, AlertAcknowledged, Message};

/// Keeps an alert; its event, or `None` when the call has it already.
pub(super) fn raise(db: &Connection, new: &NewAlert) -> rusqlite::Result<Option<NewEvent>> {
    let alert = &new.alert;
    let inserted = db
        .prepare_cached(
            "INSERT INTO alert (id, call, raised_ms, level, origin, rules, leg, start_ms, end_ms, text, sentiment, rolling, risk)
             SELECT CASE WHEN EXISTS (SELECT 1 FROM alert WHERE id = :id) THEN (SELECT max(id) + 1 FROM alert) ELSE :id END,
                 :call, :at, :level, :origin, :rules, :leg, :start, :end, :text, :sentiment, :rolling, :risk
             WHERE EXISTS (SELECT 1 FROM call WHERE id = :call)
             ON CONFLICT DO NOTHING",
        )?
        .execute(named_params! {
            ":id": new.id, ":call": new.call.0, ":at": new.at.0, ":level": alert.level.as_str(), ":origin": new.origin,
            ":rules": rules_json(alert)?, ":leg": alert.leg.map(Leg::as_str), ":start": alert.start_ms, ":end": alert.end_ms,
            ":text": alert.text, ":sentiment": alert.sentiment, ":rolling": alert.rolling, ":risk": alert.risk,
        })?;
    if inserted == 0 {
        return Ok(None);
    }
    metrics::counter!("lineside_alerts_total", "level" => alert.level.as_str()).increment(1);
    for rule in &alert.rules {
        metrics::counter!("lineside_alert_rules_total", "rule" => rule.name.clone()).increment(1);
    }
    db.prepare_cached("UPDATE call SET has_alerts = 1 WHERE id = ?1")?.execute([new.call.0])?;
    let Some(row) = by_id(db, db.last_insert_rowid())? else { return Ok(None) };
    Ok(Some(NewEvent { call: Some(new.call), at: new.at, message: Message::Alert(Box::new(row.message())) }))
}

fn rules_json(alert: &Alert) -> rusqlite::Result<String> {
    serde_json::to_string(&alert.rules).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

/// A text of a call was corrected: so are the alerts that quote it, their reasons and words, and what the feeds were told of them.
pub(super) fn reword(
    db: &Connection,
    call: CallKey,
    (before, text): (&str, &str),
    unsaid: &Unsaid,
) -> rusqlite::Result<()> {
    for AlertRow { id, mut alert, .. } in of_call(db, call)? {
        let quoted = alert.text == before && !before.is_empty();
        if quoted {
            text.clone_into(&mut alert.text);
        }
        let mut told = false;
        for rule in &mut alert.rules {
            told |= unsaid.of(&mut rule.reason, &mut rule.words);
        }
        if !quoted && !told {
            continue;
        }
        db.prepare_cached("UPDATE alert SET text = ?2, rules = ?3 WHERE id = ?1")?.execute((
            id,
            &alert.text,
            rules_json(&alert)?,
        ))?;
        retell(db, call, id, &serde_json::to_value(AlertSays::of(&alert)).unwrap_or_default())?;
    }
    Ok(())
}

/// Changes these fields in the alert's stored messages.
fn retell(db: &Connection, call: CallKey, id: i64, now: &Json) -> rusqlite::Result<()> {
    let events: Vec<(i64, String)> = db
        .prepare_cached("SELECT id, payload FROM event WHERE call = ?1 AND kind = 'alert'")?
        .query_map([call.0], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    for (event, payload) in events {
        let Ok(mut json) = serde_json::from_str::<Json>(&payload) else { continue };
        if json["id"] == id {
            if let (Json::Object(all), Json::Object(now)) = (&mut json, now.clone()) {
                all.extend(now);
            }
            db.prepare_cached("UPDATE event SET payload = ?2 WHERE id = ?1")?.execute((event, json.to_string()))?;
        }
    }
    Ok(())
}

/// Replaces the content of an alert whose text was corrected.
pub(super) fn revise(db: &Connection, id: i64, alert: &Alert) -> rusqlite::Result<()> {
    db.prepare_cached(
        "UPDATE alert
         SET level = :level, rules = :rules, leg = :leg, start_ms = :start, end_ms = :end, text = :text, sentiment = :sentiment,
            rolling = :rolling, risk = :risk
         WHERE id = :id",
    )?
    .execute(named_params! {
        ":id": id, ":level": alert.level.as_str(), ":rules": rules_json(alert)?, ":leg": alert.leg.map(Leg::as_str), ":start": alert.start_ms,
        ":end": alert.end_ms, ":text": alert.text, ":sentiment": alert.sentiment, ":rolling": alert.rolling, ":risk": alert.risk,
    })?;
    let Some(row) = by_id(db, id)? else { return Ok(()) };
    // The message was sent before anybody acknowledged it.
    let as_told = AlertRow { acknowledged: None, ..row };
    retell(db, as_told.call, id, &serde_json::to_value(as_told.message()).unwrap_or_default())
}

/// Notes who acknowledged an alert. Returns the event, or `None` when somebody had before, or the alert does not exist.
pub(super) fn acknowledge(db: &Connection, id: i64, by: &str, at: WallTime) -> rusqlite::Result<Option<NewEvent>> {
    let first = db
        .prepare_cached(
            "UPDATE alert SET acknowledged_ms = ?2, acknowledged_by = ?3 WHERE id = ?1 AND acknowledged_ms IS NULL",
        )?
        .execute((id, at.0, by))?;
    if first == 0 {
        return Ok(None);
    }
    let Some(row) = by_id(db, id)? else { return Ok(None) };
    metrics::counter!("lineside_alerts_acknowledged_total").increment(1);
    let message = Message::AlertAcknowledged(AlertAcknowledged {
        kind: AcknowledgedKind::It,
        event: AcknowledgedKind::It,
        call_id: row.call_id,
        timestamp: at.rfc3339(),
        id,
        alert_id: id,
        acknowledged: true,
        acknowledged_at: at.rfc3339(),
        acknowledged_by: by.to_owned(),
    });
    Ok(Some(NewEvent { call: Some(row.call), at, message }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::call::alert::Level;
    use crate::call::{CallId, CallNames, Fired, Source};
    use crate::store::Store;
    use crate::store::alerts::AlertFilter;
    use crate::store::change::{Change, NewCall};

    fn call(key: i64, started: i64) -> Change {
        Change::CallOpened(NewCall {
            key: CallKey(key),
            id: CallId::from_lossy(&format!("c.{key}")),
            source: Source::Audiosocket,
            mode: crate::call::ProcessingMode::default(),
            started: WallTime(started),
            names: CallNames { agent: Some("mary".into()), ..CallNames::default() },
        })
    }

    fn raised(id: i64, call: i64, origin: &str, level: Level) -> Change {
        Change::AlertRaised(Box::new(NewAlert {
            id,
            call: CallKey(call),
            at: WallTime(1000 + id),
            origin: origin.into(),
            alert: Alert {
                level,
                rules: vec![Fired {
                    name: "legal_threat".into(),
                    level,
                    description: "Legal action is threatened".into(),
                    pack: "p".into(),
                    reason: "said: sue (legal)".into(),
                    words: vec!["sue".into()],
                    prompt: None,
                }],
                leg: Some(Leg::Caller),
                start_ms: 500,
                end_ms: 900,
                text: "I sue".into(),
                sentiment: Some(-0.3),
                rolling: None,
                risk: 0.4,
            },
        }))
    }

    #[tokio::test]
    async fn an_alert_is_kept_and_published_once_and_taken_by_the_first_who_does() {
        let folder = tempfile::tempdir().expect("temp dir");
        let (store, _) = Store::open(folder.path()).expect("open");
        let mut live = store.live();
        let again =
            vec![call(1, 1000), raised(1, 1, "text 7 0", Level::Urgent), raised(2, 1, "text 7 0", Level::Urgent)];
        store.writer().commit(again).await.expect("commit");
        let event = live.try_recv().expect("an event");
        let message: Json = serde_json::from_str(&event.payload).expect("JSON");
        assert_eq!((&*event.kind, &message["severity"], &message["words"]), ("alert", &json!("high"), &json!(["sue"])));
        assert_eq!((&message["agent"], &message["speaker"]), (&json!("mary"), &json!("caller")));
        assert_eq!(message["message"], "legal_threat: said: sue (legal)");
        assert!(live.try_recv().is_err(), "published once");

        let row = store.call("c.1").await.expect("query").expect("there");
        assert!(row.has_alerts && row.open_alerts == 1 && row.alert_level == Some(Level::Urgent));
        for by in ["mary", "john"] {
            let change = Change::AlertAcknowledged { alert: 1, by: by.into(), at: WallTime(9000) };
            store.writer().commit(vec![change]).await.expect("commit");
        }
        let taken = store.alert(1).await.expect("query").expect("there");
        assert_eq!(taken.acknowledged, Some((WallTime(9000), "mary".into())));
        assert_eq!(&*live.try_recv().expect("an event").kind, "alert_acknowledged");
        assert!(live.try_recv().is_err(), "published once");
        assert_eq!(store.open_alerts(None).await.expect("query"), 0);
        assert_eq!(store.call("c.1").await.expect("query").expect("there").alert_level, None);
    }

    #[tokio::test]
    async fn alerts_of_a_call_that_meets_its_other_half_go_with_it_and_keep_their_time() {
        let folder = tempfile::tempdir().expect("temp dir");
        let (store, _) = Store::open(folder.path()).expect("open");
        store.writer().push(vec![call(1, 3000), raised(1, 1, "text 7 0", Level::Warning)]).await.expect("push");
        store.writer().push(vec![call(2, 1000), raised(2, 2, "text 8 0", Level::Critical)]).await.expect("push");
        store.writer().commit(vec![Change::CallMerged { from: CallKey(1), into: CallKey(2) }]).await.expect("merge");
        let filter = AlertFilter { call: Some(CallKey(2)), limit: 10, ..AlertFilter::default() };
        let alerts = store.alerts(filter).await.expect("query");
        assert_eq!(
            alerts.iter().map(|alert| (alert.id, alert.alert.start_ms)).collect::<Vec<_>>(),
            [(2, 500), (1, 2500)]
        );
        let row = store.call("c.2").await.expect("query").expect("there");
        assert!(row.has_alerts && row.open_alerts == 2 && row.alert_level == Some(Level::Critical));
        assert_eq!(store.last_alert().await.expect("query"), 2);
    }

    #[tokio::test]
    async fn a_word_of_a_rule_that_turns_out_to_be_a_number_is_told_no_more() {
        let folder = tempfile::tempdir().expect("temp dir");
        let (store, _) = Store::open(folder.path()).expect("open");
        let raised =
            vec![call(1, 1000), raised(1, 1, "text 7 0", Level::Urgent), raised(2, 1, "time 0", Level::Warning)];
        store.writer().commit(raised).await.expect("commit");
        let unsaid = Unsaid { terms: vec!["sue".into()], instead: "[card]".into() };
        let corrected = store.writer().run(move |db| reword(db, CallKey(1), ("I sue", "I [card]"), &unsaid)).await;
        corrected.expect("reword");
        let alert = store.alert(1).await.expect("query").expect("there").message();
        assert_eq!(alert.about.says.message, "legal_threat: said: [card] (legal)");
        let events = store.events_after(0, None, 10).await.expect("query");
        let told: Vec<Json> = events.iter().map(|event| serde_json::from_str(&event.payload).expect("JSON")).collect();
        assert_eq!(told.len(), 2);
        for (event, id) in told.iter().zip([1, 2]) {
            assert_eq!((&event["id"], &event["text"]), (&json!(id), &json!("I [card]")));
            assert!(!event.to_string().contains("sue"), "{event}");
        }
    }
}
