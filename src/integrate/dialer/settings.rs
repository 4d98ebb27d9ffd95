//! Where the dialer's database is, put together from our settings and ViciDial's own file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::astguiclient::{Astguiclient, AstguiclientError};
use crate::contract::dialer::DialerKind;

/// The password's name among systemd's credentials.
pub const CREDENTIAL: &str = "dialer-password";

/// What the configuration says; what is `None` may stand in ViciDial's file.
#[derive(Clone, Debug, Default)]
pub struct DialerWishes {
    /// Host name or address.
    pub host: Option<String>,
    /// Port.
    pub port: Option<u16>,
    /// Socket, instead of both.
    pub socket: Option<PathBuf>,
    /// User of the database.
    pub user: Option<String>,
    /// File of the user's password.
    pub password_file: Option<PathBuf>,
    /// Name of the database.
    pub database: Option<String>,
    /// Host and port of a replica.
    pub replica: Option<(String, Option<u16>)>,
    /// Asterisk's log of its queues.
    pub queue_log: Option<PathBuf>,
}

/// How the database is reached.
#[derive(Clone, PartialEq, Eq)]
pub enum DialerPlace {
    /// Over TCP.
    Tcp(String, u16),
    /// By a socket.
    Socket(PathBuf),
}

/// The user's password.
#[derive(Clone, PartialEq, Eq)]
pub enum DialerPassword {
    /// As ViciDial's file has it.
    Known(String),
    /// The first line of a file, read at each login.
    File(PathBuf),
    /// There is none.
    None,
}

/// Which database is read, and how.
#[derive(Clone)]
pub struct DialerSettings {
    /// The dialer that the database belongs to.
    pub kind: DialerKind,
    /// Where it is.
    pub place: DialerPlace,
    /// Name of the database.
    pub database: String,
    /// The database user, who needs no right but SELECT.
    pub user: String,
    /// With which password.
    pub password: DialerPassword,
    /// How this server calls itself in ViciDial's tables.
    pub server_ip: Option<String>,
    /// Time between two looks at the running calls.
    pub poll: Duration,
    /// Calls that are older are not asked about any more.
    pub oldest: Duration,
    /// Asterisk's log of its queues.
    pub queue_log: Option<PathBuf>,
}

impl DialerSettings {
    /// Where the database is, for people.
    pub fn address(&self) -> String {
        match &self.place {
            DialerPlace::Tcp(host, port) => format!("{host}:{port}/{}", self.database),
            DialerPlace::Socket(path) => format!("{}/{}", path.display(), self.database),
        }
    }

    /// Our wishes and ViciDial's file as one. An error says what is missing, and where it may be set.
    pub fn join(
        kind: DialerKind,
        wishes: DialerWishes,
        file: Option<&Astguiclient>,
        (poll, oldest): (Duration, Duration),
    ) -> Result<Self, String> {
        let of_file = file.cloned().unwrap_or_default();
        let is_own_user = wishes.user.is_some();
        let missing = |key: &str| format!("[dialer] {key} is not set, nor does ViciDial's own file name it");
        let user = wishes.user.or(of_file.user).ok_or_else(|| missing("user"))?;
        let default_database = (kind == DialerKind::Freepbx).then(|| "asteriskcdrdb".to_string());
        let database = wishes.database.or(of_file.database).or(default_database).ok_or_else(|| missing("database"))?;
        let port = wishes.port.or(of_file.port).unwrap_or(3306);
        let place = match (wishes.replica, wishes.socket, wishes.host.or(of_file.host)) {
            (Some((host, own)), _, _) => DialerPlace::Tcp(host, own.unwrap_or(port)),
            (None, Some(socket), _) => DialerPlace::Socket(socket),
            (None, None, Some(host)) => DialerPlace::Tcp(host, port),
            (None, None, None) => return Err(missing("host")),
        };
        let credential = || std::env::var_os("CREDENTIALS_DIRECTORY").map(|folder| Path::new(&folder).join(CREDENTIAL));
        // The password of ViciDial's file is that of its own user.
        let password = match wishes.password_file.or_else(|| credential().filter(|path| path.exists())) {
            Some(path) => DialerPassword::File(path),
            None if is_own_user => DialerPassword::None,
            None => of_file.password.map_or(DialerPassword::None, DialerPassword::Known),
        };
        let (server_ip, queue_log) = (of_file.server_ip, wishes.queue_log);
        Ok(Self { kind, place, database, user, password, server_ip, poll, oldest, queue_log })
    }
}

/// What follows from ViciDial's file where nobody has said whose database is to be read.
#[derive(Debug)]
pub enum DialerFile {
    /// There is none: this is no server of ViciDial's.
    Nothing,
    /// There is one, which cannot be used; why.
    Unusable(String),
    /// It names a database.
    Database(Box<Astguiclient>),
}

impl DialerFile {
    /// Looks at what was read.
    pub fn of(read: Result<Astguiclient, AstguiclientError>) -> Self {
        match read {
            Err(error) if error.is_absent() => Self::Nothing,
            Err(error) => Self::Unusable(error.to_string()),
            Ok(found) => Self::Database(Box::new(found)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(1));

    fn file() -> Astguiclient {
        Astguiclient {
            host: Some("db".into()),
            database: Some("asterisk".into()),
            user: Some("cron".into()),
            password: Some("1234".into()),
            ..Astguiclient::default()
        }
    }

    #[test]
    fn what_we_are_told_comes_before_what_vicidials_file_says() {
        let join =
            |wishes, file: Option<&Astguiclient>| DialerSettings::join(DialerKind::Vicidial, wishes, file, TIMES);
        let plain = join(DialerWishes::default(), Some(&file())).expect("complete");
        assert!(plain.password == DialerPassword::Known("1234".into()) && plain.address() == "db:3306/asterisk");
        let own = DialerWishes {
            user: Some("lineside".into()),
            replica: Some(("replica".into(), Some(3307))),
            ..DialerWishes::default()
        };
        let own = join(own, Some(&file())).expect("complete");
        assert!(own.password == DialerPassword::None, "the password is another user's");
        assert_eq!(own.address(), "replica:3307/asterisk");
        let missing = join(DialerWishes::default(), None).err().expect("nothing is known");
        assert!(missing.contains("[dialer] user"), "{missing}");
    }
}
