//! One worker's way from samples to believed text: sized window, guard, second look, and what was passed over.

use std::time::{Duration, Instant};

use super::engine::{EngineError, FULL_CONTEXT, Piece, Recognised, Request, Session};
use super::guard::{self, Reason, Verdict};
use super::mend;
use crate::audio::level;
use crate::audio::resample::MODEL_HZ;
use crate::audio::tone::is_tone;

/// Whisper refuses or invents under a second: shorter stretches get silence behind them.
const SHORTEST: usize = MODEL_HZ as usize + MODEL_HZ as usize / 10;
/// Encoder positions beyond the stretch that users found to be needed (whisper.cpp #1855): 2.6 s.
const MARGIN: u32 = 128;

/// Beams of the second look, at least: where one way of hearing it is doubtful, five are compared (Radford et al. 2022, section 4.5).
const SECOND_LOOK_BEAMS: u32 = 5;

/// What became of a stretch of speech.
#[derive(Clone, Debug)]
pub struct Recognition {
    /// Believed text, in order; times in milliseconds from the first sample.
    pub pieces: Vec<Piece>,
    /// Language, where known.
    pub language: Option<String>,
    /// What was not believed, and why.
    pub dropped: Option<(Reason, String)>,
    /// Wall time.
    pub took: Duration,
}

impl Recognition {
    /// All of it in one line.
    pub fn text(&self) -> String {
        self.pieces.iter().map(|piece| piece.text.as_str()).collect::<Vec<_>>().join(" ")
    }
}

/// What all requests of a recogniser have in common.
#[derive(Clone, Debug, Default)]
pub struct Hints {
    /// Language code; `None` detects it.
    pub language: Option<String>,
    /// Words to expect.
    pub prompt: Option<String>,
    /// Bring speech to an even level first.
    pub normalise: bool,
    /// Suppress noise first.
    pub denoise: bool,
    /// Beams of the first look; 0 and 1 are greedy.
    pub beams: u32,
}

/// A session with its guard.
pub struct Recogniser {
    session: Box<dyn Session>,
    hints: Hints,
}

impl Recogniser {
    /// Puts the guard around a session.
    pub fn new(session: Box<dyn Session>, hints: Hints) -> Self {
        Self { session, hints }
    }

    /// How many stretches at a time it gains by.
    pub fn batch(&self) -> usize {
        self.session.batch()
    }

    /// Writes down a stretch of 16 kHz speech. Blocks.
    pub fn recognise(&mut self, samples: &[f32]) -> Result<Recognition, EngineError> {
        self.recognise_all(&[samples]).pop().unwrap_or_else(|| Err(EngineError::Inference("no answer".into())))
    }

    /// The same for several stretches, of several calls; one answer each, in their order. Blocks for all of them.
    pub fn recognise_all(&mut self, stretches: &[&[f32]]) -> Vec<Result<Recognition, EngineError>> {
        let began = Instant::now();
        let tones: Vec<bool> = stretches.iter().map(|samples| is_tone(samples)).collect();
        let spoken: Vec<&[f32]> = stretches.iter().zip(&tones).filter(|(_, tone)| !**tone).map(|(s, _)| *s).collect();
        let sounds: Vec<Vec<f32>> = spoken.iter().map(|samples| self.prepare(samples)).collect();
        let requests: Vec<Request> =
            sounds.iter().map(|sound| self.hints.request(sound, context_for(sound.len()), self.hints.beams)).collect();
        let answers = self.session.transcribe_all(&requests);
        let took = began.elapsed() / stretches.len().max(1) as u32;
        let mut judged = answers.into_iter().zip(sounds.iter().zip(spoken)).map(|(answer, (sound, samples))| {
            let began = Instant::now();
            let seconds = samples.len() as f32 / MODEL_HZ as f32;
            let session = self.session.as_mut();
            let (mut answer, mut verdict) = second_look(session, &self.hints, sound, answer?, seconds)?;
            let doubted = matches!(verdict, Verdict::Doubt(reason) if guard::drops_after_second_look(reason));
            if !matches!(verdict, Verdict::Drop(_)) && (!doubted || mend::is_partly_good(&answer, seconds)) {
                mend::mend(sound, &mut answer, |part| {
                    let window = with_room(part.to_vec());
                    let beams = self.hints.beams.max(SECOND_LOOK_BEAMS);
                    let found = session.transcribe(&self.hints.request(&window, context_for(window.len()), beams));
                    found.inspect_err(|error| log::warn!("a part of an utterance is not read again: {error}")).ok()
                });
                verdict = Verdict::Keep;
            }
            Ok(believed(answer, verdict, seconds, took + began.elapsed()))
        });
        let answers = tones.into_iter().map(|tone| {
            if tone {
                metrics::counter!("lineside_guard_dropped_total", "reason" => Reason::Tone.as_str()).increment(1);
                let dropped = Some((Reason::Tone, String::new()));
                return Ok(Recognition { pieces: Vec::new(), language: None, dropped, took });
            }
            judged.next().unwrap_or_else(|| Err(EngineError::Inference("no answer".into())))
        });
        answers.collect()
    }

