//! Rows of usage become records of the ledger. A record's id is made of its row's, so that none comes twice.

use llmgw_boot::{Failure, chain};
use llmgw_types::{
    Endpoint, KeyId, ModelId, Money, RequestId, TargetId, Timestamp, TokenSource, TokenUsage, UserId,
};
use llmgw_usage::ledger::{End, UsageRecord};
use mongodb::bson::{Bson, Document};
use sha2::{Digest, Sha256};

use super::Import;
use super::moment::moment;
use super::payers::{Payers, unknown};
use super::source::{Source, failed, text};
use super::tally::Tally;

/// Records that are kept at once.
const AT_ONCE: usize = 1_000;

/// Where imported records say that they were sent.
const IMPORTED: &str = "imported";

/// A row that makes sense, but for who pays.
struct Row {
    id: RequestId,
    time: Timestamp,
    model: ModelId,
    tokens: u64,
}

impl Import<'_> {
    pub(super) async fn usage(
        &self,
        source: &Source,
        payers: &mut Payers,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        let target = TargetId::parse(IMPORTED).map_err(|error| error.to_string())?;
        let oldest = self.retention.map(|kept| self.admin.clock.now().minus(kept));
        let mut rows = source.logs().await?;
        let mut records = Vec::with_capacity(AT_ONCE);
        while rows.advance().await.map_err(failed)? {
            let document: Document = rows.deserialize_current().map_err(failed)?;
            tally.usage.read += 1;
            let row = match row(&document, oldest) {
                Ok(row) => row,
                Err((why, tokens)) => {
                    tally.usage.left_out(why, tokens);
                    continue;
                }
            };
            let Some((key, user)) = self.payer(&document, payers, tally).await? else {
                tally.usage.left_out("nobody is named who could pay", row.tokens);
                continue;
            };
            records.push(record(row, key, user, target.clone()));
            if records.len() == AT_ONCE {
                self.keep(&mut records, tally).await?;
            }
        }
        self.keep(&mut records, tally).await
    }

    async fn keep(&self, records: &mut Vec<UsageRecord>, tally: &mut Tally) -> Result<(), Failure> {
        let all = records.len();
        let new = if self.dry {
            all
        } else {
            let kept = self.admin.ledger.append(records).await;
            kept.map_err(|error| Failure::from(chain(&error)))?
        };
        let usage = &mut tally.usage;
        usage.made += new as u64;
        usage.there += (all - new) as u64;
        usage.tokens += records.iter().map(|record| record.tokens.completion).sum::<u64>();
        records.clear();
        Ok(())
    }

    // The source is a key's text, or a user's name.
    async fn payer(
        &self,
        document: &Document,
        payers: &mut Payers,
        tally: &mut Tally,
    ) -> Result<Option<(KeyId, UserId)>, Failure> {
        let Some(source) = text(document, "source").filter(|source| !source.trim().is_empty()) else {
            return Ok(None);
        };
        if let Some(payer) = payers.key(&source) {
            return Ok(Some(payer));
        }
        let kind = text(document, "sourcetype")
            .unwrap_or_default()
            .to_ascii_lowercase();
        let name = if kind.contains("key") {
            unknown(&source)
        } else {
            source
        };
        let user = self.user(&name, payers, &mut tally.users).await?;
        Ok(user.map(|user| (no_key(), user)))
    }
}

// What was used without a key.
fn no_key() -> KeyId {
    KeyId::from_bytes([0; 16])
}

fn row(document: &Document, oldest: Option<Timestamp>) -> Result<Row, (&'static str, u64)> {
    let tokens = document.get("tokencount").and_then(tokens);
    let tokens = tokens.ok_or(("`tokencount` is no count of tokens", 0))?;
    let without = |why: &'static str| (why, tokens);
    let id = document.get("_id").ok_or(without("there is no `_id`"))?;
    let time = document.get("timestamp").and_then(moment);
    let time = time.ok_or(without("`timestamp` is no moment"))?;
    if oldest.is_some_and(|oldest| time < oldest) {
        return Err(without("it is older than mongo.retention keeps events"));
    }
    let model = text(document, "model").and_then(|model| ModelId::parse(&model).ok());
    Ok(Row {
        id: request_id(id, time).ok_or(without("`_id` cannot be read"))?,
        time,
        model: model.ok_or(without("`model` is no name of a model"))?,
        tokens,
    })
}

fn tokens(value: &Bson) -> Option<u64> {
    match value {
        Bson::Int32(number) => u64::try_from(*number).ok(),
        Bson::Int64(number) => u64::try_from(*number).ok(),
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is a whole number within the bounds"
        )]
        Bson::Double(number) => {
            (number.fract() == 0.0 && (0.0..9e15).contains(number)).then_some(*number as u64)
        }
        _ => None,
    }
}

// In the order of time, as those of requests are.
fn request_id(id: &Bson, time: Timestamp) -> Option<RequestId> {
    let mut hash = Sha256::new();
    hash.update(b"llmgw import-legacy\0");
    match id {
        Bson::ObjectId(id) => hash.update(id.bytes()),
        other => hash.update(mongodb::bson::serialize_to_vec(&mongodb::bson::doc! { "": other }).ok()?),
    }
    let hash = hash.finalize();
    let random: [u8; 10] = hash.get(..10)?.try_into().ok()?;
    Some(RequestId::new(time, random))
}

fn record(row: Row, key: KeyId, user: UserId, target: TargetId) -> UsageRecord {
    UsageRecord {
        id: row.id,
        time: row.time,
        key,
        user,
        groups: Vec::new(),
        model: row.model,
        target: Some(target),
        endpoint: Endpoint::ChatCompletions,
        status: 200,
        streamed: false,
        end: End::Complete,
        // It counted completions alone, those of streams by their chunks.
        tokens: TokenUsage {
            completion: row.tokens,
            ..TokenUsage::default()
        },
        source: TokenSource::Estimated,
        cost: Money::ZERO,
        ttft_ms: None,
        duration_ms: 0,
        units: 0,
    }
}
