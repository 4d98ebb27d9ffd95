//! Compares the calls that the dialer reports with recordings and texts: a pure function. It gives a row for every call, and one for every recording
//! or text without a call. It does not judge a call that is still going on.

use std::collections::{HashMap, HashSet};

use crate::call::file_name::base_name;
use crate::call::{CallState, Leg, Source, WallTime};
use crate::contract::coverage::{CoverageCall, CoverageState};
use crate::store::coverage::{CallOfDay, HeardCall, HeardSide, RecordingOfDay};

/// A finished recording is moved within this time, milliseconds: ViciDial's script runs every three minutes.
const MOVED_WITHIN_MS: i64 = 15 * 60_000;
/// A dialer's row may come this long after its recording, milliseconds.
const ROW_WITHIN_MS: i64 = 30 * 60_000;
/// Less of it missing is the time that a recorder takes to start and to stop.
const SLACK_S: i64 = 10;
/// A recording with less than this share of its call is much shorter, percent.
const SHARE: i64 = 80;
/// In a call shorter than this, milliseconds, one side may well say nothing.
const BOTH_SPEAK_MS: i64 = 20_000;
/// A file that holds nothing but its header, bytes.
const HEADER: i64 = 100;
/// A name of a recording may come again on another day.
const SAME_NAME_MS: i64 = 12 * 3_600_000;

/// The campaigns and calls that must have a recording.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CoverageRules {
    /// Shorter calls need no recording, seconds.
    pub min_call_s: i64,
    /// Campaigns, in-groups and queues that record nothing by intent.
    pub unrecorded: Vec<String>,
}

/// All that is known of a day.
#[derive(Clone, Debug, Default)]
pub struct DayFacts {
    /// Begin and end of the day.
    pub span: (WallTime, WallTime),
    /// Calls of the dialer.
    pub calls: Vec<CallOfDay>,
    /// Recordings of the dialer.
    pub recordings: Vec<RecordingOfDay>,
    /// Calls of lineside, also from shortly before and after the day.
    pub heard: Vec<HeardCall>,
    /// Time at which the dialer was asked: a younger call may have no row yet.
    pub read: WallTime,
    /// Calls of other campaigns do not exist for the one who asks, though a stage of theirs is of this one.
    pub only: Option<String>,
}

/// Index of lineside's calls by the names that a dialer knows.
struct HeardBy<'a> {
    all: &'a [HeardCall],
    recording: HashMap<i64, Vec<usize>>,
    name: HashMap<&'a str, Vec<usize>>,
    id: HashMap<&'a str, Vec<usize>>,
}

impl<'a> HeardBy<'a> {
    fn of(all: &'a [HeardCall]) -> Self {
        let (mut recording, mut name, mut id) = (HashMap::new(), HashMap::new(), HashMap::new());
        for (place, call) in all.iter().enumerate() {
            if let Some(number) = call.recording_id {
                recording.entry(number).or_insert_with(Vec::new).push(place);
            }
            let files = call.sides.iter().flat_map(|side| side.file.iter().chain(&side.first_file));
            let mut names: Vec<&str> = files.map(|file| base_name(file)).chain([call.call_id.as_str()]).collect();
            names.sort_unstable();
            names.dedup();
            for one in names {
                name.entry(one).or_insert_with(Vec::new).push(place);
            }
            for one in &call.ids {
                id.entry(one.as_str()).or_insert_with(Vec::new).push(place);
            }
        }
        Self { all, recording, name, id }
    }

