//! Set-ups that show when a daemon runs: closed folders and sockets, a daemon that hangs, neighbours that do not let in.

use std::io::Write;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::table::{Cause, Table, cause, change, changed, healthy, is_root, mode, model, nobodys, ready, with};
use crate::bed::{Bed, free_port, uuid_of};

/// Folders that are closed to the daemon's user.
pub(super) fn closed(table: &mut Table) {
    if !is_root() {
        return eprintln!("skipped: closed folders, sockets and low ports need root to be made");
    }
    let owned = |path: &Path, owner: &str, bits: u32| {
        assert!(Command::new("chown").arg(owner).arg(path).status().expect("chown").success());
        mode(path, bits);
    };
    let mut bed = healthy();
    nobodys(&mut bed);
    let monitor = bed.path("monitor");
    owned(&monitor, "0:0", 0o700);
    let open = format!("setfacl -m u:lineside:rx {}", monitor.display());
    table.bad(
        &bed,
        "a folder that only root may read",
        &cause("recordings", &["denied"], &[&open, "closed to all but its owner"]),
    );
    owned(&monitor, "0:4", 0o750); // adm
    let join = "usermod -aG adm lineside && systemctl restart lineside";
    table.bad(&bed, "a folder of another group", &cause("recordings", &["denied"], &[join]));

    let mut bed = changed("folders = [\"ROOT/monitor\"]", "folders = [\"ROOT/outer/inner\"]");
    std::fs::create_dir_all(bed.path("outer/inner")).expect("mkdir");
    nobodys(&mut bed);
    owned(&bed.path("outer"), "0:4", 0o710);
    let above = format!("{} is open to the group adm", bed.path("outer").display());
    table.bad(&bed, "a closed folder above that of the recordings", &cause("recordings", &["denied"], &[&above]));

    let mut bed = healthy();
    nobodys(&mut bed);
    owned(&bed.path("state"), "0:0", 0o750);
    table.bad(&bed, "a state folder of another user", &cause("state folder", &["denied"], &["chown -R lineside:"]));

    let mut bed = changed("listen = \"127.0.0.1:", "listen = \"127.0.0.1:99\" # ");
    nobodys(&mut bed);
    table.bad(&bed, "a port of root's", &cause("port", &["below 1024"], &["1024", "proxy"]));

    let mut bed = healthy();
    bed.start();
    mode(bed.folder.path(), 0o755);
    owned(&bed.path("run/api.sock"), "0:4", 0o660);
    bed.launcher = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"].map(String::from).to_vec();
    let own = Cause {
        also: &["state folder", "database"],
        ..cause("daemon", &["denied"], &["usermod -aG adm nobody", "log in again"])
    };
    table.bad(&bed, "a user who is not in the socket's group", &own);
    bed.launcher.clear();
    bed.stop();
}

/// Set-ups that only a running daemon has.
pub(super) fn running(table: &mut Table) {
    let mut bed = changed(&format!("model = \"{}\"", model()), "model = \"base.en-q8_0\"");
    bed.start();
    let waits = Cause { also: &["model", "daemon"], ..cause("inference", &["waits for the model"], &["`model`"]) };
    table.bad(&bed, "a daemon that waits for its model", &waits);
    bed.stop();

    let mut bed = healthy();
    bed.start();
    ready(&bed);
    bed.signal("-STOP");
    let hangs = Cause { also: &[], ..cause("daemon", &["not answered"], &["systemctl restart lineside"]) };
    table.bad(&bed, "a daemon that hangs", &hangs);
    bed.signal("-CONT");
    let port = free_port();
    let old = bed.http.to_string();
    change(&bed, &old, &port.to_string());
    let moved = Cause {
        also: &["daemon", "inference"],
        ..cause("port", &["nobody listens", "[http]"], &["systemctl restart lineside"])
    };
    table.bad(&bed, "a port that was changed without a restart", &moved);
    bed.stop();

    let mut bed = healthy();
    bed.launcher = ["prlimit", "--nofile=130:130"].map(String::from).to_vec();
    bed.start();
    bed.launcher.clear();
    let mut calls = Vec::new();
    // One by one: with none left the daemon could not be asked.
    while bed.get("/health")["files"]["ok"] == true && calls.len() < 100 {
        calls.push(bed.dial(&uuid_of(1_795_218_045, 700 + calls.len() as u64, 1)));
        std::thread::sleep(Duration::from_millis(50));
    }
    table.bad(&bed, "few files for many calls", &cause("open files", &["of 130"], &["LimitNOFILE=65536"]));
    drop(calls);
    bed.stop();
}

/// Asterisk's manager interface and the dialer's database that do not let in.
pub(super) fn neighbours(table: &mut Table) {
    let ami = |port: u16| {
        let bed = with(&format!("[ami]\naddress = \"127.0.0.1:{port}\"\nsecret_file = \"ROOT/ami\""));
        std::fs::write(bed.path("ami"), "hush\n").expect("write");
        mode(&bed.path("ami"), 0o640);
        bed
    };
    let until = |bed: &Bed, of: &str, what: &str| {
        bed.until(what, Duration::from_mins(1), |bed| bed.get("/health")[of].to_string().contains(what));
    };
    let mut bed = ami(free_port());
    bed.start();
    until(&bed, "ami", "refused");
    table.bad(
        &bed,
        "a manager interface that is switched off",
        &cause("manager", &["refused"], &["enabled = yes", "manager reload"]),
    );
    bed.stop();

    let answering = |lines: &'static [&'static str]| {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        let port = listener.local_addr().expect("address").port();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                for line in lines {
                    let _ = stream.write_all(line.as_bytes());
                }
                std::thread::sleep(Duration::from_secs(1));
            }
        });
        port
    };
    let mut bed = ami(answering(&["SSH-2.0-OpenSSH_9.2\r\n"]));
    bed.start();
    until(&bed, "ami", "does not greet");
    table.bad(&bed, "the manager's port is another program's", &cause("manager", &["does not greet"], &["5038"]));
    bed.stop();
    let refusing = &[
        "Asterisk Call Manager/11.0.0\r\n",
        "Response: Error\r\nActionID: login\r\nMessage: Authentication failed\r\n\r\n",
    ];
    let mut bed = ami(answering(refusing));
    bed.start();
    until(&bed, "ami", "login refused");
    let secret = bed.path("ami").display().to_string();
    table.bad(
        &bed,
        "another secret than manager.conf has",
        &cause("manager", &["login refused"], &["`secret`", &secret]),
    );
    bed.stop();

    let mut bed = with(&format!(
        "[dialer]\nkind = \"vicidial\"\nhost = \"127.0.0.1\"\nport = {}\nuser = \"lineside\"\ndatabase = \"asterisk\"\n\
         password_file = \"ROOT/password\"",
        free_port()
    ));
    std::fs::write(bed.path("password"), "hush\n").expect("write");
    mode(&bed.path("password"), 0o640);
    bed.start();
    until(&bed, "dialer", "problem\":\"");
    table.bad(
        &bed,
        "a dialer's database that is away",
        &cause("dialer", &["refused"], &["systemctl start mariadb", "calls have no names"]),
    );
    bed.stop();
    let mut bed = with("[dialer]\nastguiclient = \"ROOT/astguiclient.conf\"");
    std::fs::write(bed.path("astguiclient.conf"), "PATHhome => /usr/share\nVARDB_port => three\n").expect("write");
    bed.start();
    let wrong = cause("dialer", &["astguiclient.conf"], &[]);
    table.bad(&bed, "nonsense in astguiclient.conf", &wrong);
    bed.stop();
}
