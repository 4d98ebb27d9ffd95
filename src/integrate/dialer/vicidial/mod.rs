//! ViciDial: whose call a recording or a channel is, by its tables' own keys.
//!
//! A recording's row says by `vicidial_id` which log holds its call ([`VicidialId`]). Where that is empty still, the customer's uniqueid leads there.
//! While a call runs its log may have no row, or an old one: then `vicidial_live_agents` knows who speaks.

mod agents;
pub(super) mod elsewhere;
mod live;
mod lookup;
mod queries;
mod rows;
mod said;

use std::collections::HashMap;

use super::answer::{Answer, over};
use super::connection::{Connection, DialerError};
use super::names::{Uniqueid, VicidialId, base_name};
use crate::call::{CallState, WallTime};
use crate::contract::dialer::{DialDirection, DialerAgent, DialerFacts, DialerKind, DialerTransfer};
use crate::store::dialer::DialedCall;
use agents::Users;
use live::AgentBoard;
pub(super) use live::LiveAgent;
use lookup::Lookup;
pub(super) use queries::{ALL as QUERIES, RECORDING_ENDS, RECORDING_NEXT};
use rows::{Logged, LoggedGateway, LoggedRecording};
use said::SaidNames;

/// After so many answers since its end a call's own row will not come any more, as far as that can be known: 14 s.
const LATE: i64 = 3;

/// What is remembered between two looks.
#[derive(Default)]
pub(super) struct Vicidial {
    /// How this server calls itself.
    server: Option<String>,
    /// Agents that are on a call.
    agents: Vec<LiveAgent>,
    /// All who are logged in.
    logged_in: Vec<DialerAgent>,
    /// Names of the recordings that run.
    names: HashMap<i64, String>,
    users: Users,
    said: SaidNames,
}

/// The stages of a call: dialled, then in one in-group after the other.
#[derive(Default)]
struct Stages {
    outbound: Option<Logged>,
    inbound: Vec<Logged>,
    /// The in-group's row that a recording belongs to; without one it is the last.
    own: Option<i64>,
    /// Whether it belongs to the dialled stage.
    is_dialled: bool,
}

impl Stages {
    /// The row that tells most of it.
    fn main(&self) -> Option<&Logged> {
        let own = self.own.and_then(|own| self.inbound.iter().find(|row| row.closecallid == Some(own)));
        let dialled = self.outbound.as_ref().filter(|_| self.is_dialled);
        own.or(dialled).or(self.inbound.last()).or(self.outbound.as_ref())
    }

    fn transfers(&self) -> Vec<DialerTransfer> {
        let all = self.outbound.iter().chain(&self.inbound);
        if all.clone().count() < 2 {
            return Vec::new();
        }
        let stage = |row: &Logged| DialerTransfer {
            at: row.start.map(|epoch| WallTime(epoch * 1000).rfc3339()),
            to: row.closecallid.and(row.campaign.clone()),
            agent: row.agent(),
            disposition: row.status.clone(),
            length_seconds: row.length,
        };
        all.map(stage).collect()
    }
}

impl Vicidial {
    pub(super) fn new(server: Option<String>) -> Self {
        Self { server, ..Self::default() }
    }

    /// Looks who is logged in and on a call now; nobody where it cannot be looked at.
    pub(super) async fn look(&mut self, connection: &mut Connection) -> Result<(), DialerError> {
        let rows = match connection.rows(&queries::LIVE_AGENTS, Vec::new()).await {
            Err(error) if error.is_of_one_query() => Vec::new(),
            rows => rows?,
        };
        self.agents = rows.iter().filter(|row| LiveAgent::is_in_call(row)).map(LiveAgent::of).collect();
        self.logged_in = live::logged_in(&rows);
        let running: Vec<i64> = self.agents.iter().filter_map(|agent| agent.recording).collect();
        self.names.retain(|id, _| running.contains(id));
        for id in running {
            if self.names.contains_key(&id) {
                continue;
            }
            let mut lookup = Lookup { connection, is_blocked: false };
            let rows = lookup.rows(&queries::RECORDING, id.into()).await?;
            if let Some(name) = rows.first().and_then(|row| LoggedRecording::of(row).name) {
                self.names.insert(id, name);
            }
        }
        Ok(())
    }

