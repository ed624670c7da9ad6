//! Compares the ledger with what the model server really served and what clients really got.
//!
//! What must hold, whatever broke:
//! - A request that reached the model server has one record, of the id that the gateway gave it: else it is lost.
//! - No client's request has two records: each was sent once, so a second id would be counted twice.
//! - Whoever got the whole of a good answer has a record `complete` with exactly the tokens that the model server
//!   reported: the record is in the journal before the last bytes go out.
//! - A record says more than the model server served only where nobody reported: `reported` tokens are its own.
//! - A request that the model server failed is not charged.
//! - Roll-ups are the sums of their records.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use llmgw_types::{RequestId, TokenSource};
use llmgw_usage::ledger::{End, EventQuery, ReportQuery, ReportTotal, UsageLedger, UsageRecord};
use tokio::time::{Instant, sleep};

use crate::Failure;
use crate::client::{self, Outcome};
use crate::upstream::{Plan, Served};
use crate::world::World;

/// How long the journals may take to be empty once all is mended.
const DRAINED_WITHIN: Duration = Duration::from_secs(120);

/// A reservation's lease of 60 s, and 5 s.
const FREED_WITHIN: Duration = Duration::from_secs(65);

const PAGE: usize = 5_000;

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) records: usize,
    pub(crate) served: usize,
    pub(crate) whole: usize,
    pub(crate) lost: Vec<String>,
    pub(crate) doubled: Vec<String>,
    pub(crate) wrong: Vec<String>,
    pub(crate) rollup_differences: u64,
    pub(crate) not_freed: Vec<String>,
    pub(crate) counters_off: Vec<String>,
    pub(crate) longest: Duration,
    pub(crate) p99: Duration,
    pub(crate) drained: Duration,
    pub(crate) freed: Duration,
}

impl Verdict {
    pub(crate) fn is_good(&self) -> bool {
        self.faults().is_empty() && self.longest < client::PATIENCE
    }

    /// Everything that is not as it must be.
    pub(crate) fn faults(&self) -> Vec<String> {
        let named = [
            ("lost", &self.lost),
            ("doubled", &self.doubled),
            ("wrong", &self.wrong),
            ("not freed", &self.not_freed),
            ("counters off", &self.counters_off),
        ];
        let mut faults: Vec<String> = named
            .into_iter()
            .flat_map(|(what, all)| all.iter().map(move |one| format!("{what}: {one}")))
            .collect();
        if self.rollup_differences > 0 {
            faults.push(format!(
                "{} roll-ups differ from their records",
                self.rollup_differences
            ));
        }
        faults
    }
}

/// Waits until all is in the ledger, and judges.
pub(crate) async fn judge(world: &World, outcomes: &[Outcome]) -> Result<Verdict, Failure> {
    let mut verdict = Verdict::default();
    let served = served(world);
    let ledger = world.store.ledger();
    let began = Instant::now();
    let records = loop {
        let records = all_records(&ledger).await?;
        let known: HashSet<String> = records.iter().map(|record| record.id.to_string()).collect();
        let missing = served.keys().filter(|id| !known.contains(*id)).count();
        // Once more where all seems to be there: something may come twice.
        if missing == 0 || began.elapsed() > DRAINED_WITHIN {
            sleep(Duration::from_secs(2)).await;
            let later = all_records(&ledger).await?;
            if later.len() == records.len() {
                break later;
            }
        }
        sleep(Duration::from_millis(200)).await;
    };
    verdict.drained = began.elapsed();
    verdict.compare(&records, &served, outcomes);
    verdict.look_at_rollups(&ledger, &records).await?;
    verdict.look_at_limits(world, &records).await;
    Ok(verdict)
}

fn served(world: &World) -> HashMap<String, Served> {
    let memory = world.upstream.memory.lock();
    memory.unwrap_or_else(std::sync::PoisonError::into_inner).clone()
}

async fn all_records(ledger: &dyn UsageLedger) -> Result<Vec<UsageRecord>, Failure> {
    let mut all: Vec<UsageRecord> = Vec::new();
    loop {
        let before: Option<RequestId> = all.last().map(|record| record.id);
        let query = EventQuery {
            before,
            limit: PAGE,
            ..EventQuery::default()
        };
        let page = ledger.events(&query).await?;
        let last = page.len() < PAGE;
        all.extend(page);
        if last {
            return Ok(all);
        }
    }
}

