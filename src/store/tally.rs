//! Sums over calls: of an agent, a campaign, a disposition, a day. Pure; rows come from `statistics.rs`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::call::WallTime;

/// A call as the sums take it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CountedCall {
    /// Public id.
    pub call_id: String,
    /// Its agent.
    pub agent: Option<String>,
    /// Its campaign, in-group or queue.
    pub campaign: Option<String>,
    /// Time at which it began, milliseconds since 1970.
    pub started_ms: i64,
    /// Length of its sound, milliseconds.
    pub audio_ms: i64,
    /// Segments.
    pub segments: i64,
    /// Mean compound.
    pub sentiment: Option<f64>,
    /// Alerts that were raised.
    pub alerts: i64,
    /// Number of findings: dispositions that contradict the text.
    pub findings: i64,
    /// Figures of its review; `None` before there is one.
    pub reviewed: Option<CountedReview>,
    /// The agent's full name, from the dialer.
    pub agent_name: Option<String>,
    /// The dialer's talk, wait, wrap, dead and pause seconds.
    pub dialed_s: [Option<i64>; 5],
}

/// A review as the sums take it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CountedReview {
    /// Result of the call.
    pub disposition: Option<String>,
    /// Segments.
    pub positive: i64,
    /// Segments.
    pub negative: i64,
    /// Points of the score card.
    pub points: f64,
    /// Points that could be got.
    pub points_of: f64,
    /// Speech of the agent, of the caller, and of both on one leg, milliseconds.
    pub speech_ms: [Option<i64>; 3],
    /// Silence beyond ordinary pauses, milliseconds.
    pub dead_air_ms: Option<i64>,
    /// Time from the last word to the end of the audio, milliseconds.
    pub silent_end_ms: Option<i64>,
}

impl CountedReview {
    fn all_speech_ms(&self) -> Option<i64> {
        self.speech_ms.iter().flatten().copied().reduce(|one, other| one + other)
    }
}

/// A figure that not every call has: its sum, and over how many calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Sum over the calls that have the figure.
    pub sum: i64,
    /// Number of calls that have the figure.
    pub calls: i64,
}

impl Known {
    fn add(&mut self, value: Option<i64>) {
        if let Some(value) = value {
            self.sum += value;
            self.calls += 1;
        }
    }

    /// The sum; `None` where no call has it.
    pub fn sum(self) -> Option<i64> {
        (self.calls > 0).then_some(self.sum)
    }
}

/// Sums over some calls.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    /// Calls.
    pub calls: i64,
    /// Calls that were reviewed.
    pub reviewed: i64,
    /// Length of their sound, milliseconds.
    pub audio_ms: i64,
    /// Segments.
    pub segments: i64,
    /// Sums over reviewed calls.
    pub positive: i64,
    /// The same.
    pub negative: i64,
    /// Alerts.
    pub alerts: i64,
    /// Number of findings: dispositions that contradict the text.
    pub findings: i64,
    /// Points of the score cards.
    pub points: f64,
    /// Points that could be got.
    pub points_of: f64,
    /// Sum of the calls' mean compounds, and how many have one.
    pub sentiment: (f64, i64),
    /// Talk, wait, wrap, dead and pause seconds of the dialer.
    pub dialed_s: [Known; 5],
    /// Speech of the agent, of the caller, and of both on one leg, milliseconds.
    pub speech_ms: [Known; 3],
    /// Silence beyond ordinary pauses, milliseconds.
    pub dead_air_ms: Known,
    /// Time from the last word to the end of the audio, milliseconds.
    pub silent_end_ms: Known,
    /// The dialer's talk without its dead seconds and without speech, milliseconds; of calls of which both are known.
    pub unspoken_ms: Known,
}

