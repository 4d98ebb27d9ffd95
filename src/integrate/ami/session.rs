//! One connection to Asterisk's manager, from the login to its end: events in, wishes and names to the conductor, taps to Asterisk.

use std::fmt::Write as _;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::events::{AmiRequest, Watch};
use super::map::{Fact, Map, TAP};
use super::message::AmiMessage;
use super::status::AmiStatus;
use super::taps::{Act, TappedCalls};
use super::wire::{AmiError, Budget, PATIENCE, QUIET, Reader};
use crate::call::pbx::PbxEvent;
use crate::call::{Moment, WallTime};
use crate::capture::naming;
use crate::pipeline::command::Command;
use crate::pipeline::taps::{TapCommand, TapError};

/// How often the channels are listed: what was missed does not stay wrong for longer.
const LISTED_EVERY: Duration = Duration::from_mins(1);
/// Patience with Asterisk when the taps are hung up at the end.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// Classes under `write` that lineside does not need, each with an action of manager.c that needs nothing else.
const UNNEEDED: [(&str, &str); 4] =
    [("command", "Command"), ("config", "GetConfig"), ("dialplan", "DialplanExtensionAdd"), ("system", "ModuleLoad")];
/// Channels that a list may have.
const ROWS: usize = 20_000;

/// What outlives a connection.
pub(super) struct Pbx {
    pub(super) watch: Watch,
    pub(super) map: Map,
    pub(super) taps: TappedCalls,
    /// Who asks for taps.
    pub(super) asked: mpsc::Receiver<TapCommand>,
    /// Where the events of calls go; what does not fit is left out, for pauses do not wait for the database.
    pub(super) events: mpsc::Sender<PbxEvent>,
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) status: AmiStatus,
    pub(super) now: fn() -> WallTime,
}

impl Pbx {
    /// Answers those who ask while there is no connection.
    pub(super) async fn away(&mut self, why: &str) {
        while let Some(command) = self.asked.recv().await {
            let error = || Err(TapError::Away(why.to_string()));
            // Who asked may be gone.
            let _ = match command {
                TapCommand::Start { reply, .. } | TapCommand::End { reply, .. } => reply.send(error()).is_ok(),
                TapCommand::List { reply } => reply.send(self.taps.list()).is_ok(),
                // What is known of them may be over by now.
                TapCommand::Untapped { reply } => reply.send(Vec::new()).is_ok(),
            };
        }
        std::future::pending::<()>().await;
    }

    fn note(&self, event: PbxEvent) {
        if self.events.try_send(event.without_numbers()).is_err() {
            metrics::counter!("lineside_ami_events_dropped_total").increment(1);
        }
    }
}

/// A connection that is logged in.
pub(super) struct Session<'a> {
    pbx: &'a mut Pbx,
    stream: TcpStream,
    /// What Asterisk is still to be told.
    out: String,
    /// Rows of the list that is being read.
    rows: Vec<AmiMessage>,
    lists: u64,
    budget: Budget,
}

impl<'a> Session<'a> {
    pub(super) fn new(pbx: &'a mut Pbx, stream: TcpStream) -> Self {
        Self { pbx, stream, out: String::new(), rows: Vec::new(), lists: 0, budget: Budget::new() }
    }

