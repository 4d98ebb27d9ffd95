//! A call by every road, from its first frame to its last word.

use std::time::Duration;

use crate::bed::{self, Bed};
use crate::pbx::Pbx;
use crate::script::{Asked, assert_nothing_open, assert_understood, script};

pub const TESTS: &[crate::Test] =
    &[("a_bridged_call_is_tapped_on_each_side", a_bridged_call_is_tapped_on_each_side)];

/// Roads that carry 16-bit sound as it is.
const CLEAR: Asked = Asked { errors: 0.1, late_s: 0.3 };

fn ready() -> (Bed, Pbx) {
    let model = bed::demo_model().expect("looked for before");
    let mut bed = Bed::new(&model.display().to_string(), "");
    bed.start();
    let pbx = Pbx::start(&bed);
    (bed, pbx)
}

fn a_bridged_call_is_tapped_on_each_side() {
    let (mut bed, mut pbx) = ready();
    let script = script();
    pbx.sound("agent", &script.agent);
    pbx.sound("caller", &script.caller);
    let channel = pbx.call("caller", "tap", &[]);
    pbx.until_bridged();
    pbx.go();
    pbx.until_quiet(Duration::from_secs(script.seconds() as u64 + 15));
    let call = bed.until_completed(&channel.uniqueid);
    assert_understood("taps", &call, &script, 0.0, CLEAR);
    assert_nothing_open(&bed);
    bed.stop();
}
