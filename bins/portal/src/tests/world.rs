//! A portal on memory adapters with real signatures, and the browsers before it.

use std::sync::Arc;
use std::time::Duration;

use actix_web::App;
use actix_web::body::to_bytes;
use actix_web::dev::Service as _;
use actix_web::http::Method;
use actix_web::test::{TestRequest, init_service};
use async_trait::async_trait;
use llmgw_auth_saml::login::{Pending, Policy};
use llmgw_auth_saml::{IdentityProvider, Rule, Rules, ServiceProvider, once};
use llmgw_boot::OsEntropy;
use llmgw_idp::{Pair, Parts, form, keys};
use llmgw_keys::{KeyService, MemoryKeys, MemoryUsers, Page, People, Pepper, UserStore};
use llmgw_models::MemoryModels;
use llmgw_portal_http::{CookieKey, IdpMetadata, Portal, SamlLogin, SignIn, Site, routes};
use llmgw_sessions::{Login, MemoryOneTime, MemorySessions, OneTimeStore, Session, Token, TokenHash};
use llmgw_types::{Change, ChangeFeed, Clock, Entropy, ManualClock, StoreError, Timestamp, random};
use llmgw_usage::admission::{Calendar, LimitPolicy, MemoryAdmission, MemoryLimits, StandingLimits};
use llmgw_usage::ledger::MemoryLedger;
use llmgw_xmlsec_samael::{OpensslDecryption, ProviderKey, SamaelSignature};

pub(super) const IDP: &str = "https://idp.example/idp";
const REQUEST: &str = "_request";
const WE: &str = "https://llm.example";

pub(super) struct World {
    portal: Arc<Portal>,
    once: Arc<MemoryOneTime>,
    users: Arc<MemoryUsers>,
    clock: Arc<ManualClock>,
    we: ServiceProvider,
}

/// A browser: what its cookies say.
#[derive(Clone, Default)]
pub(super) struct Browser {
    pub(super) login: String,
    pub(super) session: String,
}

/// What came back.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) location: String,
    pub(super) text: String,
    pub(super) cookies: Vec<String>,
    /// The session's cookie, where one was set.
    pub(super) session: String,
}

struct Silent;

#[async_trait]
impl ChangeFeed for Silent {
    async fn publish(&self, _: Change) -> Result<(), StoreError> {
        Ok(())
    }
}

fn provider_key(pair: &Pair) -> ProviderKey {
    let (key, certificate) = pair.pem();
    ProviderKey::from_pem(&key, &certificate).unwrap()
}

fn login(we: ServiceProvider, ours: &[ProviderKey]) -> SamlLogin {
    let metadata = IdpMetadata::default();
    metadata.set(IdentityProvider {
        entity_id: IDP.into(),
        signing: [&keys().idp, &keys().next, &keys().elliptic]
            .map(Pair::der)
            .to_vec(),
        login_url: format!("{IDP}/login"),
        logout_url: Some(format!("{IDP}/logout")),
        logout_response_url: None,
        scopes: vec!["uni.example".into()],
        valid_until: None,
    });
    let allow = ["faculty", "staff"].map(|any| Rule {
        attribute: "affiliation".into(),
        any: vec![any.into()],
    });
    let policy = Policy {
        rules: Rules {
            allow: allow.to_vec(),
            ..Rules::default()
        },
        ..Policy::default()
    };
    let signature = Arc::new(SamaelSignature::new(&ours[0]));
    SamlLogin::new(
        we,
        policy,
        signature,
        Arc::new(OpensslDecryption::new(ours)),
        metadata,
    )
}