impl Tally {
    fn add(&mut self, call: &CountedCall) {
        self.calls += 1;
        self.audio_ms += call.audio_ms;
        self.segments += call.segments;
        self.alerts += call.alerts;
        self.findings += call.findings;
        if let Some(sentiment) = call.sentiment {
            self.sentiment = (self.sentiment.0 + sentiment, self.sentiment.1 + 1);
        }
        for (sum, value) in self.dialed_s.iter_mut().zip(call.dialed_s) {
            sum.add(value);
        }
        let Some(review) = &call.reviewed else { return };
        self.reviewed += 1;
        self.positive += review.positive;
        self.negative += review.negative;
        self.points += review.points;
        self.points_of += review.points_of;
        for (sum, value) in self.speech_ms.iter_mut().zip(review.speech_ms) {
            sum.add(value);
        }
        self.dead_air_ms.add(review.dead_air_ms);
        self.silent_end_ms.add(review.silent_end_ms);
        self.unspoken_ms.add(unspoken_ms(call.dialed_s[0], call.dialed_s[3], review.all_speech_ms()));
    }

    /// Mean of the calls' mean compounds.
    pub fn mean_sentiment(&self) -> Option<f64> {
        (self.sentiment.1 > 0).then(|| self.sentiment.0 / self.sentiment.1 as f64)
    }

    /// Points got of a hundred.
    pub fn score(&self) -> Option<f64> {
        (self.points_of > 0.0).then(|| self.points / self.points_of * 100.0)
    }
}

/// Time that the dialer counts as talk and in which nobody spoke, milliseconds; `None` where one of the two is not known.
pub fn unspoken_ms(talk_s: Option<i64>, dead_s: Option<i64>, speech_ms: Option<i64>) -> Option<i64> {
    let (talk_s, speech_ms) = talk_s.zip(speech_ms)?;
    Some(((talk_s - dead_s.unwrap_or(0)) * 1000 - speech_ms).max(0))
}

/// A call by how well it went.
#[derive(Clone, Debug, PartialEq)]
pub struct RankedCall {
    /// Public id.
    pub call_id: String,
    /// Time at which the call began.
    pub started: WallTime,
    /// Points got of a hundred.
    pub score: Option<f64>,
    /// Mean compound.
    pub sentiment: Option<f64>,
    /// The mean of both, 0 to 1.
    pub rank: f64,
}

/// Shorter calls are neither good nor bad, segments.
const LEAST_SEGMENTS: i64 = 4;

fn ranked(call: &CountedCall) -> Option<RankedCall> {
    let review = call.reviewed.as_ref()?;
    let score = (review.points_of > 0.0).then(|| review.points / review.points_of * 100.0);
    let parts = [score.map(|score| score / 100.0), call.sentiment.map(|mean| f64::midpoint(mean, 1.0))];
    let known: Vec<f64> = parts.into_iter().flatten().collect();
    if call.segments < LEAST_SEGMENTS || known.is_empty() {
        return None;
    }
    let rank = known.iter().sum::<f64>() / known.len() as f64;
    let started = WallTime(call.started_ms);
    Some(RankedCall { call_id: call.call_id.clone(), started, score, sentiment: call.sentiment, rank })
}

/// The sums of an agent, or of a campaign, with their days and calls.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Group {
    /// The agent's full name, as the dialer told it last.
    pub name: Option<String>,
    /// All calls.
    pub all: Tally,
    /// Sums by local day.
    pub days: BTreeMap<Date, Tally>,
    /// The best call.
    pub best: Option<RankedCall>,
    /// The worst; `None` where it is the best one.
    pub worst: Option<RankedCall>,
}

impl Group {
    fn add(&mut self, call: &CountedCall, day: Date, ranked: Option<&RankedCall>) {
        self.all.add(call);
        self.days.entry(day).or_default().add(call);
        if call.agent_name.is_some() {
            self.name.clone_from(&call.agent_name);
        }
        let Some(ranked) = ranked else { return };
        if self.best.as_ref().is_none_or(|best| ranked.rank > best.rank) {
            self.best = Some(ranked.clone());
        }
        if self.worst.as_ref().is_none_or(|worst| ranked.rank < worst.rank) {
            self.worst = Some(ranked.clone());
        }
    }

    fn done(&mut self) {
        if self.worst == self.best {
            self.worst = None;
        }
    }

