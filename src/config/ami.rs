//! `[ami]`: Asterisk's manager interface, by which dialplan and agent desktops pause recordings, and which tells who talks to whom. `[[tap]]`: calls
//! that lineside taps by itself.

use std::net::SocketAddr;
use std::path::PathBuf;

use regex::Regex;
use serde::Deserialize;

use super::mistake::Mistake;

/// `[ami]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AmiConfig {
    /// Address and port; empty switches it off.
    pub address: String,
    /// Section of manager.conf.
    pub user: String,
    /// File whose first line is its secret; by default the systemd credential `ami-secret`.
    pub secret_file: Option<PathBuf>,
    /// Regular expressions of channel names of agents; the group `agent` is the agent's user or extension.
    pub agent_channels: Vec<String>,
    /// The same of callers.
    pub caller_channels: Vec<String>,
    /// Address and port of [audiosocket] as Asterisk reaches it; unset: [audiosocket] listen.
    pub tap_address: Option<String>,
    /// Calls that are tapped at a time.
    pub max_taps: usize,
}

/// `[[tap]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TapConfig {
    /// Regular expression of channel names.
    #[serde(rename = "match")]
    pub matches: String,
    /// Samples per second: 8000 or 16000. Asterisk names the rate in its frames since October 2025 (20, 21, 22, 23); older ones send 16 kHz under the
    /// name of 8 kHz.
    #[serde(default = "eight")]
    pub rate: u32,
    /// Calls that it taps at a time.
    #[serde(default = "twenty")]
    pub max: usize,
    /// When `[ami] max_taps` calls are tapped, a call of this rule takes the place of one of less weight.
    #[serde(default)]
    pub weight: u32,
}

const fn eight() -> u32 {
    8000
}

const fn twenty() -> usize {
    20
}

impl TapConfig {
    /// The rule's pattern.
    pub fn pattern(&self) -> Result<Regex, regex::Error> {
        Regex::new(&self.matches)
    }

    pub(super) fn check(&self) -> Result<(), Mistake> {
        self.pattern().map_err(|error| ("tap", "match", format!("{:?}: {error}", self.matches)))?;
        if ![8000, 16_000].contains(&self.rate) {
            return Err(("tap", "rate", format!("{} is neither 8000 nor 16000", self.rate)));
        }
        if !(1..=MOST).contains(&self.max) {
            return Err(("tap", "max", format!("{} is not from 1 to {MOST}", self.max)));
        }
        if self.weight > HEAVIEST {
            return Err(("tap", "weight", format!("{} is not from 0 to {HEAVIEST}", self.weight)));
        }
        Ok(())
    }
}

const HEAVIEST: u32 = 1000;
/// Calls that may be tapped at a time: two connections each.
const MOST: usize = 500;

impl Default for AmiConfig {
    fn default() -> Self {
        Self {
            address: String::new(),
            user: "lineside".into(),
            secret_file: None,
            agent_channels: Vec::new(),
            caller_channels: Vec::new(),
            tap_address: None,
            max_taps: 50,
        }
    }
}

impl AmiConfig {
    pub(super) fn check(&self) -> Result<(), Mistake> {
        if !self.address.is_empty() && self.address().is_none() {
            let problem = format!("{:?} is not an address and port like 127.0.0.1:5038, nor empty", self.address);
            return Err(("ami", "address", problem));
        }
        if self.user.is_empty() || self.user.contains(char::is_control) {
            return Err(("ami", "user", format!("{:?} is not a section of manager.conf", self.user)));
        }
        if let Some(path) = self.secret_file.as_ref().filter(|path| !path.is_absolute()) {
            return Err(("ami", "secret_file", format!("{} is not an absolute path", path.display())));
        }
        for (key, patterns) in [("agent_channels", &self.agent_channels), ("caller_channels", &self.caller_channels)] {
            Self::patterns(patterns).map_err(|error| ("ami", key, error.to_string()))?;
        }
        if let Some(address) = &self.tap_address
            && address.parse::<SocketAddr>().map_or(true, |address| address.ip().is_unspecified())
        {
            let problem = format!("{address:?} is not an address and port like 192.168.0.10:9093");
            return Err(("ami", "tap_address", problem));
        }
        if !(1..=MOST).contains(&self.max_taps) {
            return Err(("ami", "max_taps", format!("{} is not from 1 to {MOST}", self.max_taps)));
        }
        Ok(())
    }

    /// Patterns of channel names.
    pub fn patterns(patterns: &[String]) -> Result<Vec<Regex>, regex::Error> {
        patterns.iter().map(|pattern| Regex::new(pattern)).collect()
    }

