//! Times as people write them.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp as Moment};
use llmgw_types::Timestamp;

const DAY: u64 = 24 * 60 * 60;

/// When something ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Then.
    At(Timestamp),
    /// So long from now.
    In(Duration),
}

impl End {
    /// The moment, where it is `now`.
    pub(crate) fn after(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::In(length) => now.plus(length),
        }
    }
}

/// A moment, a day (its beginning, UTC), or a length of time from now on.
pub(crate) fn end(text: &str) -> Result<End, String> {
    moment(text)
        .map(End::At)
        .or_else(|_| length(text).map(End::In))
        .map_err(|_| format!("`{text}` is no time; write 2027-01-31, 2027-01-31T12:00:00Z, or 90d"))
}

/// A moment, or a day: its beginning, UTC.
pub(crate) fn moment(text: &str) -> Result<Timestamp, String> {
    let moment = text
        .parse::<Moment>()
        .or_else(|_| format!("{text}T00:00:00Z").parse());
    moment
        .map(|moment| Timestamp::from_micros(moment.as_microsecond()))
        .map_err(|_| format!("`{text}` is no time; write 2027-01-31 or 2027-01-31T12:00:00Z"))
}

/// A length of time: `30m`, `24h`, `90d`.
pub(crate) fn length(text: &str) -> Result<Duration, String> {
    let days = text.strip_suffix('d').and_then(|days| days.parse::<u64>().ok());
    let length = match days {
        Some(days) => days.checked_mul(DAY).map(Duration::from_secs),
        None => text
            .parse::<SignedDuration>()
            .ok()
            .and_then(|length| Duration::try_from(length).ok()),
    };
    length.ok_or_else(|| format!("`{text}` is no length of time; write 30m, 24h or 90d"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_days_and_lengths_are_told_apart() {
        let at = |millis| Ok(End::At(Timestamp::from_millis(millis)));
        assert_eq!(end("2027-01-31"), at(1_801_353_600_000));
        assert_eq!(end("2027-01-31T12:00:00Z"), at(1_801_396_800_000));
        assert_eq!(end("2027-01-31T12:00:00+01:00"), at(1_801_393_200_000));
        assert_eq!(end("90d"), Ok(End::In(Duration::from_secs(90 * DAY))));
        assert_eq!(end("1h30m"), Ok(End::In(Duration::from_mins(90))));
        for wrong in ["", "tomorrow", "2027-02-30", "-3h", "d", "99999999999999999999d"] {
            assert!(end(wrong).is_err(), "{wrong}");
        }
        assert!(moment("90d").is_err());
    }
}
