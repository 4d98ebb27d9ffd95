//! CTranslate2's Whisper through ct2rs, for the models that faster-whisper uses.
//!
//! `ct2rs` without its `whisper` feature: features are made in `mel.rs`, tokens are spelt out here from the strings that the model returns
//! (GPT-2's byte alphabet). The window is as long as the utterance needs, as with the other engine, but its silence is encoded once for all of them
//! (`silence.rs`). The sound is encoded once; after the text, one more pass of the decoder over all of its tokens at once aligns them with the sound (`align.rs`): that gives each word its times and its probability.
//!
//! Utterances of several calls are decoded as one batch: a step of the decoder costs two to three times as much for eight of them as for one. The engine
//! computes in threads of its own, one a session, which inherit the priority of the thread that loads the model.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use ct2rs::sys::{ComputeType, Config, DetectionResult, Device, StorageView, Whisper, WhisperOptions};
use tokenizers::Tokenizer;

use super::align::{Aligned, Aligner, Token};
use super::engine::{Engine, EngineError, Piece, Recognised, RecognitionRequest, Session, TextToken};
use super::mel::Mel;
use super::models::ModelRef;
use super::silence::Silence;
use super::spelling::byte_of;
use crate::call::Word;

struct Shared {
    name: String,
    whisper: Whisper,
    mel: Mel,
    aligner: Aligner,
    /// Computed for the first stretch, because it costs an inference.
    silence: OnceLock<Silence>,
    folder: PathBuf,
    /// Read when there is a prompt, for nothing else needs it: ten megabytes.
    tokenizer: OnceLock<Option<Tokenizer>>,
}

impl Shared {
    fn silence(&self) -> anyhow::Result<&Silence> {
        if let Some(silence) = self.silence.get() {
            return Ok(silence);
        }
        let silence = Silence::of(&self.whisper)?;
        Ok(self.silence.get_or_init(|| silence))
    }

    fn tokenizer(&self) -> Option<&Tokenizer> {
        self.tokenizer.get_or_init(|| Tokenizer::from_file(self.folder.join("tokenizer.json")).ok()).as_ref()
    }
}

/// Three beams instead of one: of 15 minutes of real speech at 16 kHz, 8 kHz and GSM 7.4 % of the words are wrong instead of 8.2, for a quarter more CPU;
/// five are no better.
const BEAMS: u32 = 3;
/// Stretches in a batch: usually, and at most.
const BATCH: usize = 8;
const MOST: usize = 2 * BATCH;
/// Encoder positions in a batch at most, 20 ms each: its memory grows with them, a step of the decoder gains less the longer they are.
const POSITIONS: u32 = 1024;
/// The time mark with which a text begins.
const BEGIN: &str = "<|0.00|>";
/// Number of token positions of a Whisper model.
const MAX_LENGTH: usize = 448;
/// The longest window of a batch may be this many times as long as the shortest, because all of them cost as much as the longest.
const UNLIKE: f32 = 1.35;

/// A loaded CTranslate2 model folder.
pub struct CTranslate(Arc<Shared>);

impl CTranslate {
    /// Loads a model folder for this number of concurrent sessions, which share its weights. Blocks.
    pub fn load(model: &ModelRef, sessions: usize) -> Result<Self, EngineError> {
        // oneDNN does not say so: all of its products would stay as they were, and the text empty.
        #[cfg(target_arch = "x86_64")]
        may_make_code().map_err(|problem| EngineError::NoCode { path: model.path.clone(), problem })?;
        let config = Config {
            device: Device::CPU,
            compute_type: ComputeType::INT8,
            num_threads_per_replica: 1,
            device_indices: vec![0; sessions.max(1)],
            ..Config::default()
        };
        let whisper =
            Whisper::new(&model.path, config).map_err(|error| EngineError::model(&model.path, format!("{error:#}")))?;
        let mel = Mel::new(whisper.n_mels());
        let name = format!("ctranslate2/{}", model.name);
        let folder = model.path.clone();
        let aligner = Aligner::new(&folder);
        Ok(Self(Arc::new(Shared {
            name,
            whisper,
            mel,
            aligner,
            silence: OnceLock::new(),
            folder,
            tokenizer: OnceLock::new(),
        })))
    }
}

