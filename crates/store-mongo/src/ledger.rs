//! [`UsageLedger`] in MongoDB: records, and roll-ups by hour that change in the same transaction.

mod append;
mod days;
mod event;
mod events;
mod hours;
mod report;
mod rollup;
mod rollups;

use std::sync::Arc;

use async_trait::async_trait;
use llmgw_types::StoreError;
use llmgw_usage::ledger::{EventQuery, ReportQuery, ReportRow, RollupCheck, UsageLedger, UsageRecord};
use tokio::sync::Mutex;

use crate::connection::Connection;

pub(crate) const USAGE_EVENTS: &str = "usage_events";
pub(crate) const USAGE_HOURLY: &str = "usage_hourly";
pub(crate) const USAGE_HOURS: &str = "usage_hours";

const HOUR_MICROS: i64 = 3_600_000_000;

/// Usage records in MongoDB collections. Counts above 2^53 in a record are kept as 2^53.
///
/// An append is one transaction at a majority: the ids that are there already are found, the other records are
/// inserted and added to the roll-ups. Two appends of one record conflict at its id, and the later one begins
/// anew and finds it; so does one whose commit's answer was lost. What was given up with an error may be given
/// again, here or to another gateway, and counts once.
///
/// `verify` compares day by day, each over one snapshot. `rebuild` goes hour by hour, each in a transaction of its
/// own that writes only what differs: an append beside it is wholly before it, wholly after it, or tries again, so
/// nothing is lost and gateways need not stop. Both leave out the hours from which events were removed by age
/// (`retention`), and the two hours after, which clocks that differ could touch.
#[derive(Debug, Clone)]
pub struct MongoLedger {
    connection: Arc<Connection>,
    // Appends of one store share a slot and would only make each other try again.
    turn: Arc<Mutex<()>>,
}

impl MongoLedger {
    pub(crate) fn new(connection: Arc<Connection>, turn: Arc<Mutex<()>>) -> Self {
        Self { connection, turn }
    }
}

#[async_trait]
impl UsageLedger for MongoLedger {
    async fn append(&self, records: &[UsageRecord]) -> Result<usize, StoreError> {
        if records.is_empty() {
            return Ok(0);
        }
        let records = records.to_vec();
        let turn = Arc::clone(&self.turn);
        let options = self.connection.options();
        let (bound, slot) = (options.append_timeout, options.slot());
        self.connection
            .run(bound, move |database| async move {
                let _turn = turn.lock().await;
                append::append(&database, slot, records, bound).await
            })
            .await
    }

    async fn report(&self, query: &ReportQuery) -> Result<Vec<ReportRow>, StoreError> {
        let (query, options) = (query.clone(), self.connection.options().clone());
        self.connection
            .run(options.report_timeout, move |database| async move {
                report::report(&database, &query, &options).await
            })
            .await
    }

    async fn events(&self, query: &EventQuery) -> Result<Vec<UsageRecord>, StoreError> {
        let (query, bound) = (query.clone(), self.connection.options().call_timeout);
        self.connection
            .call(move |database| async move { events::events(&database, &query, bound).await })
            .await
    }

    async fn verify(&self) -> Result<RollupCheck, StoreError> {
        let options = self.connection.options().clone();
        self.connection
            .run(options.maintenance_timeout, move |database| async move {
                rollups::verify(&database, &options).await
            })
            .await
    }

    async fn rebuild(&self) -> Result<(), StoreError> {
        let options = self.connection.options().clone();
        self.connection
            .run(options.maintenance_timeout, move |database| async move {
                rollups::rebuild(&database, &options).await
            })
            .await
    }
}
