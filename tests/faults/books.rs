//! What must be true after every fault: nothing lost, nothing twice.

use std::path::PathBuf;
use std::time::Duration;

use rusqlite::Connection;

use crate::bed::{self, Bed};

/// Where the lines of a call are in its sound, in seconds.
pub struct Script {
    pub samples: Vec<i16>,
    pub spoken: Vec<(f64, f64, String)>,
}

/// So many lines with pauses, other ones for every call.
pub fn script(lines: &[bed::Line], call: usize, turns: usize) -> Script {
    let mut script = Script { samples: vec![0; 4000], spoken: Vec::new() };
    for turn in 0..turns {
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

/// Sound that is never zero and never repeats, so that what was lost or doubled shows: `seed` makes it another one.
pub fn noise(seed: u32, samples: usize) -> Vec<i16> {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    (0..samples)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((state >> 20) as i16 - 2048) | 1
        })
        .collect()
}

pub fn database(bed: &Bed) -> Connection {
    let db = Connection::open(bed.path("state/lineside.db")).expect("database");
    db.busy_timeout(Duration::from_secs(10)).expect("busy timeout");
    db
}

pub fn count(db: &Connection, sql: &str) -> i64 {
    db.query_row(sql, [], |row| row.get(0)).expect("count")
}

/// The files of a live call's legs, in the order in which they opened.
pub fn own_files(bed: &Bed, call: &str) -> Vec<PathBuf> {
    let db = database(bed);
    let mut legs = db
        .prepare("SELECT leg.path FROM leg JOIN call ON call.id = leg.call WHERE call.call_id = ?1 AND leg.owned ORDER BY leg.id")
        .expect("query");
    let paths = legs.query_map([call], |row| row.get::<_, String>(0)).expect("rows");
    paths.map(|path| path.expect("row").into()).collect()
}

/// What those files hold, without the silence that stands for gaps: one list per leg.
pub fn kept(bed: &Bed, call: &str) -> Vec<Vec<i16>> {
    own_files(bed, call)
        .iter()
        .map(|path| {
            let mut samples = Vec::new();
            lineside::audio::reader::RecordingReader::open(path)
                .and_then(|mut reader| reader.read_samples(0, 0, usize::MAX, &mut samples))
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            samples.retain(|&sample| sample != 0);
            samples
        })
        .collect()
}

/// Sends frames as fast as they are taken, as a kernel does that has held them back.
pub fn send(stream: &mut std::net::TcpStream, samples: &[i16]) {
    for frame in samples.chunks(160) {
        let mut bytes = vec![0x10, (frame.len() * 2 / 256) as u8, (frame.len() * 2 % 256) as u8];
        bytes.extend(frame.iter().flat_map(|sample| sample.to_le_bytes()));
        std::io::Write::write_all(stream, &bytes).expect("send");
    }
}

/// Nothing undone, no stretch in two utterances, no text twice, every text published once. Returns how many texts there are.
pub fn balance(db: &Connection, calls: i64) -> i64 {
    assert_eq!(count(db, "SELECT count(*) FROM call"), calls, "every call is there, once");
    let undone = "SELECT count(*) FROM utterance WHERE state NOT IN ('done', 'empty')";
    assert_eq!(count(db, undone), 0, "nothing is left undone");
    let overlapping = "SELECT count(*) FROM utterance a JOIN utterance b ON a.leg = b.leg AND a.id < b.id \
                       AND a.start_sample < b.end_sample AND b.start_sample < a.end_sample";
    assert_eq!(count(db, overlapping), 0, "no stretch of speech is in two utterances");
    let double = "SELECT count(*) FROM (SELECT 1 FROM segment GROUP BY utterance, start_ms HAVING count(*) > 1)";
    assert_eq!(count(db, double), 0, "no text is written twice");
    let texts = count(db, "SELECT count(*) FROM segment");
    assert_eq!(
        count(db, "SELECT count(*) FROM event WHERE kind = 'sentiment'"),
        texts,
        "every text was published once"
    );
    let ends = "SELECT count(*) FROM event WHERE kind = 'call_end'";
    assert_eq!(count(db, ends), calls, "every call has its end, once");
    texts
}

