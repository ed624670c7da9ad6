//! Limits as clients see them: the `x-ratelimit-*` headers that OpenAI's clients know.

use llmgw_types::{Timestamp, Unit};
use llmgw_usage::admission::RuleState;

/// For requests and for tokens, the limit with the least left. `reset` is a moment in RFC 3339.
pub(crate) fn headers(states: &[RuleState]) -> Vec<(&'static str, String)> {
    let mut headers = Vec::new();
    for (unit, names) in [
        (Unit::Requests, ["x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"]),
        (Unit::Tokens, ["x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"]),
    ] {
        let tightest = states
            .iter()
            .filter(|state| state.rule.limit.unit() == unit)
            .min_by_key(|state| state.remaining());
        if let Some(state) = tightest {
            headers.push((names[0], state.rule.limit.amount().to_string()));
            headers.push((names[1], state.remaining().to_string()));
            headers.extend(state.resets_at.map(|at| (names[2], at.to_string())));
        }
    }
    headers
}

/// Whole seconds from `now` until `at`, 1 at least, rounded up so that nobody comes a moment too early.
pub(crate) fn seconds_until(at: Timestamp, now: Timestamp) -> u64 {
    let wait = at.since(now);
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}
