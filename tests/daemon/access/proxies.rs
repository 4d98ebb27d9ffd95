//! TLS of its own, and nginx in front.

use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::{UPGRADE, call, connect, hear, protected, request, talk, text_of, token};
use crate::bed::{Bed, free_port};

/// A certificate for localhost, by openssl; `None` where that is missing.
fn certificate(folder: &Path, name: &str) -> Option<()> {
    let (key, chain) = (folder.join("key.pem"), folder.join("chain.pem"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args(["-subj", &format!("/CN={name}"), "-addext", "subjectAltName=DNS:localhost"])
        .arg("-keyout")
        .arg(key)
        .arg("-out")
        .arg(chain)
        .output();
    made.is_ok_and(|made| made.status.success()).then_some(())
}

/// An authority of our own (`ca.pem`), and a certificate for localhost that it has signed; `None` where openssl is missing.
fn authority(folder: &Path) -> Option<()> {
    let openssl = |line: &str| {
        let made = Command::new("openssl").args(line.split(' ')).current_dir(folder).output();
        made.is_ok_and(|made| made.status.success()).then_some(())
    };
    std::fs::write(folder.join("names"), "subjectAltName=DNS:localhost\n").expect("write");
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(&format!("req -x509 {key} -days 2 -subj /CN=authority -keyout ca.key -out ca.pem"))?;
    openssl(&format!("req {key} -subj /CN=localhost -keyout key.pem -out request.pem"))?;
    openssl("x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out chain.pem")
}

#[test]
fn the_command_line_speaks_tls_to_whom_it_believes() {
    let folder = tempfile::tempdir().expect("temp dir");
    if authority(folder.path()).is_none() {
        return eprintln!("skipped: no openssl (apt-get install openssl)");
    }
    let pem = folder.path().display();
    let mut bed = protected(&format!("tls_certificate = \"{pem}/chain.pem\"\ntls_key = \"{pem}/key.pem\""));
    let log = std::fs::File::create(bed.path("log")).expect("log");
    bed.child = Some(bed.command(&["serve"]).stderr(log).spawn().expect("start"));
    bed.until("it listens", Duration::from_secs(30), |bed| bed.path("run/api.sock").exists());
    call(&bed, 1, "SALES");
    let mary = token(&bed, &["mary", "--scope", "read"]);
    let port = bed.http;
    let calls = |url: &str, more: &[&str]| {
        let arguments = [&["calls", "--tsv", "--url", url, "--token", &mary][..], more].concat();
        let output = bed.command(&arguments).env_remove("LINESIDE_CA").output().expect("run");
        (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let ca = format!("{pem}/ca.pem");
    let (said, problem) = calls(&format!("https://localhost:{port}/"), &["--ca", &ca]);
    assert!(said.starts_with("1795218045.1\t"), "{said}{problem}");
    for (url, more, says) in [
        (format!("https://localhost:{port}"), vec![], "--ca FILE"),
        (format!("https://127.0.0.1:{port}"), vec!["--ca", &ca], "TLS failed"),
        (format!("https://localhost:{port}"), vec!["--ca", "/no/such/file"], "/no/such/file"),
        (format!("https://localhost:{port}"), vec!["--ca", "/dev/null"], "holds no certificate"),
        (format!("gopher://localhost:{port}"), vec![], "gopher is not spoken"),
    ] {
        let (said, problem) = calls(&url, &more);
        assert!(said.is_empty() && problem.contains(says), "{url} {more:?}: {said}{problem}");
    }
    bed.stop();
}

/// What openssl's client says after a GET of /health.
fn over_tls(bed: &Bed) -> String {
    let mut client = Command::new("openssl")
        .args(["s_client", "-ign_eof", "-connect", &format!("127.0.0.1:{}", bed.http), "-servername", "localhost"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("openssl");
    let mut stdin = client.stdin.take().expect("stdin");
    stdin.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").expect("write");
    let output = client.wait_with_output().expect("wait");
    drop(stdin);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn tls_is_spoken_and_a_renewed_certificate_is_taken_by_reload() {
    let folder = tempfile::tempdir().expect("temp dir");
    if certificate(folder.path(), "first.example").is_none() {
        return eprintln!("skipped: no openssl (apt-get install openssl)");
    }
    let pem = folder.path().display();
    let mut bed = protected(&format!("tls_certificate = \"{pem}/chain.pem\"\ntls_key = \"{pem}/key.pem\""));
    // `start` speaks HTTP: here the socket tells.
    let log = std::fs::File::create(bed.path("log")).expect("log");
    bed.child = Some(bed.command(&["serve"]).stderr(log).spawn().expect("start"));
    bed.until("it listens", Duration::from_secs(30), |bed| bed.path("run/api.sock").exists());
    let said = over_tls(&bed);
    assert!(said.contains("first.example") && said.contains("200 OK"), "{said}");
    assert!(said.to_lowercase().contains("strict-transport-security: max-age=31536000"), "{said}");
    assert_eq!(
        talk(connect(&bed), b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").status,
        0,
        "no plain HTTP there"
    );
    certificate(folder.path(), "second.example").expect("openssl");
    bed.signal("-HUP");
    bed.until("the new one is shown", Duration::from_secs(20), |bed| over_tls(bed).contains("second.example"));
    std::fs::write(folder.path().join("key.pem"), "broken").expect("write");
    bed.signal("-HUP");
    bed.until("the broken one is named", Duration::from_secs(20), |bed| bed.log().contains("key.pem"));
    assert!(over_tls(&bed).contains("second.example"), "what worked goes on");
    bed.stop();
}

/// nginx, for as long as a test goes on.
struct Proxy(std::process::Child);

impl Drop for Proxy {
    fn drop(&mut self) {
        // SIGTERM, so that it takes its workers along.
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

#[test]
fn the_page_works_behind_nginx_under_a_path_of_its_own() {
    if Command::new("nginx").arg("-v").status().is_err() {
        return eprintln!("skipped: no nginx on the PATH (packaging/test brings one)");
    }
    let mut bed = protected("hosts = [\"calls.example.com\"]\nproxies = [\"127.0.0.1\"]\nreads_per_minute = 0");
    bed.start();
    let port = free_port();
    let root = bed.path("nginx");
    std::fs::create_dir(&root).expect("mkdir");
    // The example as it is installed, but without TLS and on free ports.
    let example = include_str!("../../../etc/nginx/lineside.conf");
    let example: String = example
        .lines()
        .filter(|line| !line.trim_start().starts_with("ssl_"))
        .map(|line| line.replace("listen 443 ssl;", &format!("listen 127.0.0.1:{port};")))
        .map(|line| line.replace("listen [::]:443 ssl;", ""))
        .map(|line| line.replace("127.0.0.1:8123", &format!("127.0.0.1:{}", bed.http)))
        .map(|line| line + "\n")
        .collect();
    let temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {}/{kind};\n", root.display()))
        .concat();
    let root = root.display();
    let text = format!(
        "daemon off; worker_processes 1; pid {root}/pid; error_log {root}/error.log;\nevents {{}}\nhttp {{\naccess_log off;\n{temp}{example}}}\n"
    );
    let file = bed.path("nginx/nginx.conf");
    std::fs::write(&file, text).expect("write");
    let proxy = Command::new("nginx").arg("-c").arg(&file).arg("-e").arg("stderr").spawn().expect("nginx");
    let _proxy = Proxy(proxy);
    let ask = |method: &str, path: &str, headers: &[&str], body: &str| {
        let stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
        let host = format!("Host: calls.example.com:{port}");
        Some(talk(stream, text_of(method, path, &[&[host.as_str()][..], headers].concat(), body).as_bytes()))
    };
    bed.until("nginx answers", Duration::from_secs(20), |_| {
        ask("GET", "/lineside/health", &[], "").is_some_and(|answer| answer.status == 200)
    });
    let ask =
        |method: &str, path: &str, headers: &[&str], body: &str| ask(method, path, headers, body).expect("an answer");
    let html = "Accept: text/html";
    assert_eq!(ask("GET", "/lineside", &[], "").status, 301);
    assert_eq!(ask("GET", "/lineside/", &[html], "").header("location"), Some("login"));
    let mary = token(&bed, &["mary", "--scope", "read"]);
    let origin = format!("Origin: http://calls.example.com:{port}");
    let form = ["Content-Type: application/x-www-form-urlencoded", origin.as_str()];
    let got = ask("POST", "/lineside/login", &form, &format!("token={mary}"));
    let cookie = got.header("set-cookie").expect("cookie").to_string();
    assert!(got.status == 303 && cookie.contains("Path=/lineside/"), "{got:?}");
    let cookie = format!("Cookie: {}", cookie.split(';').next().expect("pair"));
    assert_eq!(ask("GET", "/lineside/", &[html, &cookie], "").status, 200);
    let page = ask("GET", "/lineside/calls/1.2", &[html, &cookie], "");
    assert!(page.status == 200 && page.body.contains("src=\"../web/call.js\""), "{page:?}");
    assert_eq!(ask("GET", "/lineside/web/call.js", &[], "").status, 200);
    let socket = |more: &[&str]| ask("GET", "/lineside/ws/calls", &[UPGRADE, more].concat(), "").status;
    assert_eq!((socket(&[&cookie, &origin]), socket(&[&cookie, "Origin: https://evil.example"])), (101, 403));
    // The feed comes through while it goes on.
    let mut feed = TcpStream::connect(("127.0.0.1", port)).expect("connect");
    feed.set_read_timeout(Some(Duration::from_secs(20))).expect("timeout");
    let host = format!("Host: calls.example.com:{port}");
    feed.write_all(text_of("GET", "/lineside/api/v1/events", &[&host, &cookie], "").as_bytes()).expect("write");
    hear(&mut feed, |heard| heard.contains("text/event-stream"));
    call(&bed, 1, "SALES");
    hear(&mut feed, |heard| heard.contains("call_start"));
    // Guesses count against the guesser, not against all who come through the proxy.
    for i in 0..8 {
        let guess = format!("Authorization: Bearer lineside_{i:016x}_{}", "0".repeat(64));
        ask("GET", "/lineside/api/v1/calls", &[&guess, "X-Forwarded-For: 198.51.100.9"], "");
    }
    let other = request(
        &bed,
        "GET",
        "/api/v1/calls",
        &[&format!("Authorization: Bearer {mary}"), "X-Forwarded-For: 198.51.100.7"],
        "",
    );
    assert_eq!(other.status, 200, "{other:?}");
    bed.stop();
}