    /// Those that a recording became; one as a rule.
    fn by_recording(&self, recording: &RecordingOfDay) -> Vec<usize> {
        let by_id = recording.id.and_then(|id| self.recording.get(&id)).into_iter().flatten();
        let is_near = |place: &&usize| (self.all[**place].started.0 - recording.started.0).abs() < SAME_NAME_MS;
        let by_name = self.name.get(recording.name.as_str()).into_iter().flatten().filter(is_near);
        let mut found: Vec<usize> = by_id.chain(by_name).copied().collect();
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// A call with what belongs to it.
struct Case<'a> {
    call: &'a CallOfDay,
    recordings: Vec<&'a RecordingOfDay>,
    heard: Vec<&'a HeardCall>,
    /// Length of its recording, milliseconds; `None` without one.
    recorded_ms: Option<i64>,
}

/// The day's rows, the worst first, then by time.
pub fn compare(facts: &DayFacts, rules: &CoverageRules, now: WallTime) -> Vec<CoverageCall> {
    let by = HeardBy::of(&facts.heard);
    let mut of_call: HashMap<&str, Vec<&RecordingOfDay>> = HashMap::new();
    for recording in &facts.recordings {
        if let Some(call) = &recording.call {
            of_call.entry(call).or_default().push(recording);
        }
    }
    let mut seen: HashSet<usize> = HashSet::new();
    let mut rows: Vec<(WallTime, CoverageCall)> = Vec::with_capacity(facts.calls.len());
    for call in &facts.calls {
        let case = case(call, of_call.remove(call.key.as_str()).unwrap_or_default(), &by, &mut seen);
        let (state, reason) = judge(&case, rules, now);
        rows.push((call.started, row(&case, state, reason, facts.only.as_ref())));
    }
    // The rest belongs to a call of another day, or is an orphan whose call lineside has.
    let strays = of_call.into_values().flatten();
    strays.for_each(|recording| seen.extend(by.by_recording(recording)));
    rows.extend(orphans(facts, &by, &mut seen));
    rows.sort_by(|one, other| {
        (one.1.state, one.0, &one.1.dialer_call).cmp(&(other.1.state, other.0, &other.1.dialer_call))
    });
    rows.into_iter().map(|(_, row)| row).collect()
}

fn case<'a>(
    call: &'a CallOfDay,
    recordings: Vec<&'a RecordingOfDay>,
    by: &HeardBy<'a>,
    seen: &mut HashSet<usize>,
) -> Case<'a> {
    let mut places: Vec<usize> = recordings.iter().flat_map(|recording| by.by_recording(recording)).collect();
    places.sort_unstable();
    places.dedup();
    let mut recorded_ms: Option<i64> = None;
    for place in &places {
        recorded_ms = Some(recorded_ms.unwrap_or(0) + by.all[*place].audio_ms);
    }
    // A channel that was heard may have gone through several stages: of each it has what it heard after the stage began.
    for &place in call.uniqueid.as_deref().and_then(|id| by.id.get(id)).into_iter().flatten() {
        seen.insert(place);
        let heard = &by.all[place];
        let rest_ms = heard.audio_ms - (call.started.0 - heard.started.0).max(0);
        if !places.contains(&place) && (rest_ms > 0 || heard.state == CallState::Active) {
            places.push(place);
            recorded_ms = Some(recorded_ms.unwrap_or(0).max(rest_ms.max(0)));
        }
    }
    seen.extend(&places);
    if places.is_empty() {
        let told: Vec<i64> = recordings.iter().filter_map(|recording| recording.recorded_s).collect();
        recorded_ms = (!told.is_empty()).then(|| told.iter().sum::<i64>() * 1000);
    }
    Case { call, recordings, heard: places.into_iter().map(|place| &by.all[place]).collect(), recorded_ms }
}

type Verdict = (CoverageState, Option<String>);

fn judge(case: &Case<'_>, rules: &CoverageRules, now: WallTime) -> Verdict {
    let Some(expected_s) = case.call.expected_s else {
        return (CoverageState::Running, None);
    };
    if case.heard.iter().any(|heard| heard.state == CallState::Active) {
        return (CoverageState::Waiting, Some("its sound is still coming, or may still come".into()));
    }
    let is_recorded = !case.recordings.is_empty() || !case.heard.is_empty();
    let has_sound = !case.heard.is_empty() || case.recordings.iter().any(|recording| recording.file.is_some());
    if !has_sound && let Some(reason) = not_expected(case.call, expected_s, rules) {
        return (CoverageState::NotExpected, Some(reason));
    }
    if !is_recorded {
        return (CoverageState::Missing, Some("no recording in the dialer's log, and nothing was heard".into()));
    }
    let stuck = case.recordings.iter().find(|recording| is_stuck(recording, now));
    let verdict = if case.heard.is_empty() { not_heard(case) } else { None };
    verdict
        .or_else(|| nothing_in_it(case))
        .or_else(|| too_short(case, expected_s))
        .or_else(|| stuck.map(|recording| stuck_verdict(recording)))
        .or_else(|| outstanding(case))
        .or_else(|| nobody_in_it(case))
        .or_else(|| one_sided(case))
        .unwrap_or((CoverageState::Complete, None))
}

fn not_expected(call: &CallOfDay, expected_s: i64, rules: &CoverageRules) -> Option<String> {
    if call.agent.is_none() {
        return Some("no agent had it".into());
    }
    if expected_s < rules.min_call_s {
        return Some(format!("{expected_s} s, less than [coverage] min_call_s"));
    }
    let campaign = call.campaign.as_ref().filter(|campaign| rules.unrecorded.contains(campaign))?;
    Some(format!("{campaign} is in [coverage] unrecorded"))
}

