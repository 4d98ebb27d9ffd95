//! The campaign of each running call, kept in memory for feeds, which need it for every event.
//!
//! Promise: an event is judged by the campaign that its call had when the event was committed, or by a later one. So the writer drops a call from
//! this memory after the commit and before the feeds hear of it, and a campaign that was read before the commit is not remembered after it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::call::{CallKey, CallState};
use crate::store::change::Change;

/// Number of calls that are remembered; beyond it all are read again.
pub(in crate::store) const REMEMBERED: usize = 4096;

#[derive(Clone, Default)]
pub(in crate::store) struct Campaigns(Arc<Mutex<KnownCampaigns>>);

#[derive(Default)]
pub(in crate::store) struct KnownCampaigns {
    pub(in crate::store) calls: HashMap<CallKey, Option<String>>,
    /// Number of times that something was forgotten.
    pub(in crate::store) forgotten: u64,
}

impl Campaigns {
    pub(in crate::store) fn known(&self) -> MutexGuard<'_, KnownCampaigns> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers a campaign, if nothing was forgotten since it was read.
    pub(in crate::store) fn keep(&self, call: CallKey, campaign: Option<String>, forgotten: u64) {
        let mut known = self.known();
        if known.forgotten != forgotten {
            return;
        }
        if known.calls.len() >= REMEMBERED {
            known.calls.clear();
        }
        known.calls.insert(call, campaign);
    }

    /// Forgets the calls that these changes name or end.
    pub(in crate::store) fn forget(&self, changes: &[Change]) {
        for change in changes {
            let calls = match change {
                Change::CallOpened(call) => [Some(call.key), None],
                Change::CallNamed { call, .. }
                | Change::CallMoved { call, state: CallState::Completed | CallState::Failed, .. } => {
                    [Some(*call), None]
                }
                Change::CallMerged { from, into } => [Some(*from), Some(*into)],
                _ => continue,
            };
            let mut known = self.known();
            known.forgotten += 1;
            for call in calls.into_iter().flatten() {
                known.calls.remove(&call);
            }
        }
    }

    /// Forgets everything, because the database was changed in an unknown way.
    pub(in crate::store) fn forget_all(&self) {
        let mut known = self.known();
        known.forgotten += 1;
        known.calls.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::CallNames;

    fn names(campaign: &str) -> CallNames {
        CallNames { campaign: Some(campaign.into()), ..CallNames::default() }
    }

    #[test]
    fn what_was_read_before_a_change_is_not_remembered_after_it() {
        let campaigns = Campaigns::default();
        let before = campaigns.known().forgotten;
        campaigns.forget(&[Change::CallNamed { call: CallKey(1), names: names("CLAIMS") }]);
        campaigns.keep(CallKey(1), Some("SALES".into()), before);
        assert!(campaigns.known().calls.is_empty());
        let now = campaigns.known().forgotten;
        for call in 0..=REMEMBERED as i64 {
            campaigns.keep(CallKey(call), None, now);
        }
        assert_eq!(campaigns.known().calls.len(), 1);
    }
}
