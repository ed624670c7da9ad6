use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use futures_executor::block_on;
use llmgw_types::{Timestamp, UserId};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{Actor, AuditEntry, AuditQuery, Digest, MemoryAudit, Stage};

fn chain(nth: u8) -> ChainId {
    ChainId::from_bytes([nth; 16])
}

/// Intended entries with odd, and their ends with even numbers.
fn entries(chain: ChainId, count: usize) -> Vec<AuditEntry> {
    let mut entries: Vec<AuditEntry> = Vec::new();
    for seq in 1..=count as u64 {
        let end = seq % 2 == 0;
        entries.push(AuditEntry {
            chain,
            seq,
            at: Timestamp::from_micros(1_800_000_000_000_000 + seq.cast_signed()),
            stage: if end { Stage::Done } else { Stage::Intended },
            of: end.then(|| seq - 1),
            actor: Actor::User(UserId::from_bytes([0xaa; 16])),
            origin: Some("10.0.0.1".to_owned()),
            action: "model.replace".to_owned(),
            subject: "model:llama-3".to_owned(),
            before: Some(json!({ "weight": 1, "price": [0.5, null, "EUR"] })),
            after: Some(json!({ "weight": 2, "on": true })),
            error: end.then(|| "none".to_owned()),
            previous: Digest::of_chain(chain),
            hash: Digest::from_bytes([0; 32]),
        });
    }
    linked(entries)
}

/// All hashes made anew, as one who may write to the store would.
fn linked(mut entries: Vec<AuditEntry>) -> Vec<AuditEntry> {
    let mut previous = None;
    for entry in &mut entries {
        let link = previous.unwrap_or(Digest::of_chain(entry.chain));
        entry.previous = link;
        *entry = entry.clone().sealed();
        previous = Some(entry.hash);
    }
    entries
}

fn heads(entries: &[AuditEntry]) -> Vec<Head> {
    let heads: BTreeMap<ChainId, Head> = entries.iter().map(|entry| (entry.chain, entry.head())).collect();
    heads.into_values().collect()
}

fn verified(entries: &[AuditEntry], heads: &[Head], exported: &[Head]) -> Verified {
    let log = MemoryAudit::holding(entries.to_vec(), heads.to_vec());
    block_on(verify(&log, exported)).unwrap()
}

fn faults(entries: &[AuditEntry], heads: &[Head], exported: &[Head]) -> Vec<(u64, Wrong)> {
    let verified = verified(entries, heads, exported);
    assert!(verified.faults.iter().all(|fault| fault.chain == chain(1)));
    verified
        .faults
        .into_iter()
        .map(|fault| (fault.seq, fault.wrong))
        .collect()
}

fn without(entries: &[AuditEntry], seqs: &[u64]) -> Vec<AuditEntry> {
    let kept = entries.iter().filter(|entry| !seqs.contains(&entry.seq));
    kept.cloned().collect()
}

#[test]
fn a_whole_log_has_no_fault() {
    let mut all = entries(chain(1), 4);
    all.extend(entries(chain(2), 2 * PAGE + 1));
    let heads = heads(&all);
    let exported: Vec<_> = all.iter().map(AuditEntry::head).collect();
    let whole = Verified {
        chains: 2,
        entries: 4 + 2 * PAGE as u64 + 1,
        unfinished: 1,
        faults: Vec::new(),
    };
    assert_eq!(verified(&all, &heads, &exported), whole);
    assert_eq!(verified(&[], &[], &[]), Verified::default());
}

#[test]
fn what_is_missing_is_named() {
    let all = entries(chain(1), 8);
    let heads = heads(&all);
    let missing = |through| Wrong::Missing { through };
    assert_eq!(faults(&without(&all, &[1, 2]), &heads, &[]), [(1, missing(2))]);
    assert_eq!(
        faults(&without(&all, &[3, 4, 5, 6]), &heads, &[]),
        [(3, missing(6))]
    );
    let ends_alone = [(3, missing(3)), (4, Wrong::WithoutIntended), (6, missing(6))];
    assert_eq!(faults(&without(&all, &[3, 6]), &heads, &[]), ends_alone);
}

#[test]
fn a_tail_that_was_cut_is_named() {
    let all = entries(chain(1), 6);
    let cut = |by| Wrong::TailCut { through: 6, by };
    assert_eq!(faults(&all[..4], &heads(&all), &[]), [(5, cut(Witness::Log))]);
    // Who sets the head back as well is told by the exported one alone.
    assert_eq!(faults(&all[..4], &heads(&all[..4]), &[]), []);
    let exported = [all[4].head(), all[5].head()];
    assert_eq!(
        faults(&all[..4], &heads(&all[..4]), &exported),
        [(5, cut(Witness::Exported))]
    );
}

#[test]
fn a_chain_that_is_missing_is_named() {
    let all = entries(chain(1), 6);
    let missing = |by| Wrong::ChainMissing { through: 6, by };
    assert_eq!(faults(&[], &heads(&all), &[]), [(1, missing(Witness::Log))]);
    assert_eq!(faults(&[], &[], &heads(&all)), [(1, missing(Witness::Exported))]);
}

