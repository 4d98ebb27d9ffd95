//! SentencePiece's unigram models: a line into pieces, and pieces into a line, as Google's own library does it.
//!
//! The file is a protocol buffer; of it the pieces with their scores, the table of the normaliser and its three switches count. The search for the most
//! probable pieces is that of `tokenizers`. That the pieces are the same is tested against the library itself (`tests/translation/run`).

use std::path::Path;

use prost::Message;
use tokenizers::models::unigram::Unigram;
use tokenizers::normalizers::Precompiled;
use tokenizers::{Model, NormalizedString, Normalizer};

use super::error::TranslateError;

/// What SentencePiece writes for a space.
const SPACE: char = '▁';
/// `trainer_spec.model_type` of a unigram model.
const UNIGRAM: i32 = 1;

/// `ModelProto` of sentencepiece_model.proto, as far as it counts.
#[derive(Clone, PartialEq, Message)]
struct ModelProto {
    #[prost(message, repeated, tag = "1")]
    pieces: Vec<PieceProto>,
    #[prost(message, optional, tag = "2")]
    trainer: Option<TrainerProto>,
    #[prost(message, optional, tag = "3")]
    normalizer: Option<NormalizerProto>,
}

#[derive(Clone, PartialEq, Message)]
struct PieceProto {
    #[prost(string, optional, tag = "1")]
    piece: Option<String>,
    #[prost(float, optional, tag = "2")]
    score: Option<f32>,
    /// 1 normal, 2 unknown, 3 control, 4 user defined, 5 unused, 6 byte.
    #[prost(int32, optional, tag = "3", default = "1")]
    kind: Option<i32>,
}

#[derive(Clone, PartialEq, Message)]
struct TrainerProto {
    #[prost(int32, optional, tag = "3", default = "1")]
    model_type: Option<i32>,
}

#[derive(Clone, PartialEq, Message)]
struct NormalizerProto {
    #[prost(bytes = "vec", optional, tag = "2")]
    precompiled_charsmap: Option<Vec<u8>>,
    #[prost(bool, optional, tag = "3", default = "true")]
    add_dummy_prefix: Option<bool>,
    #[prost(bool, optional, tag = "4", default = "true")]
    remove_extra_whitespaces: Option<bool>,
    #[prost(bool, optional, tag = "5", default = "true")]
    escape_whitespaces: Option<bool>,
}

/// A model that splits lines into pieces.
pub(super) struct Pieces {
    unigram: Unigram,
    characters: Option<Precompiled>,
    has_prefix: bool,
    spaces_are_squeezed: bool,
}

