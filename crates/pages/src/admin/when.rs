//! Moments, as far away as they are.

use crate::look::Time;

/// A moment, and how long ago or ahead it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct When {
    /// The moment.
    pub at: Time,
    /// `5 min ago`, `in 3 days`.
    pub far: String,
}

impl When {
    /// The moment `micros` microseconds after 1970 began in UTC, seen from `now`.
    #[must_use]
    pub fn of_micros(micros: i64, now: i64) -> Self {
        let seconds = micros.abs_diff(now) / 1_000_000;
        let span = match seconds {
            0..=59 => "less than a minute".to_owned(),
            60..=3_599 => format!("{} min", seconds / 60),
            3_600..=172_799 => format!("{} h", seconds / 3_600),
            _ => format!("{} days", seconds / 86_400),
        };
        Self {
            at: Time::of_micros(micros),
            far: if micros > now {
                format!("in {span}")
            } else {
                format!("{span} ago")
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_as_far_as_it_is() {
        let far = |seconds: i64| When::of_micros(seconds * 1_000_000, 0).far;
        let texts = [-5, -300, -7_200, -172_800, 90].map(far);
        assert_eq!(
            texts,
            [
                "less than a minute ago",
                "5 min ago",
                "2 h ago",
                "2 days ago",
                "in 1 min"
            ]
        );
    }
}
