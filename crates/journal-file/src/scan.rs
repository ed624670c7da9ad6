//! Reads the frames of a segment in order, and finds the next good one behind damage.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use serde::de::DeserializeOwned;

use crate::frame::{self, ALIGN, HEADER, Header, Kind, SLOTS};

const WINDOW: usize = 128 << 10;

/// Reads a range of a segment through a window.
pub(crate) struct Scan<'a> {
    file: &'a File,
    at: u64,
    end: u64,
    window: Vec<u8>,
    window_at: u64,
    damage: Damage,
}

/// A good frame.
pub(crate) struct Frame<'a> {
    header: Header,
    payload: &'a [u8],
    /// What stands in an open frame's slots; fewer bytes where the file ends.
    pub(crate) slots: &'a [u8],
}

/// What was in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) enum Damage {
    #[default]
    None,
    /// Behind the last frame: what a process leaves that died while it wrote.
    Tail,
    /// Between frames: something else changed the file.
    Within,
}

impl Frame<'_> {
    pub(crate) fn kind(&self) -> Kind {
        self.header.kind
    }

    /// What it says.
    pub(crate) fn decode<T: DeserializeOwned>(&self) -> postcard::Result<T> {
        self.header.decode(self.payload)
    }
}

impl<'a> Scan<'a> {
    /// Reads from `at`, where a frame begins, up to `end`.
    pub(crate) fn new(file: &'a File, at: u64, end: u64) -> Self {
        Self {
            file,
            at,
            end,
            window: Vec::new(),
            window_at: at,
            damage: Damage::None,
        }
    }

    /// Where the next frame begins.
    pub(crate) fn at(&self) -> u64 {
        self.at
    }

    /// What was in the way so far.
    pub(crate) fn damage(&self) -> Damage {
        self.damage
    }

    /// The next good frame.
    pub(crate) fn next(&mut self) -> io::Result<Option<Frame<'_>>> {
        while self.at < self.end {
            if let Some((header, size)) = self.frame_here()? {
                if self.damage == Damage::Tail {
                    self.damage = Damage::Within;
                }
                let start = self.at;
                self.at = start.saturating_add(as_u64(size)).min(self.end);
                return Ok(Some(self.cut(start, header)));
            }
            // Room nobody wrote to is zeros, and no damage.
            if self.damage == Damage::None && self.fill(ALIGN)?.iter().any(|byte| *byte != 0) {
                self.damage = Damage::Tail;
            }
            self.at = self.at.saturating_add(as_u64(ALIGN)).min(self.end);
        }
        Ok(None)
    }

    // Its header, and its length with everything that belongs to it.
    fn frame_here(&mut self) -> io::Result<Option<(Header, usize)>> {
        let Some(header) = frame::header(self.fill(HEADER)?) else {
            return Ok(None);
        };
        let slots = if header.kind == Kind::Open { SLOTS } else { 0 };
        let size = frame::frame_size(header.payload) + slots;
        let whole = frame::payload(header, self.fill(size)?).is_some();
        Ok(whole.then_some((header, size)))
    }

    // The frame at `start`, which was just filled in.
    fn cut(&self, start: u64, header: Header) -> Frame<'_> {
        let payload = header.payload;
        let bytes = self.window.get(self.offset(start)..).unwrap_or_default();
        let slots = bytes.get(frame::frame_size(payload)..).unwrap_or_default();
        Frame {
            header,
            payload: bytes.get(HEADER..HEADER + payload).unwrap_or_default(),
            slots: slots.get(..SLOTS).unwrap_or(slots),
        }
    }

    // The next `wanted` bytes; fewer where the range or the file ends.
    fn fill(&mut self, wanted: usize) -> io::Result<&[u8]> {
        let wanted = wanted.min(usize::try_from(self.end - self.at).unwrap_or(usize::MAX));
        if self.window.len().saturating_sub(self.offset(self.at)) < wanted {
            self.load(wanted)?;
        }
        let from = self.offset(self.at).min(self.window.len());
        let to = from.saturating_add(wanted).min(self.window.len());
        Ok(&self.window[from..to])
    }

    fn load(&mut self, wanted: usize) -> io::Result<()> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        self.window.resize(wanted.max(WINDOW).min(left), 0);
        self.window_at = self.at;
        let mut filled = 0;
        while filled < self.window.len() {
            match self
                .file
                .read_at(&mut self.window[filled..], self.at + as_u64(filled))
            {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.window.clear();
                    return Err(error);
                }
            }
        }
        self.window.truncate(filled);
        Ok(())
    }

    fn offset(&self, at: u64) -> usize {
        usize::try_from(at.saturating_sub(self.window_at)).unwrap_or(usize::MAX)
    }
}

fn as_u64(size: usize) -> u64 {
    u64::try_from(size).unwrap_or(u64::MAX)
}
