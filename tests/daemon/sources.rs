//! One call that comes by several sources: one text, and each source listed with the reason why it was transcribed or not.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::bed::{self, Bed, plain, record, speak, uuid_of};

/// How often somebody's words are in a call's text: the words of each line that stand in it, by how often its rarest one is there.
fn times(call: &Value, words: &str) -> usize {
    let text = plain(call["cumulative_transcript"].as_str().unwrap_or_default());
    let said: Vec<&str> = text.split_whitespace().collect();
    let words = plain(words);
    let counts = words.split_whitespace().filter(|word| word.len() > 3);
    let counts = counts.map(|word| said.iter().filter(|other| **other == word).count());
    let mut counts: Vec<usize> = counts.collect();
    counts.sort_unstable();
    // The model may mishear some of them.
    counts.get(counts.len() / 2).copied().unwrap_or(0)
}

/// What a call's sources are, in the order in which they came: source, direction, whether heard.
fn sources(call: &Value) -> Vec<(String, String, bool)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let sources = call["sources"].as_array().into_iter().flatten();
    let mut sources: Vec<_> =
        sources.map(|one| (text(&one["source"]), text(&one["leg"]), one["heard"] == true)).collect();
    sources.sort();
    sources
}

fn why(call: &Value, source: &str) -> String {
    let of = |one: &&Value| one["source"] == source;
    let found = call["sources"].as_array().into_iter().flatten().find(of);
    found.and_then(|one| one["why"].as_str()).unwrap_or_default().to_owned()
}

#[test]
fn a_call_by_audiosocket_and_as_a_growing_file_has_one_text_and_both_sources() {
    let Some(model) = bed::demo_model() else { return };
    let lines = bed::lines();
    let (one, other) = (&lines[7], &lines[8]);
    let silence = |samples: &[i16]| vec![0; samples.len()];
    let pause = vec![0; 12_000];
    let agent = [&one.samples[..], &pause, &silence(&other.samples), &pause].concat();
    let caller = [&silence(&one.samples)[..], &pause, &other.samples, &pause].concat();
    let mix: Vec<i16> = agent.iter().zip(&caller).map(|(one, other)| one.saturating_add(*other)).collect();
    let mut bed = Bed::new(&model.display().to_string(), "");
    bed.start();
    let mut taps = [1, 2].map(|leg| bed.dial(&uuid_of(1_795_218_045, 240, leg)));
    let path = bed.path("monitor/x-1795218045.240.wav");
    std::thread::scope(|scope| {
        let [tap_of_agent, tap_of_caller] = &mut taps;
        scope.spawn(|| speak(tap_of_agent, &agent).expect("speak"));
        scope.spawn(|| speak(tap_of_caller, &caller).expect("speak"));
        scope.spawn(|| record(&path, &mix));
    });
    drop(taps);
    let call = bed.until_completed("1795218045.240");
    let wanted = [("audiosocket", "agent", true), ("audiosocket", "caller", true), ("recording", "mixed", false)];
    let wanted = wanted.map(|(source, leg, heard)| (source.to_string(), leg.to_string(), heard));
    assert_eq!(sources(&call), wanted, "{call}\n{}", bed.log());
    assert!(why(&call, "recording").ends_with("two directions are better than a mix"), "{}", call["sources"]);
    assert_eq!((times(&call, &one.words), times(&call, &other.words)), (1, 1), "{}", call["cumulative_transcript"]);
    assert_eq!((call["doubled"].clone(), call["legs"].as_array().map(Vec::len)), (json!([]), Some(3)));
    let shown = bed.command(&["show", "1795218045.240"]).output().expect("run");
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("recording mixed, known: leg "), "{shown}");
    println!("one call by three legs: {}\n{shown}", call["sources"]);
    bed.stop();
}

#[test]
fn a_growing_file_takes_over_where_the_connection_of_its_call_broke() {
    let Some(model) = bed::demo_model() else { return };
    let lines = bed::lines();
    let (one, other) = (&lines[7], &lines[8]);
    let pause = vec![0; 16_000];
    let before = [&one.samples[..], &pause].concat();
    let whole = [&before[..], &other.samples, &pause, &pause].concat();
    let mut bed = Bed::new(&model.display().to_string(), "");
    bed.start();
    let path = bed.path("monitor/x-1795218045.241.wav");
    let began = Instant::now();
    std::thread::scope(|scope| {
        let mut stream = bed.dial(&uuid_of(1_795_218_045, 241, 0));
        scope.spawn(|| record(&path, &whole));
        speak(&mut stream, &before).expect("speak");
        drop(stream);
    });
    assert!(began.elapsed() > Duration::from_secs(2));
    let call = bed.until_completed("1795218045.241");
    let wanted = [("audiosocket", "mixed", true), ("recording", "mixed", true)];
    let wanted = wanted.map(|(source, leg, heard)| (source.to_string(), leg.to_string(), heard));
    assert_eq!(sources(&call), wanted, "{call}\n{}", bed.log());
    assert!(why(&call, "recording").starts_with("it goes on where leg "), "{}", call["sources"]);
    assert_eq!((times(&call, &one.words), times(&call, &other.words)), (1, 1), "{}", call["cumulative_transcript"]);
    assert_eq!(call["doubled"], json!([]));
    println!("a connection that broke: {}", call["sources"]);
    bed.stop();
}
