//! What a model server says about tokens, in all its dialects. The last figure that is not null wins; figures
//! are never added up.

use llmgw_types::TokenUsage;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

/// A `usage` object. Fields of three dialects; none of them has all.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub(crate) struct RawUsage {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    prompt_tokens_details: Option<Details>,
    completion_tokens_details: Option<Details>,
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    // Realtime and transcriptions say `token`.
    #[serde(alias = "input_token_details")]
    input_tokens_details: Option<Details>,
    #[serde(alias = "output_token_details")]
    output_tokens_details: Option<Details>,
    cache_read_input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    // Of reranks and scores sometimes all there is.
    total_tokens: Option<u64>,
    // Of sound, where its length is what is counted.
    seconds: Option<f64>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
struct Details {
    cached_tokens: Option<u64>,
    reasoning_tokens: Option<u64>,
}

/// llama.cpp's own report: in the finish chunk of every stream that was not asked for usage.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Timings {
    // Tokens found in its cache are not among `prompt_n`.
    #[serde(default)]
    cache_n: u64,
    prompt_n: u64,
    predicted_n: u64,
}

/// The parts of one event that may carry usage. Each is read for itself, so that one in a shape we do not know
/// takes nothing away from the others.
#[derive(Debug, Deserialize)]
pub(crate) struct Carrier<'a> {
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow)]
    timings: Option<&'a RawValue>,
    #[serde(borrow)]
    choices: Option<&'a RawValue>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    #[serde(borrow)]
    response: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
struct Inner {
    usage: Option<RawUsage>,
}

impl Carrier<'_> {
    /// The usage it carries, wherever that stands.
    pub(crate) fn usage(&self) -> Option<RawUsage> {
        let inner = |value| read::<Inner>(value).and_then(|inner| inner.usage);
        read(self.usage)
            .or_else(|| inner(self.message))
            .or_else(|| inner(self.response))
    }

    /// The timings it carries.
    pub(crate) fn timings(&self) -> Option<Timings> {
        read(self.timings)
    }

    /// Whether it is the event that only exists because usage was asked for.
    pub(crate) fn is_usage_event(&self) -> bool {
        let none_chosen = read::<Vec<IgnoredAny>>(self.choices).is_some_and(|choices| choices.is_empty());
        none_chosen && read::<RawUsage>(self.usage).is_some()
    }
}

fn read<'a, T: Deserialize<'a>>(value: Option<&'a RawValue>) -> Option<T> {
    serde_json::from_str(value?.get()).ok()
}

impl Timings {
    fn tokens(&self) -> TokenUsage {
        TokenUsage {
            prompt: self.prompt_n.saturating_add(self.cache_n),
            cached: self.cache_n,
            completion: self.predicted_n,
            reasoning: 0,
        }
    }
}

/// What was reported so far, as far as anything was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Told {
    pub(crate) tokens: Option<TokenUsage>,
    /// Of sound, rounded up.
    pub(crate) seconds: Option<u64>,
}

/// Usage as reported so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Reported {
    input: Option<u64>,
    // Anthropic's `input_tokens` leaves out what came from the cache or went into it.
    cache_is_aside: bool,
    cache_read: Option<u64>,
    cache_creation: Option<u64>,
    output: Option<u64>,
    cached: Option<u64>,
    reasoning: Option<u64>,
    seconds: Option<u64>,
    timings: Option<Timings>,
}

impl Reported {
    /// Takes `timings`, which say as much as usage where there is none.
    pub(crate) fn take_timings(&mut self, timings: Timings) {
        self.timings = Some(timings);
    }

    /// Takes the figures of `usage`; what it leaves out stays as it was (Anthropic tells the prompt in the first
    /// event and the completion in the last).
    pub(crate) fn take(&mut self, usage: RawUsage) {
        let details = |a: Option<Details>, b: Option<Details>| a.or(b).unwrap_or_default();
        let into = |slot: &mut Option<u64>, value: Option<u64>| *slot = value.or(*slot);
        let alone = usage.completion_tokens.is_none() && usage.output_tokens.is_none();
        let total = usage.total_tokens.filter(|_| alone);
        into(
            &mut self.input,
            usage.prompt_tokens.or(usage.input_tokens).or(total),
        );
        let seconds = usage
            .seconds
            .filter(|seconds| seconds.is_finite() && *seconds >= 0.0);
        self.seconds = seconds.map(|seconds| seconds.ceil() as u64).or(self.seconds);
        if self.input.is_some() {
            self.cache_is_aside =
                usage.prompt_tokens.is_none() && (self.cache_is_aside || usage.input_tokens.is_some());
        }
        into(&mut self.output, usage.completion_tokens.or(usage.output_tokens));
        into(&mut self.cache_read, usage.cache_read_input_tokens);
        into(&mut self.cache_creation, usage.cache_creation_input_tokens);
        let prompt = details(usage.prompt_tokens_details, usage.input_tokens_details);
        let completion = details(usage.completion_tokens_details, usage.output_tokens_details);
        into(&mut self.cached, prompt.cached_tokens);
        into(&mut self.reasoning, completion.reasoning_tokens);
    }

    /// All of it. Where only a length of sound is told, it takes no tokens.
    pub(crate) fn told(&self) -> Told {
        let none = self.seconds.map(|_| TokenUsage::default());
        Told {
            tokens: self.tokens().or(none),
            seconds: self.seconds,
        }
    }

