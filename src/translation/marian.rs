//! MarianMT through CTranslate2: one pair of languages, in 8 bits, on one thread that gives way to all others.

use std::path::{Path, PathBuf};

use ct2rs::sys::{ComputeType, Config, Device, TranslationOptions, Translator};

use super::error::TranslateError;
use super::pieces::Pieces;

/// What ends a sentence.
const END: &str = "</s>";
/// Lines in a batch: more gain nothing on one thread.
const BATCH: usize = 16;
/// Pieces of a line that count, as OPUS-MT's models were trained.
const MOST_PIECES: usize = 512;

/// A loaded model.
pub(super) struct Marian {
    translator: Translator,
    source: Pieces,
    target: Pieces,
    /// Whether the engine ends sentences by itself, as it does with what OPUS-MT's own converter has written.
    ends_itself: bool,
    folder: PathBuf,
}

impl Marian {
    /// Loads a folder as OPUS-MT's converter writes it. Blocks, for a second.
    pub(super) fn load(folder: &Path) -> Result<Self, TranslateError> {
        Self::load_as(folder, ComputeType::INT8)
    }

    fn load_as(folder: &Path, compute_type: ComputeType) -> Result<Self, TranslateError> {
        let unusable = |problem: String| TranslateError::Unusable { path: folder.into(), problem };
        let config = Config { device: Device::CPU, compute_type, num_threads_per_replica: 1, ..Config::default() };
        // The engine's own thread inherits the priority of the one that makes it.
        let load = || {
            crate::priority::background();
            Translator::new(folder, &config).map_err(|error| format!("{error:#}"))
        };
        let translator = std::thread::scope(|scope| scope.spawn(load).join())
            .unwrap_or_else(|_| Err("the thread that loads it ended".into()))
            .map_err(unusable)?;
        let config = std::fs::read(folder.join("config.json")).unwrap_or_default();
        let config: serde_json::Value = serde_json::from_slice(&config).unwrap_or_default();
        Ok(Self {
            ends_itself: config["add_source_eos"] == true,
            translator,
            source: Pieces::read(&folder.join("source.spm"))?,
            target: Pieces::read(&folder.join("target.spm"))?,
            folder: folder.into(),
        })
    }

    /// Each line in the other language; one without a word stays empty. Blocks.
    pub(super) fn translate(&self, lines: &[&str]) -> Result<Vec<String>, TranslateError> {
        let translated = self.tokens(lines)?;
        Ok(translated.iter().map(|tokens| self.target.join(tokens)).collect())
    }

    /// The pieces of each translation.
    fn tokens(&self, lines: &[&str]) -> Result<Vec<Vec<String>>, TranslateError> {
        let unusable = |problem: String| TranslateError::Unusable { path: self.folder.clone(), problem };
        let mut sources = Vec::new();
        for (place, line) in lines.iter().enumerate() {
            let mut pieces = self.source.split(line).map_err(unusable)?;
            if !pieces.is_empty() {
                pieces.truncate(MOST_PIECES - 1);
                if !self.ends_itself {
                    pieces.push(END.into());
                }
                sources.push((place, pieces));
            }
        }
        let mut translated = vec![Vec::new(); lines.len()];
        for batch in sources.chunks(BATCH) {
            let pieces: Vec<&Vec<String>> = batch.iter().map(|(_, pieces)| pieces).collect();
            let pieces: Vec<Vec<&str>> =
                pieces.into_iter().map(|pieces| pieces.iter().map(String::as_str).collect()).collect();
            let options: TranslationOptions<String, String> = TranslationOptions::default();
            let found = self.translator.translate_batch(&pieces, &options, None);
            let found = found.map_err(|error| unusable(format!("{error:#}")))?;
            for ((place, _), mut result) in batch.iter().zip(found) {
                if !result.hypotheses.is_empty() {
                    translated[*place] = result.hypotheses.swap_remove(0);
                }
            }
        }
        Ok(translated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against Python's ctranslate2 and sentencepiece: `tests/translation/run` makes the model, and says what they say. In 32-bit floats: in 8 bits two
    /// builds of the engine round differently, and a model whose weights are drawn by lot has no clear favourites.
    #[test]
    fn translations_are_those_of_ctranslate2_in_python_token_for_token() {
        let Some(folder) = std::env::var_os("LINESIDE_MARIAN") else {
            return eprintln!("skipped: no model of Marian's kind here; tests/translation/run makes one");
        };
        let folder = Path::new(&folder);
        let marian = Marian::load_as(folder, ComputeType::FLOAT32).expect("a model");
        let expected = std::fs::read_to_string(folder.join("translations.jsonl")).expect("what Python says");
        let expected: Vec<(String, Vec<String>, String)> =
            expected.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let lines: Vec<&str> = expected.iter().map(|(line, ..)| line.as_str()).collect();
        let tokens = marian.tokens(&lines).expect("translated");
        let texts = marian.translate(&lines).expect("translated");
        assert_eq!(tokens.len(), lines.len(), "one translation for each line");
        let (mut count, mut other) = (0, 0);
        for ((line, wanted, text), (found, said)) in expected.iter().zip(tokens.iter().zip(&texts)) {
            let same = found.iter().zip(wanted).take_while(|(one, other)| one == other).count();
            // A line that runs on to the longest there is comes to two equals at last, between which rounding decides.
            assert!(
                found == wanted || same >= 30,
                "{line:?} differs from its piece {same} on: {found:?}, not {wanted:?}"
            );
            if found == wanted {
                // SentencePiece in Python leaves the mark of a space in pieces that the target's model does not have.
                assert_eq!(said.trim(), text.replace('\u{2581}', " ").trim(), "{line:?}");
            } else {
                println!("{line:?} differs from its piece {same} of {} on", wanted.len());
                other += 1;
            }
            count += same;
        }
        println!(
            "{count} tokens of {} lines are those of ctranslate2 in Python; {other} lines differ further on",
            lines.len()
        );
        assert!(count > 500 && other * 50 <= lines.len(), "{other} lines differ");
    }
}
