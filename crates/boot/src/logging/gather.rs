//! Where log lines go: those that ask for attention at once, all others by a thread that writes many at a time. A
//! request's line would otherwise cost a call of the system, and a slow reader of the log would slow down requests.

use std::io::{self, BufWriter, Stderr, Write};
use std::time::Duration;

use tracing::{Level, Metadata};
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::writer::EitherWriter;

/// More lines than these are dropped, should nobody take them: requests go on.
const MOST_LINES: usize = 16 * 1_024;

/// How long to gather lines before they are written.
const GATHER: Duration = Duration::from_millis(10);

const BUFFER: usize = 64 * 1_024;

/// Writes what was gathered when it is dropped.
#[derive(Debug)]
pub struct LogGuard {
    _thread: WorkerGuard,
}

pub(super) struct Lines(NonBlocking);

impl Lines {
    pub(super) fn to_stderr() -> (Self, LogGuard) {
        let (lines, thread) = NonBlockingBuilder::default()
            .thread_name("log")
            .buffered_lines_limit(MOST_LINES)
            .finish(Gather(BufWriter::with_capacity(BUFFER, io::stderr())));
        (Self(lines), LogGuard { _thread: thread })
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = EitherWriter<Stderr, NonBlocking>;

    fn make_writer(&'a self) -> Self::Writer {
        EitherWriter::B(self.0.clone())
    }

    fn make_writer_for(&'a self, line: &Metadata<'_>) -> Self::Writer {
        if *line.level() <= Level::WARN {
            EitherWriter::A(io::stderr())
        } else {
            self.make_writer()
        }
    }
}

// The thread flushes whenever it has written all there is.
struct Gather<W: Write>(BufWriter<W>);

impl<W: Write> Write for Gather<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()?;
        #[expect(
            clippy::disallowed_methods,
            reason = "a thread of its own, where lines may gather meanwhile"
        )]
        std::thread::sleep(GATHER);
        Ok(())
    }
}
