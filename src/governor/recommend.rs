//! Chooses the model that serves a call centre best: it simulates the centre's day with the measured cost of each model.
//!
//! It takes the most accurate model whose text is all live and in time, or, where there is none, the model that leaves out least. Nothing is
//! estimated by formula; the simulation alone decides.

use serde::{Deserialize, Serialize};

use super::policy::Step;
use super::simulation::{Scene, SimulationResult, play};

/// Lag of live text at 95 % that still counts as in time, seconds.
pub const IN_TIME_S: f64 = 3.0;
/// Share of the utterances that are live where nothing is left out; some are always on their way when the play ends.
const ALL_LIVE: f64 = 0.99;
/// Half an hour shows what a day does.
const SECONDS: u32 = 1800;

/// Requirements of the box.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Demand {
    /// Agents at work.
    pub agents: usize,
    /// CPUs of the host.
    pub cores: usize,
    /// Share of a call in which somebody speaks.
    pub speech_share: f64,
}

/// A model that might be taken.
#[derive(Clone, Copy, Debug)]
pub struct Candidate {
    /// The greater, the better its words.
    pub quality: usize,
    /// CPU seconds of an utterance, all that the daemon does for it included.
    pub cost_s: f64,
}

/// Result of a model in the simulation.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Expected {
    /// Share of the text that is live.
    pub live: f64,
    /// Median time from the last word to its text, of live utterances, seconds.
    pub lag_p50_s: f64,
    /// The same at 95 %.
    pub lag_p95_s: f64,
    /// CPUs on average.
    pub cpus: f64,
    /// Whether all of it is live and in time.
    pub fits: bool,
}

/// Plays one model.
pub fn expect(candidate: Candidate, demand: &Demand) -> Expected {
    let Demand { agents, cores, speech_share } = *demand;
    let outcome: SimulationResult =
        play(&Scene { agents, cores, cost_s: candidate.cost_s, speech_share, seconds: SECONDS });
    // A model that transcribed nothing is not live either.
    let live = if outcome.all == 0 { 1.0 } else { outcome.live as f64 / outcome.all as f64 };
    let fits = live >= ALL_LIVE && outcome.lag_p95_s <= IN_TIME_S && outcome.worst <= Step::NoPartialText;
    Expected { live, lag_p50_s: outcome.lag_p50_s, lag_p95_s: outcome.lag_p95_s, cpus: outcome.used_cpus, fits }
}

/// The place of the model to take, and what each would do. Nothing of nothing.
pub fn choose(candidates: &[Candidate], demand: &Demand) -> (Option<usize>, Vec<Expected>) {
    let expected: Vec<Expected> = candidates.iter().map(|candidate| expect(*candidate, demand)).collect();
    let rank = |place: &usize| {
        let (candidate, expected) = (&candidates[*place], &expected[*place]);
        let words = if expected.fits { candidate.quality } else { 0 };
        (expected.fits, words, (expected.live * 100.0) as u32, std::cmp::Reverse((candidate.cost_s * 1e6) as u64))
    };
    let best = (0..candidates.len()).max_by_key(rank);
    (best, expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// tiny, base and small as an EPYC with AVX-512 has them, each with both engines: whisper.cpp, CTranslate2.
    const COSTS: [Candidate; 6] = [
        Candidate { quality: 1, cost_s: 0.11 },
        Candidate { quality: 1, cost_s: 0.05 },
        Candidate { quality: 2, cost_s: 0.26 },
        Candidate { quality: 2, cost_s: 0.09 },
        Candidate { quality: 3, cost_s: 0.9 },
        Candidate { quality: 3, cost_s: 0.35 },
    ];

    fn chosen(agents: usize, cores: usize) -> (usize, Expected) {
        let (best, expected) = choose(&COSTS, &Demand { agents, cores, speech_share: 0.71 });
        let best = best.expect("a model");
        (best, expected[best])
    }

    #[test]
    fn a_few_agents_on_a_big_box_have_the_best_words() {
        let (best, expected) = chosen(5, 16);
        assert_eq!(best, 5, "{expected:?}");
        assert!(expected.fits && expected.lag_p95_s < IN_TIME_S && expected.live > 0.99, "{expected:?}");
    }

    #[test]
    fn the_more_agents_the_smaller_the_model_and_never_a_dearer_one() {
        let costs: Vec<f64> = [2, 20, 40, 80, 160].map(|agents| COSTS[chosen(agents, 8).0].cost_s).into();
        assert!(costs.is_sorted_by(|one, other| one >= other), "{costs:?}");
        assert!(costs[0] > costs[4], "{costs:?}");
    }

    #[test]
    fn of_two_with_the_same_words_the_cheaper_one_is_taken() {
        for agents in [1, 10, 100] {
            assert_eq!(chosen(agents, 8).0 % 2, 1, "CTranslate2 costs less in every size");
        }
    }

    #[test]
    fn where_none_is_in_time_the_one_that_leaves_out_least_is_taken_and_it_is_said() {
        let (best, expected) = chosen(400, 2);
        assert_eq!(best, 1, "{expected:?}");
        assert!(!expected.fits && expected.live < 0.9, "{expected:?}");
        assert_eq!(choose(&[], &Demand { agents: 1, cores: 1, speech_share: 0.5 }).0, None);
    }

    #[test]
    fn more_talk_in_a_call_costs_more() {
        let cpus = |speech_share| expect(COSTS[3], &Demand { agents: 10, cores: 8, speech_share }).cpus;
        assert!(cpus(0.9) > 1.3 * cpus(0.5), "{} {}", cpus(0.9), cpus(0.5));
    }
}