impl Pieces {
    /// Reads `source.spm` or `target.spm`. Blocks.
    pub(super) fn read(path: &Path) -> Result<Self, TranslateError> {
        let unusable = |problem: String| TranslateError::Unusable { path: path.into(), problem };
        let bytes = std::fs::read(path).map_err(|error| unusable(error.to_string()))?;
        Self::parse(&bytes).map_err(unusable)
    }

    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let model = ModelProto::decode(bytes).map_err(|error| format!("no model of SentencePiece: {error}"))?;
        let trainer = model.trainer.unwrap_or_default();
        if trainer.model_type() != UNIGRAM {
            return Err(format!("a model of type {}, not a unigram model (1)", trainer.model_type()));
        }
        let normalizer = model.normalizer.unwrap_or_default();
        if !normalizer.escape_whitespaces() {
            return Err("it leaves spaces as they are, which no model of OPUS-MT does".into());
        }
        let unknown =
            model.pieces.iter().position(|piece| piece.kind() == 2).ok_or("it has no piece for the unknown")?;
        // No text contains the name of what is no text.
        let name = |(number, piece): (usize, &PieceProto)| match piece.kind() {
            1 | 4 => (piece.piece().to_string(), f64::from(piece.score())),
            _ => (format!("\u{0}{number}"), 0.0),
        };
        let pieces = model.pieces.iter().enumerate().map(name).collect();
        let table = normalizer.precompiled_charsmap().to_vec();
        let characters = (!table.is_empty()).then(|| Precompiled::from(&table)).transpose();
        Ok(Self {
            unigram: Unigram::from(pieces, Some(unknown), false).map_err(|error| error.to_string())?,
            characters: characters.map_err(|error| format!("the table of its normaliser: {error}"))?,
            has_prefix: normalizer.add_dummy_prefix(),
            spaces_are_squeezed: normalizer.remove_extra_whitespaces(),
        })
    }

    /// The most probable pieces of a line. What is unknown is a piece as it stands.
    pub(super) fn split(&self, line: &str) -> Result<Vec<String>, String> {
        let mut text = NormalizedString::from(line);
        if let Some(characters) = &self.characters {
            characters.normalize(&mut text).map_err(|error| error.to_string())?;
        }
        // Its own mark of a space is one, too, when it is said.
        let mut words: Vec<&str> = text.get().split([' ', SPACE]).collect();
        if self.spaces_are_squeezed {
            words.retain(|word| !word.is_empty());
        }
        let mut escaped = words.join(&SPACE.to_string());
        if escaped.is_empty() {
            return Ok(Vec::new());
        }
        if self.has_prefix {
            escaped.insert(0, SPACE);
        }
        let tokens = self.unigram.tokenize(&escaped).map_err(|error| error.to_string())?;
        Ok(tokens.into_iter().map(|token| token.value).collect())
    }

    /// The line of pieces.
    pub(super) fn join(&self, pieces: &[String]) -> String {
        let line = pieces.concat().replace(SPACE, " ");
        let prefix = if self.has_prefix { line.strip_prefix(' ') } else { None };
        prefix.unwrap_or(&line).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(pieces: &[(&str, f32, i32)], kind: i32) -> Vec<u8> {
        let piece = |(piece, score, kind): &(&str, f32, i32)| PieceProto {
            piece: Some((*piece).into()),
            score: Some(*score),
            kind: Some(*kind),
        };
        ModelProto {
            pieces: pieces.iter().map(piece).collect(),
            trainer: Some(TrainerProto { model_type: Some(kind) }),
            normalizer: None,
        }
        .encode_to_vec()
    }

    const FEW: [(&str, f32, i32); 7] = [
        ("<unk>", 0.0, 2),
        ("</s>", 0.0, 3),
        ("▁", -4.0, 1),
        ("▁hola", -2.0, 1),
        ("▁ho", -2.5, 1),
        ("la", -2.5, 1),
        ("s", -3.0, 1),
    ];

    #[test]
    fn a_line_becomes_its_most_probable_pieces_and_comes_back() {
        let pieces = Pieces::parse(&model(&FEW, UNIGRAM)).expect("a model");
        let split = |line: &str| pieces.split(line).expect("pieces");
        assert_eq!(split("hola  holas "), ["▁hola", "▁hola", "s"]);
        assert_eq!(pieces.join(&split("hola  holas ")), "hola holas");
        assert_eq!(split("   "), Vec::<String>::new());
        assert_eq!(split("hola 例え"), ["▁hola", "▁", "例え"], "the unknown in one piece");
        assert!(!split("</s>").contains(&"</s>".to_string()), "what is said ends no sentence");
    }

    #[test]
    fn a_file_of_another_kind_is_refused_by_name() {
        let bpe = Pieces::parse(&model(&FEW, 2)).err().expect("not unigram");
        assert!(bpe.contains("unigram"), "{bpe}");
        let nothing = Pieces::parse(&model(&FEW[2..], UNIGRAM)).err().expect("no unknown");
        assert!(nothing.contains("unknown"), "{nothing}");
        for bytes in [&b"RIFF and so on"[..], &model(&FEW, UNIGRAM)[..30], b""] {
            assert!(Pieces::parse(bytes).is_err());
        }
    }

    /// Against Google's library: `tests/translation/run` names the folder.
    #[test]
    fn pieces_are_those_of_sentencepiece() {
        let Some(folder) = std::env::var_os("LINESIDE_MARIAN") else {
            return eprintln!("skipped: no model of Marian's kind here; tests/translation/run makes one");
        };
        let folder = Path::new(&folder);
        let pieces = Pieces::read(&folder.join("source.spm")).expect("a model");
        let expected = std::fs::read_to_string(folder.join("pieces.jsonl")).expect("what sentencepiece says");
        let mut count = 0;
        for line in expected.lines() {
            let (text, split): (String, Vec<String>) = serde_json::from_str(line).expect("JSON");
            assert_eq!(pieces.split(&text).expect("pieces"), split, "{text:?}");
            count += split.len();
        }
        println!("{count} pieces of {} lines are those of sentencepiece", expected.lines().count());
        assert!(count > 1000);
    }
}
