//! Wrong set-ups against `lineside doctor`: for each the one cause and the mend that helps, printed as a table. And the same checks from the daemon.
//!
//! Each set-up is real: files, folders, users, ports and a daemon. Nothing else may be blamed: what is BAD on the healthy box of this machine as well
//! (no weights of Silero, a busy processor) is left out, and everything beyond the cause fails the test.

mod running;
mod still;
mod table;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use self::table::{Table, bad, change, changed, doctor, healthy, is_root, ready};
use crate::bed::free_port;

#[test]
fn forty_wrong_set_ups_each_get_their_cause_and_their_mend() {
    let mut table = Table::new();
    still::configurations(&mut table);
    still::folders(&mut table);
    running::closed(&mut table);
    still::packs_and_ports(&mut table);
    still::models(&mut table);
    still::secrets(&mut table);
    running::running(&mut table);
    running::neighbours(&mut table);
    table.print(if is_root() { 40 } else { 35 });
}

#[test]
fn the_daemon_gives_the_checks_of_the_doctor_with_their_mends_and_keeps_them_for_a_while() {
    let mut bed = healthy();
    bed.start();
    ready(&bed);
    let (code, by_hand) = doctor(&bed);
    let began = Instant::now();
    let (status, told) = bed.ask("GET", "/health/detailed", None);
    assert_eq!(status, 200, "{told}");
    let checks = told["checks"].as_array().expect("checks");
    assert_eq!(told["state"] == "bad", !bad(checks).is_empty(), "{told}");
    assert_eq!(code, i32::from(!bad(&by_hand).is_empty()), "{by_hand:#?}");
    for check in checks {
        let fields: BTreeSet<&str> = check.as_object().expect("object").keys().map(String::as_str).collect();
        assert_eq!(fields, ["check", "found", "mend", "state", "why"].into(), "{check}");
        assert_eq!(check["state"] == "ok", check["mend"].is_null(), "{check}");
    }
    let names = |checks: &[Value]| -> BTreeSet<String> {
        checks.iter().map(|check| check["check"].as_str().unwrap_or_default().to_string()).collect()
    };
    let missing: Vec<String> = names(&by_hand).difference(&names(checks)).cloned().collect();
    assert_eq!(missing, ["configuration"], "what only the command line looks at");

    // What is asked again within ten seconds costs nothing, and is the same.
    std::fs::remove_dir(bed.path("monitor")).expect("rmdir");
    let again = bed.get("/health/detailed");
    assert!(again["checked_at"] == told["checked_at"] || began.elapsed() > Duration::from_secs(9), "{again}");
    bed.until("it is looked at again", Duration::from_secs(40), |bed| {
        let told = bed.get("/health/detailed");
        let missing = |check: &Value| check["check"] == "recordings" && check["state"] == "bad";
        told["checks"].as_array().is_some_and(|checks| checks.iter().any(missing))
    });
    assert_eq!(bed.get("/health/detailed")["state"], json!("bad"));
    bed.stop();
}

#[test]
fn only_who_may_read_sees_the_checks_and_no_secret_is_in_them() {
    let secrets = ["hush-of-the-manager", "token-of-the-admin-0123456789abcdef", "password-of-the-dialer"];
    let mut bed = changed("open = true", &format!("token = \"{}\"", secrets[1]));
    let more = format!("[ami]\naddress = \"127.0.0.1:{}\"\nsecret_file = \"ROOT/ami\"\n[paths]", free_port());
    change(&bed, "[paths]", &more);
    change(
        &bed,
        "[paths]",
        "[dialer]\nkind = \"vicidial\"\nhost = \"127.0.0.1\"\nuser = \"u\"\ndatabase = \"d\"\npassword_file = \"ROOT/p\"\n[paths]",
    );
    std::fs::write(bed.path("ami"), format!("{}\n", secrets[0])).expect("write");
    std::fs::write(bed.path("p"), format!("{}\n", secrets[2])).expect("write");
    bed.start();
    assert_eq!(bed.ask("GET", "/health/detailed", None).0, 401);
    let url = format!("http://127.0.0.1:{}/health/detailed", bed.http);
    let mut answer = ureq::get(&url).header("Authorization", format!("Bearer {}", secrets[1])).call().expect("answer");
    let text = answer.body_mut().read_to_string().expect("text");
    assert!(text.contains("\"checks\"") && text.contains("127.0.0.1"), "{text}");
    let by_hand = bed.command(&["doctor", "--json"]).output().expect("run");
    let by_hand = String::from_utf8_lossy(&by_hand.stdout).into_owned();
    for secret in secrets {
        assert!(!text.contains(secret) && !by_hand.contains(secret), "{secret}: {text}");
    }
    bed.stop();
}