    /// Who was logged in at the last look.
    pub(super) fn logged_in(&self) -> &[DialerAgent] {
        &self.logged_in
    }

    /// Who is on which of these calls.
    pub(super) fn on<'c>(&self, calls: &'c [DialedCall]) -> Vec<(&'c DialedCall, LiveAgent)> {
        let board = AgentBoard::new(&self.agents, &self.names, self.server.as_deref());
        calls.iter().filter_map(|call| Some((call, board.agent_of(call)?.clone()))).collect()
    }

    /// All that the tables tell of a call now.
    pub(super) async fn ask(
        &mut self,
        connection: &mut Connection,
        call: &DialedCall,
        live: Option<&LiveAgent>,
    ) -> Result<Answer, DialerError> {
        let mut lookup = Lookup { connection, is_blocked: false };
        let mut recording = recording_of(&mut lookup, call, live).await?;
        let link = recording.as_ref().map_or(VicidialId::Unknown, |recording| recording.link.clone());
        let stages = self.stages(&mut lookup, call, live, &link).await?;
        let gateway = gateway_of(&mut lookup, &link).await?;
        if recording.is_none() {
            recording = recording_of_stage(&mut lookup, &stages).await?;
        }
        let (main, by_name) = (stages.main(), recording.as_ref());
        let is_live = live.is_some() && call.state == CallState::Active;
        let has_file = !call.files.is_empty();
        let of_recording = by_name.and_then(LoggedRecording::agent);
        let of_live = live.filter(|_| is_live).and_then(|live| live.user.clone());
        let of_log = main.and_then(Logged::agent);
        // A recording is one agent's. On a channel of the customer's whoever has it now speaks.
        let agent = if has_file { of_recording.or(of_live).or(of_log) } else { of_live.or(of_log).or(of_recording) };
        let lead = main
            .and_then(|row| row.lead)
            .or_else(|| by_name.and_then(|recording| recording.lead))
            .or_else(|| gateway.as_ref().and_then(|row| row.lead))
            .or_else(|| live.and_then(|live| live.lead));
        let mut facts = facts_of(&stages, live);
        if let Some(row) = &gateway {
            row.tell(&mut facts);
        }
        facts.uniqueid = facts.uniqueid.or_else(|| live.and_then(|live| live.uniqueid.clone()));
        facts.recording_id = by_name.map(|recording| recording.id);
        facts.agent.clone_from(&agent);
        facts.lead = lead.map(|lead| lead.to_string());
        if let Some(lead) = lead.filter(|_| facts.phone.is_none() || facts.list_id.is_none()) {
            let rows = lookup.rows(&queries::LEAD, lead.into()).await?;
            if let Some(row) = rows.first() {
                facts.phone = facts.phone.or_else(|| row.text(0));
                facts.list_id = facts.list_id.or_else(|| row.id(1));
            }
        }
        if let Some(user) = agent.as_deref() {
            self.users.tell(&mut lookup, user, &mut facts).await?;
        }
        let is_over = call.state != CallState::Active;
        let is_disposed = match (is_over, lead, agent.as_deref()) {
            (true, Some(lead), Some(user)) => {
                let start = main.and_then(|row| row.start).or_else(|| by_name.and_then(|recording| recording.start));
                let start = start.unwrap_or(call.started.0 / 1000);
                agents::tell_seconds(&mut lookup, (lead, start), user, &mut facts).await?
            }
            (_, _, None) => true,
            _ => false,
        };
        let is_final = main.is_some_and(Logged::is_final) && is_disposed;
        // What came by a gateway is on no agent's and no log's row.
        let is_complete = is_over && !lookup.is_blocked && (is_final || matches!(link, VicidialId::Gateway(_)));
        // Two servers of a cluster may both have a channel of that name.
        let other = by_name.and_then(|recording| recording.server.as_ref());
        let is_here = self.server.is_none() || other.is_none() || other == self.server.as_ref();
        let uniqueid = (has_file && is_here)
            .then(|| uniqueid_of((main, gateway.as_ref()), &link, live.filter(|_| is_live)))
            .flatten();
        let is_known = recording.is_some() || main.is_some() || live.is_some();
        let is_blocked = lookup.is_blocked;
        let facts = over(facts, call.told.as_ref().map(|row| &row.facts));
        // A call that is over has been spoken and needs no names; its last words are being transcribed.
        let said = if is_over { Vec::new() } else { self.said.of(connection, &facts).await? };
        Ok(Answer { facts, uniqueid, is_known, is_complete, is_blocked, said })
    }

    async fn stages(
        &self,
        lookup: &mut Lookup<'_>,
        call: &DialedCall,
        live: Option<&LiveAgent>,
        link: &VicidialId,
    ) -> Result<Stages, DialerError> {
        match link {
            VicidialId::Gateway(_) => Ok(Stages::default()),
            VicidialId::Outbound(uniqueid) => {
                Ok(Stages { is_dialled: true, ..stages_by_uniqueid(lookup, uniqueid).await? })
            }
            VicidialId::Inbound(id) => {
                let rows = lookup.rows(&queries::INBOUND, (*id).into()).await?;
                let Some(row) = rows.first().map(Logged::inbound) else { return Ok(Stages::default()) };
                let mut stages = match &row.uniqueid {
                    Some(uniqueid) => stages_by_uniqueid(lookup, uniqueid).await?,
                    None => Stages::default(),
                };
                if stages.inbound.is_empty() {
                    stages.inbound.push(row);
                }
                stages.own = Some(*id);
                Ok(stages)
            }
            VicidialId::Unknown => {
                let of_live = live.and_then(|live| live.uniqueid.as_deref());
                let own = call.uniqueid.as_deref().or(Some(&call.call_id));
                let Some(id) = of_live.or(own).and_then(Uniqueid::parse) else { return Ok(Stages::default()) };
                let stages = stages_by_uniqueid(lookup, id.plain).await?;
                let is_late = call.told.as_ref().is_some_and(|row| row.tries >= LATE);
                if stages.main().is_some() || of_live.is_some() || !is_late {
                    return Ok(stages);
                }
                self.stages_by_second(lookup, id).await
            }
        }
    }

    /// By the second of a uniqueid, as `recording_lookup` of ViciDial's own API does it: where one call alone began in it, and on this server.
    async fn stages_by_second(&self, lookup: &mut Lookup<'_>, id: Uniqueid<'_>) -> Result<Stages, DialerError> {
        let was_blocked = lookup.is_blocked;
        let like = format!("{}.%", id.epoch);
        let mut found: Vec<String> = Vec::new();
        for row in &lookup.by_text(&queries::OUTBOUND_BY_SECOND, &like).await? {
            found.extend(Logged::outbound(row).uniqueid);
        }
        for row in &lookup.by_text(&queries::INBOUND_BY_SECOND, &like).await? {
            found.extend(Logged::inbound(row).uniqueid);
        }
        // It is a second way: nothing waits for it.
        lookup.is_blocked = was_blocked;
        found.sort();
        found.dedup();
        let [uniqueid] = found.as_slice() else { return Ok(Stages::default()) };
        let stages = stages_by_uniqueid(lookup, uniqueid).await?;
        let Some(server) = &self.server else { return Ok(stages) };
        let recording = recording_of_stage(lookup, &stages).await?;
        let is_here = recording.and_then(|recording| recording.server).is_some_and(|other| other == *server);
        Ok(if is_here { stages } else { Stages::default() })
    }
}

