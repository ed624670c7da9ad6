//! What the events of a model server say about the answers it gives.

use std::borrow::Cow;

use llmgw_types::TokenUsage;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::estimate;
use crate::reported::{Carrier, Reported, Told};

/// Characters of base64 in which a model server says one token of sound: 50 ms of PCM with 24,000 samples a second.
const SOUND_PER_TOKEN: u64 = 3_200;

/// An answer, or several that run at the same time: they are settled together.
#[derive(Debug, Default)]
pub(super) struct Turn {
    // How many answers have begun and are not done.
    answering: u32,
    // Bytes of text and characters of sound.
    text: u64,
    sound: u64,
    done: bool,
    tokens: Option<TokenUsage>,
    context: Option<u64>,
}

#[derive(Deserialize)]
struct Named<'a> {
    #[serde(rename = "type", borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    delta: Option<&'a RawValue>,
}

impl Turn {
    /// Reads one event; what is none is passed over.
    pub(super) fn saw(&mut self, event: &[u8]) {
        let Ok(Named { name, delta }) = serde_json::from_slice(event) else {
            return;
        };
        match &*name {
            "response.created" => self.answering += 1,
            // OpenAI's answers, and the transcripts of vLLM.
            "response.done" | "transcription.done" => {
                self.answering = self.answering.saturating_sub(1);
                self.done = true;
                let told = self.add(event);
                self.context = told
                    .and_then(|told| told.tokens)
                    .map(|tokens| tokens.total())
                    .or(self.context);
            }
            // What was heard: some model servers count it for itself, others not at all.
            "conversation.item.input_audio_transcription.completed" => self.done |= self.add(event).is_some(),
            name if name.starts_with("conversation.") => {}
            name => {
                let length = delta.map_or(0, |delta| delta.get().len().saturating_sub(2) as u64);
                let sum = if name.ends_with("audio.delta") {
                    &mut self.sound
                } else {
                    &mut self.text
                };
                *sum = sum.saturating_add(length);
            }
        }
    }

    // Adds what an event says was taken, if it says so.
    fn add(&mut self, event: &[u8]) -> Option<Told> {
        let usage = serde_json::from_slice::<Carrier<'_>>(event).ok()?.usage()?;
        let mut reported = Reported::default();
        reported.take(usage);
        let told = reported.told();
        *self.tokens.get_or_insert_default() += told.tokens?;
        Some(told)
    }

    /// Whether something of an answer was seen.
    pub(super) fn has_begun(&self) -> bool {
        self.done || self.answering > 0 || self.text > 0 || self.sound > 0
    }

    /// What was reported, once all is done; of several answers, all of it.
    pub(super) fn ended(&self) -> Option<Option<TokenUsage>> {
        (self.done && self.answering == 0).then_some(self.tokens)
    }

    /// How long the conversation was with the last answer, in tokens.
    pub(super) fn context(&self) -> Option<u64> {
        self.context
    }

    /// Completion tokens by what was seen.
    pub(super) fn completion(&self) -> u64 {
        estimate::completion_tokens(self.text) + self.sound / SOUND_PER_TOKEN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(events: &[&str]) -> Turn {
        let mut turn = Turn::default();
        for event in events {
            turn.saw(event.as_bytes());
        }
        turn
    }

    const CREATED: &str = r#"{"type":"response.created","response":{"usage":null}}"#;
    const DONE: &str = r#"{"type":"response.done","response":{"status":"completed","usage":{"total_tokens":253,"input_tokens":132,"output_tokens":121,"input_token_details":{"text_tokens":119,"audio_tokens":13,"cached_tokens":64,"cached_tokens_details":{"text_tokens":64}},"output_token_details":{"text_tokens":30,"audio_tokens":91}}}}"#;

    const fn tokens(prompt: u64, cached: u64, completion: u64) -> TokenUsage {
        TokenUsage {
            prompt,
            cached,
            completion,
            reasoning: 0,
        }
    }

    #[test]
    fn an_answer_takes_what_it_says() {
        let mut turn = after(&[r#"{"type":"session.created","session":{}}"#]);
        assert!(!turn.has_begun() && turn.ended().is_none());
        turn.saw(CREATED.as_bytes());
        assert!(turn.has_begun() && turn.ended().is_none());
        turn.saw(DONE.as_bytes());
        assert_eq!(turn.ended(), Some(Some(tokens(132, 64, 121))));
        assert_eq!(turn.context(), Some(253));
    }

    #[test]
    fn answers_at_the_same_time_end_together() {
        let mut turn = after(&[CREATED, CREATED, DONE]);
        assert!(turn.has_begun() && turn.ended().is_none());
        turn.saw(DONE.as_bytes());
        assert_eq!(turn.ended(), Some(Some(tokens(264, 128, 242))));
    }

    #[test]
    fn what_is_cut_off_is_estimated() {
        let text = r#"{"type":"response.output_audio_transcript.delta","delta":"twelve bytes"}"#;
        let sound = format!(
            r#"{{"type":"response.output_audio.delta","delta":"{}"}}"#,
            "A".repeat(6_400)
        );
        let turn = after(&[CREATED, text, &sound]);
        assert_eq!((turn.has_begun(), turn.completion()), (true, 3 + 2));
    }

    #[test]
    fn transcripts_are_answers_too() {
        let vllm = r#"{"type":"transcription.done","text":"Ahoy","usage":{"prompt_tokens":20,"completion_tokens":3,"total_tokens":23}}"#;
        let turn = after(&[r#"{"type":"transcription.delta","delta":"Ahoy"}"#, vllm]);
        assert_eq!(turn.ended(), Some(Some(tokens(20, 0, 3))));
    }

    #[test]
    fn what_was_heard_is_added_where_it_is_counted() {
        let heard = |usage: &str| {
            format!(
                r#"{{"type":"conversation.item.input_audio_transcription.completed","transcript":"Ahoy","usage":{usage}}}"#
            )
        };
        let told = heard(
            r#"{"type":"tokens","total_tokens":26,"input_tokens":17,"input_token_details":{"audio_tokens":17},"output_tokens":9}"#,
        );
        let turn = after(&[&told]);
        assert_eq!(
            (turn.ended(), turn.context()),
            (Some(Some(tokens(17, 0, 9))), None)
        );
        assert_eq!(after(&[CREATED, &told]).ended(), None, "the answer goes on");
        assert_eq!(
            after(&[CREATED, &told, DONE]).ended(),
            Some(Some(tokens(149, 64, 130)))
        );
        let seconds = heard(r#"{"type":"duration","seconds":3.2}"#);
        assert_eq!(after(&[&seconds]).ended(), Some(Some(tokens(0, 0, 0))));
        let delta = r#"{"type":"conversation.item.input_audio_transcription.delta","delta":"Ahoy"}"#;
        assert!(!after(&[delta, &heard("null")]).has_begun());
    }

    #[test]
    fn what_is_no_event_is_passed_over() {
        let turn = after(&["", "{", "[]", "7", r#"{"type":7}"#, r#"{"kind":"response.done"}"#]);
        assert!(!turn.has_begun() && turn.ended().is_none());
    }
}
