//! A web server for tests of who fetches models. It knows ranges, and hangs up where it is told to.

use std::io::{self, BufRead, Write};
use std::net::TcpListener;

/// Serves this content to so many requests, and hangs up after `limit` bytes of each body.
pub(super) fn serve(content: Vec<u8>, limit: usize, requests: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let url = format!("http://{}/m.bin", listener.local_addr().expect("address"));
    std::thread::spawn(move || {
        for stream in listener.incoming().take(requests) {
            let mut stream = stream.expect("accept");
            let mut from = 0;
            for line in io::BufReader::new(stream.try_clone().expect("clone")).lines() {
                let line = line.expect("line").to_lowercase();
                if let Some(range) = line.strip_prefix("range: bytes=") {
                    from = range.trim_end_matches('-').parse().expect("range");
                }
                if line.is_empty() {
                    break;
                }
            }
            let body = &content[from..];
            let status = if from > 0 { "206 Partial Content" } else { "200 OK" };
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            stream.write_all(head.as_bytes()).expect("head");
            // Who has no room for it hangs up before its end.
            let _ = stream.write_all(&body[..body.len().min(limit)]);
        }
    });
    url
}
