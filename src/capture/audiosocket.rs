//! The AudioSocket server: one task per connection, one leg per connection.
//!
//! It only listens. It never writes, except one whole terminate frame to hang up: any partial write stalls the leg in Asterisk. TCP's end is the
//! normal end of a call. A peer that sends nonsense loses its own connection and nothing else.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ipnet::IpNet;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::frame::{Frame, FrameReader, TERMINATE};
use super::naming;
use super::timeline::{Timeline, Write};
use super::{LastFrame, wall_clock};
use crate::call::{Leg, Source};
use crate::spool::{LegSpec, LegWriter, Spool, SpoolError};

/// Asterisk sends the id within 10 ms; who sends none in this time is no Asterisk.
const ID_PATIENCE: Duration = Duration::from_secs(10);
/// How often a silent line is looked at.
const TICK: Duration = Duration::from_millis(100);
/// Frames that make no sense before a connection is closed.
const PATIENCE_WITH_NONSENSE: u32 = 16;
/// Times that a connection may change its rate: Asterisk does it when a channel is bridged anew, never without end. Each makes a leg.
const RATE_CHANGES: u32 = 16;

/// Addresses that are named in the log when they are not let in; more are only counted.
const STRANGERS: usize = 1000;

/// What the server needs.
#[derive(Clone)]
pub struct AudioSocket {
    /// Where audio goes.
    pub spool: Arc<Spool>,
    /// Stop.
    pub stop: CancellationToken,
    /// For /health.
    pub last_frame: LastFrame,
    /// From where Asterisk may connect.
    pub allow: Arc<[IpNet]>,
    /// A connection that has shown nothing in this time is gone, its FIN lost. Hold without music is silent too, so this is long.
    pub stale: Duration,
    /// Connections that may be open at a time; more wait in the kernel, with what they say.
    pub connections: usize,
}

/// Why a connection was ended by us.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("sent no call id within {} s; is this an AudioSocket client?", ID_PATIENCE.as_secs())]
    NoId,
    #[error("its first frame is of type {0:#04x}, not a call id (0x01); is this an AudioSocket client?")]
    NotAnId(u8),
    #[error(
        "sends 160-byte frames of type 0x10: that is mu-law under the label of 16-bit audio, as AudioSocket/…/c(ulaw) does; \
         use c(slin). Nothing of it was kept"
    )]
    MislabelledUlaw,
    #[error("sends frames that make no sense (last: type {0:#04x})")]
    Nonsense(u8),
    #[error("has changed its rate {RATE_CHANGES} times, now to {0} Hz; what came before is kept")]
    Rates(u32),
    #[error("{0}")]
    Spool(#[from] SpoolError),
}

