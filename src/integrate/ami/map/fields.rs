//! Fields of events, as far as they can be believed.

use crate::call::CallId;
use crate::integrate::ami::message::AmiMessage;

/// Characters of a text that Asterisk gives.
const TEXT: usize = 120;

/// `16 Normal Clearing`
pub(super) fn cause(event: &AmiMessage) -> Option<String> {
    let number = event.get("Cause")?;
    Some(text(&format!("{number} {}", event.get("Cause-txt").unwrap_or_default())).trim().to_string())
}

/// A telephone number as Asterisk gives it; `<unknown>` and names are none.
pub(super) fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or(text);
    (3..=18).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// A text of somebody else, on one line and no longer than a line.
pub(super) fn text(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(TEXT).collect()
}

/// A field that names something; one that is empty, too long to be a name, or no line, is none.
pub(super) fn id_of<'a>(event: &'a AmiMessage, name: &str) -> Option<&'a str> {
    let fits = |value: &&str| !value.is_empty() && value.len() <= CallId::MAX_LEN && !value.contains(char::is_control);
    event.get(name).filter(fits)
}
