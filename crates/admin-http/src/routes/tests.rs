//! On the memory adapters.

mod applied;
mod browsers;
mod changes;
mod content;
mod doors;
mod roles;
mod sessions;
mod shown;
mod sign_in;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix_web::dev::Service;
use actix_web::http::Method;
use actix_web::http::header::HeaderMap;
use actix_web::{App, test};
use async_trait::async_trait;
use futures_util::FutureExt;
use llmgw_audit::{AuditLog, AuditQuery, Auditor, MemoryAudit, Stage};
use llmgw_keys::{
    AdminKey, ApiKey, Failures, KeyHash, KeyService, KeyStore, KeyText, MemoryKeys, MemoryUsers, Page,
    Pepper, Proxies, UserService,
};
use llmgw_models::{
    MemoryModels, Model, ModelService, Probed, SecretRef, SecretResolver, Target, TargetProbe,
};
use llmgw_sessions::{MemoryOneTime, MemorySessions};
use llmgw_types::{
    Change, ChangeFeed, Entropy, KeyId, ManualClock, ModelId, SecretString, StoreError, TargetId, Timestamp,
    UserId,
};
use llmgw_usage::admission::{Calendar, LimitPolicy, MemoryAdmission, MemoryLimits, StandingLimits};
use llmgw_usage::ledger::MemoryLedger;
use serde_json::{Value, json};

use super::*;
use crate::{CookieKey, Handovers};

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
const ADMIN_KEY: &str = "the-key-of-the-admin";

/// Keys in memory. Changes take a while.
#[derive(Default)]
struct Slow(MemoryKeys);

#[async_trait]
impl KeyStore for Slow {
    async fn insert(&self, key: &ApiKey) -> Result<(), StoreError> {
        self.0.insert(key).await
    }

    async fn by_hash(&self, hash: &KeyHash) -> Result<Option<ApiKey>, StoreError> {
        self.0.by_hash(hash).await
    }

    async fn get(&self, id: KeyId) -> Result<Option<ApiKey>, StoreError> {
        self.0.get(id).await
    }

    async fn list(&self, owner: Option<UserId>, page: Page<KeyId>) -> Result<Vec<ApiKey>, StoreError> {
        self.0.list(owner, page).await
    }

    async fn update(&self, key: &ApiKey) -> Result<(), StoreError> {
        self.0.update(key).await?;
        // Long enough for the caller to leave.
        yield_once().await;
        Ok(())
    }

    async fn touch(&self, used: &[(KeyId, Timestamp)]) -> Result<(), StoreError> {
        self.0.touch(used).await
    }
}

// Not ready at once.
async fn yield_once() {
    let mut yielded = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return std::task::Poll::Ready(());
        }
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

#[derive(Default)]
struct Feed(AtomicUsize);

#[async_trait]
impl ChangeFeed for Feed {
    async fn publish(&self, _: Change) -> Result<(), StoreError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

#[derive(Default)]
struct Counting(AtomicUsize);

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        let count = self.0.fetch_add(1, Ordering::SeqCst).to_be_bytes();
        bytes.fill(7);
        for (byte, part) in bytes.iter_mut().rev().zip(count.iter().rev()) {
            *byte = *part;
        }
    }
}

/// Asks nobody, and has no secrets: what is asked of real servers is tested with real programs.
struct Nobody;

impl TargetProbe for Nobody {
    fn probe<'a>(
        &'a self,
        _: &'a Target,
        _: &'a str,
        _: Option<SecretString>,
    ) -> std::pin::Pin<Box<dyn Future<Output = Probed> + 'a>> {
        Box::pin(std::future::ready(Probed {
            status: None,
            serves_model: None,
            problem: Some("nobody was asked".to_owned()),
            duration: Duration::ZERO,
        }))
    }
}

#[async_trait]
impl SecretResolver for Nobody {
    async fn resolve(&self, _: &Target) -> Result<Option<SecretString>, StoreError> {
        Ok(None)
    }
}

struct World {
    doors: Arc<Doors>,
    clock: Arc<ManualClock>,
    admin: Arc<Admin>,
    feed: Arc<Feed>,
    models: Arc<MemoryModels>,
    users: Arc<MemoryUsers>,
    audit: Arc<MemoryAudit>,
}

fn world() -> World {
    let audit = Arc::new(MemoryAudit::default());
    world_over(audit.clone(), audit)
}

