//! What the tests of encryption look at: keys, files on the disk byte by byte, and what the API gives of them.

use std::io::Write;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::bed::{Bed, uuid_of};

pub const PATIENCE: Duration = Duration::from_mins(2);
const MAGIC: &[u8] = b"LSSEALED";

pub fn run(bed: &Bed, arguments: &[&str]) -> (Option<i32>, String) {
    let done = bed.command(arguments).output().expect("run");
    let said = [done.stdout, done.stderr].concat();
    (done.status.code(), String::from_utf8_lossy(&said).into_owned())
}

/// Makes a key of this name and gives back its id.
pub fn new_key(bed: &Bed, name: &str) -> String {
    let (code, said) = run(bed, &["key", "new", &bed.path(name).display().to_string()]);
    assert_eq!(code, Some(0), "{said}");
    said.split("the key ").nth(1).and_then(|rest| rest.split('.').next()).expect("its id").to_string()
}

/// What `[privacy]` says from the next start on.
pub fn configure(bed: &Bed, privacy: &str) {
    std::fs::create_dir_all(bed.path("conf.d")).expect("mkdir");
    std::fs::write(bed.path("conf.d/50-privacy.toml"), format!("[privacy]\n{privacy}\n")).expect("write");
}

pub fn keyed(bed: &Bed, name: &str, old: &[&str]) {
    let path = |name: &str| bed.path(name).display().to_string();
    let old: Vec<String> = old.iter().map(|name| path(name)).collect();
    configure(bed, &format!("audio_key = {:?}\nold_audio_keys = {old:?}", path(name)));
}

/// Sound files of the spool, in order of their legs.
pub fn spool(bed: &Bed) -> Vec<PathBuf> {
    let days = std::fs::read_dir(bed.path("state/spool")).into_iter().flatten().flatten();
    let files = days.flat_map(|day| std::fs::read_dir(day.path()).into_iter().flatten().flatten());
    let mut found: Vec<PathBuf> =
        files.map(|file| file.path()).filter(|path| path.extension().is_some_and(|ext| ext == "wav")).collect();
    found.sort();
    found
}

pub fn is_sealed(path: &Path) -> bool {
    std::fs::read(path).expect("read").starts_with(MAGIC)
}

/// Whether lineside has said of a file that there will be no more of it.
pub fn is_finished(path: &Path) -> bool {
    std::fs::read(path).is_ok_and(|bytes| bytes.get(56) == Some(&1))
}

/// Samples that a file holds, by its length on disk alone.
pub fn stored(path: &Path) -> usize {
    let len = std::fs::metadata(path).map_or(0, |meta| meta.len() as usize).saturating_sub(4096);
    (len / 4096 * 4056 + (len % 4096).saturating_sub(40)).saturating_sub(44) / 2
}

pub fn bytes_of(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

/// Sound that is no speech and holds no stretch twice.
pub fn noise(count: usize, seed: u32) -> Vec<i16> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 20) as i16 - 2048
    };
    (0..count).map(|_| next()).collect()
}

/// Frames as fast as they are taken: what is ahead of the clock has no gaps, however slow the machine.
pub fn pour(stream: &mut TcpStream, samples: &[i16]) {
    for frame in samples.chunks(160) {
        let mut bytes = vec![0x10, (frame.len() * 2 / 256) as u8, (frame.len() * 2 % 256) as u8];
        bytes.extend(bytes_of(frame));
        stream.write_all(&bytes).expect("frame");
    }
}

/// A call of this sound, on disk to its end.
pub fn call(bed: &Bed, sequence: u64, samples: &[i16]) -> String {
    let before = spool(bed).len();
    let mut stream = bed.dial(&uuid_of(1_795_218_045, sequence, 2));
    pour(&mut stream, samples);
    drop(stream);
    let id = format!("1795218045.{sequence}");
    bed.until("the leg is closed", PATIENCE, |bed| {
        let done = bed.try_get(&format!("/api/v1/calls/{id}"));
        spool(bed).len() > before && done.is_some_and(|call| call["status"] != "active")
    });
    id
}

/// Status, Content-Range and body of a call's sound.
pub fn fetch(bed: &Bed, call: &str, range: Option<&str>) -> (u16, String, Vec<u8>) {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut request = agent.get(format!("http://127.0.0.1:{}/api/v1/calls/{call}/audio", bed.http));
    if let Some(range) = range {
        request = request.header("Range", range);
    }
    let mut response = request.call().expect("an answer");
    let told = response.headers().get("content-range").map(|value| value.to_str().expect("text").to_string());
    (response.status().as_u16(), told.unwrap_or_default(), response.body_mut().read_to_vec().expect("body"))
}

pub fn samples_of(wav: &[u8]) -> Vec<i16> {
    wav[44..].chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
}

/// Files under the state folder that hold some stretch of these samples as they are.
pub fn files_with(bed: &Bed, samples: &[i16]) -> Vec<PathBuf> {
    // Loud ones: near silence is a row of zeros that many files hold.
    let loud = samples.chunks(400).filter(|part| part.len() >= 8 && part[..8].iter().any(|sample| sample.abs() > 500));
    let stretches: Vec<Vec<u8>> = loud.map(|part| bytes_of(&part[..8])).collect();
    assert!(!stretches.is_empty(), "something to look for");
    let digits = |bytes: &Vec<u8>| bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect::<Vec<_>>().concat();
    let pattern: Vec<String> = stretches.iter().map(digits).collect();
    let pattern = regex::bytes::RegexBuilder::new(&format!("(?-u:{})", pattern.join("|"))).build().expect("pattern");
    let mut found = Vec::new();
    let mut folders = vec![bed.path("state")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else if std::fs::read(&entry).is_ok_and(|bytes| pattern.is_match(&bytes)) {
                found.push(entry);
            }
        }
    }
    found
}
