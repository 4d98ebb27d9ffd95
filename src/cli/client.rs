//! The daemon's API from the command line: over the Unix socket, or over TCP with `--url`, with TLS where it begins with https.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::Args;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::config::Config;

/// Where the daemon is.
#[derive(Args, Clone)]
pub(super) struct Daemon {
    /// The daemon's Unix socket; goes before --url and LINESIDE_URL [default: api.sock of the configuration]
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// Its address instead, like http://127.0.0.1:8123 or https://calls.example.com
    #[arg(long, env = "LINESIDE_URL")]
    url: Option<String>,
    /// Certificates to believe over https, PEM [default: those that browsers believe]
    #[arg(long, value_name = "FILE", env = "LINESIDE_CA")]
    ca: Option<PathBuf>,
    /// Token for TCP
    #[arg(long, env = "LINESIDE_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// File that holds it
    #[arg(long, value_name = "FILE", conflicts_with = "token")]
    token_file: Option<PathBuf>,
}

impl Daemon {
    /// The address, where it counts: a socket that is named goes before one that the environment has.
    fn address(&self) -> Option<&String> {
        self.url.as_ref().filter(|_| self.socket.is_none())
    }

    /// Whether an address was given, so that the configuration is not needed.
    pub(super) fn has_url(&self) -> bool {
        self.address().is_some()
    }

    /// Whether a daemon was named, by its address or its socket: it alone is meant then, running or not.
    pub(super) fn is_named(&self) -> bool {
        self.name().is_some()
    }

    /// What it was named by; `None` where the configuration says where it is.
    pub(super) fn name(&self) -> Option<String> {
        self.address().cloned().or_else(|| self.socket.as_ref().map(|socket| socket.display().to_string()))
    }

    /// The token, from where it was given.
    fn token(&self) -> anyhow::Result<Option<String>> {
        let Some(path) = &self.token_file else { return Ok(self.token.clone()) };
        let text = std::fs::read_to_string(path).with_context(|| format!("--token-file {}", path.display()))?;
        Ok(Some(text.trim().to_owned()))
    }

    /// A daemon at a socket.
    pub(super) fn at(socket: PathBuf) -> Self {
        Self { socket: Some(socket), url: None, ca: None, token: None, token_file: None }
    }

    /// Sends a GET; the answer's body is not read yet.
    pub(super) async fn open(&self, config: &Config, path: &str) -> anyhow::Result<Response<Incoming>> {
        self.ask(config, path, Request::builder(), Bytes::new()).await
    }

