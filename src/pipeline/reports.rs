//! Writes each day's calls as a CSV file, in the columns of the API's export.
//!
//! A row of the database remembers the last day that was written. So no day is written twice, and days that passed while lineside was stopped are
//! written later. A file gets its name when it is complete.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Time;
use jiff::tz::TimeZone;
use tokio_util::sync::CancellationToken;

use super::coverage::LocalDay;
use super::finished::calls_csv::{CALLS_HEAD, call_row};
use crate::alerts::notify::{MailedFile, Notifier, SendOutcome};
use crate::call::WallTime;
use crate::contract::status::ReportsHealth;
use crate::store::calls::{CallFilter, Which};
use crate::store::{Store, StoreError};

/// The clock is looked at so often.
const LOOK: Duration = Duration::from_secs(20);
/// A file that could not be written is tried again so often.
const AGAIN: Duration = Duration::from_mins(5);
/// Days made up for at most.
const DAYS: u32 = 31;
/// Calls read at once.
const PAGE: u32 = 200;

/// The settings of `[reports]`.
#[derive(Clone, Debug)]
pub struct ReportSettings {
    /// Folder of the files.
    pub folder: PathBuf,
    /// Local time at which the file of the day before is written.
    pub at: Time,
    /// Calls of this campaign only.
    pub campaign: Option<String>,
    /// Mail of each file; `None` where none is sent.
    pub mail: Option<ReportMail>,
}

/// Settings for files that are sent by mail.
#[derive(Clone, Debug)]
pub struct ReportMail {
    /// The mail server.
    pub by: Notifier,
    /// The receivers; empty for the server's own.
    pub to: Vec<String>,
}

/// Reason why a day was not written.
#[derive(Debug, thiserror::Error)]
enum ReportError {
    #[error("{}: {source}; the folder must be there, and lineside must be allowed to write in it (see [reports] in docs/operations.md)", path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("the mail of {day} by {by}: {problem}; see [reports] and [[notify]] in the configuration")]
    Mail { day: LocalDay, by: String, problem: String },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the writing was broken off")]
    BrokenOff,
}

/// State of the files, shared with the API.
#[derive(Clone, Debug)]
pub struct ReportStatus(Arc<Mutex<ReportsHealth>>);

impl ReportStatus {
    /// The present state.
    pub fn get(&self) -> ReportsHealth {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    fn set(&self, last_day: Option<LocalDay>, problem: Option<String>) {
        let mut health = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        health.ok = problem.is_none();
        health.problem = problem;
        if let Some(day) = last_day {
            health.last_day = Some(day.to_string());
        }
    }
}

/// The task that writes the files.
pub struct Reports {
    store: Store,
    settings: ReportSettings,
    status: ReportStatus,
    now: fn() -> WallTime,
}

impl Reports {
    /// Reads calls from `store`.
    pub fn new(store: Store, settings: ReportSettings, now: fn() -> WallTime) -> Self {
        let folder = settings.folder.display().to_string();
        let health = ReportsHealth { ok: true, folder, last_day: None, problem: None };
        Self { store, settings, status: ReportStatus(Arc::new(Mutex::new(health))), now }
    }

    /// The state of the files, shared with the API.
    pub fn status(&self) -> ReportStatus {
        self.status.clone()
    }

    /// Writes each day until stopped.
    pub async fn run(self, stop: CancellationToken) {
        let writing = async {
            loop {
                let pause = match self.write_due().await {
                    Ok(()) => LOOK,
                    Err(error) => {
                        log::error!("reports: {error}; it is tried again in {} s", AGAIN.as_secs());
                        self.status.set(None, Some(error.to_string()));
                        AGAIN
                    }
                };
                tokio::time::sleep(pause).await;
            }
        };
        tokio::select! {
            () = writing => {}
            () = stop.cancelled() => {}
        }
    }

    /// Writes all days that are due.
    async fn write_due(&self) -> Result<(), ReportError> {
        let last: Option<LocalDay> = self.store.last_report().await?.and_then(|day| day.parse().ok());
        self.status.set(last, None);
        let Some(due) = last_due((self.now)(), self.settings.at) else { return Ok(()) };
        let days = missing(last, due);
        // All files first: a mail that does not go keeps none from being written.
        for &day in &days {
            match self.write(day).await? {
                Some(calls) => log::info!("reports: {calls} calls of {day} are written"),
                None => log::info!("reports: the file of {day} is there already"),
            }
        }
        for day in days {
            self.mail(day).await?;
            self.store.report_written(day.to_string(), (self.now)()).await?;
            self.status.set(Some(day), None);
        }
        Ok(())
    }

    /// Writes the calls of a day; how many, or `None` where the file is there already: lineside was killed before it could note that.
    async fn write(&self, day: LocalDay) -> Result<Option<usize>, ReportError> {
        let path = self.settings.folder.join(format!("calls-{day}.csv"));
        let is_there = path.try_exists().map_err(|source| ReportError::File { path: path.clone(), source })?;
        if is_there {
            return Ok(None);
        }
        let rows = self.rows(day).await?;
        let count = rows.len();
        let written = tokio::task::spawn_blocking(move || {
            write_whole(&path, &rows).map_err(|source| ReportError::File { path, source })
        });
        written.await.map_err(|_| ReportError::BrokenOff)??;
        Ok(Some(count))
    }

