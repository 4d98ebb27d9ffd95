//! ViciDial's own configuration, `/etc/astguiclient.conf`: lines of `KEY => value`; `#` and `;` begin comments. Of its keys those are read that name
//! the database, the server and the folders of recordings. ViciDial takes the last of two lines with one key, and so does this.

use std::path::{Path, PathBuf};

/// The largest file that is read; ViciDial's has some 5 kB.
const LONGEST: u64 = 1 << 20;

/// What it says of the database and of recordings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Astguiclient {
    /// `VARDB_server`
    pub host: Option<String>,
    /// `VARDB_port`
    pub port: Option<u16>,
    /// `VARDB_database`
    pub database: Option<String>,
    /// `VARDB_user`
    pub user: Option<String>,
    /// `VARDB_pass`
    pub password: Option<String>,
    /// `VARserver_ip`: how this server calls itself in the tables.
    pub server_ip: Option<String>,
    /// `PATHmonitor`: where Asterisk records.
    pub monitor: Option<PathBuf>,
    /// `PATHDONEmonitor`: where recordings are moved to.
    pub done: Option<PathBuf>,
    /// Lines that were not understood, from 1. They are none of the keys of the database.
    pub not_understood: Vec<usize>,
}

/// Why it serves for nothing.
#[derive(Debug, thiserror::Error)]
pub enum AstguiclientError {
    /// It cannot be read.
    #[error("{path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A line that is needed is wrong.
    #[error("{path}: line {line}: {problem}")]
    Wrong {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// It is no such file.
    #[error("{path}: {problem}")]
    Nonsense {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        problem: String,
    },
}

impl AstguiclientError {
    /// Whether there is no such file: this is no server of ViciDial's.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Read { source, .. } if source.kind() == std::io::ErrorKind::NotFound)
    }
}

impl Astguiclient {
    /// The folders of recordings that it names; one inside the other is not named by itself.
    pub fn folders(&self) -> Vec<PathBuf> {
        let named = || self.monitor.iter().chain(&self.done);
        let mut folders: Vec<PathBuf> = Vec::new();
        for folder in named() {
            let is_inside = named().any(|other| folder != other && folder.starts_with(other));
            if !is_inside && !folders.contains(folder) {
                folders.push(folder.clone());
            }
        }
        folders
    }
}

/// Reads the file.
pub fn read(path: &Path) -> Result<Astguiclient, AstguiclientError> {
    let fail = |source| AstguiclientError::Read { path: path.into(), source };
    let size = std::fs::metadata(path).map_err(fail)?.len();
    if size > LONGEST {
        let problem = format!("{size} bytes are no configuration of ViciDial's");
        return Err(AstguiclientError::Nonsense { path: path.into(), problem });
    }
    let bytes = std::fs::read(path).map_err(fail)?;
    parse(path, &String::from_utf8_lossy(&bytes))
}

