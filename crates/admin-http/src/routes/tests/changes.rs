//! Changes: nobody's is overwritten unseen, and each is written down.

use llmgw_audit::{AuditEntry, ChainId, Head};

use super::*;

/// A log that takes so many entries and no more.
struct Full {
    inner: Arc<MemoryAudit>,
    left: AtomicUsize,
}

#[async_trait]
impl AuditLog for Full {
    async fn append(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        let one_less = |left: usize| left.checked_sub(1);
        let room = self
            .left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less);
        room.map_err(|_| StoreError::unavailable("the audit log", "full"))?;
        self.inner.append(entry).await
    }

    async fn heads(&self) -> Result<Vec<Head>, StoreError> {
        self.inner.heads().await
    }

    async fn chains(&self) -> Result<Vec<ChainId>, StoreError> {
        self.inner.chains().await
    }

    async fn list(&self, query: &AuditQuery) -> Result<Vec<AuditEntry>, StoreError> {
        self.inner.list(query).await
    }

    async fn chain(&self, chain: ChainId, after: u64, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        self.inner.chain(chain, after, limit).await
    }
}

pub(super) fn with_room_for(entries: usize) -> World {
    let inner = Arc::new(MemoryAudit::default());
    let left = AtomicUsize::new(entries);
    world_over(inner.clone(), Arc::new(Full { inner, left }))
}

#[actix_web::test]
async fn what_cannot_be_written_down_is_not_done() {
    let user = || Some(json!({"name": "ada"}));
    for (method, path, body) in [
        ("POST", "/api/v1/models", Some(json!({"id": "m"}))),
        ("POST", "/api/v1/users", user()),
        ("POST", "/api/v1/keys", Some(json!({"owner": "ada"}))),
        ("PUT", "/api/v1/limits", Some(json!({"everyone": []}))),
        ("PUT", "/api/v1/groups/g", Some(json!({}))),
        (
            "POST",
            "/admin/addapikey",
            Some(json!({"user": "ada", "key": "old-key-0123456789", "name": "n"})),
        ),
        (
            "POST",
            "/admin/addmodel",
            Some(json!({"model": "m", "target_path": "m", "owner": "us"})),
        ),
    ] {
        let world = with_room_for(0);
        let (status, problem) = world.ask(method, path, body).await;
        assert_eq!(status, 503, "{method} {path}: {problem}");
        for list in ["models", "users", "keys", "groups"] {
            let (_, listed) = world.ask("GET", &format!("/api/v1/{list}"), None).await;
            assert_eq!(listed["data"], json!([]), "{method} {path} made {listed}");
        }
    }
    // What was there stays as it was.
    let world = with_room_for(4);
    world
        .ask("POST", "/api/v1/models", Some(json!({"id": "m"})))
        .await;
    let id = world.make_key().await;
    for (method, path, body) in [
        ("DELETE", "/api/v1/models/m".to_owned(), None),
        (
            "PUT",
            "/api/v1/models/m".to_owned(),
            Some(json!({"owned_by": "us"})),
        ),
        (
            "PATCH",
            "/api/v1/users/ada".to_owned(),
            Some(json!({"state": "suspended"})),
        ),
        ("DELETE", "/api/v1/users/ada".to_owned(), None),
        ("POST", "/api/v1/users/ada/logout".to_owned(), None),
        ("PATCH", format!("/api/v1/keys/{id}"), Some(json!({"name": "x"}))),
        ("POST", format!("/api/v1/keys/{id}/rotate"), Some(json!({}))),
        ("DELETE", format!("/api/v1/keys/{id}"), None),
    ] {
        assert_eq!(world.ask(method, &path, body).await.0, 503, "{method} {path}");
    }
    for path in [
        "models/m".to_owned(),
        "users/ada".to_owned(),
        format!("keys/{id}"),
    ] {
        let (_, kept) = world.ask("GET", &format!("/api/v1/{path}"), None).await;
        assert_eq!(
            (&kept["revision"], &kept["state"]),
            (&json!(0), &json!("active")),
            "{kept}"
        );
    }
}

#[actix_web::test]
async fn what_was_done_is_told_though_its_end_cannot_be_written_down() {
    let world = with_room_for(1);
    assert_eq!(
        world
            .ask("POST", "/api/v1/models", Some(json!({"id": "m"})))
            .await
            .0,
        201
    );
    let (_, checked) = world
        .ask("POST", "/api/v1/audit/verify", Some(json!({"heads": []})))
        .await;
    assert_eq!(
        (&checked["unfinished"], &checked["faults"]),
        (&json!(1), &json!([]))
    );
}

async fn entries(world: &World) -> Vec<(Stage, String, String)> {
    let query = AuditQuery {
        limit: 100,
        ..AuditQuery::default()
    };
    let mut entries = world.audit.list(&query).await.unwrap();
    entries.reverse();
    entries
        .into_iter()
        .map(|entry| (entry.stage, entry.action, entry.subject))
        .collect()
}

