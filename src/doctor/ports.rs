//! The ports of the configuration: who has them when the daemon does not run, and whether the daemon has them when it does.
//!
//! Nothing connects to a port: an AudioSocket connection that says nothing would be in the log. The kernel's table of listeners tells it.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::path::Path;

use super::check::{Subject, advice, bad, good};
use super::unit::USER;
use crate::config::Config;
use crate::contract::doctor::DoctorCheck;

/// The ports that the configuration names, with their sections.
fn named(config: &Config) -> impl Iterator<Item = (&'static str, SocketAddr)> {
    let all = [("http", &config.http.listen), ("audiosocket", &config.audiosocket.listen)];
    all.into_iter().filter_map(|(section, listen)| Some((section, listen.parse().ok()?)))
}

/// What would keep a daemon from its ports, while none runs.
pub(super) fn in_the_way(config: &Config) -> Vec<DoctorCheck> {
    let mut checks: Vec<DoctorCheck> = named(config).filter_map(|(section, listen)| taken(section, listen)).collect();
    if let [(_, one), (_, other)] = named(config).collect::<Vec<_>>()[..]
        && meet(one, other)
    {
        checks.push(bad(
            Subject::Port,
            format!("[http] and [audiosocket] both listen on {other}"),
            "give one of them another port, then `systemctl restart lineside`",
        ));
    }
    checks
}

fn taken(section: &str, listen: SocketAddr) -> Option<DoctorCheck> {
    let Err(error) = TcpListener::bind(listen) else { return reserved(section, listen) };
    let (found, mend) = match error.kind() {
        ErrorKind::AddrInUse => {
            let again = "then `systemctl restart lineside`";
            match holder_of(listen) {
                Some(holder) => (
                    format!("[{section}] {listen}: {holder} has it"),
                    format!("stop that ({}), or change [{section}] listen; {again}", holder.how_to_stop()),
                ),
                None => (
                    format!("[{section}] {listen}: a program of another user has it"),
                    format!(
                        "`ss -ltnp 'sport = :{}'` as root names the program: stop it, or change [{section}] listen; {again}",
                        listen.port()
                    ),
                ),
            }
        }
        ErrorKind::AddrNotAvailable => (
            format!("[{section}] {listen}: no interface of this machine has this address"),
            format!(
                "`ip -br address` shows those it has; write one of them to [{section}] listen, then `systemctl restart lineside`"
            ),
        ),
        ErrorKind::PermissionDenied => return Some(privileged(section, listen)),
        _ => (
            format!("[{section}] {listen}: {error}"),
            format!("change [{section}] listen, then `systemctl restart lineside`"),
        ),
    };
    Some(bad(Subject::Port, found, mend))
}

/// Root may open every port; the daemon runs as a user who may not.
fn reserved(section: &str, listen: SocketAddr) -> Option<DoctorCheck> {
    let first = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").ok()?;
    let first: u16 = first.trim().parse().ok()?;
    let for_another = rustix::process::geteuid().is_root() && super::system::has_user(USER);
    (for_another && listen.port() < first && listen.port() != 0).then(|| privileged(section, listen))
}

fn privileged(section: &str, listen: SocketAddr) -> DoctorCheck {
    bad(
        Subject::Port,
        format!("[{section}] {listen}: ports below 1024 are root's, and lineside does not run as root"),
        format!(
            "take a port from 1024 on in [{section}] listen and put a proxy in front (docs/install.md), then `systemctl restart lineside`"
        ),
    )
}

/// Whether a daemon that runs listens where the configuration says.
pub(super) fn served(config: &Config) -> Vec<DoctorCheck> {
    let listeners = listeners();
    if listeners.is_empty() {
        return Vec::new(); // the kernel tells nothing here
    }
    let told = named(config).map(|(section, listen)| {
        if listeners.iter().any(|listener| meet(listener.address, listen)) {
            good(Subject::Port, format!("[{section}] {listen} is open"))
        } else {
            bad(
                Subject::Port,
                format!("the daemon runs, but nobody listens on [{section}] {listen}"),
                "the setting was changed after the start: `systemctl restart lineside` (a reload does not open ports)",
            )
        }
    });
    told.collect()
}

/// What is to be known of who may use the HTTP port.
pub(super) fn access(config: &Config) -> Vec<DoctorCheck> {
    let http = &config.http;
    let Ok(listen) = http.listen.parse::<SocketAddr>() else {
        return vec![good(Subject::Access, "no HTTP port: the Unix socket alone is served")];
    };
    let mut checks = Vec::new();
    if http.open {
        checks.push(advice(
            Subject::Access,
            format!("[http] open = true: everybody on this machine reads and changes all calls at {listen}"),
            "take open out when the trial is over; `lineside token add NAME --scope read,operate` makes tokens",
        ));
    }
    if !listen.ip().is_loopback() && http.tls_certificate.is_none() && http.proxies.is_empty() {
        checks.push(advice(
            Subject::Access,
            format!("{listen} is reached from other machines, and tokens and calls go there unencrypted"),
            "set [http] tls_certificate and tls_key, or listen on 127.0.0.1:8123 with a proxy in front (docs/install.md)",
        ));
    }
    if !listen.ip().is_loopback()
        && super::system::unit_property("IPAddressDeny").is_some_and(|deny| deny.contains("0.0.0.0/0"))
        && super::system::unit_property("IPAddressAllow")
            .is_some_and(|allow| allow.split_whitespace().all(|net| net.starts_with("127.") || net == "::1/128"))
    {
        checks.push(bad(
            Subject::Access,
            format!("the unit lets nobody but this machine reach {listen}"),
            "`mkdir -p /etc/systemd/system/lineside.service.d && cp /usr/share/doc/lineside/examples/network.conf \
             /etc/systemd/system/lineside.service.d/`, name your networks there, then \
             `systemctl daemon-reload && systemctl restart lineside`",
        ));
    }
    if checks.is_empty() {
        checks.push(good(Subject::Access, format!("{listen} asks for tokens")));
    }
    checks
}

