//! The format as seen by somebody who holds the disk: the file shows nothing of the content, and every change to it is detected.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use proptest::prelude::*;

use super::keys::Key;
use super::keys::Keyring;
use super::slots::*;
use super::*;
use crate::audio::AudioError;

struct Bed {
    folder: tempfile::TempDir,
    key: Key,
}

impl Bed {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("temp dir"), key: Key::random().expect("random") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn keys(&self) -> Keyring {
        Keyring::new(Some(self.key.clone()), Vec::new())
    }

    fn open_file(path: &Path) -> File {
        OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).expect("open")
    }

    fn create(&self, name: &str) -> Arc<Mutex<Writing>> {
        Writing::create(Self::open_file(&self.path(name)), &self.key).expect("create")
    }

    /// A finished file of this content, and its bytes on disk.
    fn finished(&self, name: &str, content: &[u8]) -> Vec<u8> {
        let writer = self.create(name);
        let mut writer = writer.lock().expect("lock");
        writer.write_at(0, content).expect("write");
        writer.finish().expect("finish");
        std::fs::read(self.path(name)).expect("read")
    }

    fn reading(&self, name: &str) -> Result<Reading, AudioError> {
        Reading::open(File::open(self.path(name)).expect("open"), &self.keys())
    }

    /// All that can be read, in one go.
    fn read(&self, name: &str) -> Result<Vec<u8>, AudioError> {
        let reading = self.reading(name)?;
        let mut content = vec![0; reading.len()? as usize];
        let got = reading.read_at(0, &mut content)?;
        content.truncate(got);
        Ok(content)
    }

    /// What becomes of a file whose bytes somebody has changed.
    fn read_changed(&self, bytes: &[u8]) -> Result<Vec<u8>, AudioError> {
        std::fs::write(self.path("changed"), bytes).expect("write");
        self.read("changed")
    }
}

fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..len).map(|_| next()).collect()
}

fn refused(read: Result<Vec<u8>, AudioError>) -> SealedError {
    match read {
        Err(AudioError::Sealed(error)) => error,
        other => panic!("{:?}", other.map(|content| content.len())),
    }
}

#[test]
fn the_lengths_are_those_of_the_table() {
    assert_eq!((SLOT, CHUNK, HEADER), (4096, 4056, 112));
    for content in [0, 1, 44, 4055, 4056, 4057, 3 * 4056, 3 * 4056 + 1, 1_000_000] {
        assert_eq!(content_len(disk_len(content)), content);
    }
    assert_eq!((content_len(0), content_len(4096), content_len(4096 + 39), content_len(4096 + 41)), (0, 0, 0, 1));
}

#[test]
fn nothing_of_the_content_is_on_the_disk() {
    let bed = Bed::new();
    let content = noise(20_000, 1);
    let bytes = bed.finished("a", &content);
    for part in content.windows(8) {
        assert!(!bytes.windows(8).any(|window| window == part), "plain content on the disk");
        if part[0] == 0 {
            break; // some of it is enough: the search is slow
        }
    }
    assert!(!bytes.windows(4).any(|window| window == b"RIFF"));
}

#[test]
fn chunks_cannot_change_places_nor_files_and_a_header_fits_its_own_file_alone() {
    let bed = Bed::new();
    let content = noise(4 * CHUNK, 2);
    let (one, other) = (bed.finished("one", &content), bed.finished("other", &content));
    assert_eq!(bed.read_changed(&one).expect("untouched"), content);
    let swapped = [&one[..SLOT], &one[2 * SLOT..3 * SLOT], &one[SLOT..2 * SLOT], &one[3 * SLOT..]].concat();
    let mixed = [&one[..2 * SLOT], &other[2 * SLOT..3 * SLOT], &one[3 * SLOT..]].concat();
    let headed = [&other[..SLOT], &one[SLOT..]].concat();
    let repeated = [&one[..2 * SLOT], &one[SLOT..2 * SLOT], &one[3 * SLOT..]].concat();
    for bytes in [swapped, mixed, headed, repeated] {
        assert!(matches!(refused(bed.read_changed(&bytes)), SealedError::Damaged(_)));
    }
}

