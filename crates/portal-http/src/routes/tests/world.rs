//! A portal, and browsers.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use actix_web::App;
use actix_web::body::to_bytes;
use actix_web::dev::Service as _;
use actix_web::http::Method;
use actix_web::http::header::HeaderMap;
use actix_web::test::{TestRequest, init_service};
use async_trait::async_trait;
use llmgw_keys::{KeyService, KeyStore, MemoryKeys, MemoryUsers, People, Pepper, User, UserStore};
use llmgw_models::MemoryModels;
use llmgw_sessions::{MemoryOneTime, MemorySessions, Session, SessionStore, TokenHash};
use llmgw_types::{Change, ChangeFeed, Entropy, ManualClock, StoreError, Timestamp, UserId};
use llmgw_usage::admission::{Calendar, LimitPolicy, MemoryAdmission, MemoryLimits, StandingLimits};
use llmgw_usage::ledger::MemoryLedger;

use super::super::*;
use crate::portal::{Agreement, SignIn, Site};

pub(super) const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
pub(super) const LASTS: Duration = Duration::from_hours(8);
pub(super) const IDLE: Duration = Duration::from_hours(1);

/// Different bytes each time.
#[derive(Default)]
struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        let count = self.0.fetch_add(1, Ordering::SeqCst) + 1;
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = count.to_le_bytes()[index % 8];
        }
    }
}

struct Silent;

#[async_trait]
impl ChangeFeed for Silent {
    async fn publish(&self, _: Change) -> Result<(), StoreError> {
        Ok(())
    }
}

/// Sessions whose store can be taken away.
#[derive(Default)]
pub(super) struct Removable {
    kept: MemorySessions,
    pub(super) away: AtomicBool,
}

impl Removable {
    fn here(&self) -> Result<&MemorySessions, StoreError> {
        if self.away.load(Ordering::SeqCst) {
            return Err(StoreError::unavailable("test", "away"));
        }
        Ok(&self.kept)
    }
}

#[async_trait]
impl SessionStore for Removable {
    async fn insert(&self, hash: &TokenHash, session: &Session, now: Timestamp) -> Result<(), StoreError> {
        self.here()?.insert(hash, session, now).await
    }
    async fn get(&self, hash: &TokenHash, now: Timestamp) -> Result<Option<Session>, StoreError> {
        self.here()?.get(hash, now).await
    }
    async fn update(&self, hash: &TokenHash, session: &Session, now: Timestamp) -> Result<bool, StoreError> {
        self.here()?.update(hash, session, now).await
    }
    async fn touch(&self, hash: &TokenHash, seen_at: Timestamp) -> Result<bool, StoreError> {
        self.here()?.touch(hash, seen_at).await
    }
    async fn remove(&self, hash: &TokenHash) -> Result<bool, StoreError> {
        self.here()?.remove(hash).await
    }
    async fn remove_user(&self, user: UserId) -> Result<u64, StoreError> {
        self.here()?.remove_user(user).await
    }
    async fn remove_login(&self, issuer: &str, name: &str, indexes: &[String]) -> Result<u64, StoreError> {
        self.here()?.remove_login(issuer, name, indexes).await
    }
}

pub(super) struct World {
    pub(super) portal: Arc<Portal>,
    pub(super) clock: Arc<ManualClock>,
    pub(super) sessions: Arc<Removable>,
    pub(super) users: Arc<MemoryUsers>,
    pub(super) keys: Arc<MemoryKeys>,
}

/// What came back.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The session's cookie that is set: name and value, then what holds for it.
    pub(super) fn cookie(&self) -> Option<(&str, &str)> {
        self.header("set-cookie").split_once("; ")
    }
}

/// One browser: at most the session's cookie, and the token of its pages.
#[derive(Clone, Default)]
pub(super) struct Browser {
    pub(super) cookie: String,
    pub(super) csrf: String,
}

