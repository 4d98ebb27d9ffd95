//! Connections: their number, their pace, with or without TLS.
//!
//! A client that stalls in its handshake, in its request's head or body, or in taking its answer is disconnected after `patience`. One address holds
//! at most a quarter of the connections; this machine's own and the proxies' are exempt, because they act for many. A WebSocket is a connection for
//! as long as it is open. When all places are taken, a newcomer gets that of the connection that has been without a request for longest.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{Request, Response, StatusCode};
use axum::response::IntoResponse;
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use ipnet::IpNet;
use rustix::net::sockopt;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::ask::{Peer, Slot};
use crate::contract::problem::Problem;

/// A request's head, bytes.
const HEAD: usize = 64 * 1024;
/// A body that comes more slowly than this, bytes per second, uses up the client's patience.
const SLOWEST: u64 = 4096;
/// How long a connection that was told to end may take.
const ROOM: Duration = Duration::from_millis(100);
/// Part of all connections that one address may hold.
const SHARE: usize = 4;

/// Settings of the connections.
#[derive(Clone)]
pub struct ServeSettings {
    /// How long a client may stall.
    pub patience: Duration,
    /// Connections at a time.
    pub connections: usize,
    /// Proxies, which speak for many.
    pub proxies: Vec<IpNet>,
    /// The port speaks TLS.
    pub tls: Option<Tls>,
}

/// A certificate that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {problem}; see [http] tls_certificate and tls_key")]
pub struct TlsError {
    path: PathBuf,
    problem: String,
}

/// The certificate in use; another may take its place at any time.
#[derive(Clone)]
pub struct Tls(Arc<RwLock<Arc<ServerConfig>>>);

impl Tls {
    /// Reads a certificate chain and its key, PEM. Blocks.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        Ok(Self(Arc::new(RwLock::new(Arc::new(read_tls(certificate, key)?)))))
    }

    /// The same again after a renewal; what cannot be used leaves the old one in place. Blocks.
    pub fn reload(&self, certificate: &Path, key: &Path) -> Result<(), TlsError> {
        let fresh = Arc::new(read_tls(certificate, key)?);
        *self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner) = fresh;
        Ok(())
    }

    fn acceptor(&self) -> TlsAcceptor {
        Arc::clone(&self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner)).into()
    }
}

fn read_tls(certificate: &Path, key: &Path) -> Result<ServerConfig, TlsError> {
    let wrong = |path: &Path, problem: String| TlsError { path: path.into(), problem };
    let chain: Vec<CertificateDer> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(|error| wrong(certificate, error.to_string()))?;
    if chain.is_empty() {
        return Err(wrong(certificate, "holds no certificate".into()));
    }
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| wrong(key, error.to_string()))?;
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(certificate, error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .map_err(|error| wrong(certificate, error.to_string()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Counts the connections of each address.
#[derive(Clone, Default)]
struct Held(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// A place for a connection; it is given back when dropped.
struct Hold(Held, IpAddr);

impl Held {
    fn take(&self, address: IpAddr, most: usize) -> Option<Hold> {
        let mut held = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let count = held.entry(address).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Hold(self.clone(), address))
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut held = self.0.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(count) = held.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.1);
            }
        }
    }
}

/// Connections without a request, longest first.
#[derive(Clone, Default)]
struct Idle(Arc<Mutex<IdleOnes>>);

#[derive(Default)]
struct IdleOnes {
    next: u64,
    since: BTreeMap<u64, CancellationToken>,
}

impl Idle {
    fn ones(&self) -> std::sync::MutexGuard<'_, IdleOnes> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Tells the one that has been idle for longest to go.
    fn make_room(&self) {
        let longest = self.ones().since.pop_first();
        if let Some((_, leave)) = longest {
            metrics::counter!("lineside_http_refused_total", "reason" => "idle").increment(1);
            leave.cancel();
        }
    }
}

/// A connection among them while it has no request.
struct Turn {
    idle: Idle,
    number: Mutex<Option<u64>>,
    leave: CancellationToken,
}

impl Turn {
    fn new(idle: &Idle) -> Arc<Self> {
        let turn = Self { idle: idle.clone(), number: Mutex::default(), leave: CancellationToken::new() };
        turn.rest();
        Arc::new(turn)
    }

    fn rest(&self) {
        let mut ones = self.idle.ones();
        ones.next += 1;
        let number = ones.next;
        ones.since.insert(number, self.leave.clone());
        *self.number.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(number);
    }

