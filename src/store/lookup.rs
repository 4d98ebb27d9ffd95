//! Finds calls by what a dialer's script knows: uniqueid, lead, recording or phone. Each key walks one index, but for words and for six digits of a number.

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::calls::{CallRow, one};
use super::which::PhoneNumber;
use super::{Store, StoreError};

/// A key by which calls are looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LookupKey {
    /// Asterisk's uniqueid. Without its fraction (`1795218045`) it means every call of that second, as in ViciDial's Non-Agent API.
    Uniqueid(String),
    /// The lead.
    Lead(String),
    /// The dialer's number of a recording.
    Recording(String),
    /// A telephone number, as lists are filtered by it.
    Phone(PhoneNumber),
}

/// The calls that were found, newest first.
#[derive(Clone, Debug, Default)]
pub struct LookupResult {
    /// The calls, no more than were asked for.
    pub calls: Vec<CallRow>,
    /// Whether there are older ones.
    pub more: bool,
}

pub(super) const BY_UNIQUEID: &str = "
    SELECT id FROM call WHERE call_id = ?1
    UNION ALL SELECT call FROM call_alias WHERE alias = ?1
    UNION ALL SELECT id FROM call WHERE uniqueid = ?1
    UNION ALL SELECT call FROM dialer WHERE uniqueid = ?1";
/// All that begin with the second and a dot: `/` is the character behind the dot.
pub(super) const BY_SECOND: &str = "
    SELECT id FROM call WHERE call_id > ?1 || '.' AND call_id < ?1 || '/'
    UNION ALL SELECT call FROM call_alias WHERE alias > ?1 || '.' AND alias < ?1 || '/'
    UNION ALL SELECT id FROM call WHERE uniqueid > ?1 || '.' AND uniqueid < ?1 || '/'";
pub(super) const BY_LEAD: &str = "
    SELECT id, campaign FROM call
    WHERE lead = ?1
    ORDER BY started_ms DESC, id DESC";
/// The only query for a recording's number. [`recording_id`] reads it from a row.
pub(super) const BY_RECORDING: &str =
    "SELECT id FROM call WHERE CAST(json_extract(metadata, '$.recording_id') AS TEXT) = ?1";

/// Calls with a telephone number, by the condition of the lists.
pub(super) fn by_phone(phone: &PhoneNumber) -> (String, Vec<Value>) {
    let (condition, values) = phone.condition();
    (format!("SELECT id, campaign FROM call WHERE {condition} ORDER BY started_ms DESC, id DESC"), values)
}

/// The digits of a telephone number, without the zeros before it. `None` without a digit.
fn digits(phone: &str) -> Option<String> {
    let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
    Some(digits.trim_start_matches('0').to_owned()).filter(|digits| !digits.is_empty())
}

