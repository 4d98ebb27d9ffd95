//! What is made of what was said, as its readers meet it: keywords and alerts, moods by side, things that are named, texts of other platforms.

use std::collections::BTreeSet;
use std::process::Command;

use base64::Engine as _;
use serde_json::{Value, json};

use crate::bed::Bed;

/// A line of a call of another platform; the answer.
fn say(bed: &Bed, call: &str, speaker: &str, text: &str) -> Value {
    tell(bed, json!({"call_id": call, "speaker": speaker, "text": text}))
}

fn tell(bed: &Bed, mut event: Value) -> Value {
    event["provider"] = "test".into();
    event["event_type"] = "transcript".into();
    let (status, answer) = bed.ask("POST", "/api/realtime/events", Some(&event));
    assert_eq!(status, 200, "{answer}");
    answer
}

fn texts(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Rules that fired in a call so far.
fn rules(bed: &Bed, call: &str) -> BTreeSet<String> {
    let alerts = bed.get(&format!("/api/v1/alerts?call={call}"));
    let all = alerts["alerts"].as_array().into_iter().flatten();
    all.flat_map(|alert| texts(&alert["rules_triggered"])).map(str::to_owned).collect()
}

fn segments(bed: &Bed, call: &str) -> Vec<Value> {
    bed.get(&format!("/api/v1/calls/{call}"))["transcript_segments"].as_array().cloned().unwrap_or_default()
}

/// What of a kind was named in a call.
fn named(bed: &Bed, call: &str, kind: &str) -> Vec<String> {
    let found = bed.get(&format!("/api/v1/calls/{call}/entities"));
    let all = found["entities"].as_array().into_iter().flatten().filter(|one| one["kind"] == kind);
    all.filter_map(|one| one["text"].as_str()).map(str::to_owned).collect()
}

#[test]
fn the_lists_of_the_tutorial_are_heard_on_either_side_outside_of_their_contexts() {
    /// Its alert keywords.
    const KEYWORDS: [&str; 21] = [
        "cancel",
        "supervisor",
        "manager",
        "complaint",
        "legal",
        "lawyer",
        "sue",
        "report",
        "escalate",
        "unacceptable",
        "disgusting",
        "terrible",
        "worst",
        "refund",
        "fraud",
        "scam",
        "lie",
        "liar",
        "incompetent",
        "idiot",
        "stupid",
    ];
    const LEGAL: [&str; 7] = ["legal", "lawyer", "sue", "court", "regulator", "ombudsman", "ofcom"];
    let mut bed = Bed::new("none", "");
    bed.start();
    for (at, speaker) in ["agent", "customer"].into_iter().enumerate() {
        let call = format!("list-{at}");
        for word in KEYWORDS {
            say(&bed, &call, speaker, &format!("They said {word} there."));
        }
        let heard = segments(&bed, &call);
        for (word, segment) in KEYWORDS.iter().zip(&heard) {
            assert_eq!(segment["keywords"][0]["term"], *word, "{speaker}: {segment}");
        }
        assert_eq!(heard.len(), KEYWORDS.len());
        for (number, word) in LEGAL.into_iter().enumerate() {
            let call = format!("legal-{at}-{number}");
            say(&bed, &call, speaker, &format!("There is {word} in it."));
            assert!(rules(&bed, &call).contains("legal_threat"), "{speaker}: {word}");
        }
    }
    say(&bed, "court", "customer", "I will take this company to court");
    say(&bed, "ofcom", "agent", "You may write to OFCOM about it.");
    assert!(rules(&bed, "court").contains("legal_threat") && rules(&bed, "ofcom").contains("legal_threat"));
    for text in [
        "Can I cancel the hold?",
        "No, cancel that.",
        "It has cancel noise.",
        "Ask my account manager.",
        "Your manager told me.",
    ] {
        say(&bed, "contexts", "customer", text);
    }
    for segment in segments(&bed, "contexts") {
        assert_eq!(segment["keywords"], json!([]), "{segment}");
    }
    say(&bed, "mood", "agent", "Hello, how can I help?");
    say(&bed, "mood", "customer", "I talked to my account manager.");
    let mood = segments(&bed, "mood");
    let compound = |at: usize| mood[at]["sentiment"]["compound"].as_f64().expect("a number");
    assert!(compound(0) > 0.3 && compound(1) >= 0.0, "{mood:?}");
    bed.stop();
    println!(
        "mended | 8 | \"I will take this company to court\" and \"ofcom\" raised nothing, \"report\" was no keyword, words counted on the caller's leg alone | all 21 keywords and 7 legal words are heard on both legs, 5 of 5 ignore contexts hold, \"Hello, how can I help?\" is {:+.2}",
        compound(0)
    );
}

#[test]
fn a_keyword_is_shown_as_it_was_said_and_a_reason_once() {
    let mut bed = Bed::new("none", "");
    bed.start();
    say(&bed, "said", "customer", "Get me your supervisor, I want this Escalated, your supervisor is disgusting");
    let alerts = bed.get("/api/v1/alerts?call=said");
    let alert = &alerts["alerts"][0];
    let (rules, reasons) = (texts(&alert["rules_triggered"]), texts(&alert["reasons"]));
    assert!(rules.contains(&"keyword_detected") && rules.contains(&"escalation_keyword"), "{alert}");
    for list in [reasons.clone(), texts(&alert["words"])] {
        assert_eq!(list.iter().collect::<BTreeSet<_>>().len(), list.len(), "{list:?}");
    }
    for reason in &reasons {
        assert_eq!(reason.matches("supervisor (").count().max(1), 1, "{reason}");
    }
    let words = texts(&alert["words"]);
    assert!(["supervisor", "escalated", "disgusting"].iter().all(|word| words.contains(word)), "{words:?}");
    let shown = alert.to_string();
    assert!(!shown.contains("escalat ") && !shown.contains("disgust ") && !shown.contains("\"escalat\""), "{shown}");
    let figures = bed.get("/api/v1/figures");
    let terms: Vec<&str> =
        figures["keywords"].as_array().into_iter().flatten().filter_map(|one| one["term"].as_str()).collect();
    assert!(terms.contains(&"escalated") && terms.contains(&"disgusting") && !terms.contains(&"escalat"), "{terms:?}");
    // Another rule for the same words gives the same reason, which is told once.
    say(&bed, "twice", "customer", "my supervisor");
    let message = bed.get("/api/v1/alerts?call=twice")["alerts"][0]["message"].as_str().expect("text").to_owned();
    assert_eq!(message.matches("said: supervisor").count(), 1, "{message}");
    bed.stop();
    println!(
        "mended | 9 | \"escalat\", \"disgust\"; \"said: supervisor; said: supervisor\" | {terms:?}; \"{message}\""
    );
}

#[test]
fn a_trend_is_one_sides_and_says_whose() {
    let mut bed = Bed::new("none", "");
    bed.start();
    for _ in 0..6 {
        say(&bed, "sorry", "agent", "I am very sorry about the mistake");
    }
    assert_eq!(rules(&bed, "sorry"), BTreeSet::new(), "nothing is wrong with the caller");
    let angry = [
        "This is really annoying.",
        "The router is broken again.",
        "It is a bad line.",
        "That is a useless answer.",
        "I am angry about it.",
    ];
    for text in angry {
        say(&bed, "polite", "customer", text);
        say(&bed, "polite", "agent", "Thank you so much, I am happy to help you with that!");
    }
    let found = rules(&bed, "polite");
    assert!(found.contains("negative_trend") && found.contains("severe_negative_trend"), "{found:?}");
    let alerts = bed.get("/api/v1/alerts?call=polite");
    let all = alerts["alerts"].as_array().cloned().unwrap_or_default();
    let reasons: Vec<&str> = all.iter().flat_map(|alert| texts(&alert["reasons"])).collect();
    let severe = reasons.iter().find(|reason| reason.starts_with("5 negative")).expect("the fifth line");
    assert_eq!(*severe, "5 negative segments of the caller's in a row");
    bed.stop();
    println!(
        "mended | 10 | three apologies of the agent's made an alert about the caller, and an agent's thanks hid five negative lines | 6 apologies: 0 alerts; 5 negative lines between 5 of thanks: \"{severe}\""
    );
}

#[test]
fn what_is_named_is_named_whole_and_what_is_refused_is_not_promised() {
    let mut bed = Bed::new("none", "");
    bed.start();
    for text in [
        "I will not pay this.",
        "They took 3.5 million dollars.",
        "I sent Rs 5000 and 45 EUR and USD 40.",
        "You charged me twelve hundred.",
        "It was on 12 October.",
        "The policy is 30 days.",
        "Am I speaking to Ms Angela Ruiz?",
    ] {
        say(&bed, "named", "customer", text);
    }
    let money = named(&bed, "named", "money");
    assert_eq!(money, ["3.5 million dollars", "Rs 5000", "45 EUR", "USD 40", "twelve hundred"]);
    assert_eq!(named(&bed, "named", "promise to pay"), Vec::<String>::new());
    assert_eq!(named(&bed, "named", "date"), ["12 October"]);
    assert_eq!(named(&bed, "named", "reference"), Vec::<String>::new());
    assert_eq!(named(&bed, "named", "person"), ["Ms Angela Ruiz"]);

    for (speaker, text) in [
        ("agent", "Thank you for calling, how can I help?"),
        ("customer", "I wait for my invoice."),
        ("agent", "Please hold while I find your invoice"),
        ("agent", "It was sent."),
        ("customer", "No thank you that is all."),
    ] {
        say(&bed, "short", speaker, text);
    }
    let qa = bed.get("/api/v1/calls/short/qa");
    let outcome = |qa: &Value, name: &str| {
        let mark = qa["criteria"].as_array().into_iter().flatten().find(|mark| mark["name"] == name).cloned();
        mark.map_or(Value::Null, |mark| mark["outcome"].clone())
    };
    assert_ne!(outcome(&qa, "closing"), "met", "{qa}");
    assert_ne!(outcome(&qa, "empathy"), "missed", "{qa}");
    let mut last = json!({"call_id": "short", "speaker": "agent", "text": "Right."});
    last["status"] = "ended".into();
    tell(&bed, last);
    bed.until_completed("short");
    let qa = bed.get("/api/v1/calls/short/qa");
    assert_eq!(
        ["closing", "empathy", "hold"].map(|name| outcome(&qa, name)),
        [json!("missed"), json!("not_asked"), json!("missed")],
        "{qa}"
    );
    say(&bed, "moods", "agent", "Your refund has been confirmed");
    say(&bed, "moods", "agent", "Calm down, sir.");
    let moods: Vec<f64> =
        segments(&bed, "moods").iter().filter_map(|one| one["sentiment"]["compound"].as_f64()).collect();
    assert!(moods[0] > 0.2 && moods[1] < -0.2, "{moods:?}");
    bed.stop();
    println!(
        "mended | 11 | a refusal was a promise, a greeting the closing, \"No thank you that is all.\" -0.36, please hold no hold, half of an amount, a date, a name; a confirmed refund -0.25, \"Calm down, sir.\" +0.32 | {money:?}; no promise; closing missed, empathy not asked for, hold judged; \"12 October\"; \"Ms Angela Ruiz\"; {:+.2} and {:+.2}",
        moods[0], moods[1]
    );
}

#[test]
fn text_without_sound_makes_no_figures_of_sound_and_chunks_are_counted_as_they_come() {
    let mut bed = Bed::new("none", "");
    bed.start();
    for _ in 0..6 {
        say(&bed, "text", "agent", "one two three four five six seven eight nine ten");
        say(&bed, "text", "customer", "one two three four five six seven eight nine ten");
    }
    let call = bed.get("/api/v1/calls/text");
    let segment = &call["transcript_segments"][0];
    assert_eq!((&segment["duration"], &segment["end_time"]), (&Value::Null, &segment["start_time"]), "{segment}");
    let measures = bed.get("/api/v1/calls/text/qa")["measures"].clone();
    for figure in [
        "agent_speech_s",
        "caller_speech_s",
        "agent_share",
        "agent_interruptions",
        "caller_interruptions",
        "overlap_s",
        "dead_air_s",
        "longest_silence_s",
        "agent_words_per_minute",
        "caller_words_per_minute",
    ] {
        assert_eq!(measures[figure], Value::Null, "{figure}: {measures}");
    }
    let absent = measures["absent"].as_str().expect("a reason").to_owned();
    assert!(absent.contains("without its sound"), "{absent}");

    let chunk = |call: &str, samples: usize, channels: usize| {
        let sound = base64::engine::general_purpose::STANDARD.encode(vec![0_u8; samples * channels * 2]);
        let body = json!({
            "provider": "test", "call_id": call, "audio_encoding": "pcm_s16le", "sample_rate": 16_000, "channels": channels, "audio_b64": sound,
            "speaker": "customer",
        });
        let (status, answer) = bed.ask("POST", "/api/realtime/audio/chunk", Some(&body));
        assert_eq!(status, 200, "{answer}");
        answer
    };
    // The shortest that can be sent, twice the samples of the documented example's "AAABAA==".
    let answer = chunk("tiny", 2, 1);
    assert_eq!((&answer["audio"]["available"], &answer["audio"]["chunk_count"]), (&json!(true), &json!(1)), "{answer}");
    let events = answer["snapshot"]["events"].as_array().cloned().unwrap_or_default();
    assert_eq!(events.iter().map(|event| event["event_type"].clone()).collect::<Vec<_>>(), ["audio_chunk"], "{answer}");
    let counts: Vec<Value> = [("mono", 1), ("stereo", 2)]
        .into_iter()
        .map(|(call, channels)| {
            for _ in 0..5 {
                chunk(call, 1600, channels);
            }
            bed.get(&format!("/api/realtime/calls/{call}/audio/meta"))["live_audio"]["chunk_count"].clone()
        })
        .collect();
    assert_eq!(counts, [5, 5]);

    let german = "Das ist eine absolute Frechheit, ich bin stinksauer!";
    let answer = tell(
        &bed,
        json!({"call_id": "de", "speaker": "customer", "text": german, "sentiment": -0.95, "language": "de"}),
    );
    assert_eq!(answer["sentiment_score"], -0.95, "{answer}");
    tell(&bed, json!({"call_id": "de", "speaker": "customer", "text": german, "sentiment": -0.95}));
    assert!(rules(&bed, "de").contains("very_negative"), "{:?}", rules(&bed, "de"));
    let heard = segments(&bed, "de");
    for segment in &heard {
        let moods = (&segment["sentiment"]["compound"], &segment["sender_sentiment"], &segment["sentiment"]["label"]);
        assert_eq!(moods, (&json!(-0.95), &json!(-0.95), &json!("negative")), "{segment}");
    }
    // Without theirs there is none, and no mean knows of it.
    tell(&bed, json!({"call_id": "fr", "speaker": "customer", "text": "C'est vraiment terrible.", "language": "fr"}));
    let absent = json!({"compound": null, "pos": null, "neu": null, "neg": null, "label": "unavailable"});
    assert_eq!(segments(&bed, "fr")[0]["sentiment"], absent);
    assert_eq!(bed.get("/api/v1/calls/fr")["sentiment"], Value::Null, "{}", bed.get("/api/v1/calls/fr"));
    tell(&bed, json!({"call_id": "fr", "speaker": "customer", "text": "This is terrible.", "language": "en"}));
    let (mean, heard_of) = (bed.get("/api/v1/calls/fr")["sentiment"].clone(), segments(&bed, "fr"));
    assert_eq!(mean, heard_of[1]["sentiment"]["compound"], "{heard_of:?}");
    assert!(mean.as_f64().is_some_and(|mean| mean < -0.3), "{mean}");
    // Where there is a lexicon it counts, and theirs is shown beside it.
    tell(
        &bed,
        json!({"call_id": "en", "speaker": "customer", "text": "Thank you so much, this is wonderful.", "sentiment": -0.95}),
    );
    let english = segments(&bed, "en");
    assert_eq!(english[0]["sender_sentiment"], -0.95);
    assert!(english[0]["sentiment"]["compound"].as_f64().is_some_and(|ours| ours > 0.5), "{english:?}");

    // A restart tells the rules nothing of silences that nobody heard, and forgets no chunk.
    bed.stop();
    bed.start();
    say(&bed, "text", "agent", "Are you still there?");
    // The caller did say the same six times.
    assert_eq!(rules(&bed, "text"), BTreeSet::from(["repeated_request".to_string()]));
    assert_eq!(bed.get("/api/realtime/calls/mono/audio/meta")["live_audio"]["chunk_count"], 5);
    bed.stop();
    println!(
        "mended | 12 | every text took 350 ms a word: pace 171.429, interruptions from nothing; 5 stereo chunks were 10, the meta said 0, two samples \"not available\", no event, a German -0.95 raised nothing | no figure of sound (\"{absent}\"); 5 mono chunks are {}, 5 stereo {}; two samples available with an audio_chunk event; the German text -0.95, very_negative",
        counts[0], counts[1]
    );
}

#[test]
fn marks_are_whole_words_own_contexts_silence_shipped_groups_and_the_risk_says_what_falls() {
    let packs = tempfile::tempdir().expect("temp dir");
    let shipped = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("etc/packs");
    for entry in std::fs::read_dir(shipped).expect("packs").flatten() {
        std::fs::copy(entry.path(), packs.path().join(entry.file_name())).expect("copy");
    }
    let own = "name = \"site\"\nversion = \"1\"\nlanguage = \"en\"\n[[keyword]]\nlabel = \"legal\"\nignore = [\"legal aid\"]\n";
    std::fs::write(packs.path().join("site.toml"), own).expect("write");
    let mut bed = Bed::new("none", &format!("[text]\npacks = \"{}\"", packs.path().display()));
    bed.start();
    say(&bed, "aid", "customer", "I work for legal aid.");
    assert_eq!((segments(&bed, "aid")[0]["keywords"].clone(), rules(&bed, "aid")), (json!([]), BTreeSet::new()));
    say(&bed, "aid", "customer", "I take legal steps.");
    assert!(rules(&bed, "aid").contains("legal_threat"));

    let parts = |call: &str| -> (f64, Vec<(String, f64)>) {
        let risk = bed.get(&format!("/api/v1/calls/{call}"))["risk"].clone();
        let part = |part: &Value| Some((part["part"].as_str()?.to_owned(), part["share"].as_f64()?));
        let parts = risk["parts"].as_array().into_iter().flatten().filter_map(part).collect();
        (risk["score"].as_f64().expect("a risk"), parts)
    };
    for text in ["This is terrible and awful.", "I hate this horrible company, damn it.", "My lawyer will sue you."] {
        say(&bed, "calm", "customer", text);
    }
    let (angry, before) = parts("calm");
    for _ in 0..12 {
        say(&bed, "calm", "customer", "Thank you so much, that is wonderful.");
    }
    let (calm, after) = parts("calm");
    assert!(calm < angry, "{angry} {calm}");
    for ((name, before), (_, after)) in before.iter().zip(&after) {
        assert!(after >= before || ["rolling", "trend"].contains(&name.as_str()), "{name}: {before} to {after}");
    }

    // What the pages mark, by the browser's own rules.
    let script = ureq::get(format!("http://127.0.0.1:{}/web/terms.js", bed.http)).call().expect("terms.js");
    let script = script.into_body().read_to_string().expect("text");
    bed.stop();
    let file = packs.path().join("terms.mjs");
    let ask = "\nconst text = \"That is the issue: I believe it is a lie, I'll SUE you.\";\n\
        const { found } = places(text, ['sue', 'lie'].map(term => ({ term, label: '' })));\n\
        console.log(JSON.stringify(found.map(({ at, end }) => text.slice(at, end))));\n";
    std::fs::write(&file, script + ask).expect("write");
    let marked = match Command::new("node").arg(&file).output() {
        Ok(output) => {
            String::from_utf8_lossy(&output.stdout).trim().to_owned() + &String::from_utf8_lossy(&output.stderr)
        }
        Err(error) => {
            eprintln!("skipped: node: {error}");
            return;
        }
    };
    assert_eq!(marked, "[\"lie\",\"SUE\"]");
    println!(
        "mended | 13 | \"sue\" was marked in \"issue\", \"lie\" in \"believe\"; an own ignore left shipped groups alone; the risk fell although its text said that it cannot | marked: {marked}; \"legal aid\" raises nothing with a pack of one ignore; the text names what falls (rolling, trend): {angry:.2} to {calm:.2}, no other part lower"
    );
}
