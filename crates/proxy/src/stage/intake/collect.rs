//! Puts a body together, and counts the memory that takes.

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use futures_util::StreamExt;

use crate::BodyRefusal;
use crate::buffers::Room;

/// Where the length is not known, a body is kept in blocks of this size until its end comes.
const BLOCK: usize = 64 * 1024;

/// The whole of `body`, `limit` bytes at most. `room` has as much as it takes, also while it is put together.
pub(super) async fn collect(
    mut body: impl Stream<Item = Result<Bytes, BodyRefusal>> + Unpin,
    room: &mut Room,
    announced: Option<u64>,
    limit: usize,
) -> Result<Bytes, BodyRefusal> {
    // Most bodies come in one read: those are never copied.
    let mut first = Bytes::new();
    let mut blocks: Vec<BytesMut> = Vec::new();
    let mut length = 0;
    while let Some(chunk) = body.next().await {
        let chunk = chunk?;
        length += chunk.len();
        if length > limit {
            return Err(BodyRefusal::TooLarge { limit });
        }
        take(room, chunk.len())?;
        if blocks.is_empty() && first.is_empty() {
            first = chunk;
            continue;
        }
        if blocks.is_empty() {
            blocks.push(first_block(announced, limit));
            add(&mut blocks, &std::mem::take(&mut first));
        }
        add(&mut blocks, &chunk);
    }
    match blocks.len() {
        0 => Ok(first),
        1 => Ok(blocks.pop().unwrap_or_default().freeze()),
        _ => together(blocks, length, room),
    }
}

// Where the length is known, the place for it is taken once: memory that nobody wrote to is none yet. So nothing is
// copied later, and a client that never sends the rest holds nothing.
fn first_block(announced: Option<u64>, limit: usize) -> BytesMut {
    let announced = announced.and_then(|length| usize::try_from(length).ok());
    BytesMut::with_capacity(announced.unwrap_or(BLOCK).min(limit))
}

fn add(blocks: &mut Vec<BytesMut>, mut bytes: &[u8]) {
    while let Some(block) = blocks.last_mut() {
        let fits = bytes.len().min(block.capacity() - block.len());
        let (now, later) = bytes.split_at(fits);
        block.extend_from_slice(now);
        bytes = later;
        if bytes.is_empty() {
            return;
        }
        blocks.push(BytesMut::with_capacity(BLOCK));
    }
}

// For a moment it is there twice.
fn together(blocks: Vec<BytesMut>, length: usize, room: &mut Room) -> Result<Bytes, BodyRefusal> {
    take(room, length)?;
    let mut whole = BytesMut::with_capacity(length);
    for block in blocks {
        whole.extend_from_slice(&block);
    }
    room.shrink(length);
    Ok(whole.freeze())
}

fn take(room: &mut Room, bytes: usize) -> Result<(), BodyRefusal> {
    if room.grow(bytes) {
        Ok(())
    } else {
        Err(BodyRefusal::BuffersFull)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_executor::block_on;
    use futures_util::stream;

    use super::*;
    use crate::Buffers;

    fn collected(
        sizes: &[usize],
        announced: Option<u64>,
        most: usize,
    ) -> (Result<Bytes, BodyRefusal>, usize) {
        let buffers = Arc::new(Buffers::new(most));
        let mut room = buffers.room();
        let mut at = 0;
        let mut chunks = Vec::new();
        for size in sizes {
            chunks.push(Ok((at..at + size).map(|at| at as u8).collect::<Bytes>()));
            at += size;
        }
        let body = block_on(collect(stream::iter(chunks), &mut room, announced, 1 << 20));
        (body, buffers.held())
    }

    #[test]
    fn it_is_put_together_and_counted() {
        for sizes in [&[][..], &[5], &[5, 7], &[100_000, 100_000, 1], &[1; 1_000]] {
            let length: usize = sizes.iter().sum();
            let expected: Vec<u8> = (0..length).map(|at| at as u8).collect();
            for announced in [None, Some(length as u64), Some(1), Some(u64::MAX)] {
                let (body, held) = collected(sizes, announced, usize::MAX);
                assert!(body.unwrap() == expected && held == length, "{announced:?}");
            }
        }
    }

    #[test]
    fn what_would_be_too_much_is_refused() {
        let (body, _) = collected(&[1 << 20, 1], None, usize::MAX);
        assert_eq!(body, Err(BodyRefusal::TooLarge { limit: 1 << 20 }));
        assert_eq!(
            collected(&[60, 60], Some(120), 119).0,
            Err(BodyRefusal::BuffersFull)
        );
        // It would fit, but not twice.
        let sizes = [BLOCK, BLOCK, 1];
        let of = |announced, most| collected(&sizes, announced, most).0;
        assert_eq!(of(None, 4 * BLOCK), Err(BodyRefusal::BuffersFull));
        assert!(of(None, 5 * BLOCK).is_ok());
        assert!(of(Some((2 * BLOCK + 1) as u64), 3 * BLOCK).is_ok());
    }
}
