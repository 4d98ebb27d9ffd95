//! Filters mean the same in the API, the commands and the pages; what is written in another way means the same, and what means nothing is refused with
//! the reason. Prints a table of odd and wrong queries, and what each got.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::bed::Bed;

/// Two hours ahead of UTC, so that a local midnight is none of UTC's.
const ZONE: &str = "TZ=LOC-2";
/// The calls, newest first.
const NOW: &str = "1795218045.12";
const YESTERDAY: &str = "1795131645.7";
const BEFORE: &str = "B-1";

/// Noon, so many days ago, in that zone.
fn noon(days: i64) -> Timestamp {
    let here = Timestamp::now().to_zoned(TimeZone::fixed(jiff::tz::offset(2)));
    let day = here.date().checked_sub(jiff::Span::new().days(days)).expect("in range");
    day.at(12, 0, 0, 0).to_zoned(TimeZone::fixed(jiff::tz::offset(2))).expect("in range").timestamp()
}

fn event(bed: &Bed, call: &str, at: Timestamp, text: &str, status: &str) {
    let event = json!({
        "provider": "test", "call_id": call, "speaker": "customer", "text": text, "status": status, "timestamp": at.to_string(),
    });
    let (status, answer) = bed.ask("POST", "/api/realtime/events", Some(&event));
    assert_eq!(status, 200, "{answer}");
}

/// Calls of former days, of eleven minutes: no platform may send such times, so the database is told them between two runs.
fn begin_at(bed: &mut Bed, begun: &[(&str, i64)]) {
    bed.stop();
    let db = rusqlite::Connection::open(bed.path("state/lineside.db")).expect("open");
    for (call, at) in begun {
        let moved = db.execute(
            "UPDATE call SET last_activity_ms = last_activity_ms - started_ms + ?2, started_ms = ?2 WHERE call_id = ?1",
            (call, at),
        );
        assert_eq!(moved.expect("update"), 1, "{call}");
        let alerts = "UPDATE alert SET raised_ms = ?2 WHERE call = (SELECT id FROM call WHERE call_id = ?1)";
        db.execute(alerts, (call, at)).expect("update");
        if *at < Timestamp::now().as_millisecond() - 3_600_000 {
            let length = "UPDATE segment SET end_ms = 660000 WHERE call = (SELECT id FROM call WHERE call_id = ?1)";
            assert_eq!(db.execute(length, [call]).expect("update"), 1, "{call}");
        }
    }
    // Scores that a filter tells apart; the third call has none.
    for (call, points, points_of) in [(NOW, 90, 100), (YESTERDAY, 30, 100), (BEFORE, 0, 0)] {
        let scored =
            "UPDATE review SET points = ?2, points_of = ?3 WHERE call = (SELECT id FROM call WHERE call_id = ?1)";
        assert_eq!(db.execute(scored, (call, points, points_of)).expect("update"), 1, "{call}");
    }
    drop(db);
    bed.start();
}

/// Three calls: just now, yesterday at noon, the day before at noon.
fn three_calls() -> Bed {
    let mut bed = Bed::new("none", "");
    bed.launcher = vec!["env".into(), ZONE.into()];
    bed.start();
    let mut begun = Vec::new();
    let scam = "this contract is an awful scam, i need a supervisor";
    for (call, at, text, [agent, campaign, phone, lead]) in [
        (BEFORE, noon(2), "hello about the contract", ["MARY", "sales", "1001", "7"]),
        (YESTERDAY, noon(1), scam, ["john", "CLAIMS", "02079460958", "8"]),
        (NOW, Timestamp::now(), "my contract is wonderful, thank you", ["Mary", "SALES", "+44 20 7946 0958", "876409"]),
    ] {
        event(&bed, call, Timestamp::now(), text, "active");
        let names = json!({"call_id": call, "agent": agent, "campaign": campaign, "phone": phone, "lead": lead});
        let (status, answer) = bed.ask("POST", "/api/v1/calls", Some(&names));
        assert_eq!((status, &answer["status"]), (200, &json!("named")), "{answer}");
        event(&bed, call, Timestamp::now(), "", "ended");
        bed.until_completed(call);
        bed.until(&format!("{call} is reviewed"), Duration::from_mins(1), |bed| {
            bed.get(&format!("/api/v1/calls/{call}"))["review"].is_object()
        });
        begun.push((call, at.as_millisecond()));
    }
    begin_at(&mut bed, &begun);
    let tag = json!({"action": "tag", "call_ids": [NOW], "tags": ["vip"]});
    assert_eq!(bed.ask("POST", "/calls/bulk", Some(&tag)).0, 200);
    bed
}

