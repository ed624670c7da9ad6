//! What a request is charged, by all that is known of it.

use llmgw_models::Quirk;
use llmgw_types::{TokenSource, TokenUsage};
use llmgw_usage::journal::{Progress, millis};
use llmgw_usage::ledger::{End, UsageRecord};

use super::{Running, SWITCHING_PROTOCOLS};
use crate::endpoint::Counts;

impl Running {
    /// Completion tokens as far as they were seen passing by, or reported where that is more.
    pub(crate) fn completion(&self) -> u64 {
        let reported = self.reported.map_or(0, |tokens| tokens.completion);
        self.seen.max(reported)
    }

    /// Whether what its target reports is that of the first answer alone.
    pub(crate) fn is_told_in_part(&self) -> bool {
        self.asked.choices > 1 && self.has(Quirk::FirstChoiceOnly)
    }

    fn has(&self, quirk: Quirk) -> bool {
        self.target.as_ref().is_some_and(|target| target.has(quirk))
    }

    /// What it took besides tokens. Who reports tokens of sound does not count its seconds.
    pub(super) fn units(&self, end: End) -> u64 {
        if end == End::UpstreamError && (self.status == 0 || !self.answered_well()) {
            return 0;
        }
        match (self.route.counts, self.seconds, self.reported) {
            (Counts::Seconds, Some(seconds), _) => seconds,
            (Counts::Seconds, None, Some(_)) => 0,
            _ => self.asked.units,
        }
    }

    fn answered_well(&self) -> bool {
        self.status == SWITCHING_PROTOCOLS || (200..300).contains(&self.status)
    }

    // What is known when nobody counts any further: the prompt as reported or estimated, the completion as
    // reported or seen, whichever is more.
    fn known(&self) -> (TokenUsage, TokenSource) {
        let whole = |tokens: &TokenUsage| {
            let last_counts = tokens.completion >= self.seen || self.has(Quirk::Cumulative);
            last_counts && !self.is_told_in_part()
        };
        match self.reported {
            Some(tokens) if whole(&tokens) => (tokens, TokenSource::Reported),
            Some(tokens) => {
                let of_the_first = self.is_told_in_part() && self.asked.prompts > 1;
                let prompt = if tokens.prompt == 0 || of_the_first {
                    self.prompt_estimate.max(tokens.prompt)
                } else {
                    tokens.prompt
                };
                (
                    TokenUsage {
                        prompt,
                        completion: self.completion(),
                        ..tokens
                    },
                    TokenSource::Estimated,
                )
            }
            None => {
                let tokens = TokenUsage {
                    prompt: self.prompt_estimate,
                    completion: self.seen,
                    ..TokenUsage::default()
                };
                (tokens, TokenSource::Estimated)
            }
        }
    }

    /// What is known so far.
    pub(super) fn progress(&self, ended: bool) -> Progress {
        let (tokens, source) = self.known();
        Progress {
            tokens,
            source,
            status: self.status,
            ended,
            elapsed_ms: millis(self.now().saturating_sub(self.started)),
            ttft_ms: self.time_to_first_byte().map(millis),
        }
    }

    /// What became of it: the record, unless its tokens are still to be counted.
    pub(crate) fn conclude(&mut self, end: End) -> Option<UsageRecord> {
        self.ended = Some(self.now());
        if self.status != 0 && !self.answered_well() {
            // The target refused or failed: given back whole.
            return Some(self.record(End::UpstreamError, TokenUsage::default(), TokenSource::Estimated));
        }
        if self.route.is_free() {
            return Some(self.record(end, TokenUsage::default(), TokenSource::Counted));
        }
        match (end, self.reported) {
            // What several prompts took together has to be counted.
            (End::Complete, Some(_)) if self.is_told_in_part() && self.asked.prompts > 1 => None,
            (End::Complete, Some(tokens)) if !self.is_told_in_part() => {
                Some(self.record(end, tokens, TokenSource::Reported))
            }
            // Nobody will say what it takes when it is made, whoever waited for it until now.
            (_, None) if self.asked.background => {
                let tokens = TokenUsage {
                    prompt: self.prompt_estimate,
                    completion: self.asked.answer_estimate.max(self.seen),
                    ..TokenUsage::default()
                };
                Some(self.record(end, tokens, TokenSource::Estimated))
            }
            // Of an answer in a session there is no prompt to count.
            (End::Complete, None) if self.status != SWITCHING_PROTOCOLS => None,
            _ => {
                let (tokens, source) = self.known();
                Some(self.record(end, tokens, source))
            }
        }
    }
}
