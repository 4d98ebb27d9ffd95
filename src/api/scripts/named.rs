//! `/vici/start` and `/vici/dispo`: targets of ViciDial's Start Call and Dispo Call URLs.
//!
//! ViciDial calls them from its web server and waits for the answer, so the answer comes before anything is written. They may come twice, in any
//! order, and before the call's audio: each names the call with what it knows. Names that a call has already are not written again.

use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};
use tokio::sync::{mpsc, oneshot};

use super::function_call::{FunctionCall, Refused};
use super::vici::PLAIN;
use crate::api::access::grant::Access;
use crate::api::calls::session::may_join;
use crate::api::request::{ApiError, Parameters};
use crate::call::dialer::{DISPO_FIELDS, FIELDS, Field, Keep, is_left};
use crate::call::{CallId, CallNames};
use crate::pipeline::command::Command;
use crate::store::calls::CallRow;
use crate::store::{Store, StoreError};

/// Parameters of the style that stand in no URL field.
const COMMON: &[&str] = &["source"];
/// Length of a value at most, bytes.
const LONGEST: usize = 200;
/// The conductor takes a name within milliseconds; a request that waits longer is refused.
const PATIENCE: Duration = Duration::from_millis(500);

/// The facts of a call in a URL.
#[derive(Debug, PartialEq)]
struct Told {
    uniqueid: Option<String>,
    recording: Option<String>,
    names: CallNames,
}

/// Reason for which a URL was refused.
enum Fault {
    Refused(Refused),
    Busy,
    Store(StoreError),
}

impl From<Refused> for Fault {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// `/vici/start`
pub(in crate::api) async fn start(
    State(store): State<Store>,
    State(commands): State<mpsc::Sender<Command>>,
    access: Access,
    query: Parameters,
) -> Response {
    answer("start", take(&store, &commands, &access, "start", &[FIELDS], &query).await)
}

/// `/vici/dispo`
pub(in crate::api) async fn dispo(
    State(store): State<Store>,
    State(commands): State<mpsc::Sender<Command>>,
    access: Access,
    query: Parameters,
) -> Response {
    answer("dispo", take(&store, &commands, &access, "dispo", &[FIELDS, DISPO_FIELDS], &query).await)
}

fn answer(function: &str, taken: Result<String, Fault>) -> Response {
    let text = |status, line: String| (status, [(header::CONTENT_TYPE, PLAIN)], line).into_response();
    match taken {
        Ok(call) => text(StatusCode::ACCEPTED, format!("SUCCESS: {function} ACCEPTED - {call}\n")),
        Err(Fault::Refused(Refused(line))) => text(StatusCode::UNPROCESSABLE_ENTITY, line),
        Err(Fault::Busy) => ApiError::Unavailable("the daemon is busy; send it again".into()).into_response(),
        Err(Fault::Store(error)) => ApiError::from(error).into_response(),
    }
}

/// Parses the facts and hands them to the conductor; returns the name of the call.
async fn take(
    store: &Store,
    commands: &mpsc::Sender<Command>,
    access: &Access,
    function: &str,
    fields: &[&[Field]],
    query: &Parameters,
) -> Result<String, Fault> {
    let Told { uniqueid, recording, names } = read(function, fields, query)?;
    for call in targets(store, access, uniqueid.as_deref(), recording.as_deref(), &names).await? {
        let (reply, _) = oneshot::channel(); // nobody waits for it
        let naming = commands.send(Command::Name { call, names: names.clone(), reply });
        match tokio::time::timeout(PATIENCE, naming).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return Err(Fault::Busy),
        }
    }
    Ok(uniqueid.or(recording).unwrap_or_default())
}

/// The names under which the conductor must learn the facts: none where it knows them all, both where it knows neither name yet.
async fn targets(
    store: &Store,
    access: &Access,
    uniqueid: Option<&str>,
    recording: Option<&str>,
    names: &CallNames,
) -> Result<Vec<String>, StoreError> {
    let known = async |id: Option<&str>| match id {
        Some(id) => store.call(id).await,
        None => Ok(None),
    };
    let told = |ids: &[Option<&str>]| ids.iter().copied().flatten().map(str::to_owned).collect();
    Ok(match (known(uniqueid).await?, known(recording).await?) {
        (None, None) => told(&[uniqueid, recording]),
        // Under the recording's name it becomes the call of the uniqueid.
        (Some(one), Some(other)) if one.key != other.key && may_join(access, &one, &other) => told(&[recording]),
        // The call takes that name, so that its recording becomes a source of it.
        (Some(_), None) if recording.is_some() => told(&[recording]),
        (Some(call), _) if knows(&call, names) => Vec::new(),
        (Some(_), _) => told(&[uniqueid]),
        (None, Some(call)) if knows(&call, names) => Vec::new(),
        (None, Some(_)) => told(&[recording]),
    })
}

/// Whether a call knows all of it.
fn knows(row: &CallRow, names: &CallNames) -> bool {
    let has = |known: &Option<String>, told: &Option<String>| told.is_none() || known == told;
    let metadata: Value = serde_json::from_str(&row.metadata).unwrap_or_default();
    let mut told = names.metadata.iter().flatten();
    has(&row.uniqueid, &names.uniqueid)
        && has(&row.agent, &names.agent)
        && has(&row.campaign, &names.campaign)
        && has(&row.lead, &names.lead)
        && has(&row.phone, &names.phone)
        && told.all(|(key, value)| metadata[key] == *value)
}

