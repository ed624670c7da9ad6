//! Browsers: their cookie, and the token of their pages.

use actix_web::http::header::HeaderMap;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use llmgw_audit::AuditEntry;
use llmgw_keys::NewUser;
use llmgw_types::Role;

use super::*;

// Made by `openssl genpkey -algorithm ed25519`; of no use elsewhere.
pub(super) const PORTAL_KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIHTj/L3aMxfPogvzO7AOiToG+drHn+EkKmAzLm8aWOIe\n-----END PRIVATE KEY-----\n";
pub(super) const PORTAL_PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAWLEV1A2YHXK9/qF/c4m5jClVnDKqAJGVqH7XhluR0Ws=\n-----END PUBLIC KEY-----\n";

pub(super) const PORTAL: &str = "https://llm.example.org";
pub(super) const WE: &str = "https://admin.example.org";

/// One browser: at most the session's cookie, and the token of its pages.
#[derive(Clone, Default)]
pub(super) struct Browser {
    pub(super) cookie: String,
    pub(super) csrf: String,
}

impl Browser {
    /// As a page of ours asks, or a script there.
    pub(super) fn request(&self, method: &str, path: &str) -> test::TestRequest {
        let request =
            test::TestRequest::with_uri(path).method(Method::from_bytes(method.as_bytes()).unwrap());
        let request = if self.cookie.is_empty() {
            request
        } else {
            request.insert_header(("cookie", self.cookie.as_str()))
        };
        match (method, path.starts_with("/api/") || path.starts_with("/admin/")) {
            ("GET", _) => request,
            (_, true) => request
                .insert_header(("x-csrf-token", self.csrf.as_str()))
                .set_json(json!({})),
            (_, false) => request.set_form([("csrf", self.csrf.as_str())]),
        }
    }
}

/// The session's cookie that an answer sets, as the browser sends it back.
pub(super) fn cookie(headers: &HeaderMap) -> Option<String> {
    let set = headers
        .get_all("set-cookie")
        .filter_map(|value| value.to_str().ok());
    let mut ours = set.filter(|cookie| cookie.starts_with("__Host-llmgw-admin="));
    let cookie = ours.next()?.split(';').next()?.to_owned();
    (!cookie.ends_with('=')).then_some(cookie)
}

/// What a portal would say of `user` now.
pub(super) fn claims(user: UserId, jti: &str) -> Value {
    let now = NOW.as_millis() / 1_000;
    json!({
        "iss": PORTAL, "aud": WE, "sub": user, "jti": jti, "iat": now, "exp": now + 60,
        "login": null, "ends": null,
    })
}

pub(super) fn signed(claims: &Value) -> String {
    let key = EncodingKey::from_ed_pem(PORTAL_KEY.as_bytes()).unwrap();
    jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), claims, &key).unwrap()
}

impl World {
    /// A user of this role.
    pub(super) async fn user(&self, name: &str, role: Role) -> UserId {
        let new = NewUser {
            name: name.to_owned(),
            role,
            ..NewUser::default()
        };
        self.admin.users.create(new, NOW).await.unwrap().id
    }

    /// Brings this token to the door.
    pub(super) async fn bring(&self, token: &str) -> Answer {
        let request = test::TestRequest::with_uri("/handover")
            .method(Method::POST)
            // The portal is another site.
            .insert_header(("sec-fetch-site", "cross-site"))
            .set_form([("token", token)]);
        self.send(request).await
    }

    /// A browser of somebody whom the portal handed over. Who is a mere user was more at that time.
    pub(super) async fn came_in(&self, name: &str, role: Role) -> Browser {
        let then = if role == Role::User { Role::Auditor } else { role };
        let user = self.user(name, then).await;
        let answer = self.bring(&signed(&claims(user, name))).await;
        assert_eq!(
            (answer.status, answer.header("location")),
            (303, "/"),
            "{}",
            answer.text()
        );
        let browser = self.with_token(cookie(&answer.headers).unwrap()).await;
        if role != then {
            let change = self.admin.users.change(user, None, |user| {
                user.role = role;
                Ok(())
            });
            change.await.unwrap();
        }
        browser
    }

    pub(super) async fn entries(&self) -> Vec<AuditEntry> {
        let query = AuditQuery {
            limit: 100,
            ..AuditQuery::default()
        };
        self.audit.list(&query).await.unwrap()
    }

    /// What a session opens: the first page, and the list of keys over REST.
    pub(super) async fn sees(&self, browser: &Browser) -> (u16, u16) {
        let page = self.send(browser.request("GET", "/")).await.status;
        (
            page,
            self.send(browser.request("GET", "/api/v1/keys")).await.status,
        )
    }

    /// The browser with this cookie, and the token on its pages.
    pub(super) async fn with_token(&self, cookie: String) -> Browser {
        let browser = Browser {
            cookie,
            csrf: String::new(),
        };
        let page = self.send(browser.request("GET", "/")).await;
        assert_eq!(page.status, 200, "{}", page.text());
        let csrf = page
            .text()
            .split("name=\"csrf\" value=\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next())
            .map(str::to_owned);
        Browser {
            csrf: csrf.unwrap(),
            ..browser
        }
    }
}
