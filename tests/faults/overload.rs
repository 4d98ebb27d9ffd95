//! More speech than there is CPU for: what is left out is left out in steps, everybody is told, and all of it has its text in the end.

use std::time::Duration;

use crate::bed::{self, Bed, uuid_of};
use crate::books;
use crate::{Fault, Outcome};

pub const FAULTS: &[Fault] = &[Fault {
    name: "more speech than CPU",
    checks: "40 callers at once: each step of the governor is a line, an event and a metric; capture before inference; every line is there once",
    run: overloaded,
}];

const CALLS: u64 = 40;

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
    let scripts: Vec<_> = (0..CALLS as usize).map(|call| books::script(&lines, call, 8)).collect();
    let mut bed = Bed::new(&model, "");
    bed.start();
    bed.until("the model is there", Duration::from_mins(1), |bed| bed.log().contains("loaded in"));
    let mut calls: Vec<_> = (0..CALLS).map(|call| bed.dial(&uuid_of(1_795_218_045, 400 + call, 2))).collect();
    for (call, script) in calls.iter_mut().zip(&scripts) {
        books::send(call, &script.samples);
    }
    let db = books::database(&bed);
    let steps = || books::count(&db, "SELECT count(*) FROM event WHERE kind = 'governor'");
    bed.until("a step", Duration::from_mins(1), |_| steps() > 0);
    let speech = nice_of(&bed, "speech-");
    assert!(!speech.is_empty() && speech.iter().all(|&nice| nice == 19), "inference gives way: {speech:?}");
    let rest = [nice_of(&bed, "spool"), nice_of(&bed, "tokio")].concat();
    assert!(rest.len() > 1 && rest.iter().all(|&nice| nice == 0), "capture and API do not: {rest:?}");
    let metrics = ureq::get(format!("http://127.0.0.1:{}/metrics", bed.http)).call().expect("metrics");
    let metrics = metrics.into_body().read_to_string().expect("text");
    let step = metrics.lines().find_map(|line| line.strip_prefix("lineside_governor_step ")?.parse::<f64>().ok());
    assert!(step.is_some_and(|step| step >= 1.0), "{metrics}");
    drop(calls);
    for call in 0..CALLS {
        bed.until_completed(&format!("1795218045.{}", 400 + call));
    }
    let (events, log) = (steps(), bed.log());
    bed.stop();
    let said = log.matches("governor: step ").count() as i64;
    assert!(said >= events && said - events <= 1, "{said} lines in the log, {events} events");
    books::balance(&db, CALLS as i64);
    let (mut all, mut right) = (0, 0);
    for (call, script) in books::numbered(400, &scripts) {
        // Longer utterances hold several lines, so that not each stands alone.
        let (spoken, heard, same) = books::lines_of(&db, &call, script);
        assert_eq!(heard, spoken, "call {call}: every line is in an utterance");
        (all, right) = (all + spoken, right + same);
    }
    Ok(format!("{events} steps, each told once; {all} lines, {right} word for word alone"))
}
