//! Asterisk's manager interface: logs in, watches events, comes back when it was cut off. It asks Asterisk for lists of channels, and for taps.
//!
//! `message.rs` reads the lines, `events.rs` knows which of them pause a recording, `map/` who talks to whom, `taps.rs` what is tapped; `session.rs` is
//! one connection. The crates for this protocol (asterisk-rs-ami, asterisk-manager) carry hundreds of actions and event types and keep to themselves
//! why they are not connected; a login and four actions are less than their glue.

pub mod events;
pub mod map;
pub mod message;
pub mod roles;
mod session;
mod status;
pub mod taps;
mod wire;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use self::events::Watch;
use self::map::Map;
use self::roles::Roles;
use self::session::{Pbx, Session};
pub use self::status::{AmiState, AmiStatus};
use self::taps::{TapSettings, TappedCalls};
use self::wire::{AmiError, CREDENTIAL, PATIENCE, Reader};
use crate::call::WallTime;
use crate::call::pbx::PbxEvent;
use crate::pipeline::command::Command;
use crate::pipeline::live::keys::PauseKeys;
use crate::pipeline::taps::TapCommand;

/// Patience with the session when lineside stops.
const PATIENCE_AT_THE_END: Duration = Duration::from_secs(2);
/// The first pause before another try; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Who was refused does not knock so often that somebody bans the address.
const REFUSED_PAUSE: Duration = Duration::from_mins(1);

/// Where Asterisk is, and who we are there.
#[derive(Clone, Debug)]
pub struct AmiSettings {
    /// Address and port.
    pub address: SocketAddr,
    /// Section of manager.conf.
    pub user: String,
    /// File whose first line is the secret; read at each login.
    pub secret_file: PathBuf,
    /// Keys that pause and resume.
    pub keys: PauseKeys,
    /// Whose channels are whose.
    pub roles: Roles,
    /// What is tapped, and where taps go.
    pub taps: TapSettings,
}

impl AmiSettings {
    /// The file of the secret: the one that is configured, else systemd's credential.
    pub fn secret_file(configured: Option<&Path>) -> PathBuf {
        let credentials = || std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
        configured.map_or_else(|| credentials().unwrap_or_default().join(CREDENTIAL), Path::to_path_buf)
    }
}

/// Tells the exporter what this room counts.
pub fn describe_metrics() {
    use metrics::{counter, describe_counter, describe_gauge};
    describe_gauge!(
        "lineside_ami_connected",
        "Whether Asterisk's manager interface is logged in to; absent without [ami]"
    );
    describe_counter!("lineside_ami_events_total", "Messages of Asterisk's manager interface");
    describe_counter!("lineside_ami_left_out_total", "Lines of such messages that were too long or too many");
    describe_counter!("lineside_ami_held_back_total", "Seconds in which the manager interface sent more than is read");
    describe_counter!(
        "lineside_ami_events_dropped_total",
        "Events of calls that were not kept because the database was behind"
    );
    describe_counter!("lineside_taps_total", "Taps that Asterisk was asked for, one for each side of a call");
    describe_counter!("lineside_tap_failures_total", "Taps that Asterisk could not make");
    for name in [
        "lineside_ami_events_total",
        "lineside_ami_left_out_total",
        "lineside_ami_held_back_total",
        "lineside_ami_events_dropped_total",
        "lineside_taps_total",
        "lineside_tap_failures_total",
    ] {
        counter!(name).increment(0);
    }
}

/// Where a client finds whom it talks to in lineside.
pub struct AmiEnds {
    /// The conductor.
    pub commands: mpsc::Sender<Command>,
    /// Who asks for taps.
    pub asked: mpsc::Receiver<TapCommand>,
    /// Where events of calls are kept.
    pub events: mpsc::Sender<PbxEvent>,
}

/// A client of Asterisk's manager interface (AMI).
pub struct Ami {
    settings: AmiSettings,
    ends: AmiEnds,
    status: AmiStatus,
    now: fn() -> WallTime,
}

impl Ami {
    /// A client that has not begun.
    pub fn new(settings: AmiSettings, ends: AmiEnds, now: fn() -> WallTime) -> Self {
        let status = AmiStatus::new(settings.address, now());
        Self { settings, ends, status, now }
    }

    /// How it is, now and later.
    pub fn status(&self) -> AmiStatus {
        self.status.clone()
    }

    /// Listens until stopped.
    pub async fn run(self, stop: CancellationToken) {
        let Self { settings, ends, status, now } = self;
        let mut pause = FIRST_PAUSE;
        let loopback = settings.address.ip().is_loopback();
        if !loopback {
            log::warn!("ami: the secret goes to {} unencrypted; a tunnel to loopback is safer", settings.address);
        }
        // Outlives connections: who has pressed two keys of three goes on.
        let mut pbx = Pbx {
            watch: Watch::new(settings.keys.clone(), loopback),
            map: Map::new(settings.roles.clone()),
            taps: TappedCalls::new(settings.taps.clone()),
            asked: ends.asked,
            events: ends.events,
            commands: ends.commands,
            status: status.clone(),
            now,
        };
        loop {
            let logged_in = tokio::select! {
                logged_in = tokio::time::timeout(PATIENCE, settings.log_in()) => logged_in,
                () = pbx.away("it is being logged in to") => return,
                () = stop.cancelled() => return,
            };
            let ended = match logged_in {
                Ok(Ok((stream, reader))) => {
                    status.set(None, now());
                    pause = FIRST_PAUSE;
                    tokio::select! {
                        ended = Session::new(&mut pbx, stream).listen(reader, &stop) => ended,
                        // A conductor or an Asterisk that takes nothing does not hold us.
                        () = async { stop.cancelled().await; tokio::time::sleep(PATIENCE_AT_THE_END).await } => return,
                    }
                }
                Ok(Err(error)) => error,
                Err(_) => AmiError::Connect(std::io::ErrorKind::TimedOut.into()),
            };
            match ended {
                AmiError::Stopping => return,
                AmiError::Refused(_) => pause = REFUSED_PAUSE,
                _ => {}
            }
            let problem = ended.to_string();
            status.set(Some(problem.clone()), now());
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = pbx.away(&problem) => return,
                () = stop.cancelled() => return,
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

impl AmiSettings {
    /// Connects and shows the secret.
    async fn log_in(&self) -> Result<(TcpStream, Reader), AmiError> {
        let secret = self.secret().await?;
        let mut stream = TcpStream::connect(self.address).await.map_err(AmiError::Connect)?;
        let mut reader = Reader::greeted(&mut stream).await?;
        let login = format!(
            "Action: Login\r\nActionID: login\r\nUsername: {}\r\nSecret: {secret}\r\nEvents: call,dtmf,user,agent\r\n\r\n",
            self.user
        );
        stream.write_all(login.as_bytes()).await?;
        reader.answer(&mut stream).await?;
        Ok((stream, reader))
    }

    async fn secret(&self) -> Result<String, AmiError> {
        let path = &self.secret_file;
        let text = tokio::fs::read_to_string(path).await;
        text.and_then(|text| {
            // What a line ends with would be another header to Asterisk.
            let line = text.lines().next().unwrap_or_default().trim();
            let fits = !line.is_empty() && !line.contains(char::is_control);
            fits.then(|| line.to_string()).ok_or_else(|| std::io::Error::other("its first line is no secret"))
        })
        .map_err(|source| AmiError::Secret { path: path.clone(), source })
    }
}
