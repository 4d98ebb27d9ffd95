//! Names that were likely to be said on finished calls, kept in memory for a while, in case a call is retranscribed soon after its end.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::call_names::NamesSaid;
use crate::call::{CallKey, CallNames};
use crate::speech::vocabulary::Vocabulary;

/// How long they are remembered.
const REMEMBERED: Duration = Duration::from_hours(6);
/// Calls whose names are remembered, at most; then those of all are forgotten.
const MOST: usize = 5000;

type Known = HashMap<CallKey, (Instant, Arc<Vocabulary>)>;

/// The names of calls that are over. Whoever has a copy sees the same.
#[derive(Clone, Default)]
pub struct PastNames(Arc<Mutex<Known>>);

impl PastNames {
    /// The names of a call that is over.
    pub fn of(&self, call: CallKey) -> Option<Arc<Vocabulary>> {
        self.with(|known| known.get(&call).map(|(_, names)| Arc::clone(names)))
    }

    pub(in crate::pipeline) fn keep(&self, call: CallKey, names: Arc<Vocabulary>) {
        self.with(|known| {
            known.retain(|_, (since, _)| since.elapsed() < REMEMBERED);
            if known.len() >= MOST {
                known.clear();
            }
            known.insert(call, (Instant::now(), names));
        });
    }

    pub(super) fn forget(&self, call: CallKey) {
        self.with(|known| known.remove(&call));
    }

    fn with<T>(&self, look: impl FnOnce(&mut Known) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

/// The names that a call's rows hold: the agent's as the dialer tells it, and those in the metadata, a JSON object; with the call's campaign.
pub fn names_of_rows(agent_name: Option<&str>, campaign: Option<&str>, metadata: &str) -> Option<Arc<Vocabulary>> {
    let mut names = NamesSaid::default();
    names.tell(agent_name.map(str::to_owned).into_iter().collect());
    let campaign = campaign.map(str::to_owned);
    names.learn(&CallNames { campaign, metadata: serde_json::from_str(metadata).ok(), ..CallNames::default() });
    names.vocabulary()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_by_call_and_forgotten_with_it() {
        let names = PastNames::default();
        let mary = Arc::new(Vocabulary::new(["Mary Miller"]));
        names.keep(CallKey(1), Arc::clone(&mary));
        assert_eq!((names.of(CallKey(1)), names.of(CallKey(2))), (Some(mary), None));
        names.clone().forget(CallKey(1));
        assert_eq!(names.of(CallKey(1)), None);
    }

    #[test]
    fn rows_hold_the_agents_name_and_those_of_the_metadata() {
        let of = |names: &[&'static str]| Some(Arc::new(Vocabulary::new(names.iter().copied())));
        let metadata = r#"{"fullname": "Mary Miller", "disposition": "SALE"}"#;
        assert_eq!(names_of_rows(Some("Ruth Okafor"), None, metadata), of(&["Ruth Okafor", "Mary Miller"]));
        assert_eq!(names_of_rows(None, None, "{}"), None);
        let campaign = names_of_rows(None, Some("SALES"), "{}").expect("a campaign");
        assert_eq!(campaign.campaign(), Some("SALES"));
        assert_eq!(names_of_rows(Some("6666"), None, "no JSON"), None);
    }
}