    /// Listens until the connection ends, or lineside does.
    pub(super) async fn listen(mut self, mut reader: Reader, stop: &CancellationToken) -> AmiError {
        // Without what they need these are refused with "Permission denied", and else for want of a channel: nothing happens either way.
        self.out.push_str("Action: Originate\r\nActionID: may-originate\r\n\r\n");
        self.out.push_str("Action: Hangup\r\nActionID: may-hangup\r\n\r\n");
        // Only what the account may do is listed.
        self.out.push_str("Action: ListCommands\r\nActionID: may-do\r\n\r\n");
        self.pbx.map.reconnected();
        let (mut heard, mut pinged) = (Instant::now(), false);
        let mut list_at = Instant::now();
        loop {
            for message in std::mem::take(&mut reader.whole) {
                metrics::counter!("lineside_ami_events_total").increment(1);
                if let Err(error) = self.message(&message).await {
                    return error;
                }
                self.budget.keep().await;
            }
            if list_at <= Instant::now() {
                list_at = Instant::now() + LISTED_EVERY;
                self.list();
            }
            if let Err(error) = self.tell().await {
                return error;
            }
            let quiet_at = heard + if pinged { QUIET * 2 } else { QUIET };
            tokio::select! {
                () = stop.cancelled() => return self.end().await,
                Some(command) = self.pbx.asked.recv() => self.tap_command(command),
                read = reader.read(&mut self.stream) => match read {
                    Ok(bytes) => {
                        (heard, pinged) = (Instant::now(), false);
                        self.budget.bytes += bytes;
                    }
                    Err(error) => return error,
                },
                () = tokio::time::sleep_until(quiet_at.min(list_at)) => {
                    if heard.elapsed() >= 2 * QUIET {
                        return AmiError::Quiet;
                    }
                    if heard.elapsed() >= QUIET && !pinged {
                        pinged = true;
                        self.out.push_str("Action: Ping\r\n\r\n");
                    }
                }
            }
        }
    }

    /// Asks for all channels.
    fn list(&mut self) {
        self.lists += 1;
        self.rows.clear();
        let _ = write!(self.out, "Action: CoreShowChannels\r\nActionID: list-{}\r\n\r\n", self.lists);
    }

    async fn message(&mut self, message: &AmiMessage) -> Result<(), AmiError> {
        let at = (self.pbx.now)();
        for AmiRequest { mut wish, of } in self.pbx.watch.event(message, Moment::now(at)) {
            // Whose channel it is, is not always known: then the call is paused.
            wish.leg = of.and_then(|(channel, direction)| self.pbx.map.speaker(&channel, direction));
            self.command(Command::PauseNamed(wish)).await?;
        }
        let facts = match message.get("Event") {
            None => {
                self.response(message, at);
                return Ok(());
            }
            Some("CoreShowChannel") => {
                if self.is_of_list(message) && self.rows.len() < ROWS {
                    self.rows.push(message.clone());
                }
                return Ok(());
            }
            Some("CoreShowChannelsComplete") if self.is_of_list(message) => {
                let rows = std::mem::take(&mut self.rows);
                let facts = self.pbx.map.listed(&rows, at);
                self.facts(facts, at).await?;
                let acts = self.pbx.taps.listed(&rows, &self.pbx.map, at);
                self.acts(acts);
                return Ok(());
            }
            Some("OriginateResponse") => {
                let acts = self.pbx.taps.answered(message, at);
                self.acts(acts);
                return Ok(());
            }
            Some("Hangup") if message.get("Uniqueid").is_some_and(|id| id.starts_with(TAP)) => {
                let acts = self.pbx.taps.hung_up(message.get("Uniqueid").unwrap_or_default(), at);
                self.acts(acts);
                return Ok(());
            }
            Some(_) => self.pbx.map.event(message, at),
        };
        self.facts(facts, at).await
    }

    fn is_of_list(&self, message: &AmiMessage) -> bool {
        message.get("ActionID").and_then(|id| id.strip_prefix("list-")) == Some(self.lists.to_string().as_str())
    }

    /// An answer to what was asked for.
    fn response(&mut self, message: &AmiMessage, at: WallTime) {
        let Some(action) = message.get("ActionID") else { return };
        let is_denied = message.get("Message") == Some("Permission denied");
        match action {
            "may-originate" => {
                self.pbx.taps.may = Some(!is_denied);
                self.pbx.status.right("originate", !is_denied);
                if is_denied && self.pbx.taps.has_rules() {
                    log::warn!("ami: no [[tap]] rule has an effect: {}", TapError::Rights);
                }
            }
            "may-hangup" => {
                self.pbx.status.right("call", !is_denied);
                if is_denied {
                    self.pbx.taps.may = Some(false);
                }
            }
            "may-do" => {
                let may = |(_, action): &&(&str, &str)| message.get(action).is_some();
                self.pbx.status.more(UNNEEDED.iter().filter(may).map(|(class, _)| *class).collect());
            }
            _ if action.starts_with("list-") => self.pbx.status.right("reporting", !is_denied),
            _ => {
                let acts = self.pbx.taps.answered(message, at);
                self.acts(acts);
            }
        }
    }

