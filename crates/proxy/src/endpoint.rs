//! The table of paths: for each path of the LLM API, whose words it speaks, where it names its model, what it
//! uses and so how that is estimated and metered. What is not in it is not served.

use llmgw_types::Endpoint::{
    self, AudioSpeech, AudioTranscriptions, AudioTranslations, ChatCompletions, Completions, CountTokens,
    Detokenize, Embeddings, ImageEdits, ImageGenerations, ImageVariations, Messages, Moderations, Realtime,
    Rerank, Responses, Score, Tokenize,
};

/// Whose words an endpoint's errors and streams use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// OpenAI's chat, completions and embeddings: `data:` events, `[DONE]` at the end.
    OpenAi,
    /// OpenAI's responses: named events, `response.completed` at the end.
    Responses,
    /// OpenAI's audio and images: named events, one that ends in `.done` or `.completed` for each answer; of some
    /// servers `[DONE]`.
    Media,
    /// Anthropic's messages: named events, `message_stop` at the end.
    Anthropic,
}

/// The method of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the methods of HTTP")]
pub enum Method {
    Get,
    Post,
    Delete,
}

/// Where a request says which model it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelAt {
    /// In the field or part `model` of its body.
    Body,
    /// There too, but it may be missing where the key may use one model only that serves the endpoint.
    BodyIfAny,
    /// Nowhere: its path names an answer, and whoever made that has it.
    Answer,
    /// In `model` of its query, which may be missing as above. It asks for a WebSocket and has no body.
    Query,
}

/// What may stand in a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A JSON object.
    Json,
    /// A form of parts, files among them (RFC 7578).
    Form,
    /// One or the other.
    JsonOrForm,
}

/// What a request uses of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uses {
    /// A prompt, and an answer of text.
    Answer,
    /// A prompt; of what comes out, only what the model server reports.
    Prompt,
    /// Nothing that is counted.
    Nothing,
}

/// Whether a model server keeps an answer, so that it can be asked for again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeps {
    /// It does not.
    No,
    /// Where `store` says so.
    IfAsked,
    /// Where `store` does not say no.
    UnlessAsked,
}

/// What is counted of a request besides tokens, in `units` of its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counts {
    /// Nothing.
    Nothing,
    /// How many texts it wants embedded.
    Inputs,
    /// How many documents it wants ranked or compared.
    Documents,
    /// How many pictures it asks for.
    Images,
    /// Seconds of sound: as the model server reports them, else estimated from the size of the file.
    Seconds,
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// Its method.
    pub method: Method,
    /// Its path here; `{id}` stands for the id of an answer.
    pub path: &'static str,
    /// Its path at the model server.
    pub upstream_path: &'static str,
    /// Its dialect.
    pub dialect: Dialect,
    /// What its body may be.
    pub format: Format,
    /// Where its model is.
    pub model: ModelAt,
    /// What it uses.
    pub uses: Uses,
    /// What else is counted.
    pub counts: Counts,
    /// Whether a stream carries usage only when `stream_options.include_usage` asks for it.
    pub asks_for_stream_usage: bool,
    /// Whether its answers are kept.
    pub keeps: Keeps,
}

/// Every path that goes on to a model server, in the order of the reference. Where two would match, the first does.
#[rustfmt::skip]
pub const ROUTES: [Route; 36] = [
    post("/v1/chat/completions", ChatCompletions, Uses::Answer).asking().keeping(Keeps::IfAsked),
    post("/v1/chat/completions/input_tokens", CountTokens, Uses::Nothing),
    about("/v1/chat/completions/{id}", Method::Get, ChatCompletions),
    about("/v1/chat/completions/{id}", Method::Post, ChatCompletions),
    about("/v1/chat/completions/{id}", Method::Delete, ChatCompletions),
    about("/v1/chat/completions/{id}/messages", Method::Get, ChatCompletions),
    post("/v1/completions", Completions, Uses::Answer).asking(),
    post("/v1/embeddings", Embeddings, Uses::Prompt).counting(Counts::Inputs),
    post("/v1/responses", Responses, Uses::Answer).in_words_of(Dialect::Responses).model_if_any().keeping(Keeps::UnlessAsked),
    post("/v1/responses/input_tokens", CountTokens, Uses::Nothing).in_words_of(Dialect::Responses).model_if_any(),
    post("/v1/responses/compact", Responses, Uses::Answer).in_words_of(Dialect::Responses),
    about("/v1/responses/{id}", Method::Get, Responses),
    about("/v1/responses/{id}", Method::Delete, Responses),
    about("/v1/responses/{id}/cancel", Method::Post, Responses),
    about("/v1/responses/{id}/input_items", Method::Get, Responses),
    post("/v1/messages", Messages, Uses::Answer).in_words_of(Dialect::Anthropic),
    post("/v1/messages/count_tokens", CountTokens, Uses::Nothing).in_words_of(Dialect::Anthropic),
    post("/v1/rerank", Rerank, Uses::Prompt).counting(Counts::Documents),
    post("/v2/rerank", Rerank, Uses::Prompt).counting(Counts::Documents),
    post("/rerank", Rerank, Uses::Prompt).counting(Counts::Documents),
    post("/v1/score", Score, Uses::Prompt).counting(Counts::Documents),
    post("/score", Score, Uses::Prompt).counting(Counts::Documents),
    post("/v1/moderations", Moderations, Uses::Prompt).model_if_any(),
    post("/v1/tokenize", Tokenize, Uses::Nothing).model_if_any().at("/tokenize"),
    post("/tokenize", Tokenize, Uses::Nothing).model_if_any(),
    post("/v1/detokenize", Detokenize, Uses::Nothing).model_if_any().at("/detokenize"),
    post("/detokenize", Detokenize, Uses::Nothing).model_if_any(),
    post("/v1/extras/tokenize/count", Tokenize, Uses::Nothing).model_if_any().at("/extras/tokenize/count"),
    post("/extras/tokenize/count", Tokenize, Uses::Nothing).model_if_any(),
    post("/v1/images/generations", ImageGenerations, Uses::Prompt).in_words_of(Dialect::Media).model_if_any().counting(Counts::Images),
    post("/v1/images/edits", ImageEdits, Uses::Prompt).in_words_of(Dialect::Media).model_if_any().of(Format::JsonOrForm).counting(Counts::Images),
    post("/v1/images/variations", ImageVariations, Uses::Prompt).in_words_of(Dialect::Media).model_if_any().of(Format::Form).counting(Counts::Images),
    post("/v1/audio/speech", AudioSpeech, Uses::Prompt).in_words_of(Dialect::Media),
    post("/v1/audio/transcriptions", AudioTranscriptions, Uses::Answer).in_words_of(Dialect::Media).of(Format::Form).counting(Counts::Seconds),
    post("/v1/audio/translations", AudioTranslations, Uses::Answer).in_words_of(Dialect::Media).of(Format::Form).counting(Counts::Seconds),
    socket("/v1/realtime", Realtime),
];