/// How many lines were spoken, are in utterances, and came out word for word; no line more often than it was said.
pub fn lines_of(db: &Connection, call: &str, script: &Script) -> (usize, usize, usize) {
    let rows = |sql: &str| -> Vec<(f64, f64, String)> {
        let mut query = db.prepare(sql).expect("query");
        let found = query.query_map([call], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).expect("rows");
        found.map(|row| row.expect("row")).collect()
    };
    let utterances = rows(
        "SELECT u.start_ms / 1000.0, u.end_ms / 1000.0, '' FROM utterance u JOIN call c ON c.id = u.call WHERE c.call_id = ?1 ORDER BY 1",
    );
    let texts: Vec<String> =
        rows("SELECT 0.0, 0.0, s.text FROM segment s JOIN call c ON c.id = s.call WHERE c.call_id = ?1")
            .iter()
            .map(|row| bed::plain(&row.2))
            .collect();
    let (mut heard, mut right) = (0, 0);
    // Half of a line at least: the recordings breathe and hum before and after their words.
    for (start, end, words) in &script.spoken {
        let covered: f64 = utterances.iter().map(|(from, to, _)| (to.min(*end) - from.max(*start)).max(0.0)).sum();
        heard += usize::from(covered > 0.5 * (end - start));
        if covered <= 0.5 * (end - start) {
            eprintln!("call {call}: {words:?} at {start:.2}..{end:.2} is not in {utterances:.2?}");
        }
        let times = texts.iter().filter(|text| **text == bed::plain(words)).count();
        let said = script.spoken.iter().filter(|other| other.2 == *words).count();
        assert!(times <= said, "call {call}: {words:?} was said {said} times and written {times} times");
        right += usize::from(times == said);
    }
    (script.spoken.len(), heard, right)
}

/// The whole of a fault with speech: the books balance, every line is in an utterance, nine of ten came out word for word. Returns figures of it.
pub fn written<'a>(db: &Connection, calls: impl IntoIterator<Item = (String, &'a Script)>) -> String {
    let calls: Vec<_> = calls.into_iter().collect();
    let texts = balance(db, calls.len() as i64);
    let (mut said, mut right) = (0, 0);
    for (call, script) in &calls {
        let (spoken, heard, same) = lines_of(db, call, script);
        assert_eq!(heard, spoken, "call {call}: every line is in an utterance");
        (said, right) = (said + spoken, right + same);
    }
    assert!(right * 10 >= said * 9 || right + 1 >= said, "{right} of {said} lines came out word for word");
    format!("{} calls, {said} lines, {right} word for word, {texts} texts once each", calls.len())
}

/// How many lines of a call stand in its texts, whatever stands beside them.
pub fn contained(db: &Connection, call: &str, script: &Script) -> usize {
    let sql = "SELECT s.text FROM segment s JOIN call c ON c.id = s.call WHERE c.call_id = ?1 ORDER BY s.start_ms";
    let mut query = db.prepare(sql).expect("query");
    let texts = query.query_map([call], |row| row.get::<_, String>(0)).expect("rows");
    let all = texts.map(|text| bed::plain(&text.expect("text"))).collect::<Vec<_>>().join(" ");
    script.spoken.iter().filter(|(.., words)| all.contains(&bed::plain(words))).count()
}

/// Calls of this second, numbered from `first` on.
pub fn numbered(first: u64, scripts: &[Script]) -> impl Iterator<Item = (String, &Script)> {
    (first..).map(|number| format!("1795218045.{number}")).zip(scripts)
}

/// The demo model's path, or why there is none.
pub fn model() -> Result<String, crate::Skipped> {
    bed::demo_model()
        .map(|path| path.display().to_string())
        .ok_or_else(|| crate::Skipped("espeak-ng or numpy is missing, the demo's voices cannot be rendered".into()))
}
