//! The machine around the daemon: log, systemd, limits, signals.

pub mod cpu;
pub mod machine;

use std::io::Write as _;

use tokio::signal::unix::{SignalKind, signal};

/// From now on a panic in any thread ends the process with SIGABRT, after its message is written to stderr. A daemon that panics must be restarted by
/// systemd, not live on as a ghost. To be called once, at the start of `main`.
pub fn end_at_a_panic() {
    let write = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        write(panic);
        std::process::abort();
    }));
}

/// Sends log lines to journald when systemd runs us, else to stderr. `level` is `error`, `warn`, `info`, `debug`.
pub fn start_log(level: log::LevelFilter) {
    if systemd_journal_logger::connected_to_journal()
        && let Ok(journal) = systemd_journal_logger::JournalLog::new()
        && journal.install().is_ok()
    {
        log::set_max_level(level);
        return;
    }
    let mut builder = env_logger::Builder::new();
    builder
        .filter_level(log::LevelFilter::Warn)
        .filter_module("lineside", level)
        .filter_module("symphonia", log::LevelFilter::Off)
        .parse_default_env()
        // Names of calls, peers and files come from outside: what is in them may not steer the terminal that shows the log, nor begin a line of it.
        .format(|out, record| {
            let (at, level, said) = (out.timestamp(), record.level(), record.args().to_string());
            writeln!(out, "[{at} {level:<5}] {}", harmless(&said))
        });
    let _ = builder.try_init(); // a second call, as in tests, changes nothing
}

/// A text without control characters: each becomes visible.
fn harmless(text: &str) -> std::borrow::Cow<'_, str> {
    if !text.contains(char::is_control) {
        return text.into();
    }
    text.chars()
        .map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() })
        .collect::<String>()
        .into()
}

/// Allows as many files as the system lets us have: every connection is one, every open leg another.
pub fn raise_file_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        log::debug!("open files: {error}");
    }
}

/// Number of files that this process has open, and number that it may have; `None` where the system does not tell. Blocks briefly.
pub fn open_files() -> Option<(u64, u64)> {
    let open = std::fs::read_dir("/proc/self/fd").ok()?.count() as u64;
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(u64::MAX);
    Some((open.saturating_sub(1), limit)) // the folder itself was one
}

/// Number of connections that may bring audio at a time: the rest of the files is for the audio itself, the database and the API.
pub fn connections_for_sound() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(1 << 20);
    usize::try_from(limit - (limit / 4).min(256)).unwrap_or(usize::MAX)
}

/// Tells systemd how we are doing; does nothing elsewhere.
pub fn tell_systemd(state: &[sd_notify::NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        log::debug!("sd_notify: {error}");
    }
}

/// The request of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalRequest {
    /// SIGTERM or SIGINT.
    Stop,
    /// SIGHUP.
    Reload,
}

/// The daemon's signals.
pub struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
}

impl Signals {
    /// Takes the signals over.
    pub fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the next one.
    pub async fn next(&mut self) -> SignalRequest {
        tokio::select! {
            _ = self.terminate.recv() => SignalRequest::Stop,
            _ = self.interrupt.recv() => SignalRequest::Stop,
            _ = self.hangup.recv() => SignalRequest::Reload,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::Command;

    const PANIC_HERE: &str = "LINESIDE_TEST_PANIC";

    /// It starts itself again, and that process panics in a thread that nobody joins.
    #[test]
    fn a_panic_in_any_thread_ends_the_process_and_says_why() {
        if std::env::var_os(PANIC_HERE).is_some() {
            super::end_at_a_panic();
            let _ = std::thread::spawn(|| panic!("a bug in a thread")).join();
            std::process::exit(0);
        }
        let name = "host::tests::a_panic_in_any_thread_ends_the_process_and_says_why";
        let program = std::env::current_exe().expect("the tests' program");
        let ended =
            Command::new(program).args([name, "--exact", "--nocapture"]).env(PANIC_HERE, "1").output().expect("starts");
        assert_eq!(ended.status.signal(), Some(libc::SIGABRT), "{ended:?}");
        assert!(String::from_utf8_lossy(&ended.stderr).contains("a bug in a thread"), "{ended:?}");
    }
}