const fn post(path: &'static str, endpoint: Endpoint, uses: Uses) -> Route {
    Route {
        endpoint,
        method: Method::Post,
        path,
        upstream_path: path,
        dialect: Dialect::OpenAi,
        format: Format::Json,
        model: ModelAt::Body,
        uses,
        counts: Counts::Nothing,
        asks_for_stream_usage: false,
        keeps: Keeps::No,
    }
}

// What is asked about an answer that is kept. Who made it was charged then.
const fn about(path: &'static str, method: Method, endpoint: Endpoint) -> Route {
    let dialect = match endpoint {
        Responses => Dialect::Responses,
        _ => Dialect::OpenAi,
    };
    let model = ModelAt::Answer;
    Route {
        method,
        model,
        dialect,
        ..post(path, endpoint, Uses::Nothing)
    }
}

const fn socket(path: &'static str, endpoint: Endpoint) -> Route {
    Route {
        method: Method::Get,
        model: ModelAt::Query,
        ..post(path, endpoint, Uses::Answer)
    }
}

impl Route {
    const fn at(mut self, upstream_path: &'static str) -> Self {
        self.upstream_path = upstream_path;
        self
    }

    const fn in_words_of(mut self, dialect: Dialect) -> Self {
        self.dialect = dialect;
        self
    }

    const fn of(mut self, format: Format) -> Self {
        self.format = format;
        self
    }

    const fn model_if_any(mut self) -> Self {
        self.model = ModelAt::BodyIfAny;
        self
    }

    const fn counting(mut self, counts: Counts) -> Self {
        self.counts = counts;
        self
    }

    const fn asking(mut self) -> Self {
        self.asks_for_stream_usage = true;
        self
    }

    const fn keeping(mut self, keeps: Keeps) -> Self {
        self.keeps = keeps;
        self
    }

    /// Whether a model writes text in answer to it.
    pub(crate) const fn generates(&self) -> bool {
        matches!(self.uses, Uses::Answer)
    }

    /// Whether nothing it does is counted in tokens.
    pub(crate) const fn is_free(&self) -> bool {
        matches!(self.uses, Uses::Nothing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_and_a_path_stand_once() {
        for (at, route) in ROUTES.iter().enumerate() {
            let twin = |other: &&Route| other.path == route.path && other.method == route.method;
            assert_eq!(ROUTES.iter().filter(twin).count(), 1, "{route:?}");
            let id = route.path.contains("{id}");
            assert_eq!(id, route.model == ModelAt::Answer, "{route:?}");
            let hides = |earlier: &Route| earlier.path != route.path && matches(earlier.path, route.path);
            assert!(!ROUTES[..at].iter().any(hides), "{route:?} is never reached");
        }
    }

    fn matches(pattern: &str, path: &str) -> bool {
        let (pattern, path): (Vec<_>, Vec<_>) = (pattern.split('/').collect(), path.split('/').collect());
        let same = |(pattern, part): (&&str, &&str)| pattern == part || *pattern == "{id}";
        pattern.len() == path.len() && pattern.iter().zip(&path).all(same)
    }

    #[test]
    fn every_endpoint_has_a_path() {
        for endpoint in Endpoint::ALL {
            assert!(
                ROUTES.iter().any(|route| route.endpoint == endpoint),
                "{endpoint}"
            );
        }
    }
}