    async fn ask(
        &self,
        config: &Config,
        path: &str,
        mut request: hyper::http::request::Builder,
        body: Bytes,
    ) -> anyhow::Result<Response<Incoming>> {
        if let Some(token) = self.token()? {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if let Some(url) = self.address() {
            let address = Address::parse(url)?;
            let request = request.uri(format!("{}{path}", address.path)).header("host", &address.host);
            let stream = tokio::net::TcpStream::connect(address.socket()).await;
            let stream = stream.with_context(|| format!("{url}: is the daemon running?"))?;
            if !address.tls {
                return send(TokioIo::new(stream), request, body).await;
            }
            let name = ServerName::try_from(address.name().to_owned())
                .with_context(|| format!("{url}: {:?} is not a name that a certificate can have", address.name()))?;
            let stream = TlsConnector::from(self.trust()?).connect(name, stream).await;
            let stream = stream
                .with_context(|| format!("{url}: TLS failed; a certificate of your own is believed with --ca FILE"))?;
            return send(TokioIo::new(stream), request, body).await;
        }
        let socket = self.socket.clone().unwrap_or_else(|| config.paths.run.join("api.sock"));
        let stream = tokio::net::UnixStream::connect(&socket).await;
        let stream = stream.with_context(|| {
            format!("{}: is the daemon running? `systemctl status lineside`; are you in its group?", socket.display())
        })?;
        send(TokioIo::new(stream), request.uri(path).header("host", "lineside"), body).await
    }

    /// Whom to believe: `--ca` alone where it is given, else the authorities of Mozilla's list. Blocks.
    fn trust(&self) -> anyhow::Result<Arc<ClientConfig>> {
        let mut roots = RootCertStore::empty();
        match &self.ca {
            None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
            Some(path) => {
                let certificates = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
                for certificate in certificates.with_context(|| format!("--ca {}", path.display()))? {
                    roots.add(certificate).with_context(|| format!("--ca {}", path.display()))?;
                }
                anyhow::ensure!(!roots.is_empty(), "--ca {}: holds no certificate", path.display());
            }
        }
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
    }

    /// GETs a path and reads the JSON.
    pub(super) async fn get(&self, config: &Config, path: &str) -> anyhow::Result<Value> {
        read(path, self.open(config, path).await?).await
    }

    /// The same; `None` where there is no such thing.
    pub(super) async fn find(&self, config: &Config, path: &str) -> anyhow::Result<Option<Value>> {
        let response = self.open(config, path).await?;
        if response.status() == hyper::StatusCode::NOT_FOUND {
            return Ok(None);
        }
        read(path, response).await.map(Some)
    }

    /// GETs a path and reads its text, whatever the status.
    pub(super) async fn text(&self, config: &Config, path: &str) -> anyhow::Result<String> {
        let body = self.open(config, path).await?.into_body().collect().await?.to_bytes();
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    /// POSTs JSON to a path and reads the JSON of the answer. Without a runtime around.
    pub(super) fn tell(&self, config: &Config, path: &str, body: &Value) -> anyhow::Result<Value> {
        runtime()?.block_on(async {
            let request = Request::builder().method("POST").header("content-type", "application/json");
            read(path, self.ask(config, path, request, Bytes::from(body.to_string())).await?).await
        })
    }

    /// Sends DELETE to a path and reads the JSON of the answer. Without a runtime around.
    pub(super) fn delete(&self, config: &Config, path: &str) -> anyhow::Result<Value> {
        runtime()?.block_on(async {
            read(path, self.ask(config, path, Request::builder().method("DELETE"), Bytes::new()).await?).await
        })
    }

    /// The same as [`Self::get`] without a runtime around.
    pub(super) fn fetch(&self, config: &Config, path: &str) -> anyhow::Result<Value> {
        runtime()?.block_on(self.get(config, path))
    }
}

/// An address, taken apart.
#[derive(Debug, PartialEq, Eq)]
struct Address {
    tls: bool,
    /// Name and port, as they are written.
    host: String,
    /// What a proxy has put before the daemon's own paths.
    path: String,
}

impl Address {
    fn parse(url: &str) -> anyhow::Result<Self> {
        let (tls, rest) = match url.split_once("://") {
            Some(("https", rest)) => (true, rest),
            Some(("http", rest)) => (false, rest),
            Some((other, _)) => bail!("{url}: {other} is not spoken; http or https is"),
            None => (false, url),
        };
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        anyhow::ensure!(!host.is_empty(), "{url}: names no host; http://127.0.0.1:8123 would");
        Ok(Self { tls, host: host.into(), path: path.trim_end_matches('/').into() })
    }

    /// Where the port begins, when one is named. An IPv6 address stands in brackets.
    fn colon(&self) -> Option<usize> {
        self.host.rfind(':').filter(|at| !self.host[*at..].contains(']'))
    }

    /// The host alone, as a certificate names it.
    fn name(&self) -> &str {
        let host = &self.host[..self.colon().unwrap_or(self.host.len())];
        host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
    }

    /// With the port of its scheme where none is named.
    fn socket(&self) -> String {
        match self.colon() {
            Some(_) => self.host.clone(),
            None => format!("{}:{}", self.host, if self.tls { 443 } else { 80 }),
        }
    }
}

/// The JSON of an answer, or what its error says.
async fn read(path: &str, response: Response<Incoming>) -> anyhow::Result<Value> {
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    let value: Value = serde_json::from_slice(&body).with_context(|| format!("{path}: the answer is no JSON"))?;
    if status.is_success() {
        return Ok(value);
    }
    match &value["detail"] {
        Value::String(detail) => bail!("{detail}"),
        Value::Array(list) => {
            let wrong: Vec<String> = list
                .iter()
                .map(|item| {
                    format!("{}: {}", item["loc"][1].as_str().unwrap_or(""), item["msg"].as_str().unwrap_or(""))
                })
                .collect();
            bail!("{}", wrong.join("; "))
        }
        _ => bail!("{path}: {status}"),
    }
}

/// What the system said of a daemon that could not be asked.
pub(super) fn refusal(error: &anyhow::Error) -> Option<std::io::ErrorKind> {
    error.chain().find_map(|cause| cause.downcast_ref::<std::io::Error>()).map(std::io::Error::kind)
}

/// Whether nobody listens there.
pub(super) fn is_not_running(error: &anyhow::Error) -> bool {
    use std::io::ErrorKind::{ConnectionRefused, NotFound};
    matches!(refusal(error), Some(ConnectionRefused | NotFound))
}

/// A runtime for one command.
pub(super) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().context("start the runtime")
}

async fn send<S>(
    stream: TokioIo<S>,
    request: hyper::http::request::Builder,
    body: Bytes,
) -> anyhow::Result<Response<Incoming>>
where
    TokioIo<S>: hyper::rt::Read + hyper::rt::Write + Send + Unpin + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await?;
    tokio::spawn(connection);
    Ok(sender.send_request(request.body(Full::new(body))?).await?)
}

