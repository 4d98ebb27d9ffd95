//! `[dialer_api]`: what lineside tells ViciDial by its APIs. Off until `url` is set, and only written down until `dry_run` is off.

use std::path::PathBuf;

use serde::Deserialize;

use super::mistake::Mistake;
use crate::call::Level;

/// `[dialer_api]`
#[expect(clippy::struct_excessive_bools, reason = "each is a key that people switch")]
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DialerApiSection {
    /// Address of non_agent_api.php; empty switches all of it off.
    pub url: String,
    /// Address of the Agent API's api.php, which takes notifications; unset: `agc/api.php` of the same server.
    pub agent_url: Option<String>,
    /// Who asks: a user of ViciDial.
    pub user: String,
    /// File whose first line is that user's password; by default the systemd credential `dialer-api-password`.
    pub password_file: Option<PathBuf>,
    /// As whom ViciDial's log of its API names us.
    pub source: String,
    /// Certificates to believe over https, PEM; unset: those that browsers believe.
    pub certificates: Option<PathBuf>,
    /// Nothing is sent; what would have been is written down.
    pub dry_run: bool,
    /// Whether a summary of each call goes into its lead's comments.
    pub comments: bool,
    /// Seconds after a call's end in which the agent may write comments of their own.
    pub comments_after_s: u32,
    /// Whether alerts go to the agent's screen.
    pub notify: bool,
    /// Milder alerts do not.
    pub min_level: Level,
    /// Whether supervisors may listen in by telephone.
    pub listen: bool,
    /// Address of the dialer on which agents are logged in, where neither the call nor ViciDial's own file names it.
    pub server_ip: Option<std::net::IpAddr>,
}

impl Default for DialerApiSection {
    fn default() -> Self {
        Self {
            url: String::new(),
            agent_url: None,
            user: String::new(),
            password_file: None,
            source: "lineside".into(),
            certificates: None,
            dry_run: true,
            comments: true,
            comments_after_s: 60,
            notify: true,
            min_level: Level::Urgent,
            listen: true,
            server_ip: None,
        }
    }
}

const SECTION: &str = "dialer_api";

/// Whether a text is the address of an API, without a login, query or fragment.
pub(super) fn is_address(url: &str) -> bool {
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).unwrap_or_default();
    !host.is_empty() && !host.starts_with('/') && !url.contains(char::is_whitespace) && !url.contains(['?', '#', '@'])
}

impl DialerApiSection {
    /// Whether it is switched on.
    pub fn is_on(&self) -> bool {
        !self.url.is_empty()
    }

    pub(super) fn check(&self) -> Result<(), Mistake> {
        if !self.is_on() {
            return Ok(());
        }
        let addresses = [("url", Some(&self.url)), ("agent_url", self.agent_url.as_ref())];
        for (key, url) in addresses {
            if let Some(url) = url.filter(|url| !is_address(url)) {
                let like = if key == "url" { "vicidial/non_agent_api.php" } else { "agc/api.php" };
                return Err((SECTION, key, format!("{url:?} is not an address like https://vici.example.com/{like}")));
            }
        }
        if self.notify && self.agent_url().is_none() {
            let problem = "does not end in /vicidial/non_agent_api.php: set agent_url, the address of agc/api.php, or notify = false";
            return Err((SECTION, "url", problem.into()));
        }
        if self.user.is_empty() || self.user.contains(|c: char| !(c.is_ascii_alphanumeric() || "-_.@".contains(c))) {
            return Err((SECTION, "user", format!("{:?} is not a user of ViciDial", self.user)));
        }
        if !(2..=20).contains(&self.source.len()) || !self.source.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err((SECTION, "source", format!("{:?} is not 2 to 20 letters and digits", self.source)));
        }
        for (key, path) in [("password_file", &self.password_file), ("certificates", &self.certificates)] {
            if let Some(path) = path.as_ref().filter(|path| !path.is_absolute()) {
                return Err((SECTION, key, format!("{} is not an absolute path", path.display())));
            }
        }
        if self.comments_after_s > 3600 {
            return Err((SECTION, "comments_after_s", format!("{} is not from 0 to 3600", self.comments_after_s)));
        }
        Ok(())
    }

    /// Where notifications go.
    pub fn agent_url(&self) -> Option<String> {
        let beside = || Some(format!("{}/agc/api.php", self.url.strip_suffix("/vicidial/non_agent_api.php")?));
        self.agent_url.clone().or_else(beside)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Config;

    fn read(text: &str) -> Result<DialerApiSection, String> {
        let config = Config::parse(Path::new("x.toml"), text).map_err(|error| error.to_string())?;
        Ok(config.dialer_api)
    }

    #[test]
    fn it_is_off_until_it_has_an_address_and_then_only_writes_down_what_it_would_send() {
        let off = read("[dialer]\npoll_s = 2\n").expect("empty");
        assert!(!off.is_on() && off.dry_run && off.check().is_ok());
        let on = read("[dialer_api]\nurl = \"https://vici.example.com/vicidial/non_agent_api.php\"\nuser = \"6666\"\n")
            .expect("well made");
        assert!(on.is_on() && on.dry_run);
        assert_eq!(on.agent_url().as_deref(), Some("https://vici.example.com/agc/api.php"));
    }

    #[test]
    fn what_would_not_work_is_refused_with_its_line() {
        let url = "url = \"http://vici/vicidial/non_agent_api.php\"\nuser = \"6666\"";
        for (wrong, told) in [
            ("url = \"vici.example.com\"".to_owned(), "line 2: [dialer_api] url"),
            ("url = \"http://a:b@vici/non_agent_api.php\"".to_owned(), "line 2: [dialer_api] url"),
            ("url = \"http://vici/api.php\"\nuser = \"6666\"".to_owned(), "agent_url"),
            ("url = \"http://vici/vicidial/non_agent_api.php\"".to_owned(), "user"),
            (format!("{url}\nsource = \"l\""), "line 4: [dialer_api] source"),
            (format!("{url}\npassword_file = \"secret\""), "absolute"),
            (format!("{url}\ncomments_after_s = 5000"), "from 0 to 3600"),
            (format!("{url}\npass = \"1234\""), "password_file"),
        ] {
            let error = read(&format!("[dialer_api]\n{wrong}\n")).expect_err(&wrong);
            assert!(error.contains(told), "{wrong}: {error}");
        }
    }
}
