//! `[ami]`: Asterisk's manager interface, by which dialplan and agent desktops pause recordings.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

use super::mistake::Mistake;

/// `[ami]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ami {
    /// Address and port; empty switches it off.
    pub address: String,
    /// Section of manager.conf.
    pub user: String,
    /// File whose first line is its secret; by default the systemd credential `ami-secret`.
    pub secret_file: Option<PathBuf>,
}

impl Default for Ami {
    fn default() -> Self {
        Self { address: String::new(), user: "lineside".into(), secret_file: None }
    }
}

impl Ami {
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
        Ok(())
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
        assert!(read("[ami]\nsecret_file = \"ami\"\n").expect_err("relative").contains("absolute"));
    }
}
