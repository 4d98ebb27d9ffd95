//! Reads a day of the dialer's database whole: which calls took place, which recordings it knows of, and where their files are.
//!
//! By a connection of its own, which is there only while a day is read: with the one that asks about single calls that makes two at most. A day is
//! read hour by hour and by indexes alone, so that no table is locked for long.

mod call_log;
mod files;
mod freepbx;
mod parts;
mod vicidial;

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use self::files::find;
use super::connection::{Connection, DialerError, Query};
use super::settings::DialerSettings;
use crate::call::WallTime;
use crate::contract::coverage::CoverageSource;
use crate::contract::dialer::DialerKind;
use crate::pipeline::coverage::{AskedDay, DialerDays, ToldDay};

/// Requests that may wait.
const ASKED: usize = 16;
/// A day is read within so long, or given up: a floor of 20,000 calls takes some seconds.
const LONGEST: Duration = Duration::from_mins(2);

/// The reader.
pub struct DayReader {
    settings: DialerSettings,
    folders: Vec<PathBuf>,
    asked: mpsc::Receiver<AskedDay>,
}

impl DayReader {
    /// One that has not begun, and how it is asked. `folders` are those in which recordings are looked for.
    pub fn new(settings: DialerSettings, folders: Vec<PathBuf>) -> (Self, DialerDays) {
        let source = match settings.kind {
            DialerKind::Vicidial => CoverageSource::Vicidial,
            DialerKind::Freepbx => CoverageSource::Freepbx,
        };
        let (ask, asked) = mpsc::channel(ASKED);
        (Self { settings, folders, asked }, DialerDays { source, ask })
    }

    /// Reads days, one after the other, until stopped.
    pub async fn run(mut self, stop: CancellationToken) {
        let reading = async {
            while let Some(AskedDay { since, until, reply }) = self.asked.recv().await {
                if reply.is_closed() {
                    continue; // whoever asked has gone
                }
                let told = tokio::time::timeout(LONGEST, self.read(since, until)).await;
                let told = match told {
                    Ok(told) => told.map_err(|error| error.to_string()),
                    Err(_) => Err(format!("the day could not be read within {} s", LONGEST.as_secs())),
                };
                let _ = reply.send(told.map_err(|problem| format!("the dialer's database: {problem}")));
            }
        };
        tokio::select! {
            () = reading => {}
            () = stop.cancelled() => {}
        }
    }

    async fn read(&self, since: WallTime, until: WallTime) -> Result<ToldDay, DialerError> {
        let span = (since.0 / 1000, until.0 / 1000);
        let queries: &[&'static Query] = match self.settings.kind {
            DialerKind::Vicidial => &vicidial::QUERIES,
            DialerKind::Freepbx => &freepbx::QUERIES,
        };
        let mut connection = Connection::open(&self.settings, queries).await?;
        let told = match self.settings.kind {
            DialerKind::Vicidial => vicidial::read(&mut connection, span, self.settings.server_ip.as_deref()).await,
            DialerKind::Freepbx => freepbx::read(&mut connection, span, self.settings.queue_log.as_deref()).await,
        };
        connection.close().await;
        let mut told = told?;
        let (folders, recordings) = (self.folders.clone(), std::mem::take(&mut told.recordings));
        // The folders may hold many files.
        let found = tokio::task::spawn_blocking(move || find(&folders, recordings)).await;
        told.recordings = found.unwrap_or_default();
        Ok(told)
    }
}
