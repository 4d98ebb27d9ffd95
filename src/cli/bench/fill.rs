//! Calls that fill a database, the same at every run.

use crate::call::{
    CallId, CallKey, CallNames, CallState, CallTime, Leg, LegKey, ProcessingMode, Source, UtteranceKey, WallTime,
};
use crate::store::change::{Change, NewCall, NewLeg, NewSegment, NewUtterance, UtteranceState};

pub(super) const WORDS: &str = "account address agent angry balance bill broken call cancel change charge contract customer date delivery dollars energy \
    explain fault five friday help hold invoice issue line manager meter minute mistake modem month name number offer order pay phone please \
    problem question refund router service sorry speak supervisor thank time today understand week work yesterday";

/// Numbers that are the same at every run.
pub(super) struct Random(u64);

impl Default for Random {
    fn default() -> Self {
        Self(7)
    }
}

impl Random {
    pub(super) fn below(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % below as u64) as usize
    }
}

/// What a finished call brings to the database: each list belongs together, as a call brings it.
pub(super) fn call_changes(number: i64, segments: i64, random: &mut Random) -> Vec<Vec<Change>> {
    let words: Vec<&str> = WORDS.split_whitespace().collect();
    let (call, leg) = (CallKey(number), LegKey(number));
    let started = WallTime(1_795_000_000_000 + number * 7000);
    let mut sets = vec![vec![
        Change::CallOpened(NewCall {
            key: call,
            id: CallId::from_lossy(&format!("{}.{number}", started.0 / 1000)),
            source: Source::Recording,
            // Its stages would be made while queries are timed.
            mode: ProcessingMode::Realtime,
            started,
            names: CallNames {
                agent: Some(format!("agent{}", number % 50)),
                campaign: Some(format!("c{}", number % 7)),
                ..CallNames::default()
            },
        }),
        Change::LegOpened(NewLeg {
            key: leg,
            call,
            leg: Leg::Mixed,
            source: Source::Recording,
            rate_hz: 8000,
            started,
            offset: CallTime(0),
            path: "/none".into(),
            channel: 0,
            owned: false,
            peer: None,
        }),
    ]];
    for turn in 0..segments {
        let text: Vec<&str> = (0..10).map(|_| words[random.below(words.len())]).collect();
        let said = SampleSegment {
            key: (number - 1) * segments + turn + 1,
            start_ms: turn * 5000,
            end_ms: turn * 5000 + 4000,
            at: started,
        };
        sets.extend(said.changes((call, leg), text.join(" "), random).map(|change| vec![change]));
    }
    let at = WallTime(started.0 + 100_000);
    sets.push(vec![
        Change::LegClosed { leg, samples: segments as u64 * 40_000, reason: "closed".into(), at },
        Change::CallMoved { call, state: CallState::Completed, at, reason: None },
    ]);
    sets
}

/// An utterance of a call that fills a database.
pub(super) struct SampleSegment {
    /// Number of its row.
    pub(super) key: i64,
    /// Begin in the call, milliseconds.
    pub(super) start_ms: i64,
    /// End in the call, milliseconds.
    pub(super) end_ms: i64,
    /// When it became text.
    pub(super) at: WallTime,
}

impl SampleSegment {
    /// It is found, then it becomes a segment of this text, of a mood that is drawn.
    pub(super) fn changes(self, (call, leg): (CallKey, LegKey), text: String, random: &mut Random) -> [Change; 2] {
        let utterance = UtteranceKey(self.key);
        let (start, end) = (CallTime(self.start_ms), CallTime(self.end_ms));
        let found = NewUtterance {
            key: utterance,
            call,
            leg,
            start_sample: start.0 as u64 * 8,
            end_sample: end.0 as u64 * 8,
            start,
            end,
            state: UtteranceState::Pending,
        };
        let segment = NewSegment {
            start,
            end,
            text,
            confidence: 0.9,
            language: Some("en".into()),
            words: Vec::new(),
            compound: Some(random.below(2000) as f64 / 1000.0 - 1.0),
            pos: 0.1,
            neu: 0.8,
            neg: 0.1,
            sender_sentiment: None,
            label: "neutral".into(),
            keywords: Vec::new(),
            profanity: Vec::new(),
        };
        let done = Change::UtteranceDone {
            utterance,
            state: UtteranceState::Done,
            segments: vec![segment],
            note: None,
            engine: "bench".into(),
            took_ms: 1,
            at: self.at,
            lag_ms: None,
        };
        [Change::UtteranceFound(found), done]
    }
}
