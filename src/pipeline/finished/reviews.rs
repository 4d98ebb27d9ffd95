//! Reviews every finished call once, and again when its text or its result changes: figures for the statistics, and dispositions that contradict the
//! text.
//!
//! The queue is in the database, so a crash loses nothing. Nobody waits for a review, and reviews take a share of one core at most. A review holds
//! the result of the packs of its time.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::review::{Desk, measure};
use crate::call::{Alert, CallState, Fired, WallTime};
use crate::store::alerts::NewAlert;
use crate::store::calls::{CallRow, LegRow};
use crate::store::change::Change;
use crate::store::reviews::{DueReview, FindingRow, NewFinding, NewReview, NotedRow};
use crate::store::segments::Spoken;
use crate::store::{Store, StoreError};
use crate::text::TextAnalyser;
use crate::text::review::ReviewLine;
use crate::text::review::disposition::{DispositionMismatch, NotedResult};
use crate::text::review::measures::CallMeasures;

/// Calls that are looked at in a row.
const ROWS: u32 = 10;
/// Pause after them: after an update all calls of years may be due.
const PAUSE: Duration = Duration::from_millis(200);
/// Pause when nothing is due.
const LOOK: Duration = Duration::from_secs(1);
/// Pause when the database does not answer.
const TROUBLE: Duration = Duration::from_secs(10);
/// A call that ended longer ago than this, milliseconds, raises no alert.
const FRESH_MS: i64 = 86_400_000;

/// The task.
pub struct Reviews {
    store: Store,
    desk: Desk,
    now: fn() -> WallTime,
}

/// The result of a review.
struct Outcome {
    points: (f64, f64),
    measures: CallMeasures,
    silent_end_ms: Option<i64>,
    mismatches: Vec<DispositionMismatch>,
}

impl Reviews {
    /// A reviewer that uses the present packs of the desk.
    pub fn new(store: Store, desk: Desk, now: fn() -> WallTime) -> Self {
        Self { store, desk, now }
    }

    /// Reviews until it is stopped. Unfinished reviews are due at the next start.
    pub async fn run(self, stop: CancellationToken) {
        let reviewing = async {
            loop {
                let pause = match self.round().await {
                    Ok(0) => LOOK,
                    Ok(_) => PAUSE,
                    Err(error) => {
                        log::warn!("calls that are over are not reviewed, which is tried again: {error}");
                        TROUBLE
                    }
                };
                tokio::time::sleep(pause).await;
            }
        };
        tokio::select! {
            () = reviewing => {}
            () = stop.cancelled() => {}
        }
    }

    /// One round; returns how many calls were due.
    async fn round(&self) -> Result<usize, StoreError> {
        let due = self.store.due_reviews(ROWS).await?;
        for one in &due {
            self.review(*one).await?;
        }
        Ok(due.len())
    }

    async fn review(&self, due: DueReview) -> Result<(), StoreError> {
        let Some(call) = self.store.call_of(due.call).await? else { return Ok(()) };
        if !matches!(call.state, CallState::Completed | CallState::Failed) {
            // The call goes on, and will end again.
            return self.store.not_over(due).await;
        }
        let noted = self.store.noted(call.key).await?;
        let before = self.store.findings(call.key).await?;
        let outcome = self.outcome(&call, &noted).await?;
        let at = (self.now)();
        let alerts = self.alerts(&call, &outcome.mismatches, &before, at).await?;
        let mut changes = vec![Change::Reviewed(Box::new(reviewed(due, &call, noted, outcome, at)))];
        changes.extend(alerts);
        self.store.writer().commit(changes).await
    }

    async fn outcome(&self, call: &CallRow, noted: &NotedRow) -> Result<Outcome, StoreError> {
        let legs = self.store.legs(call.key).await?;
        let spoken = self.store.spoken(call.key).await?;
        let result = result(noted);
        let length_ms = call.audio_ms;
        let read = move |analyser: &TextAnalyser, lines: &[ReviewLine]| {
            outcome(analyser, lines, &spoken, &legs, length_ms, result)
        };
        self.desk.with_lines(call, read).await
    }

