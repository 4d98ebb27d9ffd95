//! ViciDial's `call_log`: each channel that went through its dialplan. A customer's call that neither `vicidial_log` nor `vicidial_closer_log` has took
//! place all the same: its script died, or the call never reached a queue.
//!
//! It has no index by time. Its key is the uniqueid, which begins with the second: ten digits, so texts sort as times do.

use super::parts::PART_S;
use crate::integrate::dialer::connection::{Connection, DialerError, Example, Query};
use crate::integrate::dialer::fields::RowFields;

/// Calls that are shorter rang and nothing else.
const RANG_S: i64 = 15;

/// uniqueid, channel, number_dialed, caller_code, start_epoch, end_epoch, length_in_sec, server_ip
pub(super) const BY_SECOND: Query = Query {
    name: "call_log by uniqueid's range",
    table: "call_log",
    sql: "SELECT uniqueid, channel, number_dialed, caller_code, start_epoch, end_epoch, length_in_sec, server_ip
          FROM call_log FORCE INDEX (PRIMARY)
          WHERE uniqueid >= ? AND uniqueid < ?",
    example: &[Example::Text("1795218045"), Example::Text("1795221645")],
    is_whole: false,
};

/// A customer's call of `call_log`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DialedChannel {
    pub(super) uniqueid: String,
    pub(super) lead: Option<i64>,
    pub(super) start: i64,
    pub(super) end: Option<i64>,
    pub(super) length: Option<i64>,
}

impl DialedChannel {
    /// `None`: no customer's channel, or one that only rang.
    fn of(row: &RowFields, server: Option<&str>) -> Option<Self> {
        let (uniqueid, channel, code) =
            (row.text(0)?, row.text(1).unwrap_or_default(), row.text(3).unwrap_or_default());
        let dialed = row.text(2).unwrap_or_default();
        let digits = dialed.bytes().filter(u8::is_ascii_digit).count();
        let is_other_server = server.is_some_and(|own| row.text(7).is_some_and(|other| other != own));
        // The recorders and the conferences of agents are Local channels and 86xxxxx; a third party is on a call that its agent has already.
        if channel.starts_with("Local/") || dialed.starts_with("86000") || is_other_server {
            return None;
        }
        let lead = match code.as_bytes() {
            [b'V' | b'M' | b'Y' | b'J', ..] => {
                code.get(code.len().checked_sub(10)?..)?.parse().ok().filter(|&lead| lead > 0)
            }
            // It came in, and nobody has given it a code.
            [] if digits >= 7 => None,
            _ => return None,
        };
        let length = row.seconds(6).filter(|_| row.id(5).is_some());
        let has_lasted = length.is_none_or(|length| length >= RANG_S);
        has_lasted.then_some(Self { uniqueid, lead, start: row.id(4)?, end: row.id(5), length })
    }
}

/// Customers' calls between two times. Where the table cannot be read on: those before, and why.
pub(super) async fn read(
    connection: &mut Connection,
    (since, until): (i64, i64),
    server: Option<&str>,
) -> Result<(Vec<DialedChannel>, Option<DialerError>), DialerError> {
    let mut all = Vec::new();
    let mut from = since;
    while from < until {
        let to = (from + PART_S).min(until);
        match connection.rows(&BY_SECOND, vec![from.to_string().into(), to.to_string().into()]).await {
            Err(error) if error.is_of_one_query() => return Ok((all, Some(error))),
            rows => all.extend(rows?.iter().filter_map(|row| DialedChannel::of(row, server))),
        }
        from = to;
    }
    Ok((all, None))
}

#[cfg(test)]
mod tests {
    use mysql_async::Value;

    use super::*;

    #[test]
    fn a_customers_channel_is_told_from_those_of_agents_recorders_and_third_parties() {
        let row = |channel: &str, dialed: &str, code: &str, length: i64| {
            let texts = ["1795218045.12", channel, dialed, code].map(|text| Value::Bytes(text.into()));
            let numbers = [1_795_218_045, 1_795_218_045 + length, length].map(Value::Int);
            RowFields::of_values(texts.into_iter().chain(numbers).chain([Value::Bytes(b"10.0.0.1".to_vec())]).collect())
        };
        let lead = |row: &RowFields| DialedChannel::of(row, Some("10.0.0.1")).map(|channel| channel.lead);
        assert_eq!(lead(&row("SIP/trunk-2a", "15551230001", "V1231015000000000501", 40)), Some(Some(501)));
        assert_eq!(lead(&row("SIP/trunk-2a", "5551230001", "", 40)), Some(None), "it came in");
        for other in [
            row("Local/58600051@default-1;2", "58600051", "V1231015000000000501", 40),
            row("SIP/1001-2a", "8600051", "S1231015000860005", 4000),
            row("SIP/trunk-2a", "5551230009", "DC12310150000000501", 40),
            row("SIP/trunk-2a", "15551230001", "V1231015000000000501", 9),
        ] {
            assert_eq!(lead(&other), None);
        }
        assert_eq!(
            DialedChannel::of(&row("SIP/t-1", "5551230001", "", 40), Some("10.0.0.2")),
            None,
            "another server's"
        );
    }
}
