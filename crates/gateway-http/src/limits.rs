//! Limits as clients see them: the `x-ratelimit-*` headers that OpenAI's clients know.

use llmgw_types::{Timestamp, Unit};
use llmgw_usage::admission::RuleState;

/// For requests and for tokens, the limit with the least left at `now`. `reset` is the time until then, as
/// OpenAI writes it: `2h5m30s`.
pub(crate) fn headers(states: &[RuleState], now: Timestamp) -> Vec<(&'static str, String)> {
    let mut headers = Vec::new();
    for (unit, names) in [
        (
            Unit::Requests,
            [
                "x-ratelimit-limit-requests",
                "x-ratelimit-remaining-requests",
                "x-ratelimit-reset-requests",
            ],
        ),
        (
            Unit::Tokens,
            [
                "x-ratelimit-limit-tokens",
                "x-ratelimit-remaining-tokens",
                "x-ratelimit-reset-tokens",
            ],
        ),
    ] {
        let tightest = states
            .iter()
            .filter(|state| state.rule.limit.unit() == unit)
            .min_by_key(|state| state.remaining());
        if let Some(state) = tightest {
            headers.push((names[0], state.rule.limit.amount().to_string()));
            headers.push((names[1], state.remaining().to_string()));
            headers.extend(state.resets_at.map(|at| (names[2], wait(seconds_until(at, now)))));
        }
    }
    headers
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
