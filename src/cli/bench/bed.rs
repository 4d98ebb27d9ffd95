//! A daemon on a throw-away folder, for benches that drive it from outside.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use http_body_util::BodyExt;

use crate::cli::client::{Daemon, runtime};
use crate::config::Config;

/// The speech section of a bench that wants no text.
pub(super) const NO_MODEL: &str = "model = \"none\"";

/// A daemon on a folder of its own; both go when this is dropped.
pub(super) struct Bed {
    pub(super) folder: PathBuf,
    pub(super) config: Config,
    pub(super) audiosocket: u16,
    child: Option<Child>,
    cpu: Option<String>,
}

impl Bed {
    /// `cpu` is what `taskset -c` takes; `speech` the lines of that section.
    pub(super) fn new(name: &str, speech: &str, cpu: Option<&str>) -> anyhow::Result<Self> {
        let folder = std::env::temp_dir().join(format!("lineside-bench-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let audiosocket = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let text = format!(
            "[paths]\nstate = \"{0}/state\"\nrun = \"{0}/run\"\n[http]\nlisten = \"\"\n[audiosocket]\nlisten = \"127.0.0.1:{audiosocket}\"\n\
             [speech]\n{speech}\n[log]\nlevel = \"error\"\n",
            folder.display()
        );
        std::fs::write(folder.join("lineside.toml"), &text)?;
        let config = Config::parse(&folder.join("lineside.toml"), &text)?;
        Ok(Self { folder, config, audiosocket, child: None, cpu: cpu.map(String::from) })
    }

    pub(super) fn start(&mut self) -> anyhow::Result<()> {
        let program = std::env::current_exe()?;
        let mut command = match &self.cpu {
            Some(cpu) => {
                let mut command = Command::new("taskset");
                command.args(["-c", cpu]).arg(program);
                command
            }
            None => Command::new(program),
        };
        let child = command
            .arg("--config")
            .arg(self.folder.join("lineside.toml"))
            .arg("serve")
            .stdin(Stdio::null())
            .spawn()
            .context("start a daemon")?;
        self.child = Some(child);
        let began = Instant::now();
        while self.get("/health").is_err() {
            if began.elapsed() > Duration::from_secs(30) {
                bail!("the daemon did not come up within 30 s");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    pub(super) fn daemon(&self) -> Daemon {
        Daemon::at(self.config.paths.run.join("api.sock"))
    }

    pub(super) fn get(&self, path: &str) -> anyhow::Result<serde_json::Value> {
        self.daemon().fetch(&self.config, path)
    }

    /// Ends the daemon; the folder stays.
    pub(super) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = Command::new("kill").arg(child.id().to_string()).status();
            let _ = child.wait();
        }
    }

    /// Waits until the model answers.
    pub(super) fn wait_for_model(&self) -> anyhow::Result<()> {
        let began = Instant::now();
        loop {
            // On a busy machine the first answer may come too late for one look, which is no reason to give up.
            match self.get("/health") {
                Ok(health) if health["inference"]["ok"] == true => return Ok(()),
                _ if began.elapsed() < Duration::from_mins(1) => std::thread::sleep(Duration::from_millis(50)),
                other => bail!("the model does not answer within 60 s: {other:?}"),
            }
        }
    }

    /// Everything that the daemon counts.
    pub(super) fn metrics(&self) -> anyhow::Result<Metrics> {
        runtime()?.block_on(async {
            let body = self.daemon().open(&self.config, "/metrics").await?.into_body().collect().await?.to_bytes();
            anyhow::Ok(Metrics(String::from_utf8_lossy(&body).into_owned()))
        })
    }

    fn proc(&self, file: &str) -> String {
        let pid = self.child.as_ref().map_or(0, Child::id);
        std::fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default()
    }

    /// Its resident memory. Not its share of it (PSS): the bench is the same program, and would take half of the code upon itself.
    pub(super) fn rss_mb(&self) -> f64 {
        megabytes(&self.proc("status"), "VmRSS:")
    }

    /// CPU seconds so far.
    pub(super) fn cpu_s(&self) -> f64 {
        let stat = self.proc("stat");
        let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
        let field = |n: usize| after.split_whitespace().nth(n).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
        (field(11) + field(12)) / 100.0 // USER_HZ is 100 on every Linux that Debian runs on
    }
}

fn megabytes(text: &str, field: &str) -> f64 {
    let kb =
        text.lines().find_map(|line| line.strip_prefix(field)?.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok());
    kb.unwrap_or(f64::NAN) / 1000.0
}

/// The text of `/metrics`.
pub(super) struct Metrics(String);

impl Metrics {
    /// The sum over all labels of what begins with a name.
    pub(super) fn sum(&self, name: &str) -> f64 {
        let lines = self.0.lines().filter(|line| line.starts_with(name));
        0.0 + lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum::<f64>()
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        self.stop();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
