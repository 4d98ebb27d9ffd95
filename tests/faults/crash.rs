//! kill -9, ten times, during twenty calls: every utterance is there afterwards, once.

use std::time::{Duration, Instant};

use crate::bed::{self, Bed};
use crate::books::{self, Script};
use crate::{Fault, Outcome};

pub const FAULTS: &[Fault] = &[Fault {
    name: "SIGKILL at random moments",
    checks: "10 kills during 20 recorded calls: every line is in an utterance, no stretch in two, every text published once",
    run: killed,
}];

fn killed() -> Outcome {
    let model = books::model()?;
    let lines = bed::lines();
    let mut bed = Bed::new(&model, "");
    bed.start();
    let scripts: Vec<Script> = (0..20).map(|call| books::script(&lines, call, 6)).collect();
    let epoch = 1_795_218_045_u64;
    let longest = scripts.iter().map(|script| script.samples.len()).max().expect("calls") as u64 / 8;
    let mut kills = 0;
    std::thread::scope(|scope| {
        for (call, script) in scripts.iter().enumerate() {
            let path = bed.path(&format!("monitor/call-{epoch}.{call}-in.wav"));
            scope.spawn(move || bed::record(&path, &script.samples));
        }
        // Random moments, from the clock: which ones it were is told when the test fails.
        let began = Instant::now();
        let mut moments = Vec::new();
        while kills < 10 {
            let random =
                std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("clock").subsec_micros();
            std::thread::sleep(Duration::from_millis(u64::from(random) % (2 * longest / 12)));
            moments.push(began.elapsed());
            bed.crash();
            kills += 1;
            bed.start();
        }
        eprintln!("killed at {moments:?}");
    });
    for call in 0..20 {
        bed.until_completed(&format!("{epoch}.{call}"));
    }
    bed.stop();

    let db = books::database(&bed);
    let texts = books::balance(&db, 20);
    let (mut spoken, mut heard, mut right) = (0, 0, 0);
    for (call, script) in scripts.iter().enumerate() {
        let lines = books::lines_of(&db, &format!("{epoch}.{call}"), script);
        (spoken, heard, right) = (spoken + lines.0, heard + lines.1, right + lines.2);
    }
    assert_eq!(heard, spoken, "every line is in an utterance");
    assert!(right * 10 >= spoken * 9, "{right} of {spoken} lines came out word for word");
    Ok(format!(
        "{kills} kills, 20 calls, {spoken} lines spoken, {heard} in utterances, {right} word for word, {texts} texts published once"
    ))
}
