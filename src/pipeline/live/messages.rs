//! The conductor's messages to the feeds, filled in from a call.

use super::call::Call;
use crate::call::{CallKey, Leg, WallTime};
use crate::contract::message::{Message, SegmentSaid, SentimentKind, StepName};
use crate::governor::Step;
use crate::store::change::{Change, NewEvent, NewSegment, TermRow};

/// A message of a call.
pub(super) fn event(key: CallKey, at: WallTime, message: Message) -> Change {
    Change::Event(NewEvent { call: Some(key), at, message })
}

/// The live message of a segment, with the field names that the tutorial's dashboards use.
pub(super) fn sentiment(key: CallKey, call: &Call, leg: Leg, segment: &NewSegment, at: WallTime) -> Change {
    let said = |terms: &[TermRow]| terms.iter().map(|term| term.term.clone()).collect();
    let message = SegmentSaid {
        kind: SentimentKind::It,
        call_id: call.id.to_string(),
        text: segment.text.clone(),
        timestamp: at.rfc3339(),
        start_time: segment.start.seconds(),
        end_time: segment.end.seconds(),
        speaker: leg.into(),
        leg,
        agent: call.agent.clone(),
        sentiment_score: segment.compound,
        sentiment_label: segment.label.clone(),
        sender_sentiment: segment.sender_sentiment,
        confidence: segment.confidence,
        keywords_detected: said(&segment.keywords),
        profanity_detected: said(&segment.profanity),
        rolling_sentiment: call.rolling.call.rolling,
        risk_score: call.watch.risk(&call.rolling).score,
    };
    event(key, at, Message::Segment(Box::new(message)))
}

/// The contract's name of a degradation step.
pub(super) const fn step_name(step: Step) -> StepName {
    match step {
        Step::Full => StepName::Full,
        Step::NoPartialText => StepName::NoPartialText,
        Step::LongerUtterances => StepName::LongerUtterances,
        Step::SmallerModel => StepName::SmallerModel,
        Step::HalfOfTheCalls => StepName::HalfOfTheCalls,
        Step::FewCalls => StepName::FewCalls,
        Step::AfterTheCall => StepName::AfterTheCall,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_goes_out_under_the_word_that_it_has_here() {
        for step in Step::ALL {
            assert_eq!(serde_json::to_value(step_name(step)).ok(), serde_json::to_value(step).ok(), "{step:?}");
        }
    }
}
