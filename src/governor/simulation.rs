//! Simulates a call centre with the governor on a simulated clock: the lag and live text that a number of agents would see on a number of cores.
//!
//! The machine is simple on purpose: every inference takes one CPU for as long as measured, the PBX takes its share first, the quota is half of the
//! host. Calls begin and end by chance, agent and caller take turns. The same seed gives the same table.

use std::collections::BinaryHeap;

use super::policy::{Governor, LoadReading, Step};

/// Settings of a simulation.
#[derive(Clone, Copy, Debug)]
pub struct Scene {
    /// Agents at work.
    pub agents: usize,
    /// CPUs of the host.
    pub cores: usize,
    /// CPU seconds that an utterance of `UTTERANCE_S` costs.
    pub cost_s: f64,
    /// Share of a call in which somebody speaks; see [`SPEECH_SHARE`].
    pub speech_share: f64,
    /// Simulated seconds.
    pub seconds: u32,
}

/// Results of a simulation.
#[derive(Clone, Copy, Debug)]
pub struct SimulationResult {
    /// Utterances that were written down as live ones.
    pub live: usize,
    /// Number of all utterances.
    pub all: usize,
    /// Median time from the last word to the text, of live utterances, seconds.
    pub lag_p50_s: f64,
    /// The same at 95 %.
    pub lag_p95_s: f64,
    /// The furthest step, and the one at the end.
    pub worst: Step,
    /// Step at the end.
    pub last: Step,
    /// CPUs lineside used on average.
    pub used_cpus: f64,
    /// Utterances still waiting at the end.
    pub waiting: usize,
}

/// Share of the time an agent is in a call.
const OCCUPANCY: f64 = 0.75;
/// A call's mean length, seconds.
const CALL_S: f64 = 240.0;
/// A turn's mean length, seconds.
const UTTERANCE_S: f64 = 3.0;
/// Share of a call in which somebody speaks, where nobody says another: 1.2 s of pause behind a turn.
pub const SPEECH_SHARE: f64 = 3.0 / 4.2;
/// CPU of the PBX per call: recording and mixing two G.711 legs.
const PBX_CPUS: f64 = 0.01;
/// Time from a word to the end of its utterance, seconds.
const ENDPOINT_S: f64 = 0.45;
/// Longer utterances wait longer and cost less: measured windows have a fixed margin each.
const LONGER_WAIT_S: f64 = 0.45;
const LONGER_COST: f64 = 0.85;
/// Steps of the clock per second.
const TICKS: u32 = 20;

/// SplitMix64 (Steele, Lea, Flood 2014): small, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A time of this mean, as waiting times are spread.
    fn wait(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.roll()).ln()
    }
}

struct Agent {
    /// End of the present call or pause, seconds.
    until: f64,
    in_call: bool,
    began: f64,
    /// End of the present turn, seconds.
    turn_ends: f64,
}

/// Waiting speech: live first, then by time. The heap has the greatest first.
#[derive(PartialEq)]
struct Waiting {
    live: bool,
    said: f64,
    /// Begin of its call, seconds.
    call: f64,
}

impl Eq for Waiting {}
impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.live.cmp(&other.live).then(other.said.total_cmp(&self.said))
    }
}

/// An inference that runs.
struct Running {
    /// Time of its last word, seconds.
    said: f64,
    live: bool,
    /// CPU seconds to go.
    left: f64,
}

/// A floor in the middle of its day.
struct Floor<'a> {
    scene: &'a Scene,
    dice: Dice,
    /// CPUs of the quota.
    allowed: f64,
    /// Mean pause behind a turn, seconds.
    pause_s: f64,
    governor: Governor,
    agents: Vec<Agent>,
    queue: BinaryHeap<Waiting>,
    /// Speech whose silence has not passed yet.
    unheard: Vec<Waiting>,
    step: Step,
    running: Vec<Running>,
    lags: Vec<f64>,
    all: usize,
    live: usize,
    used: f64,
    /// CPU time used in this second.
    second_used: f64,
    worst: Step,
}

impl<'a> Floor<'a> {
    fn new(scene: &'a Scene) -> Self {
        let mut dice = Dice(1);
        let allowed = (scene.cores as f64 / 2.0).max(1.0);
        let share = scene.speech_share.clamp(0.05, 1.0);
        let governor = Governor::new(allowed as usize);
        let agents = (0..scene.agents)
            .map(|_| Agent { until: dice.roll() * 60.0, in_call: false, began: 0.0, turn_ends: 0.0 })
            .collect();
        Self {
            scene,
            dice,
            allowed,
            pause_s: UTTERANCE_S * (1.0 - share) / share,
            governor,
            agents,
            queue: BinaryHeap::new(),
            unheard: Vec::new(),
            step: Step::Full,
            running: Vec::new(),
            lags: Vec::new(),
            all: 0,
            live: 0,
            used: 0.0,
            second_used: 0.0,
            worst: Step::Full,
        }
    }

    /// Calls begin and end, and people speak.
    fn talk(&mut self, now: f64, longer: bool) {
        for agent in &mut self.agents {
            if now >= agent.until {
                agent.in_call = !agent.in_call;
                agent.began = now;
                let mean = if agent.in_call { CALL_S } else { CALL_S * (1.0 - OCCUPANCY) / OCCUPANCY };
                agent.until = now + self.dice.wait(mean);
                agent.turn_ends = now + self.dice.wait(UTTERANCE_S);
            }
            if agent.in_call && now >= agent.turn_ends {
                self.all += 1;
                let said = now + ENDPOINT_S + if longer { LONGER_WAIT_S } else { 0.0 };
                self.unheard.push(Waiting { live: true, said, call: agent.began });
                agent.turn_ends = now + self.dice.wait(self.pause_s) + self.dice.wait(UTTERANCE_S);
            }
        }
    }

