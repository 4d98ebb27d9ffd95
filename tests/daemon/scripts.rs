//! Scripts of a dialer: looking calls up, the Non-Agent API's style, the URLs of ViciDial, AGI, and the examples that come with the source.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::bed::{self, Bed};

const ONE: &str = "1795218045.12";
const OTHER: &str = "1795218045.77";

/// What is said in the calls: the side, and the words.
const SAID: [(&str, &str); 3] = [
    ("agent", "Hello, this call is recorded, how can I help you?"),
    ("customer", "I want a refund, this is terrible | really."),
    ("agent", "I am sorry, I will see to the refund."),
];

/// Text of a call as another platform sends it: no model is needed.
fn talk(bed: &Bed, call: &str) {
    for (speaker, text) in SAID {
        let event = json!({"call_id": call, "provider": "test", "speaker": speaker, "text": text, "language": "en"});
        let (status, answer) = bed.ask("POST", "/api/realtime/events", Some(&event));
        assert_eq!(status, 200, "{answer}");
    }
    let (status, _) =
        bed.ask("POST", "/api/realtime/events", Some(&json!({"call_id": call, "event_type": "call_ended"})));
    assert_eq!(status, 200);
}

/// A daemon with two calls of one second, one of which has the names of a dialer.
fn with_calls(more: &str) -> Bed {
    let mut bed = Bed::new("none", more);
    // Days are local ones.
    bed.launcher = vec!["env".into(), "TZ=UTC".into()];
    bed.start();
    for call in [ONE, OTHER] {
        talk(&bed, call);
        bed.until("the call has its text", Duration::from_mins(1), |bed| {
            bed.try_get(&format!("/api/v1/calls/{call}")).is_some_and(|call| call["segment_count"] == SAID.len())
        });
    }
    let told = format!(
        "/vici/dispo?uniqueid={ONE}&user=1001&fullname=Mary+Miller&campaign=SALES&group=CLAIMSLINE&lead_id=876409&phone_number=3125551212&\
         list_id=101&recording_id=534820&agent_log_id=--A--agent_log_id--B--&dispo=SALE&talk_time=63&term_reason=CALLER&call_notes=secret"
    );
    let (status, text) = plain(&bed, "GET", &told, &[], None);
    assert_eq!((status, text.as_str()), (202, format!("SUCCESS: dispo ACCEPTED - {ONE}\n").as_str()));
    bed.until("the call has its names", Duration::from_mins(1), |bed| {
        bed.get(&format!("/api/v1/calls/{ONE}"))["lead"] == "876409"
    });
    bed
}

/// A row of ViciDial's `recording_lookup` with its header: the columns of the Non-Agent API, and a recording of the kind that they tell of.
const RECORDING_LOOKUP: &str = "start_time|user|recording_id|lead_id|location\n\
                                2026-11-23 10:15:00|1001|534820|876409|http://10.0.0.1/RECORDINGS/20261123-101500_3125551212-all.wav\n";

/// Shows an answer beside the form of ViciDial's.
fn beside(what: &str, theirs: &str, form: &str, answer: &str) {
    println!("ViciDial's {theirs}:\n{form}lineside's {what}:\n{answer}");
}

