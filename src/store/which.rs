//! Which calls: what the list, the search and the alerts are filtered by alike. The one place where a filter gets its meaning; docs/api.md, "Filters",
//! says it to people.

use rusqlite::Connection;
use rusqlite::types::Value;

use crate::call::{CallState, WallTime};

/// Last digits by which a telephone number is found; a shorter one must be whole.
pub const PHONE_END: usize = 6;
/// Characters of an id by which it is found wherever they stand in it; a shorter text must be the whole id.
pub const ID_PART: usize = 6;
/// Digits that two numbers must have in common at their end, by which they are indexed.
const INDEXED: usize = 7;

/// A name of an agent or a campaign in whatever case: the spellings in which the database has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnyCase(pub(super) Vec<String>);

impl From<&str> for AnyCase {
    fn from(name: &str) -> Self {
        Self(vec![name.into()])
    }
}

impl From<String> for AnyCase {
    fn from(name: String) -> Self {
        Self(vec![name])
    }
}

impl AnyCase {
    /// The spellings as a list in JSON, for `json_each`.
    pub(super) fn listed(&self) -> String {
        serde_json::Value::from(&*self.0).to_string()
    }
}

/// Whether two names are of one agent, or of one campaign: in capitals or not.
pub fn same_name(one: &str, other: &str) -> bool {
    one == other || one.to_lowercase() == other.to_lowercase()
}

/// A column of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameColumn {
    /// Agents.
    Agent,
    /// Campaigns, in-groups and queues.
    Campaign,
}

impl NameColumn {
    /// All names, each once: jumps from one to the next in the index, and reads no call twice.
    pub(super) fn all(self, db: &Connection) -> rusqlite::Result<Vec<String>> {
        let column = match self {
            Self::Agent => "agent",
            Self::Campaign => "campaign",
        };
        let sql = format!(
            "WITH RECURSIVE name(it) AS (
                 SELECT min({column}) FROM call
                 UNION ALL
                 SELECT (SELECT min({column}) FROM call WHERE {column} > it) FROM name WHERE it IS NOT NULL
             )
             SELECT it FROM name WHERE it IS NOT NULL"
        );
        db.prepare_cached(&sql)?.query_map([], |row| row.get(0))?.collect()
    }

    /// The name in the spellings that there are; as it was asked for where there is none.
    pub(super) fn spelled(self, db: &Connection, asked: &mut Option<AnyCase>) -> rusqlite::Result<()> {
        asked.as_mut().map_or(Ok(()), |asked| self.spell(db, asked))
    }

    /// The same for a name that was given.
    pub(super) fn spell(self, db: &Connection, AnyCase(names): &mut AnyCase) -> rusqlite::Result<()> {
        let known = self.all(db)?.into_iter();
        let found: Vec<String> = known.filter(|known| names.iter().any(|name| same_name(name, known))).collect();
        if !found.is_empty() {
            *names = found;
        }
        Ok(())
    }

    /// A condition on a row of `call`, and its value.
    pub(super) fn condition(self, asked: &AnyCase) -> (&'static str, Vec<Value>) {
        match (self, &*asked.0) {
            (Self::Agent, [one]) => ("call.agent = ?", vec![one.clone().into()]),
            (Self::Campaign, [one]) => ("call.campaign = ?", vec![one.clone().into()]),
            (Self::Agent, _) => ("call.agent IN (SELECT value FROM json_each(?))", vec![asked.listed().into()]),
            (Self::Campaign, _) => ("call.campaign IN (SELECT value FROM json_each(?))", vec![asked.listed().into()]),
        }
    }
}

/// The last digits of a number, by which numbers are indexed.
fn end(digits: &str) -> &str {
    &digits[digits.len().saturating_sub(INDEXED)..]
}

/// A telephone number, however it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PhoneNumber {
    /// Its digits without the zeros before it.
    Digits(String),
    /// What a PBX writes where there is none, like `anonymous`.
    Word(String),
}

