//! What a quality analyst does with calls that are over: score card, named things, summary; many calls at once; words to expect; the agents' service.

use std::time::Duration;

use serde_json::{Value, json};

use crate::bed::{self, Bed};

/// A call of another platform, line by line: (speaker, text).
fn talk(bed: &Bed, call: &str, lines: &[(&str, &str)]) {
    for (number, (speaker, text)) in lines.iter().enumerate() {
        let event = json!({
            "provider": "test", "call_id": call, "event_type": "transcript", "speaker": speaker, "text": text, "agent_id": "mary",
            "status": if number + 1 == lines.len() { "ended" } else { "active" },
        });
        let (status, answer) = bed.ask("POST", "/api/realtime/events", Some(&event));
        assert_eq!(status, 200, "{answer}");
    }
    bed.until_completed(call);
}

const CALL: &[(&str, &str)] = &[
    ("agent", "Good morning, this call may be recorded. How can I help you?"),
    ("customer", "I'm calling about my bill, you charged me two hundred dollars twice!"),
    ("customer", "This is terrible, I am so angry about this awful company."),
    ("agent", "I understand, I am sorry about that."),
    ("agent", "I have credited your account, you will receive an e-mail tomorrow."),
    ("customer", "Thank you so much, that is wonderful."),
    ("agent", "Anything else? Have a nice day."),
];

fn outcome(qa: &Value, name: &str) -> Value {
    let of = |mark: &&Value| mark["name"] == name;
    qa["criteria"].as_array().into_iter().flatten().find(of).map_or(Value::Null, |mark| mark["outcome"].clone())
}

#[test]
fn a_call_is_scored_by_rules_that_name_their_words_and_told_in_its_own_lines() {
    let mut bed = Bed::new("none", "");
    bed.start();
    talk(&bed, "Q-1", CALL);
    let qa = bed.get("/api/v1/calls/Q-1/qa");
    for (name, wanted) in [
        ("greeting", "met"),
        ("disclosure", "met"),
        ("empathy", "met"),
        ("hold", "not_asked"),
        ("closing", "met"),
        ("forbidden_words", "met"),
    ] {
        assert_eq!(outcome(&qa, name), wanted, "{name}: {qa}");
    }
    assert_eq!(qa["criteria"][0]["quotes"][0]["text"], "Good morning");
    assert!(qa["score"].as_f64().is_some_and(|score| score > 90.0), "{qa}");

    let entities = bed.get("/api/v1/calls/Q-1/entities");
    assert_eq!((&entities["counts"]["money"], &entities["counts"]["date"]), (&json!(1), &json!(1)), "{entities}");
    assert_eq!(entities["entities"][0]["text"], "two hundred dollars");

    let windows = bed.get("/api/v1/calls/Q-1/entity-evolution");
    assert_eq!(windows.as_array().map(Vec::len), Some(2), "{windows}");
    assert_eq!(windows[1]["cumulative_entities"], json!({"money": ["two hundred dollars"], "date": ["tomorrow"]}));

    let summary = bed.get("/api/v1/calls/Q-1/summary");
    let reason = summary["reason"]["text"].as_str().unwrap_or_default();
    assert!(reason.starts_with("I'm calling about my bill"), "{summary}");
    assert!(summary["outcome"]["text"].as_str().is_some_and(|text| text.contains("credited")), "{summary}");
    assert_eq!(summary["turns"].as_array().map(Vec::len), Some(2), "{summary}");

    talk(
        &bed,
        "Q-2",
        &[("agent", "What? Calm down."), ("customer", "This is an awful, terrible service and I hate it.")],
    );
    let qa = bed.get("/api/v1/calls/Q-2/qa");
    for (name, wanted) in [("greeting", "missed"), ("forbidden_words", "missed"), ("empathy", "missed")] {
        assert_eq!(outcome(&qa, name), wanted, "{name}: {qa}");
    }
    assert_eq!(bed.ask("GET", "/api/v1/calls/none/qa", None).0, 404);
}