    /// Queues finished utterances. A change of the step decides anew which of the queued ones are live; `last_kept` is the begin of the last call
    /// that is.
    fn hear(&mut self, now: f64, step: Step, last_kept: Option<f64>) {
        let is_live = |call: f64| last_kept.is_some_and(|last| call <= last);
        let queue = &mut self.queue;
        self.unheard.retain(|speech| {
            if speech.said <= now {
                queue.push(Waiting { live: is_live(speech.call), ..*speech });
            }
            speech.said > now
        });
        if step != self.step {
            self.step = step;
            let queue = std::mem::take(&mut self.queue);
            self.queue =
                queue.into_iter().map(|work| Waiting { live: work.live && is_live(work.call), ..work }).collect();
        }
    }

    /// Workers take what is most urgent, and all of them get on as far as the CPUs that are free.
    fn work(&mut self, now: f64, dt: f64, workers: usize, longer: bool, calls: f64) {
        while self.running.len() < workers {
            let Some(next) = self.queue.pop() else { break };
            self.live += usize::from(next.live);
            let left = self.scene.cost_s * if longer { LONGER_COST } else { 1.0 };
            self.running.push(Running { said: next.said - ENDPOINT_S, live: next.live, left });
        }
        let free = (self.scene.cores as f64 - calls * PBX_CPUS).max(0.1).min(self.allowed);
        let speed = if self.running.is_empty() { 1.0 } else { (free / self.running.len() as f64).min(1.0) };
        let spent = self.running.len() as f64 * speed * dt;
        self.used += spent;
        self.second_used += spent;
        for work in &mut self.running {
            work.left -= speed * dt;
        }
        let lags = &mut self.lags;
        self.running.retain(|work| {
            if work.left <= 0.0 && work.live {
                lags.push(now + dt - work.said);
            }
            work.left > 0.0
        });
    }

    /// The governor looks, once a second.
    fn govern(&mut self, now: f64, calls: f64) {
        let waiting = self.queue.iter().filter(|waiting| waiting.live);
        let oldest = waiting.map(|waiting| now - waiting.said).fold(0.0, f64::max);
        let idle_cpus = (self.scene.cores as f64 - calls * PBX_CPUS - self.second_used).max(0.0);
        let busy = self.running.len();
        let reading = LoadReading { allowed: self.allowed, idle_cpus, lag_s: oldest, busy, ..LoadReading::default() };
        self.worst = self.worst.max(self.governor.tick(&reading).step);
        self.second_used = 0.0;
    }

    fn outcome(mut self) -> SimulationResult {
        let lags = &mut self.lags;
        lags.sort_by(f64::total_cmp);
        let at = |share: f64| lags.get(((lags.len() as f64 - 1.0) * share).max(0.0) as usize).copied().unwrap_or(0.0);
        SimulationResult {
            live: self.live,
            all: self.all,
            lag_p50_s: at(0.5),
            lag_p95_s: at(0.95),
            worst: self.worst,
            last: self.governor.plan().step,
            used_cpus: self.used / f64::from(self.scene.seconds),
            waiting: self.queue.len() + self.unheard.len(),
        }
    }
}

/// Plays a scene.
pub fn play(scene: &Scene) -> SimulationResult {
    let mut floor = Floor::new(scene);
    let dt = 1.0 / f64::from(TICKS);
    for tick in 0..scene.seconds * TICKS {
        let now = f64::from(tick) * dt;
        let plan = floor.governor.plan();
        let longer = plan.step >= Step::LongerUtterances;
        let in_call = floor.agents.iter().filter(|agent| agent.in_call);
        let mut begun: Vec<f64> = in_call.map(|agent| agent.began).collect();
        begun.sort_by(f64::total_cmp);
        let kept = (begun.len() as f64 * plan.step.live_share()).ceil() as usize;
        let last_kept = kept.checked_sub(1).and_then(|place| begun.get(place)).copied();
        let calls = begun.len() as f64;
        floor.talk(now, longer);
        floor.hear(now, plan.step, last_kept);
        floor.work(now, dt, plan.workers, longer, calls);
        if tick % TICKS == TICKS - 1 {
            floor.govern(now, calls);
        }
    }
    floor.outcome()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_centre_on_a_big_box_has_everything_live_and_soon() {
        let outcome = play(&Scene { agents: 20, cores: 8, cost_s: 0.26, speech_share: SPEECH_SHARE, seconds: 900 });
        assert_eq!(outcome.worst, Step::Full, "{outcome:?}");
        assert!(outcome.live + outcome.waiting + 8 > outcome.all, "{outcome:?}");
        assert!(outcome.lag_p95_s < 1.5 && outcome.all > 2000, "{outcome:?}");
    }

    #[test]
    fn a_big_centre_on_a_small_box_leaves_calls_for_later_and_keeps_the_rest_soon() {
        let outcome = play(&Scene { agents: 200, cores: 2, cost_s: 0.26, speech_share: SPEECH_SHARE, seconds: 1800 });
        assert!(outcome.last >= Step::FewCalls && outcome.waiting > 1000, "{outcome:?}");
        assert!(outcome.lag_p95_s < 30.0, "{outcome:?}");
    }

    #[test]
    fn the_same_scene_is_the_same_story() {
        let scene = Scene { agents: 50, cores: 2, cost_s: 0.26, speech_share: SPEECH_SHARE, seconds: 300 };
        assert_eq!(format!("{:?}", play(&scene)), format!("{:?}", play(&scene)));
    }
}