#[actix_web::test]
async fn the_second_of_two_administrators_is_told() {
    let world = world();
    let (status, model) = world
        .ask("POST", "/api/v1/models", Some(json!({"id": "m"})))
        .await;
    assert_eq!(status, 201, "{model}");
    let user = json!({"name": "ada"});
    assert_eq!(world.ask("POST", "/api/v1/users", Some(user)).await.0, 201);
    let key = format!("/api/v1/keys/{}", world.make_key().await);
    for (method, path, body) in [
        ("PUT", "/api/v1/models/m", json!({"owned_by": "us"})),
        ("PATCH", "/api/v1/users/ada", json!({"groups": ["g"]})),
        ("PATCH", &key, json!({"name": "other"})),
        ("PUT", "/api/v1/limits", json!({"everyone": []})),
    ] {
        let seen = world
            .send(request("GET", path, None))
            .await
            .header("etag")
            .to_owned();
        let change = async || {
            let change = request(method, path, Some(&body)).insert_header(("if-match", seen.clone()));
            world.send(change).await
        };
        let first = change().await;
        assert_eq!(first.status, 200, "{path}: {}", first.json());
        assert_ne!(first.header("etag"), seen, "{path}");
        assert_eq!(change().await.status, 412, "{path}");
        let now = world.send(request("GET", path, None)).await;
        assert_eq!(
            now.header("etag"),
            first.header("etag"),
            "{path}: the second changed nothing"
        );
        let foreign = request(method, path, Some(&body)).insert_header(("if-match", "W/\"x\""));
        assert_eq!(world.send(foreign).await.status, 412, "{path}");
    }
    let gone = request("DELETE", "/api/v1/models/m", None).insert_header(("if-match", "\"0\""));
    assert_eq!(world.send(gone).await.status, 412);
}

#[actix_web::test]
async fn a_change_is_written_down_before_and_after() {
    let world = world();
    world
        .ask("POST", "/api/v1/models", Some(json!({"id": "m"})))
        .await;
    world
        .ask("POST", "/api/v1/models", Some(json!({"id": "m"})))
        .await;
    world.ask("DELETE", "/api/v1/models/m", None).await;
    let of = |stage, action: &str| (stage, action.to_owned(), "model:m".to_owned());
    assert_eq!(
        entries(&world).await,
        [
            of(Stage::Intended, "model.create"),
            of(Stage::Done, "model.create"),
            of(Stage::Intended, "model.create"),
            of(Stage::Failed, "model.create"),
            of(Stage::Intended, "model.remove"),
            of(Stage::Done, "model.remove"),
        ]
    );
    let (status, checked) = world
        .ask("POST", "/api/v1/audit/verify", Some(json!({"heads": []})))
        .await;
    assert_eq!((status, &checked["faults"]), (200, &json!([])));
    assert_eq!(checked["entries"], 6);
    let (_, page) = world.ask("GET", "/api/v1/audit?limit=4&action=model", None).await;
    assert_eq!(page["data"][0]["action"], "model.remove");
    let next = page["next"].as_str().unwrap();
    let (_, rest) = world
        .ask("GET", &format!("/api/v1/audit?after={next}"), None)
        .await;
    assert_eq!(
        (rest["data"].as_array().unwrap().len(), &rest["next"]),
        (2, &Value::Null)
    );
    let export = world.send(request("GET", "/api/v1/audit/export", None)).await;
    assert_eq!(export.body.iter().filter(|byte| **byte == b'\n').count(), 6);
}

#[actix_web::test]
async fn no_name_and_no_key_is_in_the_audit_log() {
    let world = world();
    let wanted = json!({"owner": "ada lovelace", "name": "her laptop", "text": "old-key-of-ada-lovelace"});
    let (status, key) = world.ask("POST", "/api/v1/keys", Some(wanted)).await;
    assert_eq!(status, 201, "{key}");
    let id = key["id"].as_str().unwrap();
    world
        .ask(
            "PATCH",
            &format!("/api/v1/keys/{id}"),
            Some(json!({"name": "her phone"})),
        )
        .await;
    let (_, rotated) = world
        .ask("POST", &format!("/api/v1/keys/{id}/rotate"), Some(json!({})))
        .await;
    let text = rotated["key"].as_str().unwrap();
    world.ask("DELETE", "/api/v1/users/ada%20lovelace", None).await;
    let export = world
        .send(request("GET", "/api/v1/audit/export", None))
        .await
        .body;
    let export = String::from_utf8(export).unwrap();
    for secret in ["ada lovelace", "laptop", "phone", "old-key-of-ada-lovelace", text] {
        assert!(!export.contains(secret), "{secret}: {export}");
    }
}

