//! The memory limit of the unit reached, in a cgroup of its own and by an address space that is too small.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::bed::{self, Bed};
use crate::books;
use crate::{Fault, Outcome, Skipped};

pub const FAULTS: &[Fault] = &[
    Fault {
        name: "memory limit reached (cgroup)",
        checks: "the kernel kills the daemon at its limit again and again while calls are recorded; with enough memory every line is there once",
        run: in_a_cgroup,
    },
    Fault {
        name: "memory limit reached (allocation fails)",
        checks: "malloc fails while the model is loaded; with enough memory every line is there once",
        run: address_space,
    },
];

/// A memory cgroup, version 1 or 2, removed when dropped.
struct Cgroup(PathBuf);

impl Cgroup {
    fn new() -> Result<Self, Skipped> {
        let name = format!("lineside-test-{}", std::process::id());
        for (root, limit) in [("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")] {
            let folder = Path::new(root).join(&name);
            if std::fs::create_dir(&folder).is_ok() {
                if folder.join(limit).exists() {
                    return Ok(Self(folder));
                }
                let _ = std::fs::remove_dir(&folder);
            }
        }
        Err(Skipped("no memory cgroup can be made by this user".into()))
    }

    fn limit(&self, bytes: Option<u64>) {
        for (file, none) in [("memory.limit_in_bytes", "-1"), ("memory.max", "max")] {
            if self.0.join(file).exists() {
                let text = bytes.map_or(none.into(), |bytes| bytes.to_string());
                let began = Instant::now();
                // Refused as long as somebody who was killed still has more.
                while let Err(problem) = std::fs::write(self.0.join(file), &text) {
                    assert!(began.elapsed() < Duration::from_secs(20), "{file}: {problem}");
                    std::thread::sleep(Duration::from_millis(50));
                }
            }
        }
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir(&self.0);
    }
}

/// Most memory that the daemon had, kB.
fn peak_kb(bed: &Bed, what: &str) -> u64 {
    let pid = bed.child.as_ref().expect("running").id();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(what)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// What the daemon takes of something without a model, and with one after the first words; kB.
fn needs(model: &str, what: &str) -> (u64, u64) {
    let mut without = Bed::new("none", "");
    without.start();
    let low = peak_kb(&without, what);
    without.stop();
    let mut with = Bed::new(model, "");
    with.start();
    with.until("a word was tried", Duration::from_mins(1), |bed| bed.ask("GET", "/health", None).0 == 200);
    let high = peak_kb(&with, what);
    with.stop();
    (low, high)
}

/// Starts it, and again when it has died, as systemd does, until `done`; returns how often it died.
fn supervised(bed: &mut Bed, patience: Duration, mut done: impl FnMut(&Bed, usize) -> bool) -> usize {
    let began = Instant::now();
    let mut deaths = 0;
    loop {
        let alive = bed.child.as_mut().is_some_and(|child| child.try_wait().expect("wait").is_none());
        if !alive {
            deaths += usize::from(bed.child.is_some());
            let log = std::fs::File::options().create(true).append(true).open(bed.path("log")).expect("log");
            let child = bed.command(&["serve"]).stdin(std::process::Stdio::null()).stderr(log).spawn();
            bed.child = Some(child.expect("start"));
        }
        if done(bed, deaths) {
            return deaths;
        }
        assert!(began.elapsed() < patience, "not within {patience:?}\n{}", bed.log());
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn recorded(bed: &mut Bed, limited: impl FnOnce(&mut Bed) -> usize, free: impl FnOnce(&mut Bed)) -> String {
    let lines = bed::lines();
    let scripts: Vec<_> = (0..4).map(|call| books::script(&lines, call, 4)).collect();
    let paths: Vec<PathBuf> =
        (0..4).map(|call| bed.path(&format!("monitor/call-1795218045.{}-in.wav", 330 + call))).collect();
    let deaths = std::thread::scope(|scope| {
        for (script, path) in scripts.iter().zip(&paths) {
            scope.spawn(|| bed::record(path, &script.samples));
        }
        limited(bed)
    });
    free(bed);
    for call in 0..4 {
        bed.until_completed(&format!("1795218045.{}", 330 + call));
    }
    bed.stop();
    let figures = books::written(&books::database(bed), books::numbered(330, &scripts));
    format!("died {deaths} times; {figures}")
}

fn in_a_cgroup() -> Outcome {
    let model = books::model()?;
    // Without what is mapped from files: that the kernel takes back before it kills.
    let (low, high) = needs(&model, "RssAnon");
    let group = Cgroup::new()?;
    let mut bed = Bed::new(&model, "");
    // More than an idle daemon has, less than inference takes. What it has and would give back does not count: where it lives with that, it gets less.
    let mut limit_kb = low + (high - low) / 3;
    group.limit(Some(limit_kb * 1024));
    let enter = "echo $$ >\"$0/cgroup.procs\" && exec \"$@\"";
    bed.launcher = ["sh".into(), "-c".into(), enter.into(), group.0.display().to_string()].into();
    let (mut ours, mut since) = (0, (0, Instant::now()));
    let figures = recorded(
        &mut bed,
        |bed| {
            let deaths = supervised(bed, Duration::from_mins(3), |bed, deaths| {
                if deaths > since.0 {
                    since = (deaths, Instant::now());
                } else if since.1.elapsed() > Duration::from_secs(6) {
                    limit_kb = limit_kb * 9 / 10;
                    bed.signal("-KILL");
                    group.limit(Some(limit_kb * 1024));
                    ours += 1;
                    since.1 = Instant::now();
                }
                deaths >= 3 + ours
            });
            deaths - ours
        },
        |bed| {
            group.limit(None);
            supervised(bed, Duration::from_secs(30), |bed, _| bed.try_get("/health/models").is_some());
        },
    );
    Ok(format!("limit {} MB of {} MB needed; {figures}", limit_kb / 1024, high / 1024))
}

fn address_space() -> Outcome {
    let model = books::model()?;
    let (low, high) = needs(&model, "VmPeak");
    let mut bed = Bed::new(&model, "");
    // The demo model is small beside what the allocator reserves for its threads, which differs from run to run.
    let limit_kb = low.min(high) * 9 / 10;
    bed.launcher = ["prlimit".into(), format!("--as={}", limit_kb * 1024)].into();
    let figures = recorded(
        &mut bed,
        |bed| {
            // It may die, or live and say that the model cannot be loaded.
            let failed = |bed: &Bed| {
                bed.try_get("/health/models").is_some()
                    && bed.log().contains("will be transcribed when there is a model")
            };
            supervised(bed, Duration::from_mins(1), |bed, deaths| deaths >= 3 || failed(bed))
        },
        |bed| {
            bed.launcher.clear();
            if bed.child.as_mut().is_some_and(|child| child.try_wait().expect("wait").is_none()) {
                bed.crash();
            }
            bed.child = None;
            bed.start();
        },
    );
    Ok(format!("{} MB of {} MB of address space; {figures}", limit_kb / 1024, high / 1024))
}
