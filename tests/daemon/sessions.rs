//! The call sessions API as its own document describes it: a client that knows nothing but that text, its examples for curl as they are printed
//! there, and the service that analyses single transcripts.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::bed::Bed;

/// The call of the document's examples.
const CALL: &str = "1761295415.12887";

const LINES: &[(&str, &str)] = &[
    ("agent", "Good morning, my name is Emma, how can I help you?"),
    (
        "customer",
        "Hello, my name is James Walker, I'm calling about my bill, you charged me two hundred dollars twice!",
    ),
    ("customer", "This is terrible, I want my money back, I want a refund."),
    ("agent", "I am sorry about that. I have credited your account, you will receive an e-mail tomorrow."),
    ("customer", "Thank you so much."),
];

/// Brings a call in; `over` says how it stands after its last line.
fn talk(bed: &Bed, call: &str, lines: &[(&str, &str)], over: &str) {
    for (number, (speaker, text)) in lines.iter().enumerate() {
        let last = number + 1 == lines.len();
        let event = json!({
            "provider": "test", "call_id": call, "event_type": "transcript", "speaker": speaker, "text": text, "agent_id": "mary",
            "status": if last { over } else { "active" },
        });
        let (status, answer) = bed.ask("POST", "/api/realtime/events", Some(&event));
        assert_eq!(status, 200, "{answer}");
    }
}

fn through(bed: &Bed, call: &str) -> Value {
    let path = format!("/api/v1/calls/{call}/processing");
    bed.until("the call's stages are gone through", Duration::from_mins(1), |bed| {
        bed.try_get(&path).is_some_and(|status| status["processing_status"] == "completed")
    });
    bed.get(&path)
}

/// What a field of the document's examples stands for.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Text,
    /// `ISO8601`
    Time,
    Number,
    List,
    Object,
    Flag,
    /// A field that the document names, and that may hold nothing yet.
    MayBeNull,
}
use Kind::{Flag, List, MayBeNull, Number, Object, Text, Time};

/// Whether an answer has these keys, each of its kind.
fn has(answer: &Value, keys: &[(&str, Kind)]) {
    for (key, kind) in keys {
        let value = &answer[*key];
        let fits = match kind {
            Text => value.is_string(),
            Time => value.as_str().is_some_and(|text| text.len() >= 20 && text.as_bytes()[10] == b'T'),
            Number => value.is_number(),
            List => value.is_array(),
            Object => value.is_object(),
            Flag => value.is_boolean(),
            MayBeNull => answer.get(key).is_some(),
        };
        assert!(fits, "{key}: {value} in {answer}");
    }
}

const SESSION: &[(&str, Kind)] = &[
    ("call_id", Text),
    ("start_time", Time),
    ("last_activity", Time),
    ("connection_info", Object),
    ("transcript_segments", List),
    ("cumulative_transcript", Text),
    ("total_audio_duration", Number),
    ("segment_count", Number),
    ("status", Text),
    ("processing_mode", Text),
    ("processing_plan", Object),
];

const EXPORT: [&str; 9] = [
    "call_id",
    "metadata",
    "transcription",
    "translation",
    "entities",
    "classification",
    "summary",
    "insights",
    "processing_info",
];

