//! Whisper's tokens: the table of byte strings (GPT-2's for English, one of its own for 99 languages), and the special ones behind it.
//!
//! A checkpoint of OpenAI's carries no table. GPT-2's comes with the `tiktoken-rs` crate, where it is called r50k_base; the other has no crate, so it
//! is read from a file that an admin has: OpenAI's `multilingual.tiktoken`, a tokenizer of Hugging Face's, or any multilingual ggml model. In all of them
//! a token's number is the order in which byte pairs were merged, from which the merges are found again.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::hugging_face::text;
use super::weights::Dims;
use crate::speech::spelling::byte_of;

/// The table of one kind of Whisper.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Words {
    /// Bytes of each token; its place is its number.
    pub(super) tokens: Vec<Vec<u8>>,
}

/// GPT-2's printable character for a byte.
pub(super) fn char_of(byte: u8) -> char {
    let own = char::from(byte);
    if byte_of(own) == Some(byte) {
        return own;
    }
    let others = (0..byte).filter(|&other| byte_of(char::from(other)) != Some(other)).count();
    char::from_u32(0x100 + others as u32).unwrap_or(own)
}

/// A token as vocabularies spell it.
pub(super) fn spelt(token: &[u8]) -> String {
    token.iter().map(|&byte| char_of(byte)).collect()
}

fn bytes_of(spelt: &str) -> Option<Vec<u8>> {
    spelt.chars().map(byte_of).collect()
}

impl Words {
    /// Tokens before the special ones.
    const fn wanted(multilingual: bool) -> usize {
        if multilingual { 50_257 } else { 50_256 }
    }

    /// GPT-2's table, of the English models.
    pub(super) fn english() -> Result<Self, String> {
        let table = tiktoken_rs::r50k_base().map_err(|error| error.to_string())?;
        let tokens = (0..Self::wanted(false) as u32).map(|number| table.decode_bytes(&[number]));
        Ok(Self { tokens: tokens.collect::<Result<_, _>>().map_err(|error| error.to_string())? })
    }

    /// The table in a file or folder that somebody names: `.tiktoken`, `vocab.json`, `tokenizer.json`, a folder of these, or a ggml model.
    pub(super) fn from_path(path: &Path, multilingual: bool) -> Result<Self, String> {
        if path.is_dir() {
            return ["vocab.json", "tokenizer.json"]
                .iter()
                .find(|name| path.join(name).is_file())
                .ok_or_else(|| "it holds neither vocab.json nor tokenizer.json".to_string())
                .and_then(|name| Self::from_path(&path.join(name), multilingual));
        }
        let mut magic = [0; 4];
        let mut file = File::open(path).map_err(|error| error.to_string())?;
        let got = file.read(&mut magic).map_err(|error| error.to_string())?;
        let numbered = match &magic[..got] {
            b"lmgg" => return Self::from_ggml(BufReader::new(file), multilingual),
            [b'{', ..] => from_json(&text(path)?)?,
            _ => from_tiktoken(&text(path)?)?,
        };
        Self::in_order(numbered, multilingual)
    }

    /// Every number from 0 on once; behind them only special tokens, which are known.
    fn in_order(numbered: Vec<(Vec<u8>, u64)>, multilingual: bool) -> Result<Self, String> {
        let wanted = Self::wanted(multilingual);
        let mut tokens: Vec<Option<Vec<u8>>> = vec![None; wanted];
        for (token, number) in numbered {
            if let Some(place) = tokens.get_mut(number as usize) {
                *place = Some(token);
            } else if !(token.starts_with(b"<|") && token.ends_with(b"|>")) {
                return Err(other_table(multilingual));
            }
        }
        let tokens: Option<Vec<_>> = tokens.into_iter().collect();
        let words = Self { tokens: tokens.ok_or_else(|| other_table(multilingual))? };
        // The multilingual one ends with an empty token, which is no special one.
        if words.tokens[wanted - 1].is_empty() == multilingual { Ok(words) } else { Err(other_table(multilingual)) }
    }

    fn from_ggml(mut file: BufReader<File>, multilingual: bool) -> Result<Self, String> {
        let int = |file: &mut BufReader<File>| {
            let mut bytes = [0; 4];
            file.read_exact(&mut bytes).map(|()| u32::from_le_bytes(bytes)).map_err(|_| String::from("cut short"))
        };
        let mut head = [0; 13]; // behind the magic
        for value in &mut head {
            *value = int(&mut file)?;
        }
        let filters = u64::from(head[11]).saturating_mul(head[12].into()).saturating_mul(4);
        std::io::copy(&mut (&mut file).take(filters.min(1 << 20)), &mut std::io::sink()).map_err(|_| "cut short")?;
        let count = int(&mut file)?;
        if (head[0] > 51_864) != multilingual || count as usize > 60_000 {
            return Err(other_table(multilingual));
        }
        let mut numbered = Vec::new();
        for number in 0..count.min(Self::wanted(multilingual) as u32) {
            let len = int(&mut file)?;
            let mut token = Vec::new();
            (&mut file).take(len.min(1024).into()).read_to_end(&mut token).map_err(|_| "cut short")?;
            numbered.push((token, number.into()));
        }
        Self::in_order(numbered, multilingual)
    }

