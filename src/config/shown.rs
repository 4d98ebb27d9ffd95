//! The settings for whoever looks after the box: value, file and line, what each does; nothing secret.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::documented::{DocumentedSection, DocumentedSetting, sections};
use super::fragments::sources;
use super::mistake::{ConfigError, line_of};
use crate::contract::settings::{ShownSetting, ShownSettings};

/// Values that nobody is shown: (section, key).
const SECRETS: [(&str, &str); 5] =
    [("http", "token"), ("ingest", "token"), ("notify", "key"), ("notify", "secret"), ("notify", "url")];
/// What stands in their place.
const MASK: &str = "\"…\"";

/// The settings of a configuration and of the files in `conf.d` beside it. `read_at` as RFC 3339.
pub fn shown(path: Option<&Path>, read_at: String) -> Result<ShownSettings, ConfigError> {
    let files = sources(path)?;
    let mut tables = Vec::new();
    for (file, text) in &files {
        // Whoever is shown these has a daemon that was started with them: they can be read.
        let table = toml::from_str::<Table>(text).unwrap_or_default();
        tables.push((file.as_path(), text.as_str(), table));
    }
    let settings = sections().into_iter().filter(|section| !section.name.is_empty());
    Ok(ShownSettings {
        read_at,
        files: files.iter().map(|(file, _)| file.display().to_string()).collect(),
        changed: Vec::new(),
        settings: settings.flat_map(|section| of_section(section, &tables)).collect(),
    })
}

type Source<'a> = (&'a Path, &'a str, Table);

fn of_section(section: DocumentedSection, tables: &[Source]) -> Vec<ShownSetting> {
    let DocumentedSection { name, is_list, settings, .. } = section;
    if !is_list {
        return settings.into_iter().map(|setting| single(&name, setting, tables)).collect();
    }
    let mut all = Vec::new();
    for (number, (file, text, number_there, block)) in blocks_of(&name, tables).into_iter().enumerate() {
        for DocumentedSetting { key, doc, .. } in &settings {
            let Some(value) = block.get(key) else { continue };
            let line = line_of_block(text, &name, number_there, key);
            all.push(setting(
                format!("{name} {}", number + 1),
                &name,
                key,
                Some(value),
                place(file, line),
                doc.clone(),
            ));
        }
    }
    all
}

/// The blocks of a section that count, each with its file, the text of this and its number there, from 0: those of all files, as `Config::load` joins
/// them.
fn blocks_of<'a>(name: &str, tables: &'a [Source]) -> Vec<(&'a Path, &'a str, usize, &'a Value)> {
    let mut all = Vec::new();
    for (file, text, table) in tables {
        let Some(blocks) = value_of(table, name).and_then(Value::as_array) else { continue };
        if blocks.is_empty() {
            all.clear();
        }
        all.extend(blocks.iter().enumerate().map(|(number, block)| (*file, *text, number, block)));
    }
    all
}

fn single(section: &str, documented: DocumentedSetting, tables: &[Source]) -> ShownSetting {
    let DocumentedSetting { key, value, is_default, doc } = documented;
    let set = tables.iter().rev().find_map(|(file, text, table)| {
        let value = value_of(table, section)?.get(&key)?;
        Some((value, place(file, line_of(text, section, &key, ""))))
    });
    match set {
        Some((value, set_in)) => setting(section.into(), section, &key, Some(value), set_in, doc),
        None => ShownSetting {
            value: is_default.then_some(value),
            ..setting(section.into(), section, &key, None, String::new(), doc)
        },
    }
}

/// What a file has under the name of a section, `insights.llm` in `insights`.
fn value_of<'a>(table: &'a Table, section: &str) -> Option<&'a Value> {
    let mut names = section.split('.');
    let first = table.get(names.next()?)?;
    names.try_fold(first, |value, name| value.get(name))
}

fn place(file: &Path, line: Option<usize>) -> String {
    line.map_or_else(|| file.display().to_string(), |line| format!("{}:{line}", file.display()))
}

fn setting(
    shown: String,
    section: &str,
    key: &str,
    value: Option<&Value>,
    set_in: String,
    about: String,
) -> ShownSetting {
    let masked = value.is_some() && SECRETS.contains(&(section, key));
    let value = value.map(|value| if masked { masked_value(key, value) } else { value.to_string() });
    let set_in = Some(set_in).filter(|place| !place.is_empty());
    ShownSetting { section: shown, key: key.into(), value, set_in, masked, about }
}

