//! The stored result of the insights stage: what the rules say of a finished call, and beside it what a language model says of it.
//!
//! The rules come first and stay whatever the model says. From the model's answer only what the call backs is stored (`text/review/outside.rs`), or
//! the reason why there is nothing.

use std::sync::Arc;

use super::review::Desk;
use super::review::outside::{ToldCall, ToldMood};
use crate::contract::review::{InsightsMade, ModelInsights, ToldSentiment};
use crate::store::StoreError;
use crate::store::calls::CallRow;
use crate::text::review::ReviewLine;

/// A language model that tells what came of a call.
pub trait TellCall: Send + Sync {
    /// The model's name.
    fn model(&self) -> &str;

    /// Asks about a call. The error is one line. Blocks, for minutes where the model is slow.
    fn tell(&self, lines: &[ReviewLine]) -> Result<ToldCall, String>;
}

impl Desk {
    /// The insights of the call by the rules and, where there is one, by a language model. It is not asked about a call without text.
    pub(super) async fn came_to_with(
        &self,
        call: &CallRow,
        model: Option<Arc<dyn TellCall>>,
    ) -> Result<InsightsMade, StoreError> {
        let insights = self.came_to(call).await?;
        let Some(model) = model else { return Ok(InsightsMade { insights, language_model: None }) };
        let told = self.with_lines(call, move |_, lines| {
            let is_said = lines.iter().any(|line| !line.text.trim().is_empty());
            is_said.then(|| said(model.model(), model.tell(lines)))
        });
        Ok(InsightsMade { insights, language_model: told.await? })
    }
}

fn said(by: &str, told: Result<ToldCall, String>) -> ModelInsights {
    let by = by.to_owned();
    match told {
        Ok(ToldCall { customer_intent, sentiment, action_required, summary, dropped }) => {
            let sentiment = match sentiment {
                ToldMood::Positive => ToldSentiment::Positive,
                ToldMood::Neutral => ToldSentiment::Neutral,
                ToldMood::Negative => ToldSentiment::Negative,
            };
            ModelInsights::Told { by, customer_intent, sentiment, action_required, summary, dropped }
        }
        Err(reason) => ModelInsights::Failed { by, reason },
    }
}