#[test]
fn many_calls_are_tagged_found_by_their_tag_and_deleted_but_for_those_that_must_stay() {
    let mut bed = Bed::new("none", "");
    bed.start();
    for call in ["B-1", "B-2", "B-3"] {
        talk(&bed, call, &[("agent", "Hello there."), ("customer", "It is about my contract.")]);
    }
    let bulk = |body: Value| bed.ask("POST", "/calls/bulk", Some(&body));
    for body in
        [json!({}), json!({"action": "burn", "call_ids": ["B-1"]}), json!({"action": "tag", "call_ids": ["B-1"]})]
    {
        assert_eq!(bulk(body.clone()).0, 400, "{body}");
    }
    for (body, field) in [
        (json!({"action": "process", "call_ids": ["B-1"], "stages": ["qa"]}), "stages: unknown"),
        (json!({"action": "tag", "call_ids": ["B-1", 7], "tags": ["vip"]}), "call_ids: "),
        (json!({"action": "delete", "call_ids": ["B-1"], "tags": ["spam"]}), "tags: delete"),
    ] {
        let (status, answer) = bulk(body);
        assert!(status == 400 && answer["detail"].as_str().is_some_and(|told| told.starts_with(field)), "{answer}");
    }
    assert_eq!(bulk(json!({"action": "tag", "call_ids": ["B-1", "none"], "tags": ["vip"]})).0, 404);
    assert_eq!(bed.get("/api/v1/calls?tag=vip")["calls"], json!([]), "nothing was done");

    let (status, answer) = bulk(json!({"action": "tag", "call_ids": ["B-1", "B-2"], "tags": ["vip", "call back"]}));
    assert_eq!((status, &answer["done"]), (200, &json!(["B-1", "B-2"])), "{answer}");
    let untag = "action=untag&call_ids=B-1&call_ids=B-2&tags=call+back";
    let form = ureq::post(format!("http://127.0.0.1:{}/calls/bulk", bed.http))
        .header("Content-Type", "application/x-www-form-urlencoded")
        .send(untag);
    assert_eq!(form.expect("a form").status(), 200);
    let found = bed.get("/api/v1/calls?tag=vip");
    assert_eq!(found["calls"].as_array().map(Vec::len), Some(2));
    assert_eq!(found["calls"][0]["tags"], json!(["vip"]));

    let cli = |words: &[&str]| {
        let output = bed.command(words).output().expect("run");
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    assert_eq!(cli(&["calls", "tag", "late", "B-3"]), (true, "B-3: tagged\n".into()));
    assert!(cli(&["calls", "--tag", "late", "--tsv"]).1.starts_with("B-3\t"));
    assert_eq!(cli(&["calls", "tag", "late", "B-3", "--remove"]), (true, "B-3: tag taken off\n".into()));
    assert_eq!(cli(&["calls", "--tag", "late", "--tsv"]), (true, String::new()));
    assert!(!cli(&["calls", "reprocess", "B-3"]).0, "it has no sound");

    let (status, answer) = bulk(json!({"action": "reprocess", "call_ids": ["B-1"]}));
    assert_eq!(status, 409, "{answer}");
    assert!(answer["detail"].as_str().is_some_and(|why| why.contains("sound")), "{answer}");
    assert_eq!(bed.ask("POST", "/api/v1/calls/B-1/trigger-ai-pipeline", None).0, 200, "the stages of its text");

    assert_eq!(bed.ask("POST", "/api/v1/calls/B-2/hold?reason=court", None).0, 200);
    let (status, answer) = bulk(json!({"action": "delete", "call_ids": ["B-1", "B-2"]}));
    assert_eq!((status, &answer["done"]), (200, &json!(["B-1"])), "{answer}");
    assert!(answer["failed"][0]["detail"].as_str().is_some_and(|why| why.contains("hold")), "{answer}");
    assert_eq!(bed.ask("GET", "/api/v1/calls/B-1", None).0, 404);
    assert_eq!(bed.ask("GET", "/api/v1/calls/B-2", None).0, 200);
    let csv = ureq::post(format!("http://127.0.0.1:{}/calls/bulk", bed.http))
        .header("Content-Type", "application/json")
        .send(json!({"action": "export", "call_ids": ["B-2", "B-3"]}).to_string());
    let csv = csv.expect("export").body_mut().read_to_string().expect("text");
    assert_eq!(csv.lines().count(), 5, "{csv}");
}

#[test]
fn a_call_is_transcribed_again_its_old_text_goes_at_once_and_without_its_sound_it_stays() {
    let Some(model) = bed::demo_model() else { return };
    let mut bed = Bed::new(&model.display().to_string(), "");
    bed.start();
    let line = &bed::lines()[0];
    let mut stream = bed.dial(&bed::uuid_of(1_795_218_045, 81, 2));
    bed::speak(&mut stream, &line.samples).expect("speak");
    drop(stream);
    let call = bed.until_completed("1795218045.81");
    let said = call["cumulative_transcript"].clone();
    assert!(said.as_str().is_some_and(|said| !said.is_empty()), "{call}");
    bed.stop();
    // As if another model had misheard it then.
    let db = rusqlite::Connection::open(bed.path("state/lineside.db")).expect("open");
    db.execute("UPDATE segment SET text = 'rhubarb rhubarb'", []).expect("mishear");
    drop(db);
    // Calls that are over have a model of their own.
    let final_model = bed.path("larger.bin");
    std::fs::copy(&model, &final_model).expect("copy");
    let config = bed.path("lineside.toml");
    let text = std::fs::read_to_string(&config).expect("read");
    let named = format!("[speech]\nfinal_model = \"{}\"\n", final_model.display());
    std::fs::write(&config, text.replacen("[speech]\n", &named, 1)).expect("write");
    bed.start();
    bed.until("the model is there", Duration::from_mins(1), |bed| {
        bed.ask("POST", "/calls/bulk", Some(&json!({"action": "reprocess", "call_ids": ["1795218045.81"]}))).0 == 200
    });
    let path = "/api/v1/calls/1795218045.81";
    bed.until("it is transcribed again", Duration::from_mins(1), |bed| bed.get(path)["cumulative_transcript"] == said);
    let again = bed.get(path);
    assert_eq!(again["segment_count"], call["segment_count"], "{again}");
    let stages = bed.get(&format!("{path}/processing"))["stages"].clone();
    let by = stages.as_array().into_iter().flatten().find(|stage| stage["stage"] == "transcription").cloned();
    assert_eq!(by.map(|stage| stage["model"].clone()), Some(json!("larger")), "{stages}");
    assert_eq!(bed.get("/api/v1/search?q=rhubarb")["hits"], json!([]));
    assert_eq!(bed.get("/api/v1/calls?limit=5")["calls"][0]["sentiment"], call["sentiment"]);

    let ask = |bed: &Bed| bed.ask("POST", &format!("{path}/trigger-ai-pipeline"), None);
    assert_eq!(bed.ask("POST", &format!("{path}/hold"), None).0, 200);
    let (status, answer) = ask(&bed);
    assert!(status == 409 && answer["detail"].as_str().is_some_and(|why| why.contains("hold")), "{answer}");
    assert_eq!(bed.ask("DELETE", &format!("{path}/hold"), None).0, 200);
    for entry in std::fs::read_dir(bed.path("state/spool")).expect("spool").flatten() {
        if entry.path().is_dir() {
            std::fs::remove_dir_all(entry.path()).expect("remove");
        }
    }
    let (status, answer) = bed.ask("POST", &format!("{path}/trigger-ai-pipeline?stage=transcription"), None);
    assert!(status == 409 && answer["detail"].as_str().is_some_and(|why| why.contains("its text stays")), "{answer}");
    assert_eq!(
        ask(&bed),
        (200, json!("AI pipeline processing triggered successfully")),
        "the other stages need no sound"
    );
    bed.until("its stages are gone through", Duration::from_mins(1), |bed| {
        bed.get(&format!("{path}/processing"))["processing_status"] == "completed"
    });
    assert_eq!(bed.get(path)["cumulative_transcript"], said);
}

/// A form with one file.
fn send_list(bed: &Bed, list: &[u8]) -> (u16, Value) {
    send_list_of(bed, "", list)
}

/// The same with a query.
fn send_list_of(bed: &Bed, query: &str, list: &[u8]) -> (u16, Value) {
    let body =
        [b"--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"g.csv\"\r\n\r\n", list, b"\r\n--x--\r\n"]
            .concat();
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let sent = agent
        .post(format!("http://127.0.0.1:{}/glossary/upload{query}", bed.http))
        .header("Content-Type", "multipart/form-data; boundary=x")
        .send(&body[..]);
    let mut answer = sent.expect("an answer");
    let text = answer.body_mut().read_to_string().unwrap_or_default();
    (answer.status().as_u16(), serde_json::from_str(&text).unwrap_or_default())
}

#[test]
fn a_glossary_is_taken_whole_or_refused_by_line_and_outlives_a_restart() {
    let mut bed = Bed::new("none", "");
    bed.start();
    let none = json!({"campaign": null, "count": 0, "in_prompt": 0, "terms": [], "campaigns": []});
    assert_eq!(bed.get("/api/v1/glossary"), none);
    assert_eq!(bed.ask("POST", "/glossary/upload", Some(&json!({}))).0, 400);
    assert_eq!(send_list(&bed, b"").0, 400);
    let (status, answer) = send_list(&bed, b"term,meaning\nNorthern Energy,a company\n\"router\",\n");
    assert_eq!((status, &answer["count"], &answer["in_prompt"]), (200, &json!(2), &json!(2)), "{answer}");
    let (status, answer) = send_list(&bed, b"fine\n,\n...\n");
    assert_eq!(
        (status, &answer["errors"][0]["line"], &answer["errors"][1]["line"]),
        (400, &json!(2), &json!(3)),
        "{answer}"
    );
    assert_eq!(send_list(&bed, &vec![b'a'; 600 * 1024]).0, 413);
    let backup = bed.path("backup").display().to_string();
    assert!(bed.command(&["backup", &backup]).status().expect("run").success());
    assert!(bed.path("backup/glossary.csv").exists());
    bed.stop();
    bed.start();
    assert_eq!(bed.get("/api/v1/glossary")["terms"], json!(["Northern Energy", "router"]));
}

#[test]
fn a_glossary_of_a_campaign_in_a_form_leaves_the_list_of_all_calls_as_it_is() {
    let mut bed = Bed::new("none", "");
    bed.start();
    assert_eq!(send_list(&bed, b"router\n").0, 200);
    let told = |list: &[u8]| {
        let (status, answer) = send_list(&bed, list);
        assert_eq!((status, &bed.get("/api/v1/glossary")["terms"]), (400, &json!(["router"])), "{answer}");
        answer["detail"].as_str().unwrap_or_default().to_owned()
    };
    // curl -F file=@sales.csv -F campaign=SALES
    let field = "--x\r\nContent-Disposition: form-data; name=\"campaign\"\r\n\r\nSALES";
    let said = told(format!("Fibernova\n\r\n{field}").as_bytes());
    assert!(said.contains("/glossary/upload?campaign="), "{said}");
    let second = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"b.csv\"\r\n\r\nb";
    let said = told(format!("Fibernova\n\r\n{second}").as_bytes());
    assert!(said.contains("two files"), "{said}");
    let said = told(b"Northern Energy;a company\n");
    assert!(said.starts_with("line 1: ") && said.contains("commas"), "{said}");
    let empty = send_list(&bed, format!("modem\n\r\n{}", field.trim_end_matches("SALES")).as_bytes());
    assert_eq!((empty.0, &bed.get("/api/v1/glossary")["terms"]), (200, &json!(["modem"])), "{}", empty.1);
}

#[test]
fn a_campaign_has_a_glossary_of_its_own_and_a_saved_file_is_taken_up_under_a_running_daemon() {
    let mut bed = Bed::new("none", "");
    bed.start();
    assert_eq!(send_list(&bed, b"router\n").0, 200);
    let (status, answer) = send_list_of(&bed, "?campaign=SALES", b"Fibernova\ngigabit\n");
    assert_eq!(answer, json!({"campaign": "SALES", "count": 2, "in_prompt": 2}), "{status}");
    assert_eq!(bed.get("/api/v1/glossary?campaign=sales")["terms"], json!(["Fibernova", "gigabit"]));
    let general = bed.get("/api/v1/glossary");
    assert_eq!((&general["terms"], &general["campaigns"]), (&json!(["router"]), &json!(["sales"])));
    assert_eq!(bed.ask("GET", "/api/v1/glossary?campaign=other", None).0, 404);
    assert_eq!(bed.ask("GET", "/api/v1/glossary?campain=sales", None).0, 422);
    assert_eq!(send_list_of(&bed, "?campain=SALES", b"x\n").0, 422);
    assert_eq!(send_list_of(&bed, "?campaign=%20", b"x\n").0, 422);

    let file = bed.path("state/glossaries/sales.csv");
    std::fs::write(&file, "Fibernova Max\n").expect("saved");
    bed.until("the saved list is taken", Duration::from_secs(20), |bed| {
        bed.get("/api/v1/glossary?campaign=SALES")["terms"] == json!(["Fibernova Max"])
    });
    std::fs::write(&file, "good\n---\n").expect("saved");
    bed.until("the bad list is refused", Duration::from_secs(20), |bed| bed.log().contains("sales.csv: line 2:"));
    assert_eq!(bed.get("/api/v1/glossary?campaign=SALES")["terms"], json!(["Fibernova Max"]));
    let backup = bed.path("backup").display().to_string();
    assert!(bed.command(&["backup", &backup]).status().expect("run").success());
    assert!(bed.path("backup/glossaries/sales.csv").exists());
}

/// Answers one request after the other with the next of these statuses.
fn service(statuses: &'static [u16]) -> (u16, std::sync::mpsc::Receiver<String>) {
    use std::io::{BufRead, BufReader, Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("bind");
    let port = listener.local_addr().expect("address").port();
    let (heard, requests) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for (stream, status) in listener.incoming().flatten().zip(statuses) {
            let mut reader = BufReader::new(&stream);
            let (mut lines, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).expect("line");
                length = line
                    .to_lowercase()
                    .strip_prefix("content-length: ")
                    .map_or(length, |text| text.trim().parse().expect("length"));
                lines.push_str(&line);
                if line == "\r\n" {
                    break;
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).expect("body");
            let _ = heard.send(lines + &String::from_utf8_lossy(&body));
            write!(&stream, "HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").expect("answer");
        }
    });
    (port, requests)
}

