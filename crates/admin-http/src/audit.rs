//! `/api/v1/audit`: who changed what.

use actix_web::HttpResponse;
use actix_web::web::{Bytes, Data, Json, Query};
use futures_util::stream::{self, Stream};
use llmgw_audit::{Actor, AuditEntry, AuditQuery, ChainId, Cursor, Head, Stage, Verified, verify};
use llmgw_types::{StoreError, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::admin::Admin;
use crate::caller::Reader;
use crate::paging::{self, Listed, MOST};
use crate::problem::{Details, Problem};
use crate::words;

/// An entry: a change that was to be made, or what came of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Entry {
    /// Where it stands in the log.
    pub(crate) cursor: String,
    /// The chain of the process that wrote it.
    #[schema(value_type = words::Id)]
    pub(crate) chain: ChainId,
    /// Its number there.
    pub(crate) seq: u64,
    /// When.
    #[schema(value_type = words::Time)]
    pub(crate) at: Timestamp,
    /// `intended`, `done` or `failed`.
    #[schema(value_type = String)]
    pub(crate) stage: Stage,
    /// Of an end: the number of the intended entry, in the same chain.
    pub(crate) of: Option<u64>,
    /// `admin-key`, `user:UUID`, `command-line:ACCOUNT` or `system`.
    pub(crate) actor: String,
    /// The name of a user who acted; null where they were erased.
    pub(crate) actor_name: Option<String>,
    /// From where.
    pub(crate) origin: Option<String>,
    /// What was done.
    pub(crate) action: String,
    /// To what.
    pub(crate) subject: String,
    /// What stood there before.
    #[schema(value_type = Option<Object>)]
    pub(crate) before: Option<Value>,
    /// What stands there after, or is to.
    #[schema(value_type = Option<Object>)]
    pub(crate) after: Option<Value>,
    /// Why it failed.
    pub(crate) error: Option<String>,
    /// The hash of the entry, and of all before it.
    pub(crate) hash: String,
}

/// Which entries to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Only by this actor.
    #[param(value_type = Option<words::ActorName>)]
    pub actor: Option<Actor>,
    /// Only actions that begin like this.
    pub action: Option<String>,
    /// Only about this.
    pub subject: Option<String>,
    /// Not before this moment.
    #[param(value_type = Option<words::Time>)]
    pub from: Option<Timestamp>,
    /// Before this moment.
    #[param(value_type = Option<words::Time>)]
    pub to: Option<Timestamp>,
    /// The `next` of the page before.
    #[param(value_type = Option<words::CursorText>)]
    pub after: Option<String>,
    /// Entries on a page, 100 unless given.
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<usize>,
}

/// The ends of all chains. Kept where nobody who may change the store can write, they show later what was changed.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Heads {
    /// One for each chain.
    #[schema(value_type = Vec<words::AuditHead>)]
    pub heads: Vec<Head>,
}

/// What a look at the whole log found.
#[derive(Debug, Serialize, ToSchema)]
pub struct Checked {
    /// Chains that have entries.
    pub(crate) chains: u64,
    /// Entries.
    pub(crate) entries: u64,
    /// Intended changes without an end: the process was killed, or is still at it.
    pub(crate) unfinished: u64,
    /// What is wrong, in words.
    pub(crate) faults: Vec<String>,
}

impl From<Verified> for Checked {
    fn from(verified: Verified) -> Self {
        Self {
            chains: verified.chains,
            entries: verified.entries,
            unfinished: verified.unfinished,
            faults: verified.faults.iter().map(ToString::to_string).collect(),
        }
    }
}

impl Checked {
    /// Whether something is wrong.
    #[must_use]
    pub const fn is_well(&self) -> bool {
        self.faults.is_empty()
    }
}

fn shown(entry: AuditEntry, actor_name: Option<String>) -> Entry {
    let cursor = Cursor {
        at: entry.at,
        chain: entry.chain,
        seq: entry.seq,
    };
    Entry {
        cursor: cursor.to_string(),
        chain: entry.chain,
        seq: entry.seq,
        at: entry.at,
        stage: entry.stage,
        of: entry.of,
        actor: entry.actor.to_string(),
        actor_name,
        origin: entry.origin,
        action: entry.action,
        subject: entry.subject,
        before: entry.before,
        after: entry.after,
        error: entry.error,
        hash: entry.hash.to_string(),
    }
}