fn ids(answer: &Value) -> Vec<String> {
    let list = answer["calls"].as_array().or(answer["hits"].as_array()).unwrap_or_else(|| panic!("{answer}"));
    list.iter().map(|one| one["call_id"].as_str().expect("id").to_owned()).collect()
}

/// A query whose values are escaped.
fn query(pairs: &[(&str, &str)]) -> String {
    let escape = |text: &str| {
        text.bytes().fold(String::new(), |mut out, byte| {
            let _ = write!(out, "%{byte:02X}");
            out
        })
    };
    pairs.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect::<Vec<_>>().join("&")
}

fn first_column(bed: &Bed, arguments: &[&str]) -> Vec<String> {
    let output = bed.command(arguments).output().expect("run");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().map(|line| line.split('\t').next().unwrap_or_default().to_owned()).collect()
}

/// A filter in names and values, and the calls that fit.
type Case<'a> = (Vec<(&'a str, &'a str)>, &'a [&'a str]);

#[test]
fn a_filter_means_the_same_in_list_search_and_commands() {
    let mut bed = three_calls();
    let day = |days| noon(days).to_zoned(TimeZone::fixed(jiff::tz::offset(2))).strftime("%Y-%m-%d").to_string();
    let minute = noon(1).to_zoned(TimeZone::fixed(jiff::tz::offset(2))).strftime("%Y-%m-%dT%H:%M").to_string();
    let (today, yesterday) = (day(0), day(1));
    let (today, yesterday, minute) = (today.as_str(), yesterday.as_str(), minute.as_str());
    let (none, all): (&[&str], &[&str]) = (&[], &[NOW, YESTERDAY, BEFORE]);
    let cases: Vec<Case> = vec![
        (vec![], all),
        (vec![("state", "completed")], all),
        (vec![("state", "active")], none),
        (vec![("agent", "mary")], &[NOW, BEFORE]),
        (vec![("agent", "JOHN")], &[YESTERDAY]),
        (vec![("has_agent", "false")], none),
        (vec![("campaign", "Sales")], &[NOW, BEFORE]),
        (vec![("lead", "876409")], &[NOW]),
        (vec![("phone", "+442079460958")], &[NOW, YESTERDAY]),
        (vec![("phone", "0044 (20) 7946-0958")], &[NOW, YESTERDAY]),
        (vec![("phone", "460958")], &[NOW, YESTERDAY]),
        (vec![("phone", "60958")], none),
        (vec![("phone", "1001")], &[BEFORE]),
        (vec![("uniqueid", "1795218045")], &[NOW]),
        (vec![("uniqueid", "31645.7")], &[YESTERDAY]),
        (vec![("uniqueid", "b-1")], &[BEFORE]),
        (vec![("tag", "vip")], &[NOW]),
        (vec![("since", "today")], &[NOW]),
        (vec![("since", "yesterday")], &[NOW, YESTERDAY]),
        (vec![("since", "yesterday"), ("until", "yesterday")], &[YESTERDAY]),
        (vec![("since", "7d")], all),
        (vec![("until", "yesterday")], &[YESTERDAY, BEFORE]),
        (vec![("since", yesterday), ("until", yesterday)], &[YESTERDAY]),
        (vec![("until", today)], all),
        (vec![("since", minute), ("until", minute)], &[YESTERDAY]),
        (vec![("min_sentiment", "0.1")], &[NOW]),
        (vec![("max_sentiment", "-0.1")], &[YESTERDAY]),
        (vec![("min_score", "80")], &[NOW]),
        (vec![("max_score", "50")], &[YESTERDAY]),
        (vec![("min_score", "0")], &[NOW, YESTERDAY]),
        (vec![("min_score", "30"), ("max_score", "90")], &[NOW, YESTERDAY]),
        (vec![("has_alerts", "true")], &[YESTERDAY]),
        (vec![("has_alerts", "false")], &[NOW, BEFORE]),
        // Those that began on another day took eleven minutes.
        (vec![("sla_breached", "true")], &[YESTERDAY, BEFORE]),
        (vec![("sla_breached", "false")], &[NOW]),
        (vec![("agent", "mary"), ("phone", "7946 0958"), ("since", "today"), ("tag", "vip")], &[NOW]),
        (vec![("agent", "mary"), ("has_alerts", "true")], none),
    ];
    for (pairs, wanted) in &cases {
        let asked = query(pairs);
        assert_eq!(ids(&bed.get(&format!("/api/v1/calls?{asked}"))), *wanted, "the list, {pairs:?}");
        let found: BTreeSet<String> =
            ids(&bed.get(&format!("/api/v1/search?q=contract&{asked}"))).into_iter().collect();
        assert_eq!(found, wanted.iter().map(ToString::to_string).collect(), "the search, {pairs:?}");
        let mut flags = Vec::new();
        for (name, value) in pairs {
            match *name {
                "has_agent" => flags.push("--no-agent".to_owned()),
                "has_alerts" | "sla_breached" => {
                    let flag = name.replace("has_", "").replace('_', "-");
                    flags.push(if *value == "true" { format!("--{flag}") } else { format!("--no-{flag}") });
                }
                name => flags.push(format!("--{}={value}", name.replace('_', "-"))),
            }
        }
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        assert_eq!(
            first_column(&bed, &[&["calls", "--tsv"][..], &flags].concat()),
            *wanted,
            "lineside calls {flags:?}"
        );
        let found = first_column(&bed, &[&["search", "contract", "--tsv"][..], &flags].concat());
        assert_eq!(
            found.into_iter().collect::<BTreeSet<_>>(),
            wanted.iter().map(ToString::to_string).collect(),
            "lineside search {flags:?}"
        );
    }
    // Alerts are filtered by the names of their calls in the same words.
    for (name, value, found) in [
        ("agent", "JOHN", true),
        ("campaign", "claims", true),
        ("phone", "460958", true),
        ("phone", "60958", false),
        ("lead", "8", true),
        ("lead", "7", false),
        ("uniqueid", "31645.7", true),
        ("uniqueid", NOW, false),
    ] {
        let answer = bed.get(&format!("/api/v1/alerts?{}", query(&[(name, value)])));
        assert_eq!(answer["count"].as_u64() > Some(0), found, "{name}={value}: {answer}");
        let output = bed.command(&["alerts", "--tsv", &format!("--{name}={value}")]).output().expect("run");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let calls: BTreeSet<&str> = text.lines().filter_map(|line| line.split('\t').nth(3)).collect();
        let wanted: BTreeSet<&str> = if found { BTreeSet::from([YESTERDAY]) } else { BTreeSet::new() };
        assert!(output.status.success() && calls == wanted, "lineside alerts --{name}={value}: {output:?}");
    }
    bed.stop();
    println!(
        "{} combinations of filters: list, search, `lineside calls` and `lineside search` gave the same calls",
        cases.len()
    );
}

#[test]
fn figures_and_statistics_have_the_calls_of_the_list() {
    let mut bed = three_calls();
    let zone = TimeZone::fixed(jiff::tz::offset(2));
    let day = |days| noon(days).to_zoned(zone.clone()).date();
    // Half an hour before the local midnight that the ten days begin with, which is not yet midnight in UTC.
    let early = day(9).at(0, 0, 0, 0).to_zoned(zone.clone()).expect("in range").timestamp();
    let early = early.as_millisecond() - 1_800_000;
    begin_at(&mut bed, &[(BEFORE, early)]);
    let (ten, nine) = (day(10).to_string(), day(9).to_string());
    let (ten, nine) = (ten.as_str(), nine.as_str());
    for (pairs, wanted) in [
        (vec![("since", "yesterday"), ("until", "yesterday")], 1),
        (vec![("since", "today")], 1),
        (vec![("since", "yesterday"), ("until", "today")], 2),
        (vec![("since", nine), ("until", "yesterday")], 1),
        (vec![("since", ten), ("until", "yesterday")], 2),
        (vec![("since", ten), ("agent", "mARY")], 2),
        (vec![("since", nine), ("campaign", "sales")], 1),
        (vec![("since", ten), ("until", ten), ("campaign", "SALES")], 1),
    ] {
        let asked = query(&pairs);
        let listed = ids(&bed.get(&format!("/api/v1/calls?{asked}"))).len();
        let figures = bed.get(&format!("/api/v1/figures?{asked}"));
        assert_eq!((listed, &figures["total"]["calls"]), (wanted, &json!(wanted)), "{pairs:?}: {figures}");
        let agents = figures["agents"].as_array().into_iter().flatten();
        assert_eq!(agents.filter_map(|one| one["calls"].as_u64()).sum::<u64>(), wanted as u64, "{pairs:?}");
    }
    // Of more than a week each step is a local day.
    let figures = bed.get(&format!("/api/v1/figures?since={ten}"));
    let local = |at: &Value| -> String {
        let at: Timestamp = at.as_str().and_then(|at| at.parse().ok()).expect("a time");
        at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()
    };
    let begun: Vec<String> = figures["steps"].as_array().expect("steps").iter().map(|one| local(&one["at"])).collect();
    let wanted: Vec<String> = [10, 1, 0].map(|days| format!("{} 00:00", day(days))).to_vec();
    assert_eq!((begun, &figures["step_seconds"]), (wanted, &json!(86_400)));
    let starts: Vec<String> = figures["starts"].as_array().expect("starts").iter().map(local).collect();
    assert_eq!(starts.len(), 11);
    assert!(starts.iter().all(|at| at.ends_with(" 00:00")), "{starts:?}");
    assert_eq!(bed.ask("GET", "/api/v1/figures?since=today&until=yesterday", None).0, 422);
    for path in ["/api/v1/agents", "/api/v1/reviews/agreement", "/api/v1/review-queue"] {
        let turned = bed.ask("GET", &format!("{path}?since=today&until=yesterday"), None);
        assert_eq!((turned.0, &turned.1["detail"][0]["loc"][1]), (422, &json!("until")), "{path}: {}", turned.1);
        let future = bed.ask("GET", &format!("{path}?since=2120-01-01"), None);
        assert_eq!((future.0, &future.1["detail"][0]["loc"][1]), (422, &json!("since")), "{path}: {}", future.1);
        assert_eq!(bed.ask("GET", &format!("{path}?since=2d&until=today"), None).0, 200, "{path}");
    }

    // One name is one agent, whatever case is written or asked for, and one campaign.
    for asked in ["mary", "MARY", "mArY"] {
        let sums = bed.get(&format!("/api/v1/agents/{asked}/stats?days=20&campaign=sales"));
        assert_eq!((&sums["total_calls"], &sums["campaigns"][0]["total_calls"]), (&json!(2), &json!(2)), "{sums}");
        let (code, rows, _) = ran(&bed, &["agent", asked, "--days", "20", "--tsv", "--campaign", "sales"]);
        let total = rows.lines().find(|row| row.starts_with("total\t2\t"));
        assert!(code == Some(0) && total.is_some(), "lineside agent {asked}: {rows}");
    }
    let list = bed.get("/api/v1/agents?since=20d");
    let told: Vec<(&Value, &Value)> =
        list["agents"].as_array().expect("a list").iter().map(|one| (&one["agent"], &one["total_calls"])).collect();
    assert_eq!(told, [(&json!("MARY"), &json!(2)), (&json!("john"), &json!(1))], "{list}");
    assert_eq!(bed.get("/api/v1/campaigns/Sales/stats?days=20")["total_calls"], 2);

    // A number of six digits finds what the list finds.
    for phone in ["460958", "%2B44%20(0)20%207946%200958", "60958", "1001"] {
        let listed = ids(&bed.get(&format!("/api/v1/calls?phone={phone}")));
        assert_eq!(ids(&bed.get(&format!("/api/v1/lookup?phone={phone}"))), listed, "{phone}");
    }
    let (_, rows, _) = ran(&bed, &["transcript", "--phone", "460958", "--limit", "9", "--tsv"]);
    let found: BTreeSet<&str> = rows.lines().filter_map(|row| row.split('\t').next()).collect();
    assert_eq!(found, BTreeSet::from([NOW, YESTERDAY]), "/vici: {rows}");

    // Whoever types a day means their own, not the daemon's.
    let here = std::mem::replace(&mut bed.launcher, vec!["env".into(), "TZ=FAR+10".into()]);
    let output = bed.command(&["reviews", "--since", "yesterday", "--json"]).output().expect("run");
    bed.launcher = here;
    let told: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    let far = TimeZone::fixed(jiff::tz::offset(-10));
    let midnight =
        Timestamp::now().to_zoned(far.clone()).date().yesterday().expect("a day").to_zoned(far).expect("in range");
    assert_eq!(told["agreement"]["since"], json!(format!("{:.3}", midnight.timestamp())));
    bed.stop();
}

#[test]
fn the_page_asks_with_the_api_s_own_names_and_the_table_of_filters_has_them_all() {
    let page = include_str!("../../src/api/web/calls.html");
    let form = page.split("<form id=\"filters\"").nth(1).and_then(|rest| rest.split("</form>").next()).expect("form");
    let fields: BTreeSet<&str> = form.split(" name=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let contract: Value = serde_json::from_str(include_str!("../../docs/openapi.json")).expect("JSON");
    let asks = |path: &str| -> BTreeSet<String> {
        let parameters = contract["paths"][path]["get"]["parameters"].as_array().expect("parameters");
        parameters.iter().map(|one| one["name"].as_str().expect("name").to_owned()).collect()
    };
    let (list, search) = (asks("/api/v1/calls"), asks("/api/v1/search"));
    let known: BTreeSet<&str> = search.iter().map(String::as_str).collect();
    assert!(fields.is_subset(&known), "the page asks with {fields:?}, the search knows {known:?}");
    let paging = ["cursor", "limit", "offset", "q", "by", "alike", "leg"];
    let filters = |of: &BTreeSet<String>| -> BTreeSet<String> {
        of.iter().filter(|name| !paging.contains(&name.as_str())).cloned().collect()
    };
    assert_eq!(filters(&list), filters(&search), "the list and the search are filtered alike");
    let manual = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/api.md")).expect("docs");
    let table = manual.split("\n### Filters\n").nth(1).and_then(|rest| rest.split("\n#").next()).expect("### Filters");
    for name in filters(&list) {
        assert!(table.contains(&format!("`{name}`")), "docs/api.md, Filters, does not tell of {name}");
    }
}

/// What a query gets: the calls, or parts of the refusal.
enum Gets {
    Calls(&'static [&'static str]),
    Refused(&'static str),
}
use Gets::{Calls, Refused};

/// Queries of the list, and what each gets.
const ODD: &[(&str, Gets)] = &[
    // Telephone numbers.
    ("phone=%2B442079460958", Calls(&[NOW, YESTERDAY])),
    ("phone=+442079460958", Calls(&[NOW, YESTERDAY])), // a + that became a space
    ("phone=00442079460958", Calls(&[NOW, YESTERDAY])),
    ("phone=%2B44%20(0)20%207946%200958", Calls(&[NOW, YESTERDAY])),
    ("phone=020.7946.0958", Calls(&[NOW, YESTERDAY])),
    ("phone=020/7946-0958", Calls(&[NOW, YESTERDAY])),
    ("phone=460958", Calls(&[NOW, YESTERDAY])),
    ("phone=9460958", Calls(&[NOW, YESTERDAY])),
    ("phone=60958", Calls(&[])),
    ("phone=01001", Calls(&[BEFORE])),
    ("phone=%2B492079460958", Calls(&[YESTERDAY])),
    ("phone=12ab34", Refused("is not a telephone number")),
    ("phone=0", Refused("is not a telephone number")),
    ("phone=%25", Refused("is not a telephone number")),
    ("phone=", Calls(&[NOW, YESTERDAY, BEFORE])),
    ("telephone=460958", Refused("unknown")),
    ("phon=460958", Refused("did you mean phone?")),
    // Agents and campaigns.
    ("agent=MARY", Calls(&[NOW, BEFORE])),
    ("agent=Mary", Calls(&[NOW, BEFORE])),
    ("agent=%20mary%20", Calls(&[NOW, BEFORE])),
    ("has_agent=yes", Calls(&[NOW, YESTERDAY, BEFORE])),
    ("has_agent=no", Calls(&[])),
    ("agent=mray", Calls(&[])),
    ("agent=mary&agent=john", Refused("given more than once")),
    ("agnet=mary", Refused("did you mean agent?")),
    ("Agent=mary", Refused("did you mean agent?")),
    ("campaign=sALES", Calls(&[NOW, BEFORE])),
    ("campaign=S%25", Calls(&[])),
    ("agent=%27%20OR%201=1--", Calls(&[])),
    // Leads and ids.
    ("lead=876409", Calls(&[NOW])),
    ("lead=87640", Calls(&[])),
    ("lead_id=876409", Refused("known are")),
    ("uniqueid=1795218045.12", Calls(&[NOW])),
    ("uniqueid=218045.1", Calls(&[NOW])),
    ("uniqueid=045.12", Calls(&[NOW])),
    ("uniqueid=.12", Calls(&[])),
    ("uniqueid=B-1", Calls(&[BEFORE])),
    ("uniqueid=b-1", Calls(&[BEFORE])),
    ("uniqueid=______", Calls(&[])),
    // Times.
    ("since=today", Calls(&[NOW])),
    ("since=TODAY", Calls(&[NOW])),
    ("since=yesterday&until=yesterday", Calls(&[YESTERDAY])),
    ("since=7d", Calls(&[NOW, YESTERDAY, BEFORE])),
    ("since=1w", Calls(&[NOW, YESTERDAY, BEFORE])),
    ("since=tomorrow", Refused("is not a time")),
    ("since=last%20week", Refused("is not a time")),
    ("since=21.11.2026", Refused("is not a time")),
    ("since=11/21/2026", Refused("is not a time")),
    ("since=20261121", Refused("a date is written 2026-11-21")),
    ("since=2026-11-31", Refused("is not a time")),
    ("since=-1h", Refused("is not a time")),
    ("since=2026-11-21T10:30:00+02:00", Refused("%2B")),
    ("since=today&until=yesterday", Refused("is before since")),
    ("from=today", Refused("unknown")),
    // Numbers, words and the rest.
    ("min_sentiment=0,1", Refused("is not a number")),
    ("min_sentiment=-2", Refused("is not a number from -1 to 1")),
    ("max_sentiment=NaN", Refused("is not a number")),
    ("min_score=80", Calls(&[NOW])),
    ("max_score=50", Calls(&[YESTERDAY])),
    ("min_score=0", Calls(&[NOW, YESTERDAY])), // the third has no score
    ("min_score=30&max_score=90", Calls(&[NOW, YESTERDAY])),
    ("min_score=90.5", Calls(&[])),
    ("min_score=101", Refused("is not a number from 0 to 100")),
    ("max_score=-1", Refused("is not a number from 0 to 100")),
    ("min_score=90%25", Refused("is not a number from 0 to 100")),
    ("min_scroe=80", Refused("did you mean min_score?")),
    ("score=80", Refused("unknown")),
    ("has_alerts=yes", Calls(&[YESTERDAY])),
    ("has_alerts=no", Calls(&[NOW, BEFORE])),
    ("has_alerts=maybe", Refused("is not true or false")),
    ("sla_breached=no", Calls(&[NOW])),
    ("sla_breach=no", Refused("did you mean sla_breached?")),
    ("state=done", Refused("active, connection_closed, completed or failed")),
    ("state=Completed", Refused("active, connection_closed, completed or failed")),
    ("status=completed&tag=vip", Calls(&[NOW])),
    ("state=active&status=completed", Refused("state is given too")),
    ("tag=VIP", Calls(&[])),
    ("limit=0", Refused("a number from 1 to 1000")),
    ("limit=all", Refused("a number from 1 to 1000")),
    ("cursor=2", Refused("not a cursor")),
    ("q=contract", Refused("unknown")),
];

#[test]
fn sixty_odd_queries_each_get_what_they_mean_or_the_reason_why_not() {
    let mut bed = three_calls();
    let mut wrong = Vec::new();
    println!("query | got");
    println!("---|---");
    for (asked, gets) in ODD {
        let (status, answer) = bed.ask("GET", &format!("/api/v1/calls?{asked}"), None);
        let got = if status == 200 {
            ids(&answer).join(", ")
        } else {
            answer["detail"][0]["msg"].as_str().unwrap_or_default().into()
        };
        println!("`{asked}` | {status}: {got}");
        let is_right = match gets {
            Calls(wanted) => status == 200 && ids(&answer) == *wanted,
            Refused(part) => status == 422 && got.contains(part),
        };
        if !is_right {
            wrong.push(format!("{asked}: {status} {got}"));
        }
    }
    println!("{} queries", ODD.len());
    assert!(wrong.is_empty() && ODD.len() >= 60, "{wrong:#?}");
    // Who is not known is not passed over in silence.
    assert_eq!(bed.get("/api/v1/calls?agent=mray")["similar_agents"], json!(["MARY", "Mary"]));
    let said = bed.command(&["calls", "--agent", "mray"]).output().expect("run");
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(said.contains("no agent \"mray\" is known; did you mean MARY, Mary?"), "{said}");
    bed.stop();
}

#[test]
fn commands_page_to_the_end_and_print_stable_columns() {
    let mut bed = three_calls();
    let count = |arguments: &[&str]| first_column(&bed, arguments).len();
    assert_eq!((count(&["calls", "--tsv", "--limit", "2"]), count(&["calls", "--tsv", "--all"])), (2, 3));
    // More than one request's worth.
    let db = rusqlite::Connection::open(bed.path("state/lineside.db")).expect("open");
    db.busy_timeout(std::time::Duration::from_secs(10)).expect("timeout");
    let more = "INSERT INTO call (call_id, source, state, started_ms, last_activity_ms)
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)
        SELECT 'old-' || i, 'recording', 'completed', i * 1000, i * 1000 FROM n";
    db.execute(more, []).expect("insert");
    assert_eq!(count(&["calls", "--tsv", "--all"]), 2503);
    assert_eq!(count(&["calls", "--tsv", "--limit", "1500"]), 1500);
    let all: BTreeSet<String> = first_column(&bed, &["calls", "--tsv", "--all"]).into_iter().collect();
    assert_eq!(all.len(), 2503, "each once");
    let whole = bed.command(&["calls", "--json", "--all"]).output().expect("run");
    let whole: Value = serde_json::from_slice(&whole.stdout).expect("JSON");
    assert_eq!((whole["calls"].as_array().map(Vec::len), &whole["next_cursor"]), (Some(2503), &Value::Null));

    let columns = |arguments: &[&str]| -> Vec<String> {
        let output = bed.command(arguments).output().expect("run");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.lines().next().unwrap_or_default().split('\t').map(str::to_owned).collect()
    };
    let shown = columns(&["show", NOW, "--tsv"]);
    assert_eq!((shown.len(), shown[0].as_str(), shown[2].as_str(), shown[3].as_str()), (8, NOW, "Mary", "SALES"));
    assert_eq!(
        (shown[4].as_str(), shown[5].as_str(), shown[7].as_str()),
        ("0.00", "caller", "my contract is wonderful, thank you")
    );
    assert_eq!(columns(&["search", "wonderful", "--tsv"]), shown, "show and search have the same columns");
    bed.stop();
}

/// Runs a command without input: its exit status, what it said and what it complained of.
fn ran(bed: &Bed, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = bed.command(arguments).stdin(std::process::Stdio::null()).output().expect("run");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn what_cannot_be_undone_can_be_tried_first_and_errors_name_what_they_are_about() {
    let mut bed = three_calls();
    let (code, out, _) = ran(&bed, &["calls", "delete", "--dry-run", NOW, "no.such"]);
    assert_eq!(code, Some(1));
    assert!(
        out.contains(&format!("{NOW}: would be erased")) && out.contains("no.such: there is no such call"),
        "{out}"
    );
    assert_eq!(bed.ask("POST", &format!("/api/v1/calls/{NOW}/hold?reason=court"), None).0, 200);
    assert!(ran(&bed, &["calls", "delete", "-n", NOW]).1.contains("would stay: on hold, court"));
    assert_eq!(bed.ask("DELETE", &format!("/api/v1/calls/{NOW}/hold"), None).0, 200);
    let (code, _, error) = ran(&bed, &["calls", "delete", NOW]);
    assert!(code == Some(1) && error.contains("--yes"), "{error}");

    let (code, out, error) = ran(&bed, &["forget", "--phone", "0044 20 7946 0958", "--dry-run"]);
    assert!(
        code == Some(0) && out.contains("would erase 2 calls") && out.contains(NOW) && out.contains(YESTERDAY),
        "{out}{error}"
    );
    assert_eq!(ran(&bed, &["forget", "--lead", "876409", "-n", "--json"]).0, Some(0));
    assert_eq!(bed.get("/api/v1/calls")["calls"].as_array().map(Vec::len), Some(3), "nothing was erased");
    for (arguments, about) in [
        (&["show", "1795218045.99"][..], "call 1795218045.99"),
        (&["show", "a b"], "call a b"),
        (&["alerts", "ack", "4711"], "alert 4711"),
        (&["untap", "PJSIP/1001-0000"], "PJSIP/1001-0000"),
    ] {
        let (code, _, error) = ran(&bed, arguments);
        assert!(code == Some(1) && error.contains(about), "{arguments:?}: {error}");
    }
    for (arguments, says) in [
        (&["calls", "--agent", "nobody"][..], "no call fits"),
        (&["search", "zeppelin"], "nowhere was zeppelin said"),
        (&["alerts", "--agent", "nobody"], "no alert fits"),
        (&["agent", "--days", "1", "--campaign", "NONE"], "no agent had a call"),
        (&["fetch"], "nothing is fetched"),
        (&["audit", "--who", "nobody"], "nothing was written down"),
    ] {
        let (code, out, error) = ran(&bed, arguments);
        assert!(code == Some(0) && out.is_empty() && error.contains(says), "{arguments:?}: {out}{error}");
    }
    bed.stop();
    let (code, out, _) = ran(&bed, &["forget", "--phone", "+442079460958", "--dry-run"]);
    assert!(code == Some(0) && out.contains("would erase 2 calls"), "without a daemon too: {out}");
}

/// More rows of every kind than the lists below show.
fn fill(bed: &Bed) {
    let db = rusqlite::Connection::open(bed.path("state/lineside.db")).expect("open");
    db.busy_timeout(Duration::from_secs(10)).expect("timeout");
    db.execute_batch(
        "UPDATE call SET lead = '876409';
         CREATE TEMP TABLE n AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60) SELECT i FROM n;
         CREATE TEMP TABLE one AS SELECT id FROM call WHERE call_id = '1795218045.12';
         INSERT INTO alert (call, raised_ms, level, origin, rules, start_ms, end_ms, text, risk)
             SELECT one.id, 1795218045000 + i, 'warning', 'test ' || i, '[]', 0, 1, '', 0 FROM n, one;
         INSERT INTO dispute (call, rule, text, raised_by, raised_ms) SELECT one.id, 'rule ' || i, 'I did', 'agent', i FROM n, one;
         INSERT INTO fetch (remote, call_id, path, state, next_ms, asked_ms) SELECT 'pbx', 'f-' || i, '/f', 'done', 0, i FROM n;
         INSERT INTO dialer_write (call, kind, origin, state, next_ms, queued_ms)
             SELECT one.id, 'comment', 'test ' || i, 'sent', 0, i FROM n, one;
         INSERT INTO score_review (call, reviewer, comment, at_ms) SELECT id, 'boss', '', 1 FROM call WHERE call_id = 'B-1';
         INSERT INTO audit (at_ms, who, action, call) SELECT unixepoch() * 1000 + i, 'somebody', 'transcript', one.id FROM n, one;",
    )
    .expect("rows");
}

#[test]
fn a_list_that_ends_before_its_end_says_so_in_every_form() {
    let mut bed = three_calls();
    fill(&bed);
    let goes_on = "there are more";
    for (arguments, shown) in [
        (&["calls", "--tsv", "--limit", "2"][..], 2),
        (&["search", "contract", "--tsv", "--limit", "2"], 2),
        (&["alerts", "--tsv"], 20),
        (&["alerts"], 21),
        (&["audit", "--call", NOW, "--limit", "7"], 8),
        (&["vici", "sent", "--limit", "7"], 7),
    ] {
        let (code, out, error) = ran(&bed, arguments);
        assert!(code == Some(0) && error.contains(goes_on), "{arguments:?}: {error}");
        assert_eq!(out.lines().count(), shown, "{arguments:?}: {out}");
    }
    for arguments in [
        &["calls", "--tsv", "--limit", "3"][..],
        &["calls", "--tsv", "--all"],
        &["search", "contract", "--tsv", "--limit", "3"],
        &["alerts", "--call", BEFORE, "--tsv"],
        &["audit", "--call", NOW, "--limit", "1000"],
        &["fetch"],
    ] {
        let (code, _, error) = ran(&bed, arguments);
        assert!(code == Some(0) && !error.contains(goes_on), "{arguments:?}: {error}");
    }
    let (code, out, error) = ran(&bed, &["audit", "--call", "1795218045.99"]);
    assert!(code == Some(1) && out.is_empty() && error.contains("no call has the id 1795218045.99"), "{out}{error}");
    bed.stop();
}

#[test]
fn an_answer_that_is_cut_has_a_field_that_says_so() {
    let mut bed = three_calls();
    fill(&bed);
    for path in
        ["/api/v1/disputes?state=open&", "/api/v1/fetch?", "/api/v1/dialer/writes?", "/api/v1/agent/reviews?user=mary&"]
    {
        let whole = bed.get(&format!("{path}limit=1000"));
        assert_eq!(whole["more"], json!(false), "{path}: {whole}");
        let rows = whole.as_object().expect("object").values().filter_map(Value::as_array).map(Vec::len).max();
        let rows = rows.expect("rows");
        assert!(rows > 1, "{path}: {whole}");
        assert_eq!(bed.get(&format!("{path}limit={rows}"))["more"], json!(false), "{path}: all are there");
        assert_eq!(bed.get(&format!("{path}limit={}", rows - 1))["more"], json!(true), "{path}: one is left out");
    }
    let whole = bed.get("/api/v1/calls?limit=3");
    assert_eq!((ids(&whole).len(), &whole["next_cursor"]), (3, &Value::Null), "nothing comes after the last call");
    let figures = bed.get("/api/v1/figures?days=7");
    assert_eq!(figures["agents_in_all"], json!(figures["agents"].as_array().map(Vec::len)), "{figures}");

    let asked = |limit: u32| {
        let url = format!("http://127.0.0.1:{}/vici?function=transcript_lookup&lead_id=876409&limit={limit}", bed.http);
        ureq::get(url).call().expect("an answer").headers().get("lineside-more").is_some()
    };
    assert!(asked(2) && !asked(3), "a header says it of the rows for scripts");
    let (code, out, error) = ran(&bed, &["transcript", "--lead", "876409", "--tsv"]);
    assert!(code == Some(0) && out.starts_with(NOW) && error.contains("older calls"), "{out}{error}");
    bed.stop();
}
