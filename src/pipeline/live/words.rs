//! Takes text from the workers or from another platform: redacts it, analyses it, runs the rules, and stores the result in one transaction.

use serde_json::Value;

use super::conductor::Conductor;
use super::effect::{Answer, Effect};
use super::event::{Now, Said};
use super::measures;
use super::messages;
use super::privacy::Cleaned;
use super::watching::{Origin, TextReader, risk_change};
use crate::alerts;
use crate::call::{CallKey, CallTime, Source, WallTime};
use crate::pipeline::workers::{Job, Written};
use crate::speech::engine::Piece;
use crate::speech::recogniser::Recognition;
use crate::speech::utterance::Found;
use crate::store::change::{CallFigures, Change, NewSegment, TermRow, UtteranceState};
use crate::store::segments::INGESTED;
use crate::text::Analysis;
use crate::text::keywords::TermHit;
use crate::text::rolling::CallRolling;

/// The result of an utterance.
struct Outcome {
    state: UtteranceState,
    note: Option<String>,
    took_ms: i64,
    segments: Vec<NewSegment>,
    /// Its messages and alerts.
    events: Vec<Change>,
    cleaned: Cleaned,
}

impl Conductor {
    /// An utterance has its text, or has none.
    pub(super) fn written(&mut self, written: Written, now: &Now) {
        self.kept(written, None, now);
    }

    /// The same, with what its sender says of its mood.
    fn kept(&mut self, written: Written, sender: Option<f64>, now: &Now) {
        let Written { job, result, engine } = written;
        if let Ok(recognition) = &result {
            self.partials.busy(recognition.took / now.plan.workers.max(1) as u32);
        }
        // A merge may have moved the leg to another call since the utterance was found.
        let Some((key, call)) = self.calls.of_leg_mut(job.leg.key) else { return };
        call.outstanding = call.outstanding.saturating_sub(1);
        let outcome = match result {
            Ok(recognition) => self.read(key, &job, recognition, sender, now),
            Err(problem) => {
                log::error!("call {}: an utterance has no text: {problem}", call.id);
                Outcome {
                    state: UtteranceState::Failed,
                    note: Some(problem),
                    took_ms: 0,
                    segments: Vec::new(),
                    events: Vec::new(),
                    cleaned: Cleaned::default(),
                }
            }
        };
        let Outcome { state, note, took_ms, segments, events, cleaned } = outcome;
        let Some(call) = self.calls.get_mut(key) else { return };
        match state {
            UtteranceState::Empty => {
                call.watch.nothing_said(job.utterance.0);
                call.turns.retain(|turn| turn.utterance != job.utterance.0);
            }
            _ => call.watch.written(job.utterance.0),
        }
        count(&job, state, segments.len());
        let lag_ms = lag_ms(&job, now.wall());
        if let Some(ms) = lag_ms {
            metrics::histogram!("lineside_lag_seconds").record(ms as f64 / 1000.0);
        }
        let has_text = !segments.is_empty();
        let utterance = job.utterance;
        let at = now.wall();
        let mut changes = vec![Change::UtteranceDone { utterance, state, segments, note, engine, took_ms, at, lag_ms }];
        if has_text {
            changes.push(Change::CallFigures { call: key, figures: figures(&call.rolling) });
            changes.push(risk_change(key, &call.watch.risk(&call.rolling)));
        }
        changes.extend(events);
        let silent = self.correct(key, cleaned, &mut changes, now);
        for (leg, _) in &silent {
            self.does(Effect::DropCached(leg.key));
        }
        self.push(changes);
        for (leg, ranges) in silent {
            self.overwrite(&leg, ranges);
        }
    }

    /// Reads what was recognised, piece by piece.
    fn read(&mut self, key: CallKey, job: &Job, recognition: Recognition, sender: Option<f64>, now: &Now) -> Outcome {
        let (analyser, now) = (&now.analyser, now.wall());
        self.watching.renew(analyser);
        let Recognition { pieces, language, dropped, took } = recognition;
        let (mut segments, mut events, mut cleaned) = (Vec::new(), Vec::new(), Cleaned::default());
        let heard = self.calls.of_leg(job.leg.key).map_or(0..0, |(.., leg)| leg.at_ms(job.start)..leg.at_ms(job.end));
        let leg = job.leg.spec.leg;
        let place = (key, job.leg.key, leg, job.utterance);
        let unbelieved = dropped.as_ref().map(|(_, text)| text.as_str());
        let pieces = self.privacy.clean(analyser, place, heard, (pieces, unbelieved), &mut cleaned);
        if let Some(call) = self.calls.get_mut(key) {
            let TextReader { analyser, book } = self.watching.reading(call.campaign.as_deref());
            for (number, piece) in pieces.into_iter().enumerate() {
                let mut analysis = analyser.analyse_in(language.as_deref(), &piece.text, leg);
                if let Some(theirs) = sender.filter(|_| !analyser.can_score(&piece.text, language.as_deref())) {
                    analysis.take_mood(theirs);
                }
                call.rolling.push(leg, analysis.compound());
                let said = alerts::Said {
                    leg,
                    start_ms: piece.start_ms,
                    end_ms: piece.end_ms,
                    text: &piece.text,
                    compound: analysis.compound(),
                    keywords: &analysis.keywords,
                    profanity: &analysis.profanity,
                };
                let alert = call.watch.said(&book, &said, &call.rolling);
                let segment = NewSegment { sender_sentiment: sender, ..segment(piece, &analysis, language.clone()) };
                events.push(messages::sentiment(key, call, leg, &segment, now));
                let origin = Origin::Text(job.utterance, number);
                events.extend(alert.map(|alert| self.watching.raise(key, alert, &origin, now)));
                segments.push(segment);
            }
        }
        Outcome {
            state: if segments.is_empty() { UtteranceState::Empty } else { UtteranceState::Done },
            note: dropped
                .map(|(reason, text)| format!("{}: {}", reason.as_str(), self.privacy.clean_text(analyser, &text))),
            took_ms: took.as_millis() as i64,
            segments,
            events,
            cleaned,
        }
    }