/// A part of a path or a value of a query, escaped.
pub(super) fn segment(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}"); // a String takes everything
        }
        out
    })
}

/// `?a=b&c=d` of what is set, escaped.
pub(super) fn query(pairs: &[(&str, Option<String>)]) -> String {
    let set: Vec<String> = pairs
        .iter()
        .filter_map(|(name, value)| value.as_ref().map(|value| format!("{name}={}", segment(value))))
        .collect();
    if set.is_empty() { String::new() } else { format!("?{}", set.join("&")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_that_is_named_goes_before_the_address_of_the_environment() {
        let daemon = |socket: Option<&str>, url: Option<&str>| {
            let (socket, url) = (socket.map(PathBuf::from), url.map(String::from));
            Daemon { socket, url, ca: None, token: None, token_file: None }
        };
        let url = Some("https://calls.example.com");
        let both = daemon(Some("/run/x.sock"), url);
        assert_eq!((both.name().as_deref(), both.has_url()), (Some("/run/x.sock"), false));
        assert_eq!((daemon(None, url).name().as_deref(), daemon(None, url).has_url()), (url, true));
        assert!(!daemon(None, None).is_named() && daemon(Some("/run/x.sock"), None).is_named());
    }

    #[test]
    fn an_address_is_taken_apart_and_a_port_that_is_not_named_is_that_of_its_scheme() {
        for (url, tls, socket, name, path) in [
            ("http://127.0.0.1:8123", false, "127.0.0.1:8123", "127.0.0.1", ""),
            ("127.0.0.1:8123/", false, "127.0.0.1:8123", "127.0.0.1", ""),
            ("https://calls.example.com/lineside/", true, "calls.example.com:443", "calls.example.com", "/lineside"),
            ("http://calls.example.com", false, "calls.example.com:80", "calls.example.com", ""),
            ("https://[::1]:8443/", true, "[::1]:8443", "::1", ""),
            ("https://[2001:db8::1]", true, "[2001:db8::1]:443", "2001:db8::1", ""),
        ] {
            let address = Address::parse(url).expect(url);
            assert_eq!((address.tls, address.socket().as_str()), (tls, socket), "{url}");
            assert_eq!((address.name(), address.path.as_str()), (name, path), "{url}");
        }
        for wrong in ["ftp://calls.example.com", "https://", "http:///x"] {
            assert!(Address::parse(wrong).is_err(), "{wrong}");
        }
    }
}
