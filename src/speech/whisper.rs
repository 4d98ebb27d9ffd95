//! whisper.cpp through whisper-rs: one context (the weights), one state per session.
//!
//! Facts that shaped this file (whisper.cpp 1.8.3): a broken model file aborts the process, so the file is checked to its last tensor before C++
//! sees it; timestamps stay on, for without them `suppress_blank` makes it invent a word on silence; later windows of one call to `full` are
//! prompted with earlier text, which is switched off; `no_speech_prob` is only valid for English models without a prompt.

use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::Path;
use std::sync::{Arc, Once};

use whisper_rs::{FullParams, SamplingStrategy, WhisperContext, WhisperContextParameters, WhisperState};

use super::engine::{Engine, EngineError, Piece, Recognised, RecognitionRequest, Session};
use super::models::ModelRef;
use crate::call::Word;

/// A loaded model in whisper.cpp's format.
pub struct Whisper {
    name: String,
    context: Arc<WhisperContext>,
}

impl Whisper {
    /// Checks and loads a model. Blocks.
    pub fn load(model: &ModelRef) -> Result<Self, EngineError> {
        static QUIET: Once = Once::new();
        QUIET.call_once(whisper_rs::install_logging_hooks);
        check_file(&model.path)?;
        let context = WhisperContext::new_with_params(&model.path, WhisperContextParameters::default())
            .map_err(|error| EngineError::model(&model.path, error))?;
        Ok(Self { name: format!("whisper/{}", model.name), context: Arc::new(context) })
    }
}

impl Engine for Whisper {
    fn name(&self) -> &str {
        &self.name
    }

    fn multilingual(&self) -> bool {
        self.context.is_multilingual()
    }

    fn session(&self) -> Result<Box<dyn Session>, EngineError> {
        let state = self.context.create_state().map_err(|error| EngineError::Inference(error.to_string()))?;
        Ok(Box::new(WhisperSession { context: Arc::clone(&self.context), state }))
    }
}

struct WhisperSession {
    context: Arc<WhisperContext>,
    state: WhisperState,
}

impl Session for WhisperSession {
    fn transcribe(&mut self, request: &RecognitionRequest) -> Result<Recognised, EngineError> {
        let strategy = match request.beams {
            0 | 1 => SamplingStrategy::Greedy { best_of: 1 },
            beam => SamplingStrategy::BeamSearch { beam_size: beam as i32, patience: -1.0 },
        };
        let mut params = FullParams::new(strategy);
        params.set_n_threads(1);
        params.set_audio_ctx(request.context as i32);
        params.set_no_context(true);
        params.set_n_max_text_ctx(if request.prompt.is_some() { 224 } else { 0 });
        params.set_temperature_inc(0.0); // the second look is ours
        params.set_max_tokens(request.max_tokens as i32);
        params.set_token_timestamps(true);
        params.set_suppress_nst(true);
        params.set_print_progress(false);
        params.set_print_realtime(false);
        params.set_print_special(false);
        params.set_print_timestamps(false);
        let multilingual = self.context.is_multilingual();
        params.set_language(Some(if multilingual { request.language.unwrap_or("auto") } else { "en" }));
        if let Some(prompt) = request.prompt {
            params.set_initial_prompt(&prompt.replace('\0', " "));
        }
        self.state.full(params, request.samples).map_err(|error| EngineError::Inference(error.to_string()))?;
        Ok(self.collect(multilingual, request))
    }
}

