//! EAGI: `lineside eagi` is the script that Asterisk runs; it hands the audio pipe (fd 3) to the daemon and waits.
//!
//! Asterisk never closes fd 3 at a hangup and may send no signal at all, so the daemon ends a leg that has been silent for [`IDLE`], and the
//! script leaves as soon as the daemon closes, on SIGHUP, and when its stdin ends. A script that stays would pin the channel for ever.

use std::collections::BTreeMap;
use std::io::{self, BufRead, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recv, recvmsg, sendmsg,
};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, Interest};
use tokio::net::unix::pipe;
use tokio_util::sync::CancellationToken;

use super::audiosocket::{holds_bytes, put};
use super::timeline::Timeline;
use super::{LastFrame, wall_clock};
use crate::audio::is_out_of_files;
use crate::call::{CallId, CallNames, Leg, Source};
use crate::spool::{LegSpec, Spool};

/// A leg ends when no frame has come for this long.
const IDLE: Duration = Duration::from_secs(5);
/// A script that has connected says at once what it brings.
const GREETING: Duration = Duration::from_secs(2);
/// Time between two tries to take a pipe for which there was no descriptor.
const TRY_AGAIN: Duration = Duration::from_millis(500);
/// The longest greeting of a script.
const HELLO_BYTES: usize = 16_384;
/// Lines of an AGI environment that are read; Asterisk sends about 25.
const MAX_LINES: usize = 200;

/// Names of the arguments of EAGI().
pub const ARGUMENTS: [&str; 4] = ["leg", "agent", "campaign", "lead"];

/// The message of a script to the daemon, beside the pipe.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EagiHello {
    /// `agi_*` variables without their prefix.
    pub agi: BTreeMap<String, String>,
    /// Arguments of EAGI(): `leg=agent`, `agent=…`, `campaign=…`, `lead=…`.
    pub arguments: BTreeMap<String, String>,
    /// EAGI_AUDIO_FORMAT, where set.
    pub format: Option<String>,
}

/// Reads the AGI environment up to its blank line. Lines that are not `name: value` are left out; at most 200 lines of at most 4 KiB are read.
pub fn read_environment(input: impl BufRead) -> io::Result<BTreeMap<String, String>> {
    let mut variables = BTreeMap::new();
    let mut input = io::Read::take(input, (MAX_LINES * 4096) as u64);
    for _ in 0..MAX_LINES {
        let mut line = Vec::new();
        if input.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end_matches(['\r', '\n']);
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(": ")
            && let Some(name) = name.strip_prefix("agi_")
        {
            variables.insert(name.to_string(), value.to_string());
        }
    }
    Ok(variables)
}

/// The rate and whether it is mu-law, by the names that Asterisk gives formats.
pub fn format_of(name: Option<&str>) -> Result<(u32, bool), String> {
    match name.unwrap_or("slin") {
        "ulaw" => Ok((8000, true)),
        "slin" | "slin8" => Ok((8000, false)),
        other => other
            .strip_prefix("slin")
            .and_then(|rate| rate.parse::<u32>().ok())
            .filter(|rate| [12, 16, 24, 32, 44, 48, 96, 192].contains(rate))
            .map(|rate| (if rate == 44 { 44_100 } else { rate * 1000 }, false))
            .ok_or_else(|| format!("EAGI_AUDIO_FORMAT={other} is not slin, slin12 to slin192 or ulaw")),
    }
}

/// The script's side: hands `pipe` and the greeting to the daemon; the stream ends when the daemon is done.
pub fn hand_over(socket: &UnixStream, pipe: BorrowedFd<'_>, hello: &EagiHello) -> io::Result<()> {
    let text = serde_json::to_vec(hello)?;
    let fds = [pipe];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    control.push(SendAncillaryMessage::ScmRights(&fds));
    sendmsg(socket.as_fd(), &[IoSlice::new(&text)], &mut control, SendFlags::empty())?;
    Ok(())
}

/// The daemon's side of [`hand_over`]: waits at most two seconds for the greeting, and as long as it takes for a free descriptor.
///
/// The kernel drops a pipe for which it finds no descriptor. So the greeting is looked at, with the pipe, and taken from the socket only when both are
/// there. What is said meanwhile waits in the pipe, which holds 64 KiB.
async fn take_over(stream: &tokio::net::UnixStream) -> io::Result<(EagiHello, OwnedFd)> {
    let mut is_short = false;
    loop {
        let ready = tokio::time::timeout(GREETING, stream.readable()).await;
        ready.map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "no greeting came"))??;
        match stream.try_io(Interest::READABLE, || look_at(stream.as_fd())) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) if is_out_of_files(&error) => {
                metrics::counter!("lineside_out_of_files_total").increment(1);
                if !is_short {
                    log::error!(
                        "eagi: as many files are open as the system allows; the call waits for its pipe: raise LimitNOFILE= of the unit \
                         (`systemctl edit lineside`)"
                    );
                }
                is_short = true;
                tokio::time::sleep(TRY_AGAIN).await;
            }
            Err(error) => return Err(error),
            Ok((text, pipe)) => {
                if is_short {
                    log::info!("eagi: the call that waited for its pipe is taken");
                }
                stream.try_io(Interest::READABLE, || {
                    Ok(recv(stream.as_fd(), &mut vec![0; text.len()], RecvFlags::DONTWAIT)?)
                })?;
                return Ok((serde_json::from_slice(&text)?, pipe));
            }
        }
    }
}