/// Parses the fields of a URL. Empty fields, and placeholders that this dialer has not replaced, count as absent.
fn read(function: &str, fields: &[&[Field]], query: &Parameters) -> Result<Told, Refused> {
    let all: Vec<Field> = fields.concat();
    let known: Vec<&str> = all.iter().map(|field| field.name).collect();
    let given = FunctionCall::read(function, query, &[COMMON, &known])?;
    let value = |name: &str| given.text(name).filter(|value| !is_left(value)).map(str::to_owned);
    for Field { name, .. } in all.iter().filter(|field| field.keep != Keep::Nothing) {
        if value(name).is_some_and(|value| value.len() > LONGEST) {
            return Err(given.refuse("VALUE IS LONGER THAN 200 BYTES", &[name]));
        }
    }
    let mut metadata = Map::new();
    for Field { name, keep } in &all {
        if let (Keep::Metadata(key), Some(value)) = (keep, value(name)) {
            let value = match *key {
                "talk_time_s" => {
                    value.parse::<u32>().map(Value::from).map_err(|_| given.refuse("INVALID TALK TIME", &[&value]))?
                }
                _ => value.into(),
            };
            metadata.insert((*key).to_owned(), value);
        }
    }
    let (uniqueid, recording) = (value("uniqueid"), value("recording_filename"));
    if uniqueid.is_none() && recording.is_none() {
        return Err(given.refuse("NO CALL IS NAMED", &["uniqueid or recording_filename is needed"]));
    }
    for (name, id) in [("uniqueid", &uniqueid), ("recording_filename", &recording)] {
        if let Some(Err(problem)) = id.as_deref().map(CallId::parse) {
            return Err(given.refuse("INVALID CALL ID", &[name, &problem.to_string()]));
        }
    }
    let names = CallNames {
        uuid: None,
        uniqueid: uniqueid.clone(),
        agent: value("user"),
        // For a call to an in-group that is the group; for others ViciDial names the campaign there as well.
        campaign: value("group").or_else(|| value("campaign")),
        lead: value("lead_id"),
        phone: value("phone_number").or_else(|| value("dialed_number")),
        metadata: Some(metadata).filter(|map| !map.is_empty()),
    };
    if !names.metadata_fits() {
        return Err(given.refuse("VALUES ARE TOO LONG", &["4096 bytes in all"]));
    }
    Ok(Told { uniqueid, recording, names })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(pairs: &[(&str, &str)]) -> Result<Told, String> {
        let pairs = pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        read("dispo", &[FIELDS, DISPO_FIELDS], &Parameters::of_a_dialer(pairs)).map_err(|Refused(line)| line)
    }

    #[test]
    fn names_and_metadata_are_those_of_the_fields() {
        let told = told(&[
            ("uniqueid", "1795218045.12"),
            ("user", "1001"),
            ("fullname", "Mary Miller"),
            ("campaign", "SALES"),
            ("group", "CLAIMSLINE"),
            ("lead_id", "876409"),
            ("phone_number", ""),
            ("dialed_number", "3125551212"),
            ("recording_id", "534820"),
            ("agent_log_id", "--A--agent_log_id--B--"),
            ("comments", "wants nothing stored"),
            ("call_notes", "4111 1111 1111 1111"),
            ("talk_time", "63"),
            ("dispo", "SALE"),
        ])
        .expect("well made");
        let names = &told.names;
        assert_eq!(
            (names.agent.as_deref(), names.campaign.as_deref(), names.lead.as_deref(), names.phone.as_deref()),
            (Some("1001"), Some("CLAIMSLINE"), Some("876409"), Some("3125551212"))
        );
        let wanted = json!({
            "fullname": "Mary Miller", "campaign_id": "SALES", "group": "CLAIMSLINE",
            "recording_id": "534820", "disposition": "SALE", "talk_time_s": 63,
        });
        assert_eq!(names.metadata.clone().map(Value::Object), Some(wanted));
    }

    #[test]
    fn what_is_not_understood_is_refused_in_a_line() {
        let long = "x".repeat(201);
        for (pairs, wanted) in [
            (vec![("user", "1001")], "ERROR: dispo NO CALL IS NAMED - 1001|uniqueid or recording_filename is needed\n"),
            (vec![("uniqueid", "1.2"), ("dispositon", "SALE")], "ERROR: dispo UNKNOWN PARAMETER - |dispositon\n"),
            (vec![("uniqueid", "1.2"), ("talk_time", "long")], "ERROR: dispo INVALID TALK TIME - |long\n"),
            (
                vec![("uniqueid", "1.2"), ("fullname", &long)],
                "ERROR: dispo VALUE IS LONGER THAN 200 BYTES - |fullname\n",
            ),
        ] {
            assert_eq!(told(&pairs), Err(wanted.to_owned()));
        }
        assert!(told(&[("uniqueid", "a/b")]).expect_err("no id").contains("INVALID CALL ID - |uniqueid|"));
    }
}
