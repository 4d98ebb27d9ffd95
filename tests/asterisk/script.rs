//! What is said on the tests' calls, by whom and when; and how a call's text is held against it.

use serde_json::Value;

use crate::bed::{self, Bed, plain};

/// Samples per second of the telephones' sounds.
const RATE: usize = 8000;

/// One side's words.
#[derive(Clone, Debug)]
pub struct Said {
    /// `agent` or `caller`.
    pub speaker: &'static str,
    /// Seconds since the call's audio began.
    pub start_s: f64,
    pub end_s: f64,
    pub words: String,
}

impl Said {
    /// The same, said so many seconds later.
    pub fn later(self, seconds: f64) -> Self {
        Self { start_s: self.start_s + seconds, end_s: self.end_s + seconds, ..self }
    }
}

/// Both sides of a call, equally long.
pub struct Script {
    pub agent: Vec<i16>,
    pub caller: Vec<i16>,
    pub said: Vec<Said>,
}

impl Script {
    pub fn seconds(&self) -> f64 {
        self.agent.len() as f64 / RATE as f64
    }

    /// What one side says.
    pub fn words(&self, speaker: &str) -> String {
        self.of(speaker).map(|said| said.words.as_str()).collect::<Vec<_>>().join(" ")
    }

    pub fn of(&self, speaker: &str) -> impl Iterator<Item = &Said> {
        self.said.iter().filter(move |said| said.speaker == speaker)
    }
}

/// The beginning of a demo call: the lines that begin within so many seconds, and a pause.
pub fn demo(name: &str, seconds: f64) -> Script {
    let folder = bed::rendered("calls").expect("the demo calls");
    let truth = std::fs::read_to_string(folder.join(format!("{name}.json"))).expect("script");
    let truth: Value = serde_json::from_str(&truth).expect("JSON");
    let said: Vec<Said> = truth["lines"]
        .as_array()
        .expect("lines")
        .iter()
        .map(|line| Said {
            speaker: if line["speaker"] == "agent" { "agent" } else { "caller" },
            start_s: line["start_s"].as_f64().expect("start"),
            end_s: line["end_s"].as_f64().expect("end"),
            words: plain(line["text"].as_str().expect("text")),
        })
        .filter(|said| said.start_s < seconds)
        .collect();
    let end = said.iter().map(|said| said.end_s).fold(0.0, f64::max) + 0.8;
    let leg = |side: &str| {
        let mut reader = hound::WavReader::open(folder.join(format!("{name}-{side}.wav"))).expect("sound");
        reader.samples().take((end * RATE as f64) as usize).map(|sample| sample.expect("sample")).collect()
    };
    Script { agent: leg("agent"), caller: leg("caller"), said }
}

/// A short one: a greeting and what it is about.
pub fn short() -> Script {
    demo("support", 6.0)
}

/// Words that are wrong, missing or too many, as a share of those that were said.
pub fn word_error_rate(said: &str, heard: &str) -> f64 {
    let (said, heard): (Vec<&str>, Vec<&str>) = (said.split_whitespace().collect(), heard.split_whitespace().collect());
    strsim::generic_levenshtein(&said, &heard) as f64 / said.len().max(1) as f64
}

/// What a call's segments hold of one speaker, in order.
pub fn heard(call: &Value, speaker: &str) -> String {
    let segments = call["transcript_segments"].as_array().cloned().unwrap_or_default();
    let texts: Vec<&str> = segments
        .iter()
        .filter(|segment| segment["speaker"] == speaker)
        .filter_map(|segment| segment["text"].as_str())
        .collect();
    plain(&texts.join(" ")).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A line that follows its speaker's last one as soon may be in one utterance with it, and in one segment: 0.45 s of silence ends one, and the voice
/// detector holds on for some 0.3 s (seen with GSM: 0.73 s).
const ONE_UTTERANCE_S: f64 = 1.0;

/// What is asked of a call's text.
#[derive(Clone, Copy)]
pub struct Asked {
    /// Highest word error rate of a leg.
    pub errors: f64,
    /// Furthest that a line may begin from where it was said, seconds.
    pub late_s: f64,
}

/// Both legs were understood, each line under its speaker and at its time; `shift_s` is where the script begins after the call's first sound.
/// A connection's call begins before that, when it is named.
pub fn assert_understood(road: &str, call: &Value, script: &Script, shift_s: f64, asked: Asked) {
    let segments = call["transcript_segments"].as_array().cloned().unwrap_or_default();
    let offsets = call["legs"].as_array().into_iter().flatten().filter_map(|leg| leg["offset"].as_f64());
    let shift_s = shift_s + offsets.reduce(f64::min).unwrap_or(0.0);
    for speaker in ["agent", "caller"] {
        let (said, heard) = (script.words(speaker), heard(call, speaker));
        let errors = word_error_rate(&said, &heard);
        let (mut worst, mut timed) = (0.0_f64, 0);
        let mut before = f64::NEG_INFINITY;
        for line in script.of(speaker) {
            let air = line.start_s - before;
            before = line.end_s;
            if air < ONE_UTTERANCE_S {
                continue;
            }
            timed += 1;
            let off = segments
                .iter()
                .filter(|segment| segment["speaker"] == speaker)
                .filter_map(|segment| segment["start_time"].as_f64())
                .map(|start| start - line.start_s - shift_s)
                .min_by(|a, b| a.abs().total_cmp(&b.abs()));
            let off = off.unwrap_or_else(|| panic!("{road}: nothing of the {speaker} was heard: {call}"));
            if off.abs() > worst.abs() {
                worst = off;
            }
        }
        let lines = script.of(speaker).count();
        eprintln!(
            "{road}: {speaker}: word errors {:.1} %, times of {timed} of {lines} lines within {worst:+.3} s",
            errors * 100.0
        );
        assert!(timed > 0 || lines == 0, "{road}: {speaker}: no line's time was compared");
        assert!(errors <= asked.errors, "{road}: {speaker}: {errors:.3}\nsaid:  {said}\nheard: {heard}");
        assert!(worst.abs() <= asked.late_s, "{road}: {speaker}: {worst:+.3} s off");
    }
    let others: Vec<&Value> =
        segments.iter().filter(|segment| segment["speaker"] != "agent" && segment["speaker"] != "caller").collect();
    assert!(others.is_empty(), "{road}: {others:?}");
}

/// No call runs, no leg is open, nothing waits.
pub fn assert_nothing_open(bed: &Bed) {
    let active = bed.get("/api/v1/calls/stats");
    assert_eq!(active["active_sessions"], 0, "{active}");
    let health = bed.get("/health");
    assert_eq!(health["backlog"]["utterances"], 0, "{health}");
    for call in bed.get("/api/v1/calls")["calls"].as_array().into_iter().flatten() {
        let call = bed.get(&format!("/api/v1/calls/{}", call["call_id"].as_str().expect("id")));
        for leg in call["legs"].as_array().expect("legs") {
            assert!(!leg["closed"].is_null(), "an open leg: {leg}");
        }
    }
}
