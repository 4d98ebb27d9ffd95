//! One row of the queue when its turn has come: what it says, whether it still makes sense, what became of it.

use std::time::Duration;

use jiff::tz::TimeZone;
use tokio::runtime::Handle;

use super::answer::ApiAnswer;
use super::client::{Fields, Program};
use super::comment::{Merged, merged, own};
use super::notification::{self, Said};
use super::parts::{Parts, Rest};
use crate::call::WallTime;
use crate::contract::dialer_write::{DialerField, DialerWriteKind, DialerWriteState};
use crate::pipeline::finished::review::Desk;
use crate::store::StoreError;
use crate::store::calls::CallRow;
use crate::store::change::Change;
use crate::store::dialer_writes::{DialerWriteChange, DueWrite, WriteTried};

/// Tries before it is given up: with the pauses of [`pause`] some two hours and a half.
const TRIES: u32 = 19;
/// The pause after the first failure; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
/// The longest.
const LONGEST_PAUSE: Duration = Duration::from_mins(15);
/// A call's lead may come so long after its end, with the dialer's row.
const LEAD_WAITS: Duration = Duration::from_mins(30);
/// It is looked for so often.
const LEAD_LOOK: Duration = Duration::from_secs(30);

/// The pause before try number `tries + 1`.
fn pause(tries: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(1 << tries.min(20)).min(LONGEST_PAUSE)
}

/// What becomes of a row.
pub(super) enum Outcome {
    /// The dialer has it, by these fields.
    Sent(Fields, String),
    /// It would have been sent.
    DryRun(Fields),
    /// There is nothing to send.
    Skipped(String),
    /// Something is not known yet: look again, which is no failure.
    NotYet(Duration, String),
    /// It may work later; after a refused login nothing else is tried before either.
    Failed(Fields, ApiAnswer),
}

impl Outcome {
    /// What an answer means.
    pub(super) fn of(fields: Fields, answer: ApiAnswer) -> Self {
        match answer {
            ApiAnswer::Done(text) => Self::Sent(fields, text),
            other => Self::Failed(fields, other),
        }
    }
}

/// Takes rows in turn.
pub(super) struct Turn {
    parts: Parts,
    runtime: Handle,
    zone: TimeZone,
}

impl Turn {
    pub(super) fn new(parts: Parts, runtime: Handle) -> Self {
        Self { parts, runtime, zone: TimeZone::system() }
    }

    pub(super) fn parts(&self) -> &Parts {
        &self.parts
    }

    /// Waits for a query; this thread serves no socket.
    pub(super) fn wait<T>(&self, query: impl Future<Output = T>) -> T {
        self.runtime.block_on(query)
    }

    /// Whether the dialer has refused our login a short while ago.
    pub(super) fn rests(&self) -> bool {
        self.parts.rest.left().is_some()
    }

    /// Does what a row is there for, and notes what became of it.
    pub(super) fn take(&self, write: &DueWrite) -> Result<(), StoreError> {
        let Some(call) = self.wait(self.parts.store.call_of(write.call))? else { return Ok(()) };
        let outcome = match write.kind {
            DialerWriteKind::Comment => self.comment(write, &call)?,
            DialerWriteKind::Notification => self.notification(write, &call)?,
            DialerWriteKind::Listen => Outcome::Skipped("it is done when it is asked for, or not at all".into()),
        };
        self.note(write, &call, outcome)
    }

    fn note(&self, write: &DueWrite, call: &CallRow, outcome: Outcome) -> Result<(), StoreError> {
        let now = (self.parts.now)();
        let after = |pause: Duration| WallTime(now.0 + pause.as_millis() as i64);
        let is_last = write.tries + 1 >= TRIES;
        let counts = !matches!(outcome, Outcome::NotYet(..));
        let (state, next, fields, answer) = match outcome {
            Outcome::Sent(fields, text) => (DialerWriteState::Sent, now, Some(fields), text),
            Outcome::DryRun(fields) => {
                (DialerWriteState::DryRun, now, Some(fields), "dry run: nothing was sent".into())
            }
            Outcome::Skipped(why) => (DialerWriteState::Skipped, now, None, why),
            Outcome::NotYet(pause, why) => (DialerWriteState::Waiting, after(pause), None, why),
            Outcome::Failed(fields, ApiAnswer::Login(text)) => {
                log::error!(
                    "dialer: {}: {text}; nothing is told to it for 15 minutes",
                    self.parts.settings.account.url
                );
                self.parts.rest.begin();
                let state = if is_last { DialerWriteState::GivenUp } else { DialerWriteState::Waiting };
                (state, after(Rest::LENGTH), Some(fields), text)
            }
            Outcome::Failed(fields, ApiAnswer::Later(text)) if !is_last => {
                (DialerWriteState::Waiting, after(pause(write.tries)), Some(fields), text)
            }
            Outcome::Failed(fields, ApiAnswer::Later(text) | ApiAnswer::Never(text) | ApiAnswer::Done(text)) => {
                log::warn!("dialer: call {}: {} was given up: {text}", call.call_id, write.kind.as_str());
                (DialerWriteState::GivenUp, now, Some(fields), text)
            }
        };
        metrics::counter!("lineside_dialer_api_total", "kind" => write.kind.as_str(), "outcome" => state.as_str())
            .increment(1);
        let tried = WriteTried { state, counts, next, request: fields.map(shown), answer };
        let change = DialerWriteChange::Tried { id: write.id, tried, at: now };
        self.wait(self.parts.store.writer().commit(vec![Change::DialerWrite(change)]))
    }

