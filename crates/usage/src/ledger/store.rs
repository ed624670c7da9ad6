//! The port: where records are kept and reports come from.

use async_trait::async_trait;
use llmgw_types::{
    Endpoint, GroupName, KeyId, ModelId, Money, RequestId, StoreError, TargetId, Timestamp, TokenUsage,
    UserId,
};

use super::UsageRecord;

/// What a report is broken down by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dimension {
    /// Who paid.
    User,
    /// With which key.
    Key,
    /// Which model.
    Model,
    /// Which endpoint.
    Endpoint,
    /// Which target.
    Target,
    /// The set of groups the user was in at that time, as one value.
    Groups,
}

/// How a report cuts time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Bucket {
    /// Not at all.
    #[default]
    None,
    /// By hours, UTC.
    Hour,
    /// By days of 24 hours that begin at midnight of the adapter's `reports.timezone`.
    Day,
}

/// Which use to sum up. Times are cut to whole hours: `from` down, `to` up, because reports read roll-ups.
#[derive(Debug, Clone, Default)]
pub struct ReportQuery {
    /// From the hour this moment is in.
    pub from: Option<Timestamp>,
    /// Up to the end of the hour before which this moment lies.
    pub to: Option<Timestamp>,
    /// Break down by these.
    pub by: Vec<Dimension>,
    /// And by time.
    pub bucket: Bucket,
    /// Only this user.
    pub user: Option<UserId>,
    /// Only users with ids from the first to the second: a part of a report that is too long to be made at once.
    pub users: Option<(UserId, UserId)>,
    /// Only this key.
    pub key: Option<KeyId>,
    /// Only this model.
    pub model: Option<ModelId>,
}

/// A sum. Fields not asked for by the query are `None`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReportRow {
    /// Who paid.
    pub user: Option<UserId>,
    /// With which key.
    pub key: Option<KeyId>,
    /// Which model.
    pub model: Option<ModelId>,
    /// Which endpoint.
    pub endpoint: Option<Endpoint>,
    /// Which target; also `None` for requests that reached none.
    pub target: Option<TargetId>,
    /// Which groups.
    pub groups: Option<Vec<GroupName>>,
    /// The beginning of the bucket.
    pub time: Option<Timestamp>,
    /// The sum.
    pub total: ReportTotal,
}

/// What was used in sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReportTotal {
    /// Records.
    pub requests: u64,
    /// Those of them that count against limits (see [`UsageRecord::charged`]).
    pub charged: u64,
    /// Tokens.
    pub tokens: TokenUsage,
    /// Cost.
    pub cost: Money,
}

impl ReportTotal {
    /// Adds one record.
    pub fn add(&mut self, record: &UsageRecord) {
        self.requests += 1;
        self.charged += u64::from(record.charged());
        self.tokens += record.tokens;
        self.cost += record.cost;
    }

    /// Adds another sum.
    pub fn merge(&mut self, other: &Self) {
        self.requests += other.requests;
        self.charged += other.charged;
        self.tokens += other.tokens;
        self.cost += other.cost;
    }
}

/// Which records to show.
#[derive(Debug, Clone, Default)]
pub struct EventQuery {
    /// Only this request.
    pub id: Option<RequestId>,
    /// Only of this user.
    pub user: Option<UserId>,
    /// Only from this moment on (admission time).
    pub from: Option<Timestamp>,
    /// Only before this moment.
    pub to: Option<Timestamp>,
    /// Only records older than this one: the last of the page before.
    pub before: Option<RequestId>,
    /// The most records to return.
    pub limit: usize,
}

/// What comparing roll-ups with records found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RollupCheck {
    /// Roll-up rows compared.
    pub checked: u64,
    /// Rows that differ from the sum of their records.
    pub differences: u64,
}

/// Keeps usage records and their roll-ups.
#[async_trait]
pub trait UsageLedger: Send + Sync {
    /// Keeps those records whose id is not there yet and adds them, and only them, to the roll-ups: records
    /// may come any number of times, in any order, and count once. All or nothing per call. Returns how
    /// many were new.
    async fn append(&self, records: &[UsageRecord]) -> Result<usize, StoreError>;

    /// Sums from roll-ups, in the order of time, user, key, model, endpoint, target. One row per
    /// combination that has records; without `by` and `bucket` exactly one, even if zero.
    async fn report(&self, query: &ReportQuery) -> Result<Vec<ReportRow>, StoreError>;

    /// Records, newest first (by id).
    async fn events(&self, query: &EventQuery) -> Result<Vec<UsageRecord>, StoreError>;

    /// Compares roll-ups with the records they were made from.
    async fn verify(&self) -> Result<RollupCheck, StoreError>;

    /// Makes roll-ups anew from records.
    async fn rebuild(&self) -> Result<(), StoreError>;
}
