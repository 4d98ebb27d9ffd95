//! The settings as `etc/lineside.toml` documents them: for the manual `lineside.toml(5)`, and for whoever asks which values hold and where they come from.
//!
//! That file is the one description of a setting. tests/docs/check compares it with what the program knows.

/// The text of `etc/lineside.toml`.
const REFERENCE: &str = include_str!("../../etc/lineside.toml");

/// A section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DocumentedSection {
    /// Its name; empty for what stands before the first one.
    pub name: String,
    /// `[[name]]`: there may be several.
    pub is_list: bool,
    /// What it is for; may be empty.
    pub doc: String,
    /// Its settings, in order.
    pub settings: Vec<DocumentedSetting>,
}

/// A setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentedSetting {
    /// Its key.
    pub key: String,
    /// Its built-in value or, where it has none, an example, as TOML.
    pub value: String,
    /// Whether `value` is what holds without it.
    pub is_default: bool,
    /// What it does.
    pub doc: String,
}

/// All sections, in order; the first one has no name and tells of the file.
pub fn sections() -> Vec<DocumentedSection> {
    let mut all = vec![DocumentedSection::default()];
    for line in REFERENCE.lines() {
        let (text, is_set) = match line.trim().strip_prefix('#') {
            Some(rest) => (rest.trim(), false),
            None => (line.trim(), true),
        };
        read(text, is_set, &mut all);
    }
    joined(all)
}

/// Examples of one kind of block are one section, with each setting once.
fn joined(all: Vec<DocumentedSection>) -> Vec<DocumentedSection> {
    let mut sections: Vec<DocumentedSection> = Vec::new();
    for section in all {
        match sections.iter_mut().find(|before| before.is_list && before.name == section.name) {
            Some(before) => {
                let is_new = |setting: &DocumentedSetting| before.settings.iter().all(|known| known.key != setting.key);
                let new: Vec<DocumentedSetting> = section.settings.into_iter().filter(is_new).collect();
                before.settings.extend(new);
            }
            None => sections.push(section),
        }
    }
    sections
}

fn read(text: &str, is_set: bool, all: &mut Vec<DocumentedSection>) {
    let (code, comment) = without_comment(text);
    if let Some(name) = code.strip_prefix("[[").and_then(|rest| rest.strip_suffix("]]")) {
        all.push(DocumentedSection { name: name.into(), is_list: true, doc: comment.into(), ..Default::default() });
        return;
    }
    if let Some(name) = code.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).filter(|_| is_set) {
        all.push(DocumentedSection { name: name.into(), doc: comment.into(), ..Default::default() });
        return;
    }
    let Some(section) = all.last_mut() else { return };
    let setting = code.split_once(" = ").filter(|(key, _)| key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
    match (setting, section.settings.last_mut()) {
        (Some((key, value)), _) => {
            let (key, value, doc) = (key.trim().into(), value.trim().into(), comment.into());
            section.settings.push(DocumentedSetting { key, value, is_default: is_set, doc });
        }
        // A comment that goes on below.
        (None, Some(last)) if code.is_empty() && !comment.is_empty() => join(&mut last.doc, comment),
        (None, _) => join(&mut section.doc, text),
    }
}

fn join(doc: &mut String, more: &str) {
    if !doc.is_empty() && !more.is_empty() {
        doc.push(' ');
    }
    doc.push_str(more);
}

/// What stands before a comment, and the comment. A `#` between quotes begins none.
fn without_comment(text: &str) -> (&str, &str) {
    let mut is_quoted = false;
    for (place, byte) in text.bytes().enumerate() {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b'#' if !is_quoted => return (text[..place].trim(), text[place + 1..].trim()),
            _ => {}
        }
    }
    (text.trim(), "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_is_read_whole_with_what_it_says_of_each_setting() {
        let all = sections();
        let names: Vec<&str> = all.iter().map(|section| section.name.as_str()).collect();
        assert_eq!(&names[..3], ["", "paths", "http"]);
        assert!(all[0].doc.contains("conf.d") && all[0].settings.is_empty(), "{}", all[0].doc);
        let of = |section: &str, key: &str| {
            let section = all.iter().find(|one| one.name == section).expect("section");
            section.settings.iter().find(|one| one.key == key).expect("setting").clone()
        };
        let listen = of("http", "listen");
        assert!(
            listen.is_default && listen.value == "\"127.0.0.1:8123\"" && listen.doc.contains("the page and the API")
        );
        let token = of("http", "token");
        assert!(!token.is_default && token.doc.contains("one fixed token"));
        let key = of("privacy", "audio_key");
        assert!(
            key.doc.contains("A name without a path is a systemd credential (examples/audio-key.conf)"),
            "{}",
            key.doc
        );
        assert_eq!(of("recordings", "stereo").value, "[\"agent\", \"caller\"]");
        let notify = all.iter().find(|section| section.name == "notify").expect("notify");
        assert!(notify.is_list && notify.settings.len() > 8 && notify.doc.contains("alerts also go there"));
        let keys: Vec<&str> = notify.settings.iter().map(|setting| setting.key.as_str()).collect();
        assert!(keys.contains(&"secret") && keys.contains(&"to"), "of both examples: {keys:?}");
        assert_eq!(keys.iter().filter(|key| **key == "kind").count(), 1);
        let missing: Vec<String> = all
            .iter()
            .flat_map(|section| section.settings.iter().map(move |setting| (section, setting)))
            .filter(|(_, setting)| setting.doc.is_empty())
            .map(|(section, setting)| format!("{}.{}", section.name, setting.key))
            .collect();
        assert!(missing.is_empty(), "without a comment of their own: {missing:?}");
    }
}
