//! Loads a model of sentences and gives lines their vectors, on one thread that gives way to all others.

use std::path::{Path, PathBuf};

use rayon::{ThreadPool, ThreadPoolBuilder};
use tokenizers::{Tokenizer, TruncationParams};

use super::bert::{Bert, Config};

/// The files of a model's folder.
pub const FILES: [&str; 3] = ["config.json", "tokenizer.json", "model.safetensors"];
/// Tokens of a line that count, as all-MiniLM was trained.
const MOST_TOKENS: usize = 256;

/// Why there are no vectors.
#[derive(Clone, Debug, thiserror::Error)]
pub enum MeaningError {
    /// No model is there.
    #[error("search by meaning has no model: {} is not there. `lineside model pull {name}` brings it, `lineside model import FOLDER` takes one that you have", folder.display())]
    Absent {
        /// Its name.
        name: String,
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// It is there and cannot be used.
    #[error("the model of sentences {}: {problem}; search by meaning does without. Fetch it again with `lineside model pull`", path.display())]
    Unusable {
        /// Its file or folder.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
}

/// A model that is loaded.
pub struct Embedder {
    name: String,
    tokenizer: Tokenizer,
    network: Bert,
    thread: ThreadPool,
}

impl Embedder {
    /// Loads the model of a folder. Blocks, for half a second and more.
    pub fn load(folder: &Path) -> Result<Self, MeaningError> {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if FILES.iter().any(|file| !folder.join(file).is_file()) {
            return Err(MeaningError::Absent { name, folder: folder.into() });
        }
        let unusable = |file: &str, problem: String| MeaningError::Unusable { path: folder.join(file), problem };
        let [config, tokenizer, weights] = FILES;
        let read = |file: &str| std::fs::read(folder.join(file)).map_err(|error| unusable(file, error.to_string()));
        let parsed: Config =
            serde_json::from_slice(&read(config)?).map_err(|error| unusable(config, error.to_string()))?;
        let thread = ThreadPoolBuilder::new()
            .num_threads(1)
            .thread_name(|_| "meaning".into())
            .start_handler(|_| crate::priority::background())
            .build()
            .map_err(|error| unusable("", error.to_string()))?;
        let bytes = read(weights)?;
        let network = Bert::new(&parsed, &bytes).map_err(|problem| unusable(weights, problem))?;
        let mut tokens =
            Tokenizer::from_bytes(read(tokenizer)?).map_err(|error| unusable(tokenizer, error.to_string()))?;
        let most =
            TruncationParams { max_length: MOST_TOKENS.min(network.most_tokens()), ..TruncationParams::default() };
        tokens
            .with_padding(None)
            .with_truncation(Some(most))
            .map_err(|error| unusable(tokenizer, error.to_string()))?;
        Ok(Self { name, tokenizer: tokens, network, thread })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Numbers of a vector.
    pub fn width(&self) -> usize {
        self.network.width()
    }

    /// A line's vector, of length 1. Blocks: some milliseconds, and until the line before is done.
    pub fn embed(&self, line: &str) -> Vec<f32> {
        self.thread.install(|| {
            // A tokeniser that cannot split a line leaves it without tokens.
            let tokens = self.tokenizer.encode(line, true).map(|found| found.get_ids().to_vec()).unwrap_or_default();
            self.network.embed(&tokens)
        })
    }
}

impl std::fmt::Debug for Embedder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Embedder").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The published model, where `packaging/models/sentences` has put it.
    pub(crate) fn published() -> Option<PathBuf> {
        let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        let cache = cache.or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache")))?;
        let folder = cache.join("lineside/models/all-MiniLM-L6-v2");
        folder.join(FILES[2]).is_file().then_some(folder)
    }

    pub(crate) const ABSENT: &str = "skipped: all-MiniLM-L6-v2 is not here; packaging/models/sentences fetches it";

    fn cosine(one: &[f32], other: &[f32]) -> f32 {
        one.iter().zip(other).map(|(a, b)| a * b).sum()
    }

    #[test]
    fn its_vectors_are_those_that_32_bit_floats_give() {
        let Some(folder) = published() else { return eprintln!("{ABSENT}") };
        let embedder = Embedder::load(&folder).expect("whole");
        let mut least = 1.0_f32;
        for reference in include_str!("../../tests/meaning/reference.tsv").lines() {
            let (line, numbers) = reference.split_once('\t').expect("a line and its vector");
            let expected: Vec<f32> = numbers.split(' ').map(|number| number.parse().expect("a number")).collect();
            let found = embedder.embed(line);
            assert_eq!(found.len(), expected.len());
            assert!((cosine(&found, &found) - 1.0).abs() < 1e-4, "{line}: not of length 1");
            let near = cosine(&found, &expected);
            println!("{near:.4} {line}");
            least = least.min(near);
        }
        assert!(least > 0.985, "{least}");
    }

    #[test]
    fn lines_that_mean_the_same_are_nearer_than_lines_about_something_else() {
        let Some(folder) = published() else { return eprintln!("{ABSENT}") };
        let embedder = Embedder::load(&folder).expect("whole");
        let asked = embedder.embed("package marked as arrived yet missing");
        let meant = cosine(&asked, &embedder.embed("The parcel says delivered but there is nothing on my porch."));
        let other = cosine(&asked, &embedder.embed("Our internet goes down every evening round about eight o'clock."));
        assert!(meant > other + 0.2, "{meant} {other}");
    }

    #[test]
    fn a_line_of_any_length_has_a_vector() {
        let Some(folder) = published() else { return eprintln!("{ABSENT}") };
        let embedder = Embedder::load(&folder).expect("whole");
        for line in ["", "\u{0}\u{feff}", &"word ".repeat(5000), "ตัวอย่าง 例え 🙂"] {
            assert!(embedder.embed(line).iter().all(|number| number.is_finite()));
        }
    }

    #[test]
    fn a_folder_that_is_no_model_is_an_error_that_names_the_file() {
        let home = tempfile::tempdir().expect("temp dir");
        let folder = home.path().join("m");
        let problem = || Embedder::load(&folder).expect_err("no model").to_string();
        assert!(problem().contains("lineside model pull m"), "{}", problem());
        std::fs::create_dir(&folder).expect("folder");
        let put = |file: &str, bytes: &[u8]| std::fs::write(folder.join(file), bytes).expect("write");
        for file in FILES {
            put(file, b"{}");
        }
        assert!(problem().contains("config.json"), "{}", problem());
        let config = r#"{"model_type": "bert", "hidden_act": "gelu", "hidden_size": 8, "intermediate_size": 16, "num_attention_heads": 2,
            "num_hidden_layers": 1, "layer_norm_eps": 1e-12, "vocab_size": 9, "max_position_embeddings": 6}"#;
        put("config.json", config.as_bytes());
        assert!(problem().contains("model.safetensors"), "{}", problem());
        put("config.json", config.replace("\"num_attention_heads\": 2", "\"num_attention_heads\": 3").as_bytes());
        assert!(problem().contains("sizes"), "{}", problem());
    }
}
