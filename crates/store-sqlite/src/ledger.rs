//! [`UsageLedger`] in SQLite: records, and roll-ups by hour that change in the same transaction.

mod append;
mod dimensions;
mod events;
mod report;
mod rollups;

use std::sync::Arc;

use async_trait::async_trait;
use llmgw_types::StoreError;
use llmgw_usage::ledger::{EventQuery, ReportQuery, ReportRow, RollupCheck, UsageLedger, UsageRecord};

use crate::connections::Connections;
use crate::error::failed;
pub(crate) use dimensions::Dimensions;
pub(crate) use report::register_day_start;

const HOUR_MICROS: i64 = 3_600_000_000;

/// Usage records in a SQLite file. Counts above 2^53 in a record are kept as 2^53.
#[derive(Debug, Clone)]
pub struct SqliteLedger {
    connections: Arc<Connections>,
}

impl SqliteLedger {
    pub(crate) fn new(connections: Arc<Connections>) -> Self {
        Self { connections }
    }
}

#[async_trait]
impl UsageLedger for SqliteLedger {
    async fn append(&self, records: &[UsageRecord]) -> Result<usize, StoreError> {
        if records.is_empty() {
            return Ok(0);
        }
        let records = records.to_vec();
        self.connections
            .write(move |session| {
                append::append(&session.connection, &mut session.dimensions, records).map_err(failed)
            })
            .await
    }

    async fn report(&self, query: &ReportQuery) -> Result<Vec<ReportRow>, StoreError> {
        let query = query.clone();
        self.connections
            .read(move |connection| report::report(connection, &query))
            .await
    }

    async fn events(&self, query: &EventQuery) -> Result<Vec<UsageRecord>, StoreError> {
        let query = query.clone();
        self.connections
            .read(move |connection| events::events(connection, &query))
            .await
    }

    async fn verify(&self) -> Result<RollupCheck, StoreError> {
        self.connections.read(rollups::verify).await
    }

    async fn rebuild(&self) -> Result<(), StoreError> {
        self.connections
            .write(|session| rollups::rebuild(&session.connection).map_err(failed))
            .await
    }
}

#[cfg(test)]
mod tests;
