//! Set-ups of a box on which no daemon runs: configuration, folders, packs, ports, models, secrets.

use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use super::table::{Table, cause, change, changed, healthy, is_root, mode, model, nobodys, with};
use crate::bed::free_port;

pub(super) fn configurations(table: &mut Table) {
    let config = "lineside.toml";
    for (setup, this, that, line, says) in [
        ("a key with a typing error", "[paths]", "[text]\nlexikon = \"vader\"\n[paths]", 2, "lexikon"),
        ("a number in words", "[paths]", "[limits]\ncpus = \"two\"\n[paths]", 2, "two"),
        ("a value out of its range", "partial = false", "workers = 99", 14, "not from 1 to 64"),
        ("half a section's name", "[audiosocket]", "[audiosocket", 7, "TOML"),
        ("an address without a port", "listen = \"127.0.0.1:", "listen = \"127.0.0.1\" # ", 5, "127.0.0.1:8123"),
        ("a port that is open to everybody", "listen = \"127.0.0.1:", "listen = \"0.0.0.0:", 6, "loopback"),
        ("a folder without its root", "folders = [\"ROOT/", "folders = [\"", 10, "not an absolute path"),
        ("a pattern of taps that is none", "[paths]", "[[tap]]\nmatch = \"(\"\n[paths]", 2, "match"),
        ("steps of the disk in disorder", "[paths]", "[retention]\ndrop_free_mb = 5\n[paths]", 2, "stop_free_mb"),
        ("a language by its name", "language = \"en\"", "language = \"english\"", 13, "auto"),
    ] {
        let bed = changed(this, that);
        let mend = format!("mend line {line} of {}", bed.path(config).display());
        table.bad(&bed, setup, &cause("configuration", &[says], &[&mend, "exit code 78"]));
    }
    let bed = healthy();
    std::fs::create_dir(bed.path("conf.d")).expect("mkdir");
    std::fs::write(bed.path("conf.d/50-mine.toml"), "# mine\n[speech]\nbeam = 20\n").expect("write");
    let mend = format!("mend line 3 of {}", bed.path("conf.d/50-mine.toml").display());
    table.bad(&bed, "a mistake in conf.d", &cause("configuration", &["beam"], &[&mend]));
    let bed = healthy();
    std::fs::remove_file(bed.path(config)).expect("rm");
    table.bad(&bed, "no configuration there", &cause("configuration", &["No such file"], &["--config"]));
    if is_root() {
        let mut bed = healthy();
        nobodys(&mut bed);
        mode(&bed.path(config), 0o000);
        table.bad(
            &bed,
            "a configuration that is closed",
            &cause("configuration", &["denied"], &["as root", "chgrp lineside"]),
        );
    }
}

pub(super) fn folders(table: &mut Table) {
    let bed = healthy();
    std::fs::remove_dir(bed.path("monitor")).expect("rmdir");
    let make = format!("mkdir -p {}", bed.path("monitor").display());
    table.bad(&bed, "no recording folder", &cause("recordings", &["No such file"], &[&make, "[recordings] folders"]));
    std::fs::write(bed.path("monitor"), "x").expect("write");
    table.bad(&bed, "a file for a recording folder", &cause("recordings", &["Not a directory"], &["this is a file"]));

    let bed = changed("folders = [\"ROOT/monitor\"]", "folders = [\"ROOT\"]");
    table.bad(
        &bed,
        "a recording folder around lineside's own",
        &cause("recordings", &["own folder"], &["recordings alone"]),
    );

    let bed = healthy();
    std::fs::remove_dir(bed.path("state")).expect("rmdir");
    let make = format!("install -d -o lineside -g lineside -m 0750 {}", bed.path("state").display());
    table.bad(&bed, "no state folder", &cause("state folder", &["No such file"], &[&make]));
    std::fs::write(bed.path("state"), "x").expect("write");
    mode(&bed.path("state"), 0o600);
    table.bad(&bed, "a file for a state folder", &cause("state folder", &["Not a directory"], &["names a file"]));

    let bed = healthy();
    mode(&bed.path("state"), 0o755);
    let close = format!("chmod o= {}", bed.path("state").display());
    table.bad(&bed, "calls that everybody can read", &cause("permissions", &["0755"], &[&close]));

    let bed = healthy();
    std::fs::write(bed.path("run"), "x").expect("write");
    table.bad(&bed, "a file for the sockets' folder", &cause("run folder", &["not a folder"], &["rm "]));
    let bed = changed("run = \"ROOT/run\"", &format!("run = \"ROOT/{}\"", "run".repeat(40)));
    table.bad(&bed, "a path too long for a socket", &cause("run folder", &["107 bytes"], &["shorter"]));

    let bed = with("[retention]\nwarn_free_mb = 900000000\ndrop_free_mb = 1\nstop_free_mb = 1");
    table.bad(&bed, "little room on the disk", &cause("disk", &["below warn_free_mb"], &["make room", "audio_days"]));
    let bed = with("[retention]\nwarn_free_mb = 900000000\ndrop_free_mb = 900000000\nstop_free_mb = 900000000");
    table.bad(&bed, "no room for new calls", &cause("disk", &["no new call is recorded"], &["make room"]));

    let bed = healthy();
    let ahead = std::fs::File::create(bed.path("monitor/a.wav")).expect("create");
    ahead.set_modified(SystemTime::now() + Duration::from_hours(2)).expect("set");
    table.bad(
        &bed,
        "a PBX whose clock is two hours ahead",
        &cause("clock", &["a.wav", "ahead"], &["timedatectl set-ntp true"]),
    );

    let bed = healthy();
    std::fs::write(bed.path("state/lineside.db"), "this is no database, but long enough to look like one".repeat(100))
        .expect("write");
    table.bad(&bed, "a damaged database", &cause("database", &["lineside.db"], &["check --repair", "restore"]));
}

