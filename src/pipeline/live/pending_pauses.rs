//! Pending pauses: pauses requested by the PBX's names before their call has begun here. They are kept for a while, and their number is bounded.
//!
//! A recording is seen only when Asterisk writes its first 32 KiB with sound in them: 2 s of `wav`, 20 s of `gsm`. An agent who takes a card number
//! at the beginning of a call is faster.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use crate::call::{CallId, Leg, Moment, WallTime};
use crate::pipeline::command::{Pausing, Wish};

/// How long a pause waits for its call.
pub(super) const KEPT: Duration = Duration::from_mins(5);
/// Names that wait, at most; then the oldest is forgotten.
const NAMES: usize = 2000;
/// Pauses and resumes of one name, at most; then the oldest but the first is forgotten, which makes one pause of two.
const MARKS: usize = 32;
/// Lines of the log that tell of such names.
const LINES_A_MINUTE: u32 = 20;

/// One pending pause.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    pub pausing: Pausing,
    /// The direction that is meant; `None` for the whole call.
    pub leg: Option<Leg>,
    pub at: Moment,
    pub by: String,
}

/// All that wait.
#[derive(Debug, Default)]
pub(super) struct PendingPauses {
    marks: HashMap<CallId, VecDeque<Mark>>,
    /// Names in the order in which they came; some may be taken by now.
    order: VecDeque<CallId>,
    /// Begin of the present minute of the log, and its number of lines about such names.
    said: Option<(Instant, u32)>,
}

impl PendingPauses {
    /// Whether the log may tell of another call that nobody knows: of some in a minute, not of a flood of them.
    pub fn may_say(&mut self, now: Instant) -> bool {
        let (since, lines) = self
            .said
            .filter(|(since, _)| now.saturating_duration_since(*since) < Duration::from_mins(1))
            .unwrap_or((now, 0));
        self.said = Some((since, lines + 1));
        lines < LINES_A_MINUTE
    }

    /// Keeps a wish for a name that no call has; whether the name is new here.
    pub fn keep(&mut self, name: &str, wish: &Wish) -> bool {
        self.forget_old(wish.at.steady);
        let id = CallId::from_lossy(name);
        // A call whose pause nobody asked for has nothing to resume.
        let is_new = !self.marks.contains_key(&id);
        if is_new && wish.pausing == Pausing::Resume {
            return false;
        }
        if is_new {
            if self.order.len() >= NAMES
                && let Some(oldest) = self.order.pop_front()
            {
                self.marks.remove(&oldest);
            }
            self.order.push_back(id.clone());
        }
        let marks = self.marks.entry(id).or_default();
        let last = marks.iter().rfind(|mark| mark.leg == wish.leg);
        if last.is_none_or(|last| last.pausing != wish.pausing) {
            if marks.len() >= MARKS {
                make_room(marks);
            }
            marks.push_back(Mark { pausing: wish.pausing, leg: wish.leg, at: wish.at, by: wish.by.clone() });
        }
        is_new
    }

    /// Takes the pauses that were requested under any of these names for a call that began at `began`, in order of time.
    pub fn take(&mut self, names: &[&str], began: WallTime, now: Instant) -> Vec<Mark> {
        if self.marks.is_empty() {
            return Vec::new();
        }
        self.forget_old(now);
        let found = names.iter().filter_map(|name| self.marks.remove(&CallId::from_lossy(name)));
        let mut found: Vec<Mark> = found.flatten().collect();
        self.order.retain(|name| self.marks.contains_key(name));
        found.sort_by_key(|mark| mark.at.steady);
        // A pause that was over before the call began is not the call's.
        let is_over = |place: usize| {
            let ends = |mark: &Mark| mark.pausing == Pausing::Resume && mark.at.wall <= began;
            found[place..].iter().any(|mark| mark.leg == found[place].leg && ends(mark))
        };
        let lasting: Vec<Mark> =
            (0..found.len()).filter(|&place| !is_over(place)).map(|place| found[place].clone()).collect();
        lasting
    }

    /// The wall clock was stepped: moments of before are told by the clock of now.
    pub fn stepped(&mut self, step_ms: i64) {
        for mark in self.marks.values_mut().flatten() {
            mark.at.wall.0 += step_ms;
        }
    }

