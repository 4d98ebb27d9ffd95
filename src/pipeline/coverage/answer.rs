//! The coverage of one day: reads from the dialer what may have changed, and compares it with the calls here. It waits for the dialer for
//! [`PATIENCE`] at most; then the rows of an earlier reading answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use super::compare::{CoverageRules, DayFacts, compare};
use super::day::LocalDay;
use crate::call::WallTime;
use crate::contract::coverage::{CoverageCall, CoverageCounts, CoverageReport, CoverageSource, CoverageState};
use crate::priority;
use crate::store::coverage::{CallOfDay, DayRead, RecordingOfDay};
use crate::store::{Store, StoreError};

/// How long a request waits for the dialer's database.
const PATIENCE: Duration = Duration::from_secs(20);
/// Rows younger than this, milliseconds, are not read again.
const FRESH_MS: i64 = 60_000;
/// A day is read again until this long after its end, milliseconds, because dispositions and recordings come late.
const SETTLES_MS: i64 = 48 * 3_600_000;
/// Recordings of a call begin before and after it, and are looked for this far around the day, milliseconds.
const AROUND_MS: i64 = 4 * 3_600_000;

/// The calls and recordings of a day in a dialer's database.
#[derive(Clone, Debug, Default)]
pub struct ToldDay {
    /// Calls.
    pub calls: Vec<CallOfDay>,
    /// Recordings.
    pub recordings: Vec<RecordingOfDay>,
    /// Calls that no agent had.
    pub unanswered: i64,
    /// What could not be read though the rest could, with what mends it: a sentence each, in one line.
    pub left_out: Vec<String>,
}

/// A request to read a day.
#[derive(Debug)]
pub struct AskedDay {
    /// Begin of the day.
    pub since: WallTime,
    /// End of the day, which may lie in the future.
    pub until: WallTime,
    /// The day, or the reason why it cannot be read, with the remedy.
    pub reply: oneshot::Sender<Result<ToldDay, String>>,
}

/// The task that reads the dialer's database.
#[derive(Clone, Debug)]
pub struct DialerDays {
    /// The system that tells of the days: the dialer's database or Asterisk.
    pub source: CoverageSource,
    /// Requests to the task.
    pub ask: mpsc::Sender<AskedDay>,
}

/// Filter of a report's rows.
#[derive(Clone, Debug, Default)]
pub struct WantedRows {
    /// Those of this campaign; others do not exist.
    pub campaign: Option<String>,
    /// Those in this state.
    pub state: Option<CoverageState>,
    /// Those that somebody has to look after.
    pub only_faults: bool,
    /// Number of rows at most.
    pub limit: usize,
    /// Number of rows to skip.
    pub offset: usize,
}

/// Answers for a day.
#[derive(Clone)]
pub struct Coverage {
    store: Store,
    dialer: Option<DialerDays>,
    has_ami: bool,
    rules: CoverageRules,
    now: fn() -> WallTime,
    /// Only one request reads and writes at a time: of two readings of a day one would delete the other's rows.
    reading: Arc<tokio::sync::Mutex<()>>,
}

impl Coverage {
    /// Over this store. Without `dialer` the calls are those that AMI has told of, where `has_ami`.
    pub fn new(
        store: Store,
        dialer: Option<DialerDays>,
        has_ami: bool,
        rules: CoverageRules,
        now: fn() -> WallTime,
    ) -> Self {
        Self { store, dialer, has_ami, rules, now, reading: Arc::default() }
    }

    /// The report of a day, with what of it is wanted.
    pub async fn report(&self, day: LocalDay, wanted: &WantedRows) -> Result<CoverageReport, StoreError> {
        let (since, until) = day.span();
        let problem = self.refresh(day).await?;
        let began = Instant::now();
        let told = self.store.day_of_dialer(day.to_string()).await?;
        let mut rows = Vec::new();
        let mut read = None;
        if let Some((of_day, calls, recordings)) = told {
            let heard = self.store.heard_calls(WallTime(since.0 - AROUND_MS), WallTime(until.0 + AROUND_MS)).await?;
            let only = wanted.campaign.clone();
            let facts = DayFacts { span: (since, until), calls, recordings, heard, read: of_day.read, only };
            let (rules, now) = (self.rules.clone(), (self.now)());
            rows = priority::aside(move || compare(&facts, &rules, now)).await.unwrap_or_default();
            read = Some(of_day);
        }
        metrics::histogram!("lineside_coverage_seconds").record(began.elapsed().as_secs_f64());
        Ok(report((day, since, until), read, problem, rows, wanted))
    }

    /// Reads the day where it may have changed; gives back why that was not possible.
    async fn refresh(&self, day: LocalDay) -> Result<Option<String>, StoreError> {
        let (since, _) = day.span();
        let now = (self.now)();
        if since >= now {
            return Ok(Some("this day has not begun".into()));
        }
        // The reading goes on when its requester has gone: a large day is then there for the next one.
        let this = self.clone();
        let reading = tokio::spawn(async move { this.read(day, now).await });
        match tokio::time::timeout(PATIENCE, reading).await {
            Ok(Ok(read)) => read,
            Ok(Err(_)) => Ok(Some("lineside is stopping".into())),
            Err(_) => Ok(Some(busy())),
        }
    }

