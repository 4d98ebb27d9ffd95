//! Decides once a second, from one reading, how many inferences run at a time and which step of degradation applies.
//!
//! Pure: its clock is the number of calls to [`Governor::tick`]. It gives CPU back within a second and takes it again slowly, so that it does not
//! swing with the PBX's load. A step up needs a high lag for some seconds, a step down a long calm, and twice as long a calm when the last step down
//! did not last.

use serde::Serialize;

/// Lag of live text above which a second counts as late, seconds: what product and tests ask for at p95.
const LATE_S: f64 = 3.0;
/// Below this it counts as calm.
const CALM_S: f64 = 1.0;
/// Seconds late before the next step.
const PATIENCE: u32 = 3;
/// Seconds calm before a step back; doubled, up to the longest, each time when a step back was followed by lateness as soon.
const CONFIDENCE: u32 = 30;
const LONGEST_CONFIDENCE: u32 = 480;
/// Tasks of others that may wait for a CPU, on average of a second, before lineside gives one up. Below it are the waits of a normal, busy PBX.
const OTHERS: f64 = 0.25;
/// Seconds in which nobody waits before a worker comes back; doubled, up to the longest, each time when others waited again as soon.
const RETURN: u32 = 5;
const LONGEST_RETURN: u32 = 80;
/// CPUs that nobody uses before a worker comes back: one that we alone do not use is never wholly idle.
const FREE: f64 = 0.75;

/// A step of degradation: what is left out so that the rest is in time. Later ones include earlier ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Nothing is left out.
    #[default]
    Full,
    /// Partial text is left out.
    NoPartialText,
    /// Utterances end later: fewer and longer, which cost less a second. More of them are written down together.
    LongerUtterances,
    /// Live text by the smaller model, where one is configured.
    SmallerModel,
    /// Half of the calls are written down live, those that began first; the others when there is time.
    HalfOfTheCalls,
    /// One call in eight.
    FewCalls,
    /// All text comes after the calls.
    AfterTheCall,
}

impl Step {
    /// All of them, as they follow one another.
    pub const ALL: [Self; 7] = [
        Self::Full,
        Self::NoPartialText,
        Self::LongerUtterances,
        Self::SmallerModel,
        Self::HalfOfTheCalls,
        Self::FewCalls,
        Self::AfterTheCall,
    ];

    /// 0 is full service.
    pub fn number(self) -> usize {
        Self::ALL.iter().position(|&step| step == self).unwrap_or(0)
    }

    fn at(number: usize) -> Self {
        Self::ALL[number.min(Self::ALL.len() - 1)]
    }

    /// Share of the calls that are written down live.
    pub const fn live_share(self) -> f64 {
        match self {
            Self::Full | Self::NoPartialText | Self::LongerUtterances | Self::SmallerModel => 1.0,
            Self::HalfOfTheCalls => 0.5,
            Self::FewCalls => 0.125,
            Self::AfterTheCall => 0.0,
        }
    }

    /// Times the utterances that an engine usually takes together.
    pub fn batches(self) -> usize {
        if self >= Self::LongerUtterances { 2 } else { 1 }
    }

    /// The step in words, for people and the log.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Full => "everything is written down live",
            Self::NoPartialText => "no text of what is still being said",
            Self::LongerUtterances => "longer utterances in bigger batches",
            Self::SmallerModel => "live text by the smaller model, where there is one",
            Self::HalfOfTheCalls => "half of the calls are written down live, the others when there is time",
            Self::FewCalls => "one call in eight is written down live, the others when there is time",
            Self::AfterTheCall => "all text comes after the calls",
        }
    }
}

/// Figures of one second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LoadReading {
    /// CPUs we may use: quota, affinity.
    pub allowed: f64,
    /// CPUs of the host that nobody used.
    pub idle_cpus: f64,
    /// Tasks of others that waited for a CPU, on average.
    pub others_wait: f64,
    /// Age of the oldest live utterance that waits, seconds.
    pub lag_s: f64,
    /// Number of inferences that ran.
    pub busy: usize,
}

/// As in the log at level `debug`, and in the traces recorded from there: allowed, idle, waiting, lag, busy.
impl std::fmt::Display for LoadReading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { allowed, idle_cpus, others_wait, lag_s, busy } = self;
        write!(f, "{allowed:.2} {idle_cpus:.2} {others_wait:.2} {lag_s:.1} {busy}")
    }
}

/// The plan until the next tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// Number of inferences that may run at a time, one thread each.
    pub workers: usize,
    /// Step of degradation.
    pub step: Step,
}

