//! Asterisk's manager interface, listened to: logs in, watches events, comes back when it was cut off. It never asks Asterisk to do anything.
//!
//! `message.rs` reads the lines, `events.rs` knows what they ask for. The crates for this protocol (asterisk-rs-ami, asterisk-manager) carry hundreds
//! of actions and event types and keep to themselves why they are not connected; three events and a login are less than their glue.

pub mod events;
pub mod message;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use self::events::Watch;
use self::message::{Message, MessageReader};
use crate::call::{Moment, WallTime};
use crate::pipeline::command::Command;
use crate::pipeline::live::keys::PauseKeys;

/// Patience with a connection, a greeting, an answer to the login.
const PATIENCE: Duration = Duration::from_secs(10);
/// After so long without a byte Asterisk is asked whether it is there, and left when it does not say so in the same time.
const QUIET: Duration = Duration::from_secs(20);
/// The first pause before another try; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Who was refused does not knock so often that somebody bans the address.
const REFUSED_PAUSE: Duration = Duration::from_mins(1);
/// What is read in a second, at most: some 8000 events. The rest waits in the socket, and Asterisk lets go of who does not read.
const BYTES_A_SECOND: usize = 4 << 20;
/// Wishes in a second, at most: each may be a transaction of the database.
const WISHES_A_SECOND: usize = 200;
/// The longest greeting.
const GREETING: usize = 200;
/// The secret's name among systemd's credentials.
pub const CREDENTIAL: &str = "ami-secret";

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
}

impl AmiSettings {
    /// The file of the secret: the one that is configured, else systemd's credential.
    pub fn secret_file(configured: Option<&Path>) -> PathBuf {
        let credentials = || std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
        configured.map_or_else(|| credentials().unwrap_or_default().join(CREDENTIAL), Path::to_path_buf)
    }
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
enum AmiError {
    #[error("secret {path}: {source}; set [ami] secret_file, or LoadCredential={CREDENTIAL}:FILE in the unit")]
    Secret { path: PathBuf, source: std::io::Error },
    #[error("{0}; does Asterisk run, with enabled = yes in manager.conf?")]
    Connect(std::io::Error),
    #[error("who listens there does not greet as Asterisk's manager does; see [ami] address")]
    Greeting,
    #[error("login refused: {0}; compare [ami] user and its secret with manager.conf")]
    Refused(String),
    #[error("nothing came for {} s, not even an answer to a ping", 2 * QUIET.as_secs())]
    Quiet,
    #[error("the connection was closed")]
    Closed,
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("lineside is stopping")]
    Stopping,
}

/// How the connection is, for those who ask.
#[derive(Clone, Debug, Serialize)]
pub struct AmiState {
    /// Whether events come.
    pub connected: bool,
    /// Where Asterisk is.
    pub address: SocketAddr,
    /// Since when it is so, RFC 3339.
    pub since: String,
    /// Why there is no connection.
    pub problem: Option<String>,
}

/// The state, shared.
#[derive(Clone, Debug)]
pub struct AmiStatus(Arc<RwLock<AmiState>>);

