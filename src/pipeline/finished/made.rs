//! A call as a whole, computed from its text: for the API and for the stages of a finished call.

use std::collections::BTreeMap;

use super::review::{Desk, day, line};
use super::{evolution, told};
use crate::call::{CallState, Stage};
use crate::contract::processing::{
    CallClassification, ClassificationWindow, CoachingKind, CoachingPrompt, TextPass, TranscriptionMade,
};
use crate::contract::review::{CallDigest, CallInsights, Entities, EntityWindow, ScoreCard};
use crate::contract::seconds;
use crate::store::StoreError;
use crate::store::calls::CallRow;
use crate::store::segments::SegmentRow;
use crate::store::tags::NewTag;
use crate::text::TextAnalyser;
use crate::text::review::ReviewLine;
use crate::text::review::coaching::RaisedObjection;
use crate::text::review::tags::GivenTag;

/// Bytes of a call's text that suffice to recognise its language.
const ENOUGH_TEXT: usize = 20_000;

/// The analysis of a running call in one answer.
pub struct CallProgress {
    /// Entities by kind.
    pub entities: BTreeMap<String, Vec<String>>,
    /// Windows that named something new.
    pub entity_windows: usize,
    /// The classification so far.
    pub classification: CallClassification,
    /// The growth of the classification.
    pub windows: Vec<ClassificationWindow>,
}

/// A text that is analysed by itself.
pub struct Analysed {
    /// The text without what nobody may keep.
    pub text: String,
    /// The summary.
    pub digest: CallDigest,
}

impl Desk {
    /// The score card, and the figures of how the call was spoken.
    pub async fn score_card(&self, call: &CallRow) -> Result<ScoreCard, StoreError> {
        let (card, measures) = self.card(call).await?;
        Ok(told::score_card(&call.call_id, card, measures))
    }

    /// The things that were named, by place.
    pub async fn named(&self, call: &CallRow) -> Result<Entities, StoreError> {
        Ok(told::entities(&call.call_id, &self.entities(call).await?))
    }

    /// The lines that tell the call, with what the evidence makes of it.
    pub async fn digest(&self, call: &CallRow) -> Result<CallDigest, StoreError> {
        let (today, id, phone) = (day(call), call.call_id.clone(), call.phone.clone());
        self.with_lines_in(call, move |analyser, lines, language| {
            let insights = analyser.insights(lines, today, language);
            told::digest(&id, phone.as_deref(), analyser.reviewer().summary(lines), insights)
        })
        .await
    }

    /// Classifies the call.
    pub async fn classified(&self, call: &CallRow) -> Result<CallClassification, StoreError> {
        let today = day(call);
        self.with_lines_in(call, move |analyser, lines, language| {
            told::classification(analyser.insights(lines, today, language))
        })
        .await
    }

    /// The classification of the call as JSON, and the tags of the packs.
    pub(super) async fn classified_with_tags(
        &self,
        call: &CallRow,
    ) -> Result<Option<(String, Vec<NewTag>)>, StoreError> {
        let today = day(call);
        self.with_lines_in(call, move |analyser, lines, language| {
            let insights = analyser.insights(lines, today, language);
            let tags = analyser.reviewer().tags(lines, &insights).into_iter().map(new_tag).collect();
            json(&told::classification(insights)).map(|classified| (classified, tags))
        })
        .await
    }

    /// The insights of the call by the rules.
    pub async fn came_to(&self, call: &CallRow) -> Result<CallInsights, StoreError> {
        let today = day(call);
        self.with_lines_in(call, move |analyser, lines, language| {
            told::digested(analyser.insights(lines, today, language))
        })
        .await
    }

    /// The growth of the entities, line by line.
    pub async fn entity_windows(&self, call: &CallRow) -> Result<Vec<EntityWindow>, StoreError> {
        let (today, started) = (day(call), call.started);
        self.with_lines(call, move |analyser, lines| {
            evolution::entity_windows(&analyser.reviewer().entities(lines, today), started)
        })
        .await
    }

    /// The growth of the classification.
    pub async fn classification_windows(&self, call: &CallRow) -> Result<Vec<ClassificationWindow>, StoreError> {
        let (today, started) = (day(call), call.started);
        self.with_lines_in(call, move |analyser, lines, language| {
            evolution::classification_windows(lines, started, |lines| analyser.insights(lines, today, language))
        })
        .await
    }

    /// All of that in short, for a viewer of the running call.
    pub async fn progress(&self, call: &CallRow) -> Result<CallProgress, StoreError> {
        let (today, started) = (day(call), call.started);
        self.with_lines_in(call, move |analyser, lines, language| {
            let found = analyser.reviewer().entities(lines, today);
            let insights = |lines: &[ReviewLine]| analyser.insights(lines, today, language);
            CallProgress {
                entities: told::by_kind(&found),
                entity_windows: evolution::entity_windows(&found, started).len(),
                classification: told::classification(insights(lines)),
                windows: evolution::classification_windows(lines, started, insights),
            }
        })
        .await
    }

