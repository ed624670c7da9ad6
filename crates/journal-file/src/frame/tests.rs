use llmgw_types::{Endpoint, KeyId, Money, Price, RequestId, Timestamp, TokenSource, TokenUsage, UserId};
use llmgw_usage::journal::OpenEntry;
use llmgw_usage::journal::contract::seen;
use llmgw_usage::ledger::{End, UsageRecord};

use super::*;

fn entry() -> OpenEntry {
    OpenEntry {
        id: RequestId::from_bytes([1; 16]),
        time: Timestamp::from_millis(1_800_000_000_000),
        key: KeyId::from_bytes([2; 16]),
        user: UserId::from_bytes([3; 16]),
        groups: vec!["staff".parse().unwrap()],
        model: "meta/llama".parse().unwrap(),
        target: Some("gpu-1:8000".parse().unwrap()),
        endpoint: Endpoint::Messages,
        streamed: true,
        prompt_estimate: 300,
        price: Price {
            prompt: Money::from_nanos(1),
            cached_prompt: Money::from_nanos(2),
            completion: Money::from_nanos(3),
            unit: Money::from_nanos(4),
        },
    }
}

fn largest() -> Progress {
    Progress {
        tokens: TokenUsage {
            prompt: u64::MAX,
            cached: u64::MAX,
            completion: u64::MAX,
            reasoning: u64::MAX,
        },
        source: TokenSource::Estimated,
        status: u16::MAX,
        ended: true,
        elapsed_ms: u32::MAX,
        ttft_ms: Some(u32::MAX),
    }
}

fn record() -> UsageRecord {
    UsageRecord {
        end: End::Complete,
        units: 300,
        ..entry().crashed(Some(&seen(5)))
    }
}

// The CRC of a frame is over all of it.
fn fingerprint(kind: Kind, value: &impl Serialize) -> (usize, u32) {
    let mut frame = Vec::new();
    encode(&mut frame, kind, value).unwrap();
    (frame.len(), header(&frame).unwrap().crc)
}

// Files outlive the program that wrote them. Whoever changes a record must give the new form a new version in
// `MAGIC`, and still read the old one.
#[test]
fn the_form_of_entries_does_not_change_unnoticed() {
    assert_eq!(fingerprint(Kind::Open, &entry()), (112, 180913101));
    assert_eq!(fingerprint(Kind::Close, &record()), (120, 3375019696));
    let (slot, _) = encode_slot(&seen(5), 1).unwrap();
    assert_eq!(crc32fast::hash(&slot), 3043837834);
}

#[test]
fn a_frame_comes_back() {
    let mut frame = Vec::new();
    let length = encode(&mut frame, Kind::Open, &entry()).unwrap();
    assert_eq!(frame.len(), frame_size(length));
    let head = header(&frame).unwrap();
    assert_eq!((head.kind, head.payload), (Kind::Open, length));
    let read: OpenEntry = head.decode(payload(head, &frame).unwrap()).unwrap();
    assert_eq!(read, entry());
}

// As version 1 wrote it: all but the last number, and that version in the magic.
fn as_before(kind: Kind, value: &impl Serialize) -> Vec<u8> {
    let mut bytes = postcard::to_stdvec(value).unwrap();
    assert_eq!(bytes.pop(), Some(0));
    let mut frame = vec![0xFF, 0xFA, 1, kind as u8];
    frame.extend(u32::try_from(bytes.len()).unwrap().to_le_bytes());
    let crc = checksum(&frame, &bytes);
    frame.extend(crc.to_le_bytes());
    frame.extend(bytes);
    frame
}

#[test]
fn what_the_version_before_wrote_is_read() {
    let mut old = entry();
    old.price.unit = Money::ZERO;
    let frame = as_before(Kind::Open, &old);
    let head = header(&frame).unwrap();
    assert_eq!(head.crc, 2995810475, "that of the program of then");
    let read: OpenEntry = head.decode(payload(head, &frame).unwrap()).unwrap();
    assert_eq!(read, old);
    let old = UsageRecord { units: 0, ..record() };
    let frame = as_before(Kind::Close, &old);
    let head = header(&frame).unwrap();
    assert_eq!(head.crc, 2146983517, "that of the program of then");
    let read: UsageRecord = head.decode(payload(head, &frame).unwrap()).unwrap();
    assert_eq!(read, old);
}

#[test]
fn a_frame_cut_off_or_changed_anywhere_is_none() {
    let mut frame = Vec::new();
    let length = encode(&mut frame, Kind::Close, &record()).unwrap();
    frame.truncate(HEADER + length);
    let reads = |bytes: &[u8]| header(bytes).and_then(|head| payload(head, bytes)).is_some();
    assert!(reads(&frame));
    for cut in 0..frame.len() {
        assert!(!reads(&frame[..cut]), "cut at {cut}");
    }
    for bit in 0..frame.len() * 8 {
        let mut changed = frame.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(!reads(&changed), "bit {bit}");
    }
}

#[test]
fn what_is_too_long_is_refused() {
    let mut frame = Vec::new();
    assert!(encode(&mut frame, Kind::Open, &"x".repeat(MAX_PAYLOAD)).is_err());
    assert!(encode(&mut frame, Kind::Open, &"x".repeat(MAX_PAYLOAD - 8)).is_ok());
}

#[test]
fn slots_are_written_in_turn_and_the_latest_counts() {
    let mut slots = [0; SLOTS];
    assert_eq!(latest(&slots), None);
    for turn in 1..6 {
        let (slot, at) = encode_slot(&seen(u64::from(turn)), turn).unwrap();
        slots[at..at + SLOT].copy_from_slice(&slot);
        assert_eq!(latest(&slots), Some(seen(u64::from(turn))));
    }
    assert_eq!(latest(&slots[..SLOT]), Some(seen(5)));
    assert_eq!(latest(&slots[SLOT..]), Some(seen(4)));
}

#[test]
fn a_torn_slot_leaves_the_other() {
    let mut slots = [0; SLOTS];
    let (first, at) = encode_slot(&seen(1), 1).unwrap();
    slots[at..at + SLOT].copy_from_slice(&first);
    let (second, at) = encode_slot(&seen(2), 2).unwrap();
    for torn in 0..SLOT {
        let mut slots = slots;
        slots[at..at + torn].copy_from_slice(&second[..torn]);
        let read = latest(&slots);
        // The end of a slot is zeros before and after.
        let whole = second[torn..].iter().all(|byte| *byte == 0);
        assert_eq!(read, Some(seen(if whole { 2 } else { 1 })), "torn at {torn}");
    }
}

#[test]
fn the_largest_progress_fits_a_slot() {
    let (slot, at) = encode_slot(&largest(), 1).unwrap();
    let mut slots = [0; SLOTS];
    slots[at..at + SLOT].copy_from_slice(&slot);
    assert_eq!(latest(&slots), Some(largest()));
}
