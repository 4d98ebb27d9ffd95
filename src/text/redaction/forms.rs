//! The numbers that packs describe: national ids, each as a form like `999-99-9999`.

use regex::Regex;

/// A form: what it looks like, what it never is, when it is believed.
#[derive(Clone, Debug)]
pub struct Form {
    /// The stand-in that is written in its place, without brackets.
    pub label: String,
    /// `9` is a digit, `A` a letter; anything else stands where people may write a mark or a space.
    shape: String,
    /// Patterns of numbers that are not valid, over digits and letters alone.
    except: Vec<Regex>,
    /// Words that announce it.
    near: Vec<String>,
    /// Whether it is believed without those words.
    alone: bool,
}

impl PartialEq for Form {
    fn eq(&self, other: &Self) -> bool {
        let except = |form: &Self| form.except.iter().map(|regex| regex.as_str().to_string()).collect::<Vec<_>>();
        (&self.label, &self.shape, &self.near, self.alone) == (&other.label, &other.shape, &other.near, other.alone)
            && except(self) == except(other)
    }
}

impl Form {
    /// Checks a form as a pack gives it. The error says what is wrong with which key.
    pub fn new(label: &str, form: &str, except: &[String], near: Vec<String>, alone: bool) -> Result<Self, String> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        if label.is_empty() || label.len() > 20 || !label.chars().all(fits) {
            return Err(format!("label {label:?} must be 1 to 20 of a-z, 0-9, - and _: it is written as [{label}]"));
        }
        let size = form.chars().filter(|c| matches!(c, '9' | 'A')).count();
        let other = form.chars().find(|c| !matches!(c, '9' | 'A' | '-' | ' ' | '.' | '/'));
        if let Some(other) = other {
            return Err(format!(
                "form {form:?} holds {other:?}; 9 stands for a digit, A for a letter, between them - . / or a space"
            ));
        }
        if !(5..=34).contains(&size) {
            return Err(format!(
                "form {form:?} has {size} digits and letters; 5 to 34 are allowed, fewer would hide half of what is said"
            ));
        }
        if near.is_empty() && !alone {
            return Err("near is empty and alone is not set: the form would never be found".into());
        }
        let except = except
            .iter()
            .map(|text| Regex::new(&format!("^(?:{text})$")).map_err(|error| format!("except {text:?}: {error}")))
            .collect::<Result<_, _>>()?;
        Ok(Self { label: label.into(), shape: form.into(), except, near, alone })
    }

    /// The form without its marks.
    fn bare(&self) -> impl Iterator<Item = char> + Clone + '_ {
        self.shape.chars().filter(|c| matches!(c, '9' | 'A'))
    }

    /// Number of its digits and letters.
    pub(super) fn size(&self) -> usize {
        self.bare().count()
    }

    /// Whether digits and letters in upper case are such a number.
    pub(super) fn fits(&self, text: &str) -> bool {
        text.len() == self.size()
            && text.chars().zip(self.bare()).all(|(c, shape)| match shape {
                '9' => c.is_ascii_digit(),
                _ => c.is_ascii_uppercase(),
            })
            && !self.except.iter().any(|regex| regex.is_match(text))
    }

    /// Whether a text is written with the form's own marks, which tells it from any other number of its length.
    pub(super) fn is_written(&self, text: &str) -> bool {
        let marks = self.shape.chars().any(|c| !matches!(c, '9' | 'A'));
        marks
            && text.chars().count() == self.shape.chars().count()
            && text.chars().zip(self.shape.chars()).all(|(c, shape)| match shape {
                '9' => c.is_ascii_digit(),
                'A' => c.is_ascii_alphabetic(),
                mark => c == mark,
            })
    }

    /// Whether it needs nobody to announce it.
    pub(super) fn alone(&self) -> bool {
        self.alone
    }

    /// Finds the words that announce it; `None` without any.
    pub(super) fn near(&self) -> Option<Regex> {
        let words: Vec<String> =
            self.near.iter().map(|words| regex::escape(words.trim()).replace(' ', r"\s+")).collect();
        Regex::new(&format!(r"(?i)\b(?:{})\b", words.join("|"))).ok().filter(|_| !words.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_that_could_never_match_or_would_match_everything_is_refused() {
        let wrong = |label: &str, form: &str, except: &[String], near: &[&str], alone| {
            let near = near.iter().map(|&word| word.to_owned()).collect();
            Form::new(label, form, except, near, alone).expect_err("refused")
        };
        assert!(wrong("SSN", "999-99-9999", &[], &["ssn"], false).contains("a-z"));
        assert!(wrong("ssn", "9X9-99", &[], &["ssn"], false).contains("'X'"));
        assert!(wrong("pin", "9999", &[], &["pin"], false).contains("4 digits"));
        assert!(wrong("ssn", "999-99-9999", &[], &[], false).contains("never be found"));
        assert!(wrong("ssn", "999-99-9999", &["(".into()], &["ssn"], false).contains("except"));
    }
}