#[test]
fn a_chain_made_anew_is_named_by_an_exported_head() {
    let all = entries(chain(1), 6);
    let mut forged = all.clone();
    forged[2].subject = "model:other".to_owned();
    let forged = linked(forged);
    assert_eq!(faults(&forged, &heads(&forged), &[]), []);
    let other = |by| Wrong::OtherHash { by };
    let log = [(6, other(Witness::Log))];
    assert_eq!(faults(&forged, &heads(&all), &[]), log);
    let exported = [all[1].head(), all[3].head()];
    assert_eq!(
        faults(&forged, &heads(&forged), &exported),
        [(4, other(Witness::Exported))]
    );
}

#[test]
fn an_entry_made_anew_is_named_by_the_next_one() {
    let all = entries(chain(1), 6);
    let mut forged = all.clone();
    forged[2].subject = "model:other".to_owned();
    forged[2] = forged[2].clone().sealed();
    assert_eq!(faults(&forged, &heads(&all), &[]), [(4, Wrong::Unlinked)]);
}

#[test]
fn a_chain_without_a_head_that_reaches_its_end_is_named() {
    let all = entries(chain(1), 4);
    assert_eq!(faults(&all, &[], &[]), [(4, Wrong::HeadBehind)]);
    assert_eq!(faults(&all, &[all[1].head()], &[]), [(4, Wrong::HeadBehind)]);
}

#[test]
fn an_end_needs_an_intended_entry_of_its_own() {
    let mut all = entries(chain(1), 6);
    all[3].of = Some(1);
    all[5].of = None;
    let all = linked(all);
    let ends = [(4, Wrong::WithoutIntended), (6, Wrong::WithoutIntended)];
    assert_eq!(faults(&all, &heads(&all), &[]), ends);
    assert_eq!(verified(&all, &heads(&all), &[]).unfinished, 2);
}

#[test]
fn a_fault_says_where_and_what() {
    let all = entries(chain(1), 4);
    let fault = verified(&all[..2], &heads(&all), &[]).faults.remove(0);
    let text = "chain 01010101-0101-0101-0101-010101010101, entry 3: the end of the chain is cut off: \
                the log's head is entry 4";
    assert_eq!(fault.to_string(), text);
    let wrong = json!({ "what": "tail_cut", "through": 4, "by": "log" });
    let expected = json!({ "chain": chain(1), "seq": 3, "wrong": wrong });
    assert_eq!(serde_json::to_value(&fault).unwrap(), expected);
}

/// Some of its entries cannot be read; one more is appended while it is read.
struct Odd {
    log: MemoryAudit,
    unreadable: Vec<u64>,
    next: Option<AuditEntry>,
    appended: AtomicBool,
}

#[async_trait]
impl AuditLog for Odd {
    async fn append(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        self.log.append(entry).await
    }

    async fn heads(&self) -> Result<Vec<Head>, StoreError> {
        self.log.heads().await
    }

    async fn chains(&self) -> Result<Vec<ChainId>, StoreError> {
        self.log.chains().await
    }

    async fn list(&self, query: &AuditQuery) -> Result<Vec<AuditEntry>, StoreError> {
        self.log.list(query).await
    }

    async fn chain(&self, chain: ChainId, after: u64, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        if let Some(next) = &self.next
            && !self.appended.swap(true, Ordering::SeqCst)
        {
            self.log.append(next).await?;
        }
        let page = self.log.chain(chain, after, limit).await?;
        match page.iter().find(|entry| self.unreadable.contains(&entry.seq)) {
            Some(entry) => Err(StoreError::Corrupt {
                store: "the log",
                detail: format!("entry {}", entry.seq),
            }),
            None => Ok(page),
        }
    }
}

fn odd(entries: Vec<AuditEntry>, heads: Vec<Head>, unreadable: &[u64]) -> Odd {
    Odd {
        log: MemoryAudit::holding(entries, heads),
        unreadable: unreadable.to_vec(),
        next: None,
        appended: AtomicBool::new(false),
    }
}

#[test]
fn what_cannot_be_read_is_named_and_the_rest_is_looked_at() {
    let mut all = entries(chain(1), 9);
    all[7].origin = None;
    let log = odd(all.clone(), heads(&all), &[3, 4, 9]);
    let verified = block_on(verify(&log, &[])).unwrap();
    let seqs: Vec<_> = verified.faults.iter().map(|fault| fault.seq).collect();
    assert_eq!(seqs, [3, 4, 8, 9]);
    let detail = "entry 4".to_owned();
    assert_eq!(verified.faults[1].wrong, Wrong::Unreadable { detail });
    assert_eq!(verified.faults[2].wrong, Wrong::Changed);
    assert_eq!((verified.entries, verified.chains), (9, 1));
}