    /// Change of a day's mean sentiment from one day to the next, by the line nearest to the days' means; a day counts by its calls. `None` with less
    /// than two days.
    pub fn sentiment_trend(&self) -> Option<f64> {
        let first = self.days.keys().next()?;
        let point = |(day, sums): (&Date, &Tally)| {
            let days = day.since(*first).ok().map(|span| f64::from(span.get_days()))?;
            Some((days, sums.mean_sentiment()?, sums.sentiment.1 as f64))
        };
        let points: Vec<(f64, f64, f64)> = self.days.iter().filter_map(point).collect();
        let weight: f64 = points.iter().map(|(.., calls)| calls).sum();
        let mean = |of: fn(&(f64, f64, f64)) -> f64| points.iter().map(|one| of(one) * one.2).sum::<f64>() / weight;
        let (x, y) = (mean(|one| one.0), mean(|one| one.1));
        let spread: f64 = points.iter().map(|one| one.2 * (one.0 - x).powi(2)).sum();
        let rise: f64 = points.iter().map(|one| one.2 * (one.0 - x) * (one.1 - y)).sum();
        (spread > 0.0).then(|| rise / spread)
    }
}

/// All sums over the calls of a question.
#[derive(Clone, Debug)]
pub struct Statistics {
    zone: TimeZone,
    /// All calls.
    pub all: Group,
    /// Sums by agent; `None` holds calls without a known agent.
    pub agents: BTreeMap<Option<String>, Group>,
    /// Sums by campaign.
    pub campaigns: BTreeMap<Option<String>, Tally>,
    /// Sums by disposition; `None` holds calls without a known one.
    pub dispositions: BTreeMap<Option<String>, Tally>,
    names: [Spellings; 2],
}

/// Names in small letters, each with the first of the spellings that were met: one name is one, as filters see it.
type Spellings = BTreeMap<String, String>;

/// A name in small letters; what was met of its spelling is kept.
fn met(names: &mut Spellings, name: Option<&String>) -> Option<String> {
    let name = name?;
    let small = name.to_lowercase();
    let first = names.entry(small.clone()).or_insert_with(|| name.clone());
    if *name < *first {
        first.clone_from(name);
    }
    Some(small)
}

/// The same groups by the names as they are written.
fn written<T>(groups: BTreeMap<Option<String>, T>, names: &Spellings) -> BTreeMap<Option<String>, T> {
    let name = |small: Option<String>| small.map(|small| names.get(&small).cloned().unwrap_or(small));
    groups.into_iter().map(|(small, group)| (name(small), group)).collect()
}

impl Statistics {
    /// Empty sums; days are those of `zone`.
    pub fn new(zone: TimeZone) -> Self {
        Self {
            zone,
            all: Group::default(),
            agents: BTreeMap::new(),
            campaigns: BTreeMap::new(),
            dispositions: BTreeMap::new(),
            names: <[Spellings; 2]>::default(),
        }
    }

    /// Takes a call in.
    pub fn add(&mut self, call: &CountedCall) {
        let began = Timestamp::from_millisecond(call.started_ms).unwrap_or_default();
        let day = self.zone.to_datetime(began).date();
        let ranked = ranked(call);
        self.all.add(call, day, ranked.as_ref());
        let [agents, campaigns] = &mut self.names;
        let (agent, campaign) = (met(agents, call.agent.as_ref()), met(campaigns, call.campaign.as_ref()));
        self.agents.entry(agent).or_default().add(call, day, ranked.as_ref());
        self.campaigns.entry(campaign).or_default().add(call);
        let disposition = call.reviewed.as_ref().and_then(|review| review.disposition.clone());
        self.dispositions.entry(disposition).or_default().add(call);
    }

