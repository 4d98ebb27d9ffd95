//! kill -9, ten times, during twenty calls: every utterance is there afterwards, once.

use std::time::{Duration, Instant};

use crate::bed::{self, Bed};

/// Where the lines of a call are in its sound, in seconds.
struct Script {
    samples: Vec<i16>,
    spoken: Vec<(f64, f64, String)>,
}

/// Six lines with pauses, other ones for every call.
fn script(lines: &[bed::Line], call: usize) -> Script {
    let mut script = Script { samples: vec![0; 4000], spoken: Vec::new() };
    for turn in 0..6 {
        let line = &lines[(call * 7 + turn * 3) % lines.len()];
        // The line without the silence at its ends.
        let loud = |sample: &i16| sample.unsigned_abs() > 300;
        let first = line.samples.iter().position(loud).expect("sound");
        let last = line.samples.iter().rposition(loud).expect("sound");
        let at = |sample: usize| (script.samples.len() + sample) as f64 / 8000.0;
        script.spoken.push((at(first), at(last), line.words.clone()));
        script.samples.extend(&line.samples);
        script.samples.extend(vec![0; 6400]);
    }
    script
}

#[test]
fn a_daemon_killed_ten_times_during_twenty_calls_has_every_utterance_exactly_once() {
    let Some(model) = bed::demo_model() else { return };
    let lines = bed::lines();
    let mut bed = Bed::new(&model.display().to_string(), "");
    bed.start();
    let scripts: Vec<Script> = (0..20).map(|call| script(&lines, call)).collect();
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
    assert_eq!(kills, 10);
    for call in 0..20 {
        bed.until_completed(&format!("{epoch}.{call}"));
    }
    bed.stop();

    let db = rusqlite::Connection::open(bed.path("state/lineside.db")).expect("database");
    let count = |sql: &str| -> i64 { db.query_row(sql, [], |row| row.get(0)).expect("count") };
    assert_eq!(count("SELECT count(*) FROM call"), 20);
    assert_eq!(
        count("SELECT count(*) FROM utterance WHERE state NOT IN ('done', 'empty')"),
        0,
        "nothing is left undone"
    );
    assert_eq!(
        count(
            "SELECT count(*) FROM utterance a JOIN utterance b ON a.leg = b.leg AND a.id < b.id AND a.start_sample < b.end_sample AND b.start_sample < a.end_sample"
        ),
        0,
        "no stretch of speech is in two utterances"
    );
    assert_eq!(
        count("SELECT count(*) FROM (SELECT 1 FROM segment GROUP BY utterance, start_ms HAVING count(*) > 1)"),
        0,
        "no text is written twice"
    );
    let events = count("SELECT count(*) FROM event WHERE kind = 'sentiment'");
    assert_eq!(events, count("SELECT count(*) FROM segment"), "every text was published once");

    let (mut spoken, mut heard, mut right) = (0, 0, 0);
    for (call, script) in scripts.iter().enumerate() {
        let mut utterances = db
            .prepare("SELECT u.start_ms / 1000.0, u.end_ms / 1000.0 FROM utterance u JOIN call c ON c.id = u.call WHERE c.call_id = ?1 ORDER BY 1")
            .expect("query");
        let id = format!("{epoch}.{call}");
        let found: Vec<(f64, f64)> = utterances
            .query_map([&id], |row| Ok((row.get(0)?, row.get(1)?)))
            .expect("rows")
            .map(|row| row.expect("row"))
            .collect();
        let texts: Vec<String> = db
            .prepare("SELECT s.text FROM segment s JOIN call c ON c.id = s.call WHERE c.call_id = ?1")
            .expect("query")
            .query_map([&id], |row| row.get::<_, String>(0))
            .expect("rows")
            .map(|row| bed::plain(&row.expect("row")))
            .collect();
        // Half of a line at least: the recordings breathe and hum before and after their words.
        for (start, end, words) in &script.spoken {
            spoken += 1;
            let covered: f64 = found.iter().map(|(from, to)| (to.min(*end) - from.max(*start)).max(0.0)).sum();
            heard += usize::from(covered > 0.5 * (end - start));
            if covered <= 0.5 * (end - start) {
                eprintln!("call {id}: {words:?} at {start:.2}..{end:.2} is not in {found:.2?}");
            }
            let times = texts.iter().filter(|text| **text == bed::plain(words)).count();
            let said = script.spoken.iter().filter(|other| other.2 == *words).count();
            assert!(times <= said, "call {id}: {words:?} was said {said} times and written {times} times");
            right += usize::from(times == said);
        }
    }
    println!(
        "crash: 10 kills, 20 calls, {spoken} lines spoken, {heard} in utterances, {right} written word for word, {events} texts published once each"
    );
    assert_eq!(heard, spoken, "every line is in an utterance");
    assert!(right * 10 >= spoken * 9, "{right} of {spoken} lines came out word for word");
}
