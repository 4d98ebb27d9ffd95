//! Whisper's languages, and the case of a configured language that the model does not know.
//!
//! An English model writes everything as English, whatever language is configured: whisper.cpp and CTranslate2 both ignore the setting.

use super::engine::Engine;

/// Whether it is a code that Whisper's models know.
pub fn is_code(code: &str) -> bool {
    codes().any(|known| known == code)
}

/// Whisper's codes, in its order.
pub fn codes() -> impl Iterator<Item = &'static str> {
    (0..=whisper_rs::get_lang_max_id()).filter_map(whisper_rs::get_lang_str)
}

/// A language's name in English (`Swahili`); the code itself where Whisper does not know it.
pub fn name(code: &str) -> String {
    let known = (0..=whisper_rs::get_lang_max_id()).find(|id| whisper_rs::get_lang_str(*id) == Some(code));
    let name = known.and_then(whisper_rs::get_lang_str_full).unwrap_or(code);
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The part of the configured language (`None`: detect it) that an engine cannot follow, with the remedy; nothing where it can.
pub fn unheeded(engine: &dyn Engine, language: Option<&str>) -> Option<String> {
    if engine.multilingual() || language == Some("en") {
        return None;
    }
    Some(format!(
        "{} knows English alone, and language is {:?}: everything is written down as if it were English. Take a multilingual model (a name without .en, \
         as `lineside model pull base-q8_0`), or set language = \"en\"",
        engine.name(),
        language.unwrap_or("auto")
    ))
}

#[cfg(test)]
mod tests {
    use super::super::engine::{EngineError, Session};
    use super::*;

    struct Fixed(bool);

    impl Engine for Fixed {
        fn name(&self) -> &'static str {
            "whisper/tiny.en"
        }
        fn multilingual(&self) -> bool {
            self.0
        }
        fn session(&self) -> Result<Box<dyn Session>, EngineError> {
            Err(EngineError::Inference("none here".into()))
        }
    }

    #[test]
    fn an_english_model_is_told_apart_from_what_it_is_asked_for() {
        for language in [Some("es"), None] {
            let problem = unheeded(&Fixed(false), language).expect("unheeded");
            assert!(problem.contains("whisper/tiny.en") && problem.contains(language.unwrap_or("auto")), "{problem}");
            assert!(problem.contains("model pull"), "{problem}");
            assert_eq!(unheeded(&Fixed(true), language), None);
        }
        assert_eq!(unheeded(&Fixed(false), Some("en")), None);
    }

    #[test]
    fn codes_are_those_of_whisper() {
        assert!(is_code("en") && is_code("es") && is_code("yue"));
        assert!(!is_code("xx") && !is_code("spanish") && !is_code("EN") && !is_code("e\0n") && !is_code(""));
        assert_eq!((codes().count(), codes().next()), (100, Some("en")));
        assert_eq!((name("sw"), name("en"), name("tlh")), ("Swahili".into(), "English".into(), "Tlh".into()));
    }
}
