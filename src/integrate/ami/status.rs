//! How the connection to Asterisk's manager is, for those who ask.

use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};

use serde::Serialize;

use crate::call::WallTime;

/// How the connection is, for those who ask.
#[derive(Clone, Debug, Serialize)]
pub struct AmiState {
    /// Whether events come.
    pub connected: bool,
    /// Where Asterisk is.
    pub address: SocketAddr,
    /// Since when it is so, RFC 3339.
    pub since: String,
    /// Why there is no connection.
    pub problem: Option<String>,
    /// Classes that the account would need under `write` and does not have: `reporting`, `originate`, `call`.
    #[serde(rename = "missing_rights")]
    pub missing: Vec<&'static str>,
    /// Classes that it has under `write` and does not need, of those by which more can be done than with calls.
    #[serde(rename = "more_rights")]
    pub more: Vec<&'static str>,
}

/// The state, shared.
#[derive(Clone, Debug)]
pub struct AmiStatus(Arc<RwLock<AmiState>>);

impl AmiStatus {
    /// Not connected yet.
    pub(super) fn new(address: SocketAddr, now: WallTime) -> Self {
        let (since, missing, more) = (now.rfc3339(), Vec::new(), Vec::new());
        let state = AmiState { connected: false, address, since, problem: None, missing, more };
        Self(Arc::new(RwLock::new(state)))
    }

    /// How it is now.
    pub fn get(&self) -> AmiState {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes and says what is new.
    pub(super) fn set(&self, problem: Option<String>, now: WallTime) {
        metrics::gauge!("lineside_ami_connected").set(f64::from(u8::from(problem.is_none())));
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if state.connected == problem.is_none() && state.problem == problem {
            return;
        }
        match &problem {
            None => log::info!("ami: logged in at {}", state.address),
            Some(problem) => {
                log::warn!(
                    "ami: {}: {problem}; tried again and again, until then no pause comes from there",
                    state.address
                );
            }
        }
        let (address, since) = (state.address, now.rfc3339());
        let (missing, more) = (std::mem::take(&mut state.missing), std::mem::take(&mut state.more));
        *state = AmiState { connected: problem.is_none(), address, since, problem, missing, more };
    }

    /// Notes which classes the account has under `write` and does not need.
    pub(super) fn more(&self, classes: Vec<&'static str>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).more = classes;
    }

    /// Notes whether the account has a class under `write`.
    pub(super) fn right(&self, class: &'static str, is_there: bool) {
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        state.missing.retain(|missing| *missing != class);
        if !is_there {
            state.missing.push(class);
            state.missing.sort_unstable();
        }
    }
}