impl PhoneNumber {
    /// Reads one: marks between digits, a `+`, `00` or `0` before it and `(0)` in it mean nothing. `None` for what is neither a number nor a word.
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let without = text.replace("(0)", "");
        let digits: String = without.chars().filter(char::is_ascii_digit).collect();
        let digits = digits.trim_start_matches('0');
        let is_number = text.chars().all(|c| c.is_ascii_digit() || " +-()./".contains(c));
        match () {
            () if is_number && !digits.is_empty() => Some(Self::Digits(digits.into())),
            () if !text.is_empty() && text.chars().all(|c| c.is_alphabetic() || " _-".contains(c)) => {
                Some(Self::Word(text.into()))
            }
            () => None,
        }
    }

    /// Whether an index finds it: all others are compared one by one.
    pub(super) fn is_indexed(&self) -> bool {
        matches!(self, Self::Digits(digits) if digits.len() != PHONE_END)
    }

    pub(super) fn condition(&self) -> (&'static str, Vec<Value>) {
        match self {
            Self::Word(word) => ("call.phone = ? COLLATE NOCASE", vec![word.clone().into()]),
            Self::Digits(digits) if digits.len() == PHONE_END => {
                ("substr(call.phone_digits, -6) = ?", vec![digits.clone().into()])
            }
            // A shorter one finds what is the same, as an extension: of a longer number the last seven digits are another text.
            Self::Digits(digits) if digits.len() < PHONE_END => {
                ("substr(call.phone_digits, -7) = ?", vec![digits.clone().into()])
            }
            // With and without what stands before it: whichever is longer ends with the other.
            Self::Digits(digits) => {
                let (end, all) = (Value::from(end(digits).to_owned()), Value::from(digits.clone()));
                let same = "substr(call.phone_digits, -7) = ? AND (substr(call.phone_digits, -length(?)) = ? \
                            OR substr(?, -length(call.phone_digits)) = call.phone_digits)";
                (same, vec![end, all.clone(), all.clone(), all])
            }
        }
    }
}

/// Which calls; only what is set takes part, and all of it has to fit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Which {
    /// In this state.
    pub state: Option<CallState>,
    /// Calls of this agent only.
    pub agent: Option<AnyCase>,
    /// Calls of this campaign only.
    pub campaign: Option<AnyCase>,
    /// Calls of this lead only.
    pub lead: Option<String>,
    /// Calls with this number only.
    pub phone: Option<PhoneNumber>,
    /// Calls with this in one of their ids.
    pub uniqueid: Option<String>,
    /// Begun at or after.
    pub since: Option<WallTime>,
    /// Begun at or before.
    pub until: Option<WallTime>,
    /// Mean compound at least.
    pub min_sentiment: Option<f64>,
    /// Mean compound at most.
    pub max_sentiment: Option<f64>,
    /// Points of the score card at least, of a hundred.
    pub min_score: Option<f64>,
    /// Points of the score card at most.
    pub max_score: Option<f64>,
    /// Whose agent is known, or is not.
    pub has_agent: Option<bool>,
    /// With, or without, alerts.
    pub has_alerts: Option<bool>,
    /// With, or without, a breach of a limit of `[sla]`.
    pub sla_breached: Option<bool>,
    /// With this tag.
    pub tag: Option<String>,
    /// Calls of other campaigns do not exist for the one who asks.
    pub only: Option<String>,
}

/// A text that is one of a call's ids, or a part of one.
fn id_condition(text: &str) -> (&'static str, Vec<Value>) {
    let value = Value::from(text.to_lowercase());
    let clause = if text.len() < ID_PART {
        "(lower(call.call_id) = ? OR lower(call.uniqueid) = ? OR EXISTS (SELECT 1 FROM call_alias WHERE call_alias.call = call.id AND lower(alias) = ?))"
    } else {
        "(instr(lower(call.call_id), ?) > 0 OR instr(lower(call.uniqueid), ?) > 0 \
         OR EXISTS (SELECT 1 FROM call_alias WHERE call_alias.call = call.id AND instr(lower(alias), ?) > 0))"
    };
    (clause, vec![value.clone(), value.clone(), value])
}