    /// The same, however long it takes.
    async fn read(&self, day: LocalDay, now: WallTime) -> Result<Option<String>, StoreError> {
        let (since, until) = day.span();
        // Held over awaits on purpose: a second request finds the rows that the first has read.
        let _reading = self.reading.lock().await;
        let before = self.store.day_read(day.to_string()).await?;
        let is_settled = |read: &DayRead| read.read.0 > until.0 + SETTLES_MS || now.0 - read.read.0 < FRESH_MS;
        if before.as_ref().is_some_and(is_settled) {
            return Ok(None);
        }
        let Some(dialer) = &self.dialer else { return self.refresh_from_ami(day, before.is_some()).await };
        let told = match self.ask(dialer, since, until).await {
            Ok(told) => told,
            Err(problem) => return Ok(Some(problem)),
        };
        let (source, read) = (dialer.source, (self.now)());
        let read = DayRead { day: day.to_string(), source, read, unanswered: told.unanswered, left_out: told.left_out };
        self.store.note_day(read, told.calls, told.recordings).await?;
        Ok(None)
    }

    async fn ask(&self, dialer: &DialerDays, since: WallTime, until: WallTime) -> Result<ToldDay, String> {
        let (reply, answer) = oneshot::channel();
        let asked = dialer.ask.send_timeout(AskedDay { since, until, reply }, PATIENCE).await;
        asked.map_err(|_| busy())?;
        // The reader gives up by itself.
        answer.await.unwrap_or_else(|_| Err("lineside is stopping".into()))
    }

    /// Takes the calls that AMI has told of. What it told of calls that never came is kept for two days.
    async fn refresh_from_ami(&self, day: LocalDay, is_known: bool) -> Result<Option<String>, StoreError> {
        const KEPT_MS: i64 = 47 * 3_600_000;
        let ((since, until), now) = (day.span(), (self.now)());
        if !self.has_ami {
            let problem = "nobody tells which calls took place: set [dialer], or [ami] address; see docs/dialer.md";
            return Ok(Some(problem.into()));
        }
        // The events told more then than is left of them now.
        if is_known && now.0 - since.0 > KEPT_MS {
            return Ok(None);
        }
        let pbx = self.store.pbx_calls(WallTime(since.0 - AROUND_MS), WallTime(until.0 + AROUND_MS)).await?;
        let of_day = pbx.into_iter().filter(|call| since <= call.started && call.started < until);
        let (answered, others): (Vec<_>, Vec<_>) = of_day.partition(|call| call.answered.is_some());
        let seconds = |from: WallTime, to: WallTime| (to.0 - from.0).max(0) / 1000;
        let calls = answered
            .into_iter()
            .map(|call| CallOfDay {
                started: call.started,
                expected_s: call.ended.zip(call.answered).map(|(ended, answered)| seconds(answered, ended)),
                // The bridged party is the agent, though AMI does not always give the name.
                agent: call.agent.or_else(|| Some("?".into())),
                campaign: call.queue,
                key: call.uniqueid.clone(),
                uniqueid: Some(call.uniqueid),
            })
            .collect();
        let unanswered = others.len() as i64;
        let (source, left_out) = (CoverageSource::Ami, Vec::new());
        let read = DayRead { day: day.to_string(), source, read: now, unanswered, left_out };
        self.store.note_day(read, calls, Vec::new()).await?;
        Ok(None)
    }
}

fn busy() -> String {
    format!("the dialer's database did not answer within {} s; ask again", PATIENCE.as_secs())
}

/// What a report's reader has to know: why the day could not be read now, and what the last reading left out.
fn problem_of(unread: Option<String>, read: Option<&DayRead>) -> Option<String> {
    let left_out = read.map(|read| read.left_out.join("; ")).filter(|left_out| !left_out.is_empty());
    match (unread, left_out) {
        (Some(unread), Some(left_out)) => Some(format!("{unread}; the last reading left out: {left_out}")),
        (None, Some(left_out)) => Some(format!("left out of this day: {left_out}")),
        (unread, None) => unread,
    }
}

pub(super) fn report(
    (day, since, until): (LocalDay, WallTime, WallTime),
    read: Option<DayRead>,
    problem: Option<String>,
    rows: Vec<CoverageCall>,
    wanted: &WantedRows,
) -> CoverageReport {
    let is_seen = |row: &CoverageCall| wanted.campaign.is_none() || row.campaign == wanted.campaign;
    let seen: Vec<CoverageCall> = rows.into_iter().filter(is_seen).collect();
    let mut counts = CoverageCounts::default();
    for row in &seen {
        counts.add(row.state);
    }
    let is_wanted = |row: &CoverageCall| {
        wanted.state.is_none_or(|state| row.state == state) && (!wanted.only_faults || row.state.is_fault())
    };
    let mut calls: Vec<CoverageCall> =
        seen.into_iter().filter(is_wanted).skip(wanted.offset).take(wanted.limit.saturating_add(1)).collect();
    let problem = problem_of(problem, read.as_ref());
    let next_offset = (calls.len() > wanted.limit).then_some(wanted.offset + wanted.limit);
    calls.truncate(wanted.limit);
    CoverageReport {
        day: day.to_string(),
        since: since.rfc3339(),
        until: until.rfc3339(),
        source: read.as_ref().map(|read| read.source),
        read: read.as_ref().map(|read| read.read.rfc3339()),
        problem,
        unanswered: read.filter(|_| wanted.campaign.is_none()).map(|read| read.unanswered),
        counts,
        faults: counts.faults(),
        calls,
        next_offset,
    }
}

/// Tells the exporter what is counted here.
pub fn describe_metrics() {
    use metrics::{Unit, describe_gauge, describe_histogram};
    describe_gauge!("lineside_coverage_calls", "Calls of the last day that was looked at in the morning, by state");
    describe_histogram!("lineside_coverage_seconds", Unit::Seconds, "Time to compare a day with what was heard");
}

#[cfg(test)]
mod tests;