    /// Sends the file of a day, where files are sent. After a kill it may be sent again, and is never left out.
    async fn mail(&self, day: LocalDay) -> Result<(), ReportError> {
        let Some(ReportMail { by, to }) = self.settings.mail.clone() else { return Ok(()) };
        let path = self.settings.folder.join(format!("calls-{day}.csv"));
        let name = by.name.clone();
        let sent = tokio::task::spawn_blocking(move || {
            let csv = std::fs::read(&path).map_err(|source| ReportError::File { path, source })?;
            let file = MailedFile {
                subject: format!("lineside: calls of {day}"),
                text: format!("The calls that began on {day} are attached, a row for each.\n"),
                name: format!("calls-{day}.csv"),
                csv,
            };
            Ok::<_, ReportError>(by.send_file(&to, file))
        });
        match sent.await.map_err(|_| ReportError::BrokenOff)?? {
            SendOutcome::Sent => Ok(()),
            SendOutcome::Later(problem, _) | SendOutcome::Never(problem) => {
                Err(ReportError::Mail { day, by: name, problem })
            }
        }
    }

    /// The calls that began on a day, a row for each, in order of their begin.
    async fn rows(&self, day: LocalDay) -> Result<Vec<String>, StoreError> {
        let (since, next) = day.span();
        let which = Which {
            since: Some(since),
            until: Some(WallTime(next.0 - 1)),
            campaign: self.settings.campaign.as_deref().map(Into::into),
            ..Which::default()
        };
        let (mut rows, mut after) = (Vec::new(), None);
        loop {
            let page = self.store.list_calls(CallFilter { which: which.clone(), after, limit: PAGE }).await?;
            rows.extend(page.iter().map(call_row));
            after = page.last().map(|last| (last.started.0, last.key.0));
            if page.len() < PAGE as usize {
                rows.reverse();
                return Ok(rows);
            }
        }
    }
}

/// The last day whose file is due: yesterday from this time of the day on.
fn last_due(now: WallTime, at: Time) -> Option<LocalDay> {
    let zoned = Timestamp::from_millisecond(now.0).ok()?.to_zoned(TimeZone::system());
    Some(LocalDay::of(now).minus(if zoned.time() >= at { 1 } else { 2 }))
}

/// The days to write, the first one first: those after the last one; the last due one alone where none was written yet.
fn missing(last: Option<LocalDay>, due: LocalDay) -> Vec<LocalDay> {
    let Some(last) = last else { return vec![due] };
    let mut days: Vec<LocalDay> = (0..DAYS).map(|back| due.minus(back)).take_while(|day| *day > last).collect();
    days.reverse();
    days
}

/// Writes a file that is there when it is whole. Blocks.
fn write_whole(path: &Path, rows: &[String]) -> std::io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let part = path.with_file_name(format!(".{name}.part"));
    match std::fs::remove_file(&part) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // Made anew: what somebody else has put there is not written into.
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o640).open(&part)?;
    file.write_all(CALLS_HEAD.as_bytes())?;
    for row in rows {
        file.write_all(row.as_bytes())?;
    }
    file.sync_all()?;
    std::fs::rename(&part, path)?;
    File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{CallId, CallKey, CallNames, ProcessingMode, Source};
    use crate::store::change::{Change, NewCall};

    fn day(text: &str) -> LocalDay {
        text.parse().expect("a day")
    }

    #[test]
    fn yesterday_is_due_from_the_time_of_the_day_on_and_days_that_passed_are_made_up_for() {
        let at = Time::constant(2, 0, 0, 0);
        let begin = day("2026-11-24").span().0;
        let hour = 3_600_000;
        assert_eq!(last_due(WallTime(begin.0 + 2 * hour), at), Some(day("2026-11-23")));
        assert_eq!(last_due(WallTime(begin.0 + 2 * hour - 1), at), Some(day("2026-11-22")));
        let due = day("2026-11-23");
        assert_eq!(missing(None, due), [due]);
        assert_eq!(missing(Some(due), due), []);
        assert_eq!(missing(Some(day("2026-11-25")), due), [], "the clock was set back");
        assert_eq!(missing(Some(day("2026-11-20")), due), [day("2026-11-21"), day("2026-11-22"), due]);
        assert_eq!(missing(Some(day("2025-01-01")), due).len(), 31);
    }

    async fn store_with(folder: &Path, starts: &[(i64, &str)]) -> Store {
        let (store, _) = Store::open(folder).expect("open");
        let call = |(number, (started, campaign)): (usize, &(i64, &str))| {
            Change::CallOpened(NewCall {
                key: CallKey(number as i64 + 1),
                id: CallId::from_lossy(&format!("c.{number}")),
                source: Source::Upload,
                mode: ProcessingMode::default(),
                started: WallTime(*started),
                names: CallNames { campaign: Some((*campaign).into()), ..CallNames::default() },
            })
        };
        store.writer().commit(starts.iter().enumerate().map(call).collect()).await.expect("calls");
        store
    }

    /// The clock of the test: three in the morning of this day.
    fn now() -> WallTime {
        WallTime(day("2026-11-24").span().0.0 + 3 * 3_600_000)
    }

    #[tokio::test]
    async fn a_days_calls_are_written_once_whole_and_missed_days_after_it() {
        let state = tempfile::tempdir().expect("temp dir");
        let folder = tempfile::tempdir().expect("temp dir");
        let (begin, next) = day("2026-11-23").span();
        let starts = [(begin.0 - 1, "A"), (begin.0, "A"), (next.0 - 1, "B"), (next.0, "A")];
        let store = store_with(state.path(), &starts).await;
        let settings =
            ReportSettings { folder: folder.path().into(), at: Time::constant(2, 0, 0, 0), campaign: None, mail: None };
        let reports = Reports::new(store.clone(), settings.clone(), now);
        reports.write_due().await.expect("written");
        let path = folder.path().join("calls-2026-11-23.csv");
        let text = std::fs::read_to_string(&path).expect("a file");
        let ids: Vec<&str> = text.lines().skip(1).filter_map(|line| line.split(',').next()).collect();
        assert!(text.starts_with("call_id,call_start,"), "{text}");
        assert_eq!(ids, ["c.1", "c.2"], "the day and nothing else, in order");
        assert_eq!(std::fs::read_dir(folder.path()).expect("list").count(), 1, "nothing half is left");
        assert_eq!(reports.status().get().last_day.as_deref(), Some("2026-11-23"));

        std::fs::remove_file(&path).expect("taken away");
        reports.write_due().await.expect("nothing to do");
        assert!(!path.exists(), "it is not written twice");

        store.report_written("2026-11-20".into(), WallTime(0)).await.expect("noted");
        std::fs::write(folder.path().join("calls-2026-11-22.csv"), "mine").expect("write");
        let of_b = ReportSettings { campaign: Some("b".into()), ..settings };
        Reports::new(store, of_b, now).write_due().await.expect("written");
        let read = |day: &str| std::fs::read_to_string(folder.path().join(format!("calls-{day}.csv"))).expect("a file");
        assert_eq!(read("2026-11-21"), CALLS_HEAD);
        assert_eq!(read("2026-11-22"), "mine", "what is there is left alone");
        assert_eq!(read("2026-11-23").lines().count(), 2, "of one campaign, in capitals or not");
    }

    #[tokio::test]
    async fn a_folder_that_is_not_there_is_told_and_its_day_is_not_lost() {
        let state = tempfile::tempdir().expect("temp dir");
        let folder = tempfile::tempdir().expect("temp dir");
        let store = store_with(state.path(), &[]).await;
        let settings = ReportSettings {
            folder: folder.path().join("none"),
            at: Time::constant(2, 0, 0, 0),
            campaign: None,
            mail: None,
        };
        let reports = Reports::new(store.clone(), settings, now);
        let error = reports.write_due().await.expect_err("no folder").to_string();
        assert!(error.contains("none/calls-2026-11-23.csv") && error.contains("must be there"), "{error}");
        assert_eq!(store.last_report().await.expect("query"), None);
        std::fs::create_dir(folder.path().join("none")).expect("mkdir");
        reports.write_due().await.expect("written");
        assert!(folder.path().join("none/calls-2026-11-23.csv").exists());
    }

    #[tokio::test]
    async fn a_mail_that_does_not_go_keeps_no_file_from_being_written_and_its_day_is_not_done() {
        let state = tempfile::tempdir().expect("temp dir");
        let folder = tempfile::tempdir().expect("temp dir");
        let store = store_with(state.path(), &[]).await;
        store.report_written("2026-11-21".into(), WallTime(0)).await.expect("noted");
        let by = toml::from_str(
            "name = \"office\"\nkind = \"smtp\"\nurl = \"smtp://127.0.0.1:1\"\nfrom = \"a@b.example\"\nto = [\"c@d.example\"]",
        );
        let mail = Some(ReportMail { by: by.expect("a notifier"), to: Vec::new() });
        let settings =
            ReportSettings { folder: folder.path().into(), at: Time::constant(2, 0, 0, 0), campaign: None, mail };
        let error = Reports::new(store.clone(), settings, now).write_due().await.expect_err("no server").to_string();
        assert!(error.starts_with("the mail of 2026-11-22 by office: "), "{error}");
        let written = ["2026-11-22", "2026-11-23"].map(|day| folder.path().join(format!("calls-{day}.csv")).exists());
        assert_eq!(written, [true, true]);
        assert_eq!(store.last_report().await.expect("query").as_deref(), Some("2026-11-21"));
    }
}
