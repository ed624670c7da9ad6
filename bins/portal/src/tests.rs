//! The portal's door with the real cryptography behind it, held against an identity provider that forges. What each
//! answer tries is told in `tests/idp`; here is what a browser sees of it.

mod world;

use std::net::TcpListener;

use actix_web::http::Method;
use llmgw_idp::{attacks, form, keys, logout_query, logout_request, sign, signature, valid};

use world::{Browser, IDP, World, run};

#[test]
fn every_valid_answer_lets_its_browser_in() {
    run(async {
        let world = World::new();
        for case in valid(&world.parts()) {
            // One login each; otherwise it is the same assertion again.
            let world = World::new();
            let browser = world.asked().await;
            let answer = world.answer(&browser, &case.form).await;
            assert_eq!(
                (answer.status, answer.location.as_str()),
                (303, "/keys"),
                "{}",
                case.name
            );
            assert_eq!(world.me(&answer.session).await, 200, "{}", case.name);
        }
    });
}

#[test]
fn no_attack_gets_a_session_or_another_answer_than_any_other() {
    run(async {
        let world = World::new();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let nobody = world.answer(&Browser::default(), "nothing").await;
        assert_eq!(nobody.status, 403);
        let cases = attacks(&world.parts(), &address);
        assert!(cases.len() >= 120, "{}", cases.len());
        for case in cases {
            let browser = world.asked().await;
            let answer = world.answer(&browser, &case.form).await;
            let name = format!("{}: {}", case.class, case.name);
            assert_eq!((answer.status, &answer.text), (403, &nobody.text), "{name}");
            assert_eq!(
                (answer.session.as_str(), answer.location.as_str()),
                ("", ""),
                "{name}"
            );
        }
        assert!(listener.accept().is_err(), "somebody was called");
        assert_eq!(world.users().await, 0, "nobody came in");
    });
}

#[test]
fn an_answer_counts_once_for_the_browser_that_asked_and_in_time() {
    run(async {
        let world = World::new();
        let right = world.parts().xml();
        let right = form(&right);
        // Another browser's, or one that never asked.
        assert_eq!(world.answer(&Browser::default(), &right).await.status, 403);
        let stranger = Browser {
            login: world.portal_token(),
            ..Browser::default()
        };
        assert_eq!(world.answer(&stranger, &right).await.status, 403);
        let browser = world.asked().await;
        assert_eq!(world.answer(&browser, &right).await.status, 303);
        assert_eq!(
            world.answer(&browser, &right).await.status,
            403,
            "the login is taken"
        );
        let again = world.asked().await;
        assert_eq!(
            world.answer(&again, &right).await.status,
            403,
            "the assertion is used"
        );
        let late = world.asked().await;
        world.later(llmgw_auth_saml::once::LONGEST_LOGIN);
        assert_eq!(world.answer(&late, &right).await.status, 403);
    });
}

#[test]
fn what_is_no_form_of_ours_is_the_same_refusal() {
    run(async {
        let world = World::new();
        let refused = world.answer(&Browser::default(), "nothing").await;
        for (body, kind) in [
            ("", "application/x-www-form-urlencoded"),
            ("SAMLResponse", "application/x-www-form-urlencoded"),
            ("SAMLRequest=x", "application/x-www-form-urlencoded"),
            (
                "SAMLResponse=x&SAMLResponse=y",
                "application/x-www-form-urlencoded",
            ),
            ("%%%", "text/plain"),
            ("{}", "application/json"),
        ] {
            let answer = world.post("/saml/acs", kind, body, &world.asked().await).await;
            assert_eq!((answer.status, &answer.text), (403, &refused.text), "{body}");
        }
        let long = format!("SAMLResponse={}", "A".repeat(600 * 1024));
        let browser = world.asked().await;
        let answer = world
            .post("/saml/acs", "application/x-www-form-urlencoded", &long, &browser)
            .await;
        assert_eq!((answer.status, &answer.text), (403, &refused.text));
    });
}