pub(super) fn packs_and_ports(table: &mut Table) {
    let bed = with("[text]\npacks = \"ROOT/packs\"");
    let make = format!("mkdir -p {}", bed.path("packs").display());
    table.bad(&bed, "no folder of packs", &cause("packs", &["No such file"], &[&make, "take [text] packs out"]));
    std::fs::create_dir(bed.path("packs")).expect("mkdir");
    std::fs::write(
        bed.path("packs/own.toml"),
        "name = \"own\"\nversion = \"1\"\nlanguage = \"en\"\n[[keyword]]\nlabl = \"x\"\n",
    )
    .expect("write");
    let mend = format!("mend line 5 of {}", bed.path("packs/own.toml").display());
    table.bad(&bed, "a broken pack", &cause("packs", &["labl"], &[&mend, "exit code 78"]));
    let code = bed.command(&["serve"]).stderr(Stdio::null()).status().expect("run").code();
    assert_eq!(code, Some(78), "serve ends with what the mend says");

    let bed = healthy();
    let holder = TcpListener::bind(("127.0.0.1", bed.http)).expect("bind");
    let pid = format!("(pid {}", std::process::id()); // we have it
    table.bad(
        &bed,
        "the page's port is another program's",
        &cause("port", &["[http]", &pid], &["stop that (", "[http] listen"]),
    );
    drop(holder);
    let _in_use = TcpListener::bind(("0.0.0.0", bed.audiosocket)).expect("bind");
    table.bad(
        &bed,
        "AudioSocket's port is another program's",
        &cause("port", &["[audiosocket]", &pid], &["stop that (", "[audiosocket] listen"]),
    );

    let bed = healthy();
    let (http, audiosocket) = (bed.http.to_string(), bed.audiosocket.to_string());
    change(&bed, &audiosocket, &http);
    table.bad(&bed, "one port for two", &cause("port", &["both listen on"], &["another port"]));
    let bed = changed("[audiosocket]\nlisten = \"127.0.0.1:", "[audiosocket]\nlisten = \"192.0.2.1:");
    table.bad(&bed, "an address of another machine", &cause("port", &["no interface"], &["ip -br address"]));
    let bed = changed("open = true", "");
    change(&bed, "[http]\nlisten = \"127.0.0.1:", "[http]\nlisten = \"0.0.0.0:");
    let clear = cause("access", &["unencrypted"], &["tls_certificate", "proxy"]);
    table.try_as(&bed, "tokens over the network without TLS", "advice", &clear);
    table.try_as(
        &healthy(),
        "a page without tokens",
        "advice",
        &cause("access", &["everybody on this machine"], &["token add"]),
    );
    let few = with("[limits]\ncpus = 1.0");
    change(&few, "partial = false", "workers = 16");
    table.try_as(&few, "more workers than CPUs", "advice", &cause("workers", &["16 for 1.0 CPUs"], &["workers = 1"]));
    table.bad(
        &healthy(),
        "nothing but that no daemon runs",
        &cause("daemon", &["is the daemon running"], &["systemctl start lineside"]),
    );
}

