//! `/vici?function=…`: calls in the style of ViciDial's Non-Agent API: text, one row a line, and errors as lines of text with status 200. The header
//! `Lineside-More: true` says that there are older calls than the limit allows: the rows have no place for it.
//!
//! Source of the style: ViciDial's `docs/NON-AGENT_API.txt` (`recording_lookup`, `version`). The functions are lineside's own.

use axum::extract::State;
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::columns::{self, CALLS, Judged, SCORE, TRANSCRIPT};
use super::function_call::{COMMON, FunctionCall, Refused, text};
use super::lookup::{MOST, SOME, key, told};
use super::table::Table;
use crate::api::access::grant::Access;
use crate::api::request::{ApiError, Clock, Parameters, cut};
use crate::call::{CallKey, WallTime};
use crate::pipeline::finished::review::Desk;
use crate::store::calls::{CallFilter, CallRow, Which};
use crate::store::{Store, StoreError};

/// All parameters of all functions.
pub(in crate::api) const ASKS: &[&str] = &[
    "function",
    "source",
    "user",
    "pass",
    "stage",
    "header",
    "uniqueid",
    "lead_id",
    "recording_id",
    "phone_number",
    "call_id",
    "agent_user",
    "date",
    "limit",
];
/// Keys by which calls are looked up: one of these, or an agent with a date.
const KEYS: &[&str] = &["uniqueid", "lead_id", "recording_id", "phone_number", "call_id"];
const OF_AGENT: &[&str] = &["agent_user", "date", "limit"];
/// Calls of an agent's day at most.
const LIST: u32 = 1000;

/// Header of an answer that leaves calls out.
const MORE: HeaderName = HeaderName::from_static("lineside-more");

/// A text that is written in no other way.
pub(super) const PLAIN: &str = "text/plain; charset=utf-8";

/// Reason for which there are no rows.
#[derive(Debug)]
enum Fault {
    Refused(Refused),
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

/// State of the functions.
struct Functions {
    store: Store,
    desk: Desk,
    access: Access,
    now: WallTime,
    zone: TimeZone,
}

/// `GET` and `POST /vici`
pub(in crate::api) async fn vici(
    State(store): State<Store>,
    State(desk): State<Desk>,
    State(clock): State<Clock>,
    access: Access,
    query: Parameters,
) -> Response {
    let functions = Functions { store, desk, access, now: clock.now(), zone: TimeZone::system() };
    match functions.answer(&query).await {
        Ok(Answer { calls, text, more }) => {
            let more = more.then_some([(MORE, "true")]);
            (told(calls), [(header::CONTENT_TYPE, PLAIN)], more, text).into_response()
        }
        Err(Fault::Refused(Refused(line))) => ([(header::CONTENT_TYPE, PLAIN)], line).into_response(),
        Err(Fault::Store(error)) => ApiError::from(error).into_response(),
    }
}

/// The rows of a function.
struct Answer {
    /// The calls whose text is in them.
    calls: Vec<CallKey>,
    text: String,
    /// Whether there are older calls than the limit allows.
    more: bool,
}

/// The calls of a function, newest first.
struct Found {
    calls: Vec<CallRow>,
    /// Whether there are older ones than the limit allows.
    more: bool,
}

impl Found {
    /// The answer in which their text is.
    fn answer(&self, text: String) -> Answer {
        Answer { calls: self.calls.iter().map(|call| call.key).collect(), text, more: self.more }
    }
}

impl Functions {
    async fn answer(&self, query: &Parameters) -> Result<Answer, Fault> {
        let user = text(query.given(), "user").unwrap_or_default();
        match text(query.given(), "function") {
            Some("version") => {
                FunctionCall::read("version", query, &[COMMON])?;
                Ok(Answer { calls: Vec::new(), text: self.version(), more: false })
            }
            Some("transcript_lookup") => {
                self.transcripts(&FunctionCall::read("transcript_lookup", query, &[COMMON, KEYS, OF_AGENT])?).await
            }
            Some("call_score") => {
                self.scores(&FunctionCall::read("call_score", query, &[COMMON, KEYS, OF_AGENT])?).await
            }
            Some("agent_calls") => {
                self.calls_of_agent(&FunctionCall::read("agent_calls", query, &[COMMON, OF_AGENT])?).await
            }
            Some(other) => Err(Refused::new(other, "FUNCTION IS NOT KNOWN", &[user, FUNCTIONS]).into()),
            None => Err(Refused::new("auth", "NO FUNCTION SPECIFIED", &[user, FUNCTIONS]).into()),
        }
    }

    fn version(&self) -> String {
        let stamp = Timestamp::from_millisecond(self.now.0).unwrap_or_default();
        let info = self.zone.to_offset_info(stamp);
        let saves_daylight = i64::from(info.dst().is_dst());
        let now_h = f64::from(info.offset().seconds()) / 3600.0;
        format!(
            "VERSION: {}|BUILD: lineside|DATE: {}|EPOCH: {}|DST: {saves_daylight}|TZ: {}|TZNOW: {now_h}|\n",
            env!("CARGO_PKG_VERSION"),
            columns::local(self.now, &self.zone),
            self.now.0.div_euclid(1000),
            now_h - saves_daylight as f64,
        )
    }

