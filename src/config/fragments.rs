//! `conf.d`: the admin's own settings in files beside the main one, so that the main one never has to change.
//!
//! All `*.toml` of the folder are read in order of name, after the main file. A key in a later file takes the place of the same key before it, and so
//! does a list of values. Blocks, as `[[notify]]`, are entries: those of all files count, in this order; only an empty list (`notify = []`) takes those
//! before it away. A mistake is named with the file and line that hold it.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::mistake::{ConfigError, Mistake, line_of, named_lines};
use super::whole::{Config, DEFAULT_PATH};

impl Config {
    /// Reads a file and what lies in `conf.d` beside it; without one at the default place the defaults serve.
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        joined(&sources(path)?)
    }

    /// The files that [`Config::load`] reads, in that order.
    pub fn files(path: Option<&Path>) -> Result<Vec<PathBuf>, ConfigError> {
        let files = sources(path)?.into_iter().map(|(file, _)| file);
        Ok(files.filter(|file| file.exists()).collect())
    }
}

/// The main file and those of `conf.d` beside it, by their paths, in the order in which they are read.
pub(super) fn sources(path: Option<&Path>) -> Result<Vec<(PathBuf, String)>, ConfigError> {
    let place = path.unwrap_or(Path::new(DEFAULT_PATH));
    let main = match std::fs::read_to_string(place) {
        Ok(text) => text,
        Err(error) if path.is_none() && error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(source) => return Err(ConfigError::Read { path: place.into(), source }),
    };
    let folder = place.parent().unwrap_or(Path::new("/")).join("conf.d");
    let mut files = vec![(place.to_path_buf(), main)];
    for path in listed(&folder)? {
        let text = std::fs::read_to_string(&path).map_err(|source| ConfigError::Read { path: path.clone(), source })?;
        files.push((path, text));
    }
    Ok(files)
}

fn listed(folder: &Path) -> Result<Vec<PathBuf>, ConfigError> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(ConfigError::Read { path: folder.into(), source }),
    };
    let mut files: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
            path.extension().is_some_and(|ext| ext == "toml") && !hidden // `.50-speech.toml` may be an editor's
        })
        .collect();
    files.sort();
    Ok(files)
}

/// Files in the order in which they are read.
fn joined(files: &[(PathBuf, String)]) -> Result<Config, ConfigError> {
    let wrong = |path: &Path, problem: String| ConfigError::Wrong { path: path.into(), problem };
    let mut whole = Table::new();
    for (path, text) in files {
        // Each by itself first: only here is it known which line a wrong word stands in.
        let table = toml::from_str::<Config>(text)
            .and_then(|_| toml::from_str::<Table>(text))
            .map_err(|error| wrong(path, error.to_string().trim_end().to_string()))?;
        merge(&mut whole, table);
    }
    let main = files.first().map_or(Path::new(DEFAULT_PATH), |(path, _)| path);
    let config: Config = Value::Table(whole).try_into().map_err(|error: toml::de::Error| {
        wrong(main, format!("with the files in conf.d: {}", error.to_string().trim_end()))
    })?;
    config.check().map_err(|(section, key, problem): Mistake| {
        let (place, others) = places(files, section, key, &problem);
        match place {
            Some((path, line)) => wrong(path, format!("line {line}: [{section}] {key}: {problem}{others}")),
            None => wrong(main, format!("[{section}] {key}: {problem}")),
        }
    })?;
    Ok(config)
}

