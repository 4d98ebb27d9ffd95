//! A check: what was looked at, how it came out, what was found, why it matters, and the mend.
//!
//! What can be looked at is a list, so that every check has its reason and each name is written once.

use crate::contract::doctor::{CheckState, DoctorCheck};

/// What can be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    Configuration,
    Packs,
    StateFolder,
    RunFolder,
    Permissions,
    Disk,
    Encryption,
    Secret,
    Certificate,
    Access,
    Cpu,
    Workers,
    Memory,
    Load,
    Model,
    Language,
    BestModel,
    Voice,
    Meaning,
    Recordings,
    Remote,
    Group,
    Quota,
    Throttling,
    Inotify,
    Clock,
    Asterisk,
    Modules,
    Dialplan,
    Sources,
    Port,
    Manager,
    AmiRights,
    Dialer,
    Database,
    Reports,
    OpenFiles,
    Inference,
    Lag,
    Daemon,
}

impl Subject {
    /// Its name in tables and in JSON.
    pub(super) const fn name(self) -> &'static str {
        self.told().0
    }

    /// Why it matters, as a sentence without a full stop.
    pub(super) const fn why(self) -> &'static str {
        self.told().1
    }

    #[rustfmt::skip]
    const fn told(self) -> (&'static str, &'static str) {
        match self {
            Self::Configuration => ("configuration", "lineside does not start with a mistake in its settings (exit code 78)"),
            Self::Packs => ("packs", "keywords, alerts and score cards come from packs; lineside does not start with a broken one (exit code 78)"),
            Self::StateFolder => ("state folder", "database, audio and models are kept there; lineside does not start where it cannot write"),
            Self::RunFolder => ("run folder", "commands and EAGI reach the daemon by sockets in this folder"),
            Self::Permissions => ("permissions", "whoever can read this folder can read and hear all calls"),
            Self::Disk => ("disk", "with little space left lineside deletes old audio, then stops recording new calls"),
            Self::Encryption => ("encryption", "without its key lineside does not start, and stored audio cannot be played"),
            Self::Secret => ("secret", "lineside logs in to another system with it"),
            Self::Certificate => ("certificate", "lineside does not start when its port cannot speak TLS"),
            Self::Access => ("access", "whoever gets in reads and hears the calls"),
            Self::Cpu => ("cpu", "the speech kernels decide how many calls have live text"),
            Self::Workers => ("workers", "more threads than CPUs make each utterance slower and no text sooner"),
            Self::Memory => ("memory", "a machine that swaps loses calls, the PBX's as well"),
            Self::Load => ("load", "speech gets the CPU time that other programs leave"),
            Self::Model => ("model", "without a usable model calls are stored but not transcribed"),
            Self::Language => ("language", "a model writes a language it does not know as nonsense"),
            Self::BestModel => ("best model", "the right model has the fewest errors that this CPU can do in time"),
            Self::Voice => ("voice", "the detector finds speech; a poor one takes music and noise for speech"),
            Self::Meaning => ("meaning", "without a model of sentences calls are found by the words that were said, not by what was meant"),
            Self::Recordings => ("recordings", "calls in a folder that cannot be read are not transcribed"),
            Self::Remote => ("remote", "recordings on another server are fetched with this key, and only from a server whose own key is known"),
            Self::Group => ("group", "Asterisk's recordings belong to this group"),
            Self::Quota => ("quota", "the quota keeps speech from taking CPU time from Asterisk"),
            Self::Throttling => ("throttling", "text is late while the kernel holds lineside to its quota"),
            Self::Inotify => ("inotify", "folders that are not watched are looked at once a minute only"),
            Self::Clock => ("clock", "recordings, calls and the dialer's rows are matched by time"),
            Self::Asterisk => ("asterisk", "calls come from there"),
            Self::Modules => ("modules", "without them Asterisk cannot send live audio or tap calls"),
            Self::Dialplan => ("dialplan", "live audio comes only from calls that the dialplan or a tap sends here"),
            Self::Sources => ("sources", "a call whose two sources were both transcribed has every line twice"),
            Self::Port => ("port", "lineside does not start while another program has its port"),
            Self::Manager => ("manager", "without the manager interface there are no taps, no pauses from Asterisk, and agents have no names"),
            Self::AmiRights => ("AMI rights", "what the account may not do, lineside cannot do"),
            Self::Dialer => ("dialer", "names of agents, campaigns and leads come from the dialer's database"),
            Self::Database => ("database", "calls and their text are kept there"),
            Self::Reports => ("reports", "whoever waits for the file of each day's calls does not get it where it cannot be written"),
            Self::OpenFiles => ("open files", "a live leg takes two; new calls wait when none is left"),
            Self::Inference => ("inference", "calls are stored but not transcribed while the model does not answer"),
            Self::Lag => ("lag", "live text and alerts come this late"),
            Self::Daemon => ("daemon", "no call is heard while the daemon does not run"),
        }
    }
}

fn check(subject: Subject, state: CheckState, found: impl Into<String>, mend: Option<String>) -> DoctorCheck {
    let (check, why) = (subject.name().into(), subject.why().into());
    DoctorCheck { check, state, found: found.into(), why, mend }
}

/// Nothing is wrong.
pub(super) fn good(subject: Subject, found: impl Into<String>) -> DoctorCheck {
    check(subject, CheckState::Ok, found, None)
}

/// It works, and would be better with this.
pub(super) fn advice(subject: Subject, found: impl Into<String>, mend: impl Into<String>) -> DoctorCheck {
    check(subject, CheckState::Advice, found, Some(mend.into()))
}

/// It cannot be looked at from here.
pub(super) fn unknown(subject: Subject, found: impl Into<String>, mend: impl Into<String>) -> DoctorCheck {
    check(subject, CheckState::Unknown, found, Some(mend.into()))
}

/// Something is wrong.
pub(super) fn bad(subject: Subject, found: impl Into<String>, mend: impl Into<String>) -> DoctorCheck {
    check(subject, CheckState::Bad, found, Some(mend.into()))
}

/// Whether something is wrong with one of these.
pub(super) fn is_bad(checks: &[DoctorCheck], subjects: &[Subject]) -> bool {
    let among = |check: &DoctorCheck| subjects.iter().any(|subject| subject.name() == check.check);
    checks.iter().any(|check| check.state == CheckState::Bad && among(check))
}