#[test]
fn a_client_that_knows_the_documents_text_alone_finds_all_of_it() {
    let mut bed = Bed::new("none", "");
    bed.start();
    talk(&bed, "running-1", LINES, "active");
    talk(&bed, CALL, LINES, "ended");

    // 3.1 to 3.3: sessions.
    let active = bed.get("/api/v1/calls/active");
    let running = active.as_array().and_then(|calls| calls.iter().find(|call| call["call_id"] == "running-1"));
    let running = running.expect("a running call");
    has(running, SESSION);
    has(
        &running["connection_info"],
        &[("client_addr", MayBeNull), ("temp_connection_id", MayBeNull), ("start_time", Time)],
    );
    assert_eq!((&running["status"], &running["processing_mode"]), (&json!("active"), &json!("hybrid")));
    has(
        &bed.get("/api/v1/calls/stats"),
        &[
            ("active_sessions", Number),
            ("total_audio_duration", Number),
            ("total_segments", Number),
            ("average_duration_per_session", Number),
            ("session_list", List),
        ],
    );
    bed.until_completed(CALL);
    let status = through(&bed, CALL);
    let call = bed.get(&format!("/api/v1/calls/{CALL}"));
    has(&call, SESSION);
    assert_eq!((&call["status"], &call["processing_plan"]["summary"]), (&json!("completed"), &json!("done")));
    assert_eq!(bed.ask("GET", "/api/v1/calls/none.1", None).0, 404);
    assert_eq!(bed.ask("GET", "/api/v1/calls/none.1", None).1, json!({"detail": "Call session not found"}));
    let (code, wrong) = bed.ask("GET", "/api/v1/calls/no%20id", None);
    assert_eq!(
        (code, &wrong["detail"][0]["loc"], &wrong["detail"][0]["type"]),
        (422, &json!(["path", "call_id"]), &json!("value_error"))
    );

    // 3.4, 3.6: text.
    let path = |rest: &str| format!("/api/v1/calls/{CALL}/{rest}");
    let transcript = bed.get(&path("transcript"));
    let keys = [
        ("call_id", Text),
        ("cumulative_transcript", Text),
        ("language", Text),
        ("segment_count", Number),
        ("total_duration", Number),
    ];
    has(&transcript, &keys);
    assert_eq!((&transcript["language"], transcript.get("segments")), (&json!("en"), None), "known by its words");
    let with = bed.get(&path("transcript?include_segments=true"));
    has(&with["segments"][0], &[("text", Text), ("start_time", Number), ("end_time", Number), ("confidence", Number)]);
    has(
        &bed.get(&path("segments"))[0],
        &[
            ("segment_id", Number),
            ("text", Text),
            ("start_time", Number),
            ("end_time", Number),
            ("confidence", Number),
            ("speaker", Text),
        ],
    );

    // 3.7: the export.
    let export = bed.get(&path("export?format=json"));
    let keys: Vec<&str> = EXPORT.into_iter().filter(|key| export.get(key).is_none()).collect();
    assert!(keys.is_empty(), "{keys:?} are missing");
    has(&export["metadata"], &[("start_time", Time), ("end_time", Time), ("duration", Number), ("status", Text)]);
    has(&export["transcription"], &[("original", Text), ("language", Text)]);
    has(&export["translation"], &[("translated", Text), ("language", Text)]);
    assert_eq!(export["transcription"]["original"], export["translation"]["translated"], "an English call needs none");
    assert_eq!(export["entities"]["person"], json!(["Emma", "James Walker"]), "{}", export["entities"]);
    assert_eq!(export["classification"]["main_category"], "refund", "{}", export["classification"]);
    assert!(export["summary"]["text"].as_str().is_some_and(|text| text.contains("bill")), "{}", export["summary"]);
    has(&export["insights"], &[("action_required", Flag), ("actions", List), ("intents", List)]);

    progress_and_status(&bed, &status);
}

