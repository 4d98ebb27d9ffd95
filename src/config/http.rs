//! `[http]`: who is let in, by which name, how often.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use ipnet::IpNet;
use serde::{Deserialize, Deserializer};

use super::mistake::Mistake;

/// `[http]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpConfig {
    /// Address and port; empty for the Unix socket alone.
    pub listen: String,
    /// A token that may do everything, besides those of `lineside token`.
    pub token: Option<String>,
    /// Takes tokens from the address too, as `?token=`: for dashboards that know no other way.
    pub token_in_query: bool,
    /// Lets everybody on this machine in without a token: for trying out.
    pub open: bool,
    /// Sites whose pages may show `/agent` in a frame, as `https://vici.example.com`.
    pub frame_ancestors: Vec<String>,
    /// Names by which browsers may call the daemon, besides localhost and bare addresses.
    pub hosts: Vec<String>,
    /// Where browsers of people find the pages, for links in what is sent: `https://calls.example.com/lineside/`.
    pub public_url: Option<String>,
    /// Proxies in front, whose X-Forwarded-For is believed.
    #[serde(deserialize_with = "networks")]
    pub proxies: Vec<IpNet>,
    /// From where calls and events may be brought in.
    #[serde(deserialize_with = "networks")]
    pub ingest_allow: Vec<IpNet>,
    /// GETs of one client in a minute; 0 is no limit.
    pub reads_per_minute: u32,
    /// Other requests of one client in a minute; 0 is no limit.
    pub writes_per_minute: u32,
    /// How long a login is good, hours.
    pub session_hours: u32,
    /// How long a client may stall in its request or its taking of the answer, seconds.
    pub patience_s: u32,
    /// Connections at a time. One token, or address, holds at most a quarter of them with requests that are not over; feeds leave a quarter to all others,
    /// and what only reads an eighth to whoever may change something.
    pub connections: usize,
    /// Largest recording that may be uploaded, megabytes.
    pub upload_mb: u64,
    /// Certificate chain, PEM; with `tls_key` the port speaks TLS.
    pub tls_certificate: Option<PathBuf>,
    /// Its private key, PEM.
    pub tls_key: Option<PathBuf>,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8123".into(),
            token: None,
            token_in_query: false,
            open: false,
            frame_ancestors: Vec::new(),
            hosts: Vec::new(),
            public_url: None,
            proxies: Vec::new(),
            ingest_allow: everywhere(),
            reads_per_minute: 100,
            writes_per_minute: 20,
            session_hours: 12,
            patience_s: 30,
            connections: 512,
            upload_mb: 1000,
            tls_certificate: None,
            tls_key: None,
        }
    }
}

impl HttpConfig {
    pub(super) fn check(&self) -> Result<(), Mistake> {
        let wrong = |key, problem: &str| Err(("http", key, problem.to_string()));
        let loopback = self.listen.parse::<SocketAddr>().is_ok_and(|address| address.ip().is_loopback());
        if self.open && !self.listen.is_empty() && !loopback {
            return wrong("open", "is for a loopback address: everybody who reaches this one could read the calls");
        }
        if self.tls_certificate.is_some() != self.tls_key.is_some() {
            return wrong("tls_certificate", "and tls_key go together");
        }
        if let Some(name) = self.hosts.iter().find(|name| name.is_empty() || name.contains(['/', ':', ' '])) {
            return wrong("hosts", &format!("{name:?} is not a name like calls.example.com, without scheme and port"));
        }
        if let Some(url) = self.public_url.as_ref().filter(|url| !is_address(url)) {
            return wrong("public_url", &format!("{url:?} is not an address like https://calls.example.com/lineside/"));
        }
        if let Some(site) = self.frame_ancestors.iter().find(|site| !is_site(site)) {
            return wrong(
                "frame_ancestors",
                &format!("{site:?} is not a site like https://vici.example.com, without path"),
            );
        }
        if !(1..=24 * 90).contains(&self.session_hours) {
            return wrong("session_hours", &format!("{} is not from 1 to 2160", self.session_hours));
        }
        if !(1..=600).contains(&self.patience_s) {
            return wrong("patience_s", &format!("{} is not from 1 to 600", self.patience_s));
        }
        if !(8..=100_000).contains(&self.connections) {
            return wrong("connections", &format!("{} is not from 8 to 100000", self.connections));
        }
        Ok(())
    }
}

/// `https://NAME` or `http://NAME`, with or without a port, and nothing that would be another word of a policy.
fn is_site(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or_default();
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    !host.is_empty() && host.bytes().all(is_known)
}

/// A site, with a path or without, and neither a query nor a fragment.
fn is_address(text: &str) -> bool {
    let path = text.match_indices('/').nth(2).map_or(text.len(), |(place, _)| place);
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"?#\"<>\\".contains(&byte);
    is_site(&text[..path]) && text[path..].bytes().all(is_plain)
}

/// All addresses there are.
pub(super) fn everywhere() -> Vec<IpNet> {
    [IpAddr::from([0; 4]), IpAddr::from([0_u16; 8])].iter().filter_map(|all| IpNet::new(*all, 0).ok()).collect()
}

/// This machine's own addresses.
pub(super) fn loopback() -> Vec<IpNet> {
    let v4 = IpNet::new(IpAddr::from([127, 0, 0, 0]), 8);
    let v6 = IpNet::new(IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1_u16]), 128);
    [v4, v6].into_iter().flatten().collect()
}

/// `["192.0.2.0/24", "192.0.2.7"]`: networks, or single addresses.
pub(super) fn networks<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<IpNet>, D::Error> {
    let read = |text: &String| {
        let net = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        net.map_err(|_| {
            serde::de::Error::custom(format!("{text:?} is not a network like 192.0.2.0/24, nor an address"))
        })
    };
    Vec::<String>::deserialize(input)?.iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::Config;

    fn error(text: &str) -> String {
        Config::parse(Path::new("x.toml"), text).expect_err("wrong").to_string()
    }

    #[test]
    fn networks_are_read_with_and_without_a_length() {
        let text = "[http]\nproxies = [\"127.0.0.1\", \"10.0.0.0/8\", \"fe80::/10\"]\n";
        let config = Config::parse(Path::new("x.toml"), text).expect("well made");
        let ours = |address: &str| {
            config.http.proxies.iter().any(|net| net.contains(&address.parse::<std::net::IpAddr>().expect("address")))
        };
        assert!(ours("127.0.0.1") && ours("10.9.9.9") && ours("fe80::1") && !ours("127.0.0.2"));
        let problem = error("[http]\nproxies = [\"10.0.0.0/33\"]\n");
        assert!(problem.contains("line 2") && problem.contains("192.0.2.0/24"), "{problem}");
    }

    #[test]
    fn a_port_that_is_not_loopback_is_never_open() {
        let problem = error("[http]\nlisten = \"0.0.0.0:8123\"\nopen = true\n");
        assert!(problem.contains("line 3: [http] open: is for a loopback address"), "{problem}");
        assert!(error("[http]\ntls_key = \"/k\"\n").contains("go together"));
        for wrong in ["calls.example.com", "https://", "https://c/?x", "https://c/#x", "ftp://c/"] {
            assert!(error(&format!("[http]\npublic_url = \"{wrong}\"\n")).contains("is not an address"), "{wrong}");
        }
        let config =
            Config::parse(Path::new("x.toml"), "[http]\npublic_url = \"https://c.example.com:8443/lineside/\"\n");
        assert!(config.is_ok(), "{config:?}");
        assert!(error("[http]\nhosts = [\"https://calls.example.com\"]\n").contains("without scheme"));
    }
}
