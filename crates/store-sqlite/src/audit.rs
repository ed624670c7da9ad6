//! [`AuditLog`] in SQLite.

use std::sync::Arc;

use async_trait::async_trait;
use llmgw_audit::{AuditEntry, AuditLog, AuditQuery, ChainId, Cursor, Digest, Head};
use llmgw_types::{StoreError, Timestamp};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, named_params, params_from_iter};

use crate::columns::{get_count, get_optional_json, get_parsed, get_time, get_word, json, limit, word};
use crate::connections::{Connections, Session, execute};
use crate::error::{failed, failed_to_keep};

/// Audit entries in a SQLite file. Processes that share the file append one after the other.
#[derive(Debug, Clone)]
pub struct SqliteAudit {
    connections: Arc<Connections>,
}

const INSERT: &str = "
    INSERT INTO audit_entries (chain, seq, at, stage, of_seq, actor, origin, action, subject, before_json,
        after_json, error, previous, hash)
    VALUES (:chain, :seq, :at, :stage, :of, :actor, :origin, :action, :subject, :before, :after, :error,
        :previous, :hash)";

const SET_HEAD: &str = "
    INSERT INTO audit_heads (chain, seq, hash, at) VALUES (:chain, :seq, :hash, :at)
    ON CONFLICT (chain) DO UPDATE SET seq = excluded.seq, hash = excluded.hash, at = excluded.at";

// From one chain to the next by the primary key, however long they are. What is no id is no chain: its entries are
// missing in their own.
const CHAINS: &str = "
    WITH RECURSIVE chains (chain) AS (
        SELECT min(chain) FROM audit_entries
        UNION ALL
        SELECT (SELECT min(chain) FROM audit_entries AS e WHERE e.chain > chains.chain) FROM chains
        WHERE chains.chain IS NOT NULL
    )
    SELECT chain FROM chains WHERE length(chain) = 16";

const CHAIN: &str = "SELECT * FROM audit_entries WHERE chain = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3";

impl SqliteAudit {
    pub(crate) fn new(connections: Arc<Connections>) -> Self {
        Self { connections }
    }
}

#[async_trait]
impl AuditLog for SqliteAudit {
    async fn append(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        let entry = entry.clone();
        self.connections
            .write(move |session| append(session, &entry))
            .await
    }

    async fn heads(&self) -> Result<Vec<Head>, StoreError> {
        self.connections
            .read(|connection| {
                connection
                    .prepare_cached("SELECT * FROM audit_heads ORDER BY chain")?
                    .query_map([], read_head)?
                    .collect()
            })
            .await
    }

    async fn chains(&self) -> Result<Vec<ChainId>, StoreError> {
        self.connections
            .read(|connection| {
                connection
                    .prepare_cached(CHAINS)?
                    .query_map([], |row| row.get(0).map(ChainId::from_bytes))?
                    .collect()
            })
            .await
    }

    async fn list(&self, query: &AuditQuery) -> Result<Vec<AuditEntry>, StoreError> {
        let query = query.clone();
        self.connections
            .read(move |connection| list(connection, &query))
            .await
    }

    async fn chain(&self, chain: ChainId, after: u64, most: usize) -> Result<Vec<AuditEntry>, StoreError> {
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        self.connections
            .read(move |connection| {
                connection
                    .prepare_cached(CHAIN)?
                    .query_map((chain.as_bytes(), after, limit(most)), read)?
                    .collect()
            })
            .await
    }
}

fn append(session: &Session, entry: &AuditEntry) -> Result<(), StoreError> {
    let connection = &session.connection;
    // Nobody else writes between this and the commit.
    let head = connection
        .prepare_cached("SELECT * FROM audit_heads WHERE chain = ?1")
        .and_then(|mut find| find.query_row([entry.chain.as_bytes()], read_head).optional())
        .map_err(failed)?;
    entry.follows(head.as_ref())?;
    insert(connection, entry)?;
    let head = named_params! {
        ":chain": entry.chain.as_bytes(),
        ":seq": number(entry.seq),
        ":hash": entry.hash.as_bytes(),
        ":at": entry.at.as_micros(),
    };
    execute(connection, SET_HEAD, head).map(drop)
}

