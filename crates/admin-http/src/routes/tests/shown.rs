//! What reports and lists show.

use llmgw_types::{Endpoint, GroupName, Money, RequestId, TokenSource, TokenUsage};
use llmgw_usage::ledger::{End, UsageRecord};

use super::*;

const DAY: Duration = Duration::from_hours(24);

fn record(user: UserId, time: Timestamp, groups: &[&str], seed: u8) -> UsageRecord {
    UsageRecord {
        id: RequestId::new(time, [seed; 10]),
        time,
        key: KeyId::new(NOW, [1; 10]),
        user,
        groups: groups
            .iter()
            .map(|name| GroupName::parse(name).unwrap())
            .collect(),
        model: ModelId::parse("m").unwrap(),
        target: None,
        endpoint: Endpoint::ChatCompletions,
        status: 200,
        streamed: false,
        end: End::Complete,
        tokens: TokenUsage {
            prompt: 10,
            completion: 5,
            ..TokenUsage::default()
        },
        source: TokenSource::Reported,
        cost: Money::from_nanos(1_500_000_000),
        ttft_ms: None,
        duration_ms: 1,
        units: 0,
    }
}

async fn user(world: &World, name: &str) -> UserId {
    let (status, user) = world
        .ask("POST", "/api/v1/users", Some(json!({"name": name})))
        .await;
    assert_eq!(status, 201, "{name}: {user}");
    user["id"].as_str().unwrap().parse().unwrap()
}

#[actix_web::test]
async fn a_month_and_each_group_are_sums_of_what_the_ledger_has() {
    let world = world();
    let ada = user(&world, "ada").await;
    let records = [
        record(ada, NOW, &["a", "b"], 1),
        record(ada, NOW.plus(DAY), &["a"], 2),
        record(ada, NOW.plus(40 * DAY), &["a"], 3),
    ];
    world.admin.ledger.append(&records).await.unwrap();
    let (_, by_month) = world.ask("GET", "/api/v1/usage?bucket=month", None).await;
    let months = by_month["data"].as_array().unwrap();
    assert_eq!(months.len(), 2, "{by_month}");
    assert_eq!(months[0]["time"], "2027-01-01T00:00:00.000000Z");
    assert_eq!(
        (&months[0]["requests"], &months[0]["tokens"]["prompt"]),
        (&json!(2), &json!(20))
    );
    let (_, by_group) = world.ask("GET", "/api/v1/usage?by=group", None).await;
    let count = |at: usize| (&by_group["data"][at]["groups"], &by_group["data"][at]["requests"]);
    assert_eq!(count(0), (&json!(["a"]), &json!(3)));
    assert_eq!(count(1), (&json!(["b"]), &json!(1)));
    assert_eq!(
        by_group["total"]["requests"], 3,
        "who is in two groups counts once in all"
    );
    let (_, charged) = world
        .ask("GET", "/api/v1/usage/chargeback?month=2027-01", None)
        .await;
    assert_eq!(charged["data"][0]["user"], "ada");
    assert_eq!(
        (&charged["total"]["cost"], &charged["currency"]),
        (&json!(3_000_000_000_i64), &json!("EUR"))
    );
    for wrong in ["2027-13", "2027-1", "x", ""] {
        let path = format!("/api/v1/usage/chargeback?month={wrong}");
        assert_eq!(world.ask("GET", &path, None).await.0, 400, "{wrong}");
    }
}

#[actix_web::test]
async fn a_table_has_every_user_once_and_no_formula() {
    let world = world();
    let mut records = Vec::new();
    // More than are made at once.
    for number in 0..250_u8 {
        let name = if number == 0 {
            "=1+1".to_owned()
        } else {
            format!("user-{number:03}")
        };
        records.push(record(user(&world, &name).await, NOW, &[], number));
    }
    world.admin.ledger.append(&records).await.unwrap();
    let path = "/api/v1/usage/chargeback.csv?month=2027-01&by=user";
    let answer = world.send(request("GET", path, None)).await;
    let mut table = csv::Reader::from_reader(answer.body.as_slice());
    let head = table.headers().unwrap().clone();
    let at = |name: &str| head.iter().position(|column| column == name).unwrap();
    let rows: Vec<csv::StringRecord> = table.records().map(Result::unwrap).collect();
    let mut names: Vec<&str> = rows.iter().map(|row| &row[at("user")]).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!((rows.len(), names.len()), (250, 250));
    assert_eq!(names[0], "'=1+1");
    assert!(
        rows.iter()
            .all(|row| &row[at("cost")] == "1.500000000" && &row[at("currency")] == "EUR")
    );
}

#[actix_web::test]
async fn lists_come_in_pages_and_by_what_is_looked_for() {
    let world = world();
    for number in 0..5 {
        user(&world, &format!("user-{number}")).await;
    }
    user(&world, "ada").await;
    let (mut seen, mut next) = (0, String::new());
    loop {
        let path = format!("/api/v1/users?limit=2&search=user{next}");
        let (status, page) = world.ask("GET", &path, None).await;
        assert_eq!(status, 200, "{page}");
        seen += page["data"].as_array().unwrap().len();
        match page["next"].as_str() {
            Some(id) => next = format!("&after={id}"),
            None => break,
        }
    }
    assert_eq!(seen, 5);
    for wrong in ["limit=0", "limit=1001"] {
        assert_eq!(
            world.ask("GET", &format!("/api/v1/users?{wrong}"), None).await.0,
            422
        );
    }
    assert_eq!(world.ask("GET", "/api/v1/users?unknown=1", None).await.0, 400);
}

#[actix_web::test]
async fn the_description_in_the_reference_is_current() {
    let kept = include_str!("../../../../../docs/reference/admin-openapi.json");
    assert_eq!(
        kept.trim_end(),
        crate::openapi().unwrap(),
        "make it anew: llm-gateway-admin openapi > docs/reference/admin-openapi.json"
    );
}

fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str));
            fields.values().for_each(|inner| references(inner, found));
        }
        Value::Array(items) => items.iter().for_each(|inner| references(inner, found)),
        _ => {}
    }
}

#[actix_web::test]
async fn whatever_the_description_refers_to_is_in_it() {
    let description: Value = serde_json::from_str(&crate::openapi().unwrap()).unwrap();
    let mut found = Vec::new();
    references(&description, &mut found);
    assert!(found.len() > 50, "only {}", found.len());
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(description.pointer(pointer).is_some(), "{reference}");
    }
}