    /// Each token by its bytes.
    pub(super) fn numbers(&self) -> HashMap<&[u8], u32> {
        self.tokens.iter().enumerate().map(|(number, token)| (token.as_slice(), number as u32)).collect()
    }

    /// The pair of which each longer token was merged.
    pub(super) fn merges(&self) -> Result<Vec<(String, String)>, String> {
        let numbers = self.numbers();
        let longer = self.tokens.iter().enumerate().filter(|(_, token)| token.len() > 1);
        longer
            .map(|(number, token)| match merge(token, &numbers, number as u32)[..] {
                [one, other] => Ok((spelt(one), spelt(other))),
                _ => Err(format!("its tokens are not numbered as they were merged: {:?} is no pair", spelt(token))),
            })
            .collect()
    }

    /// All tokens as vocabularies spell them, special ones and marks of time behind the others.
    pub(super) fn spelt(&self, dims: &Dims) -> Vec<String> {
        self.tokens.iter().map(|token| spelt(token)).chain(special(dims)).collect()
    }

    /// What is never said: signs of who speaks and of noises, and special tokens (openai-whisper, `non_speech_tokens`).
    pub(super) fn never_said(&self, dims: &Dims) -> Vec<u32> {
        const SIGNS: &str = "\" # ( ) * + / : ; < = > @ [ \\ ] ^ _ ` { | } ~ 「 」 『 』 << >> <<< >>> -- --- -( -[ (' (\" (( )) ((( ))) [[ ]] {{ }} ♪♪ ♪♪♪";
        const NOTES: &str = "♩ ♪ ♫ ♬ ♭ ♮ ♯";
        let numbers = self.numbers();
        let split = |text: &str| -> Vec<u32> {
            merge(text.as_bytes(), &numbers, u32::MAX).iter().filter_map(|part| numbers.get(part).copied()).collect()
        };
        // A dash or a quote may stand in a word, but none begins with it.
        let mut all: Vec<u32> = [" -", " '"].iter().filter_map(|begin| split(begin).first().copied()).collect();
        for sign in SIGNS.split(' ') {
            all.extend([split(sign), split(&format!(" {sign}"))].iter().filter(|tokens| tokens.len() == 1).flatten());
        }
        for note in NOTES.split(' ') {
            all.extend([split(note), split(&format!(" {note}"))].iter().filter_map(|tokens| tokens.first()));
        }
        let end_of_text = self.tokens.len() as u32;
        let tasks = end_of_text + 2 + languages(dims);
        all.push(end_of_text + 1); // start of transcript
        all.extend(tasks..tasks + 5); // translate, transcribe, start of LM, of previous, no speech
        all.sort_unstable();
        all.dedup();
        all
    }

    /// What no text begins with: a blank, and its end.
    pub(super) fn never_first(&self) -> Vec<u32> {
        let blank = self.tokens.iter().position(|token| token == b" ");
        blank.into_iter().chain([self.tokens.len()]).map(|number| number as u32).collect()
    }

    /// The languages' tokens; an English model has them, but they mean nothing.
    pub(super) fn languages(&self, dims: &Dims) -> Vec<u32> {
        let first = self.tokens.len() as u32 + 2;
        if dims.multilingual() { (first..first + languages(dims)).collect() } else { vec![] }
    }
}

fn other_table(multilingual: bool) -> String {
    format!("not the table of tokens of {} Whisper", if multilingual { "a multilingual" } else { "an English" })
}

fn languages(dims: &Dims) -> u32 {
    dims.n_vocab - 51_765 - u32::from(dims.multilingual())
}

/// The special tokens in their order, then the marks of time.
pub(super) fn special(dims: &Dims) -> Vec<String> {
    let named = |name: &str| format!("<|{name}|>");
    let languages = (0..languages(dims) as i32).map(|number| named(whisper_rs::get_lang_str(number).unwrap_or("?")));
    let tasks = ["translate", "transcribe", "startoflm", "startofprev", "nospeech", "notimestamps"];
    ["endoftext", "startoftranscript"]
        .map(named)
        .into_iter()
        .chain(languages)
        .chain(tasks.map(named))
        .chain((0..=1500).map(|mark| format!("<|{:.2}|>", f64::from(mark) * 0.02)))
        .collect()
}