#[test]
fn the_agents_service_is_asked_how_it_is_and_sent_a_test() {
    let mut bed = Bed::new("none", "");
    bed.start();
    let health = bed.get("/api/v1/calls/agent-service/health");
    assert_eq!((&health["status"], &health["details"]["configured"]), (&json!("unhealthy"), &json!(false)), "{health}");
    drop(bed);

    let (port, requests) = service(&[405, 401, 405, 202, 503]);
    let mut bed = Bed::new(
        "none",
        &format!(
            "[[notify]]\nname = \"agents\"\nkind = \"agent_service\"\nurl = \"http://127.0.0.1:{port}/v1\"\nkey = \"sesame\""
        ),
    );
    bed.start();
    let health = bed.get("/api/v1/calls/agent-service/health");
    assert_eq!(
        (&health["status"], &health["service_name"]),
        (&json!("healthy"), &json!("agent_notification_service")),
        "{health}"
    );
    assert!(requests.recv().expect("asked").to_lowercase().contains("authorization: bearer sesame"));
    let (_, auth) = bed.ask("POST", "/api/v1/calls/agent-service/test-auth", None);
    assert_eq!((&auth["status"], &auth["token_obtained"]), (&json!("failed"), &json!(false)), "{auth}");
    let (_, auth) = bed.ask("POST", "/api/v1/calls/agent-service/test-auth", None);
    assert_eq!(auth["status"], "success", "{auth}");
    let (_, sent) = bed.ask("POST", "/api/v1/calls/agent-service/test-notification?call_id=test_123", None);
    assert_eq!((&sent["notification_sent"], &sent["agent_response_code"]), (&json!(true), &json!(202)), "{sent}");
    assert!(requests.iter().nth(2).expect("sent").contains("test_123"));
    let health = bed.get("/api/v1/calls/agent-service/health");
    assert_eq!(
        (&health["status"], &health["checks"]["api_connectivity"]),
        (&json!("unhealthy"), &json!(true)),
        "{health}"
    );
    assert!(!health.to_string().contains("sesame"), "{health}");
}