/// Whether this process may write machine code into memory and run it: not under systemd's `MemoryDenyWriteExecute=yes`, nor SELinux' `execmem`.
#[cfg(target_arch = "x86_64")]
fn may_make_code() -> std::io::Result<()> {
    memmap2::MmapMut::map_anon(1).and_then(memmap2::MmapMut::make_exec).map(drop)
}

impl Engine for CTranslate {
    fn name(&self) -> &str {
        &self.0.name
    }

    fn multilingual(&self) -> bool {
        self.0.whisper.is_multilingual()
    }

    fn session(&self) -> Result<Box<dyn Session>, EngineError> {
        Ok(Box::new(CTranslateSession(Arc::clone(&self.0))))
    }
}

struct CTranslateSession(Arc<Shared>);

impl Session for CTranslateSession {
    fn transcribe(&mut self, request: &RecognitionRequest) -> Result<Recognised, EngineError> {
        let mut answers = self.together(&[request])?;
        Ok(answers.pop().unwrap_or_default())
    }

    fn batch(&self) -> usize {
        BATCH
    }

    fn beams(&self) -> u32 {
        BEAMS
    }

    fn transcribe_all(&mut self, requests: &[RecognitionRequest]) -> Vec<Result<Recognised, EngineError>> {
        let mut answers: Vec<_> = requests.iter().map(|_| Ok(Recognised::default())).collect();
        for group in alike(requests) {
            let batch: Vec<&RecognitionRequest> = group.iter().map(|&place| &requests[place]).collect();
            match self.together(&batch) {
                Ok(found) => group.iter().zip(found).for_each(|(&place, answer)| answers[place] = Ok(answer)),
                // One stretch may have broken the batch: each is decoded alone, so that the others have their text.
                Err(_) => group.iter().for_each(|&place| answers[place] = self.transcribe(&requests[place])),
            }
        }
        answers
    }
}

/// Groups of requests, by their places, that are decoded as one batch: of about one length, and asked for alike.
fn alike(requests: &[RecognitionRequest]) -> Vec<Vec<usize>> {
    let mut places: Vec<usize> = (0..requests.len()).collect();
    places.sort_by_key(|&place| requests[place].encoded);
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for place in places {
        let request = &requests[place];
        let fits = groups.last().is_some_and(|group| {
            let first = &requests[group[0]];
            group.len() < MOST
                && (group.len() as u32 + 1) * request.encoded <= POSITIONS
                && request.encoded as f32 <= first.encoded as f32 * UNLIKE
                && (request.language, request.prompt, request.beams, request.begin)
                    == (first.language, first.prompt, first.beams, first.begin)
        });
        match groups.last_mut() {
            Some(group) if fits => group.push(place),
            _ => groups.push(vec![place]),
        }
    }
    groups
}

impl CTranslateSession {
    /// The language of each, as asked for or as heard.
    fn languages(
        &self,
        first: &RecognitionRequest,
        count: usize,
        encoded: &StorageView,
    ) -> anyhow::Result<Vec<Option<String>>> {
        let shared = &self.0;
        Ok(if !shared.whisper.is_multilingual() {
            vec![Some("en".into()); count]
        } else if let Some(language) = first.language {
            vec![Some(language.to_string()); count]
        } else {
            let found = shared.whisper.detect_language(encoded)?;
            let code = |best: &DetectionResult| best.language.trim_matches(['<', '|', '>']).to_string();
            found.iter().map(|best| best.first().map(code)).collect()
        })
    }

    /// The decoder's prompt for each text.
    fn prompts(&self, first: &RecognitionRequest, languages: &[Option<String>]) -> Vec<Vec<String>> {
        let shared = &self.0;
        let mut before: Vec<String> = Vec::new();
        if let Some(text) = first.prompt
            && let Some(tokenizer) = shared.tokenizer()
            && let Ok(encoded) = tokenizer.encode(format!(" {}", text.trim()), false)
        {
            before.push("<|startofprev|>".into());
            before.extend(encoded.get_tokens().iter().take(224).cloned());
        }
        before.push("<|startoftranscript|>".into());
        languages
            .iter()
            .map(|language| {
                let mut prompt = before.clone();
                if shared.whisper.is_multilingual() {
                    prompt.push(format!("<|{}|>", language.as_deref().unwrap_or("en")));
                    prompt.push("<|transcribe|>".into());
                }
                if !first.begin.is_empty() {
                    prompt.push(BEGIN.into());
                    prompt.extend(first.begin.iter().map(|token| token.entry.clone()));
                }
                prompt
            })
            .collect()
    }