#[test]
fn a_finished_file_is_neither_cut_nor_added_to_unnoticed() {
    let bed = Bed::new();
    let bytes = bed.finished("a", &noise(2 * CHUNK + 100, 3));
    for len in [SLOT, 2 * SLOT, 3 * SLOT, bytes.len() - 1] {
        let error = refused(bed.read_changed(&bytes[..len]));
        assert_eq!(error, SealedError::Length { has: len as u64, wanted: bytes.len() as u64 });
    }
    assert!(matches!(refused(bed.read_changed(&[&bytes[..], &[0]].concat())), SealedError::Length { .. }));
    // Nor is it made to look like one that still grows.
    let mut growing = bytes[..2 * SLOT].to_vec();
    growing[56..72].fill(0);
    assert!(matches!(refused(bed.read_changed(&growing)), SealedError::Damaged(_)));
}

#[test]
fn a_growing_file_cut_anywhere_gives_every_whole_chunk_and_is_finished_from_there() {
    let bed = Bed::new();
    let content = noise(3 * CHUNK + 1000, 4);
    let writer = bed.create("a");
    writer.lock().expect("lock").write_at(0, &content).expect("write");
    let bytes = std::fs::read(bed.path("a")).expect("read");
    for len in [SLOT, SLOT + 1, SLOT + 500, 2 * SLOT - 1, 2 * SLOT, 3 * SLOT + 40, bytes.len() - 1, bytes.len()] {
        let whole = if len == bytes.len() { content.len() } else { (len / SLOT - 1) * CHUNK };
        assert_eq!(bed.read_changed(&bytes[..len]).expect("readable"), content[..whole], "cut at {len}");
        let again = Writing::open(Bed::open_file(&bed.path("changed")), &bed.keys()).expect("open");
        let mut again = again.lock().expect("lock");
        assert_eq!(again.len(), whole as u64);
        again.write_at(whole as u64, &content[whole..]).expect("go on");
        again.finish().expect("finish");
        assert_eq!(bed.read("changed").expect("readable"), content);
    }
}

#[test]
fn a_slot_torn_by_a_power_cut_costs_itself_alone() {
    let bed = Bed::new();
    let content = noise(3 * CHUNK, 5);
    let writer = bed.create("a");
    writer.lock().expect("lock").write_at(0, &content).expect("write");
    let mut bytes = std::fs::read(bed.path("a")).expect("read");
    bytes[3 * SLOT + 2048..].fill(0);
    assert_eq!(bed.read_changed(&bytes).expect("readable"), content[..2 * CHUNK]);
    let again = Writing::open(Bed::open_file(&bed.path("changed")), &bed.keys()).expect("open");
    again.lock().expect("lock").finish().expect("finish");
    assert_eq!(bed.read("changed").expect("readable"), content[..2 * CHUNK]);
}

#[test]
fn no_slot_is_ever_written_twice_under_one_nonce() {
    let bed = Bed::new();
    let writer = bed.create("a");
    let mut seen = std::collections::HashSet::new();
    let mut note = || {
        let bytes = std::fs::read(bed.path("a")).expect("read");
        bytes[SLOT..].chunks(SLOT).filter(|slot| seen.insert(slot[..NONCE].to_vec())).count()
    };
    let mut writer = writer.lock().expect("lock");
    for round in 0..5 {
        writer.write_at(round * 100, &[7; 100]).expect("append");
        assert_eq!(note(), 1, "the last slot anew");
    }
    writer.write_at(500, &noise(3 * CHUNK, 6)).expect("append");
    assert_eq!(note(), 4);
    writer.write_at(CHUNK as u64 + 5, &[0; 10]).expect("silence");
    assert_eq!(note(), 1, "the one slot that holds it");
    writer.write_at(CHUNK as u64 + 5, &[0; 10]).expect("the same again");
    assert_eq!(note(), 1, "under another nonce");
}

