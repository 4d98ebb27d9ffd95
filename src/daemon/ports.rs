//! Ports and sockets, opened.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use tokio::net::{TcpListener, TcpSocket};

/// Connections that may wait to be accepted: a dialer puts through thousands of calls at once, and who finds no place comes again after a second.
const BACKLOG: u32 = 4096;

/// Opens a port; `None` where none is wanted. The kernel bounds what may wait by net.core.somaxconn.
pub(super) async fn bind(address: &str, section: &str) -> Result<Option<TcpListener>> {
    if address.is_empty() {
        return Ok(None);
    }
    let listen = async {
        let mut refused = std::io::Error::other("the name has no address");
        for address in tokio::net::lookup_host(address).await? {
            let listening =
                if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.and_then(|socket| {
                    socket.set_reuseaddr(true)?;
                    socket.bind(address)?;
                    socket.listen(BACKLOG)
                });
            match listening {
                Ok(listener) => return Ok(listener),
                Err(error) => refused = error,
            }
        }
        Err(refused)
    };
    let listener = listen
        .await
        .with_context(|| format!("listen on {address}: who has it? `ss -ltnp`, or change [{section}] listen"))?;
    Ok(Some(listener))
}

/// A socket for the group of lineside; a stale one of a former run is replaced. The lock on the state folder says that no other daemon runs.
pub(super) fn unix_listener(path: &Path) -> Result<std::os::unix::net::UnixListener> {
    let _ = std::fs::remove_file(path);
    let listener = std::os::unix::net::UnixListener::bind(path)
        .with_context(|| format!("listen on {}; check [paths] run", path.display()))?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))
        .with_context(|| format!("set the mode of {}", path.display()))?;
    Ok(listener)
}