impl WhisperSession {
    fn collect(&self, multilingual: bool, request: &RecognitionRequest) -> Recognised {
        let end_of_text = self.context.token_eot();
        let (mut sum, mut count, mut longest) = (0.0, 0_u32, 0);
        let mut no_speech: Option<f32> = None;
        let mut pieces = Vec::new();
        for segment in self.state.as_iter() {
            no_speech = no_speech.or(Some(segment.no_speech_probability()));
            let mut words: Vec<Spelling> = Vec::new();
            let (mut part, mut tokens) = (0.0, 0_u32);
            longest = longest.max(segment.n_tokens() as u32);
            for index in 0..segment.n_tokens() {
                let Some(token) = segment.get_token(index) else { continue };
                if token.token_id() >= end_of_text {
                    continue;
                }
                let Ok(bytes) = token.to_bytes() else { continue };
                let data = token.token_data();
                let probability = token.token_probability();
                part += probability;
                sum += probability.max(1e-10).ln();
                tokens += 1;
                count += 1;
                if words.is_empty() || bytes.first() == Some(&b' ') {
                    words.push(Spelling { start_ms: data.t0 * 10, ..Spelling::default() });
                }
                if let Some(word) = words.last_mut() {
                    word.bytes.extend_from_slice(bytes);
                    word.end_ms = data.t1 * 10;
                    word.probability += probability;
                    word.tokens += 1;
                }
            }
            pieces.push(Piece {
                text: segment.to_str_lossy().map(std::borrow::Cow::into_owned).unwrap_or_default(),
                start_ms: segment.start_timestamp() * 10,
                end_ms: segment.end_timestamp() * 10,
                confidence: if tokens == 0 { 0.0 } else { part / tokens as f32 },
                words: words.into_iter().filter_map(Spelling::word).collect(),
            });
        }
        let language = match self.state.full_lang_id_from_state() {
            id if multilingual => whisper_rs::get_lang_str(id).map(String::from),
            _ => Some("en".into()),
        };
        Recognised {
            pieces,
            language,
            no_speech: no_speech.filter(|_| !multilingual && request.prompt.is_none()),
            mean_logprob: if count == 0 { 0.0 } else { sum / count as f32 },
            cut: longest >= request.max_tokens,
            tokens: Vec::new(),
        }
    }
}

/// A word while its tokens are gathered: a token may hold half a character.
#[derive(Default)]
struct Spelling {
    bytes: Vec<u8>,
    start_ms: i64,
    end_ms: i64,
    probability: f32,
    tokens: u32,
}

impl Spelling {
    fn word(self) -> Option<Word> {
        let text = String::from_utf8_lossy(&self.bytes).trim().to_string();
        (!text.is_empty()).then(|| Word {
            text,
            start_ms: self.start_ms,
            end_ms: self.end_ms.max(self.start_ms),
            confidence: self.probability / self.tokens.max(1) as f32,
        })
    }
}

/// Walks a ggml file from its magic to its last tensor: a file cut short or of another kind is refused here, where that is an error and not
/// the end of the process. Layout: whisper.cpp, `whisper_model_load`.
pub fn check_file(path: &Path) -> Result<(), EngineError> {
    let fail = |problem: String| EngineError::model(path, problem);
    let file = File::open(path).map_err(|error| fail(error.to_string()))?;
    let len = file.metadata().map_err(|error| fail(error.to_string()))?.len();
    let mut walk = Walk { reader: BufReader::new(file), len };
    walk.model().map_err(|problem| fail(format!("{problem} (the file has {len} bytes)")))
}

/// The shapes that a Whisper can have; whisper.cpp asserts some of them and guesses its special tokens from others.
pub(super) fn check_header(head: &[u32; 11]) -> Result<(), String> {
    let [vocabulary, positions, width, heads, layers, text_positions, text_width, text_heads, text_layers, mels, kind] =
        *head;
    let known = (51_864..=51_866).contains(&vocabulary) && positions == 1500 && matches!(mels, 80 | 128);
    let fits = |width: u32, heads: u32| heads != 0 && width.is_multiple_of(heads) && (1..=4096).contains(&width);
    let layered = (1..=64).contains(&layers) && (1..=64).contains(&text_layers) && (1..=448).contains(&text_positions);
    if !(known && layered && width == text_width && fits(width, heads) && fits(text_width, text_heads)) {
        return Err(format!("no Whisper's architecture: its header says {head:?}"));
    }
    // ggml's quantisation version times 1000 is added to the type of a quantised file.
    let (version, kind) = (kind / 1000, kind % 1000);
    if kind > 1 && version != 2 {
        return Err(format!("quantised as ggml did in version {version}, 2 is wanted: quantise it anew, or pull it"));
    }
    Ok(())
}

