//! Days of a time zone, as the server can tell them: it knows zones by name only, ours may be a rule.
//!
//! The calendar is jiff's. The server gets the zone's offsets for the hours that have roll-ups, and answers with
//! the number of the day on the zone's calendar.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use llmgw_types::Timestamp;
use mongodb::bson::{Bson, doc};

use super::HOUR_MICROS;

const SECOND_MILLIS: i64 = 1_000;
const DAY_MILLIS: i64 = 86_400_000;

// Roll-ups of new hours may come while a report is made.
const MARGIN_HOURS: i64 = 24 * 366;

/// The expression for the day, counted from 1970-01-01, in which `$hour` begins. Right for hours from `first` to
/// `last`, and a year around them.
pub(super) fn day_number(zone: &TimeZone, first: i64, last: i64) -> Bson {
    let millis = |offset: jiff::tz::Offset| i64::from(offset.seconds()) * SECOND_MILLIS;
    let (begin, end) = (
        hour_start(first - MARGIN_HOURS).to_jiff(),
        hour_start(last + MARGIN_HOURS).to_jiff(),
    );
    let mut offset = millis(zone.to_offset(begin));
    let mut branches = Vec::new();
    for change in zone
        .following(begin)
        .take_while(|change| change.timestamp() <= end)
    {
        // An hour that a change cuts in two belongs to the offset it begins with.
        let until = mongodb::bson::DateTime::from_millis(change.timestamp().as_millisecond());
        branches.push(doc! { "case": { "$lt": ["$hour", until] }, "then": offset });
        offset = millis(change.offset());
    }
    let offset = match branches.is_empty() {
        true => Bson::Int64(offset),
        false => doc! { "$switch": { "branches": branches, "default": offset } }.into(),
    };
    let local = doc! { "$add": [{ "$toLong": "$hour" }, offset] };
    doc! { "$toLong": { "$floor": { "$divide": [local, DAY_MILLIS] } } }.into()
}

/// When that day begins.
pub(super) fn day_start(zone: &TimeZone, number: i64) -> Timestamp {
    let days = i32::try_from(number).unwrap_or_default();
    let begin = Date::constant(1970, 1, 1)
        .checked_add(jiff::Span::new().days(days))
        .and_then(|day| day.to_zoned_datetime(zone.clone()));
    // Fails only beyond the year 9999; such a day begins in UTC.
    begin.map_or_else(
        |_| Timestamp::from_millis(number.saturating_mul(DAY_MILLIS)),
        |begin| Timestamp::from_jiff(begin.timestamp()),
    )
}

fn hour_start(hour: i64) -> Timestamp {
    Timestamp::from_micros(hour.saturating_mul(HOUR_MICROS))
}
