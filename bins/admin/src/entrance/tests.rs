use std::time::Duration;

use llmgw_boot::config::{Address, Span, Text};
use llmgw_sessions::MemoryOneTime;

use super::*;

// Made by `openssl genpkey -algorithm ed25519`; of no use elsewhere.
const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAWLEV1A2YHXK9/qF/c4m5jClVnDKqAJGVqH7XhluR0Ws=\n-----END PUBLIC KEY-----\n";
const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIHTj/L3aMxfPogvzO7AOiToG+drHn+EkKmAzLm8aWOIe\n-----END PRIVATE KEY-----\n";

fn address(text: &str) -> Option<Address> {
    Some(Address(text.to_owned()))
}

fn with_portal(dir: &Path, pem: &str) -> AdminSection {
    let file = dir.join("handover.pub.pem");
    std::fs::write(&file, pem).unwrap();
    AdminSection {
        key: Some(Text("the-key-of-the-admin".into())),
        portal_url: address("https://llm.example.org"),
        handover_public_key_file: Some(file),
        ..AdminSection::default()
    }
}

fn fault(settings: &AdminSection) -> String {
    check(settings).unwrap_err().to_string()
}

fn opened(settings: &AdminSection) -> Result<Doors, Fault> {
    let peppers = [Pepper::new(&[1; 32]).unwrap()];
    let at = SocketAddr::from(([127, 0, 0, 1], 4711));
    doors(
        settings,
        at,
        keys(settings, &peppers)?,
        Arc::new(MemoryOneTime::default()),
    )
}

#[test]
fn a_hand_over_needs_a_portal_its_key_and_an_address() {
    let dir = tempfile::tempdir().unwrap();
    let good = with_portal(dir.path(), PUBLIC);
    assert!(check(&good).is_ok());
    for (settings, named) in [
        (
            AdminSection {
                portal_url: None,
                ..good.clone()
            },
            PORTAL_URL,
        ),
        (
            AdminSection {
                portal_url: address("http://llm.example.org"),
                ..good.clone()
            },
            PORTAL_URL,
        ),
        (
            AdminSection {
                handover_public_key_file: None,
                ..good.clone()
            },
            PUBLIC_KEY,
        ),
        (
            AdminSection {
                handover_public_key_file: Some(dir.path().join("none")),
                ..good.clone()
            },
            PUBLIC_KEY,
        ),
        (
            AdminSection {
                listen: SocketAddr::from(([0, 0, 0, 0], 8081)),
                ..good.clone()
            },
            PUBLIC_BASE_URL,
        ),
        (
            AdminSection {
                public_base_url: address("https://llm.example.org/admin"),
                ..good.clone()
            },
            PUBLIC_BASE_URL,
        ),
        (
            AdminSection {
                session_idle: Span(Duration::ZERO),
                ..good.clone()
            },
            "admin.session_lasts",
        ),
        (with_portal(dir.path(), PRIVATE), PUBLIC_KEY),
    ] {
        let fault = fault(&settings);
        assert!(fault.contains(named), "{named}: {fault}");
        assert!(!fault.contains("MC4C"), "{fault}");
    }
}

#[test]
fn pages_are_where_the_settings_say_or_on_this_machine() {
    let dir = tempfile::tempdir().unwrap();
    let local = with_portal(dir.path(), PUBLIC);
    assert_eq!(opened(&local).unwrap().origin, "http://localhost:4711");
    let public = AdminSection {
        public_base_url: address("https://admin.example.org/"),
        ..local
    };
    assert_eq!(opened(&public).unwrap().origin, "https://admin.example.org");
    let no_key = AdminSection { key: None, ..public };
    assert!(opened(&no_key).unwrap_err().to_string().contains("admin.key"));
}
