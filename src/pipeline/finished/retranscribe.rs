//! Transcribes finished calls again with the present model, prompt and packs, from the audio that is still there.
//!
//! Promises: the old text stays until the new one is complete, and is replaced in one transaction; if anything fails, or the process ends meanwhile,
//! the old text stays. The rows of stages are the queue (`stages.rs`). One call is done at a time, at the lowest urgency. The utterances are the
//! stored ones, or those that the VAD finds anew where that was asked for (`stretches.rs`), and the names of the call go with each. An utterance with
//! silenced audio keeps its text, because its audio is no longer complete. Alerts and risk follow the new text (`realert.rs`); notifications that were
//! sent cannot be recalled. A call on hold is not touched.

mod old_leg;
mod realert;
mod stretches;

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, RwLock};

use tokio::sync::oneshot;

use self::old_leg::{OldLeg, OldLegs};
use self::stretches::{Stretches, VadAgain};
use crate::audio::reader::RecordingReader;
use crate::call::{CallId, CallNames, CallState, Hear, Leg, LegKey, Stage, UtteranceKey, VadRun, WallTime};
use crate::contract::message::{CallRewritten, Message, RewrittenKind};
use crate::pipeline::live::RowNumbers;
use crate::pipeline::live::past_names::{PastNames, names_of_rows};
use crate::pipeline::live::privacy::{AROUND_MS, Cleaned, Privacy, PrivacySettings};
use crate::pipeline::live::silencing;
use crate::pipeline::live::words::{figures, segment};
use crate::pipeline::workers::{Job, Work, Workers, Written};
use crate::speech::engine::Piece;
use crate::speech::queue::Urgency;
use crate::speech::utterance::Listening;
use crate::speech::vocabulary::Vocabulary;
use crate::spool::{LegAudio, LegSpec, SpooledLeg};
use crate::store::calls::{CallRow, LegRow};
use crate::store::change::{Change, NewEvent, UtteranceState};
use crate::store::privacy::PrivacyChange;
use crate::store::rewrite::{NewText, Rewritten, Stretch};
use crate::store::stages::{StageRequest, StageRow};
use crate::store::{Store, StoreError};
use crate::text::TextAnalyser;
use crate::text::rolling::CallRolling;

/// Reason why a call is not transcribed again.
#[derive(Debug, thiserror::Error)]
pub enum RetranscribeError {
    /// It is running, or being written down.
    #[error("the call is not over yet")]
    NotOver,
    /// It is waiting for its turn.
    #[error("the call is being transcribed again already")]
    Already,
    /// It must be kept as it is.
    #[error("the call is on legal hold: it is kept as it is until DELETE /api/v1/calls/ID/hold")]
    Held,
    /// People have worked on its text.
    #[error("people have corrected its text, and a new one would not have that; it stays")]
    Corrected,
    /// The call has no audio any more.
    #[error("the sound of the call is not there any more: {0}; its text stays")]
    NoSound(String),
    /// There is no model.
    #[error("there is no model to transcribe it with; see /health/models")]
    NoModel,
    /// The database said no.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Takes calls that are to be transcribed again, or gone through again without their sound.
#[derive(Clone)]
pub struct RetranscribeQueue {
    store: Store,
    workers: Arc<Workers>,
    now: fn() -> WallTime,
}

/// The rooms that transcribe a call again.
pub struct RetranscribeParts {
    /// The database.
    pub store: Store,
    /// The workers that take the stretches.
    pub workers: Arc<Workers>,
    /// The analyser of texts.
    pub analyser: Arc<RwLock<Arc<TextAnalyser>>>,
    /// Names of calls that are over.
    pub names: PastNames,
    /// The settings of `[privacy]`.
    pub privacy: PrivacySettings,
    /// Which sources are transcribed.
    pub hear: Hear,
    /// The detector of voice activity, and the settings of endpointing.
    pub listening: Listening,
    /// The conductor's row numbers of utterances.
    pub utterances: RowNumbers,
    /// The wall clock.
    pub now: fn() -> WallTime,
}

/// The new text of a call, with everything that depends on it.
struct New {
    text: NewText,
    /// Stretches to be overwritten because the new text has redacted numbers there.
    silent: ToOverwrite,
}

/// Samples that are still to be overwritten.
type ToOverwrite = Vec<(Arc<SpooledLeg>, Vec<Range<u64>>)>;

/// Transcribes calls again, one at a time.
pub struct Retranscriber {
    queue: RetranscribeQueue,
    analyser: Arc<RwLock<Arc<TextAnalyser>>>,
    names: PastNames,
    privacy: PrivacySettings,
    hear: Hear,
    vad: VadAgain,
}

impl RetranscribeQueue {
    /// Makes both ends.
    pub fn new(parts: RetranscribeParts) -> (Self, Retranscriber) {
        let RetranscribeParts { store, workers, analyser, names, privacy, hear, listening, utterances, now } = parts;
        let queue = Self { store, workers, now };
        let vad = VadAgain { listening, numbers: utterances };
        (queue.clone(), Retranscriber { queue, analyser, names, privacy, hear, vad })
    }