impl AmiStatus {
    /// How it is now.
    pub fn get(&self) -> AmiState {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes and says what is new.
    fn set(&self, problem: Option<String>, now: WallTime) {
        metrics::gauge!("lineside_ami_connected").set(f64::from(u8::from(problem.is_none())));
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if state.connected == problem.is_none() && state.problem == problem {
            return;
        }
        match &problem {
            None => log::info!("ami: logged in at {}", state.address),
            Some(problem) => {
                log::warn!(
                    "ami: {}: {problem}; tried again and again, until then no pause comes from there",
                    state.address
                );
            }
        }
        let (address, since) = (state.address, now.rfc3339());
        *state = AmiState { connected: problem.is_none(), address, since, problem };
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
    for name in ["lineside_ami_events_total", "lineside_ami_left_out_total", "lineside_ami_held_back_total"] {
        counter!(name).increment(0);
    }
}

/// The client.
pub struct Ami {
    settings: AmiSettings,
    commands: mpsc::Sender<Command>,
    status: AmiStatus,
    now: fn() -> WallTime,
}

impl Ami {
    /// A client that has not begun.
    pub fn new(settings: AmiSettings, commands: mpsc::Sender<Command>, now: fn() -> WallTime) -> Self {
        let (address, since) = (settings.address, now().rfc3339());
        let state = AmiState { connected: false, address, since, problem: None };
        Self { settings, commands, status: AmiStatus(Arc::new(RwLock::new(state))), now }
    }

    /// How it is, now and later.
    pub fn status(&self) -> AmiStatus {
        self.status.clone()
    }

    /// Listens until stopped.
    pub async fn run(self, stop: CancellationToken) {
        let mut pause = FIRST_PAUSE;
        let loopback = self.settings.address.ip().is_loopback();
        if !loopback {
            log::warn!("ami: the secret goes to {} unencrypted; a tunnel to loopback is safer", self.settings.address);
        }
        // Outlives connections: who has pressed two keys of three goes on.
        let mut watch = Watch::new(self.settings.keys.clone(), loopback);
        loop {
            let ended = tokio::select! {
                ended = self.session(&mut watch) => ended,
                () = stop.cancelled() => return,
            };
            if self.status.get().connected {
                pause = FIRST_PAUSE;
            }
            if matches!(ended, AmiError::Refused(_)) {
                pause = REFUSED_PAUSE;
            }
            self.status.set(Some(ended.to_string()), (self.now)());
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.cancelled() => return,
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// One connection, to its end.
    async fn session(&self, watch: &mut Watch) -> AmiError {
        let login = async {
            let secret = self.secret().await?;
            let mut stream = TcpStream::connect(self.settings.address).await.map_err(AmiError::Connect)?;
            let mut reader = Reader::greeted(&mut stream).await?;
            let login = format!(
                "Action: Login\r\nActionID: login\r\nUsername: {}\r\nSecret: {secret}\r\nEvents: call,dtmf,user\r\n\r\n",
                self.settings.user
            );
            stream.write_all(login.as_bytes()).await?;
            reader.answer(&mut stream).await?;
            Ok((stream, reader))
        };
        let logged_in = tokio::time::timeout(PATIENCE, login).await;
        let (mut stream, mut reader) = match logged_in {
            Ok(Ok(logged_in)) => logged_in,
            Ok(Err(error)) => return error,
            Err(_) => return AmiError::Connect(std::io::ErrorKind::TimedOut.into()),
        };
        self.status.set(None, (self.now)());
        self.listen(&mut stream, &mut reader, watch).await
    }

    async fn secret(&self) -> Result<String, AmiError> {
        let path = &self.settings.secret_file;
        let text = tokio::fs::read_to_string(path).await;
        text.and_then(|text| {
            // What a line ends with would be another header to Asterisk.
            let line = text.lines().next().unwrap_or_default().trim();
            let fits = !line.is_empty() && !line.contains(char::is_control);
            fits.then(|| line.to_string()).ok_or_else(|| std::io::Error::other("its first line is no secret"))
        })
        .map_err(|source| AmiError::Secret { path: path.clone(), source })
    }

    async fn listen(&self, stream: &mut TcpStream, reader: &mut Reader, watch: &mut Watch) -> AmiError {
        let mut budget = Budget::new();
        let mut asked = false;
        loop {
            // What came with the login's answer is first.
            for message in std::mem::take(&mut reader.whole) {
                metrics::counter!("lineside_ami_events_total").increment(1);
                if let Some(wish) = watch.event(&message, Moment::now((self.now)())) {
                    budget.wishes += 1;
                    if self.commands.send(Command::PauseNamed(wish)).await.is_err() {
                        return AmiError::Stopping;
                    }
                }
                budget.keep().await;
            }
            match tokio::time::timeout(QUIET, reader.read(stream)).await {
                Ok(Ok(bytes)) => {
                    asked = false;
                    budget.bytes += bytes;
                }
                Ok(Err(error)) => return error,
                Err(_) if asked => return AmiError::Quiet,
                Err(_) => {
                    asked = true;
                    if let Err(error) = stream.write_all(b"Action: Ping\r\n\r\n").await {
                        return error.into();
                    }
                }
            }
        }
    }
}

/// What one second may bring.
struct Budget {
    second: Instant,
    bytes: usize,
    wishes: usize,
}

impl Budget {
    fn new() -> Self {
        Self { second: Instant::now(), bytes: 0, wishes: 0 }
    }

    /// Waits for the next second when this one has brought enough.
    async fn keep(&mut self) {
        let left = Duration::from_secs(1).saturating_sub(self.second.elapsed());
        if self.bytes > BYTES_A_SECOND || self.wishes >= WISHES_A_SECOND {
            metrics::counter!("lineside_ami_held_back_total").increment(1);
            tokio::time::sleep(left).await;
            *self = Self::new();
        } else if left.is_zero() {
            *self = Self::new();
        }
    }
}

/// A connection's incoming side.
struct Reader {
    messages: MessageReader,
    left_out: u64,
    buffer: Vec<u8>,
    whole: Vec<Message>,
}

impl Reader {
    /// Reads the line with which the manager begins.
    async fn greeted(stream: &mut TcpStream) -> Result<Self, AmiError> {
        let mut line = Vec::new();
        while line.last() != Some(&b'\n') {
            if line.len() >= GREETING {
                return Err(AmiError::Greeting);
            }
            match stream.read_u8().await {
                Ok(byte) => line.push(byte),
                Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Err(AmiError::Closed),
                Err(error) => return Err(error.into()),
            }
        }
        if !line.starts_with(b"Asterisk Call Manager/") {
            return Err(AmiError::Greeting);
        }
        Ok(Self { messages: MessageReader::default(), left_out: 0, buffer: vec![0; 16_384], whole: Vec::new() })
    }

    /// Reads what there is; gives how many bytes.
    async fn read(&mut self, stream: &mut TcpStream) -> Result<usize, AmiError> {
        let count = stream.read(&mut self.buffer).await?;
        if count == 0 {
            return Err(AmiError::Closed);
        }
        self.whole.extend(self.messages.push(&self.buffer[..count]));
        let left_out = self.messages.left_out();
        metrics::counter!("lineside_ami_left_out_total").increment(left_out - self.left_out);
        self.left_out = left_out;
        Ok(count)
    }

    /// The answer to the login; events that came before it are no use, those after it stay.
    async fn answer(&mut self, stream: &mut TcpStream) -> Result<(), AmiError> {
        loop {
            self.read(stream).await?;
            let is_answer = |message: &Message| message.get("ActionID") == Some("login");
            let Some(place) = self.whole.iter().position(is_answer) else {
                self.whole.clear();
                continue;
            };
            let answer = self.whole.drain(..=place).next_back().unwrap_or_default();
            return match answer.get("Response") {
                Some("Success") => Ok(()),
                _ => Err(AmiError::Refused(answer.get("Message").unwrap_or("no reason given").to_string())),
            };
        }
    }
}
