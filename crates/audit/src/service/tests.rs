use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Mutex as Lock;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use futures_executor::block_on;
use llmgw_types::ManualClock;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{AuditQuery, Head, MemoryAudit, Verified, verify};

/// What becomes of an append.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    Kept,
    /// It fails, and nothing was kept.
    Failed,
    /// It fails, and was kept.
    AnswerLost,
    /// It was kept, its answer was lost within the log, and a second try met it.
    MetItself,
    /// It hangs until its caller goes, and was not kept.
    Hung,
    /// It hangs until its caller goes, and was kept.
    HungKept,
    /// It hangs until its caller goes, and comes in when the next append is on its way.
    Late,
    /// As kept, but the log could not be read before, if that was necessary.
    Unreadable,
}

#[derive(Default)]
struct Unsteady {
    log: MemoryAudit,
    fates: Lock<VecDeque<Fate>>,
    late: Lock<Vec<AuditEntry>>,
}

impl Unsteady {
    fn with(fates: &[Fate]) -> Arc<Self> {
        let log = Self::default();
        log.fates.lock().unwrap().extend(fates);
        Arc::new(log)
    }

    fn turns_away(&self) -> bool {
        let mut fates = self.fates.lock().unwrap();
        let away = fates.front() == Some(&Fate::Unreadable);
        if away {
            fates.pop_front();
        }
        away
    }
}

fn away<T>() -> Result<T, StoreError> {
    Err(StoreError::unavailable("the log", "as the test wants it"))
}

#[async_trait]
impl AuditLog for Unsteady {
    async fn append(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        let late = std::mem::take(&mut *self.late.lock().unwrap());
        for late in late {
            // It may have been overtaken.
            let _ = self.log.append(&late).await;
        }
        let fate = self.fates.lock().unwrap().pop_front().unwrap_or(Fate::Kept);
        if matches!(
            fate,
            Fate::Kept | Fate::Unreadable | Fate::AnswerLost | Fate::HungKept
        ) {
            self.log.append(entry).await?;
        }
        match fate {
            Fate::MetItself => {
                self.log.append(entry).await?;
                self.log.append(entry).await
            }
            Fate::Kept | Fate::Unreadable => Ok(()),
            Fate::Failed | Fate::AnswerLost => away(),
            Fate::Hung | Fate::HungKept => std::future::pending().await,
            Fate::Late => {
                self.late.lock().unwrap().push(entry.clone());
                std::future::pending().await
            }
        }
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
        if self.turns_away() {
            return away();
        }
        self.log.chain(chain, after, limit).await
    }
}

struct Sevens;

impl Entropy for Sevens {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_007);

fn auditor(log: &Arc<Unsteady>) -> (Auditor, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(NOW));
    let auditor = Auditor::new(
        Arc::<Unsteady>::clone(log),
        Arc::<ManualClock>::clone(&clock),
        Arc::new(Sevens),
    );
    (auditor, clock)
}

fn deed(subject: &str) -> Deed {
    Deed {
        actor: Actor::AdminKey,
        origin: Some("127.0.0.1".to_owned()),
        action: "model.replace".to_owned(),
        subject: subject.to_owned(),
        before: Some(json!({ "weight": 1 })),
        after: Some(json!({ "weight": 2 })),
    }
}

// What comes of it at once; a caller that would have to wait goes.
fn impatiently<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => Some(done),
        Poll::Pending => None,
    }
}

fn all(log: &Unsteady) -> Vec<AuditEntry> {
    let heads = block_on(log.heads()).unwrap();
    assert!(heads.len() <= 1, "{heads:?}");
    let entries = heads
        .first()
        .map(|head| block_on(log.log.chain(head.chain, 0, 10_000)));
    entries.map(Result::unwrap).unwrap_or_default()
}

fn verified(log: &Unsteady) -> Verified {
    let verified = block_on(verify(&log.log, &[])).unwrap();
    assert_eq!(verified.faults, []);
    verified
}