fn progress_and_status(bed: &Bed, status: &Value) {
    let path = |rest: &str| format!("/api/v1/calls/{CALL}/{rest}");
    // 3.9 to 3.12: how it grew.
    let progressive = bed.get(&path("progressive-analysis"));
    has(
        &progressive,
        &[
            ("call_id", Text),
            ("cumulative_translation", Text),
            ("translation_windows", Number),
            ("latest_entities", Object),
            ("latest_classification", Object),
            ("evolution_data", Object),
        ],
    );
    has(
        &bed.get(&path("translation")),
        &[
            ("call_id", Text),
            ("cumulative_translation", Text),
            ("language", Text),
            ("source_language", Text),
            ("translation_model", MayBeNull),
        ],
    );
    let windows = bed.get(&path("entity-evolution"));
    has(&windows[0], &[("timestamp", Time), ("new_entities", List), ("cumulative_entities", Object)]);
    let shots = bed.get(&path("classification-evolution"));
    has(&shots[0], &[("timestamp", Time), ("classification", Object), ("changed", Flag), ("changes", List)]);
    let changed = shots.as_array().into_iter().flatten().filter(|shot| shot["changed"] == true).count();
    assert_eq!(progressive["evolution_data"]["classification_changes"], json!(changed), "{shots}");
    assert!(changed > 0, "{shots}");
    let running = bed.get("/api/v1/calls/running-1/progressive-analysis");
    assert_eq!(running["latest_classification"]["main_category"], "refund", "while it runs too");
    assert!(running["coaching"].as_array().is_some_and(|prompts| !prompts.is_empty()), "{running}");

    // 3.13 to 3.15: no service is configured, and that is said in the documented fields.
    let health = bed.get("/api/v1/calls/agent-service/health");
    has(
        &health,
        &[("status", Text), ("service_name", Text), ("timestamp", Time), ("checks", Object), ("details", Object)],
    );
    has(&health["checks"], &[("api_connectivity", Flag), ("authentication", Flag)]);
    let auth = bed.ask("POST", "/api/v1/calls/agent-service/test-auth", None);
    assert_eq!((auth.0, &auth.1["status"]), (200, &json!("failed")));
    has(&auth.1, &[("token_obtained", Flag), ("token_expires_in", MayBeNull)]);
    let sent = bed.ask("POST", "/api/v1/calls/agent-service/test-notification?call_id=test_123", None);
    assert_eq!(sent.0, 200);
    has(&sent.1, &[("status", Text), ("notification_sent", Flag), ("agent_response_code", MayBeNull)]);

    stages_and_commands(bed, status);
}

fn stages_and_commands(bed: &Bed, status: &Value) {
    let path = |rest: &str| format!("/api/v1/calls/{CALL}/{rest}");
    // 3.16, 3.17: processing.
    has(
        &bed.get("/api/v1/calls/processing/status"),
        &[("queued_calls", Number), ("stages", Object), ("pipeline_config", Object)],
    );
    has(
        status,
        &[
            ("call_id", Text),
            ("processing_status", Text),
            ("current_stage", Text),
            ("stages_completed", List),
            ("stages_remaining", List),
            ("progress_percentage", Number),
            ("started_at", Time),
            ("estimated_completion", Time),
            ("errors", List),
            ("pipeline_config", Object),
        ],
    );
    assert_eq!((&status["progress_percentage"], &status["stages_remaining"]), (&json!(100.0), &json!([])));

    // 3.5, 3.8: what can be asked for.
    assert_eq!(
        bed.ask("POST", &path("trigger-ai-pipeline"), None),
        (200, json!("AI pipeline processing triggered successfully"))
    );
    assert_eq!(bed.ask("POST", "/api/v1/calls/none.1/trigger-ai-pipeline", None).0, 404);
    assert_eq!(bed.ask("POST", &path("trigger-ai-pipeline?stage=ner"), None).0, 422);
    let ended = bed.ask("POST", "/api/v1/calls/running-1/end?reason=manual", None);
    assert_eq!(ended, (200, json!("Call ended successfully")));
    assert_eq!(bed.ask("POST", "/api/v1/calls/none.1/end", None).0, 404);
}

