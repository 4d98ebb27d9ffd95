//! The daemon's API from the command line: over the Unix socket, or over TCP with `--url`.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;

use crate::config::Config;

/// Where the daemon is.
#[derive(Args, Clone)]
pub(super) struct Daemon {
    /// The daemon's Unix socket [default: api.sock of the configuration]
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// Its address instead, like http://127.0.0.1:8123
    #[arg(long, env = "LINESIDE_URL")]
    url: Option<String>,
    /// Token for TCP
    #[arg(long, env = "LINESIDE_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

impl Daemon {
    /// A daemon at a socket.
    pub(super) fn at(socket: PathBuf) -> Self {
        Self { socket: Some(socket), url: None, token: None }
    }

    /// Sends a GET; the answer's body is not read yet.
    pub(super) async fn open(&self, config: &Config, path: &str) -> anyhow::Result<Response<Incoming>> {
        self.ask(config, Request::get(path), Bytes::new()).await
    }

    async fn ask(
        &self,
        config: &Config,
        mut request: hyper::http::request::Builder,
        body: Bytes,
    ) -> anyhow::Result<Response<Incoming>> {
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if let Some(url) = &self.url {
            let host = url.trim_start_matches("http://").trim_end_matches('/');
            let stream =
                tokio::net::TcpStream::connect(host).await.with_context(|| format!("{url}: is the daemon running?"))?;
            return send(TokioIo::new(stream), request.header("host", host), body).await;
        }
        let socket = self.socket.clone().unwrap_or_else(|| config.paths.run.join("api.sock"));
        let stream = tokio::net::UnixStream::connect(&socket).await;
        let stream = stream.with_context(|| {
            format!("{}: is the daemon running? `systemctl status lineside`; are you in its group?", socket.display())
        })?;
        send(TokioIo::new(stream), request.header("host", "lineside"), body).await
    }

    /// GETs a path and reads the JSON.
    pub(super) async fn get(&self, config: &Config, path: &str) -> anyhow::Result<Value> {
        read(path, self.open(config, path).await?).await
    }

    /// POSTs JSON to a path and reads the JSON of the answer. Without a runtime around.
    pub(super) fn tell(&self, config: &Config, path: &str, body: &Value) -> anyhow::Result<Value> {
        runtime()?.block_on(async {
            let request = Request::post(path).header("content-type", "application/json");
            read(path, self.ask(config, request, Bytes::from(body.to_string())).await?).await
        })
    }

    /// The same as [`Self::get`] without a runtime around.
    pub(super) fn fetch(&self, config: &Config, path: &str) -> anyhow::Result<Value> {
        runtime()?.block_on(self.get(config, path))
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

/// `?a=b&c=d` of what is set, escaped.
pub(super) fn query(pairs: &[(&str, Option<String>)]) -> String {
    let escape = |text: &str| {
        text.bytes().fold(String::new(), |mut out, byte| {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                out.push(char::from(byte));
            } else {
                let _ = write!(out, "%{byte:02X}"); // a String takes everything
            }
            out
        })
    };
    let set: Vec<String> = pairs
        .iter()
        .filter_map(|(name, value)| value.as_ref().map(|value| format!("{name}={}", escape(value))))
        .collect();
    if set.is_empty() { String::new() } else { format!("?{}", set.join("&")) }
}