/// Status and text of an answer.
fn plain(bed: &Bed, method: &str, path: &str, headers: &[(&str, &str)], form: Option<&str>) -> (u16, String) {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let url = format!("http://127.0.0.1:{}{path}", bed.http);
    let mut response = if method == "POST" {
        let mut request = agent.post(url).header("Content-Type", "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send(form.unwrap_or_default()).expect("an answer")
    } else {
        let mut request = agent.get(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.call().expect("an answer")
    };
    (response.status().as_u16(), response.body_mut().read_to_string().expect("text"))
}

fn get(bed: &Bed, path: &str) -> String {
    let (status, text) = plain(bed, "GET", path, &[], None);
    assert_eq!(status, 200, "{path}: {text}");
    text
}

fn ids(answer: &Value) -> Vec<&str> {
    answer["calls"].as_array().into_iter().flatten().filter_map(|call| call["call_id"].as_str()).collect()
}

fn run(bed: &Bed, arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = bed.command(arguments).output().expect("run");
    (status.code(), String::from_utf8_lossy(&stdout).into_owned(), String::from_utf8_lossy(&stderr).into_owned())
}

#[test]
fn scripts_look_calls_up_by_what_a_dialer_knows_of_them() {
    let mut bed = with_calls("");
    let call = &bed.get(&format!("/api/v1/lookup?uniqueid={ONE}"))["calls"][0];
    assert_eq!(
        (&call["call_id"], &call["agent"], &call["campaign"]),
        (&json!(ONE), &json!("1001"), &json!("CLAIMSLINE"))
    );
    assert_eq!((&call["intent"], call.get("segments")), (&json!("refund"), None), "{call}");
    assert!(call["cumulative_transcript"].as_str().expect("text").contains("I want a refund"));
    let metadata = &call["metadata"];
    assert_eq!((&metadata["disposition"], &metadata["talk_time_s"]), (&json!("SALE"), &json!(63)));
    assert!(metadata.get("agent_log_id").is_none() && !call.to_string().contains("secret"), "{metadata}");

    let both = bed.get("/api/v1/lookup?uniqueid=1795218045&include_segments=1");
    assert_eq!((ids(&both).len(), both["calls"][0]["segments"].as_array().map(Vec::len)), (2, Some(SAID.len())));
    let first = bed.get("/api/v1/lookup?uniqueid=1795218045&limit=1");
    assert_eq!((ids(&first).len(), &first["more"]), (1, &json!(true)));
    for key in ["lead_id=876409", "recording_id=534820", "phone=%2B1%20(312)%20555-1212", "phone=551212"] {
        assert_eq!(ids(&bed.get(&format!("/api/v1/lookup?{key}"))), [ONE], "{key}");
    }
    // Nobody said in which language this is: its small words do.
    let unnamed = json!({
        "call_id": "1795218099.7", "provider": "test", "speaker": "customer",
        "text": "I want to know when you are going to send me the parcel that I have been waiting for",
    });
    assert_eq!(bed.ask("POST", "/api/realtime/events", Some(&unnamed)).0, 200);
    let language = |call: &Value| call["language"].clone();
    let told = [
        language(&bed.get("/api/v1/lookup?uniqueid=1795218099.7")["calls"][0]),
        language(&bed.get("/api/v1/calls/1795218099.7/transcript")),
    ];
    assert_eq!(told, [json!("en"), json!("en")]);
    assert_eq!(bed.get("/api/v1/lookup?lead_id=1")["calls"], json!([]));
    for wrong in ["", "uniqueid=1.2&lead_id=3", "phone=12ab34", "uniqueid=1.2&limit=1000", "lead=3"] {
        let (status, answer) = bed.ask("GET", &format!("/api/v1/lookup?{wrong}"), None);
        assert_eq!(status, 422, "{wrong}: {answer}");
    }
    bed.stop();
}

#[test]
fn rows_and_errors_have_the_form_of_the_non_agent_api() {
    let mut bed = with_calls("");
    let rows =
        get(&bed, "/vici?source=test&user=6666&function=transcript_lookup&recording_id=534820&stage=pipe&header=YES");
    let lines: Vec<Vec<&str>> = rows.lines().map(|line| line.split('|').collect()).collect();
    assert_eq!(lines.len(), 1 + SAID.len(), "{rows}");
    assert!(lines.iter().all(|line| line.len() == 11), "{rows}");
    assert_eq!(
        lines[0].join("|"),
        "call_id|start_time|user|recording_id|lead_id|phone_number|offset|speaker|sentiment|keywords|text"
    );
    assert_eq!(
        (lines[2][0], &lines[2][2..6], lines[2][7]),
        (ONE, &["1001", "534820", "876409", "3125551212"][..], "caller")
    );
    assert_eq!((lines[2][9], lines[2][10]), ("refund;complaint", "I want a refund, this is terrible   really."));
    beside("transcript_lookup in pipes", "recording_lookup", RECORDING_LOOKUP, &rows);
    let form = "source=test&user=6666&function=transcript_lookup&recording_id=534820&stage=pipe&header=YES";
    assert_eq!(plain(&bed, "POST", "/vici", &[], Some(form)), (200, rows));

    let score = get(&bed, &format!("/vici?function=call_score&uniqueid={ONE}&stage=tab"));
    let cells: Vec<&str> = score.trim_end_matches('\n').split('\t').collect();
    assert_eq!((cells.len(), cells[0], cells[7], cells[14]), (17, ONE, "SALE", "refund"), "{score}");
    let csv = get(&bed, &format!("/vici?function=call_score&uniqueid={ONE}&stage=csv&header=YES"));
    beside("call_score in commas", "the same, stage=csv", &RECORDING_LOOKUP.replace('|', ","), &csv);
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let titles: Vec<String> = reader.headers().expect("titles").iter().map(str::to_owned).collect();
    let rows: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().expect("rows of as many cells");
    let cell = |title: &str| titles.iter().position(|one| one == title).map(|place| &rows[0][place]);
    assert_eq!((rows.len(), titles.len(), &rows[0][0]), (1, 17, ONE), "{csv}");
    assert_eq!((cell("status"), cell("intent")), (Some("SALE"), Some("refund")), "{csv}");
    let csv = get(&bed, &format!("/vici?function=transcript_lookup&uniqueid={ONE}&stage=csv"));
    let said = csv.lines().nth(1).unwrap_or_default();
    assert!(said.ends_with(",\"refund;complaint\",\"I want a refund, this is terrible | really.\""), "{csv}");
    let date = bed.get(&format!("/api/v1/calls/{ONE}"))["start_time"].as_str().expect("time")[..10].to_owned();
    let day = get(&bed, &format!("/vici?function=agent_calls&agent_user=1001&date={date}&header=YES"));
    assert_eq!((day.lines().count(), day.contains(ONE), day.contains("|SALE|")), (2, true, true), "{day}");
    // All calls of a day are told, also of one with more than a hundred.
    for number in 0..105 {
        let event = json!({"call_id": format!("B-{number}"), "provider": "test", "speaker": "agent", "text": "Hello.", "agent_id": "big"});
        assert_eq!(bed.ask("POST", "/api/realtime/events", Some(&event)).0, 200);
    }
    bed.until("all calls are there", Duration::from_mins(1), |bed| {
        get(bed, "/vici?function=agent_calls&agent_user=big").lines().count() == 105
    });
    for function in ["call_score", "transcript_lookup"] {
        let all = get(&bed, &format!("/vici?function={function}&agent_user=big"));
        let newest = get(&bed, &format!("/vici?function={function}&agent_user=big&limit=5"));
        assert_eq!((all.lines().count(), newest.lines().count()), (105, 5), "{function}");
    }
    let version = get(&bed, "/vici?function=version");
    assert!(version.starts_with(concat!("VERSION: ", env!("CARGO_PKG_VERSION"), "|BUILD: ")), "{version}");

    for (query, wanted) in [
        ("user=6666", "ERROR: auth NO FUNCTION SPECIFIED - 6666|version, "),
        ("user=6666&function=add_lead", "ERROR: add_lead FUNCTION IS NOT KNOWN - 6666|"),
        ("user=6666&function=agent_calls&agent_usr=1", "ERROR: agent_calls UNKNOWN PARAMETER - 6666|agent_usr\n"),
        ("function=transcript_lookup&lead_id=1", "ERROR: transcript_lookup NO CALLS FOUND - |1\n"),
        ("function=transcript_lookup", "ERROR: transcript_lookup INVALID SEARCH PARAMETERS - |"),
        (
            "function=call_score&lead_id=1&uniqueid=2",
            "ERROR: call_score INVALID SEARCH PARAMETERS - |uniqueid|lead_id\n",
        ),
        (
            "function=agent_calls&agent_user=1001&date=20261123",
            "ERROR: agent_calls INVALID DATE - |20261123|YYYY-MM-DD\n",
        ),
        (
            "function=agent_calls&agent_user=1001&date=2020-01-01",
            "ERROR: agent_calls NO CALLS FOUND - |1001|2020-01-01\n",
        ),
        ("function=call_score&lead_id=1&limit=0", "ERROR: call_score INVALID LIMIT - |0|1 to 100\n"),
    ] {
        let text = get(&bed, &format!("/vici?{query}"));
        assert!(text.starts_with(wanted), "{query}: {text}");
    }
    bed.stop();
}

#[test]
fn the_urls_that_are_printed_name_a_call_once_before_and_after_its_sound() {
    let mut bed = Bed::new("none", "");
    bed.start();
    std::fs::write(bed.path("token"), "lineside_x\n").expect("write");
    let token_file = bed.path("token").display().to_string();
    let (code, urls, said) = run(&bed, &["vici", "urls", "--host", "127.0.0.1", "--token-file", &token_file]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("only a ViciDial web server on this machine reaches it"), "{said}");
    let address = format!("VARhttp://127.0.0.1:{}", bed.http);
    let urls: Vec<&str> = urls.lines().filter_map(|line| line.strip_prefix(&address)).collect();
    assert_eq!(urls.len(), 3);
    assert_eq!(urls[2], "/agent?user=--A--user--B--&uniqueid=--A--uniqueid--B--#token=--A--user_custom_one--B--");
    std::fs::create_dir(bed.path("conf.d")).expect("mkdir");
    let public = "[http]\npublic_url = \"https://c.example.com/lineside/\"\n";
    std::fs::write(bed.path("conf.d/50-http.toml"), public).expect("write");
    let (_, public, _) = run(&bed, &["vici", "urls", "--host", "127.0.0.1", "--token-file", &token_file]);
    assert!(public.contains("\nVARhttps://c.example.com/lineside/agent?user="), "behind a proxy: {public}");
    assert!(public.contains(&format!("{address}/vici/start?")), "ViciDial's web server needs no proxy: {public}");
    let values = [
        ("uniqueid", "1795300000.5"),
        ("user", "1001"),
        ("fullname", "Mary%20Miller"),
        ("group", "CLAIMSLINE"),
        ("lead_id", "42"),
        ("phone_number", "3125551212"),
        ("recording_id", "7"),
        ("recording_filename", "20261123-101010_3125551212"),
        ("list_id", "101"),
        ("dispo", "NI"),
        ("talk_time", "12"),
        ("term_reason", "AGENT"),
    ];
    // As ViciDial fills a URL in: a field that it does not know stays as it is, one without a value becomes empty.
    let filled = |url: &str| {
        let mut url =
            values.iter().fold(url.to_owned(), |url, (name, value)| url.replace(&format!("--A--{name}--B--"), value));
        url = url.replace("--A--agent_log_id--B--", "");
        assert!(url.ends_with("&token=lineside_x"), "{url}");
        url
    };
    let call = |bed: &Bed| bed.try_get("/api/v1/calls/1795300000.5");
    let (status, text) = plain(&bed, "GET", &filled(urls[0]), &[], None);
    assert_eq!((status, text.as_str()), (202, "SUCCESS: start ACCEPTED - 1795300000.5\n"));
    assert!(call(&bed).is_none(), "nothing is heard of it");
    talk(&bed, "1795300000.5");
    bed.until("the call has the names that came first", Duration::from_mins(1), |bed| {
        call(bed).is_some_and(|call| call["agent"] == "1001" && call["metadata"]["fullname"] == "Mary Miller")
    });
    let dispo = filled(urls[1]);
    let (path, form) = dispo.split_once('?').expect("fields");
    assert_eq!(plain(&bed, "POST", path, &[], Some(form)).0, 202);
    bed.until("the call has its disposition", Duration::from_mins(1), |bed| {
        call(bed).is_some_and(|call| call["metadata"]["disposition"] == "NI" && call["metadata"]["talk_time_s"] == 12)
    });
    let named = |bed: &Bed| {
        let mut events =
            ureq::get(format!("http://127.0.0.1:{}/api/v1/events?last_event_id=0&call_id=1795300000.5", bed.http))
                .config()
                .timeout_recv_body(Some(Duration::from_secs(2)))
                .build()
                .call()
                .expect("feed");
        let mut text = Vec::new();
        let _ = std::io::Read::read_to_end(&mut events.body_mut().as_reader(), &mut text);
        String::from_utf8_lossy(&text).matches("\"type\":\"call_named\"").count()
    };
    let before = named(&bed);
    for url in [&dispo, &filled(urls[0])] {
        assert_eq!(plain(&bed, "GET", url, &[], None).0, 202);
    }
    // What was sent before is done before.
    let (status, _) = bed.ask("POST", "/api/v1/calls", Some(&json!({"uniqueid": "1795300000.6", "agent": "x"})));
    assert_eq!((status, named(&bed)), (200, before), "what is told again changes nothing");

    for (query, wanted) in [
        ("user=1001", "ERROR: dispo NO CALL IS NAMED - 1001|"),
        ("uniqueid=1.2&disposition=NI", "ERROR: dispo UNKNOWN PARAMETER - |disposition\n"),
    ] {
        let (status, text) = plain(&bed, "GET", &format!("/vici/dispo?{query}"), &[], None);
        assert!(status == 422 && text.starts_with(wanted), "{status} {text}");
    }
    bed.stop();
}

#[test]
fn a_recording_whose_call_came_by_another_way_becomes_that_call() {
    let mut bed = Bed::new("none", "");
    bed.start();
    let call = |bed: &Bed, id: &str| bed.try_get(&format!("/api/v1/calls/{id}"));
    // The dialer tells of it before anything is said, or while the call runs.
    let calls =
        [("1795300000.5", "20261123-101010_3125551212", true), ("1795300000.6", "20261123-101011_3125551313", false)];
    for (uniqueid, file, early) in calls {
        let start = format!("/vici/start?uniqueid={uniqueid}&recording_filename={file}&user=1001");
        let tell = || assert_eq!(plain(&bed, "GET", &start, &[], None).0, 202);
        if early {
            tell();
        }
        talk(&bed, uniqueid);
        bed.until("the call is there", Duration::from_mins(1), |bed| call(bed, uniqueid).is_some());
        if !early {
            tell();
        }
        bed::record(&bed.path(&format!("monitor/{file}-all.wav")), &vec![0; 16_000]);
        bed.until("the recording is the call's", Duration::from_mins(1), |bed| {
            call(bed, file).is_some_and(|call| call["call_id"] == uniqueid && call["agent"] == "1001")
        });
        bed.until("both are its sources", Duration::from_mins(1), |bed| {
            let legs = call(bed, uniqueid).expect("a call")["legs"].clone();
            let sources: Vec<&Value> = legs.as_array().into_iter().flatten().map(|leg| &leg["source"]).collect();
            sources.contains(&&json!("recording")) && sources.contains(&&json!("ingest"))
        });
    }
    assert_eq!(ids(&bed.get("/api/v1/calls")).len(), 2);
    bed.stop();
}

#[test]
fn a_token_in_the_style_opens_what_it_is_for_and_no_page_of_another_site_does() {
    let mut bed = Bed::new("none", "");
    let path = bed.path("lineside.toml");
    let text = std::fs::read_to_string(&path).expect("read");
    std::fs::write(&path, text.replace("open = true", "token_in_query = true")).expect("write");
    std::fs::create_dir(bed.path("state")).expect("mkdir");
    let token = |scope: &str| {
        let out = bed.path(scope).display().to_string();
        let (code, _, said) = run(&bed, &["token", "add", scope, "--scope", scope, "--out", &out]);
        assert_eq!(code, Some(0), "{said}");
        std::fs::read_to_string(out).expect("read").trim().to_owned()
    };
    let (reader, dialer) = (token("read"), token("ingest"));
    bed.start();
    let dispo = "/vici/dispo?uniqueid=1795300000.5&user=1001&dispo=NI";
    for (path, wanted, says) in [
        (format!("/vici?function=version&user=6666&pass={reader}"), 200, "VERSION: "),
        (format!("/vici?function=version&token={reader}"), 200, "VERSION: "),
        ("/vici?function=version&user=6666&pass=wrong".into(), 401, "ERROR: version LOGIN INCORRECT - 6666|"),
        ("/vici?function=version".into(), 401, "ERROR: version LOGIN INCORRECT - |"),
        (
            format!("/vici?function=version&user=6666&pass={dialer}"),
            403,
            "ERROR: version USER DOES NOT HAVE PERMISSION",
        ),
        (format!("{dispo}&token={dialer}"), 202, "SUCCESS: dispo ACCEPTED"),
        (format!("{dispo}&pass={reader}"), 403, "ERROR: dispo USER DOES NOT HAVE PERMISSION"),
        (dispo.into(), 401, "ERROR: dispo LOGIN INCORRECT - 1001|"),
    ] {
        let (status, text) = plain(&bed, "GET", &path, &[], None);
        assert!(status == wanted && text.starts_with(says), "{path}: {status} {text}");
        assert!(!text.contains("wrong") || !text.contains("|wrong"), "a secret comes back: {text}");
    }
    let foreign = [("Origin", "https://evil.example")];
    let (status, text) = plain(&bed, "GET", &format!("{dispo}&token={dialer}"), &foreign, None);
    assert!(status == 403 && text.contains("another site's page"), "{status} {text}");
    bed.stop();
}

#[test]
fn a_speaker_that_somebody_put_right_is_the_one_that_scripts_are_told() {
    let mut bed = with_calls("");
    let call = bed.until_completed(ONE);
    let line = &call["transcript_segments"][1];
    let asked = format!("/vici?function=transcript_lookup&call_id={ONE}");
    assert_eq!(get(&bed, &asked).lines().nth(1).and_then(|line| line.split('|').nth(7)), Some("caller"));
    let right = json!({"segment_id": line["segment_id"], "speaker": "agent", "by": "mary"});
    let (status, answer) = bed.ask("POST", &format!("/api/v1/calls/{ONE}/corrections"), Some(&right));
    assert_eq!(status, 200, "{answer}");
    assert_eq!(get(&bed, &asked).lines().nth(1).and_then(|line| line.split('|').nth(7)), Some("agent"));
    bed.stop();
}

/// A web server that gives one answer, whatever it is asked.
fn stranger(answer: &'static str) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("listen");
    let address = listener.local_addr().expect("address");
    std::thread::spawn(move || {
        let Ok((mut stream, _)) = listener.accept() else { return };
        let mut asked = [0; 4096];
        let _ = stream.read(&mut asked);
        let _ = stream.write_all(answer.as_bytes());
    });
    format!("http://{address}")
}

#[test]
fn a_web_page_is_no_transcript() {
    let bed = Bed::new("none", "");
    let page = "<html><head><title>502 Bad Gateway</title></head></html>";
    assert_eq!(page.len(), 56);
    let away = "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: 56\r\nConnection: close\r\n\r\n<html><head><title>502 Bad Gateway</title></head></html>";
    let other = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 56\r\nConnection: close\r\n\r\n<html><head><title>502 Bad Gateway</title></head></html>";
    for (answer, says) in [(away, "502 Bad Gateway"), (other, "text/html")] {
        for form in ["--pipe", "--tsv"] {
            let (code, text, said) = run(&bed, &["transcript", "--url", &stranger(answer), "--lead", "1", form]);
            assert!(code == Some(1) && text.is_empty() && said.contains(says), "{form}: {code:?} {text} {said}");
        }
    }
}

#[test]
fn the_command_prints_a_call_by_any_key_and_its_exit_code_says_whether_there_was_one() {
    let mut bed = with_calls("");
    let (code, text, _) = run(&bed, &["transcript", "--lead", "876409"]);
    assert!(code == Some(0) && text.starts_with(ONE) && text.contains("I want a refund"), "{text}");
    let (_, by_id, _) = run(&bed, &["transcript", ONE]);
    assert_eq!(by_id, text);
    let (_, pipe, _) = run(&bed, &["transcript", "--recording-id", "534820", "--pipe"]);
    assert_eq!(pipe, get(&bed, "/vici?function=transcript_lookup&recording_id=534820"));
    let (_, tsv, _) = run(&bed, &["transcript", "--phone", "+1 312 555 1212", "--tsv", "--header"]);
    assert_eq!((tsv.lines().count(), tsv.lines().map(|line| line.split('\t').count()).max()), (4, Some(11)), "{tsv}");
    let (_, json, _) = run(&bed, &["transcript", "--uniqueid", "1795218045", "--limit", "5", "--json"]);
    assert_eq!(ids(&serde_json::from_str(&json).expect("JSON")).len(), 2);
    for arguments in
        [&["transcript", "--lead", "1"][..], &["transcript", "--lead", "1", "--tsv"], &["transcript", "nobody"]]
    {
        let (code, text, said) = run(&bed, arguments);
        assert_eq!(
            (code, text.as_str(), said.as_str()),
            (Some(3), "", "lineside: no such call is known\n"),
            "{arguments:?}"
        );
    }
    assert_eq!(run(&bed, &["transcript"]).0, Some(2));
    assert_eq!(run(&bed, &["transcript", "--phone", "12ab34", "--pipe"]).0, Some(1));
    assert_eq!(run(&bed, &["transcript", "--phone", "anonymous", "--pipe"]).0, Some(3));
    let (_, list, _) = run(&bed, &["calls", "--agent", "1001", "--since", "1h", "--tsv"]);
    let cells: Vec<&str> = list.trim_end_matches('\n').split('\t').collect();
    assert_eq!((cells.len(), cells[0], &cells[3..5], cells[6]), (10, ONE, &["1001", "CLAIMSLINE"][..], "3"), "{list}");
    bed.stop();
    let (code, _, said) = run(&bed, &["transcript", ONE]);
    assert!(code == Some(1) && said.contains("is the daemon running?"), "{said}");
}

/// What the script says to Asterisk, and how long it took. `environment` is what Asterisk sends; its answers follow.
fn agi(bed: &Bed, environment: &str) -> (String, Duration) {
    let began = Instant::now();
    let mut child = bed
        .command(&["agi"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("start");
    let mut input = child.stdin.take().expect("stdin");
    let _ = write!(input, "{environment}{}", "200 result=1\n".repeat(5)); // it may be over already
    let output = child.wait_with_output().expect("wait");
    drop(input);
    assert!(output.status.success(), "always 0");
    (String::from_utf8_lossy(&output.stdout).into_owned(), began.elapsed())
}

#[test]
fn the_dialplan_learns_mood_and_keywords_and_never_waits_for_the_daemon() {
    let mut bed = with_calls("");
    let environment =
        |uniqueid: &str| format!("agi_request: lineside\nagi_channel: PJSIP/1\nagi_uniqueid: {uniqueid}\n\n");
    let (said, _) = agi(&bed, &environment(ONE));
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 5, "{said}");
    assert!(
        lines[0].starts_with("SET VARIABLE LINESIDE_SENTIMENT \"-0.")
            || lines[0].starts_with("SET VARIABLE LINESIDE_SENTIMENT \"0."),
        "{said}"
    );
    assert!(lines[1].starts_with("SET VARIABLE LINESIDE_RISK \"0."), "{said}");
    assert!(lines[2].contains("refund"), "{said}");
    assert_eq!(&lines[3..], ["SET VARIABLE LINESIDE_INTENT \"refund\"", "SET VARIABLE LINESIDE_STATUS \"OK\""]);
    let status = |said: &str| said.lines().last().unwrap_or_default().to_owned();
    let nothing = |said: &str| said.matches("\"\"").count() == 4;
    let (said, _) = agi(&bed, &environment("1.2"));
    assert!(nothing(&said) && status(&said) == "SET VARIABLE LINESIDE_STATUS \"UNKNOWN_CALL\"", "{said}");
    let (said, _) = agi(&bed, "agi_request: lineside\n\n");
    assert_eq!(status(&said), "SET VARIABLE LINESIDE_STATUS \"NO_UNIQUEID\"");
    // Of a stalled daemon nothing comes; a slow machine may take longer to start the script, not minutes.
    bed.signal("-STOP");
    let (said, took) = agi(&bed, &environment(ONE));
    bed.signal("-CONT");
    assert!(nothing(&said) && status(&said) == "SET VARIABLE LINESIDE_STATUS \"TIMEOUT\"", "{said}");
    assert!(took < Duration::from_secs(20), "{took:?}");
    bed.stop();
    let (said, _) = agi(&bed, &environment(ONE));
    assert!(nothing(&said) && status(&said) == "SET VARIABLE LINESIDE_STATUS \"NO_DAEMON\"", "{said}");
}

#[test]
fn the_examples_print_what_they_promise() {
    let mut bed = with_calls("");
    let day = bed.get(&format!("/api/v1/calls/{ONE}"))["start_time"].as_str().expect("time")[..10].to_owned();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/examples");
    let examples: [(&str, &str, &[&str], &[&str]); 5] = [
        ("php", "dispo_summary.php", &["uniqueid=1795218045.12"], &["sentiment -", "refund"]),
        (
            "php",
            "agent_frame.php",
            &["user=1001", "uniqueid=1795218045.12"],
            &["/agent?user=1001&uniqueid=1795218045.12#expires=", "&signature="],
        ),
        ("perl", "lead_history.pl", &["876409"], &["agent 1001  SALE", "I want a refund"]),
        ("python3", "qa_list.py", &[&day, "1001", "1002"], &["start_time,user,call_id", ONE, "refund"]),
        ("sh", "recording_text.sh", &["534820"], &["caller\tI want a refund, this is terrible | really."]),
    ];
    let mut seen = 0;
    for (interpreter, file, arguments, wanted) in examples {
        if Command::new(interpreter).arg("--version").output().is_err() {
            println!("skipped: {file}: {interpreter} is not installed");
            continue;
        }
        let mut command = Command::new(interpreter);
        command.arg(root.join(file)).args(arguments);
        command
            .env("LINESIDE_URL", format!("http://127.0.0.1:{}", bed.http))
            .env("LINESIDE_TOKEN", "")
            .env("TZ", "UTC");
        let output = command.output().expect("run");
        let (said, problem) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{file}: {problem}");
        println!("$ {interpreter} {file} {}\n{said}", arguments.join(" "));
        for part in wanted {
            assert!(said.contains(part), "{file}: {part:?} is not in\n{said}{problem}");
        }
        seen += 1;
    }
    println!("{seen} of {} examples run", examples.len());
    let files = std::fs::read_dir(root).expect("examples").count();
    // Beside these the README, and the receiver of webhooks, which notify.rs runs.
    assert_eq!(files, examples.len() + 2, "an example that no test runs");
    bed.stop();
}