    /// Decodes one batch: all with the window of the longest, and with the language, prompt, beams and begin of the first.
    fn together(&self, requests: &[&RecognitionRequest]) -> Result<Vec<Recognised>, EngineError> {
        let shared = &self.0;
        let fail = |error: anyhow::Error| EngineError::Inference(format!("{error:#}"));
        let Some(first) = requests.first() else { return Ok(Vec::new()) };
        let heard = requests.iter().map(|request| request.encoded).max().unwrap_or(0) as usize;
        let context = requests.iter().map(|request| request.context).max().unwrap_or(0) as usize;
        let frames = 2 * heard;
        let mut values: Vec<f32> =
            requests.iter().flat_map(|request| shared.mel.features(request.samples, frames)).collect();
        let features = StorageView::new(&[requests.len(), shared.whisper.n_mels(), frames], &mut values, Device::CPU)
            .map_err(fail)?;
        let mut encoded = shared.whisper.encode(&features, false).map_err(fail)?;
        let mut joined;
        if context > heard {
            let silence = shared.silence().map_err(fail)?;
            joined = silence.behind(&encoded, requests.len(), context).map_err(fail)?;
            let shape = [requests.len(), context, silence.width()];
            encoded = StorageView::new(&shape, &mut joined, Device::CPU).map_err(fail)?;
        }
        let languages = self.languages(first, requests.len(), &encoded).map_err(fail)?;
        let prompts = self.prompts(first, &languages);
        let most = requests.iter().map(|request| request.max_tokens).max().unwrap_or(0) as usize;
        let options = WhisperOptions {
            beam_size: first.beams.max(1) as usize,
            max_length: (2 * most).min(MAX_LENGTH), // CTranslate2 gives half of it to the text
            return_scores: true,
            return_no_speech_prob: true,
            ..WhisperOptions::default()
        };
        let results = shared.whisper.generate(&encoded, &prompts, &options).map_err(fail)?;
        let mut written = Vec::new();
        for (result, request) in results.into_iter().zip(requests) {
            let said = (result.sequences.into_iter().next()).zip(result.sequences_ids.into_iter().next());
            let (entries, ids) = said.unwrap_or_default(); // with what the text was to begin with
            let cut = is_cut(entries.len(), request);
            let score = result.scores.first().copied().unwrap_or(0.0);
            written.push((entries, ids, cut, score, result.no_speech_prob));
        }
        let text = |(entries, ids, ..): &(Vec<String>, Vec<usize>, bool, f32, f32)| -> Vec<usize> {
            entries.iter().zip(ids).filter(|(entry, _)| !is_mark(entry)).map(|(_, &id)| id).collect()
        };
        let texts: Vec<Vec<usize>> = written.iter().map(text).collect();
        let lengths: Vec<usize> = requests.iter().map(|request| (request.samples.len() / 160).min(frames)).collect();
        let aligned = shared.aligner.align(&shared.whisper, &encoded, languages[0].as_deref(), &texts, &lengths);
        let answers = written.into_iter().zip(requests).zip(languages).zip(aligned);
        let answers = answers.map(|(((written, request), language), aligned)| {
            // Without an alignment only the mean over everything is known, time marks included.
            let (entries, ids, cut, score, no_speech) = written;
            Recognised {
                pieces: pieces(&entries, aligned.as_ref(), score.exp().min(1.0), request.samples.len() as i64 / 16),
                language,
                no_speech: Some(no_speech),
                mean_logprob: aligned.as_ref().map_or(score, Aligned::mean_logprob),
                cut,
                tokens: aligned.as_ref().map(|aligned| tokens(&entries, &ids, aligned)).unwrap_or_default(),
            }
        });
        Ok(answers.collect())
    }
}

/// Whether a text of so many tokens is longer than its own sound allows. A batch decodes to the bound of its longest stretch, so each has a bound of its own.
fn is_cut(tokens: usize, request: &RecognitionRequest) -> bool {
    tokens >= request.max_tokens as usize
}

/// The time marks and other tokens that are no text.
fn is_mark(token: &str) -> bool {
    token.starts_with("<|") && token.ends_with("|>")
}