/// The greeting and its pipe, which stay in the socket.
fn look_at(socket: BorrowedFd<'_>) -> io::Result<(Vec<u8>, OwnedFd)> {
    let mut text = vec![0; HELLO_BYTES];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::PEEK | RecvFlags::DONTWAIT;
    let got = recvmsg(socket, &mut [IoSliceMut::new(&mut text)], &mut control, flags)?;
    let pipe = control
        .drain()
        .find_map(|message| if let RecvAncillaryMessage::ScmRights(mut fds) = message { fds.next() } else { None });
    text.truncate(got.bytes);
    match pipe {
        Some(pipe) => Ok((text, pipe)),
        // `control` has room for one pipe, so a message that was cut off found no free descriptor.
        None if got.flags.contains(ReturnFlags::CTRUNC) => Err(Errno::MFILE.into()),
        None => Err(io::Error::other("no audio pipe came with the greeting; run EAGI(), not AGI()")),
    }
}

/// Parts of the listener that all scripts share.
#[derive(Clone)]
pub struct Eagi {
    /// The spool that stores the audio.
    pub spool: Arc<Spool>,
    /// Cancelled when the daemon stops.
    pub stop: CancellationToken,
    /// Time of the last frame, which `/health` shows.
    pub last_frame: LastFrame,
}

impl Eagi {
    /// Serves until stopped.
    pub async fn run(self, listener: UnixListener) {
        let listener = match listener.set_nonblocking(true).and_then(|()| tokio::net::UnixListener::from_std(listener))
        {
            Ok(listener) => listener,
            Err(error) => return log::error!("eagi: the socket cannot be used: {error}"),
        };
        let tasks = tokio_util::task::TaskTracker::new();
        loop {
            tokio::select! {
                () = self.stop.cancelled() => break,
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        let server = self.clone();
                        tasks.spawn(async move {
                            if let Err(error) = server.serve(stream).await {
                                log::warn!("eagi: {error}; the script was sent away");
                            }
                        });
                    }
                    Err(error) => {
                        log::error!("eagi: accept: {error}; trying again");
                        tokio::time::sleep(Duration::from_millis(200)).await;
                    }
                },
            }
        }
        tasks.close();
        tasks.wait().await;
    }

    async fn serve(&self, mut stream: tokio::net::UnixStream) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let (hello, pipe) = tokio::select! {
            taken = take_over(&stream) => taken?,
            () = self.stop.cancelled() => return Ok(()),
        };
        let (rate_hz, ulaw) = format_of(hello.format.as_deref())?;
        let mut pipe =
            pipe::Receiver::from_owned_fd(pipe).map_err(|error| format!("fd 3 is not the pipe of EAGI(): {error}"))?;
        let uniqueid = hello.agi.get("uniqueid").filter(|id| !id.is_empty()).cloned();
        let argument = |name: &str| hello.arguments.get(name).filter(|value| !value.is_empty()).cloned();
        // A script of another version may know more.
        for unknown in hello.arguments.keys().filter(|name| !ARGUMENTS.contains(&name.as_str())) {
            log::warn!("eagi: argument {unknown:?} is not known and left out; known are {}", ARGUMENTS.join(", "));
        }
        let call = uniqueid.clone().unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
        let spec = LegSpec {
            call: CallId::from_lossy(&call),
            names: CallNames {
                uniqueid,
                agent: argument("agent"),
                campaign: argument("campaign"),
                lead: argument("lead"),
                phone: hello.agi.get("callerid").filter(|id| !id.is_empty() && *id != "unknown").cloned(),
                ..CallNames::default()
            },
            leg: leg_of(argument("leg").as_deref())?,
            source: Source::Eagi,
            started: wall_clock(),
            rate_hz,
            peer: hello.agi.get("channel").cloned(),
        };
        let mut writer = self.spool.open_leg(spec).await?;
        let mut timeline = Timeline::new(rate_hz, 0);
        let began = Instant::now();
        let mut heard = Instant::now();
        let mut odd: Option<u8> = None;
        let mut buffer = [0; 8192];
        let mut end = [0; 16];
        let asked = writer.leg().end_requested().clone();
        let reason = loop {
            tokio::select! {
                () = self.stop.cancelled() => break "shutdown",
                () = asked.cancelled() => break "manual",
                left = stream.read(&mut end) => if matches!(left, Ok(0) | Err(_)) { break "hangup" },
                read = tokio::time::timeout(Duration::from_millis(100), pipe.read(&mut buffer)) => match read {
                    Err(_) if holds_bytes(&pipe) => {}
                    Err(_) if heard.elapsed() > IDLE => break "idle",
                    Err(_) => {
                        put(&mut writer, timeline.idle(began.elapsed().as_millis() as i64)).await?;
                        writer.flush().await?;
                    }
                    Ok(Ok(0)) => break "hangup",
                    Ok(Ok(got)) => {
                        heard = Instant::now();
                        self.last_frame.now(wall_clock());
                        metrics::counter!("lineside_frames_total", "source" => "eagi").increment(1);
                        let samples = samples_of(&buffer[..got], ulaw, &mut odd);
                        put(&mut writer, timeline.frame(samples, began.elapsed().as_millis() as i64)).await?;
                    }
                    Ok(Err(_)) => break "broken",
                },
            }
        };
        put(&mut writer, timeline.release()).await?;
        writer.close(reason).await?;
        Ok(())
    }
}