/// Calls with text, as many as a busy centre has in weeks: rows, for their sound would take hours.
fn many_calls(bed: &Bed, count: usize) {
    let mut db = rusqlite::Connection::open(bed.path("state/lineside.db")).expect("open");
    db.busy_timeout(Duration::from_secs(10)).expect("timeout");
    let all = db.transaction().expect("begin");
    for number in 1..=count as i64 {
        let key = 1_000_000 + number;
        all.execute(
            "INSERT INTO call (id, call_id, source, state, started_ms, last_activity_ms) VALUES (?1, 'X-' || ?2, 'upload', 'completed', ?2, ?2)",
            (key, number),
        )
        .expect("call");
        all.execute(
            "INSERT INTO leg (id, call, leg, source, rate_hz, started_ms, offset_ms, path, owned) VALUES (?1, ?1, 'agent', 'upload', 8000, 0, 0, '', 0)",
            [key],
        )
        .expect("leg");
        all.execute(
            "INSERT INTO utterance (id, call, leg, start_sample, end_sample, start_ms, end_ms, state) VALUES (?1, ?1, ?1, 0, 1, 0, 1, 'done')",
            [key],
        )
        .expect("utterance");
        all.execute(
            "INSERT INTO segment (call, leg, utterance, start_ms, end_ms, text, confidence, words, compound, pos, neu, neg, label, keywords, profanity)
             VALUES (?1, ?1, ?1, 0, 1, ?2, 1.0, '[]', 0, 0, 1, 0, 'neutral', '[]', '[]')",
            (key, "a".repeat(6000)),
        )
        .expect("segment");
    }
    all.commit().expect("commit");
}