    async fn facts(&mut self, facts: Vec<Fact>, at: WallTime) -> Result<(), AmiError> {
        for fact in facts {
            match fact {
                Fact::Event(event) => self.pbx.note(event),
                Fact::Names { call, names } => {
                    // A system's name before the uniqueid is in no id of a tap.
                    let call = naming::plain_uniqueid(&call).unwrap_or(&call).to_string();
                    self.command(Command::NameFromPbx { call, names }).await?;
                }
                Fact::PartOf { channel, call } => {
                    let plain = |id: &str| naming::plain_uniqueid(id).unwrap_or(id).to_string();
                    self.command(Command::PartOf { channel: plain(&channel), call: plain(&call) }).await?;
                }
                Fact::Bridges { call } => {
                    let acts = self.pbx.taps.bridged(&self.pbx.map, &call, at);
                    self.acts(acts);
                }
                Fact::Over { call } => {
                    let acts = self.pbx.taps.over(&call, at);
                    self.acts(acts);
                }
            }
        }
        Ok(())
    }

    async fn command(&mut self, command: Command) -> Result<(), AmiError> {
        self.budget.wishes += 1;
        self.pbx.commands.send(command).await.map_err(|_| AmiError::Stopping)
    }

    fn tap_command(&mut self, command: TapCommand) {
        let at = (self.pbx.now)();
        let Pbx { map, taps, .. } = &mut *self.pbx;
        let (answer, reply) = match command {
            TapCommand::Start { target, rate_hz, reply } => (taps.start(map, &target, rate_hz, at), reply),
            TapCommand::End { target, reply } => (taps.end(map, &target, at), reply),
            TapCommand::List { reply } => {
                let _ = reply.send(taps.list()); // who asked is gone
                return;
            }
            TapCommand::Untapped { reply } => {
                let _ = reply.send(taps.untapped(map)); // who asked is gone
                return;
            }
        };
        let told = answer.map(|(tap, acts)| {
            self.acts(acts);
            tap
        });
        let _ = reply.send(told); // who asked is gone
    }

    fn acts(&mut self, acts: Vec<Act>) {
        for act in acts {
            match act {
                Act::Tell(event) => self.pbx.note(event),
                Act::HangUp { id } => {
                    let _ = write!(self.out, "Action: Hangup\r\nActionID: end-{id}\r\nChannel: {id}\r\n\r\n");
                }
                Act::Originate { id, channel, data } => {
                    metrics::counter!("lineside_taps_total").increment(1);
                    let _ = write!(
                        self.out,
                        "Action: Originate\r\nActionID: {id}\r\nChannel: {channel}\r\nApplication: ChanSpy\r\nData: {data}\r\nAsync: true\r\n\
                         Timeout: 5000\r\nCallerID: lineside\r\nChannelId: {id}\r\n\r\n"
                    );
                }
            }
        }
    }

    /// Sends what there is to be sent. Who does not take it in is left: Asterisk may be waiting for us to read.
    async fn tell(&mut self) -> Result<(), AmiError> {
        if self.out.is_empty() {
            return Ok(());
        }
        let out = std::mem::take(&mut self.out);
        match tokio::time::timeout(PATIENCE, self.stream.write_all(out.as_bytes())).await {
            Ok(sent) => Ok(sent?),
            Err(_) => Err(AmiError::Quiet),
        }
    }

    /// lineside stops: so do its taps.
    async fn end(mut self) -> AmiError {
        let acts = self.pbx.taps.stop((self.pbx.now)());
        self.acts(acts);
        if !self.out.is_empty() {
            self.out.push_str("Action: Logoff\r\n\r\n");
            let goodbye = async {
                self.tell().await?;
                // Asterisk reads what was sent before it closes.
                let mut rest = [0; 4096];
                while tokio::io::AsyncReadExt::read(&mut self.stream, &mut rest).await? > 0 {}
                Ok::<_, AmiError>(())
            };
            let _ = tokio::time::timeout(LAST_WORDS, goodbye).await; // the AudioSocket server closes the taps too
        }
        AmiError::Stopping
    }
}
