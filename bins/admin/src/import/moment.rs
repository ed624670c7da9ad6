//! Moments as the replaced system and its scripts wrote them.

use jiff::civil::DateTime as CivilDateTime;
use jiff::tz::TimeZone;
use llmgw_types::Timestamp;
use mongodb::bson::Bson;

/// From this number on it counts milliseconds, below it seconds: the year 5138, or 1973.
const MILLIS: f64 = 1e11;

/// The moment that a value means: a BSON date, seconds or milliseconds since 1970, or a text (RFC 3339; without an
/// offset it is UTC).
pub(super) fn moment(value: &Bson) -> Option<Timestamp> {
    let millis = match value {
        Bson::DateTime(time) => time.timestamp_millis(),
        Bson::Timestamp(time) => i64::from(time.time) * 1_000,
        Bson::Double(number) => of_number(*number)?,
        Bson::Int32(number) => of_number(f64::from(*number))?,
        #[expect(clippy::cast_precision_loss, reason = "moments are far below")]
        Bson::Int64(number) => of_number(*number as f64)?,
        Bson::String(text) => of_text(text.trim())?,
        _ => return None,
    };
    // Before there were model servers, and after all of this.
    (0..=253_402_300_799_000)
        .contains(&millis)
        .then(|| Timestamp::from_millis(millis))
}

fn of_number(number: f64) -> Option<i64> {
    let millis = if number.abs() < MILLIS {
        number * 1_000.0
    } else {
        number
    };
    #[expect(clippy::cast_possible_truncation, reason = "it is within the bounds")]
    (millis.is_finite() && millis.abs() < 1e15).then(|| millis.round() as i64)
}

fn of_text(text: &str) -> Option<i64> {
    if let Ok(moment) = text.parse::<jiff::Timestamp>() {
        return Some(moment.as_millisecond());
    }
    let civil: CivilDateTime = text.parse().ok()?;
    Some(TimeZone::UTC.to_timestamp(civil).ok()?.as_millisecond())
}

#[cfg(test)]
mod tests {
    use mongodb::bson::DateTime;

    use super::*;

    #[test]
    fn moments_are_understood_in_each_way_they_were_written() {
        let expected = Timestamp::from_millis(1_700_000_000_000);
        for value in [
            Bson::DateTime(DateTime::from_millis(1_700_000_000_000)),
            Bson::Int32(1_700_000_000),
            Bson::Int64(1_700_000_000),
            Bson::Int64(1_700_000_000_000),
            Bson::Double(1_700_000_000.0),
            Bson::String("2023-11-14T22:13:20Z".to_owned()),
            Bson::String("2023-11-15T00:13:20+02:00".to_owned()),
            Bson::String("2023-11-14T22:13:20.000".to_owned()),
            Bson::String(" 2023-11-14 22:13:20 ".to_owned()),
        ] {
            assert_eq!(moment(&value), Some(expected), "{value:?}");
        }
        for value in [
            Bson::Null,
            Bson::String("yesterday".to_owned()),
            Bson::Double(f64::NAN),
            Bson::Double(1e300),
            Bson::Int64(-5),
            Bson::Boolean(true),
        ] {
            assert_eq!(moment(&value), None, "{value:?}");
        }
    }
}
