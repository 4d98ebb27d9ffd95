//! Coverage: starts the tasks that read the dialer's days, check the day before each morning, and answer requests.

use tokio_util::sync::CancellationToken;

use super::build::Base;
use super::sources::Sources;
use crate::capture::wall_clock;
use crate::integrate::dialer::Dialer;
use crate::pipeline::coverage::{Coverage, CoverageRules, Morning};
use crate::pipeline::finished::notify::Agents;

/// Starts the tasks; they end at the stop with the sources.
pub(super) fn start(base: &Base, dialer: Option<&Dialer>, sources: &mut Sources, stop: &CancellationToken) -> Coverage {
    let Base { config, store, .. } = base;
    let rules = CoverageRules {
        min_call_s: i64::from(config.coverage.min_call_s),
        unrecorded: config.coverage.unrecorded.clone(),
    };
    let days = dialer.map(|dialer| {
        let (reader, days) = dialer.days(config.recordings.watched().to_vec());
        sources.tasks.push(tokio::spawn(reader.run(stop.clone())));
        days
    });
    let has_ami = config.ami.address().is_some();
    let coverage = Coverage::new(store.for_people(), days, has_ami, rules, wall_clock);
    if let Some(at) = config.coverage.at().filter(|_| dialer.is_some() || has_ami) {
        let morning = Morning::new(coverage.clone(), Agents::of(&config.notifiers()), at, wall_clock);
        sources.tasks.push(tokio::spawn(morning.run(stop.clone())));
    }
    coverage
}
