//! Files that are not what they seem: links that lead out, and a few bytes that stand for hours.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use super::attacks::Table;
use super::{CLAIMS, SALES, request};
use crate::bed::{Bed, open_header};

/// A FLAC file whose frames stand for 32768 equal samples each: hours in a few kilobytes.
fn flac_bomb(frames: u32, claimed: u64) -> Vec<u8> {
    let crc = |bytes: &[u8], polynomial: u32, bits: u32| {
        bytes.iter().fold(0_u32, |crc, &byte| {
            (0..8).fold(crc ^ (u32::from(byte) << (bits - 8)), |crc, _| {
                let top = crc >> (bits - 1) & 1;
                ((crc << 1) ^ (top * polynomial)) & ((1 << bits) - 1)
            })
        })
    };
    let mut out = b"fLaC\x80\0\0\x22\x80\0\x80\0\0\0\0\0\0\0".to_vec();
    // 20 bits of rate, 3 of channels - 1, 5 of bits - 1, 36 of samples.
    out.extend(((8000_u64 << 44) | (15 << 36) | claimed).to_be_bytes());
    out.extend([0; 16]);
    for number in 0..frames {
        let mut frame = vec![0xff, 0xf8, 0x74, 0x08];
        let mut utf8 = [0; 4];
        frame.extend(char::from_u32(number).expect("small").encode_utf8(&mut utf8).bytes());
        frame.extend(0x7fff_u16.to_be_bytes());
        let check = crc(&frame, 0x07, 8) as u8;
        frame.extend([check, 0x00, 0x00, 0x07]);
        let check = crc(&frame, 0x8005, 16) as u16;
        frame.extend(check.to_be_bytes());
        out.extend(frame);
    }
    out
}

fn size_of(folder: &Path) -> u64 {
    std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(
            |entry| {
                if entry.path().is_dir() {
                    size_of(&entry.path())
                } else {
                    entry.metadata().map_or(0, |meta| meta.len())
                }
            },
        )
        .sum()
}

