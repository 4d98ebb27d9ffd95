//! Call dashboards and batch clients that were made for other services: their paths, their token in the address, what their code reckons with.

use std::net::TcpStream;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{self, Message};

use crate::access::{inside, protected, request, token};
use crate::bed::{self, Bed, speak, uuid_of};

type Socket = tungstenite::WebSocket<tungstenite::stream::MaybeTlsStream<TcpStream>>;

fn socket(bed: &Bed, path: &str) -> Socket {
    let (socket, _) = tungstenite::connect(format!("ws://127.0.0.1:{}{path}", bed.http)).expect("connect");
    if let tungstenite::stream::MaybeTlsStream::Plain(stream) = socket.get_ref() {
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("time-out");
    }
    socket
}

fn next(socket: &mut Socket) -> Value {
    loop {
        if let Message::Text(text) = socket.read().expect("a message") {
            return serde_json::from_str(&text).expect("JSON");
        }
    }
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs_f64()
}

/// What such a page keeps of a call: made by the first message that names it, or by the list, never changed afterwards.
#[derive(Debug, PartialEq)]
struct Card {
    caller: String,
    agent: String,
    start_time: f64,
    ended: Option<f64>,
}

impl Card {
    fn of(about: &Value) -> Self {
        let text = |key: &str| about[key].as_str().unwrap_or("Unknown").to_owned();
        let start = about["start_time"].as_f64().or(about["timestamp"].as_f64());
        Self {
            caller: text("caller"),
            agent: text("agent"),
            start_time: start.expect("seconds since 1970"),
            ended: None,
        }
    }
}

