//! Messages to the dialer: their settings, and their start where they are switched on.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::build::Analyser;
use crate::call::Level;
use crate::capture::wall_clock;
use crate::config::{Config, DialerApiSection};
use crate::integrate::dialer::astguiclient;
use crate::integrate::dialer_api::{self, ApiAccount, CREDENTIAL, DialerApiSettings};
use crate::pipeline::finished::review::Desk;
use crate::pipeline::listen_in::DialerBack;
use crate::store::Store;

/// Requests to listen in that may wait; who asks for more waits too.
const ASKED: usize = 16;

/// Starts it, where it is switched on.
pub(super) fn start(
    config: &Config,
    store: &Store,
    analyser: &Analyser,
    stop: &CancellationToken,
) -> std::io::Result<DialerBack> {
    let section = &config.dialer_api;
    if !section.is_on() {
        return Ok(DialerBack::default());
    }
    let (to, orders) = mpsc::channel(ASKED);
    let desk = Desk::new(store.clone(), Arc::clone(analyser));
    dialer_api::start(settings(config), (store.clone(), desk), orders, wall_clock, stop)?;
    Ok(DialerBack { enabled: true, dry_run: section.dry_run, orders: section.listen.then_some(to) })
}

fn settings(config: &Config) -> DialerApiSettings {
    let section = &config.dialer_api;
    let own = || astguiclient::read(&config.dialer.astguiclient).ok()?.server_ip;
    let levels = || Level::ALL.into_iter().filter(|&level| level >= section.min_level).map(Level::as_str).collect();
    DialerApiSettings {
        account: ApiAccount {
            url: section.url.clone(),
            agent_url: section.agent_url(),
            user: section.user.clone(),
            password_file: password_file(section),
            source: section.source.clone(),
            certificates: section.certificates.clone(),
        },
        dry_run: section.dry_run,
        comments_after: section.comments.then(|| Duration::from_secs(section.comments_after_s.into())),
        levels: if section.notify { levels() } else { Vec::new() },
        server_ip: section.server_ip.map(|address| address.to_string()).or_else(own),
    }
}

/// The file that is configured, else systemd's credential.
fn password_file(section: &DialerApiSection) -> PathBuf {
    let folder = || std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from).unwrap_or_default();
    section.password_file.as_deref().map_or_else(|| folder().join(CREDENTIAL), Path::to_path_buf)
}