    /// Whether a call can be transcribed again; the reason why it cannot.
    pub async fn check(&self, call: &CallRow) -> Result<(), RetranscribeError> {
        if !matches!(call.state, CallState::Completed | CallState::Failed) {
            return Err(RetranscribeError::NotOver);
        }
        if self.store.hold(call.key).await?.is_some() {
            return Err(RetranscribeError::Held);
        }
        if self.store.is_corrected(call.key).await? {
            return Err(RetranscribeError::Corrected);
        }
        if self.store.lacks_sound(call.key).await? {
            return Err(RetranscribeError::NoSound("it was deleted by age".into()));
        }
        let legs = self.store.legs(call.key).await?;
        if legs.is_empty() {
            return Err(RetranscribeError::NoSound("it never had any".into()));
        }
        let looked = tokio::task::spawn_blocking(move || legs.iter().try_for_each(look));
        looked.await.map_err(|_| StoreError::Closed)?.map_err(RetranscribeError::NoSound)?;
        if self.workers.ready_afterwards() { Ok(()) } else { Err(RetranscribeError::NoModel) }
    }

    /// Has a call transcribed again when its turn comes, and all stages after that. Does not wait for it.
    pub async fn ask(&self, call: CallRow, vad: VadRun) -> Result<(), RetranscribeError> {
        self.check(&call).await?;
        self.is_free(&call).await?;
        self.request(&call, Stage::ALL.to_vec(), Some(vad)).await
    }

    /// The same for some stages. A call without sound keeps its text, and the other stages are gone through.
    pub async fn go_through(&self, call: &CallRow, stages: Vec<Stage>, vad: VadRun) -> Result<(), RetranscribeError> {
        if !matches!(call.state, CallState::Completed | CallState::Failed) {
            return Err(RetranscribeError::NotOver);
        }
        let mut again = stages.contains(&Stage::Transcription);
        if again {
            self.is_free(call).await?;
            match self.check(call).await {
                Err(RetranscribeError::NoSound(_)) if stages.len() > 1 => again = false,
                checked => checked?,
            }
        }
        self.request(call, stages, again.then_some(vad)).await
    }

    /// `again`: transcription is done again from the sound, and so is the VAD or not.
    async fn request(
        &self,
        call: &CallRow,
        stages: Vec<Stage>,
        again: Option<VadRun>,
    ) -> Result<(), RetranscribeError> {
        let (again, vad) = (again.is_some(), again.unwrap_or_default());
        let wanted = StageRequest { call: call.key, stages, again, vad, at: (self.now)() };
        Ok(self.store.request_stages(wanted).await?)
    }

