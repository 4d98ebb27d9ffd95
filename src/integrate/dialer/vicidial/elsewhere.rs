//! Recordings that other servers hold: once `recording_log.location` names one that is a `[[remote]]`, the recording is asked for.
//!
//! New rows are read by their number. A row whose recording is not over, or not yet at its place, is looked at again until it is a day old. Nothing is
//! asked for twice, not after a restart either: what was asked for lies in rows.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::queries;
use crate::call::file_name::base_name;
use crate::call::{CallId, WallTime};
use crate::integrate::dialer::connection::{Connection, DialerError};
use crate::integrate::dialer::fields::RowFields;
use crate::integrate::dialer::numbered::NumberedTable;
use crate::pipeline::fetches::{FetchWish, Fetches, ToldRecording};
use crate::store::Store;

/// Recordings of so long ago are looked at after a start, and not later than that, seconds.
const OLDEST_S: i64 = 24 * 3600;
/// Rows that are looked at again in one round.
const AT_ONCE: usize = 200;

const RECORDING_LOG: NumberedTable = NumberedTable {
    ends: &queries::RECORDING_ENDS,
    next: &queries::RECORDING_NEXT,
    page: &queries::RECORDING_PLACES,
    at_of_next: |row| row.id(1),
    at_of_page: |row| row.id(4),
};

/// Which `[[remote]]` holds what a location's host names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingHost {
    /// Name or address, as the location has it.
    pub host: String,
    /// Name of the `[[remote]]`.
    pub remote: String,
}

/// A row of `recording_log`, by where its recording is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Placed {
    id: i64,
    name: String,
    location: Option<String>,
    start: i64,
    lead: Option<i64>,
    user: Option<String>,
}

impl Placed {
    fn of(row: &RowFields) -> Option<Self> {
        Some(Self {
            id: row.id(0)?,
            name: base_name(&row.text(1)?).to_owned(),
            location: row.text(2),
            start: row.id(4)?,
            lead: row.id(5),
            user: row.text(6),
        })
    }

    /// Host and path of its location, once that is an address.
    fn place(&self) -> Option<(&str, &str)> {
        let (_, rest) = self.location.as_deref()?.split_once("://")?;
        let (host, path) = rest.split_once('/')?;
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        let bare = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
        // The alias under which ViciDial's web servers show the folder of recordings.
        Some((bare.map_or(host, |(host, _)| host), path.strip_prefix("RECORDINGS/").unwrap_or(path)))
    }
}

/// What is known of the recordings of other servers.
pub(in crate::integrate::dialer) struct Elsewhere {
    hosts: Vec<RecordingHost>,
    fetches: Fetches,
    every: Duration,
    looked: Option<Instant>,
    /// The next number; `None` before the first look.
    next: Option<i64>,
    /// Rows that are not at their place yet, with when their calls began.
    open: BTreeMap<i64, i64>,
}

impl Elsewhere {
    /// Looks so often; never where no host is named.
    pub(in crate::integrate::dialer) fn new(hosts: Vec<RecordingHost>, fetches: Fetches, every: Duration) -> Self {
        Self { hosts, fetches, every, looked: None, next: None, open: BTreeMap::new() }
    }

    /// Looks for recordings that are at their place, and asks for them. What cannot be looked at now is looked at next time.
    pub(in crate::integrate::dialer) async fn look(
        &mut self,
        connection: &mut Connection,
        store: &Store,
        now: WallTime,
    ) -> Result<(), DialerError> {
        if self.hosts.is_empty() || self.looked.is_some_and(|at| at.elapsed() < self.every) {
            return Ok(());
        }
        self.looked = Some(Instant::now());
        match self.rows(connection, now).await {
            Err(error) if error.is_of_one_query() => {}
            rows => {
                for row in rows? {
                    self.mind(&row, store, now).await;
                }
            }
        }
        Ok(())
    }

    /// Rows that are new, and those that were not at their place.
    async fn rows(&mut self, connection: &mut Connection, now: WallTime) -> Result<Vec<Placed>, DialerError> {
        let mut rows = Vec::new();
        for &id in self.open.keys().take(AT_ONCE) {
            rows.extend(connection.rows(&queries::RECORDING_PLACES, vec![id.into(), id.into()]).await?);
        }
        let Some((first, last)) = RECORDING_LOG.ends(connection).await? else { return Ok(Vec::new()) };
        let next = match self.next {
            Some(next) => next,
            None => RECORDING_LOG.first_since(connection, (first, last), now.0 / 1000 - OLDEST_S).await?,
        };
        rows.extend(RECORDING_LOG.pages(connection, (next, last), i64::MAX).await?);
        self.next = Some(last + 1);
        Ok(rows.iter().filter_map(Placed::of).collect())
    }

    async fn mind(&mut self, row: &Placed, store: &Store, now: WallTime) {
        let is_old = now.0 / 1000 - row.start > OLDEST_S;
        let remote = match row.place() {
            None if is_old => None,
            None => {
                self.open.insert(row.id, row.start);
                return;
            }
            Some((host, _)) => self.hosts.iter().find(|one| one.host.eq_ignore_ascii_case(host)),
        };
        self.open.remove(&row.id);
        let Some(RecordingHost { remote, .. }) = remote else { return };
        let call = CallId::from_lossy(&row.name);
        let asked = store.fetch_of(remote.clone(), call.to_string()).await;
        if !matches!(asked, Ok(None)) {
            return;
        }
        let told = ToldRecording {
            id: row.id,
            filename: row.name.clone(),
            location: row.place().map(|(_, path)| path.to_owned()).unwrap_or_default(),
            lead: row.lead.map(|lead| lead.to_string()),
            agent: row.user.clone(),
        };
        let wish = FetchWish {
            remote: Some(remote.clone()),
            calls: vec![call.clone()],
            at: Some(WallTime(row.start * 1000)),
            told: Some(told),
        };
        match self.fetches.start(wish).await {
            Ok(taken) => {
                for refused in taken.refused {
                    log::warn!("call {call}: its recording on {remote} is not fetched: {}", refused.detail);
                }
            }
            Err(error) => log::warn!("call {call}: its recording on {remote} is not fetched: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_leads_to_a_host_and_to_a_path_there_once_it_is_an_address() {
        for (location, place) in [
            ("http://10.0.0.2/RECORDINGS/MP3/a-all.mp3", Some(("10.0.0.2", "MP3/a-all.mp3"))),
            (
                "https://archive.example.com:8443/2026-11-23/a-all.wav",
                Some(("archive.example.com", "2026-11-23/a-all.wav")),
            ),
            ("20261123-101500_5551230001", None),
            ("", None),
        ] {
            let row =
                Placed { id: 1, name: "a".into(), location: Some(location.into()), start: 1, lead: None, user: None };
            assert_eq!(row.place(), place, "{location}");
        }
    }
}