    /// What somebody is still saying: one look, for it is read again when it is said. Blocks.
    pub fn glance(&mut self, samples: &[f32]) -> Result<Recognition, EngineError> {
        let began = Instant::now();
        let answer = if is_tone(samples) {
            Recognised::default()
        } else {
            let sound = self.prepare(samples);
            self.session.transcribe(&self.hints.request(&sound, context_for(sound.len()), self.hints.beams))?
        };
        let seconds = samples.len() as f32 / MODEL_HZ as f32;
        let verdict = guard::judge(&answer, seconds);
        Ok(believed(answer, verdict, seconds, began.elapsed()))
    }

    fn prepare(&self, samples: &[f32]) -> Vec<f32> {
        let mut sound = if self.hints.denoise { crate::audio::denoise::denoise(samples) } else { samples.to_vec() };
        if self.hints.normalise {
            level::normalise(&mut sound);
        }
        with_room(sound)
    }
}

fn with_room(mut sound: Vec<f32>) -> Vec<f32> {
    sound.resize(sound.len().max(SHORTEST), 0.0);
    sound
}

impl Hints {
    fn request<'a>(&'a self, samples: &'a [f32], context: u32, beams: u32) -> Request<'a> {
        Request {
            samples,
            language: self.language.as_deref(),
            prompt: self.prompt.as_deref(),
            context,
            beams: beams.max(1),
        }
    }
}

/// Where the guard doubts an answer: another, of the whole window and with more beams. The better one, judged.
fn second_look(
    session: &mut dyn Session,
    hints: &Hints,
    sound: &[f32],
    first: Recognised,
    seconds: f32,
) -> Result<(Recognised, Verdict), EngineError> {
    let verdict = guard::judge(&first, seconds);
    if !matches!(verdict, Verdict::Doubt(_)) {
        return Ok((first, verdict));
    }
    metrics::counter!("lineside_second_looks_total").increment(1);
    let second = session.transcribe(&hints.request(sound, FULL_CONTEXT, hints.beams.max(SECOND_LOOK_BEAMS)))?;
    let judged = guard::judge(&second, seconds);
    let better = judged == Verdict::Keep || second.mean_logprob > first.mean_logprob;
    Ok(if better { (second, judged) } else { (first, verdict) })
}

/// What is left of an answer that was judged.
fn believed(mut answer: Recognised, verdict: Verdict, seconds: f32, took: Duration) -> Recognition {
    let reason = match verdict {
        Verdict::Drop(reason) => Some(reason),
        Verdict::Doubt(reason) if guard::drops_after_second_look(reason) => Some(reason),
        _ => None,
    };
    let dropped = reason.map(|reason| {
        metrics::counter!("lineside_guard_dropped_total", "reason" => reason.as_str()).increment(1);
        (reason, answer.text())
    });
    let length_ms = (seconds * 1000.0) as i64;
    let pieces = if dropped.is_some() { Vec::new() } else { within(std::mem::take(&mut answer.pieces), length_ms) };
    Recognition { pieces, language: answer.language, dropped, took }
}

/// Encoder positions for so many samples: the stretch and a margin, in steps that keep the kernels' shapes few.
fn context_for(samples: usize) -> u32 {
    let positions = (samples as u64 * 50).div_ceil(u64::from(MODEL_HZ)) as u32 + MARGIN;
    positions.next_multiple_of(16).min(FULL_CONTEXT)
}

/// Cuts times to the stretch and leaves out empty pieces.
fn within(pieces: Vec<Piece>, length_ms: i64) -> Vec<Piece> {
    let cut = |ms: i64| ms.clamp(0, length_ms);
    pieces
        .into_iter()
        .filter(|piece| !piece.text.trim().is_empty())
        .map(|mut piece| {
            piece.text = piece.text.trim().into();
            (piece.start_ms, piece.end_ms) = (cut(piece.start_ms), cut(piece.end_ms.max(piece.start_ms)));
            for word in &mut piece.words {
                (word.start_ms, word.end_ms) = (cut(word.start_ms), cut(word.end_ms.max(word.start_ms)));
            }
            piece
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_is_the_utterance_and_a_margin_never_more_than_thirty_seconds() {
        assert_eq!(context_for(16_000 * 3), 288);
        assert_eq!(context_for(16_000 * 40), FULL_CONTEXT);
    }
}