fn insert(connection: &Connection, entry: &AuditEntry) -> Result<(), StoreError> {
    let (before, after) = (entry.before.as_ref(), entry.after.as_ref());
    let params = named_params! {
        ":chain": entry.chain.as_bytes(),
        ":seq": number(entry.seq),
        ":at": entry.at.as_micros(),
        ":stage": word(&entry.stage)?,
        ":of": entry.of.map(number),
        ":actor": entry.actor.to_string(),
        ":origin": entry.origin,
        ":action": entry.action,
        ":subject": entry.subject,
        ":before": before.map(json).transpose()?,
        ":after": after.map(json).transpose()?,
        ":error": entry.error,
        ":previous": entry.previous.as_bytes(),
        ":hash": entry.hash.as_bytes(),
    };
    let inserted = connection
        .prepare_cached(INSERT)
        .and_then(|mut insert| insert.execute(params));
    // Where the head was set back by hand.
    let what = || format!("entry {} of audit chain {}", entry.seq, entry.chain);
    inserted.map(drop).map_err(|error| failed_to_keep(&what(), error))
}

fn list(connection: &Connection, query: &AuditQuery) -> rusqlite::Result<Vec<AuditEntry>> {
    let mut conditions = conditions(query);
    // A text for each combination, so that each finds its index.
    let mut wanted: Vec<&str> = conditions.iter().map(|(text, _)| *text).collect();
    wanted.push("true");
    let text = format!(
        "SELECT * FROM audit_entries WHERE {} ORDER BY at DESC, chain DESC, seq DESC LIMIT ?",
        wanted.join(" AND ")
    );
    let values = conditions.iter_mut().flat_map(|(_, values)| values.drain(..));
    let values = values.chain([Value::from(limit(query.limit))]);
    connection
        .prepare_cached(&text)?
        .query_map(params_from_iter(values), read)?
        .collect()
}

fn conditions(query: &AuditQuery) -> Vec<(&'static str, Vec<Value>)> {
    let chain = |chain: ChainId| Value::from(chain.as_bytes().to_vec());
    let time = |time: Timestamp| Value::from(time.as_micros());
    let text = |text: &String| Value::from(text.clone());
    let place = |place: Cursor| vec![time(place.at), chain(place.chain), number(place.seq).into()];
    let actor = query.actor.as_ref().map(ToString::to_string);
    let all = [
        ("chain = ?", query.chain.map(|id| vec![chain(id)])),
        ("actor = ?", actor.map(|actor| vec![actor.into()])),
        (
            "action >= ?",
            query.action.as_ref().map(|action| vec![text(action)]),
        ),
        ("action < ?", query.action_end().map(|end| vec![end.into()])),
        (
            "subject = ?",
            query.subject.as_ref().map(|subject| vec![text(subject)]),
        ),
        ("at >= ?", query.from.map(|from| vec![time(from)])),
        ("at < ?", query.to.map(|to| vec![time(to)])),
        ("(at, chain, seq) < (?, ?, ?)", query.before.map(place)),
    ];
    let asked = all.into_iter().filter_map(|(text, values)| Some((text, values?)));
    asked.collect()
}

fn read(row: &Row<'_>) -> rusqlite::Result<AuditEntry> {
    let of: Option<i64> = row.get("of_seq")?;
    Ok(AuditEntry {
        chain: ChainId::from_bytes(row.get("chain")?),
        seq: get_count(row, "seq")?,
        at: get_time(row, "at")?,
        stage: get_word(row, "stage")?,
        of: of.map(|_| get_count(row, "of_seq")).transpose()?,
        actor: get_parsed(row, "actor")?,
        origin: row.get("origin")?,
        action: row.get("action")?,
        subject: row.get("subject")?,
        before: get_optional_json(row, "before_json")?,
        after: get_optional_json(row, "after_json")?,
        error: row.get("error")?,
        previous: Digest::from_bytes(row.get("previous")?),
        hash: Digest::from_bytes(row.get("hash")?),
    })
}

fn read_head(row: &Row<'_>) -> rusqlite::Result<Head> {
    Ok(Head {
        chain: ChainId::from_bytes(row.get("chain")?),
        seq: get_count(row, "seq")?,
        hash: Digest::from_bytes(row.get("hash")?),
        at: get_time(row, "at")?,
    })
}

/// No chain comes near to where SQLite's integers end.
fn number(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}
