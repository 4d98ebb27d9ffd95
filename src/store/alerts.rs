//! Alerts: kept once, acknowledged once, shown everywhere in one shape.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, named_params, params_from_iter};
use serde_json::{Value as Json, json};

use super::change::NewEvent;
use super::{Store, StoreError};
use crate::call::alert::{Alert, Level, Unsaid};
use crate::call::{CallKey, Leg, WallTime};

/// An alert as the pipeline raises it.
#[derive(Clone, Debug)]
pub struct NewAlert {
    /// Row number.
    pub id: i64,
    /// Whose.
    pub call: CallKey,
    /// When.
    pub at: WallTime,
    /// What it came of; a second one with the same origin in a call is ignored, with its event.
    pub origin: String,
    /// What it says.
    pub alert: Alert,
}

/// An alert as it is kept, with what is known of its call.
#[derive(Clone, Debug)]
pub struct AlertRow {
    /// Its number.
    pub id: i64,
    /// Whose.
    pub call: CallKey,
    /// Public id of the call.
    pub call_id: String,
    /// The call's agent.
    pub agent: Option<String>,
    /// The call's campaign.
    pub campaign: Option<String>,
    /// When it was raised.
    pub raised: WallTime,
    /// What it says.
    pub alert: Alert,
    /// When somebody took it, and who.
    pub acknowledged: Option<(WallTime, String)>,
}

const COLUMNS: &str = "alert.id, alert.call, call.call_id, call.agent, call.campaign, alert.raised_ms, alert.level, alert.rules, alert.leg, \
    alert.start_ms, alert.end_ms, alert.text, alert.sentiment, alert.rolling, alert.risk, alert.acknowledged_ms, alert.acknowledged_by";

fn alert_row(row: &Row) -> rusqlite::Result<AlertRow> {
    let acknowledged: Option<i64> = row.get(15)?;
    let by: Option<String> = row.get(16)?;
    Ok(AlertRow {
        id: row.get(0)?,
        call: CallKey(row.get(1)?),
        call_id: row.get(2)?,
        agent: row.get(3)?,
        campaign: row.get(4)?,
        raised: WallTime(row.get(5)?),
        alert: Alert {
            level: Level::parse(&row.get::<_, String>(6)?).unwrap_or(Level::Warning),
            rules: serde_json::from_str(&row.get::<_, String>(7)?).unwrap_or_default(),
            leg: row.get::<_, Option<String>>(8)?.as_deref().and_then(Leg::parse),
            start_ms: row.get(9)?,
            end_ms: row.get(10)?,
            text: row.get(11)?,
            sentiment: row.get(12)?,
            rolling: row.get(13)?,
            risk: row.get(14)?,
        },
        acknowledged: acknowledged.map(|at| (WallTime(at), by.unwrap_or_default())),
    })
}

impl AlertRow {
    /// The one shape in which feeds, lists and calls show it.
    pub fn json(&self) -> Json {
        let Alert { level, leg, start_ms, end_ms, sentiment, rolling, risk, .. } = self.alert;
        let mut json = json!({
            "type": "alert", "event": "alert",
            "id": self.id, "alert_id": self.id,
            "call_id": self.call_id, "agent": self.agent, "campaign": self.campaign,
            "timestamp": self.raised.rfc3339(), "created_at": self.raised.rfc3339(),
            "alert_level": level, "level": level, "severity": level.severity(),
            "speaker": leg.map(Leg::speaker), "leg": leg,
            "start_time": start_ms as f64 / 1000.0, "end_time": end_ms as f64 / 1000.0,
            "sentiment_score": sentiment, "rolling_sentiment": rolling, "risk_score": risk,
            "acknowledged": self.acknowledged.is_some(),
            "acknowledged_at": self.acknowledged.as_ref().map(|(at, _)| at.rfc3339()),
            "acknowledged_by": self.acknowledged.as_ref().map(|(_, by)| by),
        });
        tell(&mut json, &self.alert);
        json
    }
}

/// Puts what an alert says into its JSON; it may be corrected later.
fn tell(json: &mut Json, alert: &Alert) {
    let told = json!({
        "rules_triggered": alert.rule_names(), "rules": alert.rules, "reasons": alert.reasons(), "message": alert.message(),
        "words": alert.words(), "prompts": alert.prompts(), "text": alert.text,
    });
    if let (Json::Object(all), Json::Object(told)) = (json, told) {
        all.extend(told);
    }
}