/// The tokens of a text, each with its times.
fn tokens(entries: &[String], ids: &[usize], aligned: &Aligned) -> Vec<TextToken> {
    let said = entries.iter().zip(ids).filter(|(entry, _)| !is_mark(entry)).enumerate();
    said.map(|(number, (entry, &id))| {
        let Token { start_ms, end_ms, probability } = aligned.token(number);
        let bytes = entry.chars().filter_map(byte_of).collect();
        TextToken { id, entry: entry.clone(), bytes, start_ms, end_ms, probability }
    })
    .collect()
}

/// Splits tokens at their time marks `<|1.20|>`; text before the first mark begins at 0, after the last one ends with the sound. Without an alignment
/// every token is as probable as `usual`, and words share a piece by their letters.
fn pieces(tokens: &[String], aligned: Option<&Aligned>, usual: f32, end_ms: i64) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let (mut begin, mut spelt): (i64, Vec<(Vec<u8>, Token)>) = (0, Vec::new());
    let mut close = |spelt: &mut Vec<(Vec<u8>, Token)>, begin: i64, end: i64| {
        let spelt = std::mem::take(spelt);
        let bytes: Vec<u8> = spelt.iter().flat_map(|(bytes, _)| bytes.iter().copied()).collect();
        let text = String::from_utf8_lossy(&bytes).trim().to_string();
        if text.is_empty() {
            return;
        }
        let confidence = spelt.iter().map(|(_, token)| token.probability).sum::<f32>() / spelt.len() as f32;
        let words = if aligned.is_some() { timed(&spelt, end) } else { spread(&text, begin, end, confidence) };
        pieces.push(Piece { text, start_ms: begin, end_ms: end, confidence, words });
    };
    let mut number = 0;
    for token in tokens {
        if is_mark(token) {
            if let Ok(seconds) = token[2..token.len() - 2].parse::<f64>() {
                let ms = (seconds * 1000.0) as i64;
                close(&mut spelt, begin, ms);
                begin = ms;
            }
        } else {
            let token_of = |aligned: &Aligned| aligned.token(number);
            let place = aligned.map_or(Token { start_ms: 0, end_ms: 0, probability: usual }, token_of);
            spelt.push((token.chars().filter_map(byte_of).collect(), place));
            number += 1;
        }
    }
    close(&mut spelt, begin, end_ms);
    pieces
}

/// Words of tokens that have times of their own: a token that begins with a space begins a word.
fn timed(spelt: &[(Vec<u8>, Token)], end_ms: i64) -> Vec<Word> {
    let mut words = Vec::new();
    let mut rest = spelt;
    while !rest.is_empty() {
        let len = 1 + rest[1..].iter().take_while(|(bytes, _)| bytes.first() != Some(&b' ')).count();
        let (word, others) = rest.split_at(len);
        rest = others;
        let bytes: Vec<u8> = word.iter().flat_map(|(bytes, _)| bytes.iter().copied()).collect();
        let text = String::from_utf8_lossy(&bytes).trim().to_string();
        if text.is_empty() {
            continue;
        }
        let start_ms = word[0].1.start_ms;
        let end_ms = word[len - 1].1.end_ms.min(end_ms).max(start_ms);
        let confidence = word.iter().map(|(_, token)| token.probability).sum::<f32>() / len as f32;
        words.push(Word { text, start_ms, end_ms, confidence });
    }
    words
}