#[test]
fn a_key_that_is_missing_is_named_and_an_old_one_still_reads() {
    let bed = Bed::new();
    bed.finished("a", b"what was said");
    let other = Key::random().expect("random");
    let open = |keys: &Keyring| Reading::open(File::open(bed.path("a")).expect("open"), keys).map(|_| Vec::new());
    let error = refused(open(&Keyring::new(Some(other.clone()), Vec::new())));
    assert_eq!(error, SealedError::NoKey(bed.key.id()));
    assert!(error.to_string().contains(&bed.key.id().to_string()) && error.to_string().contains("old_audio_keys"));
    assert!(open(&Keyring::new(Some(other), vec![bed.key.clone()])).is_ok());
    assert!(open(&Keyring::new(None, vec![bed.key.clone()])).is_ok());
}

#[test]
fn what_one_has_silenced_the_other_does_not_write_again() {
    let bed = Bed::new();
    let appending = bed.create("a");
    appending.lock().expect("lock").write_at(0, &[1; 100]).expect("write");
    let silencing = Writing::open(Bed::open_file(&bed.path("a")), &bed.keys()).expect("open");
    silencing.lock().expect("lock").write_at(0, &[0; 50]).expect("silence");
    appending.lock().expect("lock").write_at(100, &[1; 100]).expect("append");
    silencing.lock().expect("lock").write_at(150, &[0; 50]).expect("silence what came since");
    assert_eq!(bed.read("a").expect("readable"), [[0; 50], [1; 50], [1; 50], [0; 50]].concat());
}

#[test]
fn a_slot_that_is_being_rewritten_is_looked_at_again() {
    let bed = Bed::new();
    let content = noise(2 * CHUNK, 10);
    let bytes = bed.finished("a", &content);
    let mut torn = bytes.clone();
    torn[SLOT + 2000..2 * SLOT].fill(0);
    std::fs::write(bed.path("a"), &torn).expect("write");
    let (mut read, mut pauses) = (vec![0; content.len()], 0);
    let reading = bed.reading("a").expect("open");
    let got = reading.read_with(0, &mut read, &mut || {
        pauses += 1;
        if pauses == 3 {
            std::fs::write(bed.path("a"), &bytes).expect("the writer comes to its end");
        }
    });
    assert_eq!((got.expect("readable"), pauses), (content.len(), 3));
    assert_eq!(read, content);
}

