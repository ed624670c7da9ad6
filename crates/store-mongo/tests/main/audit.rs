//! The audit log as operators see and change it, and through outages.

use std::collections::BTreeSet;

use futures_executor::block_on;
use llmgw_audit::contract::chain_of;
use llmgw_audit::{AuditEntry, AuditLog, Verified, Wrong, verify};
use llmgw_servers::Mongod;
use llmgw_store_mongo::{MongoAudit, Options};
use mongodb::bson::{Bson, Document, doc};

use crate::exactly_once::{fail, with_fail_points};
use crate::setup::{beside, database, open, options, options_on};

fn log_of(entries: &[AuditEntry], options: &Options) -> MongoAudit {
    let log = open(options).audit();
    for entry in entries {
        block_on(log.append(entry)).unwrap();
    }
    log
}

fn verified(log: &MongoAudit) -> Verified {
    block_on(verify(log, &[])).unwrap()
}

#[test]
fn whatever_is_changed_in_a_document_is_named() {
    let (options, entries) = (options(), chain_of(3, "model:llama-3"));
    let log = log_of(&entries, &options);
    let documents = database(Mongod::shared(), &options).collection::<Document>("audit_entries");
    let second = beside(documents.find_one(doc! { "seq": 2 })).unwrap();
    let id = doc! { "_id": second.get_object_id("_id").unwrap() };
    let fields: BTreeSet<&String> = second.keys().filter(|name| *name != "_id").collect();
    assert_eq!(fields.len(), 14);
    for field in fields {
        let other = match second.get(field).unwrap() {
            Bson::String(text) => Bson::String(format!("{text}1")),
            Bson::Int64(number) => Bson::Int64(number + 7),
            Bson::Binary(binary) => {
                let mut binary = binary.clone();
                binary.bytes[15] ^= 1;
                Bson::Binary(binary)
            }
            _ => Bson::String("1".to_owned()),
        };
        let mut changed = second.clone();
        changed.insert(field, other);
        beside(documents.replace_one(id.clone(), &changed));
        let faults = verified(&log).faults;
        let named = faults
            .iter()
            .any(|fault| (fault.chain, fault.seq) == (entries[1].chain, 2));
        assert!(named, "{field}: {faults:?}");
        beside(documents.replace_one(id.clone(), &second));
        assert_eq!(verified(&log).faults, [], "{field}");
    }
    beside(documents.update_one(id.clone(), doc! { "$set": { "chain": "none" } }));
    assert_eq!(verified(&log).faults[0].wrong, Wrong::Missing { through: 2 });
    beside(documents.delete_one(id));
    assert_eq!(verified(&log).faults[0].wrong, Wrong::Missing { through: 2 });
}

#[test]
fn an_entry_reads_well() {
    let (options, entries) = (options(), chain_of(1, "model:llama-3"));
    log_of(&entries, &options);
    let database = database(Mongod::shared(), &options);
    let kept = beside(database.collection::<Document>("audit_entries").find_one(doc! {})).unwrap();
    assert_eq!(kept.get_str("at").unwrap(), "2027-01-15T08:00:00.123456Z");
    assert_eq!(kept.get_str("stage").unwrap(), "intended");
    assert_eq!(kept.get_str("actor").unwrap(), entries[0].actor.to_string());
    let after: serde_json::Value = serde_json::from_str(kept.get_str("after").unwrap()).unwrap();
    assert_eq!(Some(after), entries[0].after);
    let head = beside(database.collection::<Document>("audit_heads").find_one(doc! {})).unwrap();
    assert_eq!(
        (head.get_i64("seq").unwrap(), head.get("hash")),
        (1, kept.get("hash"))
    );
}

#[test]
fn an_append_goes_on_through_conflicts_lost_connections_and_unknown_commits() {
    let mongod = with_fail_points();
    let entries = chain_of(12, "model:llama-3");
    let log = log_of(&entries[..1], &options_on(&mongod));
    let conflict = doc! { "errorCode": 112, "errorLabels": ["TransientTransactionError"] };
    let lost = doc! { "closeConnection": true };
    let unknown = doc! { "writeConcernError": { "code": 64, "errmsg": "-" } };
    let mut next = entries[1..].iter();
    for step in ["find", "insert", "update", "commitTransaction"] {
        for how in [&conflict, &lost, &unknown] {
            if *how == unknown && step != "commitTransaction" {
                continue;
            }
            let mut how = how.clone();
            how.insert("failCommands", vec![step]);
            fail(&mongod, 3, how);
            block_on(log.append(next.next().unwrap())).unwrap();
        }
    }
    let verified = verified(&log);
    assert_eq!((verified.entries, verified.faults), (10, Vec::new()));
}

#[test]
fn two_first_appends_of_a_database_meet_no_lack_of_collections() {
    let options = options();
    let log = &open(&options).audit();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(move || block_on(log.append(&chain_of(1, "model:llama-3")[0])).unwrap());
        }
    });
    assert_eq!(block_on(log.heads()).unwrap().len(), 4);
}
