//! ViciDial's agents: their names, remembered for a while, and their seconds on a call.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::lookup::Lookup;
use super::queries;
use crate::contract::dialer::DialerFacts;
use crate::integrate::dialer::connection::DialerError;
use crate::integrate::dialer::fields::RowFields;

/// A name is looked up again after so long.
const REMEMBERED: Duration = Duration::from_mins(10);
/// Names that are remembered, at most; then all are forgotten.
const MOST: usize = 5000;
/// An agent may have waited so long for the call: their row begins with that.
const WAITED_S: i64 = 6 * 3600;

/// Full name and group of a user.
type Name = (Option<String>, Option<String>);

/// Users by their login.
#[derive(Default)]
pub(super) struct Users(HashMap<String, (Instant, Name)>);

impl Users {
    /// Adds a user's name and group to what is known.
    pub(super) async fn tell(
        &mut self,
        lookup: &mut Lookup<'_>,
        user: &str,
        facts: &mut DialerFacts,
    ) -> Result<(), DialerError> {
        let known = self.0.get(user).filter(|(at, _)| at.elapsed() < REMEMBERED);
        let (name, group) = if let Some((_, name)) = known {
            name.clone()
        } else {
            let rows = lookup.by_text(&queries::USER, user).await?;
            let name = rows.first().map(|row| (row.text(0), row.text(1)));
            if let Some(name) = &name {
                if self.0.len() >= MOST {
                    self.0.clear();
                }
                self.0.insert(user.into(), (Instant::now(), name.clone()));
            }
            name.unwrap_or_default()
        };
        facts.agent_name = name;
        facts.user_group = facts.user_group.take().or(group);
        Ok(())
    }
}

/// Adds the agent's seconds and disposition; whether the agent has disposed of the call.
pub(super) async fn tell_seconds(
    lookup: &mut Lookup<'_>,
    (lead, start): (i64, i64),
    user: &str,
    facts: &mut DialerFacts,
) -> Result<bool, DialerError> {
    let values = vec![lead.into(), (start - WAITED_S).max(0).into()];
    let rows = match lookup.connection.rows(&queries::AGENT_LOG, values).await {
        Err(error) if error.is_of_one_query() => {
            lookup.is_blocked = true;
            return Ok(false);
        }
        rows => rows?,
    };
    let is = |row: &&RowFields, column: usize, wanted: &str| row.text(column).as_deref() == Some(wanted);
    let begun = |row: &&RowFields| row.number(1).unwrap_or_default();
    let own = || rows.iter().filter(|row| is(row, 0, user));
    let of_call =
        facts.uniqueid.as_deref().and_then(|uniqueid| own().filter(|row| is(row, 8, uniqueid)).max_by_key(begun));
    // Without the uniqueid, of which a manual dial may have none: the agent's last turn with this lead that began before the call was over.
    let end = start + facts.length_seconds.unwrap_or(24 * 3600);
    let in_time = || own().filter(|row| begun(row) <= end + 5).max_by_key(begun);
    let Some(row) = of_call.or_else(in_time) else { return Ok(false) };
    facts.pause_seconds = row.seconds(2);
    facts.wait_seconds = row.seconds(3);
    facts.talk_seconds = row.seconds(4);
    facts.wrap_seconds = row.seconds(5);
    facts.dead_seconds = row.seconds(6);
    let status = row.text(7);
    facts.disposition = facts.disposition.take().or_else(|| status.clone());
    Ok(status.is_some())
}