/// The leg that a script names; the caller's where it names none. One that is none is refused: taken for the caller's it would turn what the agent says
/// into the caller's words.
fn leg_of(word: Option<&str>) -> Result<Leg, String> {
    let Some(word) = word else { return Ok(Leg::Caller) };
    Leg::parse(&word.to_lowercase()).ok_or_else(|| format!("leg={word:?} is not agent, caller or mixed"))
}

/// Bytes of the pipe as samples; half a sample waits in `odd` for its other half.
pub fn samples_of(bytes: &[u8], ulaw: bool, odd: &mut Option<u8>) -> Vec<i16> {
    if ulaw {
        return bytes.iter().map(|&byte| audio_codec_algorithms::decode_ulaw(byte)).collect();
    }
    let mut all: Vec<u8> = odd.take().into_iter().collect();
    all.extend_from_slice(bytes);
    if all.len() % 2 == 1 {
        *odd = all.pop();
    }
    all.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_environment_that_asterisk_sends_is_read_to_its_blank_line() {
        let text = "agi_request: lineside\nagi_uniqueid: 1795218045.12\nagi_callerid: unknown\n\nHANGUP\n";
        let read = read_environment(text.as_bytes()).expect("read");
        assert_eq!(read["uniqueid"], "1795218045.12");
        assert_eq!(read.len(), 3);
    }

    #[test]
    fn formats_have_the_rates_of_their_names() {
        assert_eq!(format_of(None), Ok((8000, false)));
        assert_eq!(format_of(Some("slin16")), Ok((16_000, false)));
        assert_eq!(format_of(Some("ulaw")), Ok((8000, true)));
        assert!(format_of(Some("g729")).expect_err("unknown").contains("g729"));
    }

    #[test]
    fn a_leg_that_is_not_understood_is_nobodys() {
        assert_eq!(
            (leg_of(None), leg_of(Some("Agent")), leg_of(Some("mixed"))),
            (Ok(Leg::Caller), Ok(Leg::Agent), Ok(Leg::Mixed))
        );
        assert!(leg_of(Some("agnet")).expect_err("no leg").contains("agnet"));
    }

    #[tokio::test]
    async fn a_pipe_and_a_greeting_pass_the_socket_once() {
        let (here, there) = UnixStream::pair().expect("pair");
        there.set_nonblocking(true).expect("set");
        let mut there = tokio::net::UnixStream::from_std(there).expect("stream");
        let (reader, mut writer) = io::pipe().expect("pipe");
        let hello = EagiHello { format: Some("slin16".into()), ..EagiHello::default() };
        hand_over(&here, reader.as_fd(), &hello).expect("hand over");
        drop(reader);
        let (got, pipe) = take_over(&there).await.expect("take over");
        assert_eq!(got, hello);
        drop(here);
        assert_eq!(there.read(&mut [0; 16]).await.expect("read"), 0, "nothing of it is left in the socket");
        io::Write::write_all(&mut writer, b"hi").expect("write");
        let mut bytes = [0; 2];
        rustix::io::read(&pipe, &mut bytes).expect("read");
        assert_eq!(&bytes, b"hi");
    }

    proptest! {
        #[test]
        fn no_environment_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let _ = read_environment(&bytes[..]);
        }

        #[test]
        fn samples_do_not_depend_on_how_the_pipe_cuts_them(bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 0_usize..200) {
            let cut = cut.min(bytes.len());
            let mut odd = None;
            let mut pieces = samples_of(&bytes[..cut], false, &mut odd);
            pieces.extend(samples_of(&bytes[cut..], false, &mut odd));
            prop_assert_eq!(pieces, samples_of(&bytes, false, &mut None));
        }
    }
}