/// The uniqueid of the customer's channel: as the recording's row leads to it, or as its agent's row has it meanwhile. While the agent calls a third party
/// that row shows their channel, and its caller id code begins with DC.
fn uniqueid_of(
    (main, gateway): (Option<&Logged>, Option<&LoggedGateway>),
    link: &VicidialId,
    live: Option<&LiveAgent>,
) -> Option<String> {
    let of_row = match link {
        VicidialId::Outbound(uniqueid) => Some(uniqueid.clone()),
        VicidialId::Inbound(_) => main.and_then(|row| row.uniqueid.clone()),
        VicidialId::Gateway(_) => gateway.and_then(|row| row.uniqueid.clone()),
        VicidialId::Unknown => live.filter(|live| !live.calls_a_third()).and_then(|live| live.uniqueid.clone()),
    };
    of_row.filter(|uniqueid| Uniqueid::parse(uniqueid).is_some())
}

/// A recording's row: the one that is known, the one that runs, the one of a file's name.
async fn recording_of(
    lookup: &mut Lookup<'_>,
    call: &DialedCall,
    live: Option<&LiveAgent>,
) -> Result<Option<LoggedRecording>, DialerError> {
    // The number stays when the file gets another name.
    let known = call.told.as_ref().and_then(|row| row.facts.recording_id);
    let has_file = !call.files.is_empty();
    let running = live.and_then(|live| live.recording).filter(|_| call.state == CallState::Active);
    // A channel has a recording for each agent.
    let id = if has_file { known.or(running) } else { running };
    if let Some(id) = id {
        let rows = lookup.rows(&queries::RECORDING, id.into()).await?;
        if let Some(row) = rows.first() {
            return Ok(Some(LoggedRecording::of(row)));
        }
    }
    let mut names: Vec<&str> = call.files.iter().map(|file| base_name(file)).collect();
    names.push(&call.call_id);
    names.sort_unstable();
    names.dedup();
    for name in names.into_iter().filter(|name| Uniqueid::parse(name).is_none()) {
        let rows = lookup.by_text(&queries::RECORDING_BY_NAME, name).await?;
        // A name may come again: the last one is meant.
        if let Some(recording) = rows.iter().map(LoggedRecording::of).max_by_key(|recording| recording.id) {
            return Ok(Some(recording));
        }
    }
    Ok(None)
}