struct Walk {
    reader: BufReader<File>,
    len: u64,
}

impl Walk {
    fn model(&mut self) -> Result<(), String> {
        if self.int()? != 0x6767_6d6c {
            return Err("not a Whisper model in ggml format".into());
        }
        let mut head = [0_u32; 11];
        for value in &mut head {
            *value = self.int()?;
        }
        check_header(&head)?;
        let (mels, bins) = (u64::from(self.int()?), u64::from(self.int()?));
        self.skip(mels.saturating_mul(bins).saturating_mul(4))?;
        for _ in 0..self.int()? {
            let len = self.int()?;
            self.skip(u64::from(len))?;
        }
        let mut tensors = 0;
        while self.place()? < self.len {
            self.tensor()?;
            tensors += 1;
        }
        if tensors < 20 { Err(format!("it ends after {tensors} tensors: cut short")) } else { Ok(()) }
    }

    fn tensor(&mut self) -> Result<(), String> {
        let (dims, name, kind) = (self.int()?, self.int()?, self.int()?);
        if dims > 4 || name > 256 {
            return Err("it holds something that is no tensor: damaged".into());
        }
        let mut values = 1_u64;
        for _ in 0..dims {
            values = values.saturating_mul(u64::from(self.int()?));
        }
        // (bytes, values) per block of ggml's types.
        let (bytes, block) = match kind {
            0 => (4, 1),
            1 => (2, 1),
            2 => (18, 32),
            3 => (20, 32),
            6 => (22, 32),
            7 => (24, 32),
            8 => (34, 32),
            10 => (84, 256),
            11 => (110, 256),
            12 => (144, 256),
            13 => (176, 256),
            14 => (210, 256),
            other => return Err(format!("it holds tensors of type {other}, which this version does not know")),
        };
        self.skip((values / block).saturating_mul(bytes).saturating_add(u64::from(name)))
    }

