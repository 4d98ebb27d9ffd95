//! Calls whose source has fallen silent for ever.

use std::time::Duration;

use crate::bed::{Bed, uuid_of};
use crate::books;
use crate::{Fault, Outcome};

pub const FAULTS: &[Fault] = &[Fault {
    name: "source silent for ever",
    checks: "a connection that shows nothing for longer than [limits] stale_call_s is closed, the call ends with the reason; one that speaks stays",
    run: silent,
}];

fn silent() -> Outcome {
    let mut bed = Bed::new("none", "[limits]\nstale_call_s = 4");
    bed.start();
    let sound = books::noise(90, 16_000);
    let mut dead = bed.dial(&uuid_of(1_795_218_045, 90, 2));
    let mut mute = bed.dial(&uuid_of(1_795_218_045, 92, 2));
    books::send(&mut dead, &sound);
    let mut alive = bed.dial(&uuid_of(1_795_218_045, 91, 2));
    std::thread::scope(|scope| {
        let speaking = scope.spawn(|| crate::bed::speak(&mut alive, &books::noise(91, 80_000)));
        let call = bed.until_completed("1795218045.90");
        assert_eq!(call["end_reason"], "stale", "{call}");
        assert_eq!(bed.get("/api/v1/calls/1795218045.91")["status"], "active");
        speaking.join().expect("thread").expect("taken");
    });
    assert!(crate::bed::read_all(&mut mute).is_empty(), "one that never spoke is closed too");
    drop(alive);
    bed.until_completed("1795218045.91");
    assert!(books::kept(&bed, "1795218045.90") == [sound], "every sample, once");
    bed.until("it is counted", Duration::from_secs(5), |bed| {
        let text = ureq::get(format!("http://127.0.0.1:{}/metrics", bed.http)).call().ok();
        text.and_then(|mut text| text.body_mut().read_to_string().ok())
            .is_some_and(|text| text.contains("lineside_stale_calls_total 2"))
    });
    bed.stop();
    Ok("closed after 4 s of silence, reason stale".into())
}