impl Verdict {
    fn compare(&mut self, records: &[UsageRecord], served: &HashMap<String, Served>, outcomes: &[Outcome]) {
        self.records = records.len();
        self.served = served.len();
        let by_id: HashMap<String, &UsageRecord> = records
            .iter()
            .map(|record| (record.id.to_string(), record))
            .collect();
        if by_id.len() != records.len() {
            self.doubled
                .push(format!("{} records share an id", records.len() - by_id.len()));
        }
        let mut ids_of: HashMap<u64, Vec<&str>> = HashMap::new();
        for (id, served) in served {
            ids_of.entry(served.nonce).or_default().push(id);
            match by_id.get(id) {
                Some(record) => self.judge_record(record, served),
                None => self.lost.push(format!("{id} {served:?}")),
            }
        }
        for (nonce, ids) in ids_of.iter().filter(|(_, ids)| ids.len() > 1) {
            self.doubled.push(format!("request {nonce} is {ids:?}"));
        }
        for outcome in outcomes {
            self.judge_outcome(outcome, &by_id, served);
        }
        let mut times: Vec<Duration> = outcomes.iter().map(|outcome| outcome.took).collect();
        times.sort_unstable();
        self.longest = times.last().copied().unwrap_or_default();
        self.p99 = times.get(times.len() * 99 / 100).copied().unwrap_or_default();
    }

    fn judge_record(&mut self, record: &UsageRecord, served: &Served) {
        let tokens = &record.tokens;
        let reported = (served.prompt, served.completion);
        let fits = match (record.source, served.plan) {
            (_, Plan::Fail) if record.end == End::UpstreamError => {
                tokens.prompt == 0 && tokens.completion == 0
            }
            (TokenSource::Reported, _) => (tokens.prompt, tokens.completion) == reported,
            // Seen as they passed by, at most: one for each event of a stream, else one for four bytes of text, of
            // which a token of this model server has five.
            _ => tokens.completion <= served.completion * 5_u64.div_ceil(4),
        };
        if !fits {
            self.wrong.push(format!("{record:?} of {served:?}"));
        }
    }

    fn judge_outcome(
        &mut self,
        outcome: &Outcome,
        by_id: &HashMap<String, &UsageRecord>,
        served: &HashMap<String, Served>,
    ) {
        if !outcome.whole {
            return;
        }
        self.whole += 1;
        let id = outcome.id.clone().unwrap_or_default();
        match (by_id.get(&id), served.get(&id)) {
            (Some(record), Some(served)) => {
                let told = (served.prompt, served.completion);
                let kept = (record.tokens.prompt, record.tokens.completion);
                let exact =
                    record.end == End::Complete && record.source == TokenSource::Reported && told == kept;
                if !exact {
                    self.wrong.push(format!(
                        "a client has all of {served:?}, the record says {record:?}"
                    ));
                }
            }
            (None, _) => self
                .lost
                .push(format!("{id}, of which a client has the whole answer")),
            (Some(_), None) => self.wrong.push(format!("{id} was answered and never served")),
        }
    }

    async fn look_at_rollups(
        &mut self,
        ledger: &dyn UsageLedger,
        records: &[UsageRecord],
    ) -> Result<(), Failure> {
        self.rollup_differences = ledger.verify().await?.differences;
        let mut events = ReportTotal::default();
        records.iter().for_each(|record| events.add(record));
        let report = ledger.report(&ReportQuery::default()).await?;
        let sums = report.first().map(|row| row.total).unwrap_or_default();
        if sums != events {
            self.wrong
                .push(format!("the report says {sums:?}, its records are {events:?}"));
        }
        Ok(())
    }

    // What each key's limits must say when nothing runs any more.
    async fn look_at_limits(&mut self, world: &World, records: &[UsageRecord]) {
        let began = Instant::now();
        loop {
            let mut off = Vec::new();
            let mut taken = Vec::new();
            for key in &world.keys {
                let mut total = ReportTotal::default();
                let of_key = records.iter().filter(|record| record.key == key.id);
                of_key.for_each(|record| total.add(record));
                let tokens = total.tokens.prompt + total.tokens.completion;
                for gateway in &world.gateways {
                    let Some(at) = gateway.address() else { continue };
                    let said = client::get(at, "/v1/key", &key.text).await.unwrap_or_default();
                    for limit in said["limits"].as_array().into_iter().flatten() {
                        if limit["subject"] != "key" {
                            continue;
                        }
                        let must_be = match limit["unit"].as_str() {
                            Some("requests") => total.charged,
                            Some("tokens") => tokens,
                            _ => 0,
                        };
                        if limit["reserved"] != 0 {
                            taken.push(format!("{} {limit}", key.id));
                        }
                        if limit["used"] != must_be {
                            off.push(format!("{} {limit}, records say {must_be}", key.id));
                        }
                    }
                    if said["limits"].as_array().is_none_or(Vec::is_empty) {
                        off.push(format!("{} has no limits: {said}", key.id));
                    }
                }
            }
            self.freed = began.elapsed();
            if (off.is_empty() && taken.is_empty()) || self.freed > FREED_WITHIN {
                (self.counters_off, self.not_freed) = (off, taken);
                return;
            }
            sleep(Duration::from_millis(300)).await;
        }
    }
}