/// The most memory that the daemon ever had, megabytes.
fn most_memory(bed: &Bed) -> u64 {
    let pid = bed.child.as_ref().expect("running").id();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("status");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("peak");
    peak.split_whitespace().next().expect("kB").parse::<u64>().expect("number") / 1024
}

#[test]
fn ten_thousand_calls_are_exported_in_the_memory_of_a_few() {
    const CALLS: usize = 10_000;
    let mut bed = Bed::new("none", "");
    bed.start();
    many_calls(&bed, CALLS);
    let ids: Vec<String> = (1..=CALLS).map(|number| format!("X-{number}")).collect();
    let export = |format: &str, ids: &[String]| {
        let answer = ureq::post(format!("http://127.0.0.1:{}/calls/bulk", bed.http))
            .header("Content-Type", "application/json")
            .send(json!({"action": "export", "call_ids": ids, "format": format}).to_string());
        answer.expect("export").into_body().into_with_config().limit(1 << 30).reader()
    };
    let before = most_memory(&bed);
    let mut file = export("json", &ids);
    let length = std::io::copy(&mut file, &mut std::io::sink()).expect("to its end") >> 20;
    let grown = most_memory(&bed) - before;
    assert!(length > 100, "{length} MB");
    assert!(grown < length / 2, "a file of {length} MB took {grown} MB of memory");
    eprintln!("export: {CALLS} calls, {length} MB of JSON: the daemon grew by {grown} MB");

    let some: Value = serde_json::from_reader(export("json", &ids[..3])).expect("JSON");
    assert_eq!(some.as_array().map(Vec::len), Some(3));
    assert_eq!(some[2], bed.get("/api/v1/calls/X-3"), "as one by one");
    drop(export("csv", &ids)); // who hangs up in the middle
    assert_eq!(bed.get("/api/v1/calls/X-3")["call_id"], "X-3");
    bed.stop();
}
