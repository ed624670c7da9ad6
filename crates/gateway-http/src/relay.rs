//! One request to a model: from actix to the pipeline and back.

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, ResponseError, web};
use llmgw_proxy::stage::authenticate::RequestHead;
use llmgw_proxy::{Answer, AnswerId, Dialect, ModelAt, ProxyError, Route, Services, Upstream, answer};
use llmgw_types::{Event, Observer, RequestId};

use crate::api_error::ApiError;
use crate::body::{RelayBody, TimedBody};
use crate::routes::Gateway;
use crate::{extract, limits};

/// Bytes of a refused body that are read in any case.
const LEAST_DRAINED: u64 = 1024 * 1024;

pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Relays one request.
pub(crate) async fn relay<U: Upstream + 'static>(
    route: Route,
    request: HttpRequest,
    payload: web::Payload,
    gateway: &Gateway<U>,
) -> HttpResponse {
    let answer_id = request.match_info().get("id").and_then(AnswerId::parse);
    if answer_id.is_none() && route.model == ModelAt::Answer {
        return ApiError::unknown_path(request.method().as_str(), request.path()).error_response();
    }
    let head: RequestHead = extract::head(gateway, route, answer_id, &request);
    let id = head.id;
    let announced = head.content_length;
    let mut body = TimedBody::new(payload, gateway.body_within);
    match answer(&gateway.services, &gateway.upstream, head, &mut body).await {
        Ok(answer) => respond(id, answer),
        Err(error) => {
            let error = failed(&gateway.services, error, route.dialect, id);
            // Twice the longest body: a client that is a little over hears so.
            let most = (gateway.services.settings.max_body as u64)
                .saturating_mul(2)
                .max(LEAST_DRAINED);
            body.drain(announced, most).await;
            error.error_response()
        }
    }
}

/// What the client is told of `error`, which is counted and logged.
pub(crate) fn failed(services: &Services, error: ProxyError, dialect: Dialect, id: RequestId) -> ApiError {
    let blame = error.blame();
    count_limit(&*services.observer, &error);
    let error = ApiError::of(error, dialect, id);
    let code = error.code();
    services.observer.observe(&Event::RequestFailed { code, blame });
    error.log();
    error
}

fn count_limit(observer: &dyn Observer, error: &ProxyError) {
    if let ProxyError::Limit { refusal, .. } = error {
        let rule = &refusal.state.rule;
        observer.observe(&Event::LimitRefused {
            subject: rule.subject.kind(),
            unit: rule.limit.unit().as_str(),
            window: rule.limit.window().as_str(),
        });
    }
}

fn respond<B>(id: RequestId, answer: Answer<B>) -> HttpResponse
where
    B: futures_core::Stream<Item = Result<bytes::Bytes, llmgw_proxy::UpstreamError>> + Unpin + 'static,
{
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::BAD_GATEWAY);
    let mut response = HttpResponse::with_body(
        status,
        RelayBody {
            metered: answer.body,
            length: answer.length,
        },
    );
    let headers = response.headers_mut();
    for (name, value) in answer.headers.iter() {
        // What came in as a header goes out as one.
        if let Ok(value) = HeaderValue::from_maybe_shared(value.clone()) {
            headers.append(HeaderName::from_static(name), value);
        }
    }
    limits::headers(&answer.limits, answer.admitted_at, |name, value| {
        headers.insert(name, value);
    });
    if let Ok(id) = HeaderValue::try_from(id.to_string()) {
        headers.insert(X_REQUEST_ID, id);
    }
    response.map_into_boxed_body()
}
