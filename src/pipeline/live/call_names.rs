//! Names that are likely to be said on a running call, from the dialer's database and from the metadata of clients that name the call. They go to the
//! workers with each utterance, and are never stored.

use std::sync::Arc;

use crate::call::CallNames;
use crate::speech::vocabulary::Vocabulary;

/// Keys of the metadata whose values are names that people say.
const SAID: [&str; 9] = [
    "fullname",
    "agent_name",
    "customer_name",
    "first_name",
    "last_name",
    "campaign_name",
    "group_name",
    "list_name",
    "company",
];

/// The names of a call, by who tells them.
#[derive(Clone, Debug, Default)]
pub(super) struct NamesSaid {
    of_dialer: Vec<String>,
    of_others: Vec<String>,
    /// The campaign: its glossary counts.
    campaign: Option<String>,
    all: Option<Arc<Vocabulary>>,
}

impl NamesSaid {
    /// The names for the workers; `None` where none is known.
    pub(super) fn vocabulary(&self) -> Option<Arc<Vocabulary>> {
        self.all.clone()
    }

    /// Those of a call that becomes one with this one.
    pub(super) fn absorb(&mut self, other: Self) {
        for (own, other) in [(&mut self.of_dialer, other.of_dialer), (&mut self.of_others, other.of_others)] {
            if own.is_empty() {
                *own = other;
            }
        }
        self.campaign = self.campaign.take().or(other.campaign);
        self.gather();
    }

    /// Takes the campaign from clients that name the call, and names from their metadata.
    pub(super) fn learn(&mut self, names: &CallNames) {
        if names.campaign.is_some() {
            self.campaign.clone_from(&names.campaign);
        }
        let metadata = names.metadata.iter();
        for name in metadata.flat_map(|metadata| SAID.iter().filter_map(|key| metadata.get(*key)?.as_str())) {
            if !self.of_others.iter().any(|known| known == name) {
                self.of_others.push(name.to_owned());
            }
        }
        self.gather();
    }

    /// The dialer tells all names that it knows of the call, the more important first.
    pub(super) fn tell(&mut self, names: Vec<String>) {
        self.of_dialer = names;
        self.gather();
    }

    fn gather(&mut self) {
        let names = self.of_dialer.iter().chain(&self.of_others).map(String::as_str);
        let vocabulary = Vocabulary::new(names).of_campaign(self.campaign.clone());
        self.all = (!vocabulary.is_empty()).then(|| Arc::new(vocabulary));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_of_both_stay_when_calls_become_one_and_what_is_no_name_is_not_taken() {
        let mut one = NamesSaid::default();
        let metadata = json!({"fullname": "Mary Miller", "disposition": "SALE", "list_name": 7});
        one.learn(&CallNames { metadata: metadata.as_object().cloned(), ..CallNames::default() });
        one.learn(&CallNames { campaign: Some("SALES".into()), ..CallNames::default() });
        let mut other = NamesSaid { of_dialer: vec!["Lindsey Kowalczyk".into()], ..NamesSaid::default() };
        other.absorb(one);
        let both = Vocabulary::new(["Lindsey Kowalczyk", "Mary Miller"]).of_campaign(Some("SALES".into()));
        assert_eq!(other.vocabulary(), Some(Arc::new(both)));
        assert_eq!(NamesSaid::default().vocabulary(), None);
    }
}