pub(super) fn models(table: &mut Table) {
    let model = format!("model = \"{}\"", model());
    let named = |name: &str| changed(&model, &format!("model = \"{name}\""));
    table.bad(
        &named("base.en-q8_0"),
        "a model that was not fetched",
        &cause("model", &[], &["`lineside model pull base.en-q8_0`"]),
    );
    table.bad(
        &named("bse.en-q8_0"),
        "a model with a typing error",
        &cause("model", &[], &["base.en-q8_0 is", "model list"]),
    );
    table.bad(
        &named("/srv/none.bin"),
        "a path without a model",
        &cause("model", &["none.bin"], &["put the model to /srv/none.bin"]),
    );
    let bed = named("base.en-q8_0");
    std::fs::create_dir_all(bed.path("state/models")).expect("mkdir");
    let half = &std::fs::read(self::model()).expect("model")[..100_000];
    std::fs::write(bed.path("state/models/ggml-base.en-q8_0.bin"), half).expect("write");
    table.bad(&bed, "half of a model", &cause("model", &[], &["rm -r", "model pull base.en-q8_0"]));
    let bed = changed("language = \"en\"", "language = \"es\"");
    table.bad(
        &bed,
        "Spanish with a model that knows English",
        &cause("language", &["English alone"], &["[speech] model or language"]),
    );
    let bed = with("[utterance]\nvoice_model = \"ROOT/none.bin\"");
    table.bad(&bed, "no weights of the voice detector", &cause("voice", &["none.bin"], &["[utterance] voice_model"]));
}

pub(super) fn secrets(table: &mut Table) {
    let ami = format!("[ami]\naddress = \"127.0.0.1:{}\"\nsecret_file = \"ROOT/ami\"", free_port());
    let bed = with(&ami);
    let make = format!("install -o root -g lineside -m 0640 /dev/null {}", bed.path("ami").display());
    table.bad(&bed, "no file with the manager's secret", &cause("secret", &["[ami]", "No such file"], &[&make]));
    std::fs::write(bed.path("ami"), "\n").expect("write");
    mode(&bed.path("ami"), 0o640);
    table.bad(&bed, "an empty secret", &cause("secret", &["first line is empty"], &[&make]));
    std::fs::write(bed.path("ami"), "hush\n").expect("write");
    mode(&bed.path("ami"), 0o644);
    table.bad(
        &bed,
        "a secret that everybody can read",
        &cause("secret", &["every user"], &["chgrp lineside", "chmod 0640"]),
    );
    let bed = with("[dialer]\npassword_file = \"ROOT/password\"");
    table.bad(
        &bed,
        "no file with the database's password",
        &cause("secret", &["[dialer]", "No such file"], &["install -o root"]),
    );

    let bed = with("[privacy]\naudio_key = \"ROOT/audio.key\"");
    table.bad(&bed, "a key of the audio that is lost", &cause("encryption", &["audio.key"], &["bring the key back"]));
    let key = bed.command(&["key", "new"]).arg(bed.path("audio.key")).output().expect("run");
    assert!(key.status.success(), "{key:?}");
    mode(&bed.path("audio.key"), 0o644);
    table.bad(&bed, "a key that everybody can read", &cause("encryption", &["every user"], &["chmod 600"]));

    let bed = healthy();
    change(&bed, "open = true", "open = true\ntls_certificate = \"ROOT/chain.pem\"\ntls_key = \"ROOT/key.pem\"");
    let put = format!("put the file to {}", bed.path("chain.pem").display());
    table.bad(&bed, "no certificate there", &cause("certificate", &["chain.pem"], &[&put]));
    let certify = |name: &str| {
        let mut openssl = Command::new("openssl");
        openssl.args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
        ]);
        let outcome = openssl
            .arg("-keyout")
            .arg(bed.path(&format!("{name}.key")))
            .arg("-out")
            .arg(bed.path(&format!("{name}.pem")))
            .output();
        outcome.is_ok_and(|outcome| outcome.status.success())
    };
    if certify("one") && certify("other") {
        std::fs::rename(bed.path("one.pem"), bed.path("chain.pem")).expect("mv");
        std::fs::rename(bed.path("other.key"), bed.path("key.pem")).expect("mv");
        table.bad(
            &bed,
            "a certificate with another's key",
            &cause("certificate", &[], &["openssl x509", "must print the same"]),
        );
    } else {
        eprintln!("skipped: a certificate with another's key needs openssl");
    }
}