// Whose changes are written to `log`.
fn world_over(audit: Arc<MemoryAudit>, log: Arc<dyn AuditLog>) -> World {
    let users = Arc::new(MemoryUsers::default());
    let models = Arc::new(MemoryModels::default());
    let feed = Arc::new(Feed::default());
    let pepper = Pepper::new(&[1; 32]).unwrap();
    let keys = Arc::new(Slow::default());
    let entropy = Arc::new(Counting::default());
    let clock = Arc::new(ManualClock::at(NOW));
    let calendar = Calendar::named("UTC").unwrap();
    let admin = Admin {
        keys: KeyService::new(
            keys.clone(),
            users.clone(),
            pepper.clone(),
            feed.clone(),
            entropy.clone(),
        ),
        users: UserService::new(users.clone(), keys, feed.clone(), entropy.clone()),
        models: ModelService::new(models.clone(), feed.clone()),
        sealer: None,
        probe: Arc::new(Nobody),
        secrets: Arc::new(Nobody),
        limits: StandingLimits::new(LimitPolicy::default(), Arc::new(MemoryLimits::default())),
        admission: Arc::new(MemoryAdmission::new(calendar.clone())),
        ledger: Arc::new(MemoryLedger::default()),
        sessions: Arc::new(MemorySessions::default()),
        auditor: Auditor::new(log, clock.clone(), entropy.clone()),
        audit: audit.clone(),
        feed: feed.clone(),
        default_upstream: Some("http://upstream:8000".to_owned()),
        failures: Failures::default(),
        calendar,
        currency: "EUR".to_owned(),
        clock: clock.clone(),
    };
    World {
        doors: Arc::new(doors(ADMIN_KEY, pepper, entropy)),
        clock,
        admin: Arc::new(admin),
        feed,
        models,
        users,
        audit,
    }
}

fn doors(key: &str, pepper: Pepper, entropy: Arc<dyn Entropy>) -> Doors {
    let hash = pepper.hash(&KeyText::import(key).unwrap());
    let handovers = Handovers::new(browsers::PORTAL_PUBLIC.as_bytes(), browsers::PORTAL, browsers::WE);
    Doors {
        key: AdminKey::new(vec![pepper], hash),
        handovers: Some(handovers.unwrap()),
        origin: browsers::WE.to_owned(),
        cookies: CookieKey::derive(&[9; 32]),
        once: Arc::new(MemoryOneTime::default()),
        entropy,
        proxies: Proxies::which(|address| address.is_loopback()),
        lasts: Duration::from_hours(8),
        idle: Duration::from_mins(30),
    }
}

// A path as it is described, with something in place of its parameters.
fn with_parameters(path: &str) -> String {
    let id = KeyId::new(NOW, [9; 10]).to_string();
    path.replace("{id}", &id)
        .replace("{request_id}", &id)
        .replace("{group}", "g")
        .replace("{name}", "x")
}

fn request(method: &str, path: &str, body: Option<&Value>) -> test::TestRequest {
    let request = test::TestRequest::with_uri(path)
        .method(Method::from_bytes(method.as_bytes()).unwrap())
        .insert_header(("authorization", format!("Bearer {ADMIN_KEY}")));
    match body {
        Some(body) => request.set_json(body),
        None => request,
    }
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

impl World {
    fn routes(&self) -> impl FnOnce(&mut ServiceConfig) + use<> {
        routes(Arc::clone(&self.admin), Arc::clone(&self.doors))
    }

    // The answer; errors must be problem details, or pages.
    async fn send(&self, request: test::TestRequest) -> Answer {
        let request = request.to_request();
        let api = request.path().starts_with("/api/") || request.path().starts_with("/admin/");
        let app = test::init_service(App::new().configure(self.routes())).await;
        let response = match app.call(request).await {
            Ok(response) => response.map_into_boxed_body().into_parts().1,
            Err(error) => error.error_response(),
        };
        let (status, headers) = (response.status(), response.headers().clone());
        if status.is_client_error() || status.is_server_error() {
            let expected = if api {
                "application/problem+json"
            } else {
                "text/html; charset=utf-8"
            };
            let media_type = headers.get("content-type").map(|value| value.to_str().unwrap());
            assert_eq!(media_type, Some(expected), "{status}");
        }
        let body = actix_web::body::to_bytes(response.into_body()).await;
        Answer {
            status: status.as_u16(),
            headers,
            body: body.unwrap_or_default().to_vec(),
        }
    }

    async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let answer = self.send(request(method, path, body.as_ref())).await;
        (answer.status, answer.json())
    }

    async fn make_key(&self) -> String {
        let (status, key) = self
            .ask("POST", "/api/v1/keys", Some(json!({"owner": "ada"})))
            .await;
        assert_eq!(status, 201, "{key}");
        key["id"].as_str().unwrap().to_owned()
    }
}

