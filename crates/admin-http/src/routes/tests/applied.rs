//! What a file says is made so: again and again, and as a whole or not at all.

use llmgw_keys::UserStore;
use llmgw_types::Role;

use crate::Caller;
use crate::apply::{Document, Kind};

use super::*;

fn document(of: Value) -> Document {
    serde_json::from_value(of).unwrap()
}

fn target(url: &str) -> Value {
    json!([{"base_url": url, "secret": "env:LLMGW_UPSTREAM_A"}])
}

fn everything() -> Value {
    json!({
        "models": [
            {"id": "a", "aliases": ["first"], "targets": target("http://10.0.0.5:8000/v1"), "price": {"prompt": 150, "cached_prompt": 75, "completion": 600}},
            {"id": "b", "access": {"groups": ["physics"]}, "limits": [{"unit": "in_flight", "amount": 4}]},
        ],
        "limits": {"each_user": [{"unit": "tokens", "window": "day", "amount": 5}]},
        "groups": {"physics": {"each": [{"unit": "requests", "window": "minute", "amount": 60}]}},
        "service_accounts": [{"name": "batch", "groups": ["physics", "chemistry", "physics"], "state": "suspended"}],
    })
}

impl World {
    // What was changed.
    async fn applied(&self, of: Value, prune: bool) -> Vec<(Kind, String)> {
        let plan = self.admin.plan(document(of), prune).await.unwrap();
        let caller = Caller::command_line("ada");
        self.admin.apply(&caller, &plan).await.unwrap();
        let differences = plan.differences().into_iter();
        differences.map(|is| (is.change, is.what)).collect()
    }

    async fn refused(&self, of: Value) -> String {
        self.admin
            .plan(document(of), false)
            .await
            .unwrap_err()
            .to_string()
    }

    async fn everything_there(&self) -> Vec<Value> {
        let mut all = Vec::new();
        for path in ["models", "limits", "groups", "users"] {
            all.push(self.ask("GET", &format!("/api/v1/{path}"), None).await.1);
        }
        all
    }
}

#[actix_web::test]
async fn done_again_it_changes_nothing() {
    let world = world();
    let named = |kind: Kind, names: &[&str]| {
        let names = names.iter().map(|name| (kind, (*name).to_owned()));
        names.collect::<Vec<_>>()
    };
    let mut expected = named(Kind::New, &["model a", "model b"]);
    expected.extend(named(Kind::Changed, &["limits"]));
    expected.extend(named(Kind::New, &["group physics", "service account batch"]));
    assert_eq!(world.applied(everything(), false).await, expected);
    let there = world.everything_there().await;
    assert_eq!(
        there[0]["data"][0]["targets"][0]["base_url"],
        "http://10.0.0.5:8000"
    );
    assert_eq!(there[3]["data"][0]["state"], "suspended");
    assert_eq!(there[3]["data"][0]["groups"], json!(["chemistry", "physics"]));
    for prune in [false, true] {
        assert_eq!(world.applied(everything(), prune).await, []);
    }
    assert_eq!(world.everything_there().await, there);
}

#[actix_web::test]
async fn a_difference_names_each_field() {
    let world = world();
    world.applied(everything(), false).await;
    let mut other = everything();
    other["models"][0]["price"]["prompt"] = json!(151);
    other["models"][0]["targets"][0]["base_url"] = json!("http://10.0.0.6:8000");
    other["models"][0]["targets"][0]["id"] = json!("10.0.0.5:8000");
    let plan = world.admin.plan(document(other), false).await.unwrap();
    let differences = plan.differences();
    assert_eq!(
        json!(differences),
        json!([{
            "what": "model a",
            "change": "changed",
            "fields": [
                {"field": "price.prompt", "before": 150, "after": 151},
                {"field": "targets[0].base_url", "before": "http://10.0.0.5:8000", "after": "http://10.0.0.6:8000"},
            ],
        }])
    );
    // Planned is not done.
    assert_eq!(
        world.ask("GET", "/api/v1/models/a", None).await.1["price"]["prompt"],
        150
    );
}

#[actix_web::test]
async fn what_is_not_named_stays_unless_it_is_pruned_and_only_in_sections_that_are_there() {
    let world = world();
    world.applied(everything(), false).await;
    let less = json!({"models": [everything()["models"][0]]});
    assert_eq!(world.applied(less.clone(), false).await, []);
    assert_eq!(
        world.applied(less, true).await,
        [(Kind::Removed, "model b".to_owned())]
    );
    assert_eq!(
        world
            .applied(json!({"groups": {}, "service_accounts": []}), true)
            .await,
        [(Kind::Removed, "group physics".to_owned())]
    );
    let there = world.everything_there().await;
    assert_eq!(there[0]["data"].as_array().unwrap().len(), 1);
    assert_eq!(there[3]["data"][0]["name"], "batch");
    // Limits that are left out of their section are those of the settings again.
    assert_eq!(
        world.applied(json!({"limits": {}}), false).await,
        [(Kind::Changed, "limits".to_owned())]
    );
}

