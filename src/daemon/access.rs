//! What the configuration says about access: who may use the API, how lineside itself logs in to Asterisk, and which keys open the sound on the disk.

use std::time::Duration;

use anyhow::Result;

use tokio::sync::mpsc;

use crate::api::access::AccessSettings;
use crate::api::access::limits::is_made;
use crate::api::access::serve::Tls;
use crate::audio::sealed::keys::{Key, KeyError, Keyring, install, is_public, path_of};
use crate::capture::wall_clock;
use crate::config::{Config, DialerChoice};
use crate::contract::dialer::DialerKind;
use crate::contract::status::{AmiHealth, InstalledModel};
use crate::integrate::ami::AmiState;
use crate::integrate::dialer::settings::{DialerFile, DialerSettings, DialerWishes};
use crate::integrate::dialer::{Dialer, DialerStatus, astguiclient, describe_metrics};
use crate::pipeline::command::Command;
use crate::speech::models::{ModelKind, ModelRef};
use crate::store::Store;

pub(super) fn access_settings(config: &Config) -> AccessSettings {
    let http = &config.http;
    AccessSettings {
        open: http.open,
        token: http.token.clone(),
        token_in_query: http.token_in_query,
        ingest_token: config.ingest.token.clone(),
        frame_ancestors: http.frame_ancestors.clone(),
        public_url: http.public_url.clone(),
        hosts: http.hosts.clone(),
        proxies: http.proxies.clone(),
        ingest_allow: http.ingest_allow.clone(),
        reads_per_minute: http.reads_per_minute,
        writes_per_minute: http.writes_per_minute,
        connections: http.connections,
        session: Duration::from_secs(u64::from(http.session_hours) * 3600),
        tls: http.tls_certificate.is_some(),
        spool: config.paths.state.join("spool"),
    }
}

/// Gives the process the keys of its audio. Without the one that new audio wants it does not start: nothing is stored plain by mistake. An older one
/// that is missing locks older audio alone.
pub(super) fn audio_keys(config: &Config) -> Result<()> {
    let privacy = &config.privacy;
    let current = privacy.audio_key.as_deref().map(Key::load).transpose()?;
    let old = |name: &String| {
        let tell = |error: &KeyError| log::error!("{error}; audio that was encrypted with it cannot be heard");
        Key::load(name).inspect_err(tell).ok()
    };
    let old: Vec<Key> = privacy.old_audio_keys.iter().filter_map(old).collect();
    for path in privacy.audio_key.iter().chain(&privacy.old_audio_keys).filter_map(|name| path_of(name)) {
        if is_public(&path) {
            log::warn!("every user of this machine can read the audio key {}: chmod 600 it", path.display());
        }
    }
    if let Some(key) = &current {
        log::info!("own audio is encrypted on disk with the key {}, and read with {} older ones", key.id(), old.len());
    }
    install(Keyring::new(current, old));
    Ok(())
}

pub(super) fn tls(config: &Config) -> Result<Option<Tls>> {
    let pair = config.http.tls_certificate.as_ref().zip(config.http.tls_key.as_ref());
    Ok(pair.map(|(certificate, key)| Tls::load(certificate, key)).transpose()?)
}

/// Says how the port can be misused, or not used at all.
pub(super) async fn warn_of_open_access(config: &Config, store: &Store) -> Result<()> {
    let http = &config.http;
    let loopback = http.listen.parse().is_ok_and(|address: std::net::SocketAddr| address.ip().is_loopback());
    if http.open {
        log::warn!("[http] open = true: everybody on this machine reads and changes all calls at {}", http.listen);
    } else if http.token.is_none() && !store.has_tokens().await? {
        log::warn!(
            "nobody can use {} yet: there is no token; make one with `lineside token add NAME --scope read,operate`",
            http.listen
        );
    }
    for (key, token) in [("[http] token", &http.token), ("[ingest] token", &config.ingest.token)] {
        if token.as_ref().is_some_and(|token| !token.is_empty() && !is_made(token)) {
            log::warn!(
                "{key} could be guessed: from an address that shows wrong tokens it is refused for up to five minutes, the right one too; \
                 `openssl rand -hex 16` makes one that is let in always, as those of `lineside token add` are"
            );
        }
    }
    if !loopback && http.tls_certificate.is_none() {
        log::warn!(
            "tokens and calls go over {} unencrypted; set [http] tls_certificate and tls_key, or put a proxy before it",
            http.listen
        );
    }
    Ok(())
}