#[test]
fn who_appends_and_who_silences_write_one_file_and_readers_never_see_half_of_it() {
    let bed = Bed::new();
    let writer = bed.create("a");
    writer.lock().expect("lock").write_at(0, &[1; 100]).expect("write");
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for piece in 1..=100 {
                writer.lock().expect("lock").write_at(piece * 100, &[1; 100]).expect("append");
            }
            stop.store(true, Ordering::Release);
        });
        scope.spawn(|| {
            while !stop.load(Ordering::Acquire) {
                let same = Writing::open(Bed::open_file(&bed.path("a")), &bed.keys()).expect("open");
                let mut same = same.lock().expect("lock");
                let end = same.len();
                same.write_at(end - 50, &[0; 50]).expect("silence the end");
            }
        });
        let reading = bed.reading("a").expect("open");
        while !stop.load(Ordering::Acquire) {
            let mut content = vec![9; reading.len().expect("length") as usize];
            let got = reading.read_at(0, &mut content).expect("readable all the time");
            assert!(got > 0 && content[..got].iter().all(|&byte| byte <= 1));
        }
    });
    writer.lock().expect("lock").finish().expect("finish");
    let content = bed.read("a").expect("readable");
    assert_eq!(content.len(), 10_100, "nothing appended is lost");
    for piece in content.chunks(100) {
        assert!(piece[..50].iter().all(|&byte| byte == 1), "what was not silenced is there");
        assert!(piece[50..].iter().all(|&byte| byte == piece[50]), "a stretch is silenced whole");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_writes_read_back_at_any_place_as_from_a_plain_file(
        writes in proptest::collection::vec((0_u64..=1000, 1_usize..9000, any::<bool>()), 1..8),
        ranges in proptest::collection::vec((0_u64..30_000, 0_usize..9000), 1..8),
    ) {
        let bed = Bed::new();
        let mut writer = bed.create("a");
        let mut plain: Vec<u8> = Vec::new();
        for (number, (at, count, reopen)) in writes.into_iter().enumerate() {
            let place = plain.len() as u64 * at / 1000;
            let bytes = noise(count, number as u64);
            if reopen {
                drop(writer);
                writer = Writing::open(Bed::open_file(&bed.path("a")), &bed.keys()).expect("open");
            }
            writer.lock().expect("lock").write_at(place, &bytes).expect("write");
            plain.resize(plain.len().max(place as usize + count), 0);
            plain[place as usize..place as usize + count].copy_from_slice(&bytes);
            prop_assert_eq!(&bed.read("a").expect("readable"), &plain);
        }
        let growing = bed.reading("a").expect("open");
        writer.lock().expect("lock").finish().expect("finish");
        let finished = bed.reading("a").expect("open");
        prop_assert_eq!(finished.len().expect("length"), plain.len() as u64);
        for (place, count) in ranges {
            let from = (place as usize).min(plain.len());
            let wanted = &plain[from..plain.len().min(from + count)];
            for reading in [&growing, &finished] {
                let mut bytes = vec![0; count];
                let got = reading.read_at(place, &mut bytes).expect("readable");
                prop_assert_eq!(&bytes[..got], wanted);
            }
        }
    }

    #[test]
    fn a_changed_byte_is_never_believed(at in any::<prop::sample::Index>(), flip in 1_u8..) {
        let bed = Bed::new();
        let mut bytes = bed.finished("a", &noise(CHUNK + 200, 7));
        // What pads the header is not looked at.
        let places: Vec<usize> = (0..HEADER).chain(SLOT..bytes.len()).collect();
        let place = places[at.index(places.len())];
        bytes[place] ^= flip;
        if place < MAGIC.len() {
            // Not known as encrypted any more: what it holds is noise to every reader.
            prop_assert!(&bytes[..8] != MAGIC);
        } else {
            refused(bed.read_changed(&bytes));
        }
    }

    #[test]
    fn no_bytes_make_the_reader_panic(rest in proptest::collection::vec(any::<u8>(), 0..400), known in any::<bool>()) {
        let bed = Bed::new();
        let mut bytes = [&MAGIC[..], &1_u32.to_le_bytes(), &4096_u32.to_le_bytes(), &rest].concat();
        if known && bytes.len() >= 24 {
            bytes[16..24].copy_from_slice(&bed.key.id().0);
        }
        let _ = bed.read_changed(&bytes);
        std::fs::write(bed.path("changed"), &bytes).expect("write");
        let _ = Writing::open(Bed::open_file(&bed.path("changed")), &bed.keys());
    }
}

/// What encryption costs of a core, in the pieces that a live leg comes in: of 40 ms, and of 100 ms where there are many; printed for the
/// documentation.
#[test]
fn the_cost_of_a_second_of_sound_is_told() {
    for pieces_per_s in [25, 10] {
        tell_cost(pieces_per_s);
    }
}

fn tell_cost(pieces_per_s: usize) {
    const SECONDS: usize = 600;
    let bed = Bed::new();
    let plain = Bed::open_file(&bed.path("plain"));
    let size = 16_000 / pieces_per_s;
    let piece = noise(size, 8);
    // Nanoseconds that this thread had a CPU for.
    let cpu = || {
        let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
        told.split(' ').next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or(0.0) / 1e6
    };
    let writer = bed.create("sealed");
    let began = cpu();
    for number in 0..SECONDS * pieces_per_s {
        plain.write_all_at(&piece, (number * size) as u64).expect("write");
    }
    let without = cpu();
    for number in 0..SECONDS * pieces_per_s {
        writer.lock().expect("lock").write_at((number * size) as u64, &piece).expect("write");
    }
    let with = cpu();
    let content = bed.read("sealed").expect("readable");
    let read = cpu();
    assert_eq!(content.len(), SECONDS * 16_000);
    let each = |ms: f64| ms / SECONDS as f64;
    println!(
        "encryption: {:.4} ms of CPU per second of 8 kHz sound written live in {pieces_per_s} pieces (plain {:.4}), {:.4} read whole",
        each(with - without),
        each(without - began),
        each(read - with)
    );
}
