//! The connection's incoming side: what it may bring in a second, and why there is none.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use super::message::{AmiMessage, MessageReader};

/// Patience with a connection, a greeting, an answer to the login.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// After so long without a byte Asterisk is asked whether it is there, and left when it does not say so in the same time.
pub(super) const QUIET: Duration = Duration::from_secs(20);
/// The secret's name among systemd's credentials.
pub(super) const CREDENTIAL: &str = "ami-secret";
/// What is read in a second, at most: some 8000 events. The rest waits in the socket, and Asterisk lets go of who does not read.
const BYTES_A_SECOND: usize = 4 << 20;
/// Wishes in a second, at most: each may be a transaction of the database.
const WISHES_A_SECOND: usize = 200;
/// The longest greeting.
const GREETING: usize = 200;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum AmiError {
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

/// What one second may bring.
pub(super) struct Budget {
    second: Instant,
    pub(super) bytes: usize,
    pub(super) wishes: usize,
}

impl Budget {
    pub(super) fn new() -> Self {
        Self { second: Instant::now(), bytes: 0, wishes: 0 }
    }

    /// Waits for the next second when this one has brought enough.
    pub(super) async fn keep(&mut self) {
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
pub(super) struct Reader {
    messages: MessageReader,
    left_out: u64,
    buffer: Vec<u8>,
    pub(super) whole: Vec<AmiMessage>,
}

impl Reader {
    /// Reads the line with which the manager begins.
    pub(super) async fn greeted(stream: &mut TcpStream) -> Result<Self, AmiError> {
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
    pub(super) async fn read(&mut self, stream: &mut TcpStream) -> Result<usize, AmiError> {
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
    pub(super) async fn answer(&mut self, stream: &mut TcpStream) -> Result<(), AmiError> {
        loop {
            self.read(stream).await?;
            let is_answer = |message: &AmiMessage| message.get("ActionID") == Some("login");
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