    fn work(&self) {
        let number = self.number.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        if let Some(number) = number {
            self.idle.ones().since.remove(&number);
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.work();
    }
}

/// An answer's body: its connection rests when it is through.
struct Working {
    inner: Body,
    turn: Option<Arc<Turn>>,
}

impl Drop for Working {
    fn drop(&mut self) {
        if let Some(turn) = self.turn.take() {
            turn.rest();
        }
    }
}

impl HttpBody for Working {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.inner).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.inner.size_hint()
    }
}

/// A connection with its place, which goes along wherever the connection goes: hyper hands an upgraded one over to the WebSocket's task.
struct Placed<S> {
    stream: S,
    _place: (Hold, OwnedSemaphorePermit, Slot),
}

impl<S: AsyncRead + Unpin> AsyncRead for Placed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Placed<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// A peer that is gone without a word gives its place back too: one who takes nothing for `patience` (tcp(7), TCP_USER_TIMEOUT: also while its window
/// is closed), and one who does not answer when nothing is said for so long. What cannot be set is done without.
fn watch_peer(stream: &TcpStream, patience: Duration) {
    let _ = stream.set_nodelay(true);
    let _ = sockopt::set_tcp_user_timeout(stream, patience.as_millis() as u32);
    let _ = sockopt::set_tcp_keepidle(stream, patience);
    let _ = sockopt::set_tcp_keepintvl(stream, (patience / 3).max(Duration::from_secs(1)));
    let _ = sockopt::set_socket_keepalive(stream, true);
}

/// Serves a port until stopped.
pub async fn tcp(listener: TcpListener, router: Router, settings: ServeSettings, stop: CancellationToken) {
    let (tasks, counts, idle) = (TaskTracker::new(), Held::default(), Idle::default());
    let places = Arc::new(Semaphore::new(settings.connections));
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                log::error!("http: accept: {error}; trying again");
                tokio::time::sleep(Duration::from_millis(200)).await;
                continue;
            }
        };
        let address = peer.ip().to_canonical();
        let exempt = address.is_loopback() || settings.proxies.iter().any(|net| net.contains(&address));
        let most = if exempt { usize::MAX } else { (settings.connections / SHARE).max(1) };
        let Some(hold) = counts.take(address, most) else {
            metrics::counter!("lineside_http_refused_total", "reason" => "connections").increment(1);
            continue;
        };
        // Where every connection is busy, newcomers wait in the kernel; a connection that stalls gives its place back within `patience`.
        let place = tokio::select! {
            () = stop.cancelled() => break,
            place = place(&places, &idle) => place,
        };
        let Some(place) = place else { break }; // never: nobody closes it
        watch_peer(&stream, settings.patience);
        let (slot, turn) = (Slot::default(), Turn::new(&idle));
        let stream = Placed { stream, _place: (hold, place, slot.clone()) };
        let (router, settings, stop) = (router.clone(), settings.clone(), stop.clone());
        tasks.spawn(async move {
            let (patience, leave) = (settings.patience, turn.leave.clone());
            let caller = Caller { peer: Peer::Tcp(peer), slot, turn: Some(turn) };
            match &settings.tls {
                None => connection(stream, router, caller, patience, stop).await,
                Some(tls) => tokio::select! {
                    () = leave.cancelled() => {}
                    accepted = tokio::time::timeout(patience, tls.acceptor().accept(stream)) => match accepted {
                        Ok(Ok(stream)) => connection(stream, router, caller, patience, stop).await,
                        Ok(Err(error)) => log::debug!("http: {peer}: TLS: {error}"),
                        Err(_) => log::debug!("http: {peer}: stalled in the TLS handshake"),
                    },
                },
            }
        });
    }
    tasks.close();
    tasks.wait().await;
}

/// A place for a newcomer: a free one, or that of whoever has been idle for longest.
async fn place(places: &Arc<Semaphore>, idle: &Idle) -> Option<OwnedSemaphorePermit> {
    if let Ok(place) = Arc::clone(places).try_acquire_owned() {
        return Some(place);
    }
    loop {
        idle.make_room();
        if let Ok(place) = tokio::time::timeout(ROOM, Arc::clone(places).acquire_owned()).await {
            return place.ok();
        }
    }
}

/// Serves the Unix socket until stopped.
pub async fn unix(listener: UnixListener, router: Router, patience: Duration, stop: CancellationToken) {
    let tasks = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let user = stream.peer_cred().map_or(u32::MAX, |peer| peer.uid());
                let caller = Caller { peer: Peer::Unix { user }, slot: Slot::default(), turn: None };
                tasks.spawn(connection(stream, router.clone(), caller, patience, stop.clone()));
            }
            Err(error) => {
                log::error!("http: accept on the Unix socket: {error}; trying again");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
    tasks.close();
    tasks.wait().await;
}

