//! How soon a tapped call has its text, beside one whose sound is fed directly: as many calls, the same words at the same moment, the same model.

use std::time::SystemTime;

use crate::bed::{self, Bed};
use crate::pbx::Channel;
use crate::roads::{bed as daemon, patience};
use crate::script::{Script, short};
use crate::taps::{RULE, tapping, until_tapped};

pub const TESTS: &[crate::Test] = &[(
    "twenty_tapped_calls_have_their_text_as_soon_as_twenty_that_are_fed_directly",
    twenty_tapped_calls_have_their_text_as_soon_as_twenty_that_are_fed_directly,
)];

const CALLS: usize = 20;

/// From an utterance's last word to its text, seconds, of all calls of a daemon that was stopped, in order.
fn lags(bed: &Bed) -> Vec<f64> {
    let file = bed.path("state").join("lineside.db");
    let db = rusqlite::Connection::open(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut query = db.prepare("SELECT lag_ms FROM utterance WHERE lag_ms IS NOT NULL ORDER BY lag_ms").expect("query");
    let rows = query.query_map([], |row| row.get::<_, i64>(0)).expect("rows");
    rows.map(|lag| lag.expect("a number") as f64 / 1000.0).collect()
}

fn at(sorted: &[f64], share: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * share).round() as usize]
}

fn told(what: &str, lags: &[f64]) {
    println!(
        "{CALLS} calls {what}, both sides: {} utterances, end of speech to text p50 {:.2} s, p95 {:.2} s, longest {:.2} s",
        lags.len(),
        at(lags, 0.5),
        at(lags, 0.95),
        at(lags, 1.0)
    );
}

/// Calls of Asterisk, each tapped on both sides.
fn tapped(script: &Script) -> Vec<f64> {
    let (mut bed, mut pbx) = tapping(script, "tapping", RULE);
    let channels: Vec<Channel> = (0..CALLS).map(|_| pbx.call("caller", "plain", &[])).collect();
    pbx.until_bridged(CALLS);
    until_tapped(&bed, &mut pbx, CALLS);
    pbx.go();
    pbx.until_quiet(patience(script));
    for channel in &channels {
        bed.until_completed(&channel.uniqueid);
    }
    bed.stop();
    lags(&bed)
}

/// Calls by AudioSocket alone, a connection for each side.
fn fed(script: &Script) -> Vec<f64> {
    let mut bed = daemon();
    bed.start();
    let epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock").as_secs();
    std::thread::scope(|scope| {
        for call in 0..CALLS as u64 {
            for (leg, samples) in [(1, &script.agent), (2, &script.caller)] {
                let mut stream = bed.dial(&bed::uuid_of(epoch, call + 1, leg));
                // Asterisk's taps run at 16 kHz, these at 8: the sound is the telephone's all the same.
                scope.spawn(move || bed::speak(&mut stream, samples).expect("speak"));
            }
        }
    });
    for call in 1..=CALLS {
        bed.until_completed(&format!("{epoch}.{call}"));
    }
    bed.stop();
    lags(&bed)
}

fn twenty_tapped_calls_have_their_text_as_soon_as_twenty_that_are_fed_directly() {
    let script = short();
    let (fed, tapped) = (fed(&script), tapped(&script));
    told("fed directly", &fed);
    told("tapped", &tapped);
    assert!(tapped.len() >= CALLS && fed.len() >= CALLS, "not all of it was heard live");
    // Asterisk itself takes some of the machine; more than twice as late would be the taps' own doing.
    let (limit, late) = (2.0 * at(&fed, 0.95) + 0.5, at(&tapped, 0.95));
    assert!(late <= limit, "p95 of tapped calls {late:.2} s, more than {limit:.2} s");
}
