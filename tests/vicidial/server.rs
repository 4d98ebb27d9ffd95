//! A MariaDB of its own on a socket in a throw-away folder, with ViciDial's tables.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub struct Server {
    folder: tempfile::TempDir,
    child: Option<Child>,
}

/// Where a program is; servers are not in everybody's path.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/usr/bin".into()])
        .map(|folder| folder.join(name))
        .find(|path| path.exists())
}

/// What is missing here; `None`: nothing.
pub fn missing() -> Option<String> {
    let names = ["mariadbd", "mariadb-install-db", "mariadb"];
    let absent = names.into_iter().find(|name| program(name).is_none())?;
    Some(format!("there is no {absent}: apt-get install mariadb-server-core mariadb-client-core"))
}

impl Server {
    /// Makes one, with the tables; it runs.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("temp dir");
        let install = program("mariadb-install-db").expect("mariadb-install-db");
        let made = Command::new(install)
            .arg("--no-defaults")
            .arg(format!("--datadir={}", folder.path().join("data").display()))
            .args(["--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve", "--force"])
            .args(Self::user())
            .output()
            .expect("install");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stdout));
        let mut server = Self { folder, child: None };
        server.start();
        server.run("mysql", "CREATE DATABASE asterisk DEFAULT CHARACTER SET latin1");
        server.sql(include_str!("schema.sql"));
        server.sql(
            "CREATE USER 'cron'@'localhost' IDENTIFIED BY '1234';
             GRANT ALL ON asterisk.* TO 'cron'@'localhost'",
        );
        // What the document tells people to grant is enough.
        let document = include_str!("../../docs/dialer.md");
        let grants = document.split("```sql\n").nth(1).and_then(|rest| rest.split("```").next()).expect("its SQL");
        server.sql(grants);
        server
    }

    /// mariadbd refuses to be root without being told to.
    fn user() -> Vec<String> {
        if rustix::process::geteuid().is_root() { vec!["--user=root".into()] } else { Vec::new() }
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn start(&mut self) {
        let place = |name: &str| self.folder.path().join(name).display().to_string();
        let log = std::fs::File::create(place("log")).expect("log");
        let child = Command::new(program("mariadbd").expect("mariadbd"))
            .arg("--no-defaults")
            .args([format!("--datadir={}", place("data")), format!("--socket={}", place("socket"))])
            .args(["--skip-networking", "--innodb-buffer-pool-size=16M", "--key-buffer-size=64M", "--userstat=1"])
            .args([
                "--sql-mode=NO_ENGINE_SUBSTITUTION",
                "--character-set-server=latin1",
                "--default-storage-engine=MyISAM",
            ])
            .arg(format!("--pid-file={}", place("pid")))
            .args(Self::user())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("start");
        self.child = Some(child);
        let began = Instant::now();
        while !self.client("mysql", "SELECT 1").output().expect("run").status.success() {
            let log = std::fs::read_to_string(self.path("log")).unwrap_or_default();
            assert!(began.elapsed() < Duration::from_mins(2), "the server does not answer\n{log}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub fn signal(&self, name: &str) {
        let pid = self.child.as_ref().expect("running").id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().expect("kill").success());
    }

    /// As its unit stops it.
    pub fn stop(&mut self) {
        self.signal("-TERM");
        self.child.take().expect("running").wait().expect("wait");
    }

    fn client(&self, database: &str, sql: &str) -> Command {
        let mut command = Command::new(program("mariadb").expect("mariadb"));
        command.args([
            "--no-defaults",
            "--user=root",
            "--batch",
            "--skip-column-names",
            "--default-character-set=utf8mb4",
        ]);
        command.arg(format!("--socket={}", self.socket().display())).args(["--database", database, "--execute", sql]);
        command
    }

    fn run(&self, database: &str, sql: &str) -> String {
        let output = self.client(database, sql).output().expect("run");
        assert!(output.status.success(), "{sql}\n{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Runs statements as the dialer would; gives back what they answer, a row in a line.
    pub fn sql(&self, sql: &str) -> String {
        self.run("asterisk", sql)
    }

    /// A number.
    pub fn number(&self, sql: &str) -> i64 {
        self.sql(sql).trim().parse().unwrap_or_default()
    }

    /// ViciDial's own configuration, which names this database but not its socket, and the folders of recordings below `root`.
    pub fn astguiclient(path: &Path, root: &Path) {
        let root = root.display();
        let text = format!(
            "# astguiclient.conf - configuration elements for the astguiclient package\n\nPATHhome => /usr/share/astguiclient\n\
                    PATHmonitor => {root}/monitor\nPATHDONEmonitor => {root}/monitorDONE\nVARserver_ip => 10.0.0.1\nVARDB_server => localhost\n\
                    VARDB_database => asterisk\nVARDB_user => cron\nVARDB_pass => 1234\nVARDB_port => 3306\nExpectedDBSchema => 1728\n"
        );
        std::fs::write(path, text).expect("write");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
