//! `[dialer]`: the database of ViciDial, FreePBX or Issabel, which is read to learn whose calls are heard.

use std::path::PathBuf;

use serde::Deserialize;

use super::mistake::Mistake;

/// Whose database is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DialerChoice {
    /// ViciDial's where its file can be read and names a database, else none.
    #[default]
    Auto,
    /// ViciDial's.
    Vicidial,
    /// That of FreePBX or Issabel.
    Freepbx,
    /// None.
    Off,
}

/// `[dialer]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DialerSection {
    /// Whose database is read.
    pub kind: DialerChoice,
    /// ViciDial's own configuration, which names its database. What stands here comes before it.
    pub astguiclient: PathBuf,
    /// Name or address of the database's machine.
    pub host: Option<String>,
    /// Its port; 3306 when nothing names one.
    pub port: Option<u16>,
    /// Socket of the database, instead of host and port.
    pub socket: Option<PathBuf>,
    /// Who reads: a user of the database.
    pub user: Option<String>,
    /// File whose first line is that user's password; by default the systemd credential `dialer-password`.
    pub password_file: Option<PathBuf>,
    /// Name of the database.
    pub database: Option<String>,
    /// `HOST` or `HOST:PORT` of a replica, which is read instead.
    pub replica: Option<String>,
    /// Asterisk's log of its queues, which coverage reads on FreePBX and Issabel.
    pub queue_log: PathBuf,
    /// Seconds between two looks at the running calls.
    pub poll_s: u32,
    /// Calls that are older are not asked about any more.
    pub days: u32,
}

impl Default for DialerSection {
    fn default() -> Self {
        Self {
            kind: DialerChoice::Auto,
            astguiclient: "/etc/astguiclient.conf".into(),
            host: None,
            port: None,
            socket: None,
            user: None,
            password_file: None,
            database: None,
            replica: None,
            queue_log: "/var/log/asterisk/queue_log".into(),
            poll_s: 1,
            days: 3,
        }
    }
}

impl DialerSection {
    pub(super) fn check(&self) -> Result<(), Mistake> {
        let paths = [
            ("astguiclient", Some(&self.astguiclient)),
            ("queue_log", Some(&self.queue_log)),
            ("socket", self.socket.as_ref()),
            ("password_file", self.password_file.as_ref()),
        ];
        for (key, path) in paths {
            if let Some(path) = path.filter(|path| !path.is_absolute()) {
                return Err(("dialer", key, format!("{} is not an absolute path", path.display())));
            }
        }
        let words = [("host", &self.host), ("user", &self.user), ("database", &self.database)];
        for (key, word) in words {
            if let Some(word) = word.as_ref().filter(|word| word.is_empty() || word.contains(char::is_whitespace)) {
                return Err(("dialer", key, format!("{word:?} is not a name")));
            }
        }
        if let Some(replica) = &self.replica
            && host_and_port(replica).is_none()
        {
            return Err(("dialer", "replica", format!("{replica:?} is not HOST or HOST:PORT")));
        }
        for (key, value, high) in [("poll_s", self.poll_s, 60), ("days", self.days, 31)] {
            if !(1..=high).contains(&value) {
                return Err(("dialer", key, format!("{value} is not from 1 to {high}")));
            }
        }
        Ok(())
    }

    /// The replica's host and port, where one is named.
    pub fn replica(&self) -> Option<(String, Option<u16>)> {
        self.replica.as_deref().and_then(host_and_port)
    }
}

/// `HOST`, `HOST:PORT` or `[ADDRESS]:PORT`.
fn host_and_port(text: &str) -> Option<(String, Option<u16>)> {
    let bare = |host: &str| host.trim_matches(['[', ']']).to_string();
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (bare(host), Some(port.parse().ok()?)),
        _ => (bare(text), None),
    };
    (!host.is_empty() && !host.contains(char::is_whitespace)).then_some((host, port))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Config;

    fn read(text: &str) -> Result<DialerSection, String> {
        let config = Config::parse(Path::new("x.toml"), text).map_err(|error| error.to_string())?;
        Ok(config.dialer)
    }

    #[test]
    fn what_would_not_work_is_refused_with_its_line() {
        assert_eq!(read("").expect("empty").kind, DialerChoice::Auto);
        let replica = read("[dialer]\nkind = \"vicidial\"\nreplica = \"10.0.0.2:3307\"\n").expect("well made");
        assert_eq!((replica.kind, replica.replica()), (DialerChoice::Vicidial, Some(("10.0.0.2".into(), Some(3307)))));
        assert_eq!(host_and_port("[::1]:3307"), Some(("::1".into(), Some(3307))));
        assert_eq!(host_and_port("::1"), Some(("::1".into(), None)));
        for (wrong, told) in [
            ("kind = \"asterisk\"", "freepbx"),
            ("replica = \"db:\"", "HOST:PORT"),
            ("socket = \"mysql.sock\"", "absolute"),
            ("user = \"\"", "name"),
            ("poll_s = 0", "from 1 to 60"),
            ("password = \"x\"", "password_file"),
        ] {
            let error = read(&format!("[dialer]\n{wrong}\n")).expect_err("wrong");
            assert!(error.contains("line 2") && error.contains(told), "{error}");
        }
    }
}
