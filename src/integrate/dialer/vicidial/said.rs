//! Names that are likely to be said on a call: the lead's, and those of campaign, in-group and list. They are remembered for a while and kept nowhere: not
//! in a row, not in a log line.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::queries;
use crate::contract::dialer::DialerFacts;
use crate::integrate::dialer::connection::{Connection, DialerError, Query};
use crate::integrate::dialer::names::is_comparable;

/// A name is looked up again after so long.
const REMEMBERED: Duration = Duration::from_mins(10);
/// Names that are remembered, at most; then all are forgotten.
const MOST: usize = 5000;

/// Names by the query that found them and the key.
#[derive(Default)]
pub(super) struct SaidNames(HashMap<(&'static str, String), (Instant, Option<String>)>);

impl SaidNames {
    /// The names of a call, the more important first. What cannot be read is left out: nothing waits for it.
    pub(super) async fn of(
        &mut self,
        connection: &mut Connection,
        facts: &DialerFacts,
    ) -> Result<Vec<String>, DialerError> {
        let list = facts.list_id.map(|id| id.to_string());
        let asked: [(&'static Query, Option<&String>); 4] = [
            (&queries::LEAD_NAME, facts.lead.as_ref()),
            (&queries::CAMPAIGN_NAME, facts.campaign.as_ref()),
            (&queries::GROUP_NAME, facts.in_group.as_ref()),
            (&queries::LIST_NAME, list.as_ref()),
        ];
        let mut names: Vec<String> = facts.agent_name.iter().cloned().collect();
        for (query, key) in asked {
            if let Some(key) = key {
                names.extend(self.look_up(connection, query, key).await?);
            }
        }
        Ok(names)
    }

    async fn look_up(
        &mut self,
        connection: &mut Connection,
        query: &'static Query,
        key: &str,
    ) -> Result<Option<String>, DialerError> {
        let place = (query.name, key.to_owned());
        if let Some((_, name)) = self.0.get(&place).filter(|(at, _)| at.elapsed() < REMEMBERED) {
            return Ok(name.clone());
        }
        if !is_comparable(key) || connection.refused().contains_key(query.name) {
            return Ok(None);
        }
        let rows = match connection.rows(query, vec![key.into()]).await {
            Err(error) if error.is_of_one_query() => return Ok(None),
            rows => rows?,
        };
        let name =
            rows.first().map(|row| [row.text(0), row.text(1)].into_iter().flatten().collect::<Vec<_>>().join(" "));
        let name = name.filter(|name| !name.is_empty());
        if self.0.len() >= MOST {
            self.0.clear();
        }
        self.0.insert(place, (Instant::now(), name.clone()));
        Ok(name)
    }
}
