//! What happens before the first use: a server without transactions is refused, and the database is laid out.

use mongodb::bson::{Document, doc};
use mongodb::error::{Error, ErrorKind};
use mongodb::options::ClientOptions;
use mongodb::{Client, Database};
use tokio::time::timeout;

use crate::client::{client_options, database};
use crate::error::{corrupt, failed, is_duplicate};
use crate::fields::get_i64;
use crate::{Options, StartError, indexes};

const META: &str = "meta";
const LAYOUT: i64 = 1;

const WIRE_VERSION_OF_5_0: i64 = 13;

/// A client that tries to reach the server in the background.
pub(crate) struct Started {
    client: Client,
    made: ClientOptions,
    pub(crate) database: Database,
}

pub(crate) async fn reached(options: &Options) -> Result<Started, StartError> {
    let made = client_options(options).await?;
    let client = Client::with_options(made.clone()).map_err(failed)?;
    Ok(Started {
        database: database(&client, options),
        client,
        made,
    })
}

/// Several processes may do this at once, and any of them again.
pub(crate) async fn prepared(started: &Started, options: &Options) -> Result<(), StartError> {
    refuse_without_transactions(started, options).await?;
    refuse_newer_layout(&started.database).await?;
    indexes::make(&started.database, options).await
}

pub(crate) fn meta(database: &Database) -> mongodb::Collection<Document> {
    database.collection(META)
}

async fn refuse_without_transactions(started: &Started, options: &Options) -> Result<(), StartError> {
    match hello(&started.client).await {
        Ok(answer) => judge(&answer),
        Err(error) => {
            // A driver that looks for a replica set passes over a standalone as if nobody were there.
            if matches!(*error.kind, ErrorKind::ServerSelection { .. }) {
                let bound = options.call_timeout / 5;
                let answer = timeout(bound, hello_directly(&started.made)).await;
                answer.ok().flatten().as_ref().map_or(Ok(()), judge)?;
            }
            Err(failed(error).into())
        }
    }
}

fn judge(hello: &Document) -> Result<(), StartError> {
    let is_router = hello.get_str("msg").is_ok_and(|msg| msg == "isdbgrid");
    if !is_router && !hello.contains_key("setName") {
        return Err(match hello.get_bool("isreplicaset") {
            Ok(true) => StartError::Uninitiated,
            _ => StartError::Standalone,
        });
    }
    match get_i64(hello, "maxWireVersion")? {
        ..WIRE_VERSION_OF_5_0 => Err(StartError::TooOld),
        _ => Ok(()),
    }
}

async fn hello(client: &Client) -> Result<Document, Error> {
    client.database("admin").run_command(doc! { "hello": 1 }).await
}

async fn hello_directly(options: &ClientOptions) -> Option<Document> {
    let mut options = options.clone();
    options.hosts.truncate(1);
    options.direct_connection = Some(true);
    options.repl_set_name = None;
    let client = Client::with_options(options).ok()?;
    let answer = hello(&client).await.ok();
    client.shutdown().immediate(true).await;
    answer
}

async fn refuse_newer_layout(database: &Database) -> Result<(), StartError> {
    let (meta, layout) = (meta(database), doc! { "_id": "layout" });
    let made = meta
        .update_one(layout.clone(), doc! { "$setOnInsert": { "version": LAYOUT } })
        .upsert(true)
        .await;
    match made {
        // Another process made it at the same time.
        Err(error) if !is_duplicate(&error) => return Err(failed(error).into()),
        _ => {}
    }
    let layout = meta.find_one(layout).await.map_err(failed)?.unwrap_or_default();
    let found =
        get_i64(&layout, "version").map_err(|_| corrupt("meta: the layout has no version".to_owned()))?;
    if found > LAYOUT {
        return Err(StartError::NewerLayout { found, known: LAYOUT });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_judged_by_what_they_say() {
        let member = doc! { "setName": "rs0", "maxWireVersion": 13 };
        let router = doc! { "msg": "isdbgrid", "maxWireVersion": 17 };
        assert!(judge(&member).is_ok() && judge(&router).is_ok());
        let old = doc! { "setName": "rs0", "maxWireVersion": 9 };
        assert!(matches!(judge(&old), Err(StartError::TooOld)));
        let waiting = doc! { "isreplicaset": true, "maxWireVersion": 17 };
        assert!(matches!(judge(&waiting), Err(StartError::Uninitiated)));
        let alone = doc! { "maxWireVersion": 17 };
        assert!(matches!(judge(&alone), Err(StartError::Standalone)));
    }
}