/// A condition on a call's score; calls without one never fit.
macro_rules! scored {
    ($is:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM review WHERE review.call = call.id AND points_of > 0 AND points / points_of * 100 ",
            $is,
            ")"
        )
    };
}

impl Which {
    /// Conditions on a row of `call`, and their values.
    pub(super) fn conditions(&self) -> Vec<(&'static str, Vec<Value>)> {
        let text = |text: &Option<String>| text.clone().map(|text| vec![Value::from(text)]);
        let time = |at: Option<WallTime>| at.map(|at| vec![Value::from(at.0)]);
        let number = |value: Option<f64>| value.map(|value| vec![Value::from(value)]);
        let single = [
            ("call.state = ?", self.state.map(|state| vec![state.as_str().to_string().into()])),
            ("call.campaign = ?", text(&self.only)),
            ("call.lead = ?", text(&self.lead)),
            ("EXISTS (SELECT 1 FROM call_tag WHERE call_tag.call = call.id AND call_tag.tag = ?)", text(&self.tag)),
            ("call.started_ms >= ?", time(self.since)),
            ("call.started_ms <= ?", time(self.until)),
            ("call.sentiment >= ?", number(self.min_sentiment)),
            ("call.sentiment <= ?", number(self.max_sentiment)),
            (scored!(">= ?"), number(self.min_score)),
            (scored!("<= ?"), number(self.max_score)),
            ("(call.agent IS NOT NULL) = ?", self.has_agent.map(|known| vec![i64::from(known).into()])),
            (super::rows::sla::BREACHED, self.sla_breached.map(|with| vec![i64::from(with).into()])),
            ("call.has_alerts = ?", self.has_alerts.map(|with| vec![i64::from(with).into()])),
        ];
        let mut all: Vec<_> = single.into_iter().filter_map(|(condition, values)| Some((condition, values?))).collect();
        all.extend(self.agent.as_ref().map(|name| NameColumn::Agent.condition(name)));
        all.extend(self.campaign.as_ref().map(|name| NameColumn::Campaign.condition(name)));
        all.extend(self.phone.as_ref().map(PhoneNumber::condition));
        all.extend(self.uniqueid.as_deref().map(id_condition));
        all
    }