/// The dialer's number of a call's recording.
pub fn recording_id(call: &CallRow) -> Option<String> {
    let metadata: serde_json::Value = serde_json::from_str(&call.metadata).ok()?;
    match &metadata["recording_id"] {
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Whether two numbers are one, written with and without what stands before it.
fn is_same(one: &str, other: &str) -> bool {
    one.ends_with(other) || other.ends_with(one)
}

/// Digits of a number from which on it is the same with a country code before it; shorter ones, such as extensions, are told from each other whole.
const NATIONAL: usize = 9;

/// Whether two texts are surely one number, by their digits. Stricter than a filter, for what is erased does not come back.
pub(super) fn is_surely_same(one: &str, other: &str) -> bool {
    let digits = |text: &str| digits(&text.replace("(0)", ""));
    match (digits(one), digits(other)) {
        (Some(one), Some(other)) => one == other || one.len().min(other.len()) >= NATIONAL && is_same(&one, &other),
        _ => one == other,
    }
}

/// The queries that find a call by a name: each has few rows.
fn by_name(key: &LookupKey) -> Option<(Vec<&'static str>, &str)> {
    match key {
        LookupKey::Uniqueid(id) if !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some((vec![BY_UNIQUEID, BY_SECOND], id))
        }
        LookupKey::Uniqueid(id) => Some((vec![BY_UNIQUEID], id)),
        LookupKey::Recording(id) => Some((vec![BY_RECORDING], id)),
        LookupKey::Lead(_) | LookupKey::Phone(_) => None,
    }
}

/// Calls that these queries find, newest first.
fn named(db: &Connection, queries: &[&str], name: &str, only: Option<&str>) -> rusqlite::Result<Vec<CallRow>> {
    let mut keys = Vec::new();
    for sql in queries {
        let found: rusqlite::Result<Vec<i64>> = db.prepare_cached(sql)?.query_map([name], |row| row.get(0))?.collect();
        keys.extend(found?);
    }
    keys.sort_unstable();
    keys.dedup();
    let mut calls = Vec::new();
    for key in keys {
        calls.extend(one(db, key)?.filter(|call| only.is_none() || call.campaign.as_deref() == only));
    }
    calls.sort_by_key(|call| std::cmp::Reverse((call.started.0, call.key.0)));
    Ok(calls)
}

fn find(db: &Connection, key: &LookupKey, only: Option<&str>, limit: usize) -> rusqlite::Result<LookupResult> {
    if let Some((queries, name)) = by_name(key) {
        let mut calls = named(db, &queries, name, only)?;
        let more = calls.len() > limit;
        calls.truncate(limit);
        return Ok(LookupResult { calls, more });
    }
    let (sql, values) = match key {
        LookupKey::Phone(phone) => by_phone(phone),
        LookupKey::Lead(name) | LookupKey::Uniqueid(name) | LookupKey::Recording(name) => {
            (BY_LEAD.to_owned(), vec![Value::from(name.clone())])
        }
    };
    let mut query = db.prepare_cached(&sql)?;
    let mut rows = query.query(params_from_iter(values))?;
    let mut found = LookupResult::default();
    while let Some(row) = rows.next()? {
        let (id, campaign): (i64, Option<String>) = (row.get(0)?, row.get(1)?);
        if only.is_some() && campaign.as_deref() != only {
            continue;
        }
        if found.calls.len() == limit {
            found.more = true;
            break;
        }
        found.calls.extend(one(db, id)?);
    }
    Ok(found)
}

impl Store {
    /// The calls of a key, newest first; of one campaign where `only` names it.
    pub async fn lookup(&self, key: LookupKey, only: Option<String>, limit: u32) -> Result<LookupResult, StoreError> {
        // A word, and six digits, are in no index.
        let is_long = matches!(&key, LookupKey::Phone(phone) if !phone.is_indexed());
        self.read_for(is_long, move |db| find(db, &key, only.as_deref(), limit as usize)).await
    }
}

#[cfg(test)]
mod tests {
    use super::super::change::Change;
    use super::super::tests::{call, open};
    use super::*;
    use crate::call::{CallKey, CallNames};

    fn named(key: i64, names: CallNames) -> Change {
        Change::CallNamed { call: CallKey(key), names }
    }

    async fn found(store: &Store, key: LookupKey) -> Vec<String> {
        let found = store.lookup(key, None, 10).await.expect("a query");
        found.calls.into_iter().map(|call| call.call_id).collect()
    }

    #[test]
    fn a_number_that_is_erased_is_one_however_it_is_written_and_no_shorter_one() {
        for other in ["+44 20 7946 0958", "(020) 7946-0958", "0044 (0)20 7946 0958", "2079460958", "tel:02079460958"] {
            assert!(is_surely_same("02079460958", other) && is_surely_same(other, "02079460958"), "{other}");
        }
        for other in ["9460958", "0958", "+44 20 7946 0959", "anonymous", ""] {
            assert!(!is_surely_same("02079460958", other), "{other}");
        }
        assert!(is_surely_same("350a", "350a") && is_surely_same("101", "0101") && !is_surely_same("101", "9101"));
    }

    #[tokio::test]
    async fn a_second_means_all_its_calls_and_a_whole_uniqueid_one() {
        let (_folder, store) = open();
        let uniqueid = |text: &str| CallNames { uniqueid: Some(text.into()), ..CallNames::default() };
        let changes = vec![
            call(1, "1795218045.12", 1000),
            call(2, "20261123-101010_4711", 3000),
            named(2, uniqueid("1795218045.7")),
            call(3, "17952180451.5", 2000),
            call(4, "1795218046.1", 4000),
        ];
        store.writer().commit(changes).await.expect("written");
        let by = |text: &str| LookupKey::Uniqueid(text.into());
        assert_eq!(found(&store, by("1795218045")).await, ["20261123-101010_4711", "1795218045.12"]);
        assert_eq!(found(&store, by("1795218045.12")).await, ["1795218045.12"]);
        assert_eq!(found(&store, by("1795218045.7")).await, ["20261123-101010_4711"]);
        for nothing in ["1795218045.1", "179521804", "1795218045.", "%"] {
            assert!(found(&store, by(nothing)).await.is_empty(), "{nothing}");
        }
        let first = store.lookup(by("1795218045"), None, 1).await.expect("a query");
        assert_eq!((first.calls.len(), first.more), (1, true));
    }

    #[tokio::test]
    async fn a_number_is_found_however_it_is_written_and_no_other_is() {
        let (_folder, store) = open();
        let phone = |text: &str| CallNames { phone: Some(text.into()), ..CallNames::default() };
        let mut changes = Vec::new();
        for (key, number) in
            [(1, "+1 (312) 555-1212"), (2, "13125551212"), (3, "4155551212"), (4, "1001"), (5, "anonymous")]
        {
            changes.extend([call(key, &format!("c.{key}"), key * 1000), named(key, phone(number))]);
        }
        store.writer().commit(changes).await.expect("written");
        for (written, wanted) in [
            ("3125551212", &["c.2", "c.1"][..]),
            ("+13125551212", &["c.2", "c.1"]),
            ("0013125551212", &["c.2", "c.1"]),
            ("312-555-1212", &["c.2", "c.1"]),
            ("0312 555 1212", &["c.2", "c.1"]),
            ("5551212", &["c.3", "c.2", "c.1"]),
            ("551212", &["c.3", "c.2", "c.1"]),
            ("51212", &[]),
            ("1001", &["c.4"]),
            ("Anonymous", &["c.5"]),
        ] {
            let key = LookupKey::Phone(PhoneNumber::read(written).expect("a number"));
            assert_eq!(found(&store, key).await, wanted, "{written}");
        }
    }

    #[tokio::test]
    async fn leads_and_recordings_are_found_newest_first_and_keep_to_a_campaign() {
        let (_folder, store) = open();
        let names = |campaign: &str, recording: serde_json::Value| CallNames {
            lead: Some("876409".into()),
            campaign: Some(campaign.into()),
            metadata: serde_json::json!({ "recording_id": recording }).as_object().cloned(),
            ..CallNames::default()
        };
        let changes = vec![
            call(1, "a", 1000),
            named(1, names("SALES", 534_820.into())),
            call(2, "b", 2000),
            named(2, names("CLAIMS", "534820".into())),
        ];
        store.writer().commit(changes).await.expect("written");
        assert_eq!(found(&store, LookupKey::Lead("876409".into())).await, ["b", "a"]);
        assert_eq!(found(&store, LookupKey::Recording("534820".into())).await, ["b", "a"]);
        let sales = store.lookup(LookupKey::Lead("876409".into()), Some("SALES".into()), 1).await.expect("a query");
        assert_eq!((sales.calls[0].call_id.as_str(), sales.more), ("a", false));
        assert_eq!(recording_id(&sales.calls[0]).as_deref(), Some("534820"));
    }
}