/// A program that listens.
struct Holder {
    pid: u32,
    name: String,
    /// Its systemd unit, where it has one.
    unit: Option<String>,
}

impl Holder {
    fn how_to_stop(&self) -> String {
        match &self.unit {
            Some(unit) => format!("`systemctl stop {unit}`"),
            None => format!("`kill {}`", self.pid),
        }
    }
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { pid, name, unit } = self;
        match unit {
            Some(unit) => write!(f, "{name} (pid {pid}, {unit})"),
            None => write!(f, "{name} (pid {pid})"),
        }
    }
}

/// A socket that listens.
#[derive(Debug, PartialEq, Eq)]
struct Listener {
    address: SocketAddr,
    inode: u64,
}

/// Who listens on an address. `None` where this user may not see it.
fn holder_of(listen: SocketAddr) -> Option<Holder> {
    let inodes: Vec<u64> = listeners()
        .into_iter()
        .filter(|listener| meet(listener.address, listen))
        .map(|listener| listener.inode)
        .collect();
    let processes = std::fs::read_dir("/proc").ok()?.flatten();
    let mut pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let holds = |pid: &u32| {
        let files = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        files
            .filter_map(|file| std::fs::read_link(file.path()).ok())
            .any(|link| inode(&link).is_some_and(|inode| inodes.contains(&inode)))
    };
    let pid = pids.find(holds)?;
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim().to_string();
    let groups = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    Some(Holder { pid, name, unit: unit_of(&groups) })
}

/// The unit in a process's list of control groups.
fn unit_of(groups: &str) -> Option<String> {
    let mut parts = groups.lines().filter_map(|line| line.rsplit('/').next());
    parts.find(|part| Path::new(part).extension().is_some_and(|kind| kind == "service")).map(str::to_owned)
}

/// The inode of `socket:[1234]`.
fn inode(link: &Path) -> Option<u64> {
    link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

/// Whether two listeners cannot be there at once. An address of all interfaces meets every one; that of IPv6 takes IPv4 too.
fn meet(one: SocketAddr, other: SocketAddr) -> bool {
    let all = |address: SocketAddr| address.ip().is_unspecified();
    let everything = |address: SocketAddr| address.is_ipv6() && all(address);
    let same_kind = one.is_ipv4() == other.is_ipv4() || everything(one) || everything(other);
    one.port() == other.port() && one.port() != 0 && same_kind && (one.ip() == other.ip() || all(one) || all(other))
}

/// All TCP sockets that listen.
fn listeners() -> Vec<Listener> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| std::fs::read_to_string(path).unwrap_or_default());
    tables.iter().flat_map(|table| table.lines().filter_map(listener)).collect()
}

/// A line of /proc/net/tcp: `sl local_address rem_address st … uid timeout inode`. State 0A is LISTEN.
fn listener(line: &str) -> Option<Listener> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    if *fields.get(3)? != "0A" {
        return None;
    }
    Some(Listener { address: address(fields.get(1)?)?, inode: fields.get(9)?.parse().ok()? })
}

/// `0100007F:1FBB`: words of 32 bits in the machine's own order, which hold the address in the network's.
fn address(text: &str) -> Option<SocketAddr> {
    let (host, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| u32::from_str_radix(host.get(at * 8..at * 8 + 8)?, 16).ok().map(u32::to_ne_bytes);
    let host: IpAddr = match host.len() {
        8 => Ipv4Addr::from(word(0)?).into(),
        32 => {
            let mut bytes = [0; 16];
            for at in 0..4 {
                bytes[at * 4..at * 4 + 4].copy_from_slice(&word(at)?);
            }
            Ipv6Addr::from(bytes).into()
        }
        _ => return None,
    };
    Some(SocketAddr::new(host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_listens_on_a_port_is_named_with_its_process() {
        let socket = TcpListener::bind("127.0.0.1:0").expect("bind");
        let listen = socket.local_addr().expect("address");
        let holder = holder_of(listen).expect("this test");
        assert_eq!(holder.pid, std::process::id());
        let check = taken("http", listen).expect("it is taken");
        assert!(check.found.contains(&format!("pid {}", holder.pid)), "{}", check.found);
        drop(socket);
        assert!(holder_of(listen).is_none());
    }

    #[test]
    fn addresses_meet_where_one_of_them_is_all_interfaces() {
        let meets = |one: &str, other: &str| meet(one.parse().expect("address"), other.parse().expect("address"));
        assert!(
            meets("127.0.0.1:80", "127.0.0.1:80")
                && meets("0.0.0.0:80", "127.0.0.1:80")
                && meets("[::]:80", "127.0.0.1:80")
        );
        assert!(!meets("127.0.0.1:80", "127.0.0.1:81") && !meets("127.0.0.1:80", "127.0.0.2:80"));
        assert!(!meets("0.0.0.0:80", "[::1]:80"));
    }

    #[test]
    fn the_unit_of_a_process_is_read_in_both_kinds_of_control_groups() {
        assert_eq!(unit_of("0::/system.slice/nginx.service\n").as_deref(), Some("nginx.service"));
        assert_eq!(unit_of("4:cpu:/x\n1:name=systemd:/system.slice/a.service\n0::/\n").as_deref(), Some("a.service"));
        assert_eq!(unit_of("0::/user.slice/user-0.slice/session-3.scope\n"), None);
        assert_eq!(listener("   0: 0100007F:1FBB 00000000:0000 01 0:0 0:0 0 0 0 7"), None, "a connection");
    }
}