#[actix_web::test]
async fn a_change_that_fails_takes_back_those_before_it() {
    let world = world();
    world
        .applied(json!({"models": [{"id": "b"}, {"id": "d"}]}), false)
        .await;
    let before = world.everything_there().await;
    let mut wanted = everything();
    wanted["models"]
        .as_array_mut()
        .unwrap()
        .push(json!({"id": "d", "aliases": ["vier"]}));
    // Somebody else's change comes between plan and deed, at each place.
    for (method, path, body, at) in [
        ("PUT", "/api/v1/models/d", json!({"id": "d"}), "model d"),
        ("PUT", "/api/v1/limits", json!({}), "limits"),
        (
            "POST",
            "/api/v1/users",
            json!({"name": "batch"}),
            "service account batch",
        ),
    ] {
        let plan = world.admin.plan(document(wanted.clone()), false).await.unwrap();
        let (status, _) = world.ask(method, path, Some(body)).await;
        assert!((200..300).contains(&status), "{status}");
        let halted = world.admin.apply(&Caller::command_line("ada"), &plan).await;
        let halted = halted.unwrap_err();
        assert_eq!(halted.at, at);
        assert!(
            halted
                .to_string()
                .contains("Nothing of this document is changed."),
            "{halted}"
        );
    }
    let after = world.everything_there().await;
    let without_revisions = |mut all: Vec<Value>| {
        for model in all[0]["data"].as_array_mut().unwrap() {
            model["revision"] = Value::Null;
        }
        for limits in &mut all[1..3] {
            limits["revision"] = Value::Null;
        }
        all.truncate(3);
        all
    };
    assert_eq!(without_revisions(after), without_revisions(before));
}

#[actix_web::test]
async fn what_cannot_be_taken_back_is_told() {
    // Two changes, a third that is not even begun, and nothing more.
    let world = super::changes::with_room_for(4);
    let models = json!({"models": [{"id": "a"}, {"id": "b"}, {"id": "c"}]});
    let plan = world.admin.plan(document(models), false).await.unwrap();
    let halted = world.admin.apply(&Caller::command_line("ada"), &plan).await;
    let halted = halted.unwrap_err();
    assert_eq!(halted.at, "model c");
    let kept: Vec<_> = halted.kept.iter().map(|(what, _)| &**what).collect();
    assert_eq!(kept, ["model b", "model a"]);
    let told = halted.to_string();
    assert!(told.contains("could not all be taken back: model b"), "{told}");
}

#[actix_web::test]
async fn names_are_passed_on_in_an_order_that_works() {
    let world = world();
    world
        .applied(
            json!({"models": [{"id": "a", "aliases": ["x"]}, {"id": "b", "aliases": ["y"]}, {"id": "c"}]}),
            false,
        )
        .await;
    let passed =
        json!({"models": [{"id": "a", "aliases": ["y"]}, {"id": "b", "aliases": ["c"]}, {"id": "x"}]});
    let changed = world.applied(passed.clone(), true).await;
    let order: Vec<_> = changed.iter().map(|(_, what)| &**what).collect();
    assert_eq!(order, ["model c", "model b", "model a", "model x"]);
    assert_eq!(world.applied(passed, true).await, []);
    let ring = json!({"models": [{"id": "a", "aliases": ["c"]}, {"id": "b", "aliases": ["y"]}]});
    let told = world.refused(ring).await;
    assert!(told.contains("round in a ring"), "{told}");
    let taken = world
        .refused(json!({"models": [{"id": "n", "aliases": ["y"]}]}))
        .await;
    assert!(
        taken.contains("`y` is that of model a: take it away there"),
        "{taken}"
    );
}

#[actix_web::test]
async fn what_makes_no_sense_is_refused_before_anything_is_done() {
    let world = world();
    let person = llmgw_keys::User {
        external_id: Some("idp ada".to_owned()),
        ..world
            .admin
            .users
            .get(world.user("ada", Role::User).await)
            .await
            .unwrap()
    };
    world.users.update(&person).await.unwrap();
    for (wanted, words) in [
        (json!({"models": [{"aliases": []}]}), "no `id`"),
        (
            json!({"models": [{"id": "a"}, {"id": "a"}]}),
            "model a: is there twice",
        ),
        (
            json!({"models": [{"id": "a", "targets": target("ftp://x")}]}),
            "model a: base_url",
        ),
        (
            json!({"models": [{"id": "a", "default_answer_tokens": 0}]}),
            "model a: default_answer_tokens",
        ),
        (
            json!({"service_accounts": [{"name": "s"}, {"name": "s"}]}),
            "service account s: is there twice",
        ),
        (
            json!({"service_accounts": [{"name": "ada"}]}),
            "service account ada: a person has this name",
        ),
    ] {
        let told = world.refused(wanted).await;
        assert!(told.contains(words), "{words}: {told}");
    }
    assert_eq!(world.everything_there().await[0]["data"], json!([]));
}
