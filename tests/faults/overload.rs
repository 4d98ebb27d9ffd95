//! More speech than there is CPU for: what is left out is left out in steps, everybody is told, and all of it has its text in the end.

use std::time::{Duration, Instant};

use crate::bed::{self, Bed, uuid_of};
use crate::books;
use crate::{Fault, Outcome};

pub const FAULTS: &[Fault] = &[Fault {
    name: "more speech than CPU",
    checks: "40 callers at once: each step of the governor is a line, an event and a metric; capture before inference; every line is there once",
    run: overloaded,
}];

/// Callers that come at once, and how often more come where the machine is through with them before it is late.
const CALLS: usize = 40;
const ROUNDS: usize = 8;

/// Nice values of the threads whose name begins so.
fn nice_of(bed: &Bed, name: &str) -> Vec<i64> {
    let pid = bed.child.as_ref().expect("running").id();
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).expect("tasks").flatten();
    let stats = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("stat")).ok());
    let named = stats.filter(|stat| stat.contains(&format!("({name}")));
    // The nineteenth field; the second ends with the last bracket (proc(5)).
    named.filter_map(|stat| stat.rsplit_once(") ")?.1.split(' ').nth(16)?.parse().ok()).collect()
}

fn overloaded() -> Outcome {
    let model = books::model()?;
    let lines = bed::lines();
    let scripts: Vec<_> = (0..CALLS * ROUNDS).map(|call| books::script(&lines, call, 8)).collect();
    let mut bed = Bed::new(&model, "");
    bed.start();
    bed.until("the model is there", Duration::from_mins(1), |bed| bed.log().contains("loaded in"));
    let db = books::database(&bed);
    let steps = || books::count(&db, "SELECT count(*) FROM event WHERE kind = 'governor'");
    let mut calls = Vec::new();
    for script in &scripts {
        let mut call = bed.dial(&uuid_of(1_795_218_045, 400 + calls.len() as u64, 2));
        books::send(&mut call, &script.samples);
        calls.push(call);
        let late = Instant::now() + Duration::from_secs(8);
        while calls.len() % CALLS == 0 && steps() == 0 && Instant::now() < late {
            std::thread::sleep(Duration::from_millis(100));
        }
        if steps() > 0 {
            break;
        }
    }
    let scripts = &scripts[..calls.len()];
    assert!(steps() > 0, "no step with {} callers", calls.len());
    let speech = nice_of(&bed, "speech-");
    assert!(!speech.is_empty() && speech.iter().all(|&nice| nice == 10), "inference gives way: {speech:?}");
    let rest = [nice_of(&bed, "spool"), nice_of(&bed, "tokio")].concat();
    assert!(rest.len() > 1 && rest.iter().all(|&nice| nice == 0), "capture and API do not: {rest:?}");
    let metrics = ureq::get(format!("http://127.0.0.1:{}/metrics", bed.http)).call().expect("metrics");
    let metrics = metrics.into_body().read_to_string().expect("text");
    let step = metrics.lines().find_map(|line| line.strip_prefix("lineside_governor_step ")?.parse::<f64>().ok());
    assert!(step.is_some_and(|step| step >= 1.0), "{metrics}");
    drop(calls);
    for (call, _) in books::numbered(400, scripts) {
        bed.until_completed(&call);
    }
    let (events, log) = (steps(), bed.log());
    bed.stop();
    let said = log.matches("governor: step ").count() as i64;
    assert!(said >= events && said - events <= 1, "{said} lines in the log, {events} events");
    books::balance(&db, scripts.len() as i64);
    let (mut all, mut written) = (0, 0);
    for (call, script) in books::numbered(400, scripts) {
        // Longer utterances hold several lines, so that not each stands alone.
        let (spoken, heard, _) = books::lines_of(&db, &call, script);
        assert_eq!(heard, spoken, "call {call}: every line is in an utterance");
        (all, written) = (all + spoken, written + books::contained(&db, &call, script));
    }
    assert!(written * 10 >= all * 9, "{written} of {all} lines stand in the texts");
    Ok(format!("{events} steps, each told once; {} calls, {all} lines, {written} of them in the texts", scripts.len()))
}
