//! What a report over known records has to say, summed up the plain way.

use std::collections::BTreeMap;

use llmgw_types::Timestamp;

use super::fresh::zone;
use crate::ledger::{Bucket, Dimension, ReportQuery, ReportRow, UsageLedger, UsageRecord};

pub(super) const WORKS: &str = "the ledger answers";

/// Asserts that the ledger reports `records`, and only them, for a query that selects only them.
pub(super) async fn assert_report(ledger: &dyn UsageLedger, query: &ReportQuery, records: &[UsageRecord]) {
    let rows = ledger.report(query).await.expect(WORKS);
    assert_eq!(rows, rows_of(query, records), "{query:?}");
}

fn rows_of(query: &ReportQuery, records: &[UsageRecord]) -> Vec<ReportRow> {
    let mut rows = BTreeMap::new();
    for record in records {
        let row = group(query, record);
        let order = (
            (row.time, row.user, row.key, row.model.clone()),
            (row.endpoint, row.target.clone(), row.groups.clone()),
        );
        rows.entry(order).or_insert(row).total.add(record);
    }
    rows.into_values().collect()
}

fn group(query: &ReportQuery, record: &UsageRecord) -> ReportRow {
    let mut row = ReportRow {
        time: beginning(query.bucket, record.time),
        ..ReportRow::default()
    };
    for dimension in &query.by {
        match dimension {
            Dimension::User => row.user = Some(record.user),
            Dimension::Key => row.key = Some(record.key),
            Dimension::Model => row.model = Some(record.model.clone()),
            Dimension::Endpoint => row.endpoint = Some(record.endpoint),
            Dimension::Target => row.target.clone_from(&record.target),
            Dimension::Groups => row.groups = Some(record.groups.clone()),
        }
    }
    row
}

fn beginning(bucket: Bucket, time: Timestamp) -> Option<Timestamp> {
    let zoned = time.to_jiff().to_zoned_datetime(zone());
    let begun = match bucket {
        Bucket::None => return None,
        Bucket::Hour => zoned.round(
            jiff::ZonedDateTimeRound::new()
                .smallest(jiff::Unit::Hour)
                .mode(jiff::RoundMode::Floor),
        ),
        Bucket::Day => zoned.start_of_day(),
    };
    Some(Timestamp::from_jiff(
        begun.expect("a time of this age").timestamp(),
    ))
}
