//! What the journal notes about a request while it runs.

use std::time::Duration;

use llmgw_types::{
    Endpoint, GroupName, KeyId, ModelId, Price, RequestId, TargetId, Timestamp, TokenSource, TokenUsage,
    UserId,
};
use serde::{Deserialize, Serialize};

use crate::ledger::{End, UsageRecord};

/// Noted before the model server is called: enough to charge the request if nothing else comes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenEntry {
    /// The request.
    pub id: RequestId,
    /// When it was admitted.
    pub time: Timestamp,
    /// The key it came with.
    pub key: KeyId,
    /// Who pays.
    pub user: UserId,
    /// The user's groups.
    pub groups: Vec<GroupName>,
    /// The public model.
    pub model: ModelId,
    /// The target it will be sent to first.
    pub target: Option<TargetId>,
    /// Which endpoint.
    pub endpoint: Endpoint,
    /// Whether the client asked for a stream.
    pub streamed: bool,
    /// Prompt tokens as estimated at admission.
    pub prompt_estimate: u64,
    /// The prices at that time. Last: the journal keeps an entry by the order of its fields.
    pub price: Price,
}

/// Noted at most once a second while an answer runs; a later note replaces the earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Tokens known or seen so far.
    pub tokens: TokenUsage,
    /// Who says so.
    pub source: TokenSource,
    /// Status sent to the client.
    pub status: u16,
    /// Whether the answer was seen to its end, and only its count is missing.
    pub ended: bool,
    /// Milliseconds from admission to this note.
    pub elapsed_ms: u32,
    /// Milliseconds from admission to the first byte of the answer.
    pub ttft_ms: Option<u32>,
}

impl OpenEntry {
    /// The record of this request when its process died: charged its prompt and what was last seen.
    #[must_use]
    pub fn crashed(self, progress: Option<&Progress>) -> UsageRecord {
        let estimate = TokenUsage {
            prompt: self.prompt_estimate,
            ..TokenUsage::default()
        };
        let mut tokens = progress.map_or(estimate, |seen| seen.tokens);
        tokens.prompt = if tokens.prompt == 0 {
            self.prompt_estimate
        } else {
            tokens.prompt
        };
        let ended = progress.is_some_and(|seen| seen.ended);
        UsageRecord {
            id: self.id,
            time: self.time,
            key: self.key,
            user: self.user,
            groups: self.groups,
            model: self.model,
            target: self.target,
            endpoint: self.endpoint,
            status: progress.map_or(0, |seen| seen.status),
            streamed: self.streamed,
            end: if ended { End::Complete } else { End::Crashed },
            tokens,
            source: progress.map_or(TokenSource::Estimated, |seen| seen.source),
            cost: self.price.cost(&tokens),
            ttft_ms: progress.and_then(|seen| seen.ttft_ms),
            duration_ms: progress.map_or(0, |seen| seen.elapsed_ms),
            units: 0,
        }
    }
}

/// A duration in whole milliseconds, as records hold it.
#[must_use]
pub fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}
