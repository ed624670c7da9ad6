use jsonwebtoken::{EncodingKey, Header};
use serde_json::{Value, json};

use super::*;

// Made by `openssl genpkey -algorithm ed25519`; of no use elsewhere.
const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIHTj/L3aMxfPogvzO7AOiToG+drHn+EkKmAzLm8aWOIe\n-----END PRIVATE KEY-----\n";
const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAWLEV1A2YHXK9/qF/c4m5jClVnDKqAJGVqH7XhluR0Ws=\n-----END PUBLIC KEY-----\n";
const STRANGER: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_999);

/// What is done to claims that are right.
type Change = Box<dyn FnOnce(&mut Value)>;

fn expected() -> Handovers {
    Handovers::new(
        PUBLIC.as_bytes(),
        "https://portal.example",
        "https://admin.example",
    )
    .unwrap()
}

fn claims() -> Value {
    json!({
        "iss": "https://portal.example", "aud": "https://admin.example",
        "sub": UserId::new(NOW, [1; 10]), "jti": "once",
        "iat": 1_800_000_000, "exp": 1_800_000_060, "login": null, "ends": null,
    })
}

fn signed(claims: &Value, key: &str) -> String {
    let key = EncodingKey::from_ed_pem(key.as_bytes()).unwrap();
    jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), claims, &key).unwrap()
}

fn with(change: impl FnOnce(&mut Value)) -> Result<Claims, &'static str> {
    let mut claims = claims();
    change(&mut claims);
    expected().read(&signed(&claims, KEY), NOW)
}

#[test]
fn what_the_portal_signs_is_taken() {
    let claims = with(|_| {}).unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(
        (claims.sub, claims.jti.as_str()),
        (UserId::new(NOW, [1; 10]), "once")
    );
    let login = json!({"issuer": "https://idp.example", "name_id": "n", "session_index": null});
    assert!(with(|claims| claims["login"] = login).is_ok());
    // Clocks differ a little.
    assert!(
        with(|claims| {
            claims["iat"] = json!(1_800_000_030);
            claims["exp"] = json!(1_800_000_090);
        })
        .is_ok()
    );
    // Later versions may say more.
    assert!(with(|claims| claims["other"] = json!(1)).is_ok());
}

#[test]
fn nothing_else_is_taken() {
    let strange: [(&str, Change); 16] = [
        (
            "issuer",
            Box::new(|claims| claims["iss"] = json!("https://evil.example")),
        ),
        (
            "audience",
            Box::new(|claims| claims["aud"] = json!("https://other.example")),
        ),
        (
            "audiences",
            Box::new(|claims| claims["aud"] = json!(["https://admin.example", "https://other.example"])),
        ),
        ("no audience", Box::new(|claims| claims["aud"] = Value::Null)),
        ("subject", Box::new(|claims| claims["sub"] = json!("ada"))),
        ("no subject", Box::new(|claims| claims["sub"] = Value::Null)),
        ("no id", Box::new(|claims| claims["jti"] = json!(""))),
        ("null id", Box::new(|claims| claims["jti"] = Value::Null)),
        (
            "long id",
            Box::new(|claims| claims["jti"] = json!("x".repeat(65))),
        ),
        ("expired", Box::new(|claims| claims["exp"] = json!(1_800_000_000))),
        ("no end", Box::new(|claims| claims["exp"] = Value::Null)),
        ("long", Box::new(|claims| claims["exp"] = json!(1_800_000_061))),
        (
            "from later",
            Box::new(|claims| {
                claims["iat"] = json!(1_800_000_031);
                claims["exp"] = json!(1_800_000_091);
            }),
        ),
        ("no beginning", Box::new(|claims| claims["iat"] = Value::Null)),
        (
            "the earliest beginning",
            Box::new(|claims| claims["iat"] = json!(i64::MIN)),
        ),
        (
            "the latest end",
            Box::new(|claims| claims["exp"] = json!(i64::MAX)),
        ),
    ];
    for (name, change) in strange {
        assert!(with(change).is_err(), "{name}");
    }
    let token = signed(&claims(), KEY);
    let later = |seconds| NOW.plus(Duration::from_secs(seconds));
    assert!(expected().read(&token, later(59)).is_ok());
    assert!(expected().read(&token, later(60)).is_err());
    assert!(
        expected()
            .read(&format!("{token}{}", "x".repeat(LONGEST_TOKEN)), NOW)
            .is_err()
    );
}

#[test]
fn only_the_portals_own_signature_counts() {
    let expected = expected();
    let token = signed(&claims(), KEY);
    let parts: Vec<&str> = token.split('.').collect();
    let (head, body, signature) = (parts[0], parts[1], parts[2]);
    let other_body = signed(&json!({"sub": "x"}), KEY)
        .split('.')
        .nth(1)
        .unwrap()
        .to_owned();
    // The public key as a secret that both know, and the words that libraries once believed (RFC 8725 2.1).
    let shared = EncodingKey::from_secret(PUBLIC.as_bytes());
    let symmetric = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims(), &shared).unwrap();
    let none = |algorithm: &str| {
        let head = format!("{{\"typ\":\"JWT\",\"alg\":\"{algorithm}\"}}");
        base64url(head.as_bytes())
    };
    let symmetric_signature = symmetric.split('.').nth(2).unwrap();
    let mut flipped = signature.to_owned();
    let first = if flipped.starts_with('A') { "B" } else { "A" };
    flipped.replace_range(..1, first);
    for (name, forged) in [
        ("a stranger's", signed(&claims(), STRANGER)),
        ("symmetric", symmetric.clone()),
        ("none", format!("{}.{body}.", none("none"))),
        (
            "none with a signature",
            format!("{}.{body}.{signature}", none("none")),
        ),
        ("None", format!("{}.{body}.{signature}", none("None"))),
        (
            "another's head",
            format!("{}.{body}.{symmetric_signature}", none("HS256")),
        ),
        ("another body", format!("{head}.{other_body}.{signature}")),
        ("unsigned", format!("{head}.{body}.")),
        ("two parts", format!("{head}.{body}")),
        ("a changed signature", format!("{head}.{body}.{flipped}")),
        ("nothing", String::new()),
    ] {
        assert!(expected.read(&forged, NOW).is_err(), "{name}");
    }
    assert!(expected.read(&token, NOW).is_ok());
}

#[test]
fn a_key_is_the_public_half() {
    for pem in [KEY, "", "no key"] {
        let refused = Handovers::new(pem.as_bytes(), "https://portal.example", "https://admin.example");
        assert_eq!(refused.unwrap_err(), PublicKeyError);
    }
    assert!(format!("{:?}", expected()).contains("portal.example"));
}

fn base64url(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(bytes)
}
