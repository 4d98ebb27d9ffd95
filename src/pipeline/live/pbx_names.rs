//! Names that the PBX gives a call. They fill empty fields and replace nothing.

use super::commands::named;
use super::conductor::Conductor;
use super::effect::Effect;
use super::event::{Facts, Question, Request};
use super::legs::overlay;
use crate::call::{CallId, CallNames};

impl Conductor {
    /// The question before the PBX names a call: for a running call, that earlier changes be committed. Most calls of a PBX are not captured here and
    /// cost no commit.
    pub(super) fn wants_for_pbx_names(&self, call: &str, names: &CallNames, facts: &Facts) -> Option<Question> {
        if self.calls.by_id(&CallId::from_lossy(call)).is_some() && facts.committed.is_none() {
            return Some(Question::Committed);
        }
        named(call, names, facts).err()
    }

    /// Names a call, or one that is expected, as far as it has no names.
    pub(super) fn name_from_pbx(&mut self, call: String, mut names: CallNames, facts: &Facts) {
        match named(&call, &names, facts).ok().flatten() {
            None => {
                if let Some(told) = self.expected.remove(&call) {
                    fill(&mut names, told);
                }
                self.expected.insert(call, names);
            }
            Some(known) => {
                if leave_known(&mut names, &known.names) {
                    self.does(Effect::Next(Request::Name { call, names }));
                }
            }
        }
    }
}

impl Conductor {
    pub(super) fn wants_for_part(&self, channel: &str, call: &str, facts: &Facts) -> Option<Question> {
        let runs = |name: &str| self.calls.by_id(&CallId::from_lossy(name)).is_some();
        if (runs(channel) || runs(call)) && facts.committed.is_none() {
            return Some(Question::Committed);
        }
        [channel, call].into_iter().find_map(|name| facts.call(name).err())
    }

    /// A channel is part of a call: a source that has come under its name, or will, is one of that call.
    pub(super) fn part_of(&mut self, channel: String, call: &str, facts: &Facts) {
        let known = |name: &str| facts.call(name).ok().flatten();
        let names = CallNames { uniqueid: Some(call.to_string()), ..CallNames::default() };
        match (known(&channel), known(call)) {
            (Some(one), Some(other)) if one.key == other.key => {}
            (Some(_), _) => self.does(Effect::Next(Request::Name { call: channel, names })),
            (None, Some(other)) => {
                let change = self.also_one(other.key, CallId::from_lossy(&channel));
                self.push(vec![change]);
            }
            (None, None) if self.expected.get(&channel).is_none() => self.expected.insert(channel, names),
            (None, None) => {}
        }
    }
}

/// Puts what somebody told over what the PBX knows.
fn fill(names: &mut CallNames, mut told: CallNames) {
    // The PBX's own part is newer than what it told before.
    let of_others = told.metadata.take().into_iter().flatten().filter(|(key, _)| key != CallNames::PBX);
    let metadata: serde_json::Map<_, _> = names.metadata.take().into_iter().flatten().chain(of_others).collect();
    overlay(names, told);
    names.metadata = Some(metadata).filter(|metadata| !metadata.is_empty());
}

/// Takes out what a call has already; whether anything is left.
fn leave_known(names: &mut CallNames, known: &CallNames) -> bool {
    let fields = [
        (&mut names.agent, &known.agent),
        (&mut names.campaign, &known.campaign),
        (&mut names.phone, &known.phone),
        (&mut names.uuid, &known.uuid),
    ];
    let mut is_new = false;
    for (field, known) in fields {
        if known.is_some() {
            *field = None;
        }
        is_new |= field.is_some();
    }
    if let Some(metadata) = &mut names.metadata {
        metadata.retain(|key, value| known.metadata.as_ref().and_then(|known| known.get(key)) != Some(value));
        is_new |= !metadata.is_empty();
    }
    is_new || names.uniqueid.is_some() && names.uniqueid != known.uniqueid
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn names(value: &serde_json::Value) -> CallNames {
        let text = |key: &str| value[key].as_str().map(str::to_string);
        CallNames {
            uniqueid: text("uniqueid"),
            agent: text("agent"),
            lead: text("lead"),
            phone: text("phone"),
            metadata: value["metadata"].as_object().cloned(),
            ..CallNames::default()
        }
    }

    #[test]
    fn what_was_told_of_an_expected_call_stays_and_the_pbx_adds_to_it() {
        let told = json!({"agent": "mary", "lead": "7", "metadata": {"note": "x", "pbx": {"queue": "old"}}});
        let known =
            json!({"uniqueid": "1.1", "agent": "1001", "phone": "555", "metadata": {"pbx": {"queue": "sales"}}});
        let mut filled = names(&known);
        fill(&mut filled, names(&told));
        let wanted = json!({
            "uniqueid": "1.1", "agent": "mary", "lead": "7", "phone": "555", "metadata": {"note": "x", "pbx": {"queue": "sales"}},
        });
        assert_eq!(filled, names(&wanted));
    }
}
