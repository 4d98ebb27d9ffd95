//! One finished file from samples to text, without a daemon: what `lineside analyze` and uploads do.

use std::path::Path;

use serde::Serialize;
use serde_json::{Value, json};

use crate::audio::decode;
use crate::audio::format::FormatKind;
use crate::audio::quality::{self, Quality};
use crate::audio::reader::{RecordingReader, kind_of};
use crate::audio::resample::to_model;
use crate::audio::sound_file::SoundFile;
use crate::audio::{AudioError, quality::Pairing};
use crate::call::{CallTime, Leg, Word};
use crate::speech::engine::{EngineError, Piece};
use crate::speech::recogniser::{Pace, Recogniser, Recognition, SpeechSound};
use crate::speech::utterance::{Found, LegListener, Listening};
use crate::text::TextAnalyser;
use crate::text::redaction::{self, CallRedaction, PieceId, Redactor};
use crate::text::rolling::CallRolling;

/// The results of a file. Times are seconds from its start.
#[derive(Debug, Serialize)]
pub struct AnalysisReport {
    /// Path of the file, as it was given.
    pub file: String,
    /// Length of the file, seconds.
    pub duration_s: f64,
    /// Its legs, by channel.
    pub legs: Vec<Leg>,
    /// Stretches of speech.
    pub speech: Vec<Speech>,
    /// Segments of text, in order of time; empty without a model.
    pub segments: Vec<AnalyzedSegment>,
    /// Mean, extremes and counts of the sentiment, for the call and by leg.
    pub sentiment: CallRolling,
    /// Keywords and profanity: term, label, leg, time.
    pub keywords: Vec<Value>,
    /// Sound quality by leg.
    pub quality: Value,
    /// Text that the guard dropped, and why.
    pub dropped: Vec<Value>,
}

/// A stretch of speech.
#[derive(Debug, Serialize)]
pub struct Speech {
    /// The leg that speaks.
    pub leg: Leg,
    /// Begin, seconds from the file's start.
    pub start: f64,
    /// End, seconds from the file's start.
    pub end: f64,
}

/// A stretch of text.
#[derive(Debug, Serialize)]
pub struct AnalyzedSegment {
    /// Begin, seconds from the file's start.
    pub start: f64,
    /// End, seconds from the file's start.
    pub end: f64,
    /// The leg that speaks.
    pub leg: Leg,
    /// The speaker: `agent`, `caller`, or `unknown` on a mixed leg.
    pub speaker: &'static str,
    /// The words.
    pub text: String,
    /// 0 to 1.
    pub confidence: f32,
    /// VADER's compound, -1 to 1; `None` in a language without a list.
    pub sentiment: Option<f64>,
    /// Each word with its times.
    pub words: Vec<SpokenWord>,
}

/// A word of a segment.
#[derive(Debug, Serialize)]
pub struct SpokenWord {
    /// The word, as the engine writes it.
    pub text: String,
    /// Begin of the word, seconds from the file's start.
    pub start: f64,
    /// End of the word, seconds from the file's start.
    pub end: f64,
    /// 0 to 1.
    pub confidence: f32,
}

impl From<Word> for SpokenWord {
    fn from(word: Word) -> Self {
        let seconds = |ms: i64| ms as f64 / 1000.0;
        Self { text: word.text, start: seconds(word.start_ms), end: seconds(word.end_ms), confidence: word.confidence }
    }
}

/// A file's legs in memory: rate, and samples by channel.
pub type LegSamples = (u32, Vec<Vec<i16>>);

/// Reads a whole file of any known kind. Blocks.
pub fn read(path: &Path) -> Result<LegSamples, AudioError> {
    let extension = path.extension().map(|ext| ext.to_string_lossy().into_owned()).unwrap_or_default();
    let file = SoundFile::open(path)?;
    if let FormatKind::Streamable(layout) = kind_of(&file, &extension)? {
        let mut reader = RecordingReader::from_file(file, &extension)?;
        let mut legs = vec![Vec::new(); usize::from(layout.channels)];
        for (channel, samples) in legs.iter_mut().enumerate() {
            reader.read_samples(channel, 0, usize::MAX, samples)?;
        }
        return Ok((layout.rate_hz, legs));
    }
    let mut rate = 0;
    let mut legs: Vec<Vec<i16>> = Vec::new();
    decode::decode::<AudioError>(file, &extension, |(rate_hz, channels, samples)| {
        rate = rate_hz;
        legs.resize(usize::from(channels), Vec::new());
        for (channel, leg) in legs.iter_mut().enumerate() {
            leg.extend(samples.iter().skip(channel).step_by(usize::from(channels)));
        }
        Ok(())
    })?;
    if legs.is_empty() {
        return Err(AudioError::Malformed("no sound in it".into()));
    }
    Ok((rate, legs))
}

