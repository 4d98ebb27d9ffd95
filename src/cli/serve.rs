//! `lineside serve`: the daemon.

use std::path::PathBuf;

use anyhow::Context;

use crate::config::Config;

/// Runs the daemon until SIGTERM.
pub(super) fn run(config: Config, path: Option<PathBuf>) -> anyhow::Result<()> {
    crate::host::start_log(config.log.level);
    // Two threads: what runs on them only waits for sockets. Work that computes has threads of its own.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("start the runtime")?;
    runtime.block_on(crate::daemon::run(config, path))
}
