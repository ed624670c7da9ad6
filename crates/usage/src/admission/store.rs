//! The port: where counters and reservations are kept.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use llmgw_types::{
    GroupName, KeyId, Limit, ModelId, Money, RequestId, StoreError, Timestamp, Unit, UserId, Window,
};
use serde::{Deserialize, Serialize};

/// Whose use is counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// All users together.
    Everyone,
    /// All users of a model together.
    Model(ModelId),
    /// All members of a group together.
    Group(GroupName),
    /// One user over all keys. A group's limit for `each` member is a rule on this subject.
    User(UserId),
    /// One key.
    Key(KeyId),
}

impl Subject {
    /// What kind it is, in a word for metrics.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Everyone => "everyone",
            Self::Model(_) => "model",
            Self::Group(_) => "group",
            Self::User(_) => "user",
            Self::Key(_) => "key",
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everyone => f.write_str("everyone"),
            Self::Model(_) => f.write_str("this model"),
            Self::Group(_) => f.write_str("your group"),
            Self::User(_) => f.write_str("this user"),
            Self::Key(_) => f.write_str("this key"),
        }
    }
}

/// A limit and whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Rule {
    /// Whose use is limited.
    pub subject: Subject,
    /// To what.
    pub limit: Limit,
}

/// What one request takes, or is thought to take. That it runs (`in_flight`) goes without saying.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Charge {
    /// 1 for a request that counts, 0 for one that is given back.
    pub requests: u64,
    /// Prompt and completion tokens.
    pub tokens: u64,
    /// Its cost.
    pub cost: Money,
}

impl Charge {
    /// Adds `more`; sums stop at the largest number there is.
    pub fn add(&mut self, more: &Self) {
        self.requests = self.requests.saturating_add(more.requests);
        self.tokens = self.tokens.saturating_add(more.tokens);
        self.cost += more.cost;
    }

    /// The part of the charge a limit on `unit` counts; `in_flight` counts 1 while it runs.
    #[must_use]
    pub fn of(&self, unit: Unit) -> u64 {
        match unit {
            Unit::Requests => self.requests,
            Unit::Tokens => self.tokens,
            Unit::Cost => u64::try_from(self.cost.nanos()).unwrap_or(0),
            Unit::InFlight => 1,
        }
    }
}

/// A request that asks to be admitted.
#[derive(Debug, Clone)]
pub struct ReserveRequest<'a> {
    /// The request.
    pub id: RequestId,
    /// The present moment; its windows are the ones charged, whenever the request ends.
    pub now: Timestamp,
    /// How long the reservation lives unless renewed.
    pub lease: Duration,
    /// Everyone whose counters it is charged to, rules or not: a limit made later knows of earlier use.
    pub subjects: &'a [Subject],
    /// The limits it must fit into; each rule's subject is among `subjects`.
    pub rules: &'a [Rule],
    /// What it is thought to take.
    pub estimate: Charge,
}

/// The answer to a [`ReserveRequest`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reserved {
    /// It fits into every limit and is counted in all of them. One state per rule, in their order, this
    /// request's reservation included.
    Granted(Vec<RuleState>),
    /// It does not fit; nothing was counted.
    Refused(Box<Refusal>),
    /// The request was released before it was reserved (its client left); nothing was counted.
    Void,
    /// The counters are not known: they must be rebuilt first (see [`super::reconcile`]).
    Unready,
}

/// The limit a request does not fit into: of several, the one that takes longest to free.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The rule and what is used of it.
    pub state: RuleState,
    /// How much the request asked of it.
    pub asked: u64,
}

impl Refusal {
    /// Whether the request could fit into an empty window at all.
    #[must_use]
    pub fn can_ever_fit(&self) -> bool {
        self.asked <= self.state.rule.limit.amount()
    }
}