/// Decodes, transcribes and analyses a file. With a `redactor` the result holds no more than the daemon would store. `progress` gets the number of
/// finished utterances and of all. Blocks.
pub fn analyze(
    path: &Path,
    stereo: [Leg; 2],
    listening: &Listening,
    recogniser: Option<&mut Recogniser>,
    analyser: &TextAnalyser,
    redactor: Option<&Redactor>,
    mut progress: impl FnMut(usize, usize),
) -> Result<AnalysisReport, AudioError> {
    let (rate_hz, channels) = read(path)?;
    let pairing = (channels.len() == 2).then(|| quality::pairing(&channels[0], &channels[1]));
    // The same sound twice is one mixed leg.
    let legs: Vec<(Leg, &Vec<i16>)> = match (channels.as_slice(), pairing) {
        ([one], _) | ([one, _], Some(Pairing::SameSound)) => vec![(Leg::Mixed, one)],
        ([left, right], _) => vec![(stereo[0], left), (stereo[1], right)],
        (many, _) => many.iter().map(|samples| (Leg::Mixed, samples)).collect(),
    };
    let seconds = |sample: u64| (sample * 1000 / u64::from(rate_hz)) as f64 / 1000.0;
    let mut found: Vec<Stretch> = Vec::new();
    for &(leg, samples) in &legs {
        let mut listener = LegListener::new(rate_hz, listening, 0);
        found.extend(listener.push(samples).into_iter().map(|found| (leg, samples, found)));
        found.extend(listener.finish().map(|found| (leg, samples, found)));
    }
    found.sort_by_key(|(.., found)| found.start);
    let mut report = AnalysisReport {
        file: path.display().to_string(),
        duration_s: seconds(channels.iter().map(Vec::len).max().unwrap_or(0) as u64),
        legs: legs.iter().map(|(leg, _)| *leg).collect(),
        speech: found
            .iter()
            .map(|(leg, _, found)| Speech { leg: *leg, start: seconds(found.start), end: seconds(found.end) })
            .collect(),
        segments: Vec::new(),
        sentiment: CallRolling::default(),
        keywords: Vec::new(),
        quality: Value::Null,
        dropped: Vec::new(),
    };
    let by_leg: Vec<(Leg, Quality)> =
        legs.iter().map(|(leg, samples)| (*leg, quality::measure(samples, rate_hz))).collect();
    report.quality = json!({
        "legs": by_leg.iter().map(|(leg, quality)| json!({"leg": leg, "figures": quality})).collect::<Vec<_>>(),
        "pairing": pairing,
        "rate_hz": rate_hz,
    });
    let all = found.len();
    let texts = recogniser.map_or_else(Vec::new, |recogniser| texts(recogniser, &found, rate_hz, &mut progress));
    let mut pieces: Vec<SaidPiece> = Vec::new();
    for ((leg, _, found), text) in found.into_iter().zip(texts) {
        let start = seconds(found.start);
        let mut drop = |reason: &str, text: String| {
            report.dropped.push(json!({"leg": leg, "start": start, "reason": reason, "text": text}));
        };
        match text {
            Ok(recognition) => {
                if let Some((reason, text)) = recognition.dropped {
                    drop(reason.as_str(), redactor.map_or(text.clone(), |redactor| redactor.unbelieved(&text)));
                }
                let start_ms = (found.start * 1000 / u64::from(rate_hz)) as i64;
                let language = recognition.language;
                let spoken =
                    |piece: Piece| SaidPiece { leg, language: language.clone(), piece: piece.shifted(start_ms) };
                pieces.extend(recognition.pieces.into_iter().map(spoken));
            }
            Err(error) => drop("failed", error.to_string()),
        }
    }
    if let Some(redactor) = redactor {
        redact(redactor, &mut pieces);
    }
    for spoken in pieces {
        report.tell(spoken, analyser);
    }
    progress(all, all);
    Ok(report)
}

