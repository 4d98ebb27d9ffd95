//! Turns voice probabilities into utterances: stretches of speech with a short margin before and after, in samples of the leg.
//!
//! Promises: utterances of a leg come in order, do not overlap, lie inside the leg, and every voiced stretch that is long enough to be a word is in
//! one. A listener that restarts at the end of the last known utterance finds none of the known ones again. It finds the following ones as before,
//! except for the detector's memory: it hears the last ten seconds again, and its state reaches back further.

use std::collections::VecDeque;

use super::vad::{FRAME_MS, GRID_MS, LegVad, VadFrame, Voice};

/// Milliseconds that a listener hears before its place when it begins in the middle of a leg. On AMI's meetings 63 of 84 restarts found the very same
/// utterances with it, 42 with half of it and 21 with nothing.
const WARM_UP_MS: f64 = 10_000.0;

/// Settings of endpointing. Times in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EndpointSettings {
    /// Voice begins at this probability…
    pub threshold: f32,
    /// Speech continues while the probability stays above this share of the threshold.
    pub hold: f32,
    /// Shorter bursts are no speech.
    pub min_speech_ms: u32,
    /// Length of the silence that ends an utterance.
    pub silence_ms: u32,
    /// Sound kept before the first voiced frame, milliseconds.
    pub pre_roll_ms: u32,
    /// Sound kept after the last voiced frame, milliseconds. It must come before the utterance is transcribed: 140 ms gave no other error rates than
    /// 96 on the demo model's sets (11.85 and 11.89 % over all of them), because the detector itself hears voice until some 80 ms after the energy
    /// has gone.
    pub post_roll_ms: u32,
    /// Length of an utterance at most, milliseconds; a longer one is cut at its quietest point in the last third.
    pub max_ms: u32,
}

impl EndpointSettings {
    /// The best settings for this detector. The thresholds are by error on AMI's meetings, wide and narrow band together; between 0.2 and 0.3 it
    /// hardly changes.
    pub fn best_with(voice: &Voice) -> Self {
        let (threshold, hold) = match voice {
            Voice::Silero { .. } => (0.25, 0.4),
            Voice::Earshot { .. } => (0.5, 0.7),
        };
        Self {
            threshold,
            hold,
            min_speech_ms: 120,
            silence_ms: 450,
            pre_roll_ms: 250,
            post_roll_ms: 96,
            max_ms: 14_000,
        }
    }
}

/// The detector, and the settings of endpointing.
#[derive(Clone, Debug)]
pub struct Listening {
    /// The detector.
    pub voice: Voice,
    /// Settings of endpointing.
    pub endpoint: EndpointSettings,
}

/// A stretch of speech in samples of the leg: `start..end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// First sample.
    pub start: u64,
    /// One past its last sample.
    pub end: u64,
}

/// Frames of the utterance that is being said.
#[derive(Debug)]
struct Open {
    first: i64,
    last_voiced: i64,
    voiced: u32,
    levels: VecDeque<(i64, f32)>,
}

/// The state machine over frames; knows nothing of samples.
#[derive(Debug)]
struct Endpointer {
    settings: EndpointSettings,
    next: i64,
    /// First frame that no utterance has taken.
    free: i64,
    open: Option<Open>,
}

fn frames(ms: u32) -> i64 {
    (f64::from(ms) / FRAME_MS).ceil() as i64
}

impl Endpointer {
    /// Begins with `known` frames of which no utterance is reported.
    fn new(settings: EndpointSettings, known: i64) -> Self {
        Self { settings, next: 0, free: known, open: None }
    }

    /// Takes the next frame; an utterance that it ends comes back as a range of frames.
    fn push(&mut self, frame: VadFrame) -> Option<(i64, i64)> {
        let s = self.settings;
        let now = self.next;
        self.next += 1;
        let Some(open) = &mut self.open else {
            if frame.voice >= s.threshold && now >= self.free {
                let first = (now - frames(s.pre_roll_ms)).max(self.free);
                self.open = Some(Open {
                    first,
                    last_voiced: now,
                    voiced: 1,
                    levels: VecDeque::from([(now, frame.level_dbfs)]),
                });
            }
            return None;
        };
        open.levels.push_back((now, frame.level_dbfs));
        if frame.voice >= s.threshold * s.hold {
            open.last_voiced = now;
            open.voiced += 1;
        }
        if now - open.last_voiced >= frames(s.silence_ms) {
            return self.end();
        }
        if now + 1 - open.first >= frames(s.max_ms) {
            return self.cut();
        }
        None
    }

