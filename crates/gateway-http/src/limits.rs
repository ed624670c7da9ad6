//! Limits as clients see them: the `x-ratelimit-*` headers that OpenAI's clients know.

use actix_web::http::header::{HeaderName, HeaderValue};
use llmgw_types::{Timestamp, Unit};
use llmgw_usage::admission::RuleState;

/// The limit, what is left of it, and when it is whole again.
static OF_REQUESTS: [HeaderName; 3] = [
    HeaderName::from_static("x-ratelimit-limit-requests"),
    HeaderName::from_static("x-ratelimit-remaining-requests"),
    HeaderName::from_static("x-ratelimit-reset-requests"),
];
static OF_TOKENS: [HeaderName; 3] = [
    HeaderName::from_static("x-ratelimit-limit-tokens"),
    HeaderName::from_static("x-ratelimit-remaining-tokens"),
    HeaderName::from_static("x-ratelimit-reset-tokens"),
];

/// Gives `put` what is said of requests and of tokens, each of the limit with the least left at `now`. `reset` is the
/// time until then, as OpenAI writes it: `2h5m30s`.
pub(crate) fn headers(states: &[RuleState], now: Timestamp, mut put: impl FnMut(HeaderName, HeaderValue)) {
    for (unit, [limit, remaining, reset]) in [(Unit::Requests, &OF_REQUESTS), (Unit::Tokens, &OF_TOKENS)] {
        let tightest = states
            .iter()
            .filter(|state| state.rule.limit.unit() == unit)
            .min_by_key(|state| state.remaining());
        let Some(state) = tightest else { continue };
        put(limit.clone(), HeaderValue::from(state.rule.limit.amount()));
        put(remaining.clone(), HeaderValue::from(state.remaining()));
        let until = state.resets_at.map(|at| wait(seconds_until(at, now)));
        if let Some(Ok(until)) = until.map(HeaderValue::try_from) {
            put(reset.clone(), until);
        }
    }
}

fn wait(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, _) => format!("{minutes}m{seconds}s"),
        _ => format!("{hours}h{minutes}m{seconds}s"),
    }
}

/// Whole seconds from `now` until `at`, 1 at least, rounded up so that nobody comes a moment too early.
pub(crate) fn seconds_until(at: Timestamp, now: Timestamp) -> u64 {
    let wait = at.since(now);
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_written_as_openai_does() {
        assert_eq!([wait(7), wait(360), wait(7_530)], ["7s", "6m0s", "2h5m30s"]);
    }

    #[test]
    fn nobody_is_called_back_too_early() {
        let now = Timestamp::from_millis(500);
        assert_eq!(seconds_until(Timestamp::from_millis(1_501), now), 2);
        assert_eq!(seconds_until(Timestamp::from_millis(1_500), now), 1);
        assert_eq!(seconds_until(Timestamp::from_millis(100), now), 1);
    }
}
