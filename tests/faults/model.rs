//! The model's file replaced while it is in use.

use std::time::Duration;

use crate::bed::{self, Bed, uuid_of};
use crate::books;
use crate::{Fault, Outcome};

pub const FAULTS: &[Fault] = &[Fault {
    name: "model file replaced while in use",
    checks: "overwritten and truncated in place: words go on; restarted with the broken file: one message, speech waits; the good file back: all words, no restart",
    run: replaced,
}];

fn replaced() -> Outcome {
    let good = books::model()?;
    let lines = bed::lines();
    let mut bed = Bed::new("none", "");
    let path = bed.path("model.bin");
    std::fs::copy(&good, &path).expect("copy");
    let config = std::fs::read_to_string(bed.path("lineside.toml")).expect("read");
    let config = config.replace("model = \"none\"", &format!("model = \"{}\"", path.display()));
    std::fs::write(bed.path("lineside.toml"), config).expect("write");
    let scripts: Vec<_> = (0..3).map(|call| books::script(&lines, call, 2)).collect();
    let say = |bed: &Bed, number: usize| {
        let mut call = bed.dial(&uuid_of(1_795_218_045, 320 + number as u64, 2));
        books::send(&mut call, &scripts[number].samples);
    };
    bed.start();
    bed.until("the model is there", Duration::from_mins(1), |bed| bed.log().contains("loaded in"));
    say(&bed, 0);
    std::fs::write(&path, b"not a model any more").expect("write");
    say(&bed, 1);
    for number in 0..2 {
        bed.until_completed(&format!("1795218045.{}", 320 + number));
    }
    bed.stop();
    bed.start();
    bed.until("it is named", Duration::from_secs(20), |bed| {
        bed.log().contains("model.bin: cut short") || bed.log().contains("not a Whisper model")
    });
    say(&bed, 2);
    bed.until("its speech waits", Duration::from_secs(20), |bed| {
        books::count(&books::database(bed), "SELECT count(*) FROM utterance WHERE state = 'waiting_for_model'") >= 2
    });
    std::fs::copy(&good, bed.path("model.new")).expect("copy");
    std::fs::rename(bed.path("model.new"), &path).expect("rename");
    bed.until_completed("1795218045.322");
    assert_eq!(bed.log().matches("not a Whisper model").count(), 1, "{}", bed.log());
    bed.stop();
    Ok(books::written(&books::database(&bed), books::numbered(320, &scripts)))
}
