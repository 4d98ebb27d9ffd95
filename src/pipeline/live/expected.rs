//! Names of calls that have not begun yet. The number is bounded: the oldest go first, because a client may send names without end.

use std::collections::{HashMap, VecDeque};

use crate::call::CallNames;

/// Number of calls at most.
const MOST: usize = 10_000;
/// Bytes of all their texts at most.
const MOST_BYTES: usize = 16 << 20;

/// Names, by the id that their call will have.
#[derive(Debug, Default)]
pub(super) struct Expected {
    names: HashMap<String, (u64, CallNames)>,
    /// Ids with the number of their names, oldest first. Those that were taken or replaced since have another number, or none.
    order: VecDeque<(u64, String)>,
    next: u64,
    bytes: usize,
}

fn bytes(id: &str, names: &CallNames) -> usize {
    let texts = [&names.uuid, &names.uniqueid, &names.agent, &names.campaign, &names.lead, &names.phone];
    // Metadata takes about three times its text in memory.
    let metadata = names.metadata.as_ref().map_or(0, |map| 3 * serde_json::to_string(map).map_or(0, |text| text.len()));
    2 * id.len() + texts.into_iter().flatten().map(String::len).sum::<usize>() + metadata + size_of::<CallNames>()
}

impl Expected {
    pub(super) fn insert(&mut self, id: String, names: CallNames) {
        self.remove(&id);
        self.next += 1;
        self.bytes += bytes(&id, &names);
        self.order.push_back((self.next, id.clone()));
        self.names.insert(id, (self.next, names));
        while self.names.len() > MOST || self.bytes > MOST_BYTES {
            let Some((number, id)) = self.order.pop_front() else { break };
            if self.names.get(&id).is_some_and(|(now, _)| *now == number) {
                self.remove(&id);
                metrics::counter!("lineside_expected_dropped_total").increment(1);
            }
        }
        if self.order.len() > 2 * MOST {
            self.order.retain(|(number, id)| self.names.get(id).is_some_and(|(now, _)| now == number));
        }
    }

    pub(super) fn get(&self, id: &str) -> Option<&CallNames> {
        self.names.get(id).map(|(_, names)| names)
    }

    pub(super) fn remove(&mut self, id: &str) -> Option<CallNames> {
        let (_, names) = self.names.remove(id)?;
        self.bytes -= bytes(id, &names);
        Some(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_names_go_when_there_are_too_many_and_what_is_kept_is_bounded() {
        let mut expected = Expected::default();
        let names = |size: usize| {
            let metadata = serde_json::json!({"note": "x".repeat(size)});
            CallNames { metadata: metadata.as_object().cloned(), ..CallNames::default() }
        };
        for number in 0..MOST + 5 {
            expected.insert(number.to_string(), names(10));
        }
        assert!(expected.remove("4").is_none() && expected.remove("5").is_some() && expected.remove("10004").is_some());
        for number in 0..MOST {
            expected.insert(number.to_string(), names(CallNames::METADATA_BYTES - 20));
        }
        assert!(expected.remove("9999").is_some() && expected.remove("0").is_none());
        let (count, bytes) = (expected.names.len(), expected.bytes);
        assert!(count > 1000 && bytes <= MOST_BYTES && expected.order.len() <= 2 * MOST);
        for number in 0..MOST {
            expected.remove(&number.to_string());
        }
        assert_eq!(expected.bytes, 0);
        println!(
            "mended | 47 | names of expected calls without bound (276 MB), all dropped at 10,000 | {count} of 4 kB are kept in {} MB, the oldest go",
            bytes >> 20
        );
    }
}