    /// What to say next: to what the caller has objected lately, the newest first; and what is still to be disclosed, while the call runs.
    /// `rows` are the call's segments.
    pub async fn coached(
        &self,
        call: &CallRow,
        rows: Vec<SegmentRow>,
    ) -> Result<(Vec<CoachingPrompt>, Vec<CoachingPrompt>), StoreError> {
        let over = matches!(call.state, CallState::Completed | CallState::Failed);
        self.with_rows(call, rows, move |analyser, lines, _| {
            let answer = |one: RaisedObjection| CoachingPrompt {
                kind: CoachingKind::Objection,
                rule: one.name,
                text: one.say,
                start_time: Some(seconds(one.quote.start_ms)),
            };
            let disclose = |(rule, text): (String, String)| {
                let kind = CoachingKind::Disclosure;
                CoachingPrompt { kind, rule, text, start_time: None }
            };
            let reviewer = analyser.reviewer();
            let due = if over { Vec::new() } else { reviewer.undisclosed(lines) };
            (reviewer.objections(lines).into_iter().map(answer).collect(), due.into_iter().map(disclose).collect())
        })
        .await
    }

    /// Analyses a text that is no call. Blocks for milliseconds.
    pub fn analysed(&self, transcript: &str) -> Analysed {
        let analyser = self.analyser();
        let today = jiff::Zoned::now().date();
        let lines = super::transcript::lines(&analyser, transcript);
        let text = super::transcript::text(&lines);
        let lines: Vec<ReviewLine> = lines.into_iter().map(|line| line.line).collect();
        let said: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
        let insights = analyser.insights(&lines, Some(today), analyser.language_of(&said.join(" ")));
        Analysed { text, digest: told::digest("", None, analyser.reviewer().summary(&lines), insights) }
    }

    /// The result of a stage that needs nothing but rules, as JSON; `None` for the others.
    pub(super) async fn made(&self, call: &CallRow, stage: Stage) -> Result<Option<String>, StoreError> {
        Ok(match stage {
            Stage::Transcription | Stage::Translation | Stage::Classification | Stage::Insights => None,
            Stage::Entities => json(&self.named(call).await?),
            Stage::Summary => json(&self.digest(call).await?),
            Stage::Qa => json(&self.score_card(call).await?),
        })
    }

    /// The packs in use, with their versions.
    pub fn packs(&self) -> Vec<String> {
        self.analyser().packs().to_vec()
    }

    /// The packs that a call is read by, with their versions.
    pub fn packs_of(&self, call: &CallRow) -> Vec<String> {
        self.analyser_of(call).packs().to_vec()
    }

    /// The language of a call's text: what the recogniser says of most of it, else what its small words say.
    pub fn language(&self, rows: &[SegmentRow]) -> Option<String> {
        language(&self.analyser(), rows)
    }

    /// Runs `read` on the call's lines and their language.
    async fn with_lines_in<T: Send + 'static>(
        &self,
        call: &CallRow,
        read: impl FnOnce(&TextAnalyser, &[ReviewLine], Option<&str>) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let rows = self.store().segments(call.key).await?;
        self.with_rows(call, rows, read).await
    }

    /// The same on segments that whoever asks has read.
    async fn with_rows<T: Send + 'static>(
        &self,
        call: &CallRow,
        rows: Vec<SegmentRow>,
        read: impl FnOnce(&TextAnalyser, &[ReviewLine], Option<&str>) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let analyser = self.analyser_of(call);
        self.aside(move || {
            // Only the recogniser's language counts here: for a text of unknown language the analyser knows better whether it can score it.
            let language = spoken(&rows);
            let lines: Vec<ReviewLine> = rows.into_iter().map(line).collect();
            read(&analyser, &lines, language.as_deref())
        })
        .await
    }
}

fn new_tag(given: GivenTag) -> NewTag {
    NewTag { tag: given.name, pack: given.pack, rule: given.rule, reason: given.reason, segments: given.segments }
}

/// The name of a language by its code, `Swahili`.
pub fn language_name(code: &str) -> String {
    crate::speech::language::name(code)
}

/// The language that the recogniser says of most of a text, by its letters.
fn spoken(rows: &[SegmentRow]) -> Option<String> {
    let mut letters: BTreeMap<&str, usize> = BTreeMap::new();
    for row in rows {
        if let Some(language) = row.language.as_deref() {
            *letters.entry(language).or_default() += row.text.len();
        }
    }
    letters.into_iter().max_by_key(|(_, count)| *count).map(|(language, _)| language.to_owned())
}

fn language(analyser: &TextAnalyser, rows: &[SegmentRow]) -> Option<String> {
    spoken(rows).or_else(|| {
        let mut text = String::new();
        for row in rows {
            if text.len() >= ENOUGH_TEXT {
                break;
            }
            text.push_str(&row.text);
            text.push(' ');
        }
        analyser.language_of(&text).map(str::to_owned)
    })
}

/// The result of transcription, with engine and model.
pub(super) fn transcribed(rows: &[SegmentRow], language: Option<String>, pass: TextPass) -> (String, Option<String>) {
    let engine = rows.iter().find_map(|row| row.engine.clone());
    let made = TranscriptionMade { pass, language, segments: rows.len() };
    (json(&made).unwrap_or_default(), engine)
}

pub(super) fn json<T: serde::Serialize>(made: &T) -> Option<String> {
    serde_json::to_string(made).ok()
}
