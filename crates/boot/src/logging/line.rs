//! A log line for people, without colours: time, level, message, then `name=value` for each field. Each request
//! leaves such a line, so this one is made with little work; it looks like those of `tracing-subscriber`.

use std::cell::Cell;
use std::fmt::{self, Debug};

use llmgw_types::Clock;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::clock::SystemClock;

/// What the `log` crate's records carry along.
const OF_LOG: &str = "log.";

const SECOND: i64 = 1_000_000;

pub(super) struct Line {
    pub(super) clock: SystemClock,
}

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut to: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        write_time(&mut to, self.clock.now().as_micros())?;
        write!(to, " {:>5}", event.metadata().level().as_str())?;
        let mut fields = Fields { to, said: Ok(()) };
        event.record(&mut fields);
        fields.said?;
        fields.to.write_char('\n')
    }
}

// `2026-01-31T09:30:00.000001Z`. Only its end changes within a second.
fn write_time(to: &mut Writer<'_>, micros: i64) -> fmt::Result {
    thread_local! {
        static LAST: Cell<(i64, [u8; 19])> = const { Cell::new((i64::MIN, [0; 19])) };
    }
    let second = micros.div_euclid(SECOND);
    let (mut at, mut text) = LAST.get();
    if at != second {
        (at, text) = (second, civil(second)?);
        LAST.set((at, text));
    }
    to.write_str(str::from_utf8(&text).map_err(|_| fmt::Error)?)?;
    // One digit more in front makes the zeros.
    let fraction = SECOND + micros.rem_euclid(SECOND);
    let mut digits = itoa::Buffer::new();
    to.write_char('.')?;
    to.write_str(&digits.format(fraction)[1..])?;
    to.write_char('Z')
}

fn civil(second: i64) -> Result<[u8; 19], fmt::Error> {
    let time = jiff::Timestamp::from_second(second).map_err(|_| fmt::Error)?;
    let text = time.strftime("%Y-%m-%dT%H:%M:%S").to_string();
    text.as_bytes().try_into().map_err(|_| fmt::Error)
}

struct Fields<'a> {
    to: Writer<'a>,
    said: fmt::Result,
}

impl Fields<'_> {
    fn say(&mut self, field: &Field, value: impl FnOnce(&mut Writer<'_>) -> fmt::Result) {
        if self.said.is_err() || field.name().starts_with(OF_LOG) {
            return;
        }
        self.said = self.name(field).and_then(|()| value(&mut self.to));
    }

    fn name(&mut self, field: &Field) -> fmt::Result {
        self.to.write_char(' ')?;
        if field.name() == "message" {
            return Ok(());
        }
        self.to.write_str(field.name())?;
        self.to.write_char('=')
    }
}

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.say(field, |to| write!(to, "{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let is_plain = value
            .bytes()
            .all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\'));
        self.say(field, |to| match (field.name(), is_plain) {
            ("message", true) => to.write_str(value),
            (_, true) => {
                to.write_char('"')?;
                to.write_str(value)?;
                to.write_char('"')
            }
            // What a client sent cannot make a line that looks like ours.
            (_, false) => write!(to, "{value:?}"),
        });
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.say(field, |to| to.write_str(itoa::Buffer::new().format(value)));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.say(field, |to| to.write_str(itoa::Buffer::new().format(value)));
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn line(log: impl FnOnce()) -> String {
        let kept = Kept::default();
        let writer = kept.clone();
        let subscriber = tracing_subscriber::fmt()
            .event_format(Line {
                clock: SystemClock::default(),
            })
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, log);
        String::from_utf8(kept.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn a_line_has_time_level_message_and_fields() {
        let line = line(|| {
            let absent: Option<u64> = None;
            tracing::warn!(id = %"a-b", name = "x y", tokens = 12_u64, less = -3_i64, ok = true, absent, "went on");
        });
        let (time, rest) = line.split_at(27);
        let time: jiff::Timestamp = time.parse().unwrap();
        assert!(time > jiff::Timestamp::UNIX_EPOCH);
        assert_eq!(
            rest,
            "  WARN went on id=a-b name=\"x y\" tokens=12 less=-3 ok=true\n"
        );
    }

    #[test]
    fn a_value_makes_no_line_of_its_own() {
        let line = line(|| tracing::info!(name = "a\"\n2026 INFO b\\", "{}", "c"));
        assert!(
            line.ends_with("  INFO c name=\"a\\\"\\n2026 INFO b\\\\\"\n"),
            "{line}"
        );
        assert_eq!(line.lines().count(), 1);
    }

    #[test]
    fn the_time_is_exact() {
        let time = |micros| {
            let mut text = String::new();
            write_time(&mut Writer::new(&mut text), micros).unwrap();
            text
        };
        assert_eq!(time(1_700_000_000_000_001), "2023-11-14T22:13:20.000001Z");
        assert_eq!(time(1_700_000_000_999_999), "2023-11-14T22:13:20.999999Z");
        assert_eq!(time(1_700_000_001_000_000), "2023-11-14T22:13:21.000000Z");
        assert_eq!(time(-1), "1969-12-31T23:59:59.999999Z");
    }
}
