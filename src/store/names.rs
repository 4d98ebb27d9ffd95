//! Names of agents and campaigns as people type them: in whatever case, or nearly.

use super::which::{AnyCase, NameColumn};
use super::{Store, StoreError};

/// Names that are offered in the place of one that nobody knows.
const SIMILAR: usize = 3;

impl Store {
    /// The spelling that the database has of a name: the same, else one that differs in case alone, else as it was asked for.
    pub async fn spelling(&self, of: NameColumn, asked: Option<String>) -> Result<Option<String>, StoreError> {
        let Some(asked) = asked.map(|asked| asked.trim().to_owned()) else { return Ok(None) };
        self.read(move |db| {
            let mut name = Some(AnyCase::from(asked.clone()));
            of.spelled(db, &mut name)?;
            let names = name.map(|name| name.0).unwrap_or_default();
            Ok(if names.contains(&asked) { Some(asked.clone()) } else { names.into_iter().next() })
        })
        .await
    }

    /// Agents whose names are near, where none has this one: of one campaign's calls where `only` names it.
    pub async fn similar_agents(&self, asked: String, only: Option<String>) -> Result<Vec<String>, StoreError> {
        self.read(move |db| {
            let names = match &only {
                None => NameColumn::Agent.all(db)?,
                Some(only) => db
                    .prepare_cached("SELECT DISTINCT agent FROM call WHERE campaign = ?1 AND agent IS NOT NULL")?
                    .query_map([only], |row| row.get(0))?
                    .collect::<Result<_, _>>()?,
            };
            Ok(similar(&asked, names))
        })
        .await
    }
}

/// The nearest of these names, best first; none where one is the same but for its case.
fn similar(asked: &str, names: Vec<String>) -> Vec<String> {
    let asked = asked.to_lowercase();
    let far = (asked.chars().count() / 3).max(1);
    let mut near = Vec::new();
    for name in names {
        let other = name.to_lowercase();
        if other == asked {
            return Vec::new();
        }
        let distance = strsim::damerau_levenshtein(&asked, &other);
        let begins = asked.len() > 1 && other.starts_with(&asked);
        if begins || distance <= far {
            near.push((if begins { 0 } else { distance }, name));
        }
    }
    near.sort();
    near.into_iter().take(SIMILAR).map(|(_, name)| name).collect()
}
