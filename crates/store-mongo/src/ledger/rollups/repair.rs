//! One hour's roll-ups made right, beside appends.
//!
//! Only combinations that differ are written: their documents of all slots go, and one of a slot that no append
//! uses takes their place. An append to one of them conflicts and one of the two begins anew; an append that our
//! snapshot does not see, to a document that is not there yet, adds to what we write. Either way nothing is lost.

use std::collections::HashSet;
use std::time::Duration;

use async_trait::async_trait;
use llmgw_types::{GroupName, KeyId, ModelId, StoreError, TargetId, UserId};
use mongodb::bson::Document;
use mongodb::{ClientSession, Database};

use super::super::report::total;
use super::super::rollup::Combination;
use super::super::{USAGE_HOURLY, USAGE_HOURS, hours};
use super::comparison::{differing, span_of_events, sums_of_events};
use crate::error::{corrupt, failed};
use crate::fields::{get, get_uuid};
use crate::options::SLOT_OF_REPAIRS;
use crate::transaction::{self, Failure, Work};
use crate::updates::{remove, update};

const BOUND: Duration = Duration::from_secs(60);

pub(super) async fn hour(database: &Database, hour: i64) -> Result<(), StoreError> {
    let wrong = differing(database, hour).await?;
    if !wrong.is_empty() {
        transaction::run(database, BOUND, &Repair { hour, wrong }).await?;
    }
    // Wider than need be does no harm, so what is there only has to be widened.
    if let Some(span) = span_of_events(database, hour).await? {
        let (first, last) = (get_uuid(&span, "first_id")?, get_uuid(&span, "last_id")?);
        let widened = hours::widen(hour, SLOT_OF_REPAIRS, &first, &last);
        update(database, USAGE_HOURS, vec![widened], None)
            .await
            .map_err(failed)?;
    }
    Ok(())
}

struct Repair {
    hour: i64,
    /// The combinations to make anew.
    wrong: Vec<Document>,
}

#[async_trait]
impl Work for Repair {
    type Done = ();

    async fn attempt(&self, database: &Database, session: &mut ClientSession) -> Result<(), Failure> {
        // Before the sums, which take their time: from here on it is the append that begins anew.
        remove(database, USAGE_HOURLY, self.wrong.clone(), session).await?;
        let wrong: HashSet<Vec<u8>> = self.wrong.iter().map(bytes).collect::<Result<_, _>>()?;
        let mut right = Vec::new();
        for sum in sums_of_events(database, session, self.hour).await? {
            let of = sum
                .get_document("_id")
                .map_err(|error| corrupt(error.to_string()))?;
            if wrong.contains(&bytes(of)?) {
                right.push(document(of, &sum, self.hour)?);
            }
        }
        if !right.is_empty() {
            let rollups = database.collection::<Document>(USAGE_HOURLY);
            rollups.insert_many(right).session(session).await?;
        }
        Ok(())
    }
}

// Both sides were made by the same grouping, so that their fields are in one order.
fn bytes(combination: &Document) -> Result<Vec<u8>, StoreError> {
    combination.to_vec().map_err(|error| corrupt(error.to_string()))
}

fn document(of: &Document, sum: &Document, hour: i64) -> Result<Document, StoreError> {
    let model: ModelId = get(of, "model")?;
    let target: Option<TargetId> = get(of, "target")?;
    let groups: Vec<GroupName> = get(of, "groups")?;
    let combination = Combination {
        hour,
        user: UserId::from_bytes(get_uuid(of, "user")?),
        key: KeyId::from_bytes(get_uuid(of, "key")?),
        model: model.as_str(),
        endpoint: get(of, "endpoint")?,
        target: target.as_ref().map(TargetId::as_str),
        groups: &groups,
    };
    combination.document(SLOT_OF_REPAIRS, &total(sum)?)
}
