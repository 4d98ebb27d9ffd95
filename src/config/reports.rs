//! `[reports]`: each day's calls as a file.

use std::path::PathBuf;

use jiff::civil::Time;
use serde::Deserialize;

use super::coverage::time_of_day;
use super::mistake::Mistake;
use crate::alerts::notify::{Notifier, ServiceKind, is_address};

/// `[reports]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReportsConfig {
    /// Where the files go; empty switches it off.
    pub folder: PathBuf,
    /// When the day before is written, local time.
    pub daily_at: String,
    /// Calls of this campaign only; empty for all.
    pub campaign: String,
    /// Name of the `[[notify]]` of kind `smtp` by which each file is sent; empty sends none.
    pub mail_by: String,
    /// Who gets the mail; empty for the receivers of that `[[notify]]`.
    pub mail_to: Vec<String>,
}

impl Default for ReportsConfig {
    fn default() -> Self {
        Self {
            folder: PathBuf::new(),
            daily_at: "02:00".into(),
            campaign: String::new(),
            mail_by: String::new(),
            mail_to: Vec::new(),
        }
    }
}

impl ReportsConfig {
    /// When the day before is written; `None` where nothing is.
    pub fn at(&self) -> Option<Time> {
        time_of_day(&self.daily_at).filter(|_| !self.folder.as_os_str().is_empty())
    }

    /// The mail server, where files are sent by mail.
    pub fn mailer<'a>(&self, notifiers: &'a [Notifier]) -> Option<&'a Notifier> {
        notifiers.iter().find(|notifier| notifier.name == self.mail_by && notifier.kind == ServiceKind::Smtp)
    }

    pub(super) fn check(&self, notifiers: &[Notifier]) -> Result<(), Mistake> {
        if !self.folder.as_os_str().is_empty() && !self.folder.is_absolute() {
            let problem = format!("{:?} is not an absolute path, nor empty", self.folder.display().to_string());
            return Err(("reports", "folder", problem));
        }
        if time_of_day(&self.daily_at).is_none() {
            return Err(("reports", "daily_at", format!("{:?} is not a time like 02:00", self.daily_at)));
        }
        if self.mail_by.is_empty() && !self.mail_to.is_empty() {
            return Err(("reports", "mail_to", "needs mail_by, the name of a [[notify]] of kind \"smtp\"".into()));
        }
        if !self.mail_by.is_empty() && self.mailer(notifiers).is_none() {
            return Err(("reports", "mail_by", format!("no [[notify]] of kind \"smtp\" is named {:?}", self.mail_by)));
        }
        if !self.mail_by.is_empty() && self.folder.as_os_str().is_empty() {
            return Err(("reports", "mail_by", "needs folder: what is sent is the file in it".into()));
        }
        if let Some(wrong) = self.mail_to.iter().find(|address| !is_address(address)) {
            return Err(("reports", "mail_to", format!("{wrong:?} is no address of mail")));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_written_where_a_folder_is_named_and_at_a_time_of_the_day() {
        let with = |folder: &str, at: &str| ReportsConfig {
            folder: folder.into(),
            daily_at: at.into(),
            ..ReportsConfig::default()
        };
        assert_eq!(with("", "02:00").at(), None);
        assert_eq!(with("/srv/reports", "02:30").at(), Some(Time::constant(2, 30, 0, 0)));
        assert!(ReportsConfig::default().check(&[]).is_ok() && with("/srv/reports", "02:30").check(&[]).is_ok());
        assert!(with("reports", "02:00").check(&[]).is_err() && with("/srv/reports", "").check(&[]).is_err());
        assert!(with("/srv/reports", "2 am").check(&[]).is_err());
    }

    #[test]
    fn files_are_sent_by_a_mail_server_that_is_there_to_addresses_that_are_some() {
        let server: Notifier = toml::from_str(
            "name = \"office\"\nkind = \"smtp\"\nurl = \"smtp://localhost:25\"\nfrom = \"a@b.example\"\nto = [\"c@d.example\"]",
        )
        .expect("a notifier");
        let with = |folder: &str, by: &str, to: &[&str]| ReportsConfig {
            folder: folder.into(),
            mail_by: by.into(),
            mail_to: to.iter().map(|&address| address.into()).collect(),
            ..ReportsConfig::default()
        };
        let wrong = |config: ReportsConfig| config.check(std::slice::from_ref(&server)).err().map(|(_, key, _)| key);
        assert_eq!(wrong(with("/srv", "office", &[])), None);
        assert_eq!(wrong(with("/srv", "office", &["Boss <boss@example.com>"])), None);
        assert_eq!(wrong(with("/srv", "ofice", &[])), Some("mail_by"));
        assert_eq!(wrong(with("", "office", &[])), Some("mail_by"));
        assert_eq!(wrong(with("/srv", "", &["boss@example.com"])), Some("mail_to"));
        assert_eq!(wrong(with("/srv", "office", &["boss"])), Some("mail_to"));
    }
}