    /// Where taps go: [ami] tap_address, else [audiosocket] listen. An address of all interfaces is that of loopback, as long as Asterisk is there too.
    pub fn tap_address(&self, listen: &str) -> Option<String> {
        let listens = listen.parse::<SocketAddr>().ok()?;
        if self.tap_address.is_some() {
            return self.tap_address.clone();
        }
        if !listens.ip().is_unspecified() {
            return Some(listens.to_string());
        }
        let is_here = self.address().is_some_and(|address| address.ip().is_loopback());
        is_here.then(|| format!("127.0.0.1:{}", listens.port()))
    }

    /// Whether a rule of taps can have an effect, once the manager interface is switched on.
    pub(super) fn can_tap(&self, listen: &str) -> Result<(), Mistake> {
        let problem = match (self.address(), self.tap_address(listen)) {
            (Some(_), None) => {
                "taps come by AudioSocket: set [audiosocket] listen, and [ami] tap_address where Asterisk is on another machine"
            }
            _ => return Ok(()),
        };
        Err(("tap", "match", problem.into()))
    }

    /// Where Asterisk is; `None` when it is not to be asked.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::Config;

    fn read(text: &str) -> Result<Config, String> {
        Config::parse(Path::new("x.toml"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn it_is_off_until_it_has_an_address_and_what_would_not_work_is_refused() {
        assert_eq!(read("").expect("empty").ami.address(), None);
        let on = read("[ami]\naddress = \"127.0.0.1:5038\"\nsecret_file = \"/etc/lineside/ami\"\n").expect("well made");
        assert_eq!(on.ami.address().map(|address| address.port()), Some(5038));
        let address = read("[ami]\naddress = \"localhost\"\n").expect_err("no port");
        assert!(address.contains("line 2") && address.contains("127.0.0.1:5038"), "{address}");
        assert!(read("[ami]\nuser = \"a\\r\\nAction: b\"\n").expect_err("two lines").contains("manager.conf"));
        let pattern = read("[ami]\nagent_channels = [\"(\"]\n").expect_err("no pattern");
        assert!(pattern.contains("line 2: [ami] agent_channels"), "{pattern}");
        assert!(read("[ami]\ntap_address = \"0.0.0.0:9093\"\n").expect_err("no address").contains("tap_address"));
        assert!(read("[ami]\nmax_taps = 0\n").expect_err("none").contains("from 1 to 500"));
        assert!(read("[ami]\nsecret_file = \"ami\"\n").expect_err("relative").contains("absolute"));
    }

    #[test]
    fn a_rule_of_taps_has_a_pattern_a_rate_and_a_number_and_what_would_not_work_is_refused() {
        let ami = "[ami]\naddress = \"127.0.0.1:5038\"\n";
        let config = read(&format!("{ami}[[tap]]\nmatch = \"^PJSIP/trunk\"\n")).expect("well made");
        assert_eq!((config.tap[0].rate, config.tap[0].max, config.tap[0].weight), (8000, 20, 0));
        let heavy = read(&format!("{ami}[[tap]]\nmatch = \"x\"\nweight = 3\n")).expect("well made");
        assert_eq!(heavy.tap[0].weight, 3);
        assert!(read("[[tap]]\nmatch = \"x\"\n").is_ok(), "they rest while [ami] is switched off");
        let deaf = format!("[audiosocket]\nlisten = \"\"\n{ami}[[tap]]\nmatch = \"x\"\n");
        let problem = read(&deaf).expect_err("no effect");
        assert!(problem.contains("[tap] match: taps come by AudioSocket"), "{problem}");
        for (text, says) in [
            ("match = \"(\"", "[tap] match"),
            ("match = \"x\"\nrate = 44100", "neither 8000 nor 16000"),
            ("match = \"x\"\nmax = 0", "from 1 to 500"),
            ("max = 3", "match"),
            ("match = \"x\"\nweight = 1001", "from 0 to 1000"),
            ("match = \"x\"\nweight = -1", "weight"),
        ] {
            let problem = read(&format!("{ami}[[tap]]\n{text}\n")).expect_err(text);
            assert!(problem.contains(says), "{text}: {problem}");
        }
    }

    #[test]
    fn taps_go_where_asterisk_reaches_us() {
        let to = |text: &str, listen: &str| read(text).expect("well made").ami.tap_address(listen);
        let here = "[ami]\naddress = \"127.0.0.1:5038\"\n";
        let there = "[ami]\naddress = \"192.0.2.1:5038\"\n";
        assert_eq!(to(here, "127.0.0.1:9093").as_deref(), Some("127.0.0.1:9093"));
        assert_eq!(to(here, "0.0.0.0:9093").as_deref(), Some("127.0.0.1:9093"));
        assert_eq!(to(there, "0.0.0.0:9093"), None, "of no address of ours is said that Asterisk reaches it");
        let named = format!("{there}tap_address = \"192.0.2.2:9093\"\n");
        assert_eq!(to(&named, "0.0.0.0:9093").as_deref(), Some("192.0.2.2:9093"));
        assert_eq!(to(&named, ""), None, "switched off");
    }
}
