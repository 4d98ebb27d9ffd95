//! Recent entries of the audit log, so that dozens of pieces of one read become one entry.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;

use crate::call::{CallKey, WallTime};

/// Repetitions within this time are one entry.
const SAME_MS: i64 = 300_000;
/// Entries that are remembered for that.
const REMEMBERED: usize = 10_000;

/// Reader, address, action, call.
pub(super) type Entry = (String, Option<IpAddr>, String, Option<CallKey>);

/// Recent entries.
#[derive(Default)]
pub(super) struct Noted(Mutex<HashMap<Entry, WallTime>>);

impl Noted {
    /// Whether this is to be written down now.
    pub(super) fn is_new(&self, entry: Entry, at: WallTime) -> bool {
        let mut noted = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if noted.get(&entry).is_some_and(|last| (0..SAME_MS).contains(&(at.0 - last.0))) {
            return false;
        }
        if noted.len() >= REMEMBERED {
            noted.retain(|_, last| at.0 - last.0 < SAME_MS);
        }
        if noted.len() < REMEMBERED {
            noted.insert(entry, at);
        }
        true
    }
}
