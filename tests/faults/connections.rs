//! Ten thousand connections that say nothing.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::bed::{Bed, uuid_of};
use crate::books;
use crate::{Fault, Outcome, Skipped};

pub const FAULTS: &[Fault] = &[Fault {
    name: "10,000 idle connections",
    checks: "a call beside them is taken whole; the API answers; who sends no call id is sent away after 10 s",
    run: idle,
}];

fn idle() -> Outcome {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    let room = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let count = 10_000_u64;
    if room < count + 1000 {
        return Err(Skipped(format!("only {room} files may be open here")));
    }
    let mut bed = Bed::new("none", "");
    bed.start();
    let idle: Vec<TcpStream> = (0..count).map(|_| bed.connect()).collect();
    let sound = books::noise(7, 16_000);
    let mut good = bed.dial(&uuid_of(1_795_218_045, 2, 1));
    books::send(&mut good, &sound);
    drop(good);
    let asked = Instant::now();
    bed.until_completed("1795218045.2");
    let answered = asked.elapsed();
    assert_eq!(books::kept(&bed, "1795218045.2"), [sound], "every sample, once");
    // Their time runs out one after the other as they were accepted.
    let mut last = idle.last().expect("connections").try_clone().expect("socket");
    assert!(crate::bed::read_all(&mut last).is_empty(), "sent away without a word");
    let pid = bed.child.as_ref().expect("running").id();
    bed.until("their files are closed", Duration::from_secs(20), |_| {
        std::fs::read_dir(format!("/proc/{pid}/fd")).is_ok_and(|open| open.count() < 100)
    });
    drop(idle);
    bed.stop();
    Ok(format!("{count} connections, the call beside them was whole and over after {:.1} s", answered.as_secs_f64()))
}