    /// A row for each segment of the calls.
    async fn transcripts(&self, given: &FunctionCall<'_>) -> Result<Answer, Fault> {
        let mut table = Table::new(given, TRANSCRIPT)?;
        let found = self.find(given).await?;
        for call in &found.calls {
            for row in self.store.segments(call.key).await? {
                table.add(columns::transcript(call, &row, &self.zone));
            }
        }
        Ok(found.answer(table.into_text()))
    }

    /// A row for each call, with its score card and the lines that sum it up.
    async fn scores(&self, given: &FunctionCall<'_>) -> Result<Answer, Fault> {
        let mut table = Table::new(given, SCORE)?;
        let found = self.find(given).await?;
        for call in &found.calls {
            let (card, _) = self.desk.card(call).await?;
            let summary = self.desk.summary(call).await?;
            let judged = Judged { score: card.score, reason: summary.reason, outcome: summary.outcome };
            table.add(columns::score(call, &self.store.segments(call.key).await?, judged, &self.zone));
        }
        Ok(found.answer(table.into_text()))
    }

    /// A row for each call of an agent's day.
    async fn calls_of_agent(&self, given: &FunctionCall<'_>) -> Result<Answer, Fault> {
        let mut table = Table::new(given, CALLS)?;
        let Some(agent) = given.text("agent_user") else {
            return Err(given.refuse("INVALID SEARCH PARAMETERS", &["agent_user is missing"]).into());
        };
        let Found { calls, more } = self.of_agent(given, agent).await?;
        for call in &calls {
            table.add(columns::call(call, &self.zone));
        }
        Ok(Answer { calls: Vec::new(), text: table.into_text(), more })
    }

    /// The calls that somebody looks up, newest first.
    async fn find(&self, given: &FunctionCall<'_>) -> Result<Found, Fault> {
        let keys: Vec<(&str, &str)> =
            KEYS.iter().chain(&["agent_user"]).filter_map(|name| Some((*name, given.text(name)?))).collect();
        let &[(name, value)] = keys.as_slice() else {
            let details: Vec<&str> = keys.iter().map(|(name, _)| *name).collect();
            let details = if details.is_empty() {
                vec!["one is needed", "uniqueid", "lead_id", "recording_id", "phone_number", "call_id", "agent_user"]
            } else {
                details
            };
            return Err(given.refuse("INVALID SEARCH PARAMETERS", &details).into());
        };
        if name == "agent_user" {
            return self.of_agent(given, value).await;
        }
        if let Some(date) = given.text("date") {
            return Err(given.refuse("DATE GOES WITH AGENT_USER", &[date]).into());
        }
        let limit = limit(given, MOST)?.unwrap_or(SOME);
        let (calls, more) = if name == "call_id" {
            (self.access.call(&self.store, value).await?.into_iter().collect(), false)
        } else {
            let key =
                key(name, value.to_owned()).map_err(|problem| given.refuse("INVALID PHONE NUMBER", &[&problem]))?;
            let found = self.store.lookup(key, self.access.campaign.clone(), limit).await?;
            (found.calls, found.more)
        };
        if calls.is_empty() {
            return Err(given.refuse("NO CALLS FOUND", &[value]).into());
        }
        Ok(Found { calls, more })
    }

    /// An agent's calls of a day, today where none is named; newest first.
    async fn of_agent(&self, given: &FunctionCall<'_>, agent: &str) -> Result<Found, Fault> {
        let limit = limit(given, LIST)?;
        let today = Timestamp::from_millisecond(self.now.0).unwrap_or_default().to_zoned(self.zone.clone()).date();
        let date = match given.text("date") {
            None => today,
            Some(text) => {
                Date::strptime("%Y-%m-%d", text).map_err(|_| given.refuse("INVALID DATE", &[text, "YYYY-MM-DD"]))?
            }
        };
        let begins = |date: Date| {
            date.to_zoned(self.zone.clone()).map(|zoned| WallTime(zoned.timestamp().as_millisecond())).ok()
        };
        let which = Which {
            agent: Some(agent.into()),
            since: begins(date),
            until: date.tomorrow().ok().and_then(begins).map(|next| WallTime(next.0 - 1)),
            only: self.access.campaign.clone(),
            ..Which::default()
        };
        let wanted = limit.unwrap_or(LIST);
        let mut calls = self.store.list_calls(CallFilter { which, after: None, limit: wanted + 1 }).await?;
        let more = cut(&mut calls, wanted);
        if calls.is_empty() {
            return Err(given.refuse("NO CALLS FOUND", &[agent, &date.to_string()]).into());
        }
        if limit.is_none() && more {
            return Err(given
                .refuse("TOO MANY CALLS", &[agent, &format!("limit=1 to {LIST} gives the newest")])
                .into());
        }
        Ok(Found { calls, more })
    }
}

/// The functions, for the answer to an unknown one.
const FUNCTIONS: &str = "version, transcript_lookup, call_score and agent_calls are";

fn limit(given: &FunctionCall<'_>, most: u32) -> Result<Option<u32>, Refused> {
    let Some(text) = given.text("limit") else { return Ok(None) };
    let number = text.parse().ok().filter(|number| (1..=most).contains(number));
    number.map(Some).ok_or_else(|| given.refuse("INVALID LIMIT", &[text, &format!("1 to {most}")]))
}
