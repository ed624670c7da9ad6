//! The form of what stands in a segment.
//!
//! A frame is `magic and kind (4) | length of the payload (4) | CRC-32 (4) | payload`, padded with zeros to a
//! multiple of 8; the CRC is over everything but itself. An open frame is followed by two slots for progress,
//! written in turn, so that a torn write leaves the other: `CRC-32 (4) | turn (4) | length (1) | payload`.
//! Numbers are little-endian, payloads are postcard.

use llmgw_usage::journal::Progress;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Frames begin at multiples of this, so that the next one is found behind damage.
pub(crate) const ALIGN: usize = 8;
pub(crate) const HEADER: usize = 12;
pub(crate) const SLOT: usize = 72;
pub(crate) const SLOTS: usize = 2 * SLOT;

/// More than any entry a gateway makes; a greater length in a file is damage.
pub(crate) const MAX_PAYLOAD: usize = 1 << 20;

// No UTF-8 text contains these bytes, so no name in a payload looks like a frame. The version follows.
const MAGIC: [u8; 2] = [0xFF, 0xFA];

/// The form of payloads that this program writes. It reads the one before as well, which lacked the last number:
/// `units` of a record, the price of a unit in an entry.
const VERSION: u8 = 2;
const SLOT_HEADER: usize = 9;

/// What a frame says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An `OpenEntry`, followed by the slots.
    Open = 1,
    /// A `UsageRecord`.
    Close = 2,
}

/// The checked beginning of a frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header {
    version: u8,
    pub(crate) kind: Kind,
    pub(crate) payload: usize,
    crc: u32,
}

/// The bytes a frame of `payload` bytes takes.
pub(crate) const fn frame_size(payload: usize) -> usize {
    (HEADER + payload).next_multiple_of(ALIGN)
}

/// Puts the frame of `value` into `buffer`, which is emptied first. Returns the payload's length.
pub(crate) fn encode(buffer: &mut Vec<u8>, kind: Kind, value: &impl Serialize) -> std::io::Result<usize> {
    buffer.clear();
    buffer.resize(HEADER, 0);
    let mut frame = postcard::to_extend(value, std::mem::take(buffer)).map_err(std::io::Error::other)?;
    let payload = frame.len() - HEADER;
    let length = u32::try_from(payload).ok().filter(|_| payload <= MAX_PAYLOAD);
    let length = length.ok_or_else(|| std::io::Error::other("an entry is too long for the journal"))?;
    frame[..2].copy_from_slice(&MAGIC);
    frame[2] = VERSION;
    frame[3] = kind as u8;
    frame[4..8].copy_from_slice(&length.to_le_bytes());
    let crc = checksum(&frame[..8], &frame[HEADER..]);
    frame[8..HEADER].copy_from_slice(&crc.to_le_bytes());
    frame.resize(frame_size(payload), 0);
    *buffer = frame;
    Ok(payload)
}

/// Reads the first bytes of a frame; `None` when there is no frame.
pub(crate) fn header(bytes: &[u8]) -> Option<Header> {
    let (magic, rest) = bytes.split_first_chunk::<2>()?;
    let (version, rest) = rest.split_first()?;
    let (kind, rest) = rest.split_first()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (crc, _) = rest.split_first_chunk::<4>()?;
    let kind = [Kind::Open, Kind::Close]
        .into_iter()
        .find(|known| *known as u8 == *kind)?;
    let payload = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let known = *magic == MAGIC && (1..=VERSION).contains(version);
    (known && payload <= MAX_PAYLOAD).then_some(Header {
        version: *version,
        kind,
        payload,
        crc: u32::from_le_bytes(*crc),
    })
}

/// The payload of the frame that `bytes` begin with; `None` when it is cut off or damaged.
pub(crate) fn payload(header: Header, bytes: &[u8]) -> Option<&[u8]> {
    let payload = bytes.get(HEADER..HEADER + header.payload)?;
    (checksum(bytes.get(..8)?, payload) == header.crc).then_some(payload)
}

impl Header {
    /// What a payload of this frame says.
    pub(crate) fn decode<T: DeserializeOwned>(self, payload: &[u8]) -> postcard::Result<T> {
        match self.version {
            VERSION => postcard::from_bytes(payload),
            // A number at the end that is 0 is one byte that is 0.
            _ => postcard::from_bytes(&[payload, &[0]].concat()),
        }
    }
}

/// The slot that says `progress` for the `turn`th time, and where it belongs among the two.
pub(crate) fn encode_slot(progress: &Progress, turn: u32) -> std::io::Result<([u8; SLOT], usize)> {
    let mut slot = [0; SLOT];
    let length = postcard::to_slice(progress, &mut slot[SLOT_HEADER..])
        .map_err(std::io::Error::other)?
        .len();
    slot[4..8].copy_from_slice(&turn.to_le_bytes());
    slot[8] = u8::try_from(length).map_err(std::io::Error::other)?;
    let crc = crc32fast::hash(&slot[4..]);
    slot[..4].copy_from_slice(&crc.to_le_bytes());
    Ok((slot, if turn.is_multiple_of(2) { SLOT } else { 0 }))
}

/// The latest progress that stands whole in the slots.
pub(crate) fn latest(slots: &[u8]) -> Option<Progress> {
    let read = slots.chunks_exact(SLOT).filter_map(decode_slot);
    read.max_by_key(|(turn, _)| *turn).map(|(_, progress)| progress)
}

fn decode_slot(slot: &[u8]) -> Option<(u32, Progress)> {
    let (crc, rest) = slot.split_first_chunk::<4>()?;
    let (turn, body) = rest.split_first_chunk::<4>()?;
    // A slot nobody wrote is zeros, whose checksum is not zero.
    if crc32fast::hash(rest) != u32::from_le_bytes(*crc) {
        return None;
    }
    let (length, body) = body.split_first()?;
    let progress = postcard::from_bytes(body.get(..usize::from(*length))?).ok()?;
    Some((u32::from_le_bytes(*turn), progress))
}

fn checksum(head: &[u8], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(head);
    hasher.update(payload);
    hasher.finalize()
}

#[cfg(test)]
mod tests;