/// Splits bytes as byte-pair encoding does: the pair of the lowest number first, of those below `limit`.
fn merge<'a>(bytes: &'a [u8], numbers: &HashMap<&[u8], u32>, limit: u32) -> Vec<&'a [u8]> {
    let mut ends: Vec<usize> = (0..=bytes.len()).collect();
    loop {
        let pairs = ends.windows(3).enumerate();
        let numbered = pairs.filter_map(|(at, ends)| numbers.get(&bytes[ends[0]..ends[2]]).map(|&number| (number, at)));
        match numbered.min() {
            Some((number, at)) if number < limit => ends.remove(at + 1),
            _ => break,
        };
    }
    ends.windows(2).map(|ends| &bytes[ends[0]..ends[1]]).collect()
}

/// OpenAI's own: a line for each token, base64 and number; "=" is the empty one.
fn from_tiktoken(text: &str) -> Result<Vec<(Vec<u8>, u64)>, String> {
    const UNLIKE: &str = "neither a .tiktoken table, nor a vocab.json or tokenizer.json, nor a ggml model";
    let line = |line: &str| -> Option<(Vec<u8>, u64)> {
        let (token, number) = line.trim_end().split_once(' ')?;
        let bytes = if token == "=" { vec![] } else { STANDARD.decode(token).ok()? };
        Some((bytes, number.parse().ok()?))
    };
    text.lines().filter(|text| !text.is_empty()).map(|text| line(text).ok_or_else(|| UNLIKE.into())).collect()
}

/// `vocab.json`, or the vocabulary in a `tokenizer.json`.
fn from_json(text: &str) -> Result<Vec<(Vec<u8>, u64)>, String> {
    let json: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let table = json.pointer("/model/vocab").unwrap_or(&json).as_object().ok_or("it holds no table of tokens")?;
    table
        .iter()
        .map(|(token, number)| match (bytes_of(token), number.as_u64()) {
            (Some(bytes), Some(number)) => Ok((bytes, number)),
            _ => Err(format!("the token {token:?} is not spelt in GPT-2's alphabet, or has no number")),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_has_one_character_and_a_character_one_byte() {
        for byte in 0..=255 {
            assert_eq!(byte_of(char_of(byte)), Some(byte));
        }
        assert_eq!(spelt(" é\n".as_bytes()), "ĠÃ©Ċ");
    }

    #[test]
    fn the_table_of_english_is_gpt_2s_and_its_merges_are_found_again() {
        let words = Words::english().expect("table");
        assert_eq!(words.tokens.len(), 50_256);
        assert_eq!(words.tokens[257], b" a");
        let merges = words.merges().expect("pairs");
        assert_eq!(merges.len(), 50_000, "GPT-2 was made by so many merges");
        assert_eq!(merges[0], ("Ġ".into(), "t".into()));
    }

    #[test]
    fn a_table_of_another_kind_is_refused() {
        let folder = tempfile::tempdir().expect("temp dir");
        let path = folder.path().join("vocab.json");
        for (text, problem) in [
            ("{\"a\": 0}", "not the table"),
            ("{\"a\": \"b\"}", "no number"),
            ("{\"日\": 0}", "alphabet"),
            ("{", "EOF"),
            ("YQ== 0\nYg== 1\n", "not the table"),
            ("plain text\n", "neither"),
        ] {
            std::fs::write(&path, text).expect("write");
            let found = Words::from_path(&path, false).expect_err("refused");
            assert!(found.contains(problem), "{text}: {found}");
        }
    }

    #[test]
    fn the_same_table_comes_out_of_every_kind_of_file() {
        let words = Words::english().expect("table");
        let folder = tempfile::tempdir().expect("temp dir");
        let lines = words.tokens.iter().enumerate();
        let lines: Vec<String> =
            lines.map(|(number, token)| format!("{} {number}\n", STANDARD.encode(token))).collect();
        let tiktoken = lines.concat();
        let mut vocabulary: serde_json::Map<String, Value> =
            words.tokens.iter().enumerate().map(|(number, token)| (spelt(token), number.into())).collect();
        vocabulary.insert("<|endoftext|>".into(), 50_256.into());
        let vocabulary = Value::from(vocabulary);
        for (name, text) in [
            ("gpt2.tiktoken", tiktoken),
            ("vocab.json", vocabulary.to_string()),
            ("tokenizer.json", serde_json::json!({"model": {"vocab": vocabulary}}).to_string()),
        ] {
            let path = folder.path().join(name);
            std::fs::write(&path, text).expect("write");
            assert!(Words::from_path(&path, false).expect(name) == words, "{name}");
            let other = Words::from_path(&path, true).expect_err("one token short");
            assert!(other.contains("multilingual"), "{other}");
        }
        assert!(Words::from_path(folder.path(), false).expect("folder") == words);
    }
}