/// The examples of the document's section 4, letter by letter.
const EXAMPLES: &str = "\
curl -X GET 'http://192.168.8.18:8123/api/v1/calls/stats' -H 'Accept: application/json'
curl -X GET 'http://192.168.8.18:8123/api/v1/calls/active' -H 'Accept: application/json'
curl -X GET 'http://192.168.8.18:8123/api/v1/calls/1761295415.12887' -H 'Accept: application/json'
curl -X POST 'http://192.168.8.18:8123/api/v1/calls/1761295415.12887/trigger-ai-pipeline' -H 'Accept: application/json'
curl -X GET 'http://192.168.8.18:8123/api/v1/calls/1761295415.12887/processing' -H 'Accept: application/json'
curl -X GET 'http://192.168.8.18:8123/api/v1/calls/processing/status' -H 'Accept: application/json'
curl -X GET 'http://192.168.8.18:8123/api/v1/calls/1761295415.12887/export?format=json' -H 'Accept: application/json' -o call_export.json
curl -X GET 'http://192.168.8.18:8123/api/v1/calls/1761295415.12887/export?format=text' -H 'Accept: application/json' -o call_export.txt
curl -X GET 'http://192.168.8.18:8123/api/v1/calls/1761295415.12887/progressive-analysis' -H 'Accept: application/json'
curl -X GET 'http://192.168.8.18:8123/api/v1/calls/1761295415.12887/translation' -H 'Accept: application/json'
curl -X GET 'http://192.168.8.18:8123/api/v1/calls/1761295415.12887/entity-evolution' -H 'Accept: application/json'
curl -X GET 'http://192.168.8.18:8123/api/v1/calls/agent-service/health' -H 'Accept: application/json'
curl -X POST 'http://192.168.8.18:8123/api/v1/calls/agent-service/test-auth' -H 'Accept: application/json'
curl -X POST 'http://192.168.8.18:8123/api/v1/calls/agent-service/test-notification?call_id=test_123' -H 'Accept: application/json'";

#[test]
fn the_documents_examples_for_curl_work_as_they_are_but_for_the_host() {
    if Command::new("curl").arg("--version").output().is_err() {
        eprintln!("skipped: curl is not installed");
        return;
    }
    let mut bed = Bed::new("none", "");
    bed.start();
    talk(&bed, CALL, LINES, "ended");
    bed.until_completed(CALL);
    through(&bed, CALL);
    std::fs::write(bed.path(".curlrc"), "silent\nwrite-out = \"\\n%{http_code}\"\n").expect("write");
    for example in EXAMPLES.lines() {
        let line = example.replace("192.168.8.18:8123", &format!("127.0.0.1:{}", bed.http));
        let run =
            Command::new("sh").args(["-c", &line]).current_dir(bed.path("")).env("CURL_HOME", bed.path("")).output();
        let said = String::from_utf8(run.expect("run").stdout).expect("UTF-8");
        let (body, code) = said.rsplit_once('\n').unwrap_or_default();
        assert_eq!(code, "200", "{example}\n{body}");
        let into_file = example.contains(" -o ");
        assert!(into_file || serde_json::from_str::<Value>(body).is_ok(), "{example}\n{body}");
    }
    let file = |name: &str| std::fs::read_to_string(bed.path(name)).expect("a file");
    let json: Value = serde_json::from_str(&file("call_export.json")).expect("JSON");
    assert_eq!(json["call_id"], CALL);
    let text = file("call_export.txt");
    let heads = [
        "=== CALL EXPORT ===\nCall ID: 1761295415.12887\nDate: ",
        "\nDuration: ",
        "\nStatus: completed\n",
        "\n--- ORIGINAL TRANSCRIPT (English) ---\n",
        "\n--- ENGLISH TRANSLATION ---\n",
        "\n--- NAMED ENTITIES ---\nPersons: Emma, James Walker\nLocations: ",
        "\n--- SUMMARY ---\n",
        "\n=== END OF EXPORT ===\n",
    ];
    let places: Vec<Option<usize>> = heads.iter().map(|head| text.find(head)).collect();
    assert!(places.is_sorted() && places.iter().all(Option::is_some), "{text}");
}

fn analysed(bed: &Bed, transcript: &str) -> Value {
    let (status, answer) = bed.ask("POST", "/analyze_call", Some(&json!({"transcript": transcript})));
    assert_eq!(status, 200, "{answer}");
    answer
}