/// Which alerts to list, newest first.
#[derive(Clone, Debug, Default)]
pub struct AlertFilter {
    /// Of this call.
    pub call: Option<CallKey>,
    /// Of this level.
    pub level: Option<String>,
    /// Taken by somebody, or open.
    pub acknowledged: Option<bool>,
    /// Raised at or after.
    pub since: Option<WallTime>,
    /// Of calls of this agent.
    pub agent: Option<String>,
    /// Of calls of this campaign.
    pub campaign: Option<String>,
    /// Calls of other campaigns do not exist for the one who asks.
    pub only: Option<String>,
    /// At most.
    pub limit: u32,
}

impl AlertFilter {
    pub(super) fn sql(&self) -> (String, Vec<Value>) {
        let mut clauses: Vec<&str> = Vec::new();
        let mut values: Vec<Value> = Vec::new();
        let mut add = |clause, value: Option<Value>| {
            if let Some(value) = value {
                clauses.push(clause);
                values.push(value);
            }
        };
        add("alert.call = ?", self.call.map(|call| call.0.into()));
        add("alert.level = ?", self.level.clone().map(Into::into));
        add("alert.raised_ms >= ?", self.since.map(|at| at.0.into()));
        add("call.agent = ?", self.agent.clone().map(Into::into));
        add("call.campaign = ?", self.campaign.clone().map(Into::into));
        add("call.campaign = ?", self.only.clone().map(Into::into));
        match self.acknowledged {
            Some(true) => clauses.push("alert.acknowledged_ms IS NOT NULL"),
            Some(false) => clauses.push("alert.acknowledged_ms IS NULL"),
            None => {}
        }
        let wanted = if clauses.is_empty() { String::new() } else { format!("WHERE {}", clauses.join(" AND ")) };
        values.push(i64::from(self.limit).into());
        let sql = format!(
            "SELECT {COLUMNS}
             FROM alert
             CROSS JOIN call ON call.id = alert.call
             {wanted}
             ORDER BY alert.raised_ms DESC, alert.id DESC
             LIMIT ?"
        );
        (sql, values)
    }
}

pub(super) const OPEN: &str = "
    SELECT count(*)
    FROM alert
    WHERE acknowledged_ms IS NULL AND (?1 IS NULL OR ?1 = (SELECT campaign FROM call WHERE call.id = alert.call))";

fn by_id(db: &Connection, id: i64) -> rusqlite::Result<Option<AlertRow>> {
    db.prepare_cached(&format!("SELECT {COLUMNS} FROM alert JOIN call ON call.id = alert.call WHERE alert.id = ?1"))?
        .query_row([id], alert_row)
        .optional()
}

/// Keeps an alert; its event, or `None` when the call has it already.
pub(super) fn raise(db: &Connection, new: &NewAlert) -> rusqlite::Result<Option<NewEvent>> {
    let alert = &new.alert;
    let inserted = db
        .prepare_cached(
            "INSERT INTO alert (id, call, raised_ms, level, origin, rules, leg, start_ms, end_ms, text, sentiment, rolling, risk)
             VALUES (:id, :call, :at, :level, :origin, :rules, :leg, :start, :end, :text, :sentiment, :rolling, :risk)
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
    db.prepare_cached("UPDATE call SET has_alerts = 1 WHERE id = ?1")?.execute([new.call.0])?;
    let Some(row) = by_id(db, new.id)? else { return Ok(None) };
    Ok(Some(NewEvent { call: Some(new.call), kind: "alert", at: new.at, payload: row.json() }))
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
    let rows: Vec<AlertRow> = db
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM alert JOIN call ON call.id = alert.call WHERE alert.call = ?1"
        ))?
        .query_map([call.0], alert_row)?
        .collect::<Result<_, _>>()?;
    for AlertRow { id, mut alert, .. } in rows {
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
        let events: Vec<(i64, String)> = db
            .prepare_cached("SELECT id, payload FROM event WHERE call = ?1 AND kind = 'alert'")?
            .query_map([call.0], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        for (event, payload) in events {
            let Ok(mut json) = serde_json::from_str::<Json>(&payload) else { continue };
            if json["id"] == id {
                tell(&mut json, &alert);
                db.prepare_cached("UPDATE event SET payload = ?2 WHERE id = ?1")?.execute((event, json.to_string()))?;
            }
        }
    }
    Ok(())
}