    /// Alerts of what this review has found and the one before had not.
    async fn alerts(
        &self,
        call: &CallRow,
        mismatches: &[DispositionMismatch],
        before: &[FindingRow],
        at: WallTime,
    ) -> Result<Vec<Change>, StoreError> {
        if !is_fresh(call, at) {
            return Ok(Vec::new());
        }
        let is_new = |one: &&DispositionMismatch| !before.iter().any(|known| known.name == one.name);
        let mut changes = Vec::new();
        for (mismatch, level) in mismatches.iter().filter(is_new).filter_map(|one| Some((one, one.level?))) {
            let alert = Alert {
                level,
                rules: vec![Fired {
                    name: mismatch.name.clone(),
                    level,
                    description: mismatch.description.clone(),
                    pack: mismatch.pack.clone(),
                    reason: mismatch.reason.clone(),
                    words: mismatch.words.clone(),
                    prompt: None,
                }],
                leg: Some(mismatch.quote.leg),
                start_ms: mismatch.quote.start_ms,
                end_ms: mismatch.end_ms,
                text: mismatch.quote.text.clone(),
                sentiment: mismatch.compound,
                rolling: call.rolling,
                risk: call.risk.unwrap_or(0.0),
            };
            // The conductor numbers its alerts itself: where both want a number, this one gets the next.
            let id = self.store.last_alert().await? + 1;
            let origin = format!("disposition {}", mismatch.name);
            changes.push(Change::AlertRaised(Box::new(NewAlert { id, call: call.key, at, origin, alert })));
        }
        Ok(changes)
    }
}

/// Whether a call ended so lately that people are alarmed about it.
pub(super) fn is_fresh(call: &CallRow, now: WallTime) -> bool {
    call.ended.is_some_and(|ended| now.0 - ended.0 <= FRESH_MS)
}

/// A result that was noted, for the rules; `None` while there is none.
fn result(noted: &NotedRow) -> Option<NotedResult> {
    let disposition = noted.disposition.clone()?;
    let holds = |value: &serde_json::Value| match value {
        serde_json::Value::Null => false,
        // ViciDial's own word for no time.
        serde_json::Value::String(text) => !text.is_empty() && !text.starts_with("0000-00-00"),
        _ => true,
    };
    let set = noted.metadata.iter().filter(|(_, value)| holds(value)).map(|(key, _)| key.clone()).collect();
    Some(NotedResult { disposition, set })
}

fn outcome(
    analyser: &TextAnalyser,
    lines: &[ReviewLine],
    spoken: &[Spoken],
    legs: &[LegRow],
    length_ms: i64,
    result: Option<NotedResult>,
) -> Outcome {
    let measures = measure(lines, spoken, legs, length_ms);
    let card = analyser.reviewer().card(lines, &measures, true);
    let last = spoken.iter().filter(|one| one.read).map(|one| one.end_ms).max();
    Outcome {
        points: (card.points, card.of),
        silent_end_ms: last.map(|end| (length_ms - end).max(0)),
        mismatches: result.map_or_else(Vec::new, |result| analyser.reviewer().mismatches(lines, &result)),
        measures,
    }
}

