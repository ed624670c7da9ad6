//! Which entries are listed, and by which indexes.

use llmgw_audit::{AuditQuery, Cursor};
use mongodb::IndexModel;
use mongodb::bson::{Document, doc};
use mongodb::options::IndexOptions;

use crate::fields::{time, uuid};

/// The order of lists.
pub(super) fn newest_first() -> Document {
    doc! { "at": -1, "chain": -1, "seq": -1 }
}

pub(crate) fn indexes() -> Vec<IndexModel> {
    let unique = IndexOptions::builder().unique(true).build();
    let place = IndexModel::builder()
        .keys(doc! { "chain": 1, "seq": 1 })
        .options(unique)
        .build();
    let mut all = vec![place, IndexModel::builder().keys(newest_first()).build()];
    all.extend(["subject", "actor"].map(|field| {
        let mut keys = doc! { field: 1 };
        keys.extend(newest_first());
        IndexModel::builder().keys(keys).build()
    }));
    all
}

pub(super) fn filter(query: &AuditQuery) -> Document {
    let mut all = Vec::new();
    if let Some(chain) = query.chain {
        all.push(doc! { "chain": uuid(chain.as_bytes()) });
    }
    if let Some(actor) = &query.actor {
        all.push(doc! { "actor": actor.to_string() });
    }
    if let Some(action) = &query.action {
        all.push(doc! { "action": { "$gte": action } });
    }
    if let Some(end) = query.action_end() {
        all.push(doc! { "action": { "$lt": end } });
    }
    if let Some(subject) = &query.subject {
        all.push(doc! { "subject": subject });
    }
    if let Some(from) = query.from {
        all.push(doc! { "at": { "$gte": time(from) } });
    }
    if let Some(to) = query.to {
        all.push(doc! { "at": { "$lt": time(to) } });
    }
    if let Some(before) = query.before {
        all.extend(after(before));
    }
    if all.is_empty() {
        doc! {}
    } else {
        doc! { "$and": all }
    }
}

/// What comes after this place in a list. The first condition says no more than the second, and lets the server begin
/// there.
fn after(place: Cursor) -> [Document; 2] {
    let (at, chain) = (time(place.at), uuid(place.chain.as_bytes()));
    let seq = i64::try_from(place.seq).unwrap_or(i64::MAX);
    let earlier = doc! { "at": { "$lt": &at } };
    let other_chain = doc! { "at": &at, "chain": { "$lt": &chain } };
    let same_chain = doc! { "at": &at, "chain": chain, "seq": { "$lt": seq } };
    [
        doc! { "at": { "$lte": at } },
        doc! { "$or": [earlier, other_chain, same_chain] },
    ]
}
