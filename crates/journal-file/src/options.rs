//! What can be chosen about a journal.

/// How a journal keeps its notes. The default has no limit but the disk's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// The most bytes its files may take, those of dead processes it took over included. Beyond, `open` is
    /// refused as full; requests already open still end well. Less than a few times 64 KiB serves nobody.
    pub max_bytes: Option<u64>,
}

/// Room is asked of the file system in steps of this many bytes, so that the call is rare.
const CHUNK: u64 = 256 << 10;

/// A segment takes no new requests beyond this many bytes.
const SEGMENT: u64 = 8 << 20;

impl Options {
    // A small journal needs small segments: the room of one is only given back as a whole.
    pub(crate) fn segment_bytes(&self) -> u64 {
        self.max_bytes
            .map_or(SEGMENT, |max| (max / 16).clamp(16 << 10, SEGMENT))
    }

    // Small beside a segment: what is left of the last step is of no use to anyone.
    pub(crate) fn chunk_bytes(&self) -> u64 {
        (self.segment_bytes() / 8).min(CHUNK)
    }
}
