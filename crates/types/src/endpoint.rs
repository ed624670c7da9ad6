//! The endpoints of the LLM API, by name. Their paths and dialects stand in the proxy's table.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One endpoint of the LLM API. New ones come last: the journal keeps them by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// `POST /v1/chat/completions`
    ChatCompletions,
    /// `POST /v1/completions`
    Completions,
    /// `POST /v1/embeddings`
    Embeddings,
    /// `POST /v1/responses`
    Responses,
    /// `POST /v1/messages`
    Messages,
    /// `POST /v1/messages/count_tokens` and its likes in other dialects
    CountTokens,
    /// `POST /v1/rerank`, `/rerank` and `/v2/rerank`
    Rerank,
    /// `POST /v1/score`
    Score,
    /// `POST /v1/moderations`
    Moderations,
    /// `POST /v1/tokenize`, and `/extras/tokenize/count`
    Tokenize,
    /// `POST /v1/detokenize`
    Detokenize,
    /// `POST /v1/images/generations`
    ImageGenerations,
    /// `POST /v1/images/edits`
    ImageEdits,
    /// `POST /v1/images/variations`
    ImageVariations,
    /// `POST /v1/audio/speech`
    AudioSpeech,
    /// `POST /v1/audio/transcriptions`
    AudioTranscriptions,
    /// `POST /v1/audio/translations`
    AudioTranslations,
    /// `GET /v1/realtime`, a WebSocket
    Realtime,
}

impl Endpoint {
    /// Every endpoint, in the order of the reference.
    pub const ALL: [Self; 18] = [
        Self::ChatCompletions,
        Self::Completions,
        Self::Embeddings,
        Self::Responses,
        Self::Messages,
        Self::CountTokens,
        Self::Rerank,
        Self::Score,
        Self::Moderations,
        Self::Tokenize,
        Self::Detokenize,
        Self::ImageGenerations,
        Self::ImageEdits,
        Self::ImageVariations,
        Self::AudioSpeech,
        Self::AudioTranscriptions,
        Self::AudioTranslations,
        Self::Realtime,
    ];

    /// The word used in JSON, stores and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ChatCompletions => "chat_completions",
            Self::Completions => "completions",
            Self::Embeddings => "embeddings",
            Self::Responses => "responses",
            Self::Messages => "messages",
            Self::CountTokens => "count_tokens",
            Self::Rerank => "rerank",
            Self::Score => "score",
            Self::Moderations => "moderations",
            Self::Tokenize => "tokenize",
            Self::Detokenize => "detokenize",
            Self::ImageGenerations => "image_generations",
            Self::ImageEdits => "image_edits",
            Self::ImageVariations => "image_variations",
            Self::AudioSpeech => "audio_speech",
            Self::AudioTranscriptions => "audio_transcriptions",
            Self::AudioTranslations => "audio_translations",
            Self::Realtime => "realtime",
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Endpoint {
    type Err = UnknownEndpoint;

    fn from_str(text: &str) -> Result<Self, UnknownEndpoint> {
        Self::ALL
            .into_iter()
            .find(|endpoint| endpoint.as_str() == text)
            .ok_or_else(|| UnknownEndpoint(text.chars().take(64).collect()))
    }
}

/// The text names no endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an endpoint: {all}", all = names())]
pub struct UnknownEndpoint(String);

fn names() -> String {
    Endpoint::ALL.map(Endpoint::as_str).join(", ")
}