    fn int(&mut self) -> Result<u32, String> {
        let mut bytes = [0; 4];
        self.reader.read_exact(&mut bytes).map_err(|_| String::from("cut short"))?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn skip(&mut self, bytes: u64) -> Result<(), String> {
        let place = self.place()?;
        if place.saturating_add(bytes) > self.len {
            return Err(format!("cut short: {bytes} bytes should follow at {place}"));
        }
        self.reader.seek_relative(bytes as i64).map_err(|error| error.to_string())
    }

    fn place(&mut self) -> Result<u64, String> {
        self.reader.stream_position().map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::reader::RecordingReader;
    use crate::audio::resample::to_model;
    use crate::speech::models::{ModelKind, ModelRef};
    use crate::speech::recogniser::{Hints, Recogniser};
    use std::path::PathBuf;

    fn demo_model() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/demo-model/demo.bin")
    }

    #[test]
    fn a_model_cut_anywhere_is_an_error_and_not_an_abort() {
        let folder = tempfile::tempdir().expect("temp dir");
        let path = folder.path().join("m.bin");
        std::fs::write(&path, b"not a model").expect("write");
        assert!(check_file(&path).is_err());
        let Ok(whole) = std::fs::read(demo_model()) else {
            eprintln!("skipped: no model here to cut");
            return;
        };
        for share in [1, 3, 50, 97] {
            std::fs::write(&path, &whole[..whole.len() * share / 100]).expect("write");
            let error = check_file(&path).expect_err("cut short").to_string();
            assert!(error.contains("cut short") && error.contains("m.bin"), "{error}");
        }
        std::fs::write(&path, &whole).expect("write");
        assert!(check_file(&path).is_ok());
        // (place in the header, value, what is said)
        for (place, value, problem) in
            [(1, 40_000_u32, "architecture"), (7, 192, "architecture"), (11, 1009, "version 1")]
        {
            let mut other = whole.clone();
            other[place * 4..place * 4 + 4].copy_from_slice(&value.to_le_bytes());
            std::fs::write(&path, &other).expect("write");
            let error = check_file(&path).expect_err("another kind of model").to_string();
            assert!(error.contains(problem), "{error}");
        }
    }

    #[test]
    fn a_filterbank_whose_size_overflows_is_an_error() {
        let folder = tempfile::tempdir().expect("temp dir");
        let path = folder.path().join("m.bin");
        // 2^31 mel bands of 2^31 bins are 2^64 bytes, which is 0 to who multiplies carelessly.
        let head = [0x6767_6d6c, 51_864, 1500, 384, 6, 4, 448, 384, 6, 4, 80, 1, 1 << 31, 1 << 31, 0];
        std::fs::write(&path, head.map(u32::to_le_bytes).concat()).expect("write");
        let error = check_file(&path).expect_err("absurd").to_string();
        assert!(error.contains("should follow"), "{error}");
    }

    #[test]
    fn a_tensor_whose_size_overflows_is_an_error() {
        let folder = tempfile::tempdir().expect("temp dir");
        let path = folder.path().join("m.bin");
        // No filterbank, no word; a tensor of 2^128 values with a name of one letter.
        let head = [0x6767_6d6c, 51_864, 1500, 384, 6, 4, 448, 384, 6, 4, 80, 1, 0, 0, 0];
        let tensor = [4, 1, 0, u32::MAX, u32::MAX, u32::MAX, u32::MAX, 0x77];
        std::fs::write(
            &path,
            [&head[..], &tensor].concat().iter().flat_map(|word: &u32| word.to_le_bytes()).collect::<Vec<_>>(),
        )
        .expect("write");
        let error = check_file(&path).expect_err("absurd").to_string();
        assert!(error.contains("should follow"), "{error}");
    }

    #[test]
    fn the_demo_lines_come_out_as_they_were_said() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/demo-model");
        let folder = tempfile::tempdir().expect("temp dir");
        let made = std::process::Command::new(root.join("render")).arg("lines").arg(folder.path()).output();
        let lines = std::fs::read_to_string(folder.path().join("refs.tsv"));
        let (Ok(lines), true) = (lines, demo_model().exists()) else {
            eprintln!("skipped: no demo model here, or its voices cannot be rendered: {made:?}");
            return;
        };
        let model = ModelRef { name: "demo".into(), path: demo_model(), kind: ModelKind::Whisper };
        let engine = crate::speech::load(&model, 1).expect("model");
        let mut recogniser =
            Recogniser::new(engine.session().expect("session"), Hints { normalise: true, ..Hints::default() });
        let (mut wrong, mut all) = (0, 0);
        for line in lines.lines() {
            let mut fields = line.split('\t');
            let (Some(file), Some(said)) = (fields.next(), fields.next()) else { continue };
            let mut reader = RecordingReader::open(&folder.path().join(file)).expect("recording");
            let mut samples = Vec::new();
            reader.read_samples(0, 0, usize::MAX, &mut samples).expect("samples");
            let heard = recogniser.recognise(&to_model(&samples, reader.layout().rate_hz)).expect("inference");
            let text = heard.pieces.iter().map(|piece| piece.text.as_str()).collect::<Vec<_>>().join(" ");
            let plain = |text: &str| text.to_lowercase().replace(|c: char| !c.is_alphanumeric() && c != ' ', "");
            all += said.split_whitespace().count();
            if plain(&text) != plain(said) {
                eprintln!("{file}: said {said:?}, heard {text:?}");
                wrong += 1;
            }
            for piece in &heard.pieces {
                assert!(
                    piece.confidence > 0.3 && piece.words.len() == piece.text.split_whitespace().count(),
                    "{piece:?}"
                );
                assert!(piece.words.windows(2).all(|pair| pair[0].start_ms <= pair[1].start_ms), "{piece:?}");
            }
        }
        eprintln!("20 lines, {all} words: {wrong} lines wrong");
        assert!(wrong <= 2, "{wrong} of 20 lines wrong");
    }
}
