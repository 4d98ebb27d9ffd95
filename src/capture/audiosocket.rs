//! The AudioSocket server: one task per connection, one leg per connection.
//!
//! The server only listens. It writes nothing but one complete terminate frame to hang up, because a partial write stalls the leg in Asterisk. A call
//! normally ends when TCP does. A peer that sends nonsense loses its own connection and nothing else.

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

use super::coding::{Coding, Decoder, Oddity};
use super::frame::{Frame, FrameReader, TERMINATE};
use super::naming;
use super::timeline::{Timeline, Write, heard_at};
use super::{LastFrame, wall_clock};
use crate::call::{Leg, Moment, Source, WallTime};
use crate::spool::{LegSpec, LegWriter, Line, OpenLine, Spool, SpoolError};

/// Asterisk sends the id within 10 ms; a peer that sends none in this time is no Asterisk.
const ID_PATIENCE: Duration = Duration::from_secs(10);
/// Interval at which a silent line is checked.
const TICK: Duration = Duration::from_millis(100);
/// Frames that make no sense before a connection is closed.
const PATIENCE_WITH_NONSENSE: u32 = 16;
/// Times that a connection may change its rate: Asterisk does it when a channel is bridged anew, never without end. Each makes a leg.
const RATE_CHANGES: u32 = 16;

/// Addresses that are named in the log when they are not let in; more are only counted.
const STRANGERS: usize = 1000;

/// Parts of the server that all connections share.
#[derive(Clone)]
pub struct AudioSocket {
    /// The spool that stores the audio.
    pub spool: Arc<Spool>,
    /// Cancelled when the daemon stops.
    pub stop: CancellationToken,
    /// Time of the last frame, which `/health` shows.
    pub last_frame: LastFrame,
    /// Networks from which Asterisk may connect.
    pub allow: Arc<[IpNet]>,
    /// A connection that has shown nothing in this time is gone, its FIN lost. Hold without music is silent too, so this is long.
    pub stale: Duration,
    /// Connections that may be open at a time; more wait in the kernel, with what they say.
    pub connections: usize,
}