#[test]
fn a_deed_and_its_end_are_two_entries() {
    let log = Unsteady::with(&[]);
    let (auditor, clock) = auditor(&log);
    let intended = block_on(auditor.intend(deed("model:a"))).unwrap();
    clock.advance(Duration::from_micros(5));
    block_on(auditor.done(intended, Some(json!({ "weight": 3 })))).unwrap();
    let intended = block_on(auditor.intend(deed("model:b"))).unwrap();
    block_on(auditor.failed(intended, "no such target")).unwrap();

    let entries = all(&log);
    let [first, done, _, failed] = &entries[..] else {
        panic!("{entries:?}");
    };
    assert_eq!(
        (first.seq, first.stage, first.of, first.at),
        (1, Stage::Intended, None, NOW)
    );
    assert_eq!(first.previous, Digest::of_chain(first.chain));
    assert_eq!((&first.before, &first.after), (&deed("").before, &deed("").after));
    assert_eq!((done.seq, done.stage, done.of), (2, Stage::Done, Some(1)));
    assert_eq!(done.at, NOW.plus(Duration::from_micros(5)));
    assert_eq!(
        (&done.before, &done.after),
        (&None, &Some(json!({ "weight": 3 })))
    );
    assert_eq!(
        (&done.actor, &done.origin, &done.subject),
        (&first.actor, &first.origin, &first.subject)
    );
    assert_eq!((failed.stage, failed.of), (Stage::Failed, Some(3)));
    assert_eq!(
        (&failed.after, failed.error.as_deref()),
        (&None, Some("no such target"))
    );
    assert_eq!(verified(&log).unfinished, 0);
}

#[test]
fn nothing_is_written_before_the_first_deed() {
    let log = Unsteady::with(&[]);
    let (auditor, _clock) = auditor(&log);
    assert_eq!(all(&log), []);
    drop(auditor);
    assert_eq!(all(&log), []);
}

#[test]
fn a_deed_that_was_dropped_stays_without_an_end() {
    let log = Unsteady::with(&[]);
    let (auditor, _clock) = auditor(&log);
    drop(block_on(auditor.intend(deed("model:a"))).unwrap());
    let intended = block_on(auditor.intend(deed("model:b"))).unwrap();
    block_on(auditor.done(intended, None)).unwrap();
    let verified = verified(&log);
    assert_eq!((verified.entries, verified.unfinished), (3, 1));
}

#[test]
fn who_cannot_write_it_down_must_not_do_it() {
    let log = Unsteady::with(&[Fate::Failed]);
    let (auditor, _clock) = auditor(&log);
    let refused = block_on(auditor.intend(deed("model:a"))).unwrap_err();
    assert!(matches!(refused, StoreError::Unavailable { .. }), "{refused:?}");
    let _ = block_on(auditor.intend(deed("model:b"))).unwrap();
    assert_eq!(all(&log).len(), 1);
}

#[test]
fn the_end_of_another_processs_deed_is_refused() {
    let log = Unsteady::with(&[]);
    let (one, clock) = auditor(&log);
    let intended = block_on(one.intend(deed("model:a"))).unwrap();
    clock.advance(Duration::from_secs(1));
    let other = Auditor::new(Arc::<Unsteady>::clone(&log), clock, Arc::new(Sevens));
    let refused = block_on(other.done(intended, None)).unwrap_err();
    assert!(matches!(refused, StoreError::Missing { .. }), "{refused:?}");
    assert_eq!(all(&log).len(), 1);
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        3 => Just(Fate::Kept),
        1 => Just(Fate::Failed),
        1 => Just(Fate::AnswerLost),
        1 => Just(Fate::MetItself),
        1 => Just(Fate::Hung),
        1 => Just(Fate::HungKept),
        2 => Just(Fate::Late),
        1 => Just(Fate::Unreadable),
    ]
}

proptest! {
    // Whatever becomes of appends and of those who wait for them: the chain is whole, and what somebody was told
    // to be in it is in it once.
    #[test]
    fn no_lost_answer_and_no_impatient_caller_breaks_the_chain(
        fates in prop::collection::vec(fate(), 0..40),
        ends in prop::collection::vec(any::<bool>(), 40),
    ) {
        let log = Unsteady::with(&fates);
        let (auditor, clock) = auditor(&log);
        let mut open: Vec<Intended> = Vec::new();
        let (mut intended, mut ended) = (Vec::new(), Vec::new());
        for (nth, end) in ends.into_iter().enumerate() {
            clock.advance(Duration::from_micros(1));
            match open.pop().filter(|_| end) {
                Some(deed) => {
                    let of = deed.entry().seq;
                    if let Some(Ok(())) = impatiently(auditor.done(deed, None)) {
                        ended.push(of);
                    }
                }
                None => {
                    if let Some(Ok(deed)) = impatiently(auditor.intend(deed(&format!("model:{nth}")))) {
                        intended.push(deed.entry().clone());
                        open.push(deed);
                    }
                }
            }
        }
        log.fates.lock().unwrap().clear();
        intended.push(block_on(auditor.intend(deed("last"))).unwrap().0);
        verified(&log);
        let entries = all(&log);
        for entry in intended {
            let about = entries.iter().filter(|kept| kept.of.is_none() && kept.subject == entry.subject);
            prop_assert_eq!(about.collect::<Vec<_>>(), [&entry]);
        }
        for of in ended {
            prop_assert_eq!(entries.iter().filter(|kept| kept.of == Some(of)).count(), 1);
        }
    }
}