/// How far a limit is used up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleState {
    /// The limit and whose it is.
    pub rule: Rule,
    /// Settled use in the current window (`in_flight`: 0).
    pub used: u64,
    /// Reserved by running requests of the current window (`in_flight`: how many run).
    pub reserved: u64,
    /// When the window ends; `None` for `in_flight`.
    pub resets_at: Option<Timestamp>,
}

impl RuleState {
    /// What is left of the limit.
    #[must_use]
    pub fn remaining(&self) -> u64 {
        self.rule
            .limit
            .amount()
            .saturating_sub(self.used)
            .saturating_sub(self.reserved)
    }
}

/// What a request really took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// The request.
    pub id: RequestId,
    /// When it was reserved.
    pub reserved_at: Timestamp,
    /// Everyone it is charged to, as when it was reserved.
    pub subjects: Vec<Subject>,
    /// What it took. All zero gives the reservation back whole.
    pub actual: Charge,
}

/// What a running request holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// The request.
    pub id: RequestId,
    /// When it was reserved.
    pub reserved_at: Timestamp,
    /// Everyone it is charged to.
    pub subjects: Vec<Subject>,
    /// What it is thought to take.
    pub estimate: Charge,
}

/// Use that is known from the ledger, to rebuild a counter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counter {
    /// Whose use.
    pub subject: Subject,
    /// In which kind of window; the current one at the time of seeding.
    pub window: Window,
    /// How much.
    pub used: Charge,
}

/// Keeps counters and reservations. Every method is atomic: it happens whole or not at all, also among
/// several gateways.
///
/// For each subject and window the store knows settled use and live reservations. Windows are those of the
/// adapter's [`Calendar`](super::Calendar). A request is counted in the windows of its reservation's `now`;
/// what settles after such a window ended changes nothing in the next.
#[async_trait]
pub trait AdmissionStore: Send + Sync {
    /// Reserves the estimate on all subjects, when every rule has room for it (settled + reserved + asked
    /// <= amount); refuses otherwise and counts nothing. Idempotent: a live id is granted again without
    /// counting twice.
    async fn reserve(&self, request: &ReserveRequest<'_>) -> Result<Reserved, StoreError>;

    /// Replaces reservations by what was really used; frees their `in_flight` slots. Each id counts once,
    /// however often it is settled. A reservation whose lease ran out is still charged. An id that was
    /// never reserved, or was released, changes nothing.
    async fn settle(&self, now: Timestamp, settled: &[Settled]) -> Result<(), StoreError>;

    /// Settles one request where that takes no waiting, and says whether it did. Where it did not, call
    /// [`settle`](Self::settle): a caller who has the last byte of an answer must find its slot free.
    fn settle_now(&self, now: Timestamp, settled: &Settled) -> bool {
        let _ = (now, settled);
        false
    }

    /// Gives the reservation back whole. An id that is not reserved yet is void: a later reserve of it gets
    /// [`Reserved::Void`] (remembered for an hour at least).
    async fn release(&self, now: Timestamp, id: RequestId) -> Result<(), StoreError>;

    /// Lets live reservations live for `lease` from now on. Returns those ids that are not live: settled,
    /// released, lapsed, or lost.
    async fn renew(
        &self,
        now: Timestamp,
        ids: &[RequestId],
        lease: Duration,
    ) -> Result<Vec<RequestId>, StoreError>;

    /// Puts back reservations of running requests whose lease ran out, or that a store lost with all else it
    /// held: they live for `lease` from now on and hold their estimate in the windows of their `reserved_at`
    /// that are still open, over a limit too. What was settled or released stays so.
    async fn restore(
        &self,
        now: Timestamp,
        running: &[Reservation],
        lease: Duration,
    ) -> Result<(), StoreError>;

    /// How far each rule is used up, in the order given.
    async fn state(&self, now: Timestamp, rules: &[Rule]) -> Result<Vec<RuleState>, StoreError>;

    /// Sets settled use in the current windows (absent counters become zero), keeps live reservations, and
    /// makes an unready store ready.
    async fn seed(&self, now: Timestamp, counters: &[Counter]) -> Result<(), StoreError>;
}
