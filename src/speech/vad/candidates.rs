//! The detectors beside each other on recordings whose speech is marked, and Silero's beside the reference.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use earshot::Detector;

use super::silero::{CONTEXT, STEP, Silero, State};
use super::weights::Weights;
use super::{EARSHOT, FRAME, FRAME_MS, LegVad, Voice};
use crate::audio::reader::RecordingReader;
use crate::audio::resample::resample;
use crate::audio::to_f32;
use crate::speech::utterance::{EndpointSettings, LegListener, Listening};

fn shared(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/audio").join(name)
}

/// A recording's rate and first channel.
fn recording(path: &Path) -> Option<(u32, Vec<i16>)> {
    let mut reader = RecordingReader::open(path).ok()?;
    let mut samples = Vec::new();
    reader.read_samples(0, 0, usize::MAX, &mut samples).ok()?;
    Some((reader.layout().rate_hz, samples))
}

fn silero() -> Option<(Weights, Arc<Silero>)> {
    let weights = Weights::find(&Weights::places()).ok()?;
    let network = Arc::new(Silero::new(&weights).ok()?);
    Some((weights, network))
}

fn probabilities(network: &Silero, sound: &[f32]) -> Vec<f32> {
    let mut state = State::default();
    sound.as_chunks::<STEP>().0.iter().map(|step| network.hear(step, &mut state)).collect()
}

/// Largest and mean difference.
fn apart(ours: &[f32], theirs: &[f32]) -> (f32, f32) {
    let apart: Vec<f32> = ours.iter().zip(theirs).map(|(one, other)| (one - other).abs()).collect();
    (apart.iter().copied().fold(0.0, f32::max), apart.iter().sum::<f32>() / apart.len() as f32)
}

#[test]
fn probabilities_are_those_of_onnxruntime() {
    let (Some((_, network)), Some((_, samples))) = (silero(), recording(&shared("jfk.wav"))) else {
        eprintln!("skipped: no weights of Silero, or no recording, here");
        return;
    };
    let ours = probabilities(&network, &to_f32(&samples));
    let column = |number: usize| -> Vec<f32> {
        let value = |line: &str| line.split('\t').nth(number).and_then(|value| value.parse().ok()).expect("a number");
        include_str!("reference.tsv").lines().map(value).collect()
    };
    assert_eq!(ours.len(), column(0).len());
    // With the same weights, and with those before they were rounded to 16 bits.
    let (same, published) = (apart(&ours, &column(1)), apart(&ours, &column(0)));
    println!("apart from onnxruntime, largest and mean: {same:?}; with weights of 32 bits: {published:?}");
    assert!(same.0 < 1e-4, "{same:?}");
    assert!(published.0 < 2e-3 && published.1 < 1e-4, "{published:?}");
}

#[test]
fn probabilities_are_those_of_whisper_cpp() {
    let Some((weights, network)) = silero() else {
        eprintln!("skipped: no weights of Silero here");
        return;
    };
    for name in ["jfk.wav", "ami-tst00.wav", "ami-tst01.wav"] {
        let Some((_, samples)) = recording(&shared(name)) else { continue };
        let sound = to_f32(&samples);
        let theirs = by_whisper_cpp(&weights, &sound).expect("whisper.cpp reads the file");
        // It has no samples from before a step, and mirrors its begin instead.
        let mut state = State::default();
        let steps = sound.as_chunks::<STEP>().0.iter();
        let ours: Vec<f32> = steps
            .map(|step| {
                let mirrored = std::array::from_fn(|i| if i < CONTEXT { step[CONTEXT - i] } else { step[i - CONTEXT] });
                network.hear_with_context(&mirrored, &mut state)
            })
            .collect();
        let difference = apart(&ours, &theirs);
        println!("{name}: apart from whisper.cpp, largest and mean: {difference:?}");
        // It rounds what enters its convolutions to 16 bits as well.
        assert!(difference.0 < 5e-3 && difference.1 < 5e-4, "{name}: {difference:?}");
    }
}

fn by_whisper_cpp(weights: &Weights, sound: &[f32]) -> Option<Vec<f32>> {
    let mut params = whisper_rs::WhisperVadContextParams::new();
    params.set_n_threads(1);
    let mut vad = whisper_rs::WhisperVadContext::new(&weights.path().display().to_string(), params).ok()?;
    vad.detect_speech(sound).ok()?;
    Some(vad.probabilities().to_vec())
}

/// CPU time of this thread, seconds.
fn cpu_s() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Tells the stretches of speech of sound at a rate.
type Hear = dyn Fn(&[i16], u32) -> Vec<(f64, f64)>;

/// A way to tell where somebody speaks, and what it made of the recordings.
struct Candidate {
    label: &'static str,
    /// Stretches of speech in seconds, of 16 kHz or narrower sound at its rate.
    hear: Box<Hear>,
    narrow: bool,
    miss: f64,
    alarm: f64,
    music: f64,
    cpu: f64,
}

