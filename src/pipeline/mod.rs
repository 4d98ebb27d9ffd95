//! Joins the rooms for one call, from its first frame to its last word, and processes the call after its end.
//!
//! The conductor (`live/`) is one task that owns the state of running calls and hands it to the store. The listener (`live/listen.rs`) is a thread
//! that reads new audio and finds utterances; the workers (`workers/`) are threads that transcribe them. They meet in channels and in the queue; none
//! of them touches audio that is not on disk. `finished/` works on calls that are over, `retention/` decides how long they are kept, `coverage/`
//! finds calls that were not transcribed, `meaning.rs` searches by meaning; `reports.rs` writes each day's calls as a file.
//!
//! Each room may import those listed above it: the conductor knows the workers, who know nothing of it and report to it by `command.rs`; `taps.rs`,
//! `fetches.rs` and `listen_in.rs` hold the API's requests for taps, for other servers' recordings and for the dialer.

pub mod command;

pub mod taps;

pub mod fetches;
pub mod listen_in;

pub mod workers;

pub mod live;

pub mod finished;

pub mod coverage;

pub mod retention;

pub mod meaning;

pub mod reports;

pub use self::live::measures::SECONDS_BUCKETS;

/// Tells the exporter what this room's and its neighbours' counters mean.
pub fn describe_metrics() {
    use metrics::{Unit, describe_counter};
    retention::sweep::describe_metrics();
    coverage::describe_metrics();
    meaning::describe_metrics();
    describe_counter!("lineside_frames_total", "Audio frames received");
    describe_counter!("lineside_spool_bytes_total", Unit::Bytes, "Audio written to disk");
    describe_counter!("lineside_spool_dropped_total", "Legs cut off because the disk was behind as they were dropped");
    describe_counter!("lineside_spool_refused_total", "Tries to write audio that the disk refused");
    describe_counter!("lineside_gap_samples_total", "Samples of silence written where Asterisk sent nothing");
    describe_counter!("lineside_audiosocket_connections_total", "AudioSocket connections accepted");
    describe_counter!("lineside_audiosocket_refused_total", "AudioSocket connections closed because of what they sent");
    describe_counter!(
        "lineside_audiosocket_half_frames_total",
        "AudioSocket connections that ended in the middle of a frame"
    );
    describe_counter!(
        "lineside_audiosocket_unknown_frames_total",
        "AudioSocket frames of unknown type or senseless length"
    );
    describe_counter!(
        "lineside_audiosocket_odd_payloads_total",
        "AudioSocket frames of 16-bit audio with half a sample too much or too little"
    );
    describe_counter!(
        "lineside_audiosocket_g711_total",
        "AudioSocket legs that sent G.711 under the label of 16-bit audio"
    );
    describe_counter!("lineside_out_of_files_total", "Tries to open a file of a leg when too many files were open");
    describe_counter!(
        "lineside_expected_dropped_total",
        "Names given to calls that had not come, dropped for newer ones"
    );
    describe_counter!("lineside_recordings_total", "Recordings taken");
    describe_counter!("lineside_recordings_refused_total", "Files in recording folders that could not be read");
    describe_counter!(
        "lineside_inotify_overflows_total",
        "Times when file events were lost and folders were walked instead"
    );
    describe_counter!(
        "lineside_stale_calls_total",
        "Live connections closed because nothing came for [limits] stale_call_s"
    );
    describe_counter!("lineside_clock_steps_total", "Times when the wall clock was stepped by a second or more");
    describe_counter!("lineside_utterances_total", "Utterances found, by what became of them");
    describe_counter!("lineside_guard_dropped_total", "Texts that were not believed, by reason");
    describe_counter!("lineside_second_looks_total", "Utterances decoded again at full context");
    describe_counter!(
        "lineside_read_ahead_total",
        "Preflights: silences transcribed before it was certain that they end an utterance"
    );
    describe_counter!("lineside_gaps_read_total", "Gaps of a window that were re-decoded alone");
    describe_counter!("lineside_redacted_total", "Numbers taken out of text and sound, by kind");
    describe_counter!("lineside_segments_total", "Segments of text written");
    describe_counter!("lineside_calls_total", "Calls begun");
    describe_counter!("lineside_store_refused_total", "Batches that the database's disk refused; they are tried again");
    describe_counter!("lineside_store_rejected_total", "Changes that the database refused for good");
    describe_counter!("lineside_feed_dropped_total", "Feed clients that were too slow and were let go");
    describe_load();
}

/// How much there is to do, and how much CPU for it.
fn describe_load() {
    use metrics::{Unit, describe_gauge, describe_histogram};
    describe_gauge!("lineside_calls_active", "Calls that are not over");
    describe_gauge!("lineside_legs_open", "Legs whose audio may still come");
    describe_gauge!("lineside_backlog_utterances", "Utterances that wait for their text");
    describe_gauge!(
        "lineside_backlog_age_seconds",
        Unit::Seconds,
        "How long ago the most urgent waiting utterance was said"
    );
    describe_gauge!("lineside_governor_step", "What is left out for want of CPU: 0 nothing to 6 all live text");
    describe_gauge!("lineside_governor_workers", "Inferences at a time that the governor allows");
    describe_gauge!("lineside_cpu_allowed", "CPUs that quota, affinity and configuration allow");
    describe_gauge!("lineside_cpu_idle", "CPUs of the host that nobody used");
    describe_gauge!("lineside_cpu_pressure", "Share of the time in which somebody waited for a CPU");
    describe_gauge!("lineside_cpu_throttled", "Share of the periods in which our CPU quota ran out");
    describe_gauge!(
        "lineside_cpu_waiting",
        "Tasks that waited for a CPU, on average of a second: others' and our own threads"
    );
    describe_gauge!("lineside_live_lag_seconds", Unit::Seconds, "Age of the oldest live utterance that waits");
    live::measures::describe();
    describe_histogram!("lineside_inference_seconds", Unit::Seconds, "Wall time of one inference");
    describe_histogram!("lineside_lag_seconds", Unit::Seconds, "From the last word of a live utterance to its text");
}
