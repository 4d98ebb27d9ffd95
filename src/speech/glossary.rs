//! Words of a trade that are likely to be said: a list for all calls, and one for each campaign that has its own. A call of such a campaign has
//! both, its own first.

use std::collections::HashMap;

use super::vocabulary::Vocabulary;

/// All lists that are in use.
#[derive(Clone, Debug, Default)]
pub struct Glossaries {
    general: Vocabulary,
    campaigns: HashMap<String, Vocabulary>,
}

impl Glossaries {
    /// Of the terms of all calls, and of each campaign's own.
    pub fn new<'t>(general: &'t [String], campaigns: impl IntoIterator<Item = (&'t String, &'t Vec<String>)>) -> Self {
        let both = |(campaign, own): (&'t String, &'t Vec<String>)| {
            let terms = own.iter().chain(general).map(String::as_str);
            (campaign_key(campaign), Vocabulary::of_trade(terms))
        };
        Self {
            general: Vocabulary::of_trade(general.iter().map(String::as_str)),
            campaigns: campaigns.into_iter().map(both).collect(),
        }
    }

    /// The words of a call of this campaign.
    pub fn of(&self, campaign: Option<&str>) -> &Vocabulary {
        let own = campaign.and_then(|campaign| self.campaigns.get(&campaign_key(campaign)));
        own.unwrap_or(&self.general)
    }
}

/// A campaign's name as lists are found by it: letter case means nothing, for dialers write it in either.
pub fn campaign_key(name: &str) -> String {
    name.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::super::vocabulary::CallNamesUse;
    use super::*;

    fn list(terms: &[&str]) -> Vec<String> {
        terms.iter().map(|&term| term.to_owned()).collect()
    }

    #[test]
    fn a_call_of_a_campaign_with_a_list_has_it_before_the_general_one_and_others_have_that_alone() {
        let (campaign, own) = ("SALES".to_owned(), list(&["Fibernova"]));
        let glossaries = Glossaries::new(&list(&["router"]), [(&campaign, &own)]);
        let told = |campaign| glossaries.of(campaign).prompt(CallNamesUse::Both);
        assert_eq!(told(Some("sales")).as_deref(), Some("Fibernova, router"));
        assert_eq!(told(Some("SUPPORT")).as_deref(), Some("router"));
        assert_eq!(told(None).as_deref(), Some("router"));
        assert_eq!(Glossaries::default().of(Some("SALES")).prompt(CallNamesUse::Both), None);
    }
}
