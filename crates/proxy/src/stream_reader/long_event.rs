//! An event that is too long to keep: read as it passes, in constant memory.

use memchr::memmem::Finder;

use super::value_of;
use crate::body_usage::UsageScanner;
use crate::reported::RawUsage;

/// An event of more than a mebibyte: a picture, or a very long answer.
#[derive(Debug)]
pub(super) struct LongEvent {
    name: Option<Vec<u8>>,
    // Its data has not begun yet.
    in_head: bool,
    scanner: UsageScanner,
}

impl LongEvent {
    /// The event that begins with `part`; its usage stands in so many objects.
    pub(super) fn new(part: &[u8], usage_at: u32) -> Self {
        let line = part.split(|byte| matches!(byte, b'\n' | b'\r')).next();
        let named = line.and_then(|line| line.strip_prefix(b"event:"));
        let typed = || {
            let value = value_of(&Finder::new(b"\"type\""), part)?.strip_prefix(b"\"")?;
            value.split(|byte| *byte == b'"').next()
        };
        Self {
            name: named.or_else(typed).map(|name| name.trim_ascii().to_vec()),
            in_head: true,
            scanner: UsageScanner::at_depth(usage_at),
        }
    }

    /// Reads the next part, the first one too.
    pub(super) fn read(&mut self, part: &[u8]) {
        let data = if self.in_head {
            let begin = memchr::memmem::find(part, b"data:");
            begin.and_then(|at| part.get(at + 5..)).unwrap_or_default()
        } else {
            part
        };
        self.in_head = false;
        self.scanner.push(data);
    }

    /// The usage it carries.
    pub(super) fn usage(&self) -> Option<RawUsage> {
        self.scanner.found()
    }

    /// Its name: of its `event:` line, else the `type` in its data, where that stands at the beginning.
    pub(super) fn into_name(self) -> Option<Vec<u8>> {
        self.name
    }
}
