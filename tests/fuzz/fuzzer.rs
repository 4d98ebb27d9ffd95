//! Fuzz targets for every format that comes from outside.
//!
//! Built by `tests/fuzz/run`, which instruments lineside for coverage and links libFuzzer, this is a fuzzer: `LINESIDE_FUZZ` names the target.
//! Built by `cargo test` it reads every seed of `tests/fuzz/corpus` once, and bent copies of them, so that what was found once stays found.
#![cfg_attr(fuzzing, no_main)]

mod targets;

/// What libFuzzer calls with every input.
#[cfg(fuzzing)]
#[allow(unsafe_code)]
#[unsafe(no_mangle)]
pub extern "C" fn LLVMFuzzerTestOneInput(data: *const u8, len: usize) -> i32 {
    static TARGET: std::sync::OnceLock<targets::Target> = std::sync::OnceLock::new();
    let target = TARGET.get_or_init(|| {
        let wanted = std::env::var("LINESIDE_FUZZ").unwrap_or_default();
        let found = targets::TARGETS.iter().find(|(name, _)| *name == wanted);
        found.unwrap_or_else(|| panic!("LINESIDE_FUZZ={wanted:?} names no target")).1
    });
    // libFuzzer may give a null pointer with an empty input.
    let data = if len == 0 { &[][..] } else { unsafe { std::slice::from_raw_parts(data, len) } };
    target(data);
    0
}

#[cfg(not(fuzzing))]
fn main() {
    if std::env::args().any(|argument| argument == "--list") {
        for (name, _) in targets::TARGETS {
            println!("{name}: test");
        }
        return;
    }
    let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
    for (name, target) in targets::TARGETS {
        let mut seeds: Vec<_> = std::fs::read_dir(corpus.join(name))
            .expect("a folder of seeds")
            .map(|entry| entry.expect("entry").path())
            .collect();
        seeds.sort();
        let mut inputs = 0;
        for seed in &seeds {
            let bytes = std::fs::read(seed).expect("seed");
            target(&bytes);
            for bent in bent(&bytes) {
                target(&bent);
                inputs += 1;
            }
        }
        assert!(!seeds.is_empty(), "{name} has seeds");
        println!("fuzz {name}: {} seeds and {inputs} bent copies, none did harm", seeds.len());
    }
}

/// The same bytes cut, flipped and lengthened at places that differ from seed to seed, and are the same in every run.
#[cfg(not(fuzzing))]
fn bent(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut state = bytes.iter().fold(0x9e37_79b9_u32, |sum, &byte| sum.rotate_left(5) ^ u32::from(byte));
    let mut random = |below: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize % below.max(1)
    };
    let mut all = vec![bytes[..random(bytes.len() + 1)].to_vec(), [bytes, bytes].concat()];
    for _ in 0..30 {
        let mut copy = bytes.to_vec();
        for _ in 0..=random(4) {
            if let Some(place) = copy.len().checked_sub(1).map(|last| random(last + 1)) {
                copy[place] = [0, 1, 0x7f, 0x80, 0xff, copy[place] ^ 1 << random(8)][random(6)];
            }
        }
        all.push(copy);
    }
    all
}