/// The same of a text; `path` is for its errors.
pub fn parse(path: &Path, text: &str) -> Result<Astguiclient, AstguiclientError> {
    let mut found = Astguiclient::default();
    let mut understood = 0;
    for (number, line) in text.lines().enumerate() {
        let wrong = |problem: String| AstguiclientError::Wrong { path: path.into(), line: number + 1, problem };
        let line = line.split(['#', ';']).next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        let (key, value) = line.split_once("=>").unwrap_or((line, ""));
        let (key, value) = (key.trim(), value.trim());
        let is_ours = ["VARDB_server", "VARDB_port", "VARDB_database", "VARDB_user", "VARDB_pass", "VARserver_ip"]
            .iter()
            .any(|ours| key.split_whitespace().next() == Some(ours));
        if !line.contains("=>") || key.is_empty() || key.contains(char::is_whitespace) {
            if is_ours {
                return Err(wrong(format!("{key:?} is not KEY => value")));
            }
            found.not_understood.push(number + 1);
            continue;
        }
        understood += 1;
        if key == "PATHmonitor" || key == "PATHDONEmonitor" {
            let path = Some(Path::new(value)).filter(|path| path.is_absolute()).map(Path::to_path_buf);
            if path.is_none() && !value.is_empty() {
                found.not_understood.push(number + 1);
            }
            *(if key == "PATHmonitor" { &mut found.monitor } else { &mut found.done }) = path;
            continue;
        }
        if !is_ours {
            continue;
        }
        if value.contains(|c: char| c.is_whitespace() || c.is_control() || c == char::REPLACEMENT_CHARACTER) {
            return Err(wrong(format!("the value of {key} has blanks or characters that no name has")));
        }
        let text = (!value.is_empty()).then(|| value.to_string());
        match key {
            "VARDB_server" => found.host = text,
            "VARDB_database" => found.database = text,
            "VARDB_user" => found.user = text,
            "VARDB_pass" => found.password = text,
            "VARserver_ip" => found.server_ip = text,
            _ => {
                let port = text.as_deref().map(str::parse).transpose();
                found.port = port.map_err(|_| wrong(format!("VARDB_port: {value:?} is no port")))?;
            }
        }
    }
    if understood == 0 {
        let problem = "no line of it is KEY => value".into();
        return Err(AstguiclientError::Nonsense { path: path.into(), problem });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(text: &str) -> Result<Astguiclient, String> {
        parse(Path::new("/etc/astguiclient.conf"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn the_database_and_the_server_are_found_among_the_other_keys() {
        let text = "# astguiclient.conf - configuration elements\n\nPATHhome => /usr/share/astguiclient\nVARserver_ip => 10.0.0.9\n\
                    VARDB_server => localhost\nVARDB_database=>asterisk ; the name\nVARDB_user => cron\nVARDB_pass => 1234\nVARDB_port => 3306\n\
                    VARDB_custom_user => custom\nPATHmonitor => /var/spool/asterisk/monitor\n\
                    PATHDONEmonitor => /var/spool/asterisk/monitorDONE\nExpectedDBSchema => 1728\n";
        let wanted = Astguiclient {
            host: Some("localhost".into()),
            port: Some(3306),
            database: Some("asterisk".into()),
            user: Some("cron".into()),
            password: Some("1234".into()),
            server_ip: Some("10.0.0.9".into()),
            monitor: Some("/var/spool/asterisk/monitor".into()),
            done: Some("/var/spool/asterisk/monitorDONE".into()),
            not_understood: Vec::new(),
        };
        assert_eq!(of(text), Ok(wanted));
        let last = of("VARDB_user => a\nsome words\nVARDB_user => b\nVARDB_pass =>\n").expect("usable");
        assert_eq!((last.user.as_deref(), last.password, last.not_understood), (Some("b"), None, vec![2]));
    }

    #[test]
    fn the_folders_of_recordings_are_those_that_it_names() {
        let folders = |text: &str| {
            let found = of(text).expect("usable");
            let names: Vec<String> = found.folders().iter().map(|folder| folder.display().to_string()).collect();
            (names.join(" "), found.not_understood)
        };
        let both = "PATHmonitor => /ram/monitor\nPATHDONEmonitor => /srv/monitorDONE ; on the disk\n";
        assert_eq!(folders(both), ("/ram/monitor /srv/monitorDONE".into(), vec![]));
        let inside = "PATHmonitor => /srv/monitor\nPATHDONEmonitor => /srv/monitor/DONE\n";
        assert_eq!(folders(inside).0, "/srv/monitor");
        assert_eq!(folders("PATHmonitor => /srv/m\nPATHDONEmonitor => /srv/m\n").0, "/srv/m");
        assert_eq!(folders("VARDB_user => cron\nPATHmonitor => monitor\n"), (String::new(), vec![2]), "not absolute");
    }

    #[test]
    fn nonsense_is_refused_with_file_and_line() {
        for (text, told) in [
            ("PATHhome => /x\nVARDB_port => three", "line 2: VARDB_port: \"three\" is no port"),
            ("VARDB_server localhost", "line 1: \"VARDB_server localhost\" is not KEY => value"),
            ("VARDB_user => a b", "line 1: the value of VARDB_user has blanks"),
            ("\u{1}\u{2}<html>", "no line of it is KEY => value"),
        ] {
            let error = of(text).expect_err("nonsense");
            assert!(error.starts_with("/etc/astguiclient.conf: ") && error.contains(told), "{error}");
        }
        let folder = tempfile::tempdir().expect("temp dir");
        assert!(read(&folder.path().join("x")).expect_err("absent").is_absent());
        assert!(!read(folder.path()).expect_err("a folder").is_absent());
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "(VARDB_(port|user) ?=?>? ?)?\\PC{0,40}\n\\PC{0,200}") {
            let _ = of(&text);
        }
    }
}