    /// The result of [`Self::end`] if nobody goes on speaking, once that is known.
    fn pausing(&self) -> Option<(i64, i64)> {
        let open = self.open.as_ref()?;
        let end = open.last_voiced + 1 + frames(self.settings.post_roll_ms);
        (end <= self.next && open.voiced >= frames(self.settings.min_speech_ms) as u32).then_some((open.first, end))
    }

    /// Ends the open utterance where it fell silent.
    fn end(&mut self) -> Option<(i64, i64)> {
        let open = self.open.take()?;
        let end = (open.last_voiced + 1 + frames(self.settings.post_roll_ms)).min(self.next);
        if open.voiced < frames(self.settings.min_speech_ms) as u32 {
            return None; // a click; its frames stay free for the next one's pre-roll
        }
        self.free = end;
        Some((open.first, end))
    }

    /// Cuts an utterance that is too long at its quietest frame, and continues with the rest.
    fn cut(&mut self) -> Option<(i64, i64)> {
        let open = self.open.as_mut()?;
        let from = open.first + (self.next - open.first) * 2 / 3;
        // Mean of three frames, so that a single gap between two glottal pulses does not count as a pause.
        let levels: Vec<(i64, f32)> = open.levels.iter().copied().filter(|level| level.0 >= from).collect();
        let quietest = levels
            .windows(3)
            .min_by(|a, b| a.iter().map(|x| x.1).sum::<f32>().total_cmp(&b.iter().map(|x| x.1).sum::<f32>()))
            .map_or(self.next, |window| window[1].0);
        let range = (open.first, quietest);
        open.first = quietest;
        open.voiced = u32::try_from(self.next - quietest).unwrap_or(1);
        open.levels.retain(|level| level.0 >= quietest);
        self.free = quietest;
        if open.last_voiced < quietest {
            self.open = None; // it was falling silent: there is no rest
        }
        Some(range)
    }
}

/// Finds the utterances of one leg as its samples come.
pub struct LegListener {
    detector: LegVad,
    endpointer: Endpointer,
    /// Sample of the leg at which it begins to hear.
    from: u64,
    /// Sample from which on it tells utterances.
    origin: u64,
    taken: u64,
    samples_per_frame: f64,
}

impl LegListener {
    /// A listener that tells utterances from sample `origin` of the leg on: 0, or where the last known one ended.
    pub fn new(rate_hz: u32, listening: &Listening, origin: u64) -> Self {
        let samples = |ms: f64| ms / 1000.0 * f64::from(rate_hz);
        // On the grid of a listener that heard the leg from its beginning.
        let steps = ((origin as f64 - samples(WARM_UP_MS)) / samples(GRID_MS)).max(0.0).floor();
        let from = (steps * samples(GRID_MS)) as u64;
        let known = ((origin - from) as f64 / samples(FRAME_MS)).ceil() as i64;
        Self {
            detector: LegVad::new(rate_hz, &listening.voice),
            endpointer: Endpointer::new(listening.endpoint, known),
            from,
            origin,
            taken: 0,
            samples_per_frame: samples(FRAME_MS),
        }
    }

    /// The next sample it wants.
    pub fn next_sample(&self) -> u64 {
        self.from + self.taken
    }

    /// The part so far of an utterance that is not over.
    pub fn growing(&self) -> Option<Found> {
        self.endpointer.open.as_ref().map(|open| self.found((open.first, self.endpointer.next)))
    }

    /// The open utterance as it will be if nobody goes on speaking; reported once all of its sound is there.
    pub fn pausing(&self) -> Option<Found> {
        self.endpointer.pausing().map(|range| self.found(range))
    }

    /// Ends the open utterance now: somebody knows that it is over.
    pub fn end(&mut self) -> Option<Found> {
        self.endpointer.end().map(|range| self.found(range))
    }

    /// Every utterance that begins before this sample has been told.
    pub fn settled(&self) -> u64 {
        let endpointer = &self.endpointer;
        let free = || (endpointer.next - frames(endpointer.settings.pre_roll_ms)).max(endpointer.free);
        let first = endpointer.open.as_ref().map_or_else(free, |open| open.first);
        self.found((first, first)).start
    }

