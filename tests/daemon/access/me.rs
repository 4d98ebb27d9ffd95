//! Who one is, the settings that admins see, and the way back after a login.

use serde_json::{Value, json};

use super::{protected, request, token};

#[test]
fn everybody_is_told_what_they_may_do() {
    let mut bed = protected("public_url = \"https://calls.example.com/\"");
    bed.start();
    for (name, arguments, scopes, campaign, admin) in [
        ("mary", &["--scope", "read,operate"][..], json!(["read", "operate"]), Value::Null, false),
        ("sales", &["--scope", "read", "--campaign", "SALES"], json!(["read"]), json!("SALES"), false),
        ("dialer", &["--scope", "ingest"], json!(["ingest"]), Value::Null, false),
        ("boss", &["--scope", "read,operate,ingest"], json!(["read", "operate", "ingest"]), Value::Null, true),
    ] {
        let auth = format!("Authorization: Bearer {}", token(&bed, &[&[name][..], arguments].concat()));
        let me = request(&bed, "GET", "/api/v1/me", &[&auth], "");
        let wanted = json!({
            "who": name, "entrance": "token", "scopes": scopes, "campaign": campaign, "admin": admin, "public_url": "https://calls.example.com/",
        });
        assert_eq!((me.status, me.json()), (200, wanted));
        let settings = request(&bed, "GET", "/api/v1/settings", &[&auth], "");
        assert_eq!(settings.status == 200, admin, "{name}: {settings:?}");
        assert_eq!(settings.body.contains("\"settings\""), admin);
        let page = request(&bed, "GET", "/settings", &[&auth], "");
        assert_eq!(page.status, if admin { 200 } else { 403 }, "{name}: {page:?}");
    }
    let agent = format!("Authorization: Bearer {}", token(&bed, &["desk", "--agent", "1001"]));
    assert_eq!(request(&bed, "GET", "/api/v1/me", &[&agent], "").status, 403, "an agent's token is for one path");
    assert_eq!(request(&bed, "GET", "/api/v1/me", &[], "").status, 401);
    assert_eq!(request(&bed, "GET", "/settings", &["Accept: text/html"], "").status, 303);
    let unix = std::os::unix::net::UnixStream::connect(bed.path("run/api.sock")).expect("connect");
    let me = super::talk(unix, b"GET /api/v1/me HTTP/1.1\r\nHost: lineside\r\n\r\n").json();
    assert_eq!((&me["entrance"], &me["admin"]), (&json!("socket"), &json!(true)), "{me}");
    bed.stop();
}

#[test]
fn settings_are_shown_with_their_places_and_without_their_secrets() {
    let mut bed = protected("token = \"the-secret-of-the-configuration-0123456789\"");
    bed.start();
    let auth = "Authorization: Bearer the-secret-of-the-configuration-0123456789";
    let answer = request(&bed, "GET", "/api/v1/settings", &[auth], "");
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(!answer.body.contains("the-secret"), "{answer:?}");
    let all = answer.json();
    let of = |section: &str, key: &str| {
        let list = all["settings"].as_array().expect("settings");
        list.iter().find(|one| one["section"] == section && one["key"] == key).expect("setting").clone()
    };
    let config = bed.path("lineside.toml").display().to_string();
    let token = of("http", "token");
    assert_eq!((&token["masked"], &token["set_in"]), (&json!(true), &json!(format!("{config}:6"))), "{token}");
    let model = of("speech", "model");
    assert_eq!((&model["value"], &model["masked"]), (&json!("\"none\""), &json!(false)));
    assert!(model["set_in"].as_str().is_some_and(|place| place.starts_with(&config)) && model["about"] != "");
    assert_eq!(of("http", "reads_per_minute")["set_in"], Value::Null, "built in");
    assert_eq!(all["changed"], json!([]));
    let page = request(&bed, "GET", "/settings", &[auth], "");
    assert!(page.status == 200 && page.body.contains("web/settings.js"), "{page:?}");
    // What is changed on disk holds after a restart only, and that is said.
    std::thread::sleep(std::time::Duration::from_millis(50));
    let text = std::fs::read_to_string(&config).expect("read");
    std::fs::write(&config, format!("{text}\n[log]\nlevel = \"debug\"\n")).expect("write");
    let again = request(&bed, "GET", "/api/v1/settings", &[auth], "").json();
    assert_eq!(again["changed"], json!([config]));
    bed.stop();
}

#[test]
fn a_deep_link_is_kept_through_the_login_and_leads_nowhere_else() {
    let mut bed = protected("");
    bed.start();
    let mary = token(&bed, &["mary", "--scope", "read"]);
    let html = "Accept: text/html";
    let sent = request(&bed, "GET", "/calls?q=a%20b&since=today", &[html], "");
    assert_eq!(sent.header("location"), Some("login?next=calls%3Fq%3Da%2520b%26since%3Dtoday"), "{sent:?}");
    let form = request(&bed, "GET", "/login?next=calls%3Fq%3Da%2520b%26since%3Dtoday", &[html], "");
    assert!(form.body.contains("name=\"next\" value=\"calls?q=a%20b&amp;since=today\""), "{form:?}");
    let kind = "Content-Type: application/x-www-form-urlencoded";
    let log_in = |token: &str, next: &str| {
        request(&bed, "POST", "/login", &[kind, "Origin: http://localhost"], &format!("token={token}&next={next}"))
    };
    let done = log_in(&mary, "calls%3Fq%3Da%2520b%26since%3Dtoday");
    assert_eq!((done.status, done.header("location")), (303, Some("./calls?q=a%20b&since=today")), "{done:?}");
    for evil in ["https%3A%2F%2Fevil.example.com%2F", "%2F%2Fevil.example.com", "%2Fetc", "..%2F..%2Fx", "%5C%5Cevil"] {
        assert_eq!(log_in(&mary, evil).header("location"), Some("./"), "{evil}");
        let form = request(&bed, "GET", &format!("/login?next={evil}"), &[html], "");
        assert!(form.body.contains("name=\"next\" value=\"\""), "{form:?}");
    }
    let wrong = log_in("guess", "calls%2F1");
    assert!(wrong.status == 401 && wrong.body.contains("value=\"calls/1\""), "the next try still knows: {wrong:?}");
    let script = request(&bed, "GET", "/login?next=%22%3E%3Cscript%3E", &[html], "");
    assert!(!script.body.contains("<script>"), "{script:?}");
    bed.stop();
}

#[test]
fn a_pbx_that_names_its_calls_with_an_ingest_token_is_not_counted() {
    let mut bed = protected("");
    bed.start();
    let auth = format!("Authorization: Bearer {}", token(&bed, &["pbx", "--scope", "ingest"]));
    for number in 0..100 {
        let body = json!({"uniqueid": format!("1795218045.{number}"), "agent": "1001"}).to_string();
        let named = request(&bed, "POST", "/api/v1/calls", &[&auth, "Content-Type: application/json"], &body);
        assert_eq!(named.status, 200, "the {number}th: {named:?}");
        assert_eq!(named.header("ratelimit-limit"), None);
    }
    bed.stop();
    println!("100 calls were named by one ingest token in a row, where other requests are 20 a minute");
}
