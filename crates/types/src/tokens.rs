//! Tokens of one request, and how we know them.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

/// Tokens of one request, or a sum of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TokenUsage {
    /// Everything that went in, cached tokens included.
    pub prompt: u64,
    /// The part of `prompt` that the model server had cached.
    pub cached: u64,
    /// Everything that came out, reasoning included.
    pub completion: u64,
    /// The part of `completion` that was reasoning.
    pub reasoning: u64,
}

impl TokenUsage {
    /// Prompt and completion together: what a limit on tokens counts.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.prompt.saturating_add(self.completion)
    }
}

impl AddAssign for TokenUsage {
    fn add_assign(&mut self, other: Self) {
        self.prompt = self.prompt.saturating_add(other.prompt);
        self.cached = self.cached.saturating_add(other.cached);
        self.completion = self.completion.saturating_add(other.completion);
        self.reasoning = self.reasoning.saturating_add(other.reasoning);
    }
}

/// Who says how many tokens it were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenSource {
    /// The model server reported them in its answer.
    Reported,
    /// The model server's tokenizer counted the prompt; the completion is what was seen.
    Counted,
    /// Derived from sizes; nothing better was to be had.
    Estimated,
}

impl TokenSource {
    /// The word used in JSON and in stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reported => "reported",
            Self::Counted => "counted",
            Self::Estimated => "estimated",
        }
    }
}

impl std::str::FromStr for TokenSource {
    type Err = UnknownTokenSource;

    fn from_str(text: &str) -> Result<Self, UnknownTokenSource> {
        [Self::Reported, Self::Counted, Self::Estimated]
            .into_iter()
            .find(|source| source.as_str() == text)
            .ok_or_else(|| UnknownTokenSource(text.chars().take(64).collect()))
    }
}

/// The text names no source of tokens.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a source of tokens: reported, counted or estimated")]
pub struct UnknownTokenSource(String);