/// The client of the dialer's database, where one is wanted and named; its state also where it cannot be used.
pub(super) fn dialer(
    config: &Config,
    store: &Store,
    commands: &mpsc::Sender<Command>,
) -> (Option<Dialer>, Option<DialerStatus>) {
    let section = &config.dialer;
    let (kind, is_wanted) = match section.kind {
        DialerChoice::Off => return (None, None),
        DialerChoice::Auto => (DialerKind::Vicidial, false),
        DialerChoice::Vicidial => (DialerKind::Vicidial, true),
        DialerChoice::Freepbx => (DialerKind::Freepbx, true),
    };
    let found = match kind {
        DialerKind::Vicidial => DialerFile::of(astguiclient::read(&section.astguiclient)),
        DialerKind::Freepbx => DialerFile::Nothing,
    };
    let unusable = |problem: String| {
        describe_metrics();
        let status = DialerStatus::unusable(kind, &section.astguiclient, problem, wall_clock());
        (None, Some(status))
    };
    let file = match found {
        DialerFile::Nothing if !is_wanted => return (None, None),
        DialerFile::Nothing => None,
        DialerFile::Unusable(problem) if section.user.is_none() || section.database.is_none() => {
            return unusable(format!("{problem}; mend it, or set [dialer] host, user and database, or kind = \"off\""));
        }
        DialerFile::Unusable(problem) => {
            log::warn!("dialer: {problem}; [dialer] names the database without it");
            None
        }
        DialerFile::Database(file) => Some(file),
    };
    if let Some(line) = file.as_ref().and_then(|file| file.not_understood.first()) {
        log::warn!("dialer: {}: line {line} is not understood; it is left out", section.astguiclient.display());
    }
    let wishes = DialerWishes {
        host: section.host.clone(),
        port: section.port,
        socket: section.socket.clone(),
        user: section.user.clone(),
        password_file: section.password_file.clone(),
        database: section.database.clone(),
        replica: section.replica(),
        queue_log: (kind == DialerKind::Freepbx).then(|| section.queue_log.clone()),
    };
    let times = (Duration::from_secs(section.poll_s.into()), Duration::from_secs(u64::from(section.days) * 86_400));
    match DialerSettings::join(kind, wishes, file.as_deref(), times) {
        Err(problem) => unusable(problem),
        Ok(settings) => {
            describe_metrics();
            let dialer = Dialer::new(settings, store.clone(), commands.clone(), wall_clock);
            let status = dialer.status();
            (Some(dialer), Some(status))
        }
    }
}

/// How the connection to Asterisk is, as `/health` tells it.
pub(super) fn ami_health(state: AmiState) -> AmiHealth {
    let AmiState { connected, address, since, problem, missing, more } = state;
    let named = |classes: Vec<&str>| classes.into_iter().map(str::to_string).collect();
    let (missing_rights, more_rights) = (named(missing), named(more));
    AmiHealth { connected, address: address.to_string(), since, problem, missing_rights, more_rights }
}

/// A model on disk, as `/health/models` tells it.
pub(super) fn installed(model: ModelRef) -> InstalledModel {
    let kind = match model.kind {
        ModelKind::Whisper => "whisper",
        ModelKind::CTranslate2 => "ctranslate2",
    };
    InstalledModel { name: model.name, path: model.path, kind: kind.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_health_tells_is_what_the_rooms_know() {
        let address = "127.0.0.1:5038".parse().expect("an address");
        let state = AmiState {
            connected: false,
            address,
            since: "T".into(),
            problem: Some("refused".into()),
            missing: vec!["call"],
            more: vec!["system"],
        };
        let before = serde_json::to_value(&state).expect("JSON");
        assert_eq!(serde_json::to_value(ami_health(state)).expect("JSON"), before);
        for kind in [ModelKind::Whisper, ModelKind::CTranslate2] {
            let model = ModelRef { name: "base.en".into(), path: "/models/base.en.bin".into(), kind };
            let before = serde_json::to_value(&model).expect("JSON");
            assert_eq!(serde_json::to_value(installed(model)).expect("JSON"), before);
        }
    }
}