impl World {
    pub(super) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(super) fn with(change: impl FnOnce(&mut Site)) -> Self {
        let clock = Arc::new(ManualClock::at(NOW));
        let (users, keys) = (Arc::new(MemoryUsers::default()), Arc::new(MemoryKeys::default()));
        let sessions = Arc::new(Removable::default());
        let (feed, entropy) = (Arc::new(Silent), Arc::new(Counting::default()));
        let pepper = Pepper::new(&[7; 32]).unwrap();
        let mut site = Site {
            origin: "http://localhost:8082".to_owned(),
            institution: "Example University".to_owned(),
            support: None,
            api_url: "https://llm.example.org".to_owned(),
            currency: "EUR".to_owned(),
            agreement: None,
            lasts: LASTS,
            idle: IDLE,
            max_keys: 3,
            handover: None,
        };
        change(&mut site);
        let portal = Portal {
            keys: KeyService::new(keys.clone(), users.clone(), pepper, feed.clone(), entropy.clone()),
            people: People::new(users.clone(), feed, entropy.clone()),
            models: Arc::new(MemoryModels::default()),
            ledger: Arc::new(MemoryLedger::default()),
            admission: Arc::new(MemoryAdmission::new(Calendar::default())),
            limits: StandingLimits::new(LimitPolicy::default(), Arc::new(MemoryLimits::default())),
            calendar: Calendar::default(),
            timezone: jiff::tz::TimeZone::UTC,
            sessions: sessions.clone(),
            once: Arc::new(MemoryOneTime::default()),
            clock: clock.clone(),
            entropy,
            sign_in: SignIn::Local,
            site,
        };
        Self {
            portal: Arc::new(portal),
            clock,
            sessions,
            users,
            keys,
        }
    }

    /// Sends one request.
    pub(super) async fn send(&self, request: TestRequest) -> Answer {
        let key = CookieKey::derive(&[9; 32]);
        let app = init_service(App::new().configure(routes(Arc::clone(&self.portal), key))).await;
        let response = match app.call(request.to_request()).await {
            Ok(response) => response.into_parts().1.map_into_boxed_body(),
            // As the server does with what no route caught.
            Err(error) => error.error_response(),
        };
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = to_bytes(response.into_body()).await.ok().unwrap_or_default();
        Answer {
            status,
            headers,
            text: String::from_utf8_lossy(&body).into_owned(),
        }
    }

    /// `GET` by a browser.
    pub(super) async fn get(&self, browser: &Browser, path: &str) -> Answer {
        self.send(browser.request(Method::GET, path)).await
    }

    /// A form, with the page's token.
    pub(super) async fn post(&self, browser: &Browser, path: &str, fields: &[(&str, &str)]) -> Answer {
        let mut form = vec![("csrf", browser.csrf.as_str())];
        form.extend(fields);
        self.send(browser.request(Method::POST, path).set_form(form))
            .await
    }

    /// A browser that came in by a link.
    pub(super) async fn came_in(&self) -> Browser {
        let link = self.portal.local_link(IDLE).await.unwrap();
        let path = link.strip_prefix("http://localhost:8082").unwrap().to_owned();
        let answer = self.get(&Browser::default(), &path).await;
        assert_eq!((answer.status, answer.header("location")), (303, "/keys"));
        let mut browser = Browser {
            cookie: answer.cookie().unwrap().0.to_owned(),
            csrf: String::new(),
        };
        browser.csrf = self.token(&browser).await;
        browser
    }

    /// What the pages of a session send along.
    pub(super) async fn token(&self, browser: &Browser) -> String {
        let me = self.get(browser, "/api/v1/me").await;
        let me: serde_json::Value = serde_json::from_str(&me.text).unwrap();
        me["csrf"].as_str().unwrap().to_owned()
    }

    pub(super) async fn user(&self) -> User {
        self.users.by_name("local").await.unwrap().unwrap()
    }

    pub(super) async fn key_names(&self) -> Vec<String> {
        let page = llmgw_keys::Page {
            after: None,
            limit: 100,
        };
        let keys = self.keys.list(None, page).await.unwrap();
        keys.into_iter().map(|key| key.name).collect()
    }

    pub(super) fn later(&self, by: Duration) {
        self.clock.advance(by);
    }
}

impl Browser {
    pub(super) fn request(&self, method: Method, path: &str) -> TestRequest {
        let request = TestRequest::with_uri(path).method(method);
        if self.cookie.is_empty() {
            request
        } else {
            request.insert_header(("cookie", self.cookie.as_str()))
        }
    }
}

pub(super) fn agreement(version: &str) -> Option<Agreement> {
    Some(Agreement {
        version: version.to_owned(),
        text: "# Rules\n\nBe kind.".to_owned(),
    })
}

pub(super) fn run(test: impl Future<Output = ()>) {
    actix_rt::System::new().block_on(test);
}
