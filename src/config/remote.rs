//! `[[remote]]`: other servers that recordings are fetched from by sftp.

use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::mistake::Mistake;
use crate::capture::path_template::PathTemplate;

/// `[[remote]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoteSection {
    /// Unique; the queue of what is to be fetched has this name.
    #[serde(deserialize_with = "word")]
    pub name: String,
    /// Name or address of the server.
    #[serde(deserialize_with = "word")]
    pub host: String,
    /// Port of its sshd.
    #[serde(default = "ssh_port")]
    pub port: u16,
    /// Who logs in there.
    #[serde(deserialize_with = "word")]
    pub user: String,
    /// Private key without a passphrase; a name without a slash is a systemd credential.
    #[serde(default, deserialize_with = "credential")]
    pub key: Option<PathBuf>,
    /// Socket of an ssh-agent that holds the key.
    #[serde(default, deserialize_with = "optional_file")]
    pub agent: Option<PathBuf>,
    /// Keys of hosts, as ssh-keyscan writes them. A host that is not in it is not talked to.
    #[serde(default = "known_hosts", deserialize_with = "file")]
    pub known_hosts: PathBuf,
    /// Where a call's recording is there.
    pub path: PathTemplate,
    /// Hosts as ViciDial's `recording_log.location` names them: what lies there is fetched by itself.
    #[serde(default)]
    pub locations: Vec<String>,
    /// Zone of the dates in its paths; unset: this machine's.
    #[serde(default, deserialize_with = "zone")]
    pub time_zone: Option<TimeZone>,
    /// Recordings that are fetched from it at a time.
    #[serde(default = "two", deserialize_with = "within::<_, 1, 16>")]
    pub at_a_time: u32,
    /// Kilobits per second of each of them; 0: as fast as it goes.
    #[serde(default)]
    pub limit_kbit: u32,
    /// A server that sends nothing for so many seconds is given up for this time.
    #[serde(default = "sixty", deserialize_with = "within::<_, 5, 3600>")]
    pub timeout_s: u32,
    /// Seconds before another try; they double with each.
    #[serde(default = "thirty", deserialize_with = "within::<_, 1, 3600>")]
    pub retry_s: u32,
}

const fn ssh_port() -> u16 {
    22
}

const fn two() -> u32 {
    2
}

const fn thirty() -> u32 {
    30
}

const fn sixty() -> u32 {
    60
}

fn known_hosts() -> PathBuf {
    "/etc/lineside/ssh/known_hosts".into()
}

/// A name that ssh and sftp take for nothing else: no option, no list, no `user@host`.
fn word<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let text = String::deserialize(from)?;
    let fits = |c: char| c.is_ascii_alphanumeric() || "._-:".contains(c);
    if text.is_empty() || text.starts_with('-') || text.len() > 200 || !text.chars().all(fits) {
        return Err(D::Error::custom(format!(
            "{text:?} is not a name: letters, digits and . _ - : only, no - in front"
        )));
    }
    Ok(text)
}

fn within<'de, D: Deserializer<'de>, const LOW: u32, const HIGH: u32>(from: D) -> Result<u32, D::Error> {
    let number = u32::deserialize(from)?;
    if (LOW..=HIGH).contains(&number) {
        Ok(number)
    } else {
        Err(D::Error::custom(format!("{number} is not from {LOW} to {HIGH}")))
    }
}

fn zone<'de, D: Deserializer<'de>>(from: D) -> Result<Option<TimeZone>, D::Error> {
    let name = String::deserialize(from)?;
    TimeZone::get(&name)
        .map(Some)
        .map_err(|_| D::Error::custom(format!("{name:?} is no time zone, like \"America/New_York\" or \"UTC\"")))
}

/// A path that stands in an option of ssh as it is: there `%`, `$`, `~`, quotes and blanks mean something.
fn plain<E: Error>(path: &Path) -> Result<(), E> {
    let text = path.to_string_lossy();
    if text.chars().any(|c| c.is_control() || c.is_whitespace() || "%$~\"'\\".contains(c)) {
        return Err(E::custom(format!("{text:?}: ssh takes no blanks, quotes, %, $, ~ or \\ in this path")));
    }
    Ok(())
}

