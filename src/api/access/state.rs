//! State of the guard: settings, rows, and its memory of clients.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use ipnet::IpNet;

use super::limits::{BackOff, Rate};
use super::link::LinkKey;
use super::noted::Noted;
use super::seats::{Budget, Seats};
use super::written::Written;
use crate::call::WallTime;
use crate::store::{Store, StoreError};

/// Somebody at the pages may do so many times more than a script that was told the limit: sound that is listened to live comes in pieces of a
/// second, a folder of recordings is a request for each.
const SCREEN: u32 = 10;

/// What the configuration says about them.
#[derive(Clone, Debug, Default)]
pub struct AccessSettings {
    /// Nobody on TCP needs a token.
    pub open: bool,
    /// A token that may do everything.
    pub token: Option<String>,
    /// Whether a token is also taken from the address, as `?token=`.
    pub token_in_query: bool,
    /// One that may bring in calls of other platforms, which nobody does without then.
    pub ingest_token: Option<String>,
    /// Sites whose pages may show the agent's page in a frame.
    pub frame_ancestors: Vec<String>,
    /// Where browsers find the pages.
    pub public_url: Option<String>,
    /// Names by which browsers may call.
    pub hosts: Vec<String>,
    /// Proxies whose X-Forwarded-For is believed.
    pub proxies: Vec<IpNet>,
    /// From where calls and events may be brought in.
    pub ingest_allow: Vec<IpNet>,
    /// GETs of a client in a minute; 0 is no limit.
    pub reads_per_minute: u32,
    /// Its other requests.
    pub writes_per_minute: u32,
    /// Connections at a time; 0 is no limit.
    pub connections: usize,
    /// How long a login is good.
    pub session: Duration,
    /// Whether the port speaks TLS.
    pub tls: bool,
    /// Where lineside's own sound lies: nothing else is served as such.
    pub spool: PathBuf,
}

/// Requests of a client in a minute.
pub(super) struct Minute {
    pub(super) reads: Rate,
    pub(super) writes: Rate,
}

impl Minute {
    fn new(settings: &AccessSettings, times: u32) -> Self {
        let rate = |per_minute: u32| Rate::new(per_minute.saturating_mul(times));
        Self { reads: rate(settings.reads_per_minute), writes: rate(settings.writes_per_minute) }
    }
}

/// Everything the guard needs.
pub struct AccessControl {
    pub(super) settings: AccessSettings,
    pub(super) token: Option<Written>,
    pub(super) ingest_token: Option<Written>,
    pub(super) store: Store,
    pub(super) now: fn() -> WallTime,
    pub(super) scripts: Minute,
    pub(super) screens: Minute,
    pub(super) back_off: BackOff,
    /// Signs links to sound.
    pub links: LinkKey,
    pub(super) used: Mutex<HashMap<i64, WallTime>>,
    pub(super) noted: Noted,
    pub(super) seats: Seats,
    pub(super) budget: Budget,
}

impl AccessControl {
    /// Access control over a database; reads the key of the links.
    pub async fn new(settings: AccessSettings, store: Store, now: fn() -> WallTime) -> Result<Self, StoreError> {
        let store = store.for_access();
        let links = LinkKey::new(store.secret("links").await?);
        Ok(Self {
            token: Written::with_row(settings.token.as_deref(), &store, now()).await?,
            ingest_token: Written::read(settings.ingest_token.as_deref()),
            scripts: Minute::new(&settings, 1),
            screens: Minute::new(&settings, SCREEN),
            back_off: BackOff::default(),
            links,
            used: Mutex::default(),
            noted: Noted::default(),
            seats: Seats::new(settings.connections),
            budget: Budget::default(),
            settings,
            store,
            now,
        })
    }

    /// Where lineside's own sound lies.
    pub fn spool(&self) -> &std::path::Path {
        &self.settings.spool
    }
}