fn candidate(label: &'static str, narrow: bool, hear: impl Fn(&[i16], u32) -> Vec<(f64, f64)> + 'static) -> Candidate {
    Candidate { label, hear: Box::new(hear), narrow, miss: 0.0, alarm: 0.0, music: 0.0, cpu: 0.0 }
}

/// Utterances as a leg's listener cuts them.
fn as_used(voice: Voice) -> impl Fn(&[i16], u32) -> Vec<(f64, f64)> {
    let listening = Listening { endpoint: EndpointSettings::best_with(&voice), voice };
    move |samples, rate| {
        let mut listener = LegListener::new(rate, &listening, 0);
        let mut found = listener.push(samples);
        found.extend(listener.finish());
        let seconds = |sample: u64| sample as f64 / f64::from(rate);
        found.iter().map(|found| (seconds(found.start), seconds(found.end))).collect()
    }
}

/// Each voiced stretch holds on for so long.
fn held(voiced: impl Iterator<Item = bool>, frame_s: f64, hold_s: f64) -> Vec<(f64, f64)> {
    let voiced = voiced.enumerate().filter(|(_, voiced)| *voiced);
    voiced.map(|(i, _)| (i as f64 * frame_s, (i + 1) as f64 * frame_s + hold_s)).collect()
}

/// Silero only where earshot has heard something within the last quarter of a second; its state waits meanwhile.
fn cascade(network: &Silero, sound: &[f32]) -> Vec<f32> {
    let (mut first, mut state, mut awake) = (Detector::default_boxed(), State::default(), 0);
    let mut hear = |step: &[f32; STEP]| {
        let heard = step.as_chunks::<FRAME>().0.iter().map(|frame| first.predict_f32(frame)).fold(0.0, f32::max);
        awake = if heard > 0.35 { 8 } else { i32::max(awake - 1, 0) };
        if awake > 0 { network.hear(step, &mut state) } else { 0.0 }
    };
    sound.as_chunks::<STEP>().0.iter().map(&mut hear).collect()
}

fn candidates() -> Vec<Candidate> {
    let earshot = || Voice::choose(Some(EARSHOT));
    let mut all = vec![
        candidate("energy, floor + 9 dB, held 0.3 s", false, |samples, _| {
            let mut levels = Vec::new();
            LegVad::new(16_000, &Voice::choose(Some(EARSHOT))).push(samples, |frame| levels.push(frame.level_dbfs));
            let mut sorted = levels.clone();
            sorted.sort_by(f32::total_cmp);
            let floor = sorted[sorted.len() / 10];
            held(levels.iter().map(|level| *level > floor + 9.0), FRAME_MS / 1000.0, 0.3)
        }),
        candidate("earshot, as used", false, as_used(earshot())),
        candidate("earshot, as used, 8 kHz", true, as_used(earshot())),
    ];
    let (Voice::Silero { network, path }, Some(_)) = (Voice::choose(None), silero()) else {
        eprintln!("skipped in part: no weights of Silero here; packaging/models/silero fetches them");
        return all;
    };
    let by_reference = move |hold_s: f64, threshold: f32| {
        let path = path.clone();
        move |samples: &[i16], _: u32| {
            let weights = Weights::read(&path).expect("weights");
            let voice = by_whisper_cpp(&weights, &to_f32(samples)).expect("probabilities");
            held(voice.into_iter().map(|voice| voice > threshold), 0.032, hold_s)
        }
    };
    let ours = Arc::clone(&network);
    let held_ours = move |samples: &[i16], _: u32| {
        held(probabilities(&ours, &to_f32(samples)).into_iter().map(|voice| voice > 0.3), 0.032, 0.7)
    };
    let behind = move |samples: &[i16], _: u32| {
        held(cascade(&network, &to_f32(samples)).into_iter().map(|voice| voice > 0.3), 0.032, 0.7)
    };
    all.extend([
        candidate("Silero by whisper.cpp > 0.5, held 0.3 s", false, by_reference(0.3, 0.5)),
        candidate("Silero by whisper.cpp > 0.3, held 0.7 s", false, by_reference(0.7, 0.3)),
        candidate("Silero > 0.3, held 0.7 s", false, held_ours),
        candidate("earshot, then Silero > 0.3, held 0.7 s", false, behind),
        candidate("Silero, as used", false, as_used(Voice::choose(None))),
        candidate("Silero, as used, 8 kHz", true, as_used(Voice::choose(None))),
    ]);
    all
}

/// Frames of 10 ms in which somebody speaks.
fn marked(rttm: &str, id: &str, frames: usize) -> Vec<bool> {
    let mut truth = vec![false; frames];
    for line in rttm.lines() {
        let field: Vec<&str> = line.split_whitespace().collect();
        if field.len() > 4 && field[1] == id {
            let begin = field[3].parse::<f64>().expect("start") * 100.0;
            let end = begin + field[4].parse::<f64>().expect("length") * 100.0;
            truth[(begin as usize).min(frames)..(end as usize).min(frames)].fill(true);
        }
    }
    truth
}

