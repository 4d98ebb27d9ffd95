//! What a line means, as a vector: two lines that mean the same have vectors that point the same way, whatever their words.
//!
//! A model of sentence-transformers' kind is read as it is published: a folder with `config.json`, `tokenizer.json` and `model.safetensors`. Nothing
//! here knows calls or the database.

mod bert;
mod embedder;
mod linear;

#[cfg(test)]
pub(crate) use self::embedder::tests;
pub use self::embedder::{Embedder, FILES, MeaningError};
