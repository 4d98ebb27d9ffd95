//! How the connection to the dialer's database is, for those who ask, and what is counted.

use std::sync::{Arc, PoisonError, RwLock};

use super::connection::{Query, Refusals};
use crate::call::WallTime;
use crate::contract::dialer::{DialerAgent, DialerHealth, DialerKind, DialerQuery};

/// The state, shared.
#[derive(Clone, Debug)]
pub struct DialerStatus {
    health: Arc<RwLock<DialerHealth>>,
    agents: Arc<RwLock<Vec<DialerAgent>>>,
}

impl DialerStatus {
    /// Of a connection that is not there yet.
    pub(super) fn new(system: DialerKind, address: String, now: WallTime) -> Self {
        Self::of(DialerHealth {
            system,
            connected: false,
            address,
            since: now.rfc3339(),
            problem: None,
            rights: None,
            queries: Vec::new(),
            waiting: 0,
        })
    }

    fn of(health: DialerHealth) -> Self {
        Self { health: Arc::new(RwLock::new(health)), agents: Arc::default() }
    }

    /// The status where settings are missing or wrong: there will be no connection, and `problem` says why.
    pub fn unusable(system: DialerKind, file: &std::path::Path, problem: String, now: WallTime) -> Self {
        metrics::gauge!("lineside_dialer_connected").set(0.0);
        log::warn!("dialer: {problem}; its database is not asked, calls go on without their names");
        let status = Self::new(system, file.display().to_string(), now);
        status.set(|health| health.problem = Some(problem));
        status
    }

    /// How it is now.
    pub fn get(&self) -> DialerHealth {
        self.health.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Who is logged in to the dialer, by name; nobody while its database cannot be read.
    pub fn agents(&self) -> Vec<DialerAgent> {
        self.agents.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_agents(&self, agents: Vec<DialerAgent>) {
        *self.agents.write().unwrap_or_else(PoisonError::into_inner) = agents;
    }

    fn set(&self, change: impl FnOnce(&mut DialerHealth)) {
        change(&mut self.health.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// The database answers.
    pub(super) fn here(&self, rights: Option<String>, queries: &[&Query], refused: &Refusals, now: WallTime) {
        let address = self.get().address;
        log::info!("dialer: reads {address}");
        for (name, problem) in refused {
            log::warn!("dialer: {name}: {problem}");
        }
        self.set(|health| {
            (health.connected, health.problem, health.since) = (true, None, now.rfc3339());
            health.rights = rights;
        });
        metrics::gauge!("lineside_dialer_connected").set(1.0);
        self.goes_on(queries, refused, self.get().waiting);
    }

    /// It does not.
    pub(super) fn away(&self, problem: String, now: WallTime) {
        metrics::gauge!("lineside_dialer_connected").set(0.0);
        let before = self.get();
        if before.connected || before.problem.as_ref() != Some(&problem) {
            let address = &before.address;
            log::warn!("dialer: {address}: {problem}; calls go on, and get their names when it answers again");
        }
        self.set(|health| {
            if health.connected || health.problem.is_none() {
                health.since = now.rfc3339();
            }
            (health.connected, health.problem) = (false, Some(problem));
        });
        self.set_agents(Vec::new());
    }

    /// What can be asked, and how many calls wait.
    pub(super) fn goes_on(&self, queries: &[&Query], refused: &Refusals, waiting: usize) {
        metrics::gauge!("lineside_dialer_refused").set(refused.len() as f64);
        metrics::gauge!("lineside_dialer_waiting").set(waiting as f64);
        let told = |query: &&Query| DialerQuery { name: query.name.into(), problem: refused.get(query.name).cloned() };
        self.set(|health| {
            health.queries = queries.iter().map(told).collect();
            health.waiting = waiting;
        });
    }
}

/// Tells the exporter what this room counts.
pub fn describe_metrics() {
    use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram};
    describe_gauge!("lineside_dialer_connected", "Whether the dialer's database answers; absent without one");
    describe_gauge!(
        "lineside_dialer_refused",
        "Questions that are not asked of the dialer's database: no index, no table, no right"
    );
    describe_gauge!("lineside_dialer_waiting", "Calls that the dialer's database is still asked about");
    describe_counter!("lineside_dialer_queries_total", "Questions to the dialer's database");
    describe_counter!("lineside_dialer_failures_total", "Those that had no answer");
    describe_counter!("lineside_dialer_named_total", "Times that a call got names from the dialer's database");
    describe_histogram!("lineside_dialer_query_seconds", Unit::Seconds, "Time to an answer of the dialer's database");
    for name in ["lineside_dialer_queries_total", "lineside_dialer_failures_total", "lineside_dialer_named_total"] {
        counter!(name).increment(0);
    }
}
