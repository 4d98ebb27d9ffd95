//! A language that the model does not know: the daemon runs and says it, the commands say it before they write nonsense.

use std::path::Path;
use std::time::Duration;

use crate::bed::Bed;

fn english_model() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/demo-model/demo.bin").display().to_string()
}

#[test]
fn a_language_that_the_model_does_not_know_is_said_once_and_where_one_looks() {
    let mut bed = Bed::new(&english_model(), "language = \"es\"\npartial = false");
    bed.start();
    bed.until("the model is ready", Duration::from_secs(30), |bed| {
        bed.get("/health/models")["model"]["state"] == "ready"
    });
    let models = bed.get("/health/models");
    let advice = models["advice"].as_str().unwrap_or_default();
    assert!(
        advice.contains("knows English alone") && advice.contains("\"es\"") && advice.contains("model pull"),
        "{models}"
    );
    assert_eq!(bed.log().matches("knows English alone").count(), 1, "{}", bed.log());
    let doctor = bed.command(&["doctor"]).output().expect("run");
    let said = String::from_utf8_lossy(&doctor.stdout);
    let line = said.lines().position(|line| line.starts_with("BAD  language")).expect(&said);
    assert!(
        said.lines().nth(line + 2).is_some_and(|mend| mend.contains("mend: change [speech] model or language")),
        "{said}"
    );

    let config = std::fs::read_to_string(bed.path("lineside.toml")).expect("config");
    std::fs::write(bed.path("lineside.toml"), config.replace("\"es\"", "\"en\"")).expect("write");
    bed.signal("-HUP");
    bed.until("nothing is left to say", Duration::from_secs(20), |bed| bed.get("/health/models")["advice"].is_null());
    bed.stop();
}

#[test]
fn analyze_refuses_a_language_that_is_asked_for_in_vain_and_warns_of_one_in_the_configuration() {
    let bed = Bed::new(&english_model(), "language = \"es\"");
    let recording = bed.path("silence.wav");
    let spec =
        hound::WavSpec { channels: 1, sample_rate: 8000, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut wav = hound::WavWriter::create(&recording, spec).expect("wav");
    (0..8000).for_each(|_| wav.write_sample(0_i16).expect("sample"));
    wav.finalize().expect("wav");
    let analyze = |more: &[&str]| {
        let run = bed.command(&["analyze", recording.to_str().expect("path")]).args(more).output().expect("run");
        (run.status.success(), String::from_utf8_lossy(&run.stderr).into_owned())
    };
    let (done, said) = analyze(&[]);
    assert!(done && said.contains("knows English alone"), "{said}");
    let (done, said) = analyze(&["--language", "de"]);
    assert!(!done && said.contains("knows English alone") && said.contains("\"de\""), "{said}");
    let (done, said) = analyze(&["--language", "german"]);
    assert!(!done && said.contains("neither auto nor a code"), "{said}");
    let (done, said) = analyze(&["--language", "en"]);
    assert!(done && said.is_empty(), "{said}");
}
