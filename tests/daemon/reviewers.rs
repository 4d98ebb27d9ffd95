//! The work of quality reviewers: points beside the machine's, calibration without knowing of each other, how far they agree, disputes, what to review
//! next, and the file of each day's calls.

use std::time::Duration;

use serde_json::{Value, json};

use crate::access::{Answer, inside, protected, request, token};
use crate::bed::Bed;

const KEYS: &str = "reads_per_minute = 0\nwrites_per_minute = 0";
const GREETED: &[(&str, &str)] = &[
    ("agent", "Good morning, this call may be recorded. How can I help you?"),
    ("customer", "I'm calling about my bill."),
    ("agent", "Anything else? Have a nice day."),
];
const RUDE: &[(&str, &str)] =
    &[("agent", "What? Calm down."), ("customer", "This is an awful, terrible service and I hate it.")];

/// A finished call of another platform, of agent 1001.
fn talk(bed: &Bed, call: &str, campaign: &str, lines: &[(&str, &str)]) {
    for (number, (speaker, text)) in lines.iter().enumerate() {
        let event = json!({
            "provider": "test", "call_id": call, "event_type": "transcript", "speaker": speaker, "text": text, "agent_id": "1001",
            "campaign": campaign,
            "status": if number + 1 == lines.len() { "ended" } else { "active" },
        });
        let answer = inside(bed, "POST", "/api/realtime/events", &event.to_string());
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    bed.until("the call is over and named", Duration::from_mins(2), |bed| {
        let told = inside(bed, "GET", &format!("/api/v1/calls/{call}"), "").json();
        told["status"] == "completed" && told["campaign"] == campaign
    });
}

/// Somebody with a token.
struct Person<'a> {
    bed: &'a Bed,
    token: String,
}