    /// Changes the settings; an open utterance continues under them.
    pub fn set_settings(&mut self, settings: EndpointSettings) {
        self.endpointer.settings = settings;
    }

    /// Takes the next samples; tells the utterances that they end.
    pub fn push(&mut self, samples: &[i16]) -> Vec<Found> {
        let mut ended = Vec::new();
        let endpointer = &mut self.endpointer;
        self.detector.push(samples, |frame| ended.extend(endpointer.push(frame)));
        self.taken += samples.len() as u64;
        ended.into_iter().map(|range| self.found(range)).collect()
    }

    /// The leg is over: the last words are ended where it is.
    pub fn finish(&mut self) -> Option<Found> {
        let mut found = self.endpointer.end().map(|range| self.found(range))?;
        // Sound after the last whole frame belongs to the last words.
        let tail = (self.samples_per_frame * 2.0) as u64;
        if found.end + tail >= self.next_sample() {
            found.end = self.next_sample();
        }
        Some(found)
    }

    fn found(&self, (first, end): (i64, i64)) -> Found {
        let place = |frame: i64| {
            let sample = self.from + ((frame as f64 * self.samples_per_frame) as u64).min(self.taken);
            sample.max(self.origin)
        };
        Found { start: place(first), end: place(end) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::reader::RecordingReader;
    use crate::audio::resample::resample;
    use crate::audio::to_f32;
    use crate::speech::vad::EARSHOT;
    use proptest::prelude::*;

    fn earshot() -> Listening {
        let voice = Voice::Earshot { problem: None };
        Listening { endpoint: EndpointSettings::best_with(&voice), voice }
    }

    fn run(voices: &[f32], levels: impl Fn(usize) -> f32) -> Vec<(i64, i64)> {
        let mut endpointer = Endpointer::new(earshot().endpoint, 0);
        let mut out: Vec<_> = voices
            .iter()
            .enumerate()
            .filter_map(|(i, &voice)| endpointer.push(VadFrame { voice, level_dbfs: levels(i) }))
            .collect();
        out.extend(endpointer.end());
        out
    }

    fn speech(pattern: &[(usize, f32)]) -> Vec<f32> {
        pattern.iter().flat_map(|&(count, voice)| std::iter::repeat_n(voice, count)).collect()
    }

    #[test]
    fn an_utterance_has_air_on_both_sides_and_ends_after_silence() {
        let out = run(&speech(&[(100, 0.0), (50, 0.9), (60, 0.0), (50, 0.9), (100, 0.0)]), |_| -30.0);
        assert_eq!(out, [(100 - 16, 150 + 6), (210 - 16, 260 + 6)]);
    }

    #[test]
    fn what_may_be_an_utterance_is_it_when_nobody_goes_on() {
        let mut endpointer = Endpointer::new(earshot().endpoint, 0);
        let mut told = Vec::new();
        let mut ended = Vec::new();
        for voice in speech(&[(50, 0.0), (50, 0.9), (15, 0.0), (50, 0.9), (100, 0.0)]) {
            ended.extend(endpointer.push(VadFrame { voice, level_dbfs: -30.0 }));
            let pausing = endpointer.pausing();
            if told.last() != pausing.as_ref() {
                told.extend(pausing);
            }
        }
        assert_eq!(told, [(34, 100 + 6), (34, 165 + 6)]);
        assert_eq!(ended, told[1..]);
    }

    #[test]
    fn a_click_is_no_speech() {
        assert!(run(&speech(&[(50, 0.0), (3, 0.9), (100, 0.0)]), |_| -30.0).is_empty());
    }

    #[test]
    fn a_speech_without_end_is_cut_where_it_is_quietest() {
        let out = run(&speech(&[(2000, 0.9)]), |i| if i == 800 { -60.0 } else { -20.0 });
        assert!(out[0].1.abs_diff(800) <= 1, "{out:?}");
        assert!(out.windows(2).all(|pair| pair[0].1 == pair[1].0), "nothing between the pieces is lost: {out:?}");
        assert_eq!(out.last().map(|range| range.1), Some(2000));
    }

    #[test]
    fn an_utterance_that_is_cut_while_it_falls_silent_leaves_no_rest() {
        let silence_is_quietest = |i: usize| if i < 1488 { -20.0 } else { -60.0 };
        let out = run(&speech(&[(657, 0.0), (831, 0.9), (28, 0.0)]), silence_is_quietest);
        assert_eq!(out.len(), 1, "{out:?}");
        assert!(out[0].0 < 657 && out[0].1 > 1488, "{out:?}");
    }

    #[test]
    fn the_last_words_before_a_hangup_are_not_lost() {
        let out = run(&speech(&[(50, 0.0), (30, 0.9)]), |_| -30.0);
        assert_eq!(out, [(34, 80)]);
    }

    #[test]
    fn an_utterance_ends_under_any_threshold() {
        for threshold in [0.05, 0.25, 0.95] {
            let mut endpointer = Endpointer::new(EndpointSettings { threshold, ..earshot().endpoint }, 0);
            let ended: Vec<_> = speech(&[(50, 0.0), (30, 0.99), (100, 0.01)])
                .into_iter()
                .filter_map(|voice| endpointer.push(VadFrame { voice, level_dbfs: -30.0 }))
                .collect();
            assert_eq!(ended.len(), 1, "{threshold}: {ended:?}");
        }
    }

    /// Sentences of one speaker, with pauses between them, at 8 kHz.
    fn conversation() -> Option<Vec<i16>> {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/audio/real");
        let mut all = vec![0; 8000];
        for name in [
            "ivr-hello-world",
            "ivr-pls-hold-while-try",
            "ivr-vm-goodbye",
            "ivr-transfer",
            "ivr-invalid",
            "ivr-vm-nobox",
        ] {
            let mut reader = RecordingReader::open(&folder.join(format!("{name}.wav"))).ok()?;
            let mut samples = Vec::new();
            reader.read_samples(0, 0, usize::MAX, &mut samples).ok()?;
            let narrow = resample(&to_f32(&samples), reader.layout().rate_hz, 8000);
            all.extend(narrow.iter().map(|x| (x * 32_767.0) as i16));
            all.extend(vec![0; 8000]);
        }
        Some(all)
    }

    #[test]
    fn a_listener_that_begins_where_an_utterance_ended_finds_those_after_it() {
        let Some(sound) = conversation() else {
            eprintln!("skipped: no real recordings here");
            return;
        };
        for named in [None, Some(EARSHOT)] {
            let voice = Voice::choose(named);
            let listening = Listening { endpoint: EndpointSettings::best_with(&voice), voice };
            let from = |origin: u64| {
                let mut listener = LegListener::new(8000, &listening, origin);
                assert!(listener.next_sample() <= origin && listener.settled() >= origin);
                let begin = listener.next_sample() as usize;
                let mut found = Vec::new();
                for piece in sound[begin..].chunks(320) {
                    found.extend(listener.push(piece));
                    assert!(listener.growing().is_none_or(|growing| growing.start >= origin));
                }
                found.extend(listener.finish());
                found
            };
            let all = from(0);
            assert!(all.len() >= 6, "{all:?}");
            for (number, known) in all.iter().enumerate() {
                let rest = from(known.end);
                assert_eq!(rest.len(), all.len() - number - 1, "{:?} after {known:?}", listening.voice);
                for (again, before) in rest.iter().zip(&all[number + 1..]) {
                    let moved = again.start.abs_diff(before.start).max(again.end.abs_diff(before.end));
                    assert!(moved <= 512 && again.start >= known.end, "{again:?}, before {before:?}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn utterances_are_in_order_disjoint_and_inside_the_leg(
            runs in proptest::collection::vec((1_usize..1500, prop_oneof![Just(0.0_f32), Just(0.4), Just(0.9)]), 1..12),
            seed in any::<u32>(),
        ) {
            let voices = speech(&runs);
            let out = run(&voices, |i| -20.0 - (i as u32).wrapping_mul(seed) as f32 / u32::MAX as f32 * 40.0);
            let mut free = 0;
            for (first, end) in out {
                prop_assert!(first >= free && end > first && end <= voices.len() as i64);
                prop_assert!(end - first <= frames(earshot().endpoint.max_ms));
                free = end;
            }
        }

        #[test]
        fn silence_has_no_utterance(samples in proptest::collection::vec(-20_i16..20, 8000..16000)) {
            for named in [None, Some(EARSHOT)] {
                let voice = Voice::choose(named);
                let listening = Listening { endpoint: EndpointSettings::best_with(&voice), voice };
                let mut listener = LegListener::new(8000, &listening, 0);
                prop_assert!(listener.push(&samples).is_empty() && listener.finish().is_none());
            }
        }
    }
}
