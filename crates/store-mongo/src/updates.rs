//! Many updates or removals in one collection in one round trip. (The driver's own bulk writes need MongoDB 8.)

use mongodb::bson::{Bson, Document, doc};
use mongodb::error::{Error, Result};
use mongodb::{ClientSession, Database};

use crate::fields::get_i64;

// The server takes 100,000 at once, and 48 MB.
const AT_ONCE: usize = 10_000;

/// One update.
pub(crate) struct Update {
    pub(crate) filter: Document,
    /// Operators, or a pipeline.
    pub(crate) change: Bson,
    pub(crate) upsert: bool,
}

/// The server did not do an update.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Refused {
    pub(crate) code: i64,
}

/// Does `updates`, in the session's transaction where one is given. An update that is refused is an
/// [`Error::custom`] of [`Refused`].
pub(crate) async fn update(
    database: &Database,
    collection: &str,
    updates: Vec<Update>,
    mut session: Option<&mut ClientSession>,
) -> Result<()> {
    let mut statements = updates.into_iter().map(statement).peekable();
    while statements.peek().is_some() {
        let some: Vec<Document> = statements.by_ref().take(AT_ONCE).collect();
        let mut command = doc! { "update": collection, "updates": some, "ordered": false };
        let answer = match session.as_deref_mut() {
            Some(session) => database.run_command(command).session(session).await?,
            None => {
                // The driver adds ours to its own writes only.
                command.insert("writeConcern", doc! { "w": "majority" });
                database.run_command(command).await?
            }
        };
        refused(&answer)?;
    }
    Ok(())
}

/// Removes all documents that match any of `filters`, in the session's transaction.
pub(crate) async fn remove(
    database: &Database,
    collection: &str,
    filters: Vec<Document>,
    session: &mut ClientSession,
) -> Result<()> {
    let mut statements = filters
        .into_iter()
        .map(|filter| doc! { "q": filter, "limit": 0 })
        .peekable();
    while statements.peek().is_some() {
        let some: Vec<Document> = statements.by_ref().take(AT_ONCE).collect();
        let command = database.run_command(doc! { "delete": collection, "deletes": some });
        refused(&command.session(&mut *session).await?)?;
    }
    Ok(())
}

fn statement(update: Update) -> Document {
    doc! { "q": update.filter, "u": update.change, "upsert": update.upsert }
}

// An answer is no error to the driver when the command was understood, whatever became of its updates.
fn refused(answer: &Document) -> Result<()> {
    let errors = answer.get_array("writeErrors").into_iter().flatten();
    let mut codes = errors.filter_map(|error| get_i64(error.as_document()?, "code").ok());
    codes
        .next()
        .map_or(Ok(()), |code| Err(Error::custom(Refused { code })))
}
