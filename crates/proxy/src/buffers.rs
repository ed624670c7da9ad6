//! The memory that request bodies may take, all together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

/// Counts the bytes of all bodies that are held.
#[derive(Debug)]
pub struct Buffers {
    held: AtomicUsize,
    most: usize,
}

impl Buffers {
    /// At most `most` bytes together.
    #[must_use]
    pub const fn new(most: usize) -> Self {
        Self {
            held: AtomicUsize::new(0),
            most,
        }
    }

    /// Bytes held now.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// A place to hold a body, empty at first.
    pub(crate) fn room(self: &Arc<Self>) -> Room {
        Room {
            buffers: Arc::clone(self),
            bytes: 0,
        }
    }
}

/// Room taken for one body; given back when dropped.
#[derive(Debug)]
pub(crate) struct Room {
    buffers: Arc<Buffers>,
    bytes: usize,
}

impl Room {
    /// Takes `more` bytes; `false` when all bodies together would be over the limit.
    pub(crate) fn grow(&mut self, more: usize) -> bool {
        let before = self.buffers.held.fetch_add(more, Ordering::Relaxed);
        if before.saturating_add(more) > self.buffers.most {
            self.buffers.held.fetch_sub(more, Ordering::Relaxed);
            return false;
        }
        self.bytes += more;
        true
    }
}

impl Room {
    /// Gives `less` bytes back, which it had taken.
    pub(crate) fn shrink(&mut self, less: usize) {
        let less = less.min(self.bytes);
        self.bytes -= less;
        self.buffers.held.fetch_sub(less, Ordering::Relaxed);
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.buffers.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// A body that is held, and the room it takes.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) bytes: Bytes,
    // Given back together with the bytes.
    _room: Room,
}

impl Held {
    pub(crate) fn new(bytes: Bytes, room: Room) -> Self {
        Self { bytes, _room: room }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_refused_beyond_the_limit_and_comes_back() {
        let buffers = Arc::new(Buffers::new(10));
        let mut first = buffers.room();
        assert!(first.grow(6) && first.grow(4));
        assert!(!buffers.room().grow(1));
        drop(first);
        assert_eq!(buffers.held(), 0);
        assert!(buffers.room().grow(10));
    }
}
