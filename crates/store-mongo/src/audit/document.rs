//! One entry as a document of `audit_entries`, and one head as a document of `audit_heads`.

use llmgw_audit::{AuditEntry, ChainId, Digest, Head};
use llmgw_types::StoreError;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, Document, doc};
use serde_json::Value;

use crate::error::corrupt;
use crate::fields::{binary, get, get_bytes, get_i64, get_parsed, get_uuid, time, to_bson, uuid};

pub(super) fn document(entry: &AuditEntry, id: ObjectId) -> Result<Document, StoreError> {
    Ok(doc! {
        "_id": id,
        "chain": uuid(entry.chain.as_bytes()),
        "seq": number(entry.seq)?,
        "at": time(entry.at),
        "stage": to_bson(&entry.stage)?,
        "of": entry.of.map(number).transpose()?,
        "actor": entry.actor.to_string(),
        "origin": entry.origin.as_deref(),
        "action": &entry.action,
        "subject": &entry.subject,
        // Texts: MongoDB's numbers and names are not JSON's, and the hash is over the latter.
        "before": entry.before.as_ref().map(Value::to_string),
        "after": entry.after.as_ref().map(Value::to_string),
        "error": entry.error.as_deref(),
        "previous": binary(entry.previous.as_bytes()),
        "hash": binary(entry.hash.as_bytes()),
    })
}

pub(super) fn read(document: &Document) -> Result<AuditEntry, StoreError> {
    Ok(AuditEntry {
        chain: ChainId::from_bytes(get_uuid(document, "chain")?),
        seq: get_number(document, "seq")?,
        at: get_parsed(document, "at")?,
        stage: get(document, "stage")?,
        of: match document.get("of") {
            None | Some(Bson::Null) => None,
            Some(_) => Some(get_number(document, "of")?),
        },
        actor: get(document, "actor")?,
        origin: get(document, "origin")?,
        action: get(document, "action")?,
        subject: get(document, "subject")?,
        before: get_json(document, "before")?,
        after: get_json(document, "after")?,
        error: get(document, "error")?,
        previous: Digest::from_bytes(get_bytes(document, "previous")?),
        hash: Digest::from_bytes(get_bytes(document, "hash")?),
    })
}

pub(super) fn head(head: &Head) -> Result<Document, StoreError> {
    Ok(doc! {
        "_id": uuid(head.chain.as_bytes()),
        "seq": number(head.seq)?,
        "hash": binary(head.hash.as_bytes()),
        "at": time(head.at),
    })
}

pub(super) fn read_head(document: &Document) -> Result<Head, StoreError> {
    Ok(Head {
        chain: ChainId::from_bytes(get_uuid(document, "_id")?),
        seq: get_number(document, "seq")?,
        hash: Digest::from_bytes(get_bytes(document, "hash")?),
        at: get_parsed(document, "at")?,
    })
}

fn number(seq: u64) -> Result<i64, StoreError> {
    i64::try_from(seq).map_err(|error| corrupt(format!("a number of an audit entry: {error}")))
}

fn get_number(document: &Document, field: &str) -> Result<u64, StoreError> {
    u64::try_from(get_i64(document, field)?).map_err(|error| corrupt(format!("field {field}: {error}")))
}

fn get_json(document: &Document, field: &str) -> Result<Option<Value>, StoreError> {
    let text: Option<String> = get(document, field)?;
    text.map(|text| serde_json::from_str(&text).map_err(|error| corrupt(format!("field {field}: {error}"))))
        .transpose()
}