#[test]
fn an_unreadable_entry_beyond_all_heads_ends_the_search() {
    let all = entries(chain(1), 4);
    let log = odd(all.clone(), vec![all[1].head()], &[4]);
    let faults = block_on(verify(&log, &[])).unwrap().faults;
    let wrong: Vec<_> = faults.into_iter().map(|fault| (fault.seq, fault.wrong)).collect();
    let detail = "entry 4".to_owned();
    assert_eq!(wrong, [(4, Wrong::Unreadable { detail }), (4, Wrong::HeadBehind)]);
}

#[test]
fn an_entry_that_is_appended_meanwhile_is_no_fault() {
    let all = entries(chain(1), 5);
    let log = Odd {
        next: Some(all[4].clone()),
        ..odd(all[..4].to_vec(), heads(&all[..4]), &[])
    };
    let verified = block_on(verify(&log, &[])).unwrap();
    assert_eq!((verified.entries, verified.faults), (5, Vec::new()));
}

#[test]
fn a_log_that_is_away_is_an_error() {
    struct Away;
    fn away<T>() -> Result<T, StoreError> {
        Err(StoreError::unavailable("the log", "gone"))
    }
    #[async_trait]
    impl AuditLog for Away {
        async fn append(&self, _: &AuditEntry) -> Result<(), StoreError> {
            away()
        }
        async fn heads(&self) -> Result<Vec<Head>, StoreError> {
            Ok(heads(&entries(chain(1), 1)))
        }
        async fn chains(&self) -> Result<Vec<ChainId>, StoreError> {
            Ok(vec![chain(1)])
        }
        async fn list(&self, _: &AuditQuery) -> Result<Vec<AuditEntry>, StoreError> {
            away()
        }
        async fn chain(&self, _: ChainId, _: u64, _: usize) -> Result<Vec<AuditEntry>, StoreError> {
            away()
        }
    }
    assert!(block_on(verify(&Away, &[])).is_err());
}

/// The log after `text` took the place of entry `nth`; `None` where that is no entry or the same one.
fn tampered(all: &[AuditEntry], nth: usize, text: &[u8]) -> Option<Vec<AuditEntry>> {
    let entry: AuditEntry = serde_json::from_slice(text).ok()?;
    let mut tampered = all.to_vec();
    tampered[nth] = entry;
    (tampered[nth] != all[nth]).then_some(tampered)
}

fn names(all: &[AuditEntry], tampered: &[AuditEntry], nth: usize) -> bool {
    let faults = verified(tampered, &heads(all), &[]).faults;
    faults
        .iter()
        .any(|fault| (fault.chain, fault.seq) == (all[nth].chain, all[nth].seq))
}

#[test]
fn every_bit_of_every_entry_counts() {
    let all = entries(chain(1), 3);
    let mut tried = 0;
    for (nth, entry) in all.iter().enumerate() {
        let text = serde_json::to_vec(entry).unwrap();
        for (at, bit) in (0..text.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
            let mut other = text.clone();
            other[at] ^= 1 << bit;
            let Some(tampered) = tampered(&all, nth, &other) else {
                continue;
            };
            let shown = String::from_utf8_lossy(&other);
            assert!(names(&all, &tampered, nth), "{shown}");
            tried += 1;
        }
    }
    assert!(tried > 3_000, "{tried}");
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(".{0,3}", inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

prop_compose! {
    fn content()(
        texts in prop::array::uniform3(".{0,8}"),
        optional in prop::array::uniform2(prop::option::of(".{0,8}")),
        values in prop::array::uniform2(prop::option::of(json_value())),
        at in -1_000_000_000_000_000i64..4_000_000_000_000_000,
    ) -> AuditEntry {
        let [action, subject, account] = texts;
        let ([origin, error], [before, after]) = (optional, values);
        AuditEntry {
            at: Timestamp::from_micros(at),
            actor: Actor::CommandLine { account },
            origin,
            action,
            subject,
            before,
            after,
            error,
            ..entries(chain(1), 1).remove(0)
        }
    }
}

proptest! {
    #[test]
    fn every_byte_of_whatever_an_entry_holds_counts(
        contents in prop::collection::vec(content(), 1..4),
        at: prop::sample::Index,
        byte: u8,
    ) {
        let numbered = (1..).zip(contents).map(|(seq, content)| AuditEntry { seq, ..content });
        let all = linked(numbered.collect());
        prop_assert_eq!(verified(&all, &heads(&all), &[]).faults, []);
        for (nth, entry) in all.iter().enumerate() {
            let text = serde_json::to_vec(entry).unwrap();
            let at = at.index(text.len());
            // This byte, and digits: most others make it no entry at all.
            for byte in [byte, b'0', b'1', b'7', b'a', b'e'] {
                let mut other = text.clone();
                other[at] = byte;
                if let Some(tampered) = tampered(&all, nth, &other) {
                    prop_assert!(names(&all, &tampered, nth), "{}", String::from_utf8_lossy(&other));
                }
            }
        }
    }
}