    /// Whether a call does not wait to be transcribed again already.
    async fn is_free(&self, call: &CallRow) -> Result<(), RetranscribeError> {
        let waits = |stage: &StageRow| stage.stage == Stage::Transcription && stage.again && stage.state.is_open();
        if self.store.stages(call.key).await?.iter().any(waits) { Err(RetranscribeError::Already) } else { Ok(()) }
    }
}

fn audio_of(row: &LegRow) -> LegAudio {
    if row.owned {
        LegAudio::Spooled { path: (&row.path).into() }
    } else {
        LegAudio::Recording { path: (&row.path).into(), channel: row.channel }
    }
}

/// Whether a leg's sound can be opened. Blocks.
fn look(row: &LegRow) -> Result<(), String> {
    if !row.has_sound() {
        return Err("another platform sent its text alone".into());
    }
    RecordingReader::open(Path::new(&row.path)).map(drop).map_err(|error| format!("{}: {error}", row.path))
}

impl Retranscriber {
    /// Whether a call can be transcribed again; the reason why it cannot.
    pub(super) async fn check(&self, call: &CallRow) -> Result<(), RetranscribeError> {
        self.queue.check(call).await
    }

    /// Transcribes a call again.
    pub(super) async fn again(&self, call: &CallRow, vad: VadRun) -> Result<(), String> {
        let (read, kept) = self.read(call, vad).await?;
        let found = match vad {
            VadRun::Kept => String::new(),
            VadRun::Again => format!(", found anew by {}", self.vad.listening.voice.name()),
        };
        let kept = match kept {
            0 => String::new(),
            kept => format!("; {kept} with silenced sound kept their text"),
        };
        log::info!("call {}: transcribed again: {read} utterances{found}{kept}", call.call_id);
        Ok(())
    }

    /// Transcribes the call. Returns how many utterances have a new text, and how many kept the old one.
    async fn read(&self, call: &CallRow, vad: VadRun) -> Result<(usize, usize), String> {
        let said = |error: StoreError| error.to_string();
        let store = &self.queue.store;
        // The stretches come before the legs: a merge in between moves their times and is noticed at the end.
        let (as_read, stored) = store.stretches(call.key).await.map_err(said)?;
        let legs = self.legs(call).await.map_err(said)?;
        let names = self.names(call).await.map_err(said)?;
        let mut stretches = Stretches::stored(stored, &legs);
        if vad == VadRun::Again {
            stretches = self.vad.find(call.key, &legs, stretches, &self.queue.workers).await?;
        }
        let mut texts = Vec::new();
        for &stretch in &stretches.wanted {
            let Some(leg) = legs.get(&stretch.leg) else { continue };
            // One at a time: a queue that is never empty would leave no time for partial text.
            let written = self.hand_over(call, &stretch, &leg.leg, names.clone()).await;
            texts.push((stretch, written.map_err(|_| "the speech threads have stopped".to_string())?));
        }
        let all = Arc::clone(&self.analyser.read().unwrap_or_else(std::sync::PoisonError::into_inner));
        let analyser = all.of_campaign(call.campaign.as_deref());
        let (read, kept) = (texts.len(), stretches.kept.len());
        let New { text, silent } = self.put_together(call, &legs, &analyser, texts, stretches).await?;
        let (now, segments) = ((self.queue.now)(), text.figures.segments);
        if !store.rewrite(as_read, text, now).await.map_err(said)? {
            return Err(
                "it was heard of again, merged with another, corrected, put on hold or deleted meanwhile; ask again"
                    .into(),
            );
        }
        for (leg, ranges) in silent {
            // Somebody may have played the leg between the silence and its row.
            silencing::drop_cached(&self.privacy.cache, leg.key);
            silencing::overwrite(store, &leg, ranges);
        }
        let message = Message::CallRewritten(CallRewritten {
            kind: RewrittenKind::It,
            event: RewrittenKind::It,
            call_id: call.call_id.clone(),
            timestamp: now.rfc3339(),
            segments,
        });
        let mut changes = realert::changes(store, analyser, call, vad, now).await.map_err(said)?;
        changes.push(Change::Event(NewEvent { call: Some(call.key), at: now, message }));
        store.writer().commit(changes).await.map_err(said)?;
        Ok((read, kept))
    }

