//! `[reports]`: each day's calls as a file.

use std::path::PathBuf;

use jiff::civil::Time;
use serde::Deserialize;

use super::coverage::time_of_day;
use super::mistake::Mistake;

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
}

impl Default for ReportsConfig {
    fn default() -> Self {
        Self { folder: PathBuf::new(), daily_at: "02:00".into(), campaign: String::new() }
    }
}

impl ReportsConfig {
    /// When the day before is written; `None` where nothing is.
    pub fn at(&self) -> Option<Time> {
        time_of_day(&self.daily_at).filter(|_| !self.folder.as_os_str().is_empty())
    }

    pub(super) fn check(&self) -> Result<(), Mistake> {
        if !self.folder.as_os_str().is_empty() && !self.folder.is_absolute() {
            let problem = format!("{:?} is not an absolute path, nor empty", self.folder.display().to_string());
            return Err(("reports", "folder", problem));
        }
        if time_of_day(&self.daily_at).is_none() {
            return Err(("reports", "daily_at", format!("{:?} is not a time like 02:00", self.daily_at)));
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
        assert!(ReportsConfig::default().check().is_ok() && with("/srv/reports", "02:30").check().is_ok());
        assert!(with("reports", "02:00").check().is_err() && with("/srv/reports", "").check().is_err());
        assert!(with("/srv/reports", "2 am").check().is_err());
    }
}
