//! `[[campaign]]`: what is otherwise for the calls of one campaign, in-group or queue.

use std::collections::HashSet;

use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::mistake::Mistake;
use crate::text::pack::{Pack, PackError};

/// `[[campaign]]`; what is not set is as for all other calls.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CampaignConfig {
    /// The campaign, in-group or queue, as its calls name it, in any case.
    #[serde(deserialize_with = "name")]
    pub name: String,
    /// Names of the packs by which its calls are analysed; numbers are redacted by those of all packs.
    #[serde(default, deserialize_with = "some_packs")]
    pub packs: Option<Vec<String>>,
    /// Language code, or `auto`.
    #[serde(default, deserialize_with = "language")]
    pub language: Option<String>,
    /// Its calls are deleted with all that is known of them when they ended so many days ago; 0 keeps them.
    pub text_days: Option<u32>,
    /// Own audio of its calls is deleted so many days after their end; 0 keeps it.
    pub audio_days: Option<u32>,
}

fn name<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let name = String::deserialize(from)?;
    if name.trim().is_empty() || name.contains('*') {
        return Err(D::Error::custom(format!("{name:?} is not the name of one campaign, in-group or queue")));
    }
    Ok(name.trim().to_owned())
}

fn some_packs<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<String>>, D::Error> {
    let names = Vec::<String>::deserialize(from)?;
    if names.is_empty() {
        return Err(D::Error::custom("[] names no pack; leave packs out to have the calls analysed by all of them"));
    }
    Ok(Some(names))
}

fn language<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let code = String::deserialize(from)?;
    match language_problem(&code) {
        None => Ok(Some(code)),
        Some(problem) => Err(D::Error::custom(problem)),
    }
}

/// Why a word is no language of `[speech]` or `[[campaign]]`.
pub(super) fn language_problem(code: &str) -> Option<String> {
    let is_known = code == "auto" || crate::speech::language::is_code(code);
    (!is_known).then(|| format!("{code:?} is neither auto nor a code of Whisper's, as en or es"))
}

impl CampaignConfig {
    /// Its packs out of `all`, in the order of `all`; `None` where nothing is said of packs. The error is the name that none of them has.
    fn packs_of(&self, all: &[Pack]) -> Option<Result<Vec<Pack>, String>> {
        let names = self.packs.as_ref()?;
        if let Some(unknown) = names.iter().find(|name| !all.iter().any(|pack| pack.name == **name)) {
            return Some(Err(unknown.clone()));
        }
        Some(Ok(all.iter().filter(|pack| names.contains(&pack.name)).cloned().collect()))
    }
}

fn unknown_pack(name: &str, all: &[Pack]) -> String {
    let known: Vec<&str> = all.iter().map(|pack| pack.name.as_str()).collect();
    format!("{name:?} is not the name of a pack; the packs are {}", known.join(", "))
}

/// Checks them against each other, and against the packs where those can be read: what is wrong with a pack is told when it is loaded.
pub(super) fn check(
    campaigns: &[CampaignConfig],
    packs: impl FnOnce() -> Result<Vec<Pack>, PackError>,
) -> Result<(), Mistake> {
    let mut names = HashSet::new();
    if let Some(twice) = campaigns.iter().find(|campaign| !names.insert(campaign.name.to_lowercase())) {
        return Err(("campaign", "name", format!("{:?} is there twice; put all of it into one block", twice.name)));
    }
    if campaigns.iter().all(|campaign| campaign.packs.is_none()) {
        return Ok(());
    }
    let Ok(all) = packs() else { return Ok(()) };
    match campaigns.iter().find_map(|campaign| campaign.packs_of(&all)?.err()) {
        Some(unknown) => Err(("campaign", "packs", unknown_pack(&unknown, &all))),
        None => Ok(()),
    }
}