    async fn legs(&self, call: &CallRow) -> Result<OldLegs, StoreError> {
        let mut legs = HashMap::new();
        for row in self.queue.store.legs(call.key).await? {
            let spec = LegSpec {
                call: CallId::from_lossy(&call.call_id),
                names: CallNames::default(),
                leg: row.leg,
                source: row.source,
                started: row.started,
                rate_hz: row.rate_hz,
                peer: None,
            };
            let leg = SpooledLeg::recovered(row.key, spec, audio_of(&row), row.samples as u64);
            let rows = self.queue.store.silences(row.key).await?;
            let silences: Vec<_> = rows.into_iter().map(|silence| (silence.start, silence.end)).collect();
            for &(start, end) in &silences {
                leg.silences().add(start, end);
            }
            let old = OldLeg { leg: Arc::new(leg), offset_ms: row.offset_ms, heard: row.heard, silences };
            legs.insert(row.key, old);
        }
        Ok(legs)
    }

    /// The names that are likely to be said on the call: those that were known while it ran, else those that its rows hold.
    async fn names(&self, call: &CallRow) -> Result<Option<Arc<Vocabulary>>, StoreError> {
        if let Some(names) = self.names.of(call.key) {
            return Ok(Some(names));
        }
        let dialer = self.queue.store.told_by_dialer(call.key).await?;
        let agent_name = dialer.as_ref().and_then(|row| row.facts.agent_name.as_deref());
        Ok(names_of_rows(agent_name, call.campaign.as_deref(), &call.metadata))
    }

    fn hand_over(
        &self,
        call: &CallRow,
        stretch: &Stretch,
        leg: &Arc<SpooledLeg>,
        vocabulary: Option<Arc<Vocabulary>>,
    ) -> oneshot::Receiver<Written> {
        let (answer, written) = oneshot::channel();
        let now = (self.queue.now)();
        let job = Job {
            utterance: stretch.key,
            leg: Arc::clone(leg),
            start: stretch.start_sample,
            end: stretch.end_sample,
            said: now,
            live: false,
            vocabulary,
            campaign: call.campaign.as_deref().map(Into::into),
        };
        self.queue.workers.queue.push(Urgency::PostCall, now, Work::Retranscribe(Box::new(job), answer));
        written
    }