/// The dialer has a recording that lineside has not.
fn not_heard(case: &Case<'_>) -> Option<Verdict> {
    let recording = case.recordings.iter().find(|recording| recording.file.is_some()).or(case.recordings.first())?;
    let Some((path, bytes)) = &recording.file else {
        let place = recording.server.as_ref().map_or_else(
            || "no file of it is in the folders of [recordings]".to_string(),
            |server| format!("it was made on {server}, and no file of it is here"),
        );
        return Some((
            CoverageState::Missing,
            Some(format!("the dialer's log has the recording {}: {place}", recording.key)),
        ));
    };
    (*bytes <= HEADER).then(|| (CoverageState::Empty, Some(format!("{path} has {bytes} bytes"))))
}

fn is_stuck(recording: &RecordingOfDay, now: WallTime) -> bool {
    recording.is_unmoved && recording.ended.is_some_and(|ended| now.0 - ended.0 > MOVED_WITHIN_MS)
}

fn stuck_verdict(recording: &RecordingOfDay) -> Verdict {
    let path = recording.file.as_ref().map_or(recording.name.as_str(), |(path, _)| path);
    let reason = format!("still at {path}: does AST_CRON_audio_1_move run, and has its target room?");
    (CoverageState::Stuck, Some(reason))
}

fn nothing_in_it(case: &Case<'_>) -> Option<Verdict> {
    let is_silent = !case.heard.is_empty() && case.recorded_ms.is_none_or(|ms| ms < 1000);
    is_silent.then(|| (CoverageState::Empty, Some("the recording has no sound in it".into())))
}

fn nobody_in_it(case: &Case<'_>) -> Option<Verdict> {
    let is_silent = !case.heard.is_empty() && !sides(case).any(|side| side.has_speech);
    is_silent.then(|| (CoverageState::Empty, Some("nobody speaks in the recording".into())))
}

fn too_short(case: &Case<'_>, expected_s: i64) -> Option<Verdict> {
    let recorded_s = case.recorded_ms? / 1000;
    let is_short = expected_s - recorded_s > SLACK_S && recorded_s * 100 < expected_s * SHARE;
    let reason = || format!("{recorded_s} s of {expected_s} s");
    (case.call.agent.is_some() && is_short).then(|| (CoverageState::Short, Some(reason())))
}

fn outstanding(case: &Case<'_>) -> Option<Verdict> {
    if case.heard.is_empty() {
        return Some((CoverageState::Waiting, Some("the file is there, lineside has not taken it".into())));
    }
    let is_waiting = case.heard.iter().any(|heard| heard.is_waiting || heard.state == CallState::ConnectionClosed);
    is_waiting.then(|| (CoverageState::Waiting, Some("its text is waiting in lineside's own queue".into())))
}

fn sides<'a>(case: &'a Case<'_>) -> impl Iterator<Item = &'a HeardSide> {
    case.heard.iter().flat_map(|heard| &heard.sides)
}

/// Whether a file of a pair holds one side: ViciDial's listening recorder writes the whole conference on one, and silence on the other.
fn is_half(side: &HeardSide) -> bool {
    const HALVES: [&str; 3] = ["/MIX/", "/STEREO/", "/monitorS/"];
    let Some(file) = side.first_file.as_ref().or(side.file.as_ref()) else { return side.leg != Leg::Mixed };
    let stem = file.rsplit('/').next().and_then(|name| name.split('.').next()).unwrap_or_default();
    let is_of_a_pair = stem.ends_with("-in") || stem.ends_with("-out");
    if is_of_a_pair { HALVES.iter().any(|folder| file.contains(folder)) } else { side.leg != Leg::Mixed }
}

fn one_sided(case: &Case<'_>) -> Option<Verdict> {
    let is_long = case.heard.iter().any(|heard| heard.audio_ms >= BOTH_SPEAK_MS);
    let has_whole = sides(case).any(|side| side.has_speech && !is_half(side));
    if !is_long || has_whole {
        return None;
    }
    let silent: Vec<Leg> = sides(case).filter(|side| !side.has_speech).map(|side| side.leg).collect();
    let speaking: Vec<Leg> = sides(case).filter(|side| side.has_speech).map(|side| side.leg).collect();
    let nothing_of = match (speaking.as_slice(), silent.first()) {
        ([], _) => return None,
        (_, _) if speaking.contains(&Leg::Agent) && speaking.contains(&Leg::Caller) => return None,
        // Two files of a pair are both heard as what their names say, or the one that speaks as the whole.
        (many, _) if many.len() > 1 => return None,
        (_, Some(&leg)) if leg != Leg::Mixed => leg,
        ([Leg::Agent], _) => Leg::Caller,
        ([Leg::Caller], _) => Leg::Agent,
        _ => return None,
    };
    let who = if nothing_of == Leg::Agent { "agent" } else { "caller" };
    Some((CoverageState::OneSided, Some(format!("nothing of the {who} is to be heard"))))
}

