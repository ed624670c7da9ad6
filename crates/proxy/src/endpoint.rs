//! The table of paths: for each endpoint of the LLM API, where it is and which dialect it speaks.

use llmgw_types::Endpoint;

/// Whose words an endpoint's errors and streams use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// OpenAI's chat, completions and embeddings: `data:` events, `[DONE]` at the end.
    OpenAi,
    /// OpenAI's responses: named events, `response.completed` at the end.
    Responses,
    /// Anthropic's messages: named events, `message_stop` at the end.
    Anthropic,
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// Its path, here and at the model server.
    pub path: &'static str,
    /// Its dialect.
    pub dialect: Dialect,
    /// Whether a stream carries usage only when `stream_options.include_usage` asks for it.
    pub asks_for_stream_usage: bool,
    /// Whether it generates: embeddings have a prompt and no completion.
    pub generates: bool,
}

/// Every endpoint that takes a body, in the order of the reference.
pub const ROUTES: [Route; 5] = [
    Route {
        endpoint: Endpoint::ChatCompletions,
        path: "/v1/chat/completions",
        dialect: Dialect::OpenAi,
        asks_for_stream_usage: true,
        generates: true,
    },
    Route {
        endpoint: Endpoint::Completions,
        path: "/v1/completions",
        dialect: Dialect::OpenAi,
        asks_for_stream_usage: true,
        generates: true,
    },
    Route {
        endpoint: Endpoint::Embeddings,
        path: "/v1/embeddings",
        dialect: Dialect::OpenAi,
        asks_for_stream_usage: false,
        generates: false,
    },
    Route {
        endpoint: Endpoint::Responses,
        path: "/v1/responses",
        dialect: Dialect::Responses,
        asks_for_stream_usage: false,
        generates: true,
    },
    Route {
        endpoint: Endpoint::Messages,
        path: "/v1/messages",
        dialect: Dialect::Anthropic,
        asks_for_stream_usage: false,
        generates: true,
    },
];