/// A piece of text, who says it and in which language, where that is known.
struct SaidPiece {
    leg: Leg,
    language: Option<String>,
    piece: Piece,
}

/// A stretch of speech: its leg, the leg's samples, its place.
type Stretch<'a> = (Leg, &'a Vec<i16>, Found);

/// The texts of stretches, in their order.
fn texts(
    recogniser: &mut Recogniser,
    found: &[Stretch],
    rate_hz: u32,
    mut progress: impl FnMut(usize, usize),
) -> Vec<Result<Recognition, EngineError>> {
    let mut texts = Vec::new();
    // Enough at a time that stretches of one length find each other.
    for some in found.chunks(recogniser.batch() * 4) {
        progress(texts.len(), found.len());
        let sounds: Vec<Vec<f32>> = some
            .iter()
            .map(|(_, samples, found)| {
                to_model(&samples[found.start as usize..(found.end as usize).min(samples.len())], rate_hz)
            })
            .collect();
        let expected = recogniser.expected();
        let vocabulary = expected.as_deref();
        let sounds: Vec<SpeechSound> =
            sounds.iter().map(|samples| SpeechSound { samples, vocabulary, campaign: None }).collect();
        texts.extend(recogniser.recognise_all(&sounds, Pace::Afterwards));
    }
    texts
}

impl AnalysisReport {
    /// Adds an analysed piece of text.
    fn tell(&mut self, SaidPiece { leg, language, piece }: SaidPiece, analyser: &TextAnalyser) {
        let analysis = analyser.analyse_in(language.as_deref(), &piece.text, leg);
        let start = piece.start_ms as f64 / 1000.0;
        for (kind, hits) in [("keyword", &analysis.keywords), ("profanity", &analysis.profanity)] {
            for hit in hits {
                self.keywords
                    .push(json!({"kind": kind, "term": hit.term, "label": hit.label, "leg": leg, "start": start}));
            }
        }
        self.sentiment.push(leg, analysis.compound());
        self.segments.push(AnalyzedSegment {
            start,
            end: piece.end_ms as f64 / 1000.0,
            leg,
            speaker: leg.speaker(),
            text: piece.text,
            confidence: piece.confidence,
            sentiment: analysis.compound(),
            words: piece.words.into_iter().map(SpokenWord::from).collect(),
        });
    }
}

/// Takes out what nobody may keep, also where a later piece tells it of an earlier one.
fn redact(redactor: &Redactor, pieces: &mut [SaidPiece]) {
    let mut memory = CallRedaction::default();
    for number in 0..pieces.len() {
        let SaidPiece { leg, piece, .. } = &pieces[number];
        let said = redaction::RedactionPiece {
            id: PieceId { leg: *leg as i64, utterance: 0, number },
            speaker: *leg,
            start: CallTime(piece.start_ms),
            end: CallTime(piece.end_ms),
            text: piece.text.clone(),
            words: piece.words.clone(),
        };
        let outcome = redactor.push(&mut memory, said);
        for redacted in std::iter::once(outcome.piece).chain(outcome.corrected.into_iter().map(|(_, piece)| piece)) {
            let piece = &mut pieces[redacted.id.number].piece;
            (piece.text, piece.words) = (redacted.text, redacted.words);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_over_two_pieces_is_taken_out_of_both() {
        let said = |leg, start_ms: i64, text: &str| SaidPiece {
            leg,
            language: None,
            piece: Piece { text: text.into(), start_ms, end_ms: start_ms + 3000, confidence: 0.9, words: Vec::new() },
        };
        let mut pieces = vec![
            said(Leg::Caller, 0, "It is four five three two zero one five one"),
            said(Leg::Agent, 3000, "Yes"),
            said(Leg::Caller, 4000, "one two eight three zero three six six"),
        ];
        redact(&Redactor::default(), &mut pieces);
        assert_eq!(
            pieces.iter().map(|said| said.piece.text.as_str()).collect::<Vec<_>>(),
            ["It is [card]", "Yes", "[card]"]
        );
    }
}
