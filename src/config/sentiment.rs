//! `[[sentiment]]`: engines that score other languages, or English otherwise than VADER does.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use super::mistake::Mistake;
use crate::text::PackError;
use crate::text::mood::SentimentEngine;
use crate::text::sentiment::{Engines, ListError, ListFiles, Pattern, WordList};

/// Kinds of engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SentimentKind {
    /// VADER's rules with the words of another language.
    WordList,
    /// Pattern's averages, as TextBlob gives them.
    Pattern,
}

/// `[[sentiment]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SentimentConfig {
    /// The language that it scores, as ISO 639-1 code.
    pub language: String,
    /// `word-list` or `pattern`.
    pub engine: SentimentKind,
    /// File of rated words.
    pub words: PathBuf,
    /// Words that strengthen or weaken the next one; of a `word-list`.
    #[serde(default)]
    pub boosters: Option<PathBuf>,
    /// Words that turn what follows; of a `word-list`.
    #[serde(default)]
    pub negations: Option<PathBuf>,
    /// Words like "but"; of a `word-list`.
    #[serde(default)]
    pub but: Vec<String>,
}

impl SentimentConfig {
    /// Whether its settings go together.
    pub fn check(&self) -> Result<(), Mistake> {
        let of_lists = self.boosters.is_some() || self.negations.is_some() || !self.but.is_empty();
        if self.engine == SentimentKind::Pattern && of_lists {
            let problem = "pattern has a file of words alone: boosters, negations and but belong to a word-list";
            return Err(("sentiment", "language", format!("{:?}: {problem}", self.language)));
        }
        // A list knows single words.
        match self.but.iter().find(|word| word.trim().is_empty() || word.trim().contains(char::is_whitespace)) {
            Some(words) => Err(("sentiment", "but", format!("{words:?} is not one word, as but or mas"))),
            None => Ok(()),
        }
    }

    /// The engine with what its files hold.
    pub fn engine(&self) -> Result<Arc<dyn SentimentEngine>, PackError> {
        let words = text_of(&self.words)?;
        let wrong = |path: &Path, ListError { line, problem }: ListError| fail(path, line, problem);
        match self.engine {
            SentimentKind::Pattern => Ok(Arc::new(Pattern::new(&words).map_err(|error| wrong(&self.words, error))?)),
            SentimentKind::WordList => {
                let more = |path: &Option<PathBuf>| path.as_deref().map_or(Ok(String::new()), text_of);
                let (boosters, negations) = (more(&self.boosters)?, more(&self.negations)?);
                let files = ListFiles { words: &words, boosters: &boosters, negations: &negations };
                // Only words and boosters can be wrong.
                let whose = |error: &ListError| match &self.boosters {
                    Some(path) if error.problem.contains("INCR") => path.clone(),
                    _ => self.words.clone(),
                };
                let list = WordList::new(&files, &self.but).map_err(|error| wrong(&whose(&error), error))?;
                Ok(Arc::new(list))
            }
        }
    }
}

fn text_of(path: &Path) -> Result<String, PackError> {
    std::fs::read_to_string(path).map_err(|error| fail(path, 1, error.to_string()))
}

fn fail(path: &Path, line: usize, message: String) -> PackError {
    PackError { file: path.display().to_string(), line, column: 1, message }
}

/// The engines of all sections.
pub(super) fn engines(all: &[SentimentConfig]) -> Result<Engines, PackError> {
    let mut engines = Engines::default();
    for one in all {
        engines.add(&one.language, one.engine()?);
    }
    Ok(engines)
}

pub(super) fn check(all: &[SentimentConfig]) -> Result<(), Mistake> {
    for (index, one) in all.iter().enumerate() {
        let code = &one.language;
        if code.len() != 2 || !code.bytes().all(|byte| byte.is_ascii_lowercase()) {
            return Err((
                "sentiment",
                "language",
                format!("{code:?} is no language code of two small letters, as pt or de"),
            ));
        }
        if all[..index].iter().any(|other| other.language == *code) {
            return Err(("sentiment", "language", format!("{code:?} has two engines; one scores a language")));
        }
        one.check()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::call::Leg;
    use crate::config::Config;
    use crate::text::Label;
    use std::path::Path;

    fn config(text: &str) -> Result<Config, String> {
        Config::parse(Path::new("lineside.toml"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_list_scores_its_language_and_no_other() {
        let folder = tempfile::tempdir().expect("a folder");
        let words = folder.path().join("pt.txt");
        std::fs::write(&words, "otimo\t3.0\nruim\t-2.5\n").expect("written");
        let text = format!("[[sentiment]]\nlanguage = \"pt\"\nengine = \"word-list\"\nwords = {words:?}\n");
        let analyser = config(&text).expect("well made").analyser().expect("its files are good");
        let label = |language, text: &str| analyser.analyse_in(language, text, Leg::Caller).label;
        assert_eq!(label(Some("pt-BR"), "O serviço é ótimo"), Label::Positive);
        assert_eq!(label(Some("pt"), "good terrible"), Label::Neutral);
        assert_eq!(label(Some("en"), "this is good"), Label::Positive);
        assert_eq!(label(Some("de"), "Das ist gut"), Label::Unavailable);
        assert_eq!(label(None, "this is good"), Label::Positive);
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let wrong = |text: &str| config(text).expect_err("refused");
        let list = "[[sentiment]]\nlanguage = \"pt\"\nengine = \"word-list\"\nwords = \"/x\"\n";
        assert!(wrong(&list.replace("pt", "portuguese")).contains("no language code of two small letters"));
        assert!(wrong(&format!("{list}{list}")).contains("\"pt\" has two engines"));
        assert!(wrong(&list.replace("word-list", "textblob")).contains("unknown variant `textblob`"));
        assert!(wrong(&list.replace("word-list\"", "pattern\"\nbut = [\"mas\"]")).contains("belong to a word-list"));
        for but in ["no entanto", ""] {
            let of_several = wrong(&format!("{list}but = [\"mas\", {but:?}]\n"));
            assert!(of_several.contains("line 5") && of_several.contains("is not one word"), "{of_several}");
        }
        let folder = tempfile::tempdir().expect("a folder");
        let words = folder.path().join("pt.txt");
        std::fs::write(&words, "\nboa sorte\t2.0\n").expect("written");
        let empty = config(&list.replace("/x", &words.display().to_string())).expect("well made").analyser();
        let empty = empty.expect_err("a list that scores nothing").to_string();
        assert!(empty.contains("pt.txt") && empty.contains("no word"), "{empty}");
        let missing = config(list).expect("well made").analyser().expect_err("there is no /x");
        assert!(missing.to_string().contains("/x"), "{missing}");
    }
}