    /// Brings the names into the spellings that the database has.
    pub(super) fn spell(&mut self, db: &Connection) -> rusqlite::Result<()> {
        NameColumn::Agent.spelled(db, &mut self.agent)?;
        NameColumn::Campaign.spelled(db, &mut self.campaign)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Store;
    use super::super::calls::CallFilter;
    use super::super::change::Change;
    use super::super::tests::{call, open};
    use super::*;
    use crate::call::{CallKey, CallNames};

    async fn found(store: &Store, which: Which) -> Vec<String> {
        let filter = CallFilter { which, limit: 10, ..CallFilter::default() };
        let mut ids: Vec<String> =
            store.list_calls(filter).await.expect("query").into_iter().map(|call| call.call_id).collect();
        ids.sort();
        ids
    }

    #[tokio::test]
    async fn a_call_is_found_by_its_number_however_it_is_written_and_by_its_end() {
        let (_folder, store) = open();
        let mut changes = Vec::new();
        let numbers = ["+44 20 7946 0958", "02079460958", "1001", "anonymous", "+1 (312) 555-1212", "4420712345"];
        for (key, number) in (1..).zip(numbers) {
            let names = CallNames { phone: Some(number.into()), ..CallNames::default() };
            changes
                .extend([call(key, &format!("c.{key}"), key * 1000), Change::CallNamed { call: CallKey(key), names }]);
        }
        store.writer().commit(changes).await.expect("written");
        for (written, wanted) in [
            ("+442079460958", &["c.1", "c.2"][..]),
            ("0044 20 7946 0958", &["c.1", "c.2"]),
            ("+44 (0)20 7946-0958", &["c.1", "c.2"]),
            ("020 7946 0958", &["c.1", "c.2"]),
            ("7946.0958", &["c.1", "c.2"]),
            ("460958", &["c.1", "c.2"]),
            ("60958", &[]),
            ("1001", &["c.3"]),
            ("ANONYMOUS", &["c.4"]),
            ("312/555 1212", &["c.5"]),
            ("9995551212", &[]),
            ("+49 20 7946 0958", &["c.2"]),
        ] {
            let phone = PhoneNumber::read(written);
            assert!(phone.is_some(), "{written}");
            assert_eq!(found(&store, Which { phone, ..Which::default() }).await, wanted, "{written}");
        }
        for wrong in ["", "  ", "12ab", "0", "+", "%", "1; DROP"] {
            assert_eq!(PhoneNumber::read(wrong), None, "{wrong}");
        }
    }

    #[tokio::test]
    async fn names_are_found_in_any_case_and_ids_by_a_part() {
        let (_folder, store) = open();
        let mut changes = Vec::new();
        for (key, (id, agent)) in
            (1..).zip([("1795218045.12", "Mary"), ("1795218045.7", "MARY"), ("X-1", "jos\u{c9}"), ("A_B-C.D", "bob")])
        {
            let names = CallNames { agent: Some(agent.into()), campaign: Some("Sales".into()), ..CallNames::default() };
            changes.extend([call(key, id, key * 1000), Change::CallNamed { call: CallKey(key), names }]);
        }
        store.writer().commit(changes).await.expect("written");
        let of = |agent: &str| Which { agent: Some(agent.into()), campaign: Some("SALES".into()), ..Which::default() };
        assert_eq!(found(&store, of("mary")).await, ["1795218045.12", "1795218045.7"]);
        assert_eq!(found(&store, of("JOS\u{e9}")).await, ["X-1"]);
        assert!(found(&store, of("mar")).await.is_empty());
        store.writer().commit(vec![call(9, "nobodys", 9000)]).await.expect("written");
        let without = store.writer().run(|db| db.execute("UPDATE call SET agent = NULL WHERE id = 9", []));
        assert_eq!(without.await.expect("update"), 1);
        let known = |is: bool| Which { has_agent: Some(is), ..Which::default() };
        assert_eq!(found(&store, known(false)).await, ["nobodys"]);
        assert_eq!(found(&store, known(true)).await.len(), 4);
        let id = |part: &str| Which { uniqueid: Some(part.into()), ..Which::default() };
        for (part, wanted) in [
            ("218045.1", &["1795218045.12"][..]),
            ("1795218045", &["1795218045.12", "1795218045.7"]),
            ("45.12", &[]),
            ("x-1", &["X-1"]),
            ("a_b-c.", &["A_B-C.D"]),
            ("______", &[]),
        ] {
            assert_eq!(found(&store, id(part)).await, wanted, "{part}");
        }
        let near = async |asked: &str| store.similar_agents(asked.into(), None).await.expect("query");
        assert_eq!(near("mayr").await, ["MARY", "Mary"]);
        assert_eq!(near("bo").await, ["bob"]);
        assert!(near("mary").await.is_empty() && near("zzzz").await.is_empty());
        let of_others = store.similar_agents("mayr".into(), Some("CLAIMS".into())).await.expect("query");
        assert!(of_others.is_empty(), "agents of other campaigns are not named");
        let spelled = store.spelling(NameColumn::Agent, Some("mary".into())).await.expect("query");
        assert_eq!(spelled.as_deref(), Some("MARY"));
        let spelled = store.spelling(NameColumn::Agent, Some("Mary".into())).await.expect("query");
        assert_eq!(spelled.as_deref(), Some("Mary"));
    }
}
