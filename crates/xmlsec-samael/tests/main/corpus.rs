//! The corpus.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::time::Duration;

use llmgw_idp::{attacks, valid};
use llmgw_types::Role;

use crate::world::World;

#[test]
fn every_valid_kind_is_taken() {
    let world = World::new();
    let mut failed = Vec::new();
    for case in valid(&world.parts()) {
        match world.finish(&case.form) {
            Ok(person) => {
                assert_eq!(
                    person.account.external_id,
                    "https://idp.example/idp alice@uni.example"
                );
                assert_eq!(person.account.id(), "alice@uni.example");
                assert_eq!(person.account.name, "Alice Ångström");
                let shown = format!("{person:?}");
                assert!(!shown.contains("alice") && shown.contains("Account"), "{shown}");
                assert_eq!(person.account.groups, ["cn=physics"]);
                assert_eq!(person.admitted.role, Role::User);
                assert_eq!(person.session_index.as_deref(), Some("_s1"));
                assert_eq!(person.return_path, "/keys");
            }
            Err(refusal) => failed.push(format!("{}: {refusal}", case.name)),
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

#[expect(
    clippy::disallowed_methods,
    reason = "that no attack takes long is part of what is promised"
)]
#[test]
fn no_attack_lets_anybody_in_or_calls_anybody() {
    let world = World::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let mut passed = Vec::new();
    let mut classes = BTreeMap::<_, usize>::new();
    let mut names = std::collections::HashSet::new();
    for case in attacks(&world.parts(), &address) {
        assert!(
            names.insert((case.class, case.name)),
            "{} stands twice",
            case.name
        );
        *classes.entry(case.class).or_default() += 1;
        let began = std::time::Instant::now();
        match world.finish(&case.form) {
            Ok(_) => passed.push(format!("{}: {}", case.class, case.name)),
            // Shown with `--nocapture`: whether each is refused for what it tries.
            Err(refusal) => println!("{}: {}: {refusal}", case.class, case.name),
        }
        // A program inside a signature would burn seconds, a billion laughs all memory.
        assert!(
            began.elapsed() < Duration::from_secs(5),
            "{} takes too long",
            case.name
        );
    }
    assert!(passed.is_empty(), "{passed:#?}");
    assert!(listener.accept().is_err(), "somebody was called");
    let all: usize = classes.values().sum();
    assert!(all >= 120 && classes.len() == 5, "{classes:?}");
}