/// Notes who took an alert; the event, or `None` when somebody had, or there is none.
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
    let payload = json!({
        "type": "alert_acknowledged", "event": "alert_acknowledged", "id": id, "alert_id": id, "call_id": row.call_id,
        "timestamp": at.rfc3339(), "acknowledged": true, "acknowledged_at": at.rfc3339(), "acknowledged_by": by,
    });
    Ok(Some(NewEvent { call: Some(row.call), kind: "alert_acknowledged", at, payload }))
}

impl Store {
    /// Alerts that fit a filter, newest first.
    pub async fn alerts(&self, filter: AlertFilter) -> Result<Vec<AlertRow>, StoreError> {
        self.read(move |db| {
            let (sql, values) = filter.sql();
            db.prepare_cached(&sql)?.query_map(params_from_iter(values), alert_row)?.collect()
        })
        .await
    }

    /// One alert.
    pub async fn alert(&self, id: i64) -> Result<Option<AlertRow>, StoreError> {
        self.read(move |db| by_id(db, id)).await
    }

    /// How many alerts nobody has taken.
    pub async fn open_alerts(&self, only: Option<String>) -> Result<i64, StoreError> {
        self.read(move |db| db.prepare_cached(OPEN)?.query_row([only], |row| row.get(0))).await
    }

    /// Highest number of an alert; 0 without one.
    pub async fn last_alert(&self) -> Result<i64, StoreError> {
        self.read(|db| db.query_row("SELECT coalesce(max(id), 0) FROM alert", [], |row| row.get(0))).await
    }

    /// What a watch has to be told of a call after a restart: the stretches of speech in order, with whether they have their text.
    pub async fn speech_of(&self, call: CallKey) -> Result<Vec<SpeechRow>, StoreError> {
        self.read(move |db| {
            let row = |row: &Row| {
                Ok(SpeechRow {
                    utterance: row.get(0)?,
                    leg: Leg::parse(&row.get::<_, String>(1)?).unwrap_or(Leg::Mixed),
                    start_ms: row.get(2)?,
                    end_ms: row.get(3)?,
                    written: row.get(4)?,
                })
            };
            db.prepare_cached(SPEECH)?.query_map([call.0], row)?.collect()
        })
        .await
    }
}

pub(super) const SPEECH: &str = "
    SELECT utterance.id, leg.leg, utterance.start_ms, utterance.end_ms, utterance.state NOT IN ('waiting_for_model', 'pending')
    FROM utterance
    JOIN leg ON leg.id = utterance.leg
    WHERE utterance.call = ?1
    ORDER BY utterance.id";

/// A stretch of speech.
#[derive(Clone, Debug)]
pub struct SpeechRow {
    /// Row number.
    pub utterance: i64,
    /// Whose.
    pub leg: Leg,
    /// Begin in the call, milliseconds.
    pub start_ms: i64,
    /// End in the call.
    pub end_ms: i64,
    /// Whether it has its text, or none.
    pub written: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Fired;
    use crate::call::{CallId, CallNames, Source};
    use crate::store::change::{Change, NewCall};

    fn call(key: i64, started: i64) -> Change {
        Change::CallOpened(NewCall {
            key: CallKey(key),
            id: CallId::from_lossy(&format!("c.{key}")),
            source: Source::Audiosocket,
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
        assert!(row.has_alerts && row.open_alerts == 1 && row.alert_level.as_deref() == Some("urgent"));
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
        assert!(row.has_alerts && row.open_alerts == 2 && row.alert_level.as_deref() == Some("critical"));
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
        let alert = store.alert(1).await.expect("query").expect("there").json();
        assert_eq!(alert["message"], "legal_threat: said: [card] (legal)");
        let events = store.events_after(0, None, 10).await.expect("query");
        let told: Vec<Json> = events.iter().map(|event| serde_json::from_str(&event.payload).expect("JSON")).collect();
        assert_eq!(told.len(), 2);
        for (event, id) in told.iter().zip([1, 2]) {
            assert_eq!((&event["id"], &event["text"]), (&json!(id), &json!("I [card]")));
            assert!(!event.to_string().contains("sue"), "{event}");
        }
    }
}