    /// Text of another platform goes the way of what was recognised.
    pub(super) fn said(&mut self, said: Said, now: &Now) {
        let Said { leg, start, text, silence_ms, provider } = said;
        let Some((key, call)) = self.calls.of_leg_mut(leg.key) else { return };
        let TextReader { book, .. } = self.watching.reading(call.campaign.as_deref());
        if self.privacy.is_paused(key) {
            self.answer(Answer::Done); // taken, and not kept
            return;
        }
        let start_ms = call.legs.get(&leg.key).map_or(0, |running| running.at_ms(start));
        if let Some(alert) = silence_ms.and_then(|ms| call.watch.silent(&book, start_ms, ms, &call.rolling)) {
            let risk = risk_change(key, &call.watch.risk(&call.rolling));
            let raised = self.watching.raise(key, alert, &Origin::Time, now.wall());
            self.push(vec![risk, raised]);
        }
        if let Some(text) = text {
            // Its duration is unknown, so it ends where it begins.
            let end = start;
            if let Some(call) = self.calls.get_mut(key) {
                call.audio_ms = call.audio_ms.max(start_ms);
            }
            let found = self.number(leg.key, Found { start, end }, UtteranceState::Pending);
            let Some((utterance, row)) = found else { return };
            let at = now.wall();
            self.push(vec![row, Change::LegGrown { leg: leg.key, samples: end, at }]);
            let job = Job { utterance, leg, start, end, said: at, live: true, vocabulary: None, campaign: None };
            let sender = text.sentiment;
            let result = Ok(text.recognition());
            self.kept(Written { job, result, engine: format!("{INGESTED}{provider}") }, sender, now);
        }
        self.answer(Answer::Done);
    }
}

fn count(job: &Job, state: UtteranceState, segments: usize) {
    let word = match state {
        UtteranceState::Done => "done",
        UtteranceState::Empty => "empty",
        _ => "failed",
    };
    metrics::counter!("lineside_utterances_total", "state" => word).increment(1);
    metrics::counter!("lineside_segments_total").increment(segments as u64);
    // Text of another platform cost nothing here, and is not late.
    if job.leg.spec.source == Source::Ingest {
        return;
    }
    measures::transcribed(job.end - job.start, job.leg.spec.rate_hz);
}

/// Time from its last word to its text, for texts that somebody may have waited for, milliseconds.
fn lag_ms(job: &Job, now: WallTime) -> Option<i64> {
    let leg = &job.leg;
    let goes_on = match leg.spec.source {
        Source::Audiosocket | Source::Eagi => true,
        // A converted or complete recording was not said at the time of its transcription.
        Source::Recording => !leg.audio().owned() && !leg.is_closed(),
        Source::Upload | Source::Ingest => false,
    };
    (job.live && goes_on).then(|| (now.0 - last_word(job).0).max(0))
}

/// Time of an utterance's last word, counted back from the leg's last audio.
fn last_word(job: &Job) -> WallTime {
    let since = job.leg.samples().saturating_sub(job.end) * 1000 / u64::from(job.leg.spec.rate_hz.max(1));
    WallTime(job.leg.last_audio().0 - since as i64)
}

pub(in crate::pipeline) fn segment(piece: Piece, analysis: &Analysis, language: Option<String>) -> NewSegment {
    NewSegment {
        start: CallTime(piece.start_ms),
        end: CallTime(piece.end_ms),
        text: piece.text,
        confidence: (f64::from(piece.confidence) * 1000.0).round() / 1000.0,
        language,
        words: piece.words,
        compound: analysis.compound(),
        sender_sentiment: None,
        pos: analysis.scores.pos,
        neu: analysis.scores.neu,
        neg: analysis.scores.neg,
        label: analysis.label.as_str().into(),
        keywords: terms(&analysis.keywords),
        profanity: terms(&analysis.profanity),
    }
}

pub(in crate::pipeline) fn terms(hits: &[TermHit]) -> Vec<TermRow> {
    hits.iter().map(|hit| TermRow { term: hit.term.clone(), label: hit.label.clone() }).collect()
}

pub(in crate::pipeline) fn figures(rolling: &CallRolling) -> CallFigures {
    let call = &rolling.call;
    CallFigures {
        segments: i64::from(call.segments),
        sentiment: call.mean,
        rolling: call.rolling,
        min: call.min,
        max: call.max,
        consecutive_negative: i64::from(call.consecutive_negative),
        detail: serde_json::to_value(rolling).unwrap_or(Value::Null),
    }
}