#[actix_web::test]
async fn a_revocation_goes_on_to_its_end_when_the_client_leaves() {
    let world = world();
    let id = world.make_key().await;
    let told = world.feed.0.load(Ordering::SeqCst);
    let app = test::init_service(App::new().configure(world.routes())).await;
    let mut call = Box::pin(app.call(request("DELETE", &format!("/api/v1/keys/{id}"), None).to_request()));
    // So far that the store has it, and no farther.
    while world.ask("GET", "/api/v1/keys", None).await.1["data"][0]["state"] != "revoked" {
        assert!(
            (&mut call).now_or_never().is_none(),
            "it ended before the client left"
        );
    }
    drop(call);
    for _ in 0..1_000 {
        if world.feed.0.load(Ordering::SeqCst) > told {
            return;
        }
        actix_web::rt::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("the revocation was kept and not told");
}

#[actix_web::test]
async fn a_key_is_deleted_once_or_more_and_only_where_there_is_one() {
    let world = world();
    let id = world.make_key().await;
    for _ in 0..2 {
        let (status, _) = world.ask("DELETE", &format!("/api/v1/keys/{id}"), None).await;
        assert_eq!(status, 204);
    }
    let unknown = KeyId::new(NOW, [9; 10]);
    for id in [&*unknown.to_string(), "nonsense"] {
        let (status, problem) = world.ask("DELETE", &format!("/api/v1/keys/{id}"), None).await;
        assert_eq!((status, &problem["status"]), (404, &json!(404)), "{problem}");
    }
}

#[actix_web::test]
async fn a_model_can_be_read_and_put_back() {
    let world = world();
    let target = json!({"base_url": "http://h:1/v1/", "secret": "file:a"});
    let wanted = json!({
        "id": "org/m", "aliases": ["n"], "targets": [target], "price": {"prompt": 5},
        "limits": [{"unit": "tokens", "window": "day", "amount": 9}], "state": "disabled",
    });
    let (status, made) = world.ask("POST", "/api/v1/models", Some(wanted)).await;
    assert_eq!(status, 201, "{made}");
    assert_eq!(made["targets"][0]["base_url"], "http://h:1");
    let (_, read) = world.ask("GET", "/api/v1/models/org/m", None).await;
    assert_eq!(read, made);
    let (status, mut put) = world.ask("PUT", "/api/v1/models/org/m", Some(read.clone())).await;
    assert_eq!((status, &put["revision"]), (200, &json!(1)));
    put["revision"] = json!(0);
    assert_eq!(put, read);
}

#[actix_web::test]
async fn the_default_secret_stays_where_it_is_and_goes_nowhere_else() {
    let world = world();
    let mut kept = Model::new(ModelId::parse("m").unwrap(), NOW);
    kept.targets.push(Target {
        id: TargetId::parse("upstream").unwrap(),
        base_url: "http://h:1".to_owned(),
        model: None,
        secret: SecretRef::Default,
        weight: 1,
        max_in_flight: None,
        quirks: Vec::new(),
    });
    world.admin.models.create(&kept).await.unwrap();
    let (_, read) = world.ask("GET", "/api/v1/models/m", None).await;
    let put = async |change: fn(&mut Value)| {
        let mut wanted = read.clone();
        change(&mut wanted["targets"][0]);
        world.ask("PUT", "/api/v1/models/m", Some(wanted)).await.0
    };
    assert_eq!(
        put(|target| target["base_url"] = json!("http://thief")).await,
        422
    );
    assert_eq!(put(|target| target["id"] = json!("other")).await, 422);
    assert_eq!(put(|target| target["weight"] = json!(2)).await, 200);
    let mut wanted = read.clone();
    wanted["id"] = json!("other");
    assert_eq!(world.ask("POST", "/api/v1/models", Some(wanted)).await.0, 422);
    // Nor back, once it was taken away.
    assert_eq!(put(|target| target["secret"] = json!("")).await, 200);
    assert_eq!(put(|_| {}).await, 422);
    assert_eq!(
        llmgw_models::ModelCatalog::list(&*world.models)
            .await
            .unwrap()
            .len(),
        1
    );
}

#[actix_web::test]
async fn what_makes_no_sense_is_refused() {
    let world = world();
    for (field, value) in [
        ("price", json!({"completion": -1})),
        ("timeouts", json!({"idle_ms": 0})),
        ("targets", json!([{"base_url": "http://u:p@h"}])),
        (
            "targets",
            json!([{"base_url": "http://h", "secret": "env:LLMGW_UPSTREAM__DEFAULT_KEY"}]),
        ),
    ] {
        let mut wanted = json!({"id": "m"});
        wanted[field] = value;
        let (status, problem) = world.ask("POST", "/api/v1/models", Some(wanted)).await;
        assert_eq!(status, 422, "{field}: {problem}");
    }
}

#[actix_web::test]
async fn usage_of_an_unknown_user_is_not_found() {
    let world = world();
    for path in ["/api/v1/usage?user=nobody", "/api/v1/usage/events?user=nobody"] {
        let (status, problem) = world.ask("GET", path, None).await;
        assert_eq!(
            (status, &problem["detail"]),
            (404, &json!("There is no user `nobody`."))
        );
    }
}
