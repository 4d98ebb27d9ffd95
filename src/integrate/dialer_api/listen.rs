//! A supervisor listens in: ViciDial calls their telephone and puts it into the agent's session.
//!
//! It is done at once or not at all: a telephone that rings ten minutes later would put somebody into another call.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::answer::{AgentStatus, ApiAnswer};
use super::client::{ApiAccount, Fields, Program};
use super::notification::is_user;
use super::parts::{Parts, Rest};
use super::turn::shown;
use crate::contract::dialer_write::{DialerWriteKind, DialerWriteState};
use crate::pipeline::listen_in::{ListenAnswer, ListenError, ListenOrder};
use crate::store::StoreError;
use crate::store::change::Change;
use crate::store::dialer_writes::{DialerWriteChange, WriteTried};

/// Takes what supervisors ask for.
pub(super) struct Listener(pub(super) Parts);

impl Listener {
    pub(super) async fn run(self, mut orders: mpsc::Receiver<ListenOrder>, stop: CancellationToken) {
        let listening = async {
            let Parts { store, now, .. } = &self.0;
            if let Err(error) = store.drop_old_listening(now()).await {
                log::error!("dialer: {error}");
            }
            while let Some(order) = orders.recv().await {
                // One that waits for the dialer's answer holds up nobody else.
                tokio::spawn(take(self.0.clone(), order));
            }
        };
        tokio::select! {
            () = listening => {}
            () = stop.cancelled() => {}
        }
    }
}

async fn take(parts: Parts, order: ListenOrder) {
    let ListenOrder { call, call_id, agent, lead, server_ip, phone, reply } = order;
    let server_ip = server_ip.or_else(|| parts.settings.server_ip.clone());
    let wanted = Wanted { agent, lead, server_ip, phone };
    let answer = match (parts.rest.left(), parts.store.ask_to_listen(call, (parts.now)()).await) {
        (_, Err(error)) => Err(ListenError::Away(error.to_string())),
        (left, Ok(id)) => carried_out(&parts, id, left, wanted).await,
    };
    match &answer {
        Ok(done) => log::info!("call {call_id}: somebody listens in by telephone ({})", done.state.as_str()),
        Err(error) => log::warn!("call {call_id}: nobody listens in: {error}"),
    }
    let _ = reply.send(answer); // who asked may be gone
}

/// Asks the dialer, and notes what became of it.
async fn carried_out(
    parts: &Parts,
    id: i64,
    rest: Option<Duration>,
    wanted: Wanted,
) -> Result<ListenAnswer, ListenError> {
    let (account, is_dry) = (parts.settings.account.clone(), parts.settings.dry_run);
    let rested = parts.rest.clone();
    let done = tokio::task::spawn_blocking(move || match rest {
        Some(left) => {
            let minutes = left.as_secs().div_ceil(60);
            let why = format!("ViciDial has refused our login; nothing is asked of it for another {minutes} min");
            (None, Err(ListenError::Refused(why)))
        }
        None => wanted.ask(&account, is_dry, &rested),
    })
    .await;
    let (fields, result) = done.unwrap_or_else(|_| (None, Err(ListenError::Away("lineside is stopping".into()))));
    let (state, answer) = match &result {
        Ok(done) => (done.state, done.answer.clone()),
        Err(error) => (DialerWriteState::GivenUp, error.to_string()),
    };
    let kind = DialerWriteKind::Listen.as_str();
    metrics::counter!("lineside_dialer_api_total", "kind" => kind, "outcome" => state.as_str()).increment(1);
    let at = (parts.now)();
    let tried = WriteTried { state, counts: true, next: at, request: fields.map(shown), answer };
    let change = Change::DialerWrite(DialerWriteChange::Tried { id, tried, at });
    let noted: Result<(), StoreError> = parts.store.writer().commit(vec![change]).await;
    if let Err(error) = noted {
        log::error!("dialer: it is not noted who listens in: {error}");
    }
    result
}

/// Whom to hear, and where.
struct Wanted {
    agent: String,
    lead: Option<String>,
    server_ip: Option<String>,
    phone: String,
}

impl Wanted {
    /// Blocks. What was sent, and what became of it.
    fn ask(
        self,
        account: &ApiAccount,
        is_dry: bool,
        rest: &Rest,
    ) -> (Option<Fields>, Result<ListenAnswer, ListenError>) {
        let refused = |text: &str| (None, Err(ListenError::Refused(text.to_owned())));
        if !is_user(&self.agent) {
            return refused("the call's agent is no user of ViciDial");
        }
        let Some(server_ip) = self.server_ip else {
            return refused("it is not known which dialer the agent is logged in to: set [dialer_api] server_ip");
        };
        let fields = |session: String| {
            vec![
                ("phone_login", self.phone.clone()),
                ("session_id", session),
                ("server_ip", server_ip.clone()),
                ("stage", "MONITOR".to_owned()),
            ]
        };
        if is_dry {
            let answer = ListenAnswer { state: DialerWriteState::DryRun, answer: "dry run: nobody was called".into() };
            return (Some(fields(format!("(that of agent {})", self.agent))), Ok(answer));
        }
        let asked: Fields =
            vec![("agent_user", self.agent.clone()), ("stage", "pipe".to_owned()), ("header", "YES".to_owned())];
        let text = match account.ask(Program::NonAgent, "agent_status", &asked) {
            ApiAnswer::Done(text) => text,
            other => return (Some(asked), Err(failed(other, rest))),
        };
        let Some(status) = AgentStatus::read(&text).filter(|status| !status.session_id.is_empty()) else {
            return refused(
                "agent_status of this ViciDial names no session_id; it needs version 2.14 of 2016 or later",
            );
        };
        if let Some(lead) = self.lead.as_ref().filter(|lead| **lead != status.lead_id) {
            let problem =
                format!("agent {} is on another call by now: lead {}, not {lead}", self.agent, status.lead_id);
            return (Some(asked), Err(ListenError::Refused(problem)));
        }
        let fields = fields(status.session_id);
        match account.ask(Program::NonAgent, "blind_monitor", &fields) {
            ApiAnswer::Done(answer) => (Some(fields), Ok(ListenAnswer { state: DialerWriteState::Sent, answer })),
            other => (Some(fields), Err(failed(other, rest))),
        }
    }
}

fn failed(answer: ApiAnswer, rest: &Rest) -> ListenError {
    match answer {
        ApiAnswer::Later(text) => ListenError::Away(text),
        ApiAnswer::Login(text) => {
            rest.begin();
            ListenError::Refused(text)
        }
        ApiAnswer::Never(text) | ApiAnswer::Done(text) => ListenError::Refused(text),
    }
}