fn file<'de, D: Deserializer<'de>>(from: D) -> Result<PathBuf, D::Error> {
    let path = PathBuf::deserialize(from)?;
    if !path.is_absolute() {
        return Err(D::Error::custom(format!("{} is not an absolute path", path.display())));
    }
    plain(&path)?;
    Ok(path)
}

fn optional_file<'de, D: Deserializer<'de>>(from: D) -> Result<Option<PathBuf>, D::Error> {
    file(from).map(Some)
}

fn credential<'de, D: Deserializer<'de>>(from: D) -> Result<Option<PathBuf>, D::Error> {
    let path = PathBuf::deserialize(from)?;
    if !path.is_absolute() && path.components().count() != 1 {
        let problem = "is neither an absolute path nor the name of a systemd credential";
        return Err(D::Error::custom(format!("{} {problem}", path.display())));
    }
    plain(&path)?;
    Ok(Some(path))
}

impl RemoteSection {
    /// The private key's file: a credential lies where systemd says.
    pub fn key_file(&self) -> Option<PathBuf> {
        let key = self.key.as_ref()?;
        let folder = std::env::var_os("CREDENTIALS_DIRECTORY")
            .map_or_else(|| PathBuf::from("/run/credentials/lineside.service"), PathBuf::from);
        Some(folder.join(key)) // an absolute path stays what it is
    }
}

pub(super) fn check(remotes: &[RemoteSection]) -> Result<(), Mistake> {
    for (place, remote) in remotes.iter().enumerate() {
        if remotes[..place].iter().any(|other| other.name == remote.name) {
            return Err(("remote", "name", format!("two are named {:?}", remote.name)));
        }
        if remote.key.is_none() && remote.agent.is_none() {
            let problem =
                format!("{:?} has neither key nor agent: passwords are not used, see docs/remote.md", remote.name);
            return Err(("remote", "name", problem));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    fn read(more: &str) -> Result<Config, String> {
        let text = format!(
            "[[remote]]\nname = \"pbx2\"\nhost = \"192.168.10.3\"\nuser = \"helpline\"\nkey = \"/etc/lineside/ssh/pbx2\"\n{more}\n"
        );
        Config::parse(std::path::Path::new("x.toml"), &text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_server_is_named_with_its_key_and_the_path_of_its_recordings() {
        let config = read("path = \"/home/dat/helpline/calls/{call_id}.gsm\"").expect("well made");
        let remote = &config.remote[0];
        assert_eq!((remote.port, remote.at_a_time, remote.timeout_s), (22, 2, 60));
        assert_eq!(remote.known_hosts, std::path::Path::new("/etc/lineside/ssh/known_hosts"));
        assert_eq!(remote.key_file().expect("a key"), std::path::Path::new("/etc/lineside/ssh/pbx2"));
    }

    #[test]
    fn what_would_not_work_is_refused_with_its_line() {
        let path = "path = \"/calls/{call_id}.gsm\"";
        for (more, line, says) in [
            ("path = \"/calls/{id}.gsm\"".to_string(), 6, "character 8"),
            (format!("{path}\ntime_zone = \"Mars/Olympus\""), 7, "no time zone"),
            (format!("{path}\nat_a_time = 0"), 7, "from 1 to 16"),
            (format!("{path}\nknown_hosts = \"known_hosts\""), 7, "absolute"),
            (format!("{path}\nagent = \"/run/a b\""), 7, "blanks"),
            (format!("{path}\npassword = \"x\""), 7, "password"),
            (format!("{path}\n[[remote]]\nname = \"-oProxyCommand=x\""), 8, "no - in front"),
        ] {
            let error = read(&more).expect_err(&more);
            assert!(error.contains(&format!("line {line}")) && error.contains(says), "{more}: {error}");
        }
        let second = format!("{path}\n[[remote]]\nname = \"pbx2\"\nhost = \"b\"\nuser = \"c\"\nkey = \"d\"\n{path}");
        assert!(read(&second).expect_err("twice").contains("two are named \"pbx2\""));
        let keyless = format!("{path}\n[[remote]]\nname = \"pbx3\"\nhost = \"b\"\nuser = \"c\"\n{path}");
        assert!(read(&keyless).expect_err("no key").contains("neither key nor agent"));
    }
}