/// Gives each word a share of the piece by its letters.
fn spread(text: &str, start_ms: i64, end_ms: i64, confidence: f32) -> Vec<Word> {
    let letters = text.chars().count().max(1) as i64;
    let at = |place: usize| start_ms + (end_ms - start_ms) * text[..place].chars().count() as i64 / letters;
    text.split_whitespace()
        .map(|word| {
            let place = word.as_ptr() as usize - text.as_ptr() as usize;
            Word { text: word.into(), start_ms: at(place), end_ms: at(place + word.len()), confidence }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_become_text_with_the_times_of_their_marks() {
        let tokens: Vec<String> =
            ["<|0.00|>", "ĠThank", "Ġyou", ".", "<|0.80|>", "<|1.00|>", "ĠgrÃ¼Ã", "Ł", "e"].map(Into::into).into();
        let found = pieces(&tokens, None, 0.9, 1500);
        let texts: Vec<_> = found.iter().map(|piece| (piece.text.as_str(), piece.start_ms, piece.end_ms)).collect();
        assert_eq!(texts, [("Thank you.", 0, 800), ("grüße", 1000, 1500)]);
        assert_eq!(found[0].words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>(), ["Thank", "you."]);
    }

    #[test]
    fn in_a_batch_a_text_is_cut_by_its_own_bound_and_not_by_that_of_the_shortest_sound() {
        let request = |max_tokens| RecognitionRequest {
            samples: &[],
            language: None,
            prompt: None,
            context: 0,
            encoded: 0,
            beams: 1,
            max_tokens,
            begin: &[],
        };
        let (short, long) = (request(32), request(54));
        assert_eq!((is_cut(40, &short), is_cut(40, &long), is_cut(54, &long)), (true, false, true));
    }

    #[test]
    fn words_of_an_alignment_have_the_times_and_the_probability_of_their_tokens() {
        let tokens: Vec<String> = ["<|0.00|>", "ĠCan", "cel", "led", "Ġnow", ".", "<|1.80|>"].map(Into::into).into();
        // The path of the alignment: (token, frame of 20 ms).
        let path = [(0, 5), (0, 6), (1, 20), (2, 30), (3, 50), (4, 70), (5, 80)];
        let aligned = Aligned::new(path.into_iter(), &[0.9, 0.6, 0.6, 0.8, 0.4]);
        let found = pieces(&tokens, Some(&aligned), 0.1, 2000);
        let words: Vec<_> =
            found[0].words.iter().map(|word| (word.text.as_str(), word.start_ms, word.end_ms)).collect();
        assert_eq!(words, [("Cancelled", 100, 1000), ("now.", 1000, 1600)]);
        assert!((found[0].words[0].confidence - 0.7).abs() < 1e-6 && (found[0].confidence - 0.66).abs() < 1e-6);
    }

    #[test]
    fn a_folder_that_is_cut_or_of_another_kind_is_an_error_and_not_an_abort() {
        let folder = tempfile::tempdir().expect("temp dir");
        std::fs::write(folder.path().join("vocabulary.json"), b"[\"a\"]").expect("write");
        let model = ModelRef {
            name: "m".into(),
            path: folder.path().into(),
            kind: super::super::models::ModelKind::CTranslate2,
        };
        // CTranslate2's model.bin: version, the specification's name and revision, how many variables, then those.
        let file = |version: u32, name: &str, variables: u32| {
            let mut bytes = version.to_le_bytes().to_vec();
            bytes.extend((name.len() as u16 + 1).to_le_bytes());
            bytes.extend(name.bytes().chain([0]));
            bytes.extend(3_u32.to_le_bytes());
            bytes.extend(variables.to_le_bytes());
            bytes
        };
        for bytes in [
            Vec::new(),
            b"no model at all".to_vec(),
            file(6, "WhisperSpec", 7),
            file(6, "WhisperSpec", 0),
            file(6, "TransformerSpec", 0),
            file(99, "WhisperSpec", 0),
        ] {
            std::fs::write(folder.path().join("model.bin"), &bytes).expect("write");
            let problem = CTranslate::load(&model, 1).err().expect("no model").to_string();
            assert!(problem.contains(folder.path().to_str().expect("path")), "{problem}");
        }
    }

    #[test]
    fn stretches_of_about_one_length_are_decoded_together() {
        let request = |encoded| RecognitionRequest {
            samples: &[],
            language: None,
            prompt: None,
            context: 1500,
            encoded,
            beams: 1,
            max_tokens: 224,
            begin: &[],
        };
        let requests: Vec<RecognitionRequest> = [320, 1500, 256, 448, 320].map(request).into();
        assert_eq!(alike(&requests), [vec![2, 0, 4], vec![3], vec![1]]);
        let sizes = |positions| {
            let many: Vec<RecognitionRequest> = (0..=BATCH).map(|_| request(positions)).collect();
            alike(&many).iter().map(Vec::len).collect::<Vec<_>>()
        };
        assert_eq!(sizes(128), [BATCH, 1]);
        assert_eq!(sizes(320), [3, 3, 3], "no more positions than there is memory for");
        assert_eq!(sizes(1500), [1; BATCH + 1], "one goes alone, however long");
    }

    #[test]
    fn every_byte_has_its_character() {
        let all: std::collections::BTreeSet<u8> = (0..0x200).filter_map(char::from_u32).filter_map(byte_of).collect();
        assert_eq!(all.len(), 256);
    }
}