impl World {
    pub(super) fn new() -> Self {
        let clock = Arc::new(ManualClock::at("2026-11-25T12:00:00Z".parse().unwrap()));
        let ours = [provider_key(&keys().sp), provider_key(&keys().old_sp)];
        let certificates = ours.iter().map(|key| key.certificate().clone()).collect();
        let we = ServiceProvider::at(WE, "https://llm.example/sp", certificates).unwrap();
        let (users, once) = (
            Arc::new(MemoryUsers::default()),
            Arc::new(MemoryOneTime::default()),
        );
        let (feed, entropy): (Arc<Silent>, Arc<dyn Entropy>) = (Arc::new(Silent), Arc::new(OsEntropy));
        let pepper = Pepper::new(&[7; 32]).unwrap();
        let key_store = Arc::new(MemoryKeys::default());
        let portal = Portal {
            keys: KeyService::new(key_store, users.clone(), pepper, feed.clone(), entropy.clone()),
            people: People::new(users.clone(), feed, entropy.clone()),
            models: Arc::new(MemoryModels::default()),
            ledger: Arc::new(MemoryLedger::default()),
            admission: Arc::new(MemoryAdmission::new(Calendar::default())),
            limits: StandingLimits::new(LimitPolicy::default(), Arc::new(MemoryLimits::default())),
            calendar: Calendar::default(),
            timezone: jiff::tz::TimeZone::UTC,
            sessions: Arc::new(MemorySessions::default()),
            once: once.clone(),
            clock: clock.clone(),
            entropy,
            sign_in: SignIn::Saml(Box::new(login(we.clone(), &ours))),
            site: Site {
                origin: WE.to_owned(),
                institution: "Example University".to_owned(),
                support: None,
                api_url: WE.to_owned(),
                currency: "EUR".to_owned(),
                agreement: None,
                lasts: Duration::from_hours(8),
                idle: Duration::from_hours(1),
                max_keys: 10,
                handover: None,
            },
        };
        Self {
            portal: Arc::new(portal),
            once,
            users,
            clock,
            we,
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn later(&self, by: Duration) {
        self.clock.advance(by);
    }

    pub(super) fn logout_url(&self) -> String {
        self.we.logout_url.clone()
    }

    /// The answer that would be right.
    pub(super) fn parts(&self) -> Parts {
        Parts::new(IDP, &self.we.entity_id, &self.we.acs_url, REQUEST, self.now())
    }

    /// A token like those of logins, which nobody kept.
    pub(super) fn portal_token(&self) -> String {
        Token::generate(random(&OsEntropy)).expose().to_owned()
    }

    /// A browser that asked for a login by the request that all answers name.
    pub(super) async fn asked(&self) -> Browser {
        let handle = Token::generate(random(&OsEntropy));
        let pending = Pending {
            request_id: REQUEST.into(),
            idp: IDP.into(),
            requested_at: self.now(),
            return_path: "/keys".into(),
        };
        let once: &dyn OneTimeStore = &*self.once;
        once::keep(once, &handle.hash(), &pending, self.now())
            .await
            .unwrap();
        Browser {
            login: handle.expose().to_owned(),
            session: String::new(),
        }
    }

    /// The session of somebody who came in.
    pub(super) async fn came_in(&self) -> String {
        let browser = self.asked().await;
        let answer = self.answer(&browser, &form(&self.parts().xml())).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        answer.session
    }

    /// A session of the administration, which somebody went on to from this login.
    pub(super) async fn handed_over(&self, name_id: &str, index: &str) -> TokenHash {
        let lasts = Duration::from_hours(1);
        let mut session = Session::new(self.now(), lasts, lasts);
        session.login = Some(Login {
            issuer: IDP.to_owned(),
            name_id: name_id.to_owned(),
            session_index: Some(index.to_owned()),
        });
        let hash = Token::generate(random(&OsEntropy)).hash();
        let kept = self.portal.sessions.insert(&hash, &session, self.now());
        kept.await.unwrap();
        hash
    }

    pub(super) async fn is_there(&self, hash: &TokenHash) -> bool {
        let found = self.portal.sessions.get(hash, self.now()).await;
        found.unwrap().is_some()
    }

    /// Whether a session opens anything.
    pub(super) async fn me(&self, session: &str) -> u16 {
        self.get("/api/v1/me", session).await.status
    }

    pub(super) async fn users(&self) -> usize {
        self.users
            .list(
                None,
                Page {
                    after: None,
                    limit: 10,
                },
            )
            .await
            .unwrap()
            .len()
    }

    /// Posts an answer of the identity provider.
    pub(super) async fn answer(&self, browser: &Browser, form: &str) -> Answer {
        let body = format!("SAMLResponse={}", encoded(form));
        self.post("/saml/acs", "application/x-www-form-urlencoded", &body, browser)
            .await
    }

    pub(super) async fn post(&self, path: &str, kind: &str, body: &str, browser: &Browser) -> Answer {
        let cookies = format!("__Secure-llmgw-saml={}; {}", browser.login, browser.session);
        let request = TestRequest::with_uri(path)
            .method(Method::POST)
            .insert_header(("content-type", kind))
            .insert_header(("cookie", cookies))
            .set_payload(body.to_owned());
        self.sent(request).await
    }

    pub(super) async fn get(&self, path: &str, session: &str) -> Answer {
        self.send(Method::GET, path, session, "").await
    }

    pub(super) async fn send(&self, method: Method, path: &str, session: &str, body: &str) -> Answer {
        let request = TestRequest::with_uri(path)
            .method(method)
            .insert_header(("cookie", session))
            .set_payload(body.to_owned());
        self.sent(request).await
    }

    async fn sent(&self, request: TestRequest) -> Answer {
        let key = CookieKey::derive(&[9; 32]);
        let app = init_service(App::new().configure(routes(Arc::clone(&self.portal), key))).await;
        let response = match app.call(request.to_request()).await {
            Ok(response) => response.into_parts().1.map_into_boxed_body(),
            Err(error) => error.error_response(),
        };
        let header = |name: &str| {
            let value = response.headers().get(name);
            value.map_or(String::new(), |value| value.to_str().unwrap().to_owned())
        };
        let cookies: Vec<String> = response
            .headers()
            .get_all("set-cookie")
            .map(|value| value.to_str().unwrap().to_owned())
            .collect();
        let session = cookies.iter().find(|cookie| cookie.starts_with("__Host-llmgw="));
        let (status, location) = (response.status().as_u16(), header("location"));
        let session = session.map_or(String::new(), |cookie| {
            cookie.split(';').next().unwrap().to_owned()
        });
        let body = to_bytes(response.into_body()).await.ok().unwrap_or_default();
        Answer {
            status,
            location,
            text: String::from_utf8_lossy(&body).into_owned(),
            cookies,
            session,
        }
    }
}

/// As in the body of a form.
pub(super) fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

pub(super) fn run(test: impl Future<Output = ()>) {
    actix_rt::System::new().block_on(test);
}