    fn forget_old(&mut self, now: Instant) {
        while let Some(name) = self.order.front() {
            let fresh = self.marks.get(name).and_then(|marks| marks.back());
            if fresh.is_some_and(|mark| now.saturating_duration_since(mark.at.steady) < KEPT) {
                break;
            }
            self.marks.remove(name);
            self.order.pop_front();
        }
    }
}

/// Makes one pause of two of the same direction: the first end goes, and the begin after it.
fn make_room(marks: &mut VecDeque<Mark>) {
    let Some(end) = marks.iter().position(|mark| mark.pausing == Pausing::Resume) else { return };
    let scope = marks[end].leg;
    let next = (end + 1..marks.len()).find(|&place| marks[place].leg == scope);
    if let Some(next) = next {
        marks.remove(next);
    }
    marks.remove(end);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(pausing: Pausing, at: Moment) -> Wish {
        Wish { names: Vec::new(), pausing, leg: None, at, by: "ami".into() }
    }

    fn clock() -> impl Fn(u64) -> Moment {
        let began = Instant::now();
        move |s| Moment { steady: began + Duration::from_secs(s), wall: WallTime(s as i64 * 1000) }
    }

    #[test]
    fn what_was_asked_of_a_call_is_there_when_it_comes_under_any_name_and_once() {
        let (mut pending, at) = (PendingPauses::default(), clock());
        pending.keep("1.1", &wish(Pausing::Resume, at(0)));
        assert!(pending.take(&["1.1"], WallTime(0), at(0).steady).is_empty(), "nothing was paused");
        pending.keep("1.1", &wish(Pausing::Pause, at(1)));
        pending.keep("1.1", &wish(Pausing::Pause, at(2)));
        pending.keep("1.1", &wish(Pausing::Resume, at(3)));
        let marks = pending.take(&["x", "1.1"], WallTime(0), at(4).steady);
        let told: Vec<_> = marks.iter().map(|mark| (mark.pausing, mark.at.wall.0)).collect();
        assert_eq!(told, [(Pausing::Pause, 1000), (Pausing::Resume, 3000)]);
        assert!(pending.take(&["x", "1.1"], WallTime(0), at(4).steady).is_empty() && pending.order.is_empty());
    }

    #[test]
    fn a_pause_that_was_over_before_the_call_began_is_none_of_its() {
        let (mut pending, at) = (PendingPauses::default(), clock());
        for (s, pausing) in [(1, Pausing::Pause), (2, Pausing::Resume), (3, Pausing::Pause)] {
            pending.keep("1.1", &wish(pausing, at(s)));
        }
        let marks = pending.take(&["1.1"], WallTime(2500), at(4).steady);
        assert_eq!(marks.iter().map(|mark| mark.at.wall.0).collect::<Vec<_>>(), [3000]);
    }

    #[test]
    fn nothing_is_kept_for_ever_and_no_flood_fills_the_memory() {
        let (mut pending, at) = (PendingPauses::default(), clock());
        for number in 0..3 * NAMES {
            pending.keep(&number.to_string(), &wish(Pausing::Pause, at(0)));
        }
        assert_eq!((pending.marks.len(), pending.order.len()), (NAMES, NAMES));
        let said = (0..1000).filter(|_| pending.may_say(at(0).steady)).count();
        assert!(said == LINES_A_MINUTE as usize && pending.may_say(at(60).steady));
        assert!(pending.take(&["0"], WallTime(0), at(1).steady).is_empty(), "the oldest was forgotten");
        let last = (3 * NAMES - 1).to_string();
        for s in 0..200 {
            pending.keep(&last, &wish(if s % 2 == 0 { Pausing::Resume } else { Pausing::Pause }, at(s)));
        }
        let marks = pending.take(&[&last], WallTime(0), at(200).steady);
        assert!(marks.len() <= MARKS && marks[0].at == at(0), "{marks:?}");
        assert!(marks.windows(2).all(|pair| pair[0].pausing != pair[1].pausing), "{marks:?}");
        let later = (3 * NAMES - 2).to_string();
        assert!(pending.take(&[&later], WallTime(0), at(KEPT.as_secs()).steady).is_empty(), "too old");
        assert!(pending.marks.is_empty() && pending.order.is_empty());
    }
}
