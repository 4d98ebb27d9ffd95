//! Metrics that no single room has: the queue by class, the seconds of speech transcribed, free disk space. All others are counted where they happen.
//! packaging/grafana/README.md describes every one of them.

use std::path::Path;

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};

/// Upper bounds of the histograms, seconds: from a quick commit to text that is too late to help.
pub const SECONDS_BUCKETS: &[f64] =
    &[0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 300.0];

/// Counters without labels: shown as 0 from the start, so that an alarm on "more than before" has a before.
const FROM_ZERO: &[&str] = &[
    "lineside_audiosocket_connections_total",
    "lineside_audiosocket_g711_total",
    "lineside_audiosocket_half_frames_total",
    "lineside_audiosocket_odd_payloads_total",
    "lineside_audiosocket_refused_total",
    "lineside_audiosocket_unknown_frames_total",
    "lineside_calls_total",
    "lineside_expected_dropped_total",
    "lineside_feed_dropped_total",
    "lineside_gap_samples_total",
    "lineside_inotify_overflows_total",
    "lineside_names_corrected_total",
    "lineside_terms_corrected_total",
    "lineside_out_of_files_total",
    "lineside_recordings_refused_total",
    "lineside_recordings_total",
    "lineside_second_looks_total",
    "lineside_gaps_read_total",
    "lineside_segments_total",
    "lineside_spool_bytes_total",
    "lineside_spool_dropped_total",
    "lineside_spool_refused_total",
    "lineside_store_refused_total",
    "lineside_store_rejected_total",
    "lineside_transcribed_ms_total",
];

/// Tells the exporter what this file counts, and begins all counters.
pub(in crate::pipeline) fn describe() {
    describe_counter!("lineside_names_corrected_total", "Words that were written as a name of their call");
    describe_counter!("lineside_terms_corrected_total", "Words that were written as a word of the glossary");
    describe_counter!("lineside_transcribed_ms_total", Unit::Milliseconds, "Speech that was written down");
    describe_gauge!("lineside_queue_utterances", "Utterances without their text yet, by class: live or after_call");
    describe_gauge!("lineside_disk_free_bytes", Unit::Bytes, "Room on the disk of database and audio");
    describe_histogram!("lineside_store_commit_seconds", Unit::Seconds, "One transaction of the database's writer");
    for name in FROM_ZERO {
        counter!(*name).increment(0);
    }
}

/// Counts speech that became text, or was found to be none.
pub(super) fn transcribed(samples: u64, rate_hz: u32) {
    counter!("lineside_transcribed_ms_total").increment(samples * 1000 / u64::from(rate_hz.max(1)));
}

/// `outstanding`: of each call whether it is going on, and how many utterances wait. `database` tells which disk.
pub(super) fn each_second(outstanding: impl Iterator<Item = (bool, usize)>, database: &Path) {
    let (mut live, mut after_call) = (0, 0);
    for (goes_on, count) in outstanding {
        *(if goes_on { &mut live } else { &mut after_call }) += count;
    }
    gauge!("lineside_queue_utterances", "class" => "live").set(live as f64);
    gauge!("lineside_queue_utterances", "class" => "after_call").set(after_call as f64);
    if let Ok(disk) = rustix::fs::statvfs(database) {
        gauge!("lineside_disk_free_bytes").set((disk.f_bavail * disk.f_frsize) as f64);
    }
}