    /// Redacts the new text, analyses it with the present packs, and adds figures and the kept parts of the old text.
    async fn put_together(
        &self,
        call: &CallRow,
        legs: &OldLegs,
        analyser: &TextAnalyser,
        mut texts: Vec<(Stretch, Written)>,
        stretches: Stretches,
    ) -> Result<New, String> {
        let now = (self.queue.now)();
        let mut privacy = Privacy::new(self.privacy.clone());
        let mut cleaned = Cleaned::default();
        texts.sort_by_key(|(stretch, ..)| stretch.start_ms);
        let mut by_utterance: HashMap<UtteranceKey, usize> = HashMap::new();
        let mut read: Vec<(Rewritten, Leg, Vec<Piece>, Option<String>)> = Vec::new();
        for (stretch, written) in texts {
            let side = legs.get(&stretch.leg).map_or(Leg::Mixed, |old| old.leg.spec.leg);
            let recognition = written.result?;
            let place = (call.key, stretch.leg, side, stretch.key);
            let length = legs.get(&stretch.leg).map_or(0, |old| old.length_ms(&stretch));
            let heard = stretch.start_ms..stretch.start_ms + length;
            let unbelieved = recognition.dropped.as_ref().map(|(_, text)| text.as_str());
            let pieces = privacy.clean(analyser, place, heard, (recognition.pieces, unbelieved), &mut cleaned);
            // Earlier lines are corrected in place: none of them is stored yet.
            for (_, redacted) in std::mem::take(&mut cleaned.corrected) {
                let place = by_utterance.get(&UtteranceKey(redacted.id.utterance)).copied();
                let piece = place.and_then(|at| read.get_mut(at)).and_then(|one| one.2.get_mut(redacted.id.number));
                if let Some(piece) = piece {
                    (piece.text, piece.words) = (redacted.text, redacted.words);
                }
            }
            let note = recognition
                .dropped
                .map(|(reason, text)| format!("{}: {}", reason.as_str(), privacy.clean_text(analyser, &text)));
            let rewritten = Rewritten {
                utterance: stretch.key,
                state: if pieces.is_empty() { UtteranceState::Empty } else { UtteranceState::Done },
                segments: Vec::new(),
                note,
                engine: written.engine,
                took_ms: recognition.took.as_millis() as i64,
            };
            by_utterance.insert(stretch.key, read.len());
            read.push((rewritten, side, pieces, recognition.language));
        }
        let mut said: Vec<(i64, Leg, Option<f64>)> = self
            .queue
            .store
            .compounds(call.key)
            .await
            .map_err(|error| error.to_string())?
            .into_iter()
            .filter(|kept| !stretches.replaces(kept.utterance))
            .map(|kept| (kept.start_ms, kept.leg, kept.compound))
            .collect();
        let mut rewritten = Vec::new();
        for (mut text, side, pieces, language) in read {
            for piece in pieces {
                let analysis = analyser.analyse_in(language.as_deref(), &piece.text, side);
                said.push((piece.start_ms, side, analysis.compound()));
                text.segments.push(segment(piece, &analysis, language.clone()));
            }
            rewritten.push(text);
        }
        said.sort_by_key(|(start_ms, ..)| *start_ms);
        let mut rolling = CallRolling::default();
        for (_, leg, compound) in &said {
            rolling.push(*leg, *compound);
        }
        let (silences, silent) = silences(&self.privacy, legs, everywhere(self.hear, legs, cleaned.silent), now);
        let Stretches { gone, found, .. } = stretches;
        let text = NewText { gone, found, texts: rewritten, figures: figures(&rolling), silences };
        Ok(New { text, silent })
    }
}

/// The stretches, in the call's time, and the same on every other leg that has the voice: what was found on one source is to be heard on none. Where each
/// source has its own text, it is silenced by that.
fn everywhere(hear: Hear, legs: &OldLegs, stretches: Vec<(LegKey, Range<i64>)>) -> Vec<(LegKey, Range<i64>)> {
    if hear == Hear::All {
        return stretches;
    }
    let mut all = Vec::new();
    for (key, range) in stretches {
        if let Some(own) = legs.get(&key).map(|leg| &leg.leg.spec).filter(|own| own.source.is_of_pbx()) {
            let others = legs.values().filter(|other| other.leg.key != key && other.leg.spec.holds_voice(own.leg));
            all.extend(others.map(|other| (other.leg.key, range.start - AROUND_MS..range.end + AROUND_MS)));
        }
        all.push((key, range));
    }
    all
}

/// Stretches that are to be silent, given in the call's time: their rows, and what is to be overwritten.
fn silences(
    settings: &PrivacySettings,
    legs: &OldLegs,
    stretches: Vec<(LegKey, Range<i64>)>,
    now: WallTime,
) -> (Vec<PrivacyChange>, ToOverwrite) {
    let mut silences = Vec::new();
    let mut silent = ToOverwrite::new();
    for (key, range) in stretches {
        let Some(old) = legs.get(&key) else { continue };
        let range = old.sample_at(range.start)..old.sample_at(range.end);
        if range.is_empty() {
            continue;
        }
        silencing::drop_cached(&settings.cache, key);
        let rows = Privacy::silence(&old.leg, std::slice::from_ref(&range), now).into_iter();
        silences.extend(rows.filter_map(|row| if let Change::Privacy(row) = row { Some(row) } else { None }));
        match silent.iter_mut().find(|(other, _)| other.key == key) {
            Some((_, ranges)) => ranges.push(range),
            None => silent.push((Arc::clone(&old.leg), vec![range])),
        }
    }
    (silences, silent)
}

#[cfg(test)]
mod tests;
