//! Who may do what: every route with everybody.

use std::collections::BTreeSet;

use llmgw_types::Role;

use super::browsers::Browser;
use super::*;
use crate::rights::{API, Needs, PAGES, Right};

/// Somebody who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asking {
    Nobody,
    /// With a token that is none.
    BadToken,
    /// With a session from before they were made a mere user.
    User,
    Auditor,
    Admin,
    AdminKey,
}

const ALL: [Asking; 6] = [
    Asking::Nobody,
    Asking::BadToken,
    Asking::User,
    Asking::Auditor,
    Asking::Admin,
    Asking::AdminKey,
];

/// What comes back from a door; `None`: it opens, whatever the handler says then.
fn refused(asking: Asking, needs: Needs) -> Option<u16> {
    match (needs, asking) {
        (Needs::Nothing, _) | (_, Asking::AdminKey) => None,
        // By the session of a browser these are not there at all.
        (Needs::AdminKey, _) => Some(401),
        (Needs::Role(_), Asking::Nobody | Asking::BadToken | Asking::User) => Some(401),
        (Needs::Role(Role::Admin), Asking::Auditor) => Some(403),
        (Needs::Role(_), Asking::Auditor | Asking::Admin) => None,
    }
}

async fn asked(asking: Asking, right: &Right) -> (World, Answer) {
    let world = world();
    let browser = match asking {
        Asking::Nobody | Asking::BadToken | Asking::AdminKey => Browser::default(),
        Asking::User => world.came_in("somebody", Role::User).await,
        Asking::Auditor => world.came_in("somebody", Role::Auditor).await,
        Asking::Admin => world.came_in("somebody", Role::Admin).await,
    };
    let key = match asking {
        Asking::BadToken => Some("Bearer another-key-than-this"),
        Asking::AdminKey => Some("Bearer the-key-of-the-admin"),
        _ => None,
    };
    let mut request = browser.request(right.method, &with_parameters(right.path));
    if let Some(key) = key {
        request = request.insert_header(("authorization", key));
    }
    let answer = world.send(request).await;
    (world, answer)
}

#[actix_web::test]
async fn every_call_is_open_to_those_whom_the_table_names_and_to_nobody_else() {
    for right in API {
        for asking in ALL {
            let (_, answer) = asked(asking, right).await;
            let status = answer.status;
            let name = format!("{asking:?} {} {}: {}", right.method, right.path, answer.json());
            match refused(asking, right.needs) {
                Some(expected) => assert_eq!(status, expected, "{name}"),
                None => assert!(!matches!(status, 401 | 403 | 405 | 500), "{status} {name}"),
            }
        }
    }
}

#[actix_web::test]
async fn a_refusal_says_which_role_is_needed() {
    let right = Right {
        method: "DELETE",
        path: "/api/v1/models/{id}",
        needs: Needs::Role(Role::Admin),
    };
    let (_, answer) = asked(Asking::Auditor, &right).await;
    let detail = answer.json()["detail"].as_str().unwrap().to_owned();
    assert!(answer.status == 403 && detail.contains("`admin`"), "{detail}");
}

#[actix_web::test]
async fn every_page_is_open_to_those_whom_the_table_names_and_to_nobody_else() {
    for right in PAGES {
        for asking in ALL {
            let (_, answer) = asked(asking, right).await;
            let name = format!("{asking:?} {} {}: {}", right.method, right.path, answer.text());
            // Pages know no key in a header.
            let asking = if asking == Asking::AdminKey {
                Asking::Nobody
            } else {
                asking
            };
            match refused(asking, right.needs) {
                Some(401) => {
                    assert_eq!(answer.status, 303, "{name}");
                    assert!(answer.header("location").starts_with("/sign-in"), "{name}");
                }
                Some(expected) => assert_eq!(answer.status, expected, "{name}"),
                None if right.needs == Needs::Nothing => assert_ne!(answer.status, 405, "{name}"),
                None => assert!(
                    !matches!(answer.status, 303 | 401 | 405 | 500),
                    "{} {name}",
                    answer.status
                ),
            }
        }
    }
}

#[actix_web::test]
async fn the_table_has_every_described_route_and_no_other() {
    let described: BTreeSet<(String, String)> = super::doors::described().into_iter().collect();
    let listed = API
        .iter()
        .map(|right| (right.method.to_owned(), right.path.to_owned()));
    assert_eq!(described, listed.collect());
}

// A route without a row is not there, whoever asks; a row without a route is a mistake.
#[actix_web::test]
async fn the_table_has_every_page_and_no_other() {
    let sources = [
        include_str!("../../pages.rs"),
        include_str!("../../pages/content.rs"),
    ]
    .concat();
    let found: usize = [
        "web::get()",
        "web::post()",
        "web::put()",
        "web::patch()",
        "web::delete()",
    ]
    .iter()
    .map(|method| sources.matches(method).count())
    .sum();
    assert_eq!(found, PAGES.len());
    // Pages change by forms alone.
    assert!(PAGES.iter().all(|right| matches!(right.method, "GET" | "POST")));
}

#[actix_web::test]
async fn the_description_says_who_may() {
    let description: Value = serde_json::from_str(&crate::openapi().unwrap()).unwrap();
    for right in API {
        let operation = &description["paths"][right.path][right.method.to_ascii_lowercase()];
        let role = match right.needs {
            Needs::Role(role) => json!(role.as_str()),
            Needs::AdminKey | Needs::Nothing => Value::Null,
        };
        assert_eq!(operation["x-needs-role"], role, "{} {}", right.method, right.path);
        let open = operation["security"].is_null();
        assert_eq!(
            open,
            right.needs == Needs::Nothing,
            "{} {}",
            right.method,
            right.path
        );
    }
}