/// The file and line of a mistake of the whole, and words about other files that have the same. The last file that sets a key counts; blocks count in
/// all files, so there it is the last one that holds the value.
fn places<'a>(
    files: &'a [(PathBuf, String)],
    section: &str,
    key: &str,
    problem: &str,
) -> (Option<(&'a Path, usize)>, String) {
    let head = format!("[[{section}]]");
    let has_blocks = |text: &str| text.lines().any(|line| line.trim().starts_with(&head));
    let blocks = files.iter().filter(|(_, text)| has_blocks(text));
    let mut named: Vec<(&Path, usize)> = blocks
        .filter_map(|(path, text)| Some((path.as_path(), named_lines(text, section, key, problem).pop()?)))
        .collect();
    let last = named.pop();
    let others: Vec<String> =
        named.iter().map(|(path, line)| format!("; also in {}, line {line}", path.display())).collect();
    let lines = |(path, text): &'a (PathBuf, String)| Some((path.as_path(), line_of(text, section, key, problem)?));
    (last.or_else(|| files.iter().rev().find_map(lines)), others.concat())
}

fn merge(whole: &mut Table, more: Table) {
    for (key, value) in more {
        match (whole.get_mut(&key), value) {
            (Some(Value::Table(before)), Value::Table(after)) => merge(before, after),
            (Some(Value::Array(before)), Value::Array(after)) if are_blocks(&after) => before.extend(after),
            (_, value) => {
                whole.insert(key, value);
            }
        }
    }
}

/// Blocks, as `[[notify]]`, and no list of values; an empty list is none.
fn are_blocks(list: &[Value]) -> bool {
    !list.is_empty() && list.iter().all(Value::is_table)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("temp dir");
        std::fs::create_dir(root.path().join("conf.d")).expect("mkdir");
        for (name, text) in files {
            std::fs::write(root.path().join(name), text).expect("write");
        }
        root
    }

    fn load(root: &tempfile::TempDir) -> Result<Config, ConfigError> {
        Config::load(Some(&root.path().join("lineside.toml")))
    }

    #[test]
    fn a_later_file_takes_the_place_of_a_key_and_leaves_its_neighbours() {
        let root = folder(&[
            (
                "lineside.toml",
                "[recordings]\nfolders = [\"/var/spool/asterisk/monitor\"]\n[speech]\nmodel = \"a\"\nbeam = 2\n",
            ),
            ("conf.d/20-model.toml", "[speech]\nmodel = \"c\"\n"),
            (
                "conf.d/10-site.toml",
                "[speech]\nmodel = \"b\"\n[recordings]\nfolders = [\"/srv/calls\"]\n[http]\nlisten = \"\"\n",
            ),
            ("conf.d/.30-speech.toml", "half wri"),
            ("conf.d/30-speech.toml~", "old"),
        ]);
        let config = load(&root).expect("well made");
        assert_eq!((config.speech.model.as_str(), config.speech.beam), ("c", Some(2)));
        assert_eq!(config.recordings.watched(), [Path::new("/srv/calls")]);
        assert_eq!(config.http.listen, "");
        assert_eq!(config.audiosocket.listen, "127.0.0.1:9093");
    }

    #[test]
    fn blocks_of_several_files_all_count_in_their_order() {
        let notifier = |name: &str| {
            format!("[[notify]]\nname = \"{name}\"\nkind = \"slack\"\nurl = \"https://{name}.example.com\"\n")
        };
        let sales = "[[campaign]]\nname = \"SALES\"\ntext_days = 90\n";
        let root = folder(&[
            ("lineside.toml", "[recordings]\nfolders = [\"/a\"]\n"),
            ("conf.d/50-slack.toml", &(notifier("slack") + sales + "[recordings]\nfolders = [\"/b\", \"/c\"]\n")),
            (
                "conf.d/60-more.toml",
                &(notifier("office") + "[[campaign]]\nname = \"CLAIMS\"\n[[tap]]\nmatch = \"x\"\n"),
            ),
            ("conf.d/70-folders.toml", "[recordings]\nfolders = [\"/d\"]\n[[tap]]\nmatch = \"y\"\n"),
        ]);
        let config = load(&root).expect("well made");
        let notifiers: Vec<&str> = config.notify.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(notifiers, ["slack", "office"]);
        let campaigns: Vec<_> = config.campaign.iter().map(|one| (one.name.as_str(), one.text_days)).collect();
        assert_eq!(campaigns, [("SALES", Some(90)), ("CLAIMS", None)]);
        assert_eq!(config.tap.iter().map(|one| one.matches.as_str()).collect::<Vec<_>>(), ["x", "y"]);
        assert_eq!(config.recordings.watched(), [Path::new("/d")], "a list of values is one value");
        std::fs::write(root.path().join("conf.d/80-none.toml"), "notify = []\n").expect("write");
        assert!(load(&root).expect("well made").notify.is_empty(), "an empty list says that there are none");
    }

    #[test]
    fn a_name_that_two_files_give_is_refused_with_both() {
        let error = |first: &str, second: &str| {
            let root = folder(&[("lineside.toml", ""), ("conf.d/50-a.toml", first), ("conf.d/60-b.toml", second)]);
            let told = load(&root).expect_err("twice").to_string();
            told.replace(&root.path().join("conf.d").display().to_string(), "D")
        };
        let slack =
            |name: &str| format!("[[notify]]\nname = \"{name}\"\nkind = \"slack\"\nurl = \"https://a.example.com\"\n");
        let told = error(&slack("office"), &(slack("other") + &slack("office")));
        assert!(
            told.starts_with("D/60-b.toml: line 6: [notify] name: ") && told.ends_with("also in D/50-a.toml, line 2"),
            "{told}"
        );
        let told = error("# ours\n[[campaign]]\nname = \"SALES\"\n", "[[campaign]]\nname = 'sales'\n");
        assert!(
            told.starts_with("D/60-b.toml: line 2: [campaign]") && told.ends_with("also in D/50-a.toml, line 3"),
            "{told}"
        );
        let list = "[[sentiment]]\nlanguage = \"pt\"\nengine = \"word-list\"\nwords = \"/x\"\n";
        let told = error(list, list);
        assert!(
            told.contains("D/60-b.toml: line 2: [sentiment] language") && told.contains("D/50-a.toml, line 2"),
            "{told}"
        );
        let remote =
            "[[remote]]\nname = \"pbx2\"\nhost = \"b\"\nuser = \"c\"\nkey = \"d\"\npath = \"/{call_id}.gsm\"\n";
        let told = error(remote, remote);
        assert!(told.contains("D/60-b.toml: line 2: [remote] name") && told.contains("D/50-a.toml, line 2"), "{told}");
        // What is wrong with a block of the first file is told of it, though the second has the key too.
        let told = error("[[tap]]\nmatch = \"a\"\nrate = 44100\n", "[[tap]]\nmatch = \"b\"\nrate = 8000\n");
        assert!(told.starts_with("D/50-a.toml: line 3: [tap] rate: 44100"), "{told}");
        let told = error("[[tap]]\nmatch = \"(\"\n", "[[tap]]\nmatch = \"b\"\n");
        assert!(told.starts_with("D/50-a.toml: line 2: [tap] match"), "{told}");
        let told = error(&slack("poor").replace("url", "# url"), &slack("rich"));
        assert!(told.starts_with("D/50-a.toml: line 2: [notify] name: \"poor\" needs url"), "{told}");
        let told = error(&remote.replace("key", "# key"), &remote.replace("pbx2", "pbx3"));
        assert!(told.starts_with("D/50-a.toml: line 2: [remote] name: \"pbx2\" has neither key nor agent"), "{told}");
    }

    #[test]
    fn a_mistake_is_named_with_the_file_and_line_that_hold_it() {
        let error = |fragment: &str| {
            let root = folder(&[("lineside.toml", "[speech]\nworkers = 2\n"), ("conf.d/50-mine.toml", fragment)]);
            load(&root).expect_err("wrong").to_string()
        };
        let unknown = error("[speech]\n\nmodle = \"base\"\n");
        assert!(unknown.contains("conf.d/50-mine.toml") && unknown.contains("line 3"), "{unknown}");
        let kind = error("[speech]\nworkers = \"two\"\n");
        assert!(kind.contains("conf.d/50-mine.toml") && kind.contains("line 2"), "{kind}");
        let range = error("# mine\n[speech]\nworkers = 99\n");
        assert!(range.contains("50-mine.toml: line 3: [speech] workers: 99 is not from 1 to 64"), "{range}");
        let syntax = error("[speech\n");
        assert!(syntax.contains("50-mine.toml") && syntax.contains("line 1"), "{syntax}");
    }

    #[test]
    fn what_only_the_whole_gets_wrong_names_the_file_that_set_it() {
        let listen = "[http]\nlisten = \"0.0.0.0:8123\"\n";
        let root = folder(&[
            ("lineside.toml", ""),
            ("conf.d/a-listen.toml", listen),
            ("conf.d/b-open.toml", "[http]\nopen = true\n"),
        ]);
        let error = load(&root).expect_err("open to everybody").to_string();
        assert!(error.contains("conf.d/b-open.toml: line 2"), "{error}");
        std::fs::write(root.path().join("conf.d/c-access.toml"), "[http]\nopen = false\n").expect("write");
        assert_eq!(load(&root).expect("with its access settings").http.listen, "0.0.0.0:8123");
    }

    #[test]
    fn fragments_that_cannot_be_read_are_an_error_not_a_silence() {
        let root = folder(&[("lineside.toml", "")]);
        std::fs::create_dir(root.path().join("conf.d/dir.toml")).expect("mkdir");
        let error = load(&root).expect_err("a folder").to_string();
        assert!(error.contains("dir.toml"), "{error}");
    }
}
