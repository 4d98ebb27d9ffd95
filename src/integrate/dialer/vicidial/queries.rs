//! The questions to ViciDial's database. Each finds its rows by a key or an index of ViciDial's own schema, but for the agents that are logged in.
//!
//! None sorts or limits by a key other than the one that it asks by: for `ORDER BY id LIMIT 1` the server may walk the whole primary key. Times are epochs.

use crate::integrate::dialer::connection::{Example, Query};

const UNIQUEID: Example = Example::Text("1795218045.12");

/// user, lead_id, campaign_id, uniqueid, callerid, comments, external_recording, server_ip, call_server_ip, status, pause_code,
/// UNIX_TIMESTAMP(last_state_change)
pub(super) const LIVE_AGENTS: Query = Query {
    name: "vicidial_live_agents",
    table: "vicidial_live_agents",
    sql:
        "SELECT user, lead_id, campaign_id, uniqueid, callerid, comments, external_recording, server_ip, call_server_ip, status, pause_code,
                 UNIX_TIMESTAMP(last_state_change)
          FROM vicidial_live_agents",
    example: &[],
    is_whole: true,
};

/// recording_id, filename, lead_id, user, vicidial_id, start_epoch, end_epoch, server_ip
pub(super) const RECORDING: Query = Query {
    name: "recording_log by recording_id",
    table: "recording_log",
    sql: "SELECT recording_id, filename, lead_id, user, vicidial_id, start_epoch, end_epoch, server_ip
          FROM recording_log
          WHERE recording_id = ?",
    example: &[Example::Number(1)],
    is_whole: false,
};
/// The same.
pub(super) const RECORDING_BY_NAME: Query = Query {
    name: "recording_log by filename",
    table: "recording_log",
    sql: "SELECT recording_id, filename, lead_id, user, vicidial_id, start_epoch, end_epoch, server_ip
          FROM recording_log
          WHERE filename = ?",
    example: &[Example::Text("20261120-101500_5551234567")],
    is_whole: false,
};
/// The same.
pub(super) const RECORDING_BY_CALL: Query = Query {
    name: "recording_log by vicidial_id",
    table: "recording_log",
    sql: "SELECT recording_id, filename, lead_id, user, vicidial_id, start_epoch, end_epoch, server_ip
          FROM recording_log
          WHERE vicidial_id = ?",
    example: &[UNIQUEID],
    is_whole: false,
};

/// The first and the last recording_id: of each the server reads one entry of the index.
pub(in crate::integrate::dialer) const RECORDING_ENDS: Query = Query {
    name: "recording_log's ends",
    table: "recording_log",
    sql: "SELECT MIN(recording_id), MAX(recording_id) FROM recording_log",
    example: &[],
    is_whole: false,
};
/// recording_id, start_epoch
pub(in crate::integrate::dialer) const RECORDING_NEXT: Query = Query {
    name: "recording_log from recording_id",
    table: "recording_log",
    sql: "SELECT recording_id, start_epoch
          FROM recording_log FORCE INDEX (PRIMARY)
          WHERE recording_id >= ? AND recording_id <= ?
          ORDER BY recording_id
          LIMIT 16",
    example: &[Example::Number(1), Example::Number(100_000)],
    is_whole: false,
};
/// recording_id, filename, location, server_ip, start_epoch, lead_id, user
pub(super) const RECORDING_PLACES: Query = Query {
    name: "recording_log's locations by recording_id's range",
    table: "recording_log",
    sql: "SELECT recording_id, filename, location, server_ip, start_epoch, lead_id, user
          FROM recording_log FORCE INDEX (PRIMARY)
          WHERE recording_id >= ? AND recording_id <= ?
          ORDER BY recording_id
          LIMIT 1000",
    example: &[Example::Number(1), Example::Number(100_000)],
    is_whole: false,
};

/// uniqueid, lead_id, list_id, campaign_id, start_epoch, end_epoch, length_in_sec, status, phone_number, user, user_group, term_reason
pub(super) const OUTBOUND: Query = Query {
    name: "vicidial_log by uniqueid",
    table: "vicidial_log",
    sql: "SELECT uniqueid, lead_id, list_id, campaign_id, start_epoch, end_epoch, length_in_sec, status, phone_number, user, user_group, term_reason
          FROM vicidial_log
          WHERE uniqueid = ?",
    example: &[UNIQUEID],
    is_whole: false,
};
/// The same, by the uniqueid's second.
pub(super) const OUTBOUND_BY_SECOND: Query = Query {
    name: "vicidial_log by epoch",
    table: "vicidial_log",
    sql: "SELECT uniqueid, lead_id, list_id, campaign_id, start_epoch, end_epoch, length_in_sec, status, phone_number, user, user_group, term_reason
          FROM vicidial_log
          WHERE uniqueid LIKE ?",
    example: &[Example::Text("1795218045.%")],
    is_whole: false,
};