    /// The tokens, where at least prompt or completion was reported. What came from the cache or went into it
    /// are prompt tokens too.
    pub(crate) fn tokens(&self) -> Option<TokenUsage> {
        if self.input.is_none() && self.output.is_none() {
            return self.timings.map(|timings| timings.tokens());
        }
        let cache = self
            .cache_read
            .unwrap_or(0)
            .saturating_add(self.cache_creation.unwrap_or(0));
        let aside = if self.cache_is_aside { cache } else { 0 };
        Some(TokenUsage {
            prompt: self.input.unwrap_or(0).saturating_add(aside),
            cached: self.cache_read.or(self.cached).unwrap_or(0),
            completion: self.output.unwrap_or(0),
            reasoning: self.reasoning.unwrap_or(0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(events: &[&str]) -> Told {
        let mut reported = Reported::default();
        for event in events {
            let carrier: Carrier<'_> = serde_json::from_str(event).unwrap();
            if let Some(usage) = carrier.usage() {
                reported.take(usage);
            }
            if let Some(timings) = carrier.timings() {
                reported.take_timings(timings);
            }
        }
        reported.told()
    }

    fn tokens(events: &[&str]) -> Option<TokenUsage> {
        told(events).tokens
    }

    #[test]
    fn what_else_servers_tell_is_read() {
        let seconds = r#"{"text":"a","usage":{"type":"duration","seconds":8.2}}"#;
        let nothing = TokenUsage::default();
        assert_eq!(
            told(&[seconds]),
            Told {
                tokens: Some(nothing),
                seconds: Some(9)
            }
        );
        let transcript = r#"{"type":"transcript.text.done","usage":{"type":"tokens","input_tokens":14,"input_token_details":{"text_tokens":0,"audio_tokens":14},"output_tokens":45,"total_tokens":59}}"#;
        assert_eq!(
            told(&[transcript]),
            Told {
                tokens: usage(14, 0, 45, 0),
                seconds: None
            }
        );
        let image = r#"{"data":[],"usage":{"input_tokens":50,"input_tokens_details":{"image_tokens":40,"text_tokens":10},"output_tokens":50,"total_tokens":100}}"#;
        assert_eq!(tokens(&[image]), usage(50, 0, 50, 0));
        let rerank = r#"{"results":[],"usage":{"total_tokens":56}}"#;
        assert_eq!(tokens(&[rerank]), usage(56, 0, 0, 0));
        assert_eq!(told(&[r#"{"usage":{"seconds":-1.0}}"#]), Told::default());
    }

    const fn usage(prompt: u64, cached: u64, completion: u64, reasoning: u64) -> Option<TokenUsage> {
        Some(TokenUsage {
            prompt,
            cached,
            completion,
            reasoning,
        })
    }

    #[test]
    fn each_dialect_is_read() {
        let chat = r#"{"choices":[],"usage":{"prompt_tokens":26,"completion_tokens":6,"prompt_tokens_details":{"cached_tokens":25},"completion_tokens_details":{"reasoning_tokens":2}}}"#;
        assert_eq!(tokens(&[chat]), usage(26, 25, 6, 2));
        let response = r#"{"type":"response.completed","response":{"usage":{"input_tokens":32,"output_tokens":5,"input_tokens_details":{"cached_tokens":31}}}}"#;
        assert_eq!(tokens(&[response]), usage(32, 31, 5, 0));
        let start = r#"{"type":"message_start","message":{"usage":{"cache_read_input_tokens":31,"input_tokens":1,"output_tokens":0}}}"#;
        let mixed = r#"{"usage":{"prompt_tokens":32,"completion_tokens":5,"cache_read_input_tokens":31}}"#;
        assert_eq!(tokens(&[mixed]), usage(32, 31, 5, 0));
        let delta = r#"{"type":"message_delta","delta":{},"usage":{"output_tokens":5}}"#;
        assert_eq!(tokens(&[start, delta]), usage(32, 31, 5, 0));
    }

    #[test]
    fn timings_stand_in_for_usage_and_never_beside_it() {
        let timings = |n: u64| {
            format!(r#"{{"choices":[{{}}],"timings":{{"cache_n":25,"prompt_n":1,"predicted_n":{n}}}}}"#)
        };
        assert_eq!(tokens(&[&timings(3), &timings(6)]), usage(26, 25, 6, 0));
        let chat = r#"{"choices":[],"usage":{"prompt_tokens":30,"completion_tokens":7}}"#;
        assert_eq!(tokens(&[&timings(6), chat]), usage(30, 0, 7, 0));
        assert_eq!(tokens(&[chat, &timings(6)]), usage(30, 0, 7, 0));
    }

    #[test]
    fn the_last_figure_wins_and_null_changes_nothing() {
        let at =
            |n: u64| format!(r#"{{"choices":[{{}}],"usage":{{"prompt_tokens":9,"completion_tokens":{n}}}}}"#);
        assert_eq!(
            tokens(&[&at(1), &at(2), r#"{"choices":[],"usage":null}"#]),
            usage(9, 0, 2, 0)
        );
        assert_eq!(tokens(&[r#"{"choices":[]}"#]), None);
    }

    #[test]
    fn other_fields_in_odd_shapes_take_nothing_away() {
        let odd = r#"{"usage":{"prompt_tokens":3,"completion_tokens":1},"message":"m","response":7,"timings":[],"choices":{}}"#;
        assert_eq!(tokens(&[odd]), usage(3, 0, 1, 0));
    }

    #[test]
    fn only_an_event_without_choices_is_the_usage_event() {
        let carrier = |text: &str| {
            serde_json::from_str::<Carrier<'_>>(text)
                .unwrap()
                .is_usage_event()
        };
        assert!(carrier(r#"{"choices":[],"usage":{"prompt_tokens":1}}"#));
        assert!(!carrier(
            r#"{"choices":[{"text":""}],"usage":{"prompt_tokens":1}}"#
        ));
        assert!(!carrier(r#"{"choices":[],"usage":null}"#));
        assert!(!carrier(r#"{"usage":{"prompt_tokens":1}}"#));
    }
}
