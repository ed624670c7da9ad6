use llmgw_types::Timestamp;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::Actor;

fn entry() -> AuditEntry {
    let chain = ChainId::from_bytes([1; 16]);
    AuditEntry {
        chain,
        seq: 1,
        at: Timestamp::from_micros(1_800_000_000_000_001),
        stage: Stage::Intended,
        of: None,
        actor: Actor::AdminKey,
        origin: Some("127.0.0.1".to_owned()),
        action: "model.replace".to_owned(),
        subject: "model:llama-3".to_owned(),
        before: None,
        after: Some(json!({ "b": [1, 2.5, null], "a": { "y": "", "x": true } })),
        error: None,
        previous: Digest::of_chain(chain),
        hash: Digest::from_bytes([0; 32]),
    }
    .sealed()
}

#[test]
fn the_form_that_is_hashed_stays() {
    // A change here makes every log that was ever written look forged.
    let digest = "d33c4887e705bbc641df64968ade4b4bcd42b5d80a800d8dfa42ebd50304a7a9";
    assert_eq!(entry().hash.to_string(), digest);
}

#[test]
fn the_order_of_names_means_nothing() {
    let after = serde_json::from_str(r#"{"a":{"x":true,"y":""},"b":[1,2.5,null]}"#).unwrap();
    let other = AuditEntry {
        after: Some(after),
        ..entry()
    };
    assert_eq!(other.digest(), entry().hash);
}

#[test]
fn fields_do_not_run_together() {
    let whole = entry();
    let moved = AuditEntry {
        action: "model.replacemodel:".to_owned(),
        subject: "llama-3".to_owned(),
        ..entry()
    };
    let swapped = AuditEntry {
        before: whole.after.clone(),
        after: None,
        ..entry()
    };
    let empty = AuditEntry {
        error: Some(String::new()),
        ..entry()
    };
    let with_after = |after| AuditEntry {
        after: Some(after),
        ..entry()
    };
    let mut digests = vec![whole.digest(), moved.digest(), swapped.digest(), empty.digest()];
    for after in [
        json!("1"),
        json!(1),
        json!(1.0),
        json!([1]),
        json!([[1]]),
        json!([[], 1]),
        json!([]),
        json!({}),
        json!({ "a": "b" }),
        json!(["a", "b"]),
        json!("true"),
        json!(true),
        json!(false),
    ] {
        digests.push(with_after(after).digest());
    }
    let count = digests.len();
    digests.sort_unstable();
    digests.dedup();
    assert_eq!(digests.len(), count);
}

#[test]
fn no_json_null_stands_for_nothing() {
    let with_null = AuditEntry {
        before: Some(Value::Null),
        ..entry()
    };
    assert_eq!(with_null.sealed(), entry());
}

proptest! {
    #[test]
    fn every_number_has_its_hash_after_a_way_through_text(float: f64, whole: u64, signed: i64) {
        let after = json!([float, whole, signed, { "x": float }]);
        let entry = AuditEntry { after: Some(after), ..entry() }.sealed();
        let text = serde_json::to_string(&entry).unwrap();
        let back: AuditEntry = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&back, &entry);
        prop_assert_eq!(back.digest(), entry.hash);
    }

    #[test]
    fn a_digest_survives_text(bytes: [u8; 32]) {
        let digest = Digest::from_bytes(bytes);
        prop_assert_eq!(digest.to_string().parse(), Ok(digest));
    }
}

#[test]
fn what_no_digest_looks_like_is_refused() {
    let good = Digest::from_bytes([0xab; 32]).to_string();
    for bad in [
        "",
        &good[1..],
        &format!("{good}0"),
        &good.to_uppercase(),
        &"é".repeat(32),
    ] {
        assert_eq!(bad.parse::<Digest>(), Err(DigestError), "{bad}");
    }
}