#[test]
fn only_the_institution_ends_a_login_and_once() {
    run(async {
        let world = World::new();
        let came_in = world.came_in().await;
        let message = logout_request(IDP, &world.logout_url(), "_n1", Some("_s1"), world.now());
        let right = logout_query("SAMLRequest", &message, Some("s"), &keys().idp);
        let elsewhere = logout_request(IDP, "https://evil.example/saml/sls", "_n1", None, world.now());
        let unasked = message
            .replace("LogoutRequest", "LogoutResponse")
            .replace(" Version", " InResponseTo=\"_q1\" Version")
            .replace(
                "<saml:NameID>_n1</saml:NameID><samlp:SessionIndex>_s1</samlp:SessionIndex>",
                "<samlp:Status><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"/></samlp:Status>",
            );
        let refused = world.answer(&Browser::default(), "nothing").await;
        for (name, query) in [
            ("nothing", String::new()),
            ("unsigned", right.split("&SigAlg").next().unwrap().to_owned()),
            (
                "stranger's",
                logout_query("SAMLRequest", &message, Some("s"), &keys().stranger),
            ),
            (
                "relay state changed",
                right.replace("RelayState=s", "RelayState=t"),
            ),
            (
                "elsewhere",
                logout_query("SAMLRequest", &elsewhere, None, &keys().idp),
            ),
            (
                "an answer nobody asked for",
                logout_query("SAMLResponse", &unasked, None, &keys().idp),
            ),
        ] {
            let answer = world.get(&format!("/saml/sls?{query}"), "").await;
            assert_eq!((answer.status, &answer.text), (403, &refused.text), "{name}");
            assert_eq!(world.me(&came_in).await, 200, "{name}");
        }
        let unsigned = format!("SAMLRequest={}", world::encoded(&form(&message)));
        let kind = "application/x-www-form-urlencoded";
        let answer = world
            .post("/saml/sls", kind, &unsigned, &Browser::default())
            .await;
        assert_eq!(answer.status, 403);
        assert_eq!(world.me(&came_in).await, 200);

        let followed = world.get(&format!("/saml/sls?{right}"), "").await;
        assert_eq!(followed.status, 303);
        assert!(
            followed
                .location
                .starts_with(&format!("{IDP}/logout?SAMLResponse=")),
            "{}",
            followed.location
        );
        assert_eq!(world.me(&came_in).await, 401);
        assert_eq!(
            world.get(&format!("/saml/sls?{right}"), "").await.status,
            403,
            "a replay"
        );
    });
}

#[test]
fn a_logout_by_form_is_signed_inside() {
    run(async {
        let world = World::new();
        let came_in = world.came_in().await;
        let message = logout_request(IDP, &world.logout_url(), "_n1", None, world.now());
        let signed = message.replacen(
            "</saml:Issuer>",
            &format!("</saml:Issuer>{}", signature("_l1")),
            1,
        );
        let kind = "application/x-www-form-urlencoded";
        for (signer, status, then) in [(&keys().stranger, 403, 200), (&keys().idp, 303, 401)] {
            let body = format!("SAMLRequest={}", world::encoded(&form(&sign(&signed, signer))));
            let answer = world.post("/saml/sls", kind, &body, &Browser::default()).await;
            assert_eq!(answer.status, status);
            assert_eq!(world.me(&came_in).await, then);
        }
    });
}

#[test]
fn a_login_is_asked_for_by_a_signed_request_and_a_cookie_that_only_the_answer_sees() {
    run(async {
        let world = World::new();
        let answer = world.get("/saml/login?return=//evil.example", "").await;
        assert!(answer.location.starts_with(&format!("{IDP}/login?SAMLRequest=")));
        assert!(answer.location.contains("&SigAlg=") && answer.location.contains("&Signature="));
        let mut flags: Vec<&str> = answer.cookies[0].split("; ").skip(1).collect();
        flags.sort_unstable();
        assert_eq!(
            flags,
            [
                "HttpOnly",
                "Max-Age=600",
                "Path=/saml/acs",
                "SameSite=None",
                "Secure"
            ]
        );
        let metadata = world.get("/saml/metadata", "").await;
        assert!(metadata.text.contains("AssertionConsumerService"));
        // What is asked of a request that nobody answers does not open anything.
        assert_eq!(world.send(Method::GET, "/saml/acs", "", "").await.status, 405);
    });
}

#[test]
fn a_session_ends_with_the_institutions_at_the_latest() {
    run(async {
        let world = World::new();
        let mut parts = world.parts();
        let end = world.now().plus(std::time::Duration::from_mins(10));
        parts.authn = parts.authn.replace(
            "<saml:AuthnStatement ",
            &format!("<saml:AuthnStatement SessionNotOnOrAfter=\"{end}\" "),
        );
        assert!(parts.authn.contains("SessionNotOnOrAfter"), "{}", parts.authn);
        let browser = world.asked().await;
        let session = world.answer(&browser, &form(&parts.xml())).await.session;
        world.later(std::time::Duration::from_secs(599));
        assert_eq!(world.me(&session).await, 200);
        world.later(std::time::Duration::from_secs(1));
        assert_eq!(world.me(&session).await, 401);
    });
}

#[test]
fn who_signs_out_is_out_of_the_administration_they_went_on_to() {
    run(async {
        let world = World::new();
        let session = world.came_in().await;
        let (went_on, other) = (
            world.handed_over("_n1", "_s1").await,
            world.handed_over("_n1", "_s2").await,
        );
        let me: serde_json::Value =
            serde_json::from_str(&world.get("/api/v1/me", &session).await.text).unwrap();
        let browser = Browser {
            session,
            ..Browser::default()
        };
        let body = format!("csrf={}", me["csrf"].as_str().unwrap());
        let kind = "application/x-www-form-urlencoded";
        assert_eq!(world.post("/logout", kind, &body, &browser).await.status, 303);
        assert!(!world.is_there(&went_on).await);
        assert!(world.is_there(&other).await, "of another login");
    });
}