#[test]
fn a_transcript_is_analysed_by_itself_kept_without_its_card_number_and_shown_again() {
    let mut bed = Bed::new("none", "");
    bed.start();
    for (text, sentiment, action_required) in [
        ("Yes, will pay on time!", "Positive", false),
        ("Emergency tha, Wednesday ko pakka karunga.", "Neutral", true),
        ("Financial hardship hai, restructuring chahiye.", "Negative", true),
    ] {
        let answer = analysed(&bed, text);
        assert_eq!(
            (&answer["sentiment"], &answer["action_required"]),
            (&json!(sentiment), &json!(action_required)),
            "{answer}"
        );
        assert_eq!(answer["raw_transcript"], text);
    }
    let promise = analysed(&bed, "Emergency tha, Wednesday ko pakka karunga.");
    assert!(promise["customer_intent"].as_str().is_some_and(|intent| intent.contains("Promise to pay")), "{promise}");
    has(
        &promise,
        &[
            ("id", Number),
            ("unique_id", Text),
            ("customer_intent", Text),
            ("sentiment", Text),
            ("action_required", Flag),
            ("summary", Text),
            ("processed_at", Time),
            ("processing_time_ms", Number),
        ],
    );
    assert!(promise["unique_id"].as_str().is_some_and(|id| id.parse::<uuid::Uuid>().is_ok()), "{promise}");
    assert_eq!(bed.get(&format!("/analyze_call/{}", promise["id"])), promise);

    let card = analysed(&bed, "Agent: The card number, please.\nCustomer: It is 4111 1111 1111 1111.");
    assert!(card["raw_transcript"].as_str().is_some_and(|text| text.contains("[card]")), "{card}");
    bed.stop();
    for file in ["state/lineside.db", "state/lineside.db-wal"] {
        let bytes = std::fs::read(bed.path(file)).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&bytes).contains("4111 1111"), "{file} holds the number");
    }
}

#[test]
fn what_is_no_transcript_is_refused_with_its_status_and_the_field() {
    let mut bed = Bed::new("none", "");
    bed.start();
    for (body, code) in [
        (json!({}), 422),
        (json!({"transcript": 7}), 422),
        (json!({"transcript": ""}), 422),
        (json!([1]), 422),
        (json!({"transcript": "x".repeat(200_001)}), 413),
        // Not far beyond what is read: who sends much more may find the connection closed before the answer is read.
        (json!({"transcript": "x".repeat(2_100_000)}), 413),
    ] {
        let (status, answer) = bed.ask("POST", "/analyze_call", Some(&body));
        assert_eq!(status, code, "{answer}");
        let field = &answer["detail"][0];
        assert!(
            code != 422 || field["loc"] == json!(["body", "transcript"]) && field["type"] == "value_error",
            "{answer}"
        );
    }
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let send = |kind: &str, body: &str| {
        let url = format!("http://127.0.0.1:{}/analyze_call", bed.http);
        agent.post(url).header("Content-Type", kind).send(body).expect("an answer").status().as_u16()
    };
    assert_eq!((send("text/plain", "{\"transcript\": \"x\"}"), send("application/json", "{nonsense")), (415, 422));
    assert_eq!((bed.ask("GET", "/analyze_call/99", None).0, bed.ask("GET", "/analyze_call/x", None).0), (404, 422));
}

#[test]
fn the_front_door_answers_in_json_who_asks_for_json() {
    let mut bed = Bed::new("none", "");
    bed.start();
    let ask = |accept: &str| {
        let url = format!("http://127.0.0.1:{}/", bed.http);
        let mut answer = ureq::get(url).header("Accept", accept).call().expect("an answer");
        let kind = answer.headers()["content-type"].to_str().unwrap_or_default().to_owned();
        (kind, answer.body_mut().read_to_string().expect("text"))
    };
    let (kind, body) = ask("application/json");
    assert_eq!(kind, "application/json");
    let info: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!((&info["name"], &info["docs"]), (&json!("lineside"), &json!("/docs")));
    for accept in ["text/html,application/xhtml+xml,application/json;q=0.9", "*/*"] {
        assert!(ask(accept).0.starts_with("text/html"), "{accept}");
    }
    has(&bed.get("/health/detailed"), &[("state", Text), ("checks", List)]);
}