/// closecallid, lead_id, list_id, campaign_id, start_epoch, end_epoch, length_in_sec, status, phone_number, user, user_group, term_reason,
/// uniqueid, queue_seconds
pub(super) const INBOUND: Query = Query {
    name: "vicidial_closer_log by closecallid",
    table: "vicidial_closer_log",
    sql: "SELECT closecallid, lead_id, list_id, campaign_id, start_epoch, end_epoch, length_in_sec, status, phone_number, user, user_group, \
                 term_reason, uniqueid, queue_seconds
          FROM vicidial_closer_log
          WHERE closecallid = ?",
    example: &[Example::Number(1)],
    is_whole: false,
};
/// The same.
pub(super) const INBOUND_BY_CALL: Query = Query {
    name: "vicidial_closer_log by uniqueid",
    table: "vicidial_closer_log",
    sql: "SELECT closecallid, lead_id, list_id, campaign_id, start_epoch, end_epoch, length_in_sec, status, phone_number, user, user_group, \
                 term_reason, uniqueid, queue_seconds
          FROM vicidial_closer_log
          WHERE uniqueid = ?",
    example: &[UNIQUEID],
    is_whole: false,
};
/// The same, by the uniqueid's second.
pub(super) const INBOUND_BY_SECOND: Query = Query {
    name: "vicidial_closer_log by epoch",
    table: "vicidial_closer_log",
    sql: "SELECT closecallid, lead_id, list_id, campaign_id, start_epoch, end_epoch, length_in_sec, status, phone_number, user, user_group, \
                 term_reason, uniqueid, queue_seconds
          FROM vicidial_closer_log
          WHERE uniqueid LIKE ?",
    example: &[Example::Text("1795218045.%")],
    is_whole: false,
};

/// call_direction, lead_id, uniqueid, caller_id_number, length_in_sec, UNIX_TIMESTAMP(end_time). Older ViciDials have no such table, so it is none of
/// [`ALL`]: it is asked for where a recording names it.
pub(super) const GATEWAY: Query = Query {
    name: "gateway_recording_log by gateway_recording_id",
    table: "gateway_recording_log",
    sql: "SELECT call_direction, lead_id, uniqueid, caller_id_number, length_in_sec, UNIX_TIMESTAMP(end_time)
          FROM gateway_recording_log
          WHERE gateway_recording_id = ?",
    example: &[Example::Number(1)],
    is_whole: false,
};

/// user, talk_epoch, pause_sec, wait_sec, talk_sec, dispo_sec, dead_sec, status, uniqueid, campaign_id
pub(super) const AGENT_LOG: Query = Query {
    name: "vicidial_agent_log by lead_id",
    table: "vicidial_agent_log",
    sql: "SELECT user, talk_epoch, pause_sec, wait_sec, talk_sec, dispo_sec, dead_sec, status, uniqueid, campaign_id
          FROM vicidial_agent_log
          WHERE lead_id = ? AND event_time >= FROM_UNIXTIME(?)",
    example: &[Example::Number(1), Example::Number(1_795_218_045)],
    is_whole: false,
};

/// full_name, user_group
pub(super) const USER: Query = Query {
    name: "vicidial_users by user",
    table: "vicidial_users",
    sql: "SELECT full_name, user_group FROM vicidial_users WHERE user = ?",
    example: &[Example::Text("6666")],
    is_whole: false,
};

/// phone_number, list_id
pub(super) const LEAD: Query = Query {
    name: "vicidial_list by lead_id",
    table: "vicidial_list",
    sql: "SELECT phone_number, list_id FROM vicidial_list WHERE lead_id = ?",
    example: &[Example::Number(1)],
    is_whole: false,
};

/// first_name, last_name
pub(super) const LEAD_NAME: Query = Query {
    name: "vicidial_list's names by lead_id",
    table: "vicidial_list",
    sql: "SELECT first_name, last_name FROM vicidial_list WHERE lead_id = ?",
    example: &[Example::Number(1)],
    is_whole: false,
};
/// campaign_name
pub(super) const CAMPAIGN_NAME: Query = Query {
    name: "vicidial_campaigns by campaign_id",
    table: "vicidial_campaigns",
    sql: "SELECT campaign_name FROM vicidial_campaigns WHERE campaign_id = ?",
    example: &[Example::Text("TESTCAMP")],
    is_whole: false,
};
/// group_name
pub(super) const GROUP_NAME: Query = Query {
    name: "vicidial_inbound_groups by group_id",
    table: "vicidial_inbound_groups",
    sql: "SELECT group_name FROM vicidial_inbound_groups WHERE group_id = ?",
    example: &[Example::Text("SALESLINE")],
    is_whole: false,
};
/// list_name
pub(super) const LIST_NAME: Query = Query {
    name: "vicidial_lists by list_id",
    table: "vicidial_lists",
    sql: "SELECT list_name FROM vicidial_lists WHERE list_id = ?",
    example: &[Example::Number(101)],
    is_whole: false,
};

/// Those that everything depends on.
pub(in crate::integrate::dialer) const ALL: [&Query; 19] = [
    &LIVE_AGENTS,
    &RECORDING,
    &RECORDING_BY_NAME,
    &RECORDING_BY_CALL,
    &OUTBOUND,
    &OUTBOUND_BY_SECOND,
    &INBOUND,
    &INBOUND_BY_CALL,
    &INBOUND_BY_SECOND,
    &AGENT_LOG,
    &USER,
    &LEAD,
    &LEAD_NAME,
    &CAMPAIGN_NAME,
    &GROUP_NAME,
    &LIST_NAME,
    &RECORDING_ENDS,
    &RECORDING_NEXT,
    &RECORDING_PLACES,
];
