//! Where windows begin and end: minutes and hours of the clock, days and months of a time zone.

use jiff::tz::TimeZone;
use jiff::{Span, ZonedDateTime};
use llmgw_types::{Timestamp, Window};

const MINUTE_MICROS: i64 = 60_000_000;
const HOUR_MICROS: i64 = 60 * MINUTE_MICROS;

/// Windows in a time zone.
#[derive(Debug, Clone)]
pub struct Calendar {
    zone: TimeZone,
}

/// The zone is unknown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a time zone like `Europe/Berlin` or `UTC`")]
pub struct CalendarError(String);

/// One window: from its first moment up to, and without, the first moment of the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowSpan {
    /// Its first moment.
    pub start: Timestamp,
    /// The first moment of the next.
    pub end: Timestamp,
}

impl WindowSpan {
    /// Whether `at` lies in it.
    #[must_use]
    pub fn contains(&self, at: Timestamp) -> bool {
        self.start <= at && at < self.end
    }
}

impl Default for Calendar {
    fn default() -> Self {
        Self { zone: TimeZone::UTC }
    }
}

impl Calendar {
    /// Days and months of the zone with this IANA name (`limits.timezone`).
    ///
    /// # Errors
    /// When there is no such zone.
    pub fn named(name: &str) -> Result<Self, CalendarError> {
        let shown = || CalendarError(name.chars().take(64).collect());
        TimeZone::get(name).map(|zone| Self { zone }).map_err(|_| shown())
    }

    /// The window of this kind that `at` lies in; `None` for [`Window::None`]. Minutes and hours are those of
    /// UTC, so that an hour is one roll-up of the ledger in every zone.
    #[must_use]
    pub fn span(&self, window: Window, at: Timestamp) -> Option<WindowSpan> {
        match window {
            Window::None => None,
            Window::Minute => Some(even(MINUTE_MICROS, at)),
            Window::Hour => Some(even(HOUR_MICROS, at)),
            Window::Day => Some(self.calendar(at, ZonedDateTime::start_of_day, Span::new().days(1))),
            Window::Month => Some(self.calendar(
                at,
                |moment| moment.first_of_month()?.start_of_day(),
                Span::new().months(1),
            )),
        }
    }

    /// The day that is written like `2026-11-26`; `None` where there is no such day.
    #[must_use]
    pub fn day(&self, date: &str) -> Option<WindowSpan> {
        let date: jiff::civil::Date = date.parse().ok()?;
        let start = date.to_zoned_datetime(self.zone.clone()).ok()?;
        self.span(Window::Day, moment(&start))
    }

    /// What clocks and calendars of the zone say at `at`, in the form of `strftime`: `%Y-%m-%d`.
    #[must_use]
    pub fn local(&self, at: Timestamp, form: &str) -> String {
        let local = at.to_jiff().to_zoned_datetime(self.zone.clone());
        local.strftime(form).to_string()
    }

    // Fails only where a window would reach beyond the year 9999; it then never ends.
    fn calendar(
        &self,
        at: Timestamp,
        begin: impl FnOnce(&ZonedDateTime) -> Result<ZonedDateTime, jiff::Error>,
        length: Span,
    ) -> WindowSpan {
        let span = begin(&at.to_jiff().to_zoned_datetime(self.zone.clone())).and_then(|start| {
            // Where a day begins is asked anew: it may not begin at midnight.
            let end = start.checked_add(length)?.start_of_day()?;
            Ok(WindowSpan {
                start: moment(&start),
                end: moment(&end),
            })
        });
        span.unwrap_or(WindowSpan {
            start: at,
            end: Timestamp::from_micros(i64::MAX),
        })
    }
}

fn moment(zoned: &ZonedDateTime) -> Timestamp {
    Timestamp::from_jiff(zoned.timestamp())
}

fn even(length: i64, at: Timestamp) -> WindowSpan {
    let start = at.as_micros().div_euclid(length) * length;
    WindowSpan {
        start: Timestamp::from_micros(start),
        end: Timestamp::from_micros(start.saturating_add(length)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(zone: &str, window: Window, at: &str) -> (String, String) {
        let span = Calendar::named(zone)
            .unwrap()
            .span(window, at.parse().unwrap())
            .unwrap();
        let text = |at: Timestamp| at.to_string().replace(".000000Z", "Z");
        (text(span.start), text(span.end))
    }

    fn pair(start: &str, end: &str) -> (String, String) {
        (start.to_owned(), end.to_owned())
    }

    #[test]
    fn minutes_and_hours_are_those_of_the_clock() {
        let at = "2026-11-18T11:06:40.5Z";
        assert_eq!(
            span("UTC", Window::Minute, at),
            pair("2026-11-18T11:06:00Z", "2026-11-18T11:07:00Z")
        );
        let hour = pair("2026-11-18T11:00:00Z", "2026-11-18T12:00:00Z");
        assert_eq!(span("Asia/Kolkata", Window::Hour, at), hour);
    }

    #[test]
    fn days_and_months_are_those_of_the_zone() {
        let at = "2026-11-30T23:30:00Z";
        assert_eq!(
            span("UTC", Window::Day, at),
            pair("2026-11-30T00:00:00Z", "2026-12-01T00:00:00Z")
        );
        assert_eq!(
            span("Europe/Berlin", Window::Day, at),
            pair("2026-11-30T23:00:00Z", "2026-12-01T23:00:00Z")
        );
        assert_eq!(
            span("Europe/Berlin", Window::Month, at),
            pair("2026-11-30T23:00:00Z", "2026-12-31T23:00:00Z")
        );
        assert_eq!(
            span("Asia/Kolkata", Window::Day, at),
            pair("2026-11-30T18:30:00Z", "2026-12-01T18:30:00Z")
        );
    }

    #[test]
    fn days_of_23_and_25_hours_are_days() {
        let spring = pair("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z");
        assert_eq!(span("Europe/Berlin", Window::Day, "2026-03-29T12:00:00Z"), spring);
        let autumn = pair("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z");
        assert_eq!(span("Europe/Berlin", Window::Day, "2026-10-25T12:00:00Z"), autumn);
    }

    #[test]
    fn a_window_has_its_first_moment_and_not_its_last() {
        let calendar = Calendar::default();
        for window in [Window::Minute, Window::Hour, Window::Day, Window::Month] {
            let span = calendar
                .span(window, Timestamp::from_micros(1_795_000_000_123_456))
                .unwrap();
            assert!(span.contains(span.start) && !span.contains(span.end));
            assert_eq!(calendar.span(window, span.start), Some(span));
            assert_eq!(calendar.span(window, span.end).unwrap().start, span.end);
        }
        assert_eq!(calendar.span(Window::None, Timestamp::default()), None);
    }

    #[test]
    fn unknown_zones_are_named() {
        let error = Calendar::named("Mars/Base").unwrap_err().to_string();
        assert!(error.contains("`Mars/Base`"), "{error}");
    }

    #[test]
    fn a_day_is_found_by_its_date() {
        let calendar = Calendar::named("Pacific/Auckland").unwrap();
        let day = calendar.day("2026-11-26").unwrap();
        assert_eq!(day.start.to_string(), "2026-11-25T11:00:00.000000Z");
        assert_eq!(calendar.local(day.start, "%Y-%m-%d"), "2026-11-26");
        assert_eq!(calendar.day("2026-02-30"), None);
    }
}