    fn comment(&self, write: &DueWrite, call: &CallRow) -> Result<Outcome, StoreError> {
        let Some(lead) = call.lead.as_deref().filter(|lead| is_lead(lead)) else {
            let waited = (self.parts.now)().0 - write.queued.0;
            return Ok(if waited < LEAD_WAITS.as_millis() as i64 {
                Outcome::NotYet(LEAD_LOOK, "the call has no lead of the dialer's yet".into())
            } else {
                Outcome::Skipped("the call has no lead of the dialer's".into())
            });
        };
        let lines = self.wait(summed_up(&self.parts.desk, call))?;
        if lines.is_empty() {
            return Ok(Outcome::Skipped(
                "nothing that was said tells why the call was made, or what came of it".into(),
            ));
        }
        let own = own(call.started, &self.zone, call.agent.as_deref(), &lines);
        let named = |comments: String| vec![("lead_id", lead.to_owned()), ("comments", comments)];
        if self.parts.settings.dry_run {
            return Ok(match merged("", &own) {
                Merged::Write(text) => Outcome::DryRun(named(format!("(what is there) {text}"))),
                Merged::There | Merged::Leave(_) => Outcome::Skipped("there is no room for it".into()),
            });
        }
        let asked = vec![("lead_id", lead.to_owned()), ("field_name", "comments".to_owned())];
        let account = &self.parts.settings.account;
        let there = match account.ask(Program::NonAgent, "lead_field_info", &asked) {
            ApiAnswer::Done(there) => there,
            other => return Ok(Outcome::Failed(asked, other)),
        };
        Ok(match merged(&there, &own) {
            Merged::Leave(why) => Outcome::Skipped(why.into()),
            Merged::There => Outcome::Sent(named(there), "it was there already".into()),
            Merged::Write(comments) => {
                let fields = named(comments);
                let answer = account.ask(Program::NonAgent, "update_lead", &fields);
                Outcome::of(fields, answer)
            }
        })
    }

    fn notification(&self, write: &DueWrite, call: &CallRow) -> Result<Outcome, StoreError> {
        let Some(alert) = write.alert else { return Ok(Outcome::Skipped("it is of no alert".into())) };
        let Some(row) = self.wait(self.parts.store.alert(alert))? else {
            return Ok(Outcome::Skipped("the alert is gone".into()));
        };
        let (desk, now) = (&self.parts.desk, (self.parts.now)());
        Ok(match notification::of(&row, call, now, |text| desk.without_numbers(text)) {
            Said::Nothing(why) => Outcome::Skipped(why.into()),
            Said::NotYet(pause, why) => Outcome::NotYet(pause, why.into()),
            Said::This(fields) if self.parts.settings.dry_run => Outcome::DryRun(fields),
            Said::This(fields) => {
                let answer = self.parts.settings.account.ask(Program::Agent, "send_notification", &fields);
                Outcome::of(fields, answer)
            }
        })
    }
}

/// The fields as the API shows them.
pub(super) fn shown(fields: Fields) -> Vec<DialerField> {
    fields.into_iter().map(|(name, value)| DialerField { name: name.to_owned(), value }).collect()
}

/// ViciDial's numbers of leads.
pub(super) fn is_lead(text: &str) -> bool {
    (1..=10).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && text.bytes().any(|byte| byte != b'0')
}

/// Why a call was made and what came of it, without numbers that were said.
async fn summed_up(desk: &Desk, call: &CallRow) -> Result<Vec<String>, StoreError> {
    let summary = desk.summary(call).await?;
    let quotes = [summary.reason, summary.outcome].into_iter().flatten();
    let mut lines: Vec<String> = quotes.map(|quote| desk.without_numbers(&quote.text)).collect();
    lines.dedup();
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end_and_a_lead_is_a_number() {
        assert_eq!([0, 1, 2, 30].map(pause).map(|pause| pause.as_secs()), [2, 4, 8, 900]);
        assert!(is_lead("876409") && !is_lead("") && !is_lead("0") && !is_lead("12a") && !is_lead("12345678901"));
    }
}