/// The campaigns whose calls are analysed by packs of their own, with those.
pub(super) fn with_packs(campaigns: &[CampaignConfig], all: &[Pack]) -> Result<Vec<(String, Vec<Pack>)>, PackError> {
    let mut own = Vec::new();
    for campaign in campaigns {
        match campaign.packs_of(all) {
            None => {}
            Some(Ok(packs)) => own.push((campaign.name.clone(), packs)),
            Some(Err(unknown)) => {
                let file = format!("[[campaign]] {}", campaign.name);
                return Err(PackError { file, line: 1, column: 1, message: unknown_pack(&unknown, all) });
            }
        }
    }
    Ok(own)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::call::Leg;
    use crate::config::Config;

    fn read(text: &str) -> Result<Config, String> {
        Config::parse(Path::new("x.toml"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_not_understood_is_refused_with_its_line() {
        let good =
            "[[campaign]]\nname = \"SALES\"\npacks = [\"sales\"]\nlanguage = \"es\"\n[[campaign]]\nname = \"TEST\"\n";
        for (wrong, told) in [
            ("packs = [\"sale\"]", "line 7: [campaign] packs: \"sale\" is not the name of a pack; the packs are "),
            ("packs = []", "line 7"),
            ("language = \"spanish\"", "line 7"),
            ("model = \"small\"", "unknown field `model`"),
            ("text_days = -1", "line 7"),
            ("[[campaign]]\nname = \"sales\"", "line 8: [campaign] name: \"sales\" is there twice"),
            ("[[campaign]]\nname = \"SA*\"", "line 8"),
            ("[[campaign]]\ntext_days = 1", "missing field `name`"),
        ] {
            let error = read(&format!("{good}{wrong}\n")).expect_err(wrong);
            assert!(error.contains(told), "{wrong}: {error}");
        }
        let error = read("[[campaign]]\nname = \"A\"\nlanguage = \"spanish\"\n").expect_err("no code");
        assert!(error.contains("as en or es"), "{error}");
        assert_eq!(read(good).expect("good").campaign.len(), 2);
    }

    #[test]
    fn a_campaigns_calls_are_read_by_its_packs_and_redacted_by_all() {
        let folder = tempfile::tempdir().expect("temp dir");
        let pack = |name: &str, body: &str| {
            let text = format!("name = \"{name}\"\nversion = \"1\"\nlanguage = \"en\"\n{body}");
            std::fs::write(folder.path().join(format!("{name}.toml")), text).expect("write");
        };
        pack("one", "[[keyword]]\nlabel = \"parcel\"\nterms = [\"parcel\"]\n");
        pack("two", "[[keyword]]\nlabel = \"refund\"\nterms = [\"refund\"]\n");
        let text = format!(
            "[text]\npacks = {:?}\n[[campaign]]\nname = \"SALES\"\npacks = [\"two\"]\nlanguage = \"auto\"\n",
            folder.path().display().to_string()
        );
        let config = read(&text).expect("good");
        let analyser = std::sync::Arc::new(config.analyser().expect("packs"));
        let labels = |campaign: Option<&str>| {
            let analysis = analyser.of_campaign(campaign).analyse("a refund for the parcel", Leg::Caller);
            analysis.keywords.into_iter().map(|hit| hit.label).collect::<Vec<_>>()
        };
        assert_eq!(labels(None), ["refund", "parcel"]);
        assert_eq!(labels(Some("sales")), ["refund"], "in any case of its name");
        assert_eq!(labels(Some("SALES2")).len(), 2);
        let hints = config.hints();
        assert_eq!((hints.language_of(Some("Sales")), hints.language_of(Some("x"))), (None, Some("en")));
        // A pack that goes away is an error of the packs, for whoever reloads them.
        std::fs::remove_file(folder.path().join("two.toml")).expect("remove");
        let error = config.analyser().expect_err("gone").to_string();
        assert!(error.contains("SALES") && error.contains("\"two\" is not the name of a pack"), "{error}");
    }
}