impl Admin {
    /// Entries, newest first.
    ///
    /// # Errors
    /// When a field makes no sense or a store failed.
    pub async fn audit_entries(&self, filter: &Filter) -> Result<Listed<Entry>, Problem> {
        let limit = paging::limit(filter.limit)?;
        let before = filter.after.as_deref().map(str::parse::<Cursor>).transpose();
        let query = AuditQuery {
            chain: None,
            actor: filter.actor.clone(),
            action: filter.action.clone(),
            subject: filter.subject.clone(),
            from: filter.from,
            to: filter.to,
            before: before.map_err(|error| Problem::invalid(format!("after: {error}")))?,
            limit,
        };
        let mut data = Vec::new();
        for entry in self.audit.list(&query).await? {
            let name = match &entry.actor {
                Actor::User(user) => self.name_of(*user).await?,
                _ => None,
            };
            data.push(shown(entry, name));
        }
        Ok(Listed::new(data, limit, |entry| entry.cursor.clone()))
    }

    /// The ends of all chains, to keep elsewhere.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn audit_heads(&self) -> Result<Heads, Problem> {
        Ok(Heads {
            heads: self.audit.heads().await?,
        })
    }

    /// Looks whether anything was changed in the log, or taken out of it since `kept` was.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn audit_verify(&self, kept: &[Head]) -> Result<Checked, Problem> {
        Ok(verify(&*self.audit, kept).await?.into())
    }
}

/// Who changed what, newest first.
#[utoipa::path(get, path = "/api/v1/audit", tag = "audit", params(Filter),
    responses((status = 200, body = Listed<Entry>), (status = 400, body = Details), (status = 422, body = Details)))]
pub(crate) async fn list(
    admin: Data<Admin>,
    _: Reader,
    filter: Query<Filter>,
) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(admin.audit_entries(&filter).await?))
}

/// The ends of all chains. Keep them where nobody who may change the store can write.
#[utoipa::path(get, path = "/api/v1/audit/heads", tag = "audit", responses((status = 200, body = Heads)))]
pub(crate) async fn heads(admin: Data<Admin>, _: Reader) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(admin.audit_heads().await?))
}

/// Looks whether anything was changed in the log, or taken out of it since these heads were kept.
#[utoipa::path(post, path = "/api/v1/audit/verify", tag = "audit", request_body = Heads,
    responses((status = 200, body = Checked), (status = 422, body = Details)))]
pub(crate) async fn checked(
    admin: Data<Admin>,
    _: Reader,
    kept: Json<Heads>,
) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(admin.audit_verify(&kept.heads).await?))
}

/// The whole log, chain by chain, one entry a line, with what its hashes are made of.
#[utoipa::path(get, path = "/api/v1/audit/export", tag = "audit",
    responses((status = 200, body = String, content_type = "application/x-ndjson")))]
pub(crate) async fn export(admin: Data<Admin>, _: Reader) -> Result<HttpResponse, Problem> {
    let chains = admin.audit.chains().await?;
    Ok(HttpResponse::Ok()
        .content_type("application/x-ndjson")
        .streaming(lines(admin, chains)))
}

fn lines(admin: Data<Admin>, chains: Vec<ChainId>) -> impl Stream<Item = Result<Bytes, Problem>> {
    let first = (admin, chains.into_iter(), None::<(ChainId, u64)>);
    stream::try_unfold(first, async |(admin, mut chains, at)| {
        let mut at = at.or_else(|| chains.next().map(|chain| (chain, 0)));
        while let Some((chain, after)) = at {
            let page = admin.audit.chain(chain, after, MOST).await?;
            if let Some(last) = page.last() {
                let (text, next) = (written(&page)?, (chain, last.seq));
                return Ok(Some((text, (admin, chains, Some(next)))));
            }
            at = chains.next().map(|chain| (chain, 0));
        }
        Ok(None)
    })
}

fn written(entries: &[AuditEntry]) -> Result<Bytes, Problem> {
    let mut text = Vec::new();
    for entry in entries {
        serde_json::to_writer(&mut text, entry)
            .map_err(|error| StoreError::unavailable("the audit log", error))?;
        text.push(b'\n');
    }
    Ok(text.into())
}
