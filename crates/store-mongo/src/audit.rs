//! [`AuditLog`] in MongoDB.

mod append;
mod document;
mod list;

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::TryStreamExt;
use llmgw_audit::{AuditEntry, AuditLog, AuditQuery, ChainId, Head};
use llmgw_types::StoreError;
use mongodb::bson::{Document, doc};

use crate::connection::Connection;
use crate::error::failed;
use crate::fields::{get_uuid, uuid};
use crate::reading::{page, page_in};
pub(crate) use list::indexes;

pub(crate) const AUDIT_ENTRIES: &str = "audit_entries";
pub(crate) const AUDIT_HEADS: &str = "audit_heads";

/// Audit entries in MongoDB collections.
///
/// An append is one transaction at a majority, which keeps the entry and moves the head of its chain. Two appends to
/// one chain conflict at its head, and the later one begins anew and finds it moved; so does one whose commit's answer
/// was lost, and finds its own entry.
#[derive(Debug, Clone)]
pub struct MongoAudit {
    connection: Arc<Connection>,
}

impl MongoAudit {
    pub(crate) fn new(connection: Arc<Connection>) -> Self {
        Self { connection }
    }
}

#[async_trait]
impl AuditLog for MongoAudit {
    async fn append(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        let entry = entry.clone();
        let bound = self.connection.options().call_timeout;
        self.connection
            .call(move |database| async move { append::append(&database, entry, bound).await })
            .await
    }

    async fn heads(&self) -> Result<Vec<Head>, StoreError> {
        let bound = self.connection.options().call_timeout;
        self.connection
            .call(move |database| async move {
                let heads = database.collection(AUDIT_HEADS);
                page(&heads, doc! {}, usize::MAX, bound, document::read_head).await
            })
            .await
    }

    async fn chains(&self) -> Result<Vec<ChainId>, StoreError> {
        let bound = self.connection.options().call_timeout;
        self.connection
            .call(move |database| async move {
                let entries = database.collection::<Document>(AUDIT_ENTRIES);
                // From one chain to the next by the index, however long they are.
                let each = [
                    doc! { "$sort": { "chain": 1, "seq": 1 } },
                    doc! { "$group": { "_id": "$chain" } },
                ];
                let found = entries.aggregate(each).max_time(bound);
                let found: Vec<Document> =
                    found.await.map_err(failed)?.try_collect().await.map_err(failed)?;
                // What is no id is no chain: its entries are missing in their own.
                let ids = found.iter().filter_map(|chain| get_uuid(chain, "_id").ok());
                let mut chains: Vec<ChainId> = ids.map(ChainId::from_bytes).collect();
                chains.sort_unstable();
                Ok(chains)
            })
            .await
    }

    async fn list(&self, query: &AuditQuery) -> Result<Vec<AuditEntry>, StoreError> {
        let (filter, most) = (list::filter(query), query.limit);
        let order = list::newest_first();
        let bound = self.connection.options().call_timeout;
        self.connection
            .call(move |database| async move {
                let entries = database.collection(AUDIT_ENTRIES);
                page_in(order, &entries, filter, most, bound, document::read).await
            })
            .await
    }

    async fn chain(&self, chain: ChainId, after: u64, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        let filter = doc! { "chain": uuid(chain.as_bytes()), "seq": { "$gt": after } };
        let order = doc! { "chain": 1, "seq": 1 };
        let bound = self.connection.options().call_timeout;
        self.connection
            .call(move |database| async move {
                let entries = database.collection(AUDIT_ENTRIES);
                page_in(order, &entries, filter, limit, bound, document::read).await
            })
            .await
    }
}