/// Decides once a second how many workers run and what is left out.
#[derive(Clone, Debug)]
pub struct Governor {
    /// Workers that the configuration allows.
    most: usize,
    plan: Plan,
    late: u32,
    calm: u32,
    relaxed: u32,
    /// Seconds that the next worker waits to come back, and those since one did, until one is given up.
    hesitation: u32,
    since_return: Option<u32>,
    /// Seconds of calm that the next step back wants, and seconds since the last one.
    confidence: u32,
    since_back: u32,
}

impl Governor {
    /// Begins with all workers and full service.
    pub fn new(most: usize) -> Self {
        Self {
            most: most.max(1),
            plan: Plan { workers: most.max(1), step: Step::Full },
            late: 0,
            calm: 0,
            relaxed: 0,
            hesitation: RETURN,
            since_return: None,
            confidence: CONFIDENCE,
            since_back: 0,
        }
    }

    /// The present plan.
    pub fn plan(&self) -> Plan {
        self.plan
    }

    /// A second has passed; what holds from now on.
    pub fn tick(&mut self, reading: &LoadReading) -> Plan {
        self.workers(reading);
        self.step(reading);
        self.plan
    }

    fn workers(&mut self, reading: &LoadReading) {
        self.since_return = self.since_return.map(|seconds| seconds.saturating_add(1));
        // One worker is kept whatever the quota, because the kernel limits it to its share.
        let ceiling = self.most.min((reading.allowed.floor() as usize).max(1));
        // Without idle CPU, giving up an inference helps others that wait, if more than one runs.
        let others_wait = reading.others_wait > OTHERS && reading.idle_cpus < 0.5;
        if others_wait || self.plan.workers > ceiling {
            // A return that did not last: the next one waits longer. One that lasted: as at the beginning.
            self.hesitation = match self.since_return.take_if(|_| others_wait && self.plan.workers > 1) {
                Some(seconds) if seconds > self.hesitation.max(60) => RETURN,
                Some(_) => (self.hesitation * 2).min(LONGEST_RETURN),
                None => self.hesitation,
            };
            self.relaxed = 0;
            self.plan.workers = self.plan.workers.saturating_sub(usize::from(others_wait)).clamp(1, ceiling);
            return;
        }
        self.relaxed += 1;
        // A further inference takes a CPU that nobody has.
        if self.relaxed >= self.hesitation
            && self.plan.workers < ceiling
            && (reading.idle_cpus >= FREE || reading.busy < self.plan.workers)
        {
            self.plan.workers += 1;
            (self.relaxed, self.since_return) = (0, Some(0));
        }
    }