impl<'a> Person<'a> {
    fn new(bed: &'a Bed, name: &str, more: &[&str]) -> Self {
        Self { bed, token: token(bed, &[&[name][..], more].concat()) }
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Answer {
        let auth = format!("Authorization: Bearer {}", self.token);
        let body = if body.is_null() { String::new() } else { body.to_string() };
        request(self.bed, method, path, &[&auth, "Content-Type: application/json"], &body)
    }

    fn get(&self, path: &str) -> Value {
        let answer = self.ask("GET", path, &Value::Null);
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.json()
    }

    fn give(&self, call: &str, rule: &str, points: &Value) -> Answer {
        let review = json!({"rules": [{"rule": rule, "points": points}]});
        self.ask("PUT", &format!("/api/v1/calls/{call}/reviews"), &review)
    }
}

/// What of an answer is wrong, where it is a 422: name and message.
fn wrong(answer: &Answer) -> (String, String) {
    assert_eq!(answer.status, 422, "{answer:?}");
    let told = answer.json()["detail"][0].clone();
    (told["loc"][1].as_str().unwrap_or_default().into(), told["msg"].as_str().unwrap_or_default().into())
}

#[test]
fn a_reviewers_points_stand_beside_the_machines_and_are_forgotten_with_the_call() {
    let mut bed = protected(KEYS);
    bed.start();
    talk(&bed, "R-1", "SALES", GREETED);
    let path = "/api/v1/calls/R-1/reviews";
    let john = Person::new(&bed, "john", &["--scope", "read,operate"]);
    let reader = Person::new(&bed, "reader", &["--scope", "read"]);
    let empty = reader.get(path);
    assert_eq!((&empty["reviews"], &empty["calibration"], &empty["hidden"]), (&json!([]), &json!(false), &json!(0)));
    let of = |rule: &str| {
        let rules = empty["rules"].as_array().expect("rules");
        rules.iter().find(|one| one["rule"] == rule).unwrap_or_else(|| panic!("{rule}: {empty}")).clone()
    };
    assert_eq!(of("greeting")["outcome"], "met", "{empty}");
    assert_eq!(of("hold")["outcome"], "not_asked");
    let (most, hold) = (of("greeting")["of"].as_f64().expect("points"), of("hold")["of"].as_f64().expect("points"));
    assert!(most > 0.0 && hold > 0.0, "also a rule that was not asked for is worth something: {empty}");

    assert_eq!(reader.give("R-1", "greeting", &json!(1)).status, 403, "who reads does not review");
    assert_eq!(john.give("none", "greeting", &json!(1)).status, 404);
    let (field, says) = wrong(&john.give("R-1", "manners", &json!(1)));
    assert!(field == "rules" && says.contains("manners") && says.contains("greeting"), "{field}: {says}");
    for points in [json!(most + 0.5), json!(-1)] {
        assert!(wrong(&john.give("R-1", "greeting", &points)).1.contains("not from 0 to"), "{most}");
    }
    assert_eq!(wrong(&john.give("R-1", "greeting", &json!("1"))).0, "points");
    assert_eq!(wrong(&john.ask("PUT", path, &json!({"rules": [], "by": "eve"}))).0, "by");
    assert_eq!(reader.get(path)["reviews"], json!([]), "nothing of that was kept");

    let said = "the maiden name of her mother was said aloud in the hall";
    let card = "her card is 4111 1111 1111 1111";
    let review = json!({"comment": card, "rules": [
        {"rule": "hold", "points": null}, {"rule": "greeting", "points": most / 2.0, "comment": said},
    ]});
    let kept = john.ask("PUT", path, &review);
    assert_eq!(kept.status, 200, "{kept:?}");
    let told = reader.get(path);
    let own = &told["reviews"][0];
    assert_eq!((&own["reviewer"], &own["own"], &own["score"]), (&json!("john"), &json!(false), &json!(50.0)), "{told}");
    assert_eq!(own["rules"][0]["rule"], "greeting", "in the order of the score card: {own}");
    assert_eq!((&own["rules"][0]["comment"], &own["rules"][0]["machine_passed"]), (&json!(said), &json!(true)));
    assert_eq!((&own["rules"][1]["points"], &own["rules"][1]["machine_passed"]), (&Value::Null, &Value::Null));
    assert!(!own.to_string().contains("4111") && own["comment"].as_str().is_some_and(|text| text.contains("her card")));
    assert_eq!(john.give("R-1", "greeting", &json!(most)).status, 200);
    let again = john.get(path);
    assert_eq!((&again["reviews"][0]["score"], again["reviews"].as_array().map(Vec::len)), (&json!(100.0), Some(1)));
    let dispute = json!({"rule": "greeting", "text": "the owner of the shop had answered before"});
    assert_eq!(john.ask("POST", "/api/v1/calls/R-1/disputes", &dispute).status, 200);

    let gone = bed.command(&["forget", "--call", "R-1", "--yes"]).output().expect("run");
    assert!(gone.status.success(), "{gone:?}");
    assert_eq!(john.ask("GET", path, &Value::Null).status, 404);
    let holds = |text: &str| {
        ["lineside.db", "lineside.db-wal"].iter().any(|name| {
            let bytes = std::fs::read(bed.path("state").join(name)).unwrap_or_default();
            bytes.windows(text.len()).any(|window| window == text.as_bytes())
        })
    };
    for text in [said, "the owner of the shop had answered before"] {
        bed.until("what was written is overwritten", Duration::from_secs(30), |_| !holds(text));
    }
    bed.stop();
}

#[test]
fn of_a_calibration_nobody_sees_others_points_before_the_own_are_in_and_those_stay() {
    let mut bed = protected(KEYS);
    bed.start();
    talk(&bed, "B-1", "SALES", GREETED);
    let person = |name| Person::new(&bed, name, &["--scope", "read,operate"]);
    let (john, mary) = (person("john"), person("mary"));
    let boss = Person::new(&bed, "boss", &["--scope", "read,operate,ingest"]);
    let reader = Person::new(&bed, "reader", &["--scope", "read"]);
    let (path, flag) = ("/api/v1/calls/B-1/reviews", "/api/v1/calls/B-1/calibration");
    assert_eq!(reader.ask("PUT", flag, &Value::Null).status, 403);
    assert_eq!(boss.ask("PUT", flag, &Value::Null).status, 200);
    assert_eq!(john.give("B-1", "greeting", &json!(0)).status, 200);
    let dispute = json!({"rule": "greeting", "text": "I greeted"});
    assert_eq!(john.ask("POST", "/api/v1/calls/B-1/disputes", &dispute).status, 200);

    for who in [&mary, &reader] {
        let blind = who.get(path);
        assert_eq!((&blind["calibration"], &blind["hidden"], &blind["reviews"]), (&json!(true), &json!(1), &json!([])));
        assert_eq!(blind["disputes"], json!([]));
        assert_eq!(who.get("/api/v1/disputes")["disputes"], json!([]));
        assert_eq!(who.get("/api/v1/reviews/agreement")["machine"]["overall"]["pairs"], 0);
    }
    assert_eq!(boss.get(path)["reviews"].as_array().map(Vec::len), Some(1), "who looks after the box sees all");
    assert_eq!(boss.get("/api/v1/reviews/agreement")["machine"]["overall"]["pairs"], 1);
    assert_eq!(mary.ask("DELETE", flag, &Value::Null).status, 403, "who is blind does not lift it");

    assert_eq!(mary.give("B-1", "greeting", &json!(1)).status, 200);
    let seen = mary.get(path);
    assert_eq!((&seen["hidden"], seen["reviews"].as_array().map(Vec::len)), (&json!(0), Some(2)), "{seen}");
    assert_eq!(seen["disputes"].as_array().map(Vec::len), Some(1));
    assert_eq!(reader.get(path)["hidden"], 2);
    let late = mary.give("B-1", "greeting", &json!(0));
    assert!(late.status == 409 && late.body.contains("calibration"), "{late:?}");
    assert_eq!(boss.ask("DELETE", flag, &Value::Null).status, 200);
    assert_eq!(reader.get(path)["reviews"].as_array().map(Vec::len), Some(2));
    assert_eq!(mary.give("B-1", "greeting", &json!(0)).status, 200, "it is no calibration any more");
    bed.stop();
}

#[test]
fn agreement_is_cohens_kappa_over_the_calls_that_two_have_reviewed() {
    let mut bed = protected(KEYS);
    bed.start();
    let person = |name| Person::new(&bed, name, &["--scope", "read,operate"]);
    let (john, mary) = (person("john"), person("mary"));
    for (call, by_john, by_mary) in
        [("K-1", 1, Some(1)), ("K-2", 0, Some(0)), ("K-3", 1, Some(0)), ("K-4", 1, Some(1)), ("K-5", 0, None)]
    {
        talk(&bed, call, if call == "K-4" { "CLAIMS" } else { "SALES" }, GREETED);
        let most = john.get(&format!("/api/v1/calls/{call}/reviews"))["rules"][0].clone();
        assert_eq!((&most["rule"], &most["outcome"]), (&json!("greeting"), &json!("met")), "{most}");
        let points = |passed: i32| json!(most["of"].as_f64().unwrap_or(0.0) * f64::from(passed));
        assert_eq!(john.give(call, "greeting", &points(by_john)).status, 200);
        if let Some(passed) = by_mary {
            assert_eq!(mary.give(call, "greeting", &points(passed)).status, 200);
        }
    }
    let told = john.get("/api/v1/reviews/agreement");
    let figures = |of: &Value| {
        ["pairs", "both_passed", "first_passed", "second_passed", "both_failed"].map(|name| of[name].as_u64())
    };
    // 3 of 4 agree; by chance 3/4 * 2/4 + 1/4 * 2/4 = 0.5: kappa is 0.5.
    let people = &told["people"];
    assert_eq!(figures(&people["overall"]), [4, 2, 1, 0, 1].map(Some), "{told}");
    assert_eq!((&people["calls"], &people["overall"]["kappa"]), (&json!(4), &json!(0.5)), "{told}");
    assert_eq!((&people["rules"][0]["rule"], &people["rules"][0]["kappa"]), (&json!("greeting"), &json!(0.5)));
    // The machine says met each time: what agrees does so by chance.
    let machine = &told["machine"]["overall"];
    assert_eq!((figures(machine), &machine["kappa"]), ([9, 5, 4, 0, 0].map(Some), &json!(0.0)), "{told}");

    // One call alone, on which both say passed: chance explains it.
    let claims = john.get("/api/v1/reviews/agreement?campaign=claims");
    assert_eq!(
        (&claims["people"]["overall"]["pairs"], &claims["people"]["overall"]["kappa"]),
        (&json!(1), &Value::Null)
    );
    assert_eq!(claims["campaign"], "CLAIMS");
    let printed = bed.command(&["reviews", "--since", "1d"]).output().expect("run");
    let printed = String::from_utf8_lossy(&printed.stdout).into_owned();
    let row = printed.lines().find(|line| line.starts_with("reviewers") && line.ends_with("all"));
    assert_eq!(
        row.map(|row| row.split_whitespace().collect::<Vec<_>>()),
        Some(vec!["reviewers", "4", "75%", "0.50", "all"]),
        "{printed}"
    );
    let early = john.get("/api/v1/reviews/agreement?until=yesterday");
    assert_eq!((&early["people"]["calls"], &early["people"]["overall"]["observed"]), (&json!(0), &Value::Null));
    let sales = Person::new(&bed, "sales", &["--scope", "read", "--campaign", "SALES"]);
    assert_eq!(sales.get("/api/v1/reviews/agreement")["people"]["calls"], 3, "others do not exist");
    assert_eq!(wrong(&john.ask("GET", "/api/v1/reviews/agreement?agent=1001", &Value::Null)).0, "agent");
    bed.stop();
}

#[test]
fn a_dispute_is_raised_by_the_calls_agent_or_for_the_agent_and_answered_once() {
    let mut bed = protected(KEYS);
    bed.start();
    talk(&bed, "D-1", "SALES", RUDE);
    let agent = Person::new(&bed, "agent", &["--agent", "1001"]);
    let other = Person::new(&bed, "other", &["--agent", "1002"]);
    let john = Person::new(&bed, "john", &["--scope", "read,operate"]);
    let reader = Person::new(&bed, "reader", &["--scope", "read"]);
    let claims = Person::new(&bed, "claims", &["--scope", "read,operate", "--campaign", "CLAIMS"]);
    let path = "/api/v1/calls/D-1/disputes";
    let dispute = json!({"rule": "greeting", "text": "the line was cut, my id is 4111 1111 1111 1111"});
    for (who, status) in [(&other, 404), (&reader, 403), (&claims, 404)] {
        let answer = who.ask("POST", path, &dispute);
        assert_eq!(answer.status, status, "{answer:?}");
    }
    assert_eq!(wrong(&agent.ask("POST", path, &json!({"rule": "manners", "text": "x"}))).0, "rule");
    assert_eq!(wrong(&agent.ask("POST", path, &json!({"rule": "greeting", "text": ""}))).0, "text");
    let raised = agent.ask("POST", path, &dispute);
    assert_eq!(raised.status, 200, "{raised:?}");
    let one = raised.json();
    assert_eq!((&one["state"], &one["raised_by"], &one["agent"]), (&json!("open"), &json!("agent"), &json!("1001")));
    assert!(!raised.body.contains("4111"), "{raised:?}");
    assert_eq!(john.ask("POST", path, &dispute).status, 409, "it is open");
    let read = agent.get("/api/v1/calls/D-1/reviews");
    assert_eq!((&read["disputes"][0]["id"], &read["reviews"]), (&one["id"], &json!([])), "{read}");

    let open = |who: &Person| who.get("/api/v1/disputes?state=open")["disputes"].as_array().map(Vec::len);
    assert_eq!((open(&reader), open(&claims)), (Some(1), Some(0)));
    assert_eq!(reader.get("/api/v1/disputes?campaign=claims")["disputes"], json!([]));
    assert_eq!(reader.get("/api/v1/calls/D-1/reviews")["disputes"][0]["id"], one["id"]);
    assert_eq!(wrong(&reader.ask("GET", "/api/v1/disputes?state=closed", &Value::Null)).0, "state");

    let answer_path = format!("/api/v1/disputes/{}/answer", one["id"]);
    let answer = json!({"state": "upheld", "answer": "the recording begins late"});
    for (who, status) in [(&reader, 403), (&agent, 403), (&claims, 404)] {
        let refused = who.ask("POST", &answer_path, &answer);
        assert_eq!(refused.status, status, "{refused:?}");
    }
    assert_eq!(wrong(&john.ask("POST", &answer_path, &json!({"state": "open", "answer": "x"}))).0, "state");
    let told = john.ask("POST", &answer_path, &answer).json();
    assert_eq!((&told["state"], &told["answered_by"]), (&json!("upheld"), &json!("john")), "{told}");
    assert!(told["answered_at"].is_string() && told["answer"] == "the recording begins late", "{told}");
    assert_eq!(john.ask("POST", &answer_path, &answer).status, 409);
    assert_eq!(john.ask("POST", "/api/v1/disputes/999/answer", &answer).status, 404);
    assert_eq!(open(&reader), Some(0));
    assert_eq!(reader.get("/api/v1/disputes?state=upheld")["disputes"].as_array().map(Vec::len), Some(1));
    bed.stop();
}

/// What an agent's list says of each call: its id, how many reviews it has and how many open disputes.
fn reviewed(who: &Person, query: &str) -> Vec<(String, u64, u64)> {
    let told = who.get(&format!("/api/v1/agent/reviews{query}"));
    let calls = told["calls"].as_array().expect("calls");
    let number = |call: &Value, name: &str| call[name].as_u64().expect("a number");
    let row = |call: &Value| {
        let id = call["call_id"].as_str().expect("an id").to_owned();
        (id, number(call, "reviews"), number(call, "open_disputes"))
    };
    calls.iter().map(row).collect()
}

#[test]
fn an_agent_reads_what_reviewers_gave_the_own_calls_and_nothing_of_others_calls() {
    let mut bed = protected(KEYS);
    bed.start();
    for call in ["E-1", "E-2"] {
        talk(&bed, call, "SALES", GREETED);
    }
    let agent = Person::new(&bed, "agent", &["--agent", "1001"]);
    let other = Person::new(&bed, "other", &["--agent", "1002"]);
    let john = Person::new(&bed, "john", &["--scope", "read,operate"]);
    let claims = Person::new(&bed, "claims", &["--scope", "read", "--campaign", "CLAIMS"]);
    let path = "/api/v1/calls/E-1/reviews";
    assert_eq!(reviewed(&agent, ""), [], "nobody has reviewed one");
    assert_eq!(agent.get(path)["rules"][0]["outcome"], "met", "the machine's points are there before");
    let review = json!({"comment": "friendly", "rules": [{"rule": "greeting", "points": 0, "comment": "too late"}]});
    assert_eq!(john.ask("PUT", path, &review).status, 200);

    let read = agent.get(path);
    assert_eq!(read["rules"], john.get(path)["rules"], "with the machine's points");
    let given = &read["reviews"][0];
    assert_eq!((&given["reviewer"], &given["own"], &given["score"]), (&json!("john"), &json!(false), &json!(0.0)));
    let rule = &given["rules"][0];
    assert_eq!(
        (&rule["points"], &rule["comment"], &given["comment"]),
        (&json!(0.0), &json!("too late"), &json!("friendly"))
    );
    assert_eq!(reviewed(&agent, ""), [("E-1".to_owned(), 1, 0)], "E-2 has none");
    let dispute = json!({"rule": "greeting", "text": "I greeted at once"});
    assert_eq!(agent.ask("POST", "/api/v1/calls/E-1/disputes", &dispute).status, 200);
    assert_eq!(reviewed(&agent, "?user=1001"), [("E-1".to_owned(), 1, 1)]);
    assert_eq!(agent.get(path)["disputes"][0]["text"], "I greeted at once");

    let hidden = other.ask("GET", path, &Value::Null);
    assert_eq!(hidden.status, 404, "{hidden:?}");
    assert_eq!(
        hidden.body,
        other.ask("GET", "/api/v1/calls/none/reviews", &Value::Null).body,
        "as if it were not there"
    );
    assert_eq!(reviewed(&other, ""), []);
    assert_eq!(wrong(&other.ask("GET", "/api/v1/agent/reviews?user=1001", &Value::Null)).0, "user");
    for path in [path, "/api/v1/agent/reviews", "/api/v1/agent/reviews?user=1001"] {
        let nobody = request(&bed, "GET", path, &[], "");
        assert!(nobody.status == 401 && !nobody.body.contains("E-1"), "{path}: {nobody:?}");
    }
    for (method, path) in [
        ("PUT", path),
        ("PUT", "/api/v1/calls/E-1/calibration"),
        ("DELETE", "/api/v1/calls/E-1/calibration"),
        ("GET", "/api/v1/disputes"),
        ("GET", "/api/v1/reviews/agreement"),
        ("GET", "/api/v1/review-queue"),
        ("GET", "/api/v1/calls/E-1/qa"),
        ("GET", "/api/v1/calls/E-1"),
    ] {
        assert_eq!(agent.ask(method, path, &review).status, 403, "{method} {path}");
    }
    assert_eq!(reviewed(&john, "?user=1001"), [("E-1".to_owned(), 1, 1)], "who sees all calls names the agent");
    assert_eq!(wrong(&john.ask("GET", "/api/v1/agent/reviews", &Value::Null)).0, "user");
    assert_eq!(reviewed(&claims, "?user=1001"), [], "calls of other campaigns do not exist");
    let audit = bed.command(&["audit", "--who", "agent", "--json"]).output().expect("run");
    let audit = String::from_utf8_lossy(&audit.stdout).into_owned();
    assert!(audit.contains("\"reviews\"") && audit.contains("reviews of an agent"), "{audit}");
    bed.stop();
}

#[test]
fn of_a_calibration_an_agent_sees_nothing_that_was_given_until_the_flag_is_off() {
    let mut bed = protected(KEYS);
    bed.start();
    talk(&bed, "G-1", "SALES", GREETED);
    let john = Person::new(&bed, "john", &["--scope", "read,operate"]);
    let boss = Person::new(&bed, "boss", &["--scope", "read,operate,ingest"]);
    let agent = Person::new(&bed, "agent", &["--agent", "1001"]);
    let (path, flag) = ("/api/v1/calls/G-1/reviews", "/api/v1/calls/G-1/calibration");
    assert_eq!(boss.ask("PUT", flag, &Value::Null).status, 200);
    let review =
        json!({"comment": "gave it away", "rules": [{"rule": "greeting", "points": 0, "comment": "too late"}]});
    assert_eq!(john.ask("PUT", path, &review).status, 200);
    let dispute = json!({"rule": "greeting", "text": "it was in time"});
    assert_eq!(john.ask("POST", "/api/v1/calls/G-1/disputes", &dispute).status, 200);

    let blind = agent.ask("GET", path, &Value::Null);
    let told = blind.json();
    assert_eq!((&told["hidden"], &told["reviews"], &told["disputes"]), (&json!(1), &json!([]), &json!([])), "{told}");
    for given in ["john", "too late", "gave it away", "in time"] {
        assert!(!blind.body.contains(given), "{given}: {blind:?}");
    }
    assert_eq!(reviewed(&agent, ""), []);
    assert_eq!(reviewed(&john, "?user=1001").len(), 1, "whose points are in");

    // A token of the agent with the name of one who has reviewed the call is no reviewer.
    let revoked = bed.command(&["token", "revoke", "john"]).output().expect("run");
    assert!(revoked.status.success(), "{revoked:?}");
    let namesake = Person::new(&bed, "john", &["--agent", "1001"]);
    let blind = namesake.get(path);
    assert_eq!((&blind["hidden"], &blind["reviews"]), (&json!(1), &json!([])), "{blind}");
    assert_eq!(reviewed(&namesake, ""), []);

    assert_eq!(boss.ask("DELETE", flag, &Value::Null).status, 200);
    let open = namesake.get(path);
    assert_eq!((&open["hidden"], &open["reviews"][0]["own"]), (&json!(0), &json!(false)), "{open}");
    assert_eq!(agent.get(path)["reviews"][0]["comment"], "gave it away");
    assert_eq!(reviewed(&agent, ""), [("G-1".to_owned(), 1, 1)]);
    bed.stop();
}

/// Ids of the queue's calls.
fn queue(who: &Person, query: &str) -> Vec<String> {
    let told = who.get(&format!("/api/v1/review-queue?{query}"));
    let calls = told["calls"].as_array().expect("calls");
    calls.iter().filter_map(|call| call["call_id"].as_str().map(str::to_owned)).collect()
}

#[test]
fn the_queue_is_the_same_on_reload_and_leaves_out_what_was_reviewed() {
    let mut bed = protected(KEYS);
    bed.start();
    for number in 0..6 {
        talk(&bed, &format!("U-{number}"), "SALES", GREETED);
    }
    talk(&bed, "U-rude", "CLAIMS", RUDE);
    let person = |name| Person::new(&bed, name, &["--scope", "read,operate"]);
    let (john, mary) = (person("john"), person("mary"));
    let first = queue(&john, "count=4");
    assert_eq!(first.len(), 4);
    assert_eq!(queue(&john, "by=random&count=4"), first, "on reload");
    let orders: Vec<Vec<String>> = [&john, &mary].map(|who| queue(who, "")).into();
    assert_eq!((orders[0].len(), &orders[0][..4]), (7, &first[..]));
    assert!(orders[1].iter().all(|call| orders[0].contains(call)), "the same calls");
    assert_ne!(orders[0], orders[1], "and another lot for somebody else");

    assert_eq!(john.give(&first[0], "greeting", &json!(0)).status, 200);
    assert_eq!(queue(&john, "count=3"), first[1..]);
    assert_eq!(queue(&mary, ""), orders[1], "she has not reviewed it");
    bed.until("the score cards are stored", Duration::from_mins(1), |_| {
        queue(&john, "by=rule&rule=greeting") == ["U-rude"]
    });
    assert_eq!(queue(&john, "by=risk")[0], "U-rude", "the highest risk first");
    assert_eq!(queue(&john, "campaign=claims"), ["U-rude"]);
    assert_eq!(queue(&john, "until=yesterday"), Vec::<String>::new());
    for (query, field) in [
        ("by=rule", "rule"),
        ("by=rule&rule=manners", "rule"),
        ("rule=greeting", "rule"),
        ("by=luck", "by"),
        ("count=0", "count"),
    ] {
        let answer = john.ask("GET", &format!("/api/v1/review-queue?{query}"), &Value::Null);
        assert_eq!(wrong(&answer).0, field, "{query}");
    }
    bed.stop();
}

/// A call that began yesterday, which no daemon could have heard in a test.
fn call_of_yesterday(bed: &Bed, id: &str, campaign: &str) {
    let db = rusqlite::Connection::open(bed.path("state/lineside.db")).expect("open");
    let noon = jiff::Zoned::now().yesterday().and_then(|day| day.with().hour(12).build()).expect("yesterday");
    let at = noon.timestamp().as_millisecond();
    db.execute(
        "INSERT INTO call (call_id, source, state, started_ms, last_activity_ms, ended_ms, campaign) VALUES (?1, 'upload', 'completed', ?2, ?2, ?2, ?3)",
        (id, at, campaign),
    )
    .expect("a call");
}

#[test]
fn each_days_calls_are_a_file_that_is_written_once_and_what_keeps_it_from_being_written_is_told() {
    let mut bed = Bed::new("none", "");
    bed.start();
    bed.stop();
    call_of_yesterday(&bed, "Y-1", "SALES");
    call_of_yesterday(&bed, "Y-2", "CLAIMS");
    let folder = bed.path("reports");
    let config = bed.path("lineside.toml");
    let text = std::fs::read_to_string(&config).expect("read");
    let reports =
        format!("{text}\n[reports]\nfolder = \"{}\"\ndaily_at = \"00:00\"\ncampaign = \"sales\"\n", folder.display());
    std::fs::write(&config, reports).expect("write");
    bed.start();
    let health = |bed: &Bed| bed.get("/health/detailed");
    bed.until("the missing folder is told", Duration::from_secs(30), |bed| {
        let found = |check: &Value| check["check"] == "reports" && check["state"] == "bad";
        health(bed)["checks"].as_array().is_some_and(|checks| checks.iter().any(found))
    });
    assert!(bed.log().contains("reports:"), "and in the log");
    bed.stop();

    std::fs::create_dir(&folder).expect("mkdir");
    bed.start();
    let day = jiff::Zoned::now().yesterday().expect("yesterday").date();
    let path = folder.join(format!("calls-{day}.csv"));
    bed.until("the file is there", Duration::from_secs(30), |_| path.exists());
    let written = std::fs::read_to_string(&path).expect("read");
    let lines: Vec<&str> = written.lines().collect();
    assert_eq!(lines.len(), 2, "{written}");
    assert!(lines[0].starts_with("call_id,call_start,agent,campaign") && lines[1].starts_with("Y-1,"), "{written}");
    let export =
        bed.ask("POST", "/calls/bulk", Some(&json!({"action": "export", "call_ids": ["Y-1"], "format": "calls"})));
    assert_eq!(export.0, 200);
    assert_eq!(std::fs::read_dir(&folder).expect("list").count(), 1, "nothing half is left");
    bed.stop();

    std::fs::remove_file(&path).expect("taken away");
    bed.start();
    bed.until("it has looked", Duration::from_secs(30), |bed| {
        let found = |check: &Value| check["found"].as_str().is_some_and(|found| found.contains(&day.to_string()));
        health(bed)["checks"].as_array().is_some_and(|checks| checks.iter().any(found))
    });
    assert!(!path.exists(), "it is not written twice");
    bed.stop();
}