/// Whose connection it is.
struct Caller {
    peer: Peer,
    slot: Slot,
    turn: Option<Arc<Turn>>,
}

async fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    caller: Caller,
    patience: Duration,
    stop: CancellationToken,
) {
    let inner = TowerToHyperService::new(router);
    let Caller { peer, slot, turn } = caller;
    let leave = turn.as_ref().map_or_else(CancellationToken::new, |turn| turn.leave.clone());
    let service = service_fn(move |mut request: Request<Incoming>| {
        let slow = Arc::new(AtomicBool::new(false));
        request.extensions_mut().insert(peer);
        request.extensions_mut().insert(slot.clone());
        if let Some(turn) = &turn {
            turn.work();
        }
        let turn = turn.clone();
        let answer = inner.call(request.map(|body| Body::new(Paced::new(body, patience, Arc::clone(&slow)))));
        async move {
            let response: Response<Body> = match answer.await {
                Ok(response) => response,
                Err(never) => match never {},
            };
            if slow.load(Ordering::Relaxed) && !response.status().is_success() {
                metrics::counter!("lineside_http_refused_total", "reason" => "slow").increment(1);
                let detail = axum::Json(Problem::text("the request's body came too slowly"));
                return Ok::<_, std::convert::Infallible>((StatusCode::REQUEST_TIMEOUT, detail).into_response());
            }
            if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                return Ok(response); // it has a request from now on
            }
            Ok(response.map(|inner| Body::new(Working { inner, turn })))
        }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(patience).max_buf_size(HEAD);
    let connection = builder.serve_connection(TokioIo::new(stream), service).with_upgrades();
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
        () = leave.cancelled() => {
            connection.as_mut().graceful_shutdown();
            tokio::time::timeout(ROOM / 2, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        log::debug!("http: {error}");
    }
}

/// A request's body that may stall for `patience` in all, and longer only as it grows.
struct Paced {
    inner: Incoming,
    patience: Duration,
    got: u64,
    stalled: Duration,
    since: Option<Instant>,
    alarm: Option<Pin<Box<Sleep>>>,
    slow: Arc<AtomicBool>,
}

impl Paced {
    fn new(inner: Incoming, patience: Duration, slow: Arc<AtomicBool>) -> Self {
        Self { inner, patience, got: 0, stalled: Duration::ZERO, since: None, alarm: None, slow }
    }

    fn left(&self) -> Duration {
        (self.patience + Duration::from_millis(self.got * 1000 / SLOWEST)).saturating_sub(self.stalled)
    }
}

impl HttpBody for Paced {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(context) {
            // Only the time in which somebody waited for the client counts, not that in which we were busy with what it sent.
            if let Some(since) = self.since.take() {
                self.stalled += since.elapsed();
            }
            self.alarm = None;
            if let Some(Ok(frame)) = &frame {
                self.got += frame.data_ref().map_or(0, |data| data.len() as u64);
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let left = self.left();
        self.since.get_or_insert_with(Instant::now);
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(tokio::time::sleep(left)));
        if alarm.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        self.slow.store(true, Ordering::Relaxed);
        Poll::Ready(Some(Err(io::Error::new(io::ErrorKind::TimedOut, "the body came too slowly").into())))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.inner.size_hint()
    }
}

/// A peer's address on a listener, for the log.
pub fn said(listener: &TcpListener, tls: bool) -> String {
    let scheme = if tls { "https" } else { "http" };
    listener.local_addr().map_or_else(|_| scheme.into(), |address: SocketAddr| format!("{scheme}://{address}/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_holds_its_share_and_gives_it_back() {
        let (held, home) = (Held::default(), IpAddr::from([192, 0, 2, 1]));
        let holds: Vec<Hold> = (0..3).filter_map(|_| held.take(home, 2)).collect();
        assert_eq!(holds.len(), 2);
        assert!(held.take(IpAddr::from([192, 0, 2, 2]), 2).is_some(), "another address has its own");
        drop(holds);
        assert!(held.take(home, 2).is_some());
        assert!(held.0.lock().expect("lock").is_empty(), "nothing is kept of who is gone");
    }

    #[test]
    fn a_certificate_that_is_none_is_named() {
        let folder = tempfile::tempdir().expect("temp dir");
        let path = folder.path().join("chain.pem");
        std::fs::write(&path, "not a certificate").expect("write");
        let error = Tls::load(&path, &path).err().expect("refused").to_string();
        assert!(error.contains("chain.pem") && error.contains("no certificate"), "{error}");
        let missing = Tls::load(&folder.path().join("none.pem"), &path).err().expect("refused").to_string();
        assert!(missing.contains("none.pem"), "{missing}");
    }
}
