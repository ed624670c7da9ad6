//! Documents read one at a time and in pages.

use std::time::Duration;

use futures_util::TryStreamExt;
use llmgw_types::{Revision, StoreError};
use mongodb::Collection;
use mongodb::bson::{Bson, Document, doc};

use crate::error::failed;
use crate::fields::limit;

/// How one of our values is read from a document.
pub(crate) type Read<T> = fn(&Document) -> Result<T, StoreError>;

pub(crate) async fn first<T>(
    collection: &Collection<Document>,
    filter: Document,
    bound: Duration,
    read: Read<T>,
) -> Result<Option<T>, StoreError> {
    let found = collection
        .find_one(filter)
        .max_time(bound)
        .await
        .map_err(failed)?;
    found.as_ref().map(read).transpose()
}

/// At most `most` in the order of ids.
pub(crate) async fn page<T>(
    collection: &Collection<Document>,
    filter: Document,
    most: usize,
    bound: Duration,
    read: Read<T>,
) -> Result<Vec<T>, StoreError> {
    page_in(doc! { "_id": 1 }, collection, filter, most, bound, read).await
}

/// At most `most` in this order.
pub(crate) async fn page_in<T>(
    order: Document,
    collection: &Collection<Document>,
    filter: Document,
    most: usize,
    bound: Duration,
    read: Read<T>,
) -> Result<Vec<T>, StoreError> {
    // To MongoDB a limit of nought is none.
    if most == 0 {
        return Ok(Vec::new());
    }
    let found = collection
        .find(filter)
        .sort(order)
        .limit(limit(most))
        .max_time(bound);
    let mut documents = found.await.map_err(failed)?;
    let mut values = Vec::new();
    while let Some(document) = documents.try_next().await.map_err(failed)? {
        values.push(read(&document)?);
    }
    Ok(values)
}

/// The document of this id, if it has this revision.
pub(crate) fn of_revision(id: Bson, revision: Revision) -> Document {
    let number = Bson::from(i64::from(revision.number()));
    if revision == Revision::default() {
        // What was kept before there were revisions has none.
        return doc! { "_id": id, "revision": { "$in": [number, Bson::Null] } };
    }
    doc! { "_id": id, "revision": number }
}

/// Why an update by id and revision changed nothing: the document is gone, or is another by now.
pub(crate) async fn not_changed(collection: &Collection<Document>, id: Bson, what: String) -> StoreError {
    match collection
        .find_one(doc! { "_id": id })
        .projection(doc! { "_id": 1 })
        .await
    {
        Ok(Some(_)) => StoreError::Changed { what },
        Ok(None) => StoreError::Missing { what },
        Err(error) => failed(error),
    }
}
