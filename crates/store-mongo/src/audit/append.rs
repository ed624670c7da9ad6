//! Appending: the entry, and the head of its chain, in one transaction.

use std::time::Duration;

use async_trait::async_trait;
use llmgw_audit::AuditEntry;
use llmgw_types::StoreError;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Document, doc};
use mongodb::{ClientSession, Database};

use super::document::{document, head, read_head};
use super::{AUDIT_ENTRIES, AUDIT_HEADS};
use crate::fields::uuid;
use crate::transaction::{self, Failure, Work};

/// Keeps `entry` and makes it the head of its chain, within `bound`.
pub(super) async fn append(
    database: &Database,
    entry: AuditEntry,
    bound: Duration,
) -> Result<(), StoreError> {
    // Tells an earlier attempt of this append from another append of the same entry.
    let id = ObjectId::new();
    let document = document(&entry, id)?;
    let append = Append { id, document, entry };
    transaction::run(database, bound, &append).await
}

struct Append {
    id: ObjectId,
    document: Document,
    entry: AuditEntry,
}

#[async_trait]
impl Work for Append {
    type Done = ();

    async fn attempt(&self, database: &Database, session: &mut ClientSession) -> Result<(), Failure> {
        let entries = database.collection::<Document>(AUDIT_ENTRIES);
        let heads = database.collection::<Document>(AUDIT_HEADS);
        let of_chain = doc! { "_id": uuid(self.entry.chain.as_bytes()) };
        let found = heads.find_one(of_chain.clone()).session(&mut *session).await?;
        let last = found.as_ref().map(read_head).transpose()?;
        if let Err(refused) = self.entry.follows(last.as_ref()) {
            let mine = entries.find_one(doc! { "_id": self.id }).session(session).await?;
            return mine.map(drop).ok_or(Failure::Ours(refused));
        }
        entries.insert_one(&self.document).session(&mut *session).await?;
        let next = head(&self.entry.head())?;
        if last.is_none() {
            heads.insert_one(next).session(session).await?;
        } else {
            heads.replace_one(of_chain, next).session(session).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use futures_executor::block_on;
    use llmgw_audit::contract::first_of;
    use llmgw_servers::Mongod;
    use llmgw_types::SecretString;

    use super::*;
    use crate::Options;
    use crate::connection::Connection;

    // As where a commit's answer was lost and its retry found the transaction gone.
    #[test]
    fn a_later_attempt_finds_what_an_earlier_one_did_and_another_append_does_not() {
        let url = SecretString::from(Mongod::shared().url());
        let connection = Connection::open(&Options::new(url, "audit_append")).unwrap();
        let bound = connection.options().call_timeout;
        let entry = first_of("model:llama-3");
        let done = connection.call(move |database| async move {
            let id = ObjectId::new();
            let append = Append {
                id,
                document: document(&entry, id)?,
                entry: entry.clone(),
            };
            for _ in 0..3 {
                transaction::run(&database, bound, &append).await?;
            }
            Ok(super::append(&database, entry, bound).await)
        });
        let other = block_on(done).unwrap();
        assert!(matches!(other, Err(StoreError::Exists { .. })), "{other:?}");
    }
}