impl AudioSocket {
    /// Serves until stopped; then closes every leg properly.
    pub async fn run(self, listener: TcpListener) {
        let tasks = TaskTracker::new();
        let mut strangers = HashSet::new();
        let places = Arc::new(Semaphore::new(self.connections.min(Semaphore::MAX_PERMITS)));
        loop {
            let accepted = tokio::select! {
                () = self.stop.cancelled() => break,
                accepted = async {
                    let place = Arc::clone(&places).acquire_owned().await;
                    listener.accept().await.map(|(stream, peer)| (stream, peer, place))
                } => accepted,
            };
            match accepted {
                Ok((_, peer, _)) if !self.lets_in(peer) => {
                    metrics::counter!("lineside_audiosocket_refused_total").increment(1);
                    if strangers.len() < STRANGERS && strangers.insert(peer.ip()) {
                        log::warn!(
                            "audiosocket: {}: is not in [audiosocket] allow; its connections are closed",
                            peer.ip()
                        );
                    }
                }
                Ok((stream, peer, place)) => {
                    metrics::counter!("lineside_audiosocket_connections_total").increment(1);
                    let server = self.clone();
                    tasks.spawn(async move {
                        let _place = place;
                        server.connection(stream, peer).await;
                    });
                }
                Err(error) => {
                    // Out of file descriptors: those who are connected go on, newcomers wait in the kernel.
                    log::error!("audiosocket: accept: {error}; trying again");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
        }
        tasks.close();
        tasks.wait().await;
    }

    fn lets_in(&self, peer: SocketAddr) -> bool {
        // An IPv4 peer of a dual-stack socket comes as ::ffff:a.b.c.d.
        let address = peer.ip().to_canonical();
        self.allow.iter().any(|net| net.contains(&address))
    }

    async fn connection(self, mut stream: TcpStream, peer: SocketAddr) {
        if let Err(refusal) = self.serve(&mut stream, peer).await {
            metrics::counter!("lineside_audiosocket_refused_total").increment(1);
            log::warn!("audiosocket: {peer}: {refusal}; the connection was closed");
        }
    }

    async fn serve(&self, stream: &mut TcpStream, peer: SocketAddr) -> Result<(), Refusal> {
        let mut frames = FrameReader::default();
        let mut buffer = [0; 4096];
        let Some(id) = self.first_frame(stream, &mut frames, &mut buffer).await? else { return Ok(()) };
        let mut leg = LiveLeg {
            named: naming::from_uuid(id),
            peer: peer.to_string(),
            server: self.clone(),
            open: None,
            rates: 0,
        };
        let mut nonsense = 0;
        let mut suspicious = 0;
        let mut heard = Instant::now();
        let reason = loop {
            while let Some(frame) = frames.next_frame() {
                match frame {
                    Frame::Audio { rate_hz: 8000, bytes: 160, .. } if leg.open.is_none() => {
                        suspicious += 1;
                        if suspicious == 3 {
                            return Err(Refusal::MislabelledUlaw);
                        }
                    }
                    Frame::Audio { rate_hz, samples, .. } => leg.audio(rate_hz, samples).await?,
                    Frame::Dtmf(digit) => leg.dtmf(digit).await?,
                    Frame::Terminate => return Ok(leg.close("hangup").await?),
                    Frame::Error(code) => {
                        log::warn!("audiosocket: {peer}: reports error {code:#04x}");
                        return Ok(leg.close("error").await?);
                    }
                    Frame::Id(_) => {}
                    Frame::Unknown { kind, .. } => {
                        metrics::counter!("lineside_audiosocket_unknown_frames_total").increment(1);
                        nonsense += 1;
                        if nonsense > PATIENCE_WITH_NONSENSE {
                            leg.close("nonsense").await?;
                            return Err(Refusal::Nonsense(kind));
                        }
                    }
                }
            }
            let asked = leg.end_requested();
            tokio::select! {
                () = self.stop.cancelled() => break "shutdown",
                () = asked.cancelled() => {
                    let _ = stream.write_all(&TERMINATE).await;
                    break "manual";
                }
                read = tokio::time::timeout(TICK, stream.read(&mut buffer)) => match read {
                    Err(_) if holds_bytes(&stream) => {}
                    Err(_) => {
                        leg.idle().await?;
                        if heard.elapsed() > self.stale {
                            metrics::counter!("lineside_stale_calls_total").increment(1);
                            log::warn!(
                                "audiosocket: {peer}: call {}: nothing came for {} s; it is closed as stale",
                                leg.named.call,
                                self.stale.as_secs()
                            );
                            break "stale";
                        }
                    }
                    Ok(Ok(0)) => break "hangup",
                    Ok(Ok(got)) => {
                        heard = Instant::now();
                        frames.push(&buffer[..got]);
                    }
                    Ok(Err(error)) => {
                        log::debug!("audiosocket: {peer}: {error}");
                        break "reset";
                    }
                },
            }
        };
        if frames.left_over() > 0 {
            // Asterisk breaks off mid-frame when nobody read for minutes.
            metrics::counter!("lineside_audiosocket_half_frames_total").increment(1);
        }
        Ok(leg.close(reason).await?)
    }

    /// The call id, which must come first; `None` when the peer leaves without a word.
    async fn first_frame(
        &self,
        stream: &mut TcpStream,
        frames: &mut FrameReader,
        buffer: &mut [u8],
    ) -> Result<Option<[u8; 16]>, Refusal> {
        let patience = tokio::time::sleep(ID_PATIENCE);
        tokio::pin!(patience);
        loop {
            match frames.next_frame() {
                Some(Frame::Id(id)) => return Ok(Some(id)),
                Some(Frame::Unknown { kind, .. }) => return Err(Refusal::NotAnId(kind)),
                Some(Frame::Terminate) => return Ok(None),
                Some(_) => return Err(Refusal::NotAnId(0x10)),
                None => {}
            }
            tokio::select! {
                () = self.stop.cancelled() => return Ok(None),
                () = &mut patience => return Err(Refusal::NoId),
                read = stream.read(buffer) => match read {
                    Ok(got) if got > 0 => frames.push(&buffer[..got]),
                    _ => return Ok(None),
                },
            }
        }
    }
}

/// The leg of a connection; opened by its first audio frame.
struct LiveLeg {
    named: naming::Named,
    peer: String,
    server: AudioSocket,
    open: Option<(LegWriter, Timeline, Instant)>,
    /// How often its rate has changed.
    rates: u32,
}

impl LiveLeg {
    async fn audio(&mut self, rate_hz: u32, samples: Vec<i16>) -> Result<(), Refusal> {
        metrics::counter!("lineside_frames_total", "source" => "audiosocket").increment(1);
        let at = wall_clock();
        self.server.last_frame.now(at);
        if self.open.as_ref().is_some_and(|(writer, ..)| writer.leg().spec.rate_hz != rate_hz) {
            self.rates += 1;
            if self.rates > RATE_CHANGES {
                self.end("rate changes").await?;
                return Err(Refusal::Rates(rate_hz));
            }
            log::warn!(
                "audiosocket: call {}: the rate changed to {rate_hz} Hz; it goes on as another leg",
                self.named.call
            );
            self.end("rate change").await?;
        }
        if self.open.is_none() {
            let spec = LegSpec {
                call: self.named.call.clone(),
                names: self.named.names.clone(),
                leg: self.named.leg.unwrap_or(Leg::Mixed),
                source: Source::Audiosocket,
                started: at,
                rate_hz,
                peer: Some(self.peer.clone()),
            };
            let writer = self.server.spool.open_leg(spec).await?;
            self.open = Some((writer, Timeline::new(rate_hz, 0), Instant::now()));
        }
        if let Some((writer, timeline, began)) = &mut self.open {
            let writes = timeline.frame(samples, began.elapsed().as_millis() as i64);
            put(writer, writes).await?;
        }
        Ok(())
    }

    async fn idle(&mut self) -> Result<(), Refusal> {
        if let Some((writer, timeline, began)) = &mut self.open {
            let writes = timeline.idle(began.elapsed().as_millis() as i64);
            put(writer, writes).await?;
            writer.flush().await?;
        }
        Ok(())
    }

    async fn dtmf(&mut self, digit: char) -> Result<(), Refusal> {
        if let Some((writer, ..)) = &mut self.open {
            writer.dtmf(digit).await?;
        }
        Ok(())
    }

    fn end_requested(&self) -> CancellationToken {
        self.open.as_ref().map_or_else(CancellationToken::new, |(writer, ..)| writer.leg().end_requested().clone())
    }

    async fn end(&mut self, reason: &'static str) -> Result<(), SpoolError> {
        if let Some((mut writer, mut timeline, _)) = self.open.take() {
            put(&mut writer, timeline.release()).await?;
            writer.close(reason).await?;
        }
        Ok(())
    }

    async fn close(mut self, reason: &'static str) -> Result<(), SpoolError> {
        self.end(reason).await
    }
}

/// Whether a peer that seems to be silent has said something already: after SIGCONT a timer runs out before the bytes that came are seen.
pub(super) fn holds_bytes(peer: impl std::os::fd::AsFd) -> bool {
    rustix::io::ioctl_fionread(peer).is_ok_and(|bytes| bytes > 0)
}

/// Writes what the timeline decided.
pub(super) async fn put(writer: &mut LegWriter, decided: Vec<Write>) -> Result<(), SpoolError> {
    for write in decided {
        let samples = match write {
            Write::Silence(count) => {
                metrics::counter!("lineside_gap_samples_total").increment(count as u64);
                vec![0; count]
            }
            Write::Samples(samples) => samples,
        };
        writer.append(&samples, wall_clock()).await?;
    }
    Ok(())
}
