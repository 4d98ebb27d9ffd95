//! `GET /api/v1/agent/call`: what an agent sees of their own running call, and nothing else; and links to that which work without a token for a while.
//!
//! Calls of others, calls that are over and calls of nobody do not exist here for a token of one agent. What it may read of own calls that are over is
//! at `/api/v1/agent/reviews` and `/api/v1/calls/{id}/reviews`.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};

use super::coaching;
use crate::api::access::grant::Access;
use crate::api::access::link::{LONGEST_OF_AGENT_S, LONGEST_S, LinkTarget, SignedLink};
use crate::api::access::{AccessControl, Told};
use crate::api::request::{ApiError, Clock, Parameters};
use crate::call::dialer::is_left;
use crate::call::{CallState, Speaker, WallTime};
use crate::contract::agent_view::{AgentCall, AgentLine, AgentLink, AgentPrompt, AgentView};
use crate::contract::problem::Part;
use crate::contract::processing::CoachingPrompt;
use crate::contract::seconds;
use crate::pipeline::finished::review::Desk;
use crate::store::Store;
use crate::store::calls::CallRow;
use crate::store::segments::SegmentRow;
use crate::store::which::same_name;

/// Query parameters of the path.
pub(in crate::api) const ASKS: &[&str] = &["user", "uniqueid", "expires", "by", "signature"];
/// Number of lines that are shown: nobody reads older ones while talking.
const LINES: usize = 60;
/// Length of an agent's name in a link at most, bytes.
const LONGEST_USER: usize = 40;

/// A parameter of a script or a web form: a field that the dialer does not know is left in the address as it was.
fn given(query: &Parameters, name: &str) -> Option<String> {
    query.text(name).filter(|value| !is_left(value))
}

/// The agent whose calls are meant: that of the token, or the one that is named.
pub(in crate::api) fn whose(access: &Access, query: &Parameters) -> Result<String, ApiError> {
    let wrong = |problem: &str| Err(ApiError::Wrong(Part::Query, "user".into(), problem.into()));
    match (access.agent.clone(), given(query, "user")) {
        (Some(own), Some(user)) if !same_name(&own, &user) => wrong("the token is for another agent"),
        (Some(own), _) => Ok(own),
        (None, Some(user)) => Ok(user),
        (None, None) => wrong("whose call? name the agent"),
    }
}

/// `GET /api/v1/agent/call`
pub(in crate::api) async fn call(
    State(store): State<Store>,
    State(desk): State<Desk>,
    access: Access,
    query: Parameters,
) -> Result<(Extension<Told>, Json<AgentView>), ApiError> {
    let agent = whose(&access, &query)?;
    let call = running(&store, &access, &agent, given(&query, "uniqueid")).await?;
    let told = Told { action: "agent page".into(), calls: call.iter().map(|call| call.key).collect() };
    let call = match call {
        Some(call) => Some(shown(&store, &desk, &call).await?),
        None => None,
    };
    Ok((Extension(told), Json(AgentView { agent, call })))
}

/// `POST /api/v1/agent/link`: an address of the agents' page that shows this agent's running call, and nothing else, for `seconds`.
pub(in crate::api) async fn link(
    State(access_control): State<Arc<AccessControl>>,
    State(clock): State<Clock>,
    access: Access,
    query: Parameters,
) -> Result<(Extension<Told>, Json<AgentLink>), ApiError> {
    let wrong = |problem: &str| ApiError::Wrong(Part::Query, "user".into(), problem.into());
    let agent = query.text("user").ok_or_else(|| wrong("whose call? name the agent"))?;
    let fits = |c: char| c.is_ascii_alphanumeric() || "._-@".contains(c);
    if agent.is_empty() || agent.len() > LONGEST_USER || !agent.chars().all(fits) {
        return Err(wrong("it is no user of a dialer: letters, digits and . _ - @ only"));
    }
    let seconds = query.number("seconds", 1..=LONGEST_OF_AGENT_S)?.unwrap_or(LONGEST_S);
    let expires_s = clock.now().0 / 1000 + seconds;
    let link = SignedLink { to: LinkTarget::Agent(&agent), expires_s, by: &access.token };
    let signature = access_control.links.sign(link);
    // Behind #, which no browser sends to a server with the page: no log of a proxy has it.
    let url = format!("/agent?user={agent}#expires={expires_s}&by={}&signature={signature}", access.token);
    let told = Told { action: "agent link".into(), calls: Vec::new() };
    Ok((Extension(told), Json(AgentLink { url, agent, expires_at: WallTime(expires_s * 1000).rfc3339() })))
}

/// The agent's running call: the one with this id, else the newest.
async fn running(
    store: &Store,
    access: &Access,
    agent: &str,
    uniqueid: Option<String>,
) -> Result<Option<CallRow>, ApiError> {
    let is_theirs = |call: &CallRow| {
        let named = call.agent.as_deref().is_some_and(|name| same_name(name, agent));
        call.state == CallState::Active && named && access.sees(call)
    };
    if let Some(uniqueid) = uniqueid
        && let Some(call) = store.call(&uniqueid).await?.filter(is_theirs)
    {
        return Ok(Some(call));
    }
    Ok(store.running_of_agent(agent.to_owned()).await?.into_iter().find(is_theirs))
}

async fn shown(store: &Store, desk: &Desk, call: &CallRow) -> Result<AgentCall, ApiError> {
    let rows = store.segments(call.key).await?;
    let line = |row: &SegmentRow| AgentLine {
        speaker: Speaker::from(row.speaker),
        start_time: seconds(row.start_ms),
        text: row.text.clone(),
    };
    let lines = rows[rows.len().saturating_sub(LINES)..].iter().map(line).collect();
    let coaching = coaching::of_call(store, desk, call, rows).await?;
    let prompt =
        |one: CoachingPrompt| AgentPrompt { at: one.start_time.unwrap_or(0.0), kind: one.kind, text: one.text };
    Ok(AgentCall {
        call_id: call.call_id.clone(),
        started_at: call.started.rfc3339(),
        lines,
        prompts: coaching.into_iter().map(prompt).collect(),
    })
}
