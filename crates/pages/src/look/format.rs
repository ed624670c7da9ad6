//! Numbers, money and times as people read them.

use jiff::Timestamp;

/// Digits after the point in an amount of nanos.
const NANOS_PER_UNIT: u64 = 1_000_000_000;

/// A moment in the two forms a `<time>` element needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Time {
    /// RFC 3339, in UTC: `2026-11-26T16:05:00Z`.
    pub machine: String,
    /// As people read it: `26 Nov 2026, 16:05 UTC`.
    pub human: String,
}

impl Time {
    /// The moment `micros` microseconds after 1970 began in UTC. A moment outside of the years -9999 to 9999 becomes
    /// the nearest one inside.
    #[must_use]
    pub fn of_micros(micros: i64) -> Self {
        let nearest = if micros < 0 {
            Timestamp::MIN
        } else {
            Timestamp::MAX
        };
        let moment = Timestamp::from_microsecond(micros).unwrap_or(nearest);
        let human = moment.strftime("%-d %b %Y, %H:%M UTC").to_string();
        Self {
            machine: moment.to_string(),
            human,
        }
    }
}

/// A count with a comma after each three digits: `1,234,567`.
#[must_use]
pub fn number(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// [`number`] for templates, which hand over references only.
pub(crate) fn counted(count: &u64) -> String {
    number(*count)
}

/// An amount of `nanos` billionths of the currency, exactly, with two digits or more after the point: `1,234.50`,
/// `0.0000125`. The name of the currency is not part of it.
#[must_use]
pub fn money(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let whole = number(nanos.unsigned_abs() / NANOS_PER_UNIT);
    let rest = format!("{:09}", nanos.unsigned_abs() % NANOS_PER_UNIT);
    let digits = rest.trim_end_matches('0');
    format!("{sign}{whole}.{digits:0<2}")
}

/// A count in few letters, for the side of a chart: `1.5k`, `20M`.
pub(crate) fn short(count: u64) -> String {
    let (unit, name) = match count {
        0..=999 => return count.to_string(),
        1_000..=999_999 => (1_000, "k"),
        1_000_000..=999_999_999 => (1_000_000, "M"),
        1_000_000_000..=999_999_999_999 => (1_000_000_000, "G"),
        _ => (1_000_000_000_000, "T"),
    };
    match (count / unit, count % unit / (unit / 10)) {
        (whole, 0) => format!("{}{name}", number(whole)),
        (whole, tenth) => format!("{}.{tenth}{name}", number(whole)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_in_utc() {
        let time = Time::of_micros(1_795_709_100_000_000);
        assert_eq!(time.machine, "2026-11-26T16:05:00Z");
        assert_eq!(time.human, "26 Nov 2026, 16:05 UTC");
    }

    #[test]
    fn a_time_out_of_range_becomes_the_nearest() {
        assert!(Time::of_micros(i64::MAX).human.contains("9999"));
        assert!(Time::of_micros(i64::MIN).machine.starts_with("-009999"));
    }

    #[test]
    fn three_digits_stand_together() {
        let texts = [0, 999, 1_000, 12_345, 1_234_567].map(number);
        assert_eq!(texts, ["0", "999", "1,000", "12,345", "1,234,567"]);
    }

    #[test]
    fn money_is_exact_and_short() {
        let texts = [0, 500_000_000, 12_500, 1_234_500_000_000, -1, i64::MIN].map(money);
        assert_eq!(
            texts,
            [
                "0.00",
                "0.50",
                "0.0000125",
                "1,234.50",
                "-0.000000001",
                "-9,223,372,036.854775808"
            ]
        );
    }

    #[test]
    fn a_short_count_keeps_one_digit_after_the_point() {
        let texts = [0, 999, 1_000, 1_500, 20_000_000, 2_500_000_000_000].map(short);
        assert_eq!(texts, ["0", "999", "1k", "1.5k", "20M", "2.5T"]);
    }
}