/// Of an address its scheme and host, which say where it goes; the rest may let others send there.
fn masked_value(key: &str, value: &Value) -> String {
    let Some((scheme, rest)) = value.as_str().filter(|_| key == "url").and_then(|url| url.split_once("://")) else {
        return MASK.into();
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default();
    format!("\"{scheme}://{host}/…\"")
}

/// The line of a key in the so-manyth block of a list.
fn line_of_block(text: &str, section: &str, number: usize, key: &str) -> Option<usize> {
    let head = format!("[[{section}]]");
    let begin = text.lines().enumerate().filter(|(_, line)| line.trim().starts_with(&head)).nth(number)?.0;
    let rest: Vec<&str> = text.lines().skip(begin).collect();
    let block = rest.iter().skip(1).take_while(|line| !line.trim().starts_with('['));
    let place = block.clone().position(|line| line.split('=').next().is_some_and(|name| name.trim() == key))?;
    Some(begin + place + 2)
}

/// Files whose last change came after the settings were read.
pub fn changed_since(files: &[String], read_at_ms: i64) -> Vec<String> {
    let is_newer = |file: &&String| {
        let changed = std::fs::metadata(PathBuf::from(file)).and_then(|file| file.modified()).ok();
        let since = changed.and_then(|changed| changed.duration_since(std::time::UNIX_EPOCH).ok());
        since.is_some_and(|since| since.as_millis() as i64 > read_at_ms)
    };
    files.iter().filter(is_newer).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_is_shown_with_where_it_comes_from_and_no_secret_is() {
        let root = tempfile::tempdir().expect("temp dir");
        let folder = root.path().join("conf.d");
        std::fs::create_dir(&folder).expect("mkdir");
        let main = root.path().join("lineside.toml");
        std::fs::write(&main, "[http]\ntoken = \"hush-hush\"\nlisten = \"127.0.0.1:1\"\n").expect("write");
        let more = "[http]\nlisten = \"127.0.0.1:2\"\n\n[[notify]]\nname = \"a\"\nkind = \"slack\"\nurl = \"https://hooks.slack.com/services/T0/SECRET\"\n\
                    [[notify]]\nname = \"b\"\nkind = \"smtp\"\nurl = \"smtps://u:pass-word@mail.example.com\"\nfrom = \"a@b.c\"\nto = [\"a@b.c\"]\n";
        std::fs::write(folder.join("50-mine.toml"), more).expect("write");
        let all = shown(Some(&main), "T".into()).expect("read");
        let of = |section: &str, key: &str| {
            let found = all.settings.iter().find(|one| one.section == section && one.key == key);
            found.unwrap_or_else(|| panic!("{section} {key}")).clone()
        };
        let mine = folder.join("50-mine.toml").display().to_string();
        let listen = of("http", "listen");
        assert_eq!((listen.value.as_deref(), listen.set_in), (Some("\"127.0.0.1:2\""), Some(format!("{mine}:2"))));
        let token = of("http", "token");
        assert_eq!((token.value.as_deref(), token.masked), (Some(MASK), true));
        let open = of("http", "open");
        assert_eq!((open.value.as_deref(), open.set_in, open.masked), (Some("false"), None, false));
        assert_eq!(of("http", "tls_key").value, None, "an example is no value");
        assert_eq!(of("notify 1", "url").value.as_deref(), Some("\"https://hooks.slack.com/…\""));
        let second = of("notify 2", "url");
        assert_eq!(
            (second.value.as_deref(), second.set_in),
            (Some("\"smtps://mail.example.com/…\""), Some(format!("{mine}:11")))
        );
        let text = serde_json::to_string(&all).expect("JSON");
        for secret in ["hush-hush", "SECRET", "pass-word"] {
            assert!(!text.contains(secret), "{secret}");
        }
        assert_eq!(changed_since(&all.files, 0).len(), 2);
        assert!(changed_since(&all.files, i64::MAX).is_empty());
    }

    #[test]
    fn the_blocks_of_all_files_are_shown_each_with_its_file() {
        let root = tempfile::tempdir().expect("temp dir");
        let folder = root.path().join("conf.d");
        std::fs::create_dir(&folder).expect("mkdir");
        let main = root.path().join("lineside.toml");
        std::fs::write(&main, "").expect("write");
        std::fs::write(folder.join("50-a.toml"), "[[tap]]\nmatch = \"a\"\n[[tap]]\nmatch = \"b\"\n").expect("write");
        std::fs::write(folder.join("60-b.toml"), "# mine\n[[tap]]\nmatch = \"c\"\n").expect("write");
        let shown_taps = || {
            let all = shown(Some(&main), "T".into()).expect("read").settings;
            let taps = all.into_iter().filter(|one| one.key == "match");
            taps.map(|one| (one.section, one.value.unwrap_or_default(), one.set_in.unwrap_or_default()))
                .collect::<Vec<_>>()
        };
        let place = |file: &str| folder.join(file).display().to_string();
        let wanted =
            [("tap 1", "\"a\"", "50-a.toml:2"), ("tap 2", "\"b\"", "50-a.toml:4"), ("tap 3", "\"c\"", "60-b.toml:3")];
        assert_eq!(shown_taps(), wanted.map(|(tap, value, file)| (tap.to_string(), value.to_string(), place(file))));
        std::fs::write(folder.join("70-c.toml"), "tap = []\n").expect("write");
        assert!(shown_taps().is_empty());
    }

    #[test]
    fn every_key_whose_name_sounds_secret_is_masked_or_names_a_file() {
        // Files and credentials, and switches.
        let known = [
            ("http", "token_in_query"),
            ("http", "tls_key"),
            ("remote", "key"),
            ("privacy", "audio_key"),
            ("privacy", "old_audio_keys"),
        ];
        for section in sections() {
            for DocumentedSetting { key, .. } in section.settings {
                let sounds = ["token", "secret", "password", "_key", "key"]
                    .iter()
                    .any(|word| key == *word || key.contains(word));
                let sounds = sounds && !key.ends_with("_file") && !key.ends_with("_keys");
                let pair = (section.name.as_str(), key.as_str());
                assert!(!sounds || SECRETS.contains(&pair) || known.contains(&pair), "{pair:?} may be a secret");
            }
        }
    }
}