/// Reason why the server ended a connection.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("sent no call id within {} s; is this an AudioSocket client?", ID_PATIENCE.as_secs())]
    NoId,
    #[error("its first frame is of type {0:#04x}, not a call id (0x01); is this an AudioSocket client?")]
    NotAnId(u8),
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
                    // Without file descriptors open connections go on, and new ones wait in the kernel.
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
        let mut leg = LiveLeg::begin(naming::from_uuid(id), peer, self.clone()).await?;
        let mut nonsense = 0;
        let mut heard = Instant::now();
        let reason = loop {
            while let Some(frame) = frames.next_frame() {
                match frame {
                    Frame::Audio { rate_hz, payload } => leg.audio(rate_hz, payload).await?,
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
                () = leg.line_to_end().cancelled() => {
                    let _ = stream.write_all(&TERMINATE).await;
                    break "manual";
                }
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
            // Asterisk breaks off in the middle of a frame when nobody has read for minutes.
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

/// The leg of a connection; opened by its first audio frame, or by a key pressed before that.
struct LiveLeg {
    named: naming::ParsedName,
    peer: String,
    server: AudioSocket,
    line: OpenLine,
    open: Option<OpenLeg>,
    /// Number of changes of its rate.
    rates: u32,
}

/// The leg that the connection's samples are written to.
struct OpenLeg {
    writer: LegWriter,
    timeline: Timeline,
    sound: Decoder,
    began: Instant,
}

impl OpenLeg {
    fn now_ms(&self) -> i64 {
        self.began.elapsed().as_millis() as i64
    }

    async fn write(&mut self, timed: Vec<(Vec<i16>, i64)>) -> Result<(), SpoolError> {
        for (samples, at_ms) in timed {
            put(&mut self.writer, self.timeline.frame(samples, at_ms)).await?;
        }
        Ok(())
    }
}

impl LiveLeg {
    /// The call is known from here on, whenever its first sound comes.
    async fn begin(named: naming::ParsedName, peer: SocketAddr, server: AudioSocket) -> Result<Self, Refusal> {
        let line = Line::new(named.call.clone(), named.names.clone(), Source::Audiosocket, wall_clock());
        let line = server.spool.announce(line).await?;
        Ok(Self { named, peer: peer.to_string(), server, line, open: None, rates: 0 })
    }

    async fn audio(&mut self, rate_hz: u32, payload: Vec<u8>) -> Result<(), Refusal> {
        metrics::counter!("lineside_frames_total", "source" => "audiosocket").increment(1);
        let at = wall_clock();
        self.server.last_frame.now(at);
        if self.open.as_ref().is_some_and(|open| open.writer.leg().spec.rate_hz != rate_hz) {
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
        let open = self.opened(rate_hz, at).await?;
        if payload.len() % 2 == 1 && open.sound.is_linear() {
            metrics::counter!("lineside_audiosocket_odd_payloads_total").increment(1);
        }
        let now_ms = open.now_ms();
        let timed = open.sound.take(payload, now_ms);
        open.write(timed).await?;
        self.say_oddities();
        Ok(())
    }

    /// The leg, which begins now where there is none.
    async fn opened(&mut self, rate_hz: u32, at: WallTime) -> Result<&mut OpenLeg, SpoolError> {
        let open = if let Some(open) = self.open.take() {
            open
        } else {
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
            let (timeline, sound) = (Timeline::new(rate_hz, 0), Decoder::new(rate_hz));
            OpenLeg { writer, timeline, sound, began: Instant::now() }
        };
        Ok(self.open.insert(open))
    }

    /// Logs oddities of the sound, each once.
    fn say_oddities(&mut self) {
        let Some(open) = &mut self.open else { return };
        for oddity in open.sound.oddities() {
            let (peer, call) = (&self.peer, &self.named.call);
            match oddity {
                Oddity::Coded(Coding::Linear) => {
                    log::warn!("audiosocket: {peer}: call {call}: its sound is 16-bit samples from here on");
                }
                Oddity::Coded(coding) => {
                    metrics::counter!("lineside_audiosocket_g711_total").increment(1);
                    log::warn!(
                        "audiosocket: {peer}: call {call}: its sound is {} under the label of 16-bit audio, as AudioSocket/…/c(ulaw) sends it; \
                         it is decoded as that. Better use c(slin)",
                        coding.as_str()
                    );
                }
                Oddity::OddPayload(len) => log::warn!(
                    "audiosocket: {peer}: call {call}: a frame of 16-bit audio has {len} bytes, which is no whole number of samples; the odd byte is \
                     put where the sound goes on without noise. More such frames are only counted"
                ),
            }
        }
    }

    async fn idle(&mut self) -> Result<(), Refusal> {
        if let Some(open) = &mut self.open {
            let timed = open.sound.release();
            open.write(timed).await?;
            let writes = open.timeline.idle(open.now_ms());
            put(&mut open.writer, writes).await?;
            open.writer.flush().await?;
        }
        self.say_oddities();
        Ok(())
    }

    /// A key was pressed. Before the first sound it opens the leg: the dialplan's AudioSocket(), which alone sends keys, has 8 kHz.
    async fn dtmf(&mut self, digit: char) -> Result<(), Refusal> {
        const KEYS_HZ: u32 = 8000;
        let open = self.opened(KEYS_HZ, wall_clock()).await?;
        Ok(open.writer.dtmf(digit).await?)
    }

    /// The token that asks for the end of a call without audio.
    fn line_to_end(&self) -> &CancellationToken {
        self.line.line().end_requested()
    }

    fn end_requested(&self) -> CancellationToken {
        self.open.as_ref().map_or_else(CancellationToken::new, |open| open.writer.leg().end_requested().clone())
    }

    async fn end(&mut self, reason: &'static str) -> Result<(), SpoolError> {
        if let Some(mut open) = self.open.take() {
            let timed = open.sound.release();
            open.write(timed).await?;
            put(&mut open.writer, open.timeline.release()).await?;
            open.writer.close(reason).await?;
        }
        Ok(())
    }

    async fn close(mut self, reason: &'static str) -> Result<(), SpoolError> {
        self.end(reason).await?;
        self.line.gone(reason).await
    }
}

/// Whether a peer that seems to be silent has said something already: after SIGCONT a timer runs out before the bytes that came are seen.
pub(super) fn holds_bytes(peer: impl std::os::fd::AsFd) -> bool {
    rustix::io::ioctl_fionread(peer).is_ok_and(|bytes| bytes > 0)
}

/// Writes what the timeline decided.
pub(super) async fn put(writer: &mut LegWriter, decided: Vec<Write>) -> Result<(), SpoolError> {
    let heard = heard_at(&decided, writer.leg().spec.rate_hz, Moment::now(wall_clock()));
    for (write, at) in decided.into_iter().zip(heard) {
        let samples = match write {
            Write::Silence(count) => {
                metrics::counter!("lineside_gap_samples_total").increment(count as u64);
                writer.leg().fill(count as u64);
                vec![0; count]
            }
            Write::Samples(samples) => {
                writer.leg().sounds();
                samples
            }
        };
        writer.append(&samples, at).await?;
    }
    Ok(())
}