#[actix_web::test]
async fn an_erased_user_is_nobody_and_their_keys_are_revoked() {
    let world = world();
    let id = world.make_key().await;
    let (status, erased) = world.ask("DELETE", "/api/v1/users/ada", None).await;
    assert_eq!((status, &erased["state"]), (200, &json!("erased")));
    assert_eq!(world.ask("GET", "/api/v1/users/ada", None).await.0, 404);
    let (_, key) = world.ask("GET", &format!("/api/v1/keys/{id}"), None).await;
    assert_eq!(key["state"], "revoked");
    let path = format!("/api/v1/users/{}", erased["id"].as_str().unwrap());
    let (status, _) = world.ask("PATCH", &path, Some(json!({"state": "active"}))).await;
    assert_eq!(status, 422);
}

#[actix_web::test]
async fn limits_are_set_over_those_of_the_settings() {
    let world = world();
    let limit = json!({"unit": "tokens", "window": "day", "amount": 5});
    let (status, set) = world
        .ask("PUT", "/api/v1/limits", Some(json!({"each_user": [limit]})))
        .await;
    assert_eq!((status, &set["each_user"]["from"]), (200, &json!("set")), "{set}");
    assert_eq!(set["everyone"], json!({"limits": [], "from": "settings"}));
    let group = json!({"shared": [{"unit": "in_flight", "amount": 3}]});
    let path = "/api/v1/groups/cn=staff,%20ou=x/y";
    assert_eq!(world.ask("PUT", path, Some(group)).await.0, 200);
    let user = json!({"name": "ada", "groups": ["cn=staff, ou=x/y"]});
    world.ask("POST", "/api/v1/users", Some(user)).await;
    let (status, left) = world.ask("GET", "/api/v1/users/ada/limits", None).await;
    assert_eq!(status, 200, "{left}");
    let of: Vec<&Value> = left["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|limit| &limit["of"])
        .collect();
    assert_eq!(of, ["user", "group"]);
    assert_eq!(left["data"][0]["remaining"], 5);
    assert_eq!(world.ask("DELETE", path, None).await.0, 204);
    assert_eq!(world.ask("DELETE", path, None).await.0, 404);
}

#[actix_web::test]
async fn the_old_calls_answer_as_they_did() {
    let world = world();
    let model = || Some(json!({"model": "llama", "target_path": "/old/llama/v1", "owner": "us"}));
    let key = || Some(json!({"user": "ada", "key": "old-key-0123456789", "name": "n"}));
    for (path, body, status) in [
        ("/admin/addmodel", model(), 201),
        ("/admin/addmodel", model(), 409),
        ("/admin/removemodel", Some(json!({"model": "llama"})), 200),
        ("/admin/removemodel", Some(json!({"model": "llama"})), 410),
        ("/admin/addapikey", key(), 201),
        ("/admin/addapikey", key(), 409),
    ] {
        let (got, body) = world.ask("POST", path, body).await;
        assert_eq!(got, status, "{path}: {body}");
    }
    let (_, listed) = world.ask("GET", "/admin/listkeys", None).await;
    assert_eq!(
        (&listed[0]["user"], &listed[0]["active"]),
        (&json!("ada"), &json!(true))
    );
    assert!(!listed.to_string().contains("old-key-0123456789"), "{listed}");
    assert_eq!(world.ask("POST", "/admin/removeapikey", key()).await.0, 200);
    assert_eq!(world.ask("POST", "/admin/removeapikey", key()).await.0, 410);
}

#[actix_web::test]
async fn a_model_of_the_old_system_is_where_it_was() {
    let world = world();
    let add =
        json!({"model": "llama", "target_path": "/old/llama/v1", "owner": "us", "prompt_cost": 0.00002});
    world.ask("POST", "/admin/addmodel", Some(add)).await;
    let (_, model) = world.ask("GET", "/api/v1/models/llama", None).await;
    let target = &model["targets"][0];
    assert_eq!(target["base_url"], "http://upstream:8000/old/llama");
    assert_eq!(
        (&target["secret"], &model["owned_by"]),
        (&json!("default"), &json!("us"))
    );
    // 0.00002 a token are 20 a million.
    assert_eq!(model["price"]["prompt"], 20_000_000_000_i64);
    let add = json!({"model": "plain", "target_path": "plain", "owner": "us"});
    world.ask("POST", "/admin/addmodel", Some(add)).await;
    let (_, plain) = world.ask("GET", "/api/v1/models/plain", None).await;
    assert_eq!(plain["targets"], json!([]));
}

#[actix_web::test]
async fn a_target_where_none_may_be_is_not_kept() {
    let world = world();
    for address in [
        "http://169.254.169.254",
        "http://2852039166",
        "http://[::ffff:169.254.169.254]:8000",
        "http://metadata.google.internal",
        "http://[fe80::1]",
    ] {
        let wanted = json!({"id": "m", "targets": [{"base_url": address}]});
        let (status, problem) = world.ask("POST", "/api/v1/models", Some(wanted)).await;
        assert_eq!(status, 422, "{address}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("where no target may be"), "{detail}");
    }
    let private = json!({"id": "m", "targets": [{"base_url": "http://10.0.0.5:8000"}]});
    assert_eq!(world.ask("POST", "/api/v1/models", Some(private)).await.0, 201);
}
