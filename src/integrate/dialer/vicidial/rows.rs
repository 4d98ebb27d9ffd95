//! ViciDial's rows as types: a recording, and a call in one of the two logs.

use crate::contract::dialer::{DialDirection, DialerFacts};
use crate::integrate::dialer::fields::RowFields;
use crate::integrate::dialer::names::VicidialId;

/// Users that are no people: the dialer itself, and what records at a gateway.
const NOBODY: [&str; 3] = ["VDAD", "VDCL", "GATEWAY"];
/// States of a call that is not over, or that nobody has disposed of.
const PASSING: [&str; 4] = ["INCALL", "QUEUE", "DISPO", "LIVE"];

fn person(user: Option<&String>) -> Option<String> {
    user.filter(|user| !NOBODY.contains(&user.as_str())).cloned()
}

/// A row of `recording_log`.
#[derive(Clone, Debug)]
pub(super) struct LoggedRecording {
    pub(super) id: i64,
    pub(super) name: Option<String>,
    pub(super) lead: Option<i64>,
    user: Option<String>,
    pub(super) link: VicidialId,
    pub(super) start: Option<i64>,
    pub(super) server: Option<String>,
}

impl LoggedRecording {
    pub(super) fn of(row: &RowFields) -> Self {
        Self {
            id: row.number(0).unwrap_or_default(),
            name: row.text(1),
            lead: row.id(2),
            user: row.text(3),
            link: VicidialId::parse(row.text(4).as_deref()),
            start: row.id(5),
            server: row.text(7),
        }
    }

    pub(super) fn agent(&self) -> Option<String> {
        person(self.user.as_ref())
    }
}

/// A row of `gateway_recording_log`: a call as the gateway heard it, with its queue and its ringing.
#[derive(Clone, Debug)]
pub(super) struct LoggedGateway {
    direction: Option<DialDirection>,
    pub(super) lead: Option<i64>,
    /// Of the gateway's own channel.
    pub(super) uniqueid: Option<String>,
    /// The number that calls: of an inbound call the customer's.
    number: Option<String>,
    length: Option<i64>,
}

impl LoggedGateway {
    pub(super) fn of(row: &RowFields) -> Self {
        let direction = match row.text(0).as_deref() {
            Some("INBOUND") => Some(DialDirection::Inbound),
            Some("OUTBOUND") => Some(DialDirection::Outbound),
            _ => None,
        };
        let ended = row.id(5);
        Self {
            direction,
            lead: row.id(1),
            uniqueid: row.text(2),
            number: row.text(3),
            length: row.id(4).filter(|_| ended.is_some()),
        }
    }

    /// What it knows of a call that is on no other row.
    pub(super) fn tell(&self, facts: &mut DialerFacts) {
        facts.direction = self.direction;
        facts.uniqueid.clone_from(&self.uniqueid);
        facts.length_seconds = self.length;
        if self.direction == Some(DialDirection::Inbound) {
            facts.phone.clone_from(&self.number);
        }
    }
}

/// A row of `vicidial_log` or `vicidial_closer_log`.
#[derive(Clone, Debug)]
pub(super) struct Logged {
    /// Of an in-group's row alone.
    pub(super) closecallid: Option<i64>,
    pub(super) uniqueid: Option<String>,
    pub(super) lead: Option<i64>,
    list: Option<i64>,
    /// Campaign, or in-group.
    pub(super) campaign: Option<String>,
    pub(super) start: Option<i64>,
    end: Option<i64>,
    pub(super) length: Option<i64>,
    pub(super) status: Option<String>,
    phone: Option<String>,
    user: Option<String>,
    group: Option<String>,
    reason: Option<String>,
    queue: Option<f64>,
}

impl Logged {
    pub(super) fn outbound(row: &RowFields) -> Self {
        Self { uniqueid: row.text(0), ..Self::common(row) }
    }

    pub(super) fn inbound(row: &RowFields) -> Self {
        Self { closecallid: row.id(0), uniqueid: row.text(12), queue: row.decimal(13), ..Self::common(row) }
    }

    fn common(row: &RowFields) -> Self {
        Self {
            closecallid: None,
            uniqueid: None,
            lead: row.id(1),
            list: row.id(2),
            campaign: row.text(3),
            start: row.id(4),
            end: row.id(5),
            length: row.seconds(6),
            status: row.text(7),
            phone: row.text(8),
            user: row.text(9),
            group: row.text(10),
            reason: row.text(11).filter(|reason| reason != "NONE"),
            queue: None,
        }
    }

    pub(super) fn agent(&self) -> Option<String> {
        person(self.user.as_ref())
    }

    /// Whether nothing of it changes any more, as far as it can be known.
    pub(super) fn is_final(&self) -> bool {
        self.end.is_some() && self.status.as_deref().is_some_and(|status| !PASSING.contains(&status))
    }

    /// What is its own of a call's facts.
    pub(super) fn tell(&self, facts: &mut DialerFacts) {
        facts.list_id = self.list;
        facts.phone.clone_from(&self.phone);
        facts.user_group.clone_from(&self.group);
        facts.disposition = self.status.clone().filter(|status| !PASSING.contains(&status.as_str()));
        facts.term_reason.clone_from(&self.reason);
        facts.length_seconds = self.length.filter(|_| self.end.is_some());
        facts.queue_seconds = self.queue;
    }
}
