//! The description of the API.

use actix_web::HttpResponse;
use serde_json::{Value, json};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use crate::doors::COOKIE;
use crate::problem::{Details, Problem};
use crate::rights::{self, Needs};
use crate::{audit, keys, legacy, limits, models, usage, users, words};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "LLMGateway administration",
        description = "Models, keys, users, limits, usage and the audit log. The admin key opens it, or the session of \
                       an administrator or auditor whom the portal handed over. Auditors read, administrators change. \
                       What can be changed has an `ETag`; send it as `If-Match`, and nobody's change is overwritten \
                       unseen. Errors are problem details (RFC 9457)."
    ),
    paths(
        described,
        models::create, models::list, models::get, models::replace, models::remove, models::tested::test,
        keys::create, keys::list, keys::get, keys::change, keys::rotate, keys::revoke, limits::left::of_key,
        users::create, users::list, users::get, users::change, users::erase, users::sign_out, users::exported::export,
        limits::left::of_user, limits::get, limits::set,
        limits::groups::groups, limits::groups::group, limits::groups::replace_group, limits::groups::remove_group,
        usage::report, usage::report_csv, usage::chargeback::chargeback, usage::chargeback::chargeback_csv, usage::events::events, usage::events::event,
        audit::list, audit::heads, audit::checked, audit::export,
        legacy::add_model, legacy::remove_model, legacy::add_key, legacy::remove_key, legacy::list_keys
    ),
    components(schemas(
        Details<'static>,
        words::Id, words::Time, words::Name, words::ModelName, words::TargetName, words::Group,
        words::SecretText, words::Address, words::Limit, words::Price, words::Timeouts, words::Access,
        words::EndpointName, words::QuirkName, words::Switch, words::KeyStateName, words::UserStateName,
        words::By, words::BucketName, words::MonthName, words::ActorName, words::CursorText, words::AuditHead,
        words::Acting, words::RoleName, words::Tokens
    )),
    modifiers(&Locks)
)]
struct Described;

struct Locks;

// Everything but the description itself is locked, and may answer what holds everywhere.
impl Modify for Locks {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let components = openapi.components.get_or_insert_default();
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        components.add_security_scheme("admin_key", SecurityScheme::Http(bearer));
        let old = ApiKey::Header(ApiKeyValue::new("AdminKey"));
        components.add_security_scheme("old_admin_key", SecurityScheme::ApiKey(old));
        let session = ApiKey::Cookie(ApiKeyValue::new(COOKIE));
        components.add_security_scheme("session", SecurityScheme::ApiKey(session));
        let token = ApiKey::Header(ApiKeyValue::new("X-CSRF-Token"));
        components.add_security_scheme("session_token", SecurityScheme::ApiKey(token));
    }
}

/// The API's description (OpenAPI 3.1), as `GET /api/v1/openapi.json` gives it.
///
/// # Errors
/// When it cannot be written.
pub fn openapi() -> Result<String, serde_json::Error> {
    let mut description = serde_json::to_value(Described::openapi())?;
    common_answers(&mut description);
    serde_json::to_string_pretty(&description)
}

// What every locked path needs, and may answer.
fn common_answers(description: &mut Value) {
    for right in rights::API.iter().filter(|right| right.needs != Needs::Nothing) {
        let method = right.method.to_ascii_lowercase();
        let path = description["paths"].get_mut(right.path);
        if let Some(operation) = path.and_then(|path| path.get_mut(&method)) {
            locked(operation, right.needs, right.method);
        }
    }
}

fn locked(operation: &mut Value, needs: Needs, method: &str) {
    const COMMON: [(&str, &str); 4] = [
        ("400", "The request cannot be read."),
        (
            "401",
            "Nobody is known: the admin key is missing or wrong, or the session is over.",
        ),
        ("429", "Too many wrong keys from this address."),
        ("503", "A store is away."),
    ];
    let mut doors = vec![json!({"admin_key": []}), json!({"old_admin_key": []})];
    if let Needs::Role(role) = needs {
        doors.push(if method == "GET" {
            json!({"session": []})
        } else {
            json!({"session": [], "session_token": []})
        });
        let role = role.as_str();
        operation["x-needs-role"] = json!(role);
        let text =
            format!("The caller has not the role `{role}`, or no page of the session asked for the change.");
        operation["responses"]["403"] = problem(&text);
    }
    operation["security"] = json!(doors);
    for (status, text) in COMMON {
        operation["responses"][status] = problem(text);
    }
    if !operation["requestBody"].is_null() {
        operation["responses"]["413"] = problem("The body is longer than 1 MiB.");
        operation["responses"]["415"] = problem("The body is no JSON.");
        operation["responses"]["422"] = problem("The body makes no sense.");
    }
    for (_, answer) in operation["responses"].as_object_mut().into_iter().flatten() {
        as_problem(answer);
    }
}

fn problem(text: &str) -> Value {
    json!({
        "description": text,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    })
}

// Problem details have a media type of their own.
fn as_problem(answer: &mut Value) {
    let schema = answer["content"]["application/json"]["schema"]["$ref"].as_str();
    if schema == Some("#/components/schemas/Problem") {
        let content = answer["content"]["application/json"].take();
        answer["content"] = json!({"application/problem+json": content});
    } else if answer["content"].is_null()
        && let Some(answer) = answer.as_object_mut()
    {
        answer.remove("content");
    }
}

/// This description.
#[utoipa::path(get, path = "/api/v1/openapi.json", tag = "description", responses((status = 200)))]
pub(crate) async fn described() -> Result<HttpResponse, Problem> {
    let text = openapi().map_err(|_| Problem::broken())?;
    Ok(HttpResponse::Ok().content_type("application/json").body(text))
}