fn row(case: &Case<'_>, state: CoverageState, reason: Option<String>, only: Option<&String>) -> CoverageCall {
    let call = case.call;
    let recording = case.recordings.first();
    let file = recording.map(|one| one.file.as_ref().map_or_else(|| one.name.clone(), |(path, _)| path.clone()));
    let heard = case.heard.first();
    let is_seen = |heard: &&&HeardCall| only.is_none() || heard.campaign.as_ref() == only;
    let of_side = || heard.and_then(|heard| heard.sides.iter().find_map(|side| side.file.clone()));
    CoverageCall {
        state,
        reason,
        started: call.started.rfc3339(),
        expected_seconds: call.expected_s,
        recorded_seconds: case.recorded_ms.map(|ms| ms / 1000),
        agent: call.agent.clone(),
        campaign: call.campaign.clone(),
        dialer_call: Some(call.key.clone()),
        uniqueid: call.uniqueid.clone(),
        recording_id: recording.and_then(|one| one.id),
        recording: file.or_else(of_side),
        call_id: heard.filter(is_seen).map(|heard| heard.call_id.clone()),
    }
}

/// Recordings and texts of the day that no call of the dialer belongs to.
fn orphans(facts: &DayFacts, by: &HeardBy<'_>, seen: &mut HashSet<usize>) -> Vec<(WallTime, CoverageCall)> {
    let is_of_day = |at: WallTime| facts.span.0 <= at && at < facts.span.1;
    let is_settled = |at: WallTime| facts.read.0 - at.0 > ROW_WITHIN_MS;
    let mut rows = Vec::new();
    for recording in facts.recordings.iter().filter(|recording| recording.call.is_none()) {
        let places = by.by_recording(recording);
        let is_new = places.iter().all(|place| !seen.contains(place));
        seen.extend(&places);
        if !is_new || !is_of_day(recording.started) || !is_settled(recording.ended.unwrap_or(facts.read)) {
            continue;
        }
        let heard = places.first().map(|&place| &by.all[place]);
        let row = orphan("the dialer's log has this recording, and no call for it", heard, Some(recording));
        rows.push((recording.started, row));
    }
    for (place, heard) in facts.heard.iter().enumerate() {
        let is_from_here = matches!(heard.source, Source::Audiosocket | Source::Eagi | Source::Recording);
        let ended = WallTime(heard.started.0 + heard.audio_ms);
        let is_over = heard.state != CallState::Active && is_settled(ended);
        if seen.contains(&place) || heard.is_known || !is_from_here || !is_over || !is_of_day(heard.started) {
            continue;
        }
        rows.push((heard.started, orphan("the dialer knows no call and no recording of it", Some(heard), None)));
    }
    rows
}

fn orphan(reason: &str, heard: Option<&HeardCall>, recording: Option<&RecordingOfDay>) -> CoverageCall {
    let of_side = || heard.and_then(|heard| heard.sides.iter().find_map(|side| side.file.clone()));
    let file = recording.map(|one| one.file.as_ref().map_or_else(|| one.name.clone(), |(path, _)| path.clone()));
    let started = recording.map_or_else(|| heard.map_or(WallTime(0), |heard| heard.started), |one| one.started);
    let recorded = heard.map(|heard| heard.audio_ms / 1000).or_else(|| recording.and_then(|one| one.recorded_s));
    CoverageCall {
        state: CoverageState::Orphaned,
        reason: Some(reason.into()),
        started: started.rfc3339(),
        expected_seconds: None,
        recorded_seconds: recorded,
        agent: heard.and_then(|heard| heard.agent.clone()),
        campaign: heard.and_then(|heard| heard.campaign.clone()),
        dialer_call: None,
        uniqueid: None,
        recording_id: recording.and_then(|one| one.id),
        recording: file.or_else(of_side),
        call_id: heard.map(|heard| heard.call_id.clone()),
    }
}

#[cfg(test)]
mod tests;