fn covered(stretches: &[(f64, f64)], frames: usize) -> Vec<bool> {
    let mut heard = vec![false; frames];
    for (begin, end) in stretches {
        heard[((begin * 100.0) as usize).min(frames)..((end * 100.0) as usize).min(frames)].fill(true);
    }
    heard
}

/// A minute of each piece that Debian's package of music on hold has, at 8 kHz.
fn music() -> Vec<Vec<i16>> {
    let home = std::env::var_os("HOME").unwrap_or_default();
    let cache = std::env::var_os("XDG_CACHE_HOME").map_or_else(|| Path::new(&home).join(".cache"), PathBuf::from);
    let folders = [cache.join("lineside/music/usr/share/asterisk/moh"), "/usr/share/asterisk/moh".into()];
    let files = folders.iter().find_map(|folder| std::fs::read_dir(folder).ok()).into_iter().flatten().flatten();
    let pieces = files.filter_map(|file| recording(&file.path())).filter(|(rate, _)| *rate == 8000);
    pieces.map(|(_, samples)| samples.into_iter().take(60 * 8000).collect()).collect()
}

#[test]
fn vad_candidates() {
    let Ok(rttm) = std::fs::read_to_string(shared("ami-tst.rttm")) else {
        eprintln!("skipped: no recordings with marked speech here");
        return;
    };
    let mut all = candidates();
    let (mut spoken, mut seconds) = (0.0, 0.0);
    for id in ["tst00", "tst01"] {
        let (_, samples) = recording(&shared(&format!("ami-{id}.wav"))).expect("recording");
        let narrow: Vec<i16> =
            resample(&to_f32(&samples), 16_000, 8000).iter().map(|x| (x * 32_767.0) as i16).collect();
        let truth = marked(&rttm, id, samples.len() / 160);
        assert!(truth.contains(&true), "{id} has marked speech");
        spoken += truth.iter().filter(|speech| **speech).count() as f64 / 100.0;
        seconds += samples.len() as f64 / 16_000.0;
        for candidate in &mut all {
            let began = cpu_s();
            let stretches =
                if candidate.narrow { (candidate.hear)(&narrow, 8000) } else { (candidate.hear)(&samples, 16_000) };
            candidate.cpu += cpu_s() - began;
            for (speech, heard) in truth.iter().zip(covered(&stretches, truth.len())) {
                candidate.miss += f64::from(*speech && !heard) / 100.0;
                candidate.alarm += f64::from(!speech && heard) / 100.0;
            }
        }
    }
    let pieces = music();
    let played: f64 = pieces.iter().map(|piece| piece.len() as f64 / 8000.0).sum();
    for piece in &pieces {
        let wide: Vec<i16> = resample(&to_f32(piece), 8000, 16_000).iter().map(|x| (x * 32_767.0) as i16).collect();
        for candidate in &mut all {
            let stretches =
                if candidate.narrow { (candidate.hear)(piece, 8000) } else { (candidate.hear)(&wide, 16_000) };
            candidate.music +=
                covered(&stretches, piece.len() / 80).iter().filter(|heard| **heard).count() as f64 / 100.0;
        }
    }
    println!(
        "{spoken:.1} s of speech in {seconds:.0} s of meetings, {played:.0} s of music on hold; shares of the speech and of the music"
    );
    println!("{:<42}{:>8}{:>14}{:>8}{:>9}{:>14}", "", "missed", "false alarm", "sum", "music", "CPU ms per s");
    for c in &all {
        let (miss, alarm) = (c.miss / spoken, c.alarm / spoken);
        let music = if played > 0.0 { format!("{:.1} %", 100.0 * c.music / played) } else { "–".into() };
        let cost = 1000.0 * c.cpu / seconds;
        println!("{:<42}{miss:>8.3}{alarm:>14.3}{:>8.3}{music:>9}{cost:>14.2}", c.label, miss + alarm);
    }
    let error = |label: &str| all.iter().find(|c| c.label == label).map(|c| (c.miss + c.alarm) / spoken);
    // The choice holds as long as it is the best of them.
    let used = error("Silero, as used").or(error("earshot, as used")).expect("a row");
    assert!(error("energy, floor + 9 dB, held 0.3 s").is_some_and(|energy| used < energy));
    if let (Some(reference), Some(silero)) =
        (error("Silero by whisper.cpp > 0.3, held 0.7 s"), all.iter().find(|c| c.label == "Silero, as used"))
    {
        assert!(used <= 0.110 && used < reference, "{used:.3}, the reference {reference:.3}");
        assert!(played == 0.0 || silero.music / played <= 0.1, "{:.1} s of music", silero.music);
    }
}