pub fn files(table: &mut Table, bed: &Bed, auth: &str) {
    let monitor = bed.path("monitor");
    let outside = bed.path("outside");
    std::fs::create_dir(&outside).expect("mkdir");
    let sound: Vec<u8> =
        [open_header(1), (0..16_000_u32).flat_map(|i| ((i * 37 % 400) as i16 * 20).to_le_bytes()).collect()].concat();
    std::fs::write(outside.join("secret-one.wav"), &sound).expect("write");
    symlink(outside.join("secret-one.wav"), monitor.join("link-file.wav")).expect("link");
    symlink(&outside, monitor.join("link-folder")).expect("link");
    symlink(bed.path("state/lineside.db"), monitor.join("link-database.sln")).expect("link");
    std::fs::write(monitor.join("swapped-one.wav"), &sound).expect("write");
    let known = |id: &str| request(bed, "GET", &format!("/api/v1/calls/{id}"), &[auth], "").status;
    bed.until("the honest file is taken", Duration::from_mins(1), |_| known("swapped-one") == 200);
    bed.until("the links are named", Duration::from_mins(1), |bed| {
        bed.log().contains("link-file.wav") && bed.log().contains("link-database.sln")
    });
    let once = bed.log().matches("link-file.wav").count() == 1;
    table.row(
        "watched folder: a link to a file outside",
        "not read, named once in the log",
        known("link-file") == 404 && once,
    );
    table.row("watched folder: a link to a folder outside", "not entered", known("secret-one") == 404);
    table.row("watched folder: the database under the name of raw audio", "not read", known("link-database") == 404);
    std::fs::remove_file(monitor.join("swapped-one.wav")).expect("remove");
    symlink(bed.path("state/lineside.db"), monitor.join("swapped-one.wav")).expect("link");
    let got = request(bed, "GET", "/api/v1/calls/swapped-one/audio", &[auth], "");
    table.row("watched folder: a taken file becomes a link", format!("{}", got.status), !got.body.contains("SQLite"));
    let spooled = find(&bed.path("state/spool"), "wav").expect("the call's sound");
    std::fs::rename(&spooled, bed.path("moved.wav")).expect("move");
    symlink(bed.path("moved.wav"), &spooled).expect("link");
    for (what, path) in [
        ("played", "/api/v1/calls/ID/audio"),
        ("drawn", "/api/v1/calls/ID/peaks"),
        ("listened to", "/api/v1/calls/ID/live"),
        ("played to another platform", "/api/realtime/calls/ID/audio?fallback=1"),
    ] {
        let [first, second] =
            [SALES, CLAIMS].map(|id| request(bed, "GET", &path.replace("ID", id), &[auth], "").status);
        table.row(
            &format!("spool: a leg's file becomes a link to a sound outside, and is {what}"),
            format!("{first} and {second}"),
            [(404, 200), (200, 404)].contains(&(first, second)),
        );
    }
    std::fs::remove_file(&spooled).expect("remove");
    symlink("/etc/passwd", &spooled).expect("link");
    let got = [SALES, CLAIMS].map(|id| request(bed, "GET", &format!("/api/v1/calls/{id}/audio"), &[auth], ""));
    let told = got.iter().any(|answer| answer.body.contains("root:"));
    table.row(
        "spool: a leg's file becomes a link to /etc/passwd",
        format!("{} and {}", got[0].status, got[1].status),
        !told && got.iter().any(|answer| answer.status == 404),
    );

    // A few bytes that stand for hours.
    let before = size_of(&bed.path("state"));
    let mut rate_zero = flac_bomb(2, 65_536);
    rate_zero[18] = 0;
    rate_zero[19] = 0;
    rate_zero[20] &= 0x0f;
    let mut four_gib = open_header(1);
    four_gib[40..44].copy_from_slice(&u32::MAX.to_le_bytes());
    four_gib.extend([1; 1600]);
    let bombs = [
        ("bomb-honest.flac", flac_bomb(8000, 8000 * 32_768)),
        ("bomb-lying.flac", flac_bomb(8000, 0)),
        ("bomb-rate-zero.flac", rate_zero),
        ("bomb-cut-off.mp3", [b"ID3\x04\0\0\x7f\x7f\x7f\x7f".as_slice(), &[0xff, 0xfb, 0x10, 0xc4]].concat()),
        (
            "bomb-no-codec.ogg",
            b"OggS\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x13OpusHead\x01\x01\0\0\x80\xbb\0\0\0\0\0"
                .to_vec(),
        ),
    ];
    let sizes: Vec<usize> = bombs.iter().map(|(_, bytes)| bytes.len()).collect();
    for (name, bytes) in &bombs {
        std::fs::write(monitor.join(name), bytes).expect("write");
    }
    std::fs::write(monitor.join("claims-gib.wav"), four_gib).expect("write");
    bed.until("the bombs are named", Duration::from_secs(90), |bed| {
        let log = bed.log();
        bombs.iter().all(|(name, _)| log.contains(name)) && known("claims-gib") == 200
    });
    let grown = size_of(&bed.path("state")).saturating_sub(before) >> 20;
    table.row(
        "audio bomb: FLAC of 9 h",
        format!("refused by its header, {} kB", sizes[0] / 1000),
        known("bomb-honest") == 404,
    );
    let log = bed.log();
    let stopped = log.lines().find_map(|line| line.split_once("bomb-lying.flac: ").map(|(_, said)| said));
    let stopped = stopped.unwrap_or("nothing was said");
    table.row(
        "audio bomb: the same, with a header that does not say so",
        stopped,
        stopped.starts_with("decodes to more than 69 min"),
    );
    table.row("audio bomb: FLAC with a rate of 0", "refused", known("bomb-rate-zero") == 404);
    table.row("audio bomb: MP3 with a tag of 256 MiB", "refused", known("bomb-cut-off") == 404);
    table.row("audio bomb: Opus in Ogg, no decoder", "refused", known("bomb-no-codec") == 404);
    let length = request(bed, "GET", "/api/v1/calls/claims-gib", &[auth], "").json()["total_audio_duration"].as_f64();
    table.row(
        "audio bomb: WAV header that claims 4 GiB",
        format!("{} s, what is there", length.unwrap_or(-1.0)),
        length.is_some_and(|s| s < 1.0),
    );
    table.row("audio bombs together: growth of the state folder", format!("{grown} MiB"), grown < 80);
}

fn find(folder: &Path, extension: &str) -> Option<std::path::PathBuf> {
    let mut entries: Vec<_> = std::fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path()).collect();
    entries.sort();
    entries.into_iter().find_map(|path| {
        if path.is_dir() {
            find(&path, extension)
        } else {
            path.extension().is_some_and(|ext| ext == extension).then_some(path)
        }
    })
}
