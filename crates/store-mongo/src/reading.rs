//! Documents read one at a time and in pages.

use std::time::Duration;

use futures_util::TryStreamExt;
use llmgw_types::StoreError;
use mongodb::Collection;
use mongodb::bson::{Document, doc};

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
