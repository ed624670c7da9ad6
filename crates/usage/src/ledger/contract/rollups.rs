//! Roll-ups agree with the records they were made from. (That `verify` finds a difference can only be tested
//! by tampering, which each adapter does in its own way.)

use super::expected::{WORKS, assert_report};
use super::fresh::{user_id, varied};
use crate::ledger::{Bucket, Dimension, ReportQuery, UsageLedger};

/// After any appends, repeated ones too.
pub async fn verify_finds_no_difference(ledger: &dyn UsageLedger) {
    let records = varied(user_id());
    ledger.append(&records[..40]).await.expect(WORKS);
    ledger.append(&records).await.expect(WORKS);
    let check = ledger.verify().await.expect(WORKS);
    assert!(check.checked > 20, "{check:?}");
    assert_eq!(check.differences, 0);
}

/// Made anew, roll-ups say the same.
pub async fn a_rebuild_changes_no_report(ledger: &dyn UsageLedger) {
    let user = user_id();
    let records = varied(user);
    ledger.append(&records).await.expect(WORKS);
    ledger.rebuild().await.expect(WORKS);
    let by = vec![
        Dimension::Key,
        Dimension::Target,
        Dimension::Groups,
        Dimension::Endpoint,
    ];
    let query = ReportQuery {
        user: Some(user),
        by,
        bucket: Bucket::Hour,
        ..ReportQuery::default()
    };
    assert_report(ledger, &query, &records).await;
    assert_eq!(ledger.verify().await.expect(WORKS).differences, 0);
}

/// Also records that were there before.
pub async fn an_append_after_a_rebuild_counts_once(ledger: &dyn UsageLedger) {
    let user = user_id();
    let records = varied(user);
    ledger.append(&records[..30]).await.expect(WORKS);
    ledger.rebuild().await.expect(WORKS);
    assert_eq!(ledger.append(&records).await.expect(WORKS), 30);
    assert_report(
        ledger,
        &ReportQuery {
            user: Some(user),
            ..ReportQuery::default()
        },
        &records,
    )
    .await;
}
