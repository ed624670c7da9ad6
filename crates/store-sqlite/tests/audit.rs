//! What the audit log's file shows to who changes it by hand, and by which indexes lists are found.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;

use futures_executor::block_on;
use llmgw_audit::contract::{chain_of, first_of};
use llmgw_audit::{AuditEntry, AuditLog, AuditQuery, Head, Verified, Wrong, verify};
use llmgw_store_sqlite::{Options, SqliteAudit, SqliteStore};
use llmgw_types::StoreError;
use rusqlite::Connection;
use tempfile::TempDir;

const COLUMNS: [&str; 14] = [
    "chain",
    "seq",
    "at",
    "stage",
    "of_seq",
    "actor",
    "origin",
    "action",
    "subject",
    "before_json",
    "after_json",
    "error",
    "previous",
    "hash",
];

fn log_of(entries: &[AuditEntry]) -> (SqliteAudit, PathBuf, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("llmgw.db");
    let log = SqliteStore::open(&path, &Options::default()).unwrap().audit();
    for entry in entries {
        block_on(log.append(entry)).unwrap();
    }
    (log, path, folder)
}

fn verified(log: &SqliteAudit, exported: &[Head]) -> Verified {
    block_on(verify(log, exported)).unwrap()
}

#[test]
fn whatever_is_changed_in_the_file_is_named() {
    let entries = chain_of(3, "model:llama-3");
    let (log, path, _folder) = log_of(&entries);
    assert_eq!(verified(&log, &[]).faults, []);
    let file = Connection::open(path).unwrap();
    for column in COLUMNS.into_iter().chain(["chain "]) {
        let change = match column {
            "chain " => "CAST(chain || 'x' AS BLOB)".to_owned(),
            "chain" | "previous" | "hash" => format!("CAST(substr({column}, 2) || 'x' AS BLOB)"),
            "seq" | "at" => format!("{column} + 100"),
            "of_seq" => "5".to_owned(),
            _ => format!("coalesce({column}, '') || '1'"),
        };
        let text = format!("UPDATE audit_entries SET {column} = {change} WHERE seq = 2");
        assert_eq!(file.execute(&text, []).unwrap(), 1);
        let faults = verified(&log, &[]).faults;
        let named = faults
            .iter()
            .any(|fault| (fault.chain, fault.seq) == (entries[1].chain, 2));
        assert!(named, "{column}: {faults:?}");
        restore(&file, &log, &entries);
    }
}

// All anew: some changes leave nothing by which the entry could be found.
fn restore(file: &Connection, log: &SqliteAudit, entries: &[AuditEntry]) {
    file.execute_batch("DELETE FROM audit_entries; DELETE FROM audit_heads;")
        .unwrap();
    for entry in entries {
        block_on(log.append(entry)).unwrap();
    }
    assert_eq!(verified(log, &[]).faults, []);
}

#[test]
fn whatever_is_taken_out_of_the_file_is_named() {
    let entries = chain_of(4, "model:llama-3");
    let (log, path, _folder) = log_of(&entries);
    let exported = block_on(log.heads()).unwrap();
    let file = Connection::open(path).unwrap();
    let wrongs = |text: &str| {
        file.execute_batch(text).unwrap();
        let faults = verified(&log, &exported).faults;
        let wrongs: Vec<(u64, Wrong)> = faults.into_iter().map(|fault| (fault.seq, fault.wrong)).collect();
        restore(&file, &log, &entries);
        wrongs
    };
    let middle = wrongs("DELETE FROM audit_entries WHERE seq = 2");
    assert_eq!(middle, [(2, Wrong::Missing { through: 2 })]);
    assert_eq!(wrongs("DELETE FROM audit_entries WHERE seq > 2").len(), 2);
    let with_head = "DELETE FROM audit_entries; DELETE FROM audit_heads";
    assert!(matches!(
        wrongs(with_head)[..],
        [(1, Wrong::ChainMissing { through: 4, .. })]
    ));
    assert_eq!(wrongs("DELETE FROM audit_heads"), [(4, Wrong::HeadBehind)]);
}

#[test]
fn an_entry_that_is_there_is_not_written_again_where_the_head_was_set_back() {
    let entries = chain_of(3, "model:llama-3");
    let (log, path, _folder) = log_of(&entries);
    let file = Connection::open(path).unwrap();
    file.execute("DELETE FROM audit_heads", []).unwrap();
    let refused = block_on(log.append(&entries[0])).unwrap_err();
    assert!(matches!(refused, StoreError::Exists { .. }), "{refused:?}");
    assert_eq!(block_on(log.heads()).unwrap(), []);
}

#[test]
fn lists_are_found_by_an_index_in_their_order() {
    let (_log, path, _folder) = log_of(&[first_of("model:llama-3")]);
    let file = Connection::open(path).unwrap();
    for (wanted, index) in [
        ("true", "audit_entries_by_time"),
        ("subject = 'x'", "audit_entries_by_subject"),
        ("actor = 'x' AND at < 7", "audit_entries_by_actor"),
        ("(at, chain, seq) < (1, x'00', 1)", "audit_entries_by_time"),
    ] {
        let order = "ORDER BY at DESC, chain DESC, seq DESC LIMIT 5";
        let text = format!("EXPLAIN QUERY PLAN SELECT * FROM audit_entries WHERE {wanted} {order}");
        let mut plan = file.prepare(&text).unwrap();
        let plan: Vec<String> = plan
            .query_map([], |row| row.get("detail"))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert!(plan.len() == 1 && plan[0].contains(index), "{wanted}: {plan:?}");
    }
}

#[test]
fn the_log_is_there_after_a_restart_and_goes_on() {
    let entries = chain_of(3, "model:llama-3");
    let (log, path, _folder) = log_of(&entries[..2]);
    drop(log);
    let log = SqliteStore::open(&path, &Options::default()).unwrap().audit();
    block_on(log.append(&entries[2])).unwrap();
    let query = AuditQuery {
        limit: 10,
        ..AuditQuery::default()
    };
    assert_eq!(block_on(log.list(&query)).unwrap().len(), 3);
    assert_eq!(verified(&log, &[]).faults, []);
}
