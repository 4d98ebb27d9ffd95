//! Keys that pause a recording: a sequence such as `*71`, pressed in time, as AudioSocket or the manager interface reports it.

use std::collections::VecDeque;

use crate::pipeline::command::Pausing;

/// Keys of a sequence are pressed within this time.
const KEYS_MS: i64 = 6000;
/// The longest sequence that the configuration takes.
const LONGEST: usize = 8;

/// The key sequences and their effects; an empty sequence has none.
#[derive(Clone, Debug, Default)]
pub struct PauseKeys {
    /// Keys that pause.
    pub pause: String,
    /// Keys that resume.
    pub resume: String,
}

impl PauseKeys {
    /// Whether any keys ask for anything.
    pub fn any(&self) -> bool {
        !self.pause.is_empty() || !self.resume.is_empty()
    }
}

/// The last keys that were pressed at one telephone. They live here and nowhere else.
#[derive(Debug, Default)]
pub struct Pressed(VecDeque<(i64, char)>);

impl Pressed {
    /// Takes a key, pressed at `at_ms` of any clock that is always the same; says what the last keys ask for.
    pub fn press(&mut self, at_ms: i64, digit: char, wanted: &PauseKeys) -> Option<Pausing> {
        self.0.push_back((at_ms, digit));
        while self.0.len() > LONGEST || self.0.front().is_some_and(|(first, _)| at_ms - first > KEYS_MS) {
            self.0.pop_front();
        }
        let pressed: String = self.0.iter().map(|(_, digit)| digit).collect();
        let ends = |wanted: &str| !wanted.is_empty() && pressed.ends_with(wanted);
        let asked =
            if ends(&wanted.pause) { Some(Pausing::Pause) } else { ends(&wanted.resume).then_some(Pausing::Resume) };
        if asked.is_some() {
            self.0.clear();
        }
        asked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequence_pressed_in_time_asks_for_what_it_stands_for() {
        let wanted = PauseKeys { pause: "*71".into(), resume: "*72".into() };
        let mut keys = Pressed::default();
        let mut press = |at: i64, digits: &str| -> Vec<Option<Pausing>> {
            digits.chars().map(|digit| keys.press(at, digit, &wanted)).collect()
        };
        assert_eq!(press(0, "4*71"), [None, None, None, Some(Pausing::Pause)]);
        assert_eq!(press(1000, "*7"), [None, None]);
        assert_eq!(press(9000, "2"), [None], "too late");
        assert_eq!(press(9000, "*72").last(), Some(&Some(Pausing::Resume)));
        assert!(wanted.any() && !PauseKeys::default().any());
        assert_eq!(keys.press(9000, '1', &PauseKeys::default()), None);
    }
}
