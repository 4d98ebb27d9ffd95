//! Starts the task that writes each day's calls as a file.

use tokio_util::sync::CancellationToken;

use super::build::Base;
use super::sources::Sources;
use crate::capture::wall_clock;
use crate::pipeline::reports::{ReportMail, ReportSettings, ReportStatus, Reports};

/// Starts the task, which ends at the stop with the sources; `None` where no folder is named.
pub(super) fn start(base: &Base, sources: &mut Sources, stop: &CancellationToken) -> Option<ReportStatus> {
    let wanted = &base.config.reports;
    let settings = ReportSettings {
        folder: wanted.folder.clone(),
        at: wanted.at()?,
        campaign: Some(wanted.campaign.clone()).filter(|campaign| !campaign.is_empty()),
        mail: wanted.mailer(&base.config.notifiers()).cloned().map(|by| ReportMail { by, to: wanted.mail_to.clone() }),
    };
    let reports = Reports::new(base.store.for_people(), settings, wall_clock);
    let status = reports.status();
    sources.tasks.push(tokio::spawn(reports.run(stop.clone())));
    Some(status)
}
