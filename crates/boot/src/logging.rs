//! Logs, to stderr: stdout belongs to what a program prints for its caller.

mod gather;
mod line;

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::clock::SystemClock;
use crate::config::{LogFormat, LogSection};

use gather::Lines;
pub use gather::LogGuard;
use line::Line;

/// Starts logging as `section` says. Call it once, and keep what it returns until the program ends.
///
/// # Errors
/// When the level cannot be understood.
pub fn start(section: &LogSection) -> Result<LogGuard, String> {
    let filter = EnvFilter::try_new(&section.level).map_err(|error| format!("log.level: {error}"))?;
    let (lines, guard) = Lines::to_stderr();
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(lines)
        .with_target(false);
    let started = match section.format {
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
        LogFormat::Human if std::io::stderr().is_terminal() => builder.try_init(),
        LogFormat::Human => {
            let line = Line {
                clock: SystemClock::default(),
            };
            builder.with_ansi(false).event_format(line).try_init()
        }
    };
    started.map_err(|error| error.to_string())?;
    Ok(guard)
}