fn reviewed(due: DueReview, call: &CallRow, noted: NotedRow, outcome: Outcome, at: WallTime) -> NewReview {
    let figures: serde_json::Value = serde_json::from_str(&call.figures).unwrap_or_default();
    let count = |label: &str| figures["call"][label].as_i64().unwrap_or(0);
    let ms = |seconds: Option<f64>| seconds.map(|seconds| (seconds * 1000.0).round() as i64);
    let disposition = noted.disposition;
    let finding = |one: DispositionMismatch| NewFinding {
        disposition: disposition.clone().unwrap_or_default(),
        name: one.name,
        description: one.description,
        pack: one.pack,
        level: one.level,
        segment: one.quote.segment_id,
    };
    NewReview {
        call: call.key,
        due: due.due,
        at,
        positive: count("positive"),
        negative: count("negative"),
        points: outcome.points.0,
        points_of: outcome.points.1,
        agent_speech_ms: ms(outcome.measures.agent_speech_s),
        caller_speech_ms: ms(outcome.measures.caller_speech_s),
        mixed_speech_ms: ms(outcome.measures.mixed_speech_s),
        dead_air_ms: ms(outcome.measures.dead_air_s),
        longest_silence_ms: ms(outcome.measures.longest_silence_s),
        silent_end_ms: outcome.silent_end_ms,
        findings: outcome.mismatches.into_iter().map(finding).collect(),
        disposition,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, RwLock};

    use super::*;
    use crate::call::CallKey;
    use crate::store::alerts::AlertFilter;
    use crate::text::{LexiconKind, Pack};

    const NOW: fn() -> WallTime = || WallTime(100_000);

    const CALL: &str = r#"
        INSERT INTO call (id, call_id, source, state, started_ms, last_activity_ms, audio_ms, figures, metadata)
        VALUES (1, 'c.1', 'eagi', 'active', 0, 0, 30000, '{"call": {"positive": 3, "negative": 1}}',
            '{"disposition": "NI", "callback_time": "0000-00-00 00:00:00"}');
        INSERT INTO leg (id, call, leg, source, rate_hz, started_ms, offset_ms, path, owned)
        VALUES (1, 1, 'caller', 'eagi', 8000, 0, 0, '/x', 1), (2, 1, 'agent', 'eagi', 8000, 0, 0, '/y', 1);
        INSERT INTO utterance (id, call, leg, start_sample, end_sample, start_ms, end_ms, state)
        VALUES (1, 1, 1, 0, 8, 1000, 4000, 'done'), (2, 1, 2, 0, 8, 5000, 10000, 'done');
        INSERT INTO segment (id, call, leg, utterance, start_ms, end_ms, text, confidence, words, compound, pos, neu, neg, label, keywords, profanity)
        VALUES (7, 1, 1, 1, 1000, 4000, 'Please stop calling me', 1, '[]', -0.3, 0, 0, 0, 'negative', '[]', '[]'),
            (8, 1, 2, 2, 5000, 10000, 'I will call you back then', 1, '[]', 0, 0, 0, 0, 'neutral', '[]', '[]');"#;

    const OWN_ALERT: &str = "
        INSERT INTO alert (id, call, raised_ms, level, origin, rules, start_ms, end_ms, text, risk)
        VALUES (1, 1, 0, 'urgent', 'x', '[]', 0, 0, '', 0)";

    async fn run(store: &Store, sql: &'static str) {
        store.writer().run(move |db| db.execute_batch(sql)).await.expect(sql);
    }

    #[tokio::test]
    async fn a_call_is_reviewed_when_it_ends_and_its_mismatches_alarm_once() {
        let folder = tempfile::tempdir().expect("temp dir");
        let (store, _) = Store::open(folder.path()).expect("open");
        let analyser = TextAnalyser::new(LexiconKind::CallCentre, &Pack::bundled().expect("packs"));
        let desk = Desk::new(store.clone(), Arc::new(RwLock::new(Arc::new(analyser))));
        let reviews = Reviews::new(store.clone(), desk, NOW);
        let names = async || {
            let found = store.findings(CallKey(1)).await.expect("query");
            found.into_iter().map(|one| (one.name, one.segment)).collect::<Vec<_>>()
        };
        let alerts =
            async || store.alerts(AlertFilter { limit: 10, ..AlertFilter::default() }).await.expect("query").len();
        run(&store, CALL).await;
        // The conductor has given the next number to an alert of its own.
        run(&store, OWN_ALERT).await;
        assert_eq!(reviews.round().await.expect("round"), 0);
        run(&store, "UPDATE call SET state = 'completed', ended_ms = 50000").await;
        assert_eq!(reviews.round().await.expect("round"), 1);
        let wanted = [("asked_not_to_be_called".to_owned(), 7), ("callback_promised".to_owned(), 8)];
        assert_eq!((names().await, alerts().await), (wanted.to_vec(), 3));
        let review = store.review(CallKey(1)).await.expect("query").expect("a review");
        assert_eq!((review.speech_ms, review.silent_end_ms), (Some(8000), Some(20_000)));
        assert_eq!(reviews.round().await.expect("round"), 0);
        // The dialer corrects the disposition: what does not fit is another thing now, and of it nobody is alarmed twice.
        run(&store, "INSERT INTO dialer (call, system, disposition, asked_ms, tries, complete) VALUES (1, 'vicidial', 'CALLBK', 1, 1, 1)").await;
        assert_eq!(reviews.round().await.expect("round"), 1);
        assert_eq!((names().await, alerts().await), (wanted[..1].to_vec(), 3));
        // An old call is shown, and nobody is woken for it.
        run(&store, "DELETE FROM finding; DELETE FROM alert; UPDATE call SET ended_ms = -86400000, metadata = '{}'")
            .await;
        assert_eq!(reviews.round().await.expect("round"), 1);
        assert_eq!((names().await.len(), alerts().await), (1, 0));
    }
}