#[test]
fn a_dashboard_has_right_durations_and_callers_with_its_token_in_the_address() {
    let mut bed = protected("token = \"an old secret\"\ntoken_in_query = true");
    bed.start();
    let token = "token=an%20old%20secret";
    let get = |path: &str| {
        let with = if path.contains('?') { format!("{path}&{token}") } else { format!("{path}?{token}") };
        let answer = request(&bed, "GET", &with, &[], "");
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.json()
    };
    assert_eq!(get("/api/calls"), json!({"calls": [], "count": 0}));
    let mut feed = socket(&bed, &format!("/ws/calls?{token}"));
    let mut alerts = socket(&bed, &format!("/ws/alerts?{token}"));
    feed.send(Message::text(r#"{"action":"ping"}"#)).expect("send");
    assert_eq!(next(&mut feed), json!({"type": "pong"}));
    bed.until("both are counted", Duration::from_secs(5), |_| {
        get("/api/stats")["websocket"] == json!({"total_clients": 2, "subscriptions": {"all": 1, "alerts": 1}})
    });
    assert!(get("/api/stats")["uptime"].as_f64().is_some_and(|uptime| uptime < 600.0));

    // One call is named before it comes, the other while it runs.
    let (first, second) = (uuid_of(1_795_218_045, 1, 0), "0b5e55ed-0000-4000-8000-000000000071");
    let named = json!({"uniqueid": "1795218045.1", "agent": "mary", "phone": "+44123456789", "campaign": "UK_Sales"});
    assert_eq!(inside(&bed, "POST", "/api/v1/calls", &named.to_string()).status, 200);
    let began = now();
    let (mut one, mut other) = (bed.dial(&first), bed.dial(second));
    speak(&mut one, &[100; 8000]).expect("speak");
    speak(&mut other, &[100; 8000]).expect("speak");
    let renamed = json!({"uuid": second, "uniqueid": "1795218045.2", "agent": "john", "phone": "+44987654321"});
    bed.until("it is known", Duration::from_secs(10), |bed| {
        inside(bed, "GET", &format!("/api/v1/calls/{second}"), "").status == 200
    });
    assert_eq!(inside(&bed, "POST", "/api/v1/calls", &renamed.to_string()).json()["call_id"], "1795218045.2");
    speak(&mut one, &[100; 8000]).expect("speak");
    let list = get("/api/calls");
    assert_eq!(list["count"], 2);
    for call in list["calls"].as_array().expect("list") {
        let start = call["start_time"].as_f64().expect("seconds");
        assert!((start - began).abs() < 2.0, "{call}");
        assert!((call["duration"].as_f64().expect("seconds") - (now() - start)).abs() < 1.0, "{call}");
        let callers = [("1795218045.1", "+44123456789"), ("1795218045.2", "+44987654321")];
        assert!(callers.iter().any(|(id, caller)| call["call_id"] == *id && call["caller"] == *caller), "{call}");
    }
    drop((one, other));
    let lasted = now() - began;

    let mut cards: std::collections::BTreeMap<String, Card> = std::collections::BTreeMap::new();
    while cards.values().filter(|card| card.ended.is_some()).count() < 3 {
        let message = next(&mut feed);
        assert!(message["timestamp"].is_number() || message["type"] == "pong", "{message}");
        assert!((message["timestamp"].as_f64().expect("number") - now()).abs() < 30.0, "{message}");
        let id = message["call_id"].as_str().expect("id").to_owned();
        match message["type"].as_str().expect("type") {
            "call_start" => drop(cards.entry(id).or_insert_with(|| Card::of(&message))),
            "call_end" => {
                cards.get_mut(&id).expect("begun").ended = message["duration"].as_f64();
            }
            _ => {}
        }
    }
    // The former name of the second has ended, so that no card is left over.
    let card = |id: &str| cards.get(id).unwrap_or_else(|| panic!("{id} in {cards:?}"));
    for (id, caller, agent, least) in
        [("1795218045.1", "+44123456789", "mary", 2.0), ("1795218045.2", "+44987654321", "john", 1.0)]
    {
        let card = card(id);
        assert_eq!((card.caller.as_str(), card.agent.as_str()), (caller, agent), "{card:?}");
        assert!((card.start_time - began).abs() < 2.0, "{card:?}");
        assert!(card.ended.is_some_and(|ended| ended > least - 0.1 && ended < lasted + 0.5), "{card:?}");
    }
    assert!(card(second).ended.is_some() && cards.len() == 3, "{cards:?}");

    // Lines and alerts, as the feeds told them.
    let lines = [("hello", 0.0), ("this is terrible, i need a supervisor now", -0.1), ("goodbye", 0.1)];
    for (text, _) in lines {
        let event =
            json!({"provider": "test", "call_id": "H-1", "speaker": "customer", "text": text, "agent_id": "mary"});
        assert_eq!(inside(&bed, "POST", "/api/realtime/events", &event.to_string()).status, 200);
    }
    let told: Vec<Value> =
        std::iter::from_fn(|| Some(next(&mut feed))).filter(|message| message["type"] == "sentiment").take(3).collect();
    let history = get("/api/calls/H-1/history");
    assert_eq!((&history["call_id"], &history["count"]), (&json!("H-1"), &json!(3)), "{history}");
    for (line, told) in history["history"].as_array().expect("list").iter().zip(&told) {
        for key in [
            "call_id",
            "text",
            "start_time",
            "end_time",
            "speaker",
            "sentiment_score",
            "sentiment_label",
            "confidence",
            "keywords_detected",
            "profanity_detected",
            "rolling_sentiment",
        ] {
            assert_eq!(line[key], told[key], "{key}");
        }
        assert!((line["timestamp"].as_f64().expect("seconds") - now()).abs() < 30.0, "{line}");
    }
    assert_eq!(get("/api/calls/H-1/history?count=2")["count"], 2);
    assert_eq!(get("/api/calls/nobody/history"), json!({"call_id": "nobody", "history": [], "count": 0}));
    for path in ["/api/calls/H-1/history?count=501", "/api/alerts?count=101", "/api/calls?cuont=1"] {
        assert_eq!(request(&bed, "GET", &format!("{path}&{token}"), &[], "").status, 422, "{path}");
    }
    let alert = next(&mut alerts);
    let list = get("/api/alerts?count=5");
    assert_eq!((&list["count"], &list["alerts"][0]["id"]), (&json!(1), &alert["id"]), "{list}");
    for alert in [&alert, &list["alerts"][0]] {
        assert_eq!((&alert["type"], &alert["call_id"]), (&json!("alert"), &json!("H-1")));
        assert!(
            alert["timestamp"].is_number() && alert["reasons"].is_array() && alert["alert_level"].is_string(),
            "{alert}"
        );
    }
    // The other feeds say it as before.
    let mut events = socket(&bed, &format!("/ws/events?last_event_id=0&{token}"));
    next(&mut events);
    assert!(next(&mut events)["event"]["timestamp"].is_string());
    drop(feed);
    bed.until("it is not counted any more", Duration::from_secs(10), |_| {
        get("/api/stats")["websocket"]["subscriptions"] == json!({"alerts": 1})
    });
    bed.stop();
    println!(
        "mended | 27 | /api/calls, /api/calls/ID/history, /api/alerts and /api/stats were not there, timestamps of the feeds no numbers | all four answer; \
         a dashboard's code has both callers, starts within 2 s, and durations of {:.1} and {:.1} s of calls within {lasted:.1} s",
        card("1795218045.1").ended.unwrap_or_default(),
        card("1795218045.2").ended.unwrap_or_default()
    );
}

#[test]
fn a_token_in_the_address_is_taken_where_it_is_allowed_and_nowhere_else() {
    let mut bed = protected("token = \"an old secret\"");
    bed.start();
    assert_eq!(request(&bed, "GET", "/api/calls?token=an%20old%20secret", &[], "").status, 401);
    let refused = tungstenite::connect(format!("ws://127.0.0.1:{}/ws/calls?token=an%20old%20secret", bed.http));
    assert!(matches!(refused, Err(tungstenite::Error::Http(answer)) if answer.status() == 401));
    let auth = "Authorization: Bearer an old secret";
    let got = request(&bed, "GET", "/api/calls?token=x", &[auth], "");
    assert!(got.status == 422 && got.body.contains("token_in_query"), "{got:?}");
    bed.stop();

    let mut bed = protected("token_in_query = true");
    bed.start();
    let (reader, sales) = (token(&bed, &["reader"]), token(&bed, &["sales", "--campaign", "SALES"]));
    crate::access::call(&bed, 1, "CLAIMS");
    assert_eq!(request(&bed, "GET", &format!("/api/calls?token={reader}"), &[], "").status, 200);
    for path in ["/api/calls", "/api/calls?token=", "/api/calls?token=wrong"] {
        assert_eq!(request(&bed, "GET", path, &[], "").status, 401, "{path}");
    }
    bed.until("it is over", Duration::from_secs(20), |bed| {
        inside(bed, "GET", "/api/v1/calls/1795218045.1", "").json()["status"] == "completed"
    });
    // A token does no more there than in a header.
    let end = format!("/api/v1/calls/{}/end?token={reader}", crate::access::CLAIMS);
    assert_eq!(request(&bed, "POST", &end, &[], "").status, 403);
    assert_eq!(request(&bed, "GET", &format!("/api/calls/1795218045.1?token={sales}"), &[], "").status, 404);
    let hidden = request(&bed, "GET", &format!("/api/calls/1795218045.1/history?token={sales}"), &[], "");
    assert_eq!((hidden.status, hidden.json()["count"].as_i64()), (200, Some(0)), "as of a call that is not there");
    assert_eq!(request(&bed, "GET", &format!("/api/stats?token={sales}"), &[], "").status, 403);
    assert_eq!(
        request(&bed, "GET", &format!("/api/calls/1795218045.1?token={reader}"), &[], "").json()["status"],
        "completed"
    );

    // A socket is told why it is closed, as scripts cannot read the status of a handshake.
    for path in ["/ws/calls", "/ws/calls?token=wrong", "/ws/alerts?token=wrong", "/ws/calls/1795218045.1?token="] {
        let mut socket = socket(&bed, path);
        let closed = match socket.read() {
            Ok(Message::Close(frame)) => frame.expect("a frame"),
            other => panic!("{path}: {other:?}"),
        };
        assert_eq!((u16::from(closed.code), closed.reason.as_str()), (4001, "Invalid token"), "{path}");
    }
    let mut feed = socket(&bed, &format!("/ws/calls?token={reader}"));
    assert!(bed.command(&["token", "revoke", "reader"]).status().expect("run").success());
    let closed = loop {
        if let Message::Close(frame) = feed.read().expect("goes on until it is closed") {
            break frame.expect("a frame");
        }
    };
    assert_eq!(u16::from(closed.code), 4001, "a token that is over in the middle");

    // A page is opened by it, and the address that stays has none.
    let page = request(&bed, "GET", &format!("/?token={sales}"), &["Accept: text/html"], "");
    assert_eq!((page.status, page.header("location")), (303, Some("?")), "{page:?}");
    let cookie = page.header("set-cookie").and_then(|cookie| cookie.split(';').next()).expect("a login").to_owned();
    assert_eq!(request(&bed, "GET", "/api/v1/calls", &[&format!("Cookie: {cookie}")], "").status, 200);
    let page = request(&bed, "GET", &format!("/calls?q=x&token={sales}&agent=y"), &["Accept: text/html"], "");
    assert_eq!(page.header("location"), Some("?q=x&agent=y"));
    assert!(!bed.log().contains(&sales), "no token in the log");
    bed.stop();
    println!(
        "mended | 27 | ?token= was taken nowhere, and a socket closed without 4001 | taken with [http] token_in_query = true, 4001 for a wrong, missing or \
         revoked one"
    );
}

#[test]
fn a_batch_client_sees_how_far_its_call_is() {
    let mut bed = Bed::new("none", "");
    bed.start();
    let samples: Vec<u8> = (0..24_000_i32).flat_map(|i| ((i % 200) as i16 * 50).to_le_bytes()).collect();
    let mut wav = bed::open_header(1);
    // Its header names more than there is: it was cut.
    wav[40..44].copy_from_slice(&(samples.len() as u32 + 1000).to_le_bytes());
    wav.extend(samples);
    let mut body = b"--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"lunch.wav\"\r\n\r\n".to_vec();
    body.extend(wav);
    body.extend(b"\r\n--x--\r\n");
    let mut answer = ureq::post(format!("http://127.0.0.1:{}/upload", bed.http))
        .header("Content-Type", "multipart/form-data; boundary=x")
        .send(&body[..])
        .expect("an answer");
    let answer: Value = serde_json::from_str(&answer.body_mut().read_to_string().expect("text")).expect("JSON");
    let detail = answer["calls"][0]["detail"].as_str();
    assert!(detail.is_some_and(|detail| detail.contains("1000 bytes")), "it says that the file was cut: {answer}");
    let path = format!("/api/calls/{}", answer["call_id"].as_str().expect("id"));
    let mut seen = Vec::new();
    bed.until("it is completed", Duration::from_secs(30), |bed| {
        let status = bed.try_get(&path).map_or(Value::Null, |call| call["status"].clone());
        seen.push(status.clone());
        status == "completed"
    });
    let known = [Value::Null, json!("queued"), json!("processing"), json!("completed")];
    assert!(seen.iter().all(|status| known.contains(status)), "{seen:?}");
    let call = bed.get(&path);
    assert_eq!((&call["file"], &call["error"]), (&json!("lunch.wav"), &Value::Null), "{call}");
    assert_eq!(bed.ask("GET", "/api/calls/nobody", None), (404, json!({"detail": "Call session not found"})));
    let metrics = bed.get("/api/metrics");
    assert_eq!(metrics["status"], json!({"queued": 0, "processing": 0, "completed": 1, "failed": 0}), "{metrics}");
    bed.stop();
    println!(
        "mended | 27 | /api/calls/ID was not there, /api/metrics had no status | queued, processing, completed of a call; {} of all",
        metrics["status"]
    );
}