    /// All calls are in.
    #[must_use]
    pub fn done(mut self) -> Self {
        let [agents, campaigns] = &self.names;
        self.agents = written(self.agents, agents);
        self.campaigns = written(self.campaigns, campaigns);
        self.all.done();
        self.agents.values_mut().for_each(Group::done);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: i64 = 86_400_000;

    fn call(id: &str, day: i64, sentiment: f64, points: f64) -> CountedCall {
        CountedCall {
            call_id: id.into(),
            agent: Some("1001".into()),
            started_ms: day * DAY_MS,
            audio_ms: 60_000,
            segments: 10,
            sentiment: Some(sentiment),
            reviewed: Some(CountedReview { points, points_of: 100.0, ..CountedReview::default() }),
            ..CountedCall::default()
        }
    }

    fn over(calls: &[CountedCall]) -> Statistics {
        let mut all = Statistics::new(TimeZone::UTC);
        for call in calls {
            all.add(call);
        }
        all.done()
    }

    #[test]
    fn the_best_and_the_worst_call_are_those_by_score_and_sentiment_together() {
        let short = CountedCall { segments: 2, ..call("short", 0, 0.9, 100.0) };
        let calls = [call("good", 0, 0.5, 90.0), call("bad", 1, -0.6, 20.0), call("odd", 2, -0.9, 90.0), short];
        let all = over(&calls).all;
        assert_eq!(all.best.map(|one| one.call_id).as_deref(), Some("good"));
        assert_eq!(all.worst.map(|one| one.call_id).as_deref(), Some("bad"));
        let one = over(&calls[..1]).all;
        assert_eq!((one.best.map(|one| one.call_id).as_deref(), one.worst), (Some("good"), None));
    }

    #[test]
    fn the_trend_is_the_change_of_the_mean_from_day_to_day() {
        let falling = [call("a", 0, 0.6, 0.0), call("b", 1, 0.4, 0.0), call("c", 3, 0.0, 0.0)];
        let trend = over(&falling).all.sentiment_trend().expect("a trend");
        assert!((trend + 0.2).abs() < 1e-9, "{trend}");
        assert_eq!(over(&falling[..1]).all.sentiment_trend(), None);
        assert_eq!(over(&[]).all.sentiment_trend(), None);
    }

    #[test]
    fn talk_of_the_dialer_is_compared_with_speech_where_both_are_known() {
        assert_eq!(unspoken_ms(Some(100), Some(20), Some(30_000)), Some(50_000));
        assert_eq!(unspoken_ms(Some(10), None, Some(30_000)), Some(0));
        assert_eq!((unspoken_ms(None, Some(1), Some(1)), unspoken_ms(Some(1), None, None)), (None, None));
        let mut one = call("a", 0, 0.0, 0.0);
        one.dialed_s = [Some(100), Some(7), Some(9), Some(20), None];
        one.reviewed =
            Some(CountedReview { speech_ms: [Some(20_000), Some(10_000), None], ..CountedReview::default() });
        let all = over(&[one, call("b", 0, 0.0, 0.0)]).all.all;
        assert_eq!(all.unspoken_ms, Known { sum: 50_000, calls: 1 });
        assert_eq!((all.dialed_s[2].sum(), all.dialed_s[4].sum()), (Some(9), None));
        assert_eq!((all.calls, all.mean_sentiment(), all.score()), (2, Some(0.0), Some(0.0)));
    }

    #[test]
    fn a_name_is_one_in_every_case_and_shown_as_its_first_spelling() {
        let of = |agent: &str, campaign: &str| CountedCall {
            agent: Some(agent.into()),
            campaign: Some(campaign.into()),
            ..call("a", 0, 0.0, 0.0)
        };
        let all = over(&[of("mary", "SALES"), of("Mary", "Sales"), of("bob", "SALES"), CountedCall::default()]);
        let agents: Vec<_> = all.agents.iter().map(|(name, group)| (name.as_deref(), group.all.calls)).collect();
        assert_eq!(agents, [(None, 1), (Some("Mary"), 2), (Some("bob"), 1)]);
        let campaigns: Vec<_> = all.campaigns.iter().map(|(name, sums)| (name.as_deref(), sums.calls)).collect();
        assert_eq!(campaigns, [(None, 1), (Some("SALES"), 3)]);
    }

    #[test]
    fn a_day_is_one_of_the_zone() {
        let mut all = Statistics::new(TimeZone::fixed(jiff::tz::offset(-5)));
        all.add(&call("a", 1, 0.0, 0.0));
        assert_eq!(all.all.days.keys().next().map(ToString::to_string).as_deref(), Some("1970-01-01"));
    }
}