/// The row of a call that was recorded at a gateway.
async fn gateway_of(lookup: &mut Lookup<'_>, link: &VicidialId) -> Result<Option<LoggedGateway>, DialerError> {
    let VicidialId::Gateway(id) = link else { return Ok(None) };
    if !lookup.connection.may_ask(&queries::GATEWAY).await? {
        return Ok(None);
    }
    Ok(lookup.rows(&queries::GATEWAY, (*id).into()).await?.first().map(LoggedGateway::of))
}

/// The last recording of a call that is known by its log.
async fn recording_of_stage(lookup: &mut Lookup<'_>, stages: &Stages) -> Result<Option<LoggedRecording>, DialerError> {
    let Some(main) = stages.main() else { return Ok(None) };
    let id = main.closecallid.map(|id| id.to_string()).or_else(|| main.uniqueid.clone());
    let rows = lookup.by_text(&queries::RECORDING_BY_CALL, &id.unwrap_or_default()).await?;
    Ok(rows.iter().map(LoggedRecording::of).max_by_key(|recording| recording.id))
}

async fn stages_by_uniqueid(lookup: &mut Lookup<'_>, uniqueid: &str) -> Result<Stages, DialerError> {
    let outbound = lookup.by_text(&queries::OUTBOUND, uniqueid).await?.first().map(Logged::outbound);
    let mut inbound: Vec<Logged> =
        lookup.by_text(&queries::INBOUND_BY_CALL, uniqueid).await?.iter().map(Logged::inbound).collect();
    inbound.sort_by_key(|row| row.closecallid);
    Ok(Stages { outbound, inbound, ..Stages::default() })
}

/// What the logs tell, and the agent's row where they do not yet.
fn facts_of(stages: &Stages, live: Option<&LiveAgent>) -> DialerFacts {
    let main = stages.main();
    let of_log = stages.outbound.as_ref().and_then(|row| row.campaign.clone());
    let of_live = || live.filter(|live| !live.is_inbound).and_then(|live| live.campaign.clone());
    let mut facts = DialerFacts {
        system: DialerKind::Vicidial,
        direction: direction(stages, live),
        uniqueid: main.and_then(|row| row.uniqueid.clone()),
        campaign: of_log.or_else(of_live),
        in_group: main.filter(|row| row.closecallid.is_some()).and_then(|row| row.campaign.clone()),
        transfers: stages.transfers(),
        ..DialerFacts::default()
    };
    if let Some(row) = main {
        row.tell(&mut facts);
    }
    facts
}

fn direction(stages: &Stages, live: Option<&LiveAgent>) -> Option<DialDirection> {
    if stages.outbound.is_some() {
        Some(DialDirection::Outbound)
    } else if !stages.inbound.is_empty() || live.is_some_and(|live| live.is_inbound) {
        Some(DialDirection::Inbound)
    } else {
        live.map(|_| DialDirection::Outbound)
    }
}
