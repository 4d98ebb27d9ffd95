//! `AGI(lineside,agi)`: what the dialplan learns of its call.

use std::time::Duration;

use serde_json::json;

use crate::pbx::{Channel, Pbx};
use crate::roads::{is_after, ready};
use crate::script::short;

pub const TESTS: &[crate::Test] = &[(
    "a_dialplan_learns_what_was_said_in_its_call_and_goes_on_without_the_daemon",
    a_dialplan_learns_what_was_said_in_its_call_and_goes_on_without_the_daemon,
)];

/// A variable of a channel, as the dialplan has it.
fn variable(pbx: &mut Pbx, channel: &Channel, name: &str) -> String {
    pbx.act("GetVar", &[("Channel", &channel.name), ("Variable", name)]).remove("Value").unwrap_or_default()
}

/// Lets channels ask, waits until this one has gone on, and gives its status.
fn asked(pbx: &mut Pbx, channel: &Channel) -> String {
    pbx.act("Setvar", &[("Variable", "ASK"), ("Value", "yes")]);
    pbx.until("the dialplan goes on", Duration::from_secs(20), |channels| is_after(channels, channel));
    let script = variable(pbx, channel, "AGISTATUS");
    assert_eq!(script, "SUCCESS", "{}", pbx.log());
    variable(pbx, channel, "LINESIDE_STATUS")
}

fn a_dialplan_learns_what_was_said_in_its_call_and_goes_on_without_the_daemon() {
    let (mut bed, mut pbx) = ready(&short());
    let known = pbx.call("caller", "agi", &[]);
    let event = json!({
        "call_id": known.uniqueid, "provider": "test", "speaker": "customer", "text": "I want a refund, this is terrible.", "language": "en",
    });
    assert_eq!(bed.ask("POST", "/api/realtime/events", Some(&event)).0, 200);
    assert_eq!(asked(&mut pbx, &known), "OK");
    assert_eq!(variable(&mut pbx, &known, "LINESIDE_INTENT"), "refund");
    assert_eq!(variable(&mut pbx, &known, "LINESIDE_KEYWORDS"), "refund,complaint");
    let sentiment: f64 = variable(&mut pbx, &known, "LINESIDE_SENTIMENT").parse().expect("a number");
    let risk: f64 = variable(&mut pbx, &known, "LINESIDE_RISK").parse().expect("a number");
    assert!(sentiment < -0.2 && risk > 0.0, "{sentiment} {risk}");
    let unknown = pbx.call("caller", "agi", &[]);
    assert_eq!(asked(&mut pbx, &unknown), "UNKNOWN_CALL");
    assert_eq!(variable(&mut pbx, &unknown, "LINESIDE_SENTIMENT"), "");
    bed.stop();
    let alone = pbx.call("caller", "agi", &[]);
    assert_eq!(asked(&mut pbx, &alone), "NO_DAEMON");
    for channel in [&known, &unknown, &alone] {
        pbx.hang_up(channel);
    }
    pbx.until_quiet(Duration::from_secs(10));
}
