//! Checks the day before, each morning: sets metrics, writes a line in the log, and sends a message to the notifiers when calls are missing.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Time;
use jiff::tz::TimeZone;
use tokio_util::sync::CancellationToken;

use super::answer::{Coverage, WantedRows};
use super::day::LocalDay;
use crate::call::{Level, WallTime};
use crate::contract::alert::AlertKind;
use crate::contract::coverage::{CoverageAlert, CoverageCounts, CoverageReport, CoverageState};
use crate::pipeline::finished::notify::Agents;

/// Interval at which the clock is read.
const LOOK: Duration = Duration::from_secs(20);
/// Interval of tries while the dialer's database does not answer.
const AGAIN: Duration = Duration::from_mins(5);
/// Number of tries; then the rows of an earlier reading are used.
const TRIES: u32 = 24;
/// Number of tries while the day can be read, but not all of it: a lock is gone by then, and a right that is missing stays so.
const TRIES_IN_PART: u32 = 3;

/// The task that compares the day before, each morning.
pub struct Morning {
    coverage: Coverage,
    notifiers: Agents,
    at: Time,
    now: fn() -> WallTime,
}

impl Morning {
    /// Looks at this time of each day.
    pub fn new(coverage: Coverage, notifiers: Agents, at: Time, now: fn() -> WallTime) -> Self {
        Self { coverage, notifiers, at, now }
    }

    /// Looks each morning until stopped. A morning that passed while lineside was away is not made up for: the report is there when it is asked for.
    pub async fn run(self, stop: CancellationToken) {
        let looking = async {
            let mut done = self.today_at();
            loop {
                tokio::time::sleep(LOOK).await;
                let due = self.today_at();
                if due != done && due.is_some() {
                    done = due;
                    self.look(LocalDay::of((self.now)()).before()).await;
                }
            }
        };
        tokio::select! {
            () = looking => {}
            () = stop.cancelled() => {}
        }
    }

    /// Today, if its hour of the check has come.
    fn today_at(&self) -> Option<LocalDay> {
        let now = Timestamp::from_millisecond((self.now)().0).ok()?.to_zoned(TimeZone::system());
        (now.time() >= self.at).then(|| LocalDay::of((self.now)()))
    }

    async fn look(&self, day: LocalDay) {
        for tried in 1..=TRIES {
            let began = (self.now)().rfc3339();
            match self.coverage.report(day, &WantedRows::default()).await {
                Ok(report) if report.problem.is_none() || tried == TRIES => return self.tell(&report),
                Ok(report) if tried >= TRIES_IN_PART && report.read.as_deref() >= Some(began.as_str()) => {
                    return self.tell(&report);
                }
                Ok(_) => {}
                Err(error) => log::error!("coverage of {day}: {error}; it is tried again in {} s", AGAIN.as_secs()),
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    fn tell(&self, report: &CoverageReport) {
        for state in CoverageState::ALL {
            let count = report.counts.count(state) as f64;
            metrics::gauge!("lineside_coverage_calls", "state" => state.as_str()).set(count);
        }
        let message = in_words(report);
        if report.faults == 0 && report.problem.is_none() {
            log::info!("{message}");
            return;
        }
        log::warn!("{message}; `lineside coverage --day {}` lists them", report.day);
        let alert = alert(report, message, (self.now)());
        if let Ok(json) = serde_json::to_value(alert) {
            // The same each time that it is tried, and another one each day.
            let number = -report.day.replace('-', "").parse::<i64>().unwrap_or(1);
            self.notifiers.announce(number, &format!("WARNING: coverage of {}", report.day), &json, self.now);
        }
    }
}

fn counted(counts: CoverageCounts) -> Vec<String> {
    let named = CoverageState::ALL.into_iter().filter(|state| state.is_fault() && counts.count(*state) > 0);
    named.map(|state| format!("{} {}", counts.count(state), state.as_str().replace('_', "-"))).collect()
}

fn in_words(report: &CoverageReport) -> String {
    let total: usize = CoverageState::ALL.into_iter().map(|state| report.counts.count(state)).sum();
    let faults = counted(report.counts);
    let what = if faults.is_empty() { "none with a fault".into() } else { faults.join(", ") };
    let problem = report.problem.as_ref().map(|problem| format!("; {problem}")).unwrap_or_default();
    format!("coverage of {}: {total} calls, {what}{problem}", report.day)
}

fn alert(report: &CoverageReport, message: String, now: WallTime) -> CoverageAlert {
    let reasons = counted(report.counts).into_iter().chain(report.problem.clone()).collect();
    CoverageAlert {
        kind: AlertKind::It,
        id: 0,
        level: Level::Warning,
        call_id: None,
        timestamp: now.rfc3339(),
        rules_triggered: vec!["coverage".into()],
        reasons,
        day: report.day.clone(),
        counts: report.counts,
        message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_names_the_faults_and_nothing_else() {
        let mut counts = CoverageCounts::default();
        for state in [CoverageState::Missing, CoverageState::OneSided, CoverageState::Missing, CoverageState::Complete]
        {
            counts.add(state);
        }
        let day: LocalDay = "2026-11-23".parse().expect("a day");
        let (since, until) = day.span();
        let mut report =
            super::super::answer::report((day, since, until), None, None, Vec::new(), &WantedRows::default());
        assert_eq!(in_words(&report), "coverage of 2026-11-23: 0 calls, none with a fault");
        (report.counts, report.faults) = (counts, counts.faults());
        assert_eq!(in_words(&report), "coverage of 2026-11-23: 4 calls, 2 missing, 1 one-sided");
        let told = alert(&report, in_words(&report), WallTime(0));
        assert_eq!((told.reasons, report.faults), (vec!["2 missing".to_string(), "1 one-sided".into()], 3));
    }
}
