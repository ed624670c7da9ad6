//! Single requests. Their prompts and answers are not kept.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path, Query};
use llmgw_types::{
    Endpoint, GroupName, KeyId, ModelId, RequestId, TargetId, Timestamp, TokenSource, TokenUsage, UserId,
};
use llmgw_usage::ledger::{End, EventQuery, UsageRecord};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Names;
use crate::admin::Admin;
use crate::caller::Reader;
use crate::problem::{Details, Problem};
use crate::words;

const MOST_EVENTS: usize = 10_000;
const EVENTS: usize = 100;

/// Which records to show, as the API takes it.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct WantedEvents {
    /// The most records to return, 100 unless given.
    #[param(minimum = 1, maximum = 10000)]
    pub limit: Option<usize>,
    /// Only this request.
    #[param(value_type = Option<words::Id>)]
    pub request_id: Option<RequestId>,
    /// Only of this user, by name or id.
    pub user: Option<String>,
    /// Only from this moment on.
    #[param(value_type = Option<words::Time>)]
    pub from: Option<Timestamp>,
    /// Only before this moment.
    #[param(value_type = Option<words::Time>)]
    pub to: Option<Timestamp>,
    /// Only records older than this one: the last of the page before.
    #[param(value_type = Option<words::Id>)]
    pub before: Option<RequestId>,
}

/// Records, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Events {
    /// The records.
    pub(crate) data: Vec<Event>,
    /// What to send as `before` for the next page; null where this is the last.
    #[schema(value_type = Option<words::Id>)]
    pub(crate) next: Option<RequestId>,
}

/// A request.
#[derive(Debug, Serialize, ToSchema)]
pub struct Event {
    /// Its id, which the client got as `x-request-id`.
    #[schema(value_type = words::Id)]
    pub(crate) request_id: RequestId,
    /// When it was admitted.
    #[schema(value_type = words::Time)]
    pub(crate) time: Timestamp,
    /// Who paid; null where they were erased.
    pub(crate) user: Option<String>,
    /// Their id.
    #[schema(value_type = words::Id)]
    pub(crate) user_id: UserId,
    /// With which key.
    #[schema(value_type = words::Id)]
    pub(crate) key_id: KeyId,
    /// The groups they were in.
    #[schema(value_type = Vec<words::Group>)]
    pub(crate) groups: Vec<GroupName>,
    /// Which model.
    #[schema(value_type = words::ModelName)]
    pub(crate) model: ModelId,
    /// Which target, if it came so far.
    #[schema(value_type = Option<String>)]
    pub(crate) target: Option<TargetId>,
    /// Which endpoint.
    #[schema(value_type = words::EndpointName)]
    pub(crate) endpoint: Endpoint,
    /// The status that the client got, or would have got.
    pub(crate) status: u16,
    /// Whether the answer was a stream.
    pub(crate) streamed: bool,
    /// `complete`, `client_gone`, `upstream_error` or `crashed`.
    #[schema(value_type = String)]
    pub(crate) end: End,
    /// Who says how many tokens: `reported`, `counted` or `estimated`.
    #[schema(value_type = String)]
    pub(crate) source: TokenSource,
    /// Tokens charged.
    #[schema(value_type = words::Tokens)]
    pub(crate) tokens: TokenUsage,
    /// Cost, in billionths of the currency.
    pub(crate) cost: i64,
    /// Milliseconds to the first byte of the answer.
    pub(crate) ttft_ms: Option<u32>,
    /// Milliseconds to the end.
    pub(crate) duration_ms: u32,
    /// What the endpoint counts besides tokens: seconds of sound, pictures, texts to embed, documents to rank.
    pub(crate) units: u64,
}

fn shown(record: UsageRecord, user: Option<String>) -> Event {
    Event {
        request_id: record.id,
        time: record.time,
        user,
        user_id: record.user,
        key_id: record.key,
        groups: record.groups,
        model: record.model,
        target: record.target,
        endpoint: record.endpoint,
        status: record.status,
        streamed: record.streamed,
        end: record.end,
        source: record.source,
        tokens: record.tokens,
        cost: record.cost.nanos(),
        ttft_ms: record.ttft_ms,
        duration_ms: record.duration_ms,
        units: record.units,
    }
}

impl Admin {
    /// Records, newest first.
    ///
    /// # Errors
    /// When the limit is out of bounds, there is no such user, or a store failed.
    pub async fn events(&self, wanted: &WantedEvents) -> Result<Events, Problem> {
        let limit = wanted.limit.unwrap_or(EVENTS);
        if !(1..=MOST_EVENTS).contains(&limit) {
            return Err(Problem::invalid(format!("limit: must be 1 to {MOST_EVENTS}")));
        }
        let user = match &wanted.user {
            Some(user) => Some(self.user(user).await?.id),
            None => None,
        };
        let query = EventQuery {
            id: wanted.request_id,
            user,
            from: wanted.from,
            to: wanted.to,
            before: wanted.before,
            limit,
        };
        let records = self.ledger.events(&query).await?;
        let next = records.last().filter(|_| records.len() == limit);
        let next = next.map(|record| record.id);
        let mut names = Names::default();
        let mut data = Vec::with_capacity(records.len());
        for record in records {
            let user = names.of(self, record.user).await?;
            data.push(shown(record, user));
        }
        Ok(Events { data, next })
    }
}

/// Requests, newest first.
#[utoipa::path(get, path = "/api/v1/usage/events", tag = "usage", params(WantedEvents),
    responses((status = 200, body = Events), (status = 400, body = Details), (status = 404, body = Details, description = "There is no such user."), (status = 422, body = Details)))]
pub(crate) async fn events(
    admin: Data<Admin>,
    _: Reader,
    wanted: Query<WantedEvents>,
) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(admin.events(&wanted).await?))
}

/// One request.
#[utoipa::path(get, path = "/api/v1/usage/events/{request_id}", tag = "usage", params(("request_id" = words::Id, Path)),
    responses((status = 200, body = Event), (status = 404, body = Details)))]
pub(crate) async fn event(
    admin: Data<Admin>,
    _: Reader,
    id: Path<RequestId>,
) -> Result<HttpResponse, Problem> {
    let wanted = WantedEvents {
        request_id: Some(*id),
        ..WantedEvents::default()
    };
    let mut found = admin.events(&wanted).await?.data;
    let event = found.pop().ok_or_else(|| {
        Problem::not_found("There is no request with this id; one that still runs has no record yet.")
    })?;
    Ok(HttpResponse::Ok().json(event))
}
