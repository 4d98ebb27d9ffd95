//! What is known of a server that recordings are fetched from.

use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;

use crate::capture::path_template::PathTemplate;

/// A server.
#[derive(Clone, Debug)]
pub struct RemoteSettings {
    /// Its name in the configuration.
    pub name: String,
    /// Name or address.
    pub host: String,
    /// Port of its sshd.
    pub port: u16,
    /// Who logs in there.
    pub user: String,
    /// File of the private key.
    pub key: Option<PathBuf>,
    /// Socket of an agent that holds it.
    pub agent: Option<PathBuf>,
    /// Keys of hosts.
    pub known_hosts: PathBuf,
    /// Where recordings are there.
    pub path: PathTemplate,
    /// Zone of the dates in their paths.
    pub zone: TimeZone,
    /// Recordings that are fetched at a time.
    pub at_a_time: usize,
    /// Kilobits per second of each; 0: as fast as it goes.
    pub limit_kbit: u32,
    /// How long a server may send nothing.
    pub patience: Duration,
    /// The first pause before another try.
    pub retry: Duration,
}

impl RemoteSettings {
    /// By what is logged in, for people.
    pub(super) fn login(&self) -> String {
        match (&self.key, &self.agent) {
            (Some(key), _) => format!("the key {}", key.display()),
            (None, Some(agent)) => format!("the keys of the agent at {}", agent.display()),
            (None, None) => "no key".into(),
        }
    }

    /// As known_hosts names it.
    pub(super) fn known_as(&self) -> String {
        if self.port == 22 { self.host.clone() } else { format!("[{}]:{}", self.host, self.port) }
    }

    /// What sftp is started with, but for the batch.
    pub(super) fn arguments(&self) -> Vec<String> {
        let mut all: Vec<String> = ["-F", "none", "-P"].map(String::from).into();
        all.push(self.port.to_string());
        if self.limit_kbit > 0 {
            all.extend(["-l".into(), self.limit_kbit.to_string()]);
        }
        let mut options = vec![
            "BatchMode=yes".into(),
            "StrictHostKeyChecking=yes".into(),
            format!("UserKnownHostsFile={}", self.known_hosts.display()),
            "GlobalKnownHostsFile=/dev/null".into(),
            "UpdateHostKeys=no".into(),
            "PreferredAuthentications=publickey".into(),
            "ClearAllForwardings=yes".into(),
            "ForwardAgent=no".into(),
            "ControlPath=none".into(),
            "LogLevel=ERROR".into(),
            format!("ConnectTimeout={}", self.patience.as_secs().clamp(5, 30)),
            "ServerAliveInterval=15".into(),
            "ServerAliveCountMax=3".into(),
        ];
        if let Some(key) = &self.key {
            options.extend(["IdentitiesOnly=yes".into(), format!("IdentityFile={}", key.display())]);
        }
        options.push(
            self.agent
                .as_ref()
                .map_or_else(|| "IdentityAgent=none".into(), |agent| format!("IdentityAgent={}", agent.display())),
        );
        for option in options {
            all.extend(["-o".into(), option]);
        }
        all.extend(["-b".into(), "-".into()]);
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        all.push(format!("{}@{host}", self.user));
        all
    }
}