    fn step(&mut self, reading: &LoadReading) {
        if reading.lag_s > LATE_S {
            (self.late, self.calm) = (self.late + 1, 0);
        } else if reading.lag_s < CALM_S {
            (self.late, self.calm) = (0, self.calm + 1);
        } else {
            (self.late, self.calm) = (0, 0);
        }
        self.since_back = self.since_back.saturating_add(1);
        let number = self.plan.step.number();
        if self.late >= PATIENCE {
            // A step back that did not last: the next one wants more calm. One that lasted: as at the beginning.
            let lasted = self.since_back > self.confidence.max(60);
            self.confidence = if lasted { CONFIDENCE } else { (self.confidence * 2).min(LONGEST_CONFIDENCE) };
            self.plan.step = Step::at(number + 1);
            self.late = 0;
        } else if self.calm >= self.confidence && number > 0 {
            self.plan.step = Step::at(number - 1);
            (self.calm, self.since_back) = (0, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const QUIET: LoadReading = LoadReading { allowed: 4.0, idle_cpus: 3.0, others_wait: 0.0, lag_s: 0.1, busy: 1 };

    #[test]
    fn it_gives_way_within_a_second_and_comes_back_slowly() {
        let mut governor = Governor::new(4);
        let pressed = LoadReading { others_wait: 0.6, idle_cpus: 0.0, busy: 4, ..QUIET };
        assert_eq!(governor.tick(&pressed).workers, 3);
        assert_eq!(governor.tick(&pressed).workers, 2);
        for _ in 0..RETURN - 1 {
            assert_eq!(governor.tick(&QUIET).workers, 2);
        }
        assert_eq!(governor.tick(&QUIET).workers, 3);
    }

    #[test]
    fn a_quota_that_shrinks_is_kept_at_once_and_one_worker_stays() {
        let mut governor = Governor::new(8);
        assert_eq!(governor.tick(&QUIET).workers, 4);
        assert_eq!(governor.tick(&LoadReading { allowed: 0.5, ..QUIET }).workers, 1);
    }

    #[test]
    fn a_worker_that_has_to_go_again_waits_longer_to_come_back() {
        let mut governor = Governor::new(2);
        // As if the second one were always too much.
        let mut returns = Vec::new();
        for second in 0..400_u32 {
            let before = governor.plan().workers;
            let others_wait = if before == 2 { 0.6 } else { 0.0 };
            let after =
                governor.tick(&LoadReading { others_wait, idle_cpus: if before == 2 { 0.0 } else { 0.97 }, ..QUIET });
            if after.workers > before {
                returns.push(second);
            }
        }
        let pauses: Vec<u32> = returns.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert_eq!(pauses, [11, 21, 41, 81, 81, 81]);
    }

    /// A trace of `tests/bench/trace.py`, with what the governor makes of it: by phase who was beside lineside, and workers each second.
    fn replay(trace: &str) -> Vec<(String, Vec<usize>)> {
        let mut governor = Governor::new(2);
        let mut phases: Vec<(String, Vec<usize>)> = Vec::new();
        for line in trace.lines() {
            if let Some(who) = line.strip_prefix("# beside ") {
                phases.push((who.into(), Vec::new()));
                continue;
            }
            let fields: Vec<f64> = line.split(' ').filter_map(|field| field.parse().ok()).collect();
            let [allowed, idle_cpus, others_wait, lag_s, busy] = fields[..] else { continue };
            let reading = LoadReading { allowed, idle_cpus, others_wait, lag_s, busy: busy as usize };
            assert_eq!(reading.to_string(), line);
            let plan = governor.tick(&reading);
            phases.last_mut().expect("a phase").1.push(plan.workers);
        }
        phases
    }

    #[test]
    fn on_a_recorded_machine_it_gives_way_to_a_telephone_system_and_to_busy_loops_and_comes_back_after_them() {
        let phases = replay(include_str!("traces/telephone-system-and-busy-loops.txt"));
        assert_eq!(phases.len(), 5);
        for (who, workers) in phases {
            let changes = workers.windows(2).filter(|pair| pair[0] != pair[1]).count();
            assert!(workers.len() > 10 && changes <= 2, "beside {who}: {workers:?}");
            if who == "nobody" {
                assert!(workers.iter().rev().take(3).all(|&workers| workers == 2), "beside {who}: {workers:?}");
            } else {
                assert!(workers[2..].iter().all(|&workers| workers == 1), "beside {who}: {workers:?}");
            }
        }
    }

    #[test]
    fn late_text_leaves_out_one_thing_after_the_other_and_calm_brings_them_back() {
        let mut governor = Governor::new(1);
        let late = LoadReading { lag_s: 5.0, ..QUIET };
        let steps: Vec<usize> = (0..21).map(|_| governor.tick(&late).step.number()).collect();
        assert_eq!(steps, [0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5, 6, 6, 6, 6]);
        for _ in 0..LONGEST_CONFIDENCE * 6 {
            governor.tick(&QUIET);
        }
        assert_eq!(governor.plan().step, Step::Full);
    }

    #[test]
    fn a_step_back_that_does_not_last_makes_the_next_one_wait_longer() {
        let mut governor = Governor::new(1);
        // As if full service were always too much: late as soon as it is there, calm one step down.
        let mut backs = Vec::new();
        for second in 0..2000_u32 {
            let before = governor.plan().step;
            let lag_s = if before == Step::Full { 5.0 } else { 0.1 };
            let after = governor.tick(&LoadReading { lag_s, ..QUIET }).step;
            if after < before {
                backs.push(second);
            }
        }
        let pauses: Vec<u32> = backs.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(pauses.windows(2).all(|pair| pair[1] >= pair[0]), "{pauses:?}");
        assert!(pauses.last().is_some_and(|&pause| pause > LONGEST_CONFIDENCE), "{pauses:?}");
    }

    #[test]
    fn between_late_and_calm_nothing_changes() {
        let mut governor = Governor::new(1);
        for _ in 0..100 {
            assert_eq!(governor.tick(&LoadReading { lag_s: 2.0, ..QUIET }).step, Step::Full);
        }
    }

    proptest! {
        #[test]
        fn whatever_is_read_the_plan_stays_within_its_bounds(
            readings in proptest::collection::vec((0.0..16.0_f64, 0.0..16.0_f64, 0.0..9.0_f64, 0.0..60.0_f64, 0_usize..16), 1..200),
            most in 0_usize..12,
        ) {
            let mut governor = Governor::new(most);
            let mut before = governor.plan();
            for (allowed, idle_cpus, others_wait, lag_s, busy) in readings {
                let plan = governor.tick(&LoadReading { allowed, idle_cpus, others_wait, lag_s, busy });
                prop_assert!(plan.workers >= 1 && plan.workers <= most.max(1) && plan.workers as f64 <= allowed.max(1.0));
                prop_assert!(plan.workers <= before.workers + 1);
                prop_assert!(plan.step.number().abs_diff(before.step.number()) <= 1);
                before = plan;
            }
        }
    }
}
