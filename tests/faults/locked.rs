//! The database held by somebody else for a minute: a backup, a shell left open, a report.

use std::time::{Duration, Instant};

use crate::bed::{self, Bed, uuid_of};
use crate::books;
use crate::{Fault, Outcome};

pub const FAULTS: &[Fault] = &[
    Fault {
        name: "database locked by a writer for a minute",
        checks: "calls that begin and end meanwhile are captured, the API answers, one message; then all rows, texts and events are there once",
        run: by_a_writer,
    },
    Fault {
        name: "database read by somebody for a minute",
        checks: "texts and ends of calls are committed meanwhile; nothing waits for the reader",
        run: by_a_reader,
    },
];

const MINUTE: Duration = Duration::from_mins(1);

/// Four calls, spoken one after the other by live legs and recordings.
fn calls(bed: &Bed, scripts: &[books::Script]) {
    std::thread::scope(|scope| {
        for (number, script) in (0_u64..).zip(scripts) {
            scope.spawn(move || {
                if number % 2 == 0 {
                    let mut call = bed.dial(&uuid_of(1_795_218_045, 70 + number, 2));
                    bed::speak(&mut call, &script.samples).expect("taken");
                } else {
                    bed::record(&bed.path(&format!("monitor/call-1795218045.{}-in.wav", 70 + number)), &script.samples);
                }
            });
        }
    });
}

fn verify(bed: &Bed, scripts: &[books::Script]) -> String {
    books::written(&books::database(bed), books::numbered(70, scripts))
}

fn by_a_writer() -> Outcome {
    let model = books::model()?;
    let lines = bed::lines();
    let scripts: Vec<_> = (0..4).map(|call| books::script(&lines, call, 3)).collect();
    let mut bed = Bed::new(&model, "");
    bed.start();
    let other = books::database(&bed);
    other.execute_batch("BEGIN IMMEDIATE").expect("the lock");
    let locked = Instant::now();
    calls(&bed, &scripts);
    let mut slowest = Duration::ZERO;
    while locked.elapsed() < MINUTE {
        for path in ["/health/models", "/api/v1/calls"] {
            let asked = Instant::now();
            assert!(bed.try_get(path).is_some(), "{path} answers");
            slowest = slowest.max(asked.elapsed());
        }
        std::thread::sleep(Duration::from_secs(1));
    }
    assert_eq!(books::count(&other, "SELECT count(*) FROM call"), 0, "nothing could be written");
    other.execute_batch("ROLLBACK").expect("unlock");
    for number in 0..scripts.len() {
        bed.until_completed(&format!("1795218045.{}", 70 + number));
    }
    assert_eq!(bed.log().matches("database is locked").count(), 1, "said once\n{}", bed.log());
    bed.stop();
    Ok(format!("{}; slowest answer {} ms", verify(&bed, &scripts), slowest.as_millis()))
}

fn by_a_reader() -> Outcome {
    let model = books::model()?;
    let lines = bed::lines();
    let scripts: Vec<_> = (0..4).map(|call| books::script(&lines, call, 3)).collect();
    let mut bed = Bed::new(&model, "");
    bed.start();
    let other = books::database(&bed);
    other.execute_batch("BEGIN").expect("begin");
    assert_eq!(books::count(&other, "SELECT count(*) FROM call"), 0);
    let held = Instant::now();
    calls(&bed, &scripts);
    for number in 0..scripts.len() {
        bed.until_completed(&format!("1795218045.{}", 70 + number));
    }
    let over = held.elapsed();
    std::thread::sleep(MINUTE.saturating_sub(over));
    assert_eq!(books::count(&other, "SELECT count(*) FROM call"), 0, "the reader still sees its own moment");
    other.execute_batch("COMMIT").expect("end");
    drop(other);
    bed.stop();
    Ok(format!("{}; all over {:.0} s after the reader began", verify(&bed, &scripts), over.as_secs_f64()))
}
