//! Reloads on SIGHUP: reads the configuration again and applies every setting that can change while the daemon runs. When a pack was saved it reloads
//! the packs alone.

use std::path::Path;
use std::sync::{Arc, RwLock};

use super::settings::transcribe_settings;
use crate::api::access::serve::Tls;
use crate::capture::wall_clock;
use crate::config::Config;
use crate::host;
use crate::pipeline::workers::Workers;

/// Replaces the packs in use by the packs on disk, all or none.
pub(super) fn packs(path: Option<&Path>, analyser: &RwLock<Arc<crate::text::TextAnalyser>>) {
    let loaded = Config::load(path).map_err(|error| error.to_string());
    match loaded.and_then(|config| config.told_analyser().map_err(|error| error.to_string())) {
        Ok(mut texts) => {
            // Earlier results were made by the packs before.
            texts.changed_at(wall_clock().0);
            *analyser.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::new(texts);
            log::info!("a pack was saved; all packs are read again");
        }
        Err(error) => log::error!("a pack was saved and is not taken: {error}; the packs in use stay"),
    }
}

pub(super) fn reload(
    path: Option<&Path>,
    workers: &Workers,
    analyser: &RwLock<Arc<crate::text::TextAnalyser>>,
    tls: Option<&Tls>,
) {
    host::tell_systemd(&[sd_notify::NotifyState::Reloading]);
    let loaded = Config::load(path).map_err(|error| error.to_string()).and_then(|config| {
        let texts = config.told_analyser().map_err(|error| error.to_string())?;
        Ok((config, texts))
    });
    match loaded {
        Ok((config, mut texts)) => {
            texts.changed_at(wall_clock().0);
            *analyser.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::new(texts);
            workers.reconfigure(transcribe_settings(&config));
            log::set_max_level(config.log.level);
            if let (Some(tls), Some(certificate), Some(key)) = (tls, &config.http.tls_certificate, &config.http.tls_key)
                && let Err(error) = tls.reload(certificate, key)
            {
                log::error!("{error}; the certificate stays as it was");
            }
            log::info!(
                "configuration read again; speech, text, log and TLS certificate are as it says, the rest after a restart"
            );
        }
        Err(error) => log::error!("{error}; everything stays as it was"),
    }
    host::tell_systemd(&[sd_notify::NotifyState::Ready]);
}
